#include "scan/baseline.h"

#include "base/hash.h"
#include "base/table.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 100

typedef struct mark {
    uint8_t bytes[16];
} mark;

struct baseline {
    arena *a;
    mark *marks;
    size_t count, cap;
    table_index table;
};

/* ---- a set of marks ---------------------------------------------------------------------------
 */

static mark mark_of(const char *how, str x, str y, str z) {
    uint8_t digest[32];
    sha256 *h = sha256_new();
    const str parts[] = {str_from(how), x, y, z};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sha256_add(h, parts[i].ptr, parts[i].len);
        sha256_add(h, "", 1);
    }
    sha256_end(h, digest);
    mark m;
    memcpy(m.bytes, digest, sizeof m.bytes);
    return m;
}

/* Marks are digests. */
static uint64_t hash_of(const mark *m) {
    uint64_t hash;
    memcpy(&hash, m->bytes, sizeof hash);
    return hash;
}

static uint64_t hash_at(const void *owner, size_t index) {
    const baseline *b = owner;
    return hash_of(&b->marks[index]);
}

static bool has(const baseline *b, mark m) {
    size_t at = table_begin(&b->table, hash_of(&m));
    for (uint32_t i; table_next(&b->table, &at, &i);) {
        if (memcmp(&b->marks[i], &m, sizeof m) == 0) return true;
    }
    return false;
}

static void add(baseline *b, mark m) {
    if (has(b, m)) return;
    ARENA_PUSH(b->a, b->marks, b->count, b->cap, m);
    table_add(&b->table, b->a, b->count - 1, hash_at, b);
}

baseline *baseline_new(arena *a) {
    baseline *b = ARENA_NEW(a, baseline);
    b->a = a;
    return b;
}

/* ---- what a report says of a finding --------------------------------------------------------- */

static mark by_fingerprint(str fingerprint) {
    return mark_of("fingerprint", fingerprint, STR_EMPTY, STR_EMPTY);
}

static mark by_hash(str rule, str path, str hash) {
    return mark_of("hash", rule, path, hash);
}

static mark by_line(str rule, str path, double line) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.0f", line < 0 || line > UINT32_MAX ? 0 : line);
    return mark_of("line", rule, path, (str){digits, (size_t)n});
}

static double number_at(const value *object, const char *dotted) {
    const value *v = value_path(object, dotted);
    return v && v->kind == VALUE_NUMBER ? v->number : 0;
}

static str plain_path(str path) {
    while (str_starts(path, STR("./")))
        path = str_sub(path, 2, path.len);
    return path;
}

/* A relative URI reference as a path. */
static str uri_path(arena *a, str uri) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < uri.len; i++) {
        uint64_t byte;
        if (uri.ptr[i] == '%' && i + 2 < uri.len &&
            str_to_bits(str_sub(uri, i + 1, i + 3), 16, &byte)) {
            strbuf_addc(&out, (char)byte);
            i += 2;
        } else {
            strbuf_addc(&out, uri.ptr[i]);
        }
    }
    return plain_path(arena_str(a, strbuf_str(&out)));
}

/* ---- our JSON ----------------------------------------------------------------------------------
 */

static int read_ours(baseline *b, const value *findings, err *e) {
    for (size_t i = 0; i < value_count(findings); i++) {
        finding f;
        if (finding_read(b->a, &findings->array.items[i], &f, e) < 0)
            return err_context(e, "finding %zu", i + 1);
        add(b, by_fingerprint(f.fingerprint));
    }
    return 0;
}

/* ---- SARIF -------------------------------------------------------------------------------------
 */

/* The id of a result's rule stands in it, or at its index in the tool's list. */
static str rule_of(const value *run, const value *result) {
    str id = value_path_str(result, "ruleId");
    if (!id.len) id = value_path_str(result, "rule.id");
    const value *rules = value_path(run, "tool.driver.rules");
    double index = number_at(result, "ruleIndex");
    if (id.len || !rules || index < 0 || index >= (double)value_count(rules)) return id;
    return rules->kind == VALUE_ARRAY ? value_path_str(&rules->array.items[(size_t)index], "id")
                                      : id;
}

static void read_result(baseline *b, const value *run, const value *result) {
    const value *places = value_get(result, STR("locations")),
                *prints = value_get(result, STR("partialFingerprints"));
    str ours = value_path_str(result, "fingerprints." BASELINE_FINGERPRINT);
    str hash = prints ? value_path_str(prints, "primaryLocationLineHash") : STR_EMPTY;
    if (str_is(value_path_str(result, "baselineState"), "absent")) return;
    if (ours.len) {
        add(b, by_fingerprint(ours));
        return;
    }
    if (!places || places->kind != VALUE_ARRAY || !places->array.count) return;
    const value *place = &places->array.items[0];
    str rule = rule_of(run, result),
        path = uri_path(b->a, value_path_str(place, "physicalLocation.artifactLocation.uri"));
    add(b, hash.len ? by_hash(rule, path, hash)
                    : by_line(rule, path, number_at(place, "physicalLocation.region.startLine")));
}

static int read_sarif(baseline *b, const value *runs, err *e) {
    for (size_t i = 0; i < value_count(runs); i++) {
        const value *run = &runs->array.items[i], *results = value_get(run, STR("results"));
        if (!results || results->kind == VALUE_NULL) continue;
        if (results->kind != VALUE_ARRAY)
            return err_set(e, ERR_INVALID, "'results' of its run %zu is no list", i + 1);
        for (size_t j = 0; j < results->array.count; j++)
            read_result(b, run, &results->array.items[j]);
    }
    return 0;
}

/* ---- gitleaks' JSON
 * ------------------------------------------------------------------------------ */

static int read_gitleaks(baseline *b, const value *list, err *e) {
    for (size_t i = 0; i < value_count(list); i++) {
        const value *v = &list->array.items[i];
        str rule = value_path_str(v, "RuleID"), file = value_path_str(v, "File");
        if (!rule.len || !file.len)
            return err_set(e, ERR_INVALID,
                           "item %zu is no finding of gitleaks: it lacks RuleID or File", i + 1);
        add(b, by_line(rule, plain_path(file), number_at(v, "StartLine")));
    }
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

int baseline_read(baseline *b, str text, err *e) {
    value root;
    if (json_parse(b->a, text, DEPTH_MAX, &root, e) < 0) return e->code;
    const value *runs = value_get(&root, STR("runs")),
                *findings = value_get(&root, STR("findings"));
    if (root.kind == VALUE_ARRAY) return read_gitleaks(b, &root, e);
    if (runs && runs->kind == VALUE_ARRAY) return read_sarif(b, runs, e);
    if (findings && findings->kind == VALUE_ARRAY) return read_ours(b, findings, e);
    return err_set(e, ERR_INVALID,
                   "it is no report of findings: expected 'slipway scan --format json', SARIF, or "
                   "gitleaks' JSON");
}

void baseline_add(baseline *b, const finding_list *findings) {
    for (size_t i = 0; i < findings->count; i++)
        add(b, by_fingerprint(findings->items[i].fingerprint));
}

bool baseline_has(const baseline *b, const finding *f) {
    return has(b, by_fingerprint(f->fingerprint)) ||
           (f->line_hash.len && has(b, by_hash(f->rule, f->path, f->line_hash))) ||
           has(b, by_line(f->rule, f->path, f->line));
}

size_t baseline_apply(const baseline *b, finding_list *findings) {
    size_t kept = 0, count = findings->count;
    for (size_t i = 0; i < count; i++) {
        if (!baseline_has(b, &findings->items[i])) findings->items[kept++] = findings->items[i];
    }
    findings->count = kept;
    return count - kept;
}
