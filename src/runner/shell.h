/* shell.h: what `shell:` means: the program that runs a script, and what the script is wrapped in.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
 */
#ifndef SLIPWAY_RUNNER_SHELL_H
#define SLIPWAY_RUNNER_SHELL_H

#include "base/view.h"

typedef struct shell {
    char *program;    /* absolute path */
    str *args;        /* without the program; hold {0} where the script's path goes */
    size_t arg_count; /* at most SHELL_ARGS_MAX */
    str extension;    /* ".sh", ".py", ".ps1"; empty for a shell of one's own */
    str prologue, epilogue;
    str display; /* "/usr/bin/bash -e {0}", for the log */
} shell;

#define SHELL_ARGS_MAX   256
#define SHELL_OPTION_MAX 4096 /* bytes of `shell:` */

/* Finds the shell that `option` names: empty (bash -e {0}, or sh -e {0} where there is no bash),
 * one of bash, sh, python, pwsh, powershell, or a program with arguments that hold {0}. It is
 * looked up in `path_list` (as $PATH) among the job's `files`;
 * NULL: those are out of reach, so names are left as they are, and the default is sh, as GitHub has
 * it in a job's container. All of *ret lives in `a`. Errors:
 * ERR_NOT_FOUND with what to install; ERR_UNSUPPORTED for cmd; ERR_INVALID for a template without
 * {0}. */
int shell_resolve(arena *a, const view *files, str option, str path_list, shell *ret, err *e);

/* The command line, NULL-terminated, in `a`. */
const char *const *shell_argv(arena *a, const shell *s, const char *script_path);

/* What to write into the script's file: `body` between prologue and epilogue; borrows `body` when
 * there is none of either. */
str shell_script(arena *a, const shell *s, str body);

#endif
