/* A whole output, line by line, through the state of a job: what is parsed stays within the caps,
 * and while commands are stopped nothing but the token is obeyed. */
#include "fuzz.h"

#include "runner/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    command_state s = {0};
    str rest = {(const char *)data, size}, line;
    while (str_line(&rest, &line)) {
        command c = {0};
        err e = {0};
        bool stopped = s.stop_token.len > 0;
        command_verdict v = command_judge(&s, a, line, false, &c, &e);
        CHECK(!stopped || v == COMMAND_NOT || (v == COMMAND_SHOWN && c.kind == COMMAND_RESUME));
        CHECK((v == COMMAND_REFUSED) == (e.code != ERR_NONE));
        if (v != COMMAND_RUN) continue;
        annotation n;
        str note, name;
        bool on;
        CHECK(c.kind < COMMAND_RESUME && c.data.len <= line.len && c.property_count <= 32);
        command_annotation(a, &c, &n, &note);
        CHECK(!n.end_line || n.end_line >= n.line);
        CHECK(command_echo(&c, &on, &e) == 0 || e.code == ERR_INVALID);
        CHECK(command_required_name(&c, &name, &e) == 0 || e.code == ERR_INVALID);
    }
    command_state_done(&s);
    return 0;
}
