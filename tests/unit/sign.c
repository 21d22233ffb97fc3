#include "unit.h"

#include "base/fs.h"
#include "trust/sign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct world {
    arena *a;
    char *dir, *path;
    err e;
} world;

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "sign-", &w->dir, &w->e) < 0) return -1;
    w->path = fs_join(w->a, w->dir, STR("key"));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

/* The examples of c2sp.org/signed-note and of the tests of golang.org/x/mod/sumdb/note. */
#define FOO_KEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_NOTE                                                                                   \
    "This is an example message.\n\n"                                                              \
    "\xE2\x80\x94 example.com/foo "                                                                \
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=" \
    "\n"
#define PETER_PRIVATE                                                                              \
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define PETER_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_TEXT                                                                                 \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define PETER_LINE                                                                                 \
    "\xE2\x80\x94 PeterNeumann "                                                                   \
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=" \
    "\n"

static sign_verifier verifier(const char *text) {
    sign_verifier v;
    err e = {0};
    if (sign_verifier_parse(str_from(text), &v, &e) < 0) fail_msg("%s", e.message);
    return v;
}

static void a_note_of_the_specification_is_good(void **state) {
    sign_verifier v = verifier(FOO_KEY);
    const sign_verifier *signer;
    err e = {0};
    str text;
    if (sign_note_open(STR(FOO_NOTE), &v, 1, &text, &signer, &e) < 0) fail_msg("%s", e.message);
    assert_str(text, "This is an example message.\n");
    assert_ptr_equal(signer, &v);
}

static void keys_and_notes_are_those_of_go(void **state) {
    world *w = *state;
    _cleanup_sign_key_ sign_key *k = NULL;
    _cleanup_strbuf_ strbuf note = STRBUF_INIT, text = STRBUF_INIT;
    assert_int_equal(fs_create(w->path, STR(PETER_PRIVATE "\n"), 0600, &w->e), 0);
    if (sign_key_load(w->path, &k, &w->e) < 0) fail_msg("%s", w->e.message);
    sign_verifier_write(&text, sign_key_verifier(k));
    assert_str(strbuf_str(&text), PETER_KEY);
    assert_int_equal(sign_note(&note, k, STR(PETER_TEXT), &w->e), 0);
    assert_str(strbuf_str(&note), PETER_TEXT "\n" PETER_LINE);
}

static void a_key_is_private_and_read_back(void **state) {
    world *w = *state;
    struct stat st;
    _cleanup_sign_key_ sign_key *one = NULL, *two = NULL, *three = NULL;
    if (sign_key_make(w->path, STR("ci.example.com/audit"), &one, &w->e) < 0)
        fail_msg("%s", w->e.message);
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(sign_key_load(w->path, &two, &w->e), 0);
    assert_true(sign_verifier_same(sign_key_verifier(one), sign_key_verifier(two)));
    assert_int_equal(sign_key_make(w->path, STR("other"), &three, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "already"));
    assert_null(three);
}

static void what_others_may_read_is_no_key(void **state) {
    world *w = *state;
    sign_key *k = NULL;
    assert_int_equal(fs_create(w->path, STR(PETER_PRIVATE "\n"), 0600, &w->e), 0);
    chmod(w->path, 0640);
    assert_int_equal(sign_key_load(w->path, &k, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "not private"));
    char *link = fs_join(w->a, w->dir, STR("link"));
    chmod(w->path, 0600);
    assert_int_equal(symlink(w->path, link), 0);
    assert_true(sign_key_load(link, &k, &w->e) < 0);
    assert_int_equal(sign_key_load(fs_join(w->a, w->dir, STR("none")), &k, &w->e), ERR_NOT_FOUND);
    assert_null(k);
}

static void a_damaged_key_is_refused(void **state) {
    static const char *const wrong[] = {
        "",
        "x",
        PETER_KEY,
        "PRIVATE+KEY+PeterNeumann+c74f20a3+",
        "PRIVATE+KEY+PeterNeumann+c74f20a4+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        "PRIVATE+KEY+PeterNeumannn+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDF",
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sign_key *k = NULL;
        assert_int_equal(fs_create(w->path, str_from(wrong[i]), 0600, &w->e), 0);
        assert_int_equal(sign_key_load(w->path, &k, &w->e), ERR_INVALID);
        assert_null(k);
    }
}

static void a_name_has_no_spaces_and_no_plus(void **state) {
    static const char *const wrong[] = {
        "",
        "a b",
        "a+b",
        "a\tb",
        "a\nb",
        "a\xC2\xA0"
        "b",
        "\xE2\x80\xA8",
        "\xFF",
        "a\x7f",
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sign_key *k = NULL;
        assert_int_equal(sign_key_make(w->path, str_from(wrong[i]), &k, &w->e), ERR_INVALID);
    }
    char longest[SIGN_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    sign_key *k = NULL;
    str name = {longest, SIGN_NAME_MAX + 1};
    assert_int_equal(sign_key_make(w->path, name, &k, &w->e), ERR_INVALID);
    name.len--;
    assert_int_equal(sign_key_make(w->path, name, &k, &w->e), 0);
    sign_key_free(k);
    assert_int_equal(sign_key_load(w->path, &k, &w->e), 0);
    sign_key_free(k);
}

static void verifier_keys_of_other_kinds_are_told(void **state) {
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"  " PETER_KEY "\n", 0},
        {"PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_UNSUPPORTED},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX", ERR_INVALID},
        {"PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_INVALID},
        {"PeterNeumann+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_INVALID},
        {"PeterNeumann+c74f20a3+AQ==", ERR_INVALID},
        {"PeterNeumann", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sign_verifier v;
        assert_int_equal(sign_verifier_parse(str_from(cases[i].text), &v, NULL), cases[i].code);
    }
}

static void unknown_signatures_are_passed_over(void **state) {
    sign_verifier known[] = {verifier(PETER_KEY), verifier(FOO_KEY)};
    const sign_verifier *signer;
    str text;
    /* Another's line, one of Peter's name with another id, Peter's twice, the second one wrong. */
    const char *note = PETER_TEXT "\n"
                                  "\xE2\x80\x94 enochroot r2hhc3R1ZmY=\n"
                                  "\xE2\x80\x94 PeterNeumann AAAAAWZvbw==\n" PETER_LINE
                                  "\xE2\x80\x94 PeterNeumann x08go2dhcmJhZ2U=\n";
    err e = {0};
    if (sign_note_open(str_from(note), known, 2, &text, &signer, &e) < 0) fail_msg("%s", e.message);
    assert_ptr_equal(signer, &known[0]);
    assert_str(text, PETER_TEXT);
    assert_int_equal(sign_note_open(str_from(note), &known[1], 1, &text, NULL, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "not signed by 'example.com/foo'"));
}

static void a_wrong_signature_spoils_a_note(void **state) {
    static const char *const notes[] = {
        "x" PETER_TEXT "\n" PETER_LINE,
        PETER_TEXT "\n\xE2\x80\x94 PeterNeumann x08go2dhcmJhZ2U=\n" PETER_LINE,
        PETER_TEXT PETER_LINE,
        PETER_TEXT "\n",
        PETER_TEXT "\n" PETER_LINE "more\n",
        PETER_TEXT "\r\n" PETER_LINE,
        PETER_TEXT "\n\n" PETER_LINE,
        "",
        "\n",
        "\n\n",
    };
    sign_verifier v = verifier(PETER_KEY);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        str text;
        int r = sign_note_open(str_from(notes[i]), &v, 1, &text, NULL, NULL);
        if (r != ERR_INVALID) fail_msg("note %zu: %d", i, r);
    }
}

/* A note whose text has empty lines ends with the last of them. */
static void a_text_may_have_empty_lines(void **state) {
    world *w = *state;
    _cleanup_sign_key_ sign_key *k = NULL;
    _cleanup_strbuf_ strbuf note = STRBUF_INIT;
    str text;
    assert_int_equal(sign_key_make(w->path, STR("x"), &k, &w->e), 0);
    assert_int_equal(sign_note(&note, k, STR("a\n\nb\n\n"), &w->e), 0);
    assert_int_equal(sign_note_open(strbuf_str(&note), sign_key_verifier(k), 1, &text, NULL, &w->e),
                     0);
    assert_str(text, "a\n\nb\n\n");
    assert_int_equal(sign_note(&note, k, STR("no newline"), &w->e), ERR_INVALID);
    assert_int_equal(sign_note(&note, k, STR("a\tb\n"), &w->e), ERR_INVALID);
}

static void many_signatures_are_a_limit(void **state) {
    sign_verifier v = verifier(PETER_KEY);
    _cleanup_strbuf_ strbuf note = STRBUF_INIT;
    str text;
    strbuf_adds(&note, PETER_TEXT "\n");
    for (int i = 0; i < SIGN_SIGNATURES_MAX; i++)
        strbuf_adds(&note, "\xE2\x80\x94 enochroot r2hhc3R1ZmY=\n");
    strbuf_adds(&note, PETER_LINE);
    assert_int_equal(sign_note_open(strbuf_str(&note), &v, 1, &text, NULL, NULL), ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_of_the_specification_is_good),
        cmocka_unit_test_setup_teardown(keys_and_notes_are_those_of_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_private_and_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_may_read_is_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_has_no_spaces_and_no_plus, set_up, tear_down),
        cmocka_unit_test(verifier_keys_of_other_kinds_are_told),
        cmocka_unit_test(unknown_signatures_are_passed_over),
        cmocka_unit_test(a_wrong_signature_spoils_a_note),
        cmocka_unit_test_setup_teardown(a_text_may_have_empty_lines, set_up, tear_down),
        cmocka_unit_test(many_signatures_are_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
