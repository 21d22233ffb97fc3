/* planning.h: what the tests of events, plans and schedules share. */
#ifndef SLIPWAY_TESTS_PLANNING_H
#define SLIPWAY_TESTS_PLANNING_H

#include "base/json.h"
#include "workflow/plan.h"

/* A reusable workflow that tests may call as "./.github/workflows/NAME". */
typedef struct called_file {
    const char *name, *text;
} called_file;

/* The rest of a job in braces, and of one in lines. */
#define S  "runs-on: x, steps: [{run: a}]"
#define S2 "runs-on: x\n    steps: [{run: a}]"

/* lib.yml (inputs, a secret, an output), nest.yml (calls it), two.yml (a, b, and clean whatever
 * happens), group.yml and cross.yml (concurrency). */
extern const called_file planning_library[];

/* Parses a workflow that must be right; `files` ends with a NULL name and may be NULL. */
workflow *planning_parse(arena *a, const char *text, const called_file *files);

/* An event of a small repository: owner/repo, branch main, sha "cccc…", before "bbbb…". */
event_facts planning_facts(void);
event planning_event(arena *a, const char *name, const char *payload_json);

value planning_json(arena *a, const char *text);

#endif
