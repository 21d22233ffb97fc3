#include "scan/secrets/verify_rule.h"

#include "base/hash.h"
#include "base/json.h"

#include <string.h>

#define ANSWER_DEPTH 64

const char *verify_verdict_name(verify_verdict verdict) {
    static const char *const names[VERIFIED_COUNT] = {
        [VERIFIED_UNKNOWN] = "unknown",
        [VERIFIED_ACTIVE] = "active",
        [VERIFIED_INACTIVE] = "inactive",
    };
    return names[verdict];
}

/* ---- the table ------------------------------------------------------------------------------ */

static int check_keys(const toml_node *table, const char *of, const str *known, size_t count,
                      err *e) {
    for (size_t i = 0; i < table->table.count; i++) {
        const toml_pair *p = &table->table.pairs[i];
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = str_eq(p->key, known[k]);
        if (is_known) continue;
        str near = str_nearest(p->key, known, count);
        return err_at(e, ERR_INVALID, p->where, "%s has no key '%.*s'%s%.*s%s", of, STR_ARG(p->key),
                      near.len ? ": did you mean '" : "", STR_ARG(near), near.len ? "'?" : "");
    }
    return 0;
}

static int get_text(const toml_node *table, const char *key, str *ret, err *e) {
    const toml_node *n = toml_get(table, str_from(key));
    if (!n) return 0;
    if (n->kind != TOML_STRING)
        return err_at(e, ERR_INVALID, n->where, "'%s' of 'verify' is %s, not a string", key,
                      toml_kind_name(n->kind));
    *ret = n->text;
    return 0;
}

/* A line of a request ends where its text does. */
static bool is_one_line(str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' || c == 0x7F) return false;
    }
    return true;
}

static int read_method(const toml_node *table, secret_verify *v, err *e) {
    v->method = STR("GET");
    if (get_text(table, "method", &v->method, e) < 0) return e->code;
    if (str_is(v->method, "GET") || str_is(v->method, "POST") || str_is(v->method, "HEAD"))
        return 0;
    return err_at(e, ERR_INVALID, toml_get(table, STR("method"))->where,
                  "'method' is GET, HEAD or POST: asking changes nothing");
}

static bool is_loopback(str host) {
    str name = host;
    ptrdiff_t colon = str_rfind_char(host, ':');
    if (colon >= 0 && !str_ends(host, STR("]"))) name = str_sub(host, 0, (size_t)colon);
    return str_is(name, "127.0.0.1") || str_is(name, "localhost") || str_is(name, "[::1]");
}

/* The host as it stands there: no part of it can come from what was found. */
static str host_of(str url, str scheme) {
    str rest = str_sub(url, scheme.len, url.len);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    str host = str_sub(rest, 0, end);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && !(c && strchr("-.:[]", c))) return STR_EMPTY;
    }
    return host;
}

static int read_url(const toml_node *table, bool loopback, secret_verify *v, err *e) {
    if (get_text(table, "url", &v->url, e) < 0) return e->code;
    const toml_node *n = toml_get(table, STR("url"));
    if (!n) return err_at(e, ERR_INVALID, v->where, "'verify' needs a 'url' to ask");
    bool is_https = str_starts(v->url, STR("https://"));
    bool is_http = loopback && str_starts(v->url, STR("http://"));
    if (is_https) v->host = host_of(v->url, STR("https://"));
    if (is_http) v->host = host_of(v->url, STR("http://"));
    if (!is_https && !(is_http && is_loopback(v->host)))
        return err_at(e, ERR_INVALID, n->where,
                      "'url' of 'verify' must begin with https://: a secret is sent to it");
    if (v->host.len && is_one_line(v->url)) return 0;
    return err_at(e, ERR_INVALID, n->where,
                  "'url' of 'verify' names no host, or one that is not in small letters, digits, "
                  "- and .");
}

static int read_headers(arena *a, const toml_node *table, secret_verify *v, err *e) {
    const toml_node *n = toml_get(table, STR("headers"));
    if (!n) return 0;
    if (n->kind != TOML_TABLE || n->table.count > VERIFY_LIST_MAX)
        return err_at(e, ERR_INVALID, n->where,
                      "'headers' of 'verify' is a table of at most %d names and values",
                      VERIFY_LIST_MAX);
    for (size_t i = 0; i < n->table.count; i++) {
        const toml_pair *p = &n->table.pairs[i];
        bool is_name = p->key.len && is_one_line(p->key) && str_find_char(p->key, ':') < 0;
        if (!is_name || p->item->kind != TOML_STRING || !is_one_line(p->item->text))
            return err_at(e, ERR_INVALID, p->where, "the header '%.*s' is not one line of text",
                          STR_ARG(p->key));
        str line = arena_printf(a, "%.*s: %.*s", STR_ARG(p->key), STR_ARG(p->item->text));
        ARENA_PUSH(a, v->headers.items, v->headers.count, v->headers.cap, line);
    }
    return 0;
}

/* ---- outcomes ------------------------------------------------------------------------------- */

static int add_status(const toml_node *n, verify_outcome *to, err *e) {
    if (n->kind != TOML_INTEGER || n->integer < 100 || n->integer > 599)
        return err_at(e, ERR_INVALID, n->where, "a status is a number from 100 to 599");
    if (to->status_count == VERIFY_LIST_MAX)
        return err_at(e, ERR_LIMIT, n->where, "there are more than %d statuses", VERIFY_LIST_MAX);
    to->statuses[to->status_count++] = (uint16_t)n->integer;
    return 0;
}

typedef int add_fn(arena *a, const toml_node *n, verify_outcome *to, err *e);

static int add_one_status(arena *a, const toml_node *n, verify_outcome *to, err *e) {
    (void)a;
    return add_status(n, to, e);
}

static int add_one_value(arena *a, const toml_node *n, verify_outcome *to, err *e) {
    str text;
    if (n->kind == TOML_STRING)
        text = n->text;
    else if (n->kind == TOML_BOOL)
        text = n->boolean ? STR("true") : STR("false");
    else
        return err_at(e, ERR_INVALID, n->where, "'is' has texts, true and false");
    if (to->values.count == VERIFY_LIST_MAX)
        return err_at(e, ERR_LIMIT, n->where, "there are more than %d values", VERIFY_LIST_MAX);
    ARENA_PUSH(a, to->values.items, to->values.count, to->values.cap, text);
    return 0;
}

/* One, or a list. */
static int add_each(arena *a, const toml_node *n, add_fn *add, verify_outcome *to, err *e) {
    if (n->kind != TOML_ARRAY) return add(a, n, to, e);
    for (size_t i = 0; i < n->array.count; i++) {
        if (add(a, n->array.items[i], to, e) < 0) return e->code;
    }
    return 0;
}

static int read_outcome(arena *a, const toml_node *n, verify_outcome *to, err *e) {
    static const str known[] = {STR_INIT("status"), STR_INIT("field"), STR_INIT("is")};
    if (n->kind == TOML_INTEGER) return add_status(n, to, e);
    if (n->kind != TOML_TABLE)
        return err_at(e, ERR_INVALID, n->where,
                      "an outcome is a status, or a table of 'status', 'field' and 'is'");
    if (check_keys(n, "an outcome of 'verify'", known, 3, e) < 0) return e->code;
    const toml_node *status = toml_get(n, STR("status")), *is = toml_get(n, STR("is"));
    if ((status && add_each(a, status, add_one_status, to, e) < 0) ||
        get_text(n, "field", &to->field, e) < 0 ||
        (is && add_each(a, is, add_one_value, to, e) < 0))
        return e->code;
    if ((to->field.len > 0) != (to->values.count > 0))
        return err_at(e, ERR_INVALID, n->where, "an outcome has 'field' and 'is', or neither");
    if (!to->status_count && !to->field.len)
        return err_at(e, ERR_INVALID, n->where, "an outcome needs a 'status' or a 'field'");
    return 0;
}

static int read_outcomes(arena *a, const toml_node *table, const char *key, verify_outcomes *ret,
                         err *e) {
    const toml_node *n = toml_get(table, str_from(key));
    if (!n) return 0;
    if (n->kind != TOML_ARRAY || n->array.count > VERIFY_LIST_MAX)
        return err_at(e, ERR_INVALID, n->where, "'%s' of 'verify' is a list of at most %d outcomes",
                      key, VERIFY_LIST_MAX);
    ret->items = ARENA_ARRAY(a, verify_outcome, n->array.count);
    for (size_t i = 0; i < n->array.count; i++) {
        if (read_outcome(a, n->array.items[i], &ret->items[ret->count++], e) < 0) return e->code;
    }
    return 0;
}

int secret_verify_read(arena *a, const toml_node *table, bool loopback, secret_verify **ret,
                       err *e) {
    static const str known[] = {STR_INIT("method"),  STR_INIT("url"),  STR_INIT("headers"),
                                STR_INIT("basic"),   STR_INIT("body"), STR_INIT("active"),
                                STR_INIT("inactive")};
    secret_verify *v = ARENA_NEW(a, secret_verify);
    *v = (secret_verify){.where = table->where};
    if (check_keys(table, "'verify'", known, sizeof known / sizeof *known, e) < 0 ||
        read_method(table, v, e) < 0 || read_url(table, loopback, v, e) < 0 ||
        read_headers(a, table, v, e) < 0 || get_text(table, "basic", &v->basic, e) < 0 ||
        get_text(table, "body", &v->body, e) < 0 ||
        read_outcomes(a, table, "active", &v->active, e) < 0 ||
        read_outcomes(a, table, "inactive", &v->inactive, e) < 0)
        return e->code;
    if (!v->active.count)
        return err_at(e, ERR_INVALID, v->where, "'verify' does not say which answers are 'active'");
    *ret = v;
    return 0;
}

/* ---- {{names}} ------------------------------------------------------------------------------ */

/* Cuts "before{{name}}after"; false when there is no name. */
static bool next_name(str text, str *ret_before, str *ret_name, str *ret_after) {
    ptrdiff_t open = str_find(text, STR("{{"));
    ptrdiff_t end = open < 0 ? -1 : str_find(str_sub(text, (size_t)open, text.len), STR("}}"));
    if (end < 0) return false;
    size_t from = (size_t)open, to = from + (size_t)end;
    *ret_before = str_sub(text, 0, from);
    *ret_name = str_trim(str_sub(text, from + 2, to));
    *ret_after = str_sub(text, to + 2, text.len);
    return true;
}

static int check_names(const secret_verify *v, str text, const str *names, unsigned count, err *e) {
    str before, name;
    while (next_name(text, &before, &name, &text)) {
        bool known = str_is(name, "secret");
        for (unsigned i = 1; names && i <= count && !known; i++)
            known = names[i].len && str_eq(names[i], name);
        if (!known)
            return err_at(e, ERR_INVALID, v->where,
                          "'verify' uses {{%.*s}}: there is {{secret}}, and each group of the "
                          "rule's pattern that has a name",
                          STR_ARG(name));
    }
    return 0;
}

int secret_verify_check(const secret_verify *v, const str *names, unsigned count, err *e) {
    if (check_names(v, v->url, names, count, e) < 0 ||
        check_names(v, v->basic, names, count, e) < 0)
        return e->code;
    for (size_t i = 0; i < v->headers.count; i++) {
        if (check_names(v, v->headers.items[i], names, count, e) < 0) return e->code;
    }
    return 0;
}

/* ':' may stand in a path as it is (RFC 3986, section 3.3), and Telegram's tokens have one. */
static void add_to_url(strbuf *out, str text) {
    str part;
    for (bool first = true, more = true; more; first = false) {
        more = str_cut(text, ':', &part, &text);
        if (!first) strbuf_addc(out, ':');
        http_escape(out, part);
    }
}

static bool can_be_sent(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') return false;
    }
    return text.len > 0 && text.len <= VERIFY_VALUE_MAX;
}

static int fill(strbuf *out, str text, const value *values, bool is_url, err *e) {
    str before, name, after;
    while (next_name(text, &before, &name, &after)) {
        const value *v = value_get(values, name);
        if (!v || v->kind != VALUE_STRING || !can_be_sent(v->string))
            return err_set(e, ERR_INVALID, "it cannot stand in a request");
        strbuf_add(out, before);
        if (is_url)
            add_to_url(out, v->string);
        else
            strbuf_add(out, v->string);
        text = after;
    }
    strbuf_add(out, text);
    return 0;
}

static int fill_basic(arena *a, const secret_verify *v, const value *values, const char **ret,
                      err *e) {
    _cleanup_strbuf_ strbuf plain = STRBUF_INIT, line = STRBUF_INIT;
    if (fill(&plain, v->basic, values, false, e) < 0) return e->code;
    strbuf_adds(&line, "Authorization: Basic ");
    base64_encode(&line, strbuf_str(&plain));
    *ret = arena_cstr(a, strbuf_str(&line));
    return 0;
}

int secret_verify_request(arena *a, const secret_verify *v, const value *values, http_request *ret,
                          err *e) {
    const char **headers = ARENA_ARRAY(a, const char *, v->headers.count + 3);
    size_t count = 0;
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    /* GitHub refuses a request without it. */
    headers[count++] = "User-Agent: slipway/" SLIPWAY_VERSION;
    for (size_t i = 0; i < v->headers.count; i++) {
        _cleanup_strbuf_ strbuf line = STRBUF_INIT;
        if (fill(&line, v->headers.items[i], values, false, e) < 0) return e->code;
        headers[count++] = arena_cstr(a, strbuf_str(&line));
    }
    if (v->basic.len && fill_basic(a, v, values, &headers[count++], e) < 0) return e->code;
    if (fill(&url, v->url, values, true, e) < 0) return e->code;
    *ret = (http_request){.method = arena_cstr(a, v->method),
                          .url = arena_cstr(a, strbuf_str(&url)),
                          .headers = headers,
                          .body = v->body};
    return 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static bool is_value(const value *v, str text) {
    if (!v) return false;
    if (v->kind == VALUE_STRING) return str_eq(v->string, text);
    return v->kind == VALUE_BOOL && str_is(text, v->boolean ? "true" : "false");
}

static bool holds(arena *a, const verify_outcomes *outcomes, int status, const value *answer) {
    for (size_t i = 0; i < outcomes->count; i++) {
        const verify_outcome *o = &outcomes->items[i];
        bool match = o->status_count == 0, is = o->field.len == 0;
        for (size_t k = 0; k < o->status_count && !match; k++)
            match = o->statuses[k] == status;
        const value *v = o->field.len ? value_path(answer, arena_cstr(a, o->field)) : NULL;
        for (size_t k = 0; k < o->values.count && !is; k++)
            is = is_value(v, o->values.items[k]);
        if (match && is) return true;
    }
    return false;
}

verify_verdict secret_verify_judge(const secret_verify *v, int status, str body) {
    _cleanup_arena_ arena *a = arena_new();
    value answer = {0};
    err ignored = {0};
    if (json_parse(a, body, ANSWER_DEPTH, &answer, &ignored) < 0)
        answer = value_object_new(a, true);
    bool active = holds(a, &v->active, status, &answer),
         inactive = holds(a, &v->inactive, status, &answer);
    if (active == inactive) return VERIFIED_UNKNOWN;
    return active ? VERIFIED_ACTIVE : VERIFIED_INACTIVE;
}
