/* cgroup.h: control groups, where this process may make them: version 2 where its own group was
 * delegated to it (its processes then move into a group below, 'slipway-rest'), version 1 for root.
 * Private to this folder; used by the zygote. https://docs.kernel.org/admin-guide/cgroup-v2.html,
 * …/cgroup-v1/ */
#ifndef SLIPWAY_SANDBOX_CGROUP_H
#define SLIPWAY_SANDBOX_CGROUP_H

#include "sandbox/sandbox.h"

#include <sys/types.h>

typedef enum cgroup_kind { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_KIND_COUNT } cgroup_kind;

/* The groups of one sandbox. */
typedef struct cgroup {
    char dirs[CGROUP_KIND_COUNT][448]; /* "" where there is none; version 2 has one, the first */
    bool has[CGROUP_KIND_COUNT];       /* the limits that they set */
} cgroup;

/* Makes groups for the limits that are set, as far as that goes, and moves a process into them.
 * Whatever cannot be had is left out: other means then limit it. */
void cgroup_make(const sandbox_limits *limits, pid_t pid, cgroup *ret);
bool cgroup_has(const cgroup *g, cgroup_kind kind);
/* A descriptor of the file that counts how often the limit was hit, or -1; and the word in front of
 * the number. */
int cgroup_counter(const cgroup *g, cgroup_kind kind, const char **ret_key);
/* How often, as that file says now; 0 where it says nothing. */
uint64_t cgroup_count(int counter, const char *key);
/* Removes the groups, whose processes must have ended. */
void cgroup_remove(cgroup *g);
/* "v2: memory, pids", "v1: memory, pids, cpu", or "": what could be made. */
void cgroup_describe(char *out, size_t size);

#endif
