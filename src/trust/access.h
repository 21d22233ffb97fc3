/* access.h: what people may do, and what they show to prove who they are.
 *
 * A role is a set of rights. Somebody has roles by grants, for one repository or the whole server;
 * what they may do is the union. A token has a part of what its owner may.
 *
 * Everything here is safe from any thread once one key was made or loaded (trust/sign.h). */
#ifndef SLIPWAY_TRUST_ACCESS_H
#define SLIPWAY_TRUST_ACCESS_H

#include "base/arena.h"
#include "base/err.h"
#include "trust/rights.h"

/* ---- roles ----------------------------------------------------------------------------------- */

typedef enum access_role {
    ROLE_VIEWER,        /* sees runs and their logs */
    ROLE_DEVELOPER,     /* starts, cancels and repeats runs; sees which secrets there are */
    ROLE_APPROVER,      /* lets runs start that wait for a person */
    ROLE_OPERATOR,      /* agents, repositories and settings */
    ROLE_ADMINISTRATOR, /* everything, and who may do what */
    ROLE_AUDITOR,       /* reads everything, changes nothing */
    ROLE_COUNT
} access_role;

extern const char *const access_role_words[]; /* NULL at the end */
/* ROLE_COUNT when there is none of that name. */
access_role access_role_from(str word);

/* A bit for each access_right. */
typedef uint32_t access_set;
#define ACCESS_BIT(right) ((access_set)1 << (right))
access_set access_role_rights(access_role role);
/* Names with spaces between, as a token's scopes. ERR_INVALID for a name that is none. */
int access_set_parse(str text, access_set *ret, err *e);

/* ---- passwords ------------------------------------------------------------------------------- */

#define ACCESS_PASSWORD_MIN 12 /* bytes; nothing else is asked (NIST SP 800-63B, 5.1.1.2) */
#define ACCESS_PASSWORD_MAX 1024
#define ACCESS_AT_ONCE      2 /* passwords that are hashed at a time: 64 MiB and 0.2 s each */

/* ERR_INVALID when it is too short or too long. */
int access_password_judge(str password, err *e);
/* By argon2id. ERR_LIMIT when ACCESS_AT_ONCE are hashed already. */
int access_password_hash(arena *a, str password, str *ret, err *e);
/* 0 when it is the one; ERR_INVALID when it is not; ERR_LIMIT as above. Without a hash (empty) it
 * takes as long and is ERR_INVALID, so that nobody learns which accounts there are. */
int access_password_check(str hash, str password, err *e);

/* ---- tokens ---------------------------------------------------------------------------------- */

#define ACCESS_TOKEN_SIZE 42 /* "slw_", 32 characters of 190 random bits, 6 of a checksum */

/* NUL-terminated. Sessions and links have the same form. */
void access_token_new(char ret[ACCESS_TOKEN_SIZE + 1]);
/* Whether it could be one: its form and its checksum fit, so scanners for secrets can tell. */
bool access_token_fits(str token);

#endif
