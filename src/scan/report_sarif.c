/* report_sarif.c: SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/) as GitHub's code
 * scanning reads it (https://docs.github.com/en/code-security/reference/code-scanning/sarif-files).
 *
 * GitHub takes the severity of an alert from its rule, so a rule has that of its worst finding. */
#include "scan/report.h"

#include "scan/baseline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SNIPPET_MAX 2000
#define HELP_MAX    10000

/* What is written of a report: its findings within the limits, and their rules, sorted by id. */
typedef struct sarif {
    arena *a;
    json_out o;
    const report_head *head;
    const finding **results;
    size_t result_count, left_out;
    const finding **rules; /* the worst finding of each */
    size_t rule_count;
} sarif;

static const char *const levels[GRADE_COUNT] = {"error", "warning", "note"};

/* ---- choosing -------------------------------------------------------------------------------- */

static int by_place(const void *x, const void *y) {
    return finding_cmp(*(const finding *const *)x, *(const finding *const *)y);
}

static int by_level(const void *x, const void *y) {
    return finding_cmp_level(*(const finding *const *)x, *(const finding *const *)y);
}

static int by_rule(const void *x, const void *y) {
    const finding *a = *(const finding *const *)x, *b = *(const finding *const *)y;
    int r = str_cmp(a->rule, b->rule);
    return r ? r : finding_cmp_level(a, b);
}

/* More than a result takes for its keys and what it says twice. */
static size_t cost_of(const finding *f) {
    size_t snippet = f->excerpt.len < SNIPPET_MAX ? f->excerpt.len : SNIPPET_MAX;
    return 1000 + 2 * (f->message.len + f->fix.len + f->path.len + snippet) + f->justification.len;
}

static void take(sarif *s, const finding_list *from) {
    for (size_t i = 0; i < from->count; i++)
        s->results[s->result_count++] = &from->items[i];
}

static void choose_results(sarif *s, const scan_report *r) {
    bool all = s->head->show_suppressed;
    size_t count = r->findings.count + (all ? r->suppressed.count : 0), bytes = 0, kept = 0;
    s->results = ARENA_ARRAY(s->a, const finding *, count);
    take(s, &r->findings);
    if (all) take(s, &r->suppressed);
    if (!count) return;
    qsort(s->results, count, sizeof *s->results, by_level);
    while (kept < count && kept < REPORT_SARIF_RESULTS_MAX &&
           (bytes += cost_of(s->results[kept])) <= REPORT_SARIF_BYTES_MAX)
        kept++;
    s->result_count = kept;
    s->left_out = count - kept;
    if (kept) qsort(s->results, kept, sizeof *s->results, by_place);
}

static void choose_rules(sarif *s) {
    size_t count = s->result_count;
    s->rules = ARENA_ARRAY(s->a, const finding *, count);
    if (!count) return;
    memcpy(s->rules, s->results, count * sizeof *s->rules);
    qsort(s->rules, count, sizeof *s->rules, by_rule);
    for (size_t i = 0; i < count; i++) {
        bool same = s->rule_count && str_eq(s->rules[s->rule_count - 1]->rule, s->rules[i]->rule);
        if (!same) s->rules[s->rule_count++] = s->rules[i];
    }
}

/* ---- parts ------------------------------------------------------------------------------------
 */

/* At most `max` bytes, cut between two characters. */
static str cut(arena *a, str text, size_t max) {
    if (text.len <= max) return text;
    size_t end = max - 3;
    while (end && ((unsigned char)text.ptr[end] & 0xC0) == 0x80)
        end--;
    return arena_printf(a, "%.*s...", (int)end, text.ptr);
}

static void key_text(sarif *s, const char *key, str text, size_t max) {
    json_key(&s->o, key);
    json_open(&s->o, '{');
    json_key_str(&s->o, "text", cut(s->a, text, max));
    json_close(&s->o, '}');
}

static void key_bool(sarif *s, const char *key, bool b) {
    value v = value_bool(b);
    json_key(&s->o, key);
    json_put_value(&s->o, &v);
}

/* A path as a relative URI reference. */
static void put_artifact(sarif *s, str path) {
    _cleanup_strbuf_ strbuf uri = STRBUF_INIT;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (isalnum(c) || (c && strchr("/-._~", c)))
            strbuf_addc(&uri, (char)c);
        else
            strbuf_addf(&uri, "%%%02X", c);
    }
    json_key(&s->o, "artifactLocation");
    json_open(&s->o, '{');
    json_key_str(&s->o, "uri", strbuf_str(&uri));
    json_close(&s->o, '}');
}

static void put_region(sarif *s, const finding *f) {
    json_key(&s->o, "region");
    json_open(&s->o, '{');
    json_key_number(&s->o, "startLine", f->line);
    if (f->column) json_key_number(&s->o, "startColumn", f->column);
    if (f->end_line) json_key_number(&s->o, "endLine", f->end_line);
    if (f->end_line && f->end_column) json_key_number(&s->o, "endColumn", f->end_column);
    json_close(&s->o, '}');
    if (!f->excerpt.len || !f->column) return;
    json_key(&s->o, "contextRegion");
    json_open(&s->o, '{');
    json_key_number(&s->o, "startLine", f->line);
    json_key_number(&s->o, "endLine", f->end_line ? f->end_line : f->line);
    key_text(s, "snippet", f->excerpt, SNIPPET_MAX);
    json_close(&s->o, '}');
}

static void put_place(sarif *s, const finding *f, str message) {
    json_open(&s->o, '{');
    json_key(&s->o, "physicalLocation");
    json_open(&s->o, '{');
    put_artifact(s, f->path);
    if (f->line) put_region(s, f);
    json_close(&s->o, '}');
    if (message.len) key_text(s, "message", message, REPORT_SARIF_TEXT_MAX);
    json_close(&s->o, '}');
}

static uint32_t number_of(const value *v, const char *key) {
    const value *n = value_get(v, str_from(key));
    return n && n->kind == VALUE_NUMBER && n->number > 0 && n->number < UINT32_MAX
               ? (uint32_t)n->number
               : 0;
}

/* properties.related: [{path, line, column, message}] */
static void put_related(sarif *s, const finding *f) {
    const value *related = value_get(&f->properties, STR("related"));
    if (!related || related->kind != VALUE_ARRAY || !related->array.count) return;
    json_key(&s->o, "relatedLocations");
    json_open(&s->o, '[');
    for (size_t i = 0; i < related->array.count && i + 1 < REPORT_SARIF_PLACES_MAX; i++) {
        const value *v = &related->array.items[i];
        finding place = {.path = value_path_str(v, "path"),
                         .line = number_of(v, "line"),
                         .column = number_of(v, "column")};
        str message = value_path_str(v, "message");
        put_place(s, &place, message);
    }
    json_close(&s->o, ']');
}

/* ---- rules -------------------------------------------------------------------------------------
 */

/* The middle of what GitHub calls so: over 9.0 is critical, from 7.0 high, from 4.0 medium. */
static const char *const severities[LEVEL_COUNT] = {"9.5", "8.0", "5.5", "2.0", "0.0"};

static void put_tags(sarif *s, const finding *f) {
    const value *tags = value_get(&f->properties, STR("tags"));
    size_t count = 2;
    json_key(&s->o, "tags");
    json_open(&s->o, '[');
    json_put_str(&s->o, STR("security"));
    json_put_str(&s->o, f->kind);
    for (size_t i = 0; tags && tags->kind == VALUE_ARRAY && i < tags->array.count; i++) {
        const value *tag = &tags->array.items[i];
        if (tag->kind != VALUE_STRING || count++ >= REPORT_SARIF_TAGS_MAX) continue;
        json_put_str(&s->o, tag->string);
    }
    json_close(&s->o, ']');
}

static void put_help(sarif *s, str help, str uri) {
    json_key(&s->o, "help");
    json_open(&s->o, '{');
    json_key_str(&s->o, "text", cut(s->a, help, HELP_MAX));
    if (uri.len)
        json_key_str(&s->o, "markdown",
                     arena_printf(s->a, "%.*s\n\n[More about this](%.*s)",
                                  STR_ARG(cut(s->a, help, HELP_MAX)), STR_ARG(uri)));
    json_close(&s->o, '}');
}

static void put_level(sarif *s, finding_level level) {
    json_key(&s->o, "defaultConfiguration");
    json_open(&s->o, '{');
    json_key_str(&s->o, "level", str_from(levels[report_grade_of(level)]));
    json_close(&s->o, '}');
}

static void put_rule(sarif *s, const finding *f) {
    str title = f->title.len ? f->title : f->rule;
    json_open(&s->o, '{');
    json_key_str(&s->o, "id", f->rule);
    key_text(s, "shortDescription", title, REPORT_SARIF_TEXT_MAX);
    key_text(s, "fullDescription", title, REPORT_SARIF_TEXT_MAX);
    if (f->help.len) put_help(s, f->help, f->help_uri);
    if (str_starts(f->help_uri, STR("https://")) || str_starts(f->help_uri, STR("http://")))
        json_key_str(&s->o, "helpUri", f->help_uri);
    put_level(s, f->level);
    if (s->head->security) {
        json_key(&s->o, "properties");
        json_open(&s->o, '{');
        json_key_str(&s->o, "security-severity", str_from(severities[f->level]));
        put_tags(s, f);
        json_close(&s->o, '}');
    }
    json_close(&s->o, '}');
}

static void put_given_rule(sarif *s, const report_rule *rule) {
    json_open(&s->o, '{');
    json_key_str(&s->o, "id", str_from(rule->id));
    key_text(s, "shortDescription", str_from(rule->title), REPORT_SARIF_TEXT_MAX);
    if (rule->help) put_help(s, str_from(rule->help), STR_EMPTY);
    put_level(s, rule->level);
    json_close(&s->o, '}');
}

static void put_rules(sarif *s) {
    json_key(&s->o, "rules");
    json_open(&s->o, '[');
    for (size_t i = 0; i < s->head->rule_count; i++)
        put_given_rule(s, &s->head->rules[i]);
    for (size_t i = 0; !s->head->rules && i < s->rule_count; i++)
        put_rule(s, s->rules[i]);
    json_close(&s->o, ']');
}

/* The place of a rule in the list, or its length. */
static size_t rule_index(const sarif *s, str rule, size_t *ret_count) {
    *ret_count = s->head->rules ? s->head->rule_count : s->rule_count;
    for (size_t i = 0; s->head->rules && i < s->head->rule_count; i++) {
        if (str_is(rule, s->head->rules[i].id)) return i;
    }
    if (s->head->rules) return *ret_count;
    size_t low = 0, high = s->rule_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(s->rules[middle]->rule, rule) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- results -----------------------------------------------------------------------------------
 */

static void put_fingerprints(sarif *s, const finding *f) {
    if (f->line_hash.len) {
        json_key(&s->o, "partialFingerprints");
        json_open(&s->o, '{');
        json_key_str(&s->o, "primaryLocationLineHash", f->line_hash);
        json_close(&s->o, '}');
    }
    if (!f->fingerprint.len) return;
    json_key(&s->o, "fingerprints");
    json_open(&s->o, '{');
    json_key_str(&s->o, BASELINE_FINGERPRINT, f->fingerprint);
    json_close(&s->o, '}');
}

static void put_suppression(sarif *s, const finding *f) {
    static const char *const kinds[SUPPRESSED_COUNT] = {"", "inSource", "external"};
    json_key(&s->o, "suppressions");
    json_open(&s->o, '[');
    json_open(&s->o, '{');
    json_key_str(&s->o, "kind", str_from(kinds[f->suppressed]));
    json_key_str(&s->o, "status", STR("accepted"));
    if (f->justification.len) json_key_str(&s->o, "justification", f->justification);
    json_close(&s->o, '}');
    json_close(&s->o, ']');
}

/* Who brought it in, and what the scanner says besides. */
static void put_properties(sarif *s, const finding *f) {
    json_key(&s->o, "properties");
    json_open(&s->o, '{');
    json_key_str(&s->o, "kind", f->kind);
    json_key_str(&s->o, "level", str_from(level_name(f->level)));
    if (f->verified.len) json_key_str(&s->o, "verified", f->verified);
    str why = value_path_str(&f->properties, "verification");
    if (why.len) json_key_str(&s->o, "verification", why);
    if (f->commit.len) json_key_str(&s->o, "commit", f->commit);
    if (f->author.len) json_key_str(&s->o, "author", f->author);
    if (f->date.len) json_key_str(&s->o, "date", f->date);
    json_close(&s->o, '}');
}

static void put_result(sarif *s, const finding *f) {
    size_t count, index = rule_index(s, f->rule, &count);
    json_open(&s->o, '{');
    json_key_str(&s->o, "ruleId", f->rule);
    if (index < count) json_key_number(&s->o, "ruleIndex", (double)index);
    json_key_str(&s->o, "level", str_from(levels[report_grade_of(f->level)]));
    str text = f->message.len ? f->message : f->rule;
    if (f->fix.len) text = arena_printf(s->a, "%.*s. %.*s", STR_ARG(text), STR_ARG(f->fix));
    key_text(s, "message", text, 4 * REPORT_SARIF_TEXT_MAX);
    if (f->path.len) {
        json_key(&s->o, "locations");
        json_open(&s->o, '[');
        put_place(s, f, STR_EMPTY);
        json_close(&s->o, ']');
    }
    put_related(s, f);
    put_fingerprints(s, f);
    if (f->suppressed) put_suppression(s, f);
    if (s->head->security) put_properties(s, f);
    json_close(&s->o, '}');
}

/* ---- the run -----------------------------------------------------------------------------------
 */

static void put_notification(sarif *s, const char *level, str text, const scan_error *error) {
    json_open(&s->o, '{');
    json_key_str(&s->o, "level", str_from(level));
    key_text(s, "message", text, 4 * REPORT_SARIF_TEXT_MAX);
    if (error && error->path.len) {
        finding place = {.path = error->path, .line = error->line, .column = error->column};
        json_key(&s->o, "locations");
        json_open(&s->o, '[');
        put_place(s, &place, STR_EMPTY);
        json_close(&s->o, ']');
    }
    json_close(&s->o, '}');
}

static void put_invocation(sarif *s, const scan_report *r) {
    json_key(&s->o, "invocations");
    json_open(&s->o, '[');
    json_open(&s->o, '{');
    key_bool(s, "executionSuccessful", r->errors.count == 0);
    json_key(&s->o, "toolExecutionNotifications");
    json_open(&s->o, '[');
    for (size_t i = 0; i < r->errors.count && i < REPORT_SARIF_RESULTS_MAX; i++)
        put_notification(s, "error", r->errors.items[i].message, &r->errors.items[i]);
    for (size_t i = 0; i < r->warnings.count && i < REPORT_SARIF_RESULTS_MAX; i++)
        put_notification(s, "warning", r->warnings.items[i].message, &r->warnings.items[i]);
    if (s->left_out)
        put_notification(s, "warning",
                         arena_printf(s->a,
                                      "%zu findings are left out, because GitHub takes no more "
                                      "than %d in a file; the worst are here",
                                      s->left_out, REPORT_SARIF_RESULTS_MAX),
                         NULL);
    json_close(&s->o, ']');
    json_close(&s->o, '}');
    json_close(&s->o, ']');
}

/* "git@host:owner/name" is how git writes ssh://git@host/owner/name. */
static str remote_uri(arena *a, str remote) {
    if (str_find(remote, STR("://")) >= 0) return remote;
    str host, path;
    if (!str_cut(remote, ':', &host, &path) || str_find_char(host, '/') >= 0) return STR_EMPTY;
    return arena_printf(a, "ssh://%.*s/%.*s", STR_ARG(host), STR_ARG(path));
}

static void put_provenance(sarif *s) {
    str uri = remote_uri(s->a, s->head->remote);
    if (!s->head->commit.len || !uri.len) return;
    json_key(&s->o, "versionControlProvenance");
    json_open(&s->o, '[');
    json_open(&s->o, '{');
    json_key_str(&s->o, "repositoryUri", uri);
    json_key_str(&s->o, "revisionId", s->head->commit);
    if (s->head->branch.len) json_key_str(&s->o, "branch", s->head->branch);
    json_close(&s->o, '}');
    json_close(&s->o, ']');
}

static void put_tool(sarif *s) {
    json_key(&s->o, "tool");
    json_open(&s->o, '{');
    json_key(&s->o, "driver");
    json_open(&s->o, '{');
    json_key_str(&s->o, "name", str_from(s->head->tool));
    json_key_str(&s->o, "semanticVersion", STR(SLIPWAY_VERSION));
    put_rules(s);
    json_close(&s->o, '}');
    json_close(&s->o, '}');
}

/* For whoever judges the report: what was looked for, and so is known to be absent. */
static void put_kinds(sarif *s, const scan_report *r) {
    if (!s->head->kind_count && !s->head->policy_count) return;
    json_key(&s->o, "properties");
    json_open(&s->o, '{');
    json_key(&s->o, "kinds");
    json_open(&s->o, '[');
    for (size_t i = 0; i < s->head->kind_count; i++)
        json_put_str(&s->o, str_from(s->head->kinds[i]));
    json_close(&s->o, ']');
    report_policy_write(&s->o, s->head);
    json_key_number(&s->o, "suppressed", (double)s->head->suppressed);
    json_key_number(&s->o, "vex", (double)report_vex_count(r));
    json_close(&s->o, '}');
}

static void put_run(sarif *s, const scan_report *r) {
    json_open(&s->o, '{');
    put_tool(s);
    if (s->head->category.len) {
        json_key(&s->o, "automationDetails");
        json_open(&s->o, '{');
        json_key_str(&s->o, "id", arena_printf(s->a, "%.*s/", STR_ARG(s->head->category)));
        json_close(&s->o, '}');
    }
    put_provenance(s);
    put_invocation(s, r);
    json_key_str(&s->o, "columnKind", STR("unicodeCodePoints"));
    put_kinds(s, r);
    json_key(&s->o, "results");
    json_open(&s->o, '[');
    for (size_t i = 0; i < s->result_count; i++)
        put_result(s, s->results[i]);
    json_close(&s->o, ']');
    json_close(&s->o, '}');
}

size_t report_sarif(strbuf *out, const scan_report *r, const report_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    sarif s = {.a = a, .o = JSON_OUT(out), .head = head};
    choose_results(&s, r);
    choose_rules(&s);
    json_open(&s.o, '{');
    json_key_str(&s.o, "$schema", STR("https://json.schemastore.org/sarif-2.1.0.json"));
    json_key_str(&s.o, "version", STR("2.1.0"));
    json_key(&s.o, "runs");
    json_open(&s.o, '[');
    put_run(&s, r);
    json_close(&s.o, ']');
    json_close(&s.o, '}');
    strbuf_addc(out, '\n');
    return s.left_out;
}
