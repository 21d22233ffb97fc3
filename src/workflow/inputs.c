#include "workflow/inputs.h"

#include <math.h>

const workflow_input *input_find(const workflow_input *inputs, size_t count, str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(inputs[i].name, name)) return &inputs[i];
    }
    return NULL;
}

static int misfit(arena *a, const workflow_input *in, const value *v, err *e) {
    str text = value_to_str(a, v);
    return err_set(e, ERR_INVALID, "input '%.*s' is a %.*s and cannot be '%.*s'", STR_ARG(in->name),
                   STR_ARG(in->type), (int)(text.len < 100 ? text.len : 100), text.ptr);
}

static int to_boolean(arena *a, const workflow_input *in, const value *v, input_origin origin,
                      value *ret, err *e) {
    if (v->kind == VALUE_BOOL) {
        *ret = *v;
        return 0;
    }
    if (origin == INPUT_FROM_TEXT && v->kind == VALUE_STRING) {
        bool yes = str_is(v->string, "true");
        if (yes || str_is(v->string, "false")) {
            *ret = value_bool(yes);
            return 0;
        }
    }
    return misfit(a, in, v, e);
}

static int to_number(arena *a, const workflow_input *in, const value *v, input_origin origin,
                     value *ret, err *e) {
    double n = v->kind == VALUE_NUMBER ? v->number : NAN;
    if (origin == INPUT_FROM_TEXT && v->kind == VALUE_STRING && str_trim(v->string).len)
        n = value_to_number(v);
    if (isnan(n)) return misfit(a, in, v, e);
    *ret = value_number(n);
    return 0;
}

static int to_text(arena *a, const workflow_input *in, const value *v, value *ret, err *e) {
    if (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) return misfit(a, in, v, e);
    str text = value_to_str(a, v);
    for (size_t i = 0; i < in->option_count; i++) {
        if (str_eq(in->options[i], text)) break;
        if (i + 1 == in->option_count && text.len)
            return err_set(e, ERR_INVALID, "input '%.*s' has no option '%.*s'", STR_ARG(in->name),
                           STR_ARG(text));
    }
    *ret = value_string(text);
    return 0;
}

static int coerce(arena *a, const workflow_input *in, const value *v, input_origin origin,
                  value *ret, err *e) {
    if (str_is(in->type, "boolean")) return to_boolean(a, in, v, origin, ret, e);
    if (str_is(in->type, "number")) return to_number(a, in, v, origin, ret, e);
    return to_text(a, in, v, ret, e);
}

static value empty_value(const workflow_input *in) {
    if (str_is(in->type, "boolean")) return value_bool(false);
    if (str_is(in->type, "number")) return value_number(0);
    return value_string(STR_EMPTY);
}

int input_value(arena *a, const workflow_input *in, const value *given, input_origin origin,
                const expr_env *env, value *ret, err *e) {
    if (given) return coerce(a, in, given, origin, ret, e);
    if (!in->value) {
        *ret = empty_value(in);
        return 0;
    }
    value v;
    int code = token_eval(a, in->value, env, &v, e);
    if (code) return code;
    if (v.kind == VALUE_NULL) {
        *ret = empty_value(in);
        return 0;
    }
    /* A default is written once, for both ways of starting: `default: 'true'` means true. */
    return coerce(a, in, &v, INPUT_FROM_TEXT, ret, e);
}
