/* job.h: one job, from where it runs to what it leaves. What the runner asks for through its port
 * is answered here, with the rest of this folder. */
#ifndef SLIPWAY_AGENT_JOB_H
#define SLIPWAY_AGENT_JOB_H

#include "agent/actions.h"
#include "agent/images.h"
#include "agent/roots.h"
#include "agent/services.h"
#include "agent/temp.h"

/* What the jobs of one process share. Whoever makes it fills all but the last fields, and frees
 * what the fields are by their own headers. */
typedef struct agent_host {
    arena *a;
    loop *loop;
    repository *repo;
    actions *actions;
    const notices *tell;
    const char *caches; /* as of person_cache */
    const word_mapping *platforms;
    size_t platform_count;
    const value *env; /* lowest precedence, under the workflow's env */
    char *node;       /* on the host: the node program, or NULL where none is installed */
    sandbox_limits limits;
    bool snapshots, debug; /* as in runner_spec */
    temp_folder temp;
    root_set roots;
    image_set images;
    service_set services;

    const char *layer; /* NULL until a job needs it */
    sandbox_mount mounts[SANDBOX_MOUNTS_MAX];
    unsigned mount_count;
} agent_host;

/* What lies over the system folders is the same for all jobs: made for the first that needs it, or
 * beforehand by this. */
int agent_host_need_layer(agent_host *h, err *e);

/* As the fields of runner_port of the same names. Files in events are named as people know them: in
 * the repository from its root, in an action as OWNER/REPO/REF/PATH. */
typedef struct agent_job_port {
    void *context;
    void (*event)(void *context, const runner_event *event);
    void (*failed_shell)(void *context, sandbox *box, const char *cwd, const char *const *env);
    runner_choice (*failed_step)(void *context, runner_failure *failure);
    void (*finished)(void *context, job_result result, const value *outputs);
} agent_job_port;

typedef struct agent_job agent_job;

/* `run` is what the job's workflow run is to the services; `egress` what the job may reach. All
 * that is pointed to must live as long as the job; `egress` and `port` are copied. */
agent_job *agent_job_new(agent_host *h, services_run *run, const job_instance *instance,
                         const sandbox_egress *egress, const agent_job_port *port);
/* Starts it, or begins to unpack its image. After an error it has failed, and tells nothing. */
int agent_job_start(agent_job *j, err *e);
/* True when it has not begun because its image is being unpacked: once that has ended
 * (image_set.changed), agent_job_start goes on. */
bool agent_job_waits(const agent_job *j);
/* False when it was not started, so that nothing will tell its end. */
bool agent_job_cancel(agent_job *j);
void agent_job_kill(agent_job *j);
/* After its end, or when it was not started: gives its folder back for other jobs. True when what
 * it has left there is still being removed (root_set.removed). */
bool agent_job_put(agent_job *j);
void agent_job_free(agent_job *j);

#endif
