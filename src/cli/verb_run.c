#include "cli/run.h"
#include "sandbox/sandbox.h"

static const option_spec run_options[] = {
    {'C', "directory", "DIR", .complete = COMPLETE_DIR, .help = "Run as if started in DIR."},
    {'W', "workflows", "FILE|DIR", .many = true, .complete = COMPLETE_FILE,
     .help = "Read this workflow, or all in this folder, instead of .github/workflows."},
    {'j', "job", "JOB", .many = true, .help = "Run only this job and those that it needs."},
    {'e', "eventpath", "EVENT.json", .complete = COMPLETE_FILE,
     .help = "Read the event's payload from a file instead of making one from git."},
    {0, "input", "K=V", .many = true, .help = "Set an input of workflow_dispatch."},
    {'s', "secret", "K[=V]", .many = true,
     .help = "Set a secret. Without a value it is taken from the environment variable K, or asked "
             "for on the terminal."},
    {0, "secret-file", "FILE", .many = true, .complete = COMPLETE_FILE,
     .help = "Read secrets from lines of K=V."},
    {0, "env", "K=V", .many = true,
     .help = "Set an environment variable of every step; the workflow's own env wins."},
    {0, "env-file", "FILE", .many = true, .complete = COMPLETE_FILE,
     .help = "Read environment variables from lines of K=V."},
    {0, "var", "K=V", .many = true, .help = "Set a configuration variable (the vars context)."},
    {0, "var-file", "FILE", .many = true, .complete = COMPLETE_FILE,
     .help = "Read configuration variables from lines of K=V."},
    {0, "matrix", "K:V", .many = true,
     .help = "Of a matrix with the key K, run only configurations where it is V."},
    {'P', "platform", "LABEL=BACKEND", .many = true,
     .help = "Where jobs with this runs-on label run. 'sandbox', the default for all labels but "
             "macos-* and windows-*: a private machine with this machine's system folders. "
             "'rootfs:DIR': the same with DIR as its root. 'oci:DIR[:TAG]': the same with an image "
             "of the OCI image layout DIR. 'host': this machine, without isolation."},
    {0, "network", "MODE", .complete = COMPLETE_WORDS, .words = "host none audit",
     .help = "What jobs may reach, whatever slipway.yml says: 'host': what this machine can; "
             "'none': nothing; 'audit': everything but this machine itself, and --json tells "
             "what was contacted."},
    {0, "limit", "NAME=VALUE", .many = true,
     .help = "What one job in a sandbox may use: memory, disk (as 4G), processes, cpus, "
             "open-files. 0 means no limit. 'slipway doctor' tells what enforces them."},
    {0, "action", "OWNER/REPO@REF=DIR", .many = true, .help = "Take this action from a folder."},
    {0, "actions-from", "URL|DIR", .complete = COMPLETE_DIR,
     .help = "Fetch actions from URL/OWNER/REPO.git, or from bare repositories DIR/OWNER/REPO.git. "
             "The default is https://github.com."},
    {0, "artifacts", "DIR", .complete = COMPLETE_DIR,
     .help = "Put what actions/upload-artifact uploads into DIR, to stay. The default is a new "
             "folder for each run in $XDG_STATE_HOME/slipway/artifacts, for as long as the "
             "artifacts are retained."},
    {0, "cache-limit", "GIB",
     .help = "Keep at most so much of what actions/cache saves; what was not used for longest goes "
             "first. The default is 10."},
    {'l', "list", NULL, .help = "List the jobs and end."},
    {'g', "graph", NULL, .help = "Draw which job needs which and end."},
    {'n', "dry-run", NULL,
     .help = "Print what would run, in order, with matrices and steps; execute nothing."},
    {0, "json", NULL, .help = "Print one JSON object for each event (docs/run-events.md)."},
    {0, "keep", NULL, .help = "Keep the folders of the jobs, and say where they are."},
    {0, "max-parallel", "N",
     .help = "Run at most N jobs at the same time. The default is the number of cores."},
    {0, "shell-on-failure", NULL,
     .help = "Open a shell where a step failed, with its environment; the job goes on after it."},
    {0, "debug", NULL,
     .help = "Stop at a failed step and ask: open a shell there, edit the step, try it again from "
             "the files that it began with, go on, or end. Jobs run one at a time, in sandboxes."},
    {'v', "verbose", NULL,
     .help = "Show all there is: on a terminal every line of output as it comes; scripts and the "
             "steps around a job; debug messages."},
    {0},
};

static int run_read_set(run_set *set, err *e) {
    const run_config *c = set->config;
    int r = run_set_read(set, e);
    if (r < 0) return r;
    bool all = (c->list || c->graph) && !c->event.len && !c->payload;
    return all ? run_set_select_all(set, e) : run_set_select(set, e);
}

static int execute(run_set *set, err *e) {
    int r = run_read_set(set, e);
    return r < 0 ? r : set->file_count ? run_driver(set) : 0;
}

static int look(run_set *set, err *e) {
    const run_config *c = set->config;
    int r = run_read_set(set, e);
    if (r < 0) return r;
    return c->list ? run_list(set) : c->graph ? run_graph(set) : run_dry(set);
}

static int run_run(const options *given) {
    err e = {0};
    run_config config = {0};
    run_set set;
    bool only_look =
        options_has(given, "list") || options_has(given, "graph") || options_has(given, "dry-run");
    /* Sandboxes come from a process that is forked before this one has grown or read a secret. */
    int status = only_look ? 0 : sandbox_init(&e);
    if (status == 0) status = run_config_read(given, &config, &e);
    if (status == 0) {
        run_set_init(&set, &config);
        status = only_look ? look(&set, &e) : execute(&set, &e);
    }
    sandbox_done();
    if (status >= 0) return status;
    run_invalid(&config, &e);
    return 2;
}

const verb verb_run = {
    .name = "run",
    .summary = "run the workflows that an event starts, on this machine",
    .arguments = "[EVENT]",
    .max_args = 1,
    .complete = COMPLETE_EVENT,
    .options = run_options,
    .help =
        "Reads the GitHub Actions workflows of the repository, makes an event from its git state, "
        "and runs the jobs that the event starts. EVENT is the name of an event (push, "
        "pull_request, workflow_dispatch, ...); the default is the only event that the workflows "
        "have, else push. A workflow that is invalid stops everything before a job starts."
        "\n\n"
        "Each job has a private folder; actions/checkout copies the working tree into it, with "
        "what git tracks or does not ignore. Processes run in a sandbox: a private machine that "
        "starts in milliseconds, sees this machine's system folders and nothing else of it, and "
        "leaves nothing behind. Actions of other repositories are fetched once and kept by "
        "commit."
        "\n\n"
        "On a terminal, running jobs are shown live and the end tells what failed, where, and how "
        "to run just that again. Elsewhere, each line of output has its job in front. Ctrl-C "
        "cancels as GitHub does: the running step is interrupted, and post steps and conditions "
        "like cancelled() still run. A second Ctrl-C kills everything."
        "\n\n"
        "Files of K=V lines may have comments, 'export', and quotes, which may span lines. Nothing "
        "in them is expanded.",
    .exits =
        (const verb_pair[]){
            {"0", "all jobs ended well or were skipped, or filters left out every workflow"},
            {"1", "a job failed that may not (continue-on-error)"},
            {"2", "the command or a workflow is invalid; no job was started"},
            {"130", "the run was cancelled"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway run", "Run what a push of the current commit would start."},
            {"slipway run pull_request -j test --matrix node:20",
             "Run one configuration of one job, and what it needs."},
            {"slipway run workflow_dispatch --input version=1.2 --secret TOKEN",
             "Start a workflow by hand; the secret comes from the environment or the terminal."},
            {"slipway run --graph", "See which job needs which."},
            {"slipway run --debug -j test",
             "Repair a failing job step by step, without repeating the steps that went well."},
            {"slipway run --json | jq 'select(.event == \"job_finished\")'",
             "Follow a run with another program."},
            {0},
        },
    .run = run_run,
};
