/* where.h: where a job runs, and within which limits. */
#ifndef SLIPWAY_AGENT_WHERE_H
#define SLIPWAY_AGENT_WHERE_H

#include "sandbox/sandbox.h"

typedef struct word_mapping {
    str from;       /* "owner/repo@ref", a label */
    const char *to; /* a folder, a back end */
} word_mapping;

typedef struct job_where {
    sandbox_backend backend;
    const char *rootfs; /* or NULL */
    const char *oci;    /* "DIR[:TAG]", or NULL */
} job_where;
#define WHERE_OCI "oci:"

/* Judges what labels are mapped to: "sandbox", "host", "rootfs:DIR", "oci:DIR[:TAG]". */
int where_judge(arena *a, const word_mapping *platforms, size_t platform_count, err *e);
/* Where a job with these labels runs; an error when nowhere. */
int where_choose(const word_mapping *platforms, size_t platform_count, const str *labels,
                 size_t count, job_where *ret, err *e);
/* Cuts "DIR[:TAG]", where the folder's name may have colons as well; false when there is no such
 * folder. */
bool where_split_image(arena *a, const char *text, const char **ret_dir, str *ret_tag);
/* What a job may use when nothing is said, its folders being in `folder`. */
sandbox_limits limits_default(const char *folder);

#endif
