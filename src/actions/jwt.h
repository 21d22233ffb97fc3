/* jwt.h: JSON Web Tokens (RFC 7519) in the compact form. Private. */
#ifndef SLIPWAY_ACTIONS_JWT_H
#define SLIPWAY_ACTIONS_JWT_H

#include "base/err.h"
#include "base/value.h"

#define JWT_MAX (16u << 10) /* bytes of a token that we read */

typedef struct jwt {
    value header, claims; /* objects */
    str signed_text;      /* borrowed from the token */
    str signature;        /* bytes */
} jwt;

/* Takes a token apart; its signature is not looked at. ERR_INVALID or ERR_LIMIT. */
int jwt_parse(arena *a, str token, jwt *ret, err *e);
/* Appends "header.claims" in base64url: what is to be signed. */
void jwt_begin(strbuf *out, const value *header, const value *claims);
/* Appends ".signature". */
void jwt_end(strbuf *out, str signature);

/* A token that only the holder of `key` can make or check (HS256). */
void jwt_make(strbuf *out, str key, const value *claims);
/* Parses and checks a token of jwt_make: its algorithm, signature, nbf and exp (both must be
 * there). Every failure says the same. */
int jwt_check(arena *a, str key, str token, int64_t now_s, jwt *ret, err *e);

#endif
