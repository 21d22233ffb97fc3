/* httpd_target.c: request targets and ranges. */
#include "base/httpd.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %XX; in a query '+' is a space as well, as forms send it. */
static int decode(arena *a, str text, bool query, str *ret, err *e) {
    char *out = arena_alloc(a, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
            if (low < 0) return err_set(e, ERR_INVALID, "the target has a malformed escape");
            c = (char)(high << 4 | low);
            i += 2;
            if (!c || (!query && c == '/'))
                return err_set(e, ERR_INVALID, "the target has an escape that is not allowed");
        } else if (query && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret = (str){out, n};
    return 0;
}

static int parse_path(arena *a, str text, str *ret, err *e) {
    if (!text.len || text.ptr[0] != '/') return err_set(e, ERR_INVALID, "the target is not a path");
    if (decode(a, text, false, ret, e) < 0) return e->code;
    str rest = *ret, part;
    while (rest.len) {
        str_cut(rest, '/', &part, &rest);
        if (str_is(part, ".") || str_is(part, ".."))
            return err_set(e, ERR_INVALID, "the target has a segment '%.*s'", STR_ARG(part));
    }
    return 0;
}

static int parse_query(arena *a, str text, httpd_target *t, err *e) {
    size_t cap = 0;
    while (text.len) {
        str one, name, item;
        str_cut(text, '&', &one, &text);
        if (!one.len) continue;
        if (t->query_count == HTTPD_QUERY_MAX)
            return err_set(e, ERR_LIMIT, "the target has more than %d parameters", HTTPD_QUERY_MAX);
        str_cut(one, '=', &name, &item);
        httpd_pair pair;
        if (decode(a, name, true, &pair.name, e) < 0 || decode(a, item, true, &pair.text, e) < 0)
            return e->code;
        ARENA_PUSH(a, t->query, t->query_count, cap, pair);
    }
    return 0;
}

int httpd_target_parse(arena *a, str text, httpd_target *ret, err *e) {
    err ignored = {0};
    if (!e) e = &ignored;
    *ret = (httpd_target){0};
    if (text.len > HTTPD_TARGET_MAX)
        return err_set(e, ERR_LIMIT, "the target is longer than %d bytes", HTTPD_TARGET_MAX);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f)
            return err_set(e, ERR_INVALID, "the target has a character that is not allowed");
    }
    str path, query;
    str_cut(text, '?', &path, &query);
    if (parse_path(a, path, &ret->path, e) < 0) return e->code;
    return parse_query(a, query, ret, e);
}

bool httpd_target_query(const httpd_target *t, const char *name, str *ret) {
    for (size_t i = 0; i < t->query_count; i++) {
        if (!str_is(t->query[i].name, name)) continue;
        *ret = t->query[i].text;
        return true;
    }
    *ret = STR_EMPTY;
    return false;
}

int httpd_range(str header, uint64_t size, uint64_t *ret_from, uint64_t *ret_size) {
    str unit, range, first, last;
    uint64_t from = 0, to = 0;
    header = str_trim(header);
    if (!str_cut(header, '=', &unit, &range) || !str_is(unit, "bytes")) return 0;
    if (!str_cut(str_trim(range), '-', &first, &last)) return 0;
    if (first.len && !str_to_uint(first, UINT64_MAX / 2, &from)) return 0;
    if (last.len && !str_to_uint(last, UINT64_MAX / 2, &to)) return 0;
    if (!first.len) { /* the last bytes */
        if (!last.len) return 0;
        if (!to || !size) return -1;
        *ret_size = to < size ? to : size;
        *ret_from = size - *ret_size;
        return 1;
    }
    if (last.len && to < from) return 0;
    if (from >= size) return -1;
    if (!last.len || to >= size) to = size - 1;
    *ret_from = from;
    *ret_size = to - from + 1;
    return 1;
}
