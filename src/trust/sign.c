/* sign.c: keys as texts, files and numbers. */
#include "trust/sign.h"

#include "base/fs.h"
#include "base/hash.h"
#include "trust/sodium.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ED25519      1 /* the kind of a key, before its bytes */
#define SEED_SIZE    32
#define PRIVATE      "PRIVATE+KEY+"
#define KEY_TEXT_MAX 512 /* of a file: longer than any with a name of SIGN_NAME_MAX */
#define OTHERS       077

struct sign_key {
    sign_verifier verifier;
    uint8_t seed[SEED_SIZE];
    uint8_t secret[64]; /* as libsodium wants it */
};

/* ---- names and ids --------------------------------------------------------------------------- */

static int judge_name(str name, err *e) {
    const char *why = NULL;
    if (!name.len) why = "it is empty";
    if (name.len > SIGN_NAME_MAX) why = "it is longer than 256 bytes";
    if (!utf8_valid(name)) why = "it is no UTF-8";
    for (size_t at = 0; at < name.len && !why; at++) {
        unsigned char c = (unsigned char)name.ptr[at];
        if (c < ' ' || c == 0x7f) why = "it has a control character";
        if (c == '+') why = "it has a '+'";
        if ((c & 0xC0) != 0x80 && utf8_space_at(name, at)) why = "it has white space";
    }
    if (!why) return 0;
    return err_set(e, ERR_INVALID, "'%.*s' cannot be the name of a key: %s",
                   name.len > 64 ? 64 : (int)name.len, name.ptr, why);
}

static uint32_t id_of(const char *name, const uint8_t public_key[32]) {
    uint8_t digest[32];
    sha256 *h = sha256_new();
    sha256_add(h, name, strlen(name));
    sha256_add(h, "\n\x01", 2);
    sha256_add(h, public_key, 32);
    sha256_end(h, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* NAME+ID+BASE64 with 32 bytes after the kind. A name has no plus, base64 has. */
static int read_parts(str text, const char *what, str *ret_name, uint32_t *ret_id,
                      uint8_t ret_bytes[32], err *e) {
    str rest, id, base64;
    uint64_t number;
    uint8_t bytes[64];
    strbuf decoded = STRBUF_INIT;
    if (!str_cut(text, '+', ret_name, &rest) || !str_cut(rest, '+', &id, &base64))
        return err_set(e, ERR_INVALID, "this is no %s: expected NAME+ID+KEY", what);
    if (judge_name(*ret_name, e) < 0) return ERR_INVALID;
    if (id.len != 8 || !str_to_bits(id, 16, &number))
        return err_set(e, ERR_INVALID, "this is no %s: its id is not eight digits of hex", what);
    strbuf_reserve(&decoded, sizeof bytes); /* a buffer that grows leaves copies */
    bool good = base64.len < sizeof bytes && base64_decode(&decoded, base64);
    if (good) good = decoded.len && decoded.len <= 1 + 32;
    if (good) memcpy(bytes, decoded.ptr, decoded.len);
    size_t size = good ? decoded.len : 0;
    if (decoded.ptr) explicit_bzero(decoded.ptr, decoded.cap);
    strbuf_done(&decoded);
    if (size && bytes[0] != ED25519)
        return err_set(e, ERR_UNSUPPORTED, "this %s is of kind %u: only Ed25519 (1) is known", what,
                       bytes[0]);
    if (size != 1 + 32)
        return err_set(e, ERR_INVALID, "this is no %s: what follows its id is no key in base64",
                       what);
    *ret_id = (uint32_t)number;
    memcpy(ret_bytes, bytes + 1, 32);
    explicit_bzero(bytes, sizeof bytes);
    return 0;
}

int sign_verifier_parse(str text, sign_verifier *ret, err *e) {
    str name;
    sign_verifier v = {0};
    int r = read_parts(str_trim(text), "verifier key", &name, &v.id, v.public_key, e);
    if (r < 0) return r;
    memcpy(v.name, name.ptr, name.len);
    if (v.id != id_of(v.name, v.public_key))
        return err_set(e, ERR_INVALID,
                       "this verifier key of '%s' is damaged: its id is not that of its bytes",
                       v.name);
    *ret = v;
    return 0;
}

static void write_parts(strbuf *out, const char *name, uint32_t id, const uint8_t bytes[32]) {
    char raw[33] = {ED25519};
    memcpy(raw + 1, bytes, 32);
    strbuf_addf(out, "%s+%08x+", name, id);
    base64_encode(out, (str){raw, sizeof raw});
    explicit_bzero(raw, sizeof raw);
}

void sign_verifier_write(strbuf *out, const sign_verifier *v) {
    write_parts(out, v->name, v->id, v->public_key);
}

bool sign_verifier_same(const sign_verifier *a, const sign_verifier *b) {
    return a->id == b->id && strcmp(a->name, b->name) == 0 &&
           memcmp(a->public_key, b->public_key, sizeof a->public_key) == 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int from_seed(str name, const uint8_t seed[SEED_SIZE], sign_key **ret, err *e) {
    if (sodium_load(e) < 0) return ERR_UNSUPPORTED;
    sign_key *k = sodium.sodium_malloc(sizeof *k);
    if (!k) oom();
    memset(k, 0, sizeof *k);
    memcpy(k->verifier.name, name.ptr, name.len);
    memcpy(k->seed, seed, SEED_SIZE);
    sodium.crypto_sign_seed_keypair(k->verifier.public_key, k->secret, seed);
    k->verifier.id = id_of(k->verifier.name, k->verifier.public_key);
    *ret = k;
    return 0;
}

void sign_key_free(sign_key *k) {
    if (k) sodium.sodium_free(k);
}

const sign_verifier *sign_key_verifier(const sign_key *k) {
    return &k->verifier;
}

static int write_out(int fd, str text) {
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        text = str_sub(text, (size_t)n, text.len);
    }
    return fsync(fd);
}

static int sync_folder_of(arena *a, const char *path) {
    ptrdiff_t slash = str_rfind_char(str_from(path), '/');
    const char *folder = slash > 0    ? arena_cstr(a, str_sub(str_from(path), 0, (size_t)slash))
                         : slash == 0 ? "/"
                                      : ".";
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : fsync(fd);
}

/* Under a name of its own first: a key is there whole or not at all, and never replaces another. */
static int write_file(const char *path, str text, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char tail[17];
    random_hex(8, tail);
    const char *temporary = arena_printf(a, "%s.%s", path, tail).ptr;
    _cleanup_close_ int fd =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return err_sys(e, errno, "cannot write the key '%s'", path);
    int r = write_out(fd, text);
    if (r == 0) r = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
    int code = errno;
    if (r < 0) unlink(temporary);
    if (r < 0 && code == EEXIST)
        return err_set(e, ERR_INVALID, "there is a file '%s' already: a key is not written over it",
                       path);
    if (r < 0) return err_sys(e, code, "cannot write the key '%s'", path);
    if (sync_folder_of(a, path) < 0) return err_sys(e, errno, "cannot write the key '%s'", path);
    return 0;
}

int sign_key_make(const char *path, str name, sign_key **ret, err *e) {
    uint8_t seed[SEED_SIZE];
    _cleanup_sign_key_ sign_key *k = NULL;
    if (judge_name(name, e) < 0) return ERR_INVALID;
    random_bytes(seed, sizeof seed);
    int r = from_seed(name, seed, &k, e);
    explicit_bzero(seed, sizeof seed);
    if (r < 0) return r;
    strbuf text = STRBUF_INIT;
    strbuf_reserve(&text, KEY_TEXT_MAX); /* a buffer that grows leaves copies */
    strbuf_adds(&text, PRIVATE);
    write_parts(&text, k->verifier.name, k->verifier.id, k->seed);
    strbuf_addc(&text, '\n');
    r = write_file(path, strbuf_str(&text), e);
    explicit_bzero(text.ptr, text.cap);
    strbuf_done(&text);
    if (r < 0) return r;
    *ret = k;
    k = NULL;
    return 0;
}

/* Its own reading, into memory that is wiped. */
static int read_file(const char *path, char *room, size_t size, str *ret, err *e) {
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int code = errno;
        err_sys(e, code, "cannot read the key '%s'", path);
        if (code == ENOENT && e) e->code = ERR_NOT_FOUND;
        return code == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "the key '%s' is no regular file", path);
    if (st.st_uid != geteuid() || st.st_mode & OTHERS)
        return err_set(
            e, ERR_INVALID,
            "the key '%s' is not private: it must be yours with mode 0600 (chmod 600, and "
            "make a new key where others may have read it)",
            path);
    size_t got = 0;
    ssize_t n;
    while (got < size && ((n = read(fd, room + got, size - got)) > 0 || (n < 0 && errno == EINTR)))
        got += n > 0 ? (size_t)n : 0;
    if (n < 0) return err_sys(e, errno, "cannot read the key '%s'", path);
    *ret = (str){room, got};
    return 0;
}

static int key_of_text(str text, sign_key **ret, err *e) {
    str name;
    uint32_t id = 0;
    uint8_t seed[SEED_SIZE];
    if (!str_starts(text, STR(PRIVATE)))
        return err_set(e, ERR_INVALID, "this is no private key: expected " PRIVATE "NAME+ID+KEY");
    text = str_trim(str_sub(text, sizeof PRIVATE - 1, text.len));
    int r = read_parts(text, "private key", &name, &id, seed, e);
    if (r == 0) r = from_seed(name, seed, ret, e);
    explicit_bzero(seed, sizeof seed);
    if (r < 0 || (*ret)->verifier.id == id) return r;
    sign_key_free(*ret);
    *ret = NULL;
    return err_set(e, ERR_INVALID, "this private key is damaged: its id is not that of its bytes");
}

int sign_key_load(const char *path, sign_key **ret, err *e) {
    char room[KEY_TEXT_MAX];
    str text = STR_EMPTY;
    sign_key *k = NULL;
    int r = read_file(path, room, sizeof room, &text, e);
    if (r == 0 && (r = key_of_text(text, &k, e)) < 0) err_context(e, "the key '%s'", path);
    explicit_bzero(room, sizeof room);
    if (r == 0) *ret = k;
    return r;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

void sign_bytes(const sign_key *k, str bytes, uint8_t signature[SIGN_SIZE]) {
    sodium.crypto_sign_detached(signature, NULL, (const uint8_t *)bytes.ptr, bytes.len, k->secret);
}

int sign_check(const sign_verifier *v, str bytes, const uint8_t signature[SIGN_SIZE], err *e) {
    if (sodium_load(e) < 0) return ERR_UNSUPPORTED;
    if (sodium.crypto_sign_verify_detached(signature, (const uint8_t *)bytes.ptr, bytes.len,
                                           v->public_key) == 0)
        return 0;
    return err_set(e, ERR_INVALID, "the signature of '%s' (%08x) is wrong", v->name, v->id);
}
