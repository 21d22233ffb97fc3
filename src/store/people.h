/* people.h: who may come in, and what they may do. Part of the store: store.h says who may call it,
 * and when.
 *
 * What lets somebody in is here as a digest only: passwords as argon2id, the rest (random, at least
 * 160 bits) as SHA-256 in hex. An id of 0 is given by _add. Roles are words of trust/access.h. */
#ifndef SLIPWAY_STORE_PEOPLE_H
#define SLIPWAY_STORE_PEOPLE_H

#include "store/store.h"

typedef enum user_state { USER_ACTIVE, USER_DISABLED, USER_STATE_COUNT } user_state;
extern const char *const user_state_words[];

typedef struct store_user {
    int64_t id;
    str name;     /* unique without case, as the address is */
    str email;    /* may be empty */
    str password; /* as crypto_pwhash_str writes it; empty: none was set */
    str subject;  /* at an identity provider: "ISSUER SUB"; may be empty */
    user_state state;
    int64_t created_us, seen_us;
} store_user;

int store_user_add(store *s, store_user *x, err *e);
int store_user_put(store *s, const store_user *x, err *e);
int store_user_by_id(store *s, arena *a, int64_t id, store_user *ret, err *e);
int store_user_by_name(store *s, arena *a, str name, store_user *ret, err *e);
int store_user_by_email(store *s, arena *a, str email, store_user *ret, err *e);
int store_user_by_subject(store *s, arena *a, str subject, store_user *ret, err *e);
int store_users(store *s, arena *a, store_user **ret, size_t *ret_count, err *e);
int store_user_count(store *s, int64_t *ret, err *e);

typedef struct store_session {
    int64_t id;
    str hash;
    int64_t user_id;
    str address, agent; /* from where it was begun */
    int64_t created_us, seen_us, expires_us;
} store_session;

int store_session_add(store *s, store_session *x, err *e);
int store_session_find(store *s, arena *a, str hash, store_session *ret, err *e);
/* It is still in use. Nothing happens where there is none. */
int store_session_seen(store *s, int64_t id, int64_t now_us, err *e);
int store_session_remove(store *s, str hash, err *e);
int store_sessions_remove_of(store *s, int64_t user, err *e);
/* Those that have ended, or were not used since `idle_us`. */
int store_sessions_expire(store *s, int64_t now_us, int64_t idle_us, err *e);

typedef struct store_token {
    int64_t id;
    str hash;
    int64_t user_id;
    str name;
    str scopes;         /* names of rights, with spaces between */
    int64_t repository; /* 0: all that its owner may see */
    int64_t created_us, expires_us, used_us;
} store_token;

int store_token_add(store *s, store_token *x, err *e);
int store_token_find(store *s, arena *a, str hash, store_token *ret, err *e);
int store_token_by_id(store *s, arena *a, int64_t id, store_token *ret, err *e);
int store_token_used(store *s, int64_t id, int64_t now_us, err *e);
int store_token_remove(store *s, int64_t id, err *e);
/* Of one account, or of all where it is 0. */
int store_tokens(store *s, arena *a, int64_t user, store_token **ret, size_t *ret_count, err *e);

typedef struct store_grant {
    int64_t id;
    int64_t user_id;
    int64_t repository; /* 0: the whole server */
    str role;
    int64_t elevation; /* that it came from; 0: it was given for good */
    str granted_by;
    int64_t created_us, expires_us; /* expires_us 0: never */
} store_grant;

/* ERR_INVALID when the account has it already. */
int store_grant_add(store *s, store_grant *x, err *e);
int store_grant_by_id(store *s, arena *a, int64_t id, store_grant *ret, err *e);
int store_grant_remove(store *s, int64_t id, err *e);
int store_grants_remove_of_elevation(store *s, int64_t elevation, err *e);
/* Of one account, or of all where it is 0; also those whose time is over and that nobody has swept
 * away yet. */
int store_grants(store *s, arena *a, int64_t user, store_grant **ret, size_t *ret_count, err *e);
/* Active accounts that have this role for the whole server and for good. */
int store_grant_holders(store *s, str role, int64_t *ret, err *e);

typedef enum elevation_state {
    ELEVATION_REQUESTED,
    ELEVATION_APPROVED,
    ELEVATION_DENIED,
    ELEVATION_ENDED,
    ELEVATION_STATE_COUNT
} elevation_state;
extern const char *const elevation_state_words[];

typedef struct store_elevation {
    int64_t id;
    int64_t user_id, repository;
    str role;
    int64_t seconds; /* for which it is asked, from the approval on */
    str reason;
    elevation_state state;
    str decided_by;
    int64_t created_us, decided_us, ends_us;
} store_elevation;

int store_elevation_add(store *s, store_elevation *x, err *e);
int store_elevation_put(store *s, const store_elevation *x, err *e);
int store_elevation_by_id(store *s, arena *a, int64_t id, store_elevation *ret, err *e);
/* The newest first, with ids below `before` (0: all), at most `max`. */
int store_elevations(store *s, arena *a, int64_t before, size_t max, store_elevation **ret,
                     size_t *ret_count, err *e);
/* Approved ones whose time is over. */
int store_elevations_over(store *s, arena *a, int64_t now_us, store_elevation **ret,
                          size_t *ret_count, err *e);

typedef enum link_kind {
    LINK_FIRST,      /* of the first administrator */
    LINK_INVITATION, /* of an account that has no password yet */
    LINK_RECOVERY,
    LINK_KIND_COUNT
} link_kind;
extern const char *const link_kind_words[];

/* Lets whoever has it set a password, once. */
typedef struct store_link {
    int64_t id;
    str hash;
    link_kind kind;
    int64_t user_id; /* 0 of LINK_FIRST */
    int64_t created_us, expires_us;
} store_link;

int store_link_add(store *s, store_link *x, err *e);
int store_link_find(store *s, arena *a, str hash, store_link *ret, err *e);
/* All of an account; of LINK_FIRST where it is 0. */
int store_links_remove_of(store *s, int64_t user, err *e);

#endif
