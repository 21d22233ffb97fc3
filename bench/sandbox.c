/* What a sandbox costs: the time from asking for one until nothing of it is left, with one command
 * in between, beside the time of the bare command. Prints the medians in milliseconds:
 *
 *   BARE READY WHOLE
 *
 * READY is how long it takes until the command can be started. */
#include "sandbox/sandbox.h"
#include "base/fs.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const command[] = {"/bin/true", NULL};
static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

typedef struct bench {
    loop *l;
    sandbox *s;
    sandbox_spec spec;
    double begin, ready, whole;
} bench;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *why) {
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

static void on_closed(void *context) {
    bench *b = context;
    b->whole = now_ms() - b->begin;
    loop_quit(b->l);
}

static void on_output(void *context, str bytes) {
    (void)context, (void)bytes;
}

static void on_exit_of(void *context, int status, const char *problem) {
    bench *b = context;
    if (status != 0) fail(problem ? problem : "the command failed");
    sandbox_close(b->s, NULL, on_closed, b);
}

static void on_ready(void *context, const err *e) {
    bench *b = context;
    sandbox_process *p;
    err failed = {0};
    if (e) fail(e->message);
    b->ready = now_ms() - b->begin;
    sandbox_command c = {.argv = command,
                         .env = environment,
                         .cwd = "/",
                         .on_output = on_output,
                         .on_exit = on_exit_of,
                         .context = b};
    if (sandbox_start(b->s, &c, &p, &failed) < 0) fail(failed.message);
}

static double bare(void) {
    double begin = now_ms();
    pid_t pid;
    int status;
    if (posix_spawn(&pid, command[0], NULL, NULL, (char *const *)command,
                    (char *const *)environment) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        fail("the bare command failed");
    return now_ms() - begin;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, size_t count) {
    qsort(list, count, sizeof *list, by_size);
    return list[count / 2];
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 200;
    if (!count || count > 100000) fail("usage: bench_sandbox [COUNT]");
    double *bares = mem_alloc(count * sizeof(double)), *readies = mem_alloc(count * sizeof(double)),
           *wholes = mem_alloc(count * sizeof(double));
    _cleanup_arena_ arena *a = arena_new();
    bench b = {0};
    char *dir = NULL;
    err e = {0};
    if (sandbox_init(&e) < 0 || loop_new(&b.l, &e) < 0 ||
        fs_temp_dir(a, "slipway-bench-", &dir, &e) < 0 ||
        fs_mkdirs(fs_join(a, dir, STR("home")), 0755, &e) < 0 ||
        fs_mkdirs(fs_join(a, dir, STR("work")), 0755, &e) < 0)
        fail(e.message);
    const char *layer = fs_join(a, dir, STR("layer"));
    if (sandbox_layer_make(layer, fs_join(a, dir, STR("system")), &e) < 0) fail(e.message);
    b.spec = (sandbox_spec){.backend = SANDBOX_NAMESPACES,
                            .name = "bench",
                            .loop = b.l,
                            .folder = dir,
                            .layer = layer,
                            .on_ready = on_ready,
                            .context = &b};
    for (size_t i = 0; i < count; i++) {
        bares[i] = bare();
        b.begin = now_ms();
        if (sandbox_spawn(&b.spec, &b.s, &e) < 0) fail(e.message);
        loop_run(b.l);
        readies[i] = b.ready;
        wholes[i] = b.whole;
    }
    printf("%.3f %.3f %.3f\n", median(bares, count), median(readies, count), median(wholes, count));
    loop_free(b.l);
    sandbox_done();
    fs_remove(dir, &e);
    free(bares), free(readies), free(wholes);
    return 0;
}
