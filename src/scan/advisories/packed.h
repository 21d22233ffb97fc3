/* packed.h: numbers and texts one after another, and a careful reader of them. Private to
 * src/scan/advisories.
 *
 * Numbers have 7 bits a byte, the lowest first, the top bit says that more follow (LEB128). A text
 * is its length and its bytes. */
#ifndef SLIPWAY_SCAN_ADVISORIES_PACKED_H
#define SLIPWAY_SCAN_ADVISORIES_PACKED_H

#include "base/str.h"

void pack_number(strbuf *out, uint64_t n);
void pack_text(strbuf *out, str text);
void pack_word64(strbuf *out, uint64_t word);

/* What cannot be read gives 0 and an empty str, sets `bad` and ends the rest. */
typedef struct unpacker {
    str rest;
    bool bad;
} unpacker;

uint64_t unpack_number(unpacker *u);
str unpack_text(unpacker *u);
/* A count of things that take at least `least` (> 0) bytes each, so no more than are there. */
size_t unpack_count(unpacker *u, size_t least);
str unpack_bytes(unpacker *u, size_t size);
uint64_t word64_at(const char *at);

/* A quick digest of bytes that tells damage, not malice. */
uint64_t bytes_sum(str bytes);

#endif
