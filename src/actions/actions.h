/* actions.h: the services that actions call while a job runs: artifacts, caches, identity tokens.
 *
 * Theory of operation. One process per run of Slipway serves HTTP on 127.0.0.1, at a port that the
 * system chooses, and at Unix sockets in the folders of jobs with containers. It is this same
 * program, executed anew: so it has none of what Slipway has read (secrets, the person's
 * environment, the command line), and what hostile requests could do to it they do to a process
 * that knows nothing but its own keys. It is not dumpable: a step that runs as the same user can
 * neither trace it nor read its memory. It is ordered about over a socket pair, never over HTTP;
 * when that closes, because Slipway ended or was killed, it cuts off what is under way, removes
 * what was not finished, and ends.
 *
 * A job that is opened gets a token (a JWT, because actions/toolkit reads the run's and the job's
 * name in its `scp`), and with it the addresses under which it may call. From actions_job_close on
 * nothing accepts the token, nor any upload or download address that was made for the job.
 *
 * What actions get was read off actions/toolkit (packages/artifact, cache, core), who may read
 * which cache off
 * https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching and what is
 * in an identity token off https://docs.github.com/en/actions/reference/security/oidc */
#ifndef SLIPWAY_ACTIONS_H
#define SLIPWAY_ACTIONS_H

#include "base/err.h"
#include "base/value.h"

/* 0 means the default. */
typedef struct actions_limits {
    uint64_t cache_bytes;      /* of all caches; 10 GiB; the longest unused go first */
    unsigned cache_days;       /* without use; 7 */
    uint64_t upload_bytes;     /* of one artifact or cache; 10 GiB */
    unsigned artifact_count;   /* of one run; 1000 */
    unsigned token_seconds;    /* how long a job's token is good for; 24 h */
    unsigned identity_seconds; /* how long an identity token is good for; 5 min, as GitHub's */
} actions_limits;

typedef struct actions_services actions_services;

/* The program must call this first of all in main: it does not return when the process is the
 * services' one. */
void actions_main(int argc, char **argv);

/* Starts the process. `data` is a folder that is made when needed (mode 0700): caches, the database
 * and the key that signs identity tokens are kept there; several runs may share it. Errors tell
 * what the process could not do. */
int actions_start(const char *data, const actions_limits *limits, actions_services **ret, err *e);
/* Where it listens on 127.0.0.1: a job whose network is limited must be let there. */
unsigned actions_port(const actions_services *s);
/* Ends the process and waits for it. NULL is allowed. */
void actions_stop(actions_services *s);

typedef struct actions_job {
    str run;        /* the run's name among all runs, of [A-Za-z0-9-]; artifacts are the run's */
    str repository; /* "owner/name" */
    str caches;     /* the name under which caches are kept; empty: the repository */
    str ref;        /* what the run has been started for: caches are written for it alone */
    str default_branch;     /* "main"; its caches can be read */
    str base_branch;        /* of a pull request, else empty; its caches can be read too */
    str artifacts;          /* the folder for the run's artifacts; made with the first */
    int artifact_days;      /* how long they are kept unless the action says; negative: for ever,
                             * whatever it says */
    bool identity;          /* the job has the permission id-token: write */
    bool immutable_subject; /* `sub` has the ids of owner and repository */
    str environment;        /* may be empty */
    str audience;           /* of identity tokens for which none is asked */
    value claims;           /* of identity tokens: an object of strings, by GitHub's names */
} actions_job;

/* Registers a job. *ret_id names it for actions_job_close; *ret_env is an object of the variables
 * that its actions get. Those whose names end in _TOKEN are secrets. Both are in `a`. */
int actions_job_open(actions_services *s, arena *a, const actions_job *job, str *ret_id,
                     value *ret_env, err *e);
/* The services listen at a Unix socket too from now on, FOLDER/socket, until the job is closed: for
 * containers, which do not see this machine's 127.0.0.1. Once a job; the folder must exist. */
#define ACTIONS_SOCKET_NAME "socket"
int actions_job_share(actions_services *s, str id, const char *folder, err *e);
/* Revokes all that the job was given, at once, and drops what it has not finished. */
int actions_job_close(actions_services *s, str id, err *e);

typedef struct actions_artifact {
    str name, path;
    uint64_t size;
} actions_artifact;

/* What the jobs of a run have uploaded so far. */
int actions_artifacts(actions_services *s, arena *a, str run, actions_artifact **ret,
                      size_t *ret_count, err *e);

/* True when the program text of an action has the client of artifacts in it, which refuses every
 * GITHUB_SERVER_URL but github.com, *.ghe.com and *.localhost. */
bool actions_needs_known_host(str program);
/* True for a server URL that this client accepts. */
bool actions_known_host(str server_url);

#endif
