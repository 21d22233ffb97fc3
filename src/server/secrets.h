/* secrets.h: which secrets and variables a run and its jobs get. Private to src/server.
 *
 * A run gets those of the server and of its repository, whose count where names are the same; a job
 * with an environment gets the environment's over them when it is given to an agent, and nothing of
 * that environment is in the run before. What comes from a fork gets no secret. */
#ifndef SLIPWAY_SERVER_SECRETS_H
#define SLIPWAY_SERVER_SECRETS_H

#include "server/state.h"
#include "store/secrets.h"

/* What a secret is sealed for: "3/production/TOKEN". */
str secrets_place(arena *a, const store_secret *x);
/* live_port.secrets. On the core's thread. */
int secrets_of_run(void *context, arena *a, const live_run *run, value *ret_secrets,
                   value *ret_vars, err *e);
/* Puts what the job's environment has over its secrets and variables: new objects in the command's
 * arena. In a command. */
int secrets_of_job(core_tx *tx, const live_job *job, value *secrets, value *vars, err *e);

#endif
