/* yaml_scalar.c: the YAML 1.2 core schema, with the ranges and error texts of GitHub's reader.
 *
 * Decimal integers and floats are doubles of any size (too large ones are infinite). Hexadecimal
 * and octal ones have 32 bits and are signed, as .NET reads them: 0xFFFFFFFF is -1.
 * https://yaml.org/spec/1.2.2/#103-core-schema */
#include "base/yaml.h"

#include <math.h>
#include <stdlib.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

typedef enum match { NO_MATCH, MATCH, OUT_OF_RANGE } match;
typedef match match_fn(str text, value *ret);

static match match_null(str text, value *ret) {
    static const char *const words[] = {"", "null", "Null", "NULL", "~"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_is(text, words[i])) continue;
        *ret = VALUE_NULL_INIT;
        return MATCH;
    }
    return NO_MATCH;
}

static match match_bool(str text, value *ret) {
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_is(text, words[i])) continue;
        *ret = value_bool(i < 3);
        return MATCH;
    }
    return NO_MATCH;
}

static size_t skip_sign(str text, size_t at) {
    return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+') ? at + 1 : at;
}

static size_t skip_digits(str text, size_t at) {
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

/* The text comes from a node and is NUL-terminated past its end; its grammar has been checked, so
 * strtod's own extensions do not apply. */
static value to_double(str text) {
    return value_number(strtod(text.ptr, NULL));
}

static match match_prefixed(str digits, unsigned base, value *ret) {
    uint64_t n;
    if (!str_to_bits(digits, base, &n)) return NO_MATCH;
    if (n > UINT32_MAX) return OUT_OF_RANGE;
    *ret = value_number((int32_t)(uint32_t)n);
    return MATCH;
}

static match match_int(str text, value *ret) {
    if (str_starts(text, STR("0x"))) return match_prefixed(str_sub(text, 2, text.len), 16, ret);
    if (str_starts(text, STR("0o"))) return match_prefixed(str_sub(text, 2, text.len), 8, ret);
    size_t digits = skip_sign(text, 0), end = skip_digits(text, digits);
    if (end == digits || end != text.len) return NO_MATCH;
    *ret = to_double(text);
    return MATCH;
}

static match match_special_float(str text, value *ret) {
    static const struct {
        const char *word;
        double number;
    } words[] = {
        {".inf", INFINITY},   {".Inf", INFINITY},  {".INF", INFINITY},   {"+.inf", INFINITY},
        {"+.Inf", INFINITY},  {"+.INF", INFINITY}, {"-.inf", -INFINITY}, {"-.Inf", -INFINITY},
        {"-.INF", -INFINITY}, {".nan", NAN},       {".NaN", NAN},        {".NAN", NAN},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_is(text, words[i].word)) continue;
        *ret = value_number(words[i].number);
        return MATCH;
    }
    return NO_MATCH;
}

/* [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ( [eE] [-+]? [0-9]+ )? */
static match match_float(str text, value *ret) {
    if (match_special_float(text, ret) == MATCH) return MATCH;
    size_t whole = skip_sign(text, 0), at = skip_digits(text, whole);
    bool has_digits = at > whole;
    if (at < text.len && text.ptr[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        has_digits = has_digits || at > fraction;
    }
    if (!has_digits) return NO_MATCH;
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        size_t exponent = skip_sign(text, at + 1);
        at = skip_digits(text, exponent);
        if (at == exponent) return NO_MATCH;
    }
    if (at != text.len) return NO_MATCH;
    *ret = to_double(text);
    return MATCH;
}

/* In the order in which a plain scalar is tried. */
static const struct {
    const char *tag;
    match_fn *match;
} schema[] = {
    {TAG_PREFIX "null", match_null},
    {TAG_PREFIX "bool", match_bool},
    {TAG_PREFIX "int", match_int},
    {TAG_PREFIX "float", match_float},
};
#define SCHEMA_COUNT (sizeof schema / sizeof *schema)

static int invalid(const yaml_node *node, const char *tag, err *e) {
    return err_at(e, ERR_INVALID, node->where,
                  "The value '%.*s' on line %u and column %u is invalid for the type '%s'",
                  STR_ARG(node->text), node->where.line, node->where.column, tag);
}

static int tagged(const yaml_node *node, value *ret, err *e) {
    static const char *const styles[] = {
        [YAML_PLAIN] = "Plain",     [YAML_SINGLE] = "SingleQuoted", [YAML_DOUBLE] = "DoubleQuoted",
        [YAML_LITERAL] = "Literal", [YAML_FOLDED] = "Folded",
    };
    if (str_is(node->tag, TAG_PREFIX "str")) {
        *ret = value_string(node->text);
        return 0;
    }
    if (node->style != YAML_PLAIN)
        return err_at(e, ERR_INVALID, node->where,
                      "The scalar style '%s' on line %u and column %u is not valid with the tag "
                      "'%.*s'",
                      styles[node->style], node->where.line, node->where.column,
                      STR_ARG(node->tag));
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        if (!str_is(node->tag, schema[i].tag)) continue;
        if (schema[i].match(node->text, ret) == MATCH) return 0;
        return invalid(node, schema[i].tag, e);
    }
    return err_at(e, ERR_INVALID, node->where, "Unexpected tag '%.*s'", STR_ARG(node->tag));
}

int yaml_scalar(const yaml_node *node, value *ret, err *e) {
    if (node->tag.len) return tagged(node, ret, e);
    for (size_t i = 0; node->style == YAML_PLAIN && i < SCHEMA_COUNT; i++) {
        match m = schema[i].match(node->text, ret);
        if (m == MATCH) return 0;
        if (m == OUT_OF_RANGE) return invalid(node, schema[i].tag, e);
    }
    *ret = value_string(node->text);
    return 0;
}
