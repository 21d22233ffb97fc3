/* routes_session.c: signing in and out, and who one is. */
#include "server/people.h"
#include "server/routes.h"
#include "server/show.h"

#include <stdio.h>

/* What a sign-in carries to the core. */
typedef struct entry {
    char token[ACCESS_TOKEN_SIZE + 1];
    str before; /* digest of the cookie that came along */
    str name, hash, link;
    int64_t user;
    store_user found;
} entry;

/* ---- who one is ----------------------------------------------------------------------------- */

static value show_rights(arena *a, const identity *id) {
    value list = value_array_new(a);
    for (size_t i = 0; i < id->count; i++) {
        value part = value_object_new(a, true), names = value_array_new(a);
        for (int k = RIGHT_PROFILE; k < ACCESS_RIGHT_COUNT; k++) {
            if (id->parts[i].rights & ACCESS_BIT(k))
                value_push(a, &names, value_cstring(right_name((access_right)k)));
        }
        value_set(a, &part, STR("repository_id"),
                  id->parts[i].project ? value_number((double)id->parts[i].project)
                                       : VALUE_NULL_INIT);
        value_set(a, &part, STR("rights"), names);
        value_push(a, &list, part);
    }
    return list;
}

static value show_me(arena *a, const api_caller *who, const identity *id) {
    value v = value_object_new(a, true);
    access_set all = access_role_rights(ROLE_ADMINISTRATOR);
    people_part everything = {0, all};
    identity owner = {.parts = &everything, .count = 1};
    value_set(a, &v, STR("user_id"), id->owner ? VALUE_NULL_INIT : value_number((double)id->user));
    value_set(a, &v, STR("name"), value_string(who->name));
    value_set(a, &v, STR("through"),
              value_cstring(id->owner     ? "socket"
                            : id->session ? "session"
                                          : "token"));
    value_set(a, &v, STR("csrf"), who->csrf.len ? value_string(who->csrf) : VALUE_NULL_INIT);
    value_set(a, &v, STR("ends_at"), show_time(a, id->ends_us));
    value_set(a, &v, STR("rights"), show_rights(a, id->owner ? &owner : id));
    return v;
}

static void get_me(api_call *c) {
    value v = show_me(c->a, &c->caller, people_identity(c));
    api_json(c, 200, &v);
}

/* ---- signing in ----------------------------------------------------------------------------- */

static entry *new_entry(api_call *c) {
    entry *x = c->data = ARENA_NEW(c->a, entry);
    str before = api_cookie(c, people_cookie(c));
    access_token_new(x->token);
    if (before.len) x->before = people_digest(c->a, before);
    return x;
}

/* For the audit log: the sign-in is theirs, though nobody had signed in when it came. */
static void begins_as(core_tx *tx, const entry *x) {
    tx->by.actor = (audit_party){STR("user"), arena_printf(tx->a, "%lld", (long long)x->found.id),
                                 x->found.name};
}

static void answer_entry(api_call *c) {
    entry *x = c->data;
    api_caller who = {.name = x->found.name, .csrf = people_csrf(c->a, str_from(x->token))};
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("user_id"), value_number((double)x->found.id));
    value_set(c->a, &v, STR("name"), value_string(who.name));
    value_set(c->a, &v, STR("csrf"), value_string(who.csrf));
    people_set_cookie(c, str_from(x->token));
    api_json(c, 200, &v);
}

/* A name that is no account's is not written down: it may be a password in the wrong field. */
static int do_refused(core_tx *tx, api_call *c, err *e) {
    const entry *x = c->data;
    change k = {.action = "session.refuse",
                .kind = "user",
                .id = x->user,
                .name = x->user ? x->name : STR("unknown")};
    return change_record(tx, &k, e);
}

static void answer_refused(api_call *c) {
    api_problem(c, 401, "the name or the password is wrong");
}

/* What was checked may have changed until now. */
static int do_login(core_tx *tx, api_call *c, err *e) {
    entry *x = c->data;
    int r = store_user_by_id(tx->store, tx->a, x->user, &x->found, e);
    if (r < 0) return r;
    if (x->found.state != USER_ACTIVE || !str_eq(x->found.password, x->hash))
        return err_set(e, ERR_INVALID, "the account has changed meanwhile: sign in again");
    x->found.name = arena_str(c->a, x->found.name);
    begins_as(tx, x);
    return people_begin_session(tx, &x->found, str_from(x->token), x->before, e);
}

static void login(api_call *c) {
    store *s;
    store_user user = {0};
    err e = {0};
    entry *x = new_entry(c);
    str name = value_path_str(&c->body, "name"), password = value_path_str(&c->body, "password");
    unsigned wait = people_try(call_server(c)->people, name);
    if (wait) {
        api_busy(c, 429, wait, "too many tries to sign in to this account");
        return;
    }
    if (!people_reader(c, &s)) return;
    int r = store_user_by_name(s, c->a, name, &user, &e);
    if (r < 0 && r != ERR_NOT_FOUND) {
        api_fail(c, &e);
        return;
    }
    r = access_password_check(user.state == USER_ACTIVE ? user.password : STR_EMPTY, password, &e);
    x->user = user.id;
    x->name = name;
    x->hash = user.password;
    if (r == 0)
        call_core(c, do_login, answer_entry);
    else if (r == ERR_INVALID)
        call_core(c, do_refused, answer_refused);
    else if (r == ERR_LIMIT)
        api_busy(c, 503, 1, e.message);
    else
        api_fail(c, &e);
}

static int do_logout(core_tx *tx, api_call *c, err *e) {
    const identity *id = people_identity(c);
    int r = store_session_remove(tx->store, id->digest, e);
    change x = {.action = "session.end", .kind = "user", .id = id->user, .name = c->caller.name};
    people_changed(tx);
    return r < 0 ? r : change_record(tx, &x, e);
}

static void answer_logout(api_call *c) {
    people_set_cookie(c, STR_EMPTY);
    api_no_content(c);
}

static void logout(api_call *c) {
    if (!people_identity(c)->session) {
        api_problem(c, 403, "only a session can be ended; a token is revoked");
        return;
    }
    call_core(c, do_logout, answer_logout);
}

/* ---- links ---------------------------------------------------------------------------------- */

static int make_first(core_tx *tx, entry *x, err *e) {
    int64_t count = 0;
    int r = store_user_count(tx->store, &count, e);
    if (r < 0) return r;
    if (count) return err_set(e, ERR_NOT_FOUND, "there are accounts already");
    if (!x->name.len) return err_set(e, ERR_INVALID, "the first administrator needs a name");
    x->found = (store_user){.name = x->name, .password = x->hash, .created_us = tx->now_us};
    r = store_user_add(tx->store, &x->found, e);
    store_grant all = {.user_id = x->found.id,
                       .role = str_from(access_role_words[ROLE_ADMINISTRATOR]),
                       .granted_by = x->name,
                       .created_us = tx->now_us};
    return r < 0 ? r : store_grant_add(tx->store, &all, e);
}

static int set_password(core_tx *tx, entry *x, int64_t user, err *e) {
    int r = store_user_by_id(tx->store, tx->a, user, &x->found, e);
    if (r < 0) return r;
    if (x->found.state != USER_ACTIVE)
        return err_set(e, ERR_INVALID, "the account is disabled: an administrator can enable it");
    x->found.password = x->hash;
    r = store_sessions_remove_of(tx->store, user, e);
    return r < 0 ? r : store_user_put(tx->store, &x->found, e);
}

static int do_setup(core_tx *tx, api_call *c, err *e) {
    entry *x = c->data;
    store_link link;
    int r = store_link_find(tx->store, tx->a, x->link, &link, e);
    if (r == ERR_NOT_FOUND || (r == 0 && link.expires_us <= tx->now_us))
        return err_set(e, ERR_NOT_FOUND,
                       "the link was used already, or its time is over: ask for another");
    if (r < 0) return r;
    r = link.kind == LINK_FIRST ? make_first(tx, x, e) : set_password(tx, x, link.user_id, e);
    if (r == 0) r = store_links_remove_of(tx->store, link.user_id, e);
    if (r < 0) return r;
    x->found.name = arena_str(c->a, x->found.name);
    begins_as(tx, x);
    people_changed(tx);
    change k = {.action = "user.password",
                .kind = "user",
                .id = x->found.id,
                .name = x->found.name,
                .reason = str_from(link_kind_words[link.kind])};
    r = change_record(tx, &k, e);
    return r < 0 ? r : people_begin_session(tx, &x->found, str_from(x->token), x->before, e);
}

/* The link is looked at before the password is hashed, which is dear. */
static void setup(api_call *c) {
    store *s;
    store_link link;
    err e = {0};
    entry *x = new_entry(c);
    x->link = people_digest(c->a, value_path_str(&c->body, "token"));
    x->name = value_path_str(&c->body, "name");
    if (x->name.len && !people_name_fits(x->name))
        api_wrong(c, "/name", "must be of letters, digits and ._-");
    if (access_password_judge(value_path_str(&c->body, "password"), &e) < 0)
        api_wrong(c, "/password", "%s", e.message);
    if (api_refuse(c) || !people_reader(c, &s)) return;
    int r = store_link_find(s, c->a, x->link, &link, &e);
    if (r == 0) r = access_password_hash(c->a, value_path_str(&c->body, "password"), &x->hash, &e);
    if (r == 0)
        call_core(c, do_setup, answer_entry);
    else if (r == ERR_LIMIT)
        api_busy(c, 503, 1, e.message);
    else if (r == ERR_NOT_FOUND)
        api_problem(c, 404, "the link was used already, or its time is over: ask for another");
    else
        api_fail(c, &e);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const api_field login_fields[] = {
    {.name = "name", .type = API_STRING, .required = true, .max = 64, .help = "Of the account."},
    {.name = "password",
     .type = API_STRING,
     .required = true,
     .max = ACCESS_PASSWORD_MAX,
     .help = "Its password."},
    {0}};
static const api_field setup_fields[] = {
    {.name = "token",
     .type = API_STRING,
     .required = true,
     .max = 100,
     .help = "What stands after the # of the link."},
    {.name = "name", .type = API_STRING, .max = 64, .help = "Of the first administrator."},
    {.name = "password",
     .type = API_STRING,
     .required = true,
     .max = ACCESS_PASSWORD_MAX,
     .help = "The new password."},
    {0}};
static const api_field session_fields[] = {
    {.name = "user_id", .type = API_INTEGER, .required = true, .help = "Number of the account."},
    {.name = "name", .type = API_STRING, .required = true, .help = "Of the account."},
    {.name = "csrf",
     .type = API_STRING,
     .required = true,
     .help = "What X-CSRF-Token must be in requests that change something."},
    {0}};
static const api_field part_fields[] = {{.name = "repository_id",
                                         .type = API_INTEGER,
                                         .required = true,
                                         .nullable = true,
                                         .help = "Null: everywhere."},
                                        {.name = "rights",
                                         .type = API_LIST,
                                         .items = API_STRING,
                                         .required = true,
                                         .help = "Names of rights."},
                                        {0}};
static const char *const through_words[] = {"session", "token", "socket", NULL};
static const api_field me_fields[] = {
    {.name = "user_id",
     .type = API_INTEGER,
     .required = true,
     .nullable = true,
     .help = "Null: the owner of the data folder."},
    {.name = "name", .type = API_STRING, .required = true, .help = "Of the account."},
    {.name = "through",
     .type = API_WORD,
     .words = through_words,
     .required = true,
     .help = "What the request came with."},
    {.name = "csrf",
     .type = API_STRING,
     .required = true,
     .nullable = true,
     .help = "Of a session."},
    {.name = "ends_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "When the session or token ends."},
    {.name = "rights",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "Rights",
     .required = true,
     .help = "What this caller may do, and where."},
    {0}};
static const api_schema schemas[] = {
    {"Login", "Who signs in.", login_fields},
    {"Setup", "A password, set by a one-time link.", setup_fields},
    {"Session", "A session that has begun.", session_fields},
    {"Rights", "Rights in one place.", part_fields},
    {"Me", "Who calls.", me_fields},
};
const api_schemas session_schemas = {schemas, sizeof schemas / sizeof *schemas};

static const api_route rows[] = {
    {.id = "session.login",
     .method = "POST",
     .path = "/api/v1/session",
     .tag = "people",
     .summary = "Sign in",
     .auth = API_PUBLIC,
     .body = "Login",
     .body_bytes = 8192,
     .answer = "Session",
     .rate = "login",
     .handle = login},
    {.id = "session.setup",
     .method = "POST",
     .path = "/api/v1/setup",
     .tag = "people",
     .summary = "Set a password by a one-time link, and sign in",
     .auth = API_PUBLIC,
     .body = "Setup",
     .body_bytes = 8192,
     .answer = "Session",
     .rate = "login",
     .handle = setup},
    {.id = "session.logout",
     .method = "DELETE",
     .path = "/api/v1/session",
     .tag = "people",
     .summary = "Sign out",
     .auth = API_PERSON,
     .right = RIGHT_PROFILE,
     .status = 204,
     .handle = logout},
    {.id = "me.get",
     .method = "GET",
     .path = "/api/v1/me",
     .tag = "people",
     .summary = "Who you are and what you may do",
     .auth = API_PERSON,
     .right = RIGHT_PROFILE,
     .answer = "Me",
     .handle = get_me},
};
const api_routes session_routes = {rows, sizeof rows / sizeof *rows};
