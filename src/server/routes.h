/* routes.h: the tables of routes. Private. */
#ifndef SLIPWAY_SERVER_ROUTES_H
#define SLIPWAY_SERVER_ROUTES_H

#include "server/api.h"
#include "store/runs.h"

extern const api_routes runs_routes, agents_routes, audit_routes, logs_routes;
extern const api_schemas runs_schemas, agents_schemas, audit_schemas, logs_schemas;

/* The job that the path names, when the caller may see it; else it is answered. */
bool routes_find_job(api_call *c, store **ret_store, store_job *ret);

#endif
