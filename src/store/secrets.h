/* secrets.h: secrets and variables as rows. Part of the store: store.h says who may call it, and
 * when. What a secret is never comes here in plain: trust/vault.h seals it. */
#ifndef SLIPWAY_STORE_SECRETS_H
#define SLIPWAY_STORE_SECRETS_H

#include "store/store.h"

typedef enum secret_kind { SECRET_SEALED, SECRET_VARIABLE, SECRET_KIND_COUNT } secret_kind;
extern const char *const secret_kind_words[]; /* "secret", "variable" */

/* Unique by kind, repository, environment and name. */
typedef struct store_secret {
    int64_t id;
    secret_kind kind;
    int64_t repository; /* 0: of the whole server */
    str environment;    /* empty: of all jobs; only with a repository */
    str name;           /* upper case */
    str content;        /* sealed, in base64; of a variable as it is */
    str written_by;
    int64_t created_us, updated_us;
} store_secret;

int store_secret_add(store *s, store_secret *x, err *e);
int store_secret_put(store *s, const store_secret *x, err *e);
/* How many are sealed, in all places. */
int store_secrets_sealed(store *s, int64_t *ret, err *e);
int store_secret_remove(store *s, int64_t id, err *e);
int store_secret_find(store *s, arena *a, secret_kind kind, int64_t repository, str environment,
                      str name, store_secret *ret, err *e);
/* Those of exactly this place. */
int store_secrets(store *s, arena *a, secret_kind kind, int64_t repository, str environment,
                  store_secret **ret, size_t *ret_count, err *e);
/* Of a repository, whatever their kind and environment; of the server for 0. */
int store_secrets_of(store *s, arena *a, int64_t repository, store_secret **ret, size_t *ret_count,
                     err *e);

#endif
