/* convert.h: from tokens to the model. Private to src/workflow.
 *
 * The schema has judged the tokens before; what is checked here is what a schema cannot say: ids,
 * the graph of needs, values that are literals and wrong, calls of other workflows. An expression
 * is left alone: its value is judged when it is known. */
#ifndef SLIPWAY_WORKFLOW_CONVERT_H
#define SLIPWAY_WORKFLOW_CONVERT_H

#include "workflow/ids.h"
#include "workflow/reading.h"

/* Where an `if` stands: it decides what the condition may ask. */
typedef enum condition_kind {
    CONDITION_STEP,
    CONDITION_ACTION_STEP, /* of a composite action */
    CONDITION_JOB,
    CONDITION_KIND_COUNT
} condition_kind;

typedef struct conversion {
    reading *r;
    const workflow_options *options;
    condition_kind steps; /* what the conditions of steps are */
    size_t job_count;     /* in all files */
    nameset files;
    struct called_file *called;
    size_t called_count, called_cap;
    const token *success[CONDITION_KIND_COUNT]; /* success(), for where no `if` is written */
} conversion;

/* What a workflow file is read as. */
uint16_t workflow_definition(const workflow_options *options);

/* Fills in w's model from w->root. */
void convert_workflow(conversion *c, workflow *w);
/* The same for a workflow that `caller` calls, with what the call must fulfil. */
void convert_called(conversion *c, workflow *w, workflow_job *caller);
/* Reads the workflows that w's jobs call, and those that they call. */
void load_called(conversion *c, workflow *w, unsigned depth);

/* What the call of `called` gives it: inputs and secrets that it wants and no others. `on` is the
 * called file's. */
void check_call(conversion *c, const workflow_job *caller, const workflow *called, const token *on);

/* on: */
void convert_on(conversion *c, workflow *w, const token *on);
/* One job's keys, checked where they are literals. */
void convert_job(conversion *c, workflow_job *job, const token *mapping);
/* The graph of needs: names exist, no cycles, somewhere to start. */
void check_needs(conversion *c, const workflow *w, const token *jobs);
/* steps: of a job or of a composite action. */
void convert_steps(conversion *c, const token *steps, workflow_step **ret, size_t *ret_count);

/* if: as GitHub completes it: success() && (…) unless it asks for a status itself. NULL gives
 * success(). NULL after an error. */
const token *convert_condition(conversion *c, const token *t, condition_kind kind);

/* True when a call of success(), failure(), always() or cancelled() is in it. */
bool condition_asks_status(const expr *x);

/* permissions: */
const permissions *convert_permissions(conversion *c, const token *t);
/* An error at `caller` when `requested` (of the called workflow, or of its job `job`) is more than
 * the call allows. */
void check_permissions(conversion *c, const workflow_job *caller, const workflow_job *job,
                       const permissions *requested, const permissions *allowed);

/* Checks of literals, shared by the places where they may stand. */
void check_concurrency(conversion *c, const token *t);
void check_runs_on(conversion *c, const token *t);
void check_container(conversion *c, const token *t);
void check_services(conversion *c, const token *t);
void check_strategy(conversion *c, const token *t);
void check_snapshot(conversion *c, const token *t);

#endif
