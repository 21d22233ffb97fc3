/* The scanner as a whole: what it finds, where, and what it shows. */
#include "unit.h"

#include "base/fs.h"
#include "scan/secrets/secrets.h"
#include "scan/source.h"

#include <stdlib.h>
#include <string.h>

#define PAT "ghp_R7xKq2MvT9bLw4ZyN1cHs8DfGj6PaE3uXo5Q"

/* Whether patterns are compiled for vectorscan; without, keywords decide. */
static bool with_vectorscan;

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
    options.quick = !with_vectorscan;
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

/* ---- rules ---------------------------------------------------------------------------------- */

#define RULE(id, regex) "[[rules]]\nid = \"" id "\"\nregex = '''" regex "'''\n"

/* `found`: "rule@line:column" of each, in their order. */
static const struct {
    const char *what, *rules, *body, *found;
} cases[] = {
    {"a group is the secret", RULE("r", "key=(\\w+);"), "a key=v1;", "r@1:7"},
    {"the first group that took part", RULE("r", "(x)?k=(\\w+)"), "k=v", "r@1:3"},
    {"secretGroup chooses", RULE("r", "(\\w)=(\\w)") "secretGroup = 2", "k=v", "r@1:3"},
    {"all matches of a line", RULE("r", "k\\d"), "k1 k2\nk3", "r@1:1 r@1:4 r@2:1"},
    {"entropy must be more", RULE("r", "\\w{4}") "entropy = 1.0", "aabb abcd", "r@1:6"},
    {"a keyword must be in the file", RULE("r", "v\\d") "keywords = [\"Key\"]", "v1", ""},
    {"in any case", RULE("r", "v\\d") "keywords = [\"Key\"]", "v1 KEY", "r@1:1"},
    {"path with regex", RULE("r", "v\\d") "path = 'b\\.txt$'", "v1", ""},
    {"path alone", "[[rules]]\nid = 'p'\npath = '^a\\.'", "", "p@0:0"},
    {"stop words", RULE("r", "\\w{6}") "[[rules.allowlists]]\nstopwords = ['EXAM']",
     "exampl secret", "r@1:8"},
    {"regexes of the secret", RULE("r", "k=(\\w+)") "[[rules.allowlists]]\nregexes = ['^k']", "k=v",
     "r@1:3"},
    {"of the match",
     RULE("r", "k=(\\w+)") "[[rules.allowlists]]\nregexTarget = 'match'\nregexes = ['^k']", "k=v",
     ""},
    {"of the line",
     RULE("r", "k=(\\w+)") "[[rules.allowlists]]\nregexTarget = 'line'\nregexes = ['test']",
     "k=v # test\nk=v", "r@2:3"},
    {"the older form", RULE("r", "k=(\\w+)") "[rules.allowlist]\nregexes = ['^v']", "k=v", ""},
    {"paths allow a file", RULE("r", "k") "[[rules.allowlists]]\npaths = ['txt$']", "k", ""},
    {"AND needs all",
     RULE("r", "k\\d") "[[rules.allowlists]]\ncondition = 'AND'\npaths = ['txt$']\nregexes = ['1']",
     "k1 k2", "r@1:4"},
    {"an allow-list of all", "[allowlist]\nregexes = ['1']\n" RULE("r", "k\\d"), "k1 k2", "r@1:4"},
    {"of some rules",
     "[[allowlists]]\ntargetRules = ['q']\nregexes = ['1']\n" RULE("q", "k1") RULE("r", "k\\d"),
     "k1", "r@1:1"},
    {"a generic rule gives way", RULE("my-generic", "t=(\\w+)") RULE("r", "abc"), "t=abc t=xyz",
     "r@1:3 my-generic@1:9"},
    {"a carrier gives way to a kind", RULE("c", "t=(\\w+)") "tags = ['carrier']\n" RULE("r", "abc"),
     "t=abc t=xyz", "r@1:3 c@1:9"},
    {"and a generic rule to a carrier",
     RULE("c", "t=(\\w+)") "tags = ['carrier']\n" RULE("my-generic", "xyz"), "t=xyz", "c@1:3"},
    {"decoded, it is the same secret", RULE("r", "//u:(\\S+)@"), "x://u:a%40b%25c@h", "r@1:7"},
    {"a class keeps its case beside (?i:)", RULE("r", "(?i:key)=([0-9a-z]{4})"),
     "KEY=ABCD Key=abcd", "r@1:14"},
    {"what vectorscan loses in a bounded repeat",
     RULE("r", "(?i:(?:cf|r2)[\\w .-]{0,20}secret[\\w .-]{0,20} = \")([0-9a-f]{8})"),
     "R2SecretAccessKey: x\nconst r2SecretAccessKey string = \"6d27152c", "r@2:35"},
    {"a name tells less than the secret itself", RULE("a", "t=(\\w+)") RULE("b", "\\bpre_\\w+"),
     "t=pre_1 t=xyz", "b@1:3 a@1:11"},
    {"both tell most", RULE("a", "\\bpre_\\w+") RULE("b", "t=(\\w+)") "keywords = ['t=', 'pre_']",
     "t=pre_1", "b@1:3"},
    {"of two the worse", RULE("a", "t=(\\w+)") RULE("b", "t=(\\w+)") "level = 'critical'", "t=xyz",
     "b@1:3"},
    {"of two alike the first", RULE("b", "t=(\\w+)") RULE("a", "t=(\\w+)"), "t=xyz", "a@1:3"},
    {"of two the longer", RULE("a", "xy") RULE("b", "xyz"), "xyz", "b@1:1"},
    {"two secrets that reach into each other", RULE("a", "wxy") RULE("b", "xyz"), "wxyz",
     "a@1:1 b@1:2"},
    {"a guess between two gives way to both, not more",
     RULE("a", "\\bab") RULE("my-generic", "abc+") RULE("b", "d\\w"), "abc de abx",
     "a@1:1 b@1:5 a@1:8"},
    {"two secrets in one stretch of base64", RULE("a", "token-\\d{3}") RULE("b", "other-\\d{3}"),
     "x dG9rZW4tMTIzIG90aGVyLTQ1Ng== y", "a@1:3 b@1:3"},
    {"required and near",
     RULE("a", "A\\d") "[[rules.required]]\nid = 'b'\nwithinLines = 1\n" RULE(
         "b", "B") "skipReport = true",
     "A1\n\nA2\nB", "a@3:1"},
    {"required, by columns",
     RULE("a", "A\\d") "[[rules.required]]\nid = 'b'\nwithinColumns = 2\n" RULE("b", "B"),
     "A1 A2\n    B", "a@1:4 b@2:5"},
    {"required anywhere", RULE("a", "A") "[[rules.required]]\nid = 'b'\n" RULE("b", "B"), "A\n\n\n",
     ""},
    {"a line that ends with CR", RULE("r", "k\\d"), "a\rk1\r\nk2", "r@2:1 r@3:1"},
    {"base64", RULE("r", "token-\\d{9}"), "x dG9rZW4tMTIzNDU2Nzg5 y", "r@1:3"},
    {"base64 with the name before it", RULE("r", "pass: (\\w{12}) "), "\npass: c2VjcmV0c2VjcmV0 ",
     "r@2:7"},
    {"base64 twice", RULE("r", "token-\\d{9}"), "x\nZEc5clpXNHRNVEl6TkRVMk56ZzU=", "r@2:1"},
    {"base64 of UTF-16", RULE("r", "token-\\d{9}"), "dABvAGsAZQBuAC0AMQAyADMANAA1ADYANwA4ADkA",
     "r@1:1"},
    {"hex", RULE("r", "token-\\d{10}"), "0x746f6b656e2d31323334353637383930;", "r@1:1"},
    {"percent", RULE("r", "k=(\\d{4})"), "a?k%3D12%33%34&b", "r@1:4"},
    {"escapes", RULE("r", "(k)=\\d"), "k\\u003d1", "r@1:1"},
    {"escapes of bytes", RULE("r", "token"), "\"\\x74\\x6f\\x6b\\x65\\x6e\"", "r@1:2"},
    {"once, not again decoded", RULE("r", "k\\d"), "k1 dG9rZW4tMTIzNDU2Nzg5", "r@1:1"},
    {"a property of Unicode", RULE("r", "\\p{Greek}{2}"), "a \xce\xb1\xce\xb2", "r@1:3"},
    {"many on a line", RULE("r", "k"), "kkkk", "r@1:1 r@1:2 r@1:3 r@1:4"},
    {"words of a run count in rules of others", RULE("r", "in-house-[a-z-]{16}"),
     "x in-house-names-and-other-words y", "r@1:3"},
    {"logins of several rules",
     RULE("a", "\\bdb2?://[^\\s/:]{0,}:([^\\s/]{3,})@h")
         RULE("b", "mq://[^\\s/:]{0,}:([^\\s/@]{3,})@") "keywords = ['mq']\n",
     "db2://a:bcd@h mq://:efg@h\nmq://h/x:ijk@h", "a@1:9 b@1:21"},
    {"a login with several @", RULE("r", "db://[^\\s/:]{0,}:([^\\s/]{3,})@h"),
     "db://a:x@y@z@h db://b:x@y@z@i@h", "r@1:8 r@1:23"},
    {"extends ours",
     "[extend]\nuseDefault = true\ndisabledRules = ['github-pat']\n" RULE("r", "RR"),
     "RR " PAT " AKIAZ7QW5R2NXKLMV3TD", "r@1:1 aws-access-token@1:45"},
    {"over ours", "[extend]\nuseDefault = true\n[[rules]]\nid = 'github-pat'\nregex = 'ghp_X.{8}'",
     "ghp_Xr4Tq9Lm2 " PAT, "github-pat@1:1"},
};

static str found_in(arena *a, const scan_report *report) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < report->findings.count; i++) {
        const finding *f = &report->findings.items[i];
        strbuf_addf(&out, "%s%.*s@%u:%u", i ? " " : "", STR_ARG(f->rule), f->line, f->column);
    }
    return arena_str(a, strbuf_str(&out));
}

static void check_cases(const char *how) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scanned r = scan(cases[i].rules, cases[i].body);
        str found = found_in(r.a, &r.report);
        if (!str_is(found, cases[i].found) || r.report.errors.count)
            fail_msg("%s (%s): %.*s", cases[i].what, how, STR_ARG(found));
        done(&r);
    }
}

static void rules_mean_what_gitleaks_says(void **state) {
    check_cases("by keywords");
    with_vectorscan = true;
    check_cases("with vectorscan");
    with_vectorscan = false;
}

static const struct {
    const char *rules;
    uint32_t line, column;
    const char *message;
} broken[] = {
    {"[[rules]]\nid = 'a'\nregex = '('\n", 3, 9, "the ( has no )"},
    {"[[rules]]\nregex = 'a'\n", 1, 0, "needs an 'id'"},
    {"[[rules]]\nid = 'a'\n", 1, 0, "neither 'regex' nor 'path'"},
    {"[[rules]]\nid = 'a'\nregex = 'b'\nsecretGroup = 1\n", 1, 0, "has 0 groups"},
    {"[[rules]]\nid = 'a'\nregex = 'b'\nentropy = 'c'\n", 4, 11, "is a string, not a number"},
    {"[[rules]]\nid = 'a'\nregex = 'b'\nlevel = 'bad'\n", 4, 9, "'bad' is no level"},
    {"[[rules]]\nid = 'a'\nregex = 'b'\n[[rules.allowlists]]\ndescription = 'x'\n", 4, 0,
     "needs one of"},
    {"[[rules]]\nid = 'a'\nregex = 'b'\n[[rules.required]]\nid = 'c'\n", 4, 0,
     "there is no such rule"},
    {"[extend]\nuseDefault = true\npath = 'x'\n", 1, 0, "choose one"},
    {"[extend]\npath = '/nowhere/at/all.toml'\n", 2, 8, "cannot be read"},
    {"[[allowlists]]\ntargetRules = ['z']\nregexes = ['a']\n", 2, 15, "there is no rule 'z'"},
    {"rules = 1\n", 1, 9, "not a table"},
    {"[[rules]\n", 1, 0, ""},
};

static void what_is_wrong_with_rules_has_its_place(void **state) {
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        _cleanup_arena_ arena *a = arena_new();
        scanner *s;
        err e = {0};
        secrets_options options = {.quick = true};
        setenv("GITLEAKS_CONFIG_TOML", broken[i].rules, 1);
        int code = secrets_new(a, &options, &s, &e);
        unsetenv("GITLEAKS_CONFIG_TOML");
        if (code == 0) fail_msg("%s is taken", broken[i].rules);
        bool right_column = !broken[i].column || e.where.column == broken[i].column;
        if (e.where.line != broken[i].line || !right_column ||
            !strstr(e.message, broken[i].message))
            fail_msg("%s: %u:%u: %s", broken[i].rules, e.where.line, e.where.column, e.message);
    }
}

static void a_misspelt_key_is_a_warning(void **state) {
    scanned r = scan("[[rules]]\nid = 'a'\nregex = 'b'\nkeyword = ['x']\n", "");
    const scan_error_list *w = secrets_warnings(r.s);
    assert_int_equal(w->count, 1);
    assert_int_equal(w->items[0].line, 4);
    assert_true(str_find(w->items[0].message, STR("did you mean 'keywords'?")) >= 0);
    done(&r);
}

static void a_costly_pattern_is_an_error_of_the_file(void **state) {
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    strbuf_pad(&body, 'a', 64);
    strbuf_adds(&body, "c\nk1");
    scanned r = scan_text(RULE("bad", "(a|aa)+b|((a+)+)+d") RULE("r", "k\\d"), "a.txt",
                          strbuf_str(&body), (secrets_options){0});
    assert_str(only(&r)->rule, "r");
    assert_int_equal(r.report.errors.count, 1);
    assert_true(str_find(r.report.errors.items[0].message, STR("'bad' was given up")) >= 0);
    done(&r);
}

/* ---- files ---------------------------------------------------------------------------------- */

static str wide(arena *a, const char *text, bool big_endian, bool mark) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (mark) strbuf_add(&out, big_endian ? STR("\xfe\xff") : STR("\xff\xfe"));
    for (; *text; text++) {
        if (big_endian) strbuf_addc(&out, '\0');
        strbuf_addc(&out, *text);
        if (!big_endian) strbuf_addc(&out, '\0');
    }
    return arena_str(a, strbuf_str(&out));
}

static void utf16_is_text(void **state) {
    for (int i = 0; i < 4; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str body = wide(a, "one\r\nkey: " PAT "\r\n", i & 1, i & 2);
        scanned r = scan_text(NULL, "a.txt", body, (secrets_options){0});
        assert_int_equal(only(&r)->line, 2);
        assert_int_equal(only(&r)->column, 6);
        done(&r);
    }
}

static void binary_files_are_passed_over(void **state) {
    static const char body[] = "\x7f"
                               "ELF\0\0" PAT;
    scanned r = scan_text(NULL, "a.bin", (str){body, sizeof body - 1}, (secrets_options){0});
    assert_int_equal(r.report.findings.count, 0);
    done(&r);
}

/* echo "k=…" | gzip | base64; two files, one of them in a zip in a tar compressed by xz. */
static const struct {
    const char *name;
    const char *found; /* paths */
} archives[] = {
    {"one.txt.gz", "one.txt.gz!one.txt"},
    {"two.tar.xz", "two.tar.xz!dir/in.zip!a/b.txt two.tar.xz!plain.txt"},
    {"three.7z", "three.7z!plain.txt"},
    {"four.zst", "four.zst!four"},
    {"five.bz2", "five.bz2!five"},
};

static void what_is_in_archives_is_read(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        err e = {0};
        str body;
        const char *folder = fs_join(a, getenv("SLIPWAY_SOURCE"), STR("tests/unit/archives"));
        const char *path = fs_join(a, folder, str_from(archives[i].name));
        if (fs_read(a, path, 1 << 20, &body, &e) < 0) fail_msg("%s", e.message);
        secrets_options shown = {.show_secrets = true};
        scanned r = scan_text(NULL, archives[i].name, body, shown);
        _cleanup_strbuf_ strbuf paths = STRBUF_INIT;
        for (size_t k = 0; k < r.report.findings.count; k++) {
            const finding *f = &r.report.findings.items[k];
            strbuf_addf(&paths, "%s%.*s", k ? " " : "", STR_ARG(f->path));
            assert_true(str_find(f->excerpt, value_path_str(&f->properties, "secret")) >= 0);
        }
        assert_str(strbuf_str(&paths), archives[i].found);
        assert_int_equal(r.report.errors.count, 0);
        done(&r);
    }
}

static const struct {
    const char *name, *message;
} bad_archives[] = {{"bomb.gz", "200 times as large"}, {"cut.zip", "damaged"}};

static void bad_archives_are_named_errors(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof bad_archives / sizeof *bad_archives; i++) {
        err e = {0};
        str body;
        const char *folder = fs_join(a, getenv("SLIPWAY_SOURCE"), STR("tests/unit/archives"));
        const char *path = fs_join(a, folder, str_from(bad_archives[i].name));
        if (fs_read(a, path, 1 << 20, &body, &e) < 0) fail_msg("%s", e.message);
        scanned r = scan_text(NULL, bad_archives[i].name, body, (secrets_options){0});
        assert_int_equal(r.report.errors.count, 1);
        if (str_find(r.report.errors.items[0].message, str_from(bad_archives[i].message)) < 0)
            fail_msg("%.*s", STR_ARG(r.report.errors.items[0].message));
        done(&r);
    }
}

static void ignored_fingerprints_are_suppressed(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *folder;
    err e = {0};
    assert_int_equal(fs_temp_dir(a, "secrets", &folder, &e), 0);
    const char *file = fs_join(a, folder, STR(".gitleaksignore"));
    str text = STR("# known\na.txt:github-pat:2\nno fingerprint\n");
    assert_int_equal(fs_create(file, text, 0600, &e), 0);
    scanned r = scan_text(NULL, "a.txt", STR(PAT "\n" PAT), (secrets_options){.root = folder});
    assert_int_equal(r.report.findings.count, 2);
    assert_int_equal(r.report.findings.items[0].suppressed, SUPPRESSED_NOT);
    assert_int_equal(r.report.findings.items[1].suppressed, SUPPRESSED_EXTERNAL);
    assert_str(r.report.findings.items[1].justification, ".gitleaksignore");
    assert_int_equal(secrets_warnings(r.s)->count, 1);
    assert_int_equal(secrets_warnings(r.s)->items[0].line, 3);
    done(&r);
    assert_int_equal(fs_remove(folder, &e), 0);
}

static void a_long_line_is_clipped(void **state) {
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    strbuf_pad(&body, 'x', 100000);
    strbuf_adds(&body, " " PAT " ");
    strbuf_pad(&body, 'y', 100000);
    scanned r = scan_text(NULL, "a.txt", strbuf_str(&body), (secrets_options){0});
    const finding *f = only(&r);
    assert_true(f->excerpt.len < 300);
    assert_true(str_starts(f->excerpt, STR("...xxx")) && str_ends(f->excerpt, STR("yyy...")));
    assert_int_equal(f->column, 100002);
    done(&r);
}

/* What is done for one secret must not look at all of its line. */
static void a_long_line_may_be_full_of_secrets(void **state) {
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    for (unsigned i = 0; i < 3000; i++) {
        strbuf_addf(&body, "ghp_R7xKq2MvT9bLw4ZyN1cHs8DfGj6PaE3u%04u ", i);
        strbuf_pad(&body, '.', 200);
    }
    scanned r = scan_text(NULL, "a.txt", strbuf_str(&body), (secrets_options){0});
    assert_int_equal(r.report.errors.count, 0);
    assert_int_equal(r.report.findings.count, 3000);
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(r.report.findings.items[i].column, i * 241 + 1);
        assert_str(r.report.findings.items[i].rule, "github-pat");
    }
    done(&r);
}

static void compiled_patterns_are_kept(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *folder;
    fs_entry *files;
    size_t count;
    err e = {0};
    assert_int_equal(fs_temp_dir(a, "secrets", &folder, &e), 0);
    with_vectorscan = true;
    for (int i = 0; i < 3; i++) { /* made, read, and made anew as it is damaged */
        scanned r = scan_text(NULL, "a.txt", STR("k " PAT), (secrets_options){.cache = folder});
        assert_str(only(&r)->rule, "github-pat");
        done(&r);
        assert_int_equal(fs_list(a, folder, &files, &count, &e), 0);
        if (count == 0) skip(); /* there is no vectorscan */
        assert_int_equal(count, 2);
        for (size_t k = 0; k < count && i == 1; k++) {
            const char *path = fs_join(a, folder, files[k].name);
            assert_int_equal(fs_create(path, STR("damaged"), 0600, &e), 0);
        }
    }
    with_vectorscan = false;
    assert_int_equal(fs_remove(folder, &e), 0);
}

int main(void) {
    unsetenv("GITLEAKS_CONFIG");
    unsetenv("GITLEAKS_CONFIG_TOML");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_has_its_place_and_no_secret),
        cmocka_unit_test(other_secrets_of_the_line_are_not_shown),
        cmocka_unit_test(redaction_shows_what_is_safe),
        cmocka_unit_test(secrets_are_shown_on_request),
        cmocka_unit_test(rules_mean_what_gitleaks_says),
        cmocka_unit_test(what_is_wrong_with_rules_has_its_place),
        cmocka_unit_test(a_misspelt_key_is_a_warning),
        cmocka_unit_test(a_costly_pattern_is_an_error_of_the_file),
        cmocka_unit_test(utf16_is_text),
        cmocka_unit_test(binary_files_are_passed_over),
        cmocka_unit_test(what_is_in_archives_is_read),
        cmocka_unit_test(bad_archives_are_named_errors),
        cmocka_unit_test(ignored_fingerprints_are_suppressed),
        cmocka_unit_test(a_long_line_is_clipped),
        cmocka_unit_test(a_long_line_may_be_full_of_secrets),
        cmocka_unit_test(compiled_patterns_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
