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
        char hex[65];
        sha256_hex(str_from(known[i].text), hex);
        assert_string_equal(hex, known[i].digest);
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
        _cleanup_strbuf_ strbuf back = STRBUF_INIT;
        assert_true(base64_decode(&back, strbuf_str(&out)));
        assert_str(strbuf_str(&back), cases[i][0]);
    }
    static const char *const wrong[] = {
        "Z",        "Zg",     "Zg=",  "Zh==", "Zm9=", "====",    "=",
        "Zg==Zg==", "Zm9v\n", "-_8=", "Zm 9", "Zg=v", "Zm9vY==="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_strbuf_ strbuf back = STRBUF_INIT;
        if (base64_decode(&back, str_from(wrong[i]))) fail_msg("%s", wrong[i]);
        assert_int_equal(back.len, 0);
    }
    _cleanup_strbuf_ strbuf in = STRBUF_INIT, out = STRBUF_INIT;
    strbuf_pad(&in, '\0', (3 << 20) + 1);
    strbuf_addc(&out, '>');
    base64_encode(&out, strbuf_str(&in));
    assert_int_equal(out.len, 1 + (4 << 20) + 4);
    assert_int_equal(strspn(out.ptr + 1, "A"), (4 << 20) + 2);
    assert_string_equal(out.ptr + out.len - 2, "==");
}

/* RFC 4648, section 10, without the padding; then the two digits that differ. */
static void base64url_is_read_back(void **state) {
    static const struct {
        str bytes;
        const char *text;
    } cases[] = {
        {STR_INIT(""), ""},         {STR_INIT("f"), "Zg"},        {STR_INIT("fo"), "Zm8"},
        {STR_INIT("foo"), "Zm9v"},  {STR_INIT("foob"), "Zm9vYg"}, {STR_INIT("\xfb\xff"), "-_8"},
        {STR_INIT("a\0b"), "YQBi"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT, bytes = STRBUF_INIT;
        base64url_encode(&text, cases[i].bytes);
        assert_str(strbuf_str(&text), cases[i].text);
        assert_true(base64url_decode(&bytes, strbuf_str(&text)));
        assert_true(str_eq(strbuf_str(&bytes), cases[i].bytes));
    }
    static const char *const wrong[] = {"A", "Zg==", "Zm9v\n", "Zh", "a+b/", "Zm9vY"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
        assert_false(base64url_decode(&bytes, str_from(wrong[i])));
        assert_int_equal(bytes.len, 0);
    }
}

/* RFC 4231, test cases 2 and 6. */
static void hmac_is_that_of_the_standard(void **state) {
    uint8_t mac[32];
    char key[131];
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    check_digest(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256((str){key, sizeof key},
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
    check_digest(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void texts_are_the_same_by_length_and_bytes(void **state) {
    assert_true(bytes_same(STR("abc"), STR("abc")));
    assert_true(bytes_same(STR_EMPTY, STR_EMPTY));
    assert_false(bytes_same(STR("abc"), STR("abd")));
    assert_false(bytes_same(STR("abc"), STR("ab")));
}

static void random_names_differ(void **state) {
    char one[33], two[33];
    random_hex(16, one);
    random_hex(16, two);
    assert_int_equal(strspn(one, "0123456789abcdef"), 32);
    assert_string_not_equal(one, two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(pieces_hash_as_the_whole),
        cmocka_unit_test(files_are_hashed),
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(base64url_is_read_back),
        cmocka_unit_test(hmac_is_that_of_the_standard),
        cmocka_unit_test(texts_are_the_same_by_length_and_bytes),
        cmocka_unit_test(random_names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
