/* hash.h: SHA-256 (OpenSSL's), and bytes as text. */
#ifndef SLIPWAY_BASE_HASH_H
#define SLIPWAY_BASE_HASH_H

#include "base/err.h"

typedef struct sha256 sha256;
sha256 *sha256_new(void);
void sha256_add(sha256 *h, const void *data, size_t size);
/* Writes the digest and frees `h`. */
void sha256_end(sha256 *h, uint8_t digest[32]);
/* The digest of a file's bytes, read in pieces. Absence is ERR_NOT_FOUND. */
int sha256_file(const char *path, uint8_t digest[32], err *e);
/* Lower-case hex, NUL-terminated: out has 2 * size + 1 bytes. */
void hex_encode(const uint8_t *data, size_t size, char *out);
/* Appends standard base64 with padding. */
void base64_encode(strbuf *out, str data);

#endif
