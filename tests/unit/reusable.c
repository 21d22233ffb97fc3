/* Workflows that call workflows. */
#include "unit.h"

#include "workflow/workflow.h"

#include <string.h>

typedef struct file {
    const char *uses, *text;
} file;

typedef struct repository {
    const file *files; /* ends with an empty one */
    size_t reads;
} repository;

static int read_file(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                     err *e) {
    repository *r = context;
    r->reads++;
    for (const file *f = r->files; f->uses; f++) {
        if (!str_is(uses, f->uses)) continue;
        *ret_source = str_from(f->text);
        *ret_path = str_sub(uses, 2, uses.len);
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "There is no workflow '%.*s'", STR_ARG(uses));
}

static workflow *parse_with(arena *a, const char *text, repository *r, workflow_options options) {
    workflow *w;
    err e = {0};
    options.file = read_file;
    options.file_context = r;
    assert_int_equal(workflow_parse(a, str_from(text), "ci.yml", &options, &w, &e), 0);
    return w;
}

static workflow *parse(arena *a, const char *text, const file *files) {
    repository r = {.files = files};
    return parse_with(a, text, &r, (workflow_options){0});
}

static void assert_problem(const workflow *w, const char *path, unsigned line,
                           const char *message) {
    if (w->problems.count != 1) fail_msg("%zu problems", w->problems.count);
    const problem *p = &w->problems.items[0];
    assert_str(p->message, message);
    assert_string_equal(p->where.file, path);
    assert_int_equal(p->where.line, line);
}

static void a_called_workflow_hangs_on_the_job_that_calls_it(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {
        {"./b.yml", "name: B\non: workflow_call\njobs: {inner: {uses: ./c.yml}}\n"},
        {"./c.yml", "on: workflow_call\njobs: {last: {runs-on: x}}\n"},
        {0},
    };
    const workflow *w =
        parse(a, "on: push\njobs: {outer: {uses: ./b.yml, secrets: inherit}}\n", files);
    assert_int_equal(w->problems.count, 0);
    assert_true(w->jobs[0]->secrets_inherit);
    const workflow *b = w->jobs[0]->called;
    assert_str(b->name, "B");
    assert_string_equal(b->path, "b.yml");
    assert_str(b->jobs[0]->called->jobs[0]->id, "last");
    assert_string_equal(b->jobs[0]->called->jobs[0]->where.file, "c.yml");
}

static void without_a_reader_calls_are_left_unread(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    workflow *w;
    err e = {0};
    str text = STR("on: push\njobs: {a: {uses: o/r/.github/workflows/x.yml@v1}}\n");
    assert_int_equal(workflow_parse(a, text, "ci.yml", NULL, &w, &e), 0);
    assert_int_equal(w->problems.count, 0);
    assert_null(w->jobs[0]->called);
}

static void what_is_wrong_in_a_called_file_tells_who_called(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {
        {"./b.yml", "on: workflow_call\njobs:\n  inner:\n    runs-on: x\n    stepz: []\n"}, {0}};
    const workflow *w = parse(a, "on: push\njobs:\n  outer:\n    uses: ./b.yml\n", files);
    assert_problem(w, "b.yml", 5, "Unexpected value 'stepz'");
    assert_str(w->problems.items[0].help, "did you mean 'steps'?");
    assert_string_equal(w->problems.items[0].caller.file, "ci.yml");
    assert_int_equal(w->problems.items[0].caller.line, 4);
    assert_null(w->jobs[0]->called);
}

static void a_call_must_give_what_is_asked_and_nothing_else(void **state) {
    static const file files[] = {
        {"./b.yml", "on:\n"
                    "  workflow_call:\n"
                    "    inputs:\n"
                    "      n: {type: number, required: true}\n"
                    "      flag: {type: boolean, default: false}\n"
                    "    secrets:\n"
                    "      key: {required: true}\n"
                    "jobs: {inner: {runs-on: x}}\n"},
        {"./none.yml", "on: push\njobs: {inner: {runs-on: x}}\n"},
        {0},
    };
    static const struct {
        const char *call, *path, *message;
        unsigned line;
    } cases[] = {
        {"uses: ./b.yml\n    with: {n: 1}\n    secrets: {key: k}\n", NULL, NULL, 0},
        {"uses: ./b.yml\n    with: {N: '${{ fromJSON(1) }}'}\n    secrets: inherit\n", NULL, NULL,
         0},
        {"uses: ./b.yml\n    secrets: inherit\n", "ci.yml",
         "Input n is required, but not provided while calling.", 4},
        {"uses: ./b.yml\n    with: {n: x}\n    secrets: inherit\n", "ci.yml",
         "Unexpected value 'x'", 5},
        {"uses: ./b.yml\n    with: {n: 1, flag: 'true'}\n    secrets: inherit\n", "ci.yml",
         "Unexpected value 'true'", 5},
        {"uses: ./b.yml\n    with: {n: 1, m: 2}\n    secrets: inherit\n", "ci.yml",
         "Invalid input, m is not defined in the referenced workflow.", 5},
        {"uses: ./b.yml\n    with: {n: 1}\n", "ci.yml",
         "Secret key is required, but not provided while calling.", 4},
        {"uses: ./b.yml\n    with: {n: 1}\n    secrets: {key: k, x: y}\n", "ci.yml",
         "Invalid secret, x is not defined in the referenced workflow.", 6},
        {"uses: ./none.yml\n", "none.yml",
         "workflow_call key is not defined in the referenced workflow.", 1},
        {"uses: ./gone.yml\n", "ci.yml", "There is no workflow './gone.yml'", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str text = arena_printf(a, "on: push\njobs:\n  outer:\n    %s", cases[i].call);
        const workflow *w = parse(a, text.ptr, files);
        if (cases[i].message)
            assert_problem(w, cases[i].path, cases[i].line, cases[i].message);
        else
            assert_int_equal(w->problems.count, 0);
    }
}

static void calls_may_not_gain_permissions(void **state) {
    static const file files[] = {
        {"./b.yml", "on: workflow_call\n"
                    "jobs:\n"
                    "  sign: {runs-on: x, permissions: {attestations: write, id-token: write}}\n"},
        {"./all.yml", "on: workflow_call\npermissions: read-all\njobs: {a: {runs-on: x}}\n"},
        {0},
    };
    static const struct {
        const char *caller, *message;
        permissions_policy policy;
    } cases[] = {
        {"permissions: write-all\n    uses: ./b.yml", NULL, POLICY_LIMITED_READ},
        {"permissions: {attestations: write, id-token: write}\n    uses: ./b.yml", NULL,
         POLICY_LIMITED_READ},
        {"uses: ./b.yml", NULL, POLICY_WRITE},
        {"permissions: {id-token: write, attestations: read}\n    uses: ./b.yml",
         "Error calling workflow './b.yml'. The nested job 'sign' is requesting 'attestations: "
         "write', but is only allowed 'attestations: read'.",
         POLICY_LIMITED_READ},
        {"uses: ./b.yml",
         "Error calling workflow './b.yml'. The nested job 'sign' is requesting 'id-token: write, "
         "attestations: write', but is only allowed 'id-token: none, attestations: none'.",
         POLICY_LIMITED_READ},
        {"permissions: read-all\n    uses: ./all.yml", NULL, POLICY_LIMITED_READ},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        repository r = {.files = files};
        str text = arena_printf(a, "on: push\njobs:\n  outer:\n    %s\n", cases[i].caller);
        const workflow *w =
            parse_with(a, text.ptr, &r, (workflow_options){.policy = cases[i].policy});
        if (cases[i].message)
            assert_problem(w, "ci.yml", 3, cases[i].message);
        else
            assert_int_equal(w->problems.count, 0);
    }
}

static void permissions_pass_down_where_none_are_written(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {{"./b.yml", "on: workflow_call\njobs: {inner: {runs-on: x}}\n"},
                                 {0}};
    const workflow *w = parse(a,
                              "on: push\n"
                              "permissions: {checks: write, models: read}\n"
                              "jobs:\n"
                              "  outer: {uses: ./b.yml}\n"
                              "  own: {runs-on: x, permissions: {contents: read}}\n",
                              files);
    assert_int_equal(w->problems.count, 0);
    const permissions *inner = w->jobs[0]->called->jobs[0]->permissions;
    assert_int_equal(inner->level[PERMISSION_CHECKS], PERMIT_WRITE);
    assert_int_equal(inner->level[PERMISSION_MODELS], PERMIT_READ);
    assert_int_equal(w->jobs[1]->permissions->level[PERMISSION_CHECKS], PERMIT_NONE);
    assert_string_equal(permission_name(PERMISSION_ID_TOKEN), "id-token");
}

static void calls_end_at_the_tenth_level(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {{"./b.yml", "on: workflow_call\njobs: {a: {uses: ./b.yml}}\n"},
                                 {0}};
    const workflow *w = parse(a, "on: push\njobs: {a: {uses: ./b.yml}}\n", files);
    assert_problem(w, "b.yml", 2, "Nested reusable workflow depth exceeded 9.");
}

static void files_that_call_each_other_do_not_grow_without_end(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {
        {"./b.yml", "on: workflow_call\n"
                    "jobs:\n"
                    "  a: {uses: ./c.yml}\n  b: {uses: ./c.yml}\n  c: {uses: ./c.yml}\n"
                    "  d: {uses: ./c.yml}\n  e: {uses: ./c.yml}\n  f: {uses: ./c.yml}\n"},
        {"./c.yml", "on: workflow_call\njobs: {a: {runs-on: x}}\n"},
        {0},
    };
    repository r = {.files = files};
    const workflow_options options = {.limits = {.max_result_bytes = 8000}};
    const workflow *w = parse_with(a,
                                   "on: push\n"
                                   "jobs:\n"
                                   "  a: {uses: ./b.yml}\n  b: {uses: ./b.yml}\n"
                                   "  c: {uses: ./b.yml}\n  d: {uses: ./b.yml}\n",
                                   &r, options);
    assert_int_equal(w->problems.errors, 1);
    assert_str(w->problems.items[0].message, "Maximum object size exceeded");
    assert_int_equal(r.reads, 2);
}

static void only_so_many_files_are_read(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const file files[] = {{"./b.yml", "on: workflow_call\njobs: {a: {runs-on: x}}\n"},
                                 {"./c.yml", "on: workflow_call\njobs: {a: {runs-on: x}}\n"},
                                 {0}};
    repository r = {.files = files};
    const workflow_options options = {.limits = {.max_files = 2}};
    const workflow *w = parse_with(
        a, "on: push\njobs: {a: {uses: ./b.yml}, b: {uses: ./b.yml}, c: {uses: ./c.yml}}\n", &r,
        options);
    assert_int_equal(w->problems.errors, 1);
    assert_str(w->problems.items[0].message, "The maximum file count of 2 has been exceeded");
    span place = problem_place(&w->problems.items[0]);
    assert_string_equal(place.file, "ci.yml");
    assert_int_equal(place.line, 2);
    assert_int_equal(place.column, 58);
    assert_int_equal(w->problems.items[0].caller.line, 0); /* the same place is not told twice */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_called_workflow_hangs_on_the_job_that_calls_it),
        cmocka_unit_test(without_a_reader_calls_are_left_unread),
        cmocka_unit_test(what_is_wrong_in_a_called_file_tells_who_called),
        cmocka_unit_test(a_call_must_give_what_is_asked_and_nothing_else),
        cmocka_unit_test(calls_may_not_gain_permissions),
        cmocka_unit_test(permissions_pass_down_where_none_are_written),
        cmocka_unit_test(calls_end_at_the_tenth_level),
        cmocka_unit_test(files_that_call_each_other_do_not_grow_without_end),
        cmocka_unit_test(only_so_many_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
