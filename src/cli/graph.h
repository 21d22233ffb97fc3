/* graph.h: a directed graph without cycles as text, from left to right:
 *
 *   build ─┬─┐
 *   lint  ─┼─┤
 *          │ └─▶ test ─┐
 *          └───▶ docs ─┤
 *                      └─▶ deploy
 */
#ifndef SLIPWAY_CLI_GRAPH_H
#define SLIPWAY_CLI_GRAPH_H

#include "base/arena.h"

typedef struct graph_node {
    str text;
    unsigned level;      /* 0, or one more than the highest level among its needs */
    const size_t *needs; /* indices of nodes, each with a smaller level; sorted */
    size_t need_count;
} graph_node;

/* Draws with `indent` spaces before each line. A graph that would be wider than GRAPH_WIDTH_MAX
 * columns is written as a list instead, each node with its needs. */
#define GRAPH_WIDTH_MAX 200
void graph_add(arena *a, strbuf *out, const graph_node *nodes, size_t count, bool utf8,
               size_t indent);

#endif
