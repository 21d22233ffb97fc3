#include "unit.h"

#include "base/fs.h"
#include "base/hash.h"

#include <string.h>

/* FIPS 180-4's examples and the empty text. */
static const struct {
    const char *text, *digest;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
/* A million times "a". */
static const char million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void check_digest(const uint8_t digest[32], const char *expected) {
    char hex[65];
    hex_encode(digest, 32, hex);
    assert_string_equal(hex, expected);
}

static void digests_are_those_of_the_standard(void **state) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint8_t digest[32];
        sha256 *h = sha256_new();
        sha256_add(h, known[i].text, strlen(known[i].text));
        sha256_end(h, digest);
        check_digest(digest, known[i].digest);
    }
}

static void pieces_hash_as_the_whole(void **state) {
    uint8_t digest[32];
    char piece[1000];
    memset(piece, 'a', sizeof piece);
    sha256 *h = sha256_new();
    for (int i = 0; i < 1000; i++)
        sha256_add(h, piece, sizeof piece);
    sha256_end(h, digest);
    check_digest(digest, million);
}

static void files_are_hashed(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char *dir;
    uint8_t digest[32];
    assert_int_equal(fs_temp_dir(a, "slipway-test-", &dir, NULL), 0);
    char *path = fs_join(a, dir, STR("file"));
    strbuf_pad(&text, 'a', 1000000);
    assert_int_equal(fs_create(path, strbuf_str(&text), 0600, NULL), 0);
    assert_int_equal(sha256_file(path, digest, NULL), 0);
    check_digest(digest, million);
    err e = {0};
    assert_int_equal(sha256_file(dir, digest, &e), ERR_IO);
    assert_int_equal(fs_remove(dir, NULL), 0);
    assert_int_equal(sha256_file(path, digest, &e), ERR_NOT_FOUND);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void base64_is_padded(void **state) {
    /* RFC 4648, section 10. */
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF", "+/8="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        base64_encode(&out, str_from(cases[i][0]));
        assert_str(strbuf_str(&out), cases[i][1]);
    }
    _cleanup_strbuf_ strbuf in = STRBUF_INIT, out = STRBUF_INIT;
    strbuf_pad(&in, '\0', (3 << 20) + 1);
    strbuf_addc(&out, '>');
    base64_encode(&out, strbuf_str(&in));
    assert_int_equal(out.len, 1 + (4 << 20) + 4);
    assert_int_equal(strspn(out.ptr + 1, "A"), (4 << 20) + 2);
    assert_string_equal(out.ptr + out.len - 2, "==");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(pieces_hash_as_the_whole),
        cmocka_unit_test(files_are_hashed),
        cmocka_unit_test(base64_is_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
