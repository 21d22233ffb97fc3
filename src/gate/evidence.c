#include "gate/evidence.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200

static const char *const kind_names[EVIDENCE_KIND_COUNT] = {"tests", "coverage", "findings",
                                                            "sbom",  "load",     "reviews"};

const char *evidence_kind_name(evidence_kind kind) {
    return kind_names[kind];
}

void metric(arena *a, value *metrics, const char *key, double n) {
    value_set(a, metrics, str_from(key), value_number(n));
}

bool metric_parse(str text, double *ret) {
    char digits[64];
    size_t n = 0;
    text = str_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ',') continue; /* of thousands */
        if (n == sizeof digits - 1) return false;
        digits[n++] = text.ptr[i];
    }
    digits[n] = '\0';
    char *end;
    *ret = strtod(digits, &end);
    return n && *end == '\0';
}

/* ---- formats -------------------------------------------------------------------------------- */

typedef struct xml_format {
    const char *root; /* the name of its root element */
    const char *mark; /* an attribute or child that it must have, or NULL */
    evidence_kind kind;
    int (*read)(arena *a, const xml_node *root, evidence *ev, err *e);
} xml_format;

static const xml_format xml_formats[] = {
    {"testsuites", NULL, EVIDENCE_TESTS, evidence_junit},
    {"testsuite", NULL, EVIDENCE_TESTS, evidence_junit},
    {"coverage", "line-rate", EVIDENCE_COVERAGE, evidence_cobertura},
    {"report", "counter", EVIDENCE_COVERAGE, evidence_jacoco},
};

typedef struct json_format {
    const char *marks[2]; /* keys that it has */
    evidence_kind kind;
    int (*read)(arena *a, const value *root, evidence *ev, err *e);
} json_format;

static const json_format json_formats[] = {
    {{"slipway_evidence", "metrics"}, EVIDENCE_TESTS, evidence_record},
    {{"runs", "version"}, EVIDENCE_FINDINGS, evidence_sarif},
    {{"tool", "findings"}, EVIDENCE_FINDINGS, evidence_scan},
    {{"meta", "totals"}, EVIDENCE_COVERAGE, evidence_coverage_py},
    {{"bomFormat", "specVersion"}, EVIDENCE_SBOM, evidence_cyclonedx},
    {{"spdxVersion", "packages"}, EVIDENCE_SBOM, evidence_spdx},
    {{"root_group", "metrics"}, EVIDENCE_LOAD, evidence_k6},
    {{"reviews", NULL}, EVIDENCE_REVIEWS, evidence_reviews},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define FORMATS                                                                                    \
    "JUnit XML, Cobertura, JaCoCo, lcov, coverage.py JSON, SARIF, 'slipway scan' JSON, "           \
    "CycloneDX, "                                                                                  \
    "SPDX, k6's summary, GitHub's reviews"

static int unknown(err *e) {
    return err_set(e, ERR_UNSUPPORTED, "this is no report that is known; known are " FORMATS);
}

static int read_xml(arena *a, str text, evidence *ev, err *e) {
    const char *file = arena_cstr(a, ev->path);
    xml_node *root;
    int r = xml_parse(a, text, file, NULL, &root, e);
    if (r < 0) return r;
    for (size_t i = 0; i < COUNT(xml_formats); i++) {
        const xml_format *f = &xml_formats[i];
        bool marked = !f->mark || xml_attribute_of(root, f->mark).ptr || xml_child(root, f->mark);
        if (!str_is(root->name, f->root) || !marked) continue;
        ev->kind = f->kind;
        return f->read(a, root, ev, e);
    }
    return unknown(e);
}

static bool has_key(const value *v, const char *key) {
    return !key || value_get(v, str_from(key));
}

/* As GitHub's API gives it; other tools' reports are lists of other things. */
static bool is_list_of_reviews(const value *list) {
    const value *first = list->array.count ? &list->array.items[0] : NULL;
    return !first || first->kind == VALUE_ARRAY || value_get(first, STR("state"));
}

static int read_json(arena *a, str text, evidence *ev, err *e) {
    value root;
    int r = json_parse(a, text, DEPTH_MAX, &root, e);
    if (r < 0) {
        e->where.file = arena_cstr(a, ev->path);
        return r;
    }
    if (root.kind == VALUE_ARRAY && is_list_of_reviews(&root)) {
        ev->kind = EVIDENCE_REVIEWS;
        return evidence_reviews(a, &root, ev, e);
    }
    for (size_t i = 0; i < COUNT(json_formats); i++) {
        const json_format *f = &json_formats[i];
        if (!has_key(&root, f->marks[0]) || !has_key(&root, f->marks[1])) continue;
        ev->kind = f->kind;
        return f->read(a, &root, ev, e);
    }
    return unknown(e);
}

/* Pages for people lie beside reports, and are no XML. */
static bool is_html(str start) {
    return str_eq_nocase(str_sub(start, 0, 14), STR("<!doctype html")) ||
           str_eq_nocase(str_sub(start, 0, 5), STR("<html"));
}

int evidence_read(arena *a, str text, const char *path, evidence *ret, err *e) {
    *ret = (evidence){.path = arena_str(a, str_from(path))};
    if (text.len > EVIDENCE_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "larger than %u MiB", EVIDENCE_BYTES_MAX >> 20);
    str start = str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
    start = str_trim(str_sub(start, 0, start.len));
    if (is_html(start)) return unknown(e);
    if (str_starts(start, STR("<"))) return read_xml(a, text, ret, e);
    if (str_starts(start, STR("{")) || str_starts(start, STR("[")))
        return read_json(a, start, ret, e);
    if (str_starts(start, STR("TN:")) || str_starts(start, STR("SF:"))) {
        ret->kind = EVIDENCE_COVERAGE;
        return evidence_lcov(a, text, ret, e);
    }
    return unknown(e);
}

bool evidence_is_about(const evidence *ev, str commit, str artifact) {
    if (ev->commit.len && !str_eq_nocase(ev->commit, commit)) return false;
    if (!ev->artifact.len || str_eq_nocase(ev->artifact, artifact)) return true;
    /* An artifact of this commit is as good as the commit, where none is asked for. */
    return ev->commit.len && !artifact.len;
}

/* ---- records -------------------------------------------------------------------------------- */

void evidence_write(json_out *o, const evidence *ev) {
    json_open(o, '{');
    json_key_number(o, "slipway_evidence", 1);
    json_key_str(o, "kind", str_from(evidence_kind_name(ev->kind)));
    json_key(o, "subject");
    json_open(o, '{');
    if (ev->commit.len) json_key_str(o, "commit", ev->commit);
    if (ev->artifact.len) json_key_str(o, "artifact", ev->artifact);
    json_close(o, '}');
    if (ev->tool.len) json_key_str(o, "tool", ev->tool);
    if (ev->time.len) json_key_str(o, "time", ev->time);
    json_key(o, "report");
    json_open(o, '{');
    json_key_str(o, "path", ev->path);
    json_key_str(o, "sha256", ev->sha256);
    json_close(o, '}');
    json_key(o, "metrics");
    json_put_value(o, &ev->metrics);
    json_close(o, '}');
}

static bool is_of(const value *metrics, const char *key, value_kind kind) {
    const value *v = value_get(metrics, str_from(key));
    return v && v->kind == kind;
}

/* What a record of a kind must say; what it does not would be taken for 0. */
static int check_metrics(evidence_kind kind, const value *metrics, err *e) {
    static const struct {
        const char *numbers[8], *arrays[3], *object;
    } needs[EVIDENCE_KIND_COUNT] = {
        [EVIDENCE_TESTS] = {{"total", "passed", "failed", "errors", "skipped"},
                            {"names", "failed_names"},
                            NULL},
        [EVIDENCE_COVERAGE] = {{"lines_covered", "lines_total"}, {0}, "files"},
        [EVIDENCE_FINDINGS] = {{"critical", "high", "medium", "low", "info", "total", "errors"},
                               {"list"},
                               "kinds"},
        [EVIDENCE_SBOM] = {{"components", "unlicensed"}, {0}, NULL},
        [EVIDENCE_LOAD] = {{0}, {0}, NULL},
        [EVIDENCE_REVIEWS] = {{0}, {0}, "latest"},
    };
    const char *wrong = NULL;
    for (size_t i = 0; i < 8 && needs[kind].numbers[i]; i++)
        wrong =
            is_of(metrics, needs[kind].numbers[i], VALUE_NUMBER) ? wrong : needs[kind].numbers[i];
    for (size_t i = 0; i < 3 && needs[kind].arrays[i]; i++)
        wrong = is_of(metrics, needs[kind].arrays[i], VALUE_ARRAY) ? wrong : needs[kind].arrays[i];
    if (needs[kind].object && !is_of(metrics, needs[kind].object, VALUE_OBJECT))
        wrong = needs[kind].object;
    if (wrong)
        return err_set(e, ERR_INVALID, "the record says nothing, or no such thing, of '%s'", wrong);
    return kind == EVIDENCE_FINDINGS ? evidence_check_findings(metrics, e) : 0;
}

int evidence_record(arena *a, const value *root, evidence *ev, err *e) {
    (void)a;
    const value *version = value_get(root, STR("slipway_evidence")),
                *metrics = value_get(root, STR("metrics"));
    str kind = value_path_str(root, "kind");
    size_t k = 0;
    while (k < EVIDENCE_KIND_COUNT && !str_is(kind, kind_names[k]))
        k++;
    if (version->kind != VALUE_NUMBER || version->number != 1)
        return err_set(e, ERR_UNSUPPORTED, "a record of evidence of an unknown version");
    if (k == EVIDENCE_KIND_COUNT)
        return err_set(e, ERR_INVALID, "'%.*s' is no kind of evidence", STR_ARG(kind));
    if (metrics->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "the metrics of a record are no object");
    ev->kind = (evidence_kind)k;
    if (check_metrics(ev->kind, metrics, e) < 0) return e->code;
    ev->commit = value_path_str(root, "subject.commit");
    ev->artifact = value_path_str(root, "subject.artifact");
    ev->tool = value_path_str(root, "tool");
    ev->time = value_path_str(root, "time");
    ev->path = value_path_str(root, "report.path");
    ev->sha256 = value_path_str(root, "report.sha256");
    ev->metrics = *metrics;
    return 0;
}
