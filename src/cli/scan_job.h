/* scan_job.h: the pieces of `slipway scan`, in the order in which they are used:
 *
 *   verb_scan.c    options become a scan_job; what was found is judged and reported
 *   scan_kinds.c   what is looked for
 *   scan_where.c   where that is, and where things are kept for the next scan
 *   scan_policy.c  the files that say what counts
 *   scan_ways.c    the ways of scanning: the working copy, what is staged, a change, a history
 *   scan_known.c   what is new in a change, of packages
 *   scan_verify.c  --verify
 *   scan_vex.c, scan_output.c, scan_table.c  how it is shown */
#ifndef SLIPWAY_CLI_SCAN_JOB_H
#define SLIPWAY_CLI_SCAN_JOB_H

#include "cli/scan_kinds.h"
#include "cli/scan_output.h"
#include "scan/baseline.h"
#include "scan/source.h"
#include "scan/suppress.h"

#include <sys/types.h>

typedef struct scan_job {
    arena *a;
    const options *given;
    const char *path; /* as it was named */
    char *root;       /* the top of its working copy, or else the folder itself */
    str below;        /* where it lies in that, without a '/' at its end; empty: it is the top */
    bool in_git, is_stdin, is_named;
    const scan_kind **kinds;
    size_t kind_count;
    scan_options how;
    unsigned failing; /* findings of a level below this one count */
    scan_outputs outputs;
    baseline *known;
    size_t known_count;
    report_policy *policy; /* files that say what counts */
    size_t policy_count, policy_cap;
    suppressions *suppressions; /* NULL: there are none */
    secrets_verifier *verifier; /* NULL without --verify */
    uint64_t began_ms;          /* of loop_now_ms */
    bool of_history, shows_progress;
    pid_t pruner;   /* 0: none */
    size_t commits; /* of the history */
    bool told_cache;
    bool warned; /* of what is odd in rules: once, also where two scans are made */
} scan_job;

/* ---- where --------------------------------------------------------------------------------- */

/* Fills path, root, below, in_git, is_stdin and is_named from the arguments. ERR_NOT_FOUND and the
 * like when there is no such file. Paths in reports, and what is made from them, begin at the top
 * of the working copy, whatever of it is scanned. */
int scan_where_find(scan_job *j, err *e);
/* The folder of the person below the root, with a '/' at its end; empty outside of it. */
str scan_where_here(const scan_job *j);
/* The index of a hook that runs us, where it is of the repository that is scanned; else NULL. */
const char *scan_where_index(const scan_job *j);
/* A folder of the person's caches, or NULL; why there is none is told once. */
const char *scan_where_folder(scan_job *j, const char *name);
/* Sets how.cache: one a scanned folder and way of scanning, because a scan forgets what it has not
 * seen. Once a day a child removes what is old, beside the scan. */
void scan_where_cache(scan_job *j, const char *way);
/* Waits for that child. */
void scan_where_cache_done(scan_job *j);

/* ---- what counts --------------------------------------------------------------------------- */

/* Reads baselines and suppressions, and lists all files that decide what is reported: who reads a
 * report must see that something of the checkout has decided what is in it. */
int scan_policy_read(scan_job *j, err *e);
/* Adds a finding for each of these files that a change has changed: it may excuse itself. */
void scan_policy_tell_changed(const scan_job *j, const scan_source *changed, scan_report *r);

/* ---- scanning ------------------------------------------------------------------------------ */

/* Scans in the way that the options ask for, and prints the report's warnings. *ret_whole tells
 * whether all of the working copy was read. */
int scan_ways_run(scan_job *j, bool *ret_whole, scan_report *ret, err *e);

#endif
