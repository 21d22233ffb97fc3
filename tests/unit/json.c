#include "unit.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Parses `text` and writes it again; "ERROR: message" when it is refused. */
static str again(arena *a, str text, bool pretty) {
    value v;
    err e = {0};
    if (json_parse(a, text, 0, &v, &e) < 0) return arena_printf(a, "ERROR: %s", e.message);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (pretty)
        json_write_pretty(&out, &v);
    else
        json_write(&out, &v);
    return arena_str(a, strbuf_str(&out));
}

static void documents_are_written_as_they_were_read(void **state) {
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"null", "null"},
        {" true ", "true"},
        {"\"x\"", "\"x\""},
        {"[ 1 , 2.5, -0, 0.1, 1e300, 1E-7 ]", "[1,2.5,-0,0.1,1e+300,1e-7]"},
        {"9007199254740991", "9007199254740991"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"5e-324", "5e-324"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"{\"z\":1,\"b\":{\"y\":[],\"x\":null},\"a\":2}",
         "{\"z\":1,\"b\":{\"y\":[],\"x\":null},\"a\":2}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"\"\\u0000\\u001f\\n\\t\\\"\\\\\\/\\u00e9\\ud83d\\ude00\"",
         "\"\\u0000\\u001f\\n\\t\\\"\\\\/\xC3\xA9\xF0\x9F\x98\x80\""},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(again(a, str_from(cases[i].text), false), cases[i].expected);
}

static void pretty_text_is_indented_by_two(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    assert_str(again(a, STR("{\"a\":[1,{\"b\":[]}],\"c\":{}}"), true),
               "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
}

static void errors_tell_line_and_column(void **state) {
    static const struct {
        const char *text;
        unsigned line, column;
    } cases[] = {
        {"", 1, 1},
        {"{", 1, 1},
        {"[1,]", 1, 4},
        {"{\n  \"a\" 1}", 2, 7},
        {"[1] 2", 1, 5},
        {"\"\xC3\xA9\" x", 1, 5},
        {"[\"\n\"]", 1, 2},
        {"[1e999]", 1, 6},
        {"\"\\ud800\"", 1, 8},
        {"nul", 1, 3},
        {"[01]", 1, 2},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        value v = value_bool(true);
        err e = {0};
        assert_int_equal(json_parse(a, str_from(cases[i].text), 0, &v, &e), ERR_INVALID);
        assert_int_equal(e.code, ERR_INVALID);
        assert_null(strchr(e.message, '\n'));
        if (e.where.line != cases[i].line || e.where.column != cases[i].column)
            fail_msg("case %zu: %u:%u %s", i, e.where.line, e.where.column, e.message);
        assert_true(v.kind == VALUE_BOOL);
    }
}

static void ill_formed_utf8_is_refused_when_read(void **state) {
    static const char *const cases[] = {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"",
                                        "\"\xE2\x82\""};
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        value v;
        err e = {0};
        assert_int_equal(json_parse(a, str_from(cases[i]), 0, &v, &e), ERR_INVALID);
    }
}

static void ill_formed_utf8_is_replaced_when_written(void **state) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write_str(&out, STR("a\xFF\xE2\x82z\xC3\xA9\x7F\x01"));
    assert_str(strbuf_str(&out), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xC3\xA9\x7F\\u0001\"");
}

/* The writer looks at several bytes at once: each byte at each place among others, plain or not. */
static void every_byte_is_escaped_wherever_it_stands(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20] = "abc\x7F~! #[]^_`zZ09,.:";
            text[at] = (char)c;
            if (at > 0) text[at - 1] = (at & 1) ? '\x01' : text[at - 1];
            value v;
            err e = {0};
            strbuf_clear(&out);
            json_write_str(&out, (str){text, sizeof text});
            for (size_t i = 0; i < out.len; i++)
                assert_true((unsigned char)out.ptr[i] >= ' ');
            assert_int_equal(json_parse(a, strbuf_str(&out), 0, &v, &e), 0);
            assert_true(str_eq(v.string, (str){text, sizeof text}));
        }
    }
}

static void numbers_that_json_cannot_hold_are_null(void **state) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write_number(&out, NAN);
    json_write_number(&out, -INFINITY);
    assert_str(strbuf_str(&out), "nullnull");
}

static void numbers_read_back_the_same(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        double n;
        memcpy(&n, &random, sizeof n);
        if (!isfinite(n)) continue;
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        json_write_number(&out, n);
        value v;
        assert_int_equal(json_parse(a, strbuf_str(&out), 0, &v, NULL), 0);
        assert_true(v.number == n);
    }
}

static str nested(arena *a, unsigned depth) {
    char *text = arena_alloc(a, depth * 2);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return (str){text, depth * 2};
}

static void depth_is_capped(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    err e = {0};
    assert_int_equal(json_parse(a, nested(a, 100), 0, &v, &e), 0);
    assert_int_equal(json_parse(a, nested(a, 101), 0, &v, &e), ERR_LIMIT);
    assert_int_equal(json_parse(a, nested(a, 3), 2, &v, &e), ERR_LIMIT);
    assert_int_equal(json_parse(a, nested(a, 100000), 5000, &v, &e), ERR_LIMIT);
    assert_non_null(strstr(e.message, "deep"));
}

static void objects_find_keys_without_case(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    assert_int_equal(json_parse(a, STR("{\"Head\":{\"SHA\":\"x\"}}"), 0, &v, NULL), 0);
    assert_str(value_path_str(&v, "head.sha"), "x");
}

static void a_large_document_takes_linear_time(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_addc(&text, '{');
    for (int i = 0; text.len < 10u << 20; i++)
        strbuf_addf(&text, "%s\"key%d\":[%d,\"a value\",{\"x\":0.5}]", i ? "," : "", i, i);
    strbuf_addc(&text, '}');
    clock_t start = clock();
    value v;
    assert_int_equal(json_parse(a, strbuf_str(&text), 0, &v, NULL), 0);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write(&out, &v);
    assert_true(str_eq(strbuf_str(&out), strbuf_str(&text)));
    /* Half a second with a plain build; quadratic work would take minutes even on a fast machine.
     */
    assert_true((clock() - start) / CLOCKS_PER_SEC < 30);
}

static void the_writer_places_commas(void **state) {
    _cleanup_strbuf_ strbuf buf = STRBUF_INIT;
    json_out o = JSON_OUT(&buf);
    value v = value_number(3);
    json_open(&o, '{');
    json_key_str(&o, "name", STR("a\"b"));
    json_key(&o, "list");
    json_open(&o, '[');
    json_put_number(&o, 1);
    json_open(&o, '{');
    json_close(&o, '}');
    json_put_null(&o);
    json_put_value(&o, &v);
    json_close(&o, ']');
    json_key_number(&o, "n", 0.5);
    json_close(&o, '}');
    assert_str(strbuf_str(&buf), "{\"name\":\"a\\\"b\",\"list\":[1,{},null,3],\"n\":0.5}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_written_as_they_were_read),
        cmocka_unit_test(pretty_text_is_indented_by_two),
        cmocka_unit_test(errors_tell_line_and_column),
        cmocka_unit_test(ill_formed_utf8_is_refused_when_read),
        cmocka_unit_test(ill_formed_utf8_is_replaced_when_written),
        cmocka_unit_test(every_byte_is_escaped_wherever_it_stands),
        cmocka_unit_test(numbers_that_json_cannot_hold_are_null),
        cmocka_unit_test(numbers_read_back_the_same),
        cmocka_unit_test(depth_is_capped),
        cmocka_unit_test(objects_find_keys_without_case),
        cmocka_unit_test(a_large_document_takes_linear_time),
        cmocka_unit_test(the_writer_places_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
