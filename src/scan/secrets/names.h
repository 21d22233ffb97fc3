/* names.h: what a name before a value says about it. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_NAMES_H
#define SLIPWAY_SCAN_SECRETS_NAMES_H

#include "base/str.h"

typedef enum name_kind {
    NAME_OTHER,    /* no credential: secretName, primaryKey, token_count, csrf_token */
    NAME_WEAK,     /* perhaps one: key, mailKey, tokenForBilling */
    NAME_KEY,      /* a key, token or secret: api_key, AuthToken, clientsecret */
    NAME_PASSWORD, /* DB_PASSWORD, keystorePass, rootpw */
} name_kind;

/* Reads a name in any spelling (camelCase, snake_case, kebab-case, dots between) as English reads
 * one: its last noun is what it is, words before it say which ("primary key"), and a noun after it
 * makes it something else ("key name"). */
name_kind name_kind_of(str name);
/* The name in a text of which a pattern saw [start, end): with what of it stands before, and with a
 * word before it that makes it harmless ("public key"). */
str name_at(str text, size_t start, size_t end);

#endif
