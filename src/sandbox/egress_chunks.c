/* The chunked transfer coding (RFC 9112, 7.1) of a request's body, read to find its end. What is
 * taken can be read in one way only, so it goes on byte by byte as it came. Chunk extensions and
 * trailers, which hardly a client sends and which servers read differently, are not taken. */
#include "sandbox/egress_parse.h"

#include <string.h>

enum { AT_SIZE, AT_SIZE_LF, AT_DATA, AT_DATA_CR, AT_DATA_LF, AT_LAST_CR, AT_LAST_LF, AT_END };

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_size(egress_chunks *k, char c) {
    int digit = hex_digit(c);
    if (digit < 0) {
        k->state = AT_SIZE_LF;
        return c == '\r' && k->digits > 0;
    }
    k->left = k->left << 4 | (unsigned)digit;
    return ++k->digits <= EGRESS_CHUNK_DIGITS;
}

/* One byte that is not data. */
static bool take(egress_chunks *k, char c) {
    static const struct {
        char byte;
        uint8_t next;
    } fixed[AT_END] = {
        [AT_DATA_CR] = {'\r', AT_DATA_LF},
        [AT_DATA_LF] = {'\n', AT_SIZE},
        [AT_LAST_CR] = {'\r', AT_LAST_LF},
        [AT_LAST_LF] = {'\n', AT_END},
    };
    if (k->state == AT_SIZE) return take_size(k, c);
    if (k->state == AT_SIZE_LF) {
        k->state = k->left ? AT_DATA : AT_LAST_CR;
        k->digits = 0;
        return c == '\n';
    }
    bool fine = c == fixed[k->state].byte;
    k->state = fixed[k->state].next;
    return fine;
}

egress_parse egress_read_chunks(egress_chunks *k, str bytes, size_t *ret_size) {
    size_t at = 0;
    while (at < bytes.len && k->state != AT_END) {
        if (k->state == AT_DATA) {
            size_t here = bytes.len - at < k->left ? bytes.len - at : (size_t)k->left;
            at += here;
            k->left -= here;
            if (k->left == 0) k->state = AT_DATA_CR;
        } else if (!take(k, bytes.ptr[at++])) {
            return EGRESS_BAD;
        }
    }
    *ret_size = at;
    return k->state == AT_END ? EGRESS_WHOLE : EGRESS_MORE;
}
