#include "agent/worker.h"

#include "agent/events.h"
#include "agent/fetch.h"
#include "agent/job.h"
#include "agent/person.h"
#include "agent/spool.h"
#include "agent/worker_plan.h"
#include "base/fs.h"
#include "runner/mask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define STUCK_LOOK_MS 1000

typedef struct worker {
    const worker_options *o;
    arena *a;
    loop *loop;
    agent_host host;
    spool_writer *spool;
    job_spec spec;
    repository repo;
    actions_spec uses;
    notices tell;
    services_run run;
    mask *mask;
    value no_env;
    event_job shown; /* masked */
    agent_job *job;
    loop_watch *control;
    loop_timer *stuck;
    char order[16]; /* read so far */
    size_t order_len;
    bool started, cancelled, killed, ended;
    spool_result result;
} worker;

/* ---- the process ---------------------------------------------------------------------------- */

int worker_detach(err *e) {
    if (setsid() < 0 && getsid(0) != getpid())
        return err_set(e, ERR_INVALID,
                       "a job's process leads a session of its own, which the leader of a group of "
                       "processes cannot: start it by 'setsid'");
    fs_close_others(NULL, 0);
    return 0;
}

/* What tells the spool's control of SIGTERM; a handler can reach nothing else. */
static volatile sig_atomic_t control_of_signals = -1;

static void on_signal(int signo) {
    static const char word[] = "cancel\n";
    int before = errno;
    (void)signo;
    ssize_t n = write(control_of_signals, word, sizeof word - 1);
    (void)n; /* full: there are orders enough */
    errno = before;
}

static void watch_signals(const worker *w) {
    static const int signals[] = {SIGTERM, SIGINT};
    struct sigaction cancel = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    control_of_signals = spool_control_fd(w->spool);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &cancel, NULL);
}

/* Nobody has what once stood at the other end. */
static void forget_stdin(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    dup2(fd, STDIN_FILENO);
    close(fd);
}

/* ---- what is told --------------------------------------------------------------------------- */

static str masked(worker *w, str text) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (!w->mask) return arena_str(w->a, text);
    mask_text(w->mask, text, &out);
    return arena_str(w->a, strbuf_str(&out));
}

static void tell_line(worker *w, char kind, str text) {
    if (w->spool) spool_log(w->spool, -1, clock_wall_us(), kind, masked(w, text));
}

static void on_warning(void *context, str text) {
    tell_line(context, 'w', text);
}

static void on_note(void *context, str text) {
    tell_line(context, 'n', text);
}

static void on_fetching(void *context, struct repo *const *repos, size_t count) {
    worker *w = context;
    for (size_t i = 0; i < count; i++)
        tell_line(w, 'o', arena_printf(w->a, "fetching %.*s", STR_ARG(repos[i]->pin)));
}

static const char kinds[] = {
    [LOG_PLAIN] = 'o',   [LOG_DEBUG] = 'd', [LOG_NOTICE] = 'n',
    [LOG_WARNING] = 'w', [LOG_ERROR] = 'e', [LOG_COMMAND] = 'c',
};

static void write_event(worker *w, const runner_event *ev) {
    json_out o = spool_begin_event(w->spool, event_kind_name(ev->kind), ev->at_us);
    event_put(&o, &w->shown, ev);
    spool_end_event(w->spool, &o);
}

static void on_event(void *context, const runner_event *ev) {
    worker *w = context;
    switch (ev->kind) {
    case RUNNER_LOG: spool_log(w->spool, ev->step, ev->at_us, kinds[ev->level], ev->text); break;
    case RUNNER_GROUP: spool_log(w->spool, ev->step, ev->at_us, 'g', ev->text); break;
    case RUNNER_GROUP_END: spool_log(w->spool, ev->step, ev->at_us, 'G', ev->text); break;
    case RUNNER_JOB_STARTED:
    case RUNNER_JOB_FINISHED:
    case RUNNER_STEP_STARTED:
    case RUNNER_STEP_FINISHED:
    case RUNNER_ANNOTATION:
    case RUNNER_CONTACT: write_event(w, ev); break;
    case RUNNER_EVENT_COUNT: break;
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The runner has left out of the outputs what may hold a secret, and said so. */
static void on_finished(void *context, job_result result, const value *outputs) {
    worker *w = context;
    w->result.result = result;
    if (spool_is_stuck(w->spool)) {
        w->result.result = JOB_FAILURE;
        w->result.reason = STR("its log could not be written for too long, so it was killed");
    }
    w->result.outputs = outputs ? value_copy(w->a, outputs) : value_object_new(w->a, false);
    w->ended = true;
    loop_quit(w->loop);
}

static void end_unstarted(worker *w, job_result result, str reason) {
    w->result = (spool_result){
        .result = result, .reason = masked(w, reason), .outputs = value_object_new(w->a, false)};
    runner_event ev = {.kind = RUNNER_JOB_FINISHED,
                       .at_us = clock_wall_us(),
                       .step = -1,
                       .parent_step = -1,
                       .result = result};
    w->shown.reason = w->result.reason;
    tell_line(w, result == JOB_FAILURE ? 'e' : 'w', reason);
    write_event(w, &ev);
    w->ended = true;
    if (w->control) loop_quit(w->loop); /* else it does not run yet */
}

/* ---- orders --------------------------------------------------------------------------------- */

static void cancel(worker *w) {
    if (w->cancelled || w->ended) return;
    w->cancelled = true;
    if (!w->job) return; /* seen before it starts */
    if (!agent_job_cancel(w->job))
        end_unstarted(w, JOB_CANCELLED, STR("cancelled while its image was being unpacked"));
}

static void obey(worker *w, str word) {
    if (str_is(word, "kill")) {
        cancel(w);
        w->killed = true;
        if (w->job && !w->ended) agent_job_kill(w->job);
    } else if (str_is(word, "cancel")) {
        cancel(w);
    }
}

/* A line that is longer than any order is none. */
static void on_control(void *context, int fd) {
    worker *w = context;
    char bytes[256];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] != '\n') {
                if (w->order_len < sizeof w->order) w->order[w->order_len] = bytes[i];
                w->order_len++;
                continue;
            }
            str word = {w->order, w->order_len};
            w->order_len = 0;
            if (word.len < sizeof w->order) obey(w, word);
        }
    }
}

/* What can be told no more must not go on: nobody would know what the job has done. */
static void on_look(void *context) {
    worker *w = context;
    if (spool_is_stuck(w->spool) && !w->killed) obey(w, STR("kill"));
}

static void on_image(void *context) {
    worker *w = context;
    err e = {0};
    if (!w->ended && agent_job_waits(w->job) && agent_job_start(w->job, &e) < 0)
        end_unstarted(w, JOB_FAILURE, str_from(e.message));
}

/* While git is waited for, the loop does not run. */
static bool was_stopped(void *context) {
    worker *w = context;
    on_control(w, spool_control_fd(w->spool));
    return w->cancelled;
}

/* ---- from the spec to the job --------------------------------------------------------------- */

static int read_spec(worker *w, str *ret, err *e) {
    int r = fs_read_stdin(w->a, JOB_SPEC_MAX, ret, e);
    forget_stdin();
    if (r < 0) return err_context(e, "the job on stdin");
    return ret->len || w->o->wait ? 0 : err_set(e, ERR_INVALID, "there is no job on stdin");
}

static int add_secrets(worker *w, err *e) {
    w->mask = mask_new();
    const value *secrets = &w->spec.instance.secrets;
    for (size_t i = 0; i < value_count(secrets); i++) {
        str secret = value_at(secrets, i)->item.string;
        if (str_trim(secret).len && mask_add(w->mask, secret, e) < 0) return e->code;
    }
    return 0;
}

static value masked_object(worker *w, const value *object) {
    if (object->kind != VALUE_OBJECT) return *object;
    value out = value_object_new(w->a, value_case_sensitive(object));
    for (size_t i = 0; i < value_count(object); i++) {
        const value_pair *p = value_at(object, i);
        value item = p->item;
        if (item.kind == VALUE_STRING) item.string = masked(w, item.string);
        value_set(w->a, &out, p->key, item);
    }
    return out;
}

static void describe(worker *w) {
    const job_instance *i = &w->spec.instance;
    value *matrix = ARENA_NEW(w->a, value);
    *matrix = masked_object(w, &i->matrix);
    str key = w->spec.job_key; /* "caller/id" */
    w->shown = (event_job){.id = str_sub(key, (size_t)(str_rfind_char(key, '/') + 1), key.len),
                           .name = masked(w, i->name),
                           .matrix = matrix,
                           .labels = i->labels,
                           .label_count = i->label_count};
}

static int write_job(worker *w, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    job_spec_describe(&text, &w->spec);
    strbuf_addc(&text, '\n');
    return spool_write_job(w->spool, strbuf_str(&text), e);
}

/* Of the server's limits and ours, the lower ones count; 0 is none. */
static uint64_t lower(uint64_t a, uint64_t b) {
    return !a || (b && b < a) ? b : a;
}

static void set_limits(sandbox_limits *ours, const sandbox_limits *theirs) {
    ours->memory_bytes = lower(ours->memory_bytes, theirs->memory_bytes);
    ours->disk_bytes = lower(ours->disk_bytes, theirs->disk_bytes);
    ours->processes = (uint32_t)lower(ours->processes, theirs->processes);
    ours->cpus = (uint32_t)lower(ours->cpus, theirs->cpus);
    ours->open_files = (uint32_t)lower(ours->open_files, theirs->open_files);
}

/* A run's artifacts are known by the run, and lie in a folder of its own. */
static void name_run(worker *w) {
    const job_spec *s = &w->spec;
    snprintf(w->run.name, sizeof w->run.name, "run-%lld", (long long)s->run_id);
    w->run.path = s->workflow_path;
    w->host.services = (service_set){.a = w->a,
                                     .repo = &w->repo,
                                     .event = &s->event,
                                     .caches = w->o->caches,
                                     .cache_bytes = w->o->cache_bytes};
    const char *parent = w->o->artifacts;
    if (!parent)
        parent = person_folder(w->a, "XDG_STATE_HOME", ".local/state", "slipway/artifacts");
    if (parent) w->run.artifacts = fs_join(w->a, parent, str_from(w->run.name));
}

static int find_sources(worker *w, err *e) {
    const worker_options *o = w->o;
    const char *scratch = w->host.temp.folder.path;
    int r = worker_repository(w->a, &w->spec, o->local, o->caches, scratch, &w->tell, &w->repo, e);
    if (r < 0) return r;
    w->uses = (actions_spec){.a = w->a,
                             .repo = &w->repo,
                             .from = o->actions_from,
                             .caches = o->caches,
                             .tell = &w->tell};
    if ((r = worker_lock(w->a, &w->spec, &w->uses.lock, e)) < 0) return r;
    w->host.actions = actions_new(&w->uses);
    r = worker_plan(w->a, &w->spec, w->host.actions, e);
    return r < 0 ? r : worker_fetch(w->a, &w->spec, &w->uses, w->host.actions, e);
}

static int start_job(worker *w, err *e) {
    const agent_job_port port = {.context = w, .event = on_event, .finished = on_finished};
    int r = find_sources(w, e);
    if (was_stopped(w)) {
        end_unstarted(w, JOB_CANCELLED, STR("cancelled before its first step"));
        return 0;
    }
    if (r < 0) return r;
    name_run(w);
    set_limits(&w->host.limits, &w->spec.limits);
    w->job = agent_job_new(&w->host, &w->run, &w->spec.instance, &w->spec.egress, &port);
    return agent_job_start(w->job, e);
}

/* Whatever goes wrong from here on is a result. */
static void run_job(worker *w, str text) {
    err e = {0};
    int r = job_spec_decode(w->a, text, &w->spec, &e);
    if (r == 0) r = add_secrets(w, &e);
    if (r == 0) describe(w);
    if (r == 0) r = write_job(w, &e);
    if (r == 0) r = start_job(w, &e);
    if (r < 0) end_unstarted(w, JOB_FAILURE, str_from(e.message));
    if (w->ended) return;
    w->control = loop_readable(w->loop, spool_control_fd(w->spool), on_control, w);
    w->stuck = loop_every(w->loop, STUCK_LOOK_MS, on_look, w);
    loop_run(w->loop);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* What every job needs. */
static int prepare(worker *w, err *e) {
    agent_host *h = &w->host;
    const worker_options *o = w->o;
    int r = temp_make(w->a, false, NULL, &h->temp, e);
    if (r == 0) r = loop_new(&w->loop, e);
    if (r < 0) return r;
    w->tell = (notices){.context = w,
                        .warning = on_warning,
                        .note = on_note,
                        .fetching = on_fetching,
                        .stopped = was_stopped};
    w->no_env = value_object_new(w->a, true);
    h->a = w->a;
    h->loop = w->loop;
    h->repo = &w->repo;
    h->tell = &w->tell;
    h->caches = o->caches;
    h->platforms = o->platforms;
    h->platform_count = o->platform_count;
    h->env = &w->no_env;
    h->node = fs_find_program(w->a, "node", str_from(getenv("PATH")));
    h->debug = o->debug;
    h->limits = limits_default(h->temp.folder.path);
    h->roots = (root_set){.a = w->a, .loop = w->loop, .temp = h->temp.folder.path};
    h->images = (image_set){
        .a = w->a, .loop = w->loop, .caches = o->caches, .changed = on_image, .context = w};
    r = images_find(&h->images, o->platforms, o->platform_count, e);
    return r == 0 && o->wait ? agent_host_need_layer(h, e) : r;
}

static void release(worker *w) {
    agent_job_free(w->job);
    loop_watch_stop(w->control);
    loop_timer_stop(w->stuck);
    services_stop(&w->host.services);
    if (w->loop) {
        images_done(&w->host.images);
        roots_done(&w->host.roots);
    }
    control_of_signals = -1;
    spool_free(w->spool);
    if (w->loop) loop_free(w->loop);
    if (w->mask) mask_free(w->mask);
    temp_done(&w->host.temp);
    arena_free(w->a);
}

static int run(worker *w, err *e) {
    str text;
    int r = prepare(w, e);
    if (r == 0) r = read_spec(w, &text, e);
    if (r < 0 || !text.len) return r;
    if ((r = spool_take(w->o->spool, w->loop, &w->spool, e)) < 0) return r;
    watch_signals(w);
    run_job(w, text);
    return spool_finish(w->spool, &w->result, e);
}

int worker_run(const worker_options *o, err *e) {
    worker w = {.o = o, .a = arena_new(), .host.temp.folder = LEASED_NONE};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int r = run(&w, e);
    release(&w);
    return r;
}
