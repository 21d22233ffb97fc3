/* task.c: a forked child and a pipe, through which it says what went wrong, or nothing. */
#include "base/task.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct task {
    pid_t pid;
    int fd;
    loop_watch *watch;
    strbuf told; /* bytes of an err */
    bool killed;
    task_done_fn *done;
    void *context;
};

/* Shorter than what a pipe takes at once. */
_Static_assert(sizeof(err) <= 4096, "an err is written to a pipe in one piece");

static _Noreturn void be_child(int fd, pid_t parent, const view *files, task_work_fn *work,
                               void *context) {
    setsid();
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    int kept[] = {fd, files ? files->root : -1, files ? files->owner : -1};
    fs_close_others(kept, sizeof kept / sizeof *kept);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    err e = {0};
    if (work(context, &e) == 0) _exit(0);
    e.where.file = NULL; /* this process's memory */
    _exit(write(fd, &e, sizeof e) == sizeof e ? 1 : 2);
}

static void judge(const task *t, int status, err *e) {
    if (t->killed)
        err_set(e, ERR_CANCELLED, "stopped");
    else if (t->told.len == sizeof *e)
        memcpy(e, t->told.ptr, sizeof *e);
    else
        err_set(e, ERR_FAILED, "the process that did this ended with status %d", status);
}

static void on_readable(void *context, int fd) {
    task *t = context;
    char bytes[sizeof(err)];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        strbuf_add(&t->told, (str){bytes, (size_t)n});
        return;
    }
    loop_watch_stop(t->watch);
    close(fd);
    err e = {0};
    int status = process_wait(t->pid);
    if (status != 0) judge(t, status, &e);
    t->done(t->context, status != 0 ? &e : NULL);
    strbuf_done(&t->told);
    free(t);
}

int task_start(loop *l, const view *files, task_work_fn *work, task_done_fn *done, void *context,
               task **ret, err *e) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    pid_t parent = getpid(), pid = process_fork();
    if (pid == 0) be_child(fds[1], parent, files, work, context);
    int failed = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(e, failed, "cannot start a process");
    }
    task *t = mem_alloc(sizeof *t);
    *t = (task){.pid = pid, .fd = fds[0], .done = done, .context = context};
    t->watch = loop_readable(l, t->fd, on_readable, t);
    *ret = t;
    return 0;
}

/* The group exists from the child's setsid on: until then the child is all of it. */
void task_kill(task *t) {
    t->killed = true;
    kill(-t->pid, SIGKILL);
    kill(t->pid, SIGKILL);
}
