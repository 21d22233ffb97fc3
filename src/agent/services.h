/* services.h: the services of actions (actions/actions.h) as a run uses them. */
#ifndef SLIPWAY_AGENT_SERVICES_H
#define SLIPWAY_AGENT_SERVICES_H

#include "actions/actions.h"
#include "agent/repository.h"

/* Zero but for the first fields to begin with. */
typedef struct service_set {
    arena *a;
    const repository *repo;
    const event *event;
    const char *caches;          /* as of person_cache */
    const char *given_artifacts; /* a folder whose artifacts are kept for ever; NULL: a new one of
                                  * Slipway's own */
    uint64_t cache_bytes;        /* 0: the default */
    bool many;                   /* several runs, each of which has a folder of its own in it */

    actions_services *process; /* NULL until an action asks */
    bool failed;               /* they could not be started: that is told once */
    char *artifacts;           /* the folder that is given, or a new one's name to be */
    char cache_repository[256];
} service_set;

/* What a workflow's run is to the services. Zero but for `path` to begin with; who knows the run by
 * a name of its own, and where its artifacts go, sets these as well. */
typedef struct services_run {
    str path;        /* of the workflow */
    char name[33];   /* as actions_job.run */
    char *artifacts; /* the folder */
} services_run;

/* What a job has of them. Zero to begin with. */
typedef struct services_job {
    bool limited; /* its network has a proxy of its own, which knows the way */
    str id;       /* empty until it was opened */
    value env;
    bool shared; /* its containers have a socket */
} services_job;

/* The variables that a process of an action gets, whose program is `file` (its main file, to be
 * looked into; NULL: none that we can read). The first call starts the services, the first of a job
 * opens it. `a` is the job's. Errors: what keeps the services from starting, told to the first who
 * asks; the others get an empty object and are told nothing. */
int services_env(service_set *s, services_run *run, services_job *job, arena *a,
                 const job_instance *instance, const view *files, const char *file, value *ret,
                 err *e);
/* Makes the services listen at FOLDER/socket too, for the job's containers, until services_close;
 * the first call starts and opens them like services_env. *ret_port is where they listen on
 * 127.0.0.1, or 0 where they have failed before, which has been told. */
int services_share(service_set *s, services_run *run, services_job *job, arena *a,
                   const job_instance *instance, const char *folder, unsigned *ret_port, err *e);
/* For a job whose network is limited: starts the services, if it uses an action, and gives the rule
 * that lets it reach them (sandbox.h); else NULL. Where they do not start, its actions tell why. */
const char *services_rule(service_set *s, arena *a, const job_instance *instance);
/* Revokes what the job was given. */
void services_close(service_set *s, services_job *job);
/* What the run's jobs have uploaded, in `a` of `s`. */
void services_list(service_set *s, const services_run *run, actions_artifact **ret,
                   size_t *ret_count);
void services_stop(service_set *s);

/* ---- for tests ------------------------------------------------------------------------------ */

/* Whether the permissions that the workflow gives to the job let it ask for identity tokens: what
 * it says must be said by every caller above it too, and a pull request from a fork never may. */
bool services_identity(const job_instance *instance);
/* The server URL that a program with this text should see: the real one, unless it would refuse
 * to speak to us under that. */
str services_server_url(arena *a, str program, str server_url);

#endif
