/* render.h: how a run is shown while it happens. One small interface, three ways: JSON lines for
 * programs, prefixed lines for logs, and a live view for a terminal. */
#ifndef SLIPWAY_CLI_RENDER_H
#define SLIPWAY_CLI_RENDER_H

#include "base/loop.h"
#include "cli/console.h"
#include "cli/run.h"
#include "cli/views.h"
#include "runner/mask.h"

typedef struct render render;

typedef struct render_ops {
    /* How many columns labels of jobs will take; asked once, before the first run. May be NULL. */
    void (*prepare)(render *r, size_t label_width);
    void (*run_started)(render *r, const run_view *run);
    /* `job` has taken over the event already. A job that never started has only RUNNER_JOB_FINISHED
     * and job->reason. */
    void (*job_event)(render *r, const job_view *job, const runner_event *ev);
    void (*run_finished)(render *r, const run_view *run);
    /* Slipway's own words. */
    void (*message)(render *r, severity level, str text);
    /* Everything has ended: the summary. */
    void (*finish)(render *r, job_view *const *jobs, size_t job_count);
    /* Gives the terminal to another program and takes it back. May be NULL. */
    void (*suspend)(render *r, bool suspended);
    void (*free)(render *r);
} render_ops;

struct render {
    const render_ops *ops;
    const run_config *config;
    mask *mask; /* secrets, for what is said of the command line itself */
    loop *loop;
    console out;
    style style;
    loop_timer *flush;
    /* Called once when stdout can no longer be written. */
    void (*on_broken)(void *context);
    void *context;
    bool broken;
};

/* The renderer that the options and stdout call for. */
render *render_new(const run_config *c, loop *l);
void render_free(render *r);

render *render_json_new(void);
render *render_plain_new(void);
render *render_tty_new(void);

/* Lets what is in r->out be written soon: at once when it is much, else within RENDER_FLUSH_MS. */
void render_written(render *r);
void render_flush(render *r);

/* A line of output, with its level in front where that is none of a script's own. */
void render_log(strbuf *out, const style *st, const runner_event *ev);

/* One line of a table: "✓ label      0.4s  text". */
typedef struct row {
    style_glyph glyph; /* GLYPH_COUNT: the spinner at `tick` */
    unsigned tick;
    style_ink ink;
    str label;
    style_ink label_ink;
    int64_t us; /* negative: none */
    str text;
} row;
/* How a job ended; for one that failed, with the step that did. */
row row_of_job(const job_view *job);
/* Adds at most `width` columns. Labels take `label_width` of them; a longer one is cut only where a
 * text follows. */
void row_add(strbuf *out, const style *st, const row *x, size_t label_width, size_t width);

/* The end of a run for people: results of jobs where they are asked for, summaries, annotations,
 * failures with their last lines and how to run them again, and one line in which it all ends. */
void ending_add(render *r, job_view *const *jobs, size_t job_count, bool list_jobs);

#endif
