/* action.h: an action.yml (or action.yaml) becomes a model.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax */
#ifndef SLIPWAY_WORKFLOW_ACTION_H
#define SLIPWAY_WORKFLOW_ACTION_H

#include "workflow/workflow.h"

typedef enum action_kind {
    ACTION_COMPOSITE,
    ACTION_NODE, /* node12 … node24 */
    ACTION_DOCKER,
    ACTION_KIND_COUNT
} action_kind;

typedef struct action_input {
    str name;
    span where;
    bool required;
    const token *value; /* the default, may hold expressions; NULL when absent */
    str deprecation;
} action_input;

typedef struct action_output {
    str name;
    span where;
    const token *value; /* composite only */
} action_output;

typedef struct action {
    const char *path;
    str source; /* the file's text, borrowed */
    str name, description;
    action_kind kind;
    str using;           /* as written: "node20" */
    str main, pre, post; /* entry files, relative to the action's folder; docker: entry points */
    const expr *pre_if, *post_if; /* NULL: always() */
    str pre_if_text, post_if_text;
    str image;               /* docker: "docker://IMAGE", or a Dockerfile */
    const token *args, *env; /* docker: a sequence, a mapping; may hold expressions; or NULL */
    action_input *inputs;
    size_t input_count;
    action_output *outputs;
    size_t output_count;
    workflow_step *steps; /* composite */
    size_t step_count;
    problem_list problems;
} action;

int action_parse(arena *a, str source, const char *path, action **ret, err *e);

#endif
