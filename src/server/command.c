/* command.c: from a call of HTTP to the core and back. */
#include "server/state.h"

#include <stdio.h>

typedef struct waiting {
    api_call *call;
    call_work *work;
    void (*answer)(api_call *c);
    str user_agent;
} waiting;

server *call_server(const api_call *c) {
    return api_context(c->s);
}

static const char *const caller_kinds[] = {
    [API_NOBODY] = "nobody",  [API_SESSION] = "user",       [API_TOKEN] = "token",
    [API_IS_AGENT] = "agent", [API_IS_WEBHOOK] = "webhook",
};

static core_by by_of(const waiting *w) {
    api_call *c = w->call;
    str id = arena_printf(c->a, "%lld", (long long)c->caller.id);
    return (core_by){
        .actor = {str_from(caller_kinds[c->caller.kind]), id, c->caller.name},
        .address = c->peer,
        .request_id = c->request_id,
        .user_agent = w->user_agent,
    };
}

static int do_work(core_tx *tx, void *context, err *e) {
    waiting *w = context;
    tx->by = by_of(w);
    return w->work(tx, w->call, e);
}

static void on_done(void *context, const err *e) {
    waiting *w = context;
    if (!e)
        w->answer(w->call);
    else if (e->code == ERR_CANCELLED || e->code == ERR_IO)
        api_busy(w->call, 503, 5, e->message);
    else
        api_fail(w->call, e);
}

void call_core(api_call *c, call_work *work, void (*answer)(api_call *c)) {
    waiting *w = ARENA_NEW(c->a, waiting);
    *w = (waiting){c, work, answer, arena_str(c->a, httpd_header(c->r, "User-Agent"))};
    server *s = call_server(c);
    api_defer(c);
    core_post(s->core, do_work, on_done, w);
}
