#include "server/push.h"

static bool is_zeros(str id) {
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] != '0') return false;
    return id.len > 0;
}

static void put(arena *a, value *object, const char *key, value item) {
    value_set(a, object, str_from(key), item);
}

/* ---- asking git ---------------------------------------------------------------------------- */

static value make_person(arena *a, str name, str email) {
    value p = value_object_new(a, false);
    value_set_str(a, &p, "name", name);
    value_set_str(a, &p, "email", email);
    return p;
}

static value make_commit(arena *a, const git_info *c) {
    value commit = value_object_new(a, false);
    value_set_str(a, &commit, "id", c->head);
    value_set_str(a, &commit, "message", c->message);
    value_set_str(a, &commit, "timestamp", c->timestamp);
    put(a, &commit, "distinct", value_bool(true));
    put(a, &commit, "author", make_person(a, c->author_name, c->author_email));
    put(a, &commit, "committer", make_person(a, c->committer_name, c->committer_email));
    return commit;
}

/* What a new branch is compared with; empty when there is nothing. */
static str base_of_new(arena *a, const char *dir, const git_change *c, str default_branch) {
    const char *branch = arena_printf(a, "refs/heads/%.*s", STR_ARG(default_branch)).ptr;
    const char *const argv[] = {"git", "merge-base", branch, arena_cstr(a, c->after), NULL};
    str out;
    err ignored;
    if (!default_branch.len || str_is(c->ref, branch)) return STR_EMPTY;
    if (!git_ref_is_valid(str_from(branch))) return STR_EMPTY;
    return git_run(a, dir, NULL, argv, &out, &ignored) == 0 ? str_trim(out) : STR_EMPTY;
}

static bool is_ancestor(arena *a, const char *dir, const git_change *c) {
    const char *const argv[] = {
        "git", "merge-base", "--is-ancestor", arena_cstr(a, c->before), arena_cstr(a, c->after),
        NULL};
    git_call call = {.dir = dir, .argv = argv};
    git_answer said;
    err ignored;
    return git_ask(a, &call, &said, &ignored) == 0 && said.status == 0;
}

static void find_changed(arena *a, const char *dir, str base, str head, value *ret) {
    str *paths;
    size_t count;
    err ignored;
    if (!base.len || git_changed(a, dir, base, head, &paths, &count, &ignored) < 0) return;
    if (count > PUSH_PATHS_MAX) return;
    value list = value_array_new(a);
    for (size_t i = 0; i < count; i++)
        value_push(a, &list, value_string(paths[i]));
    put(a, ret, "changed", list);
}

int push_look(arena *a, const char *dir, const git_change *c, str default_branch, value *ret,
              err *e) {
    git_info *commits;
    size_t count;
    *ret = value_object_new(a, false);
    if (is_zeros(c->after)) return 0;
    if (!git_is_id(c->before) || !git_is_id(c->after))
        return err_set(e, ERR_INVALID,
                       "a change of a ref goes from one whole commit id to another");
    bool created = is_zeros(c->before);
    str base = created ? base_of_new(a, dir, c, default_branch) : c->before;
    err ignored;
    /* An annotated tag is not what its commit is: the log begins at the commit all the same. */
    int r = base.len ? git_log(a, dir, base, c->after, PUSH_COMMITS_MAX, &commits, &count, &ignored)
                     : -1;
    if (r < 0 || count == 0) r = git_log(a, dir, STR_EMPTY, c->after, 1, &commits, &count, e);
    if (r < 0) return r;
    value list = value_array_new(a);
    for (size_t i = count; i > 0; i--)
        value_push(a, &list, make_commit(a, &commits[i - 1]));
    put(a, ret, "commits", list);
    put(a, ret, "forced", value_bool(!created && !is_ancestor(a, dir, c)));
    find_changed(a, dir, base, c->after, ret);
    return 0;
}

/* ---- events -------------------------------------------------------------------------------- */

static bool flag(const value *object, const char *key) {
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_BOOL && v->boolean;
}

/* The last commit of the list: the one that was pushed. */
static const value *head_of(const value *found) {
    const value *list = value_get(found, STR("commits"));
    bool any = list && list->kind == VALUE_ARRAY && list->array.count;
    return any ? &list->array.items[list->array.count - 1] : NULL;
}

static void take_changed(arena *a, const value *found, event_facts *f) {
    const value *list = value_get(found, STR("changed"));
    if (!list || list->kind != VALUE_ARRAY) return;
    f->changed = ARENA_ARRAY(a, str, list->array.count);
    for (size_t i = 0; i < list->array.count; i++)
        if (list->array.items[i].kind == VALUE_STRING)
            f->changed[f->changed_count++] = list->array.items[i].string;
    f->changed_known = true;
}

/* What git found, over what event_make would say. */
static value push_payload(arena *a, const git_change *c, const value *found) {
    value p = value_object_new(a, false);
    const value *commits = value_get(found, STR("commits")), *head = head_of(found);
    value_set_str(a, &p, "ref", c->ref);
    value_set_str(a, &p, "before", c->before);
    value_set_str(a, &p, "after", c->after);
    put(a, &p, "created", value_bool(is_zeros(c->before)));
    put(a, &p, "forced", value_bool(flag(found, "forced")));
    if (commits) put(a, &p, "commits", *commits);
    if (head) put(a, &p, "head_commit", *head);
    return p;
}

int push_events(arena *a, const push_place *place, const git_change *c, const value *found,
                int64_t now_us, event ret[PUSH_EVENTS_MAX], size_t *ret_count, err *e) {
    bool tag = str_starts(c->ref, STR("refs/tags/"));
    *ret_count = 0;
    if (!git_ref_is_valid(c->ref) || (!tag && !str_starts(c->ref, STR("refs/heads/"))))
        return err_set(e, ERR_INVALID, "'%.*s' is no branch and no tag",
                       STR_ARG(str_sub(c->ref, 0, 80)));
    str name = str_sub(c->ref, tag ? 10 : 11, c->ref.len);
    bool created = is_zeros(c->before), gone = is_zeros(c->after);
    event_facts f = {.sha = gone ? STR_EMPTY : c->after,
                     .before = created ? STR_EMPTY : c->before,
                     .branch = tag ? STR_EMPTY : name,
                     .tag = tag ? name : STR_EMPTY,
                     .default_branch = place->default_branch,
                     .owner = place->owner,
                     .repo = place->repo,
                     .server_url = place->server_url,
                     .actor = place->actor,
                     .author_name = value_path_str(head_of(found), "author.name"),
                     .now_us = now_us};
    if (gone) {
        /* Its commit is that of the default branch, which only the caller knows. */
        int r = event_make(a, STR("delete"), &f, &ret[0], e);
        *ret_count = r == 0;
        return r;
    }
    value payload = push_payload(a, c, found);
    take_changed(a, found, &f);
    int r = event_from_payload(a, STR("push"), &payload, &f, &ret[(*ret_count)++], e);
    f.changed = NULL, f.changed_count = 0, f.changed_known = false;
    if (r == 0 && created) r = event_make(a, STR("create"), &f, &ret[(*ret_count)++], e);
    return r;
}
