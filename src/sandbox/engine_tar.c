#include "sandbox/engine_tar.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK     512
#define DEPTH_MAX 200

typedef struct tar {
    int fd;
    uint64_t written;
    err *e;
} tar;

static int put(tar *t, const char *bytes, size_t size) {
    t->written += size;
    if (t->written > ENGINE_TAR_MAX)
        return err_set(t->e, ERR_LIMIT, "what is to be built is larger than the limit of %llu GiB",
                       ENGINE_TAR_MAX >> 30);
    while (size) {
        ssize_t n = write(t->fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(t->e, errno, "cannot write what is to be built");
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

static int pad(tar *t, uint64_t size) {
    static const char zeros[BLOCK];
    return size % BLOCK ? put(t, zeros, BLOCK - size % BLOCK) : 0;
}

/* The fields of a ustar header: name 0, mode 100, uid 108, gid 116, size 124, mtime 136, sum 148,
 * type 156, link name 157, magic 257. */
static int put_head(tar *t, const char *name, unsigned mode, uint64_t size, char type,
                    const char *link) {
    char h[BLOCK] = {0};
    unsigned sum = 0;
    snprintf(h, 100, "%s", name);
    snprintf(h + 100, 8, "%07o", mode & 07777);
    snprintf(h + 108, 8, "%07o", 0u);
    snprintf(h + 116, 8, "%07o", 0u);
    snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
    snprintf(h + 136, 12, "%011o", 0u);
    memset(h + 148, ' ', 8);
    h[156] = type;
    snprintf(h + 157, 100, "%s", link);
    memcpy(h + 257, "ustar\00000", 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    return put(t, h, BLOCK);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void add_record(strbuf *out, const char *key, const char *text) {
    size_t bare = strlen(key) + strlen(text) + 3, whole = bare + 1;
    for (size_t digits = 1; digits < 20; digits++) {
        whole = bare + digits;
        if ((size_t)snprintf(NULL, 0, "%zu", whole) == digits) break;
    }
    strbuf_addf(out, "%zu %s=%s\n", whole, key, text);
}

/* What does not fit into a header's fields stands in records in front of it. */
static int put_entry(tar *t, const char *name, unsigned mode, uint64_t size, char type,
                     const char *link) {
    _cleanup_strbuf_ strbuf records = STRBUF_INIT;
    if (strlen(name) >= 100) add_record(&records, "path", name);
    if (strlen(link) >= 100) add_record(&records, "linkpath", link);
    if (records.len && (put_head(t, "pax", 0644, records.len, 'x', "") < 0 ||
                        put(t, records.ptr, records.len) < 0 || pad(t, records.len) < 0))
        return -1;
    return put_head(t, name, mode, size, type, link);
}

/* A file that grows while it is read is cut at the size that the header tells, one that shrinks is
 * filled up. */
static int put_file(tar *t, int dir, const char *at, const char *name, const struct stat *st) {
    char buffer[64 << 10];
    uint64_t left = (uint64_t)st->st_size;
    int fd = openat(dir, at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return err_sys(t->e, errno, "cannot read '%s'", name);
    int code = put_entry(t, name, st->st_mode, left, '0', "");
    while (code == 0 && left) {
        ssize_t n = read(fd, buffer, left < sizeof buffer ? left : sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) code = err_sys(t->e, errno, "cannot read '%s'", name);
        if (n == 0) memset(buffer, 0, sizeof buffer);
        size_t got = n > 0 ? (size_t)n : left < sizeof buffer ? left : sizeof buffer;
        if (code == 0) code = put(t, buffer, got);
        left -= got;
    }
    close(fd);
    return code ? code : pad(t, (uint64_t)st->st_size);
}

static int put_folder(tar *t, int dir, const char *below, unsigned depth);

static int put_below(tar *t, int dir, const char *at, const char *name, const struct stat *st,
                     unsigned depth) {
    _cleanup_strbuf_ strbuf slash = STRBUF_INIT;
    strbuf_addf(&slash, "%s/", name);
    int fd = openat(dir, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return err_sys(t->e, errno, "cannot read '%s'", name);
    int code = put_entry(t, slash.ptr, st->st_mode, 0, '5', "");
    if (code == 0) code = put_folder(t, fd, name, depth + 1);
    close(fd);
    return code;
}

static int put_one(tar *t, int dir, const char *below, str entry, unsigned depth) {
    _cleanup_arena_ arena *a = arena_new();
    struct stat st;
    const char *at = arena_cstr(a, entry);
    const char *name = *below ? fs_join(a, below, entry) : at;
    if (fstatat(dir, at, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(t->e, errno, "cannot read '%s'", name);
    if (S_ISREG(st.st_mode)) return put_file(t, dir, at, name, &st);
    if (S_ISDIR(st.st_mode)) return put_below(t, dir, at, name, &st, depth);
    char link[4096] = "";
    if (!S_ISLNK(st.st_mode) || readlinkat(dir, at, link, sizeof link - 1) < 0) return 0;
    return put_entry(t, name, 0777, 0, '2', link);
}

static int put_folder(tar *t, int dir, const char *below, unsigned depth) {
    _cleanup_arena_ arena *a = arena_new();
    char path[64];
    fs_entry *entries;
    size_t count;
    if (depth > DEPTH_MAX)
        return err_set(t->e, ERR_LIMIT, "folders are nested deeper than %d", DEPTH_MAX);
    snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
    int code = fs_list(a, path, &entries, &count, t->e);
    for (size_t i = 0; code == 0 && i < count; i++)
        code = put_one(t, dir, below, entries[i].name, depth);
    return code;
}

int engine_tar(int dir, int fd, err *e) {
    static const char end[2 * BLOCK];
    tar t = {.fd = fd, .e = e};
    int code = put_folder(&t, dir, "", 0);
    return code < 0 ? code : put(&t, end, sizeof end);
}
