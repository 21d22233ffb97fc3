/* options.h: a command line judged by a verb's table, in GNU style: --long=V, --long V, -xV, -x V,
 * bundled letters, options after arguments, and -- to end them. */
#ifndef SLIPWAY_CLI_OPTIONS_H
#define SLIPWAY_CLI_OPTIONS_H

#include "base/err.h"
#include "cli/verbs.h"

typedef struct option_given {
    const option_spec *spec;
    const char *value; /* NULL for an option that takes none */
} option_given;

struct options {
    const verb *verb;
    arena *a; /* of the parse; verbs may use it for what lives as long as the command */
    option_given *given;
    size_t given_count;
    const char **args;
    size_t arg_count;
    bool help; /* -h or --help was given; nothing else was judged after it */
};

/* Parses what follows the verb. Strings are borrowed from argv. Error: ERR_INVALID with what to do
 * about it. */
int options_parse(arena *a, const verb *v, int argc, char *const *argv, options *ret, err *e);

/* `name` must be in the verb's table. */
bool options_has(const options *o, const char *name);
/* The last value given, or NULL. */
const char *options_value(const options *o, const char *name);
/* Every value given, in order. */
size_t options_values(const options *o, const char *name, const char ***ret);

#endif
