#include "trust/vault.h"

#include "base/fs.h"
#include "base/hash.h"
#include "trust/sodium.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_SIZE   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE   crypto_aead_xchacha20poly1305_ietf_ABYTES

struct vault {
    uint8_t key[KEY_SIZE];
};

static int make_key(const char *path, vault *v, err *e) {
    random_bytes(v->key, sizeof v->key);
    return fs_write(path, (str){(const char *)v->key, sizeof v->key}, 0600, e);
}

static int read_key(const char *path, vault *v, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    struct stat st;
    str bytes;
    err why = {0};
    int r = fs_read_own(a, path, sizeof v->key, &bytes, &why);
    if (r == ERR_NOT_FOUND) return make_key(path, v, e);
    if (r < 0) {
        *e = why;
        return r;
    }
    if (stat(path, &st) < 0) return err_sys(e, errno, "cannot look at '%s'", path);
    bool open = st.st_mode & 077, fits = bytes.len == sizeof v->key;
    if (fits && !open) memcpy(v->key, bytes.ptr, bytes.len);
    explicit_bzero((char *)bytes.ptr, bytes.len);
    if (open) return err_set(e, ERR_INVALID, "others may read '%s': chmod 600 it", path);
    if (!fits) return err_set(e, ERR_INVALID, "'%s' is no key of %u bytes", path, KEY_SIZE);
    return 0;
}

int vault_open(const char *path, vault **ret, err *e) {
    err ignored = {0};
    if (!e) e = &ignored;
    if (sodium_load(e) < 0) return e->code;
    vault *v = sodium.sodium_malloc(sizeof *v);
    if (!v) oom();
    int r = read_key(path, v, e);
    if (r < 0)
        sodium.sodium_free(v);
    else
        *ret = v;
    return r;
}

void vault_close(vault *v) {
    if (v) sodium.sodium_free(v);
}

void vault_seal(const vault *v, str place, str text, strbuf *out) {
    unsigned long long size;
    size_t room = NONCE_SIZE + text.len + TAG_SIZE;
    uint8_t *bytes = mem_alloc(room);
    random_bytes(bytes, NONCE_SIZE);
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        bytes + NONCE_SIZE, &size, (const uint8_t *)text.ptr, text.len, (const uint8_t *)place.ptr,
        place.len, NULL, bytes, v->key);
    base64_encode(out, (str){(const char *)bytes, NONCE_SIZE + (size_t)size});
    free(bytes);
}

int vault_unseal(const vault *v, arena *a, str place, str sealed, str *ret, err *e) {
    _cleanup_strbuf_ strbuf raw = STRBUF_INIT;
    unsigned long long size;
    if (!base64_decode(&raw, sealed) || raw.len < NONCE_SIZE + TAG_SIZE)
        return err_set(e, ERR_INVALID, "the secret %.*s is damaged", STR_ARG(place));
    const uint8_t *bytes = (const uint8_t *)raw.ptr;
    char *text = arena_alloc(a, raw.len);
    if (sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            (uint8_t *)text, &size, NULL, bytes + NONCE_SIZE, raw.len - NONCE_SIZE,
            (const uint8_t *)place.ptr, place.len, bytes, v->key) != 0)
        return err_set(e, ERR_INVALID,
                       "the secret %.*s cannot be opened: it was sealed with another key than "
                       "keys/secrets.key, or changed since; set it again",
                       STR_ARG(place));
    *ret = (str){text, (size_t)size};
    return 0;
}
