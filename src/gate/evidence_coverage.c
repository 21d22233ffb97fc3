/* Reports of coverage: lines that were run, of lines that could be. */
#include "gate/evidence.h"

#include <string.h>

#define LINE_MAX  10000000u
#define LINES_MAX (512u << 20) /* bytes for the lines of all files */

typedef struct covered_file {
    str path;
    uint8_t *lines; /* by number: 0 no code, 1 not run, 2 run */
    uint32_t line_cap;
    uint64_t covered, total; /* of what only gives counts */
} covered_file;

struct coverage_sum {
    arena *a;
    covered_file *files;
    size_t count, cap;
    value index; /* path: number of the file */
    uint64_t branches_covered, branches_total;
    size_t line_bytes;
    bool full;
};

enum { NO_CODE, NOT_RUN, RUN };

coverage_sum *coverage_new(arena *a) {
    coverage_sum *c = ARENA_NEW(a, coverage_sum);
    c->a = a;
    c->index = value_object_new(a, true);
    return c;
}

static covered_file *file_of(coverage_sum *c, str path) {
    const value *known = value_get(&c->index, path);
    if (known) return &c->files[(size_t)known->number];
    value_set(c->a, &c->index, arena_str(c->a, path), value_number((double)c->count));
    covered_file f = {.path = path};
    ARENA_PUSH(c->a, c->files, c->count, c->cap, f);
    return &c->files[c->count - 1];
}

void coverage_line(coverage_sum *c, str path, uint32_t line, bool hit) {
    covered_file *f = file_of(c, path);
    c->full = c->full || line > LINE_MAX || c->line_bytes > LINES_MAX;
    if (c->full) return;
    if (line >= f->line_cap) {
        uint32_t cap = line + line / 2 + 64;
        c->line_bytes += cap;
        f->lines = arena_grow(c->a, f->lines, f->line_cap, cap);
        f->line_cap = cap;
    }
    if (f->lines[line] != RUN) f->lines[line] = hit ? RUN : NOT_RUN;
}

void coverage_counts(coverage_sum *c, str path, uint64_t covered, uint64_t total) {
    covered_file *f = file_of(c, path);
    f->covered += covered;
    f->total += total;
}

void coverage_branches(coverage_sum *c, uint64_t covered, uint64_t total) {
    c->branches_covered += covered;
    c->branches_total += total;
}

static void count_lines(covered_file *f) {
    for (uint32_t i = 0; i < f->line_cap; i++) {
        f->total += f->lines[i] != NO_CODE;
        f->covered += f->lines[i] == RUN;
    }
}

static double percent(uint64_t covered, uint64_t total) {
    return (double)covered * 100 / (double)total;
}

int coverage_metrics(coverage_sum *c, value *ret, err *e) {
    uint64_t covered = 0, total = 0;
    if (c->full)
        return err_set(e, ERR_LIMIT, "a line beyond %u, or more lines than %u MiB hold", LINE_MAX,
                       LINES_MAX >> 20);
    value files = value_object_sized(c->a, true, c->count);
    for (size_t i = 0; i < c->count; i++) {
        covered_file *f = &c->files[i];
        value one = value_object_new(c->a, true);
        count_lines(f);
        metric(c->a, &one, "covered", (double)f->covered);
        metric(c->a, &one, "total", (double)f->total);
        value_set(c->a, &files, f->path, one);
        covered += f->covered;
        total += f->total;
    }
    if (total == 0) return err_set(e, ERR_INVALID, "the report measures no line of code");
    *ret = value_object_new(c->a, true);
    metric(c->a, ret, "lines", percent(covered, total));
    metric(c->a, ret, "lines_covered", (double)covered);
    metric(c->a, ret, "lines_total", (double)total);
    if (c->branches_total) {
        metric(c->a, ret, "branches", percent(c->branches_covered, c->branches_total));
        metric(c->a, ret, "branches_covered", (double)c->branches_covered);
        metric(c->a, ret, "branches_total", (double)c->branches_total);
    }
    value_set(c->a, ret, STR("files"), files);
    return 0;
}

static bool number_of(const xml_node *n, const char *name, uint64_t max, uint64_t *ret) {
    return str_to_uint(str_trim(xml_attribute_of(n, name)), max, ret);
}

/* ---- Cobertura ------------------------------------------------------------------------------- */

/* "50% (1/2)" */
static void take_condition(coverage_sum *c, str text) {
    ptrdiff_t open = str_find_char(text, '('), slash = str_find_char(text, '/'),
              close = str_find_char(text, ')');
    uint64_t covered, total;
    if (open < 0 || slash < open || close < slash) return;
    if (str_to_uint(str_sub(text, (size_t)open + 1, (size_t)slash), UINT32_MAX, &covered) &&
        str_to_uint(str_sub(text, (size_t)slash + 1, (size_t)close), UINT32_MAX, &total) &&
        covered <= total)
        coverage_branches(c, covered, total);
}

static const xml_node *around(const xml_node *n, const char *name) {
    while (n && !str_is(n->name, name))
        n = n->parent;
    return n;
}

int evidence_cobertura(arena *a, const xml_node *root, evidence *ev, err *e) {
    coverage_sum *c = coverage_new(a);
    ev->tool = STR("cobertura");
    for (const xml_node *n = root; n; n = xml_walk(root, n)) {
        uint64_t line, hits;
        if (!str_is(n->name, "line")) continue;
        const xml_node *class = around(n, "class");
        /* Lines of methods stand once more in their class, but some tools leave that out. */
        if (class && xml_child(class, "lines") && around(n, "method")) continue;
        str path = class ? xml_attribute_of(class, "filename") : STR_EMPTY;
        if (!path.len || !number_of(n, "number", UINT32_MAX, &line) ||
            !number_of(n, "hits", UINT64_MAX, &hits))
            return err_at(e, ERR_INVALID, n->where, "a <line> without class, number or hits");
        coverage_line(c, path, (uint32_t)line, hits > 0);
        if (str_eq_nocase(xml_attribute_of(n, "branch"), STR("true"))) /* .NET's have "True" */
            take_condition(c, xml_attribute_of(n, "condition-coverage"));
    }
    return coverage_metrics(c, &ev->metrics, e);
}

/* ---- JaCoCo ---------------------------------------------------------------------------------- */

/* gcovr's lines have branches only: what was run is in the file's counter. */
static bool has_runs(const xml_node *file) {
    const xml_node *first = xml_child(file, "line"), *line = first;
    while (line && xml_attribute_of(line, "ci").ptr)
        line = xml_next(line, "line");
    return first && !line;
}

static void take_counter(coverage_sum *c, str path, const xml_node *file) {
    for (const xml_node *n = xml_child(file, "counter"); n; n = xml_next(n, "counter")) {
        uint64_t missed, covered;
        if (str_is(xml_attribute_of(n, "type"), "LINE") &&
            number_of(n, "missed", UINT32_MAX, &missed) &&
            number_of(n, "covered", UINT32_MAX, &covered))
            coverage_counts(c, path, covered, covered + missed);
    }
}

static int take_sourcefile(arena *a, coverage_sum *c, const xml_node *file, err *e) {
    str package = xml_attribute_of(file->parent, "name"), name = xml_attribute_of(file, "name");
    str path = package.len ? arena_printf(a, "%.*s/%.*s", STR_ARG(package), STR_ARG(name)) : name;
    bool by_line = has_runs(file);
    if (!by_line) take_counter(c, path, file);
    for (const xml_node *line = xml_child(file, "line"); line; line = xml_next(line, "line")) {
        uint64_t number, run = 0, missed_branches = 0, run_branches = 0;
        if (!number_of(line, "nr", UINT32_MAX, &number) ||
            (by_line && !number_of(line, "ci", UINT64_MAX, &run)))
            return err_at(e, ERR_INVALID, line->where, "a <line> without a number in nr or ci");
        if (by_line) coverage_line(c, path, (uint32_t)number, run > 0);
        number_of(line, "mb", UINT32_MAX, &missed_branches);
        number_of(line, "cb", UINT32_MAX, &run_branches);
        coverage_branches(c, run_branches, run_branches + missed_branches);
    }
    return 0;
}

int evidence_jacoco(arena *a, const xml_node *root, evidence *ev, err *e) {
    coverage_sum *c = coverage_new(a);
    ev->tool = STR("jacoco");
    for (const xml_node *n = root; n; n = xml_walk(root, n)) {
        if (str_is(n->name, "sourcefile") && take_sourcefile(a, c, n, e) < 0) return e->code;
    }
    return coverage_metrics(c, &ev->metrics, e);
}

/* ---- lcov ------------------------------------------------------------------------------------ */

static bool two_numbers(str text, uint64_t *first, uint64_t *second) {
    str head, rest;
    if (!str_cut(text, ',', &head, &rest)) return false;
    str_cut(rest, ',', &rest, &text); /* a checksum may follow */
    return str_to_uint(str_trim(head), UINT32_MAX, first) &&
           str_to_uint(str_trim(rest), UINT64_MAX, second);
}

int evidence_lcov(arena *a, str text, evidence *ev, err *e) {
    coverage_sum *c = coverage_new(a);
    str line, path = STR_EMPTY;
    uint64_t number, hits, found = 0;
    ev->tool = STR("lcov");
    for (uint32_t at = 1; str_line(&text, &line); at++) {
        str key, rest;
        str_cut(line, ':', &key, &rest);
        bool good = true;
        if (str_is(key, "SF")) {
            path = arena_str(a, str_trim(rest));
            good = utf8_valid(path) && str_find_char(path, '\0') < 0;
        } else if (str_is(key, "DA") && (good = path.len && two_numbers(rest, &number, &hits)))
            coverage_line(c, path, (uint32_t)number, hits > 0);
        else if (str_is(key, "BRF"))
            good = str_to_uint(str_trim(rest), UINT32_MAX, &found);
        else if (str_is(key, "BRH") && (good = str_to_uint(str_trim(rest), UINT32_MAX, &hits)))
            coverage_branches(c, hits, found);
        else if (str_is(key, "end_of_record"))
            path = STR_EMPTY;
        if (!good) {
            span where = {arena_cstr(a, ev->path), at, 1, at, 1};
            return err_at(e, ERR_INVALID, where, "'%.*s' is no line of lcov", STR_ARG(line));
        }
    }
    return coverage_metrics(c, &ev->metrics, e);
}

/* ---- coverage.py ----------------------------------------------------------------------------- */

static bool count_at(const value *object, const char *key, uint64_t *ret) {
    const value *n = value_get(object, str_from(key));
    if (!n || n->kind != VALUE_NUMBER || n->number < 0 || n->number > UINT32_MAX) return false;
    *ret = (uint64_t)n->number;
    return true;
}

int evidence_coverage_py(arena *a, const value *root, evidence *ev, err *e) {
    coverage_sum *c = coverage_new(a);
    const value *files = value_get(root, STR("files"));
    ev->tool = arena_printf(a, "coverage.py %.*s", STR_ARG(value_path_str(root, "meta.version")));
    ev->time = value_path_str(root, "meta.timestamp");
    for (size_t i = 0; files && files->kind == VALUE_OBJECT && i < value_count(files); i++) {
        const value_pair *file = value_at(files, i);
        const value *summary = value_get(&file->item, STR("summary"));
        uint64_t covered, total, branches, branches_covered;
        if (!count_at(summary, "covered_lines", &covered) ||
            !count_at(summary, "num_statements", &total) || covered > total)
            return err_set(e, ERR_INVALID, "'%.*s' has no summary of its lines",
                           STR_ARG(file->key));
        coverage_counts(c, file->key, covered, total);
        if (count_at(summary, "num_branches", &branches) &&
            count_at(summary, "covered_branches", &branches_covered))
            coverage_branches(c, branches_covered, branches);
    }
    return coverage_metrics(c, &ev->metrics, e);
}
