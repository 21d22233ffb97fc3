/* builtins.c: the conditions that a team expects, in the language that it writes its own in. */
#include "gate/gate.h"

static const gate_builtin all[] = {
    {"tests",
     "every test passed",
     "tests.passed > 0 && tests.failed == 0 && tests.errors == 0",
     "${{ tests.failed }} failed, ${{ tests.errors }} broke and ${{ tests.skipped }} were skipped "
     "of ${{ tests.total }} tests${{ tests.failed_names[0] && format(': {0}', "
     "join(tests.failed_names, ', ')) || '' }}",
     "give the JUnit XML reports of the tests",
     {{0}}},
    {"vanished",
     "no test that ran at the base is gone",
     "tests.vanished == 0",
     "${{ tests.vanished }} tests of the base did not run: ${{ join(tests.vanished_names, ', ') }}",
     "give the JUnit XML reports of the base with --base",
     {{0}}},
    {"coverage",
     "enough lines are covered by tests",
     "coverage.lines >= with.minimum",
     "${{ coverage.lines_covered }} of ${{ coverage.lines_total }} lines are covered",
     "give a coverage report (Cobertura, JaCoCo, lcov, coverage.py JSON)",
     {{"minimum", 80}}},
    {"coverage-drop",
     "the changed files are covered as well as before",
     "coverage.drop <= with.points",
     "the changed files lost ${{ coverage.drop }} points of coverage",
     "give the coverage report of the base with --base",
     {{"points", 1}}},
    {"findings",
     "no new critical or high finding",
     "findings.errors == 0 && findings.new.critical <= with.critical && findings.new.high <= "
     "with.high",
     "${{ findings.new.critical }} critical and ${{ findings.new.high }} high findings are new; "
     "${{ findings.errors }} files could not be scanned",
     "give the report of a scanner: slipway scan --output scan.json",
     {{"critical", 0}, {"high", 0}}},
    {"secrets",
     "no secret is in the change",
     "findings.kinds.secrets == 0 && findings.errors == 0",
     "${{ findings.kinds.secrets }} secrets were found; ${{ findings.errors }} files could not be "
     "scanned",
     "scan for them: slipway scan --only secrets --output secrets.json",
     {{0}}},
    {"licenses",
     "the licences of all dependencies are allowed",
     "findings.kinds.licenses == 0 && findings.errors == 0",
     "${{ findings.kinds.licenses }} dependencies have a licence that is not allowed, or none; "
     "${{ findings.errors }} files could not be scanned",
     "scan for them: slipway scan --only licenses --output licenses.json",
     {{0}}},
    {"approval",
     "somebody other than the author approved",
     "reviews.approvals >= with.count && reviews.changes_requested == 0",
     "${{ reviews.approvals }} others approved, ${{ reviews.changes_requested }} asked for "
     "changes${{ reviews.outsiders > 0 && format('; {0} who approved may not write to the "
     "repository', reviews.outsiders) || '' }}",
     "give the pull request's reviews (gh api --paginate repos/OWNER/REPO/pulls/N/reviews) and its "
     "author "
     "(--author)",
     {{"count", 1}}},
};

const gate_builtin *gate_builtins(size_t *ret_count) {
    *ret_count = sizeof all / sizeof *all;
    return all;
}
