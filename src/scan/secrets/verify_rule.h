/* verify_rule.h: how a rule's provider is asked whether a secret is valid: the table
 * [rules.verify]. Private to src/scan/secrets.
 *
 * docs/secrets.md tells its keys. What it says decides where secrets are sent, so it is read
 * strictly: an unknown key is an error. */
#ifndef SLIPWAY_SCAN_SECRETS_VERIFY_RULE_H
#define SLIPWAY_SCAN_SECRETS_VERIFY_RULE_H

#include "base/http.h"
#include "base/toml.h"
#include "base/value.h"

#define VERIFY_LIST_MAX  32   /* headers of a request; outcomes; statuses or values of an outcome */
#define VERIFY_VALUE_MAX 4096 /* bytes of what is put in the place of a name */

typedef struct str_list {
    str *items;
    size_t count, cap;
} str_list;

typedef enum verify_verdict {
    VERIFIED_UNKNOWN,
    VERIFIED_ACTIVE,
    VERIFIED_INACTIVE,
    VERIFIED_COUNT
} verify_verdict;

/* An answer with one of these statuses (none: any) and, where a field is named, one of these values
 * in its JSON. */
typedef struct verify_outcome {
    uint16_t statuses[VERIFY_LIST_MAX];
    size_t status_count;
    str field; /* "error.code", or empty */
    str_list values;
} verify_outcome;

typedef struct verify_outcomes {
    verify_outcome *items;
    size_t count;
} verify_outcomes;

typedef struct secret_verify {
    str method, url;
    str host;         /* of the URL, with a port that it names */
    str_list headers; /* "Name: value" */
    str basic;        /* "user:password" of basic authentication, or empty */
    str body;         /* sent as it is */
    verify_outcomes active, inactive;
    span where;
} secret_verify;

/* Reads the table. `loopback`: http://127.0.0.1, [::1] and localhost may be asked, too; otherwise
 * https only. */
int secret_verify_read(arena *a, const toml_node *table, bool loopback, secret_verify **ret,
                       err *e);
/* Whether every {{name}} is "secret" or one of these groups (`names` may be NULL). */
int secret_verify_check(const secret_verify *v, const str *names, unsigned count, err *e);

/* Fills the request with these values, an object by name; ERR_INVALID where one cannot be sent
 * as it is (absent, not of printable ASCII, too long). The strings are in the arena. */
int secret_verify_request(arena *a, const secret_verify *v, const value *values, http_request *ret,
                          err *e);
/* What an answer means. Both kinds of outcome, or neither, is unknown. */
verify_verdict secret_verify_judge(const secret_verify *v, int status, str body);
/* "active". */
const char *verify_verdict_name(verify_verdict verdict);

#endif
