/* backup_write.c: files into a folder or a tar.
 *
 * The tar is written here, and not by libarchive, whose writing half would bring in the compressors
 * of formats that nobody writes. It is POSIX ustar (IEEE 1003.1-1988); a size of 8 GiB and more is
 * in base 256, as GNU tar and libarchive write and read it. */
#include "store/backup_parts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define BLOCK      512u
#define COPY_BYTES (1u << 18)
#define LEVEL      3

struct backup_writer {
    arena *a;
    const char *path;
    int fd; /* the tar, or the folder */
    bool tar;
    int file; /* that is being written in the folder */
    uint64_t offset;
    ZSTD_CCtx *zstd;
    char *packed;
    size_t packed_cap;
    char *buffer;
    strbuf sums;
    backup_done done;
};

bool backup_is_tar(const char *path) {
    return str_ends(str_from(path), STR(".tar.zst"));
}

static int cannot_write(const backup_writer *w, err *e) {
    return err_sys(e, errno, "cannot write the backup '%s'", w->path);
}

int backup_writer_open(const char *path, backup_writer **ret, err *e) {
    arena *a = arena_new();
    backup_writer *w = ARENA_NEW(a, backup_writer);
    *w = (backup_writer){.a = a, .tar = backup_is_tar(path), .file = -1, .sums = STRBUF_INIT};
    w->path = arena_cstr(a, str_from(path));
    if (w->tar)
        w->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    else
        w->fd = mkdir(path, 0700) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->fd < 0) {
        int r = cannot_write(w, e);
        arena_free(a);
        return r;
    }
    w->buffer = mem_alloc(COPY_BYTES);
    w->packed_cap = ZSTD_CStreamOutSize();
    w->packed = mem_alloc(w->packed_cap);
    w->zstd = ZSTD_createCCtx();
    if (!w->zstd) oom();
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
    *ret = w;
    return 0;
}

void backup_writer_free(backup_writer *w) {
    if (!w) return;
    if (w->file >= 0) close(w->file);
    close(w->fd);
    ZSTD_freeCCtx(w->zstd);
    free(w->packed);
    free(w->buffer);
    strbuf_done(&w->sums);
    arena_free(w->a);
}

/* ---- the tar -------------------------------------------------------------------------------- */

static int pack(backup_writer *w, str bytes, bool last, err *e) {
    ZSTD_inBuffer in = {bytes.ptr, bytes.len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {w->packed, w->packed_cap, 0};
        left = ZSTD_compressStream2(w->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(e, ERR_FAILED, "cannot compress the backup: %s",
                           ZSTD_getErrorName(left));
        if (durable_write(w->fd, (str){w->packed, out.pos}, w->offset) < 0)
            return cannot_write(w, e);
        w->offset += out.pos;
    } while (in.pos < in.size || (last && left));
    return 0;
}

/* Octal digits, a NUL at the end. */
static void put_octal(char *field, size_t size, uint64_t n) {
    for (size_t i = size - 1; i-- > 0; n >>= 3)
        field[i] = (char)('0' + (n & 7));
}

static void put_size(char *field, uint64_t n) {
    if (n >> 33 == 0) {
        put_octal(field, 12, n);
        return;
    }
    field[0] = (char)0x80;
    for (size_t i = 12; i-- > 1; n >>= 8)
        field[i] = (char)(n & 255);
}

static int put_header(backup_writer *w, const char *name, uint64_t size, int64_t mtime_s, err *e) {
    char h[BLOCK] = {0};
    unsigned sum = 0;
    memcpy(h, name, strlen(name)); /* at most BACKUP_NAME_MAX, which needs no NUL */
    put_octal(h + 100, 8, 0600);
    put_octal(h + 108, 8, 0);
    put_octal(h + 116, 8, 0);
    put_size(h + 124, size);
    put_octal(h + 136, 12, mtime_s > 0 && mtime_s >> 33 == 0 ? (uint64_t)mtime_s : 0);
    memset(h + 148, ' ', 8);
    h[156] = '0';
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    put_octal(h + 148, 7, sum);
    return pack(w, (str){h, BLOCK}, false, e);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int begin_file(backup_writer *w, const char *name, uint64_t size, int64_t mtime_s, err *e) {
    if (!backup_name_valid(str_from(name)))
        return err_set(e, ERR_INVALID, "'%s' is no name that a backup can hold", name);
    if (w->tar) return put_header(w, name, size, mtime_s, e);
    _cleanup_arena_ arena *a = arena_new();
    char *path = fs_join(a, w->path, str_from(name));
    char *folder = arena_cstr(a, str_sub(str_from(path), 0, (size_t)(strrchr(path, '/') - path)));
    int r = fs_mkdirs(folder, 0700, e);
    if (r < 0) return r;
    w->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    w->offset = 0;
    return w->file < 0 ? cannot_write(w, e) : 0;
}

static int put_bytes(backup_writer *w, str bytes, err *e) {
    if (w->tar) return pack(w, bytes, false, e);
    if (durable_write(w->file, bytes, w->offset) < 0) return cannot_write(w, e);
    w->offset += bytes.len;
    return 0;
}

static int end_file(backup_writer *w, uint64_t size, err *e) {
    static const char zeros[BLOCK];
    if (w->tar) return pack(w, (str){zeros, (BLOCK - size % BLOCK) % BLOCK}, false, e);
    close(w->file);
    w->file = -1;
    return 0;
}

static void note_sum(backup_writer *w, const char *name, uint64_t size, const uint8_t digest[32]) {
    char hex[DIGEST_CHARS + 1];
    hex_encode(digest, 32, hex);
    strbuf_addf(&w->sums, "%s  %s\n", hex, name);
    if (!strcmp(name, BACKUP_HEAD)) return;
    w->done.files++;
    w->done.bytes += size;
}

int backup_writer_file(backup_writer *w, const char *name, int fd, uint64_t size, int64_t mtime_s,
                       err *e) {
    uint8_t digest[32];
    uint64_t at = 0;
    int r = begin_file(w, name, size, mtime_s, e);
    if (r < 0) return r;
    sha256 *hash = sha256_new();
    while (r == 0 && at < size) {
        size_t n = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;
        if (durable_read(fd, w->buffer, n, at) < 0)
            r = err_sys(e, errno ? errno : EIO, "cannot read '%s' for the backup", name);
        if (r == 0) sha256_add(hash, w->buffer, n);
        if (r == 0) r = put_bytes(w, (str){w->buffer, n}, e);
        at += n;
    }
    sha256_end(hash, digest);
    if (r == 0) r = end_file(w, size, e);
    if (r == 0) note_sum(w, name, size, digest);
    return r;
}

static int put_text(backup_writer *w, const char *name, str text, int64_t mtime_s, err *e) {
    int r = begin_file(w, name, text.len, mtime_s, e);
    if (r == 0) r = put_bytes(w, text, e);
    return r < 0 ? r : end_file(w, text.len, e);
}

int backup_writer_text(backup_writer *w, const char *name, str text, int64_t mtime_s, err *e) {
    uint8_t digest[32];
    sha256 *hash = sha256_new();
    sha256_add(hash, text.ptr, text.len);
    sha256_end(hash, digest);
    int r = put_text(w, name, text, mtime_s, e);
    if (r == 0) note_sum(w, name, text.len, digest);
    return r;
}

int backup_writer_end(backup_writer *w, backup_done *ret, err *e) {
    static const char zeros[2 * BLOCK];
    if (w->sums.len > BACKUP_SUMS_MAX)
        return err_set(e, ERR_LIMIT, "the list of digests has more than %u bytes", BACKUP_SUMS_MAX);
    int r = put_text(w, BACKUP_SUMS, strbuf_str(&w->sums), 0, e);
    if (r == 0 && w->tar) r = pack(w, (str){zeros, sizeof zeros}, true, e);
    if (r < 0) return r;
    if ((w->tar ? fsync(w->fd) : syncfs(w->fd)) < 0)
        return err_sys(e, errno, "cannot sync the backup '%s'", w->path);
    /* So that it is read back from the disk, and not from memory. */
    if (w->tar) posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (ret) *ret = w->done;
    return 0;
}
