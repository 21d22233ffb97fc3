/* api_guard.c: what must hold before a handler is called. */
#include "server/api_parts.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- the host ---------------------------------------------------------------------------------
 */

/* Without a port and brackets. */
static str bare_host(str host) {
    if (host.len && host.ptr[0] == '[') {
        ptrdiff_t end = str_find_char(host, ']');
        return end < 0 ? host : str_sub(host, 1, (size_t)end);
    }
    ptrdiff_t colon = str_rfind_char(host, ':');
    return colon < 0 ? host : str_sub(host, 0, (size_t)colon);
}

static bool is_address(str host) {
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (host.len >= sizeof text) return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* A page of another name must not reach us by making that name point here (DNS rebinding). */
bool api_guard_host(api_call *c) {
    str host = bare_host(c->host);
    if (httpd_local(c->r) || str_eq_nocase(host, STR("localhost")) || is_address(host)) return true;
    for (const char *const *h = c->s->config.hosts; h && *h; h++) {
        if (str_eq_nocase(host, str_from(*h))) return true;
    }
    api_problem(c, 421, "this server does not go by the name '%.*s'; its names are a setting",
                STR_ARG(host));
    return false;
}

/* ---- how often ------------------------------------------------------------------------------- */

bool api_guard_rate(api_call *c, const char *class_name, str who) {
    const api_config *k = &c->s->config;
    const rate_class *class = NULL;
    for (size_t i = 0; i < k->rate_count && !class; i++) {
        if (strcmp(k->rates[i].name, class_name) == 0) class = &k->rates[i];
    }
    if (!class) return true;
    pthread_mutex_lock(&c->s->rate_lock);
    unsigned seconds = rate_take(c->s->rates, class, who, k->now_us(k->context));
    pthread_mutex_unlock(&c->s->rate_lock);
    if (!seconds) return true;
    api_busy(c, 429, seconds, "too many requests");
    return false;
}

/* ---- where a browser's request comes from -----------------------------------------------------
 */

static bool is_safe(str method) {
    return str_is(method, "GET") || str_is(method, "HEAD") || str_is(method, "OPTIONS");
}

/* Origin must name the host that was asked. The scheme may differ behind a proxy that encrypts. */
static bool is_own_origin(str origin, str host) {
    str rest = STR_EMPTY;
    if (str_starts(origin, STR("https://")))
        rest = str_sub(origin, 8, origin.len);
    else if (str_starts(origin, STR("http://")))
        rest = str_sub(origin, 7, origin.len);
    return rest.len && str_eq_nocase(rest, host);
}

bool api_guard_origin(api_call *c) {
    if (is_safe(httpd_method(c->r))) return true;
    if (c->caller.kind != API_SESSION && c->caller.kind != API_NOBODY) return true;
    str origin = httpd_header(c->r, "Origin");
    str site = httpd_header(c->r, "Sec-Fetch-Site");
    if ((origin.len && !is_own_origin(origin, c->host)) || str_is(site, "cross-site")) {
        api_problem(c, 403, "the request comes from a page of another site");
        return false;
    }
    if (c->caller.kind == API_NOBODY) return true;
    str token = httpd_header(c->r, "X-CSRF-Token");
    if (c->caller.csrf.len && bytes_same(token, c->caller.csrf)) return true;
    api_problem(c, 403, "a session's request that changes something needs its X-CSRF-Token");
    return false;
}

/* ---- types ------------------------------------------------------------------------------------
 */

bool api_accepts(str accept, str type) {
    str one, range, parameters;
    str group = STR_EMPTY, ignored;
    if (!accept.len) return true;
    str_cut(type, '/', &group, &ignored);
    while (accept.len) {
        str_cut(accept, ',', &one, &accept);
        str_cut(one, ';', &range, &parameters);
        range = str_trim(range);
        str kind, sub;
        str_cut(range, '/', &kind, &sub);
        bool fits = str_eq_nocase(range, type) || str_is(range, "*/*") ||
                    (str_is(sub, "*") && str_eq_nocase(kind, group));
        parameters = str_trim(parameters);
        if (fits && !str_is(parameters, "q=0") && !str_is(parameters, "q=0.0")) return true;
    }
    return false;
}

static bool is_json(str type) {
    str name, ignored;
    str_cut(type, ';', &name, &ignored);
    return str_eq_nocase(str_trim(name), STR("application/json"));
}

bool api_guard_types(api_call *c) {
    const api_route *r = c->route;
    const char *type = r->answer ? "application/json" : r->type;
    if (type && !api_accepts(httpd_header(c->r, "Accept"), str_from(type))) {
        api_problem(c, 406, "this answers with %s only", type);
        return false;
    }
    if (r->body && !is_json(httpd_header(c->r, "Content-Type"))) {
        httpd_add_header(c->r, "Accept-Post", STR("application/json"));
        api_problem(c, 415, "the request's body must be application/json");
        return false;
    }
    return true;
}
