/* jail.h: a child that reads what may be hostile (archives, parsers, patterns) gives up, for good,
 * all that reading does not need. What is open stays so. */
#ifndef SLIPWAY_BASE_JAIL_H
#define SLIPWAY_BASE_JAIL_H

#include "base/err.h"

typedef enum jail_kind {
    JAIL_READ,  /* opens what is in the tree for reading, nothing else */
    JAIL_WRITE, /* makes and removes files in the tree, too */
    JAIL_KIND_COUNT
} jail_kind;

typedef struct jail_spec {
    jail_kind kind;
    int tree;          /* an open folder, the only one whose files can be named from now on; -1:
                        * none can be */
    const int *others; /* further open folders, to read in only; may be NULL */
    size_t other_count;
    uint32_t keep;       /* capabilities that are kept where we have them: 1u << CAP_CHOWN, … */
    uint64_t memory_max; /* bytes of address space; 0: not limited */
    unsigned cpu_max_s;  /* 0: not limited */
    int parent; /* the process that started it: where that has ended already, so does this one. 0:
                 * not asked */
} jail_spec;

/* In a child of one thread: other files (Landlock, Linux 5.19; without it names outside the tree
 * can still be opened as kind allows), capabilities, all but the few system calls that it takes
 * (seccomp), core dumps, and its life after its parent's end. */
int jail_enter(const jail_spec *spec, err *e);

/* Before this version of Landlock a jail leaves it out. */
#define LANDLOCK_NEEDED 2
/* The version of Landlock that the kernel has, or 0. */
int landlock_abi(void);

#endif
