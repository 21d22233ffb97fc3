/* convert.c: what a value is as a boolean, a number, a string and JSON, and how two values compare.
 *
 * The rules are JavaScript's, with .NET's idea of numbers: "G15" when written, Int32 for 0x and 0o,
 * and "infinity" in any case when read. */
#include "base/json.h"
#include "expr/internal.h"
#include "expr/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool value_is_primitive(const value *v) {
    return v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT;
}

bool value_truthy(const value *v) {
    switch (v->kind) {
    case VALUE_NULL: return false;
    case VALUE_BOOL: return v->boolean;
    case VALUE_NUMBER: return v->number != 0 && !isnan(v->number);
    case VALUE_STRING: return v->string.len > 0;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT: break;
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static size_t count_digits(str s, size_t from) {
    size_t at = from;
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at - from;
}

/* Sign, digits with at most one point among them, exponent. */
static bool is_decimal(str s) {
    size_t at = s.ptr[0] == '-' || s.ptr[0] == '+';
    size_t whole = count_digits(s, at), fraction = 0;
    at += whole;
    if (at < s.len && s.ptr[at] == '.') {
        fraction = count_digits(s, at + 1);
        at += 1 + fraction;
    }
    if (whole + fraction == 0) return false;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
        size_t exponent = count_digits(s, at);
        if (exponent == 0) return false;
        at += exponent;
    }
    return at == s.len;
}

static double read_decimal(str s) {
    char small[64];
    if (s.len < sizeof small) {
        memcpy(small, s.ptr, s.len);
        small[s.len] = '\0';
        return strtod(small, NULL);
    }
    _cleanup_strbuf_ strbuf copy = STRBUF_INIT;
    strbuf_add(&copy, s);
    return strtod(strbuf_cstr(&copy), NULL);
}

/* "0x" and "0o" spell the 32 bits of a signed integer: 0xFFFFFFFF is -1. */
static double read_bits(str s, unsigned base) {
    uint64_t bits;
    if (!str_to_bits(s, base, &bits) || bits > UINT32_MAX) return (double)NAN;
    return (double)(int32_t)(uint32_t)bits;
}

double value_parse_number(str text) {
    str s = utf8_trim(text);
    if (s.len == 0) return 0;
    if (is_decimal(s)) return read_decimal(s);
    if (str_starts(s, STR("0x"))) return read_bits(str_sub(s, 2, s.len), 16);
    if (str_starts(s, STR("0o"))) return read_bits(str_sub(s, 2, s.len), 8);
    if (str_eq_nocase(s, STR("Infinity")) || str_eq_nocase(s, STR("+Infinity")))
        return (double)INFINITY;
    if (str_eq_nocase(s, STR("-Infinity"))) return -(double)INFINITY;
    return (double)NAN;
}

double value_to_number(const value *v) {
    switch (v->kind) {
    case VALUE_NULL: return 0;
    case VALUE_BOOL: return v->boolean;
    case VALUE_NUMBER: return v->number;
    case VALUE_STRING: return value_parse_number(v->string);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT: break;
    }
    return (double)NAN;
}

/* ---- strings ------------------------------------------------------------------------------- */

#define NUMBER_MAX 32

/* .NET writes as %G does, but for the names of what is not finite and the sign of zero. */
static str write_number(double n, char out[NUMBER_MAX]) {
    if (isnan(n)) return STR("NaN");
    if (isinf(n)) return n > 0 ? STR("Infinity") : STR("-Infinity");
    int length = snprintf(out, NUMBER_MAX, "%.15G", n == 0 ? 0.0 : n);
    return (str){out, (size_t)length};
}

str value_to_str(arena *a, const value *v) {
    char number[NUMBER_MAX];
    switch (v->kind) {
    case VALUE_NULL: return STR_EMPTY;
    case VALUE_BOOL: return v->boolean ? STR("true") : STR("false");
    case VALUE_NUMBER: return arena_str(a, write_number(v->number, number));
    case VALUE_STRING: return v->string;
    case VALUE_ARRAY: return STR("Array");
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT: break;
    }
    return STR("Object");
}

/* ---- comparison ---------------------------------------------------------------------------- */

/* Makes both of one kind where the language does; false when they stay apart. */
static bool coerce(value *a, value *b) {
    if (a->kind == b->kind) return true;
    if (!value_is_primitive(a) || !value_is_primitive(b)) return false;
    *a = value_number(value_to_number(a));
    *b = value_number(value_to_number(b));
    return true;
}

bool value_equal(const value *left, const value *right) {
    value a = *left, b = *right;
    if (!coerce(&a, &b)) return false;
    switch (a.kind) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a.boolean == b.boolean;
    case VALUE_NUMBER: return a.number == b.number;
    case VALUE_STRING: return text_compare(a.string, b.string) == 0;
    case VALUE_ARRAY: return a.array.items == b.array.items && a.array.count == b.array.count;
    case VALUE_OBJECT: return a.object == b.object;
    case VALUE_KIND_COUNT: break;
    }
    return false;
}

bool value_order(const value *left, const value *right, int *ret) {
    value a = *left, b = *right;
    if (!coerce(&a, &b)) return false;
    switch (a.kind) {
    case VALUE_BOOL: *ret = (int)a.boolean - (int)b.boolean; return true;
    case VALUE_NUMBER:
        *ret = (a.number > b.number) - (a.number < b.number);
        return !isnan(a.number) && !isnan(b.number);
    case VALUE_STRING: *ret = text_compare(a.string, b.string); return true;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT: break;
    }
    return false;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* Values come from parsers, which have limits of their own; no function nests deeper. */
#define DEPTH_MAX 4096

/* GitHub escapes the line ends that JSON leaves alone (U+0085, U+2028, U+2029). */
static void escape_line_ends(strbuf *out, size_t from) {
    static const struct {
        str raw;
        const char *escaped;
    } ends[] = {
        {STR_INIT("\xC2\x85"), "\\u0085"},
        {STR_INIT("\xE2\x80\xA8"), "\\u2028"},
        {STR_INIT("\xE2\x80\xA9"), "\\u2029"},
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        str tail = str_sub(strbuf_str(out), from, out->len);
        ptrdiff_t at = str_find(tail, ends[i].raw);
        if (at < 0) continue;
        _cleanup_strbuf_ strbuf changed = STRBUF_INIT;
        for (; at >= 0; at = str_find(tail, ends[i].raw)) {
            strbuf_add(&changed, str_sub(tail, 0, (size_t)at));
            strbuf_adds(&changed, ends[i].escaped);
            tail = str_sub(tail, (size_t)at + ends[i].raw.len, tail.len);
        }
        strbuf_add(&changed, tail);
        strbuf_truncate(out, from);
        strbuf_add(out, strbuf_str(&changed));
    }
}

static void append_string(strbuf *out, str s) {
    size_t from = out->len;
    json_write_str(out, s);
    escape_line_ends(out, from);
}

typedef struct json_job {
    strbuf *out;
    size_t max;
} json_job;

static bool append_value(const json_job *job, const value *v, unsigned depth);

static void append_line(const json_job *job, unsigned depth) {
    strbuf_addc(job->out, '\n');
    strbuf_pad(job->out, ' ', 2 * (size_t)depth);
}

static bool append_children(const json_job *job, const value *v, unsigned depth) {
    bool is_object = v->kind == VALUE_OBJECT;
    size_t count = value_count(v);
    assert(depth < DEPTH_MAX);
    strbuf_addc(job->out, is_object ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (i) strbuf_addc(job->out, ',');
        append_line(job, depth + 1);
        if (is_object) {
            append_string(job->out, value_at(v, i)->key);
            strbuf_adds(job->out, ": ");
        }
        const value *item = is_object ? &value_at(v, i)->item : &v->array.items[i];
        if (!append_value(job, item, depth + 1)) return false;
    }
    if (count) append_line(job, depth);
    strbuf_addc(job->out, is_object ? '}' : ']');
    return job->out->len <= job->max;
}

static bool append_value(const json_job *job, const value *v, unsigned depth) {
    char number[NUMBER_MAX];
    switch (v->kind) {
    case VALUE_NULL: strbuf_adds(job->out, "null"); break;
    case VALUE_BOOL: strbuf_adds(job->out, v->boolean ? "true" : "false"); break;
    case VALUE_NUMBER: strbuf_add(job->out, write_number(v->number, number)); break;
    case VALUE_STRING: append_string(job->out, v->string); break;
    case VALUE_ARRAY:
    case VALUE_OBJECT: return append_children(job, v, depth);
    case VALUE_KIND_COUNT: break;
    }
    return job->out->len <= job->max;
}

bool value_append_json(strbuf *out, const value *v, size_t max) {
    json_job job = {out, max};
    return append_value(&job, v, 0);
}

str value_to_json(arena *a, const value *v) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    value_append_json(&out, v, SIZE_MAX);
    return arena_str(a, strbuf_str(&out));
}
