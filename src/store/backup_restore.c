/* backup_restore.c: a data folder again. All is done in a folder beside it, which gets the name at
 * the very end. */
#include "store/backup_parts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/durable.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 65536u

static int read_head(const char *folder, backup_done *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str text;
    value head;
    err ignored = {0};
    int r = fs_read_below(a, folder, BACKUP_HEAD, HEAD_MAX, &text, &ignored);
    if (r < 0 || json_parse(a, text, 0, &head, &ignored) < 0 || head.kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "this is no backup of Slipway: it has no " BACKUP_HEAD);
    const value *format = value_get(&head, STR("format")),
                *version = value_get(&head, STR("version"));
    const value *keys = value_get(&head, STR("keys"));
    if (!format || format->kind != VALUE_STRING || !str_is(format->string, "slipway-backup") ||
        !version || version->kind != VALUE_NUMBER)
        return err_set(e, ERR_INVALID,
                       "this is no backup of Slipway: " BACKUP_HEAD " is another's");
    if (version->number != BACKUP_VERSION)
        return err_set(
            e, ERR_UNSUPPORTED,
            "the backup has version %g of the format, and this Slipway knows %d: use the "
            "one that made it",
            version->number, BACKUP_VERSION);
    ret->has_keys = keys && keys->kind == VALUE_BOOL && keys->boolean;
    return 0;
}

/* Counts what SHA256SUMS lists; there must be as much as was unpacked. */
static int count_files(const char *folder, uint64_t unpacked, backup_done *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str rest, digest, name;
    struct stat st;
    uint64_t count = 0;
    int r = fs_read_below(a, folder, BACKUP_SUMS, BACKUP_SUMS_MAX, &rest, e);
    while (r >= 0 && (r = backup_sums_next(&rest, &digest, &name, e)) > 0) {
        count++;
        if (str_is(name, BACKUP_HEAD)) continue;
        ret->files++;
        if (stat(fs_join(a, folder, name), &st) == 0) ret->bytes += (uint64_t)st.st_size;
    }
    if (r == 0 && count != unpacked)
        r = err_set(e, ERR_INVALID,
                    "the backup is damaged: it holds %llu files, and " BACKUP_SUMS " lists %llu",
                    (unsigned long long)unpacked, (unsigned long long)count);
    return r;
}

/* As the server opens it: whole, and not of a newer Slipway. */
static int try_database(const char *folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *path = fs_join(a, folder, STR(BACKUP_DB));
    store *s;
    if (!fs_exists(path)) return err_set(e, ERR_INVALID, "the backup has no " BACKUP_DB);
    int r = backup_db_check(path, e);
    if (r == 0) r = store_open(path, &s, e);
    if (r == 0) store_close(s);
    return r;
}

static int fill(const char *from, const char *folder, backup_done *ret, err *e) {
    uint64_t files = 0;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open '%s'", folder);
    int r =
        fs_is_dir(from) ? backup_copy(from, folder, &files, e) : backup_unpack(from, fd, &files, e);
    if (r == 0) r = backup_verify(folder, e);
    if (r == 0) r = read_head(folder, ret, e);
    if (r == 0) r = count_files(folder, files, ret, e);
    if (r == 0) r = try_database(folder, e);
    if (r < 0) return r;
    unlink(fs_join(a, folder, STR(BACKUP_HEAD)));
    unlink(fs_join(a, folder, STR(BACKUP_SUMS)));
    return syncfs(fd) < 0 ? err_sys(e, errno, "cannot sync '%s'", folder) : 0;
}

/* An empty folder may be there: rename puts the new one in its place. */
static int judge_target(const char *data, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    struct stat st;
    if (lstat(data, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(e, errno, "cannot look at '%s'", data);
    if (!S_ISDIR(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is not a folder", data);
    int r = fs_list(a, data, &entries, &count, e);
    if (r == 0 && count)
        r = err_set(e, ERR_INVALID,
                    "'%s' is not empty: a backup is restored to a folder that is not there or has "
                    "nothing in it",
                    data);
    return r;
}

int backup_restore(const char *from, const char *data, backup_done *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char mark[9];
    str path = str_from(data);
    *ret = (backup_done){0};
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    char *to = arena_cstr(a, path);
    if (!fs_exists(from)) return err_set(e, ERR_NOT_FOUND, "there is no backup '%s'", from);
    int r = judge_target(to, e);
    if (r < 0) return r;
    random_hex(4, mark);
    char *folder = arena_cstr(a, arena_printf(a, "%s.restoring-%s", to, mark));
    r = fs_mkdirs(folder, 0700, e);
    if (r == 0) r = fill(from, folder, ret, e);
    if (r == 0) r = durable_rename(folder, to, e);
    err ignored = {0};
    if (r < 0) fs_remove(folder, &ignored);
    return r;
}
