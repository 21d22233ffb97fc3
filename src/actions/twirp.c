/* twirp.c: the JSON of Twirp (https://twitchtv.github.io/twirp/docs/spec_v7.html) and of protobuf
 * (https://protobuf.dev/programming-guides/json/): fields in snake_case or lowerCamelCase, 64-bit
 * numbers as text or numbers, wrapped values as what they wrap, times as RFC 3339. Answers are in
 * snake_case, which is what GitHub's service writes. */
#include "actions/service.h"

#include "base/json.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define TWIRP_DEPTH 16

static const struct {
    const char *name;
    unsigned status;
} codes[TWIRP_CODE_COUNT] = {
    [TWIRP_OK] = {"ok", 200},
    [TWIRP_MALFORMED] = {"malformed", 400},
    [TWIRP_INVALID] = {"invalid_argument", 400},
    [TWIRP_UNAUTHENTICATED] = {"unauthenticated", 401},
    [TWIRP_DENIED] = {"permission_denied", 403},
    [TWIRP_NOT_FOUND] = {"not_found", 404},
    [TWIRP_BAD_ROUTE] = {"bad_route", 404},
    [TWIRP_EXISTS] = {"already_exists", 409},
    /* Not 429: a client would come again, and find the same. */
    [TWIRP_EXHAUSTED] = {"resource_exhausted", 413},
    [TWIRP_PRECONDITION] = {"failed_precondition", 412},
    [TWIRP_INTERNAL] = {"internal", 500},
};

static const struct {
    const char *path;
    twirp_method *method;
} methods[] = {
#define ARTIFACTS "github.actions.results.api.v1.ArtifactService/"
#define CACHES    "github.actions.results.api.v1.CacheService/"
    {ARTIFACTS "CreateArtifact", artifact_create},
    {ARTIFACTS "FinalizeArtifact", artifact_finalize},
    {ARTIFACTS "ListArtifacts", artifact_list},
    {ARTIFACTS "GetSignedArtifactURL", artifact_url},
    {ARTIFACTS "DeleteArtifact", artifact_delete},
    {CACHES "CreateCacheEntry", cache_create},
    {CACHES "FinalizeCacheEntryUpload", cache_finalize},
    {CACHES "GetCacheEntryDownloadURL", cache_url},
};

/* ---- fields --------------------------------------------------------------------------------- */

const value *twirp_field(const value *in, const char *name) {
    char camel[64];
    size_t n = 0;
    const value *found = value_get(in, str_from(name));
    for (const char *c = name; *c && n < sizeof camel - 1; c++) {
        if (*c == '_' && c[1]) {
            c++;
            camel[n++] = (char)toupper((unsigned char)*c);
        } else {
            camel[n++] = *c;
        }
    }
    if (!found) found = value_get(in, (str){camel, n});
    return found && found->kind != VALUE_NULL ? found : NULL;
}

bool twirp_text(const value *in, const char *name, str *ret) {
    const value *found = twirp_field(in, name);
    *ret = STR_EMPTY;
    if (!found) return true;
    if (found->kind != VALUE_STRING || str_find_char(found->string, '\0') >= 0) return false;
    *ret = found->string;
    return true;
}

bool twirp_number(const value *in, const char *name, uint64_t *ret) {
    const value *found = twirp_field(in, name);
    *ret = 0;
    if (!found) return true;
    if (found->kind == VALUE_STRING) return str_to_uint(found->string, INT64_MAX, ret);
    bool whole = found->kind == VALUE_NUMBER && found->number >= 0 && found->number < 9e15 &&
                 found->number == (double)(uint64_t)found->number;
    if (whole) *ret = (uint64_t)found->number;
    return whole;
}

bool parse_timestamp(str text, int64_t *ret_us) {
    char copy[40];
    struct tm t = {0};
    int used = 0;
    if (text.len < 20 || text.len >= sizeof copy || str_find_char(text, '\0') >= 0) return false;
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
               &t.tm_min, &t.tm_sec, &used) != 6 ||
        used != 19)
        return false;
    const char *rest = copy + used;
    if (*rest == '.') {
        rest++;
        while (isdigit((unsigned char)*rest))
            rest++;
    }
    if (rest[0] != 'Z' || rest[1] || t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *ret_us = (int64_t)timegm(&t) * 1000000;
    return true;
}

void format_timestamp(arena *a, int64_t us, str *ret) {
    char text[40];
    struct tm t;
    time_t seconds = (time_t)(us / 1000000);
    gmtime_r(&seconds, &t);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t);
    *ret = arena_str(a, (str){text, n});
}

/* ---- calls ---------------------------------------------------------------------------------- */

twirp_code twirp_of(const err *e) {
    switch (e->code) {
    case ERR_NONE: return TWIRP_OK;
    case ERR_INVALID: return TWIRP_INVALID;
    case ERR_LIMIT: return TWIRP_EXHAUSTED;
    case ERR_NOT_FOUND: return TWIRP_NOT_FOUND;
    case ERR_UNSUPPORTED: return TWIRP_INVALID;
    case ERR_IO:
    case ERR_CANCELLED:
    case ERR_TIMEOUT:
    case ERR_FAILED: break;
    }
    return TWIRP_INTERNAL;
}

void twirp_error(call *c, twirp_code code, const char *message) {
    value body = value_object_new(c->a, true);
    value_set_str(c->a, &body, "code", str_from(codes[code].name));
    value_set_str(c->a, &body, "msg", str_from(message));
    /* The cache protocol v1 reads this one. */
    value_set_str(c->a, &body, "message", str_from(message));
    call_json(c, codes[code].status, &body);
}

static twirp_method *find_method(str path) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (str_is(path, methods[i].path)) return methods[i].method;
    }
    return NULL;
}

static void on_call(call *c) {
    str rest = httpd_request_target(c->r)->path;
    value in, out = value_object_new(c->a, true);
    err e = {0};
    twirp_method *method = find_method(str_sub(rest, sizeof "/twirp/" - 1, rest.len));
    if (json_parse(c->a, strbuf_str(&c->body), TWIRP_DEPTH, &in, &e) < 0 ||
        in.kind != VALUE_OBJECT) {
        twirp_error(c, TWIRP_MALFORMED, "the request's body is no JSON object");
        return;
    }
    pthread_mutex_lock(&c->s->lock);
    twirp_code code = c->job->closed ? TWIRP_UNAUTHENTICATED : method(c, &in, &out, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (code == TWIRP_OK)
        call_json(c, 200, &out);
    else
        twirp_error(c, code, e.message[0] ? e.message : "the job has ended");
}

void twirp_begin(call *c, str rest) {
    if (!find_method(rest))
        twirp_error(c, TWIRP_BAD_ROUTE, "Slipway has no such method");
    else if (!str_is(httpd_method(c->r), "POST"))
        twirp_error(c, TWIRP_BAD_ROUTE, "methods are called by POST");
    else if (!str_starts(httpd_header(c->r, "Content-Type"), STR("application/json")))
        twirp_error(c, TWIRP_BAD_ROUTE, "only application/json is understood");
    else
        call_collect(c, JSON_BODY_MAX, on_call);
}
