/* meter.h: limits that no control group enforces are measured. Private to this folder; in the init
 * of a job's machine, where /proc shows the job's processes and nothing else. */
#ifndef SLIPWAY_SANDBOX_METER_H
#define SLIPWAY_SANDBOX_METER_H

#include "sandbox/sandbox.h"

#define METER_INTERVAL_MS 250

typedef struct meter {
    sandbox_limits limits;     /* 0: not measured */
    bool root_in_memory;       /* files outside of the job's folder are */
    bool root_is_memory_limit; /* what these files may take is the limit of memory, not of disk */
    int home, root;            /* descriptors of the job's folder and of its root */
    uint64_t free_at_begin;    /* of the job's folder, in bytes */
    uint64_t free_at_du;       /* when the folder was last measured file by file */
    int64_t next_du_ms;        /* when it is measured in any case */
} meter;

void meter_begin(meter *m);
/* Whether there is something to measure at all. */
bool meter_is_needed(const meter *m);
/* Measures; true when a limit was reached, with a sentence that names it. */
bool meter_check(meter *m, char *what, size_t size);
/* After a command has failed: true when that may be for want of processes, or of room in the job's
 * own file system. */
bool meter_is_full(const meter *m, char *what, size_t size);

#endif
