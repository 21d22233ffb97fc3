/* log_open.c: handles. What a log's file holds is believed as far as it can be read as records; the
 * index beside it only saves reading it all. */
#include "store/log_internal.h"

#include "base/fs.h"
#include "store/durable.h"
#include "store/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_FILE_MAX (512u << 20)
#define SCAN_BYTES     (1u << 20)

char *log_path(arena *a, const char *dir, int64_t job, const char *ending) {
    str name = arena_printf(a, "%02x/%lld%s", (unsigned)(job & 0xff), (long long)job, ending);
    return fs_join(a, dir, name);
}

int log_damaged(const job_log *l, const char *what, err *e) {
    return err_set(e, ERR_INVALID, "the log '%s' is damaged: %s", l->path, what);
}

job_log *log_new(const char *path, int fd, int64_t job) {
    job_log *l = mem_alloc(sizeof *l);
    *l = (job_log){.fd = fd, .job = job, .index_fd = -1, .pending = STRBUF_INIT};
    l->path = mem_alloc(strlen(path) + 1);
    memcpy(l->path, path, strlen(path) + 1);
    pthread_mutex_init(&l->lock, NULL);
    pthread_mutex_init(&l->sync_lock, NULL);
    return l;
}

void log_close(job_log *l) {
    if (!l) return;
    if (l->fd >= 0) close(l->fd);
    if (l->index_fd >= 0) close(l->index_fd);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->sync_lock);
    index_done(&l->index);
    strbuf_done(&l->pending);
    free(l->path);
    free(l);
}

/* ---- reading what is there ------------------------------------------------------------------ */

static int file_size(const job_log *l, uint64_t *ret, err *e) {
    struct stat st;
    if (fstat(l->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_sys(e, errno, "cannot read the log '%s'", l->path);
    if ((uint64_t)st.st_size > LOG_BYTES_MAX + LOG_RECORD_MAX)
        return err_set(e, ERR_LIMIT, "the log '%s' has more than %llu bytes", l->path,
                       (unsigned long long)LOG_BYTES_MAX);
    *ret = (uint64_t)st.st_size;
    return 0;
}

/* Adds the records of a piece; gives how many bytes they have. *stop: what comes next is none. */
static size_t scan_piece(log_index *x, str piece, bool strict, bool *stop) {
    log_line line;
    str rest = piece;
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t size = end ? (size_t)(end - rest.ptr) : rest.len;
        if (!end && size <= LOG_RECORD_MAX) break;
        str record = {rest.ptr, size};
        *stop = !end || size >= LOG_RECORD_MAX || !log_record_parse(record, &line) ||
                (strict && memchr(record.ptr, '\0', record.len));
        if (*stop) break;
        index_add(x, line.step, line.at_us, (uint32_t)size + 1);
        rest = str_sub(rest, size + 1, rest.len);
    }
    return piece.len - rest.len;
}

int log_scan(job_log *l, bool strict, err *e) {
    uint64_t size;
    bool stop = false;
    int r = file_size(l, &size, e);
    char *bytes = r == 0 && l->index.size < size ? mem_alloc(SCAN_BYTES) : NULL;
    while (r == 0 && !stop && l->index.size < size) {
        uint64_t left = size - l->index.size;
        size_t want = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
        if (durable_read(l->fd, bytes, want, l->index.size) < 0)
            r = err_sys(e, errno ? errno : EIO, "cannot read the log '%s'", l->path);
        else if (scan_piece(&l->index, (str){bytes, want}, strict, &stop) == 0)
            break;
    }
    free(bytes);
    return r;
}

/* ---- the index file ------------------------------------------------------------------------- */

/* Whether the block is that which the file has. */
static bool fits(const job_log *l, uint64_t mark) {
    char end[INDEX_MARK_SIZE];
    const log_block *b = &l->index.blocks[l->index.count - 1];
    size_t size = b->size < sizeof end ? b->size : sizeof end;
    if (durable_read(l->fd, end, size, b->offset + b->size - size) < 0) return false;
    return end[size - 1] == '\n' && index_mark((str){end, size}) == mark;
}

/* Loads what of the index fits the file. Whatever is wrong with it, the log is read instead. */
static void load_index(job_log *l, const char *path) {
    _cleanup_arena_ arena *a = arena_new();
    err ignored = {0};
    str text;
    uint64_t mark = 0;
    if (fs_read_file(a, path, INDEX_FILE_MAX, &text, &ignored) < 0) return;
    str rest = text;
    if (!index_read_head(&rest)) return;
    while (index_read_block(&rest, &l->index, &mark))
        continue;
    if (l->index.count && !fits(l, mark)) {
        index_clear(&l->index);
        return;
    }
    l->indexed = l->index.count;
    l->index_size = text.len - rest.len;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_error(const char *path, err *e) {
    int code = errno;
    err_sys(e, code, "cannot open the log '%s'", path);
    if (code != ENOENT) return ERR_IO;
    if (e) e->code = ERR_NOT_FOUND;
    return ERR_NOT_FOUND;
}

static int open_file(arena *a, const char *dir, int64_t job, const char *ending, job_log **ret,
                     err *e) {
    char *path = log_path(a, dir, job, ending);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return open_error(path, e);
    *ret = log_new(path, fd, job);
    return 0;
}

static int load(arena *a, const char *dir, job_log *l, err *e) {
    if (l->packed) return packed_load(l, e);
    load_index(l, log_path(a, dir, l->job, ".log.idx"));
    int r = log_scan(l, false, e);
    l->synced = l->index.size;
    return r;
}

/* The packed file first: it is whole from the moment that it has its name. Between the two looks a
 * log may be packed, so that there is neither; then the first is there now. */
int log_open(const char *dir, int64_t job, job_log **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_log_ job_log *l = NULL;
    bool packed = true;
    int r = open_file(a, dir, job, ".log.zst", &l, e);
    if (r == ERR_NOT_FOUND) {
        packed = false;
        r = open_file(a, dir, job, ".log", &l, e);
    }
    if (r == ERR_NOT_FOUND) {
        packed = true;
        r = open_file(a, dir, job, ".log.zst", &l, e);
    }
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "there is no log of job %lld", (long long)job);
    if (r < 0) return r;
    l->packed = packed;
    r = load(a, dir, l, e);
    if (r < 0) return r;
    *ret = l;
    l = NULL;
    return 0;
}

/* ---- opening to write ----------------------------------------------------------------------- */

static const char cut_words[] = "This log was cut off at ";

/* Whether the last line says that the log was cut. */
static int look_for_cut(job_log *l, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    log_page page;
    int r = log_tail(l, a, LOG_ANY_STEP, 1, &page, e);
    if (r < 0) return r;
    bool cut = page.count && page.lines[0].step == LOG_STEP_NONE && page.lines[0].kind == 'w' &&
               str_starts(page.lines[0].text, str_from(cut_words));
    atomic_store(&l->cut, cut);
    return 0;
}

/* Cuts off what is no record: a loss of power left it, and nobody was told that it is safe. */
static int repair(job_log *l, err *e) {
    uint64_t size;
    int r = file_size(l, &size, e);
    if (r < 0 || size == l->index.size) return r;
    if (ftruncate(l->fd, (off_t)l->index.size) == 0) return 0;
    return err_sys(e, errno, "cannot cut the torn end off the log '%s'", l->path);
}

static int open_to_write(arena *a, const char *dir, int64_t job, job_log **ret, err *e) {
    char *path = log_path(a, dir, job, ".log");
    char *folder = arena_cstr(a, str_sub(str_from(path), 0, (size_t)(strrchr(path, '/') - path)));
    if (fs_exists(log_path(a, dir, job, ".log.zst")))
        return err_set(e, ERR_INVALID, "the log of job %lld is packed, and takes nothing more",
                       (long long)job);
    int r = fs_mkdirs(folder, 0700, e);
    if (r < 0) return r;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return open_error(path, e);
    *ret = log_new(path, fd, job);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
    return err_set(e, ERR_INVALID, "the log '%s' is being written already", path);
}

int log_open_writer(const char *dir, int64_t job, uint64_t max_bytes, job_log **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_log_ job_log *l = NULL;
    int r = open_to_write(a, dir, job, &l, e);
    if (r < 0) return r;
    l->writes = true;
    l->max_bytes = !max_bytes                  ? LOG_BYTES_DEFAULT
                   : max_bytes > LOG_BYTES_MAX ? LOG_BYTES_MAX
                                               : max_bytes;
    load_index(l, log_path(a, dir, job, ".log.idx"));
    r = log_scan(l, true, e);
    if (r == 0) r = repair(l, e);
    if (r == 0) r = look_for_cut(l, e);
    if (r < 0) return r;
    *ret = l;
    l = NULL;
    return 0;
}

/* ---- facts ---------------------------------------------------------------------------------- */

uint64_t log_size(job_log *l) {
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->index.size;
    pthread_mutex_unlock(&l->lock);
    return n;
}

uint64_t log_lines(job_log *l) {
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->index.lines;
    pthread_mutex_unlock(&l->lock);
    return n;
}

bool log_is_packed(const job_log *l) {
    return l->packed;
}

bool log_is_cut(const job_log *l) {
    return atomic_load(&((job_log *)l)->cut);
}

void log_steps(job_log *l, arena *a, log_step **ret, size_t *ret_count) {
    size_t cap = 0;
    *ret = NULL;
    *ret_count = 0;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->index.step_count; i++) {
        if (l->index.steps[i].lines) ARENA_PUSH(a, *ret, *ret_count, cap, l->index.steps[i]);
    }
    pthread_mutex_unlock(&l->lock);
}

/* ---- files ---------------------------------------------------------------------------------- */

static const char *const endings[] = {".log", ".log.idx", ".log.zst"};
#define ENDING_COUNT (sizeof endings / sizeof *endings)

int log_remove(const char *dir, int64_t job, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int hold = -1;
    if (!fs_is_dir(dir)) return 0;
    int r = hold_remove(dir, &hold, e);
    if (r) return r;
    for (size_t i = 0; i < ENDING_COUNT; i++) {
        char *path = log_path(a, dir, job, endings[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            return err_sys(e, errno, "cannot remove the log '%s'", path);
    }
    return 0;
}

int log_disk_bytes(const char *dir, int64_t job, uint64_t *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    struct stat st;
    *ret = 0;
    for (size_t i = 0; i < ENDING_COUNT; i++) {
        char *path = log_path(a, dir, job, endings[i]);
        if (stat(path, &st) == 0)
            *ret += (uint64_t)st.st_blocks * 512;
        else if (errno != ENOENT)
            return err_sys(e, errno, "cannot look at the log '%s'", path);
    }
    return 0;
}
