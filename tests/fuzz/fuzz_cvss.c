/* A score is from 0 to 10, or there is none. */
#include "fuzz.h"

#include "scan/advisories/cvss.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int score = cvss_score((str){(const char *)data, size});
    CHECK(score >= -1 && score <= 100);
    CHECK(cvss_level(score) < LEVEL_COUNT);
    return 0;
}
