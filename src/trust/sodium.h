/* sodium.h: libsodium, loaded when it is first needed (base/library.h). Private. A function that
 * is needed is added to the list. */
#ifndef SLIPWAY_TRUST_SODIUM_H
#define SLIPWAY_TRUST_SODIUM_H

#include "base/library.h"

#include <sodium.h>

#define SODIUM_FUNCTIONS(X)                                                                        \
    X(sodium_init)                                                                                 \
    X(sodium_malloc)                                                                               \
    X(sodium_free)                                                                                 \
    X(crypto_sign_seed_keypair)                                                                    \
    X(crypto_sign_detached)                                                                        \
    X(crypto_sign_verify_detached)                                                                 \
    X(crypto_pwhash_str)                                                                           \
    X(crypto_pwhash_str_verify)                                                                    \
    X(crypto_aead_xchacha20poly1305_ietf_encrypt)                                                  \
    X(crypto_aead_xchacha20poly1305_ietf_decrypt)

typedef struct sodium_library {
    bool loaded;
    SODIUM_FUNCTIONS(LIBRARY_POINTER)
} sodium_library;

/* To be called through once sodium_load has returned 0. */
extern sodium_library sodium;

/* ERR_UNSUPPORTED where it is not installed. Not from two threads at once the first time. */
int sodium_load(err *e);

#endif
