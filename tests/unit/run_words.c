/* Words of `slipway run` that become paths, refs or shell commands. */
#include "unit.h"

#include "cli/run.h"

static const struct {
    const char *uses, *owner, *repo, *path, *ref;
} good[] = {
    {"actions/checkout@v4", "actions", "checkout", "", "v4"},
    {"a/b/c/d@main", "a", "b", "c/d", "main"},
    {"a/b/.github/workflows/x.yml@v1", "a", "b", ".github/workflows/x.yml", "v1"},
    {"a/b@feature/x", "a", "b", "", "feature/x"},
    {"a/b@refs/tags/v1.2", "a", "b", "", "refs/tags/v1.2"},
    {"a-b/c_d.e@0123456789012345678901234567890123456789", "a-b", "c_d.e", "",
     "0123456789012345678901234567890123456789"},
};

static void uses_has_four_parts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uses_parts p;
        assert_true(uses_split(str_from(good[i].uses), &p));
        assert_str(p.owner, good[i].owner);
        assert_str(p.repo, good[i].repo);
        assert_str(p.path, good[i].path);
        assert_str(p.ref, good[i].ref);
    }
}

static void uses_that_could_leave_its_folder_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "a/b",
        "a@v1",
        "./local@v1",
        "docker://image@sha256",
        "../b@v1",
        "a/..@v1",
        "a/b/../../c@v1",
        "a/b@",
        "a/b@--upload-pack=x",
        "a/b@x..y",
        "a/b@with space",
        "a/b@x:y",
        "a b/c@v1",
        "a;b/c@v1",
        "/a/b@v1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uses_parts p;
        if (uses_split(str_from(bad[i]), &p)) fail_msg("%s was accepted", bad[i]);
    }
}

static void a_shell_reads_back_what_was_quoted(void **state) {
    (void)state;
    static const struct {
        const char *word, *quoted;
    } words[] = {
        {"plain-word_1.2/x:y@z,a=b", "plain-word_1.2/x:y@z,a=b"},
        {"", "''"},
        {"two words", "'two words'"},
        {"it's", "'it'\\''s'"},
        {"$HOME `x` \"q\"", "'$HOME `x` \"q\"'"},
        {"naïve", "naïve"},
        {"*", "'*'"},
        {"two\nlines, it's \\ \033[2J", "$'two\\nlines, it\\'s \\\\ \\033[2J'"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        shell_quote(&out, str_from(words[i].word));
        assert_str(strbuf_str(&out), words[i].quoted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_has_four_parts),
        cmocka_unit_test(uses_that_could_leave_its_folder_is_refused),
        cmocka_unit_test(a_shell_reads_back_what_was_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
