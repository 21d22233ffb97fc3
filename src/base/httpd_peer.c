/* httpd_peer.c: who asks. */
#include "base/httpd_parts.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* IPv4 becomes ::ffff:a.b.c.d; false when it is no address. */
static bool read_address(str text, uint8_t bytes[16], bool *ret_four) {
    char copy[INET6_ADDRSTRLEN];
    if (!text.len || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len) return false;
    memcpy(bytes, mapped, sizeof mapped);
    *ret_four = inet_pton(AF_INET, copy, bytes + sizeof mapped) == 1;
    return *ret_four || inet_pton(AF_INET6, copy, bytes) == 1;
}

int httpd_network_parse(str text, httpd_network *ret, err *e) {
    str address, bits;
    uint64_t n;
    bool four;
    bool cut = str_cut(text, '/', &address, &bits);
    if (!read_address(address, ret->bytes, &four) ||
        (cut && !str_to_uint(bits, four ? 32 : 128, &n)))
        return err_set(e, ERR_INVALID,
                       "'%.*s' is no network: write an address, or one with its bits as in "
                       "10.0.0.0/8",
                       STR_ARG(text));
    if (!cut) n = four ? 32 : 128;
    ret->bits = (unsigned)n + (four ? 96 : 0);
    return 0;
}

bool httpd_network_has(const httpd_network *n, str address) {
    uint8_t bytes[16];
    bool four;
    if (!read_address(address, bytes, &four)) return false;
    for (unsigned i = 0; i < n->bits; i++) {
        unsigned mask = 0x80u >> i % 8;
        if ((bytes[i / 8] & mask) != (n->bytes[i / 8] & mask)) return false;
    }
    return true;
}

static bool is_trusted(const httpd *h, str address) {
    for (size_t i = 0; i < h->proxy_count; i++) {
        if (httpd_network_has(&h->proxies[i], address)) return true;
    }
    return false;
}

static str connected(httpd_request *r) {
    char text[INET6_ADDRSTRLEN] = "";
    const httpd_link *l = r->link;
    const struct in6_addr *six = &l->peer.v6.sin6_addr;
    switch (l->peer.any.sa_family) {
    case AF_INET: inet_ntop(AF_INET, &l->peer.v4.sin_addr, text, sizeof text); break;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(six))
            inet_ntop(AF_INET, six->s6_addr + sizeof mapped, text, sizeof text);
        else
            inet_ntop(AF_INET6, six, text, sizeof text);
        break;
    case AF_UNIX: return STR("unix");
    default: return STR("unknown");
    }
    return arena_str(r->a, str_from(text));
}

static enum MHD_Result collect(void *context, enum MHD_ValueKind kind, const char *name,
                               size_t name_size, const char *text, size_t size) {
    (void)kind;
    strbuf *all = context;
    if (!str_eq_nocase((str){name, name_size}, STR("X-Forwarded-For"))) return MHD_YES;
    if (all->len) strbuf_addc(all, ',');
    strbuf_add(all, (str){text, size});
    return MHD_YES;
}

/* From the right: each trusted proxy has added whom it was asked by. What is no address ends it. */
static str forwarded(httpd_request *r, str peer) {
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    uint8_t bytes[16];
    bool four;
    mhd.MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, collect, &all);
    str rest = strbuf_str(&all);
    while (rest.len && is_trusted(r->server, peer)) {
        ptrdiff_t comma = str_rfind_char(rest, ',');
        str last = str_trim(str_sub(rest, (size_t)(comma + 1), rest.len));
        if (!read_address(last, bytes, &four)) break;
        peer = arena_str(r->a, last);
        rest = str_sub(rest, 0, comma < 0 ? 0 : (size_t)comma);
    }
    return peer;
}

str httpd_peer(httpd_request *r) {
    str peer = connected(r);
    return is_trusted(r->server, peer) ? forwarded(r, peer) : peer;
}
