/* job_spec.h: one job as a server hands it to an agent: JSON, in both directions.
 *
 *     {"version": 1, "job_id": 7, "attempt": 1, "token": "…",
 *      "run": {"id": 3, "number": 3, "attempt": 1, "name": "…"},
 *      "repository": {"name": "owner/name", "git": "/srv/repos/1.git", "url": "https://…",
 *                     "commit": "…", "ref": "refs/heads/main"},
 *      "workflow_path": ".github/workflows/ci.yml", "sources": {".github/workflows/ci.yml": "on:
 * …"}, "event": {"name": "push", "action": "", "ref": …, "sha": …, "base_ref": …, "head_ref": …,
 *                "actor": …, "server_url": …},
 *      "job_key": "build", "key": "build (18)", "name": "…", "index": 0, "total": 1,
 *      "matrix": {…}, "strategy": {…}, "needs": {…}, "inputs": {…}, "secrets": {…}, "vars": {…},
 *      "github": {…}, "labels": ["ubuntu-latest"], "runner_group": "", "environment": "",
 *      "continue_on_error": false, "timeout_minutes": 360, "cancel_timeout_minutes": 5,
 *      "limits": {"memory": …, "disk": …, "processes": …, "cpus": …, "open_files": …},
 *      "network": {"mode": "allow", "allow": ["…"], "hosts": [{"name": "…", "address": "…"}]}}
 *
 * The agent parses the workflow's sources again and plans them for the event, so that no model of a
 * workflow has to travel. The event's payload is github.event. What a job may not know is not in
 * its spec: the server decides. What the agent decides (folders, where jobs run) is not in here
 * either: it comes from the agent's own settings. */
#ifndef SLIPWAY_RUNNER_JOB_SPEC_H
#define SLIPWAY_RUNNER_JOB_SPEC_H

#include "base/json.h"
#include "sandbox/sandbox.h"
#include "workflow/plan.h"

#define JOB_SPEC_VERSION     1
#define JOB_SPEC_MAX         ((size_t)96 << 20) /* bytes of the text: a payload may have 64 MiB */
#define JOB_SPEC_SOURCES_MAX 200
#define JOB_SPEC_LABELS_MAX  100
#define JOB_SPEC_RULES_MAX   2000 /* of the network, and of its hosts */

typedef struct job_source {
    const char *path; /* from the repository's root */
    str text;
} job_source;

typedef struct job_spec {
    int64_t job_id, attempt;
    str token; /* of the attempt: not secret to the agent, but no log's business */
    int64_t run_id, run_number, run_attempt;
    str run_name;
    str repository; /* "owner/name" */
    str git;        /* a bare repository: an absolute path, or a URL */
    str url;        /* what a checkout calls `origin`; may be empty */
    str commit, ref;
    str workflow_path;
    /* The workflow, the workflows of this repository that it calls, and the lock file of actions
     * where the commit has one. */
    job_source *sources;
    size_t source_count;
    event event; /* without `changed`, which only a server asks for */
    str job_key; /* of the plan's job */
    /* `plan` and `caller` are NULL once decoded. */
    job_instance instance;
    sandbox_limits limits; /* 0: not said */
    sandbox_egress egress;
} job_spec;

/* Fills what an instance has: `i`, its key in the plan, and the event that the plan was built for,
 * whose payload must be that of i->github. All is borrowed. The caller fills the rest. */
void job_spec_of(job_spec *spec, const job_instance *i, const event *ev);

void job_spec_encode(strbuf *out, const job_spec *spec);
/* Everything is in `a`, and text borrows `text`'s copy there. Errors name the field: ERR_INVALID,
 * ERR_LIMIT, ERR_UNSUPPORTED for another version. */
int job_spec_decode(arena *a, str text, job_spec *ret, err *e);
/* What of it may lie on a disk and be shown: neither secrets, contexts, sources nor the payload. */
void job_spec_describe(strbuf *out, const job_spec *spec);

/* The text of a source, or NULL. */
const job_source *job_spec_source(const job_spec *spec, str path);

#endif
