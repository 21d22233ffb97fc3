/* diagnostics.h: problems in files, shown with the line that they are in. */
#ifndef SLIPWAY_CLI_DIAGNOSTICS_H
#define SLIPWAY_CLI_DIAGNOSTICS_H

#include "cli/style.h"
#include "workflow/workflow.h"

/* Texts of files by the name that spans give them, so that lines can be shown. */
typedef struct sources sources;
sources *sources_new(arena *a);
/* `path` and `text` are borrowed. A path that is known already keeps its text. */
void sources_add(sources *s, const char *path, str text);

const char *severity_name(severity level);

/* Sorts by file, line, column and severity, and drops what is there twice: a file that several
 * others call is read by each. */
void diagnostics_sort(problem_list *list);

/* "file:line:col: error: message", the line with a caret under it, and help. */
void diagnostic_add(strbuf *out, const style *st, sources *s, const problem *p);

/* Prints all of a list in order on `fd`. */
void diagnostics_print(int fd, sources *s, problem_list *list);

#endif
