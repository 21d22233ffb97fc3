/* policy.h: conditions as they are parsed. Private to src/gate. */
#ifndef SLIPWAY_GATE_POLICY_H
#define SLIPWAY_GATE_POLICY_H

#include "expr/expr.h"
#include "gate/gate.h"

/* What conditions may name, and the functions they have beyond the language's own: none. */
extern const expr_scope gate_scope;

/* A text with ${{ }} in it: calls `text` for what stands between expressions and `expression` for
 * each. ERR_INVALID where an expression has no end. */
typedef struct gate_parts {
    void *context;
    int (*text)(void *context, str text, err *e);
    int (*expression)(void *context, str text, err *e);
} gate_parts;
int gate_split(str text, const gate_parts *parts, err *e);

#endif
