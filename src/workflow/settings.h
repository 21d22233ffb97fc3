/* settings.h: the part of slipway.yml that says how jobs run. Pure.
 *
 *     network:                # for every job that has none of its own
 *       mode: allow           # host, none, allow or audit
 *       allow: [registry.npmjs.org, "*.example.com:443", localhost:5432]
 *       hosts: {db.internal: 10.1.2.3}
 *     jobs:
 *       deploy:               # the job's id in the workflow file
 *         network: {mode: audit}
 *
 * An unknown key in here is an error: a misspelt limit would limit nothing. Other keys at the top
 * are left to versions that know them, with a warning. What the texts of `allow` and `hosts` mean
 * is not judged here; each has its place, so that whoever does can show it. */
#ifndef SLIPWAY_WORKFLOW_SETTINGS_H
#define SLIPWAY_WORKFLOW_SETTINGS_H

#include "base/yaml_read.h"
#include "workflow/workflow.h"

#define SETTINGS_ALLOW_MAX 1000
#define SETTINGS_HOSTS_MAX 1000
#define SETTINGS_JOBS_MAX  1000

typedef enum network_mode {
    NETWORK_UNSET, /* nothing is said: the default of whoever asks */
    NETWORK_HOST,  /* not limited */
    NETWORK_NONE,
    NETWORK_ALLOW,
    NETWORK_AUDIT,
    NETWORK_MODE_COUNT
} network_mode;
const char *network_mode_name(network_mode mode); /* "host"; UNSET: "" */

typedef struct network_settings {
    network_mode mode; /* a list without a mode means NETWORK_ALLOW */
    span where;        /* of the mapping */
    yaml_text *allow;
    size_t allow_count;
    struct settings_host {
        yaml_text name, address;
    } * hosts;
    size_t host_count;
} network_settings;

typedef struct settings_job {
    yaml_text id;
    network_settings network;
} settings_job;

typedef struct settings {
    const char *path;
    network_settings network;
    settings_job *jobs;
    size_t job_count;
    problem_list problems; /* with errors the settings must not be used */
} settings;

/* Reads slipway.yml. `path` names it in problems and is copied; the texts borrow `source`. An empty
 * file has no settings. 0 even when there are problems: look at (*ret)->problems. */
int settings_parse(arena *a, str source, const char *path, settings **ret, err *e);

/* What holds for a job: its own network as a whole, else the one for all. Ids of jobs compare as
 * GitHub does, without case. Never NULL. */
const network_settings *settings_network(const settings *s, str job);

/* Adds a problem for each job that is named here and that none of the workflows has: a misspelt one
 * would run without its limits. */
void settings_check_jobs(const settings *s, workflow *const *workflows, size_t count,
                         problem_list *out);

#endif
