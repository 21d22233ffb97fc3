/* spool_read.c: a job's folder as its agent sees it. What is in it was written by a process of ours
 * in a folder that only we may enter; it is read with caps all the same. */
#include "agent/spool.h"
#include "agent/temp.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOB_MAX ((size_t)1 << 20)

typedef struct spool_path {
    char text[4096];
} spool_path;

static spool_path path_of(const char *dir, const char *name) {
    spool_path p;
    snprintf(p.text, sizeof p.text, "%s/%s", dir, name);
    return p;
}

int spool_list(arena *a, const char *parent, str **ret, size_t *ret_count, err *e) {
    fs_entry *entries;
    size_t count;
    *ret_count = 0;
    if (fs_list(a, parent, &entries, &count, e) < 0) return e->code;
    *ret = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].is_dir && !entries[i].is_link) (*ret)[(*ret_count)++] = entries[i].name;
    }
    return 0;
}

/* First the lock: a process that ends meanwhile has written its result before. */
spool_state spool_look(const char *dir) {
    _cleanup_close_ int fd = open(path_of(dir, SPOOL_LOCK).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return SPOOL_NEW;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) return SPOOL_RUNNING;
    if (fs_exists(path_of(dir, SPOOL_RESULT).text)) return SPOOL_DONE;
    /* Between making the lock and taking it there is a moment. */
    return fs_exists(path_of(dir, SPOOL_EVENTS).text) ? SPOOL_LOST : SPOOL_NEW;
}

/* Reads at most `max` bytes more; the last piece may end within a line. */
static int read_more(int fd, uint64_t at, size_t max, strbuf *out, err *e) {
    while (max) {
        size_t want = max < (64 << 10) ? max : (64 << 10);
        strbuf_reserve(out, want);
        ssize_t n = pread(fd, out->ptr + out->len, want, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot read what a job has written");
        if (n == 0) break;
        out->len += (size_t)n;
        out->ptr[out->len] = '\0';
        at += (uint64_t)n;
        max -= (size_t)n;
    }
    return 0;
}

int spool_read(const char *dir, const char *file, uint64_t offset, size_t max, strbuf *out,
               err *e) {
    spool_path path = path_of(dir, file);
    size_t before = out->len, step = max;
    _cleanup_close_ int fd = open(path.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "there is no '%s'", path.text)
                               : err_sys(e, errno, "cannot open '%s'", path.text);
    for (;;) {
        size_t had = out->len;
        int r = read_more(fd, offset + (had - before), step, out, e);
        if (r < 0) return r;
        str read = {out->ptr ? out->ptr + before : "", out->len - before};
        ptrdiff_t end = str_rfind_char(read, '\n');
        if (end >= 0 || out->len == had) {
            strbuf_truncate(out, before + (size_t)(end + 1));
            return 0;
        }
        step = 64 << 10; /* not one whole line yet */
    }
}

int spool_read_job(arena *a, const char *dir, str *ret, err *e) {
    return fs_read_file(a, path_of(dir, SPOOL_JOB).text, JOB_MAX, ret, e);
}

static bool result_named(str name, job_result *ret) {
    for (int r = 0; r < JOB_RESULT_COUNT; r++) {
        if (r == JOB_PENDING || !str_is(name, job_result_name((job_result)r))) continue;
        *ret = (job_result)r;
        return true;
    }
    return false;
}

static uint64_t count_at(const value *v, const char *key) {
    const value *n = value_get(v, str_from(key));
    bool good = n && n->kind == VALUE_NUMBER && n->number >= 0 && n->number < 9e15;
    return good ? (uint64_t)n->number : 0;
}

int spool_read_result(arena *a, const char *dir, spool_result *ret, err *e) {
    str text;
    value v;
    spool_path path = path_of(dir, SPOOL_RESULT);
    int r = fs_read_file(a, path.text, SPOOL_RESULT_MAX, &text, e);
    if (r == 0) r = json_parse(a, text, 0, &v, e);
    if (r < 0) return r;
    *ret = (spool_result){.reason = value_path_str(&v, "reason"),
                          .seq = count_at(&v, "seq"),
                          .bytes = count_at(&v, "bytes"),
                          .outputs = value_object_new(a, false)};
    if (!result_named(value_path_str(&v, "result"), &ret->result))
        return err_set(e, ERR_INVALID, "'%s' tells no result", path.text);
    const value *outputs = value_get(&v, STR("outputs"));
    for (size_t i = 0; i < value_count(outputs); i++) {
        const value_pair *p = value_at(outputs, i);
        if (p && p->item.kind == VALUE_STRING) value_set(a, &ret->outputs, p->key, p->item);
    }
    return 0;
}

int spool_order(const char *dir, const char *word, err *e) {
    spool_path path = path_of(dir, SPOOL_CONTROL);
    char line[64];
    int n = snprintf(line, sizeof line, "%s\n", word);
    _cleanup_close_ int fd = open(path.text, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENXIO || errno == ENOENT
                   ? err_set(e, ERR_NOT_FOUND, "no process reads '%s'", path.text)
                   : err_sys(e, errno, "cannot open '%s'", path.text);
    if (write(fd, line, (size_t)n) != n) return err_sys(e, errno, "cannot write '%s'", path.text);
    return 0;
}

int spool_remove(const char *dir, err *e) {
    temp_sweep();
    return fs_remove(dir, e);
}
