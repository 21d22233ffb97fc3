/* log_write.c: appending. The bytes go to the file first; then, in one step under the lock, the
 * index tells of them. What fails before that leaves the index as it was, and the next append
 * writes over what may be in the file. */
#include "store/log_internal.h"

#include "base/fs.h"
#include "store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUT_LINE_MAX 256u /* is kept free for the last line */

static int not_written(const job_log *l, int code, err *e) {
    return err_sys(e, code, "cannot write the log '%s'", l->path);
}

/* ---- judging -------------------------------------------------------------------------------- */

static int too_long(const job_log *l, uint64_t at, err *e) {
    return err_set(e, ERR_LIMIT,
                   "the log '%s': the record at byte %llu has more than %u bytes of text", l->path,
                   (unsigned long long)at, LOG_TEXT_MAX);
}

/* *ret: the bytes of the whole records at the head of `bytes`, and no more than fit under the cap.
 * *ret_full: the next one does not. */
static int judge(const job_log *l, str bytes, size_t *ret, bool *ret_full, err *e) {
    log_line line;
    uint64_t at = l->index.size;
    uint64_t room = l->max_bytes > CUT_LINE_MAX ? l->max_bytes - CUT_LINE_MAX : 0;
    *ret = 0;
    *ret_full = false;
    for (str rest = bytes; rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        str record = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        if (record.len >= LOG_RECORD_MAX) return too_long(l, at + *ret, e);
        if (!end) break;
        if (!log_record_parse(record, &line))
            return err_set(e, ERR_INVALID,
                           "the log '%s': what comes at byte %llu is no record \"STEP AT_US KIND "
                           "TEXT\"",
                           l->path, (unsigned long long)(at + *ret));
        if (line.text.len > LOG_TEXT_MAX) return too_long(l, at + *ret, e);
        if (at + *ret + record.len + 1 > room) {
            *ret_full = true;
            return 0;
        }
        *ret += record.len + 1;
        rest = str_sub(rest, record.len + 1, rest.len);
    }
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void publish(job_log *l, str records) {
    log_line line;
    pthread_mutex_lock(&l->lock);
    while (records.len) {
        size_t size = (size_t)((const char *)memchr(records.ptr, '\n', records.len) - records.ptr);
        log_record_parse((str){records.ptr, size}, &line);
        index_add(&l->index, line.step, line.at_us, (uint32_t)size + 1);
        records = str_sub(records, size + 1, records.len);
    }
    pthread_mutex_unlock(&l->lock);
}

static int write_records(job_log *l, str records, err *e) {
    if (durable_write(l->fd, records, l->index.size) == 0) {
        publish(l, records);
        return 0;
    }
    int code = errno;
    /* Should it fail too, the next append or opening puts it right. */
    if (ftruncate(l->fd, (off_t)l->index.size) < 0) errno = code;
    return not_written(l, code, e);
}

static void add_size(strbuf *out, uint64_t bytes) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0)
        bytes /= 1024, unit++;
    strbuf_addf(out, "%llu %s", (unsigned long long)bytes, units[unit]);
}

/* The last line, with the time of the one before it. */
static int write_cut(job_log *l, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, record = STRBUF_INIT;
    int64_t at_us = 0;
    for (size_t i = 0; i < l->index.step_count; i++) {
        const log_step *s = &l->index.steps[i];
        if (s->lines && s->last_us > at_us) at_us = s->last_us;
    }
    strbuf_adds(&text, "This log was cut off at ");
    add_size(&text, l->max_bytes);
    strbuf_adds(&text, ", the cap on the size of a log; what the job says after this is not kept");
    log_record_write(&record, LOG_STEP_NONE, at_us, 'w', strbuf_str(&text));
    int r = write_records(l, strbuf_str(&record), e);
    if (r == 0) atomic_store(&l->cut, true);
    return r;
}

/* A NUL in the file is what a loss of power leaves; so none is written. */
static void replace_nuls(strbuf *b, size_t from) {
    for (char *at; (at = memchr(b->ptr + from, '\0', b->len - from));)
        *at = '\x1a'; /* SUBSTITUTE */
}

/* Takes bytes that follow on what was taken. `all` is the pending beginning and the bytes. */
static int take(job_log *l, str all, err *e) {
    size_t size;
    bool full;
    int r = judge(l, all, &size, &full, e);
    if (r == 0 && size) r = write_records(l, str_sub(all, 0, size), e);
    if (r < 0) return r;
    if (full) {
        r = write_cut(l, e);
        strbuf_clear(&l->pending);
        return r;
    }
    str tail = str_sub(all, size, all.len);
    if (all.ptr == l->pending.ptr) {
        strbuf_shift(&l->pending, size);
    } else {
        strbuf_clear(&l->pending);
        strbuf_add(&l->pending, tail);
    }
    return 0;
}

int log_append(job_log *l, uint64_t offset, str bytes, uint64_t *ret_size, err *e) {
    uint64_t end = l->index.size + l->pending.len; /* only the writer changes them */
    *ret_size = end;
    if (!l->writes)
        return err_set(e, ERR_INVALID, "the log '%s' is finished, and takes nothing more", l->path);
    if (log_is_cut(l)) {
        uint64_t last = offset + bytes.len;
        *ret_size = last > end ? last : end;
        return 0;
    }
    if (offset > end)
        return err_set(e, ERR_INVALID,
                       "the log '%s' has %llu bytes, and what was sent begins at %llu: send from "
                       "%llu on",
                       l->path, (unsigned long long)end, (unsigned long long)offset,
                       (unsigned long long)end);
    str fresh =
        str_sub(bytes, (size_t)(end - offset < bytes.len ? end - offset : bytes.len), bytes.len);
    if (!fresh.len) return 0;
    size_t before = l->pending.len;
    int r;
    if (before || memchr(fresh.ptr, '\0', fresh.len)) {
        strbuf_add(&l->pending, fresh);
        replace_nuls(&l->pending, before);
        r = take(l, strbuf_str(&l->pending), e);
        if (r < 0 && l->pending.len > before) strbuf_truncate(&l->pending, before);
    } else {
        r = take(l, fresh, e);
    }
    if (r < 0)
        *ret_size = l->index.size + l->pending.len;
    else
        *ret_size = end + fresh.len;
    return r;
}

/* ---- syncing -------------------------------------------------------------------------------- */

static int open_index(job_log *l, err *e) {
    _cleanup_strbuf_ strbuf path = STRBUF_INIT, head = STRBUF_INIT;
    strbuf_addf(&path, "%s.idx", l->path);
    l->index_fd = open(strbuf_cstr(&path), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->index_fd < 0) return err_sys(e, errno, "cannot write '%s'", strbuf_cstr(&path));
    if (ftruncate(l->index_fd, (off_t)l->index_size) < 0) return not_written(l, errno, e);
    if (l->index_size) return 0;
    index_write_head(&head);
    if (durable_write(l->index_fd, strbuf_str(&head), 0) < 0) return not_written(l, errno, e);
    l->index_size = head.len;
    return 0;
}

/* The next closed block that is on the disk and not in the index file, copied. */
static bool next_block(job_log *l, strbuf *out) {
    char end[INDEX_MARK_SIZE];
    pthread_mutex_lock(&l->lock);
    log_block b = {0};
    if (l->indexed < l->index.count) b = l->index.blocks[l->indexed];
    pthread_mutex_unlock(&l->lock);
    if (b.size < LOG_BLOCK || b.offset + b.size > l->synced) return false;
    size_t size = b.size < sizeof end ? b.size : sizeof end;
    if (durable_read(l->fd, end, size, b.offset + b.size - size) < 0) return false;
    uint64_t mark = index_mark((str){end, size});
    pthread_mutex_lock(&l->lock);
    index_write_block(out, &l->index, &b, mark);
    pthread_mutex_unlock(&l->lock);
    l->indexed++;
    return true;
}

/* An index that cannot be written costs time when the log is opened next, and nothing else. */
static void write_index(job_log *l) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    err ignored = {0};
    size_t before = l->indexed;
    while (next_block(l, &out))
        continue;
    if (!out.len) return;
    if ((l->index_fd >= 0 || open_index(l, &ignored) == 0) &&
        durable_write(l->index_fd, strbuf_str(&out), l->index_size) == 0)
        l->index_size += out.len;
    else
        l->indexed = before;
}

static int sync_locked(job_log *l, uint64_t size, err *e) {
    if (size == l->synced && l->named) return 0;
    if (l->sync_failed)
        return err_set(e, ERR_IO,
                       "the log '%s' could not be synced before, so what the disk has of it is not "
                       "known",
                       l->path);
    if (fdatasync(l->fd) < 0) {
        l->sync_failed = true;
        return err_sys(e, errno, "cannot sync the log '%s'", l->path);
    }
    if (!l->named) {
        int r = durable_parent(l->path, e);
        if (r < 0) return r;
        l->named = true;
    }
    l->synced = size;
    write_index(l);
    return 0;
}

int log_sync(job_log *l, uint64_t *ret_size, err *e) {
    bool cut = log_is_cut(l); /* before the size: the last line is among what is synced */
    uint64_t size = log_size(l);
    pthread_mutex_lock(&l->sync_lock);
    int r = size < l->synced ? 0 : sync_locked(l, size, e);
    if (ret_size) *ret_size = r == 0 && cut ? UINT64_MAX : l->synced;
    pthread_mutex_unlock(&l->sync_lock);
    return r;
}

int log_finish(job_log *l, err *e) {
    if (!l->writes) return 0;
    int r = log_sync(l, NULL, e);
    if (r < 0) return r;
    atomic_store(&l->writes, false);
    strbuf_clear(&l->pending);
    if (flock(l->fd, LOCK_UN) == 0) return 0;
    return err_sys(e, errno, "cannot unlock the log '%s'", l->path);
}
