/* arena.h: memory that lives and dies together.
 *
 * One arena per parse, plan, request or job. What is allocated from it is freed all at once by
 * arena_free and never singly. Not for use from two threads at a time.
 *
 * Allocation-failure policy of the whole program: memory is bounded by caps on input (sizes,
 * depths, counts), which give ordinary errors. When the machine itself has no memory left, no
 * caller could do better than stop, so every allocator here calls oom(), which says so on stderr
 * and ends the process with status 2. Hence nothing here returns NULL. */
#ifndef SLIPWAY_BASE_ARENA_H
#define SLIPWAY_BASE_ARENA_H

#include "base/str.h"

typedef struct arena arena;

/* A new, empty arena; the caller frees it. */
arena *arena_new(void);

/* Frees the arena and all that was allocated from it. NULL is allowed. */
void arena_free(arena *a);

/* Zeroed memory of `size` bytes, aligned for any type. `size` may be 0 (a unique pointer). */
void *arena_alloc(arena *a, size_t size);

/* Zeroed memory for `count` items of `size` bytes; an overflow of the product is treated as oom. */
void *arena_calloc(arena *a, size_t count, size_t size);

/* A larger copy of `old` (`old_size` bytes, may be NULL) in the same arena. The rest is zeroed. */
void *arena_grow(arena *a, void *old, size_t old_size, size_t new_size);

/* Copies of text in the arena. The copy is NUL-terminated past its length. */
str arena_str(arena *a, str text);
char *arena_cstr(arena *a, str text);
/* The text where it is UTF-8, else a copy with U+FFFD for each ill-formed byte. */
str arena_utf8(arena *a, str text);
str arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far: for tests and for reporting caps. */
size_t arena_used(const arena *a);

#define ARENA_NEW(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_calloc((a), (count), sizeof(type)))

/* Appends `item` to a growing array in the arena: `array`, `count` and `cap` are lvalues. */
#define ARENA_PUSH(a, array, count, cap, item)                                                     \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            size_t cap_ = (cap) ? (size_t)(cap)*2 : 8;                                             \
            (array) =                                                                              \
                arena_grow((a), (array), (size_t)(cap) * sizeof *(array), cap_ * sizeof *(array)); \
            (cap) = cap_;                                                                          \
        }                                                                                          \
        (array)[(count)++] = (item);                                                               \
    } while (0)

static inline void arena_freep(arena **a) {
    arena_free(*a);
}
#define _cleanup_arena_ __attribute__((cleanup(arena_freep)))

/* Heap memory under the same policy, for what outlives any arena. Free with free(). */
void *mem_alloc(size_t size);
void *mem_realloc(void *old, size_t size);

/* Says that memory has run out and ends the process with status 2. */
_Noreturn void oom(void);

#endif
