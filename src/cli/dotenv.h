/* dotenv.h: files of KEY=VALUE lines, as --env-file, --secret-file and --var-file read them.
 *
 *   # a comment                      an empty line is fine
 *   export NAME=plain value          up to " #" or the end of the line, trimmed
 *   NAME='as it stands'              may span lines
 *   NAME="with \n \t \" \\ \$"       may span lines
 *
 * Nothing is expanded: a `$` is a dollar, so that secrets come through unharmed. */
#ifndef SLIPWAY_CLI_DOTENV_H
#define SLIPWAY_CLI_DOTENV_H

#include "base/err.h"
#include "base/value.h"

/* Sets each pair in the object `into`; a later one replaces an earlier one. Values are in `a`.
 * Error: ERR_INVALID with the place in `file`. */
int dotenv_parse(arena *a, str text, const char *file, value *into, err *e);

/* True for a name that an environment variable may have here: letters, digits, '_', '-', '.'. */
bool dotenv_name_ok(str name);

#endif
