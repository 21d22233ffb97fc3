/* What names say, and which values look like keys and passwords. */
#include "unit.h"

#include "scan/secrets/checks.h"
#include "scan/secrets/names.h"

static void names_are_read_as_english_reads_them(void **state) {
    static const struct {
        const char *name;
        name_kind kind;
    } rows[] = {
        {"api_key", NAME_KEY},
        {"apiKey", NAME_KEY},
        {"API-KEY", NAME_KEY},
        {"stripeAPIKey", NAME_KEY},
        {"clientsecret", NAME_KEY},
        {"my.service.token", NAME_KEY},
        {"SECRET_KEY_BASE", NAME_KEY},
        {"AUTH_TOKEN_PROD", NAME_KEY},
        {"secret2", NAME_KEY},
        {"csrf_secret", NAME_KEY},
        {"hash_secret", NAME_KEY},
        {"key", NAME_WEAK},
        {"mailKey", NAME_WEAK},
        {"auth", NAME_WEAK},
        {"tokenForBilling", NAME_WEAK},
        {"DB_PASSWORD", NAME_PASSWORD},
        {"keyStorePass", NAME_PASSWORD},
        {"keystorepass", NAME_PASSWORD},
        {"rootpw", NAME_PASSWORD},
        {"EMAIL_HOST_PASSWORD", NAME_PASSWORD},
        {"wifi-psk", NAME_PASSWORD},
        {"passwordValue", NAME_PASSWORD},
        {"secretName", NAME_OTHER},
        {"token_type", NAME_OTHER},
        {"primaryKey", NAME_OTHER},
        {"CACHE_KEY", NAME_OTHER},
        {"public_api_key", NAME_OTHER},
        {"nextPageToken", NAME_OTHER},
        {"csrf_token", NAME_OTHER},
        {"csrftoken", NAME_OTHER},
        {"xsrfToken", NAME_OTHER},
        {"password_hash", NAME_OTHER},
        {"encodedPassword", NAME_OTHER},
        {"saltedpassword", NAME_OTHER},
        {"api_key_id", NAME_OTHER},
        {"KeyCode", NAME_OTHER},
        {"monkey", NAME_OTHER},
        {"tokenizer", NAME_OTHER},
        {"author", NAME_OTHER},
        {"compass", NAME_OTHER},
        {"passwordTooShort", NAME_OTHER},
        {"checksum/secret", NAME_OTHER},
        {"", NAME_OTHER},
        {"2", NAME_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (name_kind_of(str_from(rows[i].name)) != rows[i].kind)
            fail_msg("\"%s\" is of kind %d", rows[i].name, name_kind_of(str_from(rows[i].name)));
    }
}

static void a_very_long_name_is_read(void **state) {
    char name[4096];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = "aB_9"[i % 4];
    assert_int_equal(name_kind_of((str){name, sizeof name}), NAME_OTHER);
}

typedef bool check_fn(str s);

static void expect(check_fn *check, const char *const *values, bool expected) {
    for (size_t i = 0; values[i]; i++) {
        if (check(str_from(values[i])) != expected)
            fail_msg("\"%s\" %s", values[i], expected ? "is refused" : "is taken");
    }
}

static void passwords_in_use_are_told_from_others(void **state) {
    static const char *const good[] = {"S3cur3P@ssw0rd!",
                                       "Xk9m!P2vLqR7",
                                       "Blue$ky_Harbor_19",
                                       "Summer2024!",
                                       "Falcon3mb3r70",
                                       "Lemon-Tree_4471",
                                       "99pwSuv6Tz",
                                       "q7Vn2LkZr9Tx",
                                       "5c0744940b5c369b",
                                       "UyFCXCpkJHpEc2I9",
                                       "T0pS3cr3t",
                                       "Ocean%8025",
                                       NULL};
    static const char *const bad[] = {"hunter2",
                                      "password123",
                                      "MySecretPassword123!",
                                      "P@ssw0rd1",
                                      "changeme-2024",
                                      "testpass123",
                                      "cGFzc3dvcmQ=",
                                      "YWRtaW4=",
                                      "user.password_digest2",
                                      "k8s.V1Volume",
                                      "list[V1Object]",
                                      "getpass()1a",
                                      "${DB_PASSWORD1}",
                                      "{{ db_password1 }}",
                                      "$2b$12$q7Vn2LkZr9TxWm4BcYd8Hu",
                                      "{SSHA}q7Vn2LkZr9Tx",
                                      "ada1@acme.example",
                                      "9f2c4b7e-1a8d-4063-87b9-e2f4a1d8065b",
                                      "xxxxxxxx1",
                                      "********1",
                                      "abcdefgh1",
                                      "/etc/ssl/key2.pem",
                                      "Min8Zeichen",
                                      "admin123",
                                      "server.port=8080a",
                                      "x:2098:1000:Eli",
                                      "PasswordTooShort2",
                                      "12345678",
                                      "letmein2024",
                                      "SN_sm4_ctr",
                                      "https://acme.io/a1",
                                      NULL};
    expect(check_password, good, true);
    expect(check_password, bad, false);
}

static void keys_are_told_from_others(void **state) {
    static const char *const good[] = {"kT9vQx2LmZ4RwB7nYc3H",
                                       "9f2c4b7e1a8d5063c7b9e2f4a1d8065b",
                                       "q1ciewr3xf4rqaemvmv0hlex",
                                       "q7Vn2LkZr9TxWm4BcYd8HsGf3JpXuA6eRo5KtNvZ+wY=",
                                       "4NLZA-gmePmf6S-UuMEonVs-F1phA",
                                       "My$up3r!S3cretK#y77",
                                       NULL};
    static const char *const bad[] = {"A035C8C19219BA821ECEA86B64E628F8D684696D",
                                      "86fdc7e2a11262cb",
                                      "ctrl+shift+alt+F12+k",
                                      "PBKDF2WithHmacSHA256",
                                      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
                                      "fa:16:3e:5f:12:10:aa",
                                      "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
                                      "dGhlIHNhbXBsZSBub25jZQ==",
                                      "A1B2C3D4E5F6G7H8I9J0",
                                      "your-secret-key-here-123",
                                      "com.acme.shop.TokenStore2",
                                      "Linux-node-958aff96db2d75d67787d1e6",
                                      "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.",
                                      "sk_test_xxxxxxxxxxxxxxxx1",
                                      NULL};
    expect(check_key, good, true);
    expect(check_key, bad, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_as_english_reads_them),
        cmocka_unit_test(a_very_long_name_is_read),
        cmocka_unit_test(passwords_in_use_are_told_from_others),
        cmocka_unit_test(keys_are_told_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
