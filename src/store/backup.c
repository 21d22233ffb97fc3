/* backup.c: what of a data folder is taken, and in which order. */
#include "store/backup_parts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/blobs.h"
#include "store/durable.h"
#include "store/hold.h"
#include "store/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOGS  "logs"
#define BLOBS "blobs"
#define KEYS  "keys"

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const single[] = {BACKUP_DB, BACKUP_HEAD, BACKUP_SUMS};
static const char *const folders[] = {LOGS, BLOBS, KEYS};

static bool part_valid(str part) {
    if (!part.len || part.ptr[0] == '.') return false;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && !memchr("._-@+", c, 5)) return false;
    }
    return true;
}

bool backup_name_valid(str name) {
    str part, rest;
    bool known = false;
    if (name.len > BACKUP_NAME_MAX) return false;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        if (str_is(name, single[i])) return true;
    }
    if (!str_cut(name, '/', &part, &rest)) return false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        known |= str_is(part, folders[i]);
    for (bool more = known; more;) {
        more = str_cut(rest, '/', &part, &rest);
        known = known && part_valid(part);
    }
    return known;
}

/* ---- files ---------------------------------------------------------------------------------- */

typedef struct making {
    const char *data;
    const backup_options *options;
    backup_writer *out;
    arena *a;
} making;

/* Adds an open file, whole. */
static int add_open(making *m, const char *name, int fd, err *e) {
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_sys(e, errno, "cannot read '%s/%s'", m->data, name);
    return backup_writer_file(m->out, name, fd, (uint64_t)st.st_size, st.st_mtim.tv_sec, e);
}

static int open_in(const making *m, const char *name) {
    _cleanup_arena_ arena *a = arena_new();
    return open(fs_join(a, m->data, str_from(name)),
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int add_file(making *m, const char *name, err *e) {
    _cleanup_close_ int fd = open_in(m, name);
    if (fd < 0) return err_sys(e, errno, "cannot read '%s/%s'", m->data, name);
    return add_open(m, name, fd, e);
}

/* ---- logs ----------------------------------------------------------------------------------- */

/* The bytes up to the last newline: what comes after it is being written just now. */
static int whole_lines(int fd, uint64_t *ret) {
    static const uint64_t piece = LOG_RECORD_MAX;
    struct stat st;
    if (fstat(fd, &st) < 0) return -1;
    uint64_t size = (uint64_t)st.st_size, from = size > piece ? size - piece : 0;
    char *bytes = mem_alloc(piece);
    int r = durable_read(fd, bytes, (size_t)(size - from), from);
    const char *end = r == 0 ? memrchr(bytes, '\n', (size_t)(size - from)) : NULL;
    *ret = end ? from + (uint64_t)(end - bytes) + 1 : 0;
    free(bytes);
    return r;
}

/* A log that grew when the folder was listed, and may be packed by now. */
static int add_growing(making *m, const char *name, err *e) {
    uint64_t size;
    struct stat st;
    _cleanup_close_ int fd = open_in(m, name);
    if (fd < 0 && errno == ENOENT) return add_file(m, arena_printf(m->a, "%s.zst", name).ptr, e);
    if (fd < 0 || fstat(fd, &st) < 0 || whole_lines(fd, &size) < 0)
        return err_sys(e, errno, "cannot read '%s/%s'", m->data, name);
    return backup_writer_file(m->out, name, fd, size, st.st_mtim.tv_sec, e);
}

/* "4660.log" stands before "4660.log.zst" in a sorted list; of both the packed one counts. */
static int add_logs_of(making *m, str folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    str path = arena_printf(a, LOGS "/%.*s", STR_ARG(folder));
    int r = fs_list(a, fs_join(a, m->data, path), &entries, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        str entry = entries[i].name;
        const char *name = arena_printf(a, "%.*s/%.*s", STR_ARG(path), STR_ARG(entry)).ptr;
        str packed = arena_printf(a, "%.*s.zst", STR_ARG(entry));
        bool is_packed = false;
        for (size_t k = i + 1; k < count && str_starts(entries[k].name, entry); k++)
            is_packed |= str_eq(entries[k].name, packed);
        if (str_ends(entry, STR(".log.zst")))
            r = add_file(m, name, e);
        else if (str_ends(entry, STR(".log")) && !is_packed)
            r = add_growing(m, name, e);
    }
    return r;
}

static int add_logs(making *m, err *e) {
    fs_entry *entries;
    size_t count;
    int r = fs_list(m->a, fs_join(m->a, m->data, STR(LOGS)), &entries, &count, e);
    if (r == ERR_NOT_FOUND) return 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (entries[i].is_dir) r = add_logs_of(m, entries[i].name, e);
    }
    return r;
}

/* ---- blobs, keys ---------------------------------------------------------------------------- */

static int add_blob(void *context, str digest, uint64_t size, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    (void)size;
    return add_file(context, blob_path(a, BLOBS, digest), e);
}

static int add_keys_in(making *m, const char *folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    int r = fs_list(a, fs_join(a, m->data, str_from(folder)), &entries, &count, e);
    if (r == ERR_NOT_FOUND) return 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        const char *name = fs_join(a, folder, entries[i].name);
        r = entries[i].is_dir ? add_keys_in(m, name, e) : add_file(m, name, e);
    }
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int add_head(making *m, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char created[32];
    struct tm tm;
    time_t t = (time_t)(m->options->now_us / 1000000);
    if (!gmtime_r(&t, &tm) || !strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return err_set(e, ERR_INVALID, "the clock is wrong");
    json_out o = JSON_OUT(&text);
    json_open(&o, '{');
    json_key_str(&o, "format", STR("slipway-backup"));
    json_key_number(&o, "version", BACKUP_VERSION);
    json_key_str(&o, "slipway", str_from(m->options->slipway));
    json_key_str(&o, "created", str_from(created));
    json_key(&o, "keys");
    value keys = value_bool(m->options->with_keys);
    json_put_value(&o, &keys);
    json_close(&o, '}');
    strbuf_addc(&text, '\n');
    return backup_writer_text(m->out, BACKUP_HEAD, strbuf_str(&text), t, e);
}

/* The copy stands beside the backup while it is made: there is room, if anywhere. */
static int add_db(making *m, const char *beside, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *from = fs_join(a, m->data, STR(BACKUP_DB));
    char *copy = arena_cstr(a, arena_printf(a, "%s.db", beside));
    int r = backup_db_copy(from, copy, e);
    _cleanup_close_ int fd = r == 0 ? open(copy, O_RDONLY | O_CLOEXEC) : -1;
    if (r == 0 && fd < 0) r = err_sys(e, errno, "cannot read '%s'", copy);
    if (r == 0) r = add_open(m, BACKUP_DB, fd, e);
    unlink(copy);
    return r;
}

static int add_all(making *m, const char *part, err *e) {
    int r = add_head(m, e);
    if (r == 0) r = add_db(m, part, e);
    if (r == 0) r = add_logs(m, e);
    if (r == 0) r = blob_list(fs_join(m->a, m->data, STR(BLOBS)), add_blob, m, e);
    if (r == 0 && m->options->with_keys) r = add_keys_in(m, KEYS, e);
    return r;
}

static int hold(const making *m, const char *folder, int *ret_fd, err *e) {
    char *path = fs_join(m->a, m->data, str_from(folder));
    return fs_is_dir(path) ? hold_keep(path, ret_fd, e) : 0;
}

/* Under another name, read back, and renamed. */
static int make(making *m, const char *part, const char *to, backup_done *ret, err *e) {
    _cleanup_close_ int logs = -1, blobs = -1;
    int r = hold(m, LOGS, &logs, e);
    if (r == 0) r = hold(m, BLOBS, &blobs, e);
    if (r == 0) r = backup_writer_open(part, &m->out, e);
    if (r < 0) return r;
    r = add_all(m, part, e);
    if (r == 0) r = backup_writer_end(m->out, ret, e);
    backup_writer_free(m->out);
    if (r == 0 && (r = backup_verify(part, e)) < 0)
        err_context(e, "the backup was read back and is not what was written");
    if (r == 0) r = durable_rename(part, to, e);
    ret->has_keys = m->options->with_keys;
    err ignored = {0};
    if (r < 0) fs_remove(part, &ignored);
    return r;
}

int backup_make(const char *data, const char *to, const backup_options *options, backup_done *ret,
                err *e) {
    _cleanup_arena_ arena *a = arena_new();
    making m = {.data = data, .options = options, .a = a};
    char mark[9];
    struct stat st;
    if (!fs_exists(fs_join(a, data, STR(BACKUP_DB))))
        return err_set(e, ERR_NOT_FOUND, "'%s' is not the data folder of a server: it has no %s",
                       data, BACKUP_DB);
    if (lstat(to, &st) == 0)
        return err_set(e, ERR_INVALID, "'%s' is there already: give a new name, or remove it", to);
    random_hex(4, mark);
    str path = str_from(to);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    str part =
        arena_printf(a, "%.*s.part-%s%s", STR_ARG(path), mark, backup_is_tar(to) ? ".tar.zst" : "");
    return make(&m, part.ptr, arena_cstr(a, path), ret, e);
}
