/* The expression language by GitHub's documentation, and against hostile input. GitHub's own cases
 * are run by expr_conformance.c. */
#include "unit.h"

#include "base/json.h"
#include "expr/expr.h"
#include "expr/text.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include <wctype.h>

/* ---- help ---------------------------------------------------------------------------------- */

static const char contexts_json[] =
    "{\"github\": {\"event_name\": \"push\", \"ref\": \"refs/heads/feature/x\", \"event\":"
    "   {\"issue\": {\"labels\": [{\"name\": \"bug\"}, {\"name\": \"help wanted\"}]}}},"
    " \"env\": {\"continue\": \"true\", \"time\": \"3\"},"
    " \"job\": {\"status\": \"success\"},"
    " \"needs\": {\"job1\": {\"outputs\": {\"matrix\": \"{\\\"include\\\":[{\\\"project\\\":"
    "   \\\"foo\\\"},{\\\"project\\\":\\\"bar\\\"}]}\"}}},"
    " \"steps\": {\"demo\": {\"conclusion\": \"failure\"}},"
    " \"fruits\": [{\"name\": \"apple\", \"quantity\": 1}, {\"name\": \"orange\", \"quantity\": 2},"
    "   {\"name\": \"pear\", \"quantity\": 1}],"
    " \"vegetables\": {\"scallions\": {\"colors\": [\"green\"], \"ediblePortions\": [\"roots\","
    "   \"stalks\"]}, \"beets\": {\"colors\": [], \"ediblePortions\": [\"leaves\"]}},"
    " \"empty\": {}, \"odd\": {\"\xC3\x9C\": 1, \"line\": \"a\xE2\x80\xA8"
    "b\"}}";

typedef struct fixture {
    arena *a;
    value contexts;
    expr_env env;
    size_t calls;
} fixture;

/* The status functions as after a failed step, and two to watch evaluation with. */
static int call(void *context, arena *a, str name, const value *args, size_t count, value *ret,
                err *e) {
    (void)a;
    fixture *f = context;
    f->calls++;
    *ret = value_number((double)count);
    if (str_eq_nocase(name, STR("failure"))) *ret = value_bool(true);
    if (str_eq_nocase(name, STR("success"))) *ret = value_bool(false);
    if (str_eq_nocase(name, STR("hashFiles"))) *ret = args[0];
    if (str_eq_nocase(name, STR("broken"))) return err_set(e, ERR_FAILED, "it is broken");
    return 0;
}

static int set_up(void **state) {
    static fixture f;
    f = (fixture){.a = arena_new()};
    err e = {0};
    if (json_parse(f.a, str_from(contexts_json), 0, &f.contexts, &e) < 0) fail_msg("%s", e.message);
    f.env = (expr_env){.contexts = &f.contexts, .call = call, .call_context = &f};
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    arena_free(f->a);
    return 0;
}

static int evaluate(fixture *f, str text, value *ret, err *e) {
    const expr *x;
    int r = expr_parse(f->a, text, NULL, &x, e);
    return r < 0 ? r : expr_eval(f->a, x, &f->env, ret, e);
}

/* An expression and its result as compact JSON. */
typedef struct example {
    const char *text, *json;
} example;

static void check_examples(fixture *f, const example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        value v;
        err e = {0};
        if (evaluate(f, str_from(examples[i].text), &v, &e) < 0)
            fail_msg("%s: %s", examples[i].text, e.message);
        _cleanup_strbuf_ strbuf json = STRBUF_INIT;
        json_write(&json, &v);
        if (strcmp(strbuf_cstr(&json), examples[i].json) != 0)
            fail_msg("%s\ngives %s\nnot   %s", examples[i].text, strbuf_cstr(&json),
                     examples[i].json);
    }
}
#define CHECK_EXAMPLES(f, examples)                                                                \
    check_examples((f), (examples), sizeof(examples) / sizeof *(examples))

/* An expression and how its error begins. */
static void check_error(fixture *f, str text, err_code code, const char *message) {
    value v;
    err e = {0};
    int r = evaluate(f, text, &v, &e);
    if (r == 0) fail_msg("%.60s: no error", text.ptr);
    assert_int_equal(r, code);
    assert_int_equal(e.code, code);
    if (!str_starts(str_from(e.message), str_from(message)))
        fail_msg("got \"%s\", expected \"%s\"", e.message, message);
}

static str repeat(fixture *f, const char *piece, size_t times) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < times; i++)
        strbuf_adds(&out, piece);
    return arena_str(f->a, strbuf_str(&out));
}

/* ---- what GitHub's documentation shows ----------------------------------------------------- */

static void documented_examples_give_what_they_say(void **state) {
    static const example examples[] = {
        {"null", "null"},
        {"false", "false"},
        {"711", "711"},
        {"-9.2", "-9.2"},
        {"0xff", "255"},
        {"-2.99e-2", "-0.0299"},
        {"'It''s open source!'", "\"It's open source!\""},
        {"contains('Hello world', 'llo')", "true"},
        {"contains(github.event.issue.labels.*.name, 'bug')", "true"},
        {"contains(fromJSON('[\"push\", \"pull_request\"]'), github.event_name)", "true"},
        {"startsWith('Hello world', 'He')", "true"},
        {"endsWith('Hello world', 'ld')", "true"},
        {"format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "\"Hello Mona the Octocat\""},
        {"format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')",
         "\"{Hello Mona the Octocat!}\""},
        {"join(github.event.issue.labels.*.name, ', ')", "\"bug, help wanted\""},
        {"toJSON(job)", "\"{\\n  \\\"status\\\": \\\"success\\\"\\n}\""},
        {"fromJSON(needs.job1.outputs.matrix)",
         "{\"include\":[{\"project\":\"foo\"},{\"project\":\"bar\"}]}"},
        {"fromJSON(env.continue)", "true"},
        {"fromJSON(env.time)", "3"},
        {"hashFiles('**/package-lock.json')", "\"**/package-lock.json\""},
        {"case(github.ref == 'refs/heads/main', 'production', 'development')", "\"development\""},
        {"case(\n  github.ref == 'refs/heads/main', 'production',\n"
         "  github.ref == 'refs/heads/staging', 'staging',\n"
         "  startsWith(github.ref, 'refs/heads/feature/'), 'development',\n  'unknown'\n)",
         "\"development\""},
        {"success()", "false"},
        {"failure() && steps.demo.conclusion == 'failure'", "true"},
        {"fruits.*.name", "[\"apple\",\"orange\",\"pear\"]"},
        {"vegetables.*.ediblePortions", "[[\"roots\",\"stalks\"],[\"leaves\"]]"},
        {"github['event_name']", "\"push\""},
        {"github.event_name == 'PUSH'", "true"},
        {"steps.demo.conclusion == 'success' && 'yes' || 'no'", "\"no\""},
        {"null == 0", "true"},
        {"true == 1", "true"},
        {"'' == 0", "true"},
        {"' 12 ' == 12", "true"},
        {"'abc' < 1", "false"},
        {"'abc' >= 1", "false"},
        {"fruits == fruits", "true"},
        {"fromJSON('[]') == fromJSON('[]')", "false"},
    };
    CHECK_EXAMPLES(*state, examples);
}

static void falsy_values_are_the_documented_ones(void **state) {
    static const example examples[] = {
        {"!false", "true"},    {"!0", "true"},      {"!-0", "true"},    {"!''", "true"},
        {"!null", "true"},     {"!NaN", "true"},    {"!true", "false"}, {"!'0'", "false"},
        {"!'false'", "false"}, {"!empty", "false"}, {"!' '", "false"},  {"!absent.at.all", "true"},
    };
    CHECK_EXAMPLES(*state, examples);
}

/* ---- beyond the documentation -------------------------------------------------------------- */

static void a_filter_stays_one_through_operators_and_case(void **state) {
    static const example examples[] = {
        {"(fruits.*).name", "[\"apple\",\"orange\",\"pear\"]"},
        {"(null || fruits.*).name", "[\"apple\",\"orange\",\"pear\"]"},
        {"case(true, fruits.*, null)['quantity']", "[1,2,1]"},
        {"fruits.*.name[0]", "[]"},
        {"fruits.*['absent']", "[]"},
        {"fromJSON(toJSON(fruits.*.name))[0]", "\"apple\""},
        {"absent.*.x", "[]"},
        {"fruits[1.9].name", "\"orange\""},
        {"fruits[4294967296]", "null"},
        {"odd['\xC3\xBC']", "1"},
    };
    CHECK_EXAMPLES(*state, examples);
}

static void unneeded_operands_are_left_alone(void **state) {
    static const example examples[] = {
        {"true || broken()", "true"},
        {"0 && broken()", "0"},
        {"case(true, 1, broken(), 2, 3)", "1"},
        {"format('{1}', broken(), 'used')", "\"used\""},
        {"join(fromJSON('[1]'), broken())", "\"1\""},
        {"contains(fromJSON('[]'), broken())", "false"},
        {"startsWith(empty, broken())", "false"},
        {"absent[broken()]", "null"},
    };
    fixture *f = *state;
    CHECK_EXAMPLES(f, examples);
    assert_int_equal(f->calls, 0);
    check_error(f, STR("0 || broken()"), ERR_FAILED, "it is broken");
}

static void names_are_found_without_case_and_data_keeps_its_own(void **state) {
    fixture *f = *state;
    static const example examples[] = {
        {"GITHUB.Event_Name", "\"push\""},
        {"TOJSON(FromJson('1'))", "\"1\""},
        {"exact.Key", "1"},
        {"exact.KEY", "null"},
        {"exact['key']", "2"},
    };
    value exact = value_object_new(f->a, true);
    value_set(f->a, &exact, STR("Key"), value_number(1));
    value_set(f->a, &exact, STR("key"), value_number(2));
    value_set(f->a, &f->contexts, STR("exact"), exact);
    CHECK_EXAMPLES(f, examples);
}

static void to_json_escapes_as_github_does(void **state) {
    static const example examples[] = {
        {"toJSON(odd.line) == '\"a\\u2028b\"'", "true"},
        {"toJSON('/<>\x7F\xC3\xBC') == '\"/<>\x7F\xC3\xBC\"'", "true"},
        {"toJSON('\x01\t') == '\"\\u0001\\t\"'", "true"},
        {"toJSON(1e20)", "\"1E+20\""},
        {"toJSON(NaN)", "\"NaN\""},
        {"toJSON(fromJSON('[[],{}]')) == format('[{0}  [],{0}  {{}}{0}]', fromJSON('\"\\n\"'))",
         "true"},
    };
    CHECK_EXAMPLES(*state, examples);
}

/* ---- coercions ----------------------------------------------------------------------------- */

static void numbers_are_written_with_fifteen_digits(void **state) {
    fixture *f = *state;
    static const struct {
        double n;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.333333333333333"},
        {2.0 / 3, "0.666666666666667"},
        {123456789012345, "123456789012345"},
        {1234567890123456, "1.23456789012346E+15"},
        {999999999999999.9, "1E+15"},
        {1e20, "1E+20"},
        {-1.5e300, "-1.5E+300"},
        {0.0001, "0.0001"},
        {0.00001, "1E-05"},
        {5e-324, "4.94065645841247E-324"},
        {(double)INFINITY, "Infinity"},
        {-(double)INFINITY, "-Infinity"},
        {(double)NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        value v = value_number(rows[i].n);
        assert_str(value_to_str(f->a, &v), rows[i].text);
    }
}

static void strings_are_read_as_numbers_by_the_same_rules_as_literals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double n;
    } rows[] = {
        {"", 0},
        {" \t\r\n\xC2\xA0\xE3\x80\x80 ", 0},
        {"1", 1},
        {"+1", 1},
        {"-1.5e3", -1500},
        {".5", 0.5},
        {"5.", 5},
        {"007", 7},
        {"1e400", (double)INFINITY},
        {"0x10", 16},
        {"0xFFFFFFFF", -1},
        {"0x80000000", -2147483648.0},
        {"0x00000000001", 1},
        {"0o17", 15},
        {"0o37777777777", -1},
        {"Infinity", (double)INFINITY},
        {"-infinity", -(double)INFINITY},
        {"0x100000000", (double)NAN},
        {"0o40000000000", (double)NAN},
        {"0o8", (double)NAN},
        {"0xG", (double)NAN},
        {"0X10", (double)NAN},
        {"0x", (double)NAN},
        {"-0x10", (double)NAN},
        {"1e", (double)NAN},
        {"1e+", (double)NAN},
        {".", (double)NAN},
        {"-", (double)NAN},
        {"1,000", (double)NAN},
        {"1 2", (double)NAN},
        {"1_000", (double)NAN},
        {"inf", (double)NAN},
        {"nan", (double)NAN},
        {"0b1", (double)NAN},
        {"12abc", (double)NAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        value v = value_cstring(rows[i].text);
        double n = value_to_number(&v);
        if (!(n == rows[i].n || (isnan(n) && isnan(rows[i].n))))
            fail_msg("\"%s\" is %g, not %g", rows[i].text, n, rows[i].n);
    }
}

static void long_numbers_are_read_whole(void **state) {
    fixture *f = *state;
    value v = value_string(arena_printf(f->a, "1%.*s", STR_ARG(repeat(f, "0", 200))));
    assert_true(value_to_number(&v) == 1e200);
    v = value_string(arena_printf(f->a, "0.%.*s1", STR_ARG(repeat(f, "0", 199))));
    assert_true(value_to_number(&v) == 1e-200);
}

/* The C library derives its mapping from the same Unicode data by another way. */
static void letters_are_upper_cased_as_unicode_says(void **state) {
    (void)state;
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8) {
        print_message("no locale C.UTF-8: upper case is not compared with the C library's\n");
        skip();
    }
    for (uint32_t c = 0; c < 0x20000; c++) {
        uint32_t expected = c == 0x131 || c == 0x17F ? c : (uint32_t)towupper_l((wint_t)c, utf8);
        if (text_upper(c) != expected)
            fail_msg("U+%04X becomes U+%04X, not U+%04X", c, text_upper(c), expected);
    }
    freelocale(utf8);
}

static void strings_compare_by_upper_case_utf16(void **state) {
    static const example examples[] = {
        {"'stra\xC3\x9F"
         "e' == 'STRASSE'",
         "false"},
        {"'\xD0\x96\xD0\xB0\xD0\xB1\xD0\xB0' == '\xD0\xB6\xD0\x90\xD0\x91\xD0\x90'", "true"},
        {"'_' > 'a'", "true"}, /* upper case stands before the underscore */
        {"'\xEF\xBF\xBD' > '\xF0\x9F\x98\x80'", "true"}, /* surrogates stand before U+FFFD */
        {"'\xF0\x9F\x98\x80' < '\xF0\x9F\x98\x81'", "true"},
        {"'a' < 'ab'", "true"},
        {"'' < 'a'", "true"},
        {"endsWith('\xC3\x9C', '\xC3\xBC')", "true"},
        {"endsWith('b', 'ab')", "false"},
        {"contains('x\xC5\xB8y', '\xC3\xBF')", "true"}, /* Y with diaeresis: two blocks apart */
        {"contains('abc', 'abcd')", "false"},
    };
    CHECK_EXAMPLES(*state, examples);
}

/* ---- errors -------------------------------------------------------------------------------- */

static void errors_point_at_what_is_wrong(void **state) {
    fixture *f = *state;
    static const struct {
        const char *text;
        uint32_t column, end_column;
        const char *message;
    } rows[] = {
        {"'\xF0\x9F\x98\x80' = 1", 5, 6,
         "Unexpected symbol: '='. Located at position 6 within expression: '\xF0\x9F\x98\x80' = 1"},
        {"1 == foo bar", 10, 13,
         "Unexpected symbol: 'bar'. Located at position 10 within expression: 1 == foo bar"},
        {"contains('a', 'b'", 15, 18,
         "Unexpected end of expression: ''b''. Located at position 15 within expression: "
         "contains('a', 'b'"},
        {"github.", 7, 8,
         "Unexpected end of expression: '.'. Located at position 7 within expression: github."},
        {"1 + contains('a')", 3, 4,
         "Unexpected symbol: '+'. Located at position 3 within expression: 1 + contains('a')"},
        {"! contains('a')", 3, 11,
         "Too few parameters supplied: 'contains'. Located at position 3 within expression: "
         "! contains('a')"},
        {"a[1", 3, 4, "Unexpected end of expression: '1'. Located at position 3"},
        {"a]", 2, 3, "Unexpected symbol: ']'. Located at position 2"},
        {"(a]", 3, 4, "Unexpected symbol: ']'. Located at position 3"},
        {"a.'b'", 3, 6, "Unexpected symbol: ''b''. Located at position 3"},
        {"\"a\"", 1, 4, "Unexpected symbol: '\"a\"'. Located at position 1"},
        {"a['b'].*.2", 10, 11, "Unexpected symbol: '2'. Located at position 10"},
        {"'a'.b", 4, 5, "Unexpected symbol: '.'. Located at position 4"},
        {"1 ? 2 : 3", 3, 4, "Unexpected symbol: '?'. Located at position 3"},
        {"true && format('{1}', 0)", 9, 15,
         "The following format string references more arguments than were supplied: {1}"},
        {"format('{0:x}', 1)", 1, 7,
         "The format specifiers 'x' are not valid for objects of type 'Number'"},
        {"fromJSON('{')", 1, 9, "Error parsing fromJson: invalid JSON at line 1, column 1"},
        {"fromJSON('')", 1, 9, "Error parsing fromJson: invalid JSON"},
        {"case(1, 2, 3)", 1, 5, "case predicate must evaluate to a boolean value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        value v;
        err e = {0};
        assert_int_equal(evaluate(f, str_from(rows[i].text), &v, &e), ERR_INVALID);
        if (!str_starts(str_from(e.message), str_from(rows[i].message)))
            fail_msg("%s: got \"%s\", expected \"%s\"", rows[i].text, e.message, rows[i].message);
        assert_int_equal(e.where.line, 1);
        assert_int_equal(e.where.column, rows[i].column);
        assert_int_equal(e.where.end_column, rows[i].end_column);
    }
}

static void a_scope_decides_which_names_are_known(void **state) {
    fixture *f = *state;
    const expr_name values[] = {{.name = STR("github")}};
    const expr_name functions[] = {{STR("hashFiles"), 1, 255}, {STR("success"), 0, 0}};
    const expr_scope scope = {values, 1, functions, 2};
    static const struct {
        const char *text, *message; /* NULL: fine */
    } rows[] = {
        {"GitHub.sha", NULL},
        {"success() && HASHFILES('a', 'b')", NULL},
        {"env.x", "Unrecognized named-value: 'env'. Located at position 1 within expression"},
        {"always()", "Unrecognized function: 'always'. Located at position 1 within expression"},
        {"success(1)", "Too many parameters supplied: 'success'"},
        {"hashFiles()", "Too few parameters supplied: 'hashFiles'"},
        {"case(true, 1)", "Too few parameters supplied: 'case'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const expr *x;
        err e = {0};
        int r = expr_parse(f->a, str_from(rows[i].text), &scope, &x, &e);
        assert_int_equal(r, rows[i].message ? ERR_INVALID : 0);
        if (rows[i].message && !str_starts(str_from(e.message), str_from(rows[i].message)))
            fail_msg("%s: got \"%s\"", rows[i].text, e.message);
    }
}

static void functions_that_nobody_provides_are_an_error(void **state) {
    fixture *f = *state;
    f->env.call = NULL;
    check_error(f, STR("hashFiles('x')"), ERR_INVALID, "Unrecognized function: 'hashFiles'");
}

/* ---- hostile input ------------------------------------------------------------------------- */

static void nesting_in_the_text_is_free_and_in_the_tree_is_limited(void **state) {
    fixture *f = *state;
    str open = repeat(f, "(", 10000), close = repeat(f, ")", 10000);
    str deep = arena_printf(f->a, "%.*s7%.*s", STR_ARG(open), STR_ARG(close));
    value v;
    assert_int_equal(evaluate(f, deep, &v, NULL), 0);
    assert_true(v.number == 7);
    check_error(f, open, ERR_INVALID, "Unexpected end of expression: '('");
    check_error(f, repeat(f, "!", 20000), ERR_INVALID, "Unexpected end of expression: '!'");
    check_error(f, arena_printf(f->a, "%.*s1", STR_ARG(repeat(f, "!", 20000))), ERR_LIMIT,
                "Exceeded max expression depth 50");
    check_error(f, arena_printf(f->a, "a%.*s", STR_ARG(repeat(f, "[a", 9000))), ERR_INVALID,
                "Unexpected end of expression: 'a'");
    check_error(f, arena_printf(f->a, "a%.*s", STR_ARG(repeat(f, ".*", 9000))), ERR_LIMIT,
                "Exceeded max expression depth 50");
    check_error(f, arena_printf(f->a, "1%.*s", STR_ARG(repeat(f, "==1", 5000))), ERR_LIMIT,
                "Exceeded max expression depth 50");
}

static void chains_of_and_and_or_are_one_node_however_grouped(void **state) {
    fixture *f = *state;
    str groups[] = {
        arena_printf(f->a, "%.*s1", STR_ARG(repeat(f, "1&&", 6000))),
        arena_printf(f->a, "%.*s1%.*s", STR_ARG(repeat(f, "1&&(", 4000)),
                     STR_ARG(repeat(f, ")", 4000))),
        arena_printf(f->a, "%.*s1%.*s", STR_ARG(repeat(f, "(", 4000)),
                     STR_ARG(repeat(f, "&&1)", 4000))),
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        const expr *x;
        assert_int_equal(expr_parse(f->a, groups[i], NULL, &x, NULL), 0);
        assert_int_equal(expr_kind_of(x), EXPR_AND);
        assert_int_equal(expr_child_count(x), i == 0 ? 6001 : 4001);
        assert_int_equal(expr_kind_of(expr_child(x, 4000)), EXPR_LITERAL);
    }
}

static void length_is_limited_in_utf16_units(void **state) {
    fixture *f = *state;
    value v;
    str text = arena_printf(f->a, "'%.*s'", STR_ARG(repeat(f, "\xF0\x9F\x98\x80", 10499)));
    assert_int_equal(evaluate(f, text, &v, NULL), 0);
    text = arena_printf(f->a, "'%.*s' ", STR_ARG(repeat(f, "\xF0\x9F\x98\x80", 10499)));
    check_error(f, text, ERR_LIMIT, "Exceeded max expression length 21000");
    check_error(f, repeat(f, "a", 1 << 20), ERR_LIMIT, "Exceeded max expression length 21000");
}

static void format_indexes_that_no_argument_can_have_are_refused(void **state) {
    fixture *f = *state;
    const char *invalid = "The following format string is invalid: ";
    check_error(f, STR("format('{256}', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{99999999999999999999999}', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{-1}', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{}', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{0:', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{0:}}', 1)"), ERR_INVALID, invalid);
    check_error(f, STR("format('{255}', 1)"), ERR_INVALID,
                "The following format string references more arguments than were supplied");
    static const example examples[] = {
        {"format('{000}', 1)", "\"1\""},
        {"format('{0:}', 1)", "\"1\""},
    };
    CHECK_EXAMPLES(f, examples);
}

static void memory_that_an_evaluation_holds_is_limited(void **state) {
    fixture *f = *state;
    const char *exceeded = "The maximum allowed memory size was exceeded while evaluating the "
                           "following expression: ";
    value big = value_string(repeat(f, "x", 1 << 20));
    value many = value_array_new(f->a);
    for (size_t i = 0; i < 100; i++)
        value_push(f->a, &many, big);
    value_set(f->a, &f->contexts, STR("big"), big);
    value_set(f->a, &f->contexts, STR("many"), many);
    check_error(f, STR("join(many, '')"), ERR_LIMIT, exceeded);
    check_error(f, STR("join(many.*, '')"), ERR_LIMIT, exceeded);
    check_error(f, STR("toJSON(many)"), ERR_LIMIT, exceeded);
    check_error(f, STR("format('{0}{0}{0}{0}{0}{0}', big)"), ERR_LIMIT, exceeded);
    check_error(f, STR("format('{0}{0}', big) == format('{0}{0}{0}', big)"), ERR_LIMIT, exceeded);
    static const example examples[] = {
        {"big == big", "true"},
        {"format('{0}', big) == big && format('{0}{0}', big) != big", "true"},
        {"contains(format('{0}{0}', big), format('{0}y', big))", "false"},
    };
    CHECK_EXAMPLES(f, examples);
}

static void what_operands_make_one_after_the_other_is_limited_too(void **state) {
    fixture *f = *state;
    value_set(f->a, &f->contexts, STR("big"), value_string(repeat(f, "x", 1 << 20)));
    str text =
        arena_printf(f->a, "%.*s0", STR_ARG(repeat(f, "format('{0}{0}', big) == 0 || ", 99)));
    check_error(f, text, ERR_LIMIT, "The maximum allowed memory size was exceeded");
}

static void json_may_be_nested_a_hundred_times(void **state) {
    fixture *f = *state;
    str open = repeat(f, "[", 100), close = repeat(f, "]", 100);
    value v;
    str text = arena_printf(f->a, "fromJSON('%.*s%.*s')", STR_ARG(open), STR_ARG(close));
    assert_int_equal(evaluate(f, text, &v, NULL), 0);
    text = arena_printf(f->a, "fromJSON('[%.*s%.*s]')", STR_ARG(open), STR_ARG(close));
    check_error(f, text, ERR_LIMIT, "Error parsing fromJson: ");
}

static void bytes_that_are_not_utf8_are_symbols_and_text_like_others(void **state) {
    fixture *f = *state;
    check_error(f, STR("\xFF"), ERR_INVALID, "Unexpected symbol: '\xFF'");
    check_error(f, (str){"\0", 1}, ERR_INVALID, "Unexpected symbol: '");
    check_error(f, STR("1 \xE2\x80"), ERR_INVALID, "Unexpected symbol: '\xE2\x80'");
    static const example examples[] = {
        {"'\xFF' == 'a'", "false"},
        {"contains('\xE2\x80', 'a')", "false"},
        {"startsWith('\xF0\x9F', '\xF0')", "true"},
    };
    CHECK_EXAMPLES(f, examples);
}

/* ---- the tree ------------------------------------------------------------------------------ */

static void a_text_without_words_is_no_expression(void **state) {
    fixture *f = *state;
    const expr *x = (const expr *)f;
    assert_int_equal(expr_parse(f->a, STR(" \n\t"), NULL, &x, NULL), 0);
    assert_null(x);
    value v = value_bool(true);
    assert_int_equal(expr_eval(f->a, NULL, &f->env, &v, NULL), 0);
    assert_int_equal(v.kind, VALUE_NULL);
}

static void trees_can_be_walked(void **state) {
    fixture *f = *state;
    char text[] = " !Format('x', a.b[*]) == 1";
    const expr *x;
    assert_int_equal(expr_parse(f->a, str_from(text), NULL, &x, NULL), 0);
    memset(text, '#', sizeof text - 1); /* the tree has its own copy */
    assert_int_equal(expr_kind_of(x), EXPR_EQ);
    assert_int_equal(expr_child_count(x), 2);
    assert_true(expr_literal_of(expr_child(x, 1))->number == 1);
    const expr *not_ = expr_child(x, 0);
    assert_int_equal(expr_kind_of(not_), EXPR_NOT);
    assert_int_equal(expr_offset_of(not_), 1);
    const expr *call_ = expr_child(not_, 0);
    assert_int_equal(expr_kind_of(call_), EXPR_CALL);
    assert_str(expr_name_of(call_), "Format");
    assert_null(expr_literal_of(call_));
    const expr *filter = expr_child(call_, 1);
    assert_int_equal(expr_kind_of(filter), EXPR_INDEX);
    assert_int_equal(expr_kind_of(expr_child(filter, 1)), EXPR_WILDCARD);
    const expr *property = expr_child(filter, 0);
    assert_str(expr_name_of(expr_child(property, 0)), "a");
    assert_str(expr_literal_of(expr_child(property, 1))->string, "b");
    assert_int_equal(expr_offset_of(expr_child(property, 1)), 16);
}

static void the_functions_of_the_language_are_listed(void **state) {
    (void)state;
    size_t count;
    const expr_name *names = expr_builtins(&count);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(expr_builtin(names[i].name), &names[i]);
    assert_ptr_equal(expr_builtin(STR("TOJSON")), expr_builtin(STR("toJson")));
    assert_null(expr_builtin(STR("hashFiles")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(documented_examples_give_what_they_say),
        TEST(falsy_values_are_the_documented_ones),
        TEST(a_filter_stays_one_through_operators_and_case),
        TEST(unneeded_operands_are_left_alone),
        TEST(names_are_found_without_case_and_data_keeps_its_own),
        TEST(to_json_escapes_as_github_does),
        TEST(numbers_are_written_with_fifteen_digits),
        TEST(strings_are_read_as_numbers_by_the_same_rules_as_literals),
        TEST(long_numbers_are_read_whole),
        TEST(letters_are_upper_cased_as_unicode_says),
        TEST(strings_compare_by_upper_case_utf16),
        TEST(errors_point_at_what_is_wrong),
        TEST(a_scope_decides_which_names_are_known),
        TEST(functions_that_nobody_provides_are_an_error),
        TEST(nesting_in_the_text_is_free_and_in_the_tree_is_limited),
        TEST(chains_of_and_and_or_are_one_node_however_grouped),
        TEST(length_is_limited_in_utf16_units),
        TEST(format_indexes_that_no_argument_can_have_are_refused),
        TEST(memory_that_an_evaluation_holds_is_limited),
        TEST(what_operands_make_one_after_the_other_is_limited_too),
        TEST(json_may_be_nested_a_hundred_times),
        TEST(bytes_that_are_not_utf8_are_symbols_and_text_like_others),
        TEST(a_text_without_words_is_no_expression),
        TEST(trees_can_be_walked),
        TEST(the_functions_of_the_language_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
