/* api.c: from a request to its handler. */
#include "server/api_parts.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define BODY_DEFAULT (1u << 20)
#define RATE_BUCKETS 65536
#define ROUTES_MAX   1000

/* ---- tables -----------------------------------------------------------------------------------
 */

static bool has_field(const api_field *f, str name) {
    for (; f && f->name; f++) {
        if (str_is(name, f->name)) return true;
    }
    return false;
}

static int judge_names(const api *s, const api_route *r, err *e) {
    const char *const named[] = {r->body, r->answer};
    for (size_t i = 0; i < 2; i++) {
        if (named[i] && !api_schema_named(s, named[i]))
            return err_set(e, ERR_INVALID, "route %s: there is no schema %s", r->id, named[i]);
    }
    return 0;
}

/* What a route may not be. */
static int judge_route(const api *s, const api_pattern *p, err *e) {
    const api_route *r = p->route;
    str name;
    if (!r->handle || !r->summary || !r->tag)
        return err_set(e, ERR_INVALID, "route %s lacks a handler, a summary or a tag", r->id);
    if (r->auth == API_PERSON && r->right == RIGHT_NONE)
        return err_set(e, ERR_INVALID, "route %s needs no right, but is not public", r->id);
    if (r->flags & API_IDEMPOTENT && !str_is(str_from(r->method), "POST"))
        return err_set(e, ERR_INVALID, "route %s: only a POST takes Idempotency-Key", r->id);
    if (r->flags & API_CACHED && (!str_is(str_from(r->method), "GET") || !r->answer))
        return err_set(e, ERR_INVALID, "route %s: only a GET of JSON is cached", r->id);
    for (size_t i = 0; i < p->count; i++) {
        if (api_segment_name(p->segments[i], &name) && !has_field(r->parameters, name))
            return err_set(e, ERR_INVALID, "route %s does not describe its '%.*s'", r->id,
                           STR_ARG(name));
    }
    for (size_t i = 0; i < s->pattern_count; i++) {
        const api_route *o = s->patterns[i].route;
        if (strcmp(o->id, r->id) == 0 ||
            (strcmp(o->path, r->path) == 0 && strcmp(o->method, r->method) == 0))
            return err_set(e, ERR_INVALID, "route %s stands twice", r->id);
    }
    return judge_names(s, r, e);
}

static int add_routes(api *s, const api_routes *t, err *e) {
    for (size_t i = 0; i < t->count; i++) {
        api_pattern p;
        if (s->pattern_count == ROUTES_MAX)
            return err_set(e, ERR_LIMIT, "there are more than %d routes", ROUTES_MAX);
        if (api_pattern_parse(s->a, t->rows[i].path, &p, e) < 0) return e->code;
        p.route = &t->rows[i];
        if (judge_route(s, &p, e) < 0) return e->code;
        s->patterns[s->pattern_count++] = p;
    }
    return 0;
}

static int judge_schemas(const api *s, err *e) {
    for (size_t i = 0; i <= s->config.schema_tables; i++) {
        const api_schemas *t = i ? &s->config.schemas[i - 1] : &api_own_schemas;
        for (size_t k = 0; k < t->count; k++) {
            for (const api_field *f = t->rows[k].fields; f->name; f++) {
                if (f->schema && !api_schema_named(s, f->schema))
                    return err_set(e, ERR_INVALID, "schema %s: there is no schema %s",
                                   t->rows[k].name, f->schema);
                if (f->type == API_WORD && !f->words)
                    return err_set(e, ERR_INVALID, "schema %s: %s has no words", t->rows[k].name,
                                   f->name);
            }
        }
    }
    return 0;
}

static int add_tables(api *s, err *e) {
    if (add_routes(s, &api_own_routes, e) < 0) return e->code;
    for (size_t i = 0; i < s->config.route_tables; i++) {
        if (add_routes(s, &s->config.routes[i], e) < 0) return e->code;
    }
    return judge_schemas(s, e);
}

int api_new(const api_config *config, api **ret, err *e) {
    err ignored = {0};
    if (!e) e = &ignored;
    api *s = mem_alloc(sizeof *s);
    s->config = *config;
    s->a = arena_new();
    s->patterns = ARENA_ARRAY(s->a, api_pattern, ROUTES_MAX);
    pthread_mutex_init(&s->rate_lock, NULL);
    s->rates = rate_new(RATE_BUCKETS);
    s->cache = api_cache_new(config->cache_bytes);
    if (add_tables(s, e) < 0) {
        api_free(s);
        return e->code;
    }
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    api_openapi_write(s, &text);
    s->document = arena_str(s->a, strbuf_str(&text));
    *ret = s;
    return 0;
}

void api_free(api *s) {
    if (!s) return;
    api_cache_free(s->cache);
    rate_free(s->rates);
    pthread_mutex_destroy(&s->rate_lock);
    arena_free(s->a);
    free(s);
}

void *api_context(const api *s) {
    return s->config.context;
}

str api_document(const api *s) {
    return s->document;
}

const api_route *api_route_at(const api *s, size_t index) {
    return index < s->pattern_count ? s->patterns[index].route : NULL;
}

bool api_find_open_route(const api *s, const char *const *public_ids, const api_route **ret) {
    for (size_t i = 0; i < s->pattern_count; i++) {
        const api_route *r = s->patterns[i].route;
        bool open = r->auth == API_PUBLIC || (r->auth == API_PERSON && r->right == RIGHT_NONE);
        for (const char *const *p = public_ids; open && *p; p++) {
            if (strcmp(*p, r->id) == 0) open = false;
        }
        if (!open) continue;
        *ret = r;
        return true;
    }
    return false;
}

/* ---- the head is in ---------------------------------------------------------------------------
 */

/* True when the caller is known, or need not be; else it is answered. */
static bool authenticate(api_call *c) {
    const api_config *k = &c->s->config;
    err e = {0};
    if (c->route->auth == API_PUBLIC) return true;
    if (k->authenticate(k->context, c, &e) == 0 && c->caller.kind != API_NOBODY) return true;
    if (e.code != ERR_NOT_FOUND) api_report(c, "an identity was refused: %s", e.message);
    httpd_add_header(c->r, "WWW-Authenticate", STR("Bearer realm=\"slipway\""));
    api_problem(c, 401,
                e.code == ERR_NOT_FOUND ? "this needs a session or a token"
                                        : "the session or token that came along does not hold");
    return false;
}

/* Which identities a route takes. */
static bool is_of_kind(const api_call *c) {
    switch (c->route->auth) {
    case API_PUBLIC: return true;
    case API_PERSON: return c->caller.kind == API_SESSION || c->caller.kind == API_TOKEN;
    case API_AGENT: return c->caller.kind == API_IS_AGENT;
    case API_WEBHOOK: return c->caller.kind == API_IS_WEBHOOK;
    }
    return false;
}

static bool is_allowed(api_call *c) {
    const api_config *k = &c->s->config;
    const api_route *r = c->route;
    if (!is_of_kind(c)) {
        api_problem(c, 403, "this is not for callers of your kind");
        return false;
    }
    if (r->auth != API_PERSON || r->scope == API_PROJECT) return true;
    if (k->may(k->context, c, r->right, 0)) return true;
    api_problem(c, 403, "this needs the right %s", right_name(r->right));
    return false;
}

static bool is_rated(api_call *c) {
    if (!c->route->rate) return true;
    str who = c->peer;
    if (c->caller.kind != API_NOBODY)
        who = arena_printf(c->a, "%d %lld", (int)c->caller.kind, (long long)c->caller.id);
    return api_guard_rate(c, c->route->rate, who);
}

static bool identify(api_call *c) {
    return authenticate(c) && is_allowed(c) && api_guard_origin(c) && is_rated(c);
}

static bool find_route(api_call *c, api_found *f) {
    str path = httpd_request_target(c->r)->path;
    if (api_find(c->s, c->a, httpd_method(c->r), path, f)) {
        c->route = f->pattern->route;
        return true;
    }
    if (f->allow.len) {
        httpd_add_header(c->r, "Allow", f->allow);
        api_problem(c, 405, "this takes %.*s only", STR_ARG(f->allow));
    } else if (!api_asset_answer(c)) {
        api_problem(c, 404, "there is nothing at this path");
    }
    return false;
}

static bool read_parameters(api_call *c, const api_found *f) {
    api_read_path(c, f);
    if (c->error_count) {
        api_problem(c, 404, "there is nothing at this path");
        return false;
    }
    api_read_query(c);
    if (c->error_count) api_problem(c, 400, "the request's parameters do not fit");
    return !c->error_count;
}

static bool prepare_for_body(api_call *c) {
    const api_route *r = c->route;
    uint64_t size = httpd_body_size(c->r);
    c->received_max = r->body_bytes ? r->body_bytes : BODY_DEFAULT;
    if (!r->body && !(r->flags & API_RAW)) c->received_max = 0;
    if (size != UINT64_MAX && size > c->received_max) {
        api_problem(c, 413, "the body may have %zu bytes here", c->received_max);
        return false;
    }
    if (r->flags & API_MATCHED && !c->match.len) {
        api_problem(c, 428, "this needs If-Match, with the ETag that was read");
        return false;
    }
    return true;
}

static api_call *call_new(api *s, httpd_request *r) {
    arena *a = httpd_arena(r);
    api_call *c = ARENA_NEW(a, api_call);
    c->s = s;
    c->r = r;
    c->a = a;
    c->request_id = httpd_request_id(r);
    c->peer = httpd_peer(r);
    c->host = arena_str(a, httpd_header(r, "Host"));
    c->match = arena_str(a, httpd_header(r, "If-Match"));
    c->none_match = arena_str(a, httpd_header(r, "If-None-Match"));
    c->secure = httpd_secure(r);
    c->path = c->query = c->body = value_object_new(a, true);
    httpd_set_state(r, c);
    return c;
}

static void on_begin(void *context, httpd_request *r) {
    api *s = context;
    api_found f;
    api_call *c = call_new(s, r);
    if (!api_guard_host(c)) return;
    /* What comes through the data folder's door is of this machine. */
    bool rated = s->config.rate_count && !httpd_local(r);
    if (rated && !api_guard_rate(c, s->config.rates[0].name, c->peer)) return;
    if (!find_route(c, &f)) return;
    if (c->route->auth != API_WEBHOOK && !identify(c)) return;
    if (!api_guard_types(c) || !read_parameters(c, &f) || !prepare_for_body(c)) return;
    if (c->route->flags & API_CACHED) api_cache_answer(c);
}

/* ---- the body is in ---------------------------------------------------------------------------
 */

static void on_body(void *context, httpd_request *r, str piece) {
    (void)context;
    api_call *c = httpd_state(r);
    if (c->received.len + piece.len > c->received_max)
        api_problem(c, 413, "the body may have %zu bytes here", c->received_max);
    else
        strbuf_add(&c->received, piece);
}

static bool read_body(api_call *c) {
    err e = {0};
    c->raw = strbuf_str(&c->received);
    if (!c->route->body) return true;
    if (json_parse(c->a, c->raw, 0, &c->body, &e) < 0) {
        api_problem(c, 400, "the request's body is no JSON: %s", e.message);
        return false;
    }
    api_check_body(c);
    return !api_refuse(c);
}

static void on_end(void *context, httpd_request *r) {
    (void)context;
    api_call *c = httpd_state(r);
    if (!read_body(c)) return;
    if (c->route->auth == API_WEBHOOK && !identify(c)) return;
    if (!api_repeat_begin(c)) return;
    c->route->handle(c);
}

static void on_gone(void *context, httpd_request *r) {
    (void)context;
    api_call *c = httpd_state(r);
    strbuf_done(&c->received);
    if (c->repeatable) api_repeat_end(c, 500, NULL, STR_EMPTY, STR_EMPTY);
}

httpd_handler api_handler(api *s) {
    return (httpd_handler){s, on_begin, on_body, on_end, on_gone};
}

str api_cookie(api_call *c, const char *name) {
    str one, key, text, all = httpd_header(c->r, "Cookie");
    while (all.len) {
        str_cut(all, ';', &one, &all);
        if (str_cut(str_trim(one), '=', &key, &text) && str_is(key, name))
            return arena_str(c->a, text);
    }
    return STR_EMPTY;
}
