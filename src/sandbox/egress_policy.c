/* A policy as text and back, the proxy to go out through, and what a job is told. */
#include "sandbox/egress.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define URL_MAX      2048
#define NO_PROXY_MAX 8192
#define SECRET_MAX   768 /* bytes of "user:password" */

/* ---- the upstream proxy -------------------------------------------------------------------- */

/* %XX becomes its byte; false for what is none. */
static bool decode_percent(str text, char *out, size_t *ret_len) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            if (i + 2 >= text.len || !str_to_bits(str_sub(text, i + 1, i + 3), 16, &byte))
                return false;
            i += 2;
        }
        out[n++] = (char)byte;
    }
    *ret_len = n;
    return true;
}

/* "Basic …" of the URL's user and password. */
static bool authorization(arena *a, str secret, str *ret) {
    char plain[SECRET_MAX], coded[SECRET_MAX * 4 / 3 + 8];
    size_t n;
    if (secret.len > sizeof plain || !decode_percent(secret, plain, &n)) return false;
    EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)n);
    *ret = arena_printf(a, "Basic %s", coded);
    explicit_bzero(plain, sizeof plain);
    return true;
}

/* The URL is not shown: it may hold a password. */
int egress_set_upstream(egress_policy *p, str url, str no_proxy, err *e) {
    memset(&p->upstream, 0, sizeof p->upstream);
    if (url.len == 0) return 0;
    if (url.len > URL_MAX || no_proxy.len > NO_PROXY_MAX)
        return err_set(e, ERR_LIMIT,
                       "the proxy's URL has more than %d bytes, or no_proxy more than %d", URL_MAX,
                       NO_PROXY_MAX);
    for (size_t i = 0; i < url.len + no_proxy.len; i++) {
        char c = i < url.len ? url.ptr[i] : no_proxy.ptr[i - url.len];
        if ((unsigned char)c < 0x20)
            return err_set(e, ERR_INVALID, "the proxy's URL or no_proxy has a control character");
    }
    str rest = url, secret = STR_EMPTY;
    ptrdiff_t scheme = str_find(rest, STR("://"));
    if (scheme >= 0 && !str_eq_nocase(str_sub(rest, 0, (size_t)scheme), STR("http")))
        return err_set(e, ERR_UNSUPPORTED,
                       "a job with limited egress can go out only through a proxy that is spoken "
                       "to in plain HTTP, not %.*s://",
                       (int)(scheme < 16 ? scheme : 16), rest.ptr);
    if (scheme >= 0) rest = str_sub(rest, (size_t)scheme + 3, rest.len);
    str_cut(rest, '/', &rest, &(str){0});
    ptrdiff_t at = str_rfind_char(rest, '@');
    if (at >= 0) {
        secret = str_sub(rest, 0, (size_t)at);
        rest = str_sub(rest, (size_t)at + 1, rest.len);
    }
    egress_target t;
    if (!egress_parse_authority(rest, 80, &t) ||
        (secret.len && !authorization(p->a, secret, &p->upstream.authorization)))
        return err_set(e, ERR_INVALID,
                       "the proxy in the environment is no URL of the form "
                       "http://[user:password@]host[:port]");
    char address[NET_ADDRESS_TEXT];
    net_address_text(&t.address, address);
    p->upstream.host = arena_str(p->a, str_from(t.name[0] ? t.name : address));
    p->upstream.port = t.port;
    p->upstream.url = arena_str(p->a, url);
    p->upstream.no_proxy = arena_str(p->a, no_proxy);
    return 0;
}

static str from_env(const char *const *env, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]);
        for (const char *const *v = env; *v; v++)
            if (strncmp(*v, names[i], n) == 0 && (*v)[n] == '=' && (*v)[n + 1])
                return str_from(*v + n + 1);
    }
    return STR_EMPTY;
}

int egress_upstream_from_env(egress_policy *p, const char *const *env, err *e) {
    static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY",   "http_proxy",  NULL};
    static const char *const exceptions[] = {"no_proxy", "NO_PROXY"};
    return egress_set_upstream(p, from_env(env, proxies, COUNT(proxies) - 1),
                               from_env(env, exceptions, COUNT(exceptions)), e);
}

bool egress_in_no_proxy(const egress_policy *p, const egress_target *t) {
    char address[NET_ADDRESS_TEXT];
    net_address_text(&t->address, address);
    str rest = p->upstream.no_proxy, item, name = str_from(t->name[0] ? t->name : address);
    while (rest.len) {
        str_cut(rest, ',', &item, &rest);
        item = str_trim(item);
        if (str_is(item, "*")) return true;
        if (str_starts(item, STR("*."))) item = str_sub(item, 1, item.len);
        if (str_starts(item, STR("."))) item = str_sub(item, 1, item.len);
        if (item.len == 0 || item.len > name.len) continue;
        str tail = str_sub(name, name.len - item.len, name.len);
        if (!str_eq_nocase(tail, item)) continue;
        if (tail.len == name.len || (t->name[0] && name.ptr[name.len - tail.len - 1] == '.'))
            return true;
    }
    return false;
}

/* ---- as text ------------------------------------------------------------------------------- */

static const char *const mode_names[EGRESS_MODE_COUNT] = {"none", "allow", "audit"};

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"idle_ms", offsetof(egress_policy, idle_ms)},
    {"handshake_ms", offsetof(egress_policy, handshake_ms)},
    {"max_connections", offsetof(egress_policy, max_connections)},
    {"max_records", offsetof(egress_policy, max_records)},
};

void egress_policy_write(const egress_policy *p, strbuf *out) {
    strbuf_addf(out, "mode %s\n", mode_names[p->mode]);
    for (size_t i = 0; i < p->rule_count; i++)
        strbuf_addf(out, "rule %.*s\n", STR_ARG(p->rules[i].text));
    for (size_t i = 0; i < p->host_count; i++) {
        char text[NET_ADDRESS_TEXT];
        net_address_text(&p->hosts[i].address, text);
        strbuf_addf(out, "host %s %.*s\n", text, STR_ARG(p->hosts[i].name));
    }
    if (p->upstream.host.len)
        strbuf_addf(out, "no_proxy %.*s\nupstream %.*s\n", STR_ARG(p->upstream.no_proxy),
                    STR_ARG(p->upstream.url));
    for (size_t i = 0; i < COUNT(numbers); i++) {
        uint32_t n;
        memcpy(&n, (const char *)p + numbers[i].offset, sizeof n);
        if (n) strbuf_addf(out, "%s %u\n", numbers[i].name, n);
    }
}

static int read_number(egress_policy *p, str key, str value, err *e) {
    uint64_t n;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (!str_is(key, numbers[i].name)) continue;
        if (!str_to_uint(value, UINT32_MAX, &n))
            return err_set(e, ERR_INVALID, "egress policy: %s is no number", numbers[i].name);
        memcpy((char *)p + numbers[i].offset, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
        return 0;
    }
    return err_set(e, ERR_INVALID, "egress policy: unknown word '%.*s'",
                   STR_ARG(str_sub(key, 0, 32)));
}

int egress_policy_read(arena *a, str text, egress_policy *ret, err *e) {
    str line, key, value, no_proxy = STR_EMPTY;
    egress_policy_init(ret, a, EGRESS_NONE);
    while (str_line(&text, &line)) {
        int r = 0;
        str_cut(line, ' ', &key, &value);
        if (str_is(key, "mode")) {
            size_t mode = 0;
            while (mode < EGRESS_MODE_COUNT && !str_is(value, mode_names[mode]))
                mode++;
            if (mode == EGRESS_MODE_COUNT)
                return err_set(e, ERR_INVALID, "egress policy: no such mode");
            ret->mode = (egress_mode)mode;
        } else if (str_is(key, "rule")) {
            r = egress_add_rule(ret, value, e);
        } else if (str_is(key, "host")) {
            str address, name;
            str_cut(value, ' ', &address, &name);
            r = egress_add_host(ret, name, address, e);
        } else if (str_is(key, "no_proxy")) {
            no_proxy = value;
        } else if (str_is(key, "upstream")) {
            r = egress_set_upstream(ret, value, no_proxy, e);
        } else {
            r = read_number(ret, key, value, e);
        }
        if (r < 0) return r;
    }
    return 0;
}

/* ---- for the job --------------------------------------------------------------------------- */

/* SOCKS with names resolved by the proxy is "socks5h" to curl and Python; Node's and Go's clients
 * look at the HTTP ones only. */
static const char *const proxy_names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"};
static const char *const socks_names[] = {"all_proxy", "ALL_PROXY"};
static const char *const exception_names[] = {"no_proxy", "NO_PROXY"};

const char *const *egress_env(arena *a, egress_mode mode) {
    size_t n = 0;
    const char **env = ARENA_ARRAY(a, const char *, 16);
    for (size_t i = 0; mode != EGRESS_NONE && i < COUNT(proxy_names); i++)
        env[n++] = arena_printf(a, "%s=http://127.0.0.1:%d", proxy_names[i], EGRESS_HTTP_PORT).ptr;
    for (size_t i = 0; mode != EGRESS_NONE && i < COUNT(socks_names); i++)
        env[n++] =
            arena_printf(a, "%s=socks5h://127.0.0.1:%d", socks_names[i], EGRESS_SOCKS_PORT).ptr;
    for (size_t i = 0; i < COUNT(exception_names); i++)
        env[n++] = arena_printf(a, "%s=localhost,.localhost,127.0.0.1,::1", exception_names[i]).ptr;
    return env;
}

/* One try is enough on loopback. No search list: each of its names would be asked for, and be
 * recorded, besides the one that is meant. */
const char *egress_resolv_conf(void) {
    return "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n";
}
