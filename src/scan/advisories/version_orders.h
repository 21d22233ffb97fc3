/* version_orders.h: the orders behind version.h. Private to src/scan/advisories. */
#ifndef SLIPWAY_SCAN_ADVISORIES_VERSION_ORDERS_H
#define SLIPWAY_SCAN_ADVISORIES_VERSION_ORDERS_H

#include "base/str.h"

typedef int version_order(str a, str b);
typedef bool version_reader(str version);

static inline bool version_is_digit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool version_is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
static inline bool version_is_letter(char c) {
    return version_is_lower((char)(c | 32));
}
static inline char version_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
/* One or more digits and nothing else. */
bool version_all_digits(str s);
/* As numbers; leading zeros do not count, no digits are 0. */
int version_cmp_digits(str a, str b);
int version_cmp_nocase(str a, str b);
/* Takes the digits, or what is up to the first digit, off the front. */
str version_take_digits(str *rest);
str version_take_other(str *rest);
/* Takes what is before the separator and the separator; false when nothing was left. */
bool version_take_part(str *rest, char separator, str *ret);

version_order order_semver, order_pub, order_nuget, order_hackage, order_cran, order_natural;
version_order order_pypi, order_maven, order_rubygems, order_packagist, order_composer;
version_order order_debian, order_alpine, order_rpm, order_freebsd;
version_reader known_semver, known_hackage, known_cran, known_natural, known_pypi, known_maven,
    known_rubygems, known_packagist, known_debian, known_alpine, known_rpm;

#endif
