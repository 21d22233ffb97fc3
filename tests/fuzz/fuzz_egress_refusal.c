/* A packet of the job's network: what is taken for a refusal has a place that is not the job's own,
 * and is no longer one when it is cut short. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    egress_refusal r, again;
    str bytes = {(const char *)data, size};
    if (!egress_read_refusal(bytes, &r)) return 0;
    CHECK(r.port != 0 && !net_address_is_loopback(&r.address));
    CHECK(r.address.family == 4 || r.address.family == 6);
    CHECK(size >= 40);
    if (egress_read_refusal(str_sub(bytes, 0, EGRESS_REFUSAL_BYTES), &again))
        CHECK(again.port == r.port && again.udp == r.udp &&
              net_address_same(&again.address, &r.address));
    CHECK(!egress_read_refusal(str_sub(bytes, 0, 39), &again));
    return 0;
}
