/* person.h: folders of the person who started us. */
#ifndef SLIPWAY_AGENT_PERSON_H
#define SLIPWAY_AGENT_PERSON_H

#include "base/arena.h"
#include "base/err.h"

/* $VARIABLE/REST, or BELOW_HOME/REST in the person's home; NULL where there is neither. */
char *person_folder(arena *a, const char *variable, const char *below_home, const char *rest);
/* The folder NAME of `caches`, or slipway/NAME of the person's caches where that is NULL; made,
 * where nobody else can put anything: what is found there is believed. ERR_INVALID when others
 * could. */
int person_cache(arena *a, const char *caches, const char *name, char **ret, err *e);

#endif
