/* A policy as text: what is taken can be written and read again, and judging any name or address
 * gives a reason that there is. */
#include "fuzz.h"

#include "sandbox/egress.h"

#include <string.h>

static void judge(const egress_policy *p, str text) {
    egress_target t = {.port = 443};
    if (!egress_parse_host(text, &t)) return;
    CHECK(!t.name[0] == !!t.address.family);
    CHECK(egress_judge(p, &t) < EGRESS_REASON_COUNT);
    if (p->mode == EGRESS_NONE && p->rule_count == 0) CHECK(egress_judge(p, &t) != EGRESS_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    str text = {(const char *)data, size}, rest = text, line;
    egress_policy p, again;
    err e = {0};
    if (egress_policy_read(a, text, &p, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT || e.code == ERR_UNSUPPORTED);
        CHECK(e.message[0]);
        return 0;
    }
    egress_policy_write(&p, &first);
    CHECK(egress_policy_read(a, strbuf_str(&first), &again, &e) == 0);
    egress_policy_write(&again, &second);
    CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
    while (str_line(&rest, &line)) {
        str word, name;
        str_cut(line, ' ', &word, &name);
        judge(&p, name);
    }
    return 0;
}
