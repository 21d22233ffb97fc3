/* functions.c: the functions of the language itself. Each evaluates its own arguments, because
 * case, format and join leave those alone that they do not need. */
#include "base/json.h"
#include "expr/internal.h"
#include "expr/text.h"

/* ---- contains, startsWith, endsWith -------------------------------------------------------- */

static bool array_contains(const value *array, const value *what) {
    for (size_t i = 0; i < array->array.count; i++) {
        if (value_equal(what, &array->array.items[i])) return true;
    }
    return false;
}

static int run_text_test(evaluation *ev, const expr *x, bool (*test)(str, str), operand *ret) {
    operand a, b;
    int r = expr_run(ev, x->children[0], &a);
    if (r < 0) return r;
    bool looks_in_array = test == text_contains && a.v.kind == VALUE_ARRAY && a.v.array.count;
    ret->v = value_bool(false);
    if (!looks_in_array && !value_is_primitive(&a.v)) return 0;
    r = expr_run(ev, x->children[1], &b);
    if (r < 0) return r;
    if (looks_in_array)
        ret->v.boolean = array_contains(&a.v, &b.v);
    else if (value_is_primitive(&b.v))
        ret->v.boolean = test(value_to_str(ev->a, &a.v), value_to_str(ev->a, &b.v));
    return 0;
}

static int run_contains(evaluation *ev, const expr *x, operand *ret) {
    return run_text_test(ev, x, text_contains, ret);
}

static int run_starts_with(evaluation *ev, const expr *x, operand *ret) {
    return run_text_test(ev, x, text_starts, ret);
}

static int run_ends_with(evaluation *ev, const expr *x, operand *ret) {
    return run_text_test(ev, x, text_ends, ret);
}

/* ---- format -------------------------------------------------------------------------------- */

/* A stretch of a format string: literal text, or a reference to an argument. */
typedef struct format_piece {
    str text;
    bool is_argument;
    size_t argument;
    str specifiers; /* what follows ":", which no kind of value knows */
} format_piece;

static char char_at(str s, size_t at) {
    return at < s.len ? s.ptr[at] : '\0';
}

/* Reads "0}" or "0:specifiers}" after a brace; false when it is ill-formed. A doubled brace inside
 * the specifiers stands for one. */
static bool read_reference(str s, size_t *at, format_piece *ret) {
    size_t from = *at, argument = 0;
    for (; char_at(s, *at) >= '0' && char_at(s, *at) <= '9'; ++*at) {
        argument = argument * 10 + (size_t)(s.ptr[*at] - '0');
        if (argument > UINT8_MAX) return false;
    }
    if (*at == from) return false;
    *ret = (format_piece){.is_argument = true, .argument = argument};
    if (char_at(s, *at) == ':') {
        size_t start = ++*at;
        while (*at < s.len && (s.ptr[*at] != '}' || char_at(s, *at + 1) == '}'))
            *at += s.ptr[*at] == '}' ? 2 : 1;
        ret->specifiers = str_sub(s, start, *at);
    }
    if (char_at(s, *at) != '}') return false;
    ++*at;
    return true;
}

/* Takes the next piece; false when the string is ill-formed there. */
static bool next_piece(str s, size_t *at, format_piece *ret) {
    size_t from = *at;
    while (*at < s.len && s.ptr[*at] != '{' && s.ptr[*at] != '}')
        ++*at;
    if (*at == s.len || *at > from) {
        *ret = (format_piece){.text = str_sub(s, from, *at)};
        return true;
    }
    char brace = s.ptr[(*at)++];
    if (char_at(s, *at) == brace) {
        *ret = (format_piece){.text = str_sub(s, *at, *at + 1)};
        ++*at;
        return true;
    }
    return brace == '{' && read_reference(s, at, ret);
}

/* All of the string is judged before any argument is evaluated, as GitHub does. */
static int check_format(evaluation *ev, const expr *x, str format) {
    format_piece piece;
    for (size_t at = 0; at < format.len;) {
        if (!next_piece(format, &at, &piece))
            return expr_fail(ev, x, ERR_INVALID, "The following format string is invalid: %.*s",
                             STR_ARG(format));
        if (piece.is_argument && piece.argument + 1 >= x->child_count)
            return expr_fail(ev, x, ERR_INVALID,
                             "The following format string references more arguments than were "
                             "supplied: %.*s",
                             STR_ARG(format));
    }
    return 0;
}

/* Each argument is evaluated once, when it is first referred to. */
typedef struct format_argument {
    bool known;
    value_kind kind;
    str text;
} format_argument;

static int add_argument(evaluation *ev, const expr *x, const format_piece *piece,
                        format_argument *arg, strbuf *out) {
    static const char *const kinds[VALUE_KIND_COUNT] = {"Null",   "Boolean", "Number",
                                                        "String", "Array",   "Object"};
    if (!arg->known) {
        operand o;
        int r = expr_run(ev, x->children[piece->argument + 1], &o);
        if (r < 0) return r;
        *arg = (format_argument){true, o.v.kind, value_to_str(ev->a, &o.v)};
    }
    if (piece->specifiers.len)
        return expr_fail(ev, x, ERR_INVALID,
                         "The format specifiers '%.*s' are not valid for objects of type '%s'",
                         STR_ARG(piece->specifiers), kinds[arg->kind]);
    return expr_add(ev, out, arg->text);
}

static int run_format(evaluation *ev, const expr *x, operand *ret) {
    str format;
    int r = expr_run_str(ev, x->children[0], &format);
    if (r == 0) r = check_format(ev, x, format);
    if (r < 0) return r;
    format_argument *args = ARENA_ARRAY(ev->a, format_argument, x->child_count);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    format_piece piece;
    for (size_t at = 0; r == 0 && at < format.len && next_piece(format, &at, &piece);) {
        if (piece.is_argument)
            r = add_argument(ev, x, &piece, &args[piece.argument], &out);
        else
            r = expr_add(ev, &out, piece.text);
    }
    return r < 0 ? r : expr_give(ev, &out, ret);
}

/* ---- join ---------------------------------------------------------------------------------- */

static int join_items(evaluation *ev, const value *items, str separator, operand *ret) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < items->array.count; i++) {
        int r = i ? expr_add(ev, &out, separator) : 0;
        if (r == 0) r = expr_add(ev, &out, value_to_str(ev->a, &items->array.items[i]));
        if (r < 0) return r;
    }
    return expr_give(ev, &out, ret);
}

static int run_join(evaluation *ev, const expr *x, operand *ret) {
    operand items, separator = {.v = value_string(STR(","))};
    int r = expr_run(ev, x->children[0], &items);
    if (r < 0) return r;
    if (items.v.kind != VALUE_ARRAY) {
        ret->v =
            value_string(value_is_primitive(&items.v) ? value_to_str(ev->a, &items.v) : STR_EMPTY);
        return 0;
    }
    if (x->child_count > 1 && items.v.array.count > 1) {
        r = expr_run(ev, x->children[1], &separator);
        if (r < 0) return r;
        if (!value_is_primitive(&separator.v)) separator.v = value_string(STR(","));
    }
    return join_items(ev, &items.v, value_to_str(ev->a, &separator.v), ret);
}

/* ---- toJSON, fromJSON ---------------------------------------------------------------------- */

static int run_to_json(evaluation *ev, const expr *x, operand *ret) {
    operand o;
    int r = expr_run(ev, x->children[0], &o);
    if (r < 0) return r;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (!value_append_json(&out, &o.v, 3 * (ev->max / 2))) return expr_fail_memory(ev);
    return expr_give(ev, &out, ret);
}

static int run_from_json(evaluation *ev, const expr *x, operand *ret) {
    str text;
    int r = expr_run_str(ev, x->children[0], &text);
    if (r == 0) r = expr_made(ev, text.len);
    if (r < 0) return r;
    err inner;
    r = json_parse(ev->a, text, JSON_DEPTH_DEFAULT, &ret->v, &inner);
    return r < 0 ? expr_fail(ev, x, r, "Error parsing fromJson: %s", inner.message) : 0;
}

/* ---- case ---------------------------------------------------------------------------------- */

static int run_case(evaluation *ev, const expr *x, operand *ret) {
    size_t last = x->child_count - 1;
    for (size_t i = 0; i < last; i += 2) {
        operand when;
        int r = expr_run(ev, x->children[i], &when);
        if (r < 0) return r;
        if (when.v.kind != VALUE_BOOL)
            return expr_fail(ev, x, ERR_INVALID, "case predicate must evaluate to a boolean value");
        if (when.v.boolean) return expr_run(ev, x->children[i + 1], ret);
    }
    return expr_run(ev, x->children[last], ret);
}

/* ---- the table ----------------------------------------------------------------------------- */

#define ARGS_MAX 255 /* of format and case */

#define BUILTINS(X)                                                                                \
    X("case", 3, ARGS_MAX, run_case)                                                               \
    X("contains", 2, 2, run_contains)                                                              \
    X("endsWith", 2, 2, run_ends_with)                                                             \
    X("format", 1, ARGS_MAX, run_format)                                                           \
    X("fromJSON", 1, 1, run_from_json)                                                             \
    X("join", 1, 2, run_join)                                                                      \
    X("startsWith", 2, 2, run_starts_with)                                                         \
    X("toJSON", 1, 1, run_to_json)

static const expr_name names[] = {
#define NAME(name, min, max, run) {STR_INIT(name), min, max},
    BUILTINS(NAME)
#undef NAME
};

static expr_function *const functions[] = {
#define RUN(name, min, max, run) run,
    BUILTINS(RUN)
#undef RUN
};

#define BUILTIN_COUNT (sizeof names / sizeof *names)

const expr_name *expr_builtin(str name) {
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (str_eq_nocase(names[i].name, name)) return &names[i];
    }
    return NULL;
}

const expr_name *expr_builtins(size_t *ret_count) {
    *ret_count = BUILTIN_COUNT;
    return names;
}

expr_function *expr_builtin_run(const expr_name *builtin) {
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (builtin == &names[i]) return functions[i];
    }
    return NULL;
}
