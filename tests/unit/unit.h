/* unit.h: what every unit test includes. */
#ifndef SLIPWAY_TESTS_UNIT_H
#define SLIPWAY_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        str actual_ = (actual);                                                                    \
        str expected_ = str_from(expected);                                                        \
        if (!str_eq(actual_, expected_))                                                           \
            fail_msg("got \"%.*s\", expected \"%s\"", STR_ARG(actual_), (expected));               \
    } while (0)

#endif
