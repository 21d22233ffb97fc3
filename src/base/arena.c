/* arena.c: chunks that double up to a megabyte; large requests get a chunk of their own. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_MIN 4096
#define CHUNK_MAX (1u << 20)
#define ALIGNMENT _Alignof(max_align_t)

typedef struct chunk chunk;
struct chunk {
    chunk *next;
    size_t used, size;
    max_align_t data[];
};

struct arena {
    chunk *head;
    size_t next_size;
    size_t handed_out;
};

_Noreturn void oom(void) {
    static const char text[] = "slipway: error: the machine is out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(2);
}

void *mem_alloc(size_t size) {
    void *p = calloc(1, size ? size : 1);
    if (!p) oom();
    return p;
}

void *mem_realloc(void *old, size_t size) {
    void *p = realloc(old, size ? size : 1);
    if (!p) oom();
    return p;
}

arena *arena_new(void) {
    arena *a = mem_alloc(sizeof *a);
    a->next_size = CHUNK_MIN;
    return a;
}

void arena_free(arena *a) {
    if (!a) return;
    for (chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

/* Puts a chunk with room for `size` at the head, or behind it when it serves this request only. */
static chunk *add_chunk(arena *a, size_t size) {
    bool alone = size > a->next_size / 4;
    size_t capacity = alone ? size : a->next_size;
    if (capacity > SIZE_MAX - sizeof(chunk)) oom();
    chunk *c = calloc(1, sizeof(chunk) + capacity);
    if (!c) oom();
    c->size = capacity;
    if (alone && a->head) {
        c->next = a->head->next;
        a->head->next = c;
    } else {
        c->next = a->head;
        a->head = c;
        if (!alone && a->next_size < CHUNK_MAX) a->next_size *= 2;
    }
    return c;
}

void *arena_alloc(arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGNMENT) oom();
    size = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    chunk *c = a->head;
    if (!c || c->size - c->used < size) c = add_chunk(a, size);
    void *p = (char *)c->data + c->used;
    c->used += size;
    a->handed_out += size;
    return p;
}

void *arena_calloc(arena *a, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) oom();
    return arena_alloc(a, total);
}

void *arena_grow(arena *a, void *old, size_t old_size, size_t new_size) {
    void *p = arena_alloc(a, new_size);
    if (old) memcpy(p, old, old_size < new_size ? old_size : new_size);
    return p;
}

char *arena_cstr(arena *a, str text) {
    char *p = arena_alloc(a, text.len + 1);
    if (text.len) memcpy(p, text.ptr, text.len);
    return p;
}

str arena_str(arena *a, str text) {
    return (str){arena_cstr(a, text), text.len};
}

str arena_utf8(arena *a, str text) {
    if (utf8_valid(text)) return text;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t at = 0; at < text.len;) {
        char unit[4];
        size_t n = utf8_put(utf8_next(text, &at), unit);
        strbuf_add(&out, (str){unit, n});
    }
    return arena_str(a, strbuf_str(&out));
}

str arena_printf(arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return (str){p, (size_t)n};
}

size_t arena_used(const arena *a) {
    return a->handed_out;
}
