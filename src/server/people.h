/* people.h: who calls, and what they may do. Private to src/server.
 *
 * Theory of operation. A caller shows a session's cookie or a token; what it stands for is read
 * from the database once and kept in memory by the digest of what was shown. Any change of
 * accounts, sessions, tokens or grants makes all that is kept void (people_changed), after its
 * commit and before it is acknowledged; what ends by time is judged at each call. So a right that
 * was taken away is gone with the answer that says so.
 *
 * Whoever gets to the socket in the data folder may read and write all that is in it: that is the
 * owner, who needs no account. */
#ifndef SLIPWAY_SERVER_PEOPLE_H
#define SLIPWAY_SERVER_PEOPLE_H

#include "server/state.h"
#include "store/people.h"
#include "trust/access.h"

#define PEOPLE_SESSION_US                                                                          \
    ((int64_t)7 * 24 * 3600 * 1000000)                /* of a session, however it is used          \
                                                       */
#define PEOPLE_IDLE_US ((int64_t)12 * 3600 * 1000000) /* without use, it ends */
#define PEOPLE_LINK_US ((int64_t)24 * 3600 * 1000000)

extern const rate_class people_rates[];
extern const size_t people_rate_count;

/* What somebody may do in one repository, or everywhere (project 0). */
typedef struct people_part {
    api_project project;
    access_set rights;
} people_part;

/* Of a call, in its arena: api_caller.data. */
typedef struct identity {
    bool owner;                   /* by the data folder's door */
    int64_t user, session, token; /* numbers; session or token is 0 */
    int64_t ends_us;
    str digest; /* of what was shown */
    people_part *parts;
    size_t count;
} identity;

people *people_new(server *s);
void people_free(people *p);

/* The callbacks of api_config, for API_PERSON. */
int people_authenticate(people *p, api_call *c, err *e);
bool people_may(const api_call *c, access_right right, api_project project);
const identity *people_identity(const api_call *c);

/* In a command: what is kept of callers is void once it is committed. */
void people_changed(core_tx *tx);
/* Begins to look for what ends by time; on the core's thread. */
void people_start(people *p);
/* What people_start has posted; for tests. Ends elevations, with an entry in the audit log. */
core_work_fn people_sweep;

/* One more try to sign in to this account: 0, or the seconds that it must wait. */
unsigned people_try(people *p, str name);

/* The name of the session's cookie for this call. */
const char *people_cookie(const api_call *c);
/* What a session's requests that change something must bring: it follows from the cookie. */
str people_csrf(arena *a, str token);
/* Digest of a token, in hex. */
str people_digest(arena *a, str token);
/* Adds a link to the database; *ret is its URL, which is nowhere else. */
int people_add_link(core_tx *tx, link_kind kind, int64_t user, str *ret, err *e);
/* Where nobody can sign in yet: a new link for the first administrator; else NULL. At the start. */
int people_first_link(server *s, const char **ret, err *e);

extern const api_routes session_routes, people_routes, grants_routes, secrets_routes;
extern const api_schemas session_schemas, people_schemas, grants_schemas, secrets_schemas;

/* Answers, and checks, that the tables of people share. */
value people_show_user(arena *a, const store_user *x);
value people_show_link(arena *a, str url);
/* False when it is answered. */
bool people_reader(api_call *c, store **ret);
/* ERR_INVALID when nobody would be left who can give rights. */
int people_keep_administrator(core_tx *tx, err *e);
/* Begins a session, which takes the place of the one that the digest `before` is of (may be empty),
 * so that nobody can choose the cookie that somebody signs in with. */
int people_begin_session(core_tx *tx, const store_user *user, str token, str before, err *e);
/* Also from an answer that comes later. An empty token takes the cookie away. */
void people_set_cookie(api_call *c, str token);
/* Whether it can be an account's name: letters, digits and ._-, at most 64. */
bool people_name_fits(str name);

#endif
