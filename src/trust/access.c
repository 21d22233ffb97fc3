#include "trust/access.h"

#include "base/hash.h"
#include "trust/sodium.h"

#include <stdatomic.h>
#include <string.h>

/* OWASP's floor for argon2id is 19 MiB and two passes; libsodium's "interactive" is 64 MiB and two;
 * one more costs whoever guesses half as much again. */
#define PASSES 3ULL
#define MEMORY ((size_t)64 << 20)

#define PREFIX   "slw_"
#define RANDOM   32
#define CHECKSUM 6

/* ---- roles ----------------------------------------------------------------------------------- */

#define BIT ACCESS_BIT
#define READS                                                                                      \
    (BIT(RIGHT_PROFILE) | BIT(RIGHT_RUNS_READ) | BIT(RIGHT_LOGS_READ) | BIT(RIGHT_AGENTS_READ) |   \
     BIT(RIGHT_REPOSITORIES_READ))
#define WORKS (READS | BIT(RIGHT_RUNS_WRITE) | BIT(RIGHT_SECRETS_READ))

const char *const access_role_words[] = {"viewer",        "developer", "approver", "operator",
                                         "administrator", "auditor",   NULL};

static const access_set rights[ROLE_COUNT] = {
    [ROLE_VIEWER] = READS,
    [ROLE_DEVELOPER] = WORKS,
    [ROLE_APPROVER] = READS | BIT(RIGHT_RUNS_APPROVE),
    [ROLE_OPERATOR] = WORKS | BIT(RIGHT_AGENTS_WRITE) | BIT(RIGHT_SETTINGS_READ) |
                      BIT(RIGHT_SETTINGS_WRITE) | BIT(RIGHT_REPOSITORIES_WRITE),
    [ROLE_ADMINISTRATOR] = (BIT(ACCESS_RIGHT_COUNT) - 1) & ~BIT(RIGHT_NONE),
    [ROLE_AUDITOR] = READS | BIT(RIGHT_SECRETS_READ) | BIT(RIGHT_ACCESS_READ) |
                     BIT(RIGHT_AUDIT_READ) | BIT(RIGHT_SETTINGS_READ),
};

access_role access_role_from(str word) {
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (str_is(word, access_role_words[i])) return (access_role)i;
    }
    return ROLE_COUNT;
}

access_set access_role_rights(access_role role) {
    return role < ROLE_COUNT ? rights[role] : 0;
}

int access_set_parse(str text, access_set *ret, err *e) {
    str word;
    *ret = 0;
    while (text.len) {
        str_cut(text, ' ', &word, &text);
        if (!word.len) continue;
        access_right right = right_from(word);
        if (right == ACCESS_RIGHT_COUNT || right == RIGHT_NONE)
            return err_set(e, ERR_INVALID, "there is no right '%.*s'", STR_ARG(word));
        *ret |= BIT(right);
    }
    return 0;
}

/* ---- passwords ------------------------------------------------------------------------------- */

static atomic_uint at_work;

static int begin(err *e) {
    if (sodium_load(e) < 0) return e ? (int)e->code : ERR_UNSUPPORTED;
    if (atomic_fetch_add(&at_work, 1) < ACCESS_AT_ONCE) return 0;
    atomic_fetch_sub(&at_work, 1);
    return err_set(e, ERR_LIMIT, "%d passwords are checked already: try again", ACCESS_AT_ONCE);
}

int access_password_judge(str password, err *e) {
    if (password.len >= ACCESS_PASSWORD_MIN && password.len <= ACCESS_PASSWORD_MAX) return 0;
    return err_set(e, ERR_INVALID, "a password has %d to %d bytes", ACCESS_PASSWORD_MIN,
                   ACCESS_PASSWORD_MAX);
}

static int hash_to(char ret[crypto_pwhash_STRBYTES], str password, err *e) {
    if (sodium.crypto_pwhash_str(ret, password.ptr, password.len, PASSES, MEMORY) == 0) return 0;
    return err_set(e, ERR_IO, "there is no memory to hash a password");
}

int access_password_hash(arena *a, str password, str *ret, err *e) {
    char text[crypto_pwhash_STRBYTES];
    int r = access_password_judge(password, e);
    if (r == 0) r = begin(e);
    if (r < 0) return r;
    r = hash_to(text, password, e);
    atomic_fetch_sub(&at_work, 1);
    if (r == 0) *ret = arena_str(a, str_from(text));
    return r;
}

int access_password_check(str hash, str password, err *e) {
    char text[crypto_pwhash_STRBYTES] = "";
    int r = begin(e);
    if (r < 0) return r;
    bool same = false;
    password.len = password.len > ACCESS_PASSWORD_MAX ? ACCESS_PASSWORD_MAX + 1 : password.len;
    if (hash.len && hash.len < sizeof text) {
        memcpy(text, hash.ptr, hash.len);
        same = sodium.crypto_pwhash_str_verify(text, password.ptr, password.len) == 0;
    } else {
        err ignored = {0};
        hash_to(text, password, &ignored);
    }
    atomic_fetch_sub(&at_work, 1);
    return same ? 0 : err_set(e, ERR_INVALID, "the name or the password is wrong");
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Of all that stands before it; 6 digits hold 32 bits. */
static void checksum(str text, char ret[CHECKSUM]) {
    uint8_t d[32];
    sha256 *h = sha256_new();
    sha256_add(h, text.ptr, text.len);
    sha256_end(h, d);
    uint32_t n = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
    for (size_t i = CHECKSUM; i-- > 0; n /= 62)
        ret[i] = digits[n % 62];
}

void access_token_new(char ret[ACCESS_TOKEN_SIZE + 1]) {
    size_t at = sizeof PREFIX - 1;
    memcpy(ret, PREFIX, at);
    while (at < sizeof PREFIX - 1 + RANDOM) {
        uint8_t byte;
        random_bytes(&byte, 1);
        if (byte < 62 * 4) ret[at++] = digits[byte % 62]; /* else some would be likelier */
    }
    checksum((str){ret, at}, ret + at);
    ret[ACCESS_TOKEN_SIZE] = '\0';
}

bool access_token_fits(str token) {
    char sum[CHECKSUM];
    if (token.len != ACCESS_TOKEN_SIZE || !str_starts(token, STR(PREFIX))) return false;
    for (size_t i = sizeof PREFIX - 1; i < token.len; i++) {
        if (!memchr(digits, token.ptr[i], sizeof digits - 1)) return false;
    }
    checksum(str_sub(token, 0, token.len - CHECKSUM), sum);
    return memcmp(sum, token.ptr + token.len - CHECKSUM, CHECKSUM) == 0;
}
