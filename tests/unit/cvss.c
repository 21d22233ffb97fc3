#include "unit.h"

#include "scan/advisories/cvss.h"

static const struct {
    const char *vector;
    int tenths;
} scores[] = {
    /* v2: the examples of FIRST's guide, section 3.3 */
    {"AV:N/AC:L/Au:N/C:N/I:N/A:C", 78},
    {"AV:N/AC:L/Au:N/C:C/I:C/A:C", 100},
    {"AV:L/AC:H/Au:N/C:C/I:C/A:C", 62},
    {"AV:N/AC:L/Au:N/C:N/I:N/A:N", 0},
    {"(AV:N/AC:L/Au:N/C:P/I:P/A:P)", 75},
    {"AV:N/AC:M/Au:N/C:N/I:P/A:N/E:POC/RL:OF/RC:ND", 43},
    /* v3: the examples of FIRST's specification */
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61},
    {"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64},
    {"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31},
    {"CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 68},
    {"CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 42},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P/RL:O/RC:C", 75},
    /* v4 */
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 100},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 93},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", 69},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0},
    {"CVSS:4.0/AV:L/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A/MAV:A/AU:N/R:A", 77},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:L/SC:N/SI:N/SA:N/E:A/MAV:A", 87},
    /* no vectors */
    {"", -1},
    {"7.5", -1},
    {"CVSS:3.1/", -1},
    {"CVSS:5.0/AV:N", -1},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", -1},
    {"CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1},
    {"CVSS:3.1/AV:Z/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1},
};

static void a_vector_has_its_score(void **state) {
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        int got = cvss_score(str_from(scores[i].vector));
        if (got != scores[i].tenths)
            fail_msg("%s: got %d, expected %d", scores[i].vector, got, scores[i].tenths);
    }
}

static void a_score_has_its_level(void **state) {
    assert_int_equal(cvss_level(100), LEVEL_CRITICAL);
    assert_int_equal(cvss_level(90), LEVEL_CRITICAL);
    assert_int_equal(cvss_level(89), LEVEL_HIGH);
    assert_int_equal(cvss_level(69), LEVEL_MEDIUM);
    assert_int_equal(cvss_level(39), LEVEL_LOW);
    assert_int_equal(cvss_level(0), LEVEL_INFO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_has_its_score),
        cmocka_unit_test(a_score_has_its_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
