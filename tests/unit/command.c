#include "unit.h"

#include "runner/command.h"

typedef struct parse_case {
    const char *line;
    int kind; /* command_kind, or -1: not a command */
    const char *data;
    const char *name, *value; /* a property that must be there; NULL: none at all */
} parse_case;

static void parsed(const parse_case *cases, size_t count) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < count; i++) {
        const parse_case *t = &cases[i];
        command c = {0};
        bool is = command_parse(a, str_from(t->line), STR_EMPTY, &c);
        if (is != (t->kind >= 0)) fail_msg("%s: %s", t->line, is ? "parsed" : "not parsed");
        if (!is) continue;
        assert_int_equal(c.kind, t->kind);
        assert_str(c.data, t->data);
        if (t->name)
            assert_str(command_get(&c, t->name), t->value);
        else
            assert_int_equal(c.property_count, 0);
    }
}

static void lines_with_known_names_are_commands(void **state) {
    (void)state;
    static const parse_case cases[] = {
        {"::debug::hello", COMMAND_DEBUG, "hello", NULL, NULL},
        {"::debug::", COMMAND_DEBUG, "", NULL, NULL},
        {"  \t::DeBug::hello", COMMAND_DEBUG, "hello", NULL, NULL},
        {"text ::debug::hello", -1, NULL, NULL, NULL},
        {"::unknown::hello", -1, NULL, NULL, NULL},
        {"::debug hello", -1, NULL, NULL, NULL},
        {"::debug:hello", -1, NULL, NULL, NULL},
        {"::::", -1, NULL, NULL, NULL},
        {"::", -1, NULL, NULL, NULL},
        {"", -1, NULL, NULL, NULL},
        {"::debug::a::b", COMMAND_DEBUG, "a::b", NULL, NULL},
        {":: debug::x", -1, NULL, NULL, NULL},
        {"##[debug]hello", COMMAND_DEBUG, "hello", NULL, NULL},
        {"text ##[Warning]hello", COMMAND_WARNING, "hello", NULL, NULL},
        {"##[debug", -1, NULL, NULL, NULL},
        {"##[section]Starting", -1, NULL, NULL, NULL},
        {"##[set-env name=A;]b", COMMAND_SET_ENV, "b", "name", "A"},
        {"::endgroup::", COMMAND_ENDGROUP, "", NULL, NULL},
        {"::resume::", -1, NULL, NULL, NULL},
    };
    parsed(cases, sizeof cases / sizeof *cases);
}

static void properties_are_cut_at_commas_and_the_first_equals(void **state) {
    (void)state;
    static const parse_case cases[] = {
        {"::error file=a.c,line=3::m", COMMAND_ERROR, "m", "line", "3"},
        {"::error file=a.c,line=3::m", COMMAND_ERROR, "m", "FILE", "a.c"},
        {"::error   file=a.c  ::m", COMMAND_ERROR, "m", "file", "a.c"},
        {"::error title=a=b::m", COMMAND_ERROR, "m", "title", "a=b"},
        {"::error ,,title=x,,::m", COMMAND_ERROR, "m", "title", "x"},
        {"::error title==x::m", COMMAND_ERROR, "m", "title", "x"},
        {"::error =title=x::m", COMMAND_ERROR, "m", "title", "x"},
        {"::error title=::m", COMMAND_ERROR, "m", NULL, NULL},
        {"::error title::m", COMMAND_ERROR, "m", NULL, NULL},
        {"::error title=a,title=b::m", COMMAND_ERROR, "m", "title", "b"},
        {"##[error title=a,b;file=c]m", COMMAND_ERROR, "m", "title", "a,b"},
    };
    parsed(cases, sizeof cases / sizeof *cases);
}

static void escapes_are_undone_once_and_by_spelling(void **state) {
    (void)state;
    static const parse_case cases[] = {
        {"::debug::a%0Ab%0Dc%25d", COMMAND_DEBUG, "a\nb\rc%d", NULL, NULL},
        {"::debug::%250A", COMMAND_DEBUG, "%0A", NULL, NULL},
        {"::debug::%0a%3A%2C%", COMMAND_DEBUG, "%0a%3A%2C%", NULL, NULL},
        {"::error title=a%3Ab%2Cc%0Ad%25::m", COMMAND_ERROR, "m", "title", "a:b,c\nd%"},
        {"::error title=%5D%3B::m", COMMAND_ERROR, "m", "title", "%5D%3B"},
        {"##[error title=a%3Bb%5D]x%5D%3B%0A", COMMAND_ERROR, "x];\n", "title", "a;b]"},
    };
    parsed(cases, sizeof cases / sizeof *cases);
}

static void a_stop_token_stops_commands_until_it_comes_again(void **state) {
    (void)state;
    static const struct {
        const char *line;
        command_verdict verdict;
    } script[] = {
        {"::debug::a", COMMAND_RUN},
        {"::stop-commands::T0k3n", COMMAND_SHOWN},
        {"::debug::b", COMMAND_NOT},
        {"::stop-commands::other", COMMAND_NOT},
        {"::other::", COMMAND_NOT},
        {"T0k3n", COMMAND_NOT},
        {"::t0K3N::", COMMAND_SHOWN},
        {"::debug::c", COMMAND_RUN},
        {"::T0k3n::", COMMAND_NOT},
        {"##[stop-commands]x", COMMAND_SHOWN},
        {"and ##[x] on we go", COMMAND_SHOWN},
        {"::group::g", COMMAND_RUN},
    };
    _cleanup_arena_ arena *a = arena_new();
    command_state s = {0};
    command c;
    err e;
    for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
        command_verdict v = command_judge(&s, a, str_from(script[i].line), false, &c, &e);
        if (v != script[i].verdict) fail_msg("%s: verdict %d", script[i].line, v);
    }
    command_state_done(&s);
}

static void tokens_that_are_commands_are_refused_unless_allowed(void **state) {
    (void)state;
    static const char *const lines[] = {"::stop-commands::", "::stop-commands::Add-Mask",
                                        "::stop-commands::pause-logging"};
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < 3; i++) {
        command_state s = {0};
        command c;
        err e = {0};
        assert_int_equal(command_judge(&s, a, str_from(lines[i]), false, &c, &e), COMMAND_REFUSED);
        assert_int_equal(e.code, ERR_INVALID);
        assert_int_equal(s.stop_token.len, 0);
        assert_int_equal(command_judge(&s, a, str_from(lines[i]), true, &c, &e), COMMAND_SHOWN);
        command_state_done(&s);
    }
    command_state s = {0};
    command c;
    err e;
    command_judge(&s, a, STR("::stop-commands::debug"), true, &c, &e);
    assert_int_equal(command_judge(&s, a, STR("::warning::x"), true, &c, &e), COMMAND_NOT);
    assert_int_equal(command_judge(&s, a, STR("::debug::x"), true, &c, &e), COMMAND_SHOWN);
    assert_int_equal(c.kind, COMMAND_RESUME);
    command_state_done(&s);
}

static void annotations_drop_impossible_places(void **state) {
    (void)state;
    static const struct {
        const char *properties;
        unsigned line, end_line, column, end_column;
        bool noted;
    } cases[] = {
        {"file=a", 0, 0, 0, 0, false},
        {"line=3,col=4", 3, 0, 4, 0, false},
        {"line=3,endLine=3,col=4,endColumn=9", 3, 3, 4, 9, false},
        {"endLine=5", 5, 5, 0, 0, true},
        {"line=1,endColumn=5", 1, 0, 5, 5, true},
        {"col=5", 0, 0, 0, 0, true},
        {"line=1,endLine=2,col=5", 1, 2, 0, 0, true},
        {"line=5,endLine=2", 0, 0, 0, 0, true},
        {"line=5,col=7,endColumn=3", 5, 0, 0, 0, true},
        {"line=x,col=y", 0, 0, 0, 0, false},
        {"line= +7", 7, 0, 0, 0, false},
        {"line=99999999999", 0, 0, 0, 0, false},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        command c;
        annotation n;
        str note;
        str line = arena_printf(a, "::warning title=T,%s::text", cases[i].properties);
        assert_true(command_parse(a, line, STR_EMPTY, &c));
        command_annotation(a, &c, &n, &note);
        assert_int_equal(n.level, LOG_WARNING);
        assert_str(n.title, "T");
        assert_str(n.text, "text");
        if (n.line != cases[i].line || n.end_line != cases[i].end_line ||
            n.column != cases[i].column || n.end_column != cases[i].end_column ||
            (note.len > 0) != cases[i].noted)
            fail_msg("%s: %u %u %u %u, %.*s", cases[i].properties, n.line, n.end_line, n.column,
                     n.end_column, STR_ARG(note));
    }
}

static void echo_takes_on_and_off(void **state) {
    (void)state;
    bool on = false;
    err e = {0};
    command c = {.kind = COMMAND_ECHO, .data = STR(" On ")};
    assert_int_equal(command_echo(&c, &on, &e), 0);
    assert_true(on);
    c.data = STR("OFF");
    assert_int_equal(command_echo(&c, &on, &e), 0);
    assert_false(on);
    c.data = STR("yes");
    assert_int_equal(command_echo(&c, &on, &e), ERR_INVALID);
    assert_string_equal(e.message, "Invalid echo command value. Possible values can be: 'on', "
                                   "'off'. Current value is: 'yes'.");
}

static void names_are_required_where_github_requires_them(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    command c;
    str name;
    err e = {0};
    assert_true(command_parse(a, STR("::set-output name=x::1"), STR_EMPTY, &c));
    assert_int_equal(command_required_name(&c, &name, &e), 0);
    assert_str(name, "x");
    assert_non_null(command_info_of(c.kind)->advice);
    assert_false(command_info_of(c.kind)->insecure);
    assert_true(command_parse(a, STR("::set-env::1"), STR_EMPTY, &c));
    assert_int_equal(command_required_name(&c, &name, &e), ERR_INVALID);
    assert_string_equal(e.message, "Required field 'name' is missing in ##[set-env] command.");
    assert_true(command_info_of(c.kind)->insecure);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_known_names_are_commands),
        cmocka_unit_test(properties_are_cut_at_commas_and_the_first_equals),
        cmocka_unit_test(escapes_are_undone_once_and_by_spelling),
        cmocka_unit_test(a_stop_token_stops_commands_until_it_comes_again),
        cmocka_unit_test(tokens_that_are_commands_are_refused_unless_allowed),
        cmocka_unit_test(annotations_drop_impossible_places),
        cmocka_unit_test(echo_takes_on_and_off),
        cmocka_unit_test(names_are_required_where_github_requires_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
