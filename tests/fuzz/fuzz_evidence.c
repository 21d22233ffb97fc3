/* Whatever a report says, what it becomes can be written, read again and judged. */
#include "fuzz.h"

#include "gate/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, base = {.a = a};
    gate_change change = {.author = STR("a"), .files_known = true};
    gate_policy *policy;
    gate_decision decision;
    evidence ev, back;
    err e = {0};
    if (evidence_read(a, (str){(const char *)data, size}, "f", &ev, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT || e.code == ERR_UNSUPPORTED);
        return 0;
    }
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_out o = JSON_OUT(&out);
    evidence_write(&o, &ev);
    CHECK(evidence_read(a, strbuf_str(&out), "f", &back, &e) == 0 && back.kind == ev.kind);
    ARENA_PUSH(a, now.items, now.count, now.cap, ev);
    ARENA_PUSH(a, base.items, base.count, base.cap, back);
    value facts = gate_facts(a, &now, &base, &change);
    CHECK(gate_policy_parse(a, STR_EMPTY, "f", &policy, &e) == 0);
    gate_decide(a, gate_find(policy, STR_EMPTY), &facts, &decision);
    CHECK(!decision.passed); /* one report never is all that the default gate asks for */
    return 0;
}
