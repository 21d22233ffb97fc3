#include "cli/verbs.h"

const char program_summary[] = "takes a change from commit to production";

const verb *const verbs[] = {
    &verb_run,      &verb_check,      &verb_scan,    &verb_sbom,    &verb_advisories,
    &verb_gate,     &verb_evidence,   &verb_audit,   &verb_lock,    &verb_hook,
    &verb_serve,    &verb_agent,      &verb_login,   &verb_runs,    &verb_logs,
    &verb_dispatch, &verb_cancel,     &verb_rerun,   &verb_secret,  &verb_access,
    &verb_expr,     &verb_doctor,     &verb_backup,  &verb_restore, &verb_help,
    &verb_man,      &verb_completion, &verb_version, NULL,
};

/* What other parts of Slipway start: neither help, manual nor completion name it. */
static const verb *const hidden[] = {&verb_agent_job, NULL};

const option_spec common_options[] = {
    {'h', "help", NULL, .help = "Show what the command does and end."},
    {0},
};

const verb_pair program_environment[] = {
    {"NO_COLOR", "When set and not empty, nothing is coloured."},
    {"FORCE_COLOR, CLICOLOR_FORCE",
     "When set and not 0, colours are used even where the output is not a terminal."},
    {"XDG_CACHE_HOME", "Where fetched actions, unpacked images and the caches of jobs are kept: "
                       "$XDG_CACHE_HOME/slipway (~/.cache)."},
    {"XDG_STATE_HOME",
     "Where the artifacts of runs and the keys of audit logs are kept: $XDG_STATE_HOME/slipway "
     "(~/.local/state)."},
    {"SLIPWAY_ADVISORIES, XDG_DATA_HOME",
     "Where advisories are kept: $SLIPWAY_ADVISORIES, or $XDG_DATA_HOME/slipway/advisories "
     "(~/.local/share)."},
    {"SLIPWAY_DATA",
     "The data folder of the server, for 'slipway audit', 'slipway backup' and 'slipway "
     "restore'."},
    {"SOURCE_DATE_EPOCH",
     "The time of the document that 'slipway sbom' or 'slipway scan --format openvex' writes."},
    {"GITHUB_API_URL", "Where 'slipway lock' asks for the numbers of owners and repositories."},
    {"TMPDIR", "Where the private folder of a run is made (/tmp)."},
    {0},
};

const verb_pair program_files[] = {
    {".github/workflows/*.yml", "The workflows of a repository."},
    {".github/workflows/actions.lock", "The commits that 'slipway lock' wrote down."},
    {"~/.cache/slipway/actions/OWNER/REPO/COMMIT",
     "Actions and reusable workflows from other repositories, one folder for each commit. May be "
     "removed at any time when nothing runs."},
    {"~/.cache/slipway/cache",
     "What actions/cache saves, and the key of identity tokens. May be removed when nothing runs."},
    {"~/.local/share/slipway/advisories/advisories.db",
     "What 'slipway advisories import' has read. May be removed, and imported again."},
    {"~/.config/slipway/credentials", "Tokens that 'slipway login' keeps."},
    {"~/.local/state/slipway/audit-keys",
     "The keys of audit logs that were verified without --key."},
    {"~/.local/state/slipway/artifacts/RUN", "The artifacts of a run."},
    {0},
};

const verb *verb_find(str name) {
    for (size_t i = 0; verbs[i]; i++) {
        if (str_is(name, verbs[i]->name)) return verbs[i];
    }
    for (size_t i = 0; hidden[i]; i++) {
        if (str_is(name, hidden[i]->name)) return hidden[i];
    }
    return NULL;
}

str verb_nearest(str name) {
    str names[64];
    size_t count = 0;
    for (; verbs[count]; count++)
        names[count] = str_from(verbs[count]->name);
    return str_nearest(name, names, count);
}
