/* help.h: pieces of help that the manual page shares. */
#ifndef SLIPWAY_CLI_HELP_H
#define SLIPWAY_CLI_HELP_H

#include "cli/verbs.h"

/* "slipway run [EVENT] [OPTION]..." */
void help_usage(strbuf *out, const verb *v);
/* "-W, --workflows FILE|DIR"; without a letter, four spaces stand for it. */
void help_option_term(strbuf *out, const option_spec *s);
/* Takes the next paragraph off *rest. */
bool help_paragraph(str *rest, str *ret);
/* The verb of that name; says on stderr when there is none. */
const verb *verb_named(const char *name);

#endif
