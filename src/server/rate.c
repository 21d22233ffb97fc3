/* rate.c: token buckets. */
#include "server/rate.h"

#include "base/arena.h"
#include "base/hash.h"

#include <math.h>
#include <stdlib.h>

#define WAYS      8
#define MINUTE_US 60000000.0

typedef struct bucket {
    uint64_t who; /* a keyed hash of class and name; 0: free */
    double tokens, burst;
    int64_t at_us;
} bucket;

struct rate_table {
    uint8_t key[32]; /* nobody can choose whose bucket to share */
    size_t sets;
    bucket *buckets;
};

rate_table *rate_new(size_t buckets) {
    rate_table *t = mem_alloc(sizeof *t);
    t->sets = buckets < WAYS ? 1 : buckets / WAYS;
    t->buckets = mem_alloc(t->sets * WAYS * sizeof *t->buckets);
    random_bytes(t->key, sizeof t->key);
    return t;
}

void rate_free(rate_table *t) {
    if (!t) return;
    free(t->buckets);
    free(t);
}

static uint64_t name_of(const rate_table *t, const rate_class *c, str who) {
    uint8_t mac[32];
    uint64_t name = 0;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s\n%.*s", c->name, STR_ARG(who));
    hmac_sha256((str){(const char *)t->key, sizeof t->key}, strbuf_str(&text), mac);
    for (int i = 0; i < 8; i++)
        name = name << 8 | mac[i];
    return name ? name : 1;
}

static void refill(bucket *b, const rate_class *c, int64_t now_us) {
    /* A clock that was put back gives nothing and takes nothing. */
    if (now_us > b->at_us) b->tokens += (double)(now_us - b->at_us) * c->per_minute / MINUTE_US;
    if (b->tokens > b->burst) b->tokens = b->burst;
    b->at_us = now_us;
}

static bucket *find(rate_table *t, const rate_class *c, uint64_t who, int64_t now_us) {
    bucket *set = t->buckets + who % t->sets * WAYS, *fullest = set;
    for (bucket *b = set; b < set + WAYS; b++) {
        if (b->who == who) return b;
        if (!b->who) {
            fullest = b;
            break;
        }
        if (b->burst - b->tokens < fullest->burst - fullest->tokens) fullest = b;
    }
    *fullest = (bucket){.who = who, .tokens = c->burst, .burst = c->burst, .at_us = now_us};
    return fullest;
}

unsigned rate_take(rate_table *t, const rate_class *c, str who, int64_t now_us) {
    if (!c->per_minute) return 0;
    bucket *b = find(t, c, name_of(t, c, who), now_us);
    refill(b, c, now_us);
    if (b->tokens >= 1) {
        b->tokens -= 1;
        return 0;
    }
    double seconds = ceil((1 - b->tokens) * 60 / c->per_minute);
    return seconds < 1 ? 1 : (unsigned)seconds;
}
