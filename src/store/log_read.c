/* log_read.c: blocks, pages, following, export. A reader copies what it needs to know of a block
 * under the lock and reads its bytes without it: bytes that the index tells of never change. */
#include "store/log_internal.h"

#include "store/durable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

/* ---- blocks --------------------------------------------------------------------------------- */

void block_reader_init(block_reader *r, job_log *l) {
    *r = (block_reader){.l = l};
}

void block_reader_done(block_reader *r) {
    free(r->bytes);
    free(r->packed);
    ZSTD_freeDCtx(r->zstd);
}

static int cannot_read(const job_log *l, err *e) {
    if (!errno) return log_damaged(l, "it is shorter than its index", e);
    return err_sys(e, errno, "cannot read the log '%s'", l->path);
}

static int unpack(block_reader *r, err *e) {
    const log_block *b = &r->block;
    if (!r->zstd && !(r->zstd = ZSTD_createDCtx())) oom();
    if (b->packed_size > r->packed_cap) {
        r->packed_cap = b->packed_size;
        r->packed = mem_realloc(r->packed, r->packed_cap);
    }
    if (durable_read(r->l->fd, r->packed, b->packed_size, b->packed_at) < 0)
        return cannot_read(r->l, e);
    size_t n = ZSTD_decompressDCtx(r->zstd, r->bytes, LOG_BLOCK_MAX, r->packed, b->packed_size);
    if (ZSTD_isError(n)) return log_damaged(r->l, ZSTD_getErrorName(n), e);
    return n == b->size ? 0 : log_damaged(r->l, "a block is not as large as its index says", e);
}

int block_read(block_reader *r, size_t at, int step, err *e) {
    job_log *l = r->l;
    pthread_mutex_lock(&l->lock);
    bool there = at < l->index.count;
    bool wanted = false;
    if (there) {
        r->block = l->index.blocks[at];
        wanted = step == LOG_ANY_STEP || index_share(&l->index, &r->block, step);
    }
    pthread_mutex_unlock(&l->lock);
    r->text = STR_EMPTY;
    if (!there || !wanted) return there;
    if (!r->bytes) r->bytes = mem_alloc(LOG_BLOCK_MAX);
    int code = 0;
    if (l->packed)
        code = unpack(r, e);
    else if (durable_read(l->fd, r->bytes, r->block.size, r->block.offset) < 0)
        code = cannot_read(l, e);
    if (code < 0) return code;
    if (r->bytes[r->block.size - 1] != '\n')
        return log_damaged(l, "a block does not end with a line", e);
    r->text = (str){r->bytes, r->block.size};
    return 1;
}

/* Takes the next record off *rest, which ends with a newline. */
static int next_record(const job_log *l, str *rest, str *ret_raw, log_line *ret, err *e) {
    size_t size = (size_t)((const char *)memchr(rest->ptr, '\n', rest->len) - rest->ptr);
    *ret_raw = str_sub(*rest, 0, size + 1);
    *rest = str_sub(*rest, size + 1, rest->len);
    if (log_record_parse(str_sub(*ret_raw, 0, size), ret)) return 0;
    return log_damaged(l, "it has a line that is no record", e);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static const log_step *step_facts(const log_index *x, int step) {
    size_t at = (size_t)(step + 1);
    return step >= LOG_STEP_NONE && at < x->step_count && x->steps[at].lines ? &x->steps[at] : NULL;
}

static uint64_t total_of(job_log *l, int step) {
    pthread_mutex_lock(&l->lock);
    const log_step *s = step == LOG_ANY_STEP ? NULL : step_facts(&l->index, step);
    uint64_t total = step == LOG_ANY_STEP ? l->index.lines : s ? s->lines : 0;
    pthread_mutex_unlock(&l->lock);
    return total;
}

/* The block with line `from` (numbered from 0) of the log or the step, and how many lines that
 * count come before it there. */
static void locate(job_log *l, int step, uint64_t from, size_t *ret_block, uint64_t *ret_before) {
    uint64_t before = 0;
    size_t at = 0;
    pthread_mutex_lock(&l->lock);
    const log_index *x = &l->index;
    if (step == LOG_ANY_STEP && x->count) {
        at = index_block_of_line(x, from);
        before = x->blocks[at].line;
    }
    for (; step != LOG_ANY_STEP && at < x->count; at++) {
        const log_share *s = index_share(x, &x->blocks[at], step);
        if (s && before + s->lines > from) break;
        before += s ? s->lines : 0;
    }
    pthread_mutex_unlock(&l->lock);
    *ret_block = at;
    *ret_before = before;
}

typedef struct page_work {
    job_log *l;
    arena *a;
    int step;
    uint64_t from, seen; /* of lines that count; from 0 */
    size_t lines_max, bytes_left, cap;
    log_page *page;
} page_work;

static bool page_full(const page_work *w) {
    return w->page->count == w->lines_max || (w->page->count && !w->bytes_left);
}

static int read_block_lines(page_work *w, const block_reader *r, err *e) {
    log_line line = {.number = r->block.line};
    str raw, rest = r->text;
    while (rest.len && !page_full(w)) {
        int code = next_record(w->l, &rest, &raw, &line, e);
        if (code < 0) return code;
        line.number++;
        if (w->step != LOG_ANY_STEP && line.step != w->step) continue;
        if (w->seen++ < w->from) continue;
        if (w->page->count && line.text.len > w->bytes_left) {
            w->bytes_left = 0;
            break;
        }
        w->bytes_left -= line.text.len < w->bytes_left ? line.text.len : w->bytes_left;
        log_line kept = line;
        kept.text = arena_str(w->a, line.text);
        kept.of_step = w->step == LOG_ANY_STEP ? 0 : w->seen;
        ARENA_PUSH(w->a, w->page->lines, w->page->count, w->cap, kept);
    }
    return 0;
}

int log_read(job_log *l, arena *a, const log_range *range, log_page *ret, err *e) {
    bool any = !range->lines || range->lines > LOG_LINES_MAX;
    page_work w = {.l = l,
                   .a = a,
                   .step = range->step,
                   .from = range->from ? range->from - 1 : 0,
                   .lines_max = any ? LOG_LINES_MAX : range->lines,
                   .bytes_left = range->bytes ? range->bytes : LOG_PAGE_BYTES,
                   .page = ret};
    size_t at;
    int r = 1;
    *ret = (log_page){.total = total_of(l, range->step)};
    if (w.from >= ret->total) return 0;
    _cleanup_block_reader_ block_reader reader;
    block_reader_init(&reader, l);
    locate(l, w.step, w.from, &at, &w.seen);
    for (; r > 0 && !page_full(&w); at++) {
        r = block_read(&reader, at, w.step, e);
        if (r > 0 && read_block_lines(&w, &reader, e) < 0) r = ERR_INVALID;
    }
    return r < 0 ? r : 0;
}

int log_tail(job_log *l, arena *a, int step, size_t lines, log_page *ret, err *e) {
    uint64_t total = total_of(l, step);
    if (!lines || lines > LOG_LINES_MAX) lines = LOG_LINES_MAX;
    log_range range = {.step = step,
                       .from = total > lines ? total - lines + 1 : 1,
                       .lines = lines,
                       .bytes = SIZE_MAX};
    return log_read(l, a, &range, ret, e);
}

/* ---- following ------------------------------------------------------------------------------ */

log_cursor log_end(job_log *l) {
    pthread_mutex_lock(&l->lock);
    log_cursor at = {l->index.size, l->index.lines};
    pthread_mutex_unlock(&l->lock);
    return at;
}

static uint64_t count_lines(str text) {
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

/* As many whole lines as there are in `max` bytes, or one. */
static str whole_lines(str text, size_t max) {
    if (text.len <= max) return text;
    size_t end = max;
    while (end && text.ptr[end - 1] != '\n')
        end--;
    if (!end) end = (size_t)str_find_char(text, '\n') + 1;
    return str_sub(text, 0, end);
}

int log_follow(job_log *l, arena *a, log_cursor *at, size_t max_bytes, str *ret, err *e) {
    _cleanup_block_reader_ block_reader reader;
    block_reader_init(&reader, l);
    pthread_mutex_lock(&l->lock);
    uint64_t size = l->index.size;
    size_t block = size ? index_block_of_offset(&l->index, at->offset) : 0;
    log_block b = size ? l->index.blocks[block] : (log_block){0};
    pthread_mutex_unlock(&l->lock);
    *ret = STR_EMPTY;
    if (at->offset > size)
        return err_set(e, ERR_INVALID, "the log '%s' has %llu bytes, and is not read from %llu",
                       l->path, (unsigned long long)size, (unsigned long long)at->offset);
    if (at->offset == size) return 0;
    str text;
    size_t within = (size_t)(at->offset - b.offset);
    if (l->packed) {
        int r = block_read(&reader, block, LOG_ANY_STEP, e);
        if (r < 0) return r;
        text = arena_str(a, whole_lines(str_sub(reader.text, within, b.size), max_bytes));
    } else {
        /* What is new is all that is read: a follower is usually near the end. */
        size_t want = b.size - within;
        char *bytes = arena_alloc(a, want + 1);
        if (durable_read(l->fd, bytes, want, at->offset) < 0) return cannot_read(l, e);
        if (bytes[want - 1] != '\n') return log_damaged(l, "a block does not end with a line", e);
        text = whole_lines((str){bytes, want}, max_bytes);
    }
    *ret = text;
    at->offset += text.len;
    at->line += count_lines(text);
    return 0;
}

/* ---- export --------------------------------------------------------------------------------- */

typedef struct export_work {
    job_log *l;
    int step;
    bool times;
    int64_t second; /* of `stamp` */
    char stamp[32]; /* "2026-11-28T01:02:03" */
    strbuf out;
} export_work;

static void add_time(export_work *w, int64_t at_us) {
    int64_t second = at_us / 1000000;
    if (second != w->second) {
        struct tm tm;
        time_t t = (time_t)second;
        gmtime_r(&t, &tm);
        strftime(w->stamp, sizeof w->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        w->second = second;
    }
    strbuf_adds(&w->out, w->stamp);
    char digits[] = ".0000000Z ";
    for (int64_t i = 6, n = at_us % 1000000; i > 0; i--, n /= 10)
        digits[i] = (char)('0' + n % 10);
    strbuf_adds(&w->out, digits);
}

/* The marks of actions/runner, src/Runner.Worker (WellKnownTags and the group commands). */
static const char *mark_of(char kind) {
    static const char *const marks[] = {"",          "##[debug]",   "##[notice]", "##[warning]",
                                        "##[error]", "##[command]", "##[group]",  "##[endgroup]"};
    return marks[strchr(LOG_KINDS, kind) - LOG_KINDS];
}

static int export_block(export_work *w, const block_reader *r, err *e) {
    log_line line;
    str raw, rest = r->text;
    strbuf_clear(&w->out);
    while (rest.len) {
        int code = next_record(w->l, &rest, &raw, &line, e);
        if (code < 0) return code;
        if (w->step != LOG_ANY_STEP && line.step != w->step) continue;
        if (w->times) add_time(w, line.at_us);
        if (line.kind != 'o') strbuf_adds(&w->out, mark_of(line.kind));
        strbuf_add(&w->out, line.text);
        strbuf_addc(&w->out, '\n');
    }
    return 0;
}

int log_export(job_log *l, int step, bool times, log_put_fn *put, void *context, err *e) {
    _cleanup_block_reader_ block_reader reader;
    block_reader_init(&reader, l);
    export_work w = {.l = l, .step = step, .times = times, .second = -1, .out = STRBUF_INIT};
    int r = 1;
    for (size_t at = 0; r > 0; at++) {
        r = block_read(&reader, at, step, e);
        if (r <= 0) break;
        int code = export_block(&w, &reader, e);
        if (code == 0 && w.out.len) code = put(context, strbuf_str(&w.out), e);
        if (code < 0) r = code;
    }
    strbuf_done(&w.out);
    return r;
}
