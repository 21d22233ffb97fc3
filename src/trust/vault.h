/* vault.h: secrets at rest: XChaCha20-Poly1305 (libsodium), with a key in a file of its own.
 *
 * What is sealed is bound to its place ("3/production/TOKEN"): it opens nowhere else, so rows of
 * the database cannot be exchanged. Safe from any thread once it is open. */
#ifndef SLIPWAY_TRUST_VAULT_H
#define SLIPWAY_TRUST_VAULT_H

#include "base/arena.h"
#include "base/err.h"

#define VAULT_SECRET_MAX (48 << 10) /* bytes of one, as on GitHub */

typedef struct vault vault;
/* Reads the key, which is made (mode 0600) where there is none. ERR_INVALID when others may read
 * the file, or it is no key. */
int vault_open(const char *path, vault **ret, err *e);
/* Wipes the key. NULL is allowed. */
void vault_close(vault *v);
/* Appends base64 of nonce and sealed text. */
void vault_seal(const vault *v, str place, str text, strbuf *out);
/* ERR_INVALID when it was sealed with another key, for another place, or changed since. */
int vault_unseal(const vault *v, arena *a, str place, str sealed, str *ret, err *e);

#endif
