/* process.c: children, their pipes and their ends in one poll.
 *
 * A child is started by vfork, which does not copy our page tables however large we have grown, and
 * gets SIGTERM when we are killed. It reads its input from memory (a memfd) or from /dev/null, so
 * there is nothing to feed and no SIGPIPE to fear. Its end is seen by a pidfd, not by the end of
 * its pipes: a daemon that it leaves behind may hold those open for ever. Children stay in our
 * process group, so that Ctrl-C on a terminal reaches them while we wait here.
 *
 * A child that takes too long or says too much gets SIGTERM, so that it can tidy up, and SIGKILL
 * a little later. */
#include "base/process.h"

#include "base/fs.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX_DEFAULT ((size_t)64 << 20)
#define TERM_GRACE_MS      500
#define ASK_MS             200
#define NO_DEADLINE        UINT64_MAX

extern char **environ;

typedef struct stream {
    int fd; /* -1 when it has ended */
    strbuf text;
} stream;

typedef struct child {
    const process_spec *spec;
    pid_t pid; /* 0 before the start and after the end */
    int pidfd;
    stream out, err_out;
    uint64_t deadline;
    bool terminated;
    int code; /* why we ended it, or 0 */
} child;

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool same_key(const char *entry, const char *other) {
    size_t n = strcspn(entry, "=");
    return strncmp(entry, other, n) == 0 && (other[n] == '=' || other[n] == '\0');
}

/* Our environment with `changes` put over it; the last of one name counts. One without a value
 * removes. */
static char **merged_env(arena *a, const char *const *changes) {
    char **env = NULL;
    size_t count = 0, cap = 0, changed = 0;
    while (changes && changes[changed])
        changed++;
    for (char **ours = environ; ours && *ours; ours++) { /* a zygote has forgotten it */
        bool replaced = false;
        for (size_t i = 0; i < changed && !replaced; i++)
            replaced = same_key(changes[i], *ours);
        if (!replaced) ARENA_PUSH(a, env, count, cap, *ours);
    }
    for (size_t i = 0; i < changed; i++) {
        bool again = false;
        for (size_t j = i + 1; j < changed && !again; j++)
            again = same_key(changes[i], changes[j]);
        if (!again && strchr(changes[i], '=')) ARENA_PUSH(a, env, count, cap, (char *)changes[i]);
    }
    ARENA_PUSH(a, env, count, cap, NULL);
    return env;
}

/* A descriptor from which `input` can be read from its start. */
static int open_input(str input) {
    if (input.len == 0) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    while (fd >= 0 && input.len) {
        ssize_t n = write(fd, input.ptr, input.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) close_fd(&fd);
        if (n > 0) input = str_sub(input, (size_t)n, input.len);
    }
    if (fd >= 0) lseek(fd, 0, SEEK_SET);
    return fd;
}

/* The parent's end does not block: it is read dry whenever poll says so. */
static int open_pipe(stream *s, int *ret_child_end) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return -1;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    s->fd = fds[0];
    *ret_child_end = fds[1];
    return 0;
}

/* execvp would call a program forbidden that is only absent, where a folder of PATH is closed
 * to us. */
static const char *find_program(arena *a, const char *name) {
    const char *path = getenv("PATH");
    if (strchr(name, '/')) return name;
    return fs_find_program(a, name, path ? str_from(path) : STR("/usr/local/bin:/usr/bin:/bin"));
}

/* Runs in the child of a vfork: touches nothing but its own variables and *failed. It meets signals
 * as if they had never been blocked or caught; what is ignored stays so, but for the broken pipe.
 */
static _Noreturn void become(const char *program, const process_spec *spec, const int fds[3],
                             char **env, volatile int *failed) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    bool good = !spec->cwd || chdir(spec->cwd) == 0;
    for (int i = 0; i < 3 && good; i++)
        good = dup2(fds[i], i) == i;
    for (int signo = 1; signo < NSIG && good; signo++) {
        struct sigaction now;
        bool ignored = sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
        if (!ignored || signo == SIGPIPE) signal(signo, SIG_DFL);
    }
    if (good) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(program, (char *const *)spec->argv, env);
    }
    *failed = errno;
    _exit(127);
}

static sigset_t block_signals(void) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    return before;
}

/* No handler of ours may run in the child, which has our memory: until its own are set, signals
 * wait. Not inlined, so that no variable of a caller is in the way of the two returns of vfork. */
static __attribute__((noinline)) pid_t launch(const char *program, const process_spec *spec,
                                              const int fds[3], char **env, volatile int *failed) {
    sigset_t before = block_signals();
    pid_t pid = vfork();
    if (pid == 0) become(program, spec, fds, env, failed);
    if (pid < 0) *failed = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Returns an errno. */
static int spawn(child *c, const int fds[3], arena *a) {
    const char *program = find_program(a, c->spec->argv[0]);
    if (!program) return ENOENT;
    volatile int failed = 0;
    pid_t pid = launch(program, c->spec, fds, merged_env(a, c->spec->env), &failed);
    if (pid > 0 && failed) waitpid(pid, NULL, 0);
    if (!failed) c->pid = pid;
    return failed;
}

static int start_error(const process_spec *spec, int code, err *e) {
    const char *name = spec->argv[0];
    if (spec->cwd && !fs_is_dir(spec->cwd))
        return err_set(e, ERR_NOT_FOUND, "cannot run '%s' in '%s': there is no such folder", name,
                       spec->cwd);
    if (code == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "cannot run '%s': there is no such program", name);
    return err_sys(e, code, "cannot run '%s'", name);
}

/* Returns an errno. */
static int start(child *c, arena *a) {
    int in = open_input(c->spec->input), out = -1, err_out = -1, r = 0;
    if (in < 0 || open_pipe(&c->out, &out) < 0 || open_pipe(&c->err_out, &err_out) < 0)
        r = errno;
    else
        r = spawn(c, (const int[]){in, out, err_out}, a);
    if (r == 0 && (c->pidfd = pidfd_open(c->pid, 0)) < 0) {
        r = errno;
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        c->pid = 0;
    }
    close_fd(&in), close_fd(&out), close_fd(&err_out);
    if (r == 0 && c->spec->timeout_ms) c->deadline = loop_now_ms() + c->spec->timeout_ms;
    return r;
}

/* The first call asks, the second insists. The signals go by pidfd, so that they can meet nobody
 * else when the child has ended meanwhile. */
static void end(child *c, int code) {
    if (!c->code) c->code = code;
    pidfd_send_signal(c->pidfd, c->terminated ? SIGKILL : SIGTERM, NULL, 0);
    c->deadline = c->terminated ? NO_DEADLINE : loop_now_ms() + TERM_GRACE_MS;
    c->terminated = true;
}

static size_t output_max(const child *c) {
    return c->spec->max_output ? c->spec->max_output : OUTPUT_MAX_DEFAULT;
}

/* Reads what is there. What comes after the cap is thrown away until the child has ended. */
static void read_stream(child *c, stream *s) {
    size_t max = output_max(c);
    while (s->fd >= 0) {
        strbuf_reserve(&s->text, 64 * 1024);
        ssize_t n = read(s->fd, s->text.ptr + s->text.len, 64 * 1024);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close_fd(&s->fd);
            return;
        }
        s->text.len += (size_t)n;
        s->text.ptr[s->text.len] = '\0';
        if (s->text.len <= max) continue;
        strbuf_truncate(&s->text, max);
        if (!c->code) end(c, ERR_LIMIT);
        return;
    }
}

static int end_error(const child *c, err *e) {
    const char *name = c->spec->argv[0];
    if (c->code == ERR_TIMEOUT)
        return err_set(e, ERR_TIMEOUT, "'%s' was ended: it took more than %u ms", name,
                       c->spec->timeout_ms);
    if (c->code == ERR_CANCELLED)
        return err_set(e, ERR_CANCELLED, "'%s' was ended: what it was for was cancelled", name);
    if (c->code == ERR_LIMIT)
        return err_set(e, ERR_LIMIT, "'%s' was ended: it printed more than %zu bytes", name,
                       output_max(c));
    return 0;
}

/* Takes the status and the last output of a child that has ended. */
static int finish(child *c, arena *a, process_result *ret, err *e) {
    siginfo_t info = {0};
    int code = 0;
    while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0) {
        if (errno == EINTR) continue;
        code = errno;
        break;
    }
    c->pid = 0;
    read_stream(c, &c->out);
    read_stream(c, &c->err_out);
    ret->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    ret->out = arena_str(a, strbuf_str(&c->out.text));
    ret->err_out = arena_str(a, strbuf_str(&c->err_out.text));
    if (code) return err_sys(e, code, "cannot learn how '%s' ended", c->spec->argv[0]);
    return end_error(c, e);
}

static void release(child *c) {
    close_fd(&c->pidfd), close_fd(&c->out.fd), close_fd(&c->err_out.fd);
    strbuf_done(&c->out.text), strbuf_done(&c->err_out.text);
}

/* Sleeps until a child has output or has ended, or a deadline has come. Sets three entries of
 * `fds` per running child. */
static void wait_for_some(const child *children, size_t count, struct pollfd *fds) {
    uint64_t deadline = NO_DEADLINE;
    bool asks = false;
    for (size_t i = 0; i < count; i++) {
        const child *c = &children[i];
        fds[3 * i] = (struct pollfd){.fd = c->pid ? c->pidfd : -1, .events = POLLIN};
        fds[3 * i + 1] = (struct pollfd){.fd = c->pid ? c->out.fd : -1, .events = POLLIN};
        fds[3 * i + 2] = (struct pollfd){.fd = c->pid ? c->err_out.fd : -1, .events = POLLIN};
        if (c->pid && c->deadline < deadline) deadline = c->deadline;
        asks |= c->pid && c->spec->stopped;
    }
    int timeout = -1;
    if (deadline != NO_DEADLINE) {
        uint64_t now = loop_now_ms();
        uint64_t left = deadline > now ? deadline - now : 0;
        timeout = left < 60000 ? (int)left : 60000;
    }
    if (asks && (timeout < 0 || timeout > ASK_MS)) timeout = ASK_MS;
    if (poll(fds, 3 * count, timeout) < 0) memset(fds, 0, 3 * count * sizeof *fds);
}

/* True when the child has ended. */
static bool attend(child *c, const struct pollfd fds[3]) {
    if (fds[1].revents) read_stream(c, &c->out);
    if (fds[2].revents) read_stream(c, &c->err_out);
    if (fds[0].revents) return true;
    if (c->deadline != NO_DEADLINE && loop_now_ms() >= c->deadline) end(c, ERR_TIMEOUT);
    bool asks = c->spec->stopped && !c->terminated;
    if (asks && c->spec->stopped(c->spec->context)) end(c, ERR_CANCELLED);
    return false;
}

void process_run_many(arena *a, const process_spec *specs, size_t count, size_t max_parallel,
                      process_result *results, int *codes, err *errors) {
    _cleanup_arena_ arena *scratch = arena_new();
    if (max_parallel == 0 || max_parallel > count) max_parallel = count;
    child *children = ARENA_ARRAY(scratch, child, count);
    struct pollfd *fds = ARENA_ARRAY(scratch, struct pollfd, 3 * count);
    size_t running = 0, started = 0, first = 0; /* all before `first` have ended */
    while (running || started < count) {
        for (; started < count && running < max_parallel; started++) {
            child *c = &children[started];
            *c = (child){specs + started,   0,           -1,    {-1, STRBUF_INIT},
                         {-1, STRBUF_INIT}, NO_DEADLINE, false, 0};
            results[started] = (process_result){-1, STR_EMPTY, STR_EMPTY};
            int r = start(c, scratch);
            codes[started] = r ? start_error(c->spec, r, &errors[started]) : 0;
            if (r)
                release(c);
            else
                running++;
        }
        if (!running) continue;
        while (!children[first].pid)
            first++;
        wait_for_some(children + first, started - first, fds);
        for (size_t i = first; i < started; i++) {
            child *c = &children[i];
            if (!c->pid || !attend(c, fds + 3 * (i - first))) continue;
            codes[i] = finish(c, a, &results[i], &errors[i]);
            release(c);
            running--;
        }
    }
}

int process_run(arena *a, const process_spec *spec, process_result *ret, err *e) {
    int code;
    err problem;
    process_run_many(a, spec, 1, 1, ret, &code, &problem);
    if (code < 0 && e) *e = problem;
    return code;
}

static str last_line(str text) {
    text = str_trim(text);
    return str_sub(text, (size_t)(str_rfind_char(text, '\n') + 1), text.len);
}

int process_check(arena *a, const process_spec *spec, str *ret_out, err *e) {
    process_result result;
    int r = process_run(a, spec, &result, e);
    if (r < 0) return r;
    if (result.status != 0) {
        str reason = last_line(result.err_out);
        return err_set(e, ERR_FAILED, "'%s' ended with status %d%s%.*s", spec->argv[0],
                       result.status, reason.len ? ": " : "", STR_ARG(reason));
    }
    if (ret_out) *ret_out = result.out;
    return 0;
}

/* ---- children of our own ------------------------------------------------------------------- */

pid_t process_fork(void) {
    sigset_t before = block_signals();
    pid_t pid = _Fork();
    int failed = errno;
    if (pid != 0) sigprocmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return pid;
}

int process_wait(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}
