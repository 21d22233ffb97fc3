/* inputs.h: private to this folder: what an input of workflow_dispatch or workflow_call becomes. */
#ifndef SLIPWAY_WORKFLOW_INPUTS_H
#define SLIPWAY_WORKFLOW_INPUTS_H

#include "workflow/workflow.h"

/* How strictly a value must fit the input's type. */
typedef enum input_origin {
    INPUT_FROM_TEXT, /* a person or a payload: "true" and "5" may stand for what they say */
    INPUT_FROM_CALL, /* `with:` of a call: only text is converted, and only to text */
} input_origin;

/* The value of `in`: `given` (NULL when there is none), else its default, else the type's empty
 * value. Errors name the input. */
int input_value(arena *a, const workflow_input *in, const value *given, input_origin origin,
                const expr_env *env, value *ret, err *e);

/* The input of that name, or NULL. Names compare without case. */
const workflow_input *input_find(const workflow_input *inputs, size_t count, str name);

#endif
