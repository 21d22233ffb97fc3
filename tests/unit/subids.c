#include "unit.h"

#include "sandbox/subids.h"

#define ME 1001

static void what_a_file_gives_to_a_user(void **state) {
    const struct {
        const char *text;
        uint32_t total, past;
        unsigned count;
    } cases[] = {
        {"", 0, 100000, 0},
        {"ada:100000:65536\n", 65535, 165536, 1},
        {"ada:100000:65535", 65535, 165535, 1},
        {"ada:100000:65534\n", 65534, 165534, 1},
        {"1001:100000:65536\n", 65535, 165536, 1}, /* an id instead of a name */
        {"bob:100000:65536\n", 0, 165536, 0},      /* somebody else's */
        {"adam:100000:65536\nad:1:65536\n", 0, 165536, 0},
        {"ada:100000:1000\nbob:200000:65536\nada:300000:70000\n", 65535, 370000, 2},
        {"# comment\n\nada:100000:65536\n", 65535, 165536, 1},
        {"ada:0:65536\n", 0, 100000, 0},          /* root's own */
        {"ada:1000:65536\n", 0, 100000, 0},       /* with the user's own */
        {"ada:100000:0\n", 0, 100000, 0},         /* nothing */
        {"ada:4294967294:65536\n", 0, 100000, 0}, /* past the last id */
        {"ada:100000:-1\nada:x:65536\nada:100000\n", 0, 100000, 0},
        {"0: ada 100000 65536\n", 65535, 165536, 1}, /* getsubids */
        {"0: ada 100000 1000\n1: ada 200000 1000\n", 2000, 201000, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        subids_list found;
        subids_parse(str_from(cases[i].text), STR("ada"), ME, &found);
        if (found.total != cases[i].total || found.past != cases[i].past ||
            found.count != cases[i].count)
            fail_msg("'%s': %u ids in %u ranges, past is %u", cases[i].text, found.total,
                     found.count, found.past);
    }
}

static void many_ranges_are_cut(void **state) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    subids_list found;
    for (unsigned i = 0; i < 100; i++)
        strbuf_addf(&text, "ada:%u:1000\n", 100000 + 1000 * i);
    subids_parse(strbuf_str(&text), STR("ada"), ME, &found);
    assert_int_equal(found.count, SUBIDS_RANGES_MAX);
    assert_int_equal(found.total, 1000 * SUBIDS_RANGES_MAX);
}

static void a_user_without_a_name_has_an_id(void **state) {
    subids_list found;
    subids_parse(STR(":100000:65536\n1001:200000:65536\n"), STR_EMPTY, ME, &found);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.ranges[0].first, 200000);
}

static void who_gives_up_is_told_why(void **state) {
    subids_give_up("newuidmap failed");
    assert_false(subids_of_user()->usable);
    assert_string_equal(subids_of_user()->why_not, "newuidmap failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_gives_to_a_user),
        cmocka_unit_test(many_ranges_are_cut),
        cmocka_unit_test(a_user_without_a_name_has_an_id),
        cmocka_unit_test(who_gives_up_is_told_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
