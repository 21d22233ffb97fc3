/* core.c: how many changes the server's core acknowledges, against what the disk can do.
 *
 *     bench_core FOLDER [WRITERS [SECONDS]]
 *
 * Writers are threads, each with one change under way: a row and its entry in the audit log, as
 * the acceptance of an event is. Then fsync is called in a loop on a file of the same folder, of a
 * page each. Prints "name number" lines. */
#include "server/state.h"

#include "base/fs.h"
#include "store/runs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct writer {
    server *s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool answered, failed;
    unsigned number;
    uint64_t count;
    uint64_t until_ms;
} writer;

static int do_change(core_tx *tx, void *context, err *e) {
    writer *w = context;
    store_incoming in = {
        .repository = 1,
        .source = STR("bench"),
        .delivery = arena_printf(tx->a, "%u %llu", w->number, (unsigned long long)w->count),
        .event = STR("push"),
        .payload = STR("{\"ref\":\"refs/heads/"
                       "main\",\"before\":\"0000000000000000000000000000000000000000\"}"),
        .actor = STR("somebody"),
        .state = INCOMING_DONE,
        .created_us = tx->now_us,
    };
    int r = store_incoming_add(tx->store, &in, e);
    change x = {.action = "event.accept",
                .kind = "event",
                .id = in.id,
                .name = in.event,
                .project = STR("team/shop")};
    return r < 0 ? r : change_record(tx, &x, e);
}

static void on_done(void *context, const err *e) {
    writer *w = context;
    pthread_mutex_lock(&w->lock);
    w->answered = true;
    if (e) fprintf(stderr, "bench_core: %s\n", e->message);
    w->failed |= e != NULL;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

static void *write_on(void *context) {
    writer *w = context;
    while (loop_now_ms() < w->until_ms && !w->failed) {
        w->answered = false;
        core_post(w->s->core, do_change, on_done, w);
        pthread_mutex_lock(&w->lock);
        while (!w->answered)
            pthread_cond_wait(&w->more, &w->lock);
        pthread_mutex_unlock(&w->lock);
        w->count++;
    }
    return NULL;
}

typedef struct party {
    server *s;
    unsigned count;
    uint64_t span_ms, changes;
} party;

static void *run_writers(void *context) {
    party *p = context;
    writer *all = mem_alloc(p->count * sizeof *all);
    for (unsigned i = 0; i < p->count; i++) {
        all[i] = (writer){.s = p->s, .number = i, .until_ms = loop_now_ms() + p->span_ms};
        pthread_mutex_init(&all[i].lock, NULL);
        pthread_cond_init(&all[i].more, NULL);
        if (pthread_create(&all[i].thread, NULL, write_on, &all[i])) oom();
    }
    for (unsigned i = 0; i < p->count; i++) {
        pthread_join(all[i].thread, NULL);
        p->changes += all[i].count;
        pthread_mutex_destroy(&all[i].lock);
        pthread_cond_destroy(&all[i].more);
    }
    free(all);
    server_stop(p->s);
    return NULL;
}

static double fsyncs(const char *folder, uint64_t span_ms) {
    _cleanup_arena_ arena *a = arena_new();
    char page[4096] = {0};
    uint64_t count = 0, until = loop_now_ms() + span_ms;
    int fd = open(fs_join(a, folder, STR("fsync")), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && loop_now_ms() < until) {
        if (pwrite(fd, page, sizeof page, (off_t)(count * sizeof page)) < 0 || fsync(fd) < 0) break;
        count++;
    }
    close(fd);
    return (double)count * 1000 / (double)span_ms;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_core FOLDER [WRITERS [SECONDS]]\n");
        return 2;
    }
    party p = {.count = argc > 2 ? (unsigned)atoi(argv[2]) : 64,
               .span_ms = argc > 3 ? (uint64_t)atoi(argv[3]) * 1000 : 5000};
    server_options how = {.data = argv[1], .listen = STR("127.0.0.1:0")};
    err e = {0};
    pthread_t thread;
    if (server_new(&how, &p.s, &e) < 0) {
        fprintf(stderr, "bench_core: %s\n", e.message);
        return 2;
    }
    store_repository row = {.name = STR("team/shop"),
                            .url = STR("/none"),
                            .default_branch = STR("main"),
                            .settings = STR("{}"),
                            .refs = STR("{}")};
    core_figures figures;
    if (store_repository_add(p.s->store, &row, &e) < 0 ||
        pthread_create(&thread, NULL, run_writers, &p)) {
        fprintf(stderr, "bench_core: %s\n", e.message);
        return 2;
    }
    server_run(p.s);
    pthread_join(thread, NULL);
    core_count(p.s->core, &figures);
    server_free(p.s);
    double rate = (double)p.changes * 1000 / (double)p.span_ms, floor = fsyncs(argv[1], p.span_ms);
    printf("writers %u\nchanges_a_second %.0f\ncommits_a_second %.0f\nfsyncs_a_second "
           "%.0f\nchanges_for_each_fsync %.1f\n",
           p.count, rate, (double)figures.batches * 1000 / (double)p.span_ms, floor, rate / floor);
    return 0;
}
