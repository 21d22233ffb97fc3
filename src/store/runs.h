/* runs.h: what a server has to do and has done: repositories, events that came in, runs with their
 * jobs, steps and annotations. Part of the store: store.h says who may call it, and when.
 *
 * An id of 0 is given by _add. All text is borrowed when it goes in, and in the arena when it comes
 * out; what is written as JSON is text here. */
#ifndef SLIPWAY_STORE_RUNS_H
#define SLIPWAY_STORE_RUNS_H

#include "store/store.h"

/* ---- repositories --------------------------------------------------------------------------- */

/* How its changes become known, and where status goes. */
typedef enum repository_kind {
    REPOSITORY_LOCAL,  /* a bare repository of this machine; its hook tells */
    REPOSITORY_POLLED, /* asked every now and then */
    REPOSITORY_GITHUB, /* webhooks of these forges */
    REPOSITORY_GITEA,
    REPOSITORY_GITLAB,
    REPOSITORY_KIND_COUNT
} repository_kind;
extern const char *const repository_kind_words[];

typedef struct store_repository {
    int64_t id;
    str name; /* "owner/name", unique without case */
    repository_kind kind;
    str url; /* a folder, or what git clones */
    str default_branch;
    str settings; /* JSON */
    str refs;     /* JSON: what was seen last, by name */
    int64_t created_us, polled_us;
    bool archived;
} store_repository;

int store_repository_add(store *s, store_repository *r, err *e);
int store_repository_put(store *s, const store_repository *r, err *e);
int store_repository_by_id(store *s, arena *a, int64_t id, store_repository *ret, err *e);
int store_repository_by_name(store *s, arena *a, str name, store_repository *ret, err *e);
int store_repositories(store *s, arena *a, store_repository **ret, size_t *ret_count, err *e);

/* ---- what came in --------------------------------------------------------------------------- */

typedef enum incoming_state {
    INCOMING_NEW,
    INCOMING_DONE,
    INCOMING_FAILED,
    INCOMING_STATE_COUNT
} incoming_state;
extern const char *const incoming_state_words[];

/* An event that was accepted: it stays here until what it starts has been started. */
typedef struct store_incoming {
    int64_t id;
    int64_t repository;
    str source;   /* "hook", "poll", "github", "api", "schedule", … */
    str delivery; /* unique by source and repository; a second one is a replay */
    str event;    /* name */
    str payload;  /* JSON: what the source's own reader needs */
    str actor;    /* who did it, as the source says */
    incoming_state state;
    str reason; /* why it failed, or what it did not start */
    int64_t created_us, done_us;
} store_incoming;

/* ERR_INVALID when this delivery was accepted before. */
int store_incoming_add(store *s, store_incoming *in, err *e);
/* Whether a delivery was accepted before. */
bool store_incoming_known(store *s, const store_incoming *in);
int store_incoming_put(store *s, const store_incoming *in, err *e);
int store_incoming_by_id(store *s, arena *a, int64_t id, store_incoming *ret, err *e);
/* Those that are new, the oldest first. */
int store_incoming_new(store *s, arena *a, size_t max, store_incoming **ret, size_t *ret_count,
                       err *e);

/* ---- runs ----------------------------------------------------------------------------------- */

typedef enum run_state {
    RUN_QUEUED,  /* held by its concurrency group */
    RUN_WAITING, /* for somebody to approve it */
    RUN_RUNNING,
    RUN_COMPLETED,
    RUN_STATE_COUNT
} run_state;
extern const char *const run_state_words[];

/* The same numbers and words as workflow/plan.h's job_result. */
typedef enum store_result {
    RESULT_PENDING,
    RESULT_SUCCESS,
    RESULT_FAILURE,
    RESULT_CANCELLED,
    RESULT_SKIPPED,
    RESULT_COUNT
} store_result;
extern const char *const store_result_words[];

typedef struct store_run {
    int64_t id;
    int64_t repository, number, attempt; /* number: of its workflow in its repository, from 1 */
    str workflow, path, name;            /* name: what is shown */
    str event, action, ref, sha, base_ref, head_ref, message;
    str actor;      /* who did what started it */
    str started_by; /* whose wish this attempt is, where it is a re-run */
    run_state state;
    store_result result;
    str reason;     /* why it waits, failed or was cancelled */
    str rerun;      /* which jobs this attempt has anew: "" all, "failed", "job:KEY" */
    str conc_group; /* empty: none */
    bool conc_cancel;
    bool is_fork; /* it has no secrets */
    bool cancelling;
    bool protected_; /* retention leaves it */
    int64_t priority;
    int64_t created_us, started_us, ended_us; /* of this attempt; 0: not yet */
    str payload;                              /* JSON: github.event */
    str facts;                                /* JSON: what else a plan is made from */
    str sources; /* JSON: path -> text of the workflow and those that it calls */
} store_run;

int store_run_add(store *s, store_run *r, err *e); /* gives its number, too */
int store_run_put(store *s, const store_run *r, err *e);
int store_run_by_id(store *s, arena *a, int64_t id, store_run *ret, err *e);
/* Those that have not completed, the oldest first. */
int store_runs_live(store *s, arena *a, store_run **ret, size_t *ret_count, err *e);

/* Which runs a page shows. Empty and 0: all. */
typedef struct store_run_filter {
    int64_t repository, before; /* before: ids below it */
    str workflow, branch, event, actor, state, result, sha;
    str text; /* in the name, the message, the branch, the workflow or the commit */
    const int64_t *repositories; /* that the caller may see; NULL: all */
    size_t repository_count;
} store_run_filter;
/* Newest first. `payload`, `facts` and `sources` are left empty. */
int store_runs(store *s, arena *a, const store_run_filter *f, size_t max, store_run **ret,
               size_t *ret_count, err *e);

/* ---- jobs ----------------------------------------------------------------------------------- */

typedef enum job_state {
    JOB_STATE_WAITING, /* for an approval or for its concurrency group */
    JOB_STATE_QUEUED,  /* for an agent */
    JOB_STATE_ASSIGNED,
    JOB_STATE_RUNNING,
    JOB_STATE_COMPLETED,
    JOB_STATE_COUNT
} job_state;
extern const char *const job_state_words[];

typedef struct store_job {
    int64_t id;
    int64_t run, attempt; /* attempt: of the run, in which it was made */
    str key, name;
    bool is_call; /* of a reusable workflow: a row for its children to stand under */
    job_state state;
    store_result result;
    str reason;
    str labels; /* JSON array */
    str needs;  /* JSON array of keys */
    str matrix; /* JSON */
    str environment;
    str conc_group;
    bool conc_cancel, may_fail, cancelling;
    str approved_by;     /* JSON array of names: of its environment */
    int64_t agent;       /* 0: none */
    str token;           /* SHA-256 of the attempt token, in hex: who may tell of it */
    int64_t tries;       /* how often it was handed to an agent */
    int64_t seq;         /* of the last event that was taken */
    int64_t ended_order; /* among the jobs of its run */
    str outputs;         /* JSON */
    int64_t queued_us, started_us, ended_us;
    int64_t log_bytes, log_lines; /* when it has ended */
} store_job;

int store_job_add(store *s, store_job *j, err *e);
int store_job_put(store *s, const store_job *j, err *e);
int store_job_by_id(store *s, arena *a, int64_t id, store_job *ret, err *e);
/* Of a run; attempt 0: the newest of each key. In the order of their making. */
int store_jobs_of_run(store *s, arena *a, int64_t run, int64_t attempt, store_job **ret,
                      size_t *ret_count, err *e);
/* Those that an agent has and that have not completed. */
int store_jobs_of_agent(store *s, arena *a, int64_t agent, store_job **ret, size_t *ret_count,
                        err *e);

int store_jobs_count(store *s, job_state state, int64_t *ret, err *e);

typedef struct store_step {
    int64_t id;
    int64_t job, number,
        parent; /* number: in the job; parent: of a composite action's step, or -1 */
    str step_id, name, phase;
    str state; /* "running", "completed" */
    str outcome, conclusion;
    int64_t exit_code, started_us, ended_us;
    str summary; /* Markdown */
} store_step;

/* Adds it, or writes the one of that job and number. */
int store_step_put(store *s, store_step *step, err *e);
int store_step_find(store *s, arena *a, int64_t job, int64_t number, store_step *ret, err *e);
int store_steps_of_job(store *s, arena *a, int64_t job, store_step **ret, size_t *ret_count,
                       err *e);

/* The job is tried again: what its steps and annotations said is gone. */
int store_steps_forget(store *s, int64_t job, err *e);

typedef struct store_annotation {
    int64_t id;
    int64_t job, step;
    str level, title, message, path;
    int64_t line, column_, end_line, end_column;
} store_annotation;

int store_annotation_add(store *s, store_annotation *x, err *e);
int store_annotations_of_run(store *s, arena *a, int64_t run, size_t max, store_annotation **ret,
                             size_t *ret_count, err *e);

/* ---- schedules ------------------------------------------------------------------------------ */

typedef struct store_cron {
    int64_t id;
    int64_t repository;
    str path, cron, timezone;
    int64_t last_us; /* what is due is later than this */
} store_cron;

int store_cron_add(store *s, store_cron *c, err *e);
int store_cron_put(store *s, const store_cron *c, err *e);
int store_cron_remove(store *s, int64_t id, err *e);
int store_crons(store *s, arena *a, store_cron **ret, size_t *ret_count, err *e);

#endif
