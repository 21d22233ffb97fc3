/* event_match.c: whether an event starts a workflow.
 *
 * What cannot be known locally (the changed files of a shallow clone, the name of the workflow that
 * a workflow_run is about) lets a filter pass: a person asked for this run. What is known is judged
 * exactly as on GitHub:
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#on */
#include "workflow/event.h"

#define TAG_PREFIX    STR("refs/tags/")
#define BRANCH_PREFIX STR("refs/heads/")

static str without_prefix(str s, str prefix) {
    return str_starts(s, prefix) ? str_sub(s, prefix.len, s.len) : s;
}

static bool has_exactly(const event_filter *f, str word) {
    for (size_t i = 0; i < f->count; i++) {
        if (str_eq(f->items[i], word)) return true;
    }
    return false;
}

static bool types_match(const event_kind *kind, const event_trigger *t, const event *ev) {
    if (t->types.present) return has_exactly(&t->types, ev->action);
    if (!kind || !kind->default_types || ev->action.len == 0) return true;
    for (const char *const *type = kind->default_types; *type; type++) {
        if (str_is(ev->action, *type)) return true;
    }
    return false;
}

/* A name against `only` and `ignore`, of which at most one is present. */
static bool name_passes(const event_filter *only, const event_filter *ignore, str name) {
    if (only->present) return filter_list_match(only->items, only->count, name);
    if (ignore->present) return !filter_list_match(ignore->items, ignore->count, name);
    return true;
}

/* The branch that `branches` is about, and what to call it. */
static str filtered_branch(const event *ev, const char **ret_role) {
    *ret_role = "branch";
    if (str_is(ev->name, "workflow_run"))
        return value_path_str(&ev->payload, "workflow_run.head_branch");
    if (str_is(ev->name, "merge_group")) {
        *ret_role = "target branch";
        return without_prefix(value_path_str(&ev->payload, "merge_group.base_ref"), BRANCH_PREFIX);
    }
    if (str_is(ev->name, "push")) return without_prefix(ev->ref, BRANCH_PREFIX);
    *ret_role = "target branch";
    return ev->base_ref;
}

static bool ref_passes(arena *a, const event_trigger *t, const event *ev, str *ret_reason) {
    bool is_tag = str_is(ev->name, "push") && str_starts(ev->ref, TAG_PREFIX);
    const event_filter *only = is_tag ? &t->tags : &t->branches;
    const event_filter *ignore = is_tag ? &t->tags_ignore : &t->branches_ignore;
    const char *role = "tag";
    str name = is_tag ? without_prefix(ev->ref, TAG_PREFIX) : filtered_branch(ev, &role);
    if (!only->present && !ignore->present) {
        bool other = is_tag ? t->branches.present || t->branches_ignore.present
                            : t->tags.present || t->tags_ignore.present;
        if (!other) return true;
        *ret_reason = arena_printf(a, "it runs for %s only", is_tag ? "branches" : "tags");
        return false;
    }
    if (name.len == 0 || name_passes(only, ignore, name)) return true;
    *ret_reason = arena_printf(a, "its filters leave out the %s '%.*s'", role, STR_ARG(name));
    return false;
}

static bool any_path(const event_filter *f, const event *ev, bool wanted) {
    for (size_t i = 0; i < ev->changed_count; i++) {
        if (filter_list_match(f->items, f->count, ev->changed[i]) == wanted) return true;
    }
    return false;
}

static bool paths_pass(const event_trigger *t, const event *ev, str *ret_reason) {
    /* Path filters are not evaluated for pushes of tags. */
    if (!ev->changed_known || str_starts(ev->ref, TAG_PREFIX)) return true;
    if (!t->paths.present && !t->paths_ignore.present) return true;
    if (ev->changed_count == 0) {
        *ret_reason = STR("no file changed");
        return false;
    }
    if (t->paths.present && !any_path(&t->paths, ev, true)) {
        *ret_reason = STR("no changed file matches its paths");
        return false;
    }
    if (t->paths_ignore.present && !any_path(&t->paths_ignore, ev, false)) {
        *ret_reason = STR("every changed file matches its paths-ignore");
        return false;
    }
    return true;
}

/* workflow_run's names, image_version's names and versions: those that the payload says. */
static bool names_pass(arena *a, const event_trigger *t, const event *ev, str *ret_reason) {
    str run = value_path_str(&ev->payload, "workflow.name");
    if (run.len == 0) run = value_path_str(&ev->payload, "workflow_run.name");
    if (t->workflows.present && run.len && !has_exactly(&t->workflows, run)) {
        *ret_reason = arena_printf(a, "it does not follow the workflow '%.*s'", STR_ARG(run));
        return false;
    }
    str name = value_path_str(&ev->payload, "image_version.name");
    str version = value_path_str(&ev->payload, "image_version.version");
    bool passes = (!t->names.present || !name.len ||
                   filter_list_match(t->names.items, t->names.count, name)) &&
                  (!t->versions.present || !version.len ||
                   filter_list_match(t->versions.items, t->versions.count, version));
    if (!passes) *ret_reason = STR("its filters leave out this image version");
    return passes;
}

static bool cron_passes(arena *a, const event_trigger *t, const event *ev, str *ret_reason) {
    str cron = value_path_str(&ev->payload, "schedule");
    if (!str_is(ev->name, "schedule") || cron.len == 0) return true;
    for (size_t i = 0; i < t->schedule_count; i++) {
        if (str_eq(t->schedules[i].cron, cron)) return true;
    }
    *ret_reason = arena_printf(a, "it has no schedule '%.*s'", STR_ARG(cron));
    return false;
}

bool event_matches(arena *a, const workflow *w, const event *ev, str *ret_reason) {
    const event_trigger *t = workflow_trigger(w, ev->name);
    if (!t) {
        *ret_reason = arena_printf(a, "it does not run on %.*s", STR_ARG(ev->name));
        return false;
    }
    if (!types_match(event_kind_find(ev->name), t, ev)) {
        *ret_reason = ev->action.len ? arena_printf(a, "it does not run on %.*s of type '%.*s'",
                                                    STR_ARG(ev->name), STR_ARG(ev->action))
                                     : arena_printf(a, "it runs on certain types of %.*s only",
                                                    STR_ARG(ev->name));
        return false;
    }
    return ref_passes(a, t, ev, ret_reason) && paths_pass(t, ev, ret_reason) &&
           names_pass(a, t, ev, ret_reason) && cron_passes(a, t, ev, ret_reason);
}
