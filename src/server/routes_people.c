/* routes_people.c: accounts, their tokens, and who may do what. */
#include "server/people.h"
#include "server/routes.h"
#include "server/show.h"

#define DAY_US         ((int64_t)24 * 3600 * 1000000)
#define TOKEN_DAYS_MAX 366

value people_show_user(arena *a, const store_user *x) {
    value v = value_object_new(a, true);
    value_set(a, &v, STR("id"), value_number((double)x->id));
    value_set(a, &v, STR("name"), value_string(x->name));
    value_set(a, &v, STR("email"), x->email.len ? value_string(x->email) : VALUE_NULL_INIT);
    value_set(a, &v, STR("state"), value_cstring(user_state_words[x->state]));
    value_set(a, &v, STR("has_password"), value_bool(x->password.len > 0));
    value_set(a, &v, STR("created_at"), show_time(a, x->created_us));
    value_set(a, &v, STR("seen_at"), show_time(a, x->seen_us));
    return v;
}

/* ---- accounts ------------------------------------------------------------------------------- */

static void list_users(api_call *c) {
    store *s;
    store_user *rows;
    size_t count;
    err e = {0};
    if (!people_reader(c, &s)) return;
    if (store_users(s, c->a, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &items, people_show_user(c->a, &rows[i]));
    api_page(c, &items, NULL);
}

typedef struct user_call {
    store_user row;
    str link, role;
} user_call;

static value show_invited(arena *a, const user_call *x) {
    value v = value_object_new(a, true);
    value_set(a, &v, STR("user"), people_show_user(a, &x->row));
    value_set(a, &v, STR("link"), value_string(x->link));
    return v;
}

/* Texts of rows are in the command's arena, which ends with it. */
static void keep_user(api_call *c, user_call *x) {
    x->row.name = arena_str(c->a, x->row.name);
    x->row.email = arena_str(c->a, x->row.email);
    x->link = arena_str(c->a, x->link);
}

static void answer_invited(api_call *c) {
    const user_call *x = c->data;
    value v = show_invited(c->a, x);
    api_created(c, arena_printf(c->a, "/api/v1/users/%lld", (long long)x->row.id), &v);
}

static int judge_unique(core_tx *tx, const store_user *x, err *e) {
    store_user other;
    err none = {0};
    if (store_user_by_name(tx->store, tx->a, x->name, &other, &none) == 0 && other.id != x->id)
        return err_set(e, ERR_INVALID, "there is an account '%.*s' already", STR_ARG(x->name));
    if (store_user_by_email(tx->store, tx->a, x->email, &other, &none) == 0 && other.id != x->id)
        return err_set(e, ERR_INVALID, "another account has the address '%.*s'", STR_ARG(x->email));
    return 0;
}

static int do_add_user(core_tx *tx, api_call *c, err *e) {
    user_call *x = c->data;
    int r = judge_unique(tx, &x->row, e);
    x->row.created_us = tx->now_us;
    if (r == 0) r = store_user_add(tx->store, &x->row, e);
    store_grant g = {.user_id = x->row.id,
                     .role = x->role,
                     .granted_by = tx->by.actor.name,
                     .created_us = tx->now_us};
    if (r == 0 && x->role.len) r = store_grant_add(tx->store, &g, e);
    if (r == 0) r = people_add_link(tx, LINK_INVITATION, x->row.id, &x->link, e);
    if (r < 0) return r;
    keep_user(c, x);
    value details = value_object_new(tx->a, true);
    if (x->role.len) value_set(tx->a, &details, STR("role"), value_string(x->role));
    change k = {.action = "user.add",
                .kind = "user",
                .id = x->row.id,
                .name = x->row.name,
                .details = details};
    return change_record(tx, &k, e);
}

static void add_user(api_call *c) {
    user_call *x = c->data = ARENA_NEW(c->a, user_call);
    x->row.name = value_path_str(&c->body, "name");
    x->row.email = value_path_str(&c->body, "email");
    x->role = value_path_str(&c->body, "role");
    if (!people_name_fits(x->row.name))
        api_wrong(c, "/name", "must be of letters, digits and ._-, at most 64");
    if (x->row.email.len && str_find_char(x->row.email, '@') <= 0)
        api_wrong(c, "/email", "must be an address");
    if (!api_refuse(c)) call_core(c, do_add_user, answer_invited);
}

/* Who is disabled is out at once; tokens hold again when the account is enabled. */
static int do_change_user(core_tx *tx, api_call *c, err *e) {
    user_call *x = c->data;
    str name = value_path_str(&c->body, "name"), state = value_path_str(&c->body, "state");
    const value *email = value_get(&c->body, STR("email"));
    int r = store_user_by_id(tx->store, tx->a, api_path_int(c, "user_id"), &x->row, e);
    if (r < 0) return r;
    if (name.len) x->row.name = name;
    if (email) x->row.email = email->kind == VALUE_STRING ? email->string : STR_EMPTY;
    if (state.len) x->row.state = str_is(state, "active") ? USER_ACTIVE : USER_DISABLED;
    r = judge_unique(tx, &x->row, e);
    if (r == 0) r = store_user_put(tx->store, &x->row, e);
    if (r == 0 && x->row.state == USER_DISABLED) {
        r = store_sessions_remove_of(tx->store, x->row.id, e);
        if (r == 0) r = store_links_remove_of(tx->store, x->row.id, e);
        if (r == 0) r = people_keep_administrator(tx, e);
    }
    if (r < 0) return r;
    people_changed(tx);
    keep_user(c, x);
    value details = value_object_new(tx->a, true);
    value_set_str(tx->a, &details, "state", str_from(user_state_words[x->row.state]));
    change k = {.action = "user.change",
                .kind = "user",
                .id = x->row.id,
                .name = x->row.name,
                .details = details};
    return change_record(tx, &k, e);
}

static void answer_user(api_call *c) {
    const user_call *x = c->data;
    value v = people_show_user(c->a, &x->row);
    api_json(c, 200, &v);
}

static void change_user(api_call *c) {
    str name = value_path_str(&c->body, "name");
    c->data = ARENA_NEW(c->a, user_call);
    if (name.len && !people_name_fits(name))
        api_wrong(c, "/name", "must be of letters, digits and ._-, at most 64");
    if (!api_refuse(c)) call_core(c, do_change_user, answer_user);
}

static int do_recover(core_tx *tx, api_call *c, err *e) {
    user_call *x = c->data;
    int r = store_user_by_id(tx->store, tx->a, api_path_int(c, "user_id"), &x->row, e);
    if (r < 0) return r;
    if (x->row.state != USER_ACTIVE) return err_set(e, ERR_INVALID, "the account is disabled");
    r = people_add_link(tx, LINK_RECOVERY, x->row.id, &x->link, e);
    if (r < 0) return r;
    keep_user(c, x);
    change k = {.action = "user.recover", .kind = "user", .id = x->row.id, .name = x->row.name};
    return change_record(tx, &k, e);
}

static void recover_user(api_call *c) {
    c->data = ARENA_NEW(c->a, user_call);
    call_core(c, do_recover, answer_invited);
}

/* ---- tokens --------------------------------------------------------------------------------- */

static value show_token(arena *a, const store_token *x) {
    value v = value_object_new(a, true), scopes = value_array_new(a);
    str word, rest = x->scopes;
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (word.len) value_push(a, &scopes, value_string(word));
    }
    value_set(a, &v, STR("id"), value_number((double)x->id));
    value_set(a, &v, STR("user_id"), value_number((double)x->user_id));
    value_set(a, &v, STR("name"), value_string(x->name));
    value_set(a, &v, STR("scopes"), scopes);
    value_set(a, &v, STR("repository_id"),
              x->repository ? value_number((double)x->repository) : VALUE_NULL_INIT);
    value_set(a, &v, STR("created_at"), show_time(a, x->created_us));
    value_set(a, &v, STR("expires_at"), show_time(a, x->expires_us));
    value_set(a, &v, STR("used_at"), show_time(a, x->used_us));
    return v;
}

/* One's own; all for who may read who may do what. */
static void list_tokens(api_call *c) {
    store *s;
    store_token *rows;
    size_t count;
    err e = {0};
    const identity *id = people_identity(c);
    bool all = id->owner || (api_query_bool(c, "all") && people_may(c, RIGHT_ACCESS_READ, 0));
    if (!people_reader(c, &s)) return;
    if (store_tokens(s, c->a, all ? 0 : id->user, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &items, show_token(c->a, &rows[i]));
    api_page(c, &items, NULL);
}

typedef struct token_call {
    store_token row;
    char token[ACCESS_TOKEN_SIZE + 1];
} token_call;

static int do_add_token(core_tx *tx, api_call *c, err *e) {
    token_call *x = c->data;
    x->row.created_us = tx->now_us;
    x->row.expires_us += tx->now_us;
    int r = store_token_add(tx->store, &x->row, e);
    if (r < 0) return r;
    value details = value_object_new(tx->a, true);
    value_set(tx->a, &details, STR("scopes"), value_string(x->row.scopes));
    change k = {.action = "token.add",
                .kind = "token",
                .id = x->row.id,
                .name = x->row.name,
                .details = details};
    return change_record(tx, &k, e);
}

static void answer_token(api_call *c) {
    token_call *x = c->data;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("item"), show_token(c->a, &x->row));
    value_set(c->a, &v, STR("token"), value_string(str_from(x->token)));
    api_created(c, arena_printf(c->a, "/api/v1/tokens/%lld", (long long)x->row.id), &v);
}

/* Only by a session, so that a token that got away cannot make itself another. */
static void add_token(api_call *c) {
    const identity *id = people_identity(c);
    token_call *x = c->data = ARENA_NEW(c->a, token_call);
    const value *scopes = value_get(&c->body, STR("scopes")),
                *days = value_get(&c->body, STR("days")),
                *repository = value_get(&c->body, STR("repository_id"));
    access_set set;
    err e = {0};
    if (!id->session) {
        api_problem(c, 403, "only a session can make a token: sign in");
        return;
    }
    for (size_t i = 0; i < value_count(scopes); i++)
        x->row.scopes = arena_printf(c->a, "%.*s%s%.*s", STR_ARG(x->row.scopes), i ? " " : "",
                                     STR_ARG(scopes->array.items[i].string));
    if (access_set_parse(x->row.scopes, &set, &e) < 0) api_wrong(c, "/scopes", "%s", e.message);
    if (!x->row.scopes.len) api_wrong(c, "/scopes", "must name a right");
    if (api_refuse(c)) return;
    access_token_new(x->token);
    x->row.user_id = id->user;
    x->row.hash = people_digest(c->a, str_from(x->token));
    x->row.name = value_path_str(&c->body, "name");
    x->row.repository =
        repository && repository->kind == VALUE_NUMBER ? (int64_t)repository->number : 0;
    x->row.expires_us = (days ? (int64_t)days->number : 90) * DAY_US;
    call_core(c, do_add_token, answer_token);
}

static int do_remove_token(core_tx *tx, api_call *c, err *e) {
    store_token row;
    int r = store_token_by_id(tx->store, tx->a, api_path_int(c, "token_id"), &row, e);
    if (r == 0 && row.user_id != people_identity(c)->user && !people_may(c, RIGHT_ACCESS_WRITE, 0))
        r = err_set(e, ERR_NOT_FOUND, "there is no such token");
    if (r == 0) r = store_token_remove(tx->store, row.id, e);
    if (r < 0) return r;
    people_changed(tx);
    change k = {.action = "token.remove", .kind = "token", .id = row.id, .name = row.name};
    return change_record(tx, &k, e);
}

static void remove_token(api_call *c) {
    call_core(c, do_remove_token, api_no_content);
}

/* ---- who may do what ------------------------------------------------------------------------ */

static const store_user *user_of(const store_user *rows, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++) {
        if (rows[i].id == id) return &rows[i];
    }
    return NULL;
}

static value show_access(arena *a, const store_user *user, const store_grant *g) {
    value v = value_object_new(a, true);
    value_set(a, &v, STR("grant_id"), value_number((double)g->id));
    value_set(a, &v, STR("user"), people_show_user(a, user));
    value_set(a, &v, STR("repository_id"),
              g->repository ? value_number((double)g->repository) : VALUE_NULL_INIT);
    value_set(a, &v, STR("role"), value_string(g->role));
    value_set(a, &v, STR("elevation_id"),
              g->elevation ? value_number((double)g->elevation) : VALUE_NULL_INIT);
    value_set(a, &v, STR("granted_by"), value_string(g->granted_by));
    value_set(a, &v, STR("created_at"), show_time(a, g->created_us));
    value_set(a, &v, STR("expires_at"), show_time(a, g->expires_us));
    return v;
}

static void list_access(api_call *c) {
    store *s;
    store_user *users;
    store_grant *grants;
    size_t user_count, count;
    err e = {0};
    int64_t now_us = server_now(call_server(c));
    if (!people_reader(c, &s)) return;
    if (store_users(s, c->a, &users, &user_count, &e) < 0 ||
        store_grants(s, c->a, 0, &grants, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++) {
        const store_user *user = user_of(users, user_count, grants[i].user_id);
        bool over = grants[i].expires_us && grants[i].expires_us <= now_us;
        if (user && !over) value_push(c->a, &items, show_access(c->a, user, &grants[i]));
    }
    api_page(c, &items, NULL);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const api_field user_path[] = {
    {.name = "user_id", .type = API_INTEGER, .min = 1, .help = "Number of an account."}, {0}};
static const api_field token_path[] = {
    {.name = "token_id", .type = API_INTEGER, .min = 1, .help = "Number of a token."}, {0}};
static const api_field tokens_query[] = {
    {.name = "all",
     .type = API_BOOLEAN,
     .fallback = "false",
     .help = "Everybody's, where you may read who may do what."},
    {0}};
static const api_field user_fields[] = {
    {.name = "id", .type = API_INTEGER, .required = true, .help = "Number."},
    {.name = "name", .type = API_STRING, .required = true, .help = "Unique without case."},
    {.name = "email", .type = API_STRING, .required = true, .nullable = true, .help = "Address."},
    {.name = "state",
     .type = API_WORD,
     .words = user_state_words,
     .required = true,
     .help = "Who is disabled cannot come in."},
    {.name = "has_password",
     .type = API_BOOLEAN,
     .required = true,
     .help = "False until an invitation is used."},
    {.name = "created_at", .type = API_TIME, .required = true, .help = "When it was made."},
    {.name = "seen_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "The last sign-in."},
    {0}};
static const api_field new_user_fields[] = {
    {.name = "name", .type = API_STRING, .required = true, .max = 64, .help = "Of the account."},
    {.name = "email", .type = API_STRING, .max = 254, .help = "Address."},
    {.name = "role",
     .type = API_WORD,
     .words = access_role_words,
     .help = "A role for the whole server."},
    {0}};
static const api_field invited_fields[] = {
    {.name = "user", .type = API_OBJECT, .schema = "User", .required = true, .help = "Account."},
    {.name = "link",
     .type = API_STRING,
     .required = true,
     .help = "A URL that sets the password, once, within a day. It is not shown again."},
    {0}};
static const api_field change_user_fields[] = {
    {.name = "name", .type = API_STRING, .max = 64, .help = "New name."},
    {.name = "email", .type = API_STRING, .max = 254, .nullable = true, .help = "New address."},
    {.name = "state", .type = API_WORD, .words = user_state_words, .help = "New state."},
    {0}};
static const api_field token_fields[] = {
    {.name = "id", .type = API_INTEGER, .required = true, .help = "Number."},
    {.name = "user_id", .type = API_INTEGER, .required = true, .help = "Whose it is."},
    {.name = "name", .type = API_STRING, .required = true, .help = "What it is for."},
    {.name = "scopes",
     .type = API_LIST,
     .items = API_STRING,
     .required = true,
     .help = "Rights that it has, as far as its owner has them."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .required = true,
     .nullable = true,
     .help = "The one repository that it is for."},
    {.name = "created_at", .type = API_TIME, .required = true, .help = "When it was made."},
    {.name = "expires_at", .type = API_TIME, .required = true, .help = "When it ends."},
    {.name = "used_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "When it was used last, to a minute."},
    {0}};
static const api_field new_token_fields[] = {
    {.name = "name", .type = API_STRING, .required = true, .max = 100, .help = "What it is for."},
    {.name = "scopes",
     .type = API_LIST,
     .items = API_STRING,
     .required = true,
     .max = ACCESS_RIGHT_COUNT,
     .help = "Names of rights."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .min = 1,
     .nullable = true,
     .help = "For one repository only."},
    {.name = "days",
     .type = API_INTEGER,
     .min = 1,
     .max = TOKEN_DAYS_MAX,
     .help = "After which it ends; 90 when it is not said."},
    {0}};
static const api_field made_token_fields[] = {
    {.name = "item", .type = API_OBJECT, .schema = "Token", .required = true, .help = "It."},
    {.name = "token",
     .type = API_STRING,
     .required = true,
     .help = "What goes after \"Authorization: Bearer\". It is not shown again."},
    {0}};
static const api_field access_fields[] = {
    {.name = "grant_id", .type = API_INTEGER, .required = true, .help = "Number of the grant."},
    {.name = "user", .type = API_OBJECT, .schema = "User", .required = true, .help = "Who."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .required = true,
     .nullable = true,
     .help = "Where; null: everywhere."},
    {.name = "role",
     .type = API_WORD,
     .words = access_role_words,
     .required = true,
     .help = "As what."},
    {.name = "elevation_id",
     .type = API_INTEGER,
     .required = true,
     .nullable = true,
     .help = "The request that it came from; it ends by itself."},
    {.name = "granted_by", .type = API_STRING, .required = true, .help = "Who gave it."},
    {.name = "created_at", .type = API_TIME, .required = true, .help = "Since when."},
    {.name = "expires_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "Until when."},
    {0}};
static const api_schema schemas[] = {
    {"User", "An account.", user_fields},
    {"NewUser", "An account to be made.", new_user_fields},
    {"InvitedUser", "An account with its one-time link.", invited_fields},
    {"UserChange", "What is to be changed.", change_user_fields},
    {"Token", "A token, without what lets one in.", token_fields},
    {"NewToken", "A token to be made.", new_token_fields},
    {"MadeToken", "A token, the one time that it is shown.", made_token_fields},
    {"Access", "What somebody may do somewhere.", access_fields},
};
const api_schemas people_schemas = {schemas, sizeof schemas / sizeof *schemas};

#define ROUTE(name, how, where, says, what)                                                        \
    .id = name, .method = how, .path = "/api/v1/" where, .tag = "people", .summary = says,         \
    .auth = API_PERSON, .right = what

static const api_route rows[] = {
    {ROUTE("users.list", "GET", "users", "Accounts", RIGHT_ACCESS_READ), .answer = "User",
     .flags = API_PAGED, .handle = list_users},
    {ROUTE("users.add", "POST", "users", "Make an account, and invite", RIGHT_ACCESS_WRITE),
     .body = "NewUser", .answer = "InvitedUser", .status = 201, .handle = add_user},
    {ROUTE("users.change", "PATCH", "users/{user_id}", "Change or disable an account",
           RIGHT_ACCESS_WRITE),
     .parameters = user_path, .body = "UserChange", .answer = "User", .handle = change_user},
    {ROUTE("users.recover", "POST", "users/{user_id}/recovery",
           "A link by which a password is set anew", RIGHT_ACCESS_WRITE),
     .parameters = user_path, .answer = "InvitedUser", .status = 201, .handle = recover_user},
    {ROUTE("tokens.list", "GET", "tokens", "Your tokens", RIGHT_PROFILE), .query = tokens_query,
     .answer = "Token", .flags = API_PAGED, .handle = list_tokens},
    {ROUTE("tokens.add", "POST", "tokens", "Make a token", RIGHT_PROFILE), .body = "NewToken",
     .answer = "MadeToken", .status = 201, .handle = add_token},
    {ROUTE("tokens.remove", "DELETE", "tokens/{token_id}", "Revoke a token", RIGHT_PROFILE),
     .parameters = token_path, .status = 204, .handle = remove_token},
    {ROUTE("access.list", "GET", "access", "Who may do what", RIGHT_ACCESS_READ),
     .answer = "Access", .flags = API_PAGED, .handle = list_access},
};
const api_routes people_routes = {rows, sizeof rows / sizeof *rows};
