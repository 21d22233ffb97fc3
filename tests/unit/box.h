/* box.h: a machine of a job's own, for unit tests. */
#ifndef SLIPWAY_TESTS_BOX_H
#define SLIPWAY_TESTS_BOX_H

#include "base/arena.h"
#include "sandbox/sandbox.h"

typedef struct box {
    arena *a;
    loop *l;
    sandbox *s;
    char *dir;             /* everything below; removed by box_close */
    strbuf output, limits; /* limits: a line for each */
    strbuf *told;          /* of orphans, "name " for each, or NULL */
    int status, exits;
    char problem[1024];
    bool ready, closed;
    err failed;
} box;

/* Makes a machine and waits until it is ready. The spec's folder and callbacks are filled
 * in, and the layer, where it has none. Skips the test where this machine grants no namespaces. */
void box_open(box *b, sandbox_spec spec);
/* The same, but false, with `failed`, where it cannot be made; it has to be closed all the same. */
bool box_try(box *b, sandbox_spec spec);
/* Closes it, waits for that, and removes its folders. */
void box_close(box *b);
/* The same without a word to the leader. */
void box_drop(box *b);
/* Starts a script, and runs one to its end. Its output replaces that of the one before. */
sandbox_process *box_start(box *b, const char *script);
str box_run(box *b, const char *script);
/* A file of the job's, from outside. */
char *box_file(box *b, const char *name);

/* Runs the tests; where that is as root, before that as an ordinary user. */
int box_tests(int (*run)(void));

#endif
