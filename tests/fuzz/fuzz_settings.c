/* slipway.yml: what is wrong has a place in the file, and good settings keep to their limits. */
#include "fuzz.h"

#include "workflow/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    settings *s;
    err e = {0};
    CHECK(settings_parse(a, (str){(const char *)data, size}, "slipway.yml", &s, &e) == 0);
    for (size_t i = 0; i < s->problems.count; i++)
        CHECK(s->problems.items[i].message.len > 0);
    if (s->problems.errors) return 0;
    CHECK(s->job_count <= SETTINGS_JOBS_MAX);
    for (size_t i = 0; i < s->job_count; i++) {
        const network_settings *n = settings_network(s, s->jobs[i].id.text);
        CHECK(n->allow_count == 0 || n->mode == NETWORK_ALLOW || n->mode == NETWORK_AUDIT);
        CHECK(n->allow_count <= SETTINGS_ALLOW_MAX && n->host_count <= SETTINGS_HOSTS_MAX);
    }
    return 0;
}
