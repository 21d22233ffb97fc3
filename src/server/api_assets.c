/* api_assets.c: the files of the web page, which are part of the program. */
#include "server/api_parts.h"

static const api_asset *find(const api *s, str path) {
    for (size_t i = 0; i < s->config.asset_count; i++) {
        if (str_is(path, s->config.assets[i].path)) return &s->config.assets[i];
    }
    return NULL;
}

static bool takes(str accepted, const char *coding) {
    str one, name, parameters;
    while (accepted.len) {
        str_cut(accepted, ',', &one, &accepted);
        str_cut(one, ';', &name, &parameters);
        parameters = str_trim(parameters);
        if (str_eq_nocase(str_trim(name), str_from(coding)))
            return !str_is(parameters, "q=0") && !str_is(parameters, "q=0.0");
    }
    return false;
}

static str choose(const api_asset *f, str accepted, const char **ret_coding) {
    const struct {
        const char *name;
        str bytes;
    } forms[] = {{"br", f->brotli}, {"zstd", f->zstd}, {"gzip", f->gzip}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!forms[i].bytes.len || !takes(accepted, forms[i].name)) continue;
        *ret_coding = forms[i].name;
        return forms[i].bytes;
    }
    *ret_coding = NULL;
    return f->bytes;
}

static void answer(api_call *c, const api_asset *f) {
    const char *coding;
    str bytes = choose(f, httpd_header(c->r, "Accept-Encoding"), &coding);
    c->answered = true;
    api_add_headers(c, str_starts(str_from(f->type), STR("text/html")));
    httpd_add_header(c->r, "Vary", STR("Accept-Encoding"));
    httpd_add_header(c->r, "ETag", str_from(f->etag));
    httpd_add_header(c->r, "Cache-Control",
                     f->immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    if (c->none_match.len && api_etag_listed(c->none_match, str_from(f->etag))) {
        httpd_answer(c->r, 304, NULL, STR_EMPTY);
        return;
    }
    if (coding) httpd_add_header(c->r, "Content-Encoding", str_from(coding));
    httpd_answer(c->r, 200, f->type, bytes);
}

/* Paths that are no page of the UI, also where nothing is. */
static bool is_of_machines(str path) {
    static const char *const beginnings[] = {"/api/", "/audit/", "/hooks/", "/agent/", "/assets/"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (str_starts(path, str_from(beginnings[i]))) return true;
    }
    return false;
}

bool api_asset_answer(api_call *c) {
    const api_config *k = &c->s->config;
    str path = httpd_request_target(c->r)->path, method = httpd_method(c->r);
    if (!str_is(method, "GET") && !str_is(method, "HEAD")) return false;
    const api_asset *f = find(c->s, path);
    bool page = k->page && !is_of_machines(path) && httpd_header(c->r, "Accept").len &&
                api_accepts(httpd_header(c->r, "Accept"), STR("text/html"));
    if (!f && page) f = find(c->s, str_from(k->page));
    if (!f) return false;
    answer(c, f);
    return true;
}
