#include "unit.h"

#include "cli/options.h"

#include <string.h>

static const option_spec table[] = {
    {'C', "directory", "DIR", .help = "A folder."},
    {'W', "workflows", "FILE", .many = true, .help = "Files."},
    {'l', "list", NULL, .help = "List."},
    {'n', "dry-run", NULL, .help = "Nothing."},
    {0, "format", "FORMAT", .help = "Form."},
    {0},
};
static const verb sample = {
    .name = "sample", .arguments = "[EVENT]", .max_args = 1, .options = table};

/* Parses words separated by spaces. */
static int parse(arena *a, const char *line, options *ret, err *e) {
    char **argv = ARENA_ARRAY(a, char *, 32);
    int argc = 0;
    str rest = str_from(line), word;
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        argv[argc++] = arena_cstr(a, word);
    }
    return options_parse(a, &sample, argc, argv, ret, e);
}

static const struct {
    const char *line, *directory, *list, *first;
    size_t workflows;
} good[] = {
    {"", NULL, NULL, NULL, 0},
    {"push", NULL, NULL, "push", 0},
    {"-C d push", "d", NULL, "push", 0},
    {"push -Cd", "d", NULL, "push", 0},
    {"--directory d", "d", NULL, NULL, 0},
    {"--directory=d --list", "d", "yes", NULL, 0},
    {"--directory=", "", NULL, NULL, 0},
    {"-C one -C two", "two", NULL, NULL, 0},
    {"-lnCd", "d", "yes", NULL, 0},
    {"-C=d", "d", NULL, NULL, 0},
    {"-W a push -W b --workflows=c", NULL, NULL, "push", 3},
    {"-- -l", NULL, NULL, "-l", 0},
    {"-", NULL, NULL, "-", 0},
    {"-C -l", "-l", NULL, NULL, 0},
};

static void options_are_found_in_every_spelling(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        _cleanup_arena_ arena *a = arena_new();
        options o;
        err e = {0};
        if (parse(a, good[i].line, &o, &e) != 0) fail_msg("%s: %s", good[i].line, e.message);
        const char *directory = options_value(&o, "directory");
        assert_int_equal(directory == NULL, good[i].directory == NULL);
        if (directory) assert_string_equal(directory, good[i].directory);
        assert_int_equal(options_has(&o, "list"), good[i].list != NULL);
        assert_int_equal(o.arg_count, good[i].first != NULL);
        if (good[i].first) assert_string_equal(o.args[0], good[i].first);
        const char **files;
        assert_int_equal(options_values(&o, "workflows", &files), good[i].workflows);
    }
}

static const struct {
    const char *line, *message;
} bad[] = {
    {"--lst", "unknown option '--lst': did you mean '--list'?"},
    {"--dry", "unknown option '--dry': did you mean '--dry-run'?"},
    {"--zzzzzz", "unknown option '--zzzzzz'"},
    {"-x", "unknown option '-x'"},
    {"-lx", "unknown option '-x'"},
    {"--list=1", "option '--list' takes no value"},
    {"--format", "option '--format' needs a value: --format FORMAT"},
    {"-l -C", "option '-C' needs a value: -C DIR"},
    {"one two", "unexpected argument 'two'"},
};

static void mistakes_say_what_to_do(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_arena_ arena *a = arena_new();
        options o;
        err e = {0};
        assert_int_equal(parse(a, bad[i].line, &o, &e), ERR_INVALID);
        assert_string_equal(e.message, bad[i].message);
    }
}

static void help_wins_over_what_follows_it(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    options o;
    err e = {0};
    assert_int_equal(parse(a, "one --help two --nonsense", &o, &e), 0);
    assert_true(o.help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_found_in_every_spelling),
        cmocka_unit_test(mistakes_say_what_to_do),
        cmocka_unit_test(help_wins_over_what_follows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
