/* Records of contacts, as those read them who asked for the proxy. */
#include "sandbox/egress.h"

#include <string.h>

const char *egress_how_text(egress_how how) {
    static const char *const texts[EGRESS_HOW_COUNT] = {
        [EGRESS_BY_DNS] = "dns",     [EGRESS_BY_CONNECT] = "connect", [EGRESS_BY_HTTP] = "http",
        [EGRESS_BY_SOCKS] = "socks", [EGRESS_BY_ADDRESS] = "address", [EGRESS_BY_UDP] = "udp",
    };
    return texts[how];
}

bool egress_record_next(str *bytes, egress_record *ret, err *e) {
    egress_record_head *h = &ret->head;
    if (bytes->len < sizeof *h) return false;
    memcpy(h, bytes->ptr, sizeof *h);
    if (h->size != sizeof *h + h->name_size + h->address_size || h->how >= EGRESS_HOW_COUNT ||
        h->verdict >= EGRESS_VERDICT_COUNT || h->reason >= EGRESS_REASON_COUNT) {
        err_set(e, ERR_INVALID, "the egress proxy sent a record that cannot be read");
        return false;
    }
    if (bytes->len < h->size) return false;
    ret->name = str_sub(*bytes, sizeof *h, sizeof *h + h->name_size);
    ret->address = str_sub(*bytes, sizeof *h + h->name_size, h->size);
    *bytes = str_sub(*bytes, h->size, bytes->len);
    return true;
}
