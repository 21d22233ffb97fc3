#include "scan/history.h"

#include "base/hash.h"
#include "base/pool.h"
#include "base/table.h"
#include "scan/history_walk.h"
#include "scan/scanner.h"
#include "scan/source.h"

#include <string.h>
#include <time.h>

#define WALK_TIMEOUT_MS (60 * 60 * 1000) /* of the commits and trees: seconds for 100,000 */

/* Versions of a file in which the same was found. */
typedef struct versions {
    uint64_t hash;
    str kind, rule, path, identity;
    size_t index;            /* of the oldest's finding in the report */
    uint32_t oldest, newest; /* commits, as they are numbered in the list */
    uint32_t count;
    size_t last_item;
    finding_suppression suppressed; /* of the newest */
    str justification;
} versions;

typedef struct history {
    scan_source base;
    arena *a;
    history_repo repo;
    history_list list;
    str below, warning;
    const scan_options *how;
    objects *objects; /* of a child */
    versions *met;
    size_t met_count, met_cap;
    table_index table; /* of what was met */
} history;

static const history_blob *blob_of(const scan_source *s, size_t item) {
    return &((const history *)s->self)->list.blobs[item];
}

static str history_path(const scan_source *s, size_t item) {
    const history *h = s->self;
    return h->list.paths[blob_of(s, item)->path];
}

/* What is found depends on the bytes and on the path. */
static bool history_key(const scan_source *s, size_t item, uint8_t ret[SCAN_KEY_BYTES]) {
    uint64_t hash = str_hash(history_path(s, item)), part;
    memcpy(ret, blob_of(s, item)->id, SCAN_KEY_BYTES);
    memcpy(&part, ret + 8, sizeof part);
    part ^= hash;
    memcpy(ret + 8, &part, sizeof part);
    return true;
}

/* ---- in a child ----------------------------------------------------------------------------- */

static int history_start(scan_source *s, err *e) {
    history *h = s->self;
    return objects_open(h->repo.objects, &h->objects, e);
}

static int history_read(scan_source *s, size_t item, uint64_t max_bytes, strbuf *into, str *ret,
                        err *e) {
    history *h = s->self;
    const history_blob *b = blob_of(s, item);
    object_kind kind = OBJECT_BLOB;
    (void)into;
    int r = objects_read(h->objects, b->id, max_bytes, &kind, ret, e);
    if (r == 0 && kind != OBJECT_BLOB) r = err_set(e, ERR_INVALID, "it is no file");
    if (r == 0) return 0;
    char hex[2 * OBJECT_ID_BYTES + 1];
    hex_encode(b->id, OBJECT_ID_BYTES, hex);
    err_context(e, "its version %s in the history", hex);
    e->code = r == ERR_NOT_FOUND ? ERR_IO : r; /* it was there a moment ago */
    return e->code;
}

/* ---- in the parent: who brought it ---------------------------------------------------------- */

static str date_of(arena *a, const history_commit *c) {
    time_t local = (time_t)(c->time + (int64_t)c->zone * 60);
    struct tm t;
    char text[32];
    if (!gmtime_r(&local, &t) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t))
        return STR_EMPTY;
    int32_t zone = c->zone < 0 ? -c->zone : c->zone;
    return arena_printf(a, "%s%c%02d:%02d", text, c->zone < 0 ? '-' : '+', zone / 60, zone % 60);
}

static void add_commit(const history *h, arena *a, uint32_t number, finding *f) {
    if (number == IDMAP_NONE) return;
    const history_commit *c = &h->list.commits[number];
    str person = h->list.person_count ? h->list.persons[c->person] : STR_EMPTY, name, mail;
    char hex[2 * OBJECT_ID_BYTES + 1];
    hex_encode(c->id, OBJECT_ID_BYTES, hex);
    str_cut(person, '<', &name, &mail);
    if (str_ends(mail, STR(">"))) mail.len--;
    f->commit = arena_str(a, str_from(hex));
    f->author = arena_utf8(a, str_trim(name));
    f->email = arena_utf8(a, str_trim(mail));
    f->date = date_of(a, c);
}

/* ---- versions of one thing ------------------------------------------------------------------- */

static bool is_same(const versions *v, const versions *w) {
    return v->hash == w->hash && str_eq(v->kind, w->kind) && str_eq(v->rule, w->rule) &&
           str_eq(v->path, w->path) && str_eq(v->identity, w->identity);
}

static uint64_t hash_at(const void *owner, size_t index) {
    return ((const history *)owner)->met[index].hash;
}

static versions *find_versions(const history *h, const versions *wanted) {
    size_t at = table_begin(&h->table, wanted->hash);
    for (uint32_t i; table_next(&h->table, &at, &i);) {
        if (is_same(&h->met[i], wanted)) return &h->met[i];
    }
    return NULL;
}

static versions versions_of(const finding *f) {
    const value *identity = value_get(&f->properties, STR(SCAN_IDENTITY));
    versions v = {.kind = f->kind,
                  .rule = f->rule,
                  .path = f->path,
                  .identity = identity && identity->kind == VALUE_STRING ? identity->string
                                                                         : f->fingerprint,
                  .count = 1,
                  .suppressed = f->suppressed,
                  .justification = f->justification};
    v.hash = str_hash(v.path) * 31 + str_hash(v.identity) * 17 + str_hash(v.rule);
    return v;
}

/* Of one version, the first in the file. A tag's own file is newer than all commits. */
static bool history_place(scan_source *s, arena *a, size_t item, finding *f, finding_list *taken) {
    history *h = s->self;
    uint32_t commit = blob_of(s, item)->commit;
    versions v = versions_of(f);
    versions *known = find_versions(h, &v);
    v.index = taken->count;
    v.oldest = v.newest = commit;
    v.last_item = item;
    if (!known) {
        ARENA_PUSH(h->a, h->met, h->met_count, h->met_cap, v);
        table_add(&h->table, h->a, h->met_count - 1, hash_at, h);
        add_commit(h, a, commit, f);
        return true;
    }
    known->count += known->last_item != item;
    if (commit > known->newest) {
        known->newest = commit;
        known->suppressed = f->suppressed;
        known->justification = f->justification;
    }
    if (commit < known->oldest && known->index < taken->count) {
        known->oldest = commit;
        add_commit(h, a, commit, f);
        taken->items[known->index] = *f;
    }
    known->last_item = item;
    return false;
}

static void add_missing(const history *h, arena *a, scan_report *report) {
    scan_error error = {
        .path = STR_EMPTY,
        .message = arena_printf(a,
                                "this is a partial clone: %llu objects of the history are not here "
                                "and were not scanned (clone again without --filter)",
                                (unsigned long long)h->list.missing)};
    ARENA_PUSH(a, report->errors.items, report->errors.count, report->errors.cap, error);
}

static void history_finish(scan_source *s, arena *a, scan_report *report) {
    history *h = s->self;
    for (size_t i = 0; i < h->met_count; i++) {
        const versions *v = &h->met[i];
        if (v->index >= report->findings.count) continue;
        finding *f = &report->findings.items[v->index];
        f->suppressed = v->suppressed;
        f->justification = v->justification;
        if (v->count > 1 && f->properties.kind == VALUE_OBJECT)
            value_set(a, &f->properties, STR("occurrences"), value_number(v->count));
    }
    for (size_t i = 0; i < h->list.problem_count; i++) {
        scan_error error = {.path = STR_EMPTY, .message = arena_utf8(a, h->list.problems[i])};
        ARENA_PUSH(a, report->errors.items, report->errors.count, report->errors.cap, error);
    }
    if (h->repo.is_partial && h->list.missing) add_missing(h, a, report);
    history_repo_close(&h->repo);
}

/* ---- the list of files ---------------------------------------------------------------------- */

static int start_walk(void *context, err *e) {
    history *h = context;
    return objects_open(h->repo.objects, &h->objects, e);
}

/* An answer begins with 'L' and the list, or with why there is none. */
static void do_walk(void *context, size_t item, strbuf *out) {
    history *h = context;
    history_list list;
    err e = {0};
    (void)item;
    _cleanup_arena_ arena *a = arena_new();
    if (history_walk(a, &h->repo, h->objects, h->below, &list, &e) < 0) {
        strbuf_adds(out, e.message);
        return;
    }
    strbuf_addc(out, 'L');
    history_list_write(out, &list);
}

static void on_progress(void *context, size_t done) {
    const history *h = context;
    (void)done;
    if (h->how && h->how->progress) h->how->progress(h->how->context, 0, 0);
}

static int read_list(history *h, err *e) {
    pool_work work = {.count = 1,
                      .jobs = 1,
                      .tree = h->repo.tree,
                      .others = h->repo.others,
                      .other_count = h->repo.other_count,
                      .item_timeout_ms = WALK_TIMEOUT_MS,
                      .context = h,
                      .start = start_walk,
                      .work = do_walk,
                      .progress = on_progress};
    pool_answer *answers;
    size_t count;
    int r = pool_run(h->a, &work, &answers, &count, e);
    if (r < 0) return r;
    str said = count ? answers[0].said : STR_EMPTY;
    if (!count) return err_set(e, ERR_FAILED, "the commits cannot be read: nothing was said");
    if (answers[0].timed_out)
        return err_set(e, ERR_TIMEOUT,
                       "the commits cannot be read: to list them and their files takes more than "
                       "%d minutes",
                       WALK_TIMEOUT_MS / 60000);
    if (answers[0].died.len)
        return err_set(e, ERR_FAILED, "the commits cannot be read: %.*s", STR_ARG(answers[0].died));
    if (said.ptr[0] != 'L') return err_set(e, ERR_LIMIT, "%.*s", STR_ARG(said));
    return history_list_read(h->a, str_sub(said, 1, said.len), &h->list, e);
}

static void add_warning(history *h) {
    if (!h->repo.shallow_count) return;
    h->warning = STR("this is a shallow clone: only a part of the history is here and was scanned "
                     "(git fetch --unshallow; in a workflow, check out with fetch-depth: 0)");
    h->base.warnings = &h->warning;
    h->base.warning_count = 1;
}

int scan_source_history(arena *a, const char *dir, str below, const char *since,
                        const scan_options *how, scan_history *ret, err *e) {
    history *h = ARENA_NEW(a, history);
    h->a = a;
    h->below = below;
    h->how = how;
    *ret = (scan_history){0};
    if (objects_load(e) < 0 || history_repo_read(a, dir, since, &h->repo, e) < 0) return e->code;
    if (h->repo.tip_count && read_list(h, e) < 0) {
        history_repo_close(&h->repo);
        return e->code;
    }
    h->base = (scan_source){.count = h->list.blob_count,
                            .tree = h->repo.tree,
                            .others = h->repo.others,
                            .other_count = h->repo.other_count,
                            .versions = true,
                            .self = h,
                            .path = history_path,
                            .key = history_key,
                            .start = history_start,
                            .read = history_read,
                            .place = history_place,
                            .finish = history_finish};
    ret->source = &h->base;
    ret->commits = h->list.seen_commits;
    add_warning(h);
    return 0;
}
