/* egress.h: what a job may reach, as sandboxes want to know it. */
#ifndef SLIPWAY_AGENT_EGRESS_H
#define SLIPWAY_AGENT_EGRESS_H

#include "sandbox/sandbox.h"
#include "workflow/settings.h"

/* Of slipway.yml. Text is borrowed, lists are in `a`. */
sandbox_egress egress_of_settings(arena *a, const network_settings *n);
/* The same with one rule more. */
sandbox_egress egress_with(arena *a, const sandbox_egress *base, const char *rule);

#endif
