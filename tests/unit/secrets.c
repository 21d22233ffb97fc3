/* The scanner as a whole: what it finds, where, and what it shows. */
#include "unit.h"

#include "base/fs.h"
#include "scan/secrets/secrets.h"
#include "scan/source.h"

#include <stdlib.h>
#include <string.h>

#define PAT "ghp_R7xKq2MvT9bLw4ZyN1cHs8DfGj6PaE3uXo5Q"

typedef struct scanned {
    arena *a;
    scanner *s;
    scan_report report;
} scanned;

static scanned scan_text(const char *rules, const char *path, str body, secrets_options options) {
    scanned r = {.a = arena_new()};
    scan_options how = {.jobs = 1};
    err e = {0};
    if (rules) setenv("GITLEAKS_CONFIG_TOML", rules, 1);
    options.quick = true;
    int code = secrets_new(r.a, &options, &r.s, &e);
    unsetenv("GITLEAKS_CONFIG_TOML");
    if (code == 0)
        code = scan_run(r.a, scan_source_text(r.a, str_from(path), body), &r.s, 1, &how, &r.report,
                        &e);
    if (code < 0) fail_msg("%s", e.message);
    return r;
}

static scanned scan(const char *rules, const char *body) {
    return scan_text(rules, "a.txt", str_from(body), (secrets_options){0});
}

static void done(scanned *r) {
    secrets_free(r->s);
    arena_free(r->a);
}

static const finding *only(const scanned *r) {
    if (r->report.findings.count != 1)
        fail_msg("%zu findings, %zu errors%s%.*s", r->report.findings.count, r->report.errors.count,
                 r->report.errors.count ? ": " : "",
                 r->report.errors.count ? (int)r->report.errors.items[0].message.len : 0,
                 r->report.errors.count ? r->report.errors.items[0].message.ptr : "");
    return &r->report.findings.items[0];
}

/* ---- places and redaction ------------------------------------------------------------------- */

static void a_finding_has_its_place_and_no_secret(void **state) {
    scanned r = scan(NULL, "one\ntwo é token: " PAT " # end\nthree\n");
    const finding *f = only(&r);
    assert_str(f->rule, "github-pat");
    assert_int_equal(f->line, 2);
    assert_int_equal(f->column, 14);
    assert_int_equal(f->end_column, 54);
    assert_str(f->excerpt, "two é token: ghp_R7xK*** # end");
    assert_str(f->message, "GitHub personal access token: ghp_R7xK***");
    assert_str(value_path_str(&f->properties, "secret"), "ghp_R7xK***");
    assert_int_equal(f->fingerprint.len, 32);
    assert_true(f->line_hash.len > 2);
    done(&r);
}

static void other_secrets_of_the_line_are_not_shown(void **state) {
    scanned r = scan(NULL, PAT " AKIAZ7QW5R2NXKLMV3TD " PAT);
    assert_int_equal(r.report.findings.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_str(r.report.findings.items[i].excerpt, "ghp_R7xK*** AKIAZ7*** ghp_R7xK***");
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(r.report.findings.items[i].fingerprint,
                                r.report.findings.items[k].fingerprint));
    }
    done(&r);
}

static const struct {
    const char *secret;
    size_t prefix;
    const char *shown;
} redactions[] = {
    {"hunter2", 0, "***"},
    {"fifteen letters", 0, "***"},
    {"sixteen letters!", 0, "si***"},
    {"thirty-two letters and a few more", 0, "thir***"},
    {"ghp_0123456789", 4, "ghp_***"},
    {"ghp_0123456789abcdef", 4, "ghp_01***"},
    {"ghp_", 4, "***"},
    {"ab\nthe rest of a long secret that is long", 0, "ab***"},
    {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
     "\xa9\xc3\xa9",
     0, "\xc3\xa9***"},
};

static void redaction_shows_what_is_safe(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof redactions / sizeof *redactions; i++)
        assert_str(secrets_redact(a, str_from(redactions[i].secret), redactions[i].prefix),
                   redactions[i].shown);
}

static void secrets_are_shown_on_request(void **state) {
    scanned r = scan_text(NULL, "a", STR("x " PAT), (secrets_options){.show_secrets = true});
    assert_str(only(&r)->excerpt, "x " PAT);
    assert_str(value_path_str(&only(&r)->properties, "secret"), PAT);
    done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_has_its_place_and_no_secret),
        cmocka_unit_test(other_secrets_of_the_line_are_not_shown),
        cmocka_unit_test(redaction_shows_what_is_safe),
        cmocka_unit_test(secrets_are_shown_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
