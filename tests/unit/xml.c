#include "unit.h"

#include "base/xml.h"

#include <string.h>

static void show(strbuf *out, const xml_node *n) {
    strbuf_addf(out, "%.*s", STR_ARG(n->name));
    for (size_t i = 0; i < n->attribute_count; i++)
        strbuf_addf(out, " %.*s=%.*s", STR_ARG(n->attributes[i].name),
                    STR_ARG(n->attributes[i].text));
    if (n->text.len) strbuf_addf(out, " '%.*s'", STR_ARG(n->text));
    if (!n->first) return;
    strbuf_adds(out, " (");
    for (const xml_node *c = n->first; c; c = c->next) {
        if (c != n->first) strbuf_adds(out, ", ");
        show(out, c);
    }
    strbuf_addc(out, ')');
}

/* The tree, or "line:column message". */
static str tree(arena *a, const char *text, const xml_limits *limits) {
    xml_node *root = NULL;
    err e = {0};
    if (xml_parse(a, str_from(text), "t.xml", limits, &root, &e) < 0)
        return arena_printf(a, "%u:%u %s", e.where.line, e.where.column, e.message);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    show(&out, root);
    return arena_str(a, strbuf_str(&out));
}

static void documents_become_trees(void **state) {
    static const struct {
        const char *text, *tree;
    } samples[] = {
        {"<a/>", "a"},
        {"<?xml version='1.0'?><!-- c --><a x='1' y=\"&lt;2\">t<b/>u<c>v</c></a>",
         "a x=1 y=<2 'tu' (b, c 'v')"},
        {"<a><![CDATA[<&]]></a>", "a '<&'"},
        {"<!DOCTYPE report PUBLIC '-//X//Y' 'report.dtd'><report/>", "report"},
        {"<p:a xmlns:p='urn:x'><p:b/></p:a>", "p:a xmlns:p=urn:x (p:b)"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>", "a '\xC3\xA9'"},
        {"", "1:1 no element found"},
        {"<a>", "1:4 no element found"},
        {"<a>\n  </b>", "2:5 mismatched tag"},
        {"<a>&x;</a>", "1:4 undefined entity"},
        {"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
         "1:25 the document declares entities, which is not accepted"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        _cleanup_arena_ arena *a = arena_new();
        assert_str(tree(a, samples[i].text, NULL), samples[i].tree);
    }
}

static void caps_are_named(void **state) {
    static const xml_limits small = {.max_depth = 2, .max_nodes = 4, .max_bytes = 1 << 20};
    _cleanup_arena_ arena *a = arena_new();
    assert_str(tree(a, "<a><b><c/></b></a>", &small), "1:7 elements are nested too deep");
    assert_str(tree(a, "<a><b/><b x='1' y='2'/></a>", &small), "1:8 too many elements");
    _cleanup_strbuf_ strbuf large = STRBUF_INIT;
    strbuf_pad(&large, ' ', (1 << 20) + 1);
    assert_str(tree(a, strbuf_cstr(&large), &small), "0:0 larger than 1 MiB");
}

static void elements_are_found_and_walked(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    xml_node *root;
    err e = {0};
    str text = STR("<a>\n <b n='1'><c> x </c></b><d/><b n='2'/></a>");
    assert_int_equal(xml_parse(a, text, "t.xml", NULL, &root, &e), 0);
    const xml_node *b = xml_child(root, "b");
    assert_int_equal(b->where.line, 2);
    assert_int_equal(b->where.column, 2);
    assert_str(xml_child_text(b, "c"), "x");
    assert_str(xml_child_text(b, "none"), "");
    assert_str(xml_attribute_of(xml_next(b, "b"), "n"), "2");
    assert_null(xml_attribute_of(b, "none").ptr);
    assert_null(xml_next(xml_next(b, "b"), "b"));
    _cleanup_strbuf_ strbuf names = STRBUF_INIT;
    for (const xml_node *n = root; n; n = xml_walk(root, n))
        strbuf_add(&names, n->name);
    assert_str(strbuf_str(&names), "abcdb");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_become_trees),
        cmocka_unit_test(caps_are_named),
        cmocka_unit_test(elements_are_found_and_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
