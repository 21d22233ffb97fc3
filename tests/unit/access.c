#include "unit.h"

#include "base/fs.h"
#include "trust/access.h"
#include "trust/vault.h"

#include <string.h>
#include <sys/stat.h>

static void a_password_is_checked_by_its_hash(void **state) {
    (void)state;
    arena *a = arena_new();
    str hash;
    err e = {0};
    assert_int_equal(access_password_hash(a, STR("short"), &hash, &e), ERR_INVALID);
    assert_int_equal(access_password_hash(a, STR("long enough to be one"), &hash, &e), 0);
    assert_true(str_starts(hash, STR("$argon2id$")));
    assert_int_equal(access_password_check(hash, STR("long enough to be one"), &e), 0);
    assert_int_equal(access_password_check(hash, STR("long enough to be two"), &e), ERR_INVALID);
    assert_int_equal(access_password_check(STR_EMPTY, STR("long enough to be one"), &e),
                     ERR_INVALID);
    arena_free(a);
}

static void a_token_has_a_checksum(void **state) {
    (void)state;
    char one[ACCESS_TOKEN_SIZE + 1], two[ACCESS_TOKEN_SIZE + 1];
    access_token_new(one);
    access_token_new(two);
    assert_string_not_equal(one, two);
    assert_true(access_token_fits(str_from(one)));
    one[9] = one[9] == 'a' ? 'b' : 'a';
    assert_false(access_token_fits(str_from(one)));
    assert_false(access_token_fits(str_sub(str_from(two), 0, ACCESS_TOKEN_SIZE - 1)));
    assert_false(access_token_fits(STR_EMPTY));
}

static void scopes_are_names_of_rights(void **state) {
    (void)state;
    access_set set;
    err e = {0};
    assert_int_equal(access_set_parse(STR("runs.read  logs.read"), &set, &e), 0);
    assert_int_equal(set, ACCESS_BIT(RIGHT_RUNS_READ) | ACCESS_BIT(RIGHT_LOGS_READ));
    assert_int_equal(access_set_parse(STR("none"), &set, &e), ERR_INVALID);
    assert_int_equal(access_set_parse(STR("runs"), &set, &e), ERR_INVALID);
}

static void a_secret_opens_with_its_key_at_its_place_only(void **state) {
    (void)state;
    arena *a = arena_new();
    char *dir;
    vault *v, *same, *other;
    strbuf sealed = STRBUF_INIT;
    str text;
    err e = {0};
    assert_int_equal(fs_temp_dir(a, "vault-", &dir, &e), 0);
    char *path = fs_join(a, dir, STR("k"));
    assert_int_equal(vault_open(path, &v, &e), 0);
    assert_int_equal(vault_open(path, &same, &e), 0);
    assert_int_equal(vault_open(fs_join(a, dir, STR("l")), &other, &e), 0);
    vault_seal(v, STR("1//A"), STR("hush"), &sealed);
    assert_int_equal(vault_unseal(same, a, STR("1//A"), strbuf_str(&sealed), &text, &e), 0);
    assert_str(text, "hush");
    assert_int_equal(vault_unseal(v, a, STR("2//A"), strbuf_str(&sealed), &text, &e), ERR_INVALID);
    assert_int_equal(vault_unseal(other, a, STR("1//A"), strbuf_str(&sealed), &text, &e),
                     ERR_INVALID);
    assert_int_equal(vault_unseal(v, a, STR("1//A"), STR("AAAA"), &text, &e), ERR_INVALID);
    vault_close(same);
    vault_close(other);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(vault_open(path, &other, &e), ERR_INVALID);
    vault_close(v);
    strbuf_done(&sealed);
    fs_remove(dir, &e);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_checked_by_its_hash),
        cmocka_unit_test(a_token_has_a_checksum),
        cmocka_unit_test(scopes_are_names_of_rights),
        cmocka_unit_test(a_secret_opens_with_its_key_at_its_place_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
