#include "runner/shell.h"

#include "base/words.h"

typedef struct known_shell {
    const char *name, *args, *extension, *prologue, *epilogue;
    const char *help; /* how to get it */
} known_shell;

#define POWERSHELL_ARGS     "-command \". '{0}'\""
#define POWERSHELL_PROLOGUE "$ErrorActionPreference = 'stop'\n"
#define POWERSHELL_EPILOGUE                                                                        \
    "\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }"

static const known_shell shells[] = {
    {"bash", "--noprofile --norc -e -o pipefail {0}", ".sh", "", "",
     "install the package bash, or use 'shell: sh'"},
    {"sh", "-e {0}", ".sh", "", "", "install the package dash"},
    {"python", "{0}", ".py", "", "",
     "install the package python-is-python3, or use 'shell: python3 {0}'"},
    {"pwsh", POWERSHELL_ARGS, ".ps1", POWERSHELL_PROLOGUE, POWERSHELL_EPILOGUE,
     "install PowerShell: https://learn.microsoft.com/powershell/scripting/install/install-debian"},
    {"powershell", POWERSHELL_ARGS, ".ps1", POWERSHELL_PROLOGUE, POWERSHELL_EPILOGUE,
     "Windows PowerShell runs on Windows only; use 'shell: pwsh'"},
};

static const known_shell *known(str name) {
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (str_eq_nocase(name, str_from(shells[i].name))) return &shells[i];
    }
    return NULL;
}

/* ---- arguments ----------------------------------------------------------------------------- */

static int split_arguments(arena *a, str template, shell *ret, err *e) {
    _cleanup_strbuf_ strbuf word = STRBUF_INIT;
    size_t cap = 0;
    while (words_next(&template, " \t", &word)) {
        if (ret->arg_count == SHELL_ARGS_MAX)
            return err_set(e, ERR_LIMIT, "a shell may have %d arguments", SHELL_ARGS_MAX);
        ARENA_PUSH(a, ret->args, ret->arg_count, cap, arena_str(a, strbuf_str(&word)));
    }
    return 0;
}

/* ---- resolution ---------------------------------------------------------------------------- */

static int not_found(str name, const known_shell *k, err *e) {
    if (k) return err_set(e, ERR_NOT_FOUND, "shell '%s' is not installed; %s", k->name, k->help);
    return err_set(e, ERR_NOT_FOUND,
                   "shell '%.*s' is not installed: there is no such program in PATH",
                   STR_ARG(name));
}

/* A program with a slash in its name stands for itself. */
static char *look_up(arena *a, const view *files, str name, str path_list) {
    char *program = arena_cstr(a, name);
    if (!files) return program;
    if (str_find_char(name, '/') < 0) return view_find_program(files, a, program, path_list);
    return view_exists(files, program) ? program : NULL;
}

static int finish(arena *a, str template, const known_shell *k, shell *ret, err *e) {
    ret->extension = k ? str_from(k->extension) : STR_EMPTY;
    ret->prologue = k ? str_from(k->prologue) : STR_EMPTY;
    ret->epilogue = k ? str_from(k->epilogue) : STR_EMPTY;
    ret->display = arena_printf(a, "%s %.*s", ret->program, STR_ARG(template));
    return split_arguments(a, template, ret, e);
}

static int resolve_default(arena *a, const view *files, str path_list, shell *ret, err *e) {
    const known_shell *sh = known(STR("sh"));
    if (!files) {
        ret->program = arena_cstr(a, STR("sh"));
        return finish(a, str_from(sh->args), sh, ret, e);
    }
    ret->program = view_find_program(files, a, "bash", path_list);
    if (!ret->program) ret->program = view_find_program(files, a, "sh", path_list);
    if (!ret->program) return not_found(STR("sh"), sh, e);
    return finish(a, str_from(sh->args), sh, ret, e);
}

int shell_resolve(arena *a, const view *files, str option, str path_list, shell *ret, err *e) {
    str name, template;
    *ret = (shell){0};
    if (option.len > SHELL_OPTION_MAX)
        return err_set(e, ERR_LIMIT, "'shell' may have %d bytes", SHELL_OPTION_MAX);
    if (str_find_char(option, '\0') >= 0)
        return err_set(e, ERR_INVALID, "'shell' holds a NUL byte");
    if (option.len == 0) return resolve_default(a, files, path_list, ret, e);
    str_cut(option, ' ', &name, &template);
    template = str_trim(template);
    const known_shell *k = known(name);
    if (str_eq_nocase(name, STR("cmd")))
        return err_set(e, ERR_UNSUPPORTED, "shell 'cmd' runs on Windows only; use bash or pwsh");
    if (template.len == 0 && k) template = str_from(k->args);
    if (str_find(template, STR("{0}")) < 0) {
        return err_set(e, ERR_INVALID,
                       "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, "
                       "powershell, pwsh) or a format string containing '{0}'");
    }
    ret->program = look_up(a, files, name, path_list);
    if (!ret->program) return not_found(name, k, e);
    return finish(a, template, k, ret, e);
}

/* ---- use ----------------------------------------------------------------------------------- */

/* {0} becomes the path; {{ and }} are braces, as in .NET's format strings. */
static char *fill(arena *a, str arg, str path) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < arg.len;) {
        str rest = str_sub(arg, i, arg.len);
        if (str_starts(rest, STR("{0}"))) {
            strbuf_add(&out, path);
            i += 3;
            continue;
        }
        strbuf_addc(&out, arg.ptr[i]);
        i += str_starts(rest, STR("{{")) || str_starts(rest, STR("}}")) ? 2 : 1;
    }
    return arena_cstr(a, strbuf_str(&out));
}

const char *const *shell_argv(arena *a, const shell *s, const char *script_path) {
    const char **argv = ARENA_ARRAY(a, const char *, s->arg_count + 2);
    argv[0] = s->program;
    for (size_t i = 0; i < s->arg_count; i++)
        argv[i + 1] = fill(a, s->args[i], str_from(script_path));
    return argv;
}

str shell_script(arena *a, const shell *s, str body) {
    if (s->prologue.len == 0 && s->epilogue.len == 0) return body;
    return arena_printf(a, "%.*s%.*s%.*s", STR_ARG(s->prologue), STR_ARG(body),
                        STR_ARG(s->epilogue));
}
