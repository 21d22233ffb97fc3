/* verbs.h: what the command line can do, as one table.
 *
 * A verb is a constant: its name, options, texts and function. Dispatch, option parsing, help, the
 * manual page and shell completion are all made from it, so they cannot disagree. To add a verb:
 * write verb_NAME.c with `const verb verb_NAME` and add it to the table in verbs.c. */
#ifndef SLIPWAY_CLI_VERBS_H
#define SLIPWAY_CLI_VERBS_H

#include "base/arena.h"

typedef struct options options;

/* How a shell completes a word. */
typedef enum complete_kind {
    COMPLETE_NOTHING,
    COMPLETE_FILE,
    COMPLETE_DIR,
    COMPLETE_WORDS, /* the option's or the verb's own list */
    COMPLETE_EVENT, /* names of events */
    COMPLETE_VERB,
} complete_kind;

typedef struct option_spec {
    char letter;      /* 'W', or 0 */
    const char *name; /* "workflows" */
    const char *arg;  /* "FILE|DIR"; NULL when the option takes none */
    bool many;        /* each occurrence counts; else the last one */
    complete_kind complete;
    const char *words; /* COMPLETE_WORDS: separated by spaces */
    const char *help;  /* sentences */
} option_spec;

typedef struct verb_pair {
    const char *term, *text;
} verb_pair;

typedef struct verb {
    const char *name;
    const char *summary;        /* one line, no full stop */
    const char *arguments;      /* of the usage line, before the options: "[EVENT]"; may be "" */
    size_t min_args, max_args;  /* how many arguments it takes */
    complete_kind complete;     /* what they are */
    const char *words;          /* COMPLETE_WORDS */
    const option_spec *options; /* ends with a NULL name; NULL when there are none */
    const char *help;           /* paragraphs, separated by empty lines */
    const verb_pair *exits;     /* statuses with their meaning; ends with a NULL term */
    const verb_pair *examples;  /* commands with what they do; ends with a NULL term */
    int (*run)(const options *given); /* gives the process's exit status */
} verb;

extern const verb verb_run, verb_check, verb_lock, verb_expr, verb_doctor, verb_scan,
    verb_advisories, verb_sbom, verb_gate, verb_evidence, verb_audit, verb_backup, verb_restore,
    verb_hook, verb_serve, verb_agent, verb_agent_job, verb_login, verb_runs, verb_logs,
    verb_dispatch, verb_cancel, verb_rerun, verb_secret, verb_access;
extern const verb verb_help, verb_version, verb_completion, verb_man;

/* All verbs, in the order in which help lists them; ends with NULL. */
extern const verb *const verbs[];
/* Of these, or of those that are hidden. */
const verb *verb_find(str name);
/* The name that was probably meant, or an empty str. */
str verb_nearest(str name);

/* Options that every verb takes; ends with a NULL name. */
extern const option_spec common_options[];

/* The program in one sentence, and what all verbs share, for help and the manual. */
extern const char program_summary[];
extern const verb_pair program_environment[];
extern const verb_pair program_files[];

/* ---- what is made from the table ------------------------------------------------------------ */

void help_program(strbuf *out);
void help_verb(strbuf *out, const verb *v);
/* A manual page in roff: of the program with all verbs, or of one verb. */
void man_page(strbuf *out, const verb *v);
/* A completion script; false when the shell is not known. */
bool completion_script(strbuf *out, str shell);

#endif
