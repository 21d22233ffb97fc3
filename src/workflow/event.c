/* event.c: what happened, as GitHub would tell it.
 *
 * A payload is made from what the repository knows; a person's payload is then laid over it, object
 * by object, so that a few keys are enough. Fields of `event` are read from the result, so that
 * github.ref and github.event never disagree. What cannot be known locally is left out rather than
 * made up: it evaluates to null.
 *
 * Payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
 * Contexts: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts */
#include "workflow/event.h"

#define MERGE_DEPTH_MAX 100
#define NO_COMMIT       "0000000000000000000000000000000000000000"
#define HEADS           "refs/heads/"
#define TAGS            "refs/tags/"

/* ---- building objects ---------------------------------------------------------------------- */

static void put(arena *a, value *object, const char *key, value item) {
    value_set(a, object, str_from(key), item);
}

/* Unknown text is left out. */
static void put_str(arena *a, value *object, const char *key, str text) {
    if (text.len) value_set_str(a, object, key, text);
}

static value make_user(arena *a, const event_facts *f, str login) {
    value user = value_object_new(a, false);
    put_str(a, &user, "login", login);
    if (login.len)
        put_str(a, &user, "html_url",
                arena_printf(a, "%.*s/%.*s", STR_ARG(f->server_url), STR_ARG(login)));
    return user;
}

/* A person as commits name them. */
static value make_person(arena *a, str name, str email) {
    value person = value_object_new(a, false);
    put_str(a, &person, "name", name);
    put_str(a, &person, "email", email);
    return person;
}

static str default_branch(const event_facts *f) {
    if (f->default_branch.len) return f->default_branch;
    return f->branch.len ? f->branch : STR("main");
}

static str repository_url(arena *a, const event_facts *f) {
    return arena_printf(a, "%.*s/%.*s/%.*s", STR_ARG(f->server_url), STR_ARG(f->owner),
                        STR_ARG(f->repo));
}

static str host_of(str url) {
    ptrdiff_t at = str_find(url, STR("://"));
    return at < 0 ? url : str_sub(url, (size_t)at + 3, url.len);
}

static value make_repository(arena *a, const event_facts *f) {
    value r = value_object_new(a, false);
    str url = repository_url(a, f), host = host_of(f->server_url);
    str full = arena_printf(a, "%.*s/%.*s", STR_ARG(f->owner), STR_ARG(f->repo));
    value owner = make_user(a, f, f->owner);
    put_str(a, &owner, "name", f->owner);
    put_str(a, &r, "name", f->repo);
    put_str(a, &r, "full_name", full);
    put(a, &r, "owner", owner);
    put_str(a, &r, "html_url", url);
    put_str(a, &r, "url", url);
    put_str(a, &r, "clone_url", arena_printf(a, "%.*s.git", STR_ARG(url)));
    put_str(a, &r, "git_url", arena_printf(a, "git://%.*s/%.*s.git", STR_ARG(host), STR_ARG(full)));
    put_str(a, &r, "ssh_url", arena_printf(a, "git@%.*s:%.*s.git", STR_ARG(host), STR_ARG(full)));
    put_str(a, &r, "default_branch", default_branch(f));
    put_str(a, &r, "master_branch", default_branch(f));
    return r;
}

/* ---- what each event adds ------------------------------------------------------------------ */

static str first_line(str text) {
    str line = STR_EMPTY;
    str_line(&text, &line);
    return line;
}

/* The full ref of what is checked out. */
static str current_ref(arena *a, const event_facts *f) {
    if (f->branch.len == 0 && f->tag.len) return arena_printf(a, TAGS "%.*s", STR_ARG(f->tag));
    str branch = f->branch.len ? f->branch : default_branch(f);
    return arena_printf(a, HEADS "%.*s", STR_ARG(branch));
}

static value make_commit(arena *a, const event_facts *f) {
    value c = value_object_new(a, false);
    put_str(a, &c, "id", f->sha);
    put(a, &c, "distinct", value_bool(true));
    put_str(a, &c, "message", f->message);
    put_str(a, &c, "timestamp", f->timestamp);
    put_str(a, &c, "url",
            arena_printf(a, "%.*s/commit/%.*s", STR_ARG(repository_url(a, f)), STR_ARG(f->sha)));
    put(a, &c, "author", make_person(a, f->author_name, f->author_email));
    put(a, &c, "committer", make_person(a, f->committer_name, f->committer_email));
    return c;
}

static void fill_push(arena *a, const event_facts *f, value *p) {
    str before = f->before.len ? f->before : STR(NO_COMMIT), url = repository_url(a, f);
    put_str(a, p, "ref", current_ref(a, f));
    put_str(a, p, "before", before);
    put_str(a, p, "after", f->sha);
    put(a, p, "base_ref", VALUE_NULL_INIT);
    put(a, p, "created", value_bool(f->before.len == 0));
    put(a, p, "deleted", value_bool(false));
    put(a, p, "forced", value_bool(false));
    put_str(
        a, p, "compare",
        f->before.len
            ? arena_printf(a, "%.*s/compare/%.*s...%.*s", STR_ARG(url),
                           STR_ARG(str_sub(before, 0, 12)), STR_ARG(str_sub(f->sha, 0, 12)))
            : arena_printf(a, "%.*s/commit/%.*s", STR_ARG(url), STR_ARG(str_sub(f->sha, 0, 12))));
    put(a, p, "pusher", make_person(a, f->actor, f->actor_email));
    value commits = value_array_new(a);
    if (f->sha.len) {
        value commit = make_commit(a, f);
        value_push(a, &commits, commit);
        put(a, p, "head_commit", commit);
    }
    put(a, p, "commits", commits);
}

/* One side of a pull request. */
static value make_side(arena *a, const event_facts *f, str branch, str sha) {
    value side = value_object_new(a, false);
    put_str(a, &side, "label", arena_printf(a, "%.*s:%.*s", STR_ARG(f->owner), STR_ARG(branch)));
    put_str(a, &side, "ref", branch);
    put_str(a, &side, "sha", sha);
    put(a, &side, "user", make_user(a, f, f->owner));
    put(a, &side, "repo", make_repository(a, f));
    return side;
}

static void fill_pull_request(arena *a, const event_facts *f, value *p) {
    value pr = value_object_new(a, false);
    put(a, p, "number", value_number(1));
    put(a, &pr, "number", value_number(1));
    put_str(a, &pr, "state", STR("open"));
    put_str(a, &pr, "title", first_line(f->message));
    put(a, &pr, "draft", value_bool(false));
    put(a, &pr, "merged", value_bool(false));
    put(a, &pr, "user", make_user(a, f, f->actor));
    put_str(a, &pr, "html_url", arena_printf(a, "%.*s/pull/1", STR_ARG(repository_url(a, f))));
    put(a, &pr, "labels", value_array_new(a));
    put(a, &pr, "head", make_side(a, f, f->branch.len ? f->branch : default_branch(f), f->sha));
    put(a, &pr, "base", make_side(a, f, default_branch(f), f->before));
    put(a, p, "pull_request", pr);
}

static void fill_dispatch(arena *a, const event_facts *f, value *p) {
    put_str(a, p, "ref", current_ref(a, f));
    put(a, p, "inputs", value_object_new(a, false));
}

static void fill_repository_dispatch(arena *a, const event_facts *f, value *p) {
    put_str(a, p, "branch", default_branch(f));
    put(a, p, "client_payload", value_object_new(a, false));
}

static void fill_release(arena *a, const event_facts *f, value *p) {
    value release = value_object_new(a, false);
    put_str(a, &release, "tag_name", f->tag);
    put_str(a, &release, "name", f->tag);
    put_str(a, &release, "target_commitish", default_branch(f));
    put(a, &release, "draft", value_bool(false));
    put(a, &release, "prerelease", value_bool(false));
    put(a, &release, "author", make_user(a, f, f->actor));
    if (f->tag.len)
        put_str(a, &release, "html_url",
                arena_printf(a, "%.*s/releases/tag/%.*s", STR_ARG(repository_url(a, f)),
                             STR_ARG(f->tag)));
    put(a, p, "release", release);
}

static void fill_create(arena *a, const event_facts *f, value *p) {
    bool tag = f->branch.len == 0 && f->tag.len;
    put_str(a, p, "ref", tag ? f->tag : f->branch);
    put_str(a, p, "ref_type", tag ? STR("tag") : STR("branch"));
    put_str(a, p, "master_branch", default_branch(f));
}

static void fill_workflow_run(arena *a, const event_facts *f, value *p) {
    value run = value_object_new(a, false);
    put_str(a, &run, "head_branch", f->branch);
    put_str(a, &run, "head_sha", f->sha);
    put_str(a, &run, "event", STR("push"));
    put_str(a, &run, "status", STR("completed"));
    put_str(a, &run, "conclusion", STR("success"));
    put(a, &run, "head_commit", make_commit(a, f));
    put(a, p, "workflow_run", run);
}

static void fill_merge_group(arena *a, const event_facts *f, value *p) {
    value group = value_object_new(a, false);
    put_str(a, &group, "head_sha", f->sha);
    put_str(a, &group, "head_ref", current_ref(a, f));
    put_str(a, &group, "base_sha", f->before);
    put_str(a, &group, "base_ref", arena_printf(a, HEADS "%.*s", STR_ARG(default_branch(f))));
    put(a, &group, "head_commit", make_commit(a, f));
    put(a, p, "merge_group", group);
}

static void fill_deployment(arena *a, const event_facts *f, value *p) {
    value deployment = value_object_new(a, false);
    put_str(a, &deployment, "sha", f->sha);
    put_str(a, &deployment, "ref", f->branch.len ? f->branch : f->tag);
    put(a, p, "deployment", deployment);
}

/* Events about a commit name it under a key of their own. */
static void fill_check(arena *a, const event_facts *f, value *p, const char *key) {
    value check = value_object_new(a, false);
    put_str(a, &check, "head_sha", f->sha);
    put_str(a, &check, "head_branch", f->branch);
    put(a, p, key, check);
}

static void fill_check_run(arena *a, const event_facts *f, value *p) {
    fill_check(a, f, p, "check_run");
}

static void fill_check_suite(arena *a, const event_facts *f, value *p) {
    fill_check(a, f, p, "check_suite");
}

static void fill_status(arena *a, const event_facts *f, value *p) {
    put_str(a, p, "sha", f->sha);
    put(a, p, "commit", make_commit(a, f));
}

static const struct {
    const char *name;
    void (*fill)(arena *a, const event_facts *f, value *payload);
} fillers[] = {
    {"push", fill_push},
    {"pull_request", fill_pull_request},
    {"pull_request_target", fill_pull_request},
    {"pull_request_review", fill_pull_request},
    {"pull_request_review_comment", fill_pull_request},
    {"workflow_dispatch", fill_dispatch},
    {"workflow_call", fill_dispatch},
    {"repository_dispatch", fill_repository_dispatch},
    {"release", fill_release},
    {"create", fill_create},
    {"delete", fill_create},
    {"workflow_run", fill_workflow_run},
    {"merge_group", fill_merge_group},
    {"deployment", fill_deployment},
    {"deployment_status", fill_deployment},
    {"check_run", fill_check_run},
    {"check_suite", fill_check_suite},
    {"status", fill_status},
};

static value make_payload(arena *a, const event_kind *kind, const event_facts *f) {
    value p = value_object_new(a, false);
    if (kind->types) put_str(a, &p, "action", str_from(kind->types[0]));
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        if (str_is(str_from(kind->name), fillers[i].name)) fillers[i].fill(a, f, &p);
    }
    put(a, &p, "repository", make_repository(a, f));
    put(a, &p, "sender", make_user(a, f, f->actor));
    return p;
}

/* ---- a person's payload over it ------------------------------------------------------------ */

/* A copy of `under` in which the keys of `over` replace or join; objects are joined in turn. */
static int merge(arena *a, const value *under, const value *over, int depth, value *ret, err *e) {
    if (depth > MERGE_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "the event's payload nests deeper than %d", MERGE_DEPTH_MAX);
    *ret = value_object_new(a, false);
    value_set_all(a, ret, under);
    for (size_t i = 0; i < value_count(over); i++) {
        const value_pair *p = value_at(over, i);
        const value *old = value_get(under, p->key);
        value item = p->item;
        if (old && old->kind == VALUE_OBJECT && p->item.kind == VALUE_OBJECT) {
            int code = merge(a, old, &p->item, depth + 1, &item, e);
            if (code) return code;
        }
        value_set(a, ret, p->key, item);
    }
    return 0;
}

/* --input wins over the payload's inputs. */
static int merge_inputs(arena *a, const event_facts *f, value *payload, err *e) {
    if (f->inputs.kind != VALUE_OBJECT || value_count(&f->inputs) == 0) return 0;
    const value *given = value_get(payload, STR("inputs"));
    value merged;
    int code = merge(a, given, &f->inputs, 0, &merged, e);
    if (code) return code;
    put(a, payload, "inputs", merged);
    return 0;
}

/* Paths that the payload's commits name, when it names any. */
static void changed_from_commits(arena *a, const value *payload, event *ev) {
    static const char *const lists[] = {"added", "modified", "removed"};
    const value *commits = value_get(payload, STR("commits"));
    str *paths = NULL;
    size_t count = 0, cap = 0;
    bool known = false;
    for (size_t i = 0; commits && commits->kind == VALUE_ARRAY && i < commits->array.count; i++) {
        for (size_t k = 0; k < 3; k++) {
            const value *list = value_get(&commits->array.items[i], str_from(lists[k]));
            known = known || (list && list->kind == VALUE_ARRAY);
            for (size_t n = 0; list && list->kind == VALUE_ARRAY && n < list->array.count; n++) {
                if (list->array.items[n].kind == VALUE_STRING)
                    ARENA_PUSH(a, paths, count, cap, list->array.items[n].string);
            }
        }
    }
    if (!known) return;
    ev->changed = paths;
    ev->changed_count = count;
    ev->changed_known = true;
}

void event_facts_of_commit(event_facts *f, const git_info *commit) {
    f->sha = commit->head;
    f->before = commit->parent;
    f->author_name = commit->author_name;
    f->author_email = commit->author_email;
    f->committer_name = commit->committer_name;
    f->committer_email = commit->committer_email;
    f->message = commit->message;
    f->timestamp = commit->timestamp;
}

/* ---- the fields of an event ---------------------------------------------------------------- */

static str full_ref(arena *a, str ref, const char *prefix) {
    if (ref.len == 0 || str_starts(ref, STR("refs/"))) return ref;
    return arena_printf(a, "%s%.*s", prefix, STR_ARG(ref));
}

static str merge_ref(arena *a, const value *payload) {
    const value *number = value_path(payload, "pull_request.number");
    const value *merged = value_path(payload, "pull_request.merged");
    if (str_is(value_path_str(payload, "action"), "closed") && merged && value_truthy(merged))
        return full_ref(a, value_path_str(payload, "pull_request.base.ref"), HEADS);
    return arena_printf(a, "refs/pull/%.*s/merge",
                        STR_ARG(number ? value_to_str(a, number) : STR("1")));
}

static str pushed_ref(arena *a, const value *payload, const event_facts *f) {
    str ref = value_path_str(payload, "ref");
    if (ref.len == 0) ref = value_path_str(payload, "merge_group.head_ref");
    if (ref.len == 0) ref = value_path_str(payload, "deployment.ref");
    if (ref.len == 0) return current_ref(a, f);
    bool tag = str_is(value_path_str(payload, "ref_type"), "tag") ||
               (f->branch.len == 0 && str_eq(ref, f->tag));
    return full_ref(a, ref, tag ? TAGS : HEADS);
}

static str ref_of(arena *a, const event_kind *kind, const value *payload, const event_facts *f) {
    switch (kind->ref) {
    case EVENT_REF_PUSHED: return pushed_ref(a, payload, f);
    case EVENT_REF_MERGE: return merge_ref(a, payload);
    case EVENT_REF_RELEASE: {
        str tag = value_path_str(payload, "release.tag_name");
        return tag.len ? full_ref(a, tag, TAGS) : current_ref(a, f);
    }
    case EVENT_REF_DEFAULT:
    case EVENT_REF_COUNT: break;
    }
    str branch = value_path_str(payload, "repository.default_branch");
    return full_ref(a, branch.len ? branch : default_branch(f), HEADS);
}

/* The commit that is run: what the person's payload says, else what is checked out. */
static str sha_of(const value *given, const event_facts *f) {
    static const char *const places[] = {"pull_request.merge_commit_sha", "after",
                                         "merge_group.head_sha", "deployment.sha"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        str sha = value_path_str(given, places[i]);
        if (sha.len) return sha;
    }
    return f->sha;
}

/* A number that the person gave in one of its two places counts in both. */
static void align_number(arena *a, const value *given, value *made) {
    const value *pr = value_get(made, STR("pull_request"));
    const value *number = value_path(given, "pull_request.number");
    if (!number) number = value_path(given, "number");
    if (!pr || !number) return;
    value shared = *pr; /* the same object */
    put(a, &shared, "number", *number);
    put(a, made, "number", *number);
}

static event_facts facts_with_defaults(const event_facts *facts) {
    event_facts f = *facts;
    if (f.server_url.len == 0) f.server_url = STR("https://github.com");
    if (f.owner.len == 0) f.owner = STR("local");
    if (f.repo.len == 0) f.repo = STR("repository");
    if (f.actor.len == 0) f.actor = f.author_name.len ? f.author_name : STR("local");
    return f;
}

int event_from_payload(arena *a, str name, const value *given, const event_facts *facts, event *ret,
                       err *e) {
    const event_kind *kind = event_kind_find(name);
    if (!kind) return err_set(e, ERR_INVALID, "there is no event '%.*s'", STR_ARG(name));
    if (given && given->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "the event's payload is not an object");
    event_facts f = facts_with_defaults(facts);
    value made = make_payload(a, kind, &f), payload;
    align_number(a, given, &made);
    int code = merge(a, &made, given, 0, &payload, e);
    if (!code) code = merge_inputs(a, &f, &payload, e);
    if (code) return code;

    event ev = {.name = arena_str(a, name), .payload = payload, .now_us = f.now_us};
    str actor = value_path_str(given, "sender.login");
    str repository = value_path_str(&payload, "repository.full_name");
    ev.action = value_path_str(&payload, "action");
    ev.ref = ref_of(a, kind, &payload, &f);
    ev.sha = sha_of(given, &f);
    ev.base_ref = value_path_str(&payload, "pull_request.base.ref");
    ev.head_ref = value_path_str(&payload, "pull_request.head.ref");
    ev.actor = actor.len ? actor : f.actor;
    ev.repository = repository;
    ev.server_url = f.server_url;
    ev.run_id = ev.run_number = ev.run_attempt = STR("1");
    ev.changed = f.changed;
    ev.changed_count = f.changed_count;
    ev.changed_known = f.changed_known;
    changed_from_commits(a, &payload, &ev);
    *ret = ev;
    return 0;
}

int event_make(arena *a, str name, const event_facts *facts, event *ret, err *e) {
    return event_from_payload(a, name, NULL, facts, ret, e);
}
