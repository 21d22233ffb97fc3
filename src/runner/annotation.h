/* annotation.h: a message about a place in the code, from a workflow command (::error file=…::) or
 * from a problem matcher. */
#ifndef SLIPWAY_RUNNER_ANNOTATION_H
#define SLIPWAY_RUNNER_ANNOTATION_H

#include "runner/runner.h"

/* Text is borrowed from what made it. Numbers count from 1; 0 means not known. */
typedef struct annotation {
    log_level level; /* LOG_NOTICE, LOG_WARNING, LOG_ERROR */
    str text, title;
    str file, from_path; /* as written; see annotation_file */
    str code;            /* of a problem matcher: the tool's own name for the problem */
    unsigned line, end_line, column, end_column;
} annotation;

/* `file` as a path relative to `workspace` (both absolute or below it), in `a`. Empty when the file
 * does not exist or lies outside: such an annotation stands without a place. A relative `file` is
 * sought beside `from_path` when that is given (a project file that a compiler names), else in the
 * workspace. */
str annotation_file(arena *a, const view *files, const char *workspace, const annotation *n);

#endif
