/* bytes.h: what kind of text a file holds. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_BYTES_H
#define SLIPWAY_SCAN_SECRETS_BYTES_H

#include "base/arena.h"

typedef enum bytes_kind {
    BYTES_TEXT, /* of UTF-8 or another code that has ASCII in it */
    BYTES_UTF16_LE,
    BYTES_UTF16_BE,
    BYTES_BINARY, /* a NUL is in its first 8 KiB, as git has it */
    BYTES_KIND_COUNT
} bytes_kind;

/* By the mark at its beginning, else by its first 8 KiB: text in UTF-16 has a NUL in most pairs,
 * and always on the same side. */
bytes_kind bytes_kind_of(str body);
/* The UTF-8 form of a text in UTF-16, without its mark; U+FFFD for what is no character. */
str bytes_from_utf16(arena *a, str body, bool big_endian);

#endif
