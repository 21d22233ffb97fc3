/* match.h: what matching and describing share. Private to src/scan/advisories. */
#ifndef SLIPWAY_SCAN_ADVISORIES_MATCH_H
#define SLIPWAY_SCAN_ADVISORIES_MATCH_H

#include "scan/advisories/advisories.h"
#include "scan/advisories/evaluate.h"
#include "scan/advisories/osv.h"
#include "scan/advisories/vex.h"

struct advisories {
    osv_store *store;
};

/* One place where an advisory speaks of a package: its only `affected`. */
typedef struct match {
    uint32_t record;
    advisory advisory;
    verdict verdict;
    bool by_commit; /* it speaks of a repository, not of a package */
    size_t group;   /* the index of the first match that is an alias */
    size_t next;    /* the next one of the group, or SIZE_MAX */
} match;

typedef struct match_list {
    match *items;
    size_t count, cap;
} match_list;

/* The advisories of one group that affect one package: all->items[index] and those that follow by
 * `next`. */
typedef struct match_group {
    const package *package;
    const match_list *all;
    size_t index;
    str fixed;      /* the first version that none of the group affects, or empty */
    size_t sisters; /* how many groups affect the package, this one included */
    str upgrade;    /* the smallest that no advisory affects, or empty */
} match_group;

typedef struct ranked_finding {
    finding finding;
    bool kev;
    double epss;
} ranked_finding;

/* Advisories of which it cannot be said whether they are about a commit. */
typedef struct match_unknown {
    const package *package;
    value ids; /* an array of some of them */
    size_t count;
} match_unknown;

finding describe_unknown(arena *a, const match_unknown *told);

/* A finding of which a VEX statement says that it is none is suppressed. */
void describe(arena *a, const advisories *v, const match_group *g, const vex *known,
              ranked_finding *ret);

#endif
