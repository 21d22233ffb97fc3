#include "server/intake.h"

#include "server/push.h"
#include "server/triggers.h"

#include "base/git.h"
#include "base/json.h"
#include "workflow/event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH           100
#define WORKFLOWS       ".github/workflows/"
#define LOCK_FILE       WORKFLOWS "actions.lock"
#define FILES_MAX       200
#define FILE_MAX        ((size_t)1 << 20)
#define FILES_BYTES_MAX ((size_t)16 << 20)

struct intake {
    server *s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool woken, stops;
    bool answered; /* by the core, to what was posted last */
    int code;
};

/* One row, while it is worked on. */
typedef struct work {
    intake *i;
    arena *a;
    store_incoming *in;
    store_repository *repository;
    char *folder;    /* where git finds it */
    store_run *runs; /* to be started */
    const char **asks;
    size_t count, cap;
    store_cron *crons; /* of the default branch, where it has changed */
    size_t cron_count, cron_cap;
    bool has_crons;
    strbuf reasons; /* why others are not */
    str failure;    /* why nothing can be */
} work;

/* ---- the files of a commit ------------------------------------------------------------------ */

static int list_files(work *w, str sha, str **ret, size_t *ret_count, err *e) {
    const char *argv[] = {"git",     "ls-tree", "-z", "--name-only", arena_cstr(w->a, sha),
                          WORKFLOWS, NULL};
    str out, name;
    size_t cap = 0;
    *ret = NULL;
    *ret_count = 0;
    int r = git_run(w->a, w->folder, NULL, argv, &out, e);
    while (r == 0 && out.len) {
        str_cut(out, '\0', &name, &out);
        bool wanted =
            str_ends(name, STR(".yml")) || str_ends(name, STR(".yaml")) || str_is(name, LOCK_FILE);
        if (!wanted) continue;
        if (*ret_count == FILES_MAX)
            return err_set(e, ERR_LIMIT, "there are more than %d files in " WORKFLOWS, FILES_MAX);
        ARENA_PUSH(w->a, *ret, *ret_count, cap, name);
    }
    return r;
}

/* All of them in one call of git: "ID blob SIZE\n", the bytes and a line feed for each. */
static int read_files(work *w, str sha, value *ret, err *e) {
    _cleanup_strbuf_ strbuf asked = STRBUF_INIT;
    const char *argv[] = {"git", "cat-file", "--batch", NULL};
    str *names;
    size_t count, total = 0;
    *ret = value_object_new(w->a, true);
    int r = list_files(w, sha, &names, &count, e);
    if (r < 0 || !count) return r;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&asked, "%.*s:%.*s\n", STR_ARG(sha), STR_ARG(names[i]));
    git_call call = {.dir = w->folder,
                     .argv = argv,
                     .input = strbuf_str(&asked),
                     .max_output = FILES_BYTES_MAX + FILES_MAX * 128};
    git_answer answer;
    if ((r = git_ask(w->a, &call, &answer, e)) < 0) return r;
    str out = answer.out, line, rest;
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        ptrdiff_t blank = str_line(&out, &line) ? str_rfind_char(line, ' ') : -1;
        rest = blank < 0 ? STR_EMPTY : str_sub(line, (size_t)blank + 1, line.len);
        if (!str_to_uint(rest, FILE_MAX, &size) || out.len < size ||
            (total += size) > FILES_BYTES_MAX)
            return err_set(e, ERR_LIMIT, "the file '%.*s' cannot be read, or is larger than 1 MiB",
                           STR_ARG(names[i]));
        value_set(w->a, ret, names[i], value_string(str_sub(out, 0, size)));
        out = str_sub(out, size + 1, out.len);
    }
    return 0;
}

/* ---- what an event starts ------------------------------------------------------------------- */

static int find_in_sources(void *context, arena *a, str uses, str from, str *ret_source,
                           str *ret_path, err *e) {
    const value *sources = context;
    str path = uses;
    (void)from;
    if (str_starts(uses, STR("./")))
        path = str_sub(uses, 2, uses.len);
    else if (!uses_own_repository(uses, &path))
        return err_set(e, ERR_UNSUPPORTED, "it is in another repository");
    const value *text = value_get(sources, path);
    if (!text) return err_set(e, ERR_NOT_FOUND, "there is no file '%.*s'", STR_ARG(path));
    *ret_source = text->string;
    *ret_path = arena_str(a, path);
    return 0;
}

static str first_line(str text) {
    str line = STR_EMPTY;
    str_line(&text, &line);
    return line;
}

static void add_run(work *w, const event *ev, str path, str name, const value *sources, str message,
                    const char *ask) {
    value facts = value_object_new(w->a, true);
    value_set_str(w->a, &facts, "server_url", ev->server_url);
    value_set(w->a, &facts, STR("now_us"), value_number((double)ev->now_us));
    str subject = first_line(message);
    store_run row = {.repository = w->repository->id,
                     .workflow = name,
                     .path = path,
                     .name = subject.len ? subject : name,
                     .event = ev->name,
                     .action = ev->action,
                     .ref = ev->ref,
                     .sha = ev->sha,
                     .base_ref = ev->base_ref,
                     .head_ref = ev->head_ref,
                     .message = subject,
                     .actor = w->in->actor.len ? w->in->actor : ev->actor,
                     .is_fork = *ask,
                     .payload = json_text(w->a, &ev->payload),
                     .facts = json_text(w->a, &facts),
                     .sources = json_text(w->a, sources)};
    size_t cap = w->cap;
    ARENA_PUSH(w->a, w->runs, w->count, w->cap, row);
    if (cap != w->cap)
        w->asks = arena_grow(w->a, w->asks, cap * sizeof *w->asks, w->cap * sizeof *w->asks);
    w->asks[w->count - 1] = ask;
}

/* `only`: the one workflow that is asked for, by file name or name; empty: all. */
static int match_file(work *w, const event *ev, const value_pair *file, value *sources, str only,
                      str message, err *e) {
    workflow_options how = {.file = find_in_sources, .file_context = sources};
    workflow *wf;
    str reason, base = file->key;
    const char *path = arena_cstr(w->a, file->key);
    int r = workflow_parse(w->a, file->item.string, path, &how, &wf, e);
    if (r < 0) return err_context(e, "%s", path);
    ptrdiff_t slash = str_rfind_char(base, '/');
    base = str_sub(base, (size_t)(slash + 1), base.len);
    if (only.len && !str_eq(only, base) && !str_eq(only, file->key) && !str_eq(only, wf->name))
        return 0;
    /* One that is broken is a run that failed, where it can be said to want the event. */
    if (!wf->problems.errors && !event_matches(w->a, wf, ev, &reason)) {
        strbuf_addf(&w->reasons, "%s: %.*s\n", path, STR_ARG(reason));
        return 0;
    }
    if (wf->problems.errors && wf->trigger_count && !workflow_trigger(wf, ev->name)) return 0;
    str name = wf->name.len ? wf->name : file->key;
    add_run(w, ev, file->key, name, sources, message, "");
    return 0;
}

/* A schedule counts as the default branch has it. */
static void note_schedules(work *w, const value *sources) {
    w->has_crons = true;
    for (size_t i = 0; i < value_count(sources); i++) {
        const value_pair *file = value_at(sources, i);
        workflow_options how = {.file = find_in_sources, .file_context = (void *)sources};
        workflow *wf;
        err ignored = {0};
        if (str_is(file->key, LOCK_FILE) ||
            workflow_parse(w->a, file->item.string, arena_cstr(w->a, file->key), &how, &wf,
                           &ignored) < 0 ||
            wf->problems.errors)
            continue;
        const event_trigger *t = workflow_trigger(wf, STR("schedule"));
        for (size_t k = 0; t && k < t->schedule_count; k++) {
            store_cron row = {.path = file->key,
                              .cron = t->schedules[k].cron,
                              .timezone = t->schedules[k].timezone};
            ARENA_PUSH(w->a, w->crons, w->cron_count, w->cron_cap, row);
        }
    }
}

static bool is_default(const work *w, str ref) {
    return str_starts(ref, STR("refs/heads/")) &&
           str_eq(str_sub(ref, sizeof "refs/heads/" - 1, ref.len), w->repository->default_branch);
}

static int match_event(work *w, const event *ev, str only, str message, err *e) {
    value sources;
    int r = read_files(w, ev->sha, &sources, e);
    if (r == 0 && str_is(ev->name, "push") && is_default(w, ev->ref)) note_schedules(w, &sources);
    for (size_t i = 0; i < value_count(&sources) && r == 0; i++) {
        const value_pair *file = value_at(&sources, i);
        if (!str_is(file->key, LOCK_FILE)) r = match_file(w, ev, file, &sources, only, message, e);
    }
    return r;
}

/* ---- what happened -------------------------------------------------------------------------- */

static push_place place_of(const work *w) {
    push_place place = {.default_branch = w->repository->default_branch,
                        .actor = w->in->actor,
                        .server_url = str_from(server_url(w->i->s))};
    str_cut(w->repository->name, '/', &place.owner, &place.repo);
    return place;
}

static int on_push(work *w, const value *payload, err *e) {
    git_change moved = {.ref = value_path_str(payload, "ref"),
                        .before = value_path_str(payload, "before"),
                        .after = value_path_str(payload, "after")};
    push_place place = place_of(w);
    event events[PUSH_EVENTS_MAX];
    size_t count = 0;
    value found;
    if (!git_ref_is_valid(moved.ref) || !git_is_id(moved.before) || !git_is_id(moved.after))
        return err_set(e, ERR_INVALID, "the change of a ref is malformed");
    int r = push_look(w->a, w->folder, &moved, w->repository->default_branch, &found, e);
    if (r == 0) r = push_events(w->a, &place, &moved, &found, w->in->created_us, events, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        str message = value_path_str(&events[i].payload, "head_commit.message");
        r = match_event(w, &events[i], STR_EMPTY, message, e);
    }
    return r;
}

static int resolve(work *w, str ref, str *ret_sha, str *ret_message, err *e) {
    const char *argv[] = {
        "git", "log", "-1", "--format=%H%n%s", "--end-of-options", arena_cstr(w->a, ref),
        "--",  NULL};
    str out;
    int r = git_run(w->a, w->folder, NULL, argv, &out, e);
    if (r < 0) return r;
    if (!str_line(&out, ret_sha) || !git_is_id(*ret_sha))
        return err_set(e, ERR_NOT_FOUND, "there is no '%.*s'", STR_ARG(ref));
    *ret_message = first_line(out);
    return 0;
}

static int make_event(work *w, const value *payload, const event_facts *facts, event *ret, err *e) {
    value said = value_object_new(w->a, true);
    str when = value_path_str(payload, "schedule");
    if (!when.len) return event_make(w->a, w->in->event, facts, ret, e);
    value_set_str(w->a, &said, "schedule", when);
    return event_from_payload(w->a, w->in->event, &said, facts, ret, e);
}

/* By hand, by another program, or by the clock: an event of a ref. */
static int on_ref_event(work *w, const value *payload, err *e) {
    str ref = value_path_str(payload, "ref"), message = STR_EMPTY, rest;
    push_place place = place_of(w);
    event_facts facts = {.owner = place.owner,
                         .repo = place.repo,
                         .server_url = place.server_url,
                         .default_branch = place.default_branch,
                         .actor = w->in->actor,
                         .now_us = w->in->created_us};
    event ev;
    const value *inputs = value_get(payload, STR("inputs"));
    if (inputs) facts.inputs = *inputs;
    if (!ref.len) ref = arena_printf(w->a, "refs/heads/%.*s", STR_ARG(place.default_branch));
    if (!str_starts(ref, STR("refs/"))) ref = arena_printf(w->a, "refs/heads/%.*s", STR_ARG(ref));
    rest = str_sub(ref, sizeof "refs/heads/" - 1, ref.len);
    if (str_starts(ref, STR("refs/heads/"))) facts.branch = rest;
    if (str_starts(ref, STR("refs/tags/")))
        facts.tag = str_sub(ref, sizeof "refs/tags/" - 1, ref.len);
    int r = resolve(w, ref, &facts.sha, &message, e);
    if (r == 0) r = make_event(w, payload, &facts, &ev, e);
    return r == 0 ? match_event(w, &ev, value_path_str(payload, "workflow"), message, e) : r;
}

static int look_at(work *w, err *e) {
    value payload;
    int r = json_parse(w->a, w->in->payload, 0, &payload, e);
    if (r < 0) return r;
    return str_is(w->in->event, "push") ? on_push(w, &payload, e) : on_ref_event(w, &payload, e);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int do_start(core_tx *tx, void *context, err *e) {
    work *w = context;
    server *s = tx->state;
    int r = 0;
    tx->by.actor = (audit_party){STR("event"), arena_printf(tx->a, "%lld", (long long)w->in->id),
                                 w->in->source};
    for (size_t i = 0; i < w->count && r == 0; i++) {
        int64_t id;
        r = live_start(s->live, tx, &w->runs[i], w->repository->name, str_from(w->asks[i]), &id, e);
    }
    if (r == 0 && w->has_crons)
        r = triggers_set_schedules(tx, w->repository->id, w->crons, w->cron_count, e);
    if (r < 0) return r;
    w->in->state = w->failure.len ? INCOMING_FAILED : INCOMING_DONE;
    w->in->reason = w->failure.len ? w->failure : strbuf_str(&w->reasons);
    w->in->done_us = tx->now_us;
    return store_incoming_put(tx->store, w->in, e);
}

static void on_answer(void *context, const err *e) {
    work *w = context;
    intake *i = w->i;
    pthread_mutex_lock(&i->lock);
    i->code = e ? e->code : 0;
    i->answered = true;
    pthread_cond_signal(&i->more);
    pthread_mutex_unlock(&i->lock);
}

static int post_and_wait(work *w) {
    intake *i = w->i;
    i->answered = false;
    core_post(i->s->core, do_start, on_answer, w);
    pthread_mutex_lock(&i->lock);
    while (!i->answered)
        pthread_cond_wait(&i->more, &i->lock);
    pthread_mutex_unlock(&i->lock);
    return i->code;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static int take_one(intake *i, store *reader, store_incoming *in) {
    _cleanup_arena_ arena *a = arena_new();
    store_repository repository;
    work w = {.i = i, .a = a, .in = in, .repository = &repository, .reasons = STRBUF_INIT};
    err why = {0};
    int r = store_repository_by_id(reader, a, in->repository, &repository, &why);
    if (r == 0) {
        w.folder = repository_folder(i->s, a, &repository);
        r = look_at(&w, &why);
    }
    if (r < 0) {
        w.count = 0;
        w.failure = arena_printf(a, "%s", why.message);
    }
    r = post_and_wait(&w);
    strbuf_done(&w.reasons);
    return r;
}

static bool is_stopping(intake *i) {
    pthread_mutex_lock(&i->lock);
    bool stops = i->stops;
    pthread_mutex_unlock(&i->lock);
    return stops;
}

/* All that is new; false when it could not be told to the core, and is to be tried later. */
static bool take_all(intake *i) {
    for (;;) {
        _cleanup_arena_ arena *a = arena_new();
        store *reader;
        store_incoming *rows;
        size_t count;
        err e = {0};
        if (server_reader(i->s, &reader, &e) < 0 ||
            store_incoming_new(reader, a, BATCH, &rows, &count, &e) < 0)
            return false;
        if (!count) return true;
        for (size_t k = 0; k < count; k++) {
            if (take_one(i, reader, &rows[k]) < 0 || is_stopping(i)) return false;
        }
    }
}

static void *run(void *context) {
    intake *i = context;
    pthread_mutex_lock(&i->lock);
    while (!i->stops) {
        while (!i->woken && !i->stops)
            pthread_cond_wait(&i->more, &i->lock);
        i->woken = false;
        pthread_mutex_unlock(&i->lock);
        take_all(i);
        pthread_mutex_lock(&i->lock);
    }
    pthread_mutex_unlock(&i->lock);
    return NULL;
}

void intake_wake(intake *i) {
    pthread_mutex_lock(&i->lock);
    i->woken = true;
    pthread_cond_signal(&i->more);
    pthread_mutex_unlock(&i->lock);
}

int intake_new(server *s, intake **ret, err *e) {
    intake *i = *ret = mem_alloc(sizeof *i);
    *i = (intake){.s = s, .woken = true}; /* there may be rows from before */
    pthread_mutex_init(&i->lock, NULL);
    pthread_cond_init(&i->more, NULL);
    int r = pthread_create(&i->thread, NULL, run, i);
    return r ? err_sys(e, r, "cannot start a thread") : 0;
}

void intake_free(intake *i) {
    if (!i) return;
    pthread_mutex_lock(&i->lock);
    i->stops = true;
    pthread_cond_broadcast(&i->more);
    pthread_mutex_unlock(&i->lock);
    pthread_join(i->thread, NULL);
    pthread_cond_destroy(&i->more);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

/* ---- coming in ------------------------------------------------------------------------------ */

static void wake_after(void *state, void *context) {
    server *s = state;
    (void)context;
    intake_wake(s->intake);
}

int intake_accept(core_tx *tx, store_incoming *in, err *e) {
    store_repository repository;
    int r = store_repository_by_id(tx->store, tx->a, in->repository, &repository, e);
    if (r < 0) return r;
    if (repository.archived)
        return err_set(e, ERR_INVALID, "the repository '%.*s' is archived",
                       STR_ARG(repository.name));
    in->created_us = tx->now_us;
    if ((r = store_incoming_add(tx->store, in, e)) < 0) return r;
    change x = {.action = "event.accept",
                .kind = "event",
                .id = in->id,
                .name = in->event,
                .project = repository.name};
    if ((r = change_record(tx, &x, e)) < 0) return r;
    core_after(tx, wake_after, NULL);
    return 0;
}
