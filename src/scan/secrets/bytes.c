#include "scan/secrets/bytes.h"

#include <string.h>

#define LOOKED_AT 8192
#define NUL_SHARE 4 /* of pairs of bytes, at least one in so many must have a NUL in UTF-16 */

bytes_kind bytes_kind_of(str body) {
    str head = str_sub(body, 0, LOOKED_AT);
    size_t even = 0, odd = 0;
    if (str_starts(head, STR("\xff\xfe"))) return BYTES_UTF16_LE;
    if (str_starts(head, STR("\xfe\xff"))) return BYTES_UTF16_BE;
    if (!head.len || !memchr(head.ptr, '\0', head.len)) return BYTES_TEXT;
    for (size_t i = 0; i + 1 < head.len; i += 2) {
        even += head.ptr[i] == '\0';
        odd += head.ptr[i + 1] == '\0';
    }
    if (!even && odd * NUL_SHARE * 2 >= head.len) return BYTES_UTF16_LE;
    if (!odd && even * NUL_SHARE * 2 >= head.len) return BYTES_UTF16_BE;
    return BYTES_BINARY;
}

static uint32_t unit_at(str body, size_t at, bool big_endian) {
    unsigned char a = (unsigned char)body.ptr[at], b = (unsigned char)body.ptr[at + 1];
    return big_endian ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
}

str bytes_from_utf16(arena *a, str body, bool big_endian) {
    size_t at = 0, size = 0;
    char *out = arena_alloc(a, body.len / 2 * 3 + 4);
    if (body.len >= 2 && unit_at(body, 0, big_endian) == 0xFEFF) at = 2;
    for (; at + 1 < body.len; at += 2) {
        uint32_t code = unit_at(body, at, big_endian);
        bool high = code >= 0xD800 && code < 0xDC00, low = code >= 0xDC00 && code < 0xE000;
        uint32_t next = high && at + 3 < body.len ? unit_at(body, at + 2, big_endian) : 0;
        if (high && next >= 0xDC00 && next < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (next - 0xDC00);
            at += 2;
        } else if (high || low) {
            code = 0xFFFD;
        }
        size += utf8_put(code, out + size);
    }
    return (str){out, size};
}
