/* gate.h: evidence in, decision and reasons out. Pure: files are read by whoever calls, time and
 * the change's facts are passed in.
 *
 * A gate is a list of named conditions in the ${{ }} language over what the evidence says. What the
 * evidence does not say fails the condition that asks for it, by name: nothing fails open. */
#ifndef SLIPWAY_GATE_H
#define SLIPWAY_GATE_H

#include "base/json.h"
#include "base/problem.h"

/* ---- evidence ------------------------------------------------------------------------------- */

typedef enum evidence_kind {
    EVIDENCE_TESTS,
    EVIDENCE_COVERAGE,
    EVIDENCE_FINDINGS,
    EVIDENCE_SBOM,
    EVIDENCE_LOAD,
    EVIDENCE_REVIEWS,
    EVIDENCE_KIND_COUNT
} evidence_kind;

const char *evidence_kind_name(evidence_kind kind); /* "tests" */

/* What one report says of one commit or artifact. */
typedef struct evidence {
    evidence_kind kind;
    str commit, artifact; /* the subject; empty where it is not known */
    str tool;             /* what made the report: "pytest", "slipway scan 0.1.0" */
    str time;             /* ISO 8601, of the report; empty where it does not say */
    str path, sha256;     /* of the report */
    value metrics;        /* an object; docs/gate.md lists them by kind */
} evidence;

typedef struct evidence_list {
    arena *a;
    evidence *items;
    size_t count, cap;
} evidence_list;

#define EVIDENCE_BYTES_MAX (256u << 20)
#define EVIDENCE_NAMES_MAX 1000000 /* tests of a report, files of another */

/* Reads a report, whatever it is: JUnit XML, Cobertura, JaCoCo, lcov, coverage.py JSON, SARIF,
 * `slipway scan` JSON, CycloneDX, SPDX, k6's summary, GitHub's list of reviews, or a record that
 * evidence_write has written. Fills all but commit, artifact and sha256, unless it is a record.
 * `path` names it in errors and is copied. ERR_UNSUPPORTED: none of these. Errors have a place
 * where the format has lines. */
int evidence_read(arena *a, str text, const char *path, evidence *ret, err *e);
/* One JSON object: the record. */
void evidence_write(json_out *o, const evidence *ev);

/* ---- what is judged -------------------------------------------------------------------------- */

/* The change itself, as the working copy or the forge tells it. */
typedef struct gate_change {
    str commit, branch, base; /* base: the commit that it is compared with, or empty */
    str head;     /* of the pull request: what is reviewed, where commit is its merge; or empty */
    str artifact; /* "sha256:…", what is judged besides, or empty */
    str author;   /* a login or an e-mail address; who may not approve */
    const str *files; /* that differ from the base */
    size_t file_count;
    bool files_known;
} gate_change;

/* An object with what conditions may name: tests, coverage, findings, sbom, load, reviews, change
 * and base (the same of the base's evidence). What is not known is not in it. Evidence of another
 * commit than the change's must have been left out by the caller (evidence_is_about). */
value gate_facts(arena *a, const evidence_list *now, const evidence_list *base,
                 const gate_change *change);
/* False when the evidence says that it is about another commit or artifact than these, which are
 * empty where they are not known: what it names is then another. */
bool evidence_is_about(const evidence *ev, str commit, str artifact);

/* ---- gates ------------------------------------------------------------------------------------
 */

#define GATES_MAX           100
#define GATE_CONDITIONS_MAX 200
#define GATE_TESTS_MAX      1000

typedef struct gate_condition {
    str name;
    span where;    /* line 0: built in */
    str condition; /* the expression */
    str message;   /* with ${{ }} in it; told when it fails; may be empty */
    value with;    /* parameters of a built-in condition */
    str help;      /* what to do when evidence is missing; may be empty */
} gate_condition;

/* A case that is kept beside a gate. */
typedef struct gate_test {
    str name;
    span where;
    value given;   /* facts, over those of the default case of docs/gate.md: none */
    str condition; /* the only one that is judged; empty: all */
    bool passes;   /* what is expected */
    str reason;    /* the name of the condition that is to fail first, or empty */
} gate_test;

typedef struct gate {
    str name;
    span where; /* line 0: the built-in one */
    gate_condition *conditions;
    size_t condition_count;
    gate_test *tests;
    size_t test_count;
} gate;

typedef struct gate_policy {
    gate *gates;
    size_t count;
    str *evidence; /* globs of `evidence:`, where the reports of this repository lie */
    size_t evidence_count;
    problem_list problems; /* with errors the policy must not be used */
} gate_policy;

/* Reads `gates:` and `evidence:` of slipway.yml; other keys are others'. Without gates there is
 * one, "default", with all built-in conditions. 0 even when there are problems. */
int gate_policy_parse(arena *a, str source, const char *path, gate_policy **ret, err *e);
/* NULL where there is none. An empty name: "default", else the only one. */
const gate *gate_find(const gate_policy *p, str name);

/* The conditions that Slipway brings, for docs and help. */
typedef struct gate_builtin {
    const char *name, *summary, *condition, *message, *help;
    struct gate_parameter {
        const char *name;
        double fallback;
    } parameters[2];
} gate_builtin;
const gate_builtin *gate_builtins(size_t *ret_count);

/* ---- the decision ------------------------------------------------------------------------------
 */

typedef enum gate_status {
    GATE_PASSED,
    GATE_FAILED,
    GATE_MISSING, /* evidence that it asks for is not there */
    GATE_BROKEN,  /* the condition cannot be evaluated */
    GATE_STATUS_COUNT
} gate_status;
const char *gate_status_name(gate_status s); /* "passed" */

/* One comparison of a condition, or all of it where it is none. */
typedef struct gate_check {
    str expression;   /* "coverage.lines" */
    str value, limit; /* "83.2", ">= 80"; limit is empty where there is none */
    bool passed;
} gate_check;

typedef struct gate_result {
    const gate_condition *condition;
    gate_status status;
    str message; /* why it failed, or empty */
    gate_check *checks;
    size_t check_count;
    str *used; /* names of what it read: "coverage", "base.coverage" */
    size_t used_count;
} gate_result;

typedef struct gate_decision {
    const gate *gate;
    bool passed; /* every condition passed, and there was one */
    gate_result *results;
    size_t count;
} gate_decision;

void gate_decide(arena *a, const gate *g, const value *facts, gate_decision *ret);

/* Runs the cases of a gate: ret[i] belongs to tests[i]. */
typedef struct gate_test_result {
    const gate_test *test;
    gate_decision decision;
    bool as_expected;
    str why; /* in a sentence, when it is not */
} gate_test_result;
void gate_run_tests(arena *a, const gate *g, gate_test_result *ret);

#endif
