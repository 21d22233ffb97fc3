/* worker_plan.h: from a job's spec to what a runner takes. */
#ifndef SLIPWAY_AGENT_WORKER_PLAN_H
#define SLIPWAY_AGENT_WORKER_PLAN_H

#include "agent/actions.h"
#include "runner/job_spec.h"

/* Parses the workflow of the spec and the workflows that it calls, plans it for the event and lets
 * spec->instance.plan be the job. `actions` fetches workflows of other repositories. Errors: the
 * workflow is invalid or has no such job. */
int worker_plan(arena *a, job_spec *spec, actions *x, err *e);
/* The lock file of the commit, which is one of the sources; *ret is NULL where there is none. */
int worker_lock(arena *a, const job_spec *spec, const lock_file **ret, err *e);
/* Fetches what the job uses and compares it with the lock file. */
int worker_fetch(arena *a, const job_spec *spec, const actions_spec *from, actions *x, err *e);
/* Fills `ret` with the repository that the spec names: a bare one on this machine, where `local`
 * allows that, or a mirror of a URL in `caches`, into which the commit is fetched where it is not
 * there yet. `scratch` is a private folder. */
int worker_repository(arena *a, const job_spec *spec, bool local, const char *caches,
                      const char *scratch, const notices *tell, repository *ret, err *e);

#endif
