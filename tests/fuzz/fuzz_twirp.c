/* Fields of a request of Twirp: numbers and times are within their ranges. */
#include "fuzz.h"

#include "actions/service.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"name", "workflow_run_backend_id", "size_bytes",
                                        "restore_keys"};
    _cleanup_arena_ arena *a = arena_new();
    str body = {(const char *)data, size}, text;
    value in;
    uint64_t number;
    int64_t us;
    if (parse_timestamp(body, &us)) CHECK(us >= 0);
    if (json_parse(a, body, 16, &in, NULL) < 0) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (twirp_text(&in, names[i], &text)) {
            CHECK(str_find_char(text, '\0') < 0);
            if (parse_timestamp(text, &us)) CHECK(us >= 0);
        }
        if (twirp_number(&in, names[i], &number)) CHECK(number <= INT64_MAX);
    }
    return 0;
}
