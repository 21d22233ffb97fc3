/* What parses as a file of suppressions can be applied, and findings neither vanish nor come twice.
 */
#include "fuzz.h"

#include "scan/suppress.h"

static const char *const kinds[] = {"secrets", "deps", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    suppressions *s;
    err e = {0};
    if (suppressions_parse(a, text, "f", kinds, &s, &e) < 0) {
        CHECK(e.message[0]);
        return 0;
    }
    scan_report r = {.findings.a = a, .suppressed.a = a, .errors.a = a};
    scan_error error = {.path = STR("src/a/b.c"), .message = STR("it is damaged")};
    ARENA_PUSH(a, r.errors.items, r.errors.count, r.errors.cap, error);
    finding f = {.kind = STR("secrets"),
                 .rule = STR("aws-access-key"),
                 .path = STR("src/a/b.c"),
                 .level = LEVEL_HIGH,
                 .fingerprint = STR("0123456789abcdef0123456789abcdef")};
    f.properties = value_object_new(a, true);
    value_set_str(a, &f.properties, "package", STR("@scope/lodash"));
    value_set_str(a, &f.properties, "purl", STR("pkg:npm/%40scope/lodash@4.0.0"));
    finding_list_add(&r.findings, &f);
    suppressions_apply(s, STR("2026-11-27"), true, &r);
    size_t about = 0;
    for (size_t i = 0; i < r.findings.count; i++)
        about += str_is(r.findings.items[i].kind, SUPPRESSIONS_KIND);
    CHECK(r.findings.count - about + r.suppressed.count + r.errors.count == 2);
    return 0;
}
