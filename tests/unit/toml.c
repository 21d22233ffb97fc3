#include "unit.h"

#include "base/json.h"
#include "base/toml.h"

#include <string.h>

/* The tree as one line of JSON; dates are <dates>. */
static void show(strbuf *out, const toml_node *n) {
    switch (n->kind) {
    case TOML_STRING: json_write_str(out, n->text); return;
    case TOML_INTEGER: strbuf_addf(out, "%lld", (long long)n->integer); return;
    case TOML_FLOAT: strbuf_addf(out, "f%g", n->number); return;
    case TOML_BOOL: strbuf_adds(out, n->boolean ? "true" : "false"); return;
    case TOML_TIME: strbuf_addf(out, "<%.*s>", STR_ARG(n->text)); return;
    case TOML_ARRAY:
        strbuf_addc(out, '[');
        for (size_t i = 0; i < n->array.count; i++) {
            if (i) strbuf_addc(out, ',');
            show(out, n->array.items[i]);
        }
        strbuf_addc(out, ']');
        return;
    case TOML_TABLE:
        strbuf_addc(out, '{');
        for (size_t i = 0; i < n->table.count; i++) {
            if (i) strbuf_addc(out, ',');
            strbuf_addf(out, "%.*s:", STR_ARG(n->table.pairs[i].key));
            show(out, n->table.pairs[i].item);
        }
        strbuf_addc(out, '}');
        return;
    case TOML_KIND_COUNT: break;
    }
}

/* The tree, or "line:column message". */
static str tree(arena *a, str text, const toml_limits *limits) {
    toml_node *root = NULL;
    err e = {0};
    int r = toml_parse(a, text, "t.toml", limits, &root, &e);
    if (r < 0) {
        assert_int_equal(r, e.code);
        return arena_printf(a, "%u:%u %s", e.where.line, e.where.column, e.message);
    }
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    show(&out, root);
    return arena_str(a, strbuf_str(&out));
}

typedef struct sample {
    const char *text, *tree;
} sample;

static void check_all(const sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str got = tree(a, str_from(samples[i].text), NULL);
        if (!str_is(got, samples[i].tree))
            fail_msg("%s\ngives    %.*s\nexpected %s", samples[i].text, STR_ARG(got),
                     samples[i].tree);
    }
}
#define CHECK_ALL(samples) check_all(samples, sizeof(samples) / sizeof *(samples))

static void values_are_read(void **state) {
    static const sample samples[] = {
        {"", "{}"},
        {"# only this", "{}"},
        {"\xEF\xBB\xBF"
         "a = 1",
         "{a:1}"},
        {"a = 1\r\nb = 2\r\n", "{a:1,b:2}"},
        {"a = +1_000\nb = -17\nc = 0", "{a:1000,b:-17,c:0}"},
        {"a = 0xDEAD_beef\nb = 0o17\nc = 0b1101", "{a:3735928559,b:15,c:13}"},
        {"a = 9223372036854775807\nb = -9223372036854775808",
         "{a:9223372036854775807,b:-9223372036854775808}"},
        {"a = 3.5\nb = -1e3\nc = 1_0.2_5E-1\nd = inf\ne = -inf",
         "{a:f3.5,b:f-1000,c:f1.025,d:finf,e:f-inf}"},
        {"a = true\nb = false", "{a:true,b:false}"},
        {"a = 1979-05-27\nb = 07:32:00.5\nc = 1979-05-27T07:32:00Z\nd = 1979-05-27 07:32:00-07:00",
         "{a:<1979-05-27>,b:<07:32:00.5>,c:<1979-05-27T07:32:00Z>,d:<1979-05-27 07:32:00-07:00>}"},
        {"a = 2024-02-29", "{a:<2024-02-29>}"},
        {"a = [1, [2, 'x'], {b = 1}, # why\n  4,\n]", "{a:[1,[2,\"x\"],{b:1},4]}"},
        {"a = { b.c = 1, \"d e\" = [] }", "{a:{b:{c:1},d e:[]}}"},
    };
    CHECK_ALL(samples);
}

static void strings_are_read(void **state) {
    static const sample samples[] = {
        {"a = \"x\\ty\\u00e9\\U0001F600\\\"\"", "{a:\"x\\ty\xC3\xA9\xF0\x9F\x98\x80\\\"\"}"},
        {"a = 'C:\\x'", "{a:\"C:\\\\x\"}"},
        {"a = \"\"\"\none\r\ntwo\"\"\"", "{a:\"one\\ntwo\"}"},
        {"a = \"\"\"one \\\n\n   two\"\"\"", "{a:\"one two\"}"},
        {"a = '''\nI'm ''here'' '''''", "{a:\"I'm ''here'' ''\"}"},
        {"a = \"\"", "{a:\"\"}"},
        {"a = \"\"\"\"\"\"", "{a:\"\"}"},
        {"\"\" = 1\n'a.b' = 2", "{:1,a.b:2}"},
    };
    CHECK_ALL(samples);
}

static void tables_are_made_by_headers_and_dots(void **state) {
    static const sample samples[] = {
        {"[a]\nb = 1\n[a.c]\nd = 2\n[e]", "{a:{b:1,c:{d:2}},e:{}}"},
        {"[ a . 'b' ]\nx=1", "{a:{b:{x:1}}}"},
        {"[a.b.c]\n[a]\nd = 1", "{a:{b:{c:{}},d:1}}"},
        {"a.b = 1\na.c.d = 2", "{a:{b:1,c:{d:2}}}"},
        {"[[p]]\nn = 1\n[p.q]\nr = 2\n[[p.s]]\n[[p.s]]\nt = 3\n[[p]]\nn = 4",
         "{p:[{n:1,q:{r:2},s:[{},{t:3}]},{n:4}]}"},
        {"[f]\na.c = 1\n[f.a.t]\ns = 2", "{f:{a:{c:1,t:{s:2}}}}"},
    };
    CHECK_ALL(samples);
}

static void what_is_wrong_is_told_with_its_place(void **state) {
    static const sample samples[] = {
        {"a = 1\na = 2", "2:1 'a' is already defined in line 1"},
        {"[a]\n[b]\n[a]", "3:2 'a' is already defined in line 1"},
        {"[a]\nb.c = 1\n[a.b]", "3:4 'b' is already defined in line 2"},
        {"[a.b]\n[a]\nb.c = 1",
         "3:1 'b' is already defined in line 1, and not as a table that can be added to here"},
        {"a = {b = 1}\na.c = 2",
         "2:1 'a' is already defined in line 1, and not as a table that can be added to here"},
        {"a = [1]\n[[a]]", "2:3 'a' is already defined in line 1, and not by [[ ]]"},
        {"a =", "1:4 expected a value"},
        {"a 1", "1:3 expected '=' after the key"},
        {"= 1", "1:1 expected a key"},
        {"a = 1 b = 2", "1:7 expected the end of the line"},
        {"a = x", "1:5 'x' is no value: strings stand in quotes"},
        {"a = 01", "1:5 '01': a number has no leading zeros"},
        {"a = 1__0", "1:5 '1__0' is no value: strings stand in quotes"},
        {"a = 1.", "1:5 '1.' is no value: strings stand in quotes"},
        {"a = 9223372036854775808", "1:5 '9223372036854775808' has more than 64 bits"},
        {"a = 0xffffffffffffffff", "1:5 '0xffffffffffffffff' has more than 63 bits"},
        {"a = 2023-02-29", "1:5 '2023-02-29' is no date or time that there is"},
        {"a = 25:00:00", "1:5 '25:00:00' is no date or time that there is"},
        {"a = \"x", "1:7 the string has no end"},
        {"a = \"x\ny\"", "1:7 the string has no end on its line"},
        {"a = \"\\q\"", "1:7 unknown escape: use \\\\ for a backslash"},
        {"a = \"\\uD800\"", "1:8 U+D800 is no character"},
        {"a = \"\x01\"", "1:6 a control character in a string: write it as \\uXXXX"},
        {"# \x01", "1:3 a control character in a comment"},
        {"a = [1 2]", "1:8 expected ',' or ']'"},
        {"a = [1,", "1:8 the array has no end"},
        {"a = {b = 1,\n}", "1:12 expected a key"},
        {"[a", "1:3 expected ']' at the end of the header"},
        {"[[a]", "1:5 expected ']]' at the end of the header"},
        {"x = 1\ny = '\xff'", "2:6 a byte that is no UTF-8"},
    };
    CHECK_ALL(samples);
}

static void caps_are_named(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const toml_limits small = {.max_depth = 3, .max_nodes = 8, .max_bytes = 1 << 20};
    assert_str(tree(a, STR("a = [[[[1]]]]"), &small), "1:9 nested more than 3 deep");
    assert_str(tree(a, STR("a = [1,2,3,4,5,6,7,8]"), &small), "1:18 more than 8 values");
    assert_str(tree(a, STR("a.b.c.d.e = 1"), &small), "1:9 a key of more than 3 parts");
    _cleanup_strbuf_ strbuf large = STRBUF_INIT;
    strbuf_pad(&large, '\n', (1 << 20) + 1);
    assert_str(tree(a, strbuf_str(&large), &small), "0:0 larger than 1 MiB");
}

static void values_and_keys_have_places(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    toml_node *root;
    err e = {0};
    str text = STR("[[package]]\nname = \"\xC3\xA9\"\n\n[[package]]\n  name = 'b' # x\n");
    assert_int_equal(toml_parse(a, text, "Cargo.lock", NULL, &root, &e), 0);
    const toml_node *all = toml_get(root, STR("package")), *second = all->array.items[1];
    assert_int_equal(second->where.line, 4);
    assert_int_equal(second->where.column, 3);
    const toml_node *name = toml_get(second, STR("name"));
    assert_int_equal(name->where.line, 5);
    assert_int_equal(name->where.column, 10);
    assert_int_equal(name->where.end_column, 13);
    assert_str(toml_get_str(second, "name"), "b");
    assert_str(toml_get_str(second, "version"), "");
    assert_null(toml_get(name, STR("x")));
}

static void keys_of_large_tables_are_found(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    toml_node *root;
    err e = {0};
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&text, "k%d = %d\n", i, i);
    assert_int_equal(toml_parse(a, strbuf_str(&text), "t", NULL, &root, &e), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(toml_get(root, arena_printf(a, "k%d", i))->integer, i);
    assert_null(toml_get(root, STR("k1000")));
    strbuf_adds(&text, "k7 = 1\n");
    assert_int_equal(toml_parse(a, strbuf_str(&text), "t", NULL, &root, &e), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(strings_are_read),
        cmocka_unit_test(tables_are_made_by_headers_and_dots),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(caps_are_named),
        cmocka_unit_test(values_and_keys_have_places),
        cmocka_unit_test(keys_of_large_tables_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
