/* Commits, trees and tags as their bytes are. */
#include "unit.h"

#include "base/arena.h"
#include "scan/history_parse.h"

#include <string.h>

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

static void a_commit_has_its_tree_its_author_and_its_parents(void **state) {
    commit_head c;
    uint8_t id[OBJECT_ID_BYTES];
    history_parse_commit(
        STR("tree " HEX(
            "a") "\n"
                 "parent " HEX(
                     "1") "\n"
                          "parent " HEX(
                              "2") "\n"
                                   "author Eve > Adam <eve@example.com> 1700000000 -0230\n"
                                   "committer c <c> 1700000060 +0100\n"
                                   "parent " HEX("3") "\n"
                                                      "\nparent " HEX("4") "\n"),
        &c);
    assert_true(c.whole);
    assert_int_equal(c.tree[19], 0xaa);
    assert_str(c.author, "Eve > Adam <eve@example.com>");
    assert_int_equal(c.author_time, 1700000000);
    assert_int_equal(c.time, 1700000060);
    assert_int_equal(c.zone, -150);
    assert_true(history_next_parent(&c.parents, id));
    assert_int_equal(id[0], 0x11);
    assert_true(history_next_parent(&c.parents, id));
    assert_int_equal(id[0], 0x22);
    assert_false(history_next_parent(&c.parents, id));
}

static void what_is_no_commit_has_nothing(void **state) {
    static const char *const texts[] = {"", "\n", "tree", "tree " HEX("a") "a b",
                                        "tree zz\nauthor\n"};
    uint8_t id[OBJECT_ID_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        commit_head c;
        history_parse_commit(str_from(texts[i]), &c);
        assert_int_equal(c.author.len, 0);
        assert_int_equal(c.whole, i == 3);
        assert_false(history_next_parent(&c.parents, id));
    }
}

static void a_tag_points_at_an_object(void **state) {
    uint8_t id[OBJECT_ID_BYTES];
    assert_true(history_parse_tag(STR("object " HEX("b") "\ntype commit\n"), id));
    assert_int_equal(id[7], 0xbb);
    assert_false(history_parse_tag(STR("type commit\nobject " HEX("b") "\n"), id));
    assert_false(history_parse_tag(STR("object bb\n"), id));
    assert_false(history_parse_tag(STR_EMPTY, id));
}

/* ---- trees ---------------------------------------------------------------------------------- */

static uint64_t seed = 7;

static size_t any(size_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return below ? (size_t)(seed >> 33) % below : 0;
}

/* Ids have bytes that look like the beginning of an entry. */
static void add_entry(strbuf *out, size_t name, size_t id) {
    strbuf_addf(out, "100644 n%03zu", name);
    for (size_t i = 0; i <= OBJECT_ID_BYTES; i++)
        strbuf_addc(out, i == 0 ? '\0' : "\0 n1"[(id >> (i % 8)) & 3]);
}

static bool has(str tree, const tree_entry *wanted) {
    tree_entry e;
    while (history_next_entry(&tree, &e)) {
        if (str_eq(e.name, wanted->name) && memcmp(e.id, wanted->id, sizeof e.id) == 0) return true;
    }
    return false;
}

static void what_one_tree_has_and_another_has_not_is_told(void **state) {
    size_t told = 0, entries = 0;
    for (size_t n = 0; n < 20000; n++) {
        _cleanup_strbuf_ strbuf old = STRBUF_INIT, text = STRBUF_INIT;
        size_t count = any(30);
        for (size_t i = 0; i < count; i++) {
            size_t id = any(256), kind = any(12);
            if (kind != 0) add_entry(&old, i, id);
            if (kind != 1) add_entry(&text, i, kind == 2 ? any(256) : id);
        }
        tree_changes c = history_compare_trees(strbuf_str(&old), strbuf_str(&text));
        tree_entry e, change = {.name = STR_EMPTY};
        bool more = history_next_change(&c, &change);
        for (str rest = strbuf_str(&text); history_next_entry(&rest, &e); entries++) {
            bool is_told = more && str_eq(e.name, change.name);
            assert_true(is_told || has(strbuf_str(&old), &e));
            told += is_told;
            if (is_told) more = history_next_change(&c, &change);
        }
        assert_false(more);
        assert_false(c.broken);
    }
    assert_true(told < entries);
}

static void a_tree_that_ends_too_soon_is_broken(void **state) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    tree_entry e;
    add_entry(&text, 1, 1);
    add_entry(&text, 2, 2);
    str cut = str_sub(strbuf_str(&text), 0, text.len - 1);
    tree_changes c = history_compare_trees(STR_EMPTY, cut);
    assert_true(history_next_change(&c, &e));
    assert_str(e.name, "n001");
    assert_false(history_next_change(&c, &e));
    assert_true(c.broken);
    c = history_compare_trees(strbuf_str(&text), cut);
    while (history_next_change(&c, &e))
        continue;
    assert_true(c.broken);
}

static void modes_tell_files_and_folders(void **state) {
    static const struct {
        const char *mode;
        bool file, folder;
    } rows[] = {{"100644", true, false},  {"100755", true, false},  {"100664", true, false},
                {"40000", false, true},   {"040000", false, true},  {"120000", false, false},
                {"160000", false, false}, {"1006440", false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tree_entry e = {.mode = str_from(rows[i].mode)};
        assert_int_equal(history_is_file(&e), rows[i].file);
        assert_int_equal(history_is_folder(&e), rows[i].folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_has_its_tree_its_author_and_its_parents),
        cmocka_unit_test(what_is_no_commit_has_nothing),
        cmocka_unit_test(a_tag_points_at_an_object),
        cmocka_unit_test(what_one_tree_has_and_another_has_not_is_told),
        cmocka_unit_test(a_tree_that_ends_too_soon_is_broken),
        cmocka_unit_test(modes_tell_files_and_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
