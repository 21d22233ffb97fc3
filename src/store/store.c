/* store.c: the connection, transactions, and statements that are prepared once. */
#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAL_PAUSE_MS 2

static int fail(store *s, const char *doing, err *e) {
    return err_set(e, ERR_IO, "cannot %s the database '%s': %s", doing, s->path,
                   sqlite3_errmsg(s->db));
}

int sql_script(store *s, const char *text, err *e) {
    if (sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK) return 0;
    return fail(s, "change", e);
}

/* When there are too many, as lists with ever other conditions make them, all go but those that are
 * in use, which is at most the one that asks. */
static void forget_prepared(store *s) {
    for (size_t i = 0; i < SQL_PREPARED_MAX; i++) {
        sqlite3_finalize(s->prepared[i].statement);
        free(s->prepared[i].text);
        s->prepared[i] = (sql_prepared){0};
    }
    s->prepared_count = 0;
}

static bool is_busy(const store *s) {
    for (size_t i = 0; i < SQL_PREPARED_MAX; i++) {
        if (s->prepared[i].statement && sqlite3_stmt_busy(s->prepared[i].statement)) return true;
    }
    return false;
}

/* Where the text is, or will be. */
static sql_prepared *find_prepared(store *s, const char *text) {
    size_t at = (size_t)str_hash(str_from(text)) & (SQL_PREPARED_MAX - 1);
    while (s->prepared[at].text && strcmp(s->prepared[at].text, text) != 0)
        at = (at + 1) & (SQL_PREPARED_MAX - 1);
    return &s->prepared[at];
}

int sql_open(store *s, const char *text, sql *ret, err *e) {
    *ret = (sql){.s = s, .next = 1};
    if (s->prepared_count >= SQL_PREPARED_MAX / 2 && !is_busy(s)) forget_prepared(s);
    if (s->prepared_count == SQL_PREPARED_MAX - 1)
        return err_set(e, ERR_LIMIT, "more than %d statements are in use", SQL_PREPARED_MAX - 1);
    sql_prepared *p = find_prepared(s, text);
    if (!p->text) {
        if (sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &p->statement, NULL) !=
            SQLITE_OK)
            return fail(s, "ask", e);
        size_t size = strlen(text) + 1;
        p->text = memcpy(mem_alloc(size), text, size);
        s->prepared_count++;
    }
    ret->statement = p->statement;
    return 0;
}

/* A str of zeros is an empty text, not NULL. */
void sql_bind_str(sql *q, str text) {
    if (sqlite3_bind_text64(q->statement, q->next++, text.ptr ? text.ptr : "", text.len,
                            SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_NOMEM)
        oom();
}

void sql_bind_bytes(sql *q, str bytes) {
    if (sqlite3_bind_blob64(q->statement, q->next++, bytes.ptr ? bytes.ptr : "", bytes.len,
                            SQLITE_TRANSIENT) == SQLITE_NOMEM)
        oom();
}

void sql_bind_int(sql *q, int64_t number) {
    sqlite3_bind_int64(q->statement, q->next++, number);
}

void sql_end(sql *q) {
    sqlite3_reset(q->statement);
    sqlite3_clear_bindings(q->statement);
}

int sql_step(sql *q, err *e) {
    int r = sqlite3_step(q->statement);
    if (r == SQLITE_ROW) return 1;
    if (r == SQLITE_DONE) return 0;
    int code = (r & 0xff) == SQLITE_CONSTRAINT ? ERR_INVALID : ERR_IO;
    fail(q->s, "use", e);
    if (e) e->code = code;
    sql_end(q);
    return code;
}

int sql_run(sql *q, err *e) {
    int r = sql_step(q, e);
    if (r < 0) return r;
    sql_end(q);
    return 0;
}

str sql_str(sql *q, arena *a, int column) {
    const char *text = (const char *)sqlite3_column_text(q->statement, column);
    return arena_str(a,
                     (str){text ? text : "", (size_t)sqlite3_column_bytes(q->statement, column)});
}

str sql_borrow(sql *q, int column) {
    const char *bytes = sqlite3_column_blob(q->statement, column);
    return (str){bytes ? bytes : "", (size_t)sqlite3_column_bytes(q->statement, column)};
}

int64_t sql_int(sql *q, int column) {
    return sqlite3_column_int64(q->statement, column);
}

int store_begin(store *s, err *e) {
    s->savepoints = 0;
    return sql_script(s, "BEGIN IMMEDIATE", e);
}

int store_commit(store *s, err *e) {
    int r = sql_script(s, "COMMIT", e);
    s->savepoints = 0;
    if (r < 0) store_rollback(s);
    return r;
}

static int savepoint(store *s, const char *format, err *e) {
    char text[64];
    snprintf(text, sizeof text, format, s->savepoints, s->savepoints);
    return sql_script(s, text, e);
}

int store_savepoint(store *s, err *e) {
    assert(!sqlite3_get_autocommit(s->db)); /* it would begin a transaction that reads at first */
    if (s->savepoints == STORE_SAVEPOINTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d savepoints are open", STORE_SAVEPOINTS_MAX);
    s->savepoints++;
    int r = savepoint(s, "SAVEPOINT s%u", e);
    if (r < 0) s->savepoints--;
    return r;
}

int store_release(store *s, err *e) {
    assert(s->savepoints);
    int r = savepoint(s, "RELEASE s%u", e);
    s->savepoints--;
    return r;
}

int store_rollback_to(store *s, err *e) {
    assert(s->savepoints);
    int r = savepoint(s, "ROLLBACK TO s%u; RELEASE s%u", e);
    s->savepoints--;
    return r;
}

void store_rollback(store *s) {
    s->savepoints = 0;
    if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* SQLite makes its files by the umask; what they hold is the person's own. */
static int make_private(const char *path, err *e) {
    /* One that is there is not opened: to close it would end SQLite's locks of this process. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST || lstat(path, &st) < 0)
        return err_sys(e, errno, "cannot open the database '%s'", path);
    else if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "cannot open the database '%s': it is no regular file", path);
    return 0;
}

/* SQLite does not call its busy handler while a new file changes to WAL: of several processes that
 * open it at once all but one are told that it is locked. */
static int use_wal(store *s, err *e) {
    const struct timespec pause = {.tv_nsec = WAL_PAUSE_MS * 1000000L};
    int code = SQLITE_BUSY;
    for (int waited = 0; code == SQLITE_BUSY && waited < STORE_BUSY_MS; waited += WAL_PAUSE_MS) {
        if (waited) nanosleep(&pause, NULL);
        code = sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : fail(s, "open", e);
}

static int connect_to(const char *path, store **ret, err *e) {
    store *s = *ret = mem_alloc(sizeof *s);
    *s = (store){0};
    snprintf(s->path, sizeof s->path, "%s", path);
    if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return fail(s, "open", e);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    return 0;
}

/* The file is opened as one that may be written, because whoever reads it must take part in the
 * locks of its log. One that we may not write to is opened to read by SQLite itself. */
int store_open_reader(const char *path, store **ret, err *e) {
    store *s;
    struct stat st;
    if (stat(path, &st) < 0) {
        int code = errno;
        err_sys(e, code, "cannot open the database '%s'", path);
        if (code == ENOENT && e) e->code = ERR_NOT_FOUND;
        return code == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    int code = connect_to(path, &s, e);
    if (code == 0) code = sql_script(s, "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF", e);
    if (code == 0) code = schema_check(s, e);
    if (code < 0)
        store_close(s);
    else
        *ret = s;
    return code;
}

int store_open(const char *path, store **ret, err *e) {
    store *s;
    int code = make_private(path, e);
    if (code < 0) return code;
    code = connect_to(path, &s, e);
    if (code == 0) code = use_wal(s, e);
    if (code == 0)
        code = sql_script(
            s, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", e);
    if (code == 0) code = schema_migrate(s, e);
    if (code < 0)
        store_close(s);
    else
        *ret = s;
    return code;
}

void store_close(store *s) {
    if (!s) return;
    forget_prepared(s);
    sqlite3_close(s->db);
    free(s);
}
