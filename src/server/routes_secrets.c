/* routes_secrets.c: secrets and variables of the server, a repository or an environment. What a
 * secret is goes in and never comes out: neither here, nor in the audit log, which has a digest of
 * the sealed text. */
#include "server/people.h"
#include "server/routes.h"
#include "server/secrets.h"
#include "server/show.h"

#include "base/hash.h"
#include "trust/vault.h"

#include <string.h>

#define NAME_MAX_BYTES 200
#define BODY_MAX       ((size_t)VAULT_SECRET_MAX * 6 + 4096) /* JSON escapes a byte as "\u0000" */

static value show_secret(arena *a, const store_secret *x) {
    value v = value_object_new(a, true);
    value_set(a, &v, STR("name"), value_string(x->name));
    value_set(a, &v, STR("repository_id"),
              x->repository ? value_number((double)x->repository) : VALUE_NULL_INIT);
    value_set(a, &v, STR("environment"),
              x->environment.len ? value_string(x->environment) : VALUE_NULL_INIT);
    if (x->kind == SECRET_VARIABLE) value_set(a, &v, STR("value"), value_string(x->content));
    value_set(a, &v, STR("written_by"), value_string(x->written_by));
    value_set(a, &v, STR("created_at"), show_time(a, x->created_us));
    value_set(a, &v, STR("updated_at"), show_time(a, x->updated_us));
    return v;
}

static secret_kind kind_of(const api_call *c) {
    return strncmp(c->route->id, "variables.", 10) == 0 ? SECRET_VARIABLE : SECRET_SEALED;
}

static int64_t place_of(const api_call *c) {
    return api_has_query(c, "repository_id") ? api_query_int(c, "repository_id") : 0;
}

static void list(api_call *c) {
    store *s;
    store_secret *rows;
    size_t count;
    err e = {0};
    int64_t repository = place_of(c);
    secret_kind kind = kind_of(c);
    if (!api_permit(c, repository) || !people_reader(c, &s)) return;
    if (store_secrets_of(s, c->a, repository, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == kind) value_push(c->a, &items, show_secret(c->a, &rows[i]));
    }
    api_page(c, &items, NULL);
}

/* Names are GitHub's: letters, digits and underscores, in upper case, none of its own. */
static bool read_name(api_call *c, str *ret) {
    str given = api_path_str(c, "name");
    char *name = arena_cstr(c->a, given);
    bool fits = given.len && given.len <= NAME_MAX_BYTES && !(name[0] >= '0' && name[0] <= '9');
    for (size_t i = 0; i < given.len && fits; i++) {
        if (name[i] >= 'a' && name[i] <= 'z') name[i] = (char)(name[i] - 'a' + 'A');
        bool letter = name[i] >= 'A' && name[i] <= 'Z';
        fits = letter || (name[i] >= '0' && name[i] <= '9') || name[i] == '_';
    }
    *ret = (str){name, given.len};
    if (fits && !str_starts(*ret, STR("GITHUB_"))) return true;
    api_problem(c, 422,
                "a name has letters, digits and _, begins with no digit and not with GITHUB_");
    return false;
}

static int record(core_tx *tx, const char *what, const store_secret *x, err *e) {
    store_repository repository = {0};
    char digest[65];
    value details = value_object_new(tx->a, true);
    int r =
        x->repository ? store_repository_by_id(tx->store, tx->a, x->repository, &repository, e) : 0;
    if (r < 0) return r;
    sha256_hex(x->content, digest);
    if (x->environment.len)
        value_set(tx->a, &details, STR("environment"), value_string(x->environment));
    if (x->content.len) value_set_str(tx->a, &details, "digest", str_from(digest));
    const char *kind = secret_kind_words[x->kind];
    change k = {.action = arena_cstr(tx->a, arena_printf(tx->a, "%s.%s", kind, what)),
                .kind = kind,
                .id = x->id,
                .name = x->name,
                .project = repository.name,
                .details = details};
    return change_record(tx, &k, e);
}

static int do_set(core_tx *tx, api_call *c, err *e) {
    const store_secret *want = c->data;
    store_secret row;
    err none = {0};
    int r = store_secret_find(tx->store, tx->a, want->kind, want->repository, want->environment,
                              want->name, &row, &none);
    if (r == ERR_NOT_FOUND) row = (store_secret){.created_us = tx->now_us};
    int64_t id = row.id, created_us = row.created_us;
    row = *want;
    row.id = id;
    row.created_us = created_us;
    row.updated_us = tx->now_us;
    row.written_by = tx->by.actor.name;
    if (r == ERR_NOT_FOUND)
        r = store_secret_add(tx->store, &row, e);
    else if (r == 0)
        r = store_secret_put(tx->store, &row, e);
    else
        *e = none;
    return r < 0 ? r : record(tx, "set", &row, e);
}

/* It is sealed here, so that it never waits for the core in plain. */
static void set(api_call *c) {
    server *s = call_server(c);
    store_secret *x = c->data = ARENA_NEW(c->a, store_secret);
    str text = value_path_str(&c->body, "value");
    *x = (store_secret){.kind = kind_of(c),
                        .repository = place_of(c),
                        .environment = api_query_str(c, "environment"),
                        .content = text};
    if (!api_permit(c, x->repository) || !read_name(c, &x->name)) return;
    if (x->environment.len && !x->repository) api_wrong(c, "/environment", "needs repository_id");
    if (api_refuse(c)) return;
    if (x->kind == SECRET_SEALED) {
        strbuf sealed = STRBUF_INIT;
        vault_seal(s->vault, secrets_place(c->a, x), text, &sealed);
        x->content = arena_str(c->a, strbuf_str(&sealed));
        strbuf_done(&sealed);
    }
    call_core(c, do_set, api_no_content);
}

static int do_remove(core_tx *tx, api_call *c, err *e) {
    const store_secret *want = c->data;
    store_secret row;
    int r = store_secret_find(tx->store, tx->a, want->kind, want->repository, want->environment,
                              want->name, &row, e);
    if (r == 0) r = store_secret_remove(tx->store, row.id, e);
    return r < 0 ? r : record(tx, "remove", &row, e);
}

static void remove_one(api_call *c) {
    store_secret *x = c->data = ARENA_NEW(c->a, store_secret);
    *x = (store_secret){.kind = kind_of(c),
                        .repository = place_of(c),
                        .environment = api_query_str(c, "environment")};
    if (api_permit(c, x->repository) && read_name(c, &x->name))
        call_core(c, do_remove, api_no_content);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const api_field name_path[] = {
    {.name = "name", .type = API_STRING, .max = NAME_MAX_BYTES, .help = "Name."}, {0}};
static const api_field list_query[] = {
    {.name = "repository_id",
     .type = API_INTEGER,
     .min = 1,
     .help = "Of this repository; without it, of the whole server."},
    {0}};
static const api_field place_query[] = {
    {.name = "repository_id",
     .type = API_INTEGER,
     .min = 1,
     .help = "Of this repository; without it, of the whole server."},
    {.name = "environment",
     .type = API_STRING,
     .max = 200,
     .help = "Only for jobs with this environment."},
    {0}};
static const api_field set_fields[] = {
    {.name = "value",
     .type = API_STRING,
     .required = true,
     .max = VAULT_SECRET_MAX,
     .help = "At most 48 KiB. Of a secret it is never given back."},
    {0}};
#define SHARED                                                                                     \
    {.name = "name", .type = API_STRING, .required = true, .help = "Upper case."},                 \
        {.name = "repository_id",                                                                  \
         .type = API_INTEGER,                                                                      \
         .required = true,                                                                         \
         .nullable = true,                                                                         \
         .help = "Null: the whole server."},                                                       \
        {.name = "environment",                                                                    \
         .type = API_STRING,                                                                       \
         .required = true,                                                                         \
         .nullable = true,                                                                         \
         .help = "Null: of all jobs."},                                                            \
        {.name = "written_by", .type = API_STRING, .required = true, .help = "Who set it last."},  \
        {.name = "created_at", .type = API_TIME, .required = true, .help = "Since when it is."}, { \
        .name = "updated_at", .type = API_TIME, .required = true, .help = "When it was set last."  \
    }
static const api_field secret_fields[] = {SHARED, {0}};
static const api_field variable_fields[] = {
    SHARED, {.name = "value", .type = API_STRING, .required = true, .help = "What it is."}, {0}};
static const api_schema schemas[] = {
    {"SecretValue", "What a secret or a variable shall be.", set_fields},
    {"Secret", "That there is a secret.", secret_fields},
    {"Variable", "A variable.", variable_fields},
};
const api_schemas secrets_schemas = {schemas, sizeof schemas / sizeof *schemas};

#define ROUTE(name, how, where, says, what)                                                        \
    .id = name, .method = how, .path = "/api/v1/" where, .tag = "secrets", .summary = says,        \
    .auth = API_PERSON, .scope = API_PROJECT, .right = what

static const api_route rows[] = {
    {ROUTE("secrets.list", "GET", "secrets", "Which secrets there are", RIGHT_SECRETS_READ),
     .query = list_query, .answer = "Secret", .flags = API_PAGED, .handle = list},
    {ROUTE("secrets.set", "PUT", "secrets/{name}", "Set a secret", RIGHT_SECRETS_WRITE),
     .parameters = name_path, .query = place_query, .body = "SecretValue", .body_bytes = BODY_MAX,
     .status = 204, .handle = set},
    {ROUTE("secrets.remove", "DELETE", "secrets/{name}", "Remove a secret", RIGHT_SECRETS_WRITE),
     .parameters = name_path, .query = place_query, .status = 204, .handle = remove_one},
    {ROUTE("variables.list", "GET", "variables", "The variables", RIGHT_SECRETS_READ),
     .query = list_query, .answer = "Variable", .flags = API_PAGED, .handle = list},
    {ROUTE("variables.set", "PUT", "variables/{name}", "Set a variable", RIGHT_SECRETS_WRITE),
     .parameters = name_path, .query = place_query, .body = "SecretValue", .body_bytes = BODY_MAX,
     .status = 204, .handle = set},
    {ROUTE("variables.remove", "DELETE", "variables/{name}", "Remove a variable",
           RIGHT_SECRETS_WRITE),
     .parameters = name_path, .query = place_query, .status = 204, .handle = remove_one},
};
const api_routes secrets_routes = {rows, sizeof rows / sizeof *rows};
