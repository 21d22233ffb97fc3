/* verb_agent_job.c: the process of one job of an agent. It is started by agents, not by people, so
 * neither help nor completion name it. */
#include "agent/worker.h"
#include "cli/run.h"

static const option_spec agent_job_options[] = {
    {0, "spool", "DIR", .complete = COMPLETE_DIR,
     .help = "The folder for what the job has to say. It serves one job."},
    {0, "cache", "DIR", .complete = COMPLETE_DIR,
     .help = "Keep fetched actions, images and caches here."},
    {0, "cache-limit", "GIB", .help = "Keep at most this much of what actions/cache saves."},
    {0, "artifacts", "DIR", .complete = COMPLETE_DIR,
     .help = "Keep the artifacts of runs here, a folder for each."},
    {0, "actions-from", "URL|DIR", .complete = COMPLETE_DIR,
     .help = "Look for actions in URL/OWNER/REPO.git, or in bare repositories DIR/OWNER/REPO.git."},
    {'P', "platform", "LABEL=BACKEND", .many = true,
     .help = "Where jobs with this label run, as in 'slipway run'."},
    {0, "local", NULL, .help = "The job's repository may be a folder of this machine."},
    {0, "wait", NULL, .help = "Prepare what every job needs before the job is read."},
    {'v', "verbose", NULL, .help = "Show debug lines."},
    {0},
};

static int absolute(const options *given, const char *name, const char **ret, err *e) {
    const char *text = options_value(given, name);
    if (text && text[0] != '/')
        return err_set(e, ERR_INVALID, "--%s %s: the path must be absolute", name, text);
    *ret = text;
    return 0;
}

static int read_options(const options *given, worker_options *o, err *e) {
    run_config c = {.a = given->a, .given = given};
    int r = absolute(given, "spool", &o->spool, e);
    if (r == 0) r = absolute(given, "cache", &o->caches, e);
    if (r == 0) r = absolute(given, "artifacts", &o->artifacts, e);
    if (r == 0) r = run_config_platforms(given, &c, e);
    if (r == 0) r = run_config_cache_limit(given, &c, e);
    if (r < 0) return r;
    o->platforms = c.platforms;
    o->platform_count = c.platform_count;
    o->cache_bytes = c.cache_bytes;
    o->actions_from = options_value(given, "actions-from");
    o->local = options_has(given, "local");
    o->wait = options_has(given, "wait");
    o->debug = options_has(given, "verbose");
    return o->spool ? 0 : err_set(e, ERR_INVALID, "--spool is needed");
}

static int run_agent_job(const options *given) {
    err e = {0};
    worker_options o = {0};
    int r = read_options(given, &o, &e);
    if (r == 0) r = worker_detach(&e);
    /* Sandboxes come from a process that is forked before this one has read a secret. */
    if (r == 0) r = sandbox_init(&e);
    if (r == 0) {
        r = worker_run(&o, &e);
        sandbox_done();
    }
    if (r == 0) return 0;
    console_error(&e);
    return 2;
}

const verb verb_agent_job = {
    .name = "agent-job",
    .summary = "run one job for an agent",
    .arguments = "",
    .options = agent_job_options,
    .help = "Reads a job as JSON from stdin, runs it, and writes what comes of it to the spool "
            "folder. 'slipway agent' starts it.",
    .exits =
        (const verb_pair[]){
            {"0", "there is a result, or no job came"},
            {"2", "the command is invalid, or the spool folder cannot be used"},
            {0},
        },
    .run = run_agent_job,
};
