/* event_kinds.c: the events that start workflows, as data.
 *
 * Names, types and filters are those of GitHub's schema for workflow files; which types run by
 * default and which ref a run has are from "Events that trigger workflows",
 * https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
 */
#include "workflow/event.h"

#define TYPES(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

#define CHANGE_TYPES TYPES("created", "edited", "deleted")

static const char *const pull_request_types[] = {
    "opened",
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "edited",
    "closed",
    "reopened",
    "synchronize",
    "converted_to_draft",
    "locked",
    "unlocked",
    "enqueued",
    "dequeued",
    "milestoned",
    "demilestoned",
    "ready_for_review",
    "review_requested",
    "review_request_removed",
    "auto_merge_enabled",
    "auto_merge_disabled",
    "stacked",
    NULL,
};
static const char *const pull_request_default[] = {"opened", "synchronize", "reopened", NULL};

static const event_kind kinds[] = {
    {.name = "branch_protection_rule", .types = CHANGE_TYPES},
    {.name = "check_run",
     .types = TYPES("created", "rerequested", "completed", "requested_action")},
    {.name = "check_suite", .types = TYPES("completed")},
    {.name = "create", .ref = EVENT_REF_PUSHED},
    {.name = "delete"},
    {.name = "deployment", .ref = EVENT_REF_PUSHED},
    {.name = "deployment_status", .ref = EVENT_REF_PUSHED},
    {.name = "discussion",
     .types =
         TYPES("created", "edited", "deleted", "transferred", "pinned", "unpinned", "labeled",
               "unlabeled", "locked", "unlocked", "category_changed", "answered", "unanswered")},
    {.name = "discussion_comment", .types = CHANGE_TYPES},
    {.name = "fork"},
    {.name = "gollum"},
    {.name = "image_version", .types = TYPES("created", "ready", "deleted"), .names = true},
    {.name = "issue_comment", .types = CHANGE_TYPES},
    {.name = "issues",
     .types =
         TYPES("opened", "edited", "deleted", "transferred", "pinned", "unpinned", "closed",
               "reopened", "assigned", "unassigned", "labeled", "unlabeled", "locked", "unlocked",
               "milestoned", "demilestoned", "field_added", "field_removed", "typed", "untyped")},
    {.name = "label", .types = CHANGE_TYPES},
    {.name = "merge_group",
     .types = TYPES("checks_requested"),
     .ref = EVENT_REF_PUSHED,
     .branches = true},
    {.name = "milestone", .types = TYPES("created", "closed", "opened", "edited", "deleted")},
    {.name = "page_build"},
    {.name = "project", .types = TYPES("created", "closed", "reopened", "edited", "deleted")},
    {.name = "project_card", .types = TYPES("created", "moved", "converted", "edited", "deleted")},
    {.name = "project_column", .types = TYPES("created", "updated", "moved", "deleted")},
    {.name = "public"},
    {.name = "pull_request",
     .types = pull_request_types,
     .default_types = pull_request_default,
     .ref = EVENT_REF_MERGE,
     .branches = true,
     .paths = true},
    {.name = "pull_request_comment", .types = CHANGE_TYPES},
    {.name = "pull_request_review",
     .types = TYPES("submitted", "edited", "dismissed"),
     .ref = EVENT_REF_MERGE},
    {.name = "pull_request_review_comment", .types = CHANGE_TYPES, .ref = EVENT_REF_MERGE},
    {.name = "pull_request_target",
     .types = pull_request_types,
     .default_types = pull_request_default,
     .branches = true,
     .paths = true},
    {.name = "push", .ref = EVENT_REF_PUSHED, .branches = true, .tags = true, .paths = true},
    {.name = "registry_package", .types = TYPES("published", "updated")},
    {.name = "release",
     .types = TYPES("published", "unpublished", "created", "edited", "deleted", "prereleased",
                    "released"),
     .ref = EVENT_REF_RELEASE},
    {.name = "repository_dispatch", .free_types = true},
    {.name = "schedule"},
    {.name = "status"},
    {.name = "watch", .types = TYPES("started")},
    {.name = "workflow_call", .ref = EVENT_REF_PUSHED},
    {.name = "workflow_dispatch", .ref = EVENT_REF_PUSHED},
    {.name = "workflow_run",
     .types = TYPES("completed", "requested", "in_progress"),
     .branches = true,
     .workflows = true},
};

const event_kind *event_kinds(size_t *ret_count) {
    *ret_count = sizeof kinds / sizeof *kinds;
    return kinds;
}

const event_kind *event_kind_find(str name) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (str_is(name, kinds[i].name)) return &kinds[i];
    }
    return NULL;
}
