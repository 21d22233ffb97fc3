/* command.h: workflow commands: lines of a step's output that ask something of the runner.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 *
 * Two spellings: "::name key=value,key2=value::data", which must begin its line but for white
 * space, and the old "##[name key=value;key2=value]data", which may stand anywhere in the line. A
 * line is a command only when its name is known; any other line is ordinary output. Names and keys
 * have no case. Keys without a value do not count. Data and values are unescaped: %25 %0D %0A in
 * both, %3A %2C in values of the first spelling, %3B %5D in the old one. */
#ifndef SLIPWAY_RUNNER_COMMAND_H
#define SLIPWAY_RUNNER_COMMAND_H

#include "runner/annotation.h"

typedef enum command_kind {
    COMMAND_ADD_MASK,
    COMMAND_ADD_MATCHER,
    COMMAND_ADD_PATH,
    COMMAND_DEBUG,
    COMMAND_ECHO,
    COMMAND_ENDGROUP,
    COMMAND_ERROR,
    COMMAND_GROUP,
    COMMAND_NOTICE,
    COMMAND_REMOVE_MATCHER,
    COMMAND_SAVE_STATE,
    COMMAND_SET_ENV,
    COMMAND_SET_OUTPUT,
    COMMAND_STOP_COMMANDS,
    COMMAND_WARNING,
    COMMAND_RESUME, /* the stop token itself */
    COMMAND_KIND_COUNT
} command_kind;

typedef struct command_info {
    const char *name;
    bool omit_echo; /* never shown, even after ::echo::on */
    bool insecure;  /* refused unless ACTIONS_ALLOW_UNSECURE_COMMANDS is "true" */
    /* A printf-free text to show as a warning (deprecated) or as the error (insecure); else NULL.
     */
    const char *advice;
} command_info;

/* `kind` is not COMMAND_RESUME. */
const command_info *command_info_of(command_kind kind);

typedef struct command_property {
    str name, value;
} command_property;

typedef struct command {
    command_kind kind;
    str data; /* unescaped */
    command_property *properties;
    size_t property_count;
} command;

/* The value of a property, or an empty str. */
str command_get(const command *c, const char *name);

/* What a job's output so far means for the next line. Zero to begin with. Steps of a job share
 * one: a token that stops commands outlives its step. */
typedef struct command_state {
    strbuf stop_token; /* not empty while commands are stopped */
} command_state;
void command_state_done(command_state *s);

typedef enum command_verdict {
    COMMAND_NOT,     /* ordinary output, to be shown */
    COMMAND_RUN,     /* *ret is to be obeyed (and shown first when echo is on) */
    COMMAND_SHOWN,   /* stop-commands and its token: obeyed already; the line is to be shown */
    COMMAND_REFUSED, /* the step fails with *e: a bad stop token */
} command_verdict;

/* Judges one line (without its newline). *ret borrows the line where nothing was escaped, else it
 * lives in `a`. After COMMAND_SHOWN with COMMAND_STOP_COMMANDS the caller masks the token
 * (ret->data) when it is longer than COMMAND_TOKEN_MASK_LEN, as GitHub does.
 * `any_token`: ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS is "true". */
#define COMMAND_TOKEN_MASK_LEN 6
command_verdict command_judge(command_state *s, arena *a, str line, bool any_token, command *ret,
                              err *e);

/* Parses without regard to state. `extra` is one more known name (the stop token) or empty. */
bool command_parse(arena *a, str line, str extra, command *ret);

/* The annotation that ::notice::, ::warning:: or ::error:: asks for. Impossible combinations of
 * lines and columns are dropped by GitHub's rules; *ret_note (in `a`) then says why, for the debug
 * log, else it is empty. */
void command_annotation(arena *a, const command *c, annotation *ret, str *ret_note);

/* ::echo::on and off. ERR_INVALID with GitHub's text for anything else. */
int command_echo(const command *c, bool *ret_on, err *e);

/* The value of the property `name`, which the command cannot do without (set-output, save-state,
 * set-env). */
int command_required_name(const command *c, str *ret, err *e);

#endif
