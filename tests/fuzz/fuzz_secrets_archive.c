/* Archives: whatever they hold, names are clean and caps hold. */
#include "fuzz.h"

#include "scan/secrets/archive.h"

static void on_entry(void *context, str path, str body) {
    uint64_t *bytes = context;
    CHECK(path.len > 0 && utf8_valid(path) && body.len <= ARCHIVE_ENTRY_MAX);
    CHECK(!str_starts(path, STR("/")) && str_find(path, STR("../")) != 0);
    *bytes += body.len;
}

static void on_problem(void *context, str path, const char *why) {
    (void)context;
    CHECK(path.len > 0 && why[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str body = {(const char *)data, size};
    archive_budget budget = {.packed = size};
    uint64_t bytes = 0;
    err e = {0};
    if (!archive_is(body)) return 0;
    int r = archive_walk(STR("a.zip"), body, &budget, on_entry, on_problem, &bytes, &e);
    CHECK(r == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    CHECK(bytes <= budget.bytes);
    return 0;
}
