/* egress.h: what of the network a job may reach, judged by name. Private to this folder.
 *
 * Theory of operation. The job has a network namespace of its own in which nothing but `lo` exists,
 * so no packet of it ever leaves. A process inside opens listening sockets there (egress_inside)
 * and hands them to a proxy process that stands in the host's network namespace
 * (egress_proxy_run). A socket belongs to the namespace in which it was made, whoever holds it: so
 * the proxy accepts what the job connects to, judges the name, resolves it itself, and connects
 * outward. The job reaches it in four ways:
 *  - HTTP: CONNECT, and absolute-form requests for http://; by the environment (egress_env).
 *  - SOCKS5, with names.
 *  - As if there were no proxy: every address is routed to `lo`; the DNS server (127.0.0.1:53)
 *    answers each allowed name with an address of 198.18.0.0/15 that stands for it as long as the
 *    job lives; listeners take what comes to the ports of the rules (and 22, 80, 443, 9418), and
 * the address tells which name was meant.
 *    What comes to any other port the kernel refuses; the proxy sees it do so, and records it.
 *  - 127.0.0.1:PORT, for rules `localhost:PORT`, is the host's own 127.0.0.1:PORT.
 * A DNS query never leaves the host: a name is resolved only once a connection to it was allowed.
 *
 * Nothing fails open: what cannot be judged is denied. When the proxy ends, all ends.
 *
 * How it is put together:
 *   1. a process of the host's namespace forks the proxy (egress_proxy_start);
 *   2. the job's first process, in its namespaces and before it drops capabilities, opens the
 *      sockets (egress_inside) and hands them over (egress_send);
 *   3. whoever holds the control socket reads records from it (egress_record_next);
 *   4. shutdown(control, SHUT_WR): the proxy closes every connection, sends the last records and
 *      ends; the reader reads to the end of file. Closing the socket instead ends it at once.
 */
#ifndef SLIPWAY_SANDBOX_EGRESS_H
#define SLIPWAY_SANDBOX_EGRESS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/net_address.h"

#include <sys/types.h>

#define EGRESS_RULES_MAX   1000
#define EGRESS_HOSTS_MAX   1000
#define EGRESS_NAME_MAX    253   /* bytes of a host name, RFC 1035 without the last dot */
#define EGRESS_NAMES_MAX   10000 /* names that get an address in a job's life */
#define EGRESS_SOCKETS_MAX 240   /* SCM_RIGHTS takes 253 at once */
#define EGRESS_HTTP_PORT   3128  /* of the proxies, on the job's 127.0.0.1 */
#define EGRESS_SOCKS_PORT  1080

/* ---- what is allowed ----------------------------------------------------------------------- */

typedef enum egress_mode {
    EGRESS_NONE,  /* nothing but rules for localhost */
    EGRESS_ALLOW, /* what a rule names */
    EGRESS_AUDIT, /* everything but the host itself and its link; rules may name that as well */
    EGRESS_MODE_COUNT
} egress_mode;

/* Who is to be reached: a name (lower case, no last dot), or an address and an empty name. Every
 * name below .localhost is "localhost". */
typedef struct egress_target {
    char name[EGRESS_NAME_MAX + 1];
    net_address address;
    uint16_t port;
} egress_target;

typedef enum egress_rule_kind {
    EGRESS_RULE_NAME,
    EGRESS_RULE_BELOW,
    EGRESS_RULE_IP
} egress_rule_kind;

typedef struct egress_rule {
    egress_rule_kind kind;
    str text; /* as written */
    str name; /* NAME: the host; BELOW: the domain above it. Lower case */
    net_address address;
    uint16_t port; /* 0: 80 and 443 */
} egress_rule;

typedef struct egress_host {
    str name;
    net_address address;
} egress_host;

/* Plain data in `a`. Made by egress_policy_init and the functions below it. */
typedef struct egress_policy {
    arena *a;
    egress_mode mode;
    egress_rule *rules;
    size_t rule_count, rule_cap;
    egress_host *hosts;
    size_t host_count, host_cap;
    /* The proxy through which this machine reaches the world; host empty: none */
    struct egress_upstream {
        str url, no_proxy; /* as given */
        str host;
        uint16_t port;
        str authorization; /* of the header Proxy-Authorization, or empty */
    } upstream;
    /* 0: the default */
    uint32_t idle_ms;         /* a connection without a byte ends; 600,000 */
    uint32_t handshake_ms;    /* to say who is to be reached, and for a ClientHello; 15,000 */
    uint32_t max_connections; /* 512; at most 4,096 */
    uint32_t max_records;     /* 10,000; further contacts are only counted */
} egress_policy;

void egress_policy_init(egress_policy *p, arena *a, egress_mode mode);

/* Adds a rule: `host:port`, `host` (ports 80 and 443), `*.domain[:port]` (what is below, not the
 * domain itself), `1.2.3.4[:port]`, `[::1]:port`, `[::1]`. Names compare without case; a last dot
 * is ignored. `localhost` needs a port. In EGRESS_NONE a rule for anything but loopback is judged,
 * and then means nothing. ERR_INVALID says what is wrong with it, ERR_LIMIT that
 * there are EGRESS_RULES_MAX already. */
int egress_add_rule(egress_policy *p, str text, err *e);

/* Says which address a name has, as /etc/hosts does, for names that DNS does not know. The name
 * still needs a rule. Whoever writes the policy names the address, so it may be any, also one of
 * the host's own. */
int egress_add_host(egress_policy *p, str name, str address, err *e);

/* The proxy to go out through, "http://[user:password@]host[:port]" (an empty `url`: none), and
 * the names that are reached without it: separated by commas, a name means what is below it too,
 * an address itself (ranges are not understood), "*" everything. Through such a proxy names are
 * resolved by it, so what they resolve to is not judged here. ERR_UNSUPPORTED for proxies that are
 * not spoken to in plain HTTP. */
int egress_set_upstream(egress_policy *p, str url, str no_proxy, err *e);
/* The same from an environment ("K=V", NULL-terminated): https_proxy, HTTPS_PROXY, all_proxy,
 * ALL_PROXY, http_proxy, and no_proxy, NO_PROXY. */
int egress_upstream_from_env(egress_policy *p, const char *const *env, err *e);

/* Whether no_proxy names it. */
bool egress_in_no_proxy(const egress_policy *p, const egress_target *t);

/* A policy as text, to be passed to another process; it may hold the upstream proxy's password. */
void egress_policy_write(const egress_policy *p, strbuf *out);
int egress_policy_read(arena *a, str text, egress_policy *ret, err *e);

typedef enum egress_reason {
    EGRESS_FINE,
    EGRESS_NO_RULE,
    EGRESS_OTHER_PORT,
    EGRESS_BARE_ADDRESS,
    EGRESS_HOST_ITSELF,
    EGRESS_BAD_NAME,
    EGRESS_QUERY_TYPE,
    EGRESS_OTHER_SNI,
    EGRESS_BAD_HELLO,
    EGRESS_BAD_REQUEST,
    EGRESS_OTHER_HOST,
    EGRESS_TRANSFER_CODING,
    EGRESS_MANY_CONNECTIONS,
    EGRESS_MANY_NAMES,
    EGRESS_SLOW,
    EGRESS_UNKNOWN_HOST,
    EGRESS_UNREACHABLE,
    EGRESS_UPSTREAM_REFUSED,
    EGRESS_NO_LISTENER,
    EGRESS_UDP,
    EGRESS_REASON_COUNT
} egress_reason;
/* "no rule allows this name" */
const char *egress_reason_text(egress_reason reason);

/* Reads a host name or an address (IPv6 also in brackets) into *ret; its port is left alone. False
 * for what is neither, among it numbers that only inet_aton takes for addresses ("127.1"). */
bool egress_parse_host(str text, egress_target *ret);
/* "host:port", "[v6]:port"; the port is `port` where there is none (0: it must be there). */
bool egress_parse_authority(str text, uint16_t port, egress_target *ret);

/* EGRESS_FINE, or why not. What a name resolves to is judged by egress_judge_address. */
egress_reason egress_judge(const egress_policy *p, const egress_target *t);
/* Whether the name may be asked for at all, on whatever port. */
egress_reason egress_judge_name(const egress_policy *p, str name);
/* Refuses loopback, unspecified, link-local, multicast and cloud metadata addresses (also inside
 * IPv6 forms of IPv4) unless a rule names that address and port. The host's own addresses are
 * added by the proxy. */
egress_reason egress_judge_address(const egress_policy *p, const net_address *address,
                                   uint16_t port);
/* True when a rule names this address and port, or it is loopback and one names localhost:port. */
bool egress_names_address(const egress_policy *p, const net_address *address, uint16_t port);

/* ---- inside the job's namespace ------------------------------------------------------------ */

typedef enum egress_socket_kind {
    EGRESS_DNS_UDP,
    EGRESS_DNS_TCP,
    EGRESS_HTTP,
    EGRESS_SOCKS,
    EGRESS_TRANSPARENT,
    EGRESS_REFUSALS, /* shows what the kernel answers where nobody listens */
    EGRESS_SOCKET_KIND_COUNT
} egress_socket_kind;

typedef struct egress_sockets {
    size_t count;
    struct egress_socket {
        int fd;
        uint32_t kind;
    } items[EGRESS_SOCKETS_MAX];
} egress_sockets;

/* Brings `lo` up, routes every address to it and opens the sockets. Called in the new network
 * namespace with CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE over it. `p` NULL: only `lo`
 * comes up (a job in mode none for which nobody needs to listen). *ret is the caller's
 * (egress_sockets_close). The ports that are listened on are taken from the job: its own server on
 * port 80 of all addresses cannot be. Rules that name more than about 230 ports are ERR_LIMIT. */
int egress_inside(const egress_policy *p, egress_sockets *ret, err *e);
void egress_sockets_close(egress_sockets *s);
/* Passes the sockets through a Unix socket, in one message; they stay open here. */
int egress_send(int sock, const egress_sockets *s, err *e);
/* Waits for them. ERR_IO when the other end is gone before. */
int egress_receive(int sock, egress_sockets *ret, err *e);

/* The job's environment: "K=V" lines in `a`, NULL-terminated: http_proxy and the like in both
 * cases. In mode none only NO_PROXY. */
const char *const *egress_env(arena *a, egress_mode mode);
/* Text for the job's /etc/resolv.conf. */
const char *egress_resolv_conf(void);

/* ---- the proxy ----------------------------------------------------------------------------- */

/* Forks the proxy in the caller's network namespace: the host's. It waits for the sockets at
 * *ret_handover's other end: egress_send(*ret_handover, …) in the job's first process, which closes
 * it then, as the caller does. *ret_control is read for records. Both are close-on-exec. Gives the
 * proxy's pid, to be waited for (status 0 when it was told to end, else 1), or a negative code.
 * `p` is used in the child only. */
pid_t egress_proxy_start(const egress_policy *p, int *ret_handover, int *ret_control, err *e);

/* What the child does: serves until `control` (a Unix stream socket) ends. It closes every
 * descriptor but its own (0 to 2 stay), becomes nobody where it was root, drops capabilities, sets
 * no_new_privs and limits, and ends the process. Takes over `s` and `control`. */
_Noreturn void egress_proxy_run(const egress_policy *p, const egress_sockets *s, int control);

/* ---- records ------------------------------------------------------------------------------- */

typedef enum egress_how {
    EGRESS_BY_DNS,
    EGRESS_BY_CONNECT,
    EGRESS_BY_HTTP,
    EGRESS_BY_SOCKS,
    EGRESS_BY_ADDRESS, /* transparently */
    EGRESS_BY_UDP,
    EGRESS_HOW_COUNT
} egress_how;
const char *egress_how_text(egress_how how); /* "dns", "connect", … */

typedef enum egress_verdict {
    EGRESS_ALLOWED,
    EGRESS_DENIED,
    EGRESS_FAILED, /* allowed, but nobody was there */
    EGRESS_ENDED,  /* of a contact that was told as allowed: its bytes */
    EGRESS_COUNTS, /* the last record */
    EGRESS_SYNCED, /* the answer to a byte on `control`: what happened before it was sent is told */
    EGRESS_VERDICT_COUNT
} egress_verdict;

/* On the wire a record is this struct (host byte order: both ends are one machine), then
 * `name_size` bytes of name, then `address_size` bytes of address as text. */
typedef struct egress_record_head {
    uint32_t size;                /* of the whole record */
    uint32_t id;                  /* of the contact: ENDED has that of its ALLOWED. From 1 */
    int64_t time_us;              /* wall clock since 1970 */
    uint64_t bytes_out, bytes_in; /* ENDED: sent by the job, received by it. COUNTS: contacts that
                                   * were recorded, contacts that were only counted */
    uint16_t port;                /* DNS: the query's type */
    uint8_t how, verdict, reason, name_size, address_size, spare[1];
} egress_record_head;

typedef struct egress_record {
    egress_record_head head;
    str name;    /* as judged, or the address where no name was meant; DNS: what was asked for */
    str address; /* that was connected to; empty before, and "proxy" through an upstream proxy */
} egress_record;

/* Takes the first whole record off *bytes (borrowed). False when there is none yet; a record that
 * cannot be one is an error, and *e is filled. */
bool egress_record_next(str *bytes, egress_record *ret, err *e);

#endif
