/* SOCKS5 without authentication: everything in the job's namespace is the job. */
#include "sandbox/egress_parse.h"

#include <string.h>

enum { SOCKS_FAILED = 1, SOCKS_BAD_COMMAND = 7, SOCKS_BAD_ADDRESS = 8 };

egress_parse egress_read_greeting(str bytes, size_t *ret_size, bool *ret_open) {
    if (bytes.len >= 1 && bytes.ptr[0] != 5) return EGRESS_BAD;
    if (bytes.len < 2) return EGRESS_MORE;
    size_t methods = (uint8_t)bytes.ptr[1];
    if (bytes.len < 2 + methods) return EGRESS_MORE;
    *ret_size = 2 + methods;
    *ret_open = methods && memchr(bytes.ptr + 2, 0, methods) != NULL;
    return EGRESS_WHOLE;
}

egress_parse egress_read_socks(str bytes, size_t *ret_size, egress_target *ret,
                               uint8_t *ret_reply) {
    enum { IP4 = 1, NAME = 3, IP6 = 4 };
    *ret_reply = SOCKS_FAILED;
    *ret = (egress_target){0};
    if (bytes.len >= 1 && bytes.ptr[0] != 5) return EGRESS_BAD;
    if (bytes.len < 5) return EGRESS_MORE;
    uint8_t kind = (uint8_t)bytes.ptr[3];
    size_t at = 4, size = kind == IP4 ? 4 : kind == IP6 ? 16 : (uint8_t)bytes.ptr[at++];
    if (kind != IP4 && kind != IP6 && kind != NAME) {
        *ret_reply = SOCKS_BAD_ADDRESS;
        return EGRESS_BAD;
    }
    if (bytes.len < at + size + 2) return EGRESS_MORE;
    if (bytes.ptr[1] != 1) { /* neither BIND nor UDP ASSOCIATE */
        *ret_reply = SOCKS_BAD_COMMAND;
        return EGRESS_BAD;
    }
    const uint8_t *port = (const uint8_t *)bytes.ptr + at + size;
    ret->port = (uint16_t)(port[0] << 8 | port[1]);
    *ret_size = at + size + 2;
    if (ret->port == 0) return EGRESS_BAD;
    if (kind == NAME)
        return egress_parse_host((str){bytes.ptr + at, size}, ret) ? EGRESS_WHOLE : EGRESS_BAD;
    const uint8_t *address = (const uint8_t *)bytes.ptr + at;
    ret->address.family = 4;
    if (kind == IP6)
        net_address_from_six(address, &ret->address);
    else
        memcpy(ret->address.bytes, address, 4);
    return EGRESS_WHOLE;
}
