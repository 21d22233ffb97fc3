/* webhook_read.c: bodies of GitHub, Gitea and Forgejo, and what all become. */
#include "base/git.h"
#include "base/json.h"
#include "server/webhook_internal.h"

#include <math.h>

#define COMMITS_MAX 2048 /* GitHub tells no more of a push, and not that there are more */

/* What Gitea and Forgejo call otherwise. An event of theirs without a row here has GitHub's name,
 * or none. */
static const struct {
    const char *theirs, *ours;
} gitea_events[] = {
    {"pull_request_approved", "pull_request_review"},
    {"pull_request_rejected", "pull_request_review"},
    {"pull_request_comment", "pull_request_review_comment"},
    {"package", "registry_package"},
};
static const struct {
    const char *event, *theirs, *ours;
} gitea_actions[] = {
    {"pull_request", "synchronized", "synchronize"},
    {"pull_request", "label_updated", "labeled"},
    {"pull_request", "label_cleared", "unlabeled"},
    {"pull_request", "review_requested", "review_requested"},
    {"pull_request_review", "reviewed", "submitted"},
    {"pull_request_review_comment", "reviewed", "created"},
    {"issues", "label_updated", "labeled"},
    {"issues", "label_cleared", "unlabeled"},
    {"release", "updated", "edited"},
    {"registry_package", "created", "published"},
};

/* Events that start workflows and that no forge tells: they are made here. */
static const char *const own_events[] = {"schedule", "workflow_call", "workflow_dispatch",
                                         "pull_request_target"};

static bool is_own(str name) {
    for (size_t i = 0; i < sizeof own_events / sizeof *own_events; i++)
        if (str_is(name, own_events[i])) return true;
    return false;
}

static void put(arena *a, value *object, const char *key, value item) {
    value_set(a, object, str_from(key), item);
}

/* A copy whose keys may be set; its items are shared. */
static value open_copy(arena *a, const value *object) {
    value copy = value_object_new(a, false);
    value_set_all(a, &copy, object);
    return copy;
}

static str gitea_name(str name) {
    for (size_t i = 0; i < sizeof gitea_events / sizeof *gitea_events; i++)
        if (str_is(name, gitea_events[i].theirs)) return str_from(gitea_events[i].ours);
    return name;
}

/* Actions in GitHub's words, and people with a `login` where theirs is a `username`. */
static void bring_to_github(arena *a, str name, value *payload) {
    str action = value_path_str(payload, "action");
    for (size_t i = 0; i < sizeof gitea_actions / sizeof *gitea_actions; i++) {
        if (str_is(name, gitea_actions[i].event) && str_is(action, gitea_actions[i].theirs))
            value_set_str(a, payload, "action", str_from(gitea_actions[i].ours));
    }
    const value *pusher = value_get(payload, STR("pusher"));
    str login = value_path_str(payload, "pusher.login");
    if (!pusher || value_path_str(payload, "pusher.name").len || !login.len) return;
    value named = open_copy(a, pusher);
    value_set_str(a, &named, "name", login);
    put(a, payload, "pusher", named);
}

/* What follows from the two ends of a push, where the forge does not say it. */
static void tell_kind_of_push(arena *a, value *payload) {
    bool created = webhook_is_zeros(value_path_str(payload, "before"));
    bool deleted = webhook_is_zeros(value_path_str(payload, "after"));
    if (!value_get(payload, STR("created"))) put(a, payload, "created", value_bool(created));
    if (!value_get(payload, STR("deleted"))) put(a, payload, "deleted", value_bool(deleted));
}

/* Paths of a list of commits that may be cut short are no answer to "what changed". */
static void forget_cut_commits(arena *a, value *payload) {
    const value *commits = value_get(payload, STR("commits"));
    if (!commits || commits->kind != VALUE_ARRAY || commits->array.count < COMMITS_MAX) return;
    put(a, payload, "commits", value_array_new(a));
}

/* ---- what is told of all events ------------------------------------------------------------ */

static str server_of(arena *a, const value *payload) {
    str url = value_path_str(payload, "repository.html_url");
    ptrdiff_t scheme = str_find(url, STR("://"));
    str full = value_path_str(payload, "repository.full_name");
    if (scheme < 0) return STR_EMPTY;
    str tail = arena_printf(a, "/%.*s", STR_ARG(full));
    return str_ends(url, tail) ? str_sub(url, 0, url.len - tail.len) : STR_EMPTY;
}

static bool same_repository(const value *head, const value *base) {
    const value *x = value_get(head, STR("id")), *y = value_get(base, STR("id"));
    if (x && y && x->kind == VALUE_NUMBER && y->kind == VALUE_NUMBER) return x->number == y->number;
    str one = value_path_str(head, "full_name"), other = value_path_str(base, "full_name");
    return one.len && str_eq_nocase(one, other);
}

static int read_pull_request(arena *a, webhook_forge forge, const value *payload, webhook_news *ret,
                             err *e) {
    const value *number = value_path(payload, "pull_request.number");
    if (!number) number = value_get(payload, STR("number"));
    bool whole = number && number->kind == VALUE_NUMBER && number->number >= 1 &&
                 number->number < 1e15 && floor(number->number) == number->number;
    ret->head_sha = value_path_str(payload, "pull_request.head.sha");
    if (!whole || !git_is_id(ret->head_sha))
        return err_set(e, ERR_INVALID,
                       "the webhook's pull request has no number or no head commit");
    ret->number = (uint64_t)number->number;
    ret->fork = !same_repository(value_path(payload, "pull_request.head.repo"),
                                 value_path(payload, "pull_request.base.repo"));
    ret->fetch_ref =
        arena_printf(a, "refs/%s/%llu/head", forge == WEBHOOK_GITLAB ? "merge-requests" : "pull",
                     (unsigned long long)ret->number);
    return 0;
}

static int read_push(const value *payload, webhook_news *ret, err *e) {
    str ref = value_path_str(payload, "ref"), after = value_path_str(payload, "after");
    ret->before = value_path_str(payload, "before");
    if (!str_starts(ref, STR("refs/")) || !git_is_id(ret->before) || !git_is_id(after))
        return err_set(e, ERR_INVALID, "the webhook's push has no ref, 'before' or 'after'");
    if (webhook_is_zeros(after))
        ret->ignored = STR("a ref that was deleted starts no workflow on 'push'");
    else
        ret->head_sha = after;
    return 0;
}

static int add_event(arena *a, str name, const value *payload, int64_t now_us, webhook_news *ret,
                     err *e) {
    str owner, repo, pusher = value_path_str(payload, "pusher.name");
    ptrdiff_t slash = str_rfind_char(ret->repository, '/');
    owner = str_sub(ret->repository, 0, (size_t)(slash < 0 ? 0 : slash));
    repo = str_sub(ret->repository, (size_t)(slash + 1), ret->repository.len);
    event_facts facts = {.owner = owner,
                         .repo = repo,
                         .actor = pusher,
                         .default_branch = value_path_str(payload, "repository.default_branch"),
                         .server_url = server_of(a, payload),
                         .now_us = now_us};
    event *ev = &ret->events[ret->event_count];
    if (ret->number) facts.sha = ret->head_sha;
    int r = event_from_payload(a, name, payload, &facts, ev, e);
    /* Its run has secrets: it is never one of the code that is proposed. */
    if (str_is(name, "pull_request_target"))
        ev->sha = value_path_str(payload, "pull_request.base.sha");
    if (r == 0) ret->event_count++;
    return r;
}

/* A push by which a ref came to be or went, as `create` or `delete` of GitHub. */
static value ref_payload(arena *a, const value *push) {
    static const char *const kept[] = {"repository", "sender"};
    str ref = value_path_str(push, "ref");
    bool tag = str_starts(ref, STR("refs/tags/"));
    value p = value_object_new(a, false);
    value_set_str(a, &p, "ref", str_sub(ref, tag ? 10 : 11, ref.len));
    value_set_str(a, &p, "ref_type", tag ? STR("tag") : STR("branch"));
    value_set_str(a, &p, "pusher_type", STR("user"));
    for (size_t i = 0; i < 2; i++) {
        const value *item = value_get(push, str_from(kept[i]));
        if (item) put(a, &p, kept[i], *item);
    }
    return p;
}

/* GitHub and Gitea tell these apart from the push. */
static int add_of_gitlab_push(arena *a, const value *push, int64_t now_us, webhook_news *ret,
                              err *e) {
    bool created = webhook_is_zeros(ret->before), deleted = !ret->head_sha.len;
    value payload = ref_payload(a, push);
    if (!created && !deleted) return 0;
    return add_event(a, created ? STR("create") : STR("delete"), &payload, now_us, ret, e);
}

static int add_events(arena *a, webhook_forge forge, str name, const value *payload, int64_t now_us,
                      webhook_news *ret, err *e) {
    int r = 0;
    if (str_is(name, "push")) {
        r = read_push(payload, ret, e);
        if (r == 0 && ret->head_sha.len) r = add_event(a, name, payload, now_us, ret, e);
        if (r == 0 && forge == WEBHOOK_GITLAB) r = add_of_gitlab_push(a, payload, now_us, ret, e);
        return r;
    }
    if (value_get(payload, STR("pull_request"))) {
        r = read_pull_request(a, forge, payload, ret, e);
        if (r < 0) return r;
    } else if (str_is(name, "pull_request")) {
        return err_set(e, ERR_INVALID, "the webhook tells of a pull request and has none");
    }
    r = add_event(a, name, payload, now_us, ret, e);
    if (r == 0 && str_is(name, "pull_request"))
        r = add_event(a, STR("pull_request_target"), payload, now_us, ret, e);
    return r;
}

/* ---- a body -------------------------------------------------------------------------------- */

static int draft_of(arena *a, const webhook *w, const value *body, webhook_draft *ret,
                    str *ret_ignored, err *e) {
    if (w->forge == WEBHOOK_GITLAB)
        return webhook_from_gitlab(a, w->event, body, ret, ret_ignored, e);
    str name = w->forge == WEBHOOK_GITEA ? gitea_name(w->event) : w->event;
    const event_kind *kind = is_own(name) ? NULL : event_kind_find(name);
    ret->payload = open_copy(a, body);
    ret->name = kind ? kind->name : NULL;
    if (!kind)
        *ret_ignored =
            arena_printf(a, "no workflow can start on '%.*s' of %s",
                         STR_ARG(str_sub(w->event, 0, 80)), webhook_forge_name(w->forge));
    else if (w->forge == WEBHOOK_GITEA)
        bring_to_github(a, name, &ret->payload);
    return 0;
}

int webhook_read(arena *a, const webhook *w, str body, int64_t now_us, webhook_news *ret, err *e) {
    value root;
    webhook_draft draft = {0};
    *ret = (webhook_news){0};
    ret->ping = w->forge == WEBHOOK_GITHUB && str_is(w->event, "ping");
    int r = json_parse(a, body, 0, &root, e);
    if (r == 0 && root.kind != VALUE_OBJECT) r = err_set(e, ERR_INVALID, "it is no JSON object");
    if (r == 0 && !ret->ping) r = draft_of(a, w, &root, &draft, &ret->ignored, e);
    if (r < 0) return err_context(e, "the webhook's body");
    const value *payload = ret->ping || !draft.name ? &root : &draft.payload;
    ret->repository = value_path_str(payload, "repository.full_name");
    ret->clone_url = value_path_str(payload, "repository.clone_url");
    ret->ssh_url = value_path_str(payload, "repository.ssh_url");
    if (!draft.name) return 0;
    if (!ret->repository.len)
        return err_set(e, ERR_INVALID, "the webhook's body names no repository");
    if (str_is(str_from(draft.name), "push")) {
        tell_kind_of_push(a, &draft.payload);
        forget_cut_commits(a, &draft.payload);
    }
    return add_events(a, w->forge, str_from(draft.name), payload, now_us, ret, e);
}
