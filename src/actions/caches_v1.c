/* caches_v1.c: the cache protocol of @actions/cache before version 4, which newer ones still speak
 * to servers that are not github.com.
 *
 *   GET   cache?keys=A,B&version=V   200 {cacheKey, archiveLocation, …} or 204
 *   GET   caches?key=K               200 {totalCount, artifactCaches}: for debugging
 *   POST  caches {key, version}      201 {cacheId}, or 409
 *   PATCH caches/ID                  bytes, with Content-Range
 *   POST  caches/ID {size}           204 */
#include "actions/service.h"

#include "base/json.h"

#include <unistd.h>

#define LIST_MAX   100
#define JSON_DEPTH 8

static void fail(call *c, const err *e) {
    twirp_error(c, twirp_of(e), e->message);
}

static void put_common(call *c, value *out, const store_cache *x) {
    str created;
    format_timestamp(c->a, x->created_us, &created);
    value_set_str(c->a, out, "cacheKey", x->key);
    value_set_str(c->a, out, "cacheVersion", x->version);
    value_set_str(c->a, out, "scope", x->scope);
    value_set_str(c->a, out, "creationTime", created);
}

/* ---- looking up ----------------------------------------------------------------------------- */

static void get_cache(call *c) {
    str text, version, keys[KEYS_MAX];
    size_t count = 0;
    store_cache found;
    err e = {0};
    httpd_target_query(httpd_request_target(c->r), "keys", &text);
    httpd_target_query(httpd_request_target(c->r), "version", &version);
    while (text.len && count < KEYS_MAX) {
        str_cut(text, ',', &keys[count], &text);
        if (keys[count].len) count++;
    }
    pthread_mutex_lock(&c->s->lock);
    int r = cache_lookup(c->s, c->job, c->a, keys, count, version, &found, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (r == ERR_NOT_FOUND) {
        httpd_answer(c->r, 204, NULL, STR_EMPTY);
        return;
    }
    if (r < 0) {
        fail(c, &e);
        return;
    }
    value out = value_object_new(c->a, true);
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    str path = arena_printf(c->a, "/slipway/caches/%lld", (long long)found.id);
    signed_url(&url, c->s, c->job, path.ptr, "r");
    put_common(c, &out, &found);
    value_set_str(c->a, &out, "archiveLocation", arena_str(c->a, strbuf_str(&url)));
    call_json(c, 200, &out);
}

/* Only those that the job could read as well. */
static void get_list(call *c) {
    str key;
    store_cache *all;
    size_t count = 0;
    err e = {0};
    httpd_target_query(httpd_request_target(c->r), "key", &key);
    pthread_mutex_lock(&c->s->lock);
    int r =
        store_cache_list(c->s->store, c->a, c->job->spec.caches, key, LIST_MAX, &all, &count, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (r < 0) {
        fail(c, &e);
        return;
    }
    value out = value_object_new(c->a, true), list = value_array_new(c->a);
    for (size_t i = 0; i < count; i++) {
        bool may = false;
        for (size_t k = 0; k < c->job->scope_count; k++)
            may |= str_eq(c->job->scopes[k], all[i].scope);
        if (!may) continue;
        value one = value_object_new(c->a, true);
        put_common(c, &one, &all[i]);
        value_push(c->a, &list, one);
    }
    value_set(c->a, &out, STR("totalCount"), value_number((double)value_count(&list)));
    value_set(c->a, &out, STR("artifactCaches"), list);
    call_json(c, 200, &out);
}

/* ---- saving --------------------------------------------------------------------------------- */

static bool read_body(call *c, value *ret) {
    if (json_parse(c->a, strbuf_str(&c->body), JSON_DEPTH, ret, NULL) == 0 &&
        ret->kind == VALUE_OBJECT)
        return true;
    twirp_error(c, TWIRP_MALFORMED, "the request's body is no JSON object");
    return false;
}

static void on_reserve(call *c) {
    value in, out = value_object_new(c->a, true);
    str key, version;
    uint64_t size;
    upload *u;
    bool exists = false;
    err e = {0};
    if (!read_body(c, &in)) return;
    if (!twirp_text(&in, "key", &key) || !twirp_text(&in, "version", &version) ||
        !twirp_number(&in, "cacheSize", &size)) {
        twirp_error(c, TWIRP_MALFORMED, "a field of the request has the wrong type");
        return;
    }
    if (size > c->s->limits.cache_bytes || size > c->s->limits.upload_bytes) {
        twirp_error(c, TWIRP_INVALID, "the cache is over the limit of all caches together");
        return;
    }
    pthread_mutex_lock(&c->s->lock);
    int r = cache_reserve(c->s, c->job, key, version, &u, &exists, &e);
    if (r == 0) value_set(c->a, &out, STR("cacheId"), value_number(u->number));
    pthread_mutex_unlock(&c->s->lock);
    if (r == 0)
        call_json(c, 201, &out);
    else
        twirp_error(c, exists ? TWIRP_EXISTS : twirp_of(&e), e.message);
}

/* "bytes 0-99/" and anything: the whole size is told at the end. */
static bool read_range(str header, stretch *ret) {
    str unit, range, first, last;
    uint64_t from, to;
    if (!str_cut(header, ' ', &unit, &range) || !str_is(unit, "bytes")) return false;
    str_cut(range, '/', &range, &unit);
    str_cut(range, '-', &first, &last);
    if (!str_to_uint(first, INT64_MAX / 2, &from) || !str_to_uint(last, INT64_MAX / 2, &to) ||
        to < from)
        return false;
    *ret = (stretch){from, to + 1};
    return true;
}

static void on_stretch(call *c) {
    err e = {0};
    stretch x = {0, 0};
    read_range(httpd_header(c->r, "Content-Range"), &x);
    if (c->received != x.to - x.from)
        twirp_error(c, TWIRP_INVALID, "the body has not the length that Content-Range tells");
    else if (upload_put_stretch(c->s, c->upload, x, &e) < 0)
        fail(c, &e);
    else
        httpd_answer(c->r, 204, NULL, STR_EMPTY);
}

static void begin_stretch(call *c) {
    err e = {0};
    stretch x;
    if (!read_range(httpd_header(c->r, "Content-Range"), &x)) {
        twirp_error(c, TWIRP_INVALID, "Content-Range is missing or malformed");
        return;
    }
    if (x.to > c->s->limits.upload_bytes) {
        twirp_error(c, TWIRP_EXHAUSTED, "the cache is over the limit of one upload");
        return;
    }
    if (upload_ranged_file(c->s, c->upload, &c->fd, &e) < 0) {
        fail(c, &e);
        return;
    }
    c->offset = (int64_t)x.from;
    call_store(c, x.to - x.from, on_stretch);
}

static void on_commit(call *c) {
    value in;
    uint64_t size;
    int64_t id;
    err e = {0};
    if (!read_body(c, &in)) return;
    if (!twirp_number(&in, "size", &size)) {
        twirp_error(c, TWIRP_MALFORMED, "a field of the request has the wrong type");
        return;
    }
    int r = upload_commit_stretches(c->s, c->upload, size, &e);
    pthread_mutex_lock(&c->s->lock);
    if (r == 0 && c->upload->dropped) r = err_set(&e, ERR_NOT_FOUND, "the job has ended");
    if (r == 0) r = cache_finish(c->s, c->upload, &id, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (r < 0)
        fail(c, &e);
    else
        httpd_answer(c->r, 204, NULL, STR_EMPTY);
}

void caches_v1_begin(call *c, str rest) {
    str method = httpd_method(c->r), kind, id;
    uint64_t number;
    str_cut(rest, '/', &kind, &id);
    if (str_is(rest, "cache") && str_is(method, "GET")) {
        get_cache(c);
    } else if (str_is(rest, "caches") && str_is(method, "GET")) {
        get_list(c);
    } else if (str_is(rest, "caches") && str_is(method, "POST")) {
        call_collect(c, JSON_BODY_MAX, on_reserve);
    } else if (str_is(kind, "caches") && str_to_uint(id, UINT32_MAX, &number)) {
        pthread_mutex_lock(&c->s->lock);
        c->upload = upload_take_number(c->s, c->job, (uint32_t)number);
        pthread_mutex_unlock(&c->s->lock);
        if (!c->upload)
            twirp_error(c, TWIRP_NOT_FOUND, "the job has not reserved this cache");
        else if (str_is(method, "PATCH"))
            begin_stretch(c);
        else if (str_is(method, "POST"))
            call_collect(c, JSON_BODY_MAX, on_commit);
        else
            twirp_error(c, TWIRP_BAD_ROUTE, "caches are sent by PATCH and ended by POST");
    } else {
        twirp_error(c, TWIRP_BAD_ROUTE, "the cache service has no such resource");
    }
}
