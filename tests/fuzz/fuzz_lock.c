/* What parses as a lock file is written as one that parses to the same bytes again, and can be
 * judged. */
#include "fuzz.h"

#include "workflow/lock.h"

static bool nothing_exists(void *context, str path) {
    (void)context, (void)path;
    return false;
}

static lock_file *read_again(arena *a, str text) {
    lock_file *l;
    err e = {0};
    CHECK(lock_parse(a, text, "f", &l, &e) == 0);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    str text = {(const char *)data, size}, pin;
    lock_file *l;
    err e = {0};
    if (lock_pin_of(a, text, &pin)) CHECK(lock_pin_of(a, pin, &pin));
    if (lock_parse(a, text, "f", &l, &e) < 0) {
        CHECK(e.message[0]);
        return 0;
    }
    problem_list found = {.a = a};
    lock_check_file(l, nothing_exists, NULL, &found);
    CHECK(found.count >= l->workflow_count);
    lock_write(&first, l, lock_head(text));
    lock_write(&second, read_again(a, strbuf_str(&first)), lock_head(strbuf_str(&first)));
    CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
    return 0;
}
