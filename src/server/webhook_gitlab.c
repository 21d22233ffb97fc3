/* webhook_gitlab.c: GitLab's bodies in GitHub's shape.
 *
 * Each kind is a table of paths: from where in theirs, to which key of ours. */
#include "server/webhook_internal.h"

typedef struct path {
    const char *key, *from;
} path;

static void put(arena *a, value *object, const char *key, value item) {
    value_set(a, object, str_from(key), item);
}

static void fill(arena *a, value *object, const value *from, const path *paths) {
    for (; paths->key; paths++) {
        const value *item = value_path(from, paths->from);
        if (item && item->kind != VALUE_NULL) put(a, object, paths->key, *item);
    }
}

static value make(arena *a, const value *from, const path *paths) {
    value object = value_object_new(a, false);
    fill(a, &object, from, paths);
    return object;
}

static const path project_paths[] = {
    {"id", "id"},
    {"name", "name"},
    {"full_name", "path_with_namespace"},
    {"html_url", "web_url"},
    {"url", "web_url"},
    {"clone_url", "git_http_url"},
    {"ssh_url", "git_ssh_url"},
    {"default_branch", "default_branch"},
    {"description", "description"},
    {0},
};

static value make_repository(arena *a, const value *project) {
    value r = make(a, project, project_paths), owner = value_object_new(a, false);
    str full = value_path_str(&r, "full_name");
    ptrdiff_t slash = str_rfind_char(full, '/');
    if (slash > 0) {
        value_set_str(a, &owner, "login", str_sub(full, 0, (size_t)slash));
        value_set_str(a, &r, "name", str_sub(full, (size_t)slash + 1, full.len));
    }
    put(a, &r, "owner", owner);
    return r;
}

/* ---- pushes -------------------------------------------------------------------------------- */

static const path push_paths[] = {{"ref", "ref"}, {"before", "before"}, {"after", "after"}, {0}};
static const path commit_paths[] = {
    {"id", "id"},   {"message", "message"}, {"timestamp", "timestamp"},
    {"url", "url"}, {"author", "author"},   {0}};
static const path changed_paths[] = {
    {"added", "added"}, {"modified", "modified"}, {"removed", "removed"}, {0}};
static const path pusher_paths[] = {{"name", "user_username"}, {"email", "user_email"}, {0}};
static const path push_sender_paths[] = {{"login", "user_username"}, {"id", "user_id"}, {0}};

static bool tells_all_commits(const value *body, size_t count) {
    const value *total = value_get(body, STR("total_commits_count"));
    return total && total->kind == VALUE_NUMBER && total->number == (double)count;
}

static int from_push(arena *a, const value *body, webhook_draft *ret, str *ret_ignored, err *e) {
    (void)ret_ignored, (void)e;
    value p = make(a, body, push_paths), list = value_array_new(a);
    const value *commits = value_get(body, STR("commits"));
    size_t count = value_count(commits);
    if (commits && commits->kind != VALUE_ARRAY) count = 0;
    bool all = tells_all_commits(body, count);
    for (size_t i = 0; i < count; i++) {
        value commit = make(a, &commits->array.items[i], commit_paths);
        put(a, &commit, "distinct", value_bool(true));
        if (all) fill(a, &commit, &commits->array.items[i], changed_paths);
        value_push(a, &list, commit);
        str id = value_path_str(&commit, "id");
        if (id.len && str_eq(id, value_path_str(body, "after"))) put(a, &p, "head_commit", commit);
    }
    put(a, &p, "commits", list);
    put(a, &p, "pusher", make(a, body, pusher_paths));
    put(a, &p, "sender", make(a, body, push_sender_paths));
    ret->name = "push";
    ret->payload = p;
    return 0;
}

/* ---- merge requests ------------------------------------------------------------------------ */

static const path request_paths[] = {
    {"id", "object_attributes.id"},
    {"number", "object_attributes.iid"},
    {"title", "object_attributes.title"},
    {"body", "object_attributes.description"},
    {"html_url", "object_attributes.url"},
    {"draft", "object_attributes.draft"},
    {"merge_commit_sha", "object_attributes.merge_commit_sha"},
    {"created_at", "object_attributes.created_at"},
    {"updated_at", "object_attributes.updated_at"},
    {0},
};
static const path head_paths[] = {
    {"ref", "object_attributes.source_branch"},
    {"sha", "object_attributes.last_commit.id"},
    {0},
};
static const path base_paths[] = {{"ref", "object_attributes.target_branch"}, {0}};
static const path user_paths[] = {{"login", "user.username"}, {"id", "user.id"}, {0}};

/* What is done to a merge request; an update with new commits has `oldrev`. */
static const struct {
    const char *theirs, *ours;
} actions[] = {
    {"open", "opened"},  {"reopen", "reopened"}, {"close", "closed"},
    {"merge", "closed"}, {"update", "edited"},
};

static const char *action_of(const value *body) {
    str theirs = value_path_str(body, "object_attributes.action");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!str_is(theirs, actions[i].theirs)) continue;
        bool pushed = value_path_str(body, "object_attributes.oldrev").len > 0;
        return str_is(theirs, "update") && pushed ? "synchronize" : actions[i].ours;
    }
    return NULL;
}

static value make_labels(arena *a, const value *body) {
    value list = value_array_new(a);
    const value *labels = value_get(body, STR("labels"));
    for (size_t i = 0; labels && labels->kind == VALUE_ARRAY && i < labels->array.count; i++) {
        static const path paths[] = {{"name", "title"}, {"color", "color"}, {0}};
        value_push(a, &list, make(a, &labels->array.items[i], paths));
    }
    return list;
}

/* Forks are known by their project's number, which both sides have. */
static value make_side(arena *a, const value *body, const path *paths, const char *project) {
    value side = make(a, body, paths);
    const value *from = value_path(body, project);
    if (from && from->kind == VALUE_OBJECT) put(a, &side, "repo", make_repository(a, from));
    return side;
}

static value make_request(arena *a, const value *body) {
    value pr = make(a, body, request_paths);
    str state = value_path_str(body, "object_attributes.state");
    const value *author = value_path(body, "object_attributes.author_id");
    const value *actor = value_path(body, "user.id");
    bool own = author && actor && value_same(author, actor);
    value user = own ? make(a, body, user_paths) : value_object_new(a, false);
    if (author) put(a, &user, "id", *author);
    put(a, &pr, "user", user);
    put(a, &pr, "merged", value_bool(str_is(state, "merged")));
    value_set_str(a, &pr, "state",
                  str_is(state, "closed") || str_is(state, "merged") ? STR("closed") : STR("open"));
    put(a, &pr, "labels", make_labels(a, body));
    put(a, &pr, "head", make_side(a, body, head_paths, "object_attributes.source"));
    put(a, &pr, "base", make_side(a, body, base_paths, "object_attributes.target"));
    return pr;
}

static int from_request(arena *a, const value *body, webhook_draft *ret, str *ret_ignored, err *e) {
    (void)e;
    const char *action = action_of(body);
    if (!action) {
        *ret_ignored = STR("no workflow can start on this action of a merge request");
        return 0;
    }
    value p = value_object_new(a, false), pr = make_request(a, body);
    const value *number = value_get(&pr, STR("number"));
    value_set_str(a, &p, "action", str_from(action));
    if (number) put(a, &p, "number", *number);
    put(a, &p, "pull_request", pr);
    put(a, &p, "sender", make(a, body, user_paths));
    ret->name = "pull_request";
    ret->payload = p;
    return 0;
}

/* ---- releases ------------------------------------------------------------------------------ */

static const path release_paths[] = {{"id", "id"},
                                     {"tag_name", "tag"},
                                     {"name", "name"},
                                     {"body", "description"},
                                     {"html_url", "url"},
                                     {"target_commitish", "commit.id"},
                                     {"created_at", "created_at"},
                                     {"published_at", "released_at"},
                                     {0}};

static int from_release(arena *a, const value *body, webhook_draft *ret, str *ret_ignored, err *e) {
    (void)e;
    static const struct {
        const char *theirs, *ours;
    } words[] = {{"create", "published"}, {"update", "edited"}, {"delete", "deleted"}};
    str theirs = value_path_str(body, "action");
    value p = value_object_new(a, false), release = make(a, body, release_paths);
    for (size_t i = 0; i < 3; i++)
        if (str_is(theirs, words[i].theirs))
            value_set_str(a, &p, "action", str_from(words[i].ours));
    if (!value_count(&p)) {
        *ret_ignored = STR("no workflow can start on this action of a release");
        return 0;
    }
    put(a, &release, "draft", value_bool(false));
    put(a, &release, "prerelease", value_bool(false));
    put(a, &p, "release", release);
    ret->name = "release";
    ret->payload = p;
    return 0;
}

/* ---- all ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*read)(arena *a, const value *body, webhook_draft *ret, str *ret_ignored, err *e);
} readers[] = {
    {"Push Hook", from_push},
    {"Tag Push Hook", from_push},
    {"Merge Request Hook", from_request},
    {"Release Hook", from_release},
};

int webhook_from_gitlab(arena *a, str name, const value *body, webhook_draft *ret, str *ret_ignored,
                        err *e) {
    const value *project = value_get(body, STR("project"));
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (!str_is(name, readers[i].name)) continue;
        int r = readers[i].read(a, body, ret, ret_ignored, e);
        if (r == 0 && ret->name) put(a, &ret->payload, "repository", make_repository(a, project));
        return r;
    }
    *ret_ignored =
        arena_printf(a, "no workflow can start on '%.*s' of gitlab", STR_ARG(str_sub(name, 0, 80)));
    return 0;
}
