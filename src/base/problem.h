/* problem.h: what is wrong with a file that a person wrote: any number of things, each with its
 * place. An `err` is for what keeps us from going on; a problem is for what we can go on from. */
#ifndef SLIPWAY_BASE_PROBLEM_H
#define SLIPWAY_BASE_PROBLEM_H

#include "base/arena.h"
#include "base/err.h"

typedef enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE, SEVERITY_COUNT } severity;

/* One thing that is wrong. `message` is GitHub's own text where GitHub has one. */
typedef struct problem {
    severity level;
    const char *rule; /* stable identifier, "syntax", "expression-type", "shell-injection", … */
    span where;
    span focus;  /* the part of `where` that is wrong, when that is known; else line 0 */
    span caller; /* the `uses:` because of which another file was read; line 0 in the first file */
    str message;
    str help; /* what to do, or empty */
} problem;

typedef struct problem_list {
    arena *a;
    problem *items;
    size_t count, cap;
    size_t errors; /* how many have SEVERITY_ERROR */
} problem_list;

void problem_push(problem_list *list, const problem *p);
void problem_add(problem_list *list, severity level, const char *rule, span where, str help,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The most exact place that is known: for people. `where` is GitHub's. */
static inline span problem_place(const problem *p) {
    return p->focus.line ? p->focus : p->where;
}

#endif
