/* A DNS packet: an answer fits, repeats the id and the question, and names nothing unprintable. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const net_address address = {.family = 4, .bytes = {198, 18, 1, 0}};
    uint8_t out[EGRESS_DNS_MAX];
    egress_query q;
    if (size > EGRESS_DNS_MAX) size = EGRESS_DNS_MAX;
    str packet = {(const char *)data, size};
    egress_parse r = egress_read_query(packet, &q);
    CHECK(r != EGRESS_MORE);
    if (r == EGRESS_BAD) return 0;
    size_t n = r == EGRESS_WHOLE ? egress_write_answer(packet, &q, DNS_NOERROR, &address, out)
                                 : egress_write_refusal(&q, DNS_NOTIMP, out);
    CHECK(n >= 12 && n <= sizeof out && memcmp(out, data, 2) == 0 && (out[2] & 0x80));
    if (r != EGRESS_WHOLE) return 0;
    CHECK(memcmp(out + 12, data + 12, q.question_size) == 0);
    for (const char *c = q.text; *c; c++)
        CHECK(*c > ' ' && *c < 0x7f);
    CHECK(!q.valid || (q.target.name[0] && !q.target.address.family));
    return 0;
}
