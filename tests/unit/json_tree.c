/* JSON with places: what is read, and where what is none goes wrong. */
#include "unit.h"

#include "base/json.h"
#include "base/json_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *expected; /* as it is written again, or (after '!') place and message */
} rows[] = {
    {"null", "null"},
    {" [1, -0.5e+3 ,true,false] ", "[1,-0.5e+3,true,false]"},
    {"{\"a\": {\"b\": []}, \"c\": \"x\"}", "{\"a\":{\"b\":[]},\"c\":\"x\"}"},
    {"\"\\u0041\\n\\ud83d\\ude00\\ud83d\\\"\\/\"", "\"A\\n\360\237\230\200\357\277\275\\\"/\""},
    {"\xEF\xBB\xBF[]", "[]"},
    {"", "!1:1 the file ends where a value is expected"},
    {"{\n  \"a\" 1}", "!2:7 expected ':'"},
    {"[1,]", "!1:4 expected a value"},
    {"[1 2]", "!1:4 expected ',' or ']'"},
    {"{\"a\":1", "!1:7 the file ends where ',' or '}' is expected"},
    {"{a:1}", "!1:2 expected a key"},
    {"[] x", "!1:4 expected nothing more"},
    {"\"a\nb\"", "!1:3 expected no control character"},
    {"\"\\x\"", "!1:4 expected an escape"},
    {"\"\xff\"", "!1:2 expected UTF-8"},
    {"01", "!1:2 expected nothing more"},
    {"1.", "!1:3 the file ends where a digit is expected"},
    {"[\xC3\xA9]", "!1:2 expected a value"},
    {"tru", "!1:1 expected a value"},
};

static void write(json_out *o, const json_node *n) {
    switch (n->kind) {
    case JSON_NULL: json_put_null(o); break;
    case JSON_BOOL: json_put_value(o, &(value){.kind = VALUE_BOOL, .boolean = n->boolean}); break;
    case JSON_NUMBER:
        if (o->need_comma) strbuf_addc(o->buf, ',');
        strbuf_add(o->buf, n->text);
        o->need_comma = true;
        break;
    case JSON_STRING: json_put_str(o, n->text); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_open(o, n->kind == JSON_ARRAY ? '[' : '{');
        for (size_t i = 0; i < n->count; i++) {
            if (n->kind == JSON_OBJECT) {
                char key[32];
                snprintf(key, sizeof key, "%.*s", STR_ARG(n->members[i].key));
                json_key(o, key);
            }
            write(o, n->members[i].item);
        }
        json_close(o, n->kind == JSON_ARRAY ? ']' : '}');
        break;
    case JSON_KIND_COUNT: break;
    }
}

static void is_read_with_places(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        json_node *root;
        err e = {0};
        if (json_tree_parse(a, str_from(rows[i].text), "f", NULL, &root, &e) < 0) {
            const char *colon = strstr(e.message, ": ");
            strbuf_addf(&text, "!%u:%u %s", e.where.line, e.where.column,
                        colon ? colon + 2 : e.message);
        } else {
            json_out o = JSON_OUT(&text);
            write(&o, root);
        }
        assert_string_equal(strbuf_cstr(&text), rows[i].expected);
    }
}

static void has_caps(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    json_limits limits = {.max_depth = 2, .max_nodes = 4};
    json_node *root;
    err e = {0};
    (void)state;
    assert_int_equal(json_tree_parse(a, STR("[[1]]"), "f", &limits, &root, &e), 0);
    assert_int_equal(json_tree_parse(a, STR("[[[]]]"), "f", &limits, &root, &e), ERR_LIMIT);
    assert_int_equal(json_tree_parse(a, STR("[1,2,3]"), "f", &limits, &root, &e), 0);
    assert_int_equal(json_tree_parse(a, STR("[1,2,3,4]"), "f", &limits, &root, &e), ERR_LIMIT);
}

static void finds_the_last_of_a_key(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    json_node *root;
    err e = {0};
    str text = STR("{\"a\": \"1\", \"a\": \"2\", \"b\": true}");
    (void)state;
    assert_int_equal(json_tree_parse(a, text, "f", NULL, &root, &e), 0);
    assert_true(str_is(json_tree_str(root, "a"), "2"));
    assert_true(json_tree_true(root, "b"));
    assert_null(json_tree_get(root, "c"));
    assert_int_equal(root->members[1].at, 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_read_with_places),
                                       cmocka_unit_test(has_caps),
                                       cmocka_unit_test(finds_the_last_of_a_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
