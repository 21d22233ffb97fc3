#include "server/state.h"

#include <stdio.h>

int change_record(core_tx *tx, const change *c, err *e) {
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)c->id);
    audit_event x = {
        .time_us = tx->now_us,
        .actor = tx->by.actor,
        .action = str_from(c->action),
        .subject = {str_from(c->kind), str_from(id), c->name},
        .project = c->project,
        .reason = c->reason,
        .origin = {tx->by.address, tx->by.request_id, tx->by.user_agent},
        .details = c->details,
    };
    int r = audit_append(tx->audit, &x, NULL, e);
    return r < 0 ? err_context(e, "the audit log") : 0;
}
