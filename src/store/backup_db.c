/* backup_db.c: SQLite's online copy. In one step it reads one snapshot: with a WAL, who writes is
 * not kept waiting, and nothing of what they write meanwhile is in the copy. */
#include "store/backup_parts.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(sqlite3 *db, const char *path, err *e) {
    return err_set(e, ERR_IO, "cannot copy the database '%s': %s", path, sqlite3_errmsg(db));
}

static int open_db(const char *path, int flags, sqlite3 **ret, err *e) {
    if (sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int r = fail(*ret, path, e);
        sqlite3_close(*ret);
        *ret = NULL;
        return r;
    }
    sqlite3_busy_timeout(*ret, STORE_BUSY_MS);
    return 0;
}

/* One file, without a WAL beside it. */
static int settle(sqlite3 *db, const char *path, err *e) {
    if (sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) == SQLITE_OK) return 0;
    return fail(db, path, e);
}

static int copy_all(sqlite3 *from, sqlite3 *to, const char *path, err *e) {
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b) return fail(to, path, e);
    int code = sqlite3_backup_step(b, -1);
    sqlite3_backup_finish(b);
    if (code == SQLITE_DONE) return settle(to, path, e);
    return err_set(e, ERR_IO, "cannot copy the database '%s': %s", path, sqlite3_errstr(code));
}

int backup_db_copy(const char *from, const char *to, err *e) {
    sqlite3 *source, *copy;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return err_sys(e, errno, "cannot make '%s'", to);
    close(fd);
    int r = open_db(from, SQLITE_OPEN_READONLY, &source, e);
    if (r < 0) return r;
    r = open_db(to, SQLITE_OPEN_READWRITE, &copy, e);
    if (r == 0) {
        r = copy_all(source, copy, from, e);
        sqlite3_close(copy);
    }
    sqlite3_close(source);
    return r < 0 ? r : backup_db_check(to, e);
}

typedef struct verdict {
    bool said;
    char first[256]; /* what is wrong */
} verdict;

static int hear(void *context, int count, char **values, char **names) {
    verdict *v = context;
    (void)names;
    const char *text = count && values[0] ? values[0] : "?";
    if (!v->said && strcmp(text, "ok") != 0) {
        v->said = true;
        strncpy(v->first, text, sizeof v->first - 1);
    }
    return 0;
}

int backup_db_check(const char *path, err *e) {
    sqlite3 *db;
    verdict v = {0};
    int r = open_db(path, SQLITE_OPEN_READONLY, &db, e);
    if (r < 0) return r;
    if (sqlite3_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA integrity_check", hear, &v, NULL) !=
        SQLITE_OK)
        r = err_set(e, ERR_INVALID, "the database '%s' cannot be read: %s", path,
                    sqlite3_errmsg(db));
    else if (v.said)
        r = err_set(e, ERR_INVALID, "the database '%s' is damaged: %s", path, v.first);
    else if (sqlite3_exec(db, "PRAGMA foreign_key_check", hear, &v, NULL) != SQLITE_OK || v.said)
        r = err_set(e, ERR_INVALID,
                    "the database '%s' is damaged: a row of '%s' refers to one that is not there",
                    path, v.first);
    sqlite3_close(db);
    return r;
}
