/* workflow_json.h: the model of a workflow in the JSON form in which GitHub's parsers are tested.
 */
#ifndef SLIPWAY_TESTS_WORKFLOW_JSON_H
#define SLIPWAY_TESTS_WORKFLOW_JSON_H

#include "workflow/workflow.h"

typedef struct workflow_json_options {
    bool places;        /* with file, line and column */
    bool events;        /* with the triggers, as the editor's parser has them */
    bool sort_files;    /* the table of files is in the order of names */
    size_t max_message; /* longer messages are cut, with [...] */
} workflow_json_options;

value workflow_json(arena *a, const workflow *w, const workflow_json_options *options);

#endif
