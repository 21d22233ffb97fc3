/* api_answer.c: how a call is answered.
 *
 * An answer may come from another thread than the one that knows the connection (api_defer), so
 * nothing here asks for a request's headers: what is needed of them was kept in the call. */
#include "server/api_parts.h"

#include "base/hash.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- headers --------------------------------------------------------------------------------- */

void api_report(api_call *c, const char *format, ...) {
    char text[1200];
    va_list args;
    const api_config *k = &c->s->config;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (k->report) k->report(k->context, c->request_id, text);
}

void api_add_headers(api_call *c, bool page) {
    httpd_request *r = c->r;
    httpd_add_header(r, "Content-Security-Policy", page ? STR(API_CSP_PAGE) : STR(API_CSP_ANSWER));
    httpd_add_header(r, "Referrer-Policy", STR("same-origin"));
    httpd_add_header(r, "Cross-Origin-Opener-Policy", STR("same-origin"));
    httpd_add_header(r, "Cross-Origin-Resource-Policy", STR("same-origin"));
    if (c->secure) httpd_add_header(r, "Strict-Transport-Security", STR(API_HSTS));
}

/* ---- versions -------------------------------------------------------------------------------- */

/* RFC 9110, section 13.1.2: weak and strong compare alike; "*" is any. */
bool api_etag_listed(str header, str etag) {
    str one;
    while (header.len) {
        str_cut(header, ',', &one, &header);
        one = str_trim(one);
        if (str_starts(one, STR("W/"))) one = str_sub(one, 2, one.len);
        if (str_is(one, "*") || str_eq(one, etag)) return true;
    }
    return false;
}

static str etag_of_version(arena *a, str version) {
    char hex[65];
    sha256_hex(version, hex);
    return arena_printf(a, "\"%.32s\"", hex);
}

void api_set_version(api_call *c, str version) {
    c->version = arena_str(c->a, version);
}

/* If-Match compares strongly: what is weak never matches. */
static bool is_matched(str header, str etag) {
    str one;
    while (header.len) {
        str_cut(header, ',', &one, &header);
        one = str_trim(one);
        if (str_is(one, "*") || str_eq(one, etag)) return true;
    }
    return false;
}

bool api_match(api_call *c, str version) {
    if (!c->match.len || is_matched(c->match, etag_of_version(c->a, version))) return true;
    api_problem(c, 412, "it has changed since it was read");
    return false;
}

/* ---- one way out ------------------------------------------------------------------------------
 */

static bool is_success(unsigned status) {
    return status >= 200 && status < 300;
}

/* A project's route whose handler has asked for nobody's right. */
static bool is_unjudged(const api_call *c, unsigned status) {
    return c->route && c->route->scope == API_PROJECT && c->route->auth == API_PERSON &&
           is_success(status) && !c->judged;
}

static void send(api_call *c, unsigned status, const char *type, str body, str location) {
    if (c->answered) return;
    c->answered = true;
    if (c->repeatable) api_repeat_end(c, status, type, body, location);
    if (location.len) httpd_add_header(c->r, "Location", location);
    api_add_headers(c, false);
    httpd_answer(c->r, status, type, body);
}

/* True when it was answered: nothing of a project is shown to whom nobody has judged. */
static bool refuse_unjudged(api_call *c, unsigned status) {
    if (!is_unjudged(c, status)) return false;
    api_report(c, "%s answers without having asked for a right", c->route->id);
    api_problem(c, 500, "the server made a mistake");
    return true;
}

static void put(api_call *c, unsigned status, const char *type, str body, str location) {
    if (refuse_unjudged(c, status)) return;
    bool get = c->route && str_is(str_from(c->route->method), "GET");
    if (!get || status != 200) {
        if (c->version.len && is_success(status))
            httpd_add_header(c->r, "ETag", etag_of_version(c->a, c->version));
        send(c, status, type, body, location);
        return;
    }
    str etag = etag_of_version(c->a, c->version.len ? c->version : body);
    httpd_add_header(c->r, "ETag", etag);
    httpd_add_header(c->r, "Cache-Control", STR("private, no-cache"));
    if (c->route->flags & API_CACHED && c->route->answer) api_cache_keep(c, etag, body);
    if (c->none_match.len && api_etag_listed(c->none_match, etag))
        send(c, 304, NULL, STR_EMPTY, STR_EMPTY);
    else
        send(c, status, type, body, location);
}

void api_answer(api_call *c, unsigned status, const char *type, str body) {
    put(c, status, type, body, STR_EMPTY);
}

void api_json_text(api_call *c, unsigned status, str json) {
    put(c, status, "application/json", json, STR_EMPTY);
}

void api_json(api_call *c, unsigned status, const value *body) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, body);
    api_json_text(c, status, strbuf_str(&text));
}

void api_created(api_call *c, str location, const value *body) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, body);
    put(c, 201, "application/json", strbuf_str(&text), location);
}

void api_no_content(api_call *c) {
    put(c, 204, NULL, STR_EMPTY, STR_EMPTY);
}

void api_bytes(api_call *c, unsigned status, const char *type, str bytes) {
    put(c, status, type, bytes, STR_EMPTY);
}

/* The query of the next page: as it was, with the other cursor. */
static str next_target(api_call *c, str cursor) {
    str path, query, one;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str_cut(httpd_raw_target(c->r), '?', &path, &query);
    strbuf_addf(&out, "<%.*s?cursor=%.*s", STR_ARG(path), STR_ARG(cursor));
    while (query.len) {
        str_cut(query, '&', &one, &query);
        if (!str_starts(one, STR("cursor=")) && one.len) strbuf_addf(&out, "&%.*s", STR_ARG(one));
    }
    strbuf_adds(&out, ">; rel=\"next\"");
    return arena_str(c->a, strbuf_str(&out));
}

void api_page(api_call *c, const value *items, const value *next) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_out o = JSON_OUT(&text);
    str cursor = STR_EMPTY;
    if (next) cursor = api_cursor_make(c->a, c->s->config.key, c->route->id, next);
    json_open(&o, '{');
    json_key(&o, "items");
    json_put_value(&o, items);
    json_key(&o, "next");
    if (next)
        json_put_str(&o, cursor);
    else
        json_put_null(&o);
    json_close(&o, '}');
    if (next) {
        c->link = next_target(c, cursor);
        httpd_add_header(c->r, "Link", c->link);
    }
    api_json_text(c, 200, strbuf_str(&text));
}

/* ---- problems -------------------------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *title_of(unsigned status) {
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (titles[i].status == status) return titles[i].title;
    }
    return "Error";
}

static void write_errors(json_out *o, const api_call *c) {
    json_key(o, "errors");
    json_open(o, '[');
    for (size_t i = 0; i < c->error_count; i++) {
        const api_error *x = &c->errors[i];
        json_open(o, '{');
        if (x->parameter.len)
            json_key_str(o, "parameter", x->parameter);
        else
            json_key_str(o, "pointer", x->pointer);
        json_key_str(o, "detail", x->detail);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void problem(api_call *c, unsigned status, str detail) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_out o = JSON_OUT(&text);
    json_open(&o, '{');
    json_key_str(&o, "type", STR("about:blank"));
    json_key_str(&o, "title", str_from(title_of(status)));
    json_key_number(&o, "status", status);
    json_key_str(&o, "detail", detail);
    json_key_str(&o, "instance",
                 arena_printf(c->a, "urn:slipway:request:%.*s", STR_ARG(c->request_id)));
    if (c->error_count) write_errors(&o, c);
    json_close(&o, '}');
    send(c, status, "application/problem+json", strbuf_str(&text), STR_EMPTY);
}

void api_problem(api_call *c, unsigned status, const char *format, ...) {
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    problem(c, status, str_from(text));
}

static unsigned status_of(err_code code) {
    switch (code) {
    case ERR_INVALID: return 422;
    case ERR_LIMIT: return 413;
    case ERR_NOT_FOUND: return 404;
    case ERR_UNSUPPORTED: return 501;
    case ERR_CANCELLED: return 409;
    case ERR_TIMEOUT: return 504;
    case ERR_NONE:
    case ERR_IO:
    case ERR_FAILED: break;
    }
    return 500;
}

void api_fail(api_call *c, const err *e) {
    unsigned status = status_of(e->code);
    if (status != 500) {
        problem(c, status, str_from(e->message));
        return;
    }
    api_report(c, "%s: %s", c->route ? c->route->id : "?", e->message);
    problem(c, 500,
            STR("the server could not do this; its log has the cause under this request's id"));
}

void api_busy(api_call *c, unsigned status, unsigned seconds, const char *detail) {
    httpd_add_header(c->r, "Retry-After", arena_printf(c->a, "%u", seconds));
    problem(c, status, str_from(detail));
}

/* ---- rights, and what comes later --------------------------------------------------------------
 */

bool api_sees(api_call *c, api_project project) {
    const api_config *k = &c->s->config;
    c->judged = true;
    return k->may(k->context, c, c->route->right, project);
}

/* The right with which one may know that something of a kind is there. */
static access_right reading(access_right right) {
    switch (right) {
    case RIGHT_RUNS_WRITE:
    case RIGHT_RUNS_APPROVE:
    case RIGHT_LOGS_READ: return RIGHT_RUNS_READ;
    case RIGHT_AGENTS_WRITE: return RIGHT_AGENTS_READ;
    case RIGHT_SECRETS_WRITE: return RIGHT_SECRETS_READ;
    case RIGHT_ACCESS_WRITE: return RIGHT_ACCESS_READ;
    case RIGHT_SETTINGS_WRITE: return RIGHT_SETTINGS_READ;
    case RIGHT_REPOSITORIES_WRITE: return RIGHT_REPOSITORIES_READ;
    case RIGHT_NONE:
    case RIGHT_PROFILE:
    case RIGHT_RUNS_READ:
    case RIGHT_AGENTS_READ:
    case RIGHT_SECRETS_READ:
    case RIGHT_ACCESS_READ:
    case RIGHT_AUDIT_READ:
    case RIGHT_SETTINGS_READ:
    case RIGHT_REPOSITORIES_READ:
    case ACCESS_RIGHT_COUNT: break;
    }
    return right;
}

bool api_permit(api_call *c, api_project project) {
    const api_config *k = &c->s->config;
    access_right right = c->route->right;
    if (api_sees(c, project)) return true;
    if (reading(right) != right && k->may(k->context, c, reading(right), project))
        api_problem(c, 403, "this needs the right %s", right_name(right));
    else
        api_problem(c, 404, "there is nothing here that you may see");
    return false;
}

void api_defer(api_call *c) {
    httpd_defer(c->r);
}

void api_file(api_call *c, unsigned status, const char *type, int fd, uint64_t from,
              uint64_t size) {
    if (c->answered || refuse_unjudged(c, status)) {
        close(fd);
        return;
    }
    c->answered = true;
    api_add_headers(c, false);
    httpd_add_header(c->r, "Content-Type", str_from(type));
    httpd_answer_file(c->r, status, fd, from, size);
}

httpd_stream *api_stream(api_call *c, const char *type, const httpd_stream_options *how) {
    if (c->answered || refuse_unjudged(c, 200)) return NULL;
    c->answered = true;
    api_add_headers(c, false);
    httpd_add_header(c->r, "X-Accel-Buffering", STR("no")); /* a proxy must not collect it */
    return httpd_stream_open(c->r, 200, type, how);
}
