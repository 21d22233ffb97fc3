#include "unit.h"

#include "base/json.h"
#include "base/yaml.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const yaml_limits with_anchors = {.anchors = true};

/* The tree as one line: scalars as JSON values, "[...]", "{k:v}". */
static void show(strbuf *out, const yaml_node *node) {
    value v;
    err e = {0};
    switch (node->kind) {
    case YAML_SCALAR:
        if (yaml_scalar(node, &v, &e) < 0)
            strbuf_addf(out, "!%s!", e.message);
        else
            json_write(out, &v);
        return;
    case YAML_SEQUENCE:
        strbuf_addc(out, '[');
        for (size_t i = 0; i < node->sequence.count; i++) {
            if (i) strbuf_addc(out, ',');
            show(out, node->sequence.items[i]);
        }
        strbuf_addc(out, ']');
        return;
    case YAML_MAPPING:
        strbuf_addc(out, '{');
        for (size_t i = 0; i < node->mapping.count; i++) {
            if (i) strbuf_addc(out, ',');
            show(out, node->mapping.pairs[i].key);
            strbuf_addc(out, ':');
            show(out, node->mapping.pairs[i].item);
        }
        strbuf_addc(out, '}');
        return;
    case YAML_KIND_COUNT: break;
    }
}

/* The tree, or "line:column message". */
static str tree(arena *a, str text, const yaml_limits *limits) {
    const yaml_node *root = NULL;
    err e = {0};
    int r = yaml_parse(a, text, "t.yml", limits, &root, &e);
    if (r < 0) {
        assert_int_equal(r, e.code);
        assert_string_equal(e.where.file, "t.yml");
        return arena_printf(a, "%u:%u %s", e.where.line, e.where.column, e.message);
    }
    if (!root) return STR("nothing");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    show(&out, root);
    return arena_str(a, strbuf_str(&out));
}

typedef struct tree_case {
    const char *text, *expected;
} tree_case;

static void check_trees(const tree_case *cases, size_t count, const yaml_limits *limits) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < count; i++)
        assert_str(tree(a, str_from(cases[i].text), limits), cases[i].expected);
}
#define CHECK_TREES(cases, limits) check_trees((cases), sizeof(cases) / sizeof *(cases), (limits))

static void collections_and_scalars_become_a_tree(void **state) {
    static const tree_case cases[] = {
        {"", "nothing"},
        {"# only a comment\n", "nothing"},
        {"---\n", "null"},
        {"a: 1\nb: [x, {y: z}, ]\n", "{\"a\":1,\"b\":[\"x\",{\"y\":\"z\"}]}"},
        {"on:\n- push\n- pull_request\n", "{\"on\":[\"push\",\"pull_request\"]}"},
        {"a:\nb:\n  - \n  - x\n", "{\"a\":null,\"b\":[null,\"x\"]}"},
        {"a: 1\na: 2\n", "{\"a\":1,\"a\":2}"},
        {"? [1, 2]\n: x\n", "{[1,2]:\"x\"}"},
        {"{a, b: }", "{\"a\":null,\"b\":null}"},
        {"- [one]#, two, three ]\n- [one, two,\n three, four]\n",
         "[[\"one\"],[\"one\",\"two\",\"three\",\"four\"]]"},
        {"\xEF\xBB\xBF"
         "a: b\n",
         "{\"a\":\"b\"}"},
        {"a: b\r\nc:\r\n  - d\r\n", "{\"a\":\"b\",\"c\":[\"d\"]}"},
        {"a: b\t# comment\n  \nc: d", "{\"a\":\"b\",\"c\":\"d\"}"},
        {"a: x\xC2\xA0y\xC2\xA0\n", "{\"a\":\"x\xC2\xA0y\xC2\xA0\"}"},
        {"%YAML 1.2\n---\na: b\n...\n", "{\"a\":\"b\"}"},
        {"a: \"\\u00e9\\x41\\0\\\n   b\"", "{\"a\":\"\xC3\xA9"
                                           "A\\u0000b\"}"},
        {"a: 'it''s\n\n  two lines'", "{\"a\":\"it's\\ntwo lines\"}"},
        {"a: ${{ x }} # c", "{\"a\":\"${{ x }}\"}"},
        {"a: http://x:1/#y", "{\"a\":\"http://x:1/#y\"}"},
        {"<<: {a: 1}\nb: 2\n", "{\"<<\":{\"a\":1},\"b\":2}"},
        {"a: \xF0\x9F\x9A\x80", "{\"a\":\"\xF0\x9F\x9A\x80\"}"},
    };
    CHECK_TREES(cases, NULL);
}

static void block_scalars_are_folded_and_chomped(void **state) {
    static const tree_case cases[] = {
        {"- |\n  a\n   b\n\n  c\n\n\n- x", "[\"a\\n b\\n\\nc\\n\",\"x\"]"},
        {"- |-\n  a\n\n- x", "[\"a\",\"x\"]"},
        {"- |+\n  a\n\n- x", "[\"a\\n\\n\",\"x\"]"},
        {"- >\n  a\n  b\n\n  c\n", "[\"a b\\nc\\n\"]"},
        {"- >-\n  3.10\n", "[\"3.10\"]"},
        {"- |2\n    a\n   b\n", "[\"  a\\n b\\n\"]"},
        {"- |\r\n  a\r\n  b\r\n", "[\"a\\nb\\n\"]"},
        {"- |\n  a\n  \tb\n", "[\"a\\n\\tb\\n\"]"},
        {"- |\n  last line without end", "[\"last line without end\"]"},
    };
    CHECK_TREES(cases, NULL);
}

static void plain_scalars_follow_the_core_schema(void **state) {
    static const tree_case cases[] = {
        {"[~, null, Null, NULL, nULL]", "[null,null,null,null,\"nULL\"]"},
        {"[true, True, TRUE, tRUE, false, False, FALSE, yes, on, off]",
         "[true,true,true,\"tRUE\",false,false,false,\"yes\",\"on\",\"off\"]"},
        {"[1, -1, +1, 00755, -0, 1_000, 0xff, 0xFF, 0o10, 0o8, 0x, 0xg, -0x1, 0XFF]",
         "[1,-1,1,755,-0,\"1_000\",255,255,8,\"0o8\",\"0x\",\"0xg\",\"-0x1\",\"0XFF\"]"},
        {"[0xFFFFFFFF, 0x7FFFFFFF, 0x00000000001, 0o37777777777]", "[-1,2147483647,1,-1]"},
        {"[.5, -.5, 1., 1.5e3, 1E-2, +1.2e+2, ., -, e1, 1e, 1e+, .e1, 1.2.3]",
         "[0.5,-0.5,1,1500,0.01,120,\".\",\"-\",\"e1\",\"1e\",\"1e+\",\".e1\",\"1.2.3\"]"},
        {"[.inf, -.INF, +.Inf, .nan, inf, nan, NaN, Infinity, -.nan]",
         "[null,null,null,null,\"inf\",\"nan\",\"NaN\",\"Infinity\",\"-.nan\"]"},
        {"['1', \"true\", '', \"null\"]", "[\"1\",\"true\",\"\",\"null\"]"},
        {"- |-\n  1\n- >-\n  true\n", "[\"1\",\"true\"]"},
        {"[2001-12-14, 1:20, 0b1]", "[\"2001-12-14\",\"1:20\",\"0b1\"]"},
        {"[0x100000000]",
         "[!The value '0x100000000' on line 1 and column 2 is invalid for the type "
         "'tag:yaml.org,2002:int'!]"},
    };
    CHECK_TREES(cases, NULL);
}

static void huge_decimal_numbers_are_infinite(void **state) {
    char text[403];
    memset(text, '9', sizeof text);
    text[0] = '-', text[400] = '.', text[402] = '\0';
    yaml_node node = {.text = {text, 402}};
    value v;
    assert_int_equal(yaml_scalar(&node, &v, NULL), 0);
    assert_true(v.kind == VALUE_NUMBER && v.number == -INFINITY);
    text[400] = '\0';
    node.text.len = 400;
    assert_int_equal(yaml_scalar(&node, &v, NULL), 0);
    assert_true(v.kind == VALUE_NUMBER && v.number == -INFINITY);
}

static void explicit_tags_decide(void **state) {
    static const tree_case cases[] = {
        {"[!!str 1, !!str 'x', !!int 7, !!float 1, !!bool TRUE, !!null ]",
         "[\"1\",\"x\",7,1,true,null]"},
        {"[!<tag:yaml.org,2002:int> 0x10, !!float .5]", "[16,0.5]"},
        {"%TAG !y! tag:yaml.org,2002:\n---\n!y!int 3", "3"},
        {"a: !!bool test",
         "{\"a\":!The value 'test' on line 1 and column 4 is invalid for the type "
         "'tag:yaml.org,2002:bool'!}"},
        {"!!float 0x10", "!The value '0x10' on line 1 and column 1 is invalid for the type "
                         "'tag:yaml.org,2002:float'!"},
        {"!!null x",
         "!The value 'x' on line 1 and column 1 is invalid for the type 'tag:yaml.org,2002:null'!"},
        {"!!int \"3\"", "!The scalar style 'DoubleQuoted' on line 1 and column 1 is not valid with "
                        "the tag 'tag:yaml.org,2002:int'!"},
        {"!!int |\n 3",
         "!The scalar style 'Literal' on line 1 and column 1 is not valid with the tag "
         "'tag:yaml.org,2002:int'!"},
        {"!!timestamp 2022-10-26", "!Unexpected tag 'tag:yaml.org,2002:timestamp'!"},
        {"!mine x", "!Unexpected tag '!mine'!"},
    };
    CHECK_TREES(cases, NULL);
}

static void anchors_are_shared_when_allowed(void **state) {
    static const tree_case cases[] = {
        {"a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}"},
        {"- &x 1\n- *x\n- &x 2\n- *x\n", "[1,1,2,2]"},
        {"&k key: 1\n*k : 2\n", "{\"key\":1,\"key\":2}"},
        {"a: &x\nb: *x\n", "{\"a\":null,\"b\":null}"},
        {"a: &x [&y 1, *y]\nb: [*x, *y]\n", "{\"a\":[1,1],\"b\":[[1,1],1]}"},
        {"a: *none", "1:4 Unknown anchor 'none' (a value that begins with '*' needs quotes)"},
        {"&a [1, *a]", "1:8 The alias 'a' stands inside the node that it refers to"},
        {"&a {&a x: *a}", "{\"x\":\"x\"}"},
    };
    CHECK_TREES(cases, &with_anchors);
}

static void an_alias_shares_its_node_and_is_marked(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const yaml_node *root;
    assert_int_equal(yaml_parse(a, STR("a: &x\n  - 1\nb: *x\n"), "f", &with_anchors, &root, NULL),
                     0);
    const yaml_node *first = yaml_get(root, "a"), *second = yaml_get(root, "b");
    assert_str(first->anchor, "x");
    assert_false(first->from_alias);
    assert_true(second->from_alias);
    assert_ptr_equal(first->sequence.items, second->sequence.items);
    assert_int_equal(second->where.line, 1);
    assert_int_equal(second->where.column, 4);
    assert_null(yaml_get(root, "c"));
    assert_null(yaml_get(first, "a"));
}

static void anchors_are_refused_unless_allowed(void **state) {
    static const tree_case cases[] = {
        {"- run: &echo hi", "1:8 Anchors are not currently supported. Remove the anchor 'echo'"},
        {"a: &m {}", "1:4 Anchors are not currently supported. Remove the anchor 'm'"},
        {"a: &s []", "1:4 Anchors are not currently supported. Remove the anchor 's'"},
        {"a: *x", "1:4 Unknown anchor 'x' (a value that begins with '*' needs quotes)"},
    };
    CHECK_TREES(cases, NULL);
}

static void places_count_lines_and_code_points(void **state) {
    static const struct {
        const char *text, *path;
        unsigned line, column, end_line, end_column;
    } cases[] = {
        {"a: b", "", 1, 1, 2, 1},
        {"a: b", "a", 1, 4, 1, 5},
        {"a:\n  b: c\n", "a", 2, 3, 3, 1},
        {"a:\n  - b\n  - c\n", "a", 2, 3, 4, 1},
        {"a:\n- b\n", "a", 2, 1, 3, 1},
        {"\xC3\xA9: \xF0\x9F\x9A\x80 x # y", "\xC3\xA9", 1, 4, 1, 7},
        {"\xEF\xBB\xBF"
         "a: b",
         "a", 1, 4, 1, 5},
        {"a: !!str b", "a", 1, 4, 1, 11},
        {"a: &x b", "a", 1, 4, 1, 8},
        {"a: 'b'\r\nc: \"d\"", "c", 2, 4, 2, 7},
        {"a:\nb: c", "a", 1, 3, 1, 3},
        {"a: |\n  x\n  y\nb: 1", "a", 1, 4, 4, 1},
        {"a: {b: [c]}", "a", 1, 4, 1, 12},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const yaml_node *node = NULL;
        assert_int_equal(yaml_parse(a, str_from(cases[i].text), "f", &with_anchors, &node, NULL),
                         0);
        if (cases[i].path[0]) node = yaml_get(node, cases[i].path);
        assert_non_null(node);
        span w = node->where;
        if (w.line != cases[i].line || w.column != cases[i].column ||
            w.end_line != cases[i].end_line || w.end_column != cases[i].end_column)
            fail_msg("case %zu: %u:%u-%u:%u", i, w.line, w.column, w.end_line, w.end_column);
    }
}

static void syntax_errors_tell_the_place_and_a_remedy(void **state) {
    static const tree_case cases[] = {
        {"a:\n\t- b\n",
         "2:1 found character that cannot start any token while scanning for the next token (a tab "
         "cannot indent; use spaces)"},
        {"a: @b",
         "1:4 found character that cannot start any token while scanning for the next token "
         "(a value that begins with this character needs quotes)"},
        {"a: b: c", "1:5 mapping values are not allowed in this context (is the line indented too "
                    "far, or does a value with ': ' in it need quotes?)"},
        {"a: 1\n  b: 2\n",
         "2:4 mapping values are not allowed in this context (is the line indented "
         "too far, or does a value with ': ' in it need quotes?)"},
        {"  a: 1\n b: 2\n",
         "2:2 did not find expected <document start> (is the line indented as those above it?)"},
        {"- a\n- b\nc: d\n",
         "3:1 did not find expected '-' indicator while parsing a block collection that began on "
         "line 1 (is the line indented as those above it?)"},
        {"a: \"b\nc: d\n", "3:1 found unexpected end of stream while scanning a quoted scalar that "
                           "began on line 1 (a quote is not closed)"},
        {"a: *.js", "1:5 did not find expected alphabetic or numeric character while scanning an "
                    "alias (a value that begins with '*' or '&' needs quotes)"},
        {"a: 1\nb\n",
         "3:1 could not find expected ':' while scanning a simple key that began on line "
         "2 (is a ':' missing, or a space after it?)"},
        {"[a, b",
         "2:1 did not find expected ',' or ']' while parsing a flow sequence that began on line 1"},
        {"a: !x!y z", "1:4 found undefined tag handle while parsing a node"},
        {"a\n---\nb\n",
         "2:1 Expected stream end parse event: a second document begins here, and only "
         "one is allowed"},
        {"a: b\n\xC3\xA9\x01", "2:2 the control character U+0001 is not allowed in YAML"},
        {"a: b\n\xFF", "2:1 the text is not valid UTF-8 here (invalid leading UTF-8 octet)"},
        {"a: \xC0\x80",
         "1:4 the text is not valid UTF-8 here (invalid length of a UTF-8 sequence)"},
        {"a: x\xE2\x82", "1:5 the text is not valid UTF-8 here (incomplete UTF-8 octet sequence)"},
        {"\xFF\xFE"
         "a\0",
         "1:1 the text is not valid UTF-8 here (invalid leading UTF-8 octet)"},
    };
    CHECK_TREES(cases, NULL);
    _cleanup_arena_ arena *a = arena_new();
    assert_str(tree(a, STR("a\0b"), NULL),
               "1:2 the control character U+0000 is not allowed in YAML");
}

static str repeated(arena *a, const char *head, size_t times, const char *piece) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, head);
    for (size_t i = 0; i < times; i++)
        strbuf_adds(&text, piece);
    return arena_str(a, strbuf_str(&text));
}

static void caps_are_errors_by_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    yaml_limits limits = {.max_bytes = 10};
    assert_str(tree(a, STR("0123456789"), &limits), "123456789");
    assert_str(tree(a, STR("01234567890"), &limits), "0:0 the text has more than 10 bytes");
    limits = (yaml_limits){.max_depth = 3};
    assert_str(tree(a, STR("[[[1]]]"), &limits), "[[[1]]]");
    assert_str(tree(a, STR("[[[[1]]]]"), &limits), "1:4 Maximum object depth exceeded");
    limits = (yaml_limits){.max_nodes = 4};
    assert_str(tree(a, STR("[1, 2]"), &limits), "[1,2]");
    assert_str(tree(a, STR("[1, 2, 3]"), &limits), "1:1 Maximum YAML nodes exceeded");
    assert_str(tree(a, repeated(a, "", 65, "%YAML 1.1\n"), NULL), "65:1 more than 64 directives");
}

static void depth_is_capped_through_aliases(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    yaml_limits limits = {.max_depth = 4, .anchors = true};
    assert_str(tree(a, STR("[&a [[1]], [*a]]"), &limits), "[[[1]],[[[1]]]]");
    assert_str(tree(a, STR("[&a [[1]], [[*a]]]"), &limits), "1:14 Maximum object depth exceeded");
}

static void an_alias_bomb_is_refused_at_once(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 40; i++) {
        strbuf_addf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            strbuf_addf(&text, "*a%d,", i - 1);
        strbuf_adds(&text, "]\n");
    }
    assert_str(tree(a, strbuf_str(&text), &with_anchors), "6:38 Maximum YAML nodes exceeded");
    assert_true(arena_used(a) < 1 << 20);
}

static void hostile_texts_of_full_size_are_read_in_linear_time(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const size_t mib = 1 << 20;
    const str texts[] = {
        repeated(a, "", mib, "["),
        repeated(a, "", mib, "{"),
        repeated(a, "", mib / 2, "- "),
        repeated(a, "", mib / 2, "? "),
        repeated(a, "[", mib / 2 - 1, "a,"),
        repeated(a, "", mib / 5, "&a a\n"),
        repeated(a, "- &a 1\n", mib / 5 - 2, "- *a\n"),
        repeated(a, "\"", mib / 2 - 1, "\\\n"),
        repeated(a, "a: |\n", mib / 2 - 3, " \n"),
        repeated(a, "", mib / 10, "!!str !!s "),
        repeated(a, "", mib / 12, "%TAG !a! b:\n"),
        repeated(a, "", mib, "\n"),
        repeated(a, "", mib, "a"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        _cleanup_arena_ arena *scratch = arena_new();
        const yaml_node *root;
        clock_t start = clock();
        yaml_parse(scratch, texts[i], "f", &with_anchors, &root, NULL);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (seconds > 5) fail_msg("text %zu took %.1f s", i, seconds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collections_and_scalars_become_a_tree),
        cmocka_unit_test(block_scalars_are_folded_and_chomped),
        cmocka_unit_test(plain_scalars_follow_the_core_schema),
        cmocka_unit_test(huge_decimal_numbers_are_infinite),
        cmocka_unit_test(explicit_tags_decide),
        cmocka_unit_test(anchors_are_shared_when_allowed),
        cmocka_unit_test(an_alias_shares_its_node_and_is_marked),
        cmocka_unit_test(anchors_are_refused_unless_allowed),
        cmocka_unit_test(places_count_lines_and_code_points),
        cmocka_unit_test(syntax_errors_tell_the_place_and_a_remedy),
        cmocka_unit_test(caps_are_errors_by_name),
        cmocka_unit_test(depth_is_capped_through_aliases),
        cmocka_unit_test(an_alias_bomb_is_refused_at_once),
        cmocka_unit_test(hostile_texts_of_full_size_are_read_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
