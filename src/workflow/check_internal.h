/* check_internal.h: what the parts of `slipway check` share. Private to src/workflow.
 *
 * A check walks the model. Where an expression stands is a site; what its contexts hold there is a
 * type: the kinds that a value can have and, for objects, a shape with the properties that are
 * known. Where nothing is known the type is open, and an open type is never wrong: a finding must
 * be certain. */
#ifndef SLIPWAY_WORKFLOW_CHECK_INTERNAL_H
#define SLIPWAY_WORKFLOW_CHECK_INTERNAL_H

#include "base/nameset.h"
#include "workflow/check.h"
#include "workflow/event.h"
#include "workflow/place.h"

/* ---- rules --------------------------------------------------------------------------------- */

/* id, level, summary, help: of the findings and of what the parser refuses. docs/check.md has the
 * same list; a test compares them. */
#define CHECK_RULES(X)                                                                             \
    X(PROPERTY, "unknown-property", ERROR, "A context has no such property",                       \
      "it is always empty; the contexts are listed in GitHub's contexts reference")                \
    X(NEED, "unknown-need", ERROR, "`needs.x` where x is not in the job's `needs`",                \
      "add the job to `needs`; only jobs that are needed directly can be read")                    \
    X(STEP, "unknown-step", ERROR, "`steps.x` where no earlier step has the id x",                 \
      "give the step that id, and put it before the step that reads it")                           \
    X(OUTPUT, "unknown-output", ERROR, "An output that is not declared",                           \
      "declare it under `outputs` of the job, action or reusable workflow")                        \
    X(INPUT, "unknown-input", ERROR, "`inputs.x` that the file does not declare",                  \
      "declare it under `inputs` of workflow_dispatch or workflow_call")                           \
    X(MATRIX, "unknown-matrix-key", ERROR, "`matrix.x` that the job's matrix does not have",       \
      "add x to the matrix, or to one of the items of `include`")                                  \
    X(JOB, "unknown-job", ERROR, "`jobs.x` where there is no job x",                               \
      "outputs of a reusable workflow can be read from jobs of the same file only")                \
    X(TYPE, "expression-type", ERROR, "A value of a kind that the place cannot use",               \
      "convert it with toJSON or fromJSON, or read one of its properties")                         \
    X(COMPARISON, "comparison", ERROR, "A comparison that always has the same result",             \
      "values of different kinds are compared as numbers; text that is no number equals nothing")  \
    X(FORMAT, "format-arguments", ERROR, "format() whose placeholders and arguments disagree",     \
      "{0} is the first argument after the text; {{ and }} are braces")                            \
    X(JSON, "invalid-json", ERROR, "fromJSON() of a constant that is not JSON",                    \
      "JSON strings and keys stand in double quotes")                                              \
    X(ALWAYS_TRUE, "condition-text", ERROR, "An `if` with text around ${{ }} is always true",      \
      "put the whole condition inside ${{ }}, or leave the braces out")                            \
    X(CONSTANT, "constant-condition", WARNING, "An `if` that is always true or always false",      \
      "remove the condition, or what can never run")                                               \
    X(UNREACHABLE, "unreachable-job", WARNING, "A job that needs one which never runs",            \
      "use always() or !cancelled() in its condition, or remove it")                               \
    X(INJECTION, "shell-injection", ERROR, "Text that anybody can write becomes part of a script", \
      "pass it in an environment variable and quote that in the script")                           \
    X(CHECKOUT, "untrusted-checkout", WARNING,                                                     \
      "A privileged event checks out the code of a pull request",                                  \
      "use pull_request instead, or run none of the code that was checked out")                    \
    X(UNPINNED, "unpinned-action", WARNING,                                                        \
      "An action or an image that can be moved to other code",                                     \
      "pin it to a full commit id; tags can be moved; releases of actions/* and github/* are not " \
      "reported")                                                                                  \
    X(ACTION_INPUT, "action-input", WARNING, "An input that the action does not have, or lacks",   \
      "the inputs are listed in the action's action.yml")                                          \
    X(CRON, "cron-syntax", ERROR, "A schedule that cannot be read",                                \
      "five fields: minute, hour, day of the month, month, day of the week")                       \
    X(CRON_NEVER, "cron-never", ERROR, "A schedule whose date does not exist",                     \
      "choose a day that the month has, or days of the week")                                      \
    X(CRON_OFTEN, "cron-frequency", WARNING, "A schedule more often than every five minutes",      \
      "GitHub runs schedules every five minutes at most")                                          \
    X(TIMEZONE, "timezone", ERROR, "A time zone that does not exist",                              \
      "use a name of the IANA time zone database, such as Europe/Berlin")                          \
    X(GLOB, "filter-pattern", ERROR, "A filter pattern that cannot be read",                       \
      "see the filter pattern cheat sheet in GitHub's workflow syntax")                            \
    X(FILTERS, "filter-conflict", ERROR, "Filters that exclude each other",                        \
      "use one of the two, with patterns that begin with ! for the exceptions")                    \
    X(EVENT, "event-never", NOTE, "A comparison with an event that does not start the workflow",   \
      "add the event under `on`, or remove what waits for it")                                     \
    X(SHELL, "unknown-shell", ERROR, "A shell that does not exist",                                \
      "bash, sh, python, pwsh, or a program with {0} where the script goes")                       \
    X(RUNNER, "runner-label", WARNING, "A runner that GitHub does not have, or no longer has",     \
      "labels of one's own are not reported unless they look like a misspelling")                  \
    X(COMMAND, "deprecated-command", WARNING, "A workflow command that is deprecated or refused",  \
      "write to the files that GITHUB_OUTPUT, GITHUB_STATE, GITHUB_ENV and GITHUB_PATH name")      \
    X(CREDENTIALS, "hardcoded-credentials", ERROR, "A password in the workflow file",              \
      "put it into a secret and use ${{ secrets.NAME }}")                                          \
    X(WRITE_ALL, "write-all", NOTE, "A token that may do everything",                              \
      "name the permissions that are needed")                                                      \
    X(SYNTAX, "syntax", ERROR, "What GitHub's parser does not accept",                             \
      "see GitHub's workflow syntax and metadata syntax references")                               \
    X(EXPRESSION, "expression", ERROR,                                                             \
      "An expression that cannot be parsed, or a name that may not be used there",                 \
      "see GitHub's expressions and contexts references")                                          \
    X(PERMISSIONS, "permissions", ERROR,                                                           \
      "A called workflow that asks for more than its caller allows",                               \
      "give the calling job these permissions")                                                    \
    X(NEEDS, "needs", ERROR, "A job that needs an unknown job or, through others, itself",         \
      "name jobs of the same file, and leave one that needs none")                                 \
    X(LIMIT, "limit", ERROR, "More than GitHub allows in a file, its calls or a matrix",           \
      "split it into smaller files, or into several workflows")                                    \
    X(NESTING, "nesting", ERROR, "Reusable workflows that call each other too deep",               \
      "call the innermost ones directly")                                                          \
    X(JOB_LIMIT, "job-limit", ERROR, "More jobs than a workflow may have",                         \
      "split the workflow, or use a matrix")                                                       \
    X(DEFAULT, "input-default", ERROR, "A default that its input cannot have",                     \
      "write a value of the input's type, or one of its options")                                  \
    X(POSITIVE, "positive-number", ERROR, "A limit of time or of jobs that is zero or negative",   \
      "write a whole number from 1, or leave the key out")                                         \
    X(ENVIRONMENT, "environment-name", ERROR, "A name that no environment can have",               \
      "choose a shorter name")                                                                     \
    X(EMPTY_MATRIX, "empty-matrix", WARNING, "A matrix whose `exclude` leaves nothing",            \
      "take an item out of `exclude`, or remove the job")                                          \
    X(LOCK_FILE, "lock-file", ERROR, "A lock file that cannot be read",                            \
      "restore it from git, or remove it and run 'slipway lock'")                                  \
    X(LOCK_MISSING, "lock-missing", ERROR, "Something is used that the lock file does not have",   \
      "run 'slipway lock', and review what it adds")                                               \
    X(LOCK_UNLOCKED, "lock-unlocked", NOTE, "A workflow that the lock file does not have",         \
      "run 'slipway lock': what such a workflow uses is not verified")                             \
    X(LOCK_UNUSED, "lock-unused", NOTE, "Something in the lock file that nothing uses",            \
      "run 'slipway lock', which removes it")                                                      \
    X(SETTINGS, "settings", ERROR, "Something in slipway.yml that cannot be read",                 \
      "the keys are listed in docs/egress.md")                                                     \
    X(NETWORK, "network", ERROR, "A name or address that a network cannot have",                   \
      "write a name, a name and a port, or *.domain; see docs/egress.md")                          \
    X(SETTINGS_JOB, "settings-job", ERROR, "A job in slipway.yml that no workflow has",            \
      "write the id of a job; what is said of no job limits nothing")

typedef enum check_rule_id {
#define X(id, ...) RULE_##id,
    CHECK_RULES(X)
#undef X
        RULE_COUNT
} check_rule_id;

/* ---- types --------------------------------------------------------------------------------- */

enum {
    T_NULL = 1 << VALUE_NULL,
    T_BOOL = 1 << VALUE_BOOL,
    T_NUMBER = 1 << VALUE_NUMBER,
    T_STRING = 1 << VALUE_STRING,
    T_ARRAY = 1 << VALUE_ARRAY,
    T_OBJECT = 1 << VALUE_OBJECT,
    T_ANY = T_NULL | T_BOOL | T_NUMBER | T_STRING | T_ARRAY | T_OBJECT,
    T_COMPOUND = T_ARRAY | T_OBJECT
};

typedef struct shape shape;
typedef struct type {
    unsigned kinds;
    const shape *shape; /* of an object; NULL: nothing is known of it */
} type;

typedef struct property {
    str name;
    type type;
} property;

struct shape {
    property *items;
    size_t count, cap;
    nameset *index;     /* of the items' names, once there are many */
    bool open;          /* other properties may exist, */
    type other;         /* of this type */
    check_rule_id rule; /* that another property breaks, when the shape is closed */
    severity level;     /* of that; SEVERITY_ERROR is the rule's own */
    str owner;          /* for messages: "github", "steps.build" */
};

#define TYPE(kinds_) ((type){(kinds_), NULL})

/* What expressions can name. */
#define CONTEXTS(X)                                                                                \
    X(GITHUB, "github")                                                                            \
    X(ENV, "env")                                                                                  \
    X(VARS, "vars")                                                                                \
    X(JOB, "job")                                                                                  \
    X(JOBS, "jobs")                                                                                \
    X(STEPS, "steps")                                                                              \
    X(RUNNER, "runner")                                                                            \
    X(SECRETS, "secrets")                                                                          \
    X(STRATEGY, "strategy")                                                                        \
    X(MATRIX, "matrix")                                                                            \
    X(NEEDS, "needs")                                                                              \
    X(INPUTS, "inputs")
typedef enum context_id {
#define X(id, name) CONTEXT_##id,
    CONTEXTS(X)
#undef X
        CONTEXT_COUNT
} context_id;
extern const char *const check_context_names[CONTEXT_COUNT];

/* ---- the walk ------------------------------------------------------------------------------ */

/* A reach of `env`: an entry stands for all expressions below it. */
typedef struct env_level {
    const token *env;
    const struct env_level *outer;
} env_level;

typedef struct checker {
    arena *a;
    const check_options *options;
    problem_list *out;
    nameset seen;      /* what was said where: an alias is walked more than once */
    const workflow *w; /* NULL for an action */
    const action *act; /* NULL for a workflow */
    place_index file;
    type contexts[CONTEXT_COUNT]; /* at the site that is looked at */
    nameset jobs;                 /* ids of the workflow's jobs */
    type *needs;                  /* what those that need it see of each; without kinds: not made */
    const workflow_job *job;      /* that is looked at, or NULL */
    const env_level *env;
    struct known_action {
        str uses;
        const action *found; /* NULL: not at hand */
    } * actions;
    size_t action_count, action_cap;
    size_t judged_excludes; /* of combinations, in all matrices */
} checker;

enum {
    SITE_EMBEDDED = 1,   /* part of a longer text */
    SITE_CONDITION = 2,  /* an `if` */
    SITE_SHELL = 4,      /* in the text of a script for a shell */
    SITE_JAVASCRIPT = 8, /* in that of a program for actions/github-script */
};

/* One expression in a file. */
typedef struct site {
    const token *t;
    str text;      /* of the expression, a part of t->source */
    size_t offset; /* in t->source */
    const expr *x;
    unsigned flags;
} site;

/* Adds a finding of the rule, at the rule's own level. `help` may be empty. */
void check_add(checker *c, check_rule_id rule, span where, str help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void check_add_level(checker *c, check_rule_id rule, severity level, span where, str help,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));
/* "did you mean 'x'?", or an empty str. */
str check_nearest(checker *c, str word, const str *candidates, size_t count);

/* The place of a part of a scalar, as the file has it (quotes, folding and indentation undone). The
 * whole scalar's place when it cannot be told. */
span check_span(checker *c, const token *t, size_t offset, size_t length);
/* A part of the expression: its text and its place. */
str check_expr_text(const site *s, const expr *x);
span check_expr_span(checker *c, const site *s, const expr *x);

/* Looks at every expression in a token, whatever it is; NULL is fine. */
void check_token(checker *c, const token *t, unsigned flags);
void check_condition(checker *c, const token *condition);
/* Calls `fn` for each expression of one scalar. */
typedef void check_site_fn(checker *c, const site *s, void *context);
void check_each_site(checker *c, const token *t, unsigned flags, check_site_fn *fn, void *context);

/* ---- contexts (check_contexts.c) ----------------------------------------------------------- */

/* Those of the whole file; then those that jobs and steps add. */
void check_contexts_init(checker *c);
void check_contexts_job(checker *c, const workflow_job *job);
/* The step has run: later ones can read it. */
void check_contexts_step(checker *c, const workflow_step *step);
void check_contexts_jobs(checker *c);
const property *shape_find(const shape *s, str name);

/* ---- the rules, by topic ------------------------------------------------------------------- */

void check_expression(checker *c, const site *s); /* check_expr.c */
/* What the expression gives without any context. */
bool check_evaluate(checker *c, const expr *x, value *ret, err *e);
/* What a condition comes to, whatever the run (check_condition.c). `events`: also because of what
 * starts the workflow. */
typedef enum truth { TRUTH_UNKNOWN, TRUTH_FALSE, TRUTH_TRUE } truth;
truth check_truth(checker *c, const workflow_job *job, const site *s, bool events);
void check_constant_condition(checker *c, const site *s);
/* github.event_name and the name of an event that does not start the workflow. */
bool check_names_no_trigger(checker *c, const expr *left, const expr *right);
void check_injection(checker *c, const site *s); /* check_inject.c */
/* a.b['c'][0].* as a list of names; an index that is not known is "*". */
#define CHECK_PATH_MAX 12
typedef struct check_path {
    str names[CHECK_PATH_MAX];
    size_t count;
} check_path;
bool check_path_of(const expr *x, check_path *ret);
/* True when the path names that place, in which * is anything; with `inside`, also when it holds
 * it. */
bool check_path_matches(const check_path *p, const char *pattern, bool inside);
void check_untrusted_checkout(checker *c, const workflow_step *step);
void check_step_uses(checker *c, const workflow_step *step); /* check_uses.c */
void check_job_uses(checker *c, const workflow_job *job);
/* The action that the step uses, or NULL when it is not at hand. */
const action *check_action_of(checker *c, const workflow_step *step);
void check_schedules(checker *c); /* check_cron.c */
void check_triggers(checker *c);  /* check_on.c */
void check_reachable(checker *c); /* check_jobs.c */
void check_job(checker *c, const workflow_job *job);
void check_write_all(checker *c, const token *root);
void check_step(checker *c, const workflow_step *step); /* check_steps.c */
void check_default_shell(checker *c, const token *defaults);
void check_refused_literals(checker *c); /* check_literals.c */
/* A literal number under `key` that is zero or negative; NULL is fine. */
void check_positive(checker *c, const token *t, const char *key);

#endif
