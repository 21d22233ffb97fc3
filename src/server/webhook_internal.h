/* webhook_internal.h: what the readers of bodies share. */
#ifndef SLIPWAY_SERVER_WEBHOOK_INTERNAL_H
#define SLIPWAY_SERVER_WEBHOOK_INTERNAL_H

#include "server/webhook.h"

/* An event in GitHub's words, before it is one. */
typedef struct webhook_draft {
    const char *name; /* NULL: none */
    value payload;
} webhook_draft;

/* Turns a GitLab body into GitHub's shape; *ret_ignored says why nothing comes of it. */
int webhook_from_gitlab(arena *a, str name, const value *body, webhook_draft *ret, str *ret_ignored,
                        err *e);

static inline bool webhook_is_zeros(str id) {
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] != '0') return false;
    return id.len > 0;
}

#endif
