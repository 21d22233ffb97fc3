/* tree.h: the processes below one process, as /proc tells. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_TREE_H
#define SLIPWAY_SANDBOX_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct tree_process {
    pid_t pid, parent, session;
    char state; /* as /proc/PID/stat has it: 'Z' is a zombie */
    char name[16];
    bool below; /* of the root that tree_below was asked for */
} tree_process;

typedef struct tree {
    tree_process *items; /* sorted by pid */
    size_t count, cap;
} tree;

/* A picture of all processes; what ends meanwhile may be missing, what starts meanwhile too: who
 * kills looks again until nothing is left. */
void tree_scan(tree *t);
/* Marks what stands below `root` or belongs to session `session` (0: none); the root itself is not
 * marked unless it leads that session. */
void tree_below(tree *t, pid_t root, pid_t session);
void tree_done(tree *t);

#endif
