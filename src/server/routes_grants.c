/* routes_grants.c: roles that are given, and those that are asked for, for a time. */
#include "server/people.h"
#include "server/routes.h"
#include "server/show.h"

#define MINUTES_MAX 480

static int64_t repository_of(const api_call *c) {
    const value *v = value_get(&c->body, STR("repository_id"));
    return v && v->kind == VALUE_NUMBER ? (int64_t)v->number : 0;
}

static int judge_place(core_tx *tx, int64_t repository, str *ret_name, err *e) {
    store_repository row;
    *ret_name = STR_EMPTY;
    if (!repository) return 0;
    int r = store_repository_by_id(tx->store, tx->a, repository, &row, e);
    if (r == 0) *ret_name = row.name;
    return r;
}

/* ---- grants --------------------------------------------------------------------------------- */

static int record_grant(core_tx *tx, const char *action, const store_grant *g, err *e) {
    store_user user;
    str project;
    int r = store_user_by_id(tx->store, tx->a, g->user_id, &user, e);
    if (r == 0) r = judge_place(tx, g->repository, &project, e);
    if (r < 0) return r;
    value details = value_object_new(tx->a, true);
    value_set(tx->a, &details, STR("role"), value_string(g->role));
    change k = {.action = action,
                .kind = "user",
                .id = user.id,
                .name = user.name,
                .project = project,
                .details = details};
    return change_record(tx, &k, e);
}

static int do_grant(core_tx *tx, api_call *c, err *e) {
    store_grant *g = c->data, *rows;
    size_t count;
    g->created_us = tx->now_us;
    g->granted_by = tx->by.actor.name;
    int r = store_grants(tx->store, tx->a, g->user_id, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (!rows[i].elevation && rows[i].repository == g->repository &&
            str_eq(rows[i].role, g->role))
            r = err_set(e, ERR_INVALID, "the account has this role there already");
    }
    if (r == 0) r = record_grant(tx, "access.grant", g, e);
    people_changed(tx);
    return r < 0 ? r : store_grant_add(tx->store, g, e);
}

static void answer_grant(api_call *c) {
    const store_grant *g = c->data;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("grant_id"), value_number((double)g->id));
    api_created(c, arena_printf(c->a, "/api/v1/grants/%lld", (long long)g->id), &v);
}

static void add_grant(api_call *c) {
    store_grant *g = c->data = ARENA_NEW(c->a, store_grant);
    *g = (store_grant){.user_id = (int64_t)value_get(&c->body, STR("user_id"))->number,
                       .repository = repository_of(c),
                       .role = value_path_str(&c->body, "role")};
    if (api_permit(c, g->repository)) call_core(c, do_grant, answer_grant);
}

static int do_revoke(core_tx *tx, api_call *c, err *e) {
    const store_grant *g = c->data;
    int r = record_grant(tx, "access.revoke", g, e);
    if (r == 0) r = store_grant_remove(tx->store, g->id, e);
    if (r == 0) r = people_keep_administrator(tx, e);
    people_changed(tx);
    return r;
}

static void remove_grant(api_call *c) {
    store *s;
    store_grant *g = c->data = ARENA_NEW(c->a, store_grant);
    err e = {0};
    if (!people_reader(c, &s)) return;
    int r = store_grant_by_id(s, c->a, api_path_int(c, "grant_id"), g, &e);
    if (r < 0 && r != ERR_NOT_FOUND)
        api_fail(c, &e);
    else if (api_permit(c, r < 0 ? -1 : g->repository))
        call_core(c, do_revoke, api_no_content);
}

/* ---- elevations ----------------------------------------------------------------------------- */

static value show_elevation(arena *a, const store_elevation *x, str name) {
    value v = value_object_new(a, true);
    value_set(a, &v, STR("id"), value_number((double)x->id));
    value_set(a, &v, STR("user_id"), value_number((double)x->user_id));
    value_set(a, &v, STR("user_name"), value_string(name));
    value_set(a, &v, STR("repository_id"),
              x->repository ? value_number((double)x->repository) : VALUE_NULL_INIT);
    value_set(a, &v, STR("role"), value_string(x->role));
    value_set(a, &v, STR("minutes"), value_number((double)(x->seconds / 60)));
    value_set(a, &v, STR("reason"), value_string(x->reason));
    value_set(a, &v, STR("state"), value_cstring(elevation_state_words[x->state]));
    value_set(a, &v, STR("decided_by"),
              x->decided_by.len ? value_string(x->decided_by) : VALUE_NULL_INIT);
    value_set(a, &v, STR("created_at"), show_time(a, x->created_us));
    value_set(a, &v, STR("decided_at"), show_time(a, x->decided_us));
    value_set(a, &v, STR("ends_at"), show_time(a, x->ends_us));
    return v;
}

static str name_of(store *s, arena *a, int64_t id) {
    store_user user;
    err ignored = {0};
    return store_user_by_id(s, a, id, &user, &ignored) == 0 ? user.name : STR_EMPTY;
}

/* One's own, and those where one may read who may do what. */
static void list_elevations(api_call *c) {
    store *s;
    store_elevation *rows;
    size_t count;
    err e = {0};
    const value *from = c->cursor.kind == VALUE_ARRAY ? c->cursor.array.items : NULL;
    int64_t before = from ? (int64_t)from->number : 0;
    if (!people_reader(c, &s)) return;
    if (store_elevations(s, c->a, before, c->limit + 1, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    bool more = count > c->limit;
    value items = value_array_new(c->a), next = value_array_new(c->a);
    for (size_t i = 0; i < count - more; i++) {
        bool own = rows[i].user_id == people_identity(c)->user;
        if (own || people_may(c, RIGHT_ACCESS_READ, rows[i].repository))
            value_push(c->a, &items,
                       show_elevation(c->a, &rows[i], name_of(s, c->a, rows[i].user_id)));
    }
    if (more) value_push(c->a, &next, value_number((double)rows[count - 2].id));
    api_page(c, &items, more ? &next : NULL);
}

static int record_elevation(core_tx *tx, const char *action, const store_elevation *x, str reason,
                            err *e) {
    str project;
    int r = judge_place(tx, x->repository, &project, e);
    if (r < 0) return r;
    value details = value_object_new(tx->a, true);
    value_set(tx->a, &details, STR("role"), value_string(x->role));
    value_set(tx->a, &details, STR("user"), value_number((double)x->user_id));
    value_set(tx->a, &details, STR("seconds"), value_number((double)x->seconds));
    change k = {.action = action,
                .kind = "elevation",
                .id = x->id,
                .name = name_of(tx->store, tx->a, x->user_id),
                .project = project,
                .reason = reason,
                .details = details};
    return change_record(tx, &k, e);
}

static int do_request(core_tx *tx, api_call *c, err *e) {
    store_elevation *x = c->data;
    x->created_us = tx->now_us;
    int r = store_elevation_add(tx->store, x, e);
    return r < 0 ? r : record_elevation(tx, "elevation.request", x, x->reason, e);
}

static void answer_request(api_call *c) {
    const store_elevation *x = c->data;
    value v = show_elevation(c->a, x, c->caller.name);
    api_created(c, arena_printf(c->a, "/api/v1/elevations/%lld", (long long)x->id), &v);
}

static void request_elevation(api_call *c) {
    const identity *id = people_identity(c);
    store_elevation *x = c->data = ARENA_NEW(c->a, store_elevation);
    *x = (store_elevation){
        .user_id = id->user,
        .repository = repository_of(c),
        .role = value_path_str(&c->body, "role"),
        .seconds = (int64_t)value_get(&c->body, STR("minutes"))->number * 60,
        .reason = value_path_str(&c->body, "reason"),
    };
    if (id->owner)
        api_problem(c, 403, "the owner of the data folder may do everything already");
    else
        call_core(c, do_request, answer_request);
}

/* In a command: what is decided is what is there now. */
static int find_elevation(core_tx *tx, api_call *c, elevation_state state, store_elevation *ret,
                          err *e) {
    int r = store_elevation_by_id(tx->store, tx->a, api_path_int(c, "elevation_id"), ret, e);
    if (r == 0 && ret->state != state)
        r = err_set(e, ERR_INVALID, "the elevation is %s", elevation_state_words[ret->state]);
    return r;
}

static int decide(core_tx *tx, api_call *c, elevation_state state, store_elevation *x, err *e) {
    int r = find_elevation(tx, c, ELEVATION_REQUESTED, x, e);
    if (r < 0) return r;
    if (x->user_id == people_identity(c)->user)
        return err_set(e, ERR_INVALID, "somebody else must decide about your own request");
    x->state = state;
    x->decided_by = tx->by.actor.name;
    x->decided_us = tx->now_us;
    return 0;
}

static int do_approve(core_tx *tx, api_call *c, err *e) {
    store_elevation x;
    int r = decide(tx, c, ELEVATION_APPROVED, &x, e);
    if (r < 0) return r;
    x.ends_us = tx->now_us + x.seconds * 1000000;
    store_grant g = {.user_id = x.user_id,
                     .repository = x.repository,
                     .role = x.role,
                     .elevation = x.id,
                     .granted_by = x.decided_by,
                     .created_us = tx->now_us,
                     .expires_us = x.ends_us};
    r = store_elevation_put(tx->store, &x, e);
    if (r == 0) r = store_grant_add(tx->store, &g, e);
    people_changed(tx);
    return r < 0 ? r : record_elevation(tx, "elevation.approve", &x, x.reason, e);
}

static int do_deny(core_tx *tx, api_call *c, err *e) {
    store_elevation x;
    int r = decide(tx, c, ELEVATION_DENIED, &x, e);
    if (r == 0) r = store_elevation_put(tx->store, &x, e);
    return r < 0 ? r : record_elevation(tx, "elevation.deny", &x, STR_EMPTY, e);
}

static int do_end(core_tx *tx, api_call *c, err *e) {
    store_elevation x;
    int r = find_elevation(tx, c, ELEVATION_APPROVED, &x, e);
    if (r == 0 && x.user_id != people_identity(c)->user &&
        !people_may(c, RIGHT_ACCESS_WRITE, x.repository))
        r = err_set(e, ERR_NOT_FOUND, "there is no such elevation");
    x.state = ELEVATION_ENDED;
    if (r == 0) r = store_elevation_put(tx->store, &x, e);
    if (r == 0) r = store_grants_remove_of_elevation(tx->store, x.id, e);
    people_changed(tx);
    return r < 0 ? r : record_elevation(tx, "elevation.end", &x, STR_EMPTY, e);
}

/* Who may decide is who could give the role for good. */
static bool may_decide(api_call *c) {
    store *s;
    store_elevation x;
    err e = {0};
    if (!people_reader(c, &s)) return false;
    int r = store_elevation_by_id(s, c->a, api_path_int(c, "elevation_id"), &x, &e);
    if (r < 0 && r != ERR_NOT_FOUND) {
        api_fail(c, &e);
        return false;
    }
    return api_permit(c, r < 0 ? -1 : x.repository);
}

static void approve_elevation(api_call *c) {
    if (may_decide(c)) call_core(c, do_approve, api_no_content);
}

static void deny_elevation(api_call *c) {
    if (may_decide(c)) call_core(c, do_deny, api_no_content);
}

static void end_elevation(api_call *c) {
    call_core(c, do_end, api_no_content);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const api_field grant_path[] = {
    {.name = "grant_id", .type = API_INTEGER, .min = 1, .help = "Number of a grant."}, {0}};
static const api_field elevation_path[] = {
    {.name = "elevation_id", .type = API_INTEGER, .min = 1, .help = "Number of a request."}, {0}};
static const api_field new_grant_fields[] = {
    {.name = "user_id", .type = API_INTEGER, .min = 1, .required = true, .help = "Who."},
    {.name = "role",
     .type = API_WORD,
     .words = access_role_words,
     .required = true,
     .help = "As what."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .min = 1,
     .nullable = true,
     .help = "Where; without it, everywhere."},
    {0}};
static const api_field grant_fields[] = {
    {.name = "grant_id", .type = API_INTEGER, .required = true, .help = "Number of the grant."},
    {0}};
static const api_field new_elevation_fields[] = {
    {.name = "role",
     .type = API_WORD,
     .words = access_role_words,
     .required = true,
     .help = "Which role."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .min = 1,
     .nullable = true,
     .help = "Where; without it, everywhere."},
    {.name = "minutes",
     .type = API_INTEGER,
     .min = 1,
     .max = MINUTES_MAX,
     .required = true,
     .help = "For how long, from the approval on."},
    {.name = "reason", .type = API_STRING, .required = true, .max = 1000, .help = "What for."},
    {0}};
static const api_field elevation_fields[] = {
    {.name = "id", .type = API_INTEGER, .required = true, .help = "Number."},
    {.name = "user_id", .type = API_INTEGER, .required = true, .help = "Who asks."},
    {.name = "user_name", .type = API_STRING, .required = true, .help = "Who asks."},
    {.name = "repository_id",
     .type = API_INTEGER,
     .required = true,
     .nullable = true,
     .help = "Where; null: everywhere."},
    {.name = "role",
     .type = API_WORD,
     .words = access_role_words,
     .required = true,
     .help = "Which role."},
    {.name = "minutes", .type = API_INTEGER, .required = true, .help = "For how long."},
    {.name = "reason", .type = API_STRING, .required = true, .help = "What for."},
    {.name = "state",
     .type = API_WORD,
     .words = elevation_state_words,
     .required = true,
     .help = "What has become of it."},
    {.name = "decided_by",
     .type = API_STRING,
     .required = true,
     .nullable = true,
     .help = "Who has approved or denied it."},
    {.name = "created_at", .type = API_TIME, .required = true, .help = "When it was asked for."},
    {.name = "decided_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "When that was."},
    {.name = "ends_at",
     .type = API_TIME,
     .required = true,
     .nullable = true,
     .help = "When it ends by itself."},
    {0}};
static const api_schema schemas[] = {
    {"NewGrant", "A role to be given.", new_grant_fields},
    {"Grant", "A role that was given.", grant_fields},
    {"NewElevation", "A role that is asked for, for a time.", new_elevation_fields},
    {"Elevation", "A request for a role, and what has become of it.", elevation_fields},
};
const api_schemas grants_schemas = {schemas, sizeof schemas / sizeof *schemas};

#define ROUTE(name, how, where, says, what)                                                        \
    .id = name, .method = how, .path = "/api/v1/" where, .tag = "people", .summary = says,         \
    .auth = API_PERSON, .right = what

static const api_route rows[] = {
    {ROUTE("grants.add", "POST", "grants", "Give a role", RIGHT_ACCESS_WRITE), .scope = API_PROJECT,
     .body = "NewGrant", .answer = "Grant", .status = 201, .flags = API_IDEMPOTENT,
     .handle = add_grant},
    {ROUTE("grants.remove", "DELETE", "grants/{grant_id}", "Take a role away", RIGHT_ACCESS_WRITE),
     .scope = API_PROJECT, .parameters = grant_path, .status = 204, .handle = remove_grant},
    {ROUTE("elevations.list", "GET", "elevations", "Requests for a role, the newest first",
           RIGHT_PROFILE),
     .answer = "Elevation", .flags = API_PAGED, .handle = list_elevations},
    {ROUTE("elevations.request", "POST", "elevations", "Ask for a role, for a time", RIGHT_PROFILE),
     .body = "NewElevation", .answer = "Elevation", .status = 201, .flags = API_IDEMPOTENT,
     .handle = request_elevation},
    {ROUTE("elevations.approve", "POST", "elevations/{elevation_id}/approve",
           "Approve somebody else's request", RIGHT_ACCESS_WRITE),
     .scope = API_PROJECT, .parameters = elevation_path, .status = 204, .flags = API_IDEMPOTENT,
     .handle = approve_elevation},
    {ROUTE("elevations.deny", "POST", "elevations/{elevation_id}/deny",
           "Deny somebody else's request", RIGHT_ACCESS_WRITE),
     .scope = API_PROJECT, .parameters = elevation_path, .status = 204, .flags = API_IDEMPOTENT,
     .handle = deny_elevation},
    {ROUTE("elevations.end", "POST", "elevations/{elevation_id}/end", "End it before its time",
           RIGHT_PROFILE),
     .parameters = elevation_path, .status = 204, .flags = API_IDEMPOTENT, .handle = end_elevation},
};
const api_routes grants_routes = {rows, sizeof rows / sizeof *rows};
