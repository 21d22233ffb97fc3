/* backup_read.c: files out of a backup. What is in one may have been made by others: names are
 * judged, nothing but plain files is taken, and a tar is unpacked by a child in a jail. */
#include "store/backup_parts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/jail.h"
#include "store/durable.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COPY_BYTES (1u << 18)
#define MEMORY_MAX (1ULL << 30) /* of the child that unpacks */

/* ---- SHA256SUMS ----------------------------------------------------------------------------- */

static bool is_hex(str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

int backup_sums_next(str *rest, str *ret_digest, str *ret_name, err *e) {
    str line;
    if (!str_line(rest, &line)) return 0;
    *ret_digest = str_sub(line, 0, DIGEST_CHARS);
    *ret_name = str_sub(line, DIGEST_CHARS + 2, line.len);
    if (ret_digest->len == DIGEST_CHARS && is_hex(*ret_digest) && line.len > DIGEST_CHARS + 2 &&
        line.ptr[DIGEST_CHARS] == ' ' && line.ptr[DIGEST_CHARS + 1] == ' ' &&
        backup_name_valid(*ret_name) && !str_is(*ret_name, BACKUP_SUMS))
        return 1;
    return err_set(e, ERR_INVALID, "the backup's " BACKUP_SUMS " has a line that is not of ours");
}

static int differs(str name, err *e) {
    return err_set(e, ERR_INVALID, "the backup is damaged: '%.*s' is not what " BACKUP_SUMS " says",
                   STR_ARG(name));
}

/* ---- a tar ---------------------------------------------------------------------------------- */

typedef struct tar_walk tar_walk;
struct tar_walk {
    struct archive *archive;
    uint64_t files;
    char *buffer;
    void *context;
    /* `more` gets the pieces of a file, and an empty one at its end. */
    int (*begin)(tar_walk *w, str name, err *e);
    int (*more)(tar_walk *w, str bytes, err *e);
};

static int damaged(const tar_walk *w, err *e) {
    const char *why = archive_error_string(w->archive);
    return err_set(e, ERR_INVALID, "the backup is damaged: %s", why ? why : "it cannot be read");
}

static int walk_entry(tar_walk *w, struct archive_entry *entry, err *e) {
    const char *path = archive_entry_pathname(entry);
    str name = str_from(path);
    la_ssize_t n;
    if (!backup_name_valid(name) || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry))
        return err_set(e, ERR_INVALID, "this is no backup of Slipway: it holds '%.*s'",
                       STR_ARG(str_sub(name, 0, 200)));
    if (++w->files > BACKUP_FILES_MAX)
        return err_set(e, ERR_LIMIT, "the backup has more than %u files", BACKUP_FILES_MAX);
    int r = w->begin(w, name, e);
    while (r == 0 && (n = archive_read_data(w->archive, w->buffer, COPY_BYTES)) != 0)
        r = n < 0 ? damaged(w, e) : w->more(w, (str){w->buffer, (size_t)n}, e);
    return r == 0 ? w->more(w, STR_EMPTY, e) : r;
}

static int walk_tar(tar_walk *w, int fd, err *e) {
    struct archive_entry *entry;
    int r = 0, got;
    w->archive = archive_read_new();
    if (!w->archive) oom();
    w->buffer = mem_alloc(COPY_BYTES);
    archive_read_support_filter_zstd(w->archive);
    archive_read_support_format_tar(w->archive);
    if (archive_read_open_fd(w->archive, fd, COPY_BYTES) != ARCHIVE_OK) r = damaged(w, e);
    while (r == 0 && (got = archive_read_next_header(w->archive, &entry)) != ARCHIVE_EOF)
        r = got < ARCHIVE_WARN ? damaged(w, e) : walk_entry(w, entry, e);
    archive_read_free(w->archive);
    free(w->buffer);
    return r;
}

/* ---- reading back --------------------------------------------------------------------------- */

typedef struct seen {
    str name;
    char digest[DIGEST_CHARS + 1];
} seen;

typedef struct check {
    arena *a;
    seen *all; /* in the order of the tar, which is that of SHA256SUMS */
    size_t count, cap;
    sha256 *hash;
    strbuf sums;
    bool is_sums;
} check;

static int check_begin(tar_walk *w, str name, err *e) {
    check *c = w->context;
    seen one = {.name = arena_str(c->a, name)};
    if (c->is_sums)
        return err_set(e, ERR_INVALID, "the backup is damaged: something comes after " BACKUP_SUMS);
    c->is_sums = str_is(name, BACKUP_SUMS);
    if (!c->is_sums) ARENA_PUSH(c->a, c->all, c->count, c->cap, one);
    c->hash = sha256_new();
    return 0;
}

static int check_more(tar_walk *w, str bytes, err *e) {
    check *c = w->context;
    uint8_t digest[32];
    if (bytes.len) sha256_add(c->hash, bytes.ptr, bytes.len);
    if (c->is_sums && c->sums.len + bytes.len > BACKUP_SUMS_MAX)
        return err_set(e, ERR_LIMIT, "the backup's " BACKUP_SUMS " has more than %u bytes",
                       BACKUP_SUMS_MAX);
    if (c->is_sums) strbuf_add(&c->sums, bytes);
    if (bytes.len) return 0;
    sha256_end(c->hash, digest);
    c->hash = NULL;
    if (!c->is_sums) hex_encode(digest, sizeof digest, c->all[c->count - 1].digest);
    return 0;
}

static int check_sums(const check *c, err *e) {
    str rest = strbuf_str(&c->sums), digest, name;
    size_t i = 0;
    int r;
    for (; (r = backup_sums_next(&rest, &digest, &name, e)) > 0; i++) {
        if (i == c->count || !str_eq(c->all[i].name, name) || !str_is(digest, c->all[i].digest))
            return differs(name, e);
    }
    if (r == 0 && (i != c->count || !c->is_sums))
        r = err_set(e, ERR_INVALID, "the backup is damaged: files are not in " BACKUP_SUMS);
    return r;
}

static int verify_tar(const char *path, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    check c = {.a = a, .sums = STRBUF_INIT};
    tar_walk w = {.context = &c, .begin = check_begin, .more = check_more};
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot read the backup '%s'", path);
    int r = walk_tar(&w, fd, e);
    if (r == 0) r = check_sums(&c, e);
    uint8_t ignored[32];
    if (c.hash) sha256_end(c.hash, ignored);
    strbuf_done(&c.sums);
    return r;
}

static int verify_file(const char *folder, str digest, str name, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    uint8_t bytes[32];
    char hex[DIGEST_CHARS + 1];
    int r = sha256_file(fs_join(a, folder, name), bytes, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID, "the backup is damaged: '%.*s' is missing", STR_ARG(name));
    if (r < 0) return r;
    hex_encode(bytes, sizeof bytes, hex);
    return str_is(digest, hex) ? 0 : differs(name, e);
}

static int verify_folder(const char *folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str rest, digest, name;
    int r = fs_read_below(a, folder, BACKUP_SUMS, BACKUP_SUMS_MAX, &rest, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID, "'%s' is no backup of Slipway: it has no " BACKUP_SUMS,
                       folder);
    if (r < 0) return r;
    while ((r = backup_sums_next(&rest, &digest, &name, e)) > 0) {
        if ((r = verify_file(folder, digest, name, e)) < 0) break;
    }
    return r;
}

int backup_verify(const char *path, err *e) {
    return fs_is_dir(path) ? verify_folder(path, e) : verify_tar(path, e);
}

/* ---- unpacking ------------------------------------------------------------------------------ */

typedef struct unpacking {
    int folder, fd;
    uint64_t at;
} unpacking;

static int make_folders(int folder, str name, err *e) {
    char path[BACKUP_NAME_MAX + 1];
    for (size_t i = 0; i < name.len; i++) {
        path[i] = '\0';
        if (name.ptr[i] == '/' && mkdirat(folder, path, 0700) < 0 && errno != EEXIST)
            return err_sys(e, errno, "cannot make the folder '%s'", path);
        path[i] = name.ptr[i];
    }
    return 0;
}

/* A file in the folder that is not there yet. */
static int create_in(int folder, str name, int *ret_fd, err *e) {
    char path[BACKUP_NAME_MAX + 1] = {0};
    int r = make_folders(folder, name, e);
    if (r < 0) return r;
    memcpy(path, name.ptr, name.len);
    *ret_fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *ret_fd < 0 ? err_sys(e, errno, "cannot write '%s'", path) : 0;
}

static int unpack_begin(tar_walk *w, str name, err *e) {
    unpacking *u = w->context;
    u->at = 0;
    if (str_is(name, BACKUP_SUMS)) w->files--;
    return create_in(u->folder, name, &u->fd, e);
}

static int unpack_more(tar_walk *w, str bytes, err *e) {
    unpacking *u = w->context;
    if (durable_write(u->fd, bytes, u->at) < 0)
        return err_sys(e, errno, "cannot write what the backup holds");
    u->at += bytes.len;
    if (bytes.len) return 0;
    close(u->fd);
    u->fd = -1;
    return 0;
}

typedef struct unpacked {
    uint64_t files;
    err e; /* its code is 0 when all went well */
} unpacked;

static void unpack_child(int tar, int folder, pid_t parent, unpacked *ret) {
    jail_spec jail = {
        .kind = JAIL_WRITE, .tree = folder, .parent = parent, .memory_max = MEMORY_MAX};
    unpacking u = {.folder = folder, .fd = -1};
    tar_walk w = {.context = &u, .begin = unpack_begin, .more = unpack_more};
    if (jail_enter(&jail, &ret->e) < 0) return;
    walk_tar(&w, tar, &ret->e);
    ret->files = w.files;
}

/* A child says one thing, in one write. */
static int hear_child(int pipe, pid_t child, uint64_t *ret_files, err *e) {
    unpacked u;
    int status;
    ssize_t n;
    while ((n = read(pipe, &u, sizeof u)) < 0 && errno == EINTR)
        continue;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (n != sizeof u)
        return err_set(e, ERR_FAILED, "unpacking the backup ended by %s %d",
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    *ret_files = u.files;
    if (u.e.code == ERR_NONE) return 0;
    u.e.message[sizeof u.e.message - 1] = '\0';
    return err_set(e, u.e.code < 0 ? u.e.code : ERR_INVALID, "%s", u.e.message);
}

int backup_unpack(const char *tar, int folder, uint64_t *ret_files, err *e) {
    _cleanup_close_ int fd = open(tar, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int ends[2];
    pid_t parent = getpid();
    if (fd < 0) return err_sys(e, errno, "cannot read the backup '%s'", tar);
    if (pipe2(ends, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    pid_t child = fork();
    if (child == 0) {
        unpacked u = {0};
        const int kept[] = {fd, folder, ends[1]};
        fs_close_others(kept, sizeof kept / sizeof *kept);
        unpack_child(fd, folder, parent, &u);
        _exit(write(ends[1], &u, sizeof u) == sizeof u ? 0 : 1);
    }
    int code = errno;
    close(ends[1]);
    int r = child < 0 ? err_sys(e, code, "cannot start a process")
                      : hear_child(ends[0], child, ret_files, e);
    close(ends[0]);
    return r;
}

/* ---- copying -------------------------------------------------------------------------------- */

static int copy_one(const char *from, int folder, str name, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *path = fs_join(a, from, name);
    char *bytes = arena_alloc(a, COPY_BYTES);
    struct stat st;
    uint64_t at = 0;
    ssize_t n;
    _cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), out = -1;
    if (in < 0 || fstat(in, &st) < 0) return err_sys(e, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is not a file", path);
    int r = create_in(folder, name, &out, e);
    while (r == 0 && (n = pread(in, bytes, COPY_BYTES, (off_t)at)) != 0) {
        if (n < 0)
            r = err_sys(e, errno, "cannot read '%s'", path);
        else if (durable_write(out, (str){bytes, (size_t)n}, at) < 0)
            r = err_sys(e, errno, "cannot write what the backup holds");
        at += n > 0 ? (uint64_t)n : 0;
    }
    return r;
}

int backup_copy(const char *from, const char *folder, uint64_t *ret_files, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str rest, digest, name;
    *ret_files = 0;
    int r = fs_read_below(a, from, BACKUP_SUMS, BACKUP_SUMS_MAX, &rest, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID, "'%s' is no backup of Slipway: it has no " BACKUP_SUMS,
                       from);
    _cleanup_close_ int to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && to < 0) r = err_sys(e, errno, "cannot open '%s'", folder);
    if (r == 0) r = copy_one(from, to, STR(BACKUP_SUMS), e);
    while (r == 0 && (r = backup_sums_next(&rest, &digest, &name, e)) > 0) {
        r = copy_one(from, to, name, e);
        ++*ret_files;
    }
    return r;
}
