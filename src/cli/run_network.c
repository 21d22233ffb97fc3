/* run_network.c: what jobs may reach: slipway.yml, and --network over it. */
#include "base/fs.h"
#include "cli/run.h"

#include <string.h>

#define SETTINGS_FILE      "slipway.yml"
#define SETTINGS_BYTES_MAX (1u << 20)

static void add_problem(run_set *set, problem_list *out, const settings_text *at, const err *e) {
    problem p = {.level = SEVERITY_ERROR,
                 .where = at->where,
                 .rule = "network",
                 .message = arena_str(set->a, str_from(e->message))};
    ARENA_PUSH(out->a, out->items, out->count, out->cap, p);
    out->errors++;
}

/* What the reader of the file leaves to whoever enforces it. */
static void judge(run_set *set, const network_settings *n, problem_list *out) {
    for (size_t i = 0; i < n->allow_count; i++) {
        err e = {0};
        if (sandbox_judge_rule(n->allow[i].text, &e) < 0) add_problem(set, out, &n->allow[i], &e);
    }
    for (size_t i = 0; i < n->host_count; i++) {
        err e = {0};
        sandbox_host host = {n->hosts[i].name.text, n->hosts[i].address.text};
        if (sandbox_judge_host(&host, &e) < 0) add_problem(set, out, &n->hosts[i].name, &e);
    }
}

int run_settings_read(run_set *set, err *e) {
    const char *path = fs_join(set->a, set->root, STR(SETTINGS_FILE));
    str source;
    if (!fs_exists(path)) return 0;
    if (fs_read(set->a, path, SETTINGS_BYTES_MAX, &source, e) < 0 ||
        settings_parse(set->a, source, SETTINGS_FILE, &set->settings, e) < 0)
        return e->code;
    settings *s = set->settings;
    sources_add(set->sources, s->path, source);
    judge(set, &s->network, &s->problems);
    for (size_t i = 0; i < s->job_count; i++)
        judge(set, &s->jobs[i].network, &s->problems);
    if (s->problems.count) run_problems(set, &s->problems);
    return s->problems.errors ? err_set(e, ERR_INVALID, "%s", "") : 0;
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

static sandbox_network network_of(network_mode mode) {
    static const sandbox_network all[NETWORK_MODE_COUNT] = {
        [NETWORK_UNSET] = SANDBOX_NETWORK_HOST,  [NETWORK_HOST] = SANDBOX_NETWORK_HOST,
        [NETWORK_NONE] = SANDBOX_NETWORK_NONE,   [NETWORK_ALLOW] = SANDBOX_NETWORK_ALLOW,
        [NETWORK_AUDIT] = SANDBOX_NETWORK_AUDIT,
    };
    return all[mode];
}

sandbox_egress run_network(const run_set *set, arena *a, str job, const char *also) {
    static const network_settings nothing;
    const network_settings *n = set->settings ? settings_network(set->settings, job) : &nothing;
    const char *name = options_value(set->config->given, "network");
    sandbox_egress out = {.network = network_of(n->mode)};
    for (size_t i = 0; name && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(name, modes[i].name) == 0) out.network = modes[i].network;
    }
    str *rules = ARENA_ARRAY(a, str, n->allow_count + 1);
    sandbox_host *hosts = ARENA_ARRAY(a, sandbox_host, n->host_count + 1);
    for (size_t i = 0; i < n->allow_count; i++)
        rules[out.rule_count++] = n->allow[i].text;
    if (also) rules[out.rule_count++] = str_from(also);
    for (size_t i = 0; i < n->host_count; i++)
        hosts[out.host_count++] = (sandbox_host){n->hosts[i].name.text, n->hosts[i].address.text};
    out.rules = rules;
    out.hosts = hosts;
    return out;
}
