/* audit_source.c: the files of a log from a server, a folder, or the rows of a database. */
#include "base/fs.h"
#include "base/http.h"
#include "trust/audit_internal.h"

#include <stdlib.h>
#include <string.h>

#define HTTP_TIMEOUT_MS 60000
#define DATABASE        "slipway.db" /* in a server's data folder */
#define BUNDLE_MAX      (AUDIT_TILE * (2 + AUDIT_ENTRY_MAX))

typedef enum source_kind { SOURCE_URL, SOURCE_FOLDER, SOURCE_STORE } source_kind;

struct audit_source {
    source_kind kind;
    arena *a;
    str base;     /* URL or folder, without a slash at its end */
    store *store; /* SOURCE_STORE */
};

static str without_slash(str text) {
    while (text.len > 1 && text.ptr[text.len - 1] == '/')
        text.len--;
    return text;
}

int audit_source_open(const char *where, audit_source **ret, err *e) {
    str text = str_from(where);
    bool is_url = str_starts(text, STR("http://")) || str_starts(text, STR("https://"));
    audit_source *s = mem_alloc(sizeof *s);
    *s = (audit_source){.a = arena_new()};
    s->base = arena_str(s->a, without_slash(text));
    s->kind = is_url ? SOURCE_URL : fs_is_dir(where) ? SOURCE_FOLDER : SOURCE_STORE;
    const char *database = where;
    if (s->kind == SOURCE_FOLDER && fs_exists(fs_join(s->a, where, STR(DATABASE)))) {
        s->kind = SOURCE_STORE;
        database = fs_join(s->a, where, STR(DATABASE));
    }
    int r = 0;
    if (s->kind == SOURCE_STORE) r = store_open_reader(database, &s->store, e);
    if (r < 0)
        audit_source_close(s);
    else
        *ret = s;
    return r;
}

void audit_source_close(audit_source *s) {
    if (!s) return;
    store_close(s->store);
    arena_free(s->a);
    free(s);
}

static size_t max_size(const audit_file *f) {
    switch (f->kind) {
    case AUDIT_TILE_FILE: return AUDIT_TILE * MERKLE_HASH;
    case AUDIT_ENTRIES: return BUNDLE_MAX;
    case AUDIT_CHECKPOINT:
    case AUDIT_KEY:
    case AUDIT_FILE_KIND_COUNT: break;
    }
    return SIGN_NOTE_MAX;
}

static str place_of(arena *a, const audit_source *s, const audit_file *f) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_add(&out, s->base);
    strbuf_addc(&out, '/');
    audit_file_path(&out, f);
    return arena_str(a, strbuf_str(&out));
}

static int fetch_url(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    str url = place_of(a, s, f);
    http_response answer = {0};
    http_request q = {.url = url.ptr, .timeout_ms = HTTP_TIMEOUT_MS, .max_body = max_size(f)};
    if (http_send(a, &q, &answer, e) < 0) return err_context(e, "cannot fetch '%s'", url.ptr);
    if (answer.status == 404)
        return err_set(e, ERR_NOT_FOUND, "the log has no '%s' (status 404)", url.ptr);
    if (answer.status != 200)
        return err_set(e, ERR_IO, "cannot fetch '%s': the answer has status %d", url.ptr,
                       answer.status);
    *ret = answer.body;
    return 0;
}

/* The columns of a row are what people search and see, so they must say what the entry says. */
static int check_row(const store_audit_entry *row, strbuf *room, err *e) {
    audit_event x = {.time_us = row->time_us,
                     .actor = {row->actor_kind, row->actor_id, row->actor_name},
                     .action = row->action,
                     .subject = {row->subject_kind, row->subject_id, row->subject_name},
                     .project = row->project,
                     .reason = row->reason};
    json_out o = JSON_OUT(room);
    strbuf_clear(room);
    audit_write_head(&o, &x);
    if (str_starts(row->entry, strbuf_str(room))) return 0;
    return err_set(e, ERR_FAILED,
                   "the columns of the row of entry %lld do not say what its entry says",
                   (long long)row->number);
}

static int fetch_rows(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    store_audit_entry *rows;
    size_t count;
    int64_t from = (int64_t)(f->number * AUDIT_TILE);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT, room = STRBUF_INIT;
    int r = store_audit_entries(s->store, a, from, f->width, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = check_row(&rows[i], &room, e);
        if (r == 0 && rows[i].number != from + (int64_t)i)
            r = err_set(e, ERR_FAILED, "there is no entry %lld", (long long)from + (long long)i);
        if (r == 0 && rows[i].entry.len > AUDIT_ENTRY_MAX)
            r = err_set(e, ERR_FAILED, "entry %lld has more than %d bytes",
                        (long long)rows[i].number, AUDIT_ENTRY_MAX);
        if (r == 0) audit_bundle_add(&out, rows[i].entry);
    }
    if (r < 0) return r;
    if (count < f->width)
        return err_set(e, ERR_NOT_FOUND, "there is no entry %lld",
                       (long long)from + (long long)count);
    *ret = arena_str(a, strbuf_str(&out));
    return 0;
}

/* Hashes stand in the rows of entries and in tiles. */
static int fetch_tile(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    str leaves;
    int r = audit_read(s->store, a, f, ret, e);
    if (r < 0 || f->level || f->width < AUDIT_TILE) return r;
    r = store_audit_leaves(s->store, a, (int64_t)(f->number * AUDIT_TILE), AUDIT_TILE, &leaves, e);
    if (r < 0 || str_eq(leaves, *ret)) return r;
    return err_set(e, ERR_FAILED,
                   "the rows of entries %llu and on have other hashes than their tile",
                   (unsigned long long)(f->number * AUDIT_TILE));
}

/* Counted before the checkpoint is read: a server that writes meanwhile has sealed them all. */
static int fetch_note(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    int64_t count = 0;
    store_audit_checkpoint c;
    int r = store_audit_count(s->store, &count, e);
    if (r == 0) r = store_audit_get_checkpoint(s->store, a, &c, e);
    if (r == 0) r = audit_read(s->store, a, f, ret, e);
    if (r < 0 || c.size >= count) return r;
    return err_set(e, ERR_FAILED, "the checkpoint is of %lld entries, and there are %lld",
                   (long long)c.size, (long long)count);
}

static int fetch_store(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    switch (f->kind) {
    case AUDIT_ENTRIES: return fetch_rows(s, a, f, ret, e);
    case AUDIT_TILE_FILE: return fetch_tile(s, a, f, ret, e);
    case AUDIT_CHECKPOINT: return fetch_note(s, a, f, ret, e);
    case AUDIT_KEY:
    case AUDIT_FILE_KIND_COUNT: break;
    }
    return audit_read(s->store, a, f, ret, e);
}

int audit_source_fetch(audit_source *s, arena *a, const audit_file *f, str *ret, err *e) {
    switch (s->kind) {
    case SOURCE_URL: return fetch_url(s, a, f, ret, e);
    case SOURCE_FOLDER: return fs_read_file(a, place_of(a, s, f).ptr, max_size(f), ret, e);
    case SOURCE_STORE: break;
    }
    return fetch_store(s, a, f, ret, e);
}

int audit_source_part(audit_source *s, arena *a, const audit_file *f, str *ret, bool *ret_more,
                      err *e) {
    err inner = {0};
    audit_file full = *f;
    full.width = AUDIT_TILE;
    *ret_more = false;
    int r = audit_source_fetch(s, a, f, ret, &inner);
    if (r == ERR_NOT_FOUND && f->width < AUDIT_TILE) {
        err none = {0};
        if (audit_source_fetch(s, a, &full, ret, &none) == 0) {
            *ret_more = true;
            return 0;
        }
    }
    if (r < 0 && e) *e = inner;
    return r;
}

int audit_source_partials(audit_source *s, arena *a, const audit_file *f, unsigned **ret,
                          size_t *ret_count, err *e) {
    fs_entry *entries;
    size_t count, cap = 0;
    uint64_t width;
    err inner = {0};
    audit_file full = *f;
    full.width = AUDIT_TILE;
    *ret = NULL;
    *ret_count = 0;
    if (s->kind != SOURCE_FOLDER) return 0;
    const char *folder = arena_printf(a, "%s.p", place_of(a, s, &full).ptr).ptr;
    int r = fs_list(a, folder, &entries, &count, &inner);
    if (r == ERR_NOT_FOUND) return 0;
    if (r < 0) return err_set(e, r, "%s", inner.message);
    for (size_t i = 0; i < count; i++) {
        if (!str_to_uint(entries[i].name, AUDIT_TILE - 1, &width) || !width) continue;
        ARENA_PUSH(a, *ret, *ret_count, cap, (unsigned)width);
    }
    return 0;
}
