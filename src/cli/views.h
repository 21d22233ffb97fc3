/* views.h: what is known of runs, jobs and steps while they run: what every renderer shows. The
 * driver makes the views of runs and jobs; job_view_event keeps them up to date. */
#ifndef SLIPWAY_CLI_VIEWS_H
#define SLIPWAY_CLI_VIEWS_H

#include "cli/style.h"
#include "runner/runner.h"

typedef struct artifact_view {
    str name, path;
    uint64_t size;
} artifact_view;

typedef struct run_view {
    unsigned number; /* from 1 */
    const plan *plan;
    const event *event;
    str name, path;
    str run_name; /* what `run-name` gives, masked; may be empty */
    job_result result;
    int64_t started_us, ended_us;
    artifact_view *artifacts; /* what its jobs have uploaded, once it has ended */
    size_t artifact_count;
} run_view;

/* The last lines of a step's output. */
#define TAIL_LINES     20
#define TAIL_LINE_MAX  2000
#define ANNOTATION_MAX 50 /* kept for each job */
#define SUMMARY_MAX    4096

typedef struct tail {
    strbuf lines[TAIL_LINES]; /* a ring */
    size_t total;
} tail;

typedef struct step_view {
    int number, parent;
    str id, name, phase;
    span where;
    step_result conclusion; /* STEP_PENDING while it runs */
    int exit_code;
    int64_t started_us, duration_us;
    bool grouped;   /* it has had a group */
    bool in_header; /* in the group that repeats what the workflow file says of the step */
    tail *tail;     /* of a running or failed step with output */
} step_view;

typedef struct annotation_view {
    int step;
    log_level level;
    str text, title, file;
    unsigned line;
} annotation_view;

typedef struct job_view {
    arena *a; /* of the job: freed with the view */
    const run_view *run;
    const plan_job *plan;
    str key, name;
    str label; /* what people are shown; unique on the screen */
    value matrix;
    str *labels;
    size_t label_count;
    bool is_call, started, ended;
    bool may_fail; /* continue-on-error: its failure is not the run's */
    job_result result;
    str reason;
    int64_t started_us, duration_us;
    step_view *steps; /* by number */
    size_t step_count, step_cap;
    annotation_view *annotations;
    size_t annotation_count, annotation_cap;
    size_t annotations_dropped;
    str summary; /* of all steps, at most SUMMARY_MAX */
    bool summary_cut;
} job_view;

job_view *job_view_new(const run_view *run, const plan_job *job);
void job_view_free(job_view *v);
/* Takes over what an event tells. */
void job_view_event(job_view *v, const runner_event *ev);

/* The step of that number, or NULL. */
step_view *job_view_step(const job_view *v, int number);
/* The step that runs now and began last, outermost: what to show as current; NULL between steps. */
const step_view *job_view_current(const job_view *v);
/* True for output that only repeats what the workflow file says, and for what the runner does of
 * its own accord around a job: nobody who reads a log needs it. */
bool job_view_is_noise(const job_view *v, const runner_event *ev);
/* True for a failed step none of whose own steps failed: where the reason is. */
bool step_view_is_culprit(const job_view *v, const step_view *s);
/* The first such step, or NULL. */
const step_view *job_view_culprit(const job_view *v);
/* The outermost step that `s` is part of. */
const step_view *step_view_root(const job_view *v, const step_view *s);

/* True when one of the last lines is `text`. */
bool tail_has(const tail *t, str text);
typedef void tail_line_fn(void *context, str line);
void tail_each(const tail *t, size_t max, tail_line_fn *fn, void *context);

/* "succeeded", "failed", … */
const char *job_word(job_result r);
style_glyph job_glyph(job_result r);
style_ink job_ink(job_result r);
style_glyph step_glyph(step_result r);
style_ink step_ink(step_result r);

#endif
