/* log_find.c: the first place of a text in bytes.
 *
 * The two bytes of the text that are rarest in logs are looked for, 16 places at a time, in GCC's
 * vector types, which become SSE2 or NEON. Where both are, the rest is compared. Without case, a
 * letter is compared with its bit 0x20 set on both sides. */
#include "store/log_internal.h"

#include <string.h>

typedef uint8_t v16 __attribute__((vector_size(16)));
typedef uint64_t v2 __attribute__((vector_size(16)));

static bool is_letter(uint8_t c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* The most common first, as they are in times, paths and English; what is not here is rare. */
static const char common[] = " 0123456789etaoinsrldcupmfghbyvwk./-_:=,x[]()";

static size_t rarity(uint8_t c) {
    const char *at = c ? strchr(common, c) : NULL;
    return at ? (size_t)(at - common) : sizeof common;
}

static void choose(finder *f, size_t which, size_t other) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < f->len; i++) {
        if (f->len > 1 && i == other) continue;
        if (best == SIZE_MAX || rarity(f->needle[i]) > rarity(f->needle[best])) best = i;
    }
    f->at[which] = best;
    f->byte[which] = f->needle[best];
    f->mask[which] = f->fold && is_letter(f->needle[best]) ? 0x20 : 0;
}

void finder_init(finder *f, str needle, bool exact, uint8_t *scratch) {
    *f = (finder){.needle = scratch, .len = needle.len, .fold = !exact};
    for (size_t i = 0; i < needle.len; i++) {
        uint8_t c = (uint8_t)needle.ptr[i];
        scratch[i] = f->fold && is_letter(c) ? c | 0x20 : c;
    }
    choose(f, 0, SIZE_MAX);
    choose(f, 1, f->at[0]);
}

static bool is_at(const finder *f, const uint8_t *at) {
    if (!f->fold) return memcmp(at, f->needle, f->len) == 0;
    for (size_t i = 0; i < f->len; i++) {
        uint8_t c = is_letter(at[i]) ? at[i] | 0x20 : at[i];
        if (c != f->needle[i]) return false;
    }
    return true;
}

static v16 all(uint8_t c) {
    return (v16){c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
}

static v16 load(const uint8_t *at) {
    v16 v;
    memcpy(&v, at, sizeof v);
    return v;
}

size_t finder_next(const finder *f, str hay, size_t from) {
    const uint8_t *bytes = (const uint8_t *)hay.ptr;
    if (hay.len < f->len) return hay.len;
    size_t last = hay.len - f->len; /* the last place where it can begin */
    const v16 byte0 = all(f->byte[0]), mask0 = all(f->mask[0]);
    const v16 byte1 = all(f->byte[1]), mask1 = all(f->mask[1]);
    size_t i = from;
    for (; i + 15 <= last; i += 16) {
        v16 hit = (v16)((load(bytes + i + f->at[0]) | mask0) == byte0) &
                  (v16)((load(bytes + i + f->at[1]) | mask1) == byte1);
        v2 any = (v2)hit;
        if (!(any[0] | any[1])) continue;
        for (size_t k = 0; k < 16; k++) {
            if (hit[k] && is_at(f, bytes + i + k)) return i + k;
        }
    }
    for (; i <= last; i++) {
        if (is_at(f, bytes + i)) return i;
    }
    return hay.len;
}

/* ---- escape sequences ------------------------------------------------------------------------ */

/* The length of the sequence at an ESC, or 0 where there is none that ends within the line
 * (ECMA-48, section 5.4: CSI; section 8.3.89: OSC, which terminals also end with BEL). */
static size_t escape_size(str text, size_t at) {
    size_t i = at + 2;
    if (i > text.len) return 0;
    char kind = text.ptr[at + 1];
    if (kind == '[') {
        while (i < text.len && text.ptr[i] >= 0x20 && text.ptr[i] <= 0x3f)
            i++;
        return i < text.len && text.ptr[i] >= 0x40 && text.ptr[i] <= 0x7e ? i + 1 - at : 0;
    }
    if (kind != ']') return 0;
    for (; i < text.len && text.ptr[i] != '\n'; i++) {
        if (text.ptr[i] == '\a') return i + 1 - at;
        if (text.ptr[i] == '\x1b')
            return i + 1 < text.len && text.ptr[i + 1] == '\\' ? i + 2 - at : 0;
    }
    return 0;
}

size_t escapes_strip(str text, char *out) {
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        const char *next = memchr(text.ptr + at, '\x1b', text.len - at);
        size_t end = next ? (size_t)(next - text.ptr) : text.len;
        memcpy(out + len, text.ptr + at, end - at);
        len += end - at;
        at = end;
        if (!next) break;
        size_t size = escape_size(text, at);
        if (!size) out[len++] = text.ptr[at];
        at += size ? size : 1;
    }
    return len;
}

size_t escapes_place(str text, size_t at) {
    size_t i = 0;
    for (; i < text.len; i++) {
        size_t size;
        while (i < text.len && text.ptr[i] == '\x1b' && (size = escape_size(text, i)))
            i += size;
        if (!at--) break;
    }
    return i < text.len ? i : text.len;
}
