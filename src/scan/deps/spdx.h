/* spdx.h: licences as SPDX expressions.
 * (SPDX specification 2.3, annex D; identifiers: rules/licenses/spdx.txt) */
#ifndef SLIPWAY_SCAN_DEPS_SPDX_H
#define SLIPWAY_SCAN_DEPS_SPDX_H

#include "base/arena.h"
#include "base/err.h"

#define SPDX_LENGTH_MAX 4096
#define SPDX_DEPTH_MAX  32

typedef enum spdx_kind { SPDX_LICENSE, SPDX_DEPRECATED, SPDX_EXCEPTION } spdx_kind;

typedef struct spdx_name {
    str name;
    spdx_kind kind;
} spdx_name;

/* Sorted without case. */
extern const spdx_name spdx_names[];
extern const size_t spdx_name_count;

/* An identifier of a licence, deprecated or not, in any case. */
bool spdx_is_license(str name);

typedef enum spdx_op { SPDX_ONE, SPDX_AND, SPDX_OR } spdx_op;

typedef struct spdx_node spdx_node;
struct spdx_node {
    spdx_op op;
    /* SPDX_ONE: the identifier as the list spells it, deprecated ones of the GNU family as the one
     * that took their place ("GPL-2.0+" is GPL-2.0-or-later); or a LicenseRef. */
    str id;
    bool or_later; /* '+' */
    bool is_ref;
    str exception; /* after WITH, or empty */
    spdx_node *left, *right;
};

/* Operators and identifiers in any case. A few common names that are no identifiers ("Apache 2.0",
 * "MIT License") and Cargo's "MIT/Apache-2.0" are understood. ERR_INVALID says which word is none.
 */
int spdx_parse(arena *a, str text, const spdx_node **ret, err *e);
/* In canonical form, with as few parentheses as need be. */
void spdx_write(strbuf *out, const spdx_node *n);

/* ---- policies -------------------------------------------------------------------------------- */

/* From good to bad. */
typedef enum license_verdict { LICENSE_ALLOWED, LICENSE_UNLISTED, LICENSE_DENIED } license_verdict;

/* Entries are identifiers, "GPL-2.0-only WITH Classpath-exception-2.0", or have '*' ("GPL-*"). */
typedef struct license_lists {
    const str *allow, *deny;
    size_t allow_count, deny_count; /* nothing to allow: all is that is not denied */
} license_lists;

/* OR: the best of both, AND: the worst. *ret_why (may be NULL): the licence that decided, in `a`.
 */
license_verdict spdx_judge(arena *a, const spdx_node *n, const license_lists *lists, str *ret_why);

#endif
