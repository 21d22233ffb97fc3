/* licenses.h: a policy as it is parsed. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_LICENSES_H
#define SLIPWAY_SCAN_DEPS_LICENSES_H

#include "scan/deps/deps.h"
#include "scan/deps/spdx.h"

typedef struct license_exception {
    str package, reason, expires; /* expires: "2027-01-31" or empty */
    span where;
} license_exception;

struct license_policy {
    bool given; /* there is one: without it nothing is forbidden, and what is unknown is a note */
    license_lists lists;
    license_exception *exceptions;
    size_t exception_count;
    problem_list problems;
};

#endif
