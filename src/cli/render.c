#include "cli/render.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define RENDER_FLUSH_MS    30
#define RENDER_FLUSH_BYTES 32768
#define ROW_TIME_WIDTH     9

render *render_new(const run_config *c, loop *l) {
    style st = style_of(STDOUT_FILENO);
    render *r = c->json ? render_json_new() : st.terminal ? render_tty_new() : render_plain_new();
    r->config = c;
    r->loop = l;
    r->style = st;
    r->out = (console)CONSOLE_INIT(STDOUT_FILENO);
    return r;
}

void render_log(strbuf *out, const style *st, const runner_event *ev) {
    static const struct {
        const char *lead;
        style_ink ink;
    } levels[] = {
        [LOG_PLAIN] = {"", INK_COUNT},         [LOG_DEBUG] = {"debug: ", INK_DIM},
        [LOG_NOTICE] = {"notice: ", INK_CYAN}, [LOG_WARNING] = {"warning: ", INK_YELLOW},
        [LOG_ERROR] = {"error: ", INK_RED},    [LOG_COMMAND] = {"", INK_BLUE},
    };
    style_ink ink = levels[ev->level].ink;
    if (ink != INK_COUNT) style_on(out, st, ink);
    strbuf_adds(out, levels[ev->level].lead);
    style_text(out, st, ev->text);
    if (ink != INK_COUNT) style_off(out, st);
}

row row_of_job(const job_view *job) {
    const step_view *culprit = job->result == JOB_FAILURE ? job_view_culprit(job) : NULL;
    bool fine = job->result == JOB_SUCCESS;
    return (row){
        .glyph = job_glyph(job->result),
        .ink = job_ink(job->result),
        .label = job->label,
        .label_ink = job->started ? INK_BOLD : INK_DIM,
        .us = job->started ? job->duration_us : -1,
        .text = fine              ? STR_EMPTY
                : job->reason.len ? job->reason
                : culprit         ? culprit->name
                                  : str_from(job_word(job->result)),
    };
}

void row_add(strbuf *out, const style *st, const row *x, size_t label_width, size_t width) {
    _cleanup_strbuf_ strbuf time = STRBUF_INIT;
    if (x->us >= 0) style_duration(&time, x->us);
    style_add(out, st, x->ink,
              str_from(x->glyph == GLYPH_COUNT ? style_spinner(st, x->tick)
                                               : style_glyph_of(st, x->glyph)));
    strbuf_addc(out, ' ');
    size_t fixed = 2 + ROW_TIME_WIDTH;
    size_t label = style_width(st, x->label);
    if (x->text.len || label < label_width) label = label_width;
    if (fixed + label > width) label = width > fixed ? width - fixed : 0;
    style_on(out, st, x->label_ink);
    size_t used = style_clip(out, st, x->label, label);
    style_off(out, st);
    if (!time.len && !x->text.len) return;
    strbuf_pad(out, ' ',
               label - used + (time.len < ROW_TIME_WIDTH ? ROW_TIME_WIDTH - time.len : 1));
    strbuf_add(out, strbuf_str(&time));
    if (!x->text.len || fixed + label + 2 >= width) return;
    strbuf_adds(out, "  ");
    style_on(out, st, INK_DIM);
    style_clip(out, st, x->text, width - fixed - label - 2);
    style_off(out, st);
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
