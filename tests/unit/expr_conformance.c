/* GitHub's own cases for the expression language: {group: [{expr, contexts?, result | err}]}. */
#include "unit.h"

#include "base/json.h"
#include "expr/expr.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CASE_COUNT     1020
#define FILE_BYTES_MAX (4u << 20)
#define MEMORY_MAX     (1u << 20) /* of an evaluation: what GitHub's library has by default */

static const char *const kind_names[VALUE_KIND_COUNT] = {"Null",   "Boolean", "Number",
                                                         "String", "Array",   "Object"};

typedef struct tally {
    size_t passed, failed;
} tally;

/* JSON cannot spell what is not finite; the cases use strings for it. */
static bool same_result(const value *expected, const value *actual) {
    if (actual->kind == VALUE_NUMBER && expected->kind == VALUE_STRING) {
        double n = value_to_number(expected);
        return n == actual->number || (isnan(n) && isnan(actual->number));
    }
    return value_same(expected, actual);
}

static expr_scope scope_of(arena *a, const value *contexts) {
    size_t count = value_count(contexts);
    expr_name *names = ARENA_ARRAY(a, expr_name, count);
    for (size_t i = 0; i < count; i++)
        names[i].name = value_at(contexts, i)->key;
    return (expr_scope){.values = names, .value_count = count};
}

static int evaluate(arena *a, const value *one, value *ret, err *e) {
    const value *contexts = value_get(one, STR("contexts"));
    expr_scope scope = scope_of(a, contexts);
    expr_env env = {.contexts = contexts, .max_bytes = MEMORY_MAX};
    const expr *x;
    int r = expr_parse(a, value_path_str(one, "expr"), &scope, &x, e);
    return r < 0 ? r : expr_eval(a, x, &env, ret, e);
}

static bool error_passes(const value *one, int r, const err *e) {
    str expected = value_path_str(one, "err.value");
    if (r < 0 && str_find(str_from(e->message), expected) >= 0) return true;
    print_error("%.*s\n  expected the error: %.*s\n  got: %s\n",
                STR_ARG(value_path_str(one, "expr")), STR_ARG(expected),
                r < 0 ? e->message : "a result");
    return false;
}

static bool result_passes(arena *a, const value *one, int r, const value *actual, const err *e) {
    const value *expected = value_path(one, "result.value");
    str kind = value_path_str(one, "result.kind");
    if (r == 0 && expected && str_is(kind, kind_names[actual->kind]) &&
        same_result(expected, actual))
        return true;
    str got = r < 0 ? str_from(e->message) : value_to_json(a, actual);
    print_error("%.*s\n  expected %.*s %.*s\n  got %s %.*s\n", STR_ARG(value_path_str(one, "expr")),
                STR_ARG(kind), STR_ARG(expected ? value_to_json(a, expected) : STR_EMPTY),
                r < 0 ? "the error" : kind_names[actual->kind], STR_ARG(got));
    return false;
}

static bool case_passes(const value *one) {
    _cleanup_arena_ arena *a = arena_new();
    value actual = VALUE_NULL_INIT;
    err e = {0};
    int r = evaluate(a, one, &actual, &e);
    if (value_get(one, STR("err"))) return error_passes(one, r, &e);
    return result_passes(a, one, r, &actual, &e);
}

static str read_file(arena *a, const char *path) {
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char *text = arena_alloc(a, FILE_BYTES_MAX);
    size_t length = fread(text, 1, FILE_BYTES_MAX, f);
    assert_true(length < FILE_BYTES_MAX);
    fclose(f);
    return (str){text, length};
}

static void run_file(const char *path, tally *t) {
    _cleanup_arena_ arena *a = arena_new();
    err e = {0};
    value groups;
    if (json_parse(a, read_file(a, path), 0, &groups, &e) < 0) fail_msg("%s: %s", path, e.message);
    for (size_t i = 0; i < value_count(&groups); i++) {
        const value_pair *group = value_at(&groups, i);
        for (size_t j = 0; j < value_count(&group->item); j++) {
            if (case_passes(&group->item.array.items[j])) {
                t->passed++;
                continue;
            }
            t->failed++;
            print_error("  in %s, %.*s[%zu]\n", path, STR_ARG(group->key), j);
        }
    }
}

static void every_case_of_github_passes(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    const char *shared = getenv("SLIPWAY_SHARED");
    str pattern = arena_printf(a, "%s/conformance/github-expressions/*.json", shared ? shared : "");
    glob_t files;
    if (!shared || glob(pattern.ptr, 0, NULL, &files) != 0) {
        print_message("SLIPWAY_SHARED names no folder with GitHub's cases: not checked\n");
        skip();
    }
    tally t = {0};
    for (size_t i = 0; i < files.gl_pathc; i++)
        run_file(files.gl_pathv[i], &t);
    globfree(&files);
    print_message("%zu cases passed, %zu failed\n", t.passed, t.failed);
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.passed, CASE_COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case_of_github_passes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
