/* Who may use which ids: what is taken are ids that may be mapped, no more than are needed. */
#include "fuzz.h"

#include "sandbox/subids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint32_t me = 1001;
    subids_list found;
    uint64_t total = 0;
    subids_parse((str){(const char *)data, size}, STR("ada"), me, &found);
    CHECK(found.count <= SUBIDS_RANGES_MAX && found.past >= 100000);
    for (unsigned i = 0; i < found.count; i++) {
        uint64_t first = found.ranges[i].first, past = first + found.ranges[i].count;
        CHECK(first > 0 && past > first && past < UINT32_MAX && past <= found.past);
        CHECK(me < first || me >= past);
        total += found.ranges[i].count;
    }
    CHECK(total == found.total && total <= SUBIDS_NEEDED);
    return 0;
}
