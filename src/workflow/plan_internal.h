/* plan_internal.h: what plan.c shares with the schedule. Private to this folder. */
#ifndef SLIPWAY_WORKFLOW_PLAN_INTERNAL_H
#define SLIPWAY_WORKFLOW_PLAN_INTERNAL_H

#include "workflow/plan.h"

typedef struct job_list {
    plan_job **items;
    size_t count, cap;
} job_list;

struct plan {
    arena *a;
    const workflow *workflow;
    const event *event;
    const plan_filter *filter; /* NULL: everything */
    job_list all, roots;
};

/* Whether --matrix lets the configuration pass. */
bool plan_matrix_passes(const plan_filter *filter, const value *config);

#endif
