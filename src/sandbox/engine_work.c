/* Work that is one or two calls: commands, actions' containers, images, the end of a job. The
 * setting up of a job is in engine_setup.c. */
#include "sandbox/engine_work.h"

#include "base/json.h"
#include "sandbox/engine_clean.h"
#include "sandbox/engine_relay.h"
#include "sandbox/engine_spec.h"
#include "sandbox/engine_tar.h"
#include "sandbox/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_stop(int signo) {
    (void)signo;
    stopped = 1;
}

bool engine_work_stopped(void) {
    static bool watched;
    if (!watched) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
    watched = true;
    return stopped;
}

/* ---- output ---------------------------------------------------------------------------------- */

static int put_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1; /* nobody reads any more */
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int engine_put(void *context, str bytes) {
    const engine_work *w = context;
    return put_all(w->output, bytes.ptr, bytes.len);
}

void engine_say(const engine_work *w, char kind, const char *format, ...) {
    _cleanup_strbuf_ strbuf line = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_addc(&line, kind);
    strbuf_vaddf(&line, format, args);
    va_end(args);
    strbuf_addc(&line, '\n');
    put_all(w->output, line.ptr, line.len);
}

void engine_say_line(void *context, str line) {
    engine_say(context, 'l', "%.*s", STR_ARG(line));
}

typedef struct lines {
    engine_work *w;
    strbuf partial;
} lines;

#define LOG_LINE_MAX (64u << 10)

static int on_log(void *context, str bytes) {
    lines *l = context;
    str line;
    strbuf_add(&l->partial, bytes);
    str rest = strbuf_str(&l->partial);
    size_t taken = 0;
    for (ptrdiff_t end; (end = str_find_char(rest, '\n')) >= 0;) {
        line = str_sub(rest, 0, (size_t)end);
        if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
        engine_say_line(l->w, line);
        taken += (size_t)end + 1;
        rest = str_sub(rest, (size_t)end + 1, rest.len);
    }
    strbuf_shift(&l->partial, taken);
    if (l->partial.len > LOG_LINE_MAX) {
        engine_say_line(l->w, strbuf_str(&l->partial));
        strbuf_clear(&l->partial);
    }
    return 0;
}

void engine_say_logs(engine_work *w, str container) {
    lines l = {.w = w};
    err e = {0};
    if (engine_logs(&w->g, container, false, on_log, &l, &e) < 0)
        engine_say(w, 'w', "%s", e.message);
    if (l.partial.len) engine_say_line(w, strbuf_str(&l.partial));
    strbuf_done(&l.partial);
}

static void keep_id(char *room, str id) {
    snprintf(room, ENGINE_ID_MAX, "%.*s", STR_ARG(id));
}

static void nap(unsigned ms) {
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

/* ---- a command in the job's container -------------------------------------------------------- */

static value words_of(arena *a, char *const *list) {
    value out = value_array_new(a);
    for (; *list; list++)
        value_push(a, &out, value_string(str_from(*list)));
    return out;
}

/* While the output is open, which what a command has started in the background may hold open for
 * ever. */
typedef struct watching {
    engine_work *w;
    const char *exec;
    engine_silence silence;
    bool ended;
} watching;

static int on_command_output(void *context, str bytes) {
    watching *x = context;
    engine_silence_end(&x->silence);
    return engine_put(x->w, bytes);
}

static bool command_over(void *context) {
    watching *x = context;
    if (engine_work_stopped()) return true;
    if (!engine_silence_asks(&x->silence)) return false;
    engine own = {.socket = x->w->g.socket};
    engine_exec_state state;
    err ignored;
    x->ended = engine_exec_inspect(&own, str_from(x->exec), &state, &ignored) == 0 &&
               !state.running && state.pid == 0;
    return x->ended;
}

/* The output has ended, the command may not have. */
static int wait_for_end(engine_work *w, const char *exec, err *e) {
    engine_exec_state state = {0};
    for (unsigned wait = 5;; wait = wait < 1000 ? wait * 2 : wait) {
        int code = engine_exec_inspect(&w->g, str_from(exec), &state, e);
        if (code < 0) return code;
        if (!state.running || engine_work_stopped()) break;
        nap(wait);
    }
    w->page->status = state.status;
    return 0;
}

value engine_command(arena *a, char *const *argv, char *const *env, const char *cwd) {
    value body = value_object_new(a, true);
    value_set(a, &body, STR("AttachStdout"), value_bool(true));
    value_set(a, &body, STR("AttachStderr"), value_bool(true));
    value_set(a, &body, STR("Cmd"), words_of(a, argv));
    value_set(a, &body, STR("Env"), words_of(a, env));
    value_set_str(a, &body, "WorkingDir", str_from(cwd));
    return body;
}

int engine_work_exec(engine_work *w, char *const *argv, char *const *env, const char *cwd, err *e) {
    value body = engine_command(w->a, argv, env, cwd);
    str id;
    int code = engine_exec_create(&w->g, w->a, str_from(w->container), &body, &id, e);
    if (code < 0) return code;
    keep_id(w->page->exec, id);
    if (engine_work_stopped()) return err_set(e, ERR_CANCELLED, "stopped");
    watching x = {.w = w, .exec = w->page->exec};
    engine_silence_end(&x.silence);
    w->g.stop = command_over;
    w->g.stop_context = &x;
    code = engine_exec_start(&w->g, id, on_command_output, &x, e);
    w->g.stop = NULL;
    if (code < 0 && !x.ended) return code;
    return wait_for_end(w, w->page->exec, e);
}

/* ---- signals --------------------------------------------------------------------------------- */

/* The pid in the innermost namespace; 0 where it is not told. */
static pid_t inner_pid(pid_t pid) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    pid_t found = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "NSpid:", 6) != 0) continue;
        char *last = strrchr(line, '\t');
        found = last ? atoi(last) : 0;
    }
    if (f) fclose(f);
    return found;
}

/* Where we may not signal processes of the container (the engine runs as somebody else), its own
 * shell does. */
static int signal_inside(engine_work *w, const char *container, int signo, const char *pids,
                         err *e) {
    arena *a = w->a;
    str script = arena_printf(a, "kill -%d -- %s", signo, pids), id;
    char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script.ptr, NULL};
    value body = value_object_new(a, true);
    value_set(a, &body, STR("Cmd"), words_of(a, argv));
    value_set_str(a, &body, "User", STR("0"));
    value_set(a, &body, STR("AttachStderr"), value_bool(true));
    int code = engine_exec_create(&w->g, a, str_from(container), &body, &id, e);
    if (code < 0) return code;
    engine_exec_state state = {0};
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    engine_work quiet = *w;
    quiet.output = null;
    code = engine_exec_start(&w->g, id, engine_put, &quiet, e);
    close(null);
    if (code == 0) code = engine_exec_inspect(&w->g, id, &state, e);
    if (code == 0 && state.status != 0)
        return err_set(e, ERR_FAILED, "'kill' in the container ended with status %d", state.status);
    return code;
}

/* The command's process group, or with SIGKILL everything below it. */
static int signal_command(engine_work *w, const engine_page *page, pid_t pid, int signo, err *e) {
    _cleanup_strbuf_ strbuf pids = STRBUF_INIT;
    tree t = {0};
    bool refused = false;
    if (signo == SIGKILL) {
        tree_scan(&t);
        tree_below(&t, pid, pid);
    }
    for (size_t i = 0; i < t.count; i++) {
        if (!t.items[i].below || t.items[i].pid == pid) continue;
        pid_t inside = inner_pid(t.items[i].pid);
        if (inside > 0) strbuf_addf(&pids, " %d", (int)inside);
        refused |= kill(t.items[i].pid, signo) < 0 && errno == EPERM;
    }
    tree_done(&t);
    pid_t inside = inner_pid(pid);
    if (inside > 0) strbuf_addf(&pids, " %s%d", signo == SIGKILL ? "" : "-", (int)inside);
    refused |= kill(signo == SIGKILL ? pid : -pid, signo) < 0 && errno == EPERM;
    if (!refused) return 0;
    return signal_inside(w, page->container[0] ? page->container : w->container, signo,
                         strbuf_cstr(&pids), e);
}

int engine_work_signal(engine_work *w, const engine_page *page, int signo, err *e) {
    engine_exec_state state = {.running = true};
    if (!page->exec[0]) return engine_kill(&w->g, str_from(page->container), signo, e);
    /* The pid is known a moment after the start. */
    for (unsigned wait = 5; wait < 4000; wait *= 2) {
        int code = engine_exec_inspect(&w->g, str_from(page->exec), &state, e);
        if (code < 0) return code;
        if (state.pid > 1) return signal_command(w, page, state.pid, signo, e);
        nap(wait);
    }
    return state.running ? err_set(e, ERR_FAILED, "the engine does not tell the command's process")
                         : 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static str text_at(const value *request, const char *key) {
    return value_path_str(request, key);
}

static int work_pull(engine_work *w, const value *request, err *e) {
    str image = text_at(request, "image");
    value found;
    err missing;
    if (engine_image_inspect(&w->g, w->a, image, &found, &missing) == 0) {
        engine_say(w, 'l', "The image '%.*s' is there already", STR_ARG(image));
        return 0;
    }
    if (missing.code != ERR_NOT_FOUND) {
        *e = missing;
        return e->code;
    }
    const engine_login login = {text_at(request, "credentials.username"),
                                text_at(request, "credentials.password")};
    return engine_pull(&w->g, image, &login, engine_say_line, w, e);
}

static int work_build(engine_work *w, const value *request, err *e) {
    value labels = engine_labels(w->a, w->owner, text_at(request, "job"));
    int fd = memfd_create("context", MFD_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot make room for what is to be built");
    int code = engine_tar(w->folder, fd, e);
    if (code == 0)
        code = engine_build(&w->g, fd, text_at(request, "dockerfile"), text_at(request, "image"),
                            &labels, engine_say_line, w, e);
    close(fd);
    return code;
}

/* "FROM:TO[:ro]" as mounts: unlike for binds, an engine makes no folder where FROM is missing. */
static void plan_mounts(arena *a, engine_plan *p, const value *binds) {
    value host = *value_get(&p->body, STR("HostConfig")), list = value_array_new(a);
    for (size_t i = 0; i < value_count(binds); i++) {
        value mount = value_object_new(a, true);
        str from, to, mode;
        str_cut(binds->array.items[i].string, ':', &from, &to);
        bool fixed = str_cut(to, ':', &to, &mode);
        value_set_str(a, &mount, "Type", STR("bind"));
        value_set_str(a, &mount, "Source", from);
        value_set_str(a, &mount, "Target", to);
        value_set(a, &mount, STR("ReadOnly"), value_bool(fixed));
        value_push(a, &list, mount);
    }
    value_set(a, &host, STR("Mounts"), list);
}

static int plan_run(engine_work *w, engine_plan *p, const value *request, err *e) {
    const value *env = value_get(request, STR("env")), *binds = value_get(request, STR("binds"));
    const value *args = value_get(request, STR("args"));
    arena *a = w->a;
    for (size_t i = 0; i < value_count(env); i++)
        engine_plan_env(a, p, env->array.items[i].string);
    plan_mounts(a, p, binds);
    if (args && value_count(args)) value_set(a, &p->body, STR("Cmd"), *args);
    str entrypoint = text_at(request, "entrypoint"), *words;
    size_t count = 0;
    if (engine_words(a, text_at(request, "line"), &words, &count, e) < 0) return e->code;
    if (count) engine_plan_command(a, p, words, count);
    if (entrypoint.len) engine_plan_entrypoint(a, p, &entrypoint, 1);
    value_set_str(a, &p->body, "WorkingDir", text_at(request, "workdir"));
    return 0;
}

static bool on_run_stop(void *context) {
    (void)context;
    return engine_work_stopped();
}

/* The action's container joins the network of the relay's, where there are services to reach, and
 * begins by looking at what it has mounted: until then, a step may have put a link to anywhere in
 * the place of a folder. Without that look it is not run. *ret_id is the relay's container, or
 * empty. */
static int add_relay(engine_work *w, engine_plan *p, const value *request, const value *labels,
                     str *ret_network, str *ret_id, err *e) {
    const value *relay = engine_relay_of(request);
    str image = text_at(request, "image");
    err why = {0};
    *ret_network = text_at(request, "network");
    *ret_id = STR_EMPTY;
    if (!relay && !value_count(value_get(request, STR("binds")))) return 0; /* it sees no folder */
    if (!relay) return err_set(e, ERR_INVALID, "an action's container without a relay");
    if (engine_relay_port(relay)) {
        if (engine_relay_run(w, image, *ret_network, labels, relay, ret_id, &why) < 0) {
            err ignored = {0};
            if (ret_id->len) engine_remove(&w->g, ENGINE_CONTAINER, *ret_id, &ignored);
            *ret_id = STR_EMPTY;
            return err_set(e, ERR_FAILED,
                           "the action was not run, because what its container has mounted cannot "
                           "be compared with the job's folders: %.600s",
                           why.message);
        }
        *ret_network = arena_printf(w->a, "container:%.*s", STR_ARG(*ret_id));
    }
    return engine_relay_check(w, p, relay, value_get(request, STR("folders")), e);
}

/* From its making to its end. Its name is not asked for: the engine's own cannot clash. */
static int run_container(engine_work *w, const value *request, const value *body, err *e) {
    str id;
    err ignored;
    int code = engine_create(&w->g, w->a, text_at(request, "name"), body, &id, e);
    if (code < 0) return code;
    keep_id(w->page->container, id);
    w->page->runs = true;
    if (!engine_work_stopped()) code = engine_start(&w->g, id, e);
    if (code == 0) code = engine_work_follow(w, id, engine_put, w, e);
    w->g.stop = on_run_stop;
    if (code == 0) code = engine_wait(&w->g, id, &w->page->status, e);
    w->g.stop = NULL;
    engine_remove(&w->g, ENGINE_CONTAINER, id, code < 0 ? &ignored : e);
    return code;
}

/* An action's container. */
static int work_run(engine_work *w, const value *request, err *e) {
    engine_plan p;
    str relay, network;
    err ignored;
    value labels = engine_labels(w->a, w->owner, text_at(request, "job"));
    engine_plan_init(w->a, &p);
    value_set_str(w->a, &p.body, "Image", text_at(request, "image"));
    if (plan_run(w, &p, request, e) < 0) return e->code;
    int code = add_relay(w, &p, request, &labels, &network, &relay, e);
    engine_plan_join(w->a, &p, network, STR_EMPTY, &labels);
    if (code == 0) code = run_container(w, request, &p.body, e);
    if (relay.len) engine_remove(&w->g, ENGINE_CONTAINER, relay, &ignored);
    return code;
}

/* The step "Stop containers": services' logs, then all goes. */
static int work_stop(engine_work *w, const value *request, err *e) {
    const value *services = value_get(request, STR("services"));
    for (size_t i = 0; i < value_count(services); i++) {
        const value_pair *p = value_at(services, i);
        engine_say(w, 'g', "Print service container logs: %.*s", STR_ARG(p->key));
        engine_say_logs(w, value_path_str(&p->item, "id"));
        engine_say(w, 'e', "%s", "");
    }
    engine_say(w, 'l', "Stop and remove the job's containers and their network");
    return engine_clean(&w->g, w->owner, e);
}

int engine_work_ask(engine_work *w, str text, err *e) {
    static const struct {
        const char *name;
        int (*fn)(engine_work *, const value *, err *);
    } all[] = {
        {"setup", engine_work_setup}, {"pull", work_pull}, {"build", work_build}, {"run", work_run},
        {"stop", work_stop},
    };
    value request;
    if (json_parse(w->a, text, 0, &request, e) < 0) return err_context(e, "request to the engine");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (str_is(text_at(&request, "do"), all[i].name)) return all[i].fn(w, &request, e);
    }
    return err_set(e, ERR_INVALID, "the engine is not asked for anything known");
}
