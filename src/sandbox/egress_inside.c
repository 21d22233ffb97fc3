/* The part of egress inside the job's network namespace: addresses, routes and listening sockets.
 *
 * All IPv4 and IPv6 addresses are made local to `lo` (an "AnyIP" route), so a listener on all
 * addresses takes what is meant for anybody, and what nobody listens for is refused at once. An
 * address that is not loopback must be there, because getaddrinfo with AI_ADDRCONFIG ignores a
 * family of which only loopback is to be had. */
#include "sandbox/egress_parse.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BACKLOG      128

/* ---- lo, its address and the routes -------------------------------------------------------- */

static int bring_lo_up(err *e) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_sys(e, errno, "cannot make a socket in the job's network namespace");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int failed = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? errno : 0;
    close(fd);
    return failed ? err_sys(e, failed, "cannot bring up lo in the job's network namespace") : 0;
}

/* A netlink request: a head, a fixed body, attributes of at most 16 bytes. */
typedef struct request {
    struct nlmsghdr head;
    union {
        struct ifaddrmsg address;
        struct rtmsg route;
    };
    char attributes[96];
} request;

static void add_attribute(request *r, unsigned short kind, const void *value, size_t size) {
    struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
    a->rta_type = kind;
    a->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), value, size);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static request new_request(uint16_t kind, size_t body) {
    request r;
    memset(&r, 0, sizeof r);
    r.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
    r.head.nlmsg_type = kind;
    r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    return r;
}

/* 0, or the errno with which the kernel refuses. */
static int ask(int netlink, const request *r) {
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[256];
    } answer = {0};
    if (send(netlink, r, r->head.nlmsg_len, 0) < 0) return errno;
    ssize_t n = recv(netlink, &answer, sizeof answer, 0);
    if (n < 0) return errno;
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.head.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    return -answer.error.error;
}

static request own_address(unsigned lo) {
    static const uint8_t address[4] = {198, 18, 0, 1};
    request r = new_request(RTM_NEWADDR, sizeof(struct ifaddrmsg));
    r.address = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = lo};
    add_attribute(&r, IFA_LOCAL, address, sizeof address);
    add_attribute(&r, IFA_ADDRESS, address, sizeof address);
    return r;
}

/* `local default dev lo` in the table of local addresses. */
static request all_local(unsigned char family, unsigned lo) {
    request r = new_request(RTM_NEWROUTE, sizeof(struct rtmsg));
    r.route = (struct rtmsg){
        .rtm_family = family,
        .rtm_table = RT_TABLE_LOCAL,
        .rtm_protocol = RTPROT_STATIC,
        .rtm_scope = RT_SCOPE_HOST,
        .rtm_type = RTN_LOCAL,
    };
    add_attribute(&r, RTA_OIF, &lo, sizeof lo);
    return r;
}

/* Without IPv6 in the kernel there is nothing to be reached by it either. */
static int add_routes(err *e) {
    unsigned lo = if_nametoindex("lo");
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return err_sys(e, errno, "cannot reach the kernel's routes");
    request address = own_address(lo), four = all_local(AF_INET, lo), six = all_local(AF_INET6, lo);
    int failed = ask(fd, &address);
    if (!failed) failed = ask(fd, &four);
    if (!failed) ask(fd, &six);
    close(fd);
    return failed ? err_sys(e, failed, "cannot add routes in the job's network namespace") : 0;
}

/* ---- sockets ------------------------------------------------------------------------------- */

typedef union endpoint {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} endpoint;

static endpoint at_loopback(int family, uint16_t port) {
    endpoint a = {.any.sa_family = (sa_family_t)family};
    if (family == AF_INET) {
        a.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.four.sin_port = htons(port);
    } else {
        a.six.sin6_addr = in6addr_loopback;
        a.six.sin6_port = htons(port);
    }
    return a;
}

/* 0, or errno. */
static int open_socket(egress_sockets *s, egress_socket_kind kind, const endpoint *address) {
    static const int on = 1, off = 0;
    int type = kind == EGRESS_DNS_UDP ? SOCK_DGRAM : SOCK_STREAM, family = address->any.sa_family;
    socklen_t size = family == AF_INET ? sizeof address->four : sizeof address->six;
    if (s->count == EGRESS_SOCKETS_MAX) return ENOBUFS;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    bool any = family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof off);
    if (bind(fd, &address->any, size) < 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
        int failed = errno;
        close(fd);
        return failed;
    }
    s->items[s->count++] = (struct egress_socket){fd, kind};
    return 0;
}

static int open_loopback(egress_sockets *s, egress_socket_kind kind, uint16_t port, err *e) {
    endpoint four = at_loopback(AF_INET, port);
    int failed = open_socket(s, kind, &four);
    if (failed) return err_sys(e, failed, "cannot listen on port %u in the job's namespace", port);
    return 0;
}

/* On all addresses of both families where there are two. */
static int open_everywhere(egress_sockets *s, uint16_t port, err *e) {
    endpoint six = {.six = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    endpoint four = {.four = {.sin_family = AF_INET, .sin_port = htons(port)}};
    int failed = open_socket(s, EGRESS_TRANSPARENT, &six);
    if (failed && failed != ENOBUFS) failed = open_socket(s, EGRESS_TRANSPARENT, &four);
    if (failed == ENOBUFS)
        return err_set(e, ERR_LIMIT, "the rules of egress name more than about %d ports",
                       EGRESS_SOCKETS_MAX - 10);
    if (failed) return err_sys(e, failed, "cannot listen on port %u in the job's namespace", port);
    return 0;
}

/* ---- what nobody listens for ---------------------------------------------------------------- */

/* Lets a packet through to the reader, or the next test begin. Offsets are from the IP head. */
#define LOAD(size, at)      BPF_STMT(BPF_LD | (size) | BPF_ABS, at)
#define LOAD_X(size, at)    BPF_STMT(BPF_LD | (size) | BPF_IND, at)
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define TAKE                BPF_STMT(BPF_RET | BPF_K, EGRESS_REFUSAL_BYTES)
#define LEAVE               BPF_STMT(BPF_RET | BPF_K, 0)

/* Resets with RST and ACK and the number 0, and ICMP's "port unreachable": egress_refusal.c reads
 * them again, this only keeps the job's other traffic away from the proxy. */
static struct sock_filter four_filter[] = {
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    LOAD(BPF_B, 9),
    UNLESS(IPPROTO_TCP, 5),
    LOAD_X(BPF_B, 13),
    UNLESS(0x14, 7),
    LOAD_X(BPF_W, 4),
    UNLESS(0, 5),
    TAKE,
    UNLESS(IPPROTO_ICMP, 3),
    LOAD_X(BPF_H, 0),
    UNLESS(0x0303, 1),
    TAKE,
    LEAVE,
};

static struct sock_filter six_filter[] = {
    LOAD(BPF_B, 6),
    UNLESS(IPPROTO_TCP, 5),
    LOAD(BPF_B, 40 + 13),
    UNLESS(0x14, 7),
    LOAD(BPF_W, 40 + 4),
    UNLESS(0, 5),
    TAKE,
    UNLESS(IPPROTO_ICMPV6, 3),
    LOAD(BPF_H, 40),
    UNLESS(0x0104, 1),
    TAKE,
    LEAVE,
};

/* The filter is there before the socket hears anything: it is bound last. */
static bool open_refusals(egress_sockets *s, uint16_t protocol, struct sock_filter *filter,
                          size_t count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = filter};
    struct sockaddr_ll lo = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(protocol),
                             .sll_ifindex = (int)if_nametoindex("lo")};
    if (s->count == EGRESS_SOCKETS_MAX) return false;
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (struct sockaddr *)&lo, sizeof lo) < 0) {
        close(fd);
        return false;
    }
    s->items[s->count++] = (struct egress_socket){fd, EGRESS_REFUSALS};
    return true;
}

/* A kernel without packet sockets records less; it lets no more through. */
static void watch_refusals(egress_sockets *s) {
    open_refusals(s, ETH_P_IP, four_filter, COUNT(four_filter));
    open_refusals(s, ETH_P_IPV6, six_filter, COUNT(six_filter));
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* Ports, each once. */
typedef struct ports {
    uint16_t items[2 * EGRESS_RULES_MAX + 8];
    size_t count;
} ports;

static bool has_port(const ports *p, uint16_t port) {
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i] == port) return true;
    return false;
}

static void add_port(ports *p, uint16_t port) {
    if (!has_port(p, port)) p->items[p->count++] = port;
}

static bool is_local_rule(const egress_rule *r) {
    return str_is(r->name, "localhost") ||
           (r->kind == EGRESS_RULE_IP && net_address_is_loopback(&r->address));
}

/* Where something is likely to be tried, so that it is recorded even where no rule names it. */
static const uint16_t watched[] = {22, 80, 443, 9418};
/* Ports of our own cannot be anybody else's. */
static const uint16_t taken[] = {53, EGRESS_HTTP_PORT, EGRESS_SOCKS_PORT};

static void collect_ports(const egress_policy *p, ports *world, ports *local) {
    for (size_t i = 0; i < COUNT(watched); i++)
        add_port(world, watched[i]);
    for (size_t i = 0; i < p->rule_count; i++) {
        const egress_rule *r = &p->rules[i];
        if (r->port) add_port(is_local_rule(r) ? local : world, r->port);
    }
}

/* A name's rule on one of our own ports still works through the proxies; a rule for the host's own
 * 127.0.0.1:53 cannot be kept, because that is our DNS server. */
static int open_ports(const egress_policy *p, egress_sockets *s, err *e) {
    ports world = {.count = 0}, local = {.count = 0}, own = {.count = 0};
    int r = 0;
    for (size_t i = 0; i < COUNT(taken); i++)
        add_port(&own, taken[i]);
    collect_ports(p, &world, &local);
    for (size_t i = 0; r == 0 && i < world.count; i++)
        if (!has_port(&own, world.items[i])) r = open_everywhere(s, world.items[i], e);
    for (size_t i = 0; r == 0 && i < local.count; i++) {
        if (has_port(&own, local.items[i]))
            return err_set(e, ERR_UNSUPPORTED,
                           "the job cannot reach localhost:%u of this machine: the port is one of "
                           "those that the egress proxy needs (53, %d, %d)",
                           local.items[i], EGRESS_SOCKS_PORT, EGRESS_HTTP_PORT);
        if (has_port(&world, local.items[i])) continue;
        endpoint six = at_loopback(AF_INET6, local.items[i]);
        r = open_loopback(s, EGRESS_TRANSPARENT, local.items[i], e);
        if (r == 0) open_socket(s, EGRESS_TRANSPARENT, &six); /* where there is IPv6 */
    }
    return r;
}

int egress_inside(const egress_policy *p, egress_sockets *ret, err *e) {
    egress_sockets s = {.count = 0};
    int r = bring_lo_up(e);
    if (r == 0 && p) r = add_routes(e);
    if (r == 0 && p) watch_refusals(&s);
    if (r == 0 && p) r = open_loopback(&s, EGRESS_DNS_UDP, 53, e);
    if (r == 0 && p) r = open_loopback(&s, EGRESS_DNS_TCP, 53, e);
    if (r == 0 && p) r = open_loopback(&s, EGRESS_HTTP, EGRESS_HTTP_PORT, e);
    if (r == 0 && p) r = open_loopback(&s, EGRESS_SOCKS, EGRESS_SOCKS_PORT, e);
    if (r == 0 && p) r = open_ports(p, &s, e);
    if (r < 0) {
        egress_sockets_close(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void egress_sockets_close(egress_sockets *s) {
    for (size_t i = 0; i < s->count; i++)
        close(s->items[i].fd);
    s->count = 0;
}

/* ---- handing them over --------------------------------------------------------------------- */

/* One byte of kind per descriptor, in the same order. */
typedef union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(EGRESS_SOCKETS_MAX * sizeof(int))];
} control;

int egress_send(int sock, const egress_sockets *s, err *e) {
    uint8_t kinds[EGRESS_SOCKETS_MAX];
    int fds[EGRESS_SOCKETS_MAX];
    control c;
    memset(&c, 0, sizeof c);
    for (size_t i = 0; i < s->count; i++) {
        kinds[i] = (uint8_t)s->items[i].kind;
        fds[i] = s->items[i].fd;
    }
    struct iovec io = {kinds, s->count};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = c.room,
                       .msg_controllen = CMSG_SPACE(s->count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(s->count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, s->count * sizeof(int));
    ssize_t n;
    do
        n = sendmsg(sock, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)s->count)
        return err_sys(e, n < 0 ? errno : EPROTO, "cannot hand the job's sockets to its proxy");
    return 0;
}

int egress_receive(int sock, egress_sockets *ret, err *e) {
    uint8_t kinds[EGRESS_SOCKETS_MAX];
    control c;
    struct iovec io = {kinds, sizeof kinds};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room};
    ssize_t n;
    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return err_sys(e, errno, "cannot receive the job's sockets");
    egress_sockets s = {.count = 0};
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&m); n > 0 && head; head = CMSG_NXTHDR(&m, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && s.count < EGRESS_SOCKETS_MAX; i++) {
            struct egress_socket *item = &s.items[s.count];
            memcpy(&item->fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            item->kind = s.count < (size_t)n ? kinds[s.count] : EGRESS_SOCKET_KIND_COUNT;
            s.count++;
        }
    }
    bool whole = n > 0 && s.count == (size_t)n && !(m.msg_flags & MSG_CTRUNC);
    for (size_t i = 0; i < s.count; i++)
        whole &= s.items[i].kind < EGRESS_SOCKET_KIND_COUNT;
    if (!whole) {
        egress_sockets_close(&s);
        return err_set(e, ERR_IO, "the job ended before its sockets were handed over");
    }
    *ret = s;
    return 0;
}
