/* The output of a container until it ends. Podman may forget to end the stream of one that has
 * ended just when it was asked for; so when nothing has come for a while the engine is asked for
 * the container, and what the stream had not brought is read again. */
#include "sandbox/engine_work.h"

typedef struct following {
    const engine *g;
    str container;
    engine_output_fn *out;
    void *context;
    size_t passed, skip; /* bytes that `out` has got; that it has got before */
    engine_silence silence;
    bool over;
} following;

static time_t seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

void engine_silence_end(engine_silence *s) {
    s->heard = seconds();
}

bool engine_silence_asks(engine_silence *s) {
    time_t now = seconds();
    if (now - s->heard < 1 || now - s->asked < 2) return false;
    s->asked = now;
    return true;
}

static int on_output(void *context, str bytes) {
    following *f = context;
    size_t known = f->skip < bytes.len ? f->skip : bytes.len;
    engine_silence_end(&f->silence);
    f->skip -= known;
    f->passed += bytes.len - known;
    bytes = str_sub(bytes, known, bytes.len);
    return bytes.len ? f->out(f->context, bytes) : 0;
}

static bool is_over(void *context) {
    following *f = context;
    if (engine_work_stopped()) return true;
    if (!engine_silence_asks(&f->silence)) return false;
    _cleanup_arena_ arena *a = arena_new();
    const engine own = {.socket = f->g->socket};
    value inspected;
    err ignored;
    if (engine_inspect(&own, a, f->container, &inspected, &ignored) < 0) return false;
    f->over = str_is(value_path_str(&inspected, "State.Status"), "exited");
    return f->over;
}

int engine_work_follow(engine_work *w, str container, engine_output_fn *out, void *context,
                       err *e) {
    following f = {.g = &w->g, .container = container, .out = out, .context = context};
    engine_silence_end(&f.silence);
    w->g.stop = is_over;
    w->g.stop_context = &f;
    int code = engine_logs(&w->g, container, true, on_output, &f, e);
    w->g.stop = NULL;
    if (!f.over) return code;
    f.skip = f.passed;
    return engine_logs(&w->g, container, false, on_output, &f, e);
}
