/* routes_intake.c: what tells a server that something has happened. */
#include "server/intake.h"
#include "server/routes.h"

#include "base/json.h"

static int do_accept(core_tx *tx, api_call *c, err *e) {
    store_incoming *in = c->data;
    in->actor = arena_str(tx->a, c->caller.name);
    return intake_accept(tx, in, e);
}

static void answer_accepted(api_call *c) {
    const store_incoming *in = c->data;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("event_id"), value_number((double)in->id));
    api_json(c, 202, &v);
}

static void dispatch(api_call *c) {
    int64_t repository = api_path_int(c, "repository_id");
    store_incoming *in = ARENA_NEW(c->a, store_incoming);
    if (!api_permit(c, repository)) return;
    *in = (store_incoming){.repository = repository,
                           .source = STR("api"),
                           .delivery = c->request_id,
                           .event = STR("workflow_dispatch"),
                           .payload = json_text(c->a, &c->body)};
    c->data = in;
    call_core(c, do_accept, answer_accepted);
}

/* The hook of a repository: each change is a row of its own, in their order. */
typedef struct pushes {
    int64_t repository;
    value changes;
    str delivery, pusher;
    size_t accepted;
} pushes;

static int do_pushes(core_tx *tx, api_call *c, err *e) {
    pushes *p = c->data;
    int r = 0;
    p->accepted = 0;
    for (size_t i = 0; i < value_count(&p->changes) && r == 0; i++) {
        err why = {0};
        store_incoming in = {
            .repository = p->repository,
            .source = STR("hook"),
            .event = STR("push"),
            .actor = p->pusher.len ? p->pusher : c->caller.name,
            .payload = json_text(tx->a, &p->changes.array.items[i]),
            .delivery = arena_printf(tx->a, "%.*s %zu", STR_ARG(p->delivery), i),
        };
        if (store_incoming_known(tx->store, &in)) continue;
        r = intake_accept(tx, &in, &why);
        if (r < 0) *e = why;
        p->accepted += r == 0;
    }
    return r;
}

static void answer_pushes(api_call *c) {
    const pushes *p = c->data;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("accepted"), value_number((double)p->accepted));
    api_json(c, 202, &v);
}

/* By the path of a local one, else by its name. */
static int find_pushed(api_call *c, store_repository *ret, err *e) {
    str path = value_path_str(&c->body, "path"), name = value_path_str(&c->body, "repository");
    store_repository *rows;
    size_t count = 0;
    store *s;
    int r = server_reader(call_server(c), &s, e);
    if (r == 0) r = store_repositories(s, c->a, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        bool is_it = rows[i].kind == REPOSITORY_LOCAL && path.len && str_eq(rows[i].url, path);
        if (!is_it) continue;
        *ret = rows[i];
        return 0;
    }
    return r < 0 ? r : store_repository_by_name(s, c->a, name, ret, e);
}

static void take_pushes(api_call *c) {
    store_repository repository = {.id = -1};
    err e = {0};
    int r = find_pushed(c, &repository, &e);
    if (r < 0 && r != ERR_NOT_FOUND) {
        api_fail(c, &e);
        return;
    }
    if (!api_permit(c, r < 0 ? -1 : repository.id)) return;
    pushes *p = c->data = ARENA_NEW(c->a, pushes);
    const value *changes = value_get(&c->body, STR("changes"));
    *p = (pushes){.repository = repository.id,
                  .changes = changes ? *changes : VALUE_NULL_INIT,
                  .delivery = value_path_str(&c->body, "delivery"),
                  .pusher = value_path_str(&c->body, "pusher")};
    call_core(c, do_pushes, answer_pushes);
}

/* One ref, by a program that knows what it does. */
static void pushed(api_call *c) {
    int64_t repository = api_path_int(c, "repository_id");
    store_incoming *in = ARENA_NEW(c->a, store_incoming);
    if (!api_permit(c, repository)) return;
    *in = (store_incoming){
        .repository = repository,
        .source = STR("hook"),
        .event = STR("push"),
        .payload = json_text(c->a, &c->body),
        .delivery = arena_printf(c->a, "%.*s %.*s", STR_ARG(value_path_str(&c->body, "ref")),
                                 STR_ARG(c->request_id)),
    };
    c->data = in;
    call_core(c, do_accept, answer_accepted);
}

static const api_field repository_path[] = {
    {.name = "repository_id", .type = API_INTEGER, .min = 1, .help = "Number of a repository."},
    {0}};
static const api_field dispatch_fields[] = {
    {.name = "workflow",
     .type = API_STRING,
     .required = true,
     .help = "The workflow's file (ci.yml) or name."},
    {.name = "ref",
     .type = API_STRING,
     .help = "A branch or the full name of a ref; else the default branch."},
    {.name = "inputs", .type = API_OBJECT, .help = "Its inputs."},
    {0}};
static const api_field push_fields[] = {
    {.name = "ref", .type = API_STRING, .required = true, .help = "The full name of the ref."},
    {.name = "before",
     .type = API_STRING,
     .required = true,
     .help = "The commit before; zeros for none."},
    {.name = "after",
     .type = API_STRING,
     .required = true,
     .help = "The commit now; zeros for none."},
    {0}};
static const api_field pushes_fields[] = {
    {.name = "delivery",
     .type = API_STRING,
     .required = true,
     .max = 100,
     .help = "The same when it is sent again."},
    {.name = "repository", .type = API_STRING, .required = true, .help = "\"owner/name\"."},
    {.name = "path",
     .type = API_STRING,
     .max = 4096,
     .help = "The folder of a repository of this machine."},
    {.name = "pusher", .type = API_STRING, .help = "Who pushed, as far as the hook knows."},
    {.name = "pushed_at", .type = API_INTEGER, .help = "Milliseconds since 1970."},
    {.name = "changes",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "Push",
     .required = true,
     .max = 100000,
     .help = "Refs that have changed."},
    {0}};
static const api_field taken_fields[] = {
    {.name = "accepted", .type = API_INTEGER, .required = true, .help = "How many were new."}, {0}};
static const api_field accepted_fields[] = {{.name = "event_id",
                                             .type = API_INTEGER,
                                             .required = true,
                                             .help = "Number of what was accepted."},
                                            {0}};
static const api_schema schemas[] = {
    {"Dispatch", "A workflow to be started by hand.", dispatch_fields},
    {"Push", "A ref that has changed.", push_fields},
    {"Pushes", "What the hook of a repository tells.", pushes_fields},
    {"PushesTaken", "They will be looked at.", taken_fields},
    {"Accepted", "It will be looked at.", accepted_fields},
};
const api_schemas intake_schemas = {schemas, sizeof schemas / sizeof *schemas};

static const api_route rows[] = {
    {.id = "repositories.dispatch",
     .method = "POST",
     .path = "/api/v1/repositories/{repository_id}/dispatch",
     .tag = "repositories",
     .summary = "Start a workflow by hand",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .parameters = repository_path,
     .body = "Dispatch",
     .answer = "Accepted",
     .status = 202,
     .flags = API_IDEMPOTENT,
     .handle = dispatch},
    {.id = "pushes",
     .method = "POST",
     .path = "/api/v1/pushes",
     .tag = "repositories",
     .summary = "Tell what was pushed, as the hook does",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .body = "Pushes",
     .body_bytes = 16u << 20,
     .answer = "PushesTaken",
     .status = 202,
     .flags = API_IDEMPOTENT,
     .handle = take_pushes},
    {.id = "repositories.push",
     .method = "POST",
     .path = "/api/v1/repositories/{repository_id}/push",
     .tag = "repositories",
     .summary = "Tell that a ref has changed",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .parameters = repository_path,
     .body = "Push",
     .answer = "Accepted",
     .status = 202,
     .flags = API_IDEMPOTENT,
     .handle = pushed},
};
const api_routes intake_routes = {rows, sizeof rows / sizeof *rows};
