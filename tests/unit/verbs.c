/* The verb table is the only source of what the command line says of itself: nothing in it may be
 * missing, and everything made from it must hold all of it. */
#include "unit.h"

#include "base/process.h"
#include "cli/verbs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool holds(const strbuf *text, const char *what) {
    return str_find(strbuf_str(text), str_from(what)) >= 0;
}

static void every_verb_is_complete(void **state) {
    (void)state;
    for (size_t i = 0; verbs[i]; i++) {
        const verb *v = verbs[i];
        assert_non_null(v->name);
        assert_true(v->summary && *v->summary && !str_ends(str_from(v->summary), STR(".")));
        assert_true(v->help && str_ends(str_from(v->help), STR(".")));
        assert_non_null(v->arguments);
        assert_non_null(v->run);
        assert_true(v->min_args <= v->max_args);
        assert_int_equal(v->max_args == 0, *v->arguments == '\0');
        assert_int_equal(v->complete == COMPLETE_WORDS, v->words != NULL);
        assert_ptr_equal(verb_find(str_from(v->name)), v);
    }
}

static void every_option_is_documented_and_unique(void **state) {
    (void)state;
    for (size_t i = 0; verbs[i]; i++) {
        bool letters[128] = {0};
        for (const option_spec *s = verbs[i]->options; s && s->name; s++) {
            if (!s->help || !str_ends(str_from(s->help), STR(".")) || !isupper(s->help[0]))
                fail_msg("%s --%s: help is a sentence", verbs[i]->name, s->name);
            assert_int_equal(s->complete == COMPLETE_WORDS, s->words != NULL);
            if (!s->arg) assert_int_equal(s->complete, COMPLETE_NOTHING);
            for (const option_spec *other = verbs[i]->options; other < s; other++)
                assert_string_not_equal(other->name, s->name);
            for (const option_spec *c = common_options; c->name; c++) {
                assert_string_not_equal(c->name, s->name);
                assert_true(!s->letter || c->letter != s->letter);
            }
            if (s->letter) assert_false(letters[(unsigned char)s->letter]);
            letters[(unsigned char)s->letter] = true;
        }
    }
}

static void help_names_every_verb_and_option(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    help_program(&all);
    for (size_t i = 0; verbs[i]; i++) {
        assert_true(holds(&all, verbs[i]->name) && holds(&all, verbs[i]->summary));
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        help_verb(&text, verbs[i]);
        for (const option_spec *s = verbs[i]->options; s && s->name; s++) {
            _cleanup_strbuf_ strbuf term = STRBUF_INIT;
            strbuf_addf(&term, "--%s%s%s", s->name, s->arg ? " " : "", s->arg ? s->arg : "");
            assert_true(holds(&text, strbuf_cstr(&term)));
        }
    }
}

static void help_fits_into_eighty_columns(void **state) {
    (void)state;
    for (size_t i = 0; verbs[i]; i++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        help_verb(&text, verbs[i]);
        str rest = strbuf_str(&text), line;
        while (str_line(&rest, &line)) {
            bool example = str_starts(line, STR("  slipway "));
            if (line.len > 80 && !example) fail_msg("%.*s", STR_ARG(line));
        }
    }
}

static void completion_offers_every_option(void **state) {
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t k = 0; k < 3; k++) {
        _cleanup_strbuf_ strbuf script = STRBUF_INIT;
        assert_true(completion_script(&script, str_from(shells[k])));
        for (size_t i = 0; verbs[i]; i++) {
            assert_true(holds(&script, verbs[i]->name));
            for (const option_spec *s = verbs[i]->options; s && s->name; s++)
                assert_true(holds(&script, s->name));
        }
        assert_true(holds(&script, "workflow_dispatch"));
    }
    _cleanup_strbuf_ strbuf none = STRBUF_INIT;
    assert_false(completion_script(&none, STR("tcsh")));
}

static bool run(arena *a, const char *const *argv, str input, process_result *ret) {
    process_spec spec = {.argv = argv, .input = input, .timeout_ms = 20000};
    err e = {0};
    return process_run(a, &spec, ret, &e) == 0 && ret->status != 127;
}

static void completion_is_accepted_by_its_shell(void **state) {
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t k = 0; k < 3; k++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf script = STRBUF_INIT;
        completion_script(&script, str_from(shells[k]));
        process_result result;
        const char *argv[] = {shells[k], "-n", "/dev/stdin", NULL};
        if (!run(a, argv, strbuf_str(&script), &result)) continue; /* not installed */
        if (result.status != 0) fail_msg("%s: %.*s", shells[k], STR_ARG(result.err_out));
    }
}

static void bash_completes_verbs_options_and_events(void **state) {
    (void)state;
    static const struct {
        const char *words, *expected;
    } cases[] = {
        {"slipway com", "completion"},
        {"slipway completion z", "zsh"},
        {"slipway help ver", "version"},
        {"slipway run --dry", "--dry-run"},
        {"slipway run workflow_d", "workflow_dispatch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf script = STRBUF_INIT;
        completion_script(&script, STR("bash"));
        strbuf_addf(&script,
                    "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _slipway\n"
                    "echo \"${COMPREPLY[*]}\"\n",
                    cases[i].words);
        process_result result;
        const char *argv[] = {"bash", "--norc", "/dev/stdin", NULL};
        assert_true(run(a, argv, strbuf_str(&script), &result));
        assert_str(str_trim(result.out), cases[i].expected);
    }
}

/* groff names what it cannot make of a page on stderr; so does mandoc -T lint. */
static void the_manual_renders_without_warnings(void **state) {
    (void)state;
    static const char *const groff[] = {"groff", "-man", "-ww", "-Tutf8", "-z", NULL};
    static const char *const mandoc[] = {"mandoc", "-Tlint", "-Wwarning", NULL};
    const char *const *const programs[] = {groff, mandoc};
    bool rendered = false;
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i == 0 || verbs[i - 1]; i++) {
            _cleanup_arena_ arena *a = arena_new();
            _cleanup_strbuf_ strbuf page = STRBUF_INIT;
            process_result result;
            man_page(&page, i ? verbs[i - 1] : NULL);
            if (!run(a, programs[p], strbuf_str(&page), &result)) break;
            rendered = true;
            if (result.err_out.len || (p == 1 && result.out.len))
                fail_msg("%s: %.*s%.*s", programs[p][0], STR_ARG(result.err_out),
                         STR_ARG(result.out));
        }
    }
    if (!rendered) skip();
}

static void the_manual_holds_every_option(void **state) {
    (void)state;
    for (size_t i = 0; verbs[i]; i++) {
        _cleanup_strbuf_ strbuf page = STRBUF_INIT;
        man_page(&page, verbs[i]);
        for (const option_spec *s = verbs[i]->options; s && s->name; s++) {
            _cleanup_strbuf_ strbuf name = STRBUF_INIT;
            strbuf_adds(&name, "\\-\\-");
            for (const char *c = s->name; *c; c++)
                strbuf_addf(&name, "%s%c", *c == '-' ? "\\" : "", *c);
            assert_true(holds(&page, strbuf_cstr(&name)));
        }
    }
}

static void a_mistyped_verb_is_recognised(void **state) {
    (void)state;
    assert_str(verb_nearest(STR("hlep")), "help");
    assert_str(verb_nearest(STR("xyzzy")), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_complete),
        cmocka_unit_test(every_option_is_documented_and_unique),
        cmocka_unit_test(help_names_every_verb_and_option),
        cmocka_unit_test(help_fits_into_eighty_columns),
        cmocka_unit_test(completion_offers_every_option),
        cmocka_unit_test(completion_is_accepted_by_its_shell),
        cmocka_unit_test(bash_completes_verbs_options_and_events),
        cmocka_unit_test(the_manual_renders_without_warnings),
        cmocka_unit_test(the_manual_holds_every_option),
        cmocka_unit_test(a_mistyped_verb_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
