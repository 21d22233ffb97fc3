#include "unit.h"

#include "base/arena.h"
#include "base/hash.h"
#include "runner/mask.h"

#include <stdlib.h>
#include <string.h>

static mask *mask_of(const char *const *secrets) {
    mask *m = mask_new();
    for (; *secrets; secrets++) {
        err e = {0};
        assert_int_equal(mask_add(m, str_from(*secrets), &e), 0);
    }
    return m;
}

static void masked_is(mask *m, const char *text, const char *expected) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    bool masked = mask_text(m, str_from(text), &out);
    assert_str(strbuf_str(&out), expected);
    assert_int_equal(masked, strcmp(text, expected) != 0);
    assert_int_equal(mask_is_clean(m, str_from(text)), !masked);
}

static void secrets_become_stars(void **state) {
    (void)state;
    static const struct {
        const char *secrets[4], *text, *expected;
    } cases[] = {
        {{"hunter2"}, "", ""},
        {{"hunter2"}, "nothing here", "nothing here"},
        {{"hunter2"}, "hunter2", "***"},
        {{"hunter2"}, "a hunter2, hunter2!", "a ***, ***!"},
        {{"hunter2"}, "hunterhunter2", "hunter***"},
        {{"hunter2"}, "hunter", "hunter"},
        {{"hunter2"}, "HUNTER2", "HUNTER2"},
        {{"x"}, "axbxxc", "a***b***c"},
        {{"abc", "bcd"}, "abcd", "***"},
        {{"abc", "def"}, "abcdef", "***"},
        {{"abc", "def"}, "abc def", "*** ***"},
        {{"abcdefgh", "cd"}, "xcdx abcdefgh", "x***x ***"},
        {{"abcdefgh", "cde"}, "abcdefg", "ab***fg"},
        {{"aab"}, "aaaab", "aa***"},
        {{"aa"}, "aaaaa", "***"},
        {{"pass", "password"}, "my password", "my ***"},
        {{"sec ret"}, "sec  ret sec ret", "sec  ret ***"},
        {{"gr\xC3\xBC\xC3\x9F"}, "gr\xC3\xBC\xC3\x9F Gott", "*** Gott"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mask *m = mask_of(cases[i].secrets);
        masked_is(m, cases[i].text, cases[i].expected);
        mask_free(m);
    }
}

static void blank_secrets_are_refused(void **state) {
    (void)state;
    mask *m = mask_new();
    err e = {0};
    assert_int_equal(mask_add(m, STR(""), &e), ERR_INVALID);
    assert_int_equal(mask_add(m, STR(" \t\r\n"), &e), ERR_INVALID);
    masked_is(m, "a b c", "a b c");
    mask_free(m);
}

static void every_line_of_a_secret_is_masked_but_bare_brackets(void **state) {
    (void)state;
    mask *m = mask_of((const char *[]){"{\r\n  \"key\": \"k3y\",\n}\n-----BEGIN-----\n1\n", NULL});
    masked_is(m, "{ }", "{ }");
    masked_is(m, "the \"key\": \"k3y\", is", "the *** is");
    masked_is(m, "-----BEGIN-----", "***");
    masked_is(m, "0 1 2", "0 *** 2");
    mask_free(m);
}

static void encoded_forms_are_masked(void **state) {
    (void)state;
    static const struct {
        const char *secret, *text, *expected;
    } cases[] = {
        {"p&ss<w>\"rd'x", "p&amp;ss&lt;w&gt;&quot;rd&apos;x", "***"},
        {"pa\"ss", "pa\\\"ss", "***"},
        {"pa'ss", "'pa'\\''ss'", "'***'"},
        {"pa'ss", "format('pa''ss')", "format('***')"},
        {"pa/ss word", "?t=pa%2Fss%20word&", "?t=***&"},
        {"a\tb\\c", "{\"t\":\"a\\tb\\\\c\"}", "{\"t\":\"***\"}"},
        {"\"quoted secret\"", "quoted secret", "***"},
        {"\"short\"", "short", "short"},
        {"secretpart1&secretpart2&secretpart3", "secretpart1&secretpart2&", "***"},
        {"secretpart1&secretpart2&secretpart3", "only secretpart3", "only ***"},
        {"secretpart1&+secretpart2", "only ecretpart2", "only ***"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mask *m = mask_of((const char *[]){cases[i].secret, NULL});
        masked_is(m, cases[i].text, cases[i].expected);
        mask_free(m);
    }
}

/* Whatever stands around a secret, no base64 of the whole shows more than bits at its borders. */
static void base64_is_masked_at_each_alignment(void **state) {
    (void)state;
    static const char secret[] = "corr\xFF\xFEhorse?>battery";
    mask *m = mask_of((const char *[]){secret, NULL});
    for (int before = 0; before < 7; before++) {
        for (int after = 0; after < 7; after++) {
            _cleanup_strbuf_ strbuf plain = STRBUF_INIT, encoded = STRBUF_INIT, out = STRBUF_INIT;
            strbuf_pad(&plain, 'u', (size_t)before);
            strbuf_adds(&plain, secret);
            strbuf_pad(&plain, 'v', (size_t)after);
            base64_encode(&encoded, strbuf_str(&plain));
            for (int url = 0; url < 2; url++) {
                for (size_t i = 0; url && i < encoded.len; i++) {
                    if (encoded.ptr[i] == '+') encoded.ptr[i] = '-';
                    if (encoded.ptr[i] == '/') encoded.ptr[i] = '_';
                }
                strbuf_clear(&out);
                assert_true(mask_text(m, strbuf_str(&encoded), &out));
                /* Two characters at most may stay at either side, besides those of the rest. */
                assert_true(out.len <= 3 + 4 + (size_t)(before + after) * 8 / 6 + 4);
            }
        }
    }
    mask_free(m);
}

static void a_secret_across_pieces_is_found(void **state) {
    (void)state;
    static const char text[] = "aXsecret-oneYsecret-onesecret-two, abcabcabc ab";
    static const char expected[] = "aX***Y***, *** ab";
    mask *m = mask_of((const char *[]){"secret-one", "secret-two", "abc", NULL});
    for (size_t step = 1; step < sizeof text; step++) {
        mask_stream s = {0};
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        for (size_t at = 0; at < sizeof text - 1; at += step)
            mask_stream_add(m, &s, str_sub(str_from(text), at, at + step), &out);
        mask_stream_end(m, &s, &out);
        assert_str(strbuf_str(&out), expected);
        mask_stream_done(&s);
    }
    mask_free(m);
}

/* The plain way: mark every byte that any occurrence of any secret covers. */
static void mask_slowly(const strbuf *secrets, size_t count, str text, strbuf *out) {
    bool *covered = mem_alloc(text.len + 1);
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i + secrets[k].len <= text.len; i++) {
            if (memcmp(text.ptr + i, secrets[k].ptr, secrets[k].len)) continue;
            memset(covered + i, true, secrets[k].len);
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!covered[i])
            strbuf_addc(out, text.ptr[i]);
        else if (i == 0 || !covered[i - 1])
            strbuf_adds(out, "***");
    }
    free(covered);
}

/* Letters without an encoded form of their own: only the value itself can match. */
static void random_words(strbuf *b, unsigned *seed, size_t len) {
    strbuf_clear(b);
    for (size_t i = 0; i < len; i++)
        strbuf_addc(b, "ab.~"[rand_r(seed) % 4]);
}

static void the_search_agrees_with_a_plain_one(void **state) {
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 300; round++) {
        strbuf secrets[12] = {{0}};
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        mask *m = mask_new();
        size_t count = 1 + (size_t)rand_r(&seed) % 12;
        for (size_t k = 0; k < count; k++) {
            _cleanup_strbuf_ strbuf expected = STRBUF_INIT, got = STRBUF_INIT, pieces = STRBUF_INIT;
            mask_stream s = {0};
            err e;
            random_words(&secrets[k], &seed, 1 + (size_t)rand_r(&seed) % (k < 6 ? 20 : 5));
            assert_int_equal(mask_add(m, strbuf_str(&secrets[k]), &e), 0);
            random_words(&text, &seed, (size_t)rand_r(&seed) % 200);
            mask_slowly(secrets, k + 1, strbuf_str(&text), &expected);
            mask_text(m, strbuf_str(&text), &got);
            assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&expected));
            for (size_t at = 0, n; at < text.len; at += n) {
                n = 1 + (size_t)rand_r(&seed) % 30;
                mask_stream_add(m, &s, str_sub(strbuf_str(&text), at, at + n), &pieces);
            }
            mask_stream_end(m, &s, &pieces);
            assert_string_equal(strbuf_cstr(&pieces), strbuf_cstr(&expected));
            mask_stream_done(&s);
        }
        mask_free(m);
        for (size_t k = 0; k < count; k++)
            strbuf_done(&secrets[k]);
    }
}

static void a_long_secret_is_masked_whole(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf secret = STRBUF_INIT, out = STRBUF_INIT;
    mask *m = mask_new();
    err e = {0};
    for (int i = 0; secret.len < 2 * MASK_SECRET_MAX; i++)
        strbuf_addf(&secret, "%d,", i);
    assert_int_equal(mask_add(m, strbuf_str(&secret), &e), 0);
    assert_true(mask_text(m, strbuf_str(&secret), &out));
    assert_str(strbuf_str(&out), "***");
    mask_free(m);
}

static void there_is_a_cap_on_all_secrets(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf secret = STRBUF_INIT;
    mask *m = mask_new();
    err e = {0};
    int rc = 0;
    for (int i = 0; rc == 0 && i < 1000; i++) {
        strbuf_clear(&secret);
        strbuf_pad(&secret, (char)('a' + i % 26), 30000 + (size_t)i);
        rc = mask_add(m, strbuf_str(&secret), &e);
    }
    assert_int_equal(rc, ERR_LIMIT);
    mask_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_become_stars),
        cmocka_unit_test(blank_secrets_are_refused),
        cmocka_unit_test(every_line_of_a_secret_is_masked_but_bare_brackets),
        cmocka_unit_test(encoded_forms_are_masked),
        cmocka_unit_test(base64_is_masked_at_each_alignment),
        cmocka_unit_test(a_secret_across_pieces_is_found),
        cmocka_unit_test(the_search_agrees_with_a_plain_one),
        cmocka_unit_test(a_long_secret_is_masked_whole),
        cmocka_unit_test(there_is_a_cap_on_all_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
