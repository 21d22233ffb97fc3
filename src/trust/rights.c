/* rights.c: the names of rights. */
#include "trust/rights.h"

static const char *const names[ACCESS_RIGHT_COUNT] = {
    [RIGHT_NONE] = "none",
    [RIGHT_PROFILE] = "profile",
    [RIGHT_RUNS_READ] = "runs.read",
    [RIGHT_RUNS_WRITE] = "runs.write",
    [RIGHT_RUNS_APPROVE] = "runs.approve",
    [RIGHT_LOGS_READ] = "logs.read",
    [RIGHT_AGENTS_READ] = "agents.read",
    [RIGHT_AGENTS_WRITE] = "agents.write",
    [RIGHT_SECRETS_READ] = "secrets.read",
    [RIGHT_SECRETS_WRITE] = "secrets.write",
    [RIGHT_ACCESS_READ] = "access.read",
    [RIGHT_ACCESS_WRITE] = "access.write",
    [RIGHT_AUDIT_READ] = "audit.read",
    [RIGHT_SETTINGS_READ] = "settings.read",
    [RIGHT_SETTINGS_WRITE] = "settings.write",
    [RIGHT_REPOSITORIES_READ] = "repositories.read",
    [RIGHT_REPOSITORIES_WRITE] = "repositories.write",
};

const char *right_name(access_right right) {
    return names[right];
}

access_right right_from(str name) {
    for (int i = 0; i < ACCESS_RIGHT_COUNT; i++) {
        if (str_is(name, names[i])) return (access_right)i;
    }
    return ACCESS_RIGHT_COUNT;
}
