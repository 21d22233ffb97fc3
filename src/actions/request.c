/* request.c: who calls, and for what.
 *
 *   /twirp/SERVICE/METHOD            the job's token
 *   /_apis/artifactcache/…           the job's token
 *   /slipway/uploads/ID              a signed address that may write
 *   /slipway/artifacts|caches/ID     a signed address that may read
 *   /identity/token                  the job's token for that
 *   /.well-known/…                   nothing: what is there is public
 *
 * Everything else is 404, but only for those who have a token: nobody else learns anything. */
#include "actions/service.h"

#include "actions/jwt.h"
#include "base/hash.h"
#include "base/json.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

int64_t now_seconds(void) {
    return (int64_t)time(NULL);
}

/* ---- signed addresses ----------------------------------------------------------------------- */

static void sign_address(const service *s, str path, str may, str expires, str job_id,
                         char signature[DIGEST_SIZE]) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    uint8_t mac[32];
    strbuf_addf(&text, "address\n%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(path), STR_ARG(may),
                STR_ARG(expires), STR_ARG(job_id));
    hmac_sha256((str){(const char *)s->key, sizeof s->key}, strbuf_str(&text), mac);
    hex_encode(mac, sizeof mac, signature);
}

void signed_url(strbuf *out, const service *s, const job *j, const char *path, const char *may) {
    char expires[24], signature[DIGEST_SIZE];
    snprintf(expires, sizeof expires, "%lld", (long long)now_seconds() + SIGNED_SECONDS);
    sign_address(s, str_from(path), str_from(may), str_from(expires), str_from(j->id), signature);
    strbuf_addf(out, "%s%s?se=%s&sp=%s&job=%s&sig=%s", s->base, path, expires, may, j->id,
                signature);
}

/* The job of a signed address that permits `may`, referenced; NULL when it does not. */
static job *job_of_address(service *s, const httpd_target *t, str may) {
    str expires, granted, id, signature;
    uint64_t until;
    char expected[DIGEST_SIZE];
    httpd_target_query(t, "se", &expires);
    httpd_target_query(t, "sp", &granted);
    httpd_target_query(t, "job", &id);
    httpd_target_query(t, "sig", &signature);
    sign_address(s, t->path, granted, expires, id, expected);
    if (!bytes_same(signature, str_from(expected)) || !str_eq(granted, may) ||
        !str_to_uint(expires, INT64_MAX, &until) || now_seconds() >= (int64_t)until)
        return NULL;
    return job_take(s, id);
}

static job *job_of_token(call *c, const char *use) {
    jwt token;
    service *s = c->s;
    str key = {(const char *)s->key, sizeof s->key};
    if (jwt_check(c->a, key, httpd_bearer(c->r), now_seconds(), &token, NULL) < 0 ||
        !str_is(value_path_str(&token.claims, "use"), use))
        return NULL;
    return job_take(s, value_path_str(&token.claims, "sub"));
}

/* ---- bodies --------------------------------------------------------------------------------- */

void call_json(call *c, unsigned status, const value *body) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, body);
    httpd_answer(c->r, status, "application/json", strbuf_str(&text));
}

void call_collect(call *c, size_t max, void (*end)(call *c)) {
    c->body_max = max;
    c->end = end;
    uint64_t size = httpd_body_size(c->r);
    if (size != UINT64_MAX && size > max)
        twirp_error(c, TWIRP_MALFORMED, "the request's body is too large");
}

void call_store(call *c, uint64_t max, void (*end)(call *c)) {
    c->received_max = max;
    c->end = end;
}

static void store_bytes(call *c, str bytes) {
    err e = {0};
    int r = 0;
    if (c->received + bytes.len > c->received_max)
        r = err_set(&e, ERR_LIMIT, "the request's body is over %llu bytes",
                    (unsigned long long)c->received_max);
    if (r == 0) r = write_all(c->fd, bytes, c->offset, &e);
    if (r < 0) {
        twirp_error(c, twirp_of(&e), e.message);
        return;
    }
    if (c->hash) sha256_add(c->hash, bytes.ptr, bytes.len);
    if (c->offset >= 0) c->offset += (int64_t)bytes.len;
    c->received += bytes.len;
}

static void on_body(void *context, httpd_request *r, str bytes) {
    (void)context;
    call *c = httpd_state(r);
    if (c->fd >= 0)
        store_bytes(c, bytes);
    else if (c->body.len + bytes.len > c->body_max)
        twirp_error(c, TWIRP_MALFORMED, "the request's body is too large");
    else
        strbuf_add(&c->body, bytes);
}

static void on_end(void *context, httpd_request *r) {
    (void)context;
    call *c = httpd_state(r);
    c->end(c);
}

static void on_gone(void *context, httpd_request *r) {
    service *s = context;
    call *c = httpd_state(r);
    uint8_t unused[32];
    if (c->fd >= 0) close(c->fd);
    if (c->path) unlink(c->path);
    if (c->place.path) place_leave(s, c->upload, &c->place);
    if (c->hash) sha256_end(c->hash, unused);
    if (c->upload) upload_release(s, c->upload);
    if (c->job) job_release(s, c->job);
    strbuf_done(&c->body);
}

/* ---- who ------------------------------------------------------------------------------------ */

static bool under(str path, const char *prefix, str *rest) {
    str p = str_from(prefix);
    if (!str_starts(path, p)) return false;
    *rest = str_sub(path, p.len, path.len);
    return true;
}

static void deny(call *c) {
    httpd_add_header(c->r, "WWW-Authenticate", STR("Bearer"));
    twirp_error(c, TWIRP_UNAUTHENTICATED,
                "the token is not valid: it is good only while its job runs, and only for what it "
                "was made for");
}

static void begin_signed(call *c, str rest) {
    str id;
    bool writes = under(rest, "uploads/", &id);
    c->job = job_of_address(c->s, httpd_request_target(c->r), writes ? STR("w") : STR("r"));
    if (c->job)
        azure_begin(c, rest, writes);
    else
        deny(c);
}

static void begin_with_token(call *c, str path) {
    str rest;
    c->job = job_of_token(c, "runtime");
    if (!c->job)
        deny(c);
    else if (under(path, "/twirp/", &rest))
        twirp_begin(c, rest);
    else if (under(path, "/_apis/artifactcache/", &rest))
        caches_v1_begin(c, rest);
    else
        twirp_error(c, TWIRP_BAD_ROUTE,
                    "Slipway has no such service: it has artifacts (since v4 of the actions), "
                    "caches and identity tokens");
}

static void begin_identity(call *c) {
    c->job = job_of_token(c, "identity");
    if (c->job)
        identity_begin(c);
    else
        deny(c);
}

static void no_body(call *c) {
    if (!httpd_answered(c->r)) twirp_error(c, TWIRP_BAD_ROUTE, "this has no body");
}

static void on_begin(void *context, httpd_request *r) {
    arena *a = httpd_arena(r);
    call *c = ARENA_NEW(a, call);
    *c = (call){.s = context, .r = r, .a = a, .fd = -1, .offset = -1, .end = no_body};
    httpd_set_state(r, c);
    str path = httpd_request_target(r)->path, rest;
    if (under(path, "/slipway/", &rest))
        begin_signed(c, rest);
    else if (under(path, "/.well-known/", &rest))
        identity_public(c, rest);
    else if (str_is(path, "/identity/token"))
        begin_identity(c);
    else
        begin_with_token(c, path);
}

const httpd_handler request_handler = {
    .begin = on_begin,
    .body = on_body,
    .end = on_end,
    .gone = on_gone,
};
