/* Reading action.yml. */
#include "unit.h"

#include "workflow/action.h"

static const action *parse(arena *a, const char *text) {
    action *act;
    err e = {0};
    assert_int_equal(action_parse(a, str_from(text), "dir/action.yml", &act, &e), 0);
    return act;
}

static const action *parse_well(arena *a, const char *text) {
    const action *act = parse(a, text);
    if (act->problems.count > 0)
        fail_msg("line %u: %.*s", act->problems.items[0].where.line,
                 STR_ARG(act->problems.items[0].message));
    return act;
}

static void a_javascript_action_has_entries_and_conditions(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const action *act = parse_well(a, "name: Greet\n"
                                      "description: Says hello\n"
                                      "runs:\n"
                                      "  using: node20\n"
                                      "  pre: setup.js\n"
                                      "  pre-if: runner.os == 'Linux'\n"
                                      "  main: index.js\n"
                                      "  post: cleanup.js\n");
    assert_int_equal(act->kind, ACTION_NODE);
    assert_str(act->using, "node20");
    assert_str(act->main, "index.js");
    assert_str(act->pre, "setup.js");
    assert_str(act->post, "cleanup.js");
    assert_str(act->pre_if_text, "runner.os == 'Linux'");
    assert_non_null(act->pre_if);
    assert_null(act->post_if);
    assert_str(act->name, "Greet");
    assert_str(act->description, "Says hello");
    assert_str(str_from(act->path), "dir/action.yml");
}

static void a_composite_action_has_steps_like_a_job(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const action *act = parse_well(a, "name: n\n"
                                      "description: d\n"
                                      "runs:\n"
                                      "  using: composite\n"
                                      "  steps:\n"
                                      "    - run: echo ${{ inputs.who }}\n"
                                      "      shell: bash\n"
                                      "    - id: second\n"
                                      "      if: inputs.deep\n"
                                      "      uses: ./nested\n"
                                      "      with:\n"
                                      "        who: me\n");
    assert_int_equal(act->kind, ACTION_COMPOSITE);
    assert_int_equal(act->step_count, 2);
    assert_int_equal(act->steps[0].kind, STEP_RUN);
    assert_str(act->steps[0].id, "__run");
    assert_str(act->steps[0].condition->text, "success()");
    assert_str(act->steps[0].run->text, "format('echo {0}', inputs.who)");
    assert_int_equal(act->steps[1].kind, STEP_USES);
    assert_str(act->steps[1].id, "second");
    assert_true(act->steps[1].id_given);
    assert_str(act->steps[1].condition->text, "success() && (inputs.deep)");
    assert_str(token_text(token_get(act->steps[1].with, "who")), "me");
}

static void a_container_action_has_an_image_and_entry_points(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const action *act = parse_well(a, "name: n\n"
                                      "description: d\n"
                                      "runs:\n"
                                      "  using: docker\n"
                                      "  image: Dockerfile\n"
                                      "  entrypoint: /main.sh\n"
                                      "  args: ['${{ inputs.who }}']\n"
                                      "  post-entrypoint: /post.sh\n"
                                      "  post-if: failure()\n");
    assert_int_equal(act->kind, ACTION_DOCKER);
    assert_str(act->image, "Dockerfile");
    assert_str(act->main, "/main.sh");
    assert_str(act->post, "/post.sh");
    assert_non_null(act->post_if);
}

static void inputs_and_outputs_keep_their_tokens_and_places(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const action *act = parse_well(a, "name: n\n"
                                      "description: d\n"
                                      "inputs:\n"
                                      "  who:\n"
                                      "    description: whom to greet\n"
                                      "    required: true\n"
                                      "  token:\n"
                                      "    default: ${{ github.token }}\n"
                                      "  old:\n"
                                      "    deprecationMessage: use who\n"
                                      "outputs:\n"
                                      "  time:\n"
                                      "    description: when\n"
                                      "    value: ${{ steps.greet.outputs.time }}\n"
                                      "runs:\n"
                                      "  using: composite\n"
                                      "  steps: []\n");
    assert_int_equal(act->input_count, 3);
    assert_str(act->inputs[0].name, "who");
    assert_true(act->inputs[0].required);
    assert_null(act->inputs[0].value);
    assert_int_equal(act->inputs[1].value->kind, TOKEN_EXPR);
    assert_str(act->inputs[1].value->text, "github.token");
    assert_int_equal(act->inputs[1].where.line, 7);
    assert_str(act->inputs[2].deprecation, "use who");
    assert_int_equal(act->output_count, 1);
    assert_str(act->outputs[0].value->text, "steps.greet.outputs.time");
}

static void what_cannot_run_is_an_error_with_a_place(void **state) {
    static const struct {
        const char *text, *message;
        unsigned line;
    } cases[] = {
        {"name: n\ndescription: d\n", "Top level 'runs:' section is required for dir/action.yml",
         1},
        {"runs:\n  using: node20\n  main: ''\n", "Unexpected value ''", 3},
        {"runs:\n  using: node8\n  main: a.js\n",
         "'using: node8' is not supported, use 'docker', 'composite', 'node12', 'node16', 'node20' "
         "or 'node24' instead.",
         2},
        {"runs:\n  main: a.js\n",
         "Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', 'node16', "
         "'node20' or 'node24'.",
         2},
        {"runs:\n  using: node20\n  pre: a.js\n",
         "You are using a JavaScript Action but there is not an entry JavaScript file provided in "
         "dir/action.yml.",
         2},
        {"runs:\n  using: docker\n  entrypoint: a\n",
         "You are using a Container Action but an image is not provided in dir/action.yml.", 2},
        {"runs:\n  using: composite\n  steps:\n    - run: echo\n",
         "Required property is missing: shell", 4},
        {"runs:\n  using: composite\n  steps:\n    - run: ${{ secrets.A }}\n      shell: sh\n",
         "Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.A",
         4},
        {"runs:\n  using: composite\n  steps:\n    - if: needs.a\n      run: a\n      shell: sh\n",
         "Unrecognized named-value: 'needs'. Located at position 1 within expression: needs.a", 4},
        {"runs:\n  using: node20\n  main: a.js\n  post-if: nonsense()\n",
         "Unrecognized function: 'nonsense'. Located at position 1 within expression: nonsense()",
         4},
        {"- a\n", "A sequence was not expected", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const action *act = parse(a, cases[i].text);
        assert_int_not_equal(act->problems.errors, 0);
        assert_int_equal(act->problems.items[0].level, SEVERITY_ERROR);
        assert_str(act->problems.items[0].message, cases[i].message);
        assert_int_equal(act->problems.items[0].where.line, cases[i].line);
    }
}

static void what_only_the_documentation_asks_for_is_a_warning(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const action *act = parse(a, "name: n\n"
                                 "homepage: https://example.org\n"
                                 "runs:\n"
                                 "  using: node20\n"
                                 "  main: index.js\n");
    assert_int_equal(act->problems.errors, 0);
    assert_int_equal(act->problems.count, 2);
    assert_str(act->problems.items[0].message, "Unexpected value 'homepage'");
    assert_int_equal(act->problems.items[0].level, SEVERITY_WARNING);
    assert_int_equal(act->problems.items[0].where.line, 2);
    assert_str(act->problems.items[1].message, "Required property is missing: description");
    assert_str(act->main, "index.js");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_javascript_action_has_entries_and_conditions),
        cmocka_unit_test(a_composite_action_has_steps_like_a_job),
        cmocka_unit_test(a_container_action_has_an_image_and_entry_points),
        cmocka_unit_test(inputs_and_outputs_keep_their_tokens_and_places),
        cmocka_unit_test(what_cannot_run_is_an_error_with_a_place),
        cmocka_unit_test(what_only_the_documentation_asks_for_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
