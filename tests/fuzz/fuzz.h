/* fuzz.h: what every fuzzer includes.
 *
 * A fuzzer is tests/fuzz/fuzz_NAME.c with this one function, a corpus of small seeds in
 * tests/fuzz/corpus/NAME/, and a line in tests/fuzz/meson.build. With -Dfuzz=true (clang) it is a
 * libFuzzer program; in any other build it is linked with replay.c and reads its corpus as a test.
 * It calls CHECK where the result of a good run must have a property. */
#ifndef SLIPWAY_TESTS_FUZZ_H
#define SLIPWAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert that is never compiled out. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

#endif
