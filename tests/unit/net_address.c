#include "unit.h"

#include "base/net_address.h"

static void addresses_are_judged_by_their_class(void **state) {
    static const struct {
        const char *text;
        bool special, private;
    } rows[] = {
        {"8.8.8.8", false, false},
        {"127.0.0.1", true, false},
        {"0.0.0.0", true, false},
        {"169.254.169.254", true, false},
        {"100.100.100.200", true, true},
        {"224.0.0.1", true, false},
        {"255.255.255.255", true, false},
        {"10.1.2.3", false, true},
        {"172.15.0.1", false, false},
        {"172.16.0.1", false, true},
        {"172.31.255.255", false, true},
        {"192.168.0.1", false, true},
        {"100.64.0.1", false, true},
        {"::1", true, false},
        {"::", true, false},
        {"fe80::1", true, false},
        {"fd00:ec2::254", true, true},
        {"fd12::1", false, true},
        {"2606:4700::1", false, false},
        {"::ffff:127.0.0.1", true, false},
        {"::ffff:10.0.0.1", false, true},
        {"64:ff9b::a9fe:a9fe", true, false},
        {"64:ff9b::a00:1", false, true},
        {"2002:7f00:1::", true, false},
        {"2002:a00:1::", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net_address x;
        assert_true(net_address_parse(str_from(rows[i].text), &x));
        if (net_address_is_special(&x) != rows[i].special ||
            net_address_is_private(&x) != rows[i].private)
            fail_msg("%s is judged wrongly", rows[i].text);
    }
}

static void a_range_has_its_addresses(void **state) {
    net_range r;
    net_address x;
    assert_true(net_range_parse(STR("10.8.0.0/13"), &r));
    assert_true(net_address_parse(STR("10.15.255.1"), &x) && net_range_has(&r, &x));
    assert_true(net_address_parse(STR("10.16.0.0"), &x) && !net_range_has(&r, &x));
    assert_true(net_range_parse(STR("fd00::1"), &r) && r.bits == 128);
    static const char *const wrong[] = {"",           "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                                        "fd00::/129", "10.0.0/8",    "x/8",       "10.0.0.0/0008"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(net_range_parse(str_from(wrong[i]), &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_judged_by_their_class),
        cmocka_unit_test(a_range_has_its_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
