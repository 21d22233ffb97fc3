#include "server/remote.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <string.h>

static const struct {
    const char *prefix;
    remote_scheme scheme;
    uint16_t port;
} schemes[] = {
    {"https://", REMOTE_HTTPS, 443}, {"http://", REMOTE_HTTP, 80}, {"ssh://", REMOTE_SSH, 22},
    {"git://", REMOTE_GIT, 9418},    {"file://", REMOTE_FILE, 0},
};

/* ---- taking apart -------------------------------------------------------------------------- */

static bool is_user(str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("._-", c) && i)) return false;
    }
    return text.len > 0;
}

static bool is_host(str text) {
    net_address x;
    if (net_address_parse(text, &x)) return true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr(".-_", c) && i)) return false;
    }
    return text.len > 0 && text.len <= 253;
}

static int judge_text(str text, err *e) {
    if (text.len > REMOTE_URL_MAX)
        return err_set(e, ERR_LIMIT, "a URL of more than %d bytes", REMOTE_URL_MAX);
    if (text.len == 0) return err_set(e, ERR_INVALID, "the URL is empty");
    if (text.ptr[0] == '-')
        return err_set(e, ERR_INVALID, "a URL that begins with '-' would be taken for an option");
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f || text.ptr[i] == '\\')
            return err_set(e, ERR_INVALID, "the URL has a space, '\\' or a control character");
    }
    return 0;
}

/* "host", "host:port", "[v6]:port" */
static int read_host(str text, remote_url *u, err *e) {
    str host = text, port = STR_EMPTY;
    bool bracket = str_starts(text, STR("[")), cut = false;
    if (bracket) {
        ptrdiff_t end = str_find_char(text, ']');
        if (end < 0) return err_set(e, ERR_INVALID, "the URL's host has a '[' without ']'");
        host = str_sub(text, 1, (size_t)end);
        port = str_sub(text, (size_t)end + 1, text.len);
        cut = port.len > 0;
        if (cut && port.ptr[0] != ':')
            return err_set(e, ERR_INVALID, "the URL's host is malformed");
        port = str_sub(port, 1, port.len);
    } else {
        cut = str_cut(text, ':', &host, &port);
    }
    uint64_t number = u->port;
    if (cut && (!str_to_uint(port, 65535, &number) || number == 0))
        return err_set(e, ERR_INVALID, "the URL's port is no number from 1 to 65535");
    if (!is_host(host) || bracket != (str_find_char(host, ':') >= 0))
        return err_set(e, ERR_INVALID, "the URL names no host, or one that cannot be");
    u->host = host;
    u->port = (uint16_t)number;
    return 0;
}

static int read_authority(str text, remote_url *u, err *e) {
    ptrdiff_t at = str_rfind_char(text, '@');
    if (at >= 0) {
        u->user = str_sub(text, 0, (size_t)at);
        text = str_sub(text, (size_t)at + 1, text.len);
        if (u->scheme != REMOTE_SSH)
            return err_set(
                e, ERR_INVALID,
                "the URL holds a user name or a password: keep it in a secret, and write "
                "the URL without");
        if (!is_user(u->user))
            return err_set(e, ERR_INVALID,
                           "the URL's user is no plain name, or a password stands beside it");
    }
    return read_host(text, u, e);
}

/* "user@host:path", as git reads what has no scheme. */
static int read_short(str text, remote_url *u, err *e) {
    str head, path;
    u->scheme = REMOTE_SSH;
    u->port = 22;
    bool cut = str_cut(text, ':', &head, &path);
    if (!cut || str_find_char(head, '/') >= 0 || str_starts(path, STR("//")))
        return err_set(e, ERR_INVALID,
                       "'%.*s' is no git URL: https://, http://, ssh://, git://, file://, "
                       "user@host:path or an absolute path",
                       STR_ARG(str_sub(text, 0, 80)));
    if (str_starts(path, STR(":")))
        return err_set(e, ERR_INVALID, "git's remote helpers ('%.*s::') are not run",
                       STR_ARG(str_sub(head, 0, 40)));
    u->path = path;
    return read_authority(head, u, e);
}

static int read_long(str text, remote_url *u, err *e) {
    ptrdiff_t slash = str_find_char(text, '/');
    str authority = slash < 0 ? text : str_sub(text, 0, (size_t)slash);
    u->path = slash < 0 ? STR_EMPTY : str_sub(text, (size_t)slash, text.len);
    if (u->scheme != REMOTE_FILE) return read_authority(authority, u, e);
    if (authority.len && !str_is(authority, "localhost"))
        return err_set(e, ERR_INVALID, "a file:// URL names no host");
    return 0;
}

int remote_parse(arena *a, str text, remote_url *ret, err *e) {
    remote_url u = {0};
    int r = judge_text(text, e);
    if (r < 0) return r;
    text = u.text = arena_str(a, text);
    str rest = STR_EMPTY;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !rest.ptr[0]; i++) {
        str prefix = str_from(schemes[i].prefix);
        if (text.len <= prefix.len || !str_eq_nocase(str_sub(text, 0, prefix.len), prefix))
            continue;
        u.scheme = schemes[i].scheme;
        u.port = schemes[i].port;
        rest = str_sub(text, prefix.len, text.len);
    }
    if (rest.len) {
        r = read_long(rest, &u, e);
    } else if (text.ptr[0] == '/') {
        u.scheme = REMOTE_FILE;
        u.path = text;
    } else {
        r = read_short(text, &u, e);
    }
    if (r < 0) return r;
    bool web = u.scheme == REMOTE_HTTPS || u.scheme == REMOTE_HTTP;
    if ((!u.path.len && !web) || str_starts(u.path, STR("-")))
        return err_set(e, ERR_INVALID, "the URL has no path, or one that begins with '-'");
    *ret = u;
    return 0;
}

/* ---- judging ------------------------------------------------------------------------------- */

static bool is_range(str word, net_range *ret) {
    return net_range_parse(word, ret);
}

int remote_guard_check(const remote_guard *g, err *e) {
    net_range range;
    if (g->allowed_count > REMOTE_ALLOWED_MAX)
        return err_set(e, ERR_LIMIT, "more than %d addresses are allowed", REMOTE_ALLOWED_MAX);
    for (size_t i = 0; i < g->allowed_count; i++) {
        if (!is_range(g->allowed[i], &range) && !is_host(g->allowed[i]))
            return err_set(e, ERR_INVALID,
                           "'%.*s' is neither a host, an address nor a range such as 10.0.0.0/8",
                           STR_ARG(str_sub(g->allowed[i], 0, 80)));
    }
    return 0;
}

static bool is_allowed(const remote_guard *g, const remote_url *u, const net_address *x) {
    net_range range;
    for (size_t i = 0; i < g->allowed_count; i++) {
        bool named = is_range(g->allowed[i], &range) ? net_range_has(&range, x)
                                                     : str_eq_nocase(g->allowed[i], u->host);
        if (named) return true;
    }
    return false;
}

static bool is_own(const net_address *x) {
    struct ifaddrs *list;
    bool own = false;
    if (getifaddrs(&list) < 0) return true; /* what cannot be judged is refused */
    for (struct ifaddrs *i = list; i && !own; i = i->ifa_next) {
        net_address y;
        own = net_address_from_sockaddr(i->ifa_addr, &y) && net_address_same(x, &y);
    }
    freeifaddrs(list);
    return own;
}

static const char *class_of(const net_address *x) {
    if (net_address_is_special(x)) return "this machine itself, its link or its metadata service";
    if (net_address_is_private(x)) return "in a private network";
    return is_own(x) ? "an address of this machine" : NULL;
}

int remote_judge(const remote_guard *g, const remote_url *u, const net_address *x, err *e) {
    if (is_allowed(g, u, x)) return 0;
    char text[NET_ADDRESS_TEXT];
    net_address_text(x, text);
    const char *class = class_of(x);
    if (class)
        return err_set(e, ERR_INVALID,
                       "'%.*s' is %s, which is %s: the repository's setting of allowed addresses "
                       "does not name it",
                       STR_ARG(u->host), text, class);
    if (!g->allow_http && (u->scheme == REMOTE_HTTP || u->scheme == REMOTE_GIT))
        return err_set(e, ERR_INVALID,
                       "'%.*s' would be spoken to without encryption: use https:// or ssh://",
                       STR_ARG(u->host));
    return 0;
}

/* ---- connecting ---------------------------------------------------------------------------- */

int remote_resolve(const remote_guard *g, const remote_url *u, net_address *ret, err *e) {
    char host[256];
    if (u->scheme == REMOTE_FILE) {
        *ret = (net_address){0};
        if (g->allow_file) return 0;
        return err_set(e, ERR_INVALID,
                       "a folder of the server's machine is only read where its setting allows it");
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    memcpy(host, u->host.ptr, u->host.len);
    host[u->host.len] = '\0';
    int code = getaddrinfo(host, NULL, &hints, &list);
    if (code)
        return err_set(e, ERR_NOT_FOUND, "the host '%s' has no address: %s", host,
                       gai_strerror(code));
    int r = err_set(e, ERR_NOT_FOUND, "the host '%s' has no address", host);
    for (struct addrinfo *i = list; i && r < 0; i = i->ai_next) {
        net_address x;
        if (!net_address_from_sockaddr(i->ai_addr, &x)) continue;
        r = remote_judge(g, u, &x, e);
        if (r == 0) *ret = x;
    }
    freeaddrinfo(list);
    return r;
}

const char *remote_pin(arena *a, const remote_url *u, const net_address *x) {
    char text[NET_ADDRESS_TEXT];
    net_address literal;
    if (net_address_parse(u->host, &literal)) return NULL;
    net_address_text(x, text);
    bool six = x->family == 6;
    return arena_printf(a, "%.*s:%u:%s%s%s", STR_ARG(u->host), u->port, six ? "[" : "", text,
                        six ? "]" : "")
        .ptr;
}
