#include "base/pool.h"
#include "scan/cache.h"
#include "scan/inline.h"
#include "scan/scanner.h"
#include "scan/source.h"

#include "base/glob.h"
#include "base/hash.h"
#include "base/jail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_TIMEOUT_MS 120000
#define ANSWER_DEPTH    64
#define RECENT_ERRORS   64

typedef struct run {
    arena *a;
    scan_source *source;
    scanner *const *scanners;
    size_t scanner_count;
    const scan_options *options;
    uint64_t max_file_bytes;
    scan_report *report;
    size_t *todo; /* items that must be read, ascending */
    size_t todo_count;
    str *cached; /* of every item: what the cache has of it; ptr is NULL where it has nothing */
    uint8_t (*keys)[SCAN_KEY_BYTES];
    bool *has_key;
    scan_cache *cache;
    strbuf body;  /* of a child, as is the next */
    bool *wanted; /* which scanners want the file */
    bool full;    /* no more findings are taken */
} run;

void scan_out_error(scan_out *out, str path, uint32_t line, uint32_t column, const char *format,
                    ...) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    scan_error error = {path, line, column, arena_str(out->a, strbuf_str(&text))};
    ARENA_PUSH(out->a, out->errors.items, out->errors.count, out->errors.cap, error);
}

void scan_error_add(scan_error_list *list, const scan_error *error) {
    size_t back = list->count < RECENT_ERRORS ? list->count : RECENT_ERRORS;
    for (size_t i = list->count - back; i < list->count; i++) {
        const scan_error *other = &list->items[i];
        if (other->line == error->line && other->column == error->column &&
            str_eq(other->path, error->path) && str_eq(other->message, error->message))
            return;
    }
    ARENA_PUSH(list->a, list->items, list->count, list->cap, *error);
}

/* ---- in a child ----------------------------------------------------------------------------- */

static void write_out(json_out *o, size_t index, const scan_out *out) {
    json_open(o, '{');
    json_key_number(o, "scanner", (double)index);
    json_key(o, "findings");
    json_open(o, '[');
    for (size_t i = 0; i < out->findings.count; i++)
        finding_write(o, &out->findings.items[i]);
    json_close(o, ']');
    json_key(o, "errors");
    json_open(o, '[');
    for (size_t i = 0; i < out->errors.count; i++)
        scan_error_write(o, &out->errors.items[i]);
    json_close(o, ']');
    if (out->notes.len) json_key_str(o, "notes", strbuf_str(&out->notes));
    json_close(o, '}');
}

static void read_with(run *r, size_t index, const scan_file *file, json_out *o) {
    _cleanup_arena_ arena *a = arena_new();
    scan_out out = {.a = a, .findings.a = a, .errors.a = a, .notes = STRBUF_INIT};
    scanner *s = r->scanners[index];
    err e = {0};
    if (s->read(s, file, &out, &e) < 0)
        scan_out_error(&out, file->path, e.where.line, e.where.column, "%s", e.message);
    inline_judge(a, file, &out.findings);
    findings_number(&out.findings);
    if (out.findings.count || out.errors.count || out.notes.len) {
        if (o->buf->len == 0) json_open(o, '[');
        write_out(o, index, &out);
    }
    strbuf_done(&out.notes);
}

/* Asks each scanner once: it may have patterns for paths. */
static bool is_wanted(run *r, size_t item, str path) {
    bool any = r->source->unknown && r->source->unknown(r->source, item);
    for (size_t i = 0; i < r->scanner_count; i++) {
        const scanner *s = r->scanners[i];
        r->wanted[i] = !s->wants || s->wants(s, path);
        any |= r->wanted[i];
    }
    return any;
}

static void tell_unread(const run *r, str path, const err *why, json_out *o) {
    _cleanup_arena_ arena *a = arena_new();
    scan_out out = {.a = a, .errors.a = a};
    scan_out_error(&out, path, 0, 0, "%s", why->message);
    json_open(o, '[');
    write_out(o, r->scanner_count, &out);
}

static void read_item(void *context, size_t index, strbuf *said) {
    run *r = context;
    size_t item = r->todo[index];
    scan_file file = {.path = r->source->path(r->source, item)};
    json_out o = JSON_OUT(said);
    err e = {0};
    if (!is_wanted(r, item, file.path)) return;
    int code = r->source->read(r->source, item, r->max_file_bytes, &r->body, &file.body, &e);
    if (code == ERR_NOT_FOUND) return;
    if (code < 0) tell_unread(r, file.path, &e, &o);
    for (size_t i = 0; i < r->scanner_count && code == 0; i++) {
        if (r->wanted[i]) read_with(r, i, &file, &o);
    }
    if (said->len) json_close(&o, ']');
}

static int start(void *context, err *e) {
    run *r = context;
    int code = r->source->start ? r->source->start(r->source, e) : 0;
    for (size_t i = 0; i < r->scanner_count && code == 0; i++) {
        if (r->scanners[i]->start) code = r->scanners[i]->start(r->scanners[i], e);
    }
    return code;
}

/* ---- what was said ----------------------------------------------------------------------------
 */

static void add_error(run *r, str path, str message) {
    scan_error error = {.path = path, .message = message};
    scan_error_list *to = &r->report->errors;
    ARENA_PUSH(r->a, to->items, to->count, to->cap, error);
}

static void add_warning(run *r, str message) {
    scan_error warning = {.path = STR_EMPTY, .message = arena_utf8(r->a, message)};
    scan_error_add(&r->report->warnings, &warning);
}

static void tell_too_many(run *r) {
    if (!r->full)
        add_error(r, STR_EMPTY,
                  arena_printf(r->a, "there are more than %d findings: the rest is left out",
                               SCAN_FINDINGS_MAX));
    r->full = true;
}

static int take_finding(run *r, size_t item, const value *said, err *e) {
    finding_list *to = &r->report->findings;
    finding f;
    if (finding_read(r->a, said, &f, e) < 0) return e->code;
    if (r->source->place && !r->source->place(r->source, r->a, item, &f, to)) return 0;
    if (to->count == SCAN_FINDINGS_MAX) {
        tell_too_many(r);
        return 0;
    }
    ARENA_PUSH(r->a, to->items, to->count, to->cap, f);
    return 0;
}

/* A reader of hostile files may have been taken over. */
static uint32_t number_of(const value *v) {
    bool fits = v && v->kind == VALUE_NUMBER && v->number >= 0 && v->number <= UINT32_MAX;
    return fits ? (uint32_t)v->number : 0;
}

static void take_error(run *r, const value *said) {
    const value *line = value_get(said, STR("line")), *column = value_get(said, STR("column"));
    scan_error error = {.path = value_path_str(said, "path"),
                        .message = value_path_str(said, "message"),
                        .line = number_of(line),
                        .column = number_of(column)};
    scan_error_add(&r->report->errors, &error);
}

static int take_part(run *r, size_t item, const value *part, err *e) {
    const value *findings = value_get(part, STR("findings")),
                *errors = value_get(part, STR("errors")), *index = value_get(part, STR("scanner"));
    str notes = value_path_str(part, "notes");
    if (!index || index->kind != VALUE_NUMBER || !findings || !errors)
        return err_set(e, ERR_FAILED, "a reader of files gave an answer that cannot be");
    for (size_t i = 0; i < value_count(errors); i++)
        take_error(r, &errors->array.items[i]);
    for (size_t i = 0; i < value_count(findings); i++) {
        if (take_finding(r, item, &findings->array.items[i], e) < 0) return e->code;
    }
    if (!notes.len || index->number < 0 || index->number >= (double)r->scanner_count) return 0;
    scanner *s = r->scanners[(size_t)index->number];
    return s->note ? s->note(s, r->source->path(r->source, item), notes, e) : 0;
}

/* ret_whole: there are no errors in it, so the same item will give the same again. */
static int take_said(run *r, size_t item, str said, bool *ret_whole, err *e) {
    value parts;
    size_t errors = r->report->errors.count;
    *ret_whole = true;
    if (!said.len) return 0;
    int code = json_parse(r->a, said, ANSWER_DEPTH, &parts, e);
    if (code == 0 && parts.kind != VALUE_ARRAY)
        code = err_set(e, ERR_FAILED, "a reader of files gave an answer that cannot be");
    for (size_t i = 0; code == 0 && i < value_count(&parts); i++)
        code = take_part(r, item, &parts.array.items[i], e);
    *ret_whole = r->report->errors.count == errors;
    return code;
}

/* ---- the parent ------------------------------------------------------------------------------ */

static void digest_scanners(const run *r, uint8_t ret[16]) {
    uint8_t digest[32];
    sha256 *h = sha256_new();
    sha256_add(h, SLIPWAY_VERSION, sizeof SLIPWAY_VERSION);
    sha256_add(h, &r->max_file_bytes, sizeof r->max_file_bytes);
    for (size_t i = 0; i < r->scanner_count; i++) {
        sha256_add(h, r->scanners[i]->name, strlen(r->scanners[i]->name) + 1);
        sha256_add(h, r->scanners[i]->digest, sizeof r->scanners[i]->digest);
    }
    sha256_end(h, digest);
    memcpy(ret, digest, 16);
}

static bool is_excluded(const run *r, size_t item) {
    for (size_t i = 0; i < r->options->exclude_count; i++) {
        if (glob_path(str_from(r->options->exclude[i]), r->source->path(r->source, item)))
            return true;
    }
    return false;
}

static void choose(run *r) {
    size_t count = r->source->count;
    r->todo = ARENA_ARRAY(r->a, size_t, count);
    r->cached = ARENA_ARRAY(r->a, str, count);
    if (r->options->cache && r->source->key) {
        uint8_t digest[16];
        digest_scanners(r, digest);
        r->cache = scan_cache_open(r->a, r->options->cache, digest);
        r->keys = arena_calloc(r->a, count, SCAN_KEY_BYTES);
        r->has_key = ARENA_ARRAY(r->a, bool, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_excluded(r, i)) {
            r->report->file_count--;
            continue;
        }
        if (r->cache) r->has_key[i] = r->source->key(r->source, i, r->keys[i]);
        bool known =
            r->cache && r->has_key[i] && scan_cache_find(r->cache, r->keys[i], &r->cached[i]);
        if (!known)
            r->todo[r->todo_count++] = i;
        else if (!r->cached[i].ptr)
            r->cached[i] = STR_EMPTY;
        r->report->cached += known;
    }
}

/* What a reader says that cannot be is an error of its file: it may have been taken over. */
static void take_item(run *r, size_t item, str said, str died) {
    bool whole;
    err why = {0};
    if (take_said(r, item, said, &whole, &why) < 0) died = str_from(why.message);
    if (died.len) {
        add_error(r, arena_utf8(r->a, r->source->path(r->source, item)), arena_str(r->a, died));
        whole = false;
    }
    if (r->cache && r->has_key[item] && whole) scan_cache_keep(r->cache, r->keys[item], said);
}

/* Cached and read items in their order. */
static void take_all(run *r, const pool_answer *answers, size_t count) {
    size_t next = 0, todo = 0;
    for (size_t i = 0; i < r->source->count; i++) {
        str said = STR_EMPTY, died = STR_EMPTY;
        bool read = todo < r->todo_count && r->todo[todo] == i;
        if (!read && !r->cached[i].ptr) continue; /* left out */
        if (read && next < count && answers[next].item == todo) {
            said = answers[next].said;
            died = answers[next++].died;
        }
        todo += read;
        take_item(r, i, read ? said : r->cached[i], died);
    }
}

static int finish(run *r, err *e) {
    int code = 0;
    if (r->source->finish) r->source->finish(r->source, r->a, r->report);
    scan_out out = {.a = r->a,
                    .findings = r->report->findings,
                    .errors = r->report->errors,
                    .warnings = r->report->warnings};
    for (size_t i = 0; i < r->scanner_count && code == 0; i++) {
        if (r->scanners[i]->finish) code = r->scanners[i]->finish(r->scanners[i], &out, e);
    }
    r->report->findings = out.findings;
    r->report->errors = out.errors;
    r->report->warnings = out.warnings;
    return code;
}

static void on_progress(void *context, size_t done) {
    run *r = context;
    if (r->options->progress)
        r->options->progress(r->options->context, r->report->cached + done, r->source->count);
}

int scan_run(arena *a, scan_source *source, scanner *const *scanners, size_t scanner_count,
             const scan_options *options, scan_report *ret, err *e) {
    run r = {.a = a,
             .source = source,
             .scanners = scanners,
             .scanner_count = scanner_count,
             .options = options,
             .max_file_bytes = options->max_file_bytes ? options->max_file_bytes : SCAN_FILE_MAX,
             .report = ret,
             .body = STRBUF_INIT};
    *ret = (scan_report){.findings.a = a,
                         .suppressed.a = a,
                         .errors.a = a,
                         .warnings.a = a,
                         .file_count = source->count};
    for (size_t i = 0; i < source->warning_count; i++)
        add_warning(&r, source->warnings[i]);
    if (landlock_abi() < LANDLOCK_NEEDED)
        add_warning(&r, STR("this kernel has no Landlock (Linux 5.19), so a file that takes over "
                            "its reader could read other files of yours"));
    r.wanted = ARENA_ARRAY(a, bool, scanner_count);
    choose(&r);
    pool_work work = {.count = r.todo_count,
                      .jobs = options->jobs,
                      .tree = source->tree,
                      .others = source->others,
                      .other_count = source->other_count,
                      .item_timeout_ms = ITEM_TIMEOUT_MS,
                      .context = &r,
                      .start = start,
                      .work = read_item,
                      .progress = on_progress};
    pool_answer *answers;
    size_t count;
    int code = pool_run(a, &work, &answers, &count, e);
    if (code == 0) take_all(&r, answers, count);
    if (code == 0) code = finish(&r, e);
    if (r.cache) scan_cache_close(r.cache);
    if (code == 0) finding_list_sort(&ret->findings, ORDER_PLACE);
    return code;
}
