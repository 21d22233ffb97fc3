#include "server/repeats.h"

#include "base/hash.h"
#include "store/repeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_US (INT64_C(24) * 3600 * 1000000)
#define DIGEST  65

/* A request that is under way, or whose answer is not on the disk yet. */
typedef struct pending {
    struct pending *next;
    repeats *of;
    char key[DIGEST], request[DIGEST];
    bool answered;
    unsigned status;
    strbuf type, body, location;
} pending;

struct repeats {
    server *s;
    idempotency_store store;
    pthread_mutex_t lock;
    pending *first;
};

static pending **find(repeats *r, const char *key) {
    pending **at = &r->first;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void free_pending(pending *p) {
    strbuf_done(&p->type);
    strbuf_done(&p->body);
    strbuf_done(&p->location);
    free(p);
}

static api_repeat judge(const pending *p, const char *request, arena *a, api_kept *ret) {
    if (strcmp(p->request, request) != 0) return API_DIFFERS;
    if (!p->answered) return API_BUSY;
    *ret = (api_kept){p->status, arena_str(a, strbuf_str(&p->type)),
                      arena_str(a, strbuf_str(&p->body)), arena_str(a, strbuf_str(&p->location))};
    return API_KEPT;
}

/* What cannot be looked up is not done: it might have been done before. */
static api_repeat look_up(repeats *r, const char *key, const char *request, arena *a,
                          api_kept *ret) {
    store *s;
    store_repeat row;
    err e = {0};
    int code = server_reader(r->s, &s, &e);
    if (code == 0) code = store_repeat_find(s, a, str_from(key), &row, &e);
    if (code == ERR_NOT_FOUND) return API_FIRST;
    if (code < 0) return API_BUSY;
    if (!str_is(row.request, request)) return API_DIFFERS;
    *ret = (api_kept){(unsigned)row.status, row.type, row.body, row.location};
    return API_KEPT;
}

static api_repeat begin(void *context, const uint8_t key[32], const uint8_t request[32], arena *a,
                        api_kept *ret) {
    repeats *r = context;
    char key_text[DIGEST], request_text[DIGEST];
    hex_encode(key, 32, key_text);
    hex_encode(request, 32, request_text);
    pthread_mutex_lock(&r->lock);
    pending **at = find(r, key_text);
    api_repeat answer =
        *at ? judge(*at, request_text, a, ret) : look_up(r, key_text, request_text, a, ret);
    if (answer == API_FIRST) {
        pending *p = *at = mem_alloc(sizeof *p);
        *p = (pending){.of = r};
        memcpy(p->key, key_text, sizeof p->key);
        memcpy(p->request, request_text, sizeof p->request);
    }
    pthread_mutex_unlock(&r->lock);
    return answer;
}

static int do_keep(core_tx *tx, void *context, err *e) {
    const pending *p = context;
    const store_repeat row = {.key = str_from(p->key),
                              .request = str_from(p->request),
                              .status = p->status,
                              .type = strbuf_str(&p->type),
                              .body = strbuf_str(&p->body),
                              .location = strbuf_str(&p->location),
                              .created_us = tx->now_us};
    return store_repeat_add(tx->store, &row, tx->now_us - KEPT_US, e);
}

static void forget(pending *p) {
    repeats *r = p->of;
    pthread_mutex_lock(&r->lock);
    pending **at = find(r, p->key);
    if (*at) *at = p->next;
    pthread_mutex_unlock(&r->lock);
    free_pending(p);
}

static void on_kept(void *context, const err *e) {
    (void)e; /* the disk is full: a repetition will be done again, which its own checks must see */
    forget(context);
}

static void end(void *context, const uint8_t key[32], const api_kept *answer) {
    repeats *r = context;
    char text[DIGEST];
    hex_encode(key, 32, text);
    pthread_mutex_lock(&r->lock);
    pending *p = *find(r, text);
    if (p && answer) {
        p->answered = true;
        p->status = answer->status;
        strbuf_add(&p->type, answer->type);
        strbuf_add(&p->body, answer->body);
        strbuf_add(&p->location, answer->location);
    }
    pthread_mutex_unlock(&r->lock);
    if (p && answer)
        core_post(r->s->core, do_keep, on_kept, p);
    else if (p)
        forget(p);
}

repeats *repeats_new(server *s) {
    repeats *r = mem_alloc(sizeof *r);
    *r = (repeats){.s = s};
    r->store = (idempotency_store){.context = r, .begin = begin, .end = end};
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void repeats_free(repeats *r) {
    if (!r) return;
    while (r->first)
        forget(r->first);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

idempotency_store *repeats_store(repeats *r) {
    return &r->store;
}
