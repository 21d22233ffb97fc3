#include "workflow/check_internal.h"

/* ---- shells -------------------------------------------------------------------------------- */

static void check_shell(checker *c, const token *t) {
    static const str known[] = {STR_INIT("bash"), STR_INIT("sh"),         STR_INIT("python"),
                                STR_INIT("pwsh"), STR_INIT("powershell"), STR_INIT("cmd")};
    enum { COUNT = sizeof known / sizeof *known };
    if (!t || t->kind != TOKEN_STRING || str_find(t->text, STR("{0}")) >= 0) return;
    str name, rest;
    bool arguments = str_cut(t->text, ' ', &name, &rest) && str_trim(rest).len;
    for (size_t i = 0; i < COUNT; i++) {
        if (!str_eq_nocase(name, known[i])) continue;
        if (!arguments) return;
        check_add(c, RULE_SHELL, t->where, STR_EMPTY,
                  "'%.*s' does not say where the script goes: {0} is missing", STR_ARG(t->text));
        return;
    }
    str help = arguments ? STR_EMPTY : check_nearest(c, t->text, known, COUNT);
    check_add(c, RULE_SHELL, t->where, help, "There is no shell '%.*s'", STR_ARG(t->text));
}

void check_default_shell(checker *c, const token *defaults) {
    check_shell(c, token_get(token_get(defaults, "run"), "shell"));
}

/* ---- deprecated commands ------------------------------------------------------------------- */

static const struct deprecated {
    const char *text, *name, *file;
    bool refused;
} deprecated[] = {
    {"::set-output name=", "set-output", "GITHUB_OUTPUT", false},
    {"::save-state name=", "save-state", "GITHUB_STATE", false},
    {"::set-env name=", "set-env", "GITHUB_ENV", true},
    {"::add-path::", "add-path", "GITHUB_PATH", true},
};

static bool in_comment(str script, size_t at) {
    size_t start = at;
    while (start > 0 && script.ptr[start - 1] != '\n')
        start--;
    str line = str_trim(str_sub(script, start, at));
    return line.len && line.ptr[0] == '#';
}

static void check_commands(checker *c, const token *run, const struct deprecated *d) {
    str needle = str_from(d->text), script = run->source;
    for (size_t at = 0; at < script.len;) {
        ptrdiff_t found = str_find(str_sub(script, at, script.len), needle);
        if (found < 0) return;
        at += (size_t)found;
        if (!in_comment(script, at)) {
            str help = arena_printf(c->a, "write to the file that $%s names", d->file);
            check_add_level(c, RULE_COMMAND, d->refused ? SEVERITY_ERROR : SEVERITY_WARNING,
                            check_span(c, run, at, needle.len), help,
                            d->refused ? "The command '%s' is refused"
                                       : "The command '%s' is deprecated",
                            d->name);
        }
        at += needle.len;
    }
}

void check_step(checker *c, const workflow_step *step) {
    check_shell(c, step->shell);
    for (size_t i = 0; step->run && i < sizeof deprecated / sizeof *deprecated; i++)
        check_commands(c, step->run, &deprecated[i]);
}
