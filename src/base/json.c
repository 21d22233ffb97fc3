/* json.c: jansson reads, we write.
 *
 * jansson keeps the order of keys (since 2.8) and counts columns in code points. Its tree is turned
 * into values in one walk and dropped. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson would take a failed allocation for an error in the text. */
static void *allocate(size_t size) {
    void *p = malloc(size);
    if (!p) oom();
    return p;
}

/* Appends the place to the message as well: most callers know of no file that the span could name.
 * jansson quotes the text near the error, which may hold line breaks. */
static int parse_error(const json_error_t *from, err *e) {
    if (json_error_code(from) == json_error_stack_overflow)
        return err_set(e, ERR_LIMIT, "the JSON text is nested too deeply");
    char text[JSON_ERROR_TEXT_LENGTH];
    snprintf(text, sizeof text, "%s", from->text);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ') *p = ' ';
    }
    unsigned line = from->line > 0 ? (unsigned)from->line : 1;
    unsigned column = from->column > 0 ? (unsigned)from->column : 1;
    span where = {.line = line, .column = column, .end_line = line, .end_column = column + 1};
    return err_at(e, ERR_INVALID, where, "invalid JSON at line %u, column %u: %s", line, column,
                  text);
}

static int convert(arena *a, const json_t *from, unsigned depth_left, value *ret);

static int convert_array(arena *a, const json_t *from, unsigned depth_left, value *ret) {
    size_t count = json_array_size(from);
    *ret = value_array_sized(a, count);
    for (size_t i = 0; i < count; i++) {
        int r = convert(a, json_array_get(from, i), depth_left, &ret->array.items[i]);
        if (r < 0) return r;
    }
    return 0;
}

static int convert_object(arena *a, json_t *from, unsigned depth_left, value *ret) {
    *ret = value_object_sized(a, false, json_object_size(from));
    for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at)) {
        value item;
        int r = convert(a, json_object_iter_value(at), depth_left, &item);
        if (r < 0) return r;
        value_set(a, ret, (str){json_object_iter_key(at), json_object_iter_key_len(at)}, item);
    }
    return 0;
}

/* Fails only for the depth. */
static int convert(arena *a, const json_t *from, unsigned depth_left, value *ret) {
    switch (json_typeof(from)) {
    case JSON_NULL: *ret = VALUE_NULL_INIT; return 0;
    case JSON_TRUE: *ret = value_bool(true); return 0;
    case JSON_FALSE: *ret = value_bool(false); return 0;
    case JSON_INTEGER:
    case JSON_REAL: *ret = value_number(json_number_value(from)); return 0;
    case JSON_STRING:
        *ret = value_string(arena_str(a, (str){json_string_value(from), json_string_length(from)}));
        return 0;
    case JSON_ARRAY:
        if (depth_left == 0) return ERR_LIMIT;
        return convert_array(a, from, depth_left - 1, ret);
    case JSON_OBJECT:
        if (depth_left == 0) return ERR_LIMIT;
        return convert_object(a, (json_t *)from, depth_left - 1, ret);
    }
    return ERR_INVALID;
}

int json_parse(arena *a, str text, unsigned max_depth, value *ret, err *e) {
    if (max_depth == 0) max_depth = JSON_DEPTH_DEFAULT;
    json_set_alloc_funcs(allocate, free);
    json_error_t failure;
    json_t *root = json_loadb(text.ptr, text.len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &failure);
    if (!root) return parse_error(&failure, e);
    value v;
    int r = convert(a, root, max_depth, &v);
    json_decref(root);
    if (r < 0)
        return err_set(e, ERR_LIMIT, "the JSON text is nested deeper than %u levels", max_depth);
    *ret = v;
    return 0;
}

/* Bytes that must be escaped, or that begin a sequence which must be checked. */
static bool is_plain(unsigned char c) {
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte from `at` on that is not plain, or the end. Eight bytes are looked at together:
 * what is subtracted borrows a byte's top bit when it is a control character, a quote or a
 * backslash. */
static size_t skip_plain(str s, size_t at) {
    const uint64_t each = 0x0101010101010101;
    uint64_t word;
    for (; at + sizeof word <= s.len; at += sizeof word) {
        memcpy(&word, s.ptr + at, sizeof word);
        uint64_t control = word - each * ' ', quote = (word ^ each * '"') - each,
                 backslash = (word ^ each * '\\') - each;
        if ((word | control | quote | backslash) & each << 7) break;
    }
    while (at < s.len && is_plain((unsigned char)s.ptr[at]))
        at++;
    return at;
}

static void write_escaped(strbuf *out, unsigned char c) {
    static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                      ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof short_form && short_form[c]) {
        char text[2] = {'\\', short_form[c]};
        strbuf_add(out, (str){text, 2});
    } else {
        strbuf_addf(out, "\\u%04x", c);
    }
}

void json_write_str(strbuf *out, str s) {
    strbuf_reserve(out, s.len + 2);
    strbuf_addc(out, '"');
    size_t at = 0, run = 0; /* what is between run and at is written as it stands */
    while ((at = skip_plain(s, at)) < s.len) {
        unsigned char c = (unsigned char)s.ptr[at];
        size_t from = at;
        bool well_formed = c < 0x80 ? false : (utf8_next(s, &at), at > from + 1);
        if (well_formed) continue;
        strbuf_add(out, str_sub(s, run, from));
        if (c < 0x80)
            write_escaped(out, c);
        else
            strbuf_adds(out, "\xEF\xBF\xBD");
        at = run = from + 1;
    }
    strbuf_add(out, str_sub(s, run, at));
    strbuf_addc(out, '"');
}

/* "1e-07" becomes "1e-7". */
static void shorten_exponent(char *text) {
    char *digits = strchr(text, 'e');
    if (!digits) return;
    digits += 2;
    size_t zeros = strspn(digits, "0");
    memmove(digits, digits + zeros, strlen(digits + zeros) + 1);
}

static void write_integer(strbuf *out, long long n) {
    char text[24], *at = text + sizeof text;
    for (long long left = n < 0 ? -n : n; left || at == text + sizeof text; left /= 10)
        *--at = (char)('0' + left % 10);
    if (n < 0) *--at = '-';
    strbuf_add(out, (str){at, (size_t)(text + sizeof text - at)});
}

void json_write_number(strbuf *out, double n) {
    char text[40];
    if (!isfinite(n)) {
        strbuf_adds(out, "null");
        return;
    }
    if (n == trunc(n) && fabs(n) < 0x1p53 && !(n == 0 && signbit(n))) {
        write_integer(out, (long long)n);
        return;
    }
    /* 15 digits survive in any normal double and 17 always tell doubles apart; subnormal ones hold
     * fewer. */
    for (int digits = fabs(n) < 0x1p-1022 ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, n);
        if (strtod(text, NULL) == n) break;
    }
    shorten_exponent(text);
    strbuf_adds(out, text);
}

/* indent < 0: compact. */
static void new_line(strbuf *out, int indent) {
    if (indent < 0) return;
    strbuf_addc(out, '\n');
    strbuf_pad(out, ' ', (size_t)indent * 2);
}

static void write_value(strbuf *out, const value *v, int indent) {
    int inner = indent < 0 ? indent : indent + 1;
    size_t count = value_count(v);
    switch (v->kind) {
    case VALUE_BOOL: strbuf_adds(out, v->boolean ? "true" : "false"); return;
    case VALUE_NUMBER: json_write_number(out, v->number); return;
    case VALUE_STRING: json_write_str(out, v->string); return;
    case VALUE_ARRAY:
        strbuf_addc(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i) strbuf_addc(out, ',');
            new_line(out, inner);
            write_value(out, &v->array.items[i], inner);
        }
        if (count) new_line(out, indent);
        strbuf_addc(out, ']');
        return;
    case VALUE_OBJECT:
        strbuf_addc(out, '{');
        for (size_t i = 0; i < count; i++) {
            const value_pair *p = value_at(v, i);
            if (i) strbuf_addc(out, ',');
            new_line(out, inner);
            json_write_str(out, p->key);
            strbuf_adds(out, indent < 0 ? ":" : ": ");
            write_value(out, &p->item, inner);
        }
        if (count) new_line(out, indent);
        strbuf_addc(out, '}');
        return;
    case VALUE_NULL:
    case VALUE_KIND_COUNT: strbuf_adds(out, "null"); return;
    }
}

void json_write(strbuf *out, const value *v) {
    write_value(out, v, -1);
}

str json_text(arena *a, const value *v) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, v);
    return arena_str(a, strbuf_str(&text));
}

void json_write_pretty(strbuf *out, const value *v) {
    write_value(out, v, 0);
}

static void comma(json_out *o) {
    if (o->need_comma) strbuf_addc(o->buf, ',');
    o->need_comma = true;
}

void json_open(json_out *o, char bracket) {
    comma(o);
    strbuf_addc(o->buf, bracket);
    o->need_comma = false;
}

void json_close(json_out *o, char bracket) {
    strbuf_addc(o->buf, bracket);
    o->need_comma = true;
}

void json_key(json_out *o, const char *key) {
    comma(o);
    json_write_str(o->buf, str_from(key));
    strbuf_addc(o->buf, ':');
    o->need_comma = false;
}

void json_put_str(json_out *o, str s) {
    comma(o);
    json_write_str(o->buf, s);
}

void json_put_number(json_out *o, double n) {
    comma(o);
    json_write_number(o->buf, n);
}

void json_put_null(json_out *o) {
    comma(o);
    strbuf_adds(o->buf, "null");
}

void json_put_value(json_out *o, const value *v) {
    comma(o);
    json_write(o->buf, v);
}

void json_key_str(json_out *o, const char *key, str s) {
    json_key(o, key);
    json_put_str(o, s);
}

void json_key_number(json_out *o, const char *key, double n) {
    json_key(o, key);
    json_put_number(o, n);
}
