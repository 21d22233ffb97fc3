/* JUnit XML, as pytest, Maven, Gradle, Jest, go-junit-report, ctest and others write it. Counts are
 * taken from the test cases. What a suite says of itself is believed where it is worse: one that
 * could not start its tests, or was cut off, has no case for that. */
#include "gate/evidence.h"

typedef enum outcome { PASSED, FAILED, ERRORED, SKIPPED, OUTCOME_COUNT } outcome;

typedef struct tally {
    arena *a;
    uint64_t counts[OUTCOME_COUNT];
    double seconds;
    value names, failed; /* arrays */
} tally;

static outcome outcome_of(const xml_node *test) {
    static const struct {
        const char *child;
        outcome means;
    } all[] = {{"error", ERRORED}, {"failure", FAILED}, {"skipped", SKIPPED}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (xml_child(test, all[i].child)) return all[i].means;
    }
    static const struct {
        const char *status;
        outcome means;
    } statuses[] = {{"disabled", SKIPPED}, {"notrun", SKIPPED}, {"skipped", SKIPPED},
                    {"fail", FAILED},      {"failed", FAILED},  {"failure", FAILED},
                    {"error", ERRORED}};
    str status = xml_attribute_of(test, "status");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (str_is(status, statuses[i].status)) return statuses[i].means;
    }
    return PASSED;
}

/* A skipped test has no name that could vanish: it did not run. */
static void add_test(tally *t, const xml_node *test) {
    outcome o = outcome_of(test);
    str class = xml_attribute_of(test, "classname"), name = xml_attribute_of(test, "name");
    double seconds;
    str full = class.len ? arena_printf(t->a, "%.*s.%.*s", STR_ARG(class), STR_ARG(name)) : name;
    t->counts[o]++;
    if (metric_parse(xml_attribute_of(test, "time"), &seconds)) t->seconds += seconds;
    if (o != SKIPPED) value_push(t->a, &t->names, value_string(full));
    if (o == FAILED || o == ERRORED) value_push(t->a, &t->failed, value_string(full));
}

static uint64_t declared(const xml_node *suite, const char *what) {
    double n;
    return metric_parse(xml_attribute_of(suite, what), &n) && n > 0 && n < 1e9 ? (uint64_t)n : 0;
}

typedef struct bad {
    uint64_t failed, errors;
} bad;

/* What is bad in a suite: its cases and the suites in it, or what it says itself where that is
 * more. The depth is capped by the parser. */
static bad bad_of(const xml_node *suite) {
    bad shown = {0, 0};
    for (const xml_node *n = suite->first; n; n = n->next) {
        outcome o = str_is(n->name, "testcase") ? outcome_of(n) : PASSED;
        bad inner = str_is(n->name, "testsuite") ? bad_of(n) : (bad){o == FAILED, o == ERRORED};
        shown.failed += inner.failed;
        shown.errors += inner.errors;
    }
    bad said = {declared(suite, "failures"), declared(suite, "errors")};
    uint64_t sum = shown.failed + shown.errors, more = said.failed + said.errors;
    if (more <= sum) return shown;
    if (said.errors > shown.errors)
        shown.errors += more - sum;
    else
        shown.failed += more - sum;
    return shown;
}

static void add_untold(tally *t, const xml_node *root) {
    bad all = bad_of(root);
    if (all.failed > t->counts[FAILED]) t->counts[FAILED] = all.failed;
    if (all.errors > t->counts[ERRORED]) t->counts[ERRORED] = all.errors;
}

int evidence_junit(arena *a, const xml_node *root, evidence *ev, err *e) {
    tally t = {.a = a, .names = value_array_new(a), .failed = value_array_new(a)};
    for (const xml_node *n = root; n; n = xml_walk(root, n)) {
        if (str_is(n->name, "testcase")) add_test(&t, n);
        if (t.names.array.count > EVIDENCE_NAMES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d tests", EVIDENCE_NAMES_MAX);
        if (str_is(n->name, "testsuite") && !ev->time.len)
            ev->time = xml_attribute_of(n, "timestamp");
    }
    add_untold(&t, root);
    if (!ev->time.ptr) ev->time = STR_EMPTY;
    ev->tool = STR("junit");
    ev->metrics = value_object_new(a, true);
    metric(a, &ev->metrics, "total",
           (double)(t.counts[PASSED] + t.counts[FAILED] + t.counts[ERRORED] + t.counts[SKIPPED]));
    metric(a, &ev->metrics, "passed", (double)t.counts[PASSED]);
    metric(a, &ev->metrics, "failed", (double)t.counts[FAILED]);
    metric(a, &ev->metrics, "errors", (double)t.counts[ERRORED]);
    metric(a, &ev->metrics, "skipped", (double)t.counts[SKIPPED]);
    metric(a, &ev->metrics, "seconds", t.seconds);
    value_set(a, &ev->metrics, STR("names"), t.names);
    value_set(a, &ev->metrics, STR("failed_names"), t.failed);
    return 0;
}
