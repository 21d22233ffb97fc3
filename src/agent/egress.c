#include "agent/egress.h"

static sandbox_network network_of(network_mode mode) {
    static const sandbox_network all[NETWORK_MODE_COUNT] = {
        [NETWORK_UNSET] = SANDBOX_NETWORK_HOST,  [NETWORK_HOST] = SANDBOX_NETWORK_HOST,
        [NETWORK_NONE] = SANDBOX_NETWORK_NONE,   [NETWORK_ALLOW] = SANDBOX_NETWORK_ALLOW,
        [NETWORK_AUDIT] = SANDBOX_NETWORK_AUDIT,
    };
    return all[mode];
}

sandbox_egress egress_of_settings(arena *a, const network_settings *n) {
    str *rules = ARENA_ARRAY(a, str, n->allow_count);
    sandbox_host *hosts = ARENA_ARRAY(a, sandbox_host, n->host_count);
    for (size_t i = 0; i < n->allow_count; i++)
        rules[i] = n->allow[i].text;
    for (size_t i = 0; i < n->host_count; i++)
        hosts[i] = (sandbox_host){n->hosts[i].name.text, n->hosts[i].address.text};
    return (sandbox_egress){.network = network_of(n->mode),
                            .rules = rules,
                            .rule_count = n->allow_count,
                            .hosts = hosts,
                            .host_count = n->host_count};
}

sandbox_egress egress_with(arena *a, const sandbox_egress *base, const char *rule) {
    sandbox_egress out = *base;
    str *rules = ARENA_ARRAY(a, str, base->rule_count + 1);
    for (size_t i = 0; i < base->rule_count; i++)
        rules[i] = base->rules[i];
    rules[out.rule_count++] = str_from(rule);
    out.rules = rules;
    return out;
}
