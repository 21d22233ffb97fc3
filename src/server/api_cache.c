/* api_cache.c: answers that are shared.
 *
 * An answer is kept under its route, its target and what its caller sees, with the count of changes
 * at which it was begun. It holds while nothing has changed since; then it costs a look-up, and its
 * bytes are those of the first answer. The table is a fixed number of slots, each with the last
 * answer that fell on it, and a bound on the bytes of all. */
#include "server/api_parts.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS      1024
#define BYTES      (16u << 20)
#define OVERHEAD   2048 /* of one answer, about */
#define ANSWER_MAX (1u << 20)
#define LOCKS      16

typedef struct slot {
    uint64_t hash, changes;
    const api_route *route;
    char *key; /* target, NUL, what is seen */
    size_t key_size, bytes;
    char etag[40];
    httpd_prepared *whole, *unchanged;
} slot;

struct api_cache {
    pthread_mutex_t locks[LOCKS]; /* of slots, by their index */
    _Atomic size_t bytes;
    size_t bytes_max;
    slot slots[SLOTS];
};

api_cache *api_cache_new(size_t bytes) {
    api_cache *k = mem_alloc(sizeof *k);
    k->bytes_max = bytes ? bytes : BYTES;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&k->locks[i], NULL);
    return k;
}

static void empty(api_cache *k, slot *s) {
    if (!s->key) return;
    httpd_prepared_unref(s->whole);
    httpd_prepared_unref(s->unchanged);
    free(s->key);
    k->bytes -= s->bytes;
    *s = (slot){0};
}

void api_cache_free(api_cache *k) {
    if (!k) return;
    for (size_t i = 0; i < SLOTS; i++)
        empty(k, &k->slots[i]);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&k->locks[i]);
    free(k);
}

static str key_of(const api_call *c) {
    str target = httpd_raw_target(c->r);
    char *key = arena_alloc(c->a, target.len + 2 + c->caller.sees.len);
    memcpy(key, target.ptr, target.len);
    key[target.len + 1] = c->secure ? '1' : '0';
    memcpy(key + target.len + 2, c->caller.sees.ptr, c->caller.sees.len);
    return (str){key, target.len + 2 + c->caller.sees.len};
}

static bool is_of(const slot *s, const api_call *c, uint64_t hash, str key) {
    return s->key && s->hash == hash && s->route == c->route && s->key_size == key.len &&
           memcmp(s->key, key.ptr, key.len) == 0;
}

bool api_cache_answer(api_call *c) {
    const api_config *g = &c->s->config;
    api_cache *k = c->s->cache;
    if (!g->changes || !c->caller.sees.len) return false;
    str key = key_of(c);
    uint64_t hash = str_hash(key);
    slot *s = &k->slots[hash % SLOTS];
    httpd_prepared *found = NULL;
    c->changes = g->changes(g->context);
    pthread_mutex_lock(&k->locks[hash % LOCKS]);
    if (is_of(s, c, hash, key) && s->changes == c->changes) {
        bool same = c->none_match.len && api_etag_listed(c->none_match, str_from(s->etag));
        found = httpd_prepared_ref(same ? s->unchanged : s->whole);
    }
    pthread_mutex_unlock(&k->locks[hash % LOCKS]);
    if (!found) return false;
    c->answered = true;
    httpd_answer_prepared(c->r, found);
    httpd_prepared_unref(found);
    return true;
}

static httpd_prepared *prepare(const api_call *c, unsigned status, const char *etag, str body) {
    const httpd_header_row headers[] = {
        {"ETag", etag},
        {"Cache-Control", "private, no-cache"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", API_CSP_ANSWER},
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {status == 200 ? "Content-Type" : NULL, "application/json"},
        {c->link.len ? "Link" : NULL, c->link.ptr},
        {c->secure ? "Strict-Transport-Security" : NULL, API_HSTS},
        {NULL, NULL},
    };
    httpd_header_row used[sizeof headers / sizeof *headers] = {0};
    size_t n = 0;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (headers[i].name) used[n++] = headers[i];
    }
    return httpd_prepare(status, used, body);
}

void api_cache_keep(api_call *c, str etag, str body) {
    const api_config *g = &c->s->config;
    api_cache *k = c->s->cache;
    if (!g->changes || !c->caller.sees.len || body.len > ANSWER_MAX || etag.len >= 40) return;
    str key = key_of(c);
    uint64_t hash = str_hash(key);
    slot fresh = {.hash = hash,
                  .changes = c->changes,
                  .route = c->route,
                  .key = mem_alloc(key.len),
                  .key_size = key.len,
                  .bytes = body.len + key.len + OVERHEAD};
    memcpy(fresh.key, key.ptr, key.len);
    memcpy(fresh.etag, etag.ptr, etag.len);
    fresh.whole = prepare(c, 200, fresh.etag, body);
    fresh.unchanged = prepare(c, 304, fresh.etag, STR_EMPTY);
    pthread_mutex_lock(&k->locks[hash % LOCKS]);
    slot *s = &k->slots[hash % SLOTS];
    empty(k, s);
    if (k->bytes + fresh.bytes <= k->bytes_max) {
        k->bytes += fresh.bytes;
        *s = fresh;
        fresh = (slot){0};
    }
    pthread_mutex_unlock(&k->locks[hash % LOCKS]);
    if (!fresh.key) return;
    k->bytes += fresh.bytes; /* which empty() takes off again */
    empty(k, &fresh);
}
