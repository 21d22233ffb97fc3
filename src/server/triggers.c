#include "server/triggers.h"

#include "server/child.h"
#include "server/cron.h"
#include "server/git_watch.h"
#include "server/intake.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/timezone.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS        5000
#define POLL_US        (INT64_C(60) * 1000000) /* between two questions, unless the setting says */
#define POLL_LEAST_US  (INT64_C(10) * 1000000)
#define ASK_MS         (GIT_ASK_MS + 10000)
#define MIRROR_MS      (GIT_FETCH_MS + 10000)
#define SETTINGS_DEPTH 10

/* A repository that is being asked. */
typedef struct poll {
    struct poll *next;
    triggers *of;
    arena *a;
    store_repository repository;
    value source;
    str refs; /* what is there now */
    child *child;
} poll;

struct triggers {
    server *s;
    loop_timer *timer;
    poll *first;
    bool ticking; /* a command is under way */
};

char *repository_folder(const server *s, arena *a, const store_repository *r) {
    if (r->kind == REPOSITORY_LOCAL) return arena_cstr(a, r->url);
    return fs_join(a, s->repos_dir, arena_printf(a, "%lld.git", (long long)r->id));
}

/* ---- schedules ------------------------------------------------------------------------------ */

static bool is_in(const store_cron *row, const store_cron *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(row->path, rows[i].path) && str_eq(row->cron, rows[i].cron) &&
            str_eq(row->timezone, rows[i].timezone))
            return true;
    }
    return false;
}

int triggers_set_schedules(core_tx *tx, int64_t repository, const store_cron *rows, size_t count,
                           err *e) {
    store_cron *all, *old;
    size_t all_count, old_count = 0;
    int r = store_crons(tx->store, tx->a, &all, &all_count, e);
    old = ARENA_ARRAY(tx->a, store_cron, r == 0 ? all_count : 0);
    for (size_t i = 0; r == 0 && i < all_count; i++) {
        if (all[i].repository == repository) old[old_count++] = all[i];
    }
    for (size_t i = 0; r == 0 && i < old_count; i++) {
        if (!is_in(&old[i], rows, count)) r = store_cron_remove(tx->store, old[i].id, e);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        store_cron row = rows[i];
        if (is_in(&row, old, old_count) || is_in(&row, rows, i)) continue;
        row.repository = repository;
        row.last_us = tx->now_us;
        r = store_cron_add(tx->store, &row, e);
    }
    return r;
}

static int read_schedule(arena *a, const store_cron *row, cron_schedule *ret, err *e) {
    int field;
    *ret = (cron_schedule){.catch_up = CRON_SKIP};
    int r = cron_parse(row->cron, &ret->spec, &field, e);
    return r < 0 ? r
                 : timezone_load(a, row->timezone.len ? row->timezone : STR("UTC"), &ret->zone, e);
}

static int start_due(core_tx *tx, store_cron *row, int64_t at_us, err *e) {
    value payload = value_object_new(tx->a, true);
    ptrdiff_t slash = str_rfind_char(row->path, '/');
    value_set_str(tx->a, &payload, "workflow",
                  str_sub(row->path, (size_t)(slash + 1), row->path.len));
    value_set_str(tx->a, &payload, "schedule", row->cron);
    store_incoming in = {
        .repository = row->repository,
        .source = STR("schedule"),
        .event = STR("schedule"),
        .payload = json_text(tx->a, &payload),
        .delivery = arena_printf(tx->a, "%lld %lld", (long long)row->id, (long long)at_us),
    };
    return store_incoming_known(tx->store, &in) ? 0 : intake_accept(tx, &in, e);
}

/* One that cannot be read any more (a zone that is gone) is left alone. */
static int run_schedule(core_tx *tx, store_cron *row, err *e) {
    cron_schedule spec;
    cron_list due;
    err ignored = {0};
    if (read_schedule(tx->a, row, &spec, &ignored) < 0) return 0;
    cron_due(&spec, row->last_us, tx->now_us, &due);
    int r = 0;
    for (size_t i = 0; i < due.count && r == 0; i++)
        r = start_due(tx, row, due.at_us[i], e);
    if (r < 0 || due.last_us == row->last_us) return r;
    row->last_us = due.last_us;
    return store_cron_put(tx->store, row, e);
}

/* ---- polling -------------------------------------------------------------------------------- */

static void end_poll(poll *p) {
    poll **at = &p->of->first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    arena_free(p->a);
}

static int note_poll(core_tx *tx, const poll *p, str refs, err *e) {
    store_repository row;
    int r = store_repository_by_id(tx->store, tx->a, p->repository.id, &row, e);
    if (r < 0) return r;
    row.polled_us = tx->now_us;
    if (refs.ptr) row.refs = refs;
    return store_repository_put(tx->store, &row, e);
}

static int do_changes(core_tx *tx, void *context, err *e) {
    poll *p = context;
    git_refs old = {0}, now;
    git_change *changes;
    bool first = str_is(p->repository.refs, "{}");
    int r = git_refs_read(tx->a, p->refs, &now, e);
    if (r == 0 && !first) r = git_refs_read(tx->a, p->repository.refs, &old, e);
    if (r < 0) return r;
    /* Of what was there when the repository was added nothing has happened. */
    size_t count = first ? 0 : git_refs_compare(tx->a, &old, &now, &changes);
    for (size_t i = 0; i < count && r == 0; i++) {
        value payload = value_object_new(tx->a, true);
        value_set_str(tx->a, &payload, "ref", changes[i].ref);
        value_set_str(tx->a, &payload, "before", changes[i].before);
        value_set_str(tx->a, &payload, "after", changes[i].after);
        store_incoming in = {
            .repository = p->repository.id,
            .source = STR("poll"),
            .event = STR("push"),
            .payload = json_text(tx->a, &payload),
            .delivery =
                arena_printf(tx->a, "%lld %.*s", (long long)tx->now_us, STR_ARG(changes[i].ref)),
        };
        r = intake_accept(tx, &in, e);
    }
    return r == 0 ? note_poll(tx, p, p->refs, e) : r;
}

static int do_nothing_new(core_tx *tx, void *context, err *e) {
    return note_poll(tx, context, (str){0}, e);
}

static void on_noted(void *context, const err *e) {
    (void)e; /* it is asked again at the next time */
    end_poll(context);
}

static void on_mirrored(void *context, const value *answer, bool again, const err *e) {
    poll *p = context;
    (void)answer, (void)again;
    p->child = NULL;
    core_post(p->of->s->core, e ? do_nothing_new : do_changes, on_noted, p);
}

static void fetch(poll *p) {
    value request = value_object_new(p->a, true);
    err e = {0};
    value_set_str(p->a, &request, "do", STR("mirror"));
    value_set(p->a, &request, STR("source"), p->source);
    value_set_str(p->a, &request, "path",
                  str_from(repository_folder(p->of->s, p->a, &p->repository)));
    if (child_start(p->of->s->loop, NULL, &request, MIRROR_MS, on_mirrored, p, &p->child, &e) < 0)
        on_mirrored(p, NULL, true, &e);
}

static void on_refs(void *context, const value *answer, bool again, const err *e) {
    poll *p = context;
    (void)again;
    p->child = NULL;
    if (e) {
        core_post(p->of->s->core, do_nothing_new, on_noted, p);
        return;
    }
    p->refs = arena_str(p->a, value_path_str(answer, "refs"));
    if (str_eq(p->refs, p->repository.refs))
        core_post(p->of->s->core, do_nothing_new, on_noted, p);
    else
        fetch(p);
}

static void ask(triggers *t, const store_repository *r, const value *settings) {
    arena *a = arena_new();
    poll *p = ARENA_NEW(a, poll);
    const value *guard = value_get(settings, STR("guard"));
    value request = value_object_new(a, true);
    err e = {0};
    *p = (poll){.next = t->first, .of = t, .a = a, .repository = *r};
    p->repository.url = arena_str(a, r->url);
    p->repository.refs = arena_str(a, r->refs);
    p->source = value_object_new(a, true);
    value_set_str(a, &p->source, "url", p->repository.url);
    if (guard) value_set(a, &p->source, STR("guard"), value_copy(a, guard));
    t->first = p;
    value_set_str(a, &request, "do", STR("refs"));
    value_set(a, &request, STR("source"), p->source);
    if (child_start(t->s->loop, NULL, &request, ASK_MS, on_refs, p, &p->child, &e) < 0)
        on_refs(p, NULL, true, &e);
}

static bool is_asked(const triggers *t, int64_t id) {
    for (const poll *p = t->first; p; p = p->next) {
        if (p->repository.id == id) return true;
    }
    return false;
}

static void ask_if_due(triggers *t, arena *a, const store_repository *r, int64_t now_us) {
    value settings = VALUE_NULL_INIT;
    err ignored = {0};
    if (r->kind == REPOSITORY_LOCAL || r->archived || is_asked(t, r->id)) return;
    json_parse(a, r->settings, SETTINGS_DEPTH, &settings, &ignored);
    const value *every = value_get(&settings, STR("poll_seconds"));
    int64_t wait = every && every->kind == VALUE_NUMBER ? (int64_t)(every->number * 1e6) : POLL_US;
    if (wait < POLL_LEAST_US) wait = POLL_LEAST_US;
    /* A clock that was put back does not stop it. */
    if (now_us - r->polled_us < wait && now_us >= r->polled_us) return;
    ask(t, r, &settings);
}

/* ---- the clock ------------------------------------------------------------------------------ */

static int do_tick(core_tx *tx, void *context, err *e) {
    triggers *t = context;
    store_cron *crons;
    store_repository *rows;
    size_t count;
    int r = store_crons(tx->store, tx->a, &crons, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = run_schedule(tx, &crons[i], e);
    if (r == 0) r = store_repositories(tx->store, tx->a, &rows, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++)
        ask_if_due(t, tx->a, &rows[i], tx->now_us);
    return r;
}

static void on_ticked(void *context, const err *e) {
    triggers *t = context;
    (void)e;
    t->ticking = false;
}

static void on_tick(void *context) {
    triggers *t = context;
    if (t->ticking) return;
    t->ticking = true;
    core_post(t->s->core, do_tick, on_ticked, t);
}

triggers *triggers_new(server *s) {
    triggers *t = mem_alloc(sizeof *t);
    *t = (triggers){.s = s};
    t->timer = loop_every(s->loop, TICK_MS, on_tick, t);
    return t;
}

/* Children end with the process; their callbacks would need the loop. */
void triggers_stop(triggers *t) {
    loop_timer_stop(t->timer);
    t->timer = NULL;
    for (poll *p = t->first; p; p = p->next) {
        if (p->child) child_kill(p->child);
    }
}

bool triggers_busy(const triggers *t) {
    return t->first != NULL;
}

void triggers_free(triggers *t) {
    if (!t) return;
    loop_timer_stop(t->timer);
    while (t->first)
        end_poll(t->first);
    free(t);
}
