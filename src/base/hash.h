/* hash.h: SHA-256 (OpenSSL's), keyed or not, random bytes, and bytes as text. */
#ifndef SLIPWAY_BASE_HASH_H
#define SLIPWAY_BASE_HASH_H

#include "base/err.h"

typedef struct sha256 sha256;
sha256 *sha256_new(void);
void sha256_add(sha256 *h, const void *data, size_t size);
/* Writes the digest and frees `h`. */
void sha256_end(sha256 *h, uint8_t digest[32]);
/* Of one text, as hex_encode writes it. */
void sha256_hex(str text, char ret[65]);
/* The digest of a file's bytes, read in pieces. Absence is ERR_NOT_FOUND. */
int sha256_file(const char *path, uint8_t digest[32], err *e);
/* Lower-case hex, NUL-terminated: out has 2 * size + 1 bytes. */
void hex_encode(const uint8_t *data, size_t size, char *out);
/* Appends standard base64 with padding. */
void base64_encode(strbuf *out, str data);
/* Appends the bytes of a standard base64 text with padding; false, and nothing appended, when it is
 * none or not the one that base64_encode writes. */
bool base64_decode(strbuf *out, str text);
/* Appends base64url without padding (RFC 7515, section 2), the form of tokens and URLs. */
void base64url_encode(strbuf *out, str data);
/* Appends the bytes of a base64url text without padding; false, and nothing appended, when it is
 * none: other characters, a length that cannot be, or bits left over. */
bool base64url_decode(strbuf *out, str text);
/* HMAC-SHA-256 (RFC 2104). */
void hmac_sha256(str key, str data, uint8_t mac[32]);
/* Compares in a time that does not depend on where the texts differ; their lengths are no secret.
 */
bool bytes_same(str a, str b);
/* From the system's generator; ends the program where there is none. */
void random_bytes(void *out, size_t size);
/* `size` random bytes as hex: out has 2 * size + 1 bytes, `size` at most 64. */
void random_hex(size_t size, char *out);

#endif
