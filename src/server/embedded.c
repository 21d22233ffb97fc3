#include "server/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LOOK_MS      500
#define AGAIN_MIN_MS 500
#define AGAIN_MAX_MS 30000
#define WELL_MS      10000 /* one that has lived so long was well */

extern char **environ;

struct embedded {
    server *s;
    pid_t pid; /* 0: none */
    uint64_t started_ms, wait_ms;
    loop_timer *timer;
};

static void start(embedded *x) {
    const char *program = x->s->how.program;
    const char *argv[] = {program, "agent", "--data", x->s->data, NULL};
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t none, usual;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &usual);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    int r = posix_spawn(&x->pid, program, &files, &how, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    x->started_ms = loop_now_ms();
    if (r == 0) return;
    x->pid = 0;
    fprintf(stderr, "slipway: the agent cannot be started: %s\n", strerror(r));
}

static void on_look(void *context) {
    embedded *x = context;
    uint64_t now = loop_now_ms();
    if (x->pid && waitpid(x->pid, NULL, WNOHANG) == x->pid) {
        bool well = now - x->started_ms > WELL_MS;
        x->pid = 0;
        x->wait_ms = well || !x->wait_ms ? AGAIN_MIN_MS : x->wait_ms * 2;
        if (x->wait_ms > AGAIN_MAX_MS) x->wait_ms = AGAIN_MAX_MS;
        x->started_ms = now;
    }
    if (!x->pid && now - x->started_ms >= x->wait_ms) start(x);
}

embedded *embedded_new(server *s) {
    embedded *x = mem_alloc(sizeof *x);
    *x = (embedded){.s = s};
    start(x);
    x->timer = loop_every(s->loop, LOOK_MS, on_look, x);
    return x;
}

void embedded_free(embedded *x) {
    if (!x) return;
    loop_timer_stop(x->timer);
    if (x->pid) {
        kill(x->pid, SIGTERM);
        while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    free(x);
}
