/* show.h: rows of the store as the JSON of the API, and the schemas that say so. Private.
 *
 * Times are RFC 3339 in UTC with milliseconds; what has not happened yet is null. */
#ifndef SLIPWAY_SERVER_SHOW_H
#define SLIPWAY_SERVER_SHOW_H

#include "server/api.h"
#include "store/agents.h"
#include "store/runs.h"

extern const api_schemas show_schemas;

/* Null for 0. */
value show_time(arena *a, int64_t us);
value show_repository(arena *a, const store_repository *r);
/* `repository`: its name. */
value show_run(arena *a, const store_run *r, str repository);
value show_job(arena *a, const store_job *j);
value show_step(arena *a, const store_step *s);
value show_annotation(arena *a, const store_annotation *x);
value show_agent(arena *a, const store_agent *x, size_t running);

#endif
