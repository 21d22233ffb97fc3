/* One layer of an image, over those below it.
 *
 * A layer is read twice where anything is below it: first for its whiteouts, then for its files.
 * For a whiteout hides what lower layers have, wherever in the archive it stands, and never what
 * its own layer brings.
 *
 * Nothing in an archive is believed. A name is cleaned before it is used; the folder that it stands
 * in is opened by openat2 with RESOLVE_IN_ROOT, as a program in the image would find it: a link on
 * the way, wherever it points to, ends inside. The last part of a name is never followed, and what
 * is at its place is removed, not written to. Of what an entry brings, its type, mode, owner, time
 * and content are taken. Extended attributes are not: an overlay would obey some of them. */
#include "sandbox/oci.h"

#include "base/fs.h"
#include "base/hash.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 << 10)
#define WHITEOUT  ".wh."
#define OPAQUE    ".wh..wh..opq"
#define AUFS      ".wh..wh." /* what one file system of old keeps for itself */

const oci_limits oci_limits_default = {
    .entries = 4u << 20, .bytes = 64ULL << 30, .ratio = 200, .ratio_from = 1ULL << 30};

typedef struct layer {
    oci_tree *t;
    const oci_descriptor *told;
    struct archive *archive;
    int blob;
    uint64_t compressed; /* read so far */
    sha256 *hash;        /* NULL: was checked */
    char *buffer;
    char path[PATH_MAX]; /* of the entry, cleaned */
    int parent;          /* the folder that was used last; -1: none */
    char parent_path[PATH_MAX];
    err *e;
} layer;

/* ---- the blob ------------------------------------------------------------------------------ */

/* Hashes what is read, so that what was unpacked is what has the digest. */
static ssize_t read_more(layer *l) {
    ssize_t n;
    do
        n = read(l->blob, l->buffer, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n > 0 && l->hash) sha256_add(l->hash, l->buffer, (size_t)n);
    if (n > 0) l->compressed += (uint64_t)n;
    return n;
}

static la_ssize_t on_read(struct archive *archive, void *context, const void **ret) {
    layer *l = context;
    ssize_t n = read_more(l);
    if (n < 0) archive_set_error(archive, errno, "cannot be read");
    *ret = l->buffer;
    return n;
}

/* An archive may end before its blob does. */
static int check_digest(layer *l) {
    uint8_t digest[32];
    char hex[OCI_HEX];
    ssize_t n;
    do
        n = read_more(l);
    while (n > 0 && l->compressed <= l->told->size);
    int failed = errno;
    sha256_end(l->hash, digest);
    l->hash = NULL;
    if (n < 0) return err_sys(l->e, failed, "cannot be read");
    hex_encode(digest, sizeof digest, hex);
    if (l->compressed == l->told->size && strcmp(hex, l->told->hex) == 0) return 0;
    return err_set(l->e, ERR_INVALID, "its %llu bytes have the digest sha256:%s, not the one told",
                   (unsigned long long)l->compressed, hex);
}

static int archive_failed(const layer *l) {
    const char *why = archive_error_string(l->archive);
    return err_set(l->e, ERR_INVALID, "the archive is damaged: %s", why ? why : "unreadable");
}

static int open_archive(layer *l) {
    struct archive *x = l->archive = archive_read_new();
    if (!x) oom();
    archive_read_support_filter_gzip(x);
    archive_read_support_filter_zstd(x);
    archive_read_support_format_tar(x);
    archive_read_support_format_empty(x);
    return archive_read_open(x, l, NULL, on_read, NULL) == ARCHIVE_OK ? 0 : archive_failed(l);
}

/* ---- limits -------------------------------------------------------------------------------- */

static int count_entry(layer *l) {
    if (++l->t->entries <= l->t->limits->entries) return 0;
    return err_set(l->e, ERR_LIMIT, "the image has more than %llu files, folders and links",
                   (unsigned long long)l->t->limits->entries);
}

static int judge_size(layer *l, uint64_t size) {
    const oci_limits *most = l->t->limits;
    if (size <= most->bytes && l->t->bytes <= most->bytes - size) return 0;
    return err_set(l->e, ERR_LIMIT, "the image has more than %llu bytes",
                   (unsigned long long)most->bytes);
}

static int judge_ratio(layer *l) {
    const oci_limits *most = l->t->limits;
    uint64_t expanded = (uint64_t)archive_filter_bytes(l->archive, 0);
    if (expanded <= most->ratio_from || expanded / most->ratio <= l->told->size) return 0;
    return err_set(l->e, ERR_LIMIT, "it expands to more than %u times its size", most->ratio);
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_up(str part) {
    return str_is(part, "..");
}

/* "./usr//bin/" becomes "usr/bin", the root "". */
static int clean(layer *l, const char *name, char out[PATH_MAX]) {
    str rest = str_from(name), part;
    size_t len = 0;
    if (!name) return err_set(l->e, ERR_INVALID, "a name cannot be read");
    if (rest.len >= PATH_MAX)
        return err_set(l->e, ERR_LIMIT, "a name is longer than %d bytes", PATH_MAX - 1);
    if (name[0] == '/')
        return err_set(l->e, ERR_INVALID, "the name '%.200s' begins with a slash", name);
    for (bool more = true; more;) {
        more = str_cut(rest, '/', &part, &rest);
        if (!part.len || str_is(part, ".")) continue;
        if (is_up(part))
            return err_set(l->e, ERR_INVALID, "the name '%.200s' leads out of the image", name);
        if (part.len > NAME_MAX)
            return err_set(l->e, ERR_LIMIT, "a file's name is longer than %d bytes", NAME_MAX);
        if (len) out[len++] = '/';
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
    }
    out[len] = '\0';
    return 0;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- folders ------------------------------------------------------------------------------- */

/* `path` may be "", the root. -1 and errno. */
static int open_folder(const layer *l, const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, l->t->root, *path ? path : ".", &how, sizeof how);
}

static int failed_at(layer *l, const char *what, const char *path) {
    return err_sys(l->e, errno, "cannot %s '%.300s'", what, path);
}

static void forget_parent(layer *l) {
    if (l->parent >= 0) close(l->parent);
    l->parent = -1;
}

static int make_folder(layer *l, char *path) {
    _cleanup_close_ int there = open_folder(l, path, O_PATH);
    if (there >= 0) return 0;
    if (errno != ENOENT) return failed_at(l, "use as a folder", path);
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
    _cleanup_close_ int above = open_folder(l, slash ? path : "", O_PATH);
    if (slash) *slash = '/';
    if (count_entry(l) < 0) return l->e->code;
    if (above >= 0 && mkdirat(above, last_part(path), 0755) == 0) return 0;
    return failed_at(l, "make the folder", path);
}

/* Makes the folders above `path` that are missing: an archive need not name them. */
static int make_folders(layer *l, char *path) {
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int r = make_folder(l, path);
        *slash = '/';
        if (r < 0) return r;
    }
    return 0;
}

/* The folder that `path` stands in, or -1: it is missing, or could not be made, which l->e tells.
 * It stays the layer's. */
static int parent_of(layer *l, char *path, bool make) {
    char *slash = strrchr(path, '/');
    str above = str_sub(str_from(path), 0, slash ? (size_t)(slash - path) : 0);
    if (l->parent >= 0 && str_is(above, l->parent_path)) return l->parent;
    forget_parent(l);
    if (make && make_folders(l, path) < 0) return -1;
    memcpy(l->parent_path, above.ptr, above.len);
    l->parent_path[above.len] = '\0';
    l->parent = open_folder(l, l->parent_path, O_PATH);
    if (l->parent < 0 && make) failed_at(l, "use as a folder", l->parent_path);
    return l->parent;
}

/* ---- whiteouts ----------------------------------------------------------------------------- */

static int hide_one(layer *l, char *path) {
    char name[NAME_MAX + 1];
    strcpy(name, last_part(path) + sizeof WHITEOUT - 1);
    if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(l->e, ERR_INVALID, "the whiteout '%.300s' names nothing", path);
    int parent = parent_of(l, path, false);
    int r = parent < 0 ? 0 : fs_remove_at(parent, name, l->e);
    forget_parent(l); /* or what it stood in */
    return r;
}

static int hide_all(layer *l, char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
    int fd = open_folder(l, slash ? path : "", O_RDONLY);
    if (slash) *slash = '/';
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) return 0; /* lower layers have no such folder */
    forget_parent(l);
    int r = 0;
    for (struct dirent *d; r == 0 && (d = readdir(dir));) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            r = fs_remove_at(fd, d->d_name, l->e);
    }
    closedir(dir);
    return r;
}

static bool is_whiteout(const char *path) {
    return str_starts(str_from(last_part(path)), STR(WHITEOUT));
}

static int whiteout(layer *l, struct archive_entry *entry) {
    (void)entry;
    if (!is_whiteout(l->path)) return 0;
    const char *name = last_part(l->path);
    if (strcmp(name, OPAQUE) == 0) return hide_all(l, l->path);
    return str_starts(str_from(name), STR(AUFS)) ? 0 : hide_one(l, l->path);
}

/* ---- files --------------------------------------------------------------------------------- */

static int judge_owner(layer *l, struct archive_entry *entry, uid_t *uid, gid_t *gid) {
    int64_t u = archive_entry_uid(entry), g = archive_entry_gid(entry);
    if (u < 0 || g < 0 || u >= UINT32_MAX || g >= UINT32_MAX)
        return err_set(l->e, ERR_INVALID, "the owner of '%.300s' is no user's id", l->path);
    *uid = (uid_t)u;
    *gid = (gid_t)g;
    return 0;
}

/* No program becomes another user. Without root's ids, what only root could read must be readable
 * all the same. */
static mode_t mode_for(const layer *l, struct archive_entry *entry, bool folder) {
    mode_t mode = archive_entry_perm(entry) & (folder ? 01777 : 0777);
    return l->t->keep_ids ? mode : mode | (folder ? S_IRWXU : S_IRUSR);
}

static int dress(layer *l, struct archive_entry *entry, int parent, bool folder, bool link) {
    const char *name = last_part(l->path);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
    uid_t uid = 0;
    gid_t gid = 0;
    if (judge_owner(l, entry, &uid, &gid) < 0) return l->e->code;
    if (l->t->keep_ids && fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return failed_at(l, "set the owner of", l->path);
    if (!link && fchmodat(parent, name, mode_for(l, entry, folder), 0) < 0)
        return failed_at(l, "set the mode of", l->path);
    if (archive_entry_mtime_is_set(entry))
        times[1] = (struct timespec){archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW); /* as far as the system has it */
    return 0;
}

/* Makes place for what is no folder. */
static int clear_place(layer *l, int parent) {
    const char *name = last_part(l->path);
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
    return fs_remove_at(parent, name, l->e);
}

static int put_folder(layer *l, struct archive_entry *entry, int parent) {
    const char *name = last_part(l->path);
    struct stat st;
    bool there = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(st.st_mode)) {
        if (fs_remove_at(parent, name, l->e) < 0) return l->e->code;
        there = false;
    }
    if (!there && mkdirat(parent, name, 0700) < 0) return failed_at(l, "make", l->path);
    return dress(l, entry, parent, true, false);
}

static int put_link(layer *l, struct archive_entry *entry, int parent) {
    const char *to = archive_entry_symlink(entry);
    if (!to || !*to) return err_set(l->e, ERR_INVALID, "the link '%.300s' has no target", l->path);
    if (clear_place(l, parent) < 0) return l->e->code;
    if (symlinkat(to, parent, last_part(l->path)) < 0) return failed_at(l, "make", l->path);
    return dress(l, entry, parent, false, true);
}

static int put_hard_link(layer *l, struct archive_entry *entry, int parent) {
    char target[PATH_MAX];
    if (clean(l, archive_entry_hardlink(entry), target) < 0) return l->e->code;
    if (!*target) return err_set(l->e, ERR_INVALID, "'%.300s' is linked to a folder", l->path);
    if (strcmp(target, l->path) == 0) return 0;
    if (clear_place(l, parent) < 0) return l->e->code;
    char *slash = strrchr(target, '/');
    const char *name = last_part(target);
    if (slash) *slash = '\0';
    _cleanup_close_ int from = open_folder(l, slash ? target : "", O_PATH);
    if (from >= 0 && linkat(from, name, parent, last_part(l->path), 0) == 0) return 0;
    return err_sys(l->e, errno, "cannot link '%.300s' to '%.300s'", l->path,
                   archive_entry_hardlink(entry));
}

static int write_at(int fd, const char *data, size_t size, off_t at) {
    while (size) {
        ssize_t n = pwrite(fd, data, size, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        data += n, size -= (size_t)n, at += n;
    }
    return 0;
}

static int put_content(layer *l, struct archive_entry *entry, int fd) {
    const void *data;
    size_t size;
    la_int64_t at, whole = archive_entry_size(entry);
    int r;
    while ((r = archive_read_data_block(l->archive, &data, &size, &at)) == ARCHIVE_OK) {
        if (at < 0 || at > whole || (uint64_t)(whole - at) < size)
            return err_set(l->e, ERR_INVALID, "'%.300s' has more bytes than its size", l->path);
        if (write_at(fd, data, size, at) < 0) return failed_at(l, "write", l->path);
        if (judge_ratio(l) < 0) return l->e->code;
    }
    if (r != ARCHIVE_EOF) return archive_failed(l);
    return ftruncate(fd, whole) == 0 ? 0 : failed_at(l, "write", l->path); /* holes at the end */
}

static int put_file(layer *l, struct archive_entry *entry, int parent) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    if (clear_place(l, parent) < 0) return l->e->code;
    _cleanup_close_ int fd = openat(parent, last_part(l->path), flags, 0600);
    if (fd < 0) return failed_at(l, "make", l->path);
    if (put_content(l, entry, fd) < 0) return l->e->code;
    l->t->bytes += (uint64_t)archive_entry_size(entry);
    return dress(l, entry, parent, false, false);
}

/* Devices, pipes and sockets are left out: a job gets its own /dev. */
static int put(layer *l, struct archive_entry *entry) {
    typedef int put_fn(layer * l, struct archive_entry * entry, int parent);
    mode_t type = archive_entry_filetype(entry);
    put_fn *how = archive_entry_hardlink(entry) ? put_hard_link
                  : type == AE_IFREG            ? put_file
                  : type == AE_IFDIR            ? put_folder
                  : type == AE_IFLNK            ? put_link
                                                : NULL;
    if (!how || !l->path[0] || is_whiteout(l->path)) return 0;
    if (count_entry(l) < 0) return l->e->code;
    int parent = parent_of(l, l->path, true);
    return parent < 0 ? l->e->code : how(l, entry, parent);
}

/* ---- the whole ----------------------------------------------------------------------------- */

typedef int each_fn(layer *l, struct archive_entry *entry);

static int judge_entry(layer *l, struct archive_entry *entry) {
    la_int64_t size = archive_entry_size(entry);
    if (size < 0) return err_set(l->e, ERR_INVALID, "an entry has a size below zero");
    if (judge_size(l, (uint64_t)size) < 0 || judge_ratio(l) < 0) return l->e->code;
    return clean(l, archive_entry_pathname(entry), l->path);
}

static int read_entries(layer *l, each_fn *each) {
    struct archive_entry *entry;
    int r;
    while ((r = archive_read_next_header(l->archive, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
        if (judge_entry(l, entry) < 0 || each(l, entry) < 0) return l->e->code;
    }
    return r == ARCHIVE_EOF ? judge_ratio(l) : archive_failed(l);
}

/* A blob that is not what was told is the first thing to say of it. */
static int pass(layer *l, each_fn *each) {
    err digest = {0}, *first = l->e;
    if (lseek(l->blob, 0, SEEK_SET) < 0) return err_sys(l->e, errno, "cannot be read");
    l->compressed = 0;
    l->hash = sha256_new();
    int r = open_archive(l);
    if (r == 0) r = read_entries(l, each);
    l->e = &digest;
    if (check_digest(l) < 0) *first = digest, r = digest.code;
    l->e = first;
    archive_read_free(l->archive);
    forget_parent(l);
    return r;
}

int oci_layer_apply(oci_tree *t, int blob, const oci_descriptor *told, err *e) {
    layer *l = mem_alloc(sizeof *l);
    *l = (layer){.t = t, .told = told, .blob = blob, .parent = -1, .e = e};
    l->buffer = mem_alloc(READ_SIZE);
    int r = t->entries ? pass(l, whiteout) : 0;
    if (r == 0) r = pass(l, put);
    free(l->buffer);
    free(l);
    return r;
}

void oci_layer_prepare(void) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8) uselocale(utf8);
}
