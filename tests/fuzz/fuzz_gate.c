/* A policy is refused with places, or can be judged. */
#include "fuzz.h"

#include "gate/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    gate_policy *policy;
    err e = {0};
    value nothing = value_object_new(a, true);
    CHECK(gate_policy_parse(a, (str){(const char *)data, size}, "f", &policy, &e) == 0);
    if (policy->problems.errors) return 0;
    for (size_t i = 0; i < policy->count; i++) {
        const gate *g = &policy->gates[i];
        gate_decision decision;
        gate_test_result *results = ARENA_ARRAY(a, gate_test_result, g->test_count);
        gate_decide(a, g, &nothing, &decision);
        CHECK(decision.count == g->condition_count && decision.count > 0);
        gate_run_tests(a, g, results);
    }
    return 0;
}
