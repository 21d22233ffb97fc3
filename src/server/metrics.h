/* metrics.h: figures of the server for Prometheus (text format 0.0.4). Private to src/server.
 *
 * Counters and histograms are kept by the core as things happen; gauges are asked for when they are
 * scraped. */
#ifndef SLIPWAY_SERVER_METRICS_H
#define SLIPWAY_SERVER_METRICS_H

#include "server/state.h"

metrics *metrics_new(void);
void metrics_free(metrics *m);

/* A job has changed: once that is committed. `what`: the event of states.h. */
void metrics_job(metrics *m, const store_job *job, const char *what, int64_t now_us);
void metrics_run(metrics *m, const store_run *run, const char *what);

extern const api_routes metrics_routes;

#endif
