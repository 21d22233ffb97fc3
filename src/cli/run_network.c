/* run_network.c: what jobs may reach: slipway.yml, and --network over it. */
#include "agent/egress.h"
#include "cli/run.h"
#include "cli/settings_file.h"

#include <string.h>

int run_settings_read(run_set *set, err *e) {
    int r =
        settings_file_read(set->a, set->sources, set->repo.root, SETTINGS_FILE, &set->settings, e);
    if (r < 0 || !set->settings) return r;
    problem_list *found = &set->settings->problems;
    if (found->count) run_problems(set, found);
    return found->errors ? err_set(e, ERR_INVALID, "%s", "") : 0;
}

static const struct {
    const char *name;
    sandbox_network network;
} modes[] = {{"host", SANDBOX_NETWORK_HOST},
             {"none", SANDBOX_NETWORK_NONE},
             {"audit", SANDBOX_NETWORK_AUDIT}};

int run_network_judge(const options *given, err *e) {
    const char *name = options_value(given, "network");
    for (size_t i = 0; name && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(name, modes[i].name) == 0) return 0;
    }
    if (!name) return 0;
    return err_set(e, ERR_INVALID,
                   "--network %s: the modes are host, none and audit; a list of what is allowed "
                   "stands in slipway.yml (network: {allow: [...]})",
                   name);
}

sandbox_egress run_network(const run_set *set, arena *a, str job) {
    static const network_settings nothing;
    const network_settings *n = set->settings ? settings_network(set->settings, job) : &nothing;
    const char *name = options_value(set->config->given, "network");
    sandbox_egress out = egress_of_settings(a, n);
    for (size_t i = 0; name && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(name, modes[i].name) == 0) out.network = modes[i].network;
    }
    return out;
}
