/* Importing and matching: what goes in as files comes out as findings. */
#include "unit.h"

#include "scan/advisories/advisories.h"
#include "scan/advisories/vex.h"

#include "base/fs.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

typedef struct place {
    arena *a;
    char *root, *in, *store;
} place;

static int set_up(void **state) {
    arena *a = arena_new();
    place *p = ARENA_NEW(a, place);
    err e = {0};
    p->a = a;
    if (fs_temp_dir(a, "advisories", &p->root, &e) < 0) fail_msg("%s", e.message);
    p->in = fs_join(a, p->root, STR("in"));
    p->store = fs_join(a, p->root, STR("store"));
    assert_int_equal(fs_mkdirs(p->in, 0755, &e), 0);
    *state = p;
    return 0;
}

static int tear_down(void **state) {
    place *p = *state;
    err e = {0};
    assert_int_equal(fs_remove(p->root, &e), 0);
    arena_free(p->a);
    return 0;
}

static void put(const place *p, const char *name, str text) {
    err e = {0};
    if (fs_create(fs_join(p->a, p->in, str_from(name)), text, 0644, &e) < 0)
        fail_msg("%s", e.message);
}

static advisories_imported import(const place *p) {
    const char *paths[] = {p->in};
    advisories_import_options how = {.jobs = 2, .now_ms = 1764000000000};
    advisories_imported done;
    err e = {0};
    if (advisories_import(p->a, p->store, paths, 1, &how, &done, &e) < 0) fail_msg("%s", e.message);
    return done;
}

static advisories *open_store(const place *p) {
    advisories *v;
    err e = {0};
    if (advisories_open(p->store, &v, &e) < 0) fail_msg("%s", e.message);
    return v;
}

static advisories_matched match_one(const place *p, const advisories *v, package one,
                                    const vex *known) {
    advisories_match_options how = {.vex = known};
    advisories_matched got;
    err e = {0};
    if (advisories_match(p->a, v, &one, 1, &how, &got, &e) < 0) fail_msg("%s", e.message);
    return got;
}

static str json_of(arena *a, const value *v) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, v);
    return arena_str(a, strbuf_str(&text));
}

#define PACKAGE(eco, nm, ver, url)                                                                 \
    ((package){.ecosystem = STR(eco), .name = STR(nm), .version = STR(ver), .purl = STR(url)})

static const char lodash[] =
    "{\"id\":\"GHSA-35jh-r3h4-6jhm\",\"modified\":\"2023-11-08T04:05:14Z\","
    "\"aliases\":[\"CVE-2021-23337\"],\"summary\":\"Command Injection in lodash.\","
    "\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"lodash\"},\"ranges\":"
    "[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"4.17.21\"}]}]}],"
    "\"severity\":[{\"type\":\"CVSS_V3\",\"score\":"
    "\"CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H\"}]}";
/* The same vulnerability by another database, with a worse vector and another fix. */
static const char lodash_alias[] =
    "{\"id\":\"OTHER-1\",\"modified\":\"2023-11-08T04:05:14Z\","
    "\"aliases\":[\"CVE-2021-23337\"],\"affected\":[{\"package\":{\"ecosystem\":\"npm\","
    "\"name\":\"lodash\"},\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},"
    "{\"fixed\":\"4.17.22\"}]}]}],\"severity\":[{\"type\":\"CVSS_V3\",\"score\":"
    "\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"}]}";
/* Another one, mended in the next major version and, later, in this one. */
static const char lodash_second[] =
    "{\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"2024-01-01T00:00:00Z\",\"affected\":"
    "[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"lodash\"},\"ranges\":[{\"type\":\"SEMVER\","
    "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"4.18.0\"},{\"introduced\":\"5.0.0\"},"
    "{\"fixed\":\"5.0.1\"}]}]}],\"database_specific\":{\"severity\":\"LOW\"}}";

static void put_lodash(const place *p) {
    put(p, "a.json", str_from(lodash));
    put(p, "b.json", str_from(lodash_alias));
    put(p, "c.json", str_from(lodash_second));
}

static void aliases_are_one_finding_and_the_worst_counts(void **state) {
    place *p = *state;
    put_lodash(p);
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    package one = PACKAGE("npm", "lodash", "4.17.20", "pkg:npm/lodash@4.17.20");
    str via[] = {STR("grunt@1.0.0")};
    one.path = STR("package-lock.json"), one.line = 7, one.via = via, one.via_count = 1;
    advisories_matched got = match_one(p, v, one, NULL);
    assert_int_equal(got.findings.count, 2);
    const finding *f = &got.findings.items[0];
    assert_str(f->kind, "deps");
    assert_str(f->rule, "CVE-2021-23337");
    assert_int_equal(f->level, LEVEL_CRITICAL);
    assert_str(f->title, "Command Injection in lodash");
    assert_str(f->message,
               "lodash 4.17.20 is affected by CVE-2021-23337: Command Injection in lodash");
    assert_str(f->fix, "upgrade lodash to 4.18.0, which mends all 2");
    assert_str(f->help, "Upgrade lodash to 4.18.0: no advisory affects that version. This one is "
                        "fixed in 4.17.22. It came by grunt@1.0.0.");
    assert_str(f->help_uri, "https://github.com/advisories/GHSA-35jh-r3h4-6jhm");
    assert_int_equal(f->line, 7);
    assert_int_equal(f->fingerprint.len, 32);
    str properties = json_of(p->a, &f->properties);
    assert_str(properties,
               "{\"package\":\"lodash\",\"version\":\"4.17.20\",\"ecosystem\":\"npm\","
               "\"purl\":\"pkg:npm/lodash@4.17.20\",\"advisory\":\"GHSA-35jh-r3h4-6jhm\","
               "\"aliases\":[\"GHSA-35jh-r3h4-6jhm\",\"OTHER-1\"],\"severity\":\"critical\","
               "\"severity_source\":\"cvss\",\"cvss\":9.8,"
               "\"vector\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\","
               "\"fixed\":\"4.17.22\",\"upgrade\":\"4.18.0\",\"direct\":false,\"dev\":false,"
               "\"via\":[\"grunt@1.0.0\"],\"modified\":\"2023-11-08\"}");
    assert_str(got.findings.items[1].rule, "GHSA-aaaa-bbbb-cccc");
    assert_int_equal(got.findings.items[1].level, LEVEL_LOW);
    assert_int_equal(match_one(p, v, PACKAGE("npm", "lodash", "4.18.0", ""), NULL).findings.count,
                     0);
    assert_int_equal(match_one(p, v, PACKAGE("PyPI", "lodash", "1.0", ""), NULL).findings.count, 0);
}

#define COMMIT(c) c c c c c c c c c c

/* NVD's names no package, GitHub's names both. */
static const char by_commit[] =
    "{\"id\":\"CVE-2024-1\",\"modified\":\"2024-01-01T00:00:00Z\",\"affected\":[{\"ranges\":[{"
    "\"type\":"
    "\"GIT\",\"repo\":\"https://github.com/Own/Lib.git\",\"events\":[{\"introduced\":\"" COMMIT(
        "aaaa") "\"},{\"fixed\":\"" COMMIT("bbbb") "\"}]}],\"versions\":[\"v1.0.0\"]}]}";
static const char by_both[] =
    "{\"id\":\"GHSA-dddd-eeee-ffff\",\"modified\":\"2024-01-01T00:00:00Z\",\"affected\":[{"
    "\"package\":"
    "{\"ecosystem\":\"npm\",\"name\":\"lib\"},\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{"
    "\"introduced\":\"0\"},{\"fixed\":\"2.0.0\"}]},{\"type\":\"GIT\",\"repo\":"
    "\"git://github.com/own/lib\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"" COMMIT(
        "cccc") "\"}]}]}]}";

static const struct {
    const char *version, *commit, *repository;
    bool from_repository;
    const char *expected; /* rules */
} out_of_repositories[] = {
    {"", COMMIT("aaaa"), "github.com/own/lib", true, "unknown-commit CVE-2024-1 "},
    {"", "aaaaaaaaaaaa", "github.com/own/lib", true, "unknown-commit CVE-2024-1 "},
    {"", COMMIT("bbbb"), "github.com/own/lib", true, "unknown-commit "},
    {"", COMMIT("bbbb"), "github.com/other/lib", true, ""},
    {"3.0.0", COMMIT("bbbb"), "github.com/own/lib", true, ""}, /* the version decides the other */
    {"1.0.0", COMMIT("bbbb"), "github.com/own/lib", true, "GHSA-dddd-eeee-ffff "},
    {"3.0.0", COMMIT("dddd"), "github.com/own/lib", true, "unknown-commit "},
    {"3.0.0", COMMIT("dddd"), "github.com/own/lib", false,
     ""}, /* what a registry has is numbered */
    {"v1.0.0", COMMIT("dddd"), "github.com/own/lib", false, "CVE-2024-1 GHSA-dddd-eeee-ffff "},
};

static void what_comes_out_of_a_repository_is_judged_by_its_commit(void **state) {
    place *p = *state;
    put(p, "a.json", str_from(by_commit));
    put(p, "b.json", str_from(by_both));
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    for (size_t i = 0; i < sizeof out_of_repositories / sizeof *out_of_repositories; i++) {
        _cleanup_strbuf_ strbuf rules = STRBUF_INIT;
        package one = PACKAGE("npm", "lib", "", "pkg:npm/lib");
        one.version = str_from(out_of_repositories[i].version);
        one.commit = str_from(out_of_repositories[i].commit);
        one.repository = str_from(out_of_repositories[i].repository);
        one.from_repository = out_of_repositories[i].from_repository;
        advisories_matched got = match_one(p, v, one, NULL);
        for (size_t k = 0; k < got.findings.count; k++)
            strbuf_addf(&rules, "%.*s ", STR_ARG(got.findings.items[k].rule));
        if (!str_is(strbuf_str(&rules), out_of_repositories[i].expected))
            fail_msg("%zu: %s", i, strbuf_cstr(&rules));
    }
}

static void what_a_commit_is_judged_by_is_told(void **state) {
    place *p = *state;
    put(p, "a.json", str_from(by_commit));
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    package one = PACKAGE("npm", "lib", "", "pkg:npm/lib");
    one.commit = STR(COMMIT("aaaa"));
    one.repository = STR("github.com/own/lib");
    one.from_repository = true;
    advisories_matched got = match_one(p, v, one, NULL);
    assert_int_equal(got.findings.count, 1);
    assert_str(got.findings.items[0].message, "lib is affected by CVE-2024-1");
    assert_str(got.findings.items[0].fix, "upgrade lib to " COMMIT("bbbb"));
    one.commit = STR(COMMIT("dddd"));
    got = match_one(p, v, one, NULL);
    assert_int_equal(got.findings.count, 1);
    assert_int_equal(got.findings.items[0].level, LEVEL_LOW);
    assert_str(got.findings.items[0].message, "it cannot be said whether 1 advisory (CVE-2024-1) "
                                              "affects lib at commit dddddddddddd");
    assert_str(json_of(p->a, value_get(&got.findings.items[0].properties, STR("advisories"))),
               "[\"CVE-2024-1\"]");
}

#define V2_10 "{\"type\":\"CVSS_V2\",\"score\":\"AV:N/AC:L/Au:N/C:C/I:C/A:C\"}"
#define V3_98 "{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"}"
#define V3_53 "{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N\"}"
#define V4_87                                                                                      \
    "{\"type\":\"CVSS_V4\",\"score\":"                                                             \
    "\"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N\"}"

static const struct {
    const char *severity, *rest;
    finding_level level;
    const char *source;
} severities[] = {
    {V2_10, "", LEVEL_CRITICAL, "cvss"},
    {V2_10 "," V3_53, "", LEVEL_MEDIUM, "cvss"},
    {V3_53 "," V2_10, "", LEVEL_MEDIUM, "cvss"},
    {V3_53 "," V4_87, "", LEVEL_HIGH, "cvss"},
    {V3_98 "," V4_87, "", LEVEL_CRITICAL, "cvss"},
    {V3_53, "\"database_specific\":{\"severity\":\"CRITICAL\"},", LEVEL_MEDIUM, "cvss"},
    {"", "\"database_specific\":{\"severity\":\"CRITICAL\"},", LEVEL_CRITICAL, "database"},
    {"{\"type\":\"Ubuntu\",\"score\":\"low\"}", "", LEVEL_LOW, "database"},
    {"{\"type\":\"CVSS_V3\",\"score\":\"9.8\"}", "", LEVEL_MEDIUM, "none"},
    {"", "", LEVEL_MEDIUM, "none"},
};

static void later_versions_of_cvss_count_before_earlier_ones_and_words(void **state) {
    place *p = *state;
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        put(p, arena_printf(p->a, "%zu.json", i).ptr,
            arena_printf(
                p->a,
                "{\"id\":\"X-%zu\",\"modified\":\"2024-01-01T00:00:00Z\",%s\"severity\":[%s],"
                "\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"p%zu\"},"
                "\"versions\":[\"1.0.0\"]}]}",
                i, severities[i].rest, severities[i].severity, i));
    }
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        package one = PACKAGE("npm", "", "1.0.0", "");
        one.name = arena_printf(p->a, "p%zu", i);
        advisories_matched got = match_one(p, v, one, NULL);
        assert_int_equal(got.findings.count, 1);
        const finding *f = &got.findings.items[0];
        if (f->level != severities[i].level) fail_msg("%zu: %s", i, level_name(f->level));
        assert_str(value_path_str(&f->properties, "severity_source"), severities[i].source);
    }
}

static void a_version_without_a_place_is_told(void **state) {
    place *p = *state;
    put_lodash(p);
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    advisories_matched got = match_one(p, v, PACKAGE("npm", "lodash", "git+ssh://x", ""), NULL);
    assert_int_equal(got.findings.count, 0);
    assert_int_equal(got.errors.count, 1);
    assert_true(str_find(got.errors.items[0].message, STR("3 advisories")) >= 0);
}

static const char kev[] =
    "{\"catalogVersion\":\"2024.01.01\",\"dateReleased\":\"2024-01-01T10:00:00Z\","
    "\"vulnerabilities\":[{\"cveID\":\"CVE-2021-44228\",\"dateAdded\":\"2021-12-10\","
    "\"dueDate\":\"2021-12-24\",\"knownRansomwareCampaignUse\":\"Known\"},"
    "{\"cveID\":\"CVE-2021-23337\",\"dateAdded\":\"2022-01-02\",\"dueDate\":\"2022-02-03\","
    "\"knownRansomwareCampaignUse\":\"Unknown\"}]}";
static const char epss[] = "#model_version:v2023.03.01,score_date:2024-01-02T00:00:00+0000\n"
                           "cve,epss,percentile\nCVE-2021-44228,0.97559,0.99998\n"
                           "CVE-2021-23337,0.00731,0.80212\n";

static str gzipped(arena *a, str text) {
    char *out = arena_alloc(a, text.len + 100);
    z_stream z = {.next_in = (Bytef *)text.ptr,
                  .avail_in = (uInt)text.len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)text.len + 100};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = z.total_out;
    deflateEnd(&z);
    return (str){out, size};
}

static void what_is_exploited_comes_first(void **state) {
    place *p = *state;
    put_lodash(p);
    put(p, "kev.json", str_from(kev));
    put(p, "epss.csv.gz", gzipped(p->a, str_from(epss)));
    advisories_imported done = import(p);
    assert_int_equal(done.kev, 2);
    assert_int_equal(done.epss, 2);
    _cleanup_advisories_ advisories *v = open_store(p);
    advisories_matched got = match_one(p, v, PACKAGE("npm", "lodash", "4.17.20", ""), NULL);
    const value *properties = &got.findings.items[0].properties;
    assert_str(json_of(p->a, value_get(properties, STR("kev"))),
               "{\"added\":\"2022-01-02\",\"due\":\"2022-02-03\",\"ransomware\":false}");
    assert_str(json_of(p->a, value_get(properties, STR("epss"))),
               "{\"score\":0.00731,\"percentile\":0.80212}");
    advisories_facts facts = advisories_facts_of(v);
    assert_int_equal(facts.kev_count, 2);
    assert_int_equal(facts.record_count, 3);
    assert_str(advisories_age(p->a, v, facts.newest_ms + 8 * 86400000LL),
               "advisories of 2024-01-01, 8 days old");
}

static void importing_again_replaces_by_id(void **state) {
    place *p = *state;
    put_lodash(p);
    put(p, "kev.json", str_from(kev));
    import(p);
    err e = {0};
    assert_int_equal(fs_remove(fs_join(p->a, p->in, STR("kev.json")), &e), 0);
    /* An older one changes nothing, a later one counts, a withdrawn one goes. */
    put(p, "a.json", STR("{\"id\":\"GHSA-35jh-r3h4-6jhm\",\"modified\":\"2020-01-01T00:00:00Z\"}"));
    put(p, "b.json",
        STR("{\"id\":\"OTHER-1\",\"modified\":\"2024-05-01T00:00:00Z\","
            "\"withdrawn\":\"2024-05-01T00:00:00Z\"}"));
    put(p, "c.json",
        STR("{\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"2024-02-01T00:00:00Z\","
            "\"summary\":\"new\"}"));
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    str *ids;
    size_t count;
    value shown;
    assert_int_equal(advisories_list(p->a, v, STR_EMPTY, STR_EMPTY, &ids, &count, &e), 0);
    assert_int_equal(count, 2);
    assert_str(ids[0], "GHSA-35jh-r3h4-6jhm");
    assert_str(ids[1], "GHSA-aaaa-bbbb-cccc");
    assert_int_equal(advisories_show(p->a, v, ids[1], &shown, &e), 0);
    assert_str(value_path_str(&shown, "summary"), "new");
    assert_int_equal(advisories_show(p->a, v, STR("OTHER-1"), &shown, &e), ERR_NOT_FOUND);
    assert_int_equal(advisories_facts_of(v).kev_count, 2);
    advisories_matched got = match_one(p, v, PACKAGE("npm", "lodash", "4.17.20", ""), NULL);
    assert_int_equal(got.findings.count, 1);
    assert_int_equal(got.findings.items[0].level, LEVEL_HIGH);
}

static void a_file_that_is_wrong_is_refused_and_the_rest_goes_on(void **state) {
    place *p = *state;
    put(p, "a.json", str_from(lodash));
    put(p, "b.json", STR("{\"id\":"));
    put(p, "c.zip", STR("PK\3\4 and nothing"));
    put(p, "d.csv.gz", STR("\x1f\x8b\x08 cut"));
    put(p, "e.csv", STR("cve,epss,percentile\nnothing\n"));
    advisories_imported done = import(p);
    assert_int_equal(done.records, 1);
    assert_int_equal(done.refused_count, 4);
    const char *const expected[] = {"is no ZIP archive", "invalid JSON", "is cut off",
                                    "has no EPSS scores"};
    for (size_t i = 0; i < 4; i++) {
        if (str_find(done.refused[i].message, str_from(expected[i])) < 0)
            fail_msg("%s: %s", done.refused[i].path.ptr, done.refused[i].message.ptr);
    }
}

static void damage_is_told_and_mended_by_the_next_import(void **state) {
    place *p = *state;
    put_lodash(p);
    import(p);
    char *path = fs_join(p->a, p->store, STR("advisories.db"));
    str bytes;
    err e = {0};
    assert_int_equal(fs_read(p->a, path, 1 << 20, &bytes, &e), 0);
    for (size_t at = 0; at < bytes.len; at++) {
        advisories *v = NULL;
        ((char *)bytes.ptr)[at] ^= 1;
        assert_int_equal(fs_create(path, bytes, 0644, &e), 0);
        int r = advisories_open(p->store, &v, &e);
        if (r == 0) r = advisories_verify(v, &e);
        if (r != ERR_INVALID) fail_msg("byte %zu of %zu: %d", at, bytes.len, r);
        advisories_free(v);
        ((char *)bytes.ptr)[at] ^= 1;
    }
    ((char *)bytes.ptr)[bytes.len / 2] ^= 1;
    assert_int_equal(fs_create(path, bytes, 0644, &e), 0);
    assert_true(import(p).was_damaged);
    _cleanup_advisories_ advisories *v = open_store(p);
    assert_int_equal(advisories_verify(v, &e), 0);
    assert_int_equal(advisories_facts_of(v).record_count, 3);
}

/* ---- archives -------------------------------------------------------------------------------- */

static void number(strbuf *out, uint64_t n, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        strbuf_addc(out, (char)(n >> (8 * i)));
}

/* An archive of one stored file; `wide` with its sizes and places in ZIP64 fields. */
static void zip_of(strbuf *out, str name, str body, bool wide) {
    uint32_t crc = (uint32_t)crc32(0, (const Bytef *)body.ptr, (uInt)body.len);
    number(out, 0x04034B50, 4);
    number(out, 20, 2), number(out, 0, 2), number(out, 0, 2), number(out, 0, 4);
    number(out, crc, 4), number(out, body.len, 4), number(out, body.len, 4);
    number(out, name.len, 2), number(out, 0, 2);
    strbuf_add(out, name);
    strbuf_add(out, body);
    size_t at = out->len;
    number(out, 0x02014B50, 4);
    number(out, 20, 2), number(out, 20, 2), number(out, 0, 2), number(out, 0, 2), number(out, 0, 4);
    number(out, crc, 4), number(out, body.len, 4), number(out, wide ? 0xFFFFFFFF : body.len, 4);
    number(out, name.len, 2), number(out, wide ? 12 : 0, 2), number(out, 0, 2);
    number(out, 0, 2), number(out, 0, 2), number(out, 0, 4), number(out, 0, 4);
    strbuf_add(out, name);
    if (wide) number(out, 1, 2), number(out, 8, 2), number(out, body.len, 8);
    size_t size = out->len - at, end64 = out->len;
    if (wide) {
        number(out, 0x06064B50, 4), number(out, 44, 8), number(out, 45, 2), number(out, 45, 2);
        number(out, 0, 4), number(out, 0, 4), number(out, 1, 8), number(out, 1, 8);
        number(out, size, 8), number(out, at, 8);
        number(out, 0x07064B50, 4), number(out, 0, 4), number(out, end64, 8), number(out, 1, 4);
    }
    number(out, 0x06054B50, 4), number(out, 0, 4);
    number(out, wide ? 0xFFFF : 1, 2), number(out, wide ? 0xFFFF : 1, 2);
    number(out, wide ? 0xFFFFFFFF : size, 4), number(out, wide ? 0xFFFFFFFF : at, 4);
    number(out, 0, 2);
}

static void archives_are_read(void **state) {
    place *p = *state;
    _cleanup_strbuf_ strbuf plain = STRBUF_INIT, wide = STRBUF_INIT;
    zip_of(&plain, STR("a.json"), str_from(lodash), false);
    zip_of(&wide, STR("dir/b.json"), str_from(lodash_second), true);
    put(p, "plain.zip", strbuf_str(&plain));
    put(p, "wide.zip", strbuf_str(&wide));
    advisories_imported done = import(p);
    if (done.refused_count) fail_msg("%s", done.refused[0].message.ptr);
    assert_int_equal(done.records, 2);
}

static void an_archive_cut_anywhere_is_refused(void **state) {
    place *p = *state;
    _cleanup_strbuf_ strbuf wide = STRBUF_INIT;
    zip_of(&wide, STR("b.json"), STR("{\"id\":\"X\",\"modified\":\"2024-01-01\"}"), true);
    put(p, "a.json", str_from(lodash));
    for (size_t cut = 5; cut < wide.len; cut += 7) {
        put(p, "cut.zip", str_sub(strbuf_str(&wide), 0, cut));
        advisories_imported done = import(p);
        assert_int_equal(done.refused_count, 1);
    }
}

/* ---- VEX ------------------------------------------------------------------------------------- */

#define VEX_HEAD "{\"@context\":\"https://openvex.dev/ns/v0.2.0\",\"statements\":["
#define VEX_ONE(name, product, status, more)                                                       \
    "{\"vulnerability\":{\"name\":\"" name "\"},\"products\":[" product "],\"status\":\"" status   \
    "\"" more "}"

static const struct {
    const char *document;
    size_t findings; /* of lodash 4.17.20, which has two */
    const char *status;
} documents[] = {
    {VEX_HEAD VEX_ONE("CVE-2021-23337", "{\"@id\":\"pkg:npm/lodash@4.17.20\"}", "not_affected",
                      "") "]}",
     1, ""},
    {VEX_HEAD VEX_ONE("GHSA-35jh-r3h4-6jhm", "{\"@id\":\"pkg:npm/lodash\"}", "fixed", "") "]}", 1,
     ""},
    {VEX_HEAD VEX_ONE("OTHER-1", "\"pkg:npm/lodash@4.17.20?vcs_url=x\"", "not_affected", "") "]}",
     1, ""},
    {VEX_HEAD VEX_ONE("CVE-2021-23337", "{\"@id\":\"pkg:npm/lodash@4.17.19\"}", "not_affected",
                      "") "]}",
     2, ""},
    {VEX_HEAD VEX_ONE("CVE-2021-23337", "{\"@id\":\"pkg:npm/underscore\"}", "not_affected",
                      "") "]}",
     2, ""},
    {VEX_HEAD VEX_ONE("CVE-2021-23337",
                      "{\"@id\":\"our app\",\"subcomponents\":[{\"@id\":\"pkg:npm/lodash\"}]}",
                      "not_affected", "") "]}",
     1, ""},
    {VEX_HEAD VEX_ONE("CVE-2021-23337",
                      "{\"@id\":\"x\",\"identifiers\":{\"purl\":\"pkg:npm/lodash\"}}",
                      "under_investigation", "") "]}",
     2, "under_investigation"},
    /* the latest counts */
    {VEX_HEAD VEX_ONE("CVE-2021-23337", "{\"@id\":\"pkg:npm/lodash\"}", "affected",
                      ",\"timestamp\":\"2024-02-01T00:00:00Z\"") "," //
     VEX_ONE("CVE-2021-23337", "{\"@id\":\"pkg:npm/lodash\"}", "not_affected",
             ",\"timestamp\":\"2024-01-01T00:00:00Z\"") "]}",
     2, "affected"},
};

static void vex_statements_count(void **state) {
    place *p = *state;
    put_lodash(p);
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        vex *known = vex_new(p->a);
        err e = {0};
        if (vex_add(known, STR("f.json"), str_from(documents[i].document), &e) < 0)
            fail_msg("%s: %s", documents[i].document, e.message);
        advisories_matched got =
            match_one(p, v, PACKAGE("npm", "lodash", "4.17.20", "pkg:npm/lodash@4.17.20"), known);
        if (got.findings.count - got.suppressed != documents[i].findings)
            fail_msg("%s: %zu suppressed", documents[i].document, got.suppressed);
        assert_int_equal(got.findings.count, 2);
        const finding *f = &got.findings.items[0];
        assert_int_equal(f->suppressed, got.suppressed ? SUPPRESSED_EXTERNAL : SUPPRESSED_NOT);
        if (got.suppressed)
            assert_true(f->justification.len > 0);
        else
            assert_str(value_path_str(&f->properties, "vex.status"), documents[i].status);
    }
}

static const struct {
    const char *document, *message;
} broken[] = {
    {"{}", "f.json is no OpenVEX document"},
    {"{", "f.json: invalid JSON"},
    {VEX_HEAD VEX_ONE("X", "\"pkg:npm/x\"", "maybe", "") "]}", "has no status that OpenVEX knows"},
    {VEX_HEAD "{\"status\":\"fixed\"}]}", "names no vulnerability"},
};

static void a_broken_vex_document_is_an_error(void **state) {
    place *p = *state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        err e = {0};
        assert_int_equal(vex_add(vex_new(p->a), STR("f.json"), str_from(broken[i].document), &e),
                         ERR_INVALID);
        if (!strstr(e.message, broken[i].message)) fail_msg("%s", e.message);
    }
}

static void what_is_written_as_vex_is_read_again(void **state) {
    place *p = *state;
    put_lodash(p);
    import(p);
    _cleanup_advisories_ advisories *v = open_store(p);
    package one = PACKAGE("npm", "lodash", "4.17.20", "pkg:npm/lodash@4.17.20");
    advisories_matched got = match_one(p, v, one, NULL);
    vex_head head = {STR("team"), STR("2024-06-01T00:00:00Z"), STR("slipway scan"),
                     VEX_UNDER_INVESTIGATION};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    vex_write(&out, &got.findings, &head);
    vex *known = vex_new(p->a);
    err e = {0};
    if (vex_add(known, STR("f.json"), strbuf_str(&out), &e) < 0) fail_msg("%s", e.message);
    advisories_matched again = match_one(p, v, one, known);
    assert_int_equal(again.findings.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_str(value_path_str(&again.findings.items[i].properties, "vex.status"),
                   "under_investigation");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(aliases_are_one_finding_and_the_worst_counts),
        TEST(what_comes_out_of_a_repository_is_judged_by_its_commit),
        TEST(what_a_commit_is_judged_by_is_told),
        TEST(later_versions_of_cvss_count_before_earlier_ones_and_words),
        TEST(a_version_without_a_place_is_told),
        TEST(what_is_exploited_comes_first),
        TEST(importing_again_replaces_by_id),
        TEST(a_file_that_is_wrong_is_refused_and_the_rest_goes_on),
        TEST(damage_is_told_and_mended_by_the_next_import),
        TEST(archives_are_read),
        TEST(an_archive_cut_anywhere_is_refused),
        TEST(vex_statements_count),
        TEST(a_broken_vex_document_is_an_error),
        TEST(what_is_written_as_vex_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
