#include "base/hash.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* An opaque name for OpenSSL's context, which is what a sha256 * points at. Its calls fail only for
 * want of memory. */
static EVP_MD_CTX *context(sha256 *h) {
    return (EVP_MD_CTX *)h;
}

sha256 *sha256_new(void) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) oom();
    return (sha256 *)ctx;
}

void sha256_add(sha256 *h, const void *data, size_t size) {
    if (!EVP_DigestUpdate(context(h), data, size)) oom();
}

void sha256_end(sha256 *h, uint8_t digest[32]) {
    if (!EVP_DigestFinal_ex(context(h), digest, NULL)) oom();
    EVP_MD_CTX_free(context(h));
}

void sha256_hex(str text, char ret[65]) {
    uint8_t digest[32];
    sha256 *h = sha256_new();
    sha256_add(h, text.ptr, text.len);
    sha256_end(h, digest);
    hex_encode(digest, sizeof digest, ret);
}

int sha256_file(const char *path, uint8_t digest[32], err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int code = errno;
        err_sys(e, code, "cannot read '%s'", path);
        if (code == ENOENT && e) e->code = ERR_NOT_FOUND;
        return code == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    sha256 *h = sha256_new();
    char buffer[64 * 1024];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) sha256_add(h, buffer, (size_t)n);
    }
    int code = errno;
    close(fd);
    sha256_end(h, digest);
    return n < 0 ? err_sys(e, code, "cannot read '%s'", path) : 0;
}

void hex_encode(const uint8_t *data, size_t size, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

void base64_encode(strbuf *out, str data) {
    const size_t piece_max = 3 << 20; /* EVP_EncodeBlock counts in int */
    while (data.len) {
        size_t n = data.len < piece_max ? data.len : piece_max;
        strbuf_reserve(out, (n + 2) / 3 * 4);
        out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->ptr + out->len,
                                            (const unsigned char *)data.ptr, (int)n);
        data = str_sub(data, n, data.len);
    }
}

static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(strbuf *out, str text) {
    size_t before = out->len;
    size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
    uint32_t bits = 0;
    if (text.len % 4) return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = i < text.len - padding ? digit_of(text.ptr[i]) : 0;
        if (digit < 0) {
            strbuf_truncate(out, before);
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 3) continue;
        for (int shift = 16; shift >= 0; shift -= 8)
            strbuf_addc(out, (char)(bits >> shift));
        bits = 0;
    }
    /* What padding stands for must be zeros, of the bits before it too. */
    for (; padding; padding--) {
        bits |= (uint8_t)out->ptr[out->len - 1];
        strbuf_truncate(out, out->len - 1);
    }
    if (bits) strbuf_truncate(out, before);
    return bits == 0;
}

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(strbuf *out, str data) {
    uint32_t bits = 0;
    unsigned count = 0;
    strbuf_reserve(out, data.len / 3 * 4 + 4);
    for (size_t i = 0; i < data.len; i++) {
        bits = bits << 8 | (uint8_t)data.ptr[i];
        for (count += 8; count >= 6; count -= 6)
            strbuf_addc(out, url_digits[bits >> (count - 6) & 63]);
    }
    if (count) strbuf_addc(out, url_digits[bits << (6 - count) & 63]);
}

static int url_digit(char c) {
    const char *at = c ? strchr(url_digits, c) : NULL;
    return at ? (int)(at - url_digits) : -1;
}

bool base64url_decode(strbuf *out, str text) {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i++) {
        int digit = url_digit(text.ptr[i]);
        if (digit < 0) {
            strbuf_truncate(out, before);
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        strbuf_addc(out, (char)(bits >> count));
    }
    if (count < 6 && !(bits & ((1u << count) - 1))) return true;
    strbuf_truncate(out, before);
    return false;
}

void hmac_sha256(str key, str data, uint8_t mac[32]) {
    unsigned size = 32;
    if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len, mac,
              &size))
        oom();
}

bool bytes_same(str a, str b) {
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

void random_bytes(void *out, size_t size) {
    for (char *at = out; size;) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) oom(); /* no kernel that Slipway runs on lacks it */
        at += n, size -= (size_t)n;
    }
}

void random_hex(size_t size, char *out) {
    uint8_t bytes[64];
    if (size > sizeof bytes) size = sizeof bytes;
    random_bytes(bytes, size);
    hex_encode(bytes, size, out);
}
