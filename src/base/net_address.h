/* net_address.h: IP addresses, and which of them are nobody's business of a stranger. Pure.
 *
 * An IPv4 address in IPv6 form (::ffff:1.2.3.4) is always kept as IPv4, so that it is judged once.
 */
#ifndef SLIPWAY_BASE_NET_ADDRESS_H
#define SLIPWAY_BASE_NET_ADDRESS_H

#include "base/str.h"

struct sockaddr;

typedef struct net_address {
    uint8_t family; /* 4 or 6; 0: none */
    uint8_t bytes[16];
} net_address;

#define NET_ADDRESS_TEXT 48
void net_address_text(const net_address *address, char out[NET_ADDRESS_TEXT]);
bool net_address_parse(str text, net_address *ret);
/* The 16 bytes of an IPv6 address; one that only carries IPv4 becomes family 4. */
void net_address_from_six(const uint8_t bytes[16], net_address *ret);
/* False for NULL and for what is no IP address. */
bool net_address_from_sockaddr(const struct sockaddr *from, net_address *ret);
bool net_address_same(const net_address *x, const net_address *y);
bool net_address_is_loopback(const net_address *x);
/* Loopback, unspecified, link-local, multicast, reserved and cloud metadata addresses, and IPv6
 * forms that carry such an IPv4 address which a gateway would connect to: what is the machine
 * itself, its link, everybody, or where clouds give out keys. */
bool net_address_is_special(const net_address *x);
/* Addresses of networks that are somebody's own: RFC 1918, RFC 6598 (shared), RFC 4193 (unique
 * local), RFC 6890's protocol assignments and documentation, also carried in IPv6. */
bool net_address_is_private(const net_address *x);

/* "10.0.0.0/8", "fd00::/8", or one address. */
typedef struct net_range {
    net_address address;
    uint8_t bits;
} net_range;
/* False for what is none, and for a length that the family does not have. */
bool net_range_parse(str text, net_range *ret);
bool net_range_has(const net_range *range, const net_address *x);

#endif
