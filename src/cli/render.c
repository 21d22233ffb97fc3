#include "cli/render.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define RENDER_FLUSH_MS    30
#define RENDER_FLUSH_BYTES 32768

render *render_new(const run_config *c, loop *l) {
    style st = style_of(STDOUT_FILENO);
    render *r = c->json ? render_json_new() : st.terminal ? render_tty_new() : render_plain_new();
    r->config = c;
    r->loop = l;
    r->style = st;
    r->out = (console)CONSOLE_INIT(STDOUT_FILENO);
    return r;
}

void render_flush(render *r) {
    loop_timer_stop(r->flush);
    r->flush = NULL;
    if (console_flush(&r->out) == 0 || r->broken) return;
    r->broken = true;
    if (r->on_broken) r->on_broken(r->context);
}

static void flush_later(void *context) {
    render *r = context;
    render_flush(r);
}

void render_written(render *r) {
    if (r->out.buf.len >= RENDER_FLUSH_BYTES)
        render_flush(r);
    else if (!r->flush && r->out.buf.len)
        r->flush = loop_after(r->loop, RENDER_FLUSH_MS, flush_later, r);
}

void render_free(render *r) {
    if (!r) return;
    render_flush(r);
    console_done(&r->out);
    r->ops->free(r);
}
