/* Requests to the HTTP proxy. Strict on purpose: what two readers could understand differently is
 * how a request is smuggled past one of them. */
#include "sandbox/egress_parse.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!token_char(s.ptr[i])) return false;
    return s.len > 0;
}

/* Printable, spaces and tabs; bytes over 127 are opaque. */
static bool is_field_text(str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

/* The next line; every one ends with CR LF, and neither stands elsewhere. */
static bool take_line(str *rest, str *line) {
    ptrdiff_t end = str_find(*rest, STR("\r\n"));
    if (end < 0) return false;
    *line = str_sub(*rest, 0, (size_t)end);
    *rest = str_sub(*rest, (size_t)end + 2, rest->len);
    return true;
}

static str trim_blanks(str s) {
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = str_sub(s, 1, s.len);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool read_target(str target, egress_request *r) {
    if (r->connect) {
        r->authority = target;
        return egress_parse_authority(target, 0, &r->target);
    }
    static const str scheme = STR_INIT("http://");
    if (!str_eq_nocase(str_sub(target, 0, scheme.len), scheme)) return false;
    str rest = str_sub(target, scheme.len, target.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    r->authority = str_sub(rest, 0, end);
    r->path = str_sub(rest, end, rest.len);
    if (str_find_char(r->path, '#') >= 0) return false;
    return egress_parse_authority(r->authority, 80, &r->target);
}

static bool read_request_line(str line, egress_request *r) {
    str target;
    if (!str_cut(line, ' ', &r->method, &line) || !str_cut(line, ' ', &target, &r->version))
        return false;
    if (!is_token(r->method) || r->method.len > 32) return false;
    if (!str_is(r->version, "HTTP/1.1") && !str_is(r->version, "HTTP/1.0")) return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f) return false;
    r->connect = str_is(r->method, "CONNECT");
    return read_target(target, r);
}

/* What one request must not say twice. */
typedef struct seen {
    unsigned fields;
    bool host, length;
} seen;

static bool same_host(str value, const egress_request *r) {
    egress_target t;
    return egress_parse_authority(value, r->connect ? 443 : 80, &t) &&
           (t.port == r->target.port || r->connect) && strcmp(t.name, r->target.name) == 0 &&
           net_address_same(&t.address, &r->target.address);
}

static egress_reason read_field(str name, str value, egress_request *r, seen *s) {
    if (++s->fields > EGRESS_HEADERS_MAX || !is_token(name) || !is_field_text(value))
        return EGRESS_BAD_REQUEST;
    if (str_eq_nocase(name, STR("Host"))) {
        if (s->host) return EGRESS_BAD_REQUEST;
        s->host = true;
        if (!same_host(value, r)) return EGRESS_OTHER_HOST;
    } else if (str_eq_nocase(name, STR("Content-Length"))) {
        if (s->length || !str_to_uint(value, UINT64_MAX / 2, &r->body_size))
            return EGRESS_BAD_REQUEST;
        s->length = true;
    } else if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
        if (r->chunked) return EGRESS_BAD_REQUEST;
        if (!str_eq_nocase(value, STR("chunked"))) return EGRESS_TRANSFER_CODING;
        r->chunked = true;
    }
    return EGRESS_FINE;
}

static egress_reason read_head(str head, egress_request *r) {
    str line, name, value;
    seen s = {0};
    if (!take_line(&head, &line) || !read_request_line(line, r)) return EGRESS_BAD_REQUEST;
    while (take_line(&head, &line)) {
        if (line.len == 0) break;
        if (!str_cut(line, ':', &name, &value)) return EGRESS_BAD_REQUEST;
        egress_reason why = read_field(name, trim_blanks(value), r, &s);
        if (why != EGRESS_FINE) return why;
    }
    if (r->chunked && (s.length || !str_is(r->version, "HTTP/1.1"))) return EGRESS_BAD_REQUEST;
    if (r->connect && (r->body_size || r->chunked)) return EGRESS_BAD_REQUEST;
    return EGRESS_FINE;
}

egress_parse egress_read_request(str bytes, egress_request *ret) {
    *ret = (egress_request){.reason = EGRESS_BAD_REQUEST};
    str window = str_sub(bytes, 0, EGRESS_HEAD_MAX);
    ptrdiff_t end = str_find(window, STR("\r\n\r\n"));
    if (end < 0) return bytes.len >= EGRESS_HEAD_MAX ? EGRESS_BAD : EGRESS_MORE;
    ret->head_size = (size_t)end + 4;
    ret->reason = read_head(str_sub(bytes, 0, ret->head_size), ret);
    return ret->reason == EGRESS_FINE ? EGRESS_WHOLE : EGRESS_BAD;
}

/* Between a client and its proxy (RFC 9110, 7.6.1), and what is written anew. */
static bool is_dropped(str name) {
    static const str names[] = {STR_INIT("Host"),
                                STR_INIT("Connection"),
                                STR_INIT("Keep-Alive"),
                                STR_INIT("Proxy-Connection"),
                                STR_INIT("Upgrade"),
                                STR_INIT("Proxy-Authorization"),
                                STR_INIT("TE"),
                                STR_INIT("Trailer"),
                                STR_INIT("Transfer-Encoding")};
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_eq_nocase(name, names[i])) return true;
    return false;
}

void egress_write_request(str bytes, const egress_request *r, bool through, str authorization,
                          strbuf *out) {
    str head = str_sub(bytes, 0, r->head_size), line, name, value;
    take_line(&head, &line);
    strbuf_addf(out, "%.*s ", STR_ARG(r->method));
    if (through) strbuf_addf(out, "http://%.*s", STR_ARG(r->authority));
    if (!str_starts(r->path, STR("/"))) strbuf_addc(out, '/');
    strbuf_addf(out, "%.*s %.*s\r\nHost: %.*s\r\n", STR_ARG(r->path), STR_ARG(r->version),
                STR_ARG(r->authority));
    while (take_line(&head, &line) && line.len) {
        str_cut(line, ':', &name, &value);
        if (!is_dropped(name)) strbuf_addf(out, "%.*s\r\n", STR_ARG(line));
    }
    if (r->chunked) strbuf_adds(out, "Transfer-Encoding: chunked\r\n");
    if (authorization.len)
        strbuf_addf(out, "Proxy-Authorization: %.*s\r\n", STR_ARG(authorization));
    strbuf_adds(out, "Connection: close\r\n\r\n");
}

egress_parse egress_read_response(str bytes, unsigned *ret_status, size_t *ret_size) {
    str window = str_sub(bytes, 0, EGRESS_HEAD_MAX);
    uint64_t status;
    ptrdiff_t end = str_find(window, STR("\r\n\r\n"));
    if (end < 0) return bytes.len >= EGRESS_HEAD_MAX ? EGRESS_BAD : EGRESS_MORE;
    if (!str_starts(bytes, STR("HTTP/1.")) || !str_to_uint(str_sub(bytes, 9, 12), 999, &status))
        return EGRESS_BAD;
    *ret_status = (unsigned)status;
    *ret_size = (size_t)end + 4;
    return EGRESS_WHOLE;
}
