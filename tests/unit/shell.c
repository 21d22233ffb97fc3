#include "unit.h"

#include "base/fs.h"
#include "runner/shell.h"

#include <stdlib.h>
#include <sys/stat.h>

/* A folder with programs of these names (separated by spaces): the PATH of a case. */
static str bin_with(arena *a, const char *programs) {
    char *dir;
    err e = {0};
    str rest = str_from(programs), name;
    if (fs_temp_dir(a, "slipway-shell-", &dir, &e)) fail_msg("%s", e.message);
    while (rest.len) {
        str_cut(rest, ' ', &name, &rest);
        assert_int_equal(fs_create(fs_join(a, dir, name), STR("#!/bin/true\n"), 0755, &e), 0);
    }
    return str_from(dir);
}

static void remove_bin(arena *a, str dir) {
    err e;
    fs_remove(arena_cstr(a, dir), &e);
}

/* The command line with the folder of programs written as BIN. */
static str command_line(arena *a, const shell *s, str bin, const char *script) {
    str line = STR_EMPTY;
    for (const char *const *arg = shell_argv(a, s, script); *arg; arg++) {
        str text = str_from(*arg);
        if (str_starts(text, bin)) text = arena_printf(a, "BIN%s", *arg + bin.len);
        line = arena_printf(a, "%.*s[%.*s]", STR_ARG(line), STR_ARG(text));
    }
    return line;
}

static void shells_become_command_lines(void **state) {
    (void)state;
    static const struct {
        const char *programs, *option, *line, *extension;
    } cases[] = {
        {"bash sh", "", "[BIN/bash][-e][/s x]", ".sh"},
        {"sh", "", "[BIN/sh][-e][/s x]", ".sh"},
        {"bash", "bash", "[BIN/bash][--noprofile][--norc][-e][-o][pipefail][/s x]", ".sh"},
        {"sh", "sh", "[BIN/sh][-e][/s x]", ".sh"},
        {"python", "python", "[BIN/python][/s x]", ".py"},
        {"pwsh", "pwsh", "[BIN/pwsh][-command][. '/s x']", ".ps1"},
        {"bash", "bash -x {0}", "[BIN/bash][-x][/s x]", ".sh"},
        {"bash", "bash ", "[BIN/bash][--noprofile][--norc][-e][-o][pipefail][/s x]", ".sh"},
        {"perl", "perl {0}", "[BIN/perl][/s x]", ""},
        {"node", "node  --require=a  {0}  last", "[BIN/node][--require=a][/s x][last]", ""},
        {"x", "x -f={0}.txt {0}", "[BIN/x][-f=/s x.txt][/s x]", ""},
        {"x", "x \"a b\" {0} c\\\\d \"e\\\"f\" \"g\"\"h\" i\"j k\"l \"\"",
         "[BIN/x][a b][/s x][c\\\\d][e\"f][g\"h][ij kl][]", ""},
        {"x", "x {{0}} {0}", "[BIN/x][{0}][/s x]", ""},
        {"x", "x \"\\\\\" {0}", "[BIN/x][\\][/s x]", ""},
        {"", "/bin/sh {0}", "[/bin/sh][/s x]", ""},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str bin = bin_with(a, cases[i].programs);
        shell s;
        err e = {0};
        if (shell_resolve(a, &VIEW_OURS, str_from(cases[i].option), bin, &s, &e))
            fail_msg("%s: %s", cases[i].option, e.message);
        assert_str(command_line(a, &s, bin, "/s x"), cases[i].line);
        assert_str(s.extension, cases[i].extension);
        remove_bin(a, bin);
    }
}

static void errors_name_the_shell_and_what_to_do(void **state) {
    (void)state;
    static const struct {
        const char *option;
        int code;
        const char *part;
    } cases[] = {
        {"", ERR_NOT_FOUND, "shell 'sh' is not installed"},
        {"pwsh", ERR_NOT_FOUND, "shell 'pwsh' is not installed; install PowerShell"},
        {"powershell", ERR_NOT_FOUND, "use 'shell: pwsh'"},
        {"python", ERR_NOT_FOUND, "python3 {0}"},
        {"perl {0}", ERR_NOT_FOUND, "shell 'perl' is not installed"},
        {"cmd", ERR_UNSUPPORTED, "Windows only"},
        {"perl", ERR_INVALID, "Invalid shell option."},
        {"perl -e", ERR_INVALID, "Invalid shell option."},
        {"bash -x", ERR_INVALID, "Invalid shell option."},
    };
    _cleanup_arena_ arena *a = arena_new();
    str bin = bin_with(a, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shell s;
        err e = {0};
        assert_int_equal(shell_resolve(a, &VIEW_OURS, str_from(cases[i].option), bin, &s, &e),
                         cases[i].code);
        if (str_find(str_from(e.message), str_from(cases[i].part)) < 0)
            fail_msg("%s: %s", cases[i].option, e.message);
    }
    remove_bin(a, bin);
}

static void powershell_scripts_stop_at_errors_and_pass_the_exit_code_on(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str bin = bin_with(a, "pwsh bash");
    shell s;
    err e = {0};
    assert_int_equal(shell_resolve(a, &VIEW_OURS, STR("pwsh"), bin, &s, &e), 0);
    assert_str(shell_script(a, &s, STR("Get-Item x")),
               "$ErrorActionPreference = 'stop'\n"
               "Get-Item x\n"
               "if ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }");
    assert_int_equal(shell_resolve(a, &VIEW_OURS, STR("bash"), bin, &s, &e), 0);
    assert_str(shell_script(a, &s, STR("true")), "true");
    remove_bin(a, bin);
}

static void the_log_shows_program_and_template(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str bin = bin_with(a, "bash");
    shell s;
    err e = {0};
    assert_int_equal(shell_resolve(a, &VIEW_OURS, STR("bash"), bin, &s, &e), 0);
    assert_true(str_ends(s.display, STR("/bash --noprofile --norc -e -o pipefail {0}")));
    remove_bin(a, bin);
}

static void there_are_caps(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf option = STRBUF_INIT;
    str bin = bin_with(a, "x");
    shell s;
    err e = {0};
    strbuf_adds(&option, "x {0}");
    for (int i = 0; i < SHELL_ARGS_MAX; i++)
        strbuf_adds(&option, " a");
    assert_int_equal(shell_resolve(a, &VIEW_OURS, strbuf_str(&option), bin, &s, &e), ERR_LIMIT);
    strbuf_pad(&option, 'x', SHELL_OPTION_MAX);
    assert_int_equal(shell_resolve(a, &VIEW_OURS, strbuf_str(&option), bin, &s, &e), ERR_LIMIT);
    remove_bin(a, bin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shells_become_command_lines),
        cmocka_unit_test(errors_name_the_shell_and_what_to_do),
        cmocka_unit_test(powershell_scripts_stop_at_errors_and_pass_the_exit_code_on),
        cmocka_unit_test(the_log_shows_program_and_template),
        cmocka_unit_test(there_are_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
