/* event.h: what happened (an event with its payload), and which workflows it starts. Pure. */
#ifndef SLIPWAY_WORKFLOW_EVENT_H
#define SLIPWAY_WORKFLOW_EVENT_H

#include "base/git.h"
#include "workflow/workflow.h"

typedef struct event {
    str name;   /* push, pull_request, … */
    str action; /* activity type ("opened"), empty when the event has none */
    str ref;    /* refs/heads/main, refs/tags/v1, refs/pull/1/merge */
    str sha, base_ref, head_ref;
    str actor, repository; /* owner/name */
    value payload;         /* github.event */
    str *changed; /* paths of the change; NULL with changed_known false: path filters pass */
    size_t changed_count;
    bool changed_known;
    str server_url; /* https://github.com */
    str workspace;  /* set per job by the runner */
    str run_id, run_number, run_attempt;
    int64_t now_us; /* copied from the facts */
} event;

/* Facts about a repository from which a payload is made when none is given. */
typedef struct event_facts {
    str sha, before, branch, tag, default_branch, owner, repo, actor, actor_email;
    str author_name, author_email, committer_name, committer_email, message, timestamp;
    str server_url;
    str *changed;
    size_t changed_count;
    bool changed_known;
    value inputs; /* workflow_dispatch: an object */
    int64_t now_us;
} event_facts;

/* Sets what is of a commit: sha, before (its parent), people, message, time. */
void event_facts_of_commit(event_facts *f, const git_info *commit);

/* Which ref a run of an event has ("Events that trigger workflows", column GITHUB_REF). */
typedef enum event_ref {
    EVENT_REF_DEFAULT, /* the default branch */
    EVENT_REF_PUSHED,  /* the branch or tag that was pushed, created or chosen */
    EVENT_REF_MERGE,   /* refs/pull/N/merge */
    EVENT_REF_RELEASE, /* the release's tag */
    EVENT_REF_COUNT
} event_ref;

/* Every event name that a workflow may name, for checks, help and completion. */
typedef struct event_kind {
    const char *name;
    /* NULL-terminated activity types, the usual one first; NULL when it has none. */
    const char *const *types;
    const char *const *default_types; /* what runs when `types:` is absent; NULL: all */
    event_ref ref;
    bool branches, tags, paths; /* which filters it takes */
    bool workflows;             /* workflow_run's list of names */
    bool names;                 /* image_version's `names` and `versions` */
    bool free_types;            /* repository_dispatch: any word may stand under `types` */
} event_kind;
const event_kind *event_kinds(size_t *ret_count);
const event_kind *event_kind_find(str name);

/* Makes an event from facts, with the payload's fields that GitHub documents and that can be known
 * locally. *ret shares text with the facts, and below with the payload. Error: no such event. */
int event_make(arena *a, str name, const event_facts *facts, event *ret, err *e);
/* Makes an event from a payload given by a person (an object, or NULL); facts fill what it does not
 * say. run_id, run_number and run_attempt are "1" until the caller sets them. */
int event_from_payload(arena *a, str name, const value *payload, const event_facts *facts,
                       event *ret, err *e);

/* True when the event starts the workflow; otherwise *ret_reason says why not. */
bool event_matches(arena *a, const workflow *w, const event *ev, str *ret_reason);

/* GitHub's filter pattern: * ** ? + [] ! ; error: the pattern is malformed. */
int filter_pattern_check(str pattern, err *e);
bool filter_pattern_match(str pattern, str text);
/* A list of patterns, judged in order: the last one that matches decides, `!` takes out again. */
bool filter_list_match(const str *patterns, size_t count, str text);

/* The `inputs` context of a workflow started by workflow_dispatch (or, run by hand, workflow_call):
 * the payload's inputs with their declared types, and defaults for the rest. An empty object for
 * other events. Errors: an unknown or a missing required input, a value that does not fit its
 * type. */
int event_inputs(arena *a, const event *ev, const workflow *w, value *ret, err *e);

/* The `github` context of this event (without what only the runner knows). */
value event_github_context(arena *a, const event *ev, const workflow *w);

#endif
