/* GitHub's own cases for reading workflows. A case is a file of parts between `---` lines: options,
 * the workflow, pairs of (ref, content) for the workflows that it calls, the expected JSON. */
#include "unit.h"

#include "base/json.h"
#include "workflow_json.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX       32
#define FILE_BYTES_MAX  (1u << 20)
#define MESSAGE_MAX     500 /* what GitHub keeps of a message */
#define DIFFERENCES_MAX 3

/* Cases that every parser must pass, and those that only the editor's one passes. */
#define SERVER_CASES 182
#define EDITOR_CASES 13

typedef struct test_case {
    arena *a;
    const char *path; /* of the workflow: .github/workflows/NAME.yml */
    str parts[PARTS_MAX];
    size_t part_count;
    const yaml_node *options;
    value expected;
} test_case;

static str read_all(arena *a, const char *path) {
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char *text = arena_alloc(a, FILE_BYTES_MAX);
    size_t length = fread(text, 1, FILE_BYTES_MAX, f);
    assert_true(length < FILE_BYTES_MAX);
    fclose(f);
    return (str){text, length};
}

static void split(test_case *t, str text) {
    str rest = text, line;
    const char *begin = text.ptr;
    while (str_line(&rest, &line)) {
        if (!str_is(line, "---")) continue;
        assert_true(t->part_count < PARTS_MAX - 1);
        /* The line break before the --- is not part of what stands before it. */
        size_t length = (size_t)(line.ptr - begin);
        t->parts[t->part_count++] = (str){begin, length > 0 ? length - 1 : 0};
        begin = rest.ptr;
    }
    t->parts[t->part_count++] = (str){begin, (size_t)(text.ptr + text.len - begin)};
    assert_true(t->part_count >= 3);
}

static void load(test_case *t, const char *file) {
    err e = {0};
    const char *name = strrchr(file, '/') + 1;
    t->path = arena_printf(t->a, ".github/workflows/%s", name).ptr;
    split(t, read_all(t->a, file));
    if (yaml_parse(t->a, t->parts[0], file, &(yaml_limits){0}, &t->options, &e) < 0)
        fail_msg("%s: %s", file, e.message);
    if (json_parse(t->a, t->parts[t->part_count - 1], 0, &t->expected, &e) < 0)
        fail_msg("%s: %s", file, e.message);
}

static str option(const test_case *t, const char *name) {
    const yaml_node *n = t->options ? yaml_get(t->options, name) : NULL;
    return n ? n->text : STR_EMPTY;
}

static size_t number_option(const test_case *t, const char *name) {
    uint64_t n = 0;
    str text = option(t, name);
    if (text.len > 0) assert_true(str_to_uint(text, UINT32_MAX, &n));
    return (size_t)n;
}

/* Cases that GitHub's server does not pass either: what they expect comes from its editor. */
static bool excused(const test_case *t) {
    const yaml_node *list = t->options ? yaml_get(t->options, "skip") : NULL;
    for (size_t i = 0; list && i < list->sequence.count; i++)
        if (str_is(list->sequence.items[i]->text, "C#")) return true;
    return false;
}

static int called_file(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                       err *e) {
    const test_case *t = context;
    for (size_t i = 2; i + 2 < t->part_count; i += 2) {
        if (!str_eq(str_trim(t->parts[i]), uses)) continue;
        *ret_source = t->parts[i + 1];
        *ret_path = uses;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "Unable to find reusable workflow");
}

static workflow *parse(test_case *t) {
    workflow *w;
    err e = {0};
    const yaml_node *features = t->options ? yaml_get(t->options, "experimental-features") : NULL;
    workflow_options options = {
        .limits = {.max_file_bytes = number_option(t, "max-file-size"),
                   .max_depth = (unsigned)number_option(t, "max-depth"),
                   .max_result_bytes = number_option(t, "max-result-size"),
                   .max_jobs = number_option(t, "max-job-limit"),
                   .max_nested = (unsigned)number_option(t, "max-nested-reusable-workflows-depth")},
        .policy =
            str_is(option(t, "permissions-policy"), "Write") ? POLICY_WRITE : POLICY_LIMITED_READ,
        .no_anchors = true,
        .no_background = !features || !yaml_get(features, "allowBackgroundSteps"),
        .loose_events = !excused(t),
        .file = str_is(option(t, "skip-reusable-workflows"), "true") ? NULL : called_file,
        .file_context = t,
    };
    if (workflow_parse(t->a, t->parts[1], t->path, &options, &w, &e) < 0)
        fail_msg("%s: %s", t->path, e.message);
    return w;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void difference(const char *path, const value *expected, const value *actual,
                       unsigned *left) {
    if (*left == 0) return;
    --*left;
    _cleanup_strbuf_ strbuf want = STRBUF_INIT, got = STRBUF_INIT;
    if (expected) json_write(&want, expected);
    if (actual) json_write(&got, actual);
    print_error("    %s\n      expected %.300s\n      got      %.300s\n", path,
                expected ? strbuf_cstr(&want) : "nothing", actual ? strbuf_cstr(&got) : "nothing");
}

static void compare(arena *a, const char *path, const value *expected, const value *actual,
                    unsigned *left) {
    if (value_same(expected, actual)) return;
    if (expected->kind == VALUE_OBJECT && actual->kind == VALUE_OBJECT) {
        for (size_t i = 0; i < value_count(expected); i++) {
            const value_pair *pair = value_at(expected, i);
            const char *at = arena_printf(a, "%s.%.*s", path, STR_ARG(pair->key)).ptr;
            const value *other = value_get(actual, pair->key);
            if (other)
                compare(a, at, &pair->item, other, left);
            else
                difference(at, &pair->item, NULL, left);
        }
        for (size_t i = 0; i < value_count(actual); i++) {
            const value_pair *pair = value_at(actual, i);
            if (!value_get(expected, pair->key))
                difference(arena_printf(a, "%s.%.*s", path, STR_ARG(pair->key)).ptr, NULL,
                           &pair->item, left);
        }
    } else if (expected->kind == VALUE_ARRAY && actual->kind == VALUE_ARRAY) {
        size_t count = value_count(expected), other = value_count(actual);
        for (size_t i = 0; i < count || i < other; i++) {
            const char *at = arena_printf(a, "%s[%zu]", path, i).ptr;
            if (i < count && i < other)
                compare(a, at, &expected->array.items[i], &actual->array.items[i], left);
            else
                difference(at, i < count ? &expected->array.items[i] : NULL,
                           i < other ? &actual->array.items[i] : NULL, left);
        }
    } else {
        difference(path, expected, actual, left);
    }
}

static bool passes(test_case *t) {
    const workflow_json_options options = {
        .places = str_is(option(t, "include-source"), "true"),
        .events = excused(t) && value_get(&t->expected, STR("events")),
        .sort_files = str_is(option(t, "is-partial-rerun"), "true"),
        .max_message = MESSAGE_MAX,
    };
    value actual = workflow_json(t->a, parse(t), &options);
    if (value_same(&t->expected, &actual)) return true;
    unsigned left = DIFFERENCES_MAX;
    print_error("  %s\n", t->path);
    compare(t->a, "", &t->expected, &actual, &left);
    return false;
}

/* ---- all of them --------------------------------------------------------------------------- */

static void every_case_of_githubs_parsers_passes(void **state) {
    const char *shared = getenv("SLIPWAY_SHARED");
    char pattern[4096];
    glob_t files;
    snprintf(pattern, sizeof pattern, "%s/conformance/github-workflow-parser/reader/*.yml",
             shared ? shared : "");
    if (!shared || glob(pattern, 0, NULL, &files) != 0) {
        print_message("no cases at hand: SLIPWAY_SHARED does not lead to them\n");
        skip();
    }
    size_t server = 0, editor = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        _cleanup_arena_ arena *a = arena_new();
        test_case t = {.a = a};
        load(&t, files.gl_pathv[i]);
        bool passed = passes(&t);
        server += passed && !excused(&t);
        editor += passed && excused(&t);
    }
    globfree(&files);
    print_message("%zu of %d cases of the server, %zu of %d of the editor\n", server, SERVER_CASES,
                  editor, EDITOR_CASES);
    assert_int_equal(server, SERVER_CASES);
    assert_int_equal(editor, EDITOR_CASES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_githubs_parsers_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
