/* egress_proxy.h: what the files of the proxy process share. Private to them.
 *
 * One loop over epoll. A connection has two sides (the job's and the world's) and a flow of bytes
 * from each to the other; it goes through stages until it only relays. Nothing blocks: a name is
 * resolved in a forked child. Flows have a fixed size, and a side is not read while the flow from
 * it is full, so a slow reader slows its writer down and memory is bounded. */
#ifndef SLIPWAY_SANDBOX_EGRESS_PROXY_H
#define SLIPWAY_SANDBOX_EGRESS_PROXY_H

#include "sandbox/egress_parse.h"

#include <sys/types.h>

#define EGRESS_FLOW_SIZE     32768
#define EGRESS_ADDRESSES_MAX 16 /* of one name that are tried */
#define EGRESS_BODY_OPEN     (UINT64_MAX - 1)
#define EGRESS_REFUSALS_MAX  1000 /* addresses and ports; so many leave room for other records */
#define EGRESS_LOOKUPS_MAX   32   /* at once; more wait for their turn */

typedef struct proxy proxy;
typedef struct conn conn;

/* What an event of epoll is about. */
typedef enum source_kind {
    SOURCE_CONTROL,
    SOURCE_LISTENER,
    SOURCE_CLIENT,
    SOURCE_SERVER,
    SOURCE_LOOKUP,
} source_kind;

typedef struct source {
    source_kind kind;
    int fd; /* -1: none */
    uint32_t
        events; /* that are waited for; 0: not in the epoll set, where even errors would come */
    conn *c;
    egress_socket_kind listener;
    bool ended; /* read to its end */
    bool shut;  /* told that no more will come */
} source;

typedef struct flow {
    char *bytes; /* EGRESS_FLOW_SIZE, or NULL while it has held nothing */
    size_t start, len;
} flow;

typedef enum stage {
    STAGE_GREETING, /* SOCKS */
    STAGE_SOCKS,
    STAGE_HTTP,
    STAGE_DNS,
    STAGE_LOOKUP,
    STAGE_CONNECT,
    STAGE_UPSTREAM, /* waits for the answer of the upstream proxy */
    STAGE_RELAY,
    STAGE_LAST, /* an answer is on its way, then the end */
    STAGE_DEAD, /* closed, freed after the round */
} stage;

struct conn {
    proxy *px;
    conn *prev, *next;
    stage stage;
    egress_how how;
    source client, server, lookup;
    flow out, in; /* from the client, to the client */
    uint64_t deadline_ms;
    egress_target target;
    net_address addresses[EGRESS_ADDRESSES_MAX];
    size_t address_count, address_at;
    bool trusted;       /* the policy itself gives the address */
    bool upstream;      /* goes through the upstream proxy */
    bool hello;         /* the client's first bytes are held until they are judged */
    uint64_t hello_ms;  /* when they must be whole; 0: none has come */
    uint64_t body_left; /* of an HTTP request; EGRESS_BODY_OPEN: until its last chunk, UINT64_MAX:
                         * until the end of the connection */
    bool chunked;
    egress_chunks chunks;
    uint32_t id; /* of its record; 0: was only counted */
    uint64_t bytes_out, bytes_in;
    pid_t lookup_pid;
};

typedef struct names names;

struct proxy {
    const egress_policy *policy;
    int epoll;
    source control;
    source listeners[EGRESS_SOCKETS_MAX];
    size_t listener_count;
    conn *first, *dead;
    size_t conn_count, conn_max, lookup_count;
    uint32_t idle_ms, handshake_ms;
    names *given, *refused, *closed;
    unsigned asked; /* so many times, to say that all is told */
    strbuf records; /* not sent yet */
    uint32_t last_id;
    uint64_t recorded, record_max, counted;
};

/* egress_proxy.c */
void proxy_watch(proxy *px, source *s, uint32_t events);
/* Closes the descriptor. */
void proxy_drop(proxy *px, source *s);
uint64_t proxy_now_ms(void);

/* egress_names.c: names, each with a number from 0 in the order in which they came. */
names *names_new(void);
/* -1: there are EGRESS_NAMES_MAX. */
int names_add(names *n, str name, bool *ret_new);
/* NULL: no such number. */
const char *names_at(const names *n, size_t number);
/* The address that stands for a name, and back: -1 when it stands for none. */
net_address names_address(int number);
int names_number(const net_address *address);
bool names_is_range(const net_address *address);
/* One that the job itself has. */
bool names_is_own(const net_address *address);

/* egress_records.c */
/* Tells a new contact and gives its id, 0 when it is only counted. */
uint32_t proxy_record(proxy *px, egress_how how, egress_verdict verdict, egress_reason reason,
                      str name, uint16_t port, const char *address);
void proxy_record_conn(conn *c, egress_verdict verdict, egress_reason reason);
/* More about a contact that has an id. */
void proxy_record_sni(conn *c, const char *name);
void proxy_record_end(conn *c);
void proxy_record_counts(proxy *px);
void proxy_record_synced(proxy *px);
/* Sends what the reader takes. False when the reader is gone. */
bool proxy_send_records(proxy *px);

/* egress_lookup.c */
/* Starts the lookup of `host` for a connection; -1 and errno when no process can be had. */
int lookup_start(conn *c, const char *host);
/* Takes the result into c->addresses; the process has ended. */
void lookup_finish(conn *c);
void lookup_kill(conn *c);
/* True when one of this machine's interfaces has the address. */
bool lookup_is_own(const net_address *address);

/* egress_conn.c */
void conn_accept(proxy *px, source *listener);
void conn_ready(source *s);
/* For each connection now and then: closes what has taken too long. */
void conn_check_time(conn *c, uint64_t now_ms);
void conn_close(conn *c);
/* Ends a connection that was not allowed, or allowed in vain: tells why, in its protocol where
 * there is one. */
void conn_refuse(conn *c, egress_verdict verdict, egress_reason reason);
/* Begins to reach c->target. */
void conn_reach(conn *c);
/* Starts a lookup for whoever waits for one. */
void conn_next_lookup(proxy *px);

/* egress_request.c: what the client says before bytes are relayed. */
void request_ready(conn *c);
/* The answer to it. */
void request_answer(conn *c, egress_verdict verdict, egress_reason reason);

/* egress_relay.c */
str flow_str(const flow *f);
void flow_add(flow *f, str bytes);
void flow_take(flow *f, size_t count);
void flow_prepend(flow *f, str bytes);
/* Reads as much as there is room for, at most up to `max` bytes in the flow. False on an error. */
bool flow_fill(flow *f, source *from, size_t max, size_t *ret_count);
bool flow_drain(flow *f, source *to, size_t *ret_count);
void relay_ready(conn *c);
/* Sends the last answer; closes when it is read. */
void relay_last(conn *c);

/* egress_nameserver.c */
void dns_ready(proxy *px, source *s);
void dns_stream_ready(conn *c);

/* egress_refusal.c: takes what the kernel has refused; adds what was missed to the counts. */
void refusals_ready(proxy *px, source *s);
void refusals_lost(proxy *px, source *s);

#endif
