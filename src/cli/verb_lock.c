#include "agent/fetch.h"
#include "base/fs.h"
#include "cli/lock_ids.h"
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>

typedef struct locker {
    arena *a;
    run_config config;
    run_set set;
    lock_file *made;
} locker;

/* ---- what was asked for --------------------------------------------------------------------- */

static int read_updates(locker *x, const options *given, err *e) {
    const char **items;
    size_t count = options_values(given, "update", &items);
    str *updates = ARENA_ARRAY(x->a, str, count + 1);
    for (size_t i = 0; i < count; i++) {
        str text = str_from(items[i]), pin;
        bool whole = str_find_char(text, '@') >= 0;
        str as_pin = whole ? text : arena_printf(x->a, "%s@x", items[i]);
        if (str_is(text, "all"))
            updates[i] = text;
        else if (lock_pin_of(x->a, as_pin, &pin))
            updates[i] = whole ? pin : str_sub(pin, 0, pin.len - 2);
        else
            return err_set(e, ERR_INVALID,
                           "--update %s: expected OWNER/REPO, OWNER/REPO@REF or all", items[i]);
    }
    x->set.uses.updates = updates;
    x->set.uses.update_count = count;
    return 0;
}

/* A name that nothing has is a slip of the pen, and would leave a moved tag as it was. */
static int judge_updates(const locker *x, err *e) {
    for (size_t i = 0; i < x->set.uses.update_count; i++) {
        str update = x->set.uses.updates[i];
        bool found = str_is(update, "all");
        for (size_t k = 0; k < x->made->entry_count && !found; k++) {
            str pin = x->made->entries[k].pin;
            ptrdiff_t at = str_find_char(pin, '@');
            found = str_eq(pin, update) || str_eq(str_sub(pin, 0, (size_t)at), update);
        }
        if (!found)
            return err_set(e, ERR_NOT_FOUND, "--update %.*s: no workflow uses it", STR_ARG(update));
    }
    return 0;
}

/* ---- making the lock ------------------------------------------------------------------------ */

static lock_entry *entry_of(locker *x, const repo *r) {
    lock_file *l = x->made;
    for (size_t i = 0; i < l->entry_count; i++) {
        if (str_eq(l->entries[i].pin, r->pin)) return &l->entries[i];
    }
    const lock_entry *old = x->set.uses.lock ? lock_find(x->set.uses.lock, r->pin) : NULL;
    lock_entry entry = {.pin = r->pin, .ref = r->ref, .commit = r->commit};
    if (r->name.len) entry.ref = r->name;
    if (old && lock_is_commit(r->ref)) entry.ref = old->ref;
    if (old) entry.owner_id = old->owner_id, entry.repo_id = old->repo_id;
    ARENA_PUSH(x->a, l->entries, l->entry_count, l->entry_cap, entry);
    return &l->entries[l->entry_count - 1];
}

static lock_workflow *workflow_of(locker *x, const char *path) {
    lock_file *l = x->made;
    for (size_t i = 0; i < l->workflow_count; i++) {
        if (str_is(l->workflows[i].path, path)) return &l->workflows[i];
    }
    lock_workflow w = {.path = str_from(path)};
    ARENA_PUSH(x->a, l->workflows, l->workflow_count, l->workflow_cap, w);
    return &l->workflows[l->workflow_count - 1];
}

/* A repository whose actions use each other at the same ref does not use itself: GitHub refuses
 * entries that lead back to themselves. */
static void add_edge(locker *x, const action_edge *edge) {
    const lock_pin pin = {.pin = edge->pin};
    entry_of(x, edge->to);
    if (!edge->from) {
        lock_workflow *w = workflow_of(x, edge->workflow);
        lock_add_pin(x->a, &w->pins, &w->pin_count, &w->pin_cap, pin);
    } else if (edge->from != edge->to) {
        lock_entry *entry = entry_of(x, edge->from);
        lock_add_pin(x->a, &entry->uses, &entry->use_count, &entry->use_cap, pin);
    }
}

/* A pin by commit tells beside it which release that is. */
static void name_commits(locker *x, const action_edge *edges, size_t count) {
    repo **repos = ARENA_ARRAY(x->a, repo *, count + 1);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        repo *r = edges[i].to;
        bool wanted = lock_is_commit(r->ref) && !r->failed &&
                      !(x->set.uses.lock && lock_find(x->set.uses.lock, r->pin));
        for (size_t k = 0; k < found && wanted; k++)
            wanted = repos[k] != r;
        if (wanted) repos[found++] = r;
    }
    repos_name(x->a, &x->set.tell, repos, found);
}

static int make_lock(locker *x, err *e) {
    const action_edge *edges;
    size_t count = actions_edges(x->set.actions, &edges), failed = 0;
    x->made = ARENA_NEW(x->a, lock_file);
    x->made->a = x->a;
    for (size_t i = 0; i < x->set.workflow_count; i++)
        workflow_of(x, x->set.workflows[i]->path);
    name_commits(x, edges, count);
    for (size_t i = 0; i < count; i++) {
        const repo *r = edges[i].to;
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first = first && edges[k].to != r;
        if (r->failed && first) console_error(&r->why);
        failed += r->failed;
        if (!r->failed) add_edge(x, &edges[i]);
    }
    return failed ? err_set(e, ERR_FAILED, "%s", "") : judge_updates(x, e);
}

/* Numbers are asked of GitHub, which is where actions come from unless another place was named. */
static void fill_ids(locker *x) {
    const char *url = getenv("GITHUB_API_URL");
    if ((!url || !*url) && !x->config.actions_from) url = "https://api.github.com";
    if (url && !*url) url = NULL;
    str why;
    size_t without = lock_ids_fill(x->a, x->made, x->set.uses.lock, url, &why);
    if (without)
        console_warning("%zu entr%s no owner_id and repo_id, without which GitHub refuses the file "
                        "(Slipway does not): %.*s",
                        without, without == 1 ? "y has" : "ies have", STR_ARG(why));
}

/* ---- what it changes ------------------------------------------------------------------------ */

#define SHOWN_COMMIT 12

static void tell_changes(locker *x, strbuf *out) {
    static const lock_file nothing;
    const lock_file *old = x->set.uses.lock ? x->set.uses.lock : &nothing;
    for (size_t i = 0; i < x->made->entry_count; i++) {
        const lock_entry *now = &x->made->entries[i], *was = lock_find(old, now->pin);
        if (!was)
            strbuf_addf(out, "+ %.*s %.*s\n", STR_ARG(now->pin), SHOWN_COMMIT, now->commit.ptr);
        else if (!str_eq(was->commit, now->commit))
            strbuf_addf(out, "~ %.*s %.*s -> %.*s\n", STR_ARG(now->pin), SHOWN_COMMIT,
                        was->commit.ptr, SHOWN_COMMIT, now->commit.ptr);
    }
    for (size_t i = 0; i < old->entry_count; i++) {
        const lock_entry *was = &old->entries[i];
        if (!lock_find(x->made, was->pin))
            strbuf_addf(out, "- %.*s %.*s\n", STR_ARG(was->pin), SHOWN_COMMIT, was->commit.ptr);
    }
}

static int write_lock(locker *x, bool check, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, out = STRBUF_INIT;
    lock_write(&text, x->made, lock_head(x->set.lock_text));
    bool same = x->set.uses.lock && str_eq(strbuf_str(&text), x->set.lock_text);
    tell_changes(x, &out);
    if (!same && !check) {
        int r =
            fs_write(fs_join(x->a, x->set.repo.root, STR(LOCK_PATH)), strbuf_str(&text), 0644, e);
        if (r < 0) return r;
    }
    size_t entries = x->made->entry_count, workflows = x->made->workflow_count;
    strbuf_addf(&out, LOCK_PATH " %s: %zu dependenc%s of %zu workflow%s\n",
                same    ? "is up to date"
                : check ? "would change"
                        : "is written",
                entries, entries == 1 ? "y" : "ies", workflows, workflows == 1 ? "" : "s");
    int written = console_text(strbuf_str(&out));
    return written ? written : check && !same;
}

static int lock_all(locker *x, const options *given, err *e) {
    int r = run_config_places(given, &x->config, e);
    if (r < 0) return r;
    x->config.inputs = value_object_new(x->a, false);
    run_set_init(&x->set, &x->config);
    x->set.uses.locking = true;
    r = read_updates(x, given, e);
    if (r == 0) r = run_set_read(&x->set, e);
    if (r == 0) r = run_set_select_all(&x->set, e);
    if (r == 0) r = run_fetch_actions(&x->set, e);
    if (r == 0) r = make_lock(x, e);
    if (r < 0) return r;
    fill_ids(x);
    return write_lock(x, options_has(given, "check"), e);
}

static int run_lock(const options *given) {
    locker x = {.a = given->a};
    err e = {0};
    int r = lock_all(&x, given, &e);
    if (r >= 0) return r;
    run_invalid(&x.config, &e);
    return 2;
}

static const option_spec lock_options[] = {
    {'C', "directory", "DIR", .complete = COMPLETE_DIR, .help = "Work as if started in DIR."},
    {0, "actions-from", "URL|DIR", .complete = COMPLETE_DIR,
     .help = "Look for actions in URL/OWNER/REPO.git, or in bare repositories DIR/OWNER/REPO.git. "
             "The default is https://github.com."},
    {0, "check", NULL, .help = "Write nothing; end with status 1 when the file would change."},
    {0, "update", "OWNER/REPO[@REF]", .many = true,
     .help = "Lock this where its ref points today; without REF, every ref of the repository that "
             "is used; 'all' for everything."},
    {0},
};

const verb verb_lock = {
    .name = "lock",
    .summary = "write down the commits of the actions that workflows use",
    .arguments = "",
    .options = lock_options,
    .help =
        "Writes .github/workflows/actions.lock, GitHub's lock file: for every action and reusable "
        "workflow of another repository that the workflows use, and for what those use in turn, "
        "the commit that its tag or branch points to. From then on 'slipway run' compares, before "
        "any job starts, and refuses to go on when a tag has moved."
        "\n\n"
        "What the file has already is kept: only what is new is looked up, what is no longer used "
        "is removed. A commit changes only with --update. Each change is printed: review the "
        "difference between the two commits before you commit the file.",
    .exits =
        (const verb_pair[]){
            {"0", "the file is written, or was up to date"},
            {"1", "--check: the file would change"},
            {"2", "a workflow or the command is invalid, or something cannot be fetched"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway lock", "Lock what is new, and forget what is no longer used."},
            {"slipway lock --update actions/setup-node@v4", "Take what the tag points to now."},
            {"slipway lock --check --update all", "See what has moved; change nothing."},
            {0},
        },
    .run = run_lock,
};
