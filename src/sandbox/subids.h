/* subids.h: subordinate ids (subuid(5), subgid(5)): user and group ids of the host that an
 * administrator has given to a user, so that a user namespace of theirs can have more than one.
 * Private to this folder.
 *
 * Theory of operation. Only root may map ids that are not one's own. newuidmap(1) and newgidmap(1)
 * are root's (setuid) and do it for whoever has a range in /etc/subuid and /etc/subgid, or in the
 * source that nsswitch.conf names. In a namespace that was mapped so, 0 is who started Slipway, and
 * 1 to 65535 are of the range: a job is root of its own machine, as it is where Slipway is started
 * by root. What it writes as root belongs to the user on the host; what it gives to others belongs
 * to ids of the range, and can be removed only from inside a namespace that has them. */
#ifndef SLIPWAY_SANDBOX_SUBIDS_H
#define SLIPWAY_SANDBOX_SUBIDS_H

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

#define SUBIDS_NEEDED     65535u /* besides our own: up to 'nobody' and its like */
#define SUBIDS_RANGES_MAX 16

typedef struct subids_list {
    struct subids_range {
        uint32_t first, count;
    } ranges[SUBIDS_RANGES_MAX];
    unsigned count;
    uint32_t total; /* of all ranges, SUBIDS_NEEDED at most: the rest is cut off */
    uint32_t past;  /* after what anybody has: where a new range may begin */
} subids_list;

/* Reads lines of "NAME:FIRST:COUNT", as /etc/subuid has them, or of "INDEX: NAME FIRST COUNT", as
 * getsubids(1) prints them. NAME may be the user's id. Lines of others, and what makes no sense,
 * are passed over; so are ranges with the id 0 or `id`, which is the user's own. */
void subids_parse(str text, str name, uint32_t id, subids_list *ret);

/* What there is for the user who runs this process. */
typedef struct subids {
    bool usable;
    char why_not[512]; /* else */
    char advice[256];  /* how to get it */
    char users_helper[64], groups_helper[64];
    subids_list users, groups;
} subids;

/* Found out once in a process. For root nothing is looked for, and it is not usable. */
const subids *subids_of_user(void);
/* From now on, this process finds them not usable. */
void subids_give_up(const char *why_not);

/* In the parent of `pid`, which has a user namespace without a map: gives it one. */
int subids_map(const subids *s, pid_t pid, err *e);

#endif
