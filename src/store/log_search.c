/* log_search.c: a query over a log, block by block.
 *
 * A text is looked for in the bytes of a whole block, records as they are; what is found before the
 * text of its record (in a time, say) does not count. A block with an ESC is copied without escape
 * sequences first, which changes no line's number. Only for matches that the caller gets to see it
 * is worked out which line they are on. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "store/log_internal.h"

#include <limits.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REGEX_STEPS_MAX 200000 /* of one line */
#define LOOK_EACH       256    /* lines, at the clock, where one line may take long */

typedef struct search {
    job_log *l;
    arena *a;
    const log_query *q;
    log_found *found;
    size_t cap, max;
    int64_t end_us; /* 0: no time limit */
    finder finder;
    uint8_t needle[LOG_QUERY_MAX];
    bool sees_escapes;
    char *stripped;
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;

    /* The block. */
    const log_block *block;
    str raw, text;          /* as it is, and as it is searched */
    size_t text_at, raw_at; /* the same line in both */
    uint32_t lines_before;
} search;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* 1: go on; 0: the time is over. */
static int judge_time(const search *s, err *e) {
    if (s->q->cancel && atomic_load(s->q->cancel))
        return err_set(e, ERR_CANCELLED, "the search was cancelled");
    return !s->end_us || now_us() < s->end_us;
}

/* ---- matches -------------------------------------------------------------------------------- */

/* Moves on to the line of the text that begins at `begin`, and to the same one of the raw bytes. */
static void go_to(search *s, size_t begin) {
    while (s->text_at < begin) {
        const char *end = memchr(s->text.ptr + s->text_at, '\n', s->text.len - s->text_at);
        s->text_at = (size_t)(end - s->text.ptr) + 1;
        s->lines_before++;
        end = memchr(s->raw.ptr + s->raw_at, '\n', s->raw.len - s->raw_at);
        s->raw_at = (size_t)(end - s->raw.ptr) + 1;
    }
}

/* A match of `size` bytes at `start` of the text of the line that begins at `begin`. */
static void keep_match(search *s, size_t begin, size_t start, size_t size) {
    log_match m = {.start = start, .size = size};
    go_to(s, begin);
    const char *line = s->raw.ptr + s->raw_at;
    const char *end = memchr(line, '\n', s->raw.len - s->raw_at);
    log_record_parse((str){line, (size_t)(end - line)}, &m.line);
    if (s->text.ptr != s->raw.ptr) {
        m.start = escapes_place(m.line.text, start);
        m.size = size ? escapes_place(m.line.text, start + size - 1) + 1 - m.start : 0;
    }
    m.line.text = arena_str(s->a, m.line.text);
    m.line.number = s->block->line + s->lines_before + 1;
    ARENA_PUSH(s->a, s->found->matches, s->found->count, s->cap, m);
}

static void note_match(search *s, size_t begin, size_t start, size_t size) {
    uint64_t before = s->found->total++;
    if (before >= s->q->skip && s->found->count < s->max) keep_match(s, begin, start, size);
}

/* The line from `begin` on; false when it does not count. */
static int parse_line(const search *s, size_t begin, size_t *ret_size, log_line *ret, err *e) {
    const char *line = s->text.ptr + begin;
    *ret_size = (size_t)((const char *)memchr(line, '\n', s->text.len - begin) - line);
    if (!log_record_parse((str){line, *ret_size}, ret))
        return log_damaged(s->l, "it has a line that is no record", e);
    return s->q->step == LOG_ANY_STEP || ret->step == s->q->step;
}

static int search_text(search *s, err *e) {
    for (size_t at = 0; (at = finder_next(&s->finder, s->text, at)) < s->text.len;) {
        log_line line;
        size_t size;
        const char *before = memrchr(s->text.ptr, '\n', at);
        size_t begin = before ? (size_t)(before - s->text.ptr) + 1 : 0;
        int counts = parse_line(s, begin, &size, &line, e);
        if (counts < 0) return counts;
        size_t text_at = (size_t)(line.text.ptr - s->text.ptr);
        if (counts && at < text_at) {
            at = text_at;
            continue;
        }
        if (counts) note_match(s, begin, at - text_at, s->finder.len);
        at = begin + size + 1;
    }
    return 1;
}

/* ---- regular expressions -------------------------------------------------------------------- */

static int compile(search *s, err *e) {
    int code;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (s->q->exact ? 0 : PCRE2_CASELESS);
    s->code = pcre2_compile((PCRE2_SPTR)s->q->text.ptr, s->q->text.len, options, &code, &at, NULL);
    if (!s->code) {
        char why[256];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return err_set(e, ERR_INVALID, "the regular expression is wrong at character %zu: %s",
                       (size_t)at + 1, why);
    }
    pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE); /* it works without, only slower */
    s->data = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->data || !s->context) oom();
    pcre2_set_match_limit(s->context, REGEX_STEPS_MAX);
    return 0;
}

static int match_line(search *s, size_t begin, str text, err *e) {
    if (text.len && text.ptr[text.len - 1] == '\r') text.len--;
    int r = pcre2_match(s->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, s->data, s->context);
    if (r == PCRE2_ERROR_NOMATCH) return 0;
    if (r < 0)
        return err_set(e, ERR_LIMIT,
                       "the regular expression takes more than %d steps for one line: make it "
                       "simpler",
                       REGEX_STEPS_MAX);
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(s->data);
    /* \K may put the beginning after the end. */
    note_match(s, begin, found[0], found[1] > found[0] ? found[1] - found[0] : 0);
    return 0;
}

static int search_regex(search *s, err *e) {
    unsigned count = 0;
    for (size_t begin = 0; begin < s->text.len;) {
        log_line line;
        size_t size;
        int r = ++count % LOOK_EACH ? 1 : judge_time(s, e);
        if (r <= 0) return r;
        int counts = parse_line(s, begin, &size, &line, e);
        if (counts < 0) return counts;
        if (counts && (r = match_line(s, begin, line.text, e)) < 0) return r;
        begin += size + 1;
    }
    return 1;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int search_block(search *s, const block_reader *r, err *e) {
    s->block = &r->block;
    s->raw = s->text = r->text;
    s->text_at = s->raw_at = 0;
    s->lines_before = 0;
    if (!s->sees_escapes && s->raw.len && memchr(s->raw.ptr, '\x1b', s->raw.len)) {
        if (!s->stripped) s->stripped = mem_alloc(LOG_BLOCK_MAX);
        s->text = (str){s->stripped, escapes_strip(s->raw, s->stripped)};
    }
    return s->q->regex ? search_regex(s, e) : search_text(s, e);
}

static int search_all(search *s, err *e) {
    _cleanup_block_reader_ block_reader reader;
    block_reader_init(&reader, s->l);
    int r = 1;
    for (size_t at = 0; (r = judge_time(s, e)) > 0; at++) {
        r = block_read(&reader, at, s->q->step, e);
        s->found->complete = r == 0;
        if (r <= 0) break;
        r = search_block(s, &reader, e);
        if (r <= 0) break;
        s->found->searched = reader.block.line + reader.block.lines;
    }
    return r < 0 ? r : 0;
}

static int judge_query(const log_query *q, err *e) {
    if (!q->text.len) return err_set(e, ERR_INVALID, "nothing to search for was given");
    if (q->text.len > LOG_QUERY_MAX)
        return err_set(e, ERR_INVALID, "what is searched for has more than %u bytes",
                       LOG_QUERY_MAX);
    if (memchr(q->text.ptr, '\n', q->text.len))
        return err_set(e, ERR_INVALID,
                       "what is searched for has a newline: a match is within one line");
    return 0;
}

int log_search(job_log *l, arena *a, const log_query *query, log_found *ret, err *e) {
    int r = judge_query(query, e);
    *ret = (log_found){0};
    if (r < 0) return r;
    search *s = mem_alloc(sizeof *s);
    *s = (search){.l = l, .a = a, .q = query, .found = ret};
    s->max = query->max < LOG_MATCHES_MAX ? query->max : LOG_MATCHES_MAX;
    s->sees_escapes = memchr(query->text.ptr, '\x1b', query->text.len);
    if (query->timeout_ms) s->end_us = now_us() + (int64_t)query->timeout_ms * 1000;
    if (query->regex)
        r = compile(s, e);
    else
        finder_init(&s->finder, query->text, query->exact, s->needle);
    if (r == 0) r = search_all(s, e);
    pcre2_code_free(s->code);
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    free(s->stripped);
    free(s);
    return r;
}
