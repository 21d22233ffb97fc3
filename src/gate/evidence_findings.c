/* What scanners found: SARIF of any tool, and our own JSON. */
#include "gate/evidence.h"
#include "scan/scan.h"

#include <string.h>

typedef struct found {
    arena *a;
    uint64_t levels[LEVEL_COUNT], errors;
    value kinds; /* {kind: count}: a kind that ran and found nothing is 0 */
    value list;  /* [{fingerprint, level, kind, rule, path, line, message}] */
    err *e;
} found;

static found found_new(arena *a, err *e) {
    return (found){.a = a, .kinds = value_object_new(a, true), .list = value_array_new(a), .e = e};
}

static void count_kind(found *f, str kind, unsigned more) {
    const value *known = value_get(&f->kinds, kind);
    value_set(f->a, &f->kinds, kind, value_number((known ? known->number : 0) + more));
}

static int add(found *f, const finding *x) {
    value one = value_object_new(f->a, true);
    if (f->list.array.count == SCAN_FINDINGS_MAX)
        return err_set(f->e, ERR_LIMIT, "more than %d findings", SCAN_FINDINGS_MAX);
    if (!x->fingerprint.len)
        return err_set(f->e, ERR_INVALID, "finding %zu has no fingerprint",
                       f->list.array.count + 1);
    value_set_str(f->a, &one, "fingerprint", x->fingerprint);
    value_set_str(f->a, &one, "level", str_from(level_name(x->level)));
    value_set_str(f->a, &one, "kind", x->kind);
    value_set_str(f->a, &one, "rule", x->rule);
    value_set_str(f->a, &one, "path", x->path);
    metric(f->a, &one, "line", x->line);
    value_set_str(f->a, &one, "message", x->message);
    value_push(f->a, &f->list, one);
    f->levels[x->level]++;
    count_kind(f, x->kind, 1);
    return 0;
}

static void finish(found *f, evidence *ev) {
    ev->metrics = value_object_new(f->a, true);
    for (finding_level l = 0; l < LEVEL_COUNT; l++)
        metric(f->a, &ev->metrics, level_name(l), (double)f->levels[l]);
    metric(f->a, &ev->metrics, "total", (double)f->list.array.count);
    metric(f->a, &ev->metrics, "errors", (double)f->errors);
    value_set(f->a, &ev->metrics, STR("kinds"), f->kinds);
    value_set(f->a, &ev->metrics, STR("list"), f->list);
}

int evidence_check_findings(const value *metrics, err *e) {
    const value *list = value_get(metrics, STR("list")), *kinds = value_get(metrics, STR("kinds"));
    for (size_t i = 0; i < list->array.count; i++) {
        const value *f = &list->array.items[i];
        finding_level level;
        str kind = value_path_str(f, "kind");
        if (!level_parse(value_path_str(f, "level"), &level) || !value_get(kinds, kind) ||
            !value_path_str(f, "fingerprint").len)
            return err_set(e, ERR_INVALID,
                           "finding %zu of the record has no fingerprint, no level, or a kind that "
                           "its 'kinds' have not",
                           i + 1);
    }
    return 0;
}

/* ---- slipway scan ---------------------------------------------------------------------------- */

int evidence_scan(arena *a, const value *root, evidence *ev, err *e) {
    found f = found_new(a, e);
    const value *kinds = value_get(root, STR("kinds")),
                *findings = value_get(root, STR("findings"));
    ev->tool = arena_printf(a, "%.*s %.*s", STR_ARG(value_path_str(root, "tool")),
                            STR_ARG(value_path_str(root, "version")));
    ev->commit = value_path_str(root, "commit");
    f.errors = value_count(value_get(root, STR("errors")));
    for (size_t i = 0; kinds && kinds->kind == VALUE_ARRAY && i < kinds->array.count; i++) {
        if (kinds->array.items[i].kind == VALUE_STRING)
            count_kind(&f, kinds->array.items[i].string, 0);
    }
    if (findings->kind != VALUE_ARRAY) return err_set(e, ERR_INVALID, "'findings' is no array");
    for (size_t i = 0; i < findings->array.count; i++) {
        finding x;
        if (finding_read(a, &findings->array.items[i], &x, e) < 0 || add(&f, &x) < 0)
            return e->code;
    }
    finish(&f, ev);
    return 0;
}

/* ---- SARIF ----------------------------------------------------------------------------------- */

/* What a tool of that name looks for; any other looks for "sast". */
static str kind_of_tool(str name) {
    static const struct {
        const char *part, *kind;
    } all[] = {
        {"gitleaks", "secrets"},     {"trufflehog", "secrets"}, {"detect-secrets", "secrets"},
        {"osv-scanner", "deps"},     {"trivy", "deps"},         {"grype", "deps"},
        {"dependency-check", "deps"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        str part = str_from(all[i].part);
        for (size_t at = 0; at + part.len <= name.len; at++) {
            if (str_eq_nocase(str_sub(name, at, at + part.len), part)) return str_from(all[i].kind);
        }
    }
    return STR("sast");
}

static const value *array_at(const value *object, const char *key) {
    static const value nothing = {.kind = VALUE_ARRAY};
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_ARRAY ? v : &nothing;
}

/* The item under an index that an object has, or NULL. */
static const value *item_at(const value *list, const value *object, const char *key) {
    const value *index = value_path(object, key);
    return index && index->kind == VALUE_NUMBER && index->number >= 0 &&
                   index->number < (double)list->array.count
               ? &list->array.items[(size_t)index->number]
               : NULL;
}

/* Where the rules of a result are: those of an extension, as CodeQL's packs are, or the driver's
 * (SARIF 2.1.0, section 3.54.4). */
static const value *component_of(const value *run, const value *result) {
    const value *extensions = array_at(value_get(run, STR("tool")), "extensions"),
                *component = item_at(extensions, result, "rule.toolComponent.index");
    str name = value_path_str(result, "rule.toolComponent.name");
    for (size_t i = 0; !component && name.len && i < extensions->array.count; i++) {
        if (str_eq(value_path_str(&extensions->array.items[i], "name"), name))
            component = &extensions->array.items[i];
    }
    return component ? component : value_path(run, "tool.driver");
}

static const value *rule_by_id(const value *component, str id) {
    const value *rules = array_at(component, "rules");
    for (size_t i = 0; id.len && i < rules->array.count; i++) {
        if (str_eq(value_path_str(&rules->array.items[i], "id"), id)) return &rules->array.items[i];
    }
    return NULL;
}

static str id_of(const value *result) {
    str id = value_path_str(result, "ruleId");
    return id.len ? id : value_path_str(result, "rule.id");
}

static const value *rule_of(const value *run, const value *result) {
    const value *component = component_of(run, result), *rules = array_at(component, "rules"),
                *extensions = array_at(value_get(run, STR("tool")), "extensions"),
                *rule = item_at(rules, result, "ruleIndex");
    if (!rule) rule = item_at(rules, result, "rule.index");
    if (!rule) rule = rule_by_id(component, id_of(result));
    for (size_t i = 0; !rule && i < extensions->array.count; i++)
        rule = rule_by_id(&extensions->array.items[i], id_of(result));
    return rule;
}

/* As GitHub reads it: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files
 */
static finding_level level_of(const value *rule, const value *result) {
    const value *properties = rule ? value_get(rule, STR("properties")) : NULL;
    double score;
    finding_level level;
    if (level_parse(value_path_str(result, "properties.level"), &level)) return level; /* ours */
    const value *told = properties ? value_get(properties, STR("security-severity")) : NULL;
    bool scored = told && told->kind == VALUE_NUMBER;
    score = scored ? told->number : 0;
    if (!scored && told && told->kind == VALUE_STRING) scored = metric_parse(told->string, &score);
    if (scored && score > 0)
        return score >= 9   ? LEVEL_CRITICAL
               : score >= 7 ? LEVEL_HIGH
               : score >= 4 ? LEVEL_MEDIUM
                            : LEVEL_LOW;
    str word = value_path_str(result, "level");
    if (!word.len && rule) word = value_path_str(rule, "defaultConfiguration.level");
    if (str_is(word, "none")) return LEVEL_INFO;
    return level_parse(word, &level) ? level : LEVEL_MEDIUM; /* SARIF's default is "warning" */
}

/* One that is rejected or not decided undoes the others (section 3.27.23). */
static bool is_suppressed(const value *result) {
    const value *all = array_at(result, "suppressions");
    for (size_t i = 0; i < all->array.count; i++) {
        str status = value_path_str(&all->array.items[i], "status");
        if (str_is(status, "rejected") || str_is(status, "underReview")) return false;
    }
    return all->array.count > 0;
}

/* Some tools also tell what is well (section 3.27.9). */
static bool is_no_problem(const value *result) {
    str kind = value_path_str(result, "kind");
    return str_is(kind, "pass") || str_is(kind, "notApplicable") || str_is(kind, "informational");
}

static uint32_t line_of(const value *location) {
    const value *line = value_path(location, "physicalLocation.region.startLine");
    return line && line->kind == VALUE_NUMBER && line->number > 0 && line->number < UINT32_MAX
               ? (uint32_t)line->number
               : 0;
}

static int add_result(found *f, const value *run, const value *result, str tool_kind) {
    const value *locations = array_at(result, "locations"), *rule = rule_of(run, result);
    const value *place = locations->array.count ? &locations->array.items[0] : NULL;
    finding x = {.kind = value_path_str(result, "properties.kind"),
                 .level = level_of(rule, result),
                 .rule = id_of(result),
                 .message = value_path_str(result, "message.text")};
    if (!x.kind.len) x.kind = tool_kind;
    if (!x.rule.len && rule) x.rule = value_path_str(rule, "id");
    if (place) {
        x.path = value_path_str(place, "physicalLocation.artifactLocation.uri");
        x.line = line_of(place);
    }
    str own = value_path_str(result, "fingerprints.slipway/v1");
    str hash = value_path_str(result, "partialFingerprints.primaryLocationLineHash");
    if (own.len)
        x.fingerprint = own;
    else
        finding_identify(f->a, &x, hash.len ? hash : arena_printf(f->a, "%u", x.line));
    return add(f, &x);
}

static uint64_t count_errors(const value *notifications) {
    uint64_t count = 0;
    for (size_t i = 0; i < notifications->array.count; i++)
        count += str_is(value_path_str(&notifications->array.items[i], "level"), "error");
    return count;
}

static bool has_results(const value *run) {
    const value *results = value_get(run, STR("results"));
    return results && results->kind == VALUE_ARRAY;
}

/* A run that says of itself that it was no success, or that there was an error, has not looked at
 * everything; one without a list of results has looked at nothing (section 3.14.23). */
static uint64_t errors_of(const value *run) {
    const value *all = array_at(run, "invocations");
    uint64_t errors = !has_results(run);
    for (size_t i = 0; i < all->array.count; i++) {
        const value *one = &all->array.items[i], *good = value_get(one, STR("executionSuccessful"));
        bool failed = good && good->kind == VALUE_BOOL && !good->boolean;
        uint64_t told = count_errors(array_at(one, "toolExecutionNotifications")) +
                        count_errors(array_at(one, "toolConfigurationNotifications"));
        errors += told ? told : failed;
    }
    return errors;
}

static int add_run(found *f, const value *run, evidence *ev) {
    str tool = value_path_str(run, "tool.driver.name"),
        version = value_path_str(run, "tool.driver.semanticVersion"), kind = kind_of_tool(tool);
    const value *results = array_at(run, "results"), *kinds = NULL;
    const value *properties = value_get(run, STR("properties"));
    if (properties) kinds = array_at(properties, "kinds");
    ev->tool =
        version.len ? arena_printf(f->a, "%.*s %.*s", STR_ARG(tool), STR_ARG(version)) : tool;
    f->errors += errors_of(run);
    for (size_t i = 0; kinds && i < kinds->array.count; i++) {
        if (kinds->array.items[i].kind == VALUE_STRING)
            count_kind(f, kinds->array.items[i].string, 0);
    }
    if (has_results(run) && (!kinds || !kinds->array.count)) count_kind(f, kind, 0);
    for (size_t i = 0; i < results->array.count; i++) {
        const value *result = &results->array.items[i];
        if (is_suppressed(result) || is_no_problem(result) ||
            str_is(value_path_str(result, "baselineState"), "absent"))
            continue;
        if (add_result(f, run, result, kind) < 0) return f->e->code;
    }
    return 0;
}

/* Of all runs, or of those that say it. */
static int read_commit(const value *runs, evidence *ev, err *e) {
    for (size_t i = 0; i < runs->array.count; i++) {
        const value *all = array_at(&runs->array.items[i], "versionControlProvenance");
        str commit =
            all->array.count ? value_path_str(&all->array.items[0], "revisionId") : STR_EMPTY;
        if (!commit.len) continue;
        if (ev->commit.len && !str_eq_nocase(commit, ev->commit))
            return err_set(e, ERR_INVALID, "the runs of the SARIF file are about several commits");
        ev->commit = commit;
    }
    return 0;
}

int evidence_sarif(arena *a, const value *root, evidence *ev, err *e) {
    found f = found_new(a, e);
    const value *runs = value_get(root, STR("runs"));
    if (runs->kind != VALUE_ARRAY || !runs->array.count)
        return err_set(e, ERR_INVALID, "the SARIF file has no run");
    for (size_t i = 0; i < runs->array.count; i++) {
        if (add_run(&f, &runs->array.items[i], ev) < 0) return e->code;
    }
    finish(&f, ev);
    return read_commit(runs, ev, e);
}
