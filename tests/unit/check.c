#include "unit.h"

#include "base/fs.h"
#include "workflow/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines 1 to 4, and 5: what stands after it begins on the next one. */
#define JOB   "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
#define STEPS JOB "    steps:\n"
#define RUN   STEPS "    - run: "

/* ---- the actions that steps may use -------------------------------------------------------- */

static const struct {
    const char *uses, *text;
} actions[] = {
    {"./composite", "name: Composite\ndescription: d\n"
                    "inputs:\n  token: {required: true}\n  level: {default: '1'}\n"
                    "  old: {deprecationMessage: Use level.}\n"
                    "outputs:\n  url: {value: x}\n"
                    "runs:\n  using: composite\n  steps: []\n"},
    {"./node", "name: Node\ndescription: d\noutputs:\n  path: {description: p}\n"
               "runs:\n  using: node20\n  main: a.js\n"},
    {"./two", "name: Two\ndescription: d\ninputs: {a: {required: true}, b: {required: true}}\n"
              "runs:\n  using: node20\n  main: a.js\n"},
    {"./docker", "name: Docker\ndescription: d\nruns:\n  using: docker\n  image: Dockerfile\n"},
};

/* `context` is the repository's folder; NULL: the actions above. */
static int find_action(void *context, arena *a, str uses, const action **ret, err *e) {
    action *found;
    str text;
    *ret = NULL;
    if (context) {
        char *path = fs_join(a, fs_join(a, context, uses), STR("action.yml"));
        if (uses.ptr[0] != '.' || fs_read(a, path, 1 << 20, &text, e)) return ERR_NOT_FOUND;
        int rc = action_parse(a, text, path, &found, e);
        *ret = found;
        return rc;
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!str_is(uses, actions[i].uses)) continue;
        int rc = action_parse(a, str_from(actions[i].text), actions[i].uses, &found, e);
        if (rc == 0 && found->problems.errors)
            fail_msg("%s: %.*s", actions[i].uses, STR_ARG(found->problems.items[0].message));
        *ret = found;
        return rc;
    }
    return err_set(e, ERR_NOT_FOUND, "no such action");
}

/* A reusable workflow that jobs may call, or a file of the repository. */
static int find_workflow(void *context, arena *a, str uses, str from, str *ret_source,
                         str *ret_path, err *e) {
    (void)from;
    *ret_path = uses;
    if (context) return fs_read(a, fs_join(a, context, uses), 1 << 20, ret_source, e);
    *ret_source = STR("on:\n  workflow_call:\n    outputs:\n      image: {value: x}\n"
                      "jobs:\n  b:\n    runs-on: x\n    steps: [{run: x}]\n");
    return 0;
}

/* ---- tables -------------------------------------------------------------------------------- */

typedef struct check_case {
    const char *text;
    /* "rule line:column part" of each finding, one a line; the part as the file has it, its line
     * breaks and indentation as one space. */
    const char *found;
} check_case;

static size_t byte_of(str line, uint32_t column) {
    size_t at = 0;
    while (--column && at < line.len)
        utf8_next(line, &at);
    return at;
}

static void add_part(strbuf *out, str source, span where) {
    str line;
    for (uint32_t at = 1; str_line(&source, &line) && at <= where.end_line; at++) {
        if (at < where.line) continue;
        size_t from = at == where.line ? byte_of(line, where.column) : 0;
        size_t to = at == where.end_line ? byte_of(line, where.end_column) : line.len;
        str part = str_trim(str_sub(line, from, to));
        if (at > where.line && part.len) strbuf_addc(out, ' ');
        strbuf_add(out, part);
    }
}

static void show(strbuf *out, const problem_list *found, str source) {
    for (size_t i = 0; i < found->count; i++) {
        const problem *p = &found->items[i];
        strbuf_addf(out, "%s%s %u:%u ", i ? "\n" : "", p->rule, p->where.line, p->where.column);
        add_part(out, source, p->where);
        assert_true(p->message.len > 0 && p->help.len > 0);
    }
}

static void found_in(const char *text, bool is_action, char *root, strbuf *out) {
    const check_options options = {.action = find_action, .action_context = root};
    _cleanup_arena_ arena *a = arena_new();
    problem_list found = {.a = a};
    const problem_list *parsed;
    err e = {0};
    if (is_action) {
        action *act;
        assert_int_equal(action_parse(a, str_from(text), "action.yml", &act, &e), 0);
        parsed = &act->problems;
        if (!parsed->errors) check_action(act, &options, &found);
    } else {
        workflow *w;
        workflow_options how = {.file = find_workflow, .file_context = root};
        assert_int_equal(workflow_parse(a, str_from(text), "w.yml", &how, &w, &e), 0);
        parsed = &w->problems;
        if (!parsed->errors) check_refused(w, &found);
        if (!parsed->errors) check_workflow(w, &options, &found);
    }
    if (parsed->errors) fail_msg("%s\n%.*s", text, STR_ARG(parsed->items[0].message));
    show(out, &found, str_from(text));
}

static void run_cases(const check_case *cases, size_t count, bool is_action) {
    for (size_t i = 0; i < count; i++) {
        _cleanup_strbuf_ strbuf got = STRBUF_INIT;
        found_in(cases[i].text, is_action, NULL, &got);
        if (strcmp(strbuf_cstr(&got), cases[i].found))
            fail_msg("%s\nfound:\n%s\nexpected:\n%s", cases[i].text, strbuf_cstr(&got),
                     cases[i].found);
    }
}
#define RUN_CASES(cases) run_cases(cases, sizeof(cases) / sizeof *(cases), false)

static void properties_that_contexts_do_not_have(void **state) {
    (void)state;
    static const check_case cases[] = {
        {RUN "echo ${{ github.reff }}\n", "unknown-property 6:28 reff"},
        {RUN "echo ${{ github['sha1'] }}\n", "unknown-property 6:28 'sha1'"},
        {RUN "echo ${{ GITHUB.Sha }} ${{ github.event.any.thing }}\n", ""},
        {RUN "echo ${{ runner.osx }} ${{ job.state }}\n",
         "unknown-property 6:28 osx\nunknown-property 6:43 state"},
        {RUN "echo ${{ github.sha.short }}\n", "unknown-property 6:32 short"},
        {RUN "echo ${{ secrets.ANY }} ${{ vars.ANY }} ${{ env.ANY }}\n", ""},
        {RUN "echo ${{ strategy.job-index }} ${{ strategy.index }}\n",
         "unknown-property 6:56 index"},
        {RUN "echo ${{ job.services.db.ports['5432'] }}\n", ""},
    };
    RUN_CASES(cases);
}

static void jobs_that_are_not_needed(void **state) {
    (void)state;
    static const char *const base = JOB "    outputs: {x: 1}\n    steps: [{run: x}]\n"
                                        "  b:\n    runs-on: x\n    needs: a\n    steps:\n"
                                        "    - run: ";
    static const check_case parts[] = {
        {"${{ needs.a.outputs.x }} ${{ needs.a.result }}\n", ""},
        {"${{ needs.c.result }}\n", "unknown-need 11:22 c"},
        {"${{ needs.a.outputs.y }}\n", "unknown-output 11:32 y"},
        {"${{ needs.a.output.x }}\n", "unknown-property 11:24 output"},
        {"${{ toJSON(needs) }}\n", ""},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        strbuf_addf(&text, "%s%s", base, parts[i].text);
        run_cases(&(check_case){strbuf_cstr(&text), parts[i].found}, 1, false);
    }
    static const check_case cases[] = {
        {"on: push\njobs:\n  a:\n    uses: ./w.yml\n"
         "  b:\n    runs-on: x\n    needs: a\n    env:\n"
         "      A: ${{ needs.a.outputs.image }}\n      B: ${{ needs.a.outputs.tag }}\n"
         "    steps: [{run: x}]\n",
         "unknown-output 10:30 tag"},
    };
    RUN_CASES(cases);
}

static void steps_that_have_not_run(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - id: one\n      run: x\n    - run: ${{ steps.one.outputs.any }}\n", ""},
        {STEPS "    - run: ${{ steps.one.outputs.any }}\n    - id: one\n      run: x\n",
         "unknown-step 6:22 one"},
        {STEPS "    - id: one\n      run: ${{ steps.one.outcome }}\n", "unknown-step 7:22 one"},
        {STEPS "    - id: one\n      run: x\n    - if: steps.noe.outcome == 'success'\n"
               "      run: x\n",
         "unknown-step 8:17 noe"},
        {STEPS "    - id: one\n      run: x\n    - run: ${{ steps.one.state }}\n",
         "unknown-property 8:26 state"},
        {STEPS "    - id: c\n      uses: ./composite\n      with: {token: x}\n"
               "    - run: ${{ steps.c.outputs.url }} ${{ steps.c.outputs.uri }}\n",
         "unknown-output 9:59 uri"},
        {STEPS "    - id: n\n      uses: ./node\n    - run: ${{ steps.n.outputs.paths }}\n",
         "unknown-output 8:32 paths"},
        {STEPS "    - id: u\n      uses: actions/other@v1\n"
               "    - run: ${{ steps.u.outputs.any }}\n",
         ""},
        {JOB "    environment: {name: e, url: '${{ steps.d.outputs.url }}'}\n"
             "    outputs: {x: '${{ steps.d.outputs.x }} ${{ steps.e.outcome }}'}\n"
             "    steps: [{id: d, run: x}]\n",
         "unknown-step 6:54 e"},
    };
    RUN_CASES(cases);
}

static void inputs_that_are_not_declared(void **state) {
    (void)state;
    static const check_case cases[] = {
        {RUN "${{ inputs.x }}\n", "unknown-input 6:23 x"},
        {"on:\n  workflow_dispatch:\n    inputs:\n      level: {type: string}\n"
         "  workflow_call:\n    inputs:\n      other: {type: string}\n"
         "run-name: ${{ inputs.level }} ${{ inputs.other }} ${{ inputs.levle }}\n"
         "jobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n",
         "unknown-input 8:62 levle"},
    };
    RUN_CASES(cases);
}

static void matrix_keys_that_do_not_exist(void **state) {
    (void)state;
    static const check_case cases[] = {
        {JOB "    strategy:\n      matrix:\n        node: [1, 2]\n        include:\n"
             "        - extra: x\n    steps:\n"
             "    - run: ${{ matrix.node }} ${{ matrix.extra }} ${{ matrix.nod }}\n",
         "unknown-matrix-key 11:62 nod"},
        {RUN "${{ matrix.os }}\n", "unknown-matrix-key 6:23 os"},
        {JOB "    strategy: {matrix: '${{ fromJSON(vars.M) }}'}\n"
             "    steps: [{run: '${{ matrix.any }}'}]\n",
         ""},
        {JOB "    strategy:\n      matrix:\n        a: [1]\n"
             "        include: ${{ fromJSON(vars.M) }}\n    steps: [{run: '${{ matrix.any }}'}]\n",
         ""},
        {JOB "    strategy: {matrix: {c: [{os: x}]}}\n    steps: [{run: '${{ matrix.c.os }}'}]\n",
         ""},
    };
    RUN_CASES(cases);
}

static void excludes_that_cannot_be_meant(void **state) {
    (void)state;
#define EXCLUDES(text) JOB "    steps: []\n    strategy:\n      matrix:\n" text
    static const check_case cases[] = {
        {EXCLUDES("        os: [a, b]\n        include: [{extra: 1}]\n"
                  "        exclude: [{OS: a}, {so: b}, {extra: 1}]\n"),
         "unknown-matrix-key 10:29 so\nunknown-matrix-key 10:38 extra"},
        {EXCLUDES("        os: [a, b]\n        v: [1, 2]\n        exclude: [{os: a}, {v: 1}]\n"),
         ""},
        {EXCLUDES("        os: [a, b]\n        v: [1, 2]\n        exclude: [{os: a}, {os: B}]\n"),
         "empty-matrix 10:18 [{os: a}, {os: B}]"},
        {EXCLUDES("        os: [a]\n        include: [{os: c}]\n        exclude: [{os: a}]\n"), ""},
        {EXCLUDES("        os: ['${{ github.ref }}']\n        exclude: [{os: a}, {v: 1}]\n"),
         "unknown-matrix-key 9:29 v"},
        {EXCLUDES("        os: [a]\n        exclude: ${{ fromJSON(vars.X) }}\n"), ""},
    };
    RUN_CASES(cases);
}

static void outputs_of_reusable_workflows(void **state) {
    (void)state;
    static const check_case cases[] = {
        {"on:\n  workflow_call:\n    outputs:\n"
         "      a: {value: '${{ jobs.b.outputs.x }}'}\n"
         "      c: {value: '${{ jobs.d.outputs.x }}'}\n"
         "      e: {value: '${{ jobs.b.outputs.y }}'}\n"
         "jobs:\n  b:\n    runs-on: x\n    outputs: {x: 1}\n    steps: [{run: x}]\n",
         "unknown-job 5:28 d\nunknown-output 6:38 y"},
    };
    RUN_CASES(cases);
}

static void values_of_the_wrong_kind(void **state) {
    (void)state;
    static const check_case cases[] = {
        {RUN "echo ${{ github.event }}\n", "expression-type 6:21 github.event"},
        {RUN "echo ${{ toJSON(github.event) }}\n", "shell-injection 6:28 github.event"},
        {RUN "echo ${{ startsWith(github.event, 'x') }}\n", "expression-type 6:32 github.event"},
        {RUN "echo ${{ contains(github.event.labels, 'x') }}\n", ""},
        {RUN "echo ${{ contains(secrets, 'x') }}\n", "expression-type 6:30 secrets"},
        {RUN "echo ${{ join(matrix, ',') }}\n", "expression-type 6:26 matrix"},
        {JOB "    timeout-minutes: ${{ vars.MINUTES }}\n    steps: [{run: x}]\n",
         "expression-type 5:26 vars.MINUTES"},
        {JOB "    timeout-minutes: ${{ fromJSON(vars.MINUTES) }}\n    steps: [{run: x}]\n", ""},
        {STEPS "    - run: x\n      continue-on-error: ${{ env.FLAG }}\n",
         "expression-type 7:30 env.FLAG"},
        {STEPS "    - run: x\n      continue-on-error: ${{ github.ref != 'x' }}\n", ""},
        {STEPS "    - run: x\n      env:\n        ALL: ${{ github }}\n",
         "expression-type 8:18 github"},
    };
    RUN_CASES(cases);
}

static void comparisons_with_one_result(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - if: github.event == 'push'\n      run: x\n", "comparison 6:11 github.event"},
        {STEPS "    - if: ${{ env.FLAG == true }}\n      run: x\n",
         "comparison 6:15 env.FLAG == true"},
        {STEPS
         "    - if: ${{ env.FLAG == 'true' && env.N == 1 && env.F == false }}\n      run: x\n",
         ""},
        {"on: {workflow_dispatch: {inputs: {dry: {type: boolean}, n: {type: number}}}}\n"
         "jobs:\n  a:\n    runs-on: x\n    steps:\n"
         "    - if: inputs.dry == 'true'\n      run: x\n"
         "    - if: inputs.dry != 'false' || inputs.n == 'three'\n      run: x\n"
         "    - if: inputs.dry && inputs.n == '3' && inputs.dry == true\n      run: x\n",
         "comparison 6:11 inputs.dry == 'true'\ncomparison 8:11 inputs.dry != 'false'\n"
         "comparison 8:36 inputs.n == 'three'"},
        {JOB "    strategy: {matrix: {v: [18, 20]}}\n    steps:\n"
             "    - if: matrix.v == '18' || matrix.v == 'latest'\n      run: x\n",
         "comparison 7:31 matrix.v == 'latest'"},
        {JOB "    strategy: {matrix: {v: [18, latest]}}\n    steps:\n"
             "    - if: matrix.v == 'latest'\n      run: x\n",
         ""},
        {STEPS "    - if: github.event_name == 'pull_request'\n      run: x\n",
         "event-never 6:32 'pull_request'"},
        {STEPS "    - if: strategy.job-index > 'a'\n      run: x\n"
               "    - if: \"'1' < strategy.job-index && env.X >= 2\"\n      run: x\n",
         "comparison 6:11 strategy.job-index > 'a'"},
        {STEPS "    - {id: s, run: x}\n    - if: steps.s.outcome == 'failed'\n      run: x\n"
               "    - if: \"runner.os == 'ubuntu' || runner.os != 'linux'\"\n      run: x\n"
               "    - if: steps.s.conclusion == '' || job.status == 'skipped'\n      run: x\n",
         "comparison 7:30 'failed'\ncomparison 9:25 'ubuntu'\ncomparison 11:53 'skipped'"},
        {JOB "    steps: []\n  b:\n    needs: a\n    runs-on: x\n    steps: []\n"
             "    if: always() && needs.a.result == 'succeeded' && needs.a.result != 'SKIPPED'\n",
         "comparison 10:39 'succeeded'"},
        {STEPS "    - if: github.event_name != 'pull_request' && github.event_name == 'push'\n"
               "      run: x\n",
         ""},
    };
    RUN_CASES(cases);
}

static void formats_and_json(void **state) {
    (void)state;
    static const check_case cases[] = {
        {RUN "${{ format('{0} {1}', 'a') }}\n", "format-arguments 6:23 '{0} {1}'"},
        {RUN "${{ format('{0', 'a') }}\n", "format-arguments 6:23 '{0'"},
        {RUN "${{ format('{0}', 'a', github.sha) }}\n", "format-arguments 6:35 github.sha"},
        {RUN "${{ format('{{0}} {0} it''s', 'a') }}\n", ""},
        {RUN "${{ fromJSON('[1, 2') }}\n", "invalid-json 6:25 '[1, 2'"},
        {RUN "${{ fromJSON('[1, 2]')[0] }}\n", ""},
        {RUN "${{ fromJSON(env.X).a.b }}\n", ""},
    };
    RUN_CASES(cases);
}

static void conditions_that_say_nothing(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - if: ${{ github.ref }} == 'x'\n      run: x\n",
         "condition-text 6:11 ${{ github.ref }} == 'x'"},
        {STEPS "    - if: |\n        ${{ false }}\n      run: x\n",
         "condition-text 6:11 | ${{ false }}"},
        {STEPS "    - if: ${{ false }}\n      run: x\n", "constant-condition 6:15 false"},
        {STEPS "    - if: 1 == 1\n      run: x\n", "constant-condition 6:11 1 == 1"},
        {STEPS "    - if: github.ref == 'x' && false\n      run: x\n",
         "constant-condition 6:11 github.ref == 'x' && false"},
        {STEPS "    - if: true || github.ref == 'x'\n      run: x\n",
         "constant-condition 6:11 true || github.ref == 'x'"},
        {STEPS "    - if: ${{ !(always() || true) }}\n      run: x\n",
         "constant-condition 6:15 !(always() || true)"},
        {STEPS "    - if: github.ref == 'x' && true || false\n      run: x\n", ""},
        {STEPS "    - if: cancelled() && success()\n      run: x\n",
         "constant-condition 6:11 cancelled() && success()"},
        {STEPS "    - if: failure() || cancelled()\n      run: x\n"
               "    - if: always() && failure()\n      run: x\n",
         ""},
        {JOB "    if: failure() && github.ref == 'x'\n    steps: []\n",
         "constant-condition 5:9 failure() && github.ref == 'x'"},
        {JOB "    if: failure() || cancelled()\n    steps: []\n", ""},
        {JOB "    steps: []\n  b: {runs-on: x, needs: a, if: failure() && cancelled(), steps: []}\n"
             "  c: {runs-on: x, needs: [a, b], if: \"success('a') && failure('b')\", steps: []}\n"
             "  d: {runs-on: x, needs: a, if: success() && failure(), steps: []}\n",
         "constant-condition 8:33 success() && failure()"},
        {"on: workflow_call\njobs: {a: {runs-on: x, if: failure(), steps: []}}\n", ""},
        {STEPS "    - if: always()\n      run: x\n    - if: '!cancelled()'\n      run: x\n", ""},
        {STEPS "    - if: >-\n        github.ref == 'x'\n      run: x\n", ""},
    };
    RUN_CASES(cases);
}

static void jobs_that_never_run(void **state) {
    (void)state;
    static const check_case cases[] = {
        {"on: push\njobs:\n"
         "  a: {runs-on: x, if: false, steps: [{run: x}]}\n"
         "  b: {runs-on: x, needs: a, steps: [{run: x}]}\n"
         "  c: {runs-on: x, needs: [b], steps: [{run: x}]}\n"
         "  d: {runs-on: x, needs: [a], if: always(), steps: [{run: x}]}\n"
         "  e: {runs-on: x, needs: [d], steps: [{run: x}]}\n",
         "unreachable-job 4:26 a\nunreachable-job 5:27 b\nconstant-condition 3:23 false"},
        {"on: push\njobs:\n"
         "  a: {runs-on: x, if: github.event_name == 'release', steps: [{run: x}]}\n"
         "  b: {runs-on: x, if: \"github.event_name != 'release'\", steps: [{run: x}]}\n"
         "  c: {runs-on: x, needs: [a, b], steps: [{run: x}]}\n",
         "unreachable-job 5:27 a\nevent-never 3:44 'release'"},
    };
    RUN_CASES(cases);
}

static void text_of_strangers_in_scripts(void **state) {
    (void)state;
    static const check_case cases[] = {
        {RUN "echo \"${{ github.event.issue.title }}\"\n",
         "shell-injection 6:22 github.event.issue.title"},
        {RUN "echo ${{ github.event['pull_request'].head.ref }} ${{ github.head_ref || 'x' }}\n",
         "shell-injection 6:21 github.event['pull_request'].head.ref\n"
         "shell-injection 6:66 github.head_ref"},
        {RUN "echo ${{ github.event.commits[0].message }}\n",
         "shell-injection 6:21 github.event.commits[0].message"},
        {RUN "echo ${{ github.event.changes.title.from }} ${{ github.event.changes.body.from }}\n",
         "shell-injection 6:21 github.event.changes.title.from\n"
         "shell-injection 6:60 github.event.changes.body.from"},
        {RUN "echo ${{ github.event.answer.body }} ${{ toJSON(github.event.changes) }}\n",
         "shell-injection 6:21 github.event.answer.body\n"
         "shell-injection 6:60 github.event.changes"},
        {RUN "echo ${{ github.event.merge_group.head_commit.message }}\n",
         "shell-injection 6:21 github.event.merge_group.head_commit.message"},
        {RUN "echo ${{ github.event.workflow_run.head_commit.committer.name }}\n",
         "shell-injection 6:21 github.event.workflow_run.head_commit.committer.name"},
        {RUN "echo ${{ github.event.workflow_run.head_commit.committer.email }}\n",
         "shell-injection 6:21 github.event.workflow_run.head_commit.committer.email"},
        {RUN "echo ${{ join(github.event.commits.*.author.name, ',') }}\n",
         "shell-injection 6:26 github.event.commits.*.author.name"},
        {RUN "echo ${{ format('{0}', github.event.comment.body) }}\n",
         "shell-injection 6:35 github.event.comment.body"},
        {RUN "echo ${{ contains(github.event.issue.title, 'x') }} ${{ github.head_ref == 'x' }}\n",
         ""},
        {RUN "echo ${{ github.head_ref && 'yes' || 'no' }} ${{ github.event.issue.number }}\n", ""},
        {STEPS "    - env: {TITLE: '${{ github.event.issue.title }}'}\n"
               "      run: echo \"$TITLE\"\n",
         ""},
        {STEPS "    - env: {TITLE: '${{ github.event.issue.title }}'}\n"
               "      run: echo \"${{ env.TITLE }}\" ${{ env.OTHER }}\n",
         "shell-injection 7:22 env.TITLE"},
        {"on: push\nenv: {TITLE: '${{ github.head_ref }}', SAFE: '${{ github.sha }}'}\n"
         "jobs:\n  a:\n    runs-on: x\n    env: {SAFE: 1}\n    steps:\n"
         "    - run: |\n        echo one\n          echo ${{ env.TITLE }} ${{ env.SAFE }}\n",
         "shell-injection 10:20 env.TITLE"},
        {STEPS "    - uses: actions/github-script@v7\n      with:\n        script: |\n"
               "          const t = '${{ github.event.comment.body }}'\n",
         "shell-injection 9:26 github.event.comment.body"},
        {STEPS "    - uses: actions/other@v7\n      with:\n"
               "        title: ${{ github.event.issue.title }}\n",
         ""},
    };
    RUN_CASES(cases);
}

static void code_of_strangers_with_secrets(void **state) {
    (void)state;
#define TARGET(event, ref)                                                                         \
    "on: " event "\njobs:\n  a:\n    runs-on: x\n    steps:\n"                                     \
    "    - uses: actions/checkout@v4\n      with:\n        ref: " ref "\n"
    static const check_case cases[] = {
        {TARGET("pull_request_target", "${{ github.event.pull_request.head.sha }}"),
         "untrusted-checkout 8:18 github.event.pull_request.head.sha"},
        {TARGET("[push, workflow_run]", "${{ github.event.workflow_run.head_branch }}"),
         "untrusted-checkout 8:18 github.event.workflow_run.head_branch"},
        {TARGET("pull_request_target", "refs/pull/${{ github.event.number }}/merge"),
         "untrusted-checkout 8:28 github.event.number"},
        {TARGET("pull_request_target", "${{ github.base_ref }}"), ""},
        {TARGET("pull_request", "${{ github.event.pull_request.head.sha }}"), ""},
    };
    RUN_CASES(cases);
}

static void actions_and_their_inputs(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - uses: owner/repo@v1\n", "unpinned-action 6:24 v1"},
        {STEPS "    - uses: owner/repo/sub@main\n", "unpinned-action 6:28 main"},
        {STEPS "    - uses: owner/repo@0123456789abcdef0123456789abcdef01234567\n"
               "    - uses: actions/checkout@v4\n    - uses: github/codeql-action/init@v3\n"
               "    - uses: Actions/Checkout@v4\n    - uses: GitHub/x@v1.2.3\n",
         ""},
        {STEPS "    - uses: docker://alpine:3\n"
               "    - uses: docker://ghcr.io/a/b@sha256:"
               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
         "unpinned-action 6:13 docker://alpine:3"},
        {STEPS "    - uses: actions/checkout@main\n    - uses: github/x/y@master\n"
               "    - uses: actions/checkout@releases/v1\n",
         "unpinned-action 6:30 main\nunpinned-action 7:24 master"},
        {"on: push\njobs:\n  a:\n    uses: owner/repo/.github/workflows/w.yml@0123456\n",
         "unpinned-action 4:46 0123456"},
        {STEPS "    - uses: ./composite\n      with:\n        tokn: x\n        token: x\n",
         "action-input 8:9 tokn"},
        {STEPS "    - uses: ./composite\n      with: {level: 2}\n",
         "action-input 6:13 ./composite"},
        {STEPS "    - uses: ./two\n", "action-input 6:13 ./two\naction-input 6:13 ./two"},
        {STEPS "    - uses: ./composite\n      with: {TOKEN: x, old: y}\n",
         "action-input 7:24 old"},
        {STEPS "    - uses: ./docker\n      with: {entrypoint: x, args: y, arg: z}\n",
         "action-input 7:38 arg"},
        {STEPS "    - uses: ./nowhere\n      with: {any: x}\n", ""},
    };
    RUN_CASES(cases);
}

static void schedules(void **state) {
    (void)state;
#define CRON(text)                                                                                 \
    "on:\n  schedule:\n  - cron: '" text "'\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n"
    static const check_case cases[] = {
        {CRON("0 0 * * *"), ""},
        {CRON("*/5 0-23/2 1,15 JAN-mar MON-FRI"), ""},
        {CRON("30 5 * * 1,3"), ""},
        {CRON("0  0 29 2 *"), ""},
        {CRON("5/15 * * * *"), ""},
        {CRON("0 0 * *"), "cron-syntax 3:11 '0 0 * *'"},
        {CRON("@daily"), "cron-syntax 3:11 '@daily'"},
        {CRON("60 0 * * *"), "cron-syntax 3:12 60"},
        {CRON("0 24 * * *"), "cron-syntax 3:14 24"},
        {CRON("0 0 0 * *"), "cron-syntax 3:16 0"},
        {CRON("0 0 * FOO *"), "cron-syntax 3:18 FOO"},
        {CRON("0 0 * * 7"), "cron-syntax 3:20 7"},
        {CRON("0 0 * * 5-1"), "cron-syntax 3:20 5-1"},
        {CRON("*/0 0 * * *"), "cron-syntax 3:12 */0"},
        {CRON("1,,2 0 * * *"), "cron-syntax 3:12 1,,2"},
        {CRON("1, 0 * * *"), "cron-syntax 3:12 1,"},
        {CRON("0 0 31 2,4,6 *"), "cron-never 3:16 31 2,4,6"},
        {CRON("0 0 31 2 1"), ""},
        {CRON("*/90 0 * * *"), "cron-syntax 3:12 */90"},
        {CRON("0 */24 * * *"), "cron-syntax 3:14 */24"},
        {CRON("*/59 */23 */31 */12 */6"), ""},
        {CRON("* * * * *"), "cron-frequency 3:12 *"},
        {CRON("58,1 * * * *"), "cron-frequency 3:12 58,1"},
        {CRON("58,1 0-23/2 * * *"), ""},
        {"on:\n  schedule:\n  - {cron: '0 0 * * *', timezone: Europe/Berlin}\n"
         "  - {cron: '0 0 * * *', timezone: Europe/Berlni}\n"
         "jobs: {a: {runs-on: x, steps: [{run: x}]}}\n",
         "timezone 4:35 Europe/Berlni"},
    };
    RUN_CASES(cases);
}

static void filters(void **state) {
    (void)state;
#define ON(text) "on:\n  push:\n" text "jobs: {a: {runs-on: x, steps: [{run: x}]}}\n"
    static const check_case cases[] = {
        {ON("    branches: [main, 'releases/**', '!releases/old']\n    tags-ignore: [v0*]\n"), ""},
        {ON("    branches: [main]\n    branches-ignore: [x]\n"),
         "filter-conflict 4:5 branches-ignore"},
        {ON("    paths: ['!docs/**']\n"), "filter-conflict 3:13 '!docs/**'"},
        {ON("    paths: [./src/**, /docs, ../x, src/./a, '/?ok', '!./b', '**/c', '.github/**']\n"),
         "filter-pattern 3:13 ./src/**\nfilter-pattern 3:23 /docs\nfilter-pattern 3:30 ../x\n"
         "filter-pattern 3:53 '!./b'"},
        {ON("    branches: ['a b', 'a~1', 'a^', 'a:b', a..b, /a, a/, 'a\\\\b', '!a/', '\\*']\n"),
         "filter-pattern 3:16 'a b'\nfilter-pattern 3:23 'a~1'\nfilter-pattern 3:30 'a^'\n"
         "filter-pattern 3:36 'a:b'\nfilter-pattern 3:43 a..b\nfilter-pattern 3:49 /a\n"
         "filter-pattern 3:53 a/\nfilter-pattern 3:57 'a\\\\b'\nfilter-pattern 3:65 '!a/'\n"
         "filter-pattern 3:72 '\\*'"},
        {ON("    tags: ['v[0-9]+.[0-9]+', 'a ?b', 'a.?.b', '[ ^~]x', 'a/**', '**/a', 'a/?', "
            "'\\!a', "
            "'\\+', 'v*.*', '!v1', '**', 'a.[.]b']\n"),
         ""},
        {ON("    branches: ['[a-']\n"), "filter-pattern 3:16 '[a-'"},
    };
    RUN_CASES(cases);
}

static void shells_and_runners(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - {run: x, shell: bsh}\n", "unknown-shell 6:23 bsh"},
        {STEPS "    - {run: x, shell: bash -x}\n", "unknown-shell 6:23 bash -x"},
        {STEPS "    - {run: x, shell: 'perl {0}'}\n    - {run: x, shell: pwsh}\n", ""},
        {JOB "    defaults: {run: {shell: zsh}}\n    steps: [{run: x}]\n",
         "unknown-shell 5:29 zsh"},
        {"on: push\ndefaults: {run: {shell: fish}}\njobs: {a: {runs-on: x, steps: []}}\n",
         "unknown-shell 2:25 fish"},
        {"on: push\njobs: {a: {runs-on: ubunut-latest, steps: []}}\n",
         "runner-label 2:21 ubunut-latest"},
        {"on: push\njobs: {a: {runs-on: [windows-2019], steps: []}}\n",
         "runner-label 2:22 windows-2019"},
        {"on: push\njobs: {a: {runs-on: [self-hosted, ubuntu-24], steps: []}}\n", ""},
        {"on: push\njobs: {a: {runs-on: ubuntu-latest-8-cores, steps: []}}\n", ""},
        {"on: push\njobs:\n  a:\n    runs-on: ${{ matrix.os }}\n    steps: []\n"
         "    strategy: {matrix: {os: [ubuntu-latest, macos-lates]}}\n",
         "runner-label 6:45 macos-lates"},
    };
    RUN_CASES(cases);
}

static void deprecated_commands(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - run: |\n        echo \"::set-output name=a::b\"\n"
               "        # ::set-output name=c::d\n        echo ::add-path::/x\n",
         "deprecated-command 7:15 ::set-output name=\ndeprecated-command 9:14 ::add-path::"},
        {RUN "echo '::save-state name=x::y' '::set-env name=a::b'\n",
         "deprecated-command 6:18 ::save-state name=\ndeprecated-command 6:43 ::set-env name="},
    };
    RUN_CASES(cases);
}

static void what_should_not_be_in_a_file(void **state) {
    (void)state;
    static const check_case cases[] = {
        {JOB "    container:\n      image: x\n      credentials: {username: u, password: p}\n"
             "    services:\n      db:\n        image: y\n"
             "        credentials: {username: u, password: '${{ secrets.P }}'}\n    steps: []\n",
         "hardcoded-credentials 7:44 p"},
        {"on: push\npermissions: write-all\njobs:\n  a:\n    runs-on: x\n"
         "    permissions: write-all\n    steps: []\n",
         "write-all 2:14 write-all\nwrite-all 6:18 write-all"},
        {"on: push\npermissions: {contents: write}\njobs: {a: {runs-on: x, steps: []}}\n", ""},
    };
    RUN_CASES(cases);
}

static void names_of_environments(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, got = STRBUF_INIT;
    strbuf_adds(&text, JOB "    environment: ");
    strbuf_pad(&text, 'e', 256);
    strbuf_adds(&text, "\n    steps: []\n");
    found_in(strbuf_cstr(&text), false, NULL, &got);
    assert_true(str_starts(strbuf_str(&got), STR("environment-name 5:18 eee")));
}

/* The part is found in the file however the scalar is written. */
static void places_in_every_style(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - run: 'it''s ${{ github.x }}'\n", "unknown-property 6:30 x"},
        {STEPS "    - run: \"a\\t\\u00e9\\\" ${{ github.x }}\"\n", "unknown-property 6:36 x"},
        {STEPS "    - run: \"a\n        b ${{ github.x }}\"\n", "unknown-property 7:22 x"},
        {STEPS "    - run: \"a\\\n        b ${{ github.x }}\"\n", "unknown-property 7:22 x"},
        {STEPS "    - run: a\n        b\n\n        ${{ github.x }}\n", "unknown-property 9:20 x"},
        {STEPS "    - run: >\n        a\n        b ${{ github.x }}\n\n        c ${{ github.y }}\n",
         "unknown-property 8:22 x\nunknown-property 10:22 y"},
        {STEPS "    - run: |+2\n          a\n        ${{ github.x }}\n\n",
         "unknown-property 8:20 x"},
        {STEPS "    - run: &a !!str ${{ github.x }}\n", "unknown-property 6:32 x"},
        {STEPS "    - run: \xC3\xA9\xE2\x82\xAC ${{ github.x }}\n", "unknown-property 6:26 x"},
        {STEPS "    - run: ${{ format('{0}',\n        github.x) }}\n", "unknown-property 7:16 x"},
    };
    RUN_CASES(cases);
}

static void what_an_alias_repeats_is_said_once(void **state) {
    (void)state;
    static const check_case cases[] = {
        {STEPS "    - &s\n      run: ${{ github.x }}\n    - *s\n    - *s\n",
         "unknown-property 7:23 x"},
    };
    RUN_CASES(cases);
}

static void composite_actions(void **state) {
    (void)state;
#define ACTION "name: n\ndescription: d\ninputs: {flag: {default: 'x'}}\n"
    static const check_case cases[] = {
        {ACTION "outputs: {o: {value: '${{ steps.one.outputs.x }} ${{ steps.two.outcome }}'}}\n"
                "runs:\n  using: composite\n  steps:\n"
                "  - {id: one, shell: bash, run: 'echo ${{ inputs.flag }} ${{ inputs.flg }}'}\n",
         "unknown-input 8:69 flg\nunknown-step 4:60 two"},
        {ACTION "runs:\n  using: composite\n  steps:\n"
                "  - {if: inputs.flag == true, shell: bash, run: 'echo ${{ github.head_ref }}'}\n"
                "  - {shell: bash, run: 'echo ${{ matrix.any }} ${{ job.status }}'}\n",
         "comparison 7:10 inputs.flag == true\nshell-injection 7:59 github.head_ref"},
    };
    run_cases(cases, sizeof cases / sizeof *cases, true);
}

static void suggestions_name_what_was_meant(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    static const char *const texts[][2] = {
        {RUN "${{ github.reff }}\n", "did you mean 'ref'?"},
        {STEPS "    - {run: x, shell: bsh}\n", "did you mean 'bash'?"},
        {RUN "echo ${{ github.event.issue.title }}\n",
         "set `env: TITLE: ${{ github.event.issue.title }}` and write \"$TITLE\" in the script"},
        {RUN "echo ${{ toJSON(github.event) }}\n",
         "set `env: EVENT: ${{ toJSON(github.event) }}` and write \"$EVENT\" in the script"},
        {STEPS "    - {run: x, id: s}\n    - run: ${{ steps.x.outcome }}\n",
         "give the step that id, and put it before the step that reads it"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        workflow *w;
        problem_list found = {.a = a};
        err e;
        workflow_options how = {0};
        assert_int_equal(workflow_parse(a, str_from(texts[i][0]), "w.yml", &how, &w, &e), 0);
        check_refused(w, &found);
        check_workflow(w, NULL, &found);
        assert_int_equal(found.count, 1);
        assert_str(found.items[0].help, texts[i][1]);
    }
}

/* ---- what is right ------------------------------------------------------------------------- */

/* Everything that a careful workflow does, and nothing that it should not. */
static void a_workflow_that_is_right_gives_no_findings(void **state) {
    (void)state;
    static const check_case cases[] = {
        {"name: CI\n"
         "on:\n  push: {branches: [main, 'v*'], paths-ignore: ['**.md']}\n  pull_request:\n"
         "  schedule: [{cron: '17 4 * * 1-5', timezone: America/New_York}]\n"
         "  workflow_dispatch:\n    inputs:\n      dry: {type: boolean, default: false}\n"
         "      where: {type: choice, options: [a, b]}\n"
         "permissions: {contents: read}\n"
         "concurrency: {group: 'ci-${{ github.ref }}', cancel-in-progress: "
         "\"${{ github.event_name == 'pull_request' }}\"}\n"
         "env: {BRANCH: '${{ github.head_ref || github.ref_name }}'}\n"
         "defaults: {run: {shell: bash}}\n"
         "jobs:\n"
         "  test:\n    name: test ${{ matrix.os }}\n    runs-on: ${{ matrix.os }}\n"
         "    strategy:\n      fail-fast: ${{ github.ref != 'refs/heads/main' }}\n"
         "      matrix:\n        os: [ubuntu-24.04, macos-15]\n        node: [18, 20]\n"
         "        include: [{os: ubuntu-24.04, experimental: true}]\n"
         "    continue-on-error: ${{ matrix.experimental || false }}\n"
         "    timeout-minutes: ${{ fromJSON(vars.MINUTES || '30') }}\n"
         "    outputs: {version: '${{ steps.v.outputs.version }}'}\n"
         "    steps:\n    - uses: actions/checkout@v4\n"
         "    - id: v\n      run: echo \"version=$BRANCH\" >> \"$GITHUB_OUTPUT\"\n"
         "    - if: ${{ matrix.node == 18 && runner.os == 'Linux' }}\n"
         "      run: echo '${{ hashFiles('**/package-lock.json') }} ${{ toJSON(matrix) }}'\n"
         "    - if: failure() && steps.v.outcome == 'failure'\n"
         "      uses: owner/repo@0123456789abcdef0123456789abcdef01234567\n"
         "      with: {title: '${{ github.event.pull_request.title }}'}\n"
         "  deploy:\n    needs: [test]\n    runs-on: [self-hosted, linux]\n"
         "    if: >-\n      ${{ !cancelled() && needs.test.result == 'success' && !inputs.dry }}\n"
         "    environment: {name: '${{ inputs.where }}', url: '${{ steps.d.outputs.url }}'}\n"
         "    container:\n      image: node:20\n"
         "      credentials: {username: x, password: '${{ secrets.PASSWORD }}'}\n"
         "    steps:\n    - {id: d, run: 'deploy ${{ needs.test.outputs.version }}'}\n"
         "    - {run: 'print 1', shell: 'perl {0}', working-directory: '${{ github.workspace }}'}\n"
         "  call:\n    needs: deploy\n    uses: ./w.yml\n"
         "  last:\n    needs: call\n    runs-on: ubuntu-latest\n"
         "    steps: [{run: 'echo ${{ needs.call.outputs.image }}'}]\n",
         ""},
    };
    RUN_CASES(cases);
}

static void check_repository(arena *a, char *root, size_t *files) {
    fs_entry *entries;
    size_t count;
    err e = {0};
    char *folder = fs_join(a, root, STR(".github/workflows"));
    if (fs_list(a, folder, &entries, &count, &e)) return;
    for (size_t i = 0; i < count; i++) {
        char *path = fs_join(a, folder, entries[i].name);
        str text;
        assert_int_equal(fs_read(a, path, 1 << 20, &text, &e), 0);
        _cleanup_strbuf_ strbuf got = STRBUF_INIT;
        found_in(arena_cstr(a, text), false, root, &got);
        if (got.len) fail_msg("%s\n%s", path, strbuf_cstr(&got));
        ++*files;
    }
}

static void the_workflows_of_this_project_give_no_findings(void **state) {
    (void)state;
    const char *root = getenv("SLIPWAY_SOURCE");
    _cleanup_arena_ arena *a = arena_new();
    size_t files = 0;
    if (!root) skip();
    check_repository(a, arena_cstr(a, str_from(root)), &files);
    check_repository(a, fs_join(a, root, STR("examples/shop")), &files);
    assert_true(files > 0);
}

/* ---- literals -------------------------------------------------------------------------------- */

static void defaults_that_their_inputs_cannot_have(void **state) {
    (void)state;
#define INPUT(event, spec)                                                                         \
    "on:\n  " event ":\n    inputs:\n      i: {" spec                                              \
    "}\njobs:\n  a:\n    runs-on: ubuntu-latest\n"                                                 \
    "    steps: [{run: x}]\n"
    static const check_case cases[] = {
        {INPUT("workflow_dispatch", "type: number, default: abc"), "input-default 4:34 abc"},
        {INPUT("workflow_dispatch", "type: number, default: 5"), ""},
        {INPUT("workflow_dispatch", "type: number, default: '5'"), ""},
        {INPUT("workflow_dispatch", "type: number, default: ''"), ""},
        {INPUT("workflow_dispatch", "type: boolean, default: maybe"), "input-default 4:35 maybe"},
        {INPUT("workflow_dispatch", "type: boolean, default: 'true'"), ""},
        {INPUT("workflow_dispatch", "type: choice, options: [a, b], default: c"),
         "input-default 4:51 c"},
        {INPUT("workflow_dispatch", "type: choice, options: [a, b], default: b"), ""},
        {INPUT("workflow_dispatch", "type: choice, options: [1, 2], default: 2"), ""},
        {INPUT("workflow_dispatch", "default: abc"), ""},
        {INPUT("workflow_call", "type: number, default: abc"), "input-default 4:34 abc"},
        {INPUT("workflow_call", "type: boolean, default: 1"), "input-default 4:35 1"},
        {INPUT("workflow_call", "type: number, default: '${{ github.run_number }}'"), ""},
    };
    RUN_CASES(cases);
}

static void matrices_of_more_than_256_configurations(void **state) {
    (void)state;
#define TEN       "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
#define MATRIX(m) JOB "    strategy: {matrix: {" m "}}\n    steps: [{run: x}]\n"
    static const struct {
        const char *text;
        size_t errors;
    } cases[] = {
        {MATRIX("x: " TEN ", y: " TEN ", z: [1, 2]"), 0},
        {MATRIX("x: " TEN ", y: " TEN ", z: [1, 2, 3]"), 1},
        {MATRIX("x: " TEN ", y: " TEN ", z: [1, 2, 3], exclude: [{z: 3}]"), 0},
        {MATRIX("x: " TEN ", y: " TEN ", z: " TEN ", u: " TEN ", v: " TEN ", w: " TEN), 1},
        {MATRIX("x: " TEN ", y: '${{ fromJSON(vars.Y) }}', z: " TEN ", u: " TEN), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        problem_list found = {.a = a};
        workflow *w;
        err e;
        assert_int_equal(workflow_parse(a, str_from(cases[i].text), "w.yml", NULL, &w, &e), 0);
        assert_int_equal(w->problems.count, 0);
        check_refused(w, &found);
        assert_int_equal(found.errors, cases[i].errors);
        if (!found.count) continue;
        assert_string_equal(found.items[0].rule, "limit");
        assert_int_equal(found.items[0].where.line, 5);
        assert_int_equal(found.items[0].where.column, 24);
    }
}

static void numbers_that_must_be_positive(void **state) {
    (void)state;
    static const check_case cases[] = {
        {JOB "    timeout-minutes: 0\n    strategy: {max-parallel: -1, matrix: {x: [1]}}\n"
             "    steps: [{run: x, timeout-minutes: -0.5}]\n",
         "positive-number 5:22 0\npositive-number 6:30 -1\npositive-number 7:39 -0.5"},
        {JOB "    timeout-minutes: 1\n    strategy: {max-parallel: 2, matrix: {x: [1]}}\n"
             "    steps: [{run: x, timeout-minutes: '${{ 0 }}'}]\n",
         ""},
    };
    RUN_CASES(cases);
}

/* ---- documentation ------------------------------------------------------------------------- */

static void every_rule_is_documented_as_it_is(void **state) {
    (void)state;
    static const char *const levels[] = {"error", "warning", "note"};
    const char *root = getenv("SLIPWAY_SOURCE");
    _cleanup_arena_ arena *a = arena_new();
    size_t count, rows = 0;
    str text, line;
    err e = {0};
    if (!root) skip();
    if (fs_read(a, fs_join(a, root, STR("docs/check.md")), 1 << 20, &text, &e))
        fail_msg("%s", e.message);
    const check_rule *rules = check_rules(&count);
    for (size_t i = 0; i < count; i++) {
        str row = arena_printf(a, "| `%s` | %s | %s | %s |\n", rules[i].id, levels[rules[i].level],
                               rules[i].summary, rules[i].help);
        if (str_find(text, row) < 0) fail_msg("docs/check.md lacks: %.*s", STR_ARG(row));
    }
    while (str_line(&text, &line))
        rows += str_starts(line, STR("| `"));
    assert_int_equal(rows, count);
}

static bool is_rule(const char *id) {
    size_t count;
    const check_rule *rules = check_rules(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rules[i].id, id)) return true;
    return false;
}

static void what_the_parser_refuses_has_a_rule_too(void **state) {
    (void)state;
    static const struct {
        const char *text, *rule;
        workflow_limits limits;
    } cases[] = {
        {"on: push\n", "syntax", {0}},
        {RUN "${{ gihub.sha }}\n", "expression", {0}},
        {JOB "    needs: b\n    steps: [{run: x}]\n", "needs", {0}},
        {RUN "x\n", "limit", {.max_depth = 2}},
        {RUN "x\n  b: {runs-on: x, steps: [{run: x}]}\n", "job-limit", {.max_jobs = 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        workflow *w;
        err e;
        workflow_options how = {.limits = cases[i].limits};
        assert_int_equal(workflow_parse(a, str_from(cases[i].text), "w.yml", &how, &w, &e), 0);
        assert_true(w->problems.errors > 0);
        assert_string_equal(w->problems.items[0].rule, cases[i].rule);
        assert_true(is_rule(cases[i].rule));
    }
    assert_true(is_rule("permissions") && is_rule("nesting"));
}

/* ---- size ---------------------------------------------------------------------------------- */

/* Each of many jobs reads one of many outputs: it took minutes. */
static void large_workflows_are_checked_in_no_time(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, got = STRBUF_INIT;
    strbuf_adds(&text, STEPS "    - run: x\n    outputs:\n");
    for (int i = 0; i < 6000; i++)
        strbuf_addf(&text, "      o%d: x\n", i);
    for (int i = 0; i <= 1500; i++)
        strbuf_addf(&text,
                    "  b%d:\n    needs: a\n    runs-on: ubuntu-latest\n    steps:\n"
                    "    - run: echo ${{ needs.a.outputs.o%d }}\n",
                    i, i * 4);
    found_in(strbuf_cstr(&text), false, NULL, &got);
    assert_string_equal(strbuf_cstr(&got), "unknown-output 13512:37 o6000");
}

/* Far to the right of a line the place of a finding is that of its whole scalar: to count columns
 * for each took minutes. */
static void a_file_of_one_line_is_checked_in_no_time(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: a}");
    for (int i = 0; i < 7000; i++)
        strbuf_addf(&text, ", {run: \"echo ${{ github.event.head_commit.message }} %070d\"}", i);
    strbuf_adds(&text, "]}}\n");
    workflow *w;
    err e = {0};
    problem_list found = {.a = a};
    assert_int_equal(workflow_parse(a, strbuf_str(&text), "w.yml", NULL, &w, &e), 0);
    assert_int_equal(w->problems.count, 0);
    check_workflow(w, &(check_options){0}, &found);
    assert_int_equal(found.count, 7000);
    str rest = strbuf_str(&text), line;
    str_line(&rest, &line);
    assert_int_equal(found.items[0].where.column,
                     str_find(rest, STR("github.event.head_commit.message")) + 1);
    str needle = STR("\"echo ${{ github.event.head_commit.message }} "
                     "0000000000000000000000000000000000000000000000000000000000000000006999");
    assert_int_equal(found.items[6999].where.column, str_find(rest, needle) + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_one_line_is_checked_in_no_time),
        cmocka_unit_test(large_workflows_are_checked_in_no_time),
        cmocka_unit_test(properties_that_contexts_do_not_have),
        cmocka_unit_test(jobs_that_are_not_needed),
        cmocka_unit_test(steps_that_have_not_run),
        cmocka_unit_test(inputs_that_are_not_declared),
        cmocka_unit_test(matrix_keys_that_do_not_exist),
        cmocka_unit_test(excludes_that_cannot_be_meant),
        cmocka_unit_test(outputs_of_reusable_workflows),
        cmocka_unit_test(values_of_the_wrong_kind),
        cmocka_unit_test(comparisons_with_one_result),
        cmocka_unit_test(formats_and_json),
        cmocka_unit_test(conditions_that_say_nothing),
        cmocka_unit_test(jobs_that_never_run),
        cmocka_unit_test(text_of_strangers_in_scripts),
        cmocka_unit_test(code_of_strangers_with_secrets),
        cmocka_unit_test(actions_and_their_inputs),
        cmocka_unit_test(schedules),
        cmocka_unit_test(filters),
        cmocka_unit_test(shells_and_runners),
        cmocka_unit_test(deprecated_commands),
        cmocka_unit_test(what_should_not_be_in_a_file),
        cmocka_unit_test(names_of_environments),
        cmocka_unit_test(places_in_every_style),
        cmocka_unit_test(what_an_alias_repeats_is_said_once),
        cmocka_unit_test(composite_actions),
        cmocka_unit_test(suggestions_name_what_was_meant),
        cmocka_unit_test(a_workflow_that_is_right_gives_no_findings),
        cmocka_unit_test(the_workflows_of_this_project_give_no_findings),
        cmocka_unit_test(defaults_that_their_inputs_cannot_have),
        cmocka_unit_test(matrices_of_more_than_256_configurations),
        cmocka_unit_test(numbers_that_must_be_positive),
        cmocka_unit_test(every_rule_is_documented_as_it_is),
        cmocka_unit_test(what_the_parser_refuses_has_a_rule_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
