/* check.h: what can be wrong with a workflow before it runs and that the schema does not say: types
 * of expressions, unknown inputs and outputs, injection, unpinned actions, cron, globs, shells.
 * Pure. */
#ifndef SLIPWAY_WORKFLOW_CHECK_H
#define SLIPWAY_WORKFLOW_CHECK_H

#include "workflow/action.h"

/* Finds the action that a step uses, so that its inputs and outputs can be checked. Gives
 * ERR_NOT_FOUND where it is not at hand (its inputs then are unknown, which is no problem). */
typedef int check_action_fn(void *context, arena *a, str uses, const action **ret, err *e);

typedef struct check_options {
    check_action_fn *action; /* may be NULL */
    void *action_context;
} check_options;

/* What GitHub refuses when the file is pushed although the schema allows it: schedules, filters
 * and defaults that cannot be, matrices that are too large. A workflow with an error of these must
 * not be run. */
void check_refused(const workflow *w, problem_list *out);

/* Everything else: the file is accepted, and does something else than its author meant. Both add
 * problems to `out`; the workflow must have parsed without errors. */
void check_workflow(const workflow *w, const check_options *options, problem_list *out);
void check_action(const action *act, const check_options *options, problem_list *out);

/* The table of rules, for help, SARIF and docs. */
typedef struct check_rule {
    const char *id;
    severity level;
    const char *summary;
    const char *help;
} check_rule;
const check_rule *check_rules(size_t *ret_count);

#endif
