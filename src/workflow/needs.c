#include "workflow/convert.h"

/* Jobs become ready when all that they need is done (Kahn's algorithm). What never becomes ready
 * needs a job that does not exist, or itself in the end. Linear in jobs and needs. */
typedef struct graph {
    size_t *first;      /* per job: where its dependents begin in `dependents` */
    size_t *dependents; /* grouped by the job that they need */
    size_t *pending;    /* per job: needs that are not done */
    bool *done;
} graph;

static ptrdiff_t job_index(const nameset *names, const token *need) {
    return nameset_find(names, need->text);
}

static void link_jobs(arena *a, const workflow *w, const nameset *names, graph *g) {
    size_t edges = 0;
    for (size_t i = 0; i < w->job_count; i++)
        edges += w->jobs[i]->need_count;
    g->first = ARENA_ARRAY(a, size_t, w->job_count + 2);
    g->dependents = ARENA_ARRAY(a, size_t, edges);
    g->pending = ARENA_ARRAY(a, size_t, w->job_count);
    g->done = ARENA_ARRAY(a, bool, w->job_count);
    /* Counted two places ahead, so that filling leaves first[i] at the begin of group i. */
    for (size_t i = 0; i < w->job_count; i++) {
        g->pending[i] = w->jobs[i]->need_count;
        for (size_t j = 0; j < w->jobs[i]->need_count; j++) {
            ptrdiff_t need = job_index(names, w->jobs[i]->needs[j]);
            if (need >= 0) g->first[need + 2]++;
        }
    }
    for (size_t i = 2; i < w->job_count + 2; i++)
        g->first[i] += g->first[i - 1];
    for (size_t i = 0; i < w->job_count; i++) {
        for (size_t j = 0; j < w->jobs[i]->need_count; j++) {
            ptrdiff_t need = job_index(names, w->jobs[i]->needs[j]);
            if (need >= 0) g->dependents[g->first[need + 1]++] = i;
        }
    }
}

static void walk(arena *a, const workflow *w, graph *g) {
    size_t *ready = ARENA_ARRAY(a, size_t, w->job_count);
    size_t count = 0;
    for (size_t i = 0; i < w->job_count; i++)
        if (g->pending[i] == 0) ready[count++] = i;
    for (size_t i = 0; i < count; i++) {
        size_t job = ready[i];
        g->done[job] = true;
        for (size_t j = g->first[job]; j < g->first[job + 1]; j++)
            if (--g->pending[g->dependents[j]] == 0) ready[count++] = g->dependents[j];
    }
}

static void report(conversion *c, const workflow *w, const nameset *names, const graph *g) {
    str *ids = ARENA_ARRAY(c->r->a, str, w->job_count);
    for (size_t i = 0; i < w->job_count; i++)
        ids[i] = w->jobs[i]->id;
    for (size_t i = 0; i < w->job_count; i++) {
        const workflow_job *job = w->jobs[i];
        for (size_t j = 0; !g->done[i] && j < job->need_count; j++) {
            const token *need = job->needs[j];
            ptrdiff_t at = job_index(names, need);
            if (at < 0)
                reading_error_help(c->r, need->where, "needs",
                                   reading_suggest(c->r, need->text, ids, w->job_count),
                                   "Job '%.*s' depends on unknown job '%.*s'.", STR_ARG(job->id),
                                   STR_ARG(need->text));
            else if (!g->done[at])
                reading_error(c->r, need->where, "needs",
                              "Job '%.*s' depends on job '%.*s' which creates a cycle in the "
                              "dependency graph.",
                              STR_ARG(job->id), STR_ARG(need->text));
        }
    }
}

void check_needs(conversion *c, const workflow *w, const token *jobs) {
    nameset names = NAMESET(c->r->a);
    bool start = false;
    for (size_t i = 0; i < w->job_count; i++) {
        nameset_add(&names, w->jobs[i]->id);
        start |= w->jobs[i]->need_count == 0;
    }
    if (!start) {
        reading_error(c->r, jobs->where, "needs",
                      "The workflow must contain at least one job with no dependencies.");
        return;
    }
    graph g;
    link_jobs(c->r->a, w, &names, &g);
    walk(c->r->a, w, &g);
    report(c, w, &names, &g);
}
