/* agents.h: the machines that run jobs, and the tokens with which they join. Part of the store. */
#ifndef SLIPWAY_STORE_AGENTS_H
#define SLIPWAY_STORE_AGENTS_H

#include "store/store.h"

typedef enum agent_state {
    AGENT_OFFLINE,
    AGENT_ONLINE,
    AGENT_DRAINING, /* it gets no more jobs */
    AGENT_REMOVED,
    AGENT_STATE_COUNT
} agent_state;
extern const char *const agent_state_words[];

typedef struct store_agent {
    int64_t id;
    str name;   /* unique among those that were not removed */
    str labels; /* JSON array */
    int64_t capacity;
    bool ephemeral, embedded;
    agent_state state;
    str version, system; /* "linux x86_64" */
    str serial;          /* of its certificate, in hex; empty: embedded */
    str address;
    int64_t created_us, seen_us, expires_us; /* expires: the certificate */
} store_agent;

int store_agent_add(store *s, store_agent *x, err *e);
int store_agent_put(store *s, const store_agent *x, err *e);
int store_agent_by_id(store *s, arena *a, int64_t id, store_agent *ret, err *e);
int store_agent_by_name(store *s, arena *a, str name, store_agent *ret, err *e);
/* Without those that were removed. */
int store_agents(store *s, arena *a, store_agent **ret, size_t *ret_count, err *e);

typedef struct store_join_token {
    int64_t id;
    str hash;   /* SHA-256 of the token, in hex */
    str labels; /* JSON array: what an agent with it may have besides its own; empty: any */
    bool ephemeral, reusable;
    str created_by;
    int64_t created_us, expires_us, used_us; /* used: 0 not yet */
} store_join_token;

int store_join_token_add(store *s, store_join_token *t, err *e);
int store_join_token_put(store *s, const store_join_token *t, err *e);
int store_join_token_find(store *s, arena *a, str hash, store_join_token *ret, err *e);

#endif
