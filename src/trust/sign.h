/* sign.h: Ed25519 keys with names, and notes that they sign.
 *
 * A key has a name, which says whose it is ("ci.example.com/audit"), and an id, the first four
 * bytes of SHA-256(name || 0x0A || 0x01 || public key). As texts, and as the Go module
 * golang.org/x/mod/sumdb/note has them:
 *
 *     private key    PRIVATE+KEY+NAME+ID+BASE64(0x01 || seed)
 *     verifier key   NAME+ID+BASE64(0x01 || public key)
 *
 * A note is a text that ends with a newline, an empty line, and lines of signatures:
 *
 *     — NAME BASE64(id || signature)
 *
 * Sources: c2sp.org/signed-note (v1.0.0); RFC 8032. libsodium does the arithmetic; where it is not
 * installed every call that needs it is ERR_UNSUPPORTED. */
#ifndef SLIPWAY_TRUST_SIGN_H
#define SLIPWAY_TRUST_SIGN_H

#include "base/arena.h"
#include "base/err.h"

#define SIGN_NAME_MAX       256       /* bytes of a key's name */
#define SIGN_NOTE_MAX       (1 << 20) /* bytes of a note that is read */
#define SIGN_SIGNATURES_MAX 100       /* on a note that is read; the specification asks for 16 */
#define SIGN_SIZE           64        /* bytes of a signature */

/* ---- keys ------------------------------------------------------------------------------------ */

/* What a signature is judged by. No secret. */
typedef struct sign_verifier {
    char name[SIGN_NAME_MAX + 1];
    uint32_t id;
    uint8_t public_key[32];
} sign_verifier;

/* Text of a verifier key, white space around it aside. ERR_INVALID says what is wrong, also where
 * the id is not that of the key, and that a kind of key other than Ed25519 is not read. */
int sign_verifier_parse(str text, sign_verifier *ret, err *e);
void sign_verifier_write(strbuf *out, const sign_verifier *v);
bool sign_verifier_same(const sign_verifier *a, const sign_verifier *b);

/* Holds the secret in memory that is not swapped and is wiped when it is freed. */
typedef struct sign_key sign_key;

/* A new key, which is written to a file of its own (mode 0600, on the disk when this returns).
 * ERR_INVALID for a name that cannot be one (empty, longer than SIGN_NAME_MAX, with white space, a
 * plus, a control character or ill-formed UTF-8), and when there is a file already. */
int sign_key_make(const char *path, str name, sign_key **ret, err *e);
/* ERR_NOT_FOUND without the file. ERR_INVALID when it is none of ours, others may read or write it,
 * or it holds no private key. */
int sign_key_load(const char *path, sign_key **ret, err *e);
/* NULL is allowed. */
void sign_key_free(sign_key *k);
/* Lives as long as the key. */
const sign_verifier *sign_key_verifier(const sign_key *k);

static inline void sign_key_freep(sign_key **k) {
    sign_key_free(*k);
}
#define _cleanup_sign_key_ __attribute__((cleanup(sign_key_freep)))

/* ---- bytes ----------------------------------------------------------------------------------- */

void sign_bytes(const sign_key *k, str bytes, uint8_t signature[SIGN_SIZE]);
/* 0 when it is this key's over these bytes; ERR_INVALID when it is not. */
int sign_check(const sign_verifier *v, str bytes, const uint8_t signature[SIGN_SIZE], err *e);

/* ---- notes ----------------------------------------------------------------------------------- */

/* Appends a note of one signature. `text` ends with a newline and has no control characters but
 * newlines (ERR_INVALID). */
int sign_note(strbuf *out, const sign_key *k, str text, err *e);
/* Reads a note that one of `known` must have signed. *ret_text is what was signed, borrowed from
 * the note, *ret_signer the first that has (may be NULL). Signatures of others are passed over, a
 * second one of the same key too; a wrong one of a key that is known spoils the whole. Errors:
 * ERR_INVALID for what is no note, a wrong signature, or none that is known; ERR_LIMIT. */
int sign_note_open(str note, const sign_verifier *known, size_t known_count, str *ret_text,
                   const sign_verifier **ret_signer, err *e);
/* The text alone, whoever has signed it; nothing of it may be believed. */
int sign_note_text(str note, str *ret_text, err *e);

#endif
