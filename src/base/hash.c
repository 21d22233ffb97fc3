#include "base/hash.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
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
