/* logs.c: what the log of a job costs: appending, opening at the end, searching, packing; and many
 * jobs that write while as many viewers follow. Prints "NAME NUMBER" lines; times in milliseconds.
 */
#include "store/logs.h"

#include "base/fs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LINES   1000000
#define JOB     1
#define JOBS    50
#define RATE    1100 /* lines a second of each job */
#define SECONDS 5
#define TICK_MS 20
#define SYNC_MS 200
#define BATCH   2000 /* lines of one append of the long log */

static int64_t now_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const err *e) {
    fprintf(stderr, "bench_logs: %s\n", e->message);
    exit(2);
}

static void tell(const char *name, double number) {
    printf("%s %.2f\n", name, number);
    fflush(stdout);
}

/* Of what a build prints: about 100 bytes a line. */
static void add_line(strbuf *out, size_t i, int64_t at_us) {
    char text[160];
    int n = snprintf(text, sizeof text,
                     "[%zu/%d] Building C object src/module%zu/CMakeFiles/part.dir/file_%zu.c.o "
                     "(%zu warnings)%s",
                     i, LINES, i % 97, i * 2654435761u % 100000, i % 7,
                     i % 50000 == 49999 ? " undefined reference" : "");
    log_record_write(out, (int)(i / 100000), at_us, 'o', (str){text, (size_t)n});
}

static double since(int64_t start) {
    return (double)(now_us(CLOCK_MONOTONIC) - start) / 1000;
}

static void write_long(const char *dir) {
    err e = {0};
    job_log *l;
    uint64_t size = 0;
    double appending = 0;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (log_open_writer(dir, JOB, 0, &l, &e) < 0) fail(&e);
    for (size_t i = 0; i < LINES; i++) {
        add_line(&out, i, 1790000000000000 + (int64_t)i * 1000);
        if (i % BATCH != BATCH - 1) continue;
        int64_t start = now_us(CLOCK_MONOTONIC);
        if (log_append(l, size, strbuf_str(&out), &size, &e) < 0) fail(&e);
        appending += since(start);
        strbuf_clear(&out);
    }
    int64_t start = now_us(CLOCK_MONOTONIC);
    if (log_sync(l, NULL, &e) < 0) fail(&e);
    tell("bytes", (double)size);
    tell("append_ms", appending);
    tell("sync_ms", since(start));
    log_close(l);
}

/* What a server without the log in memory does for a page that shows its end. */
static void open_at_end(const char *dir, const char *name) {
    err e = {0};
    job_log *l;
    log_page page;
    _cleanup_arena_ arena *a = arena_new();
    int64_t start = now_us(CLOCK_MONOTONIC);
    if (log_open(dir, JOB, &l, &e) < 0 || log_tail(l, a, LOG_ANY_STEP, 1000, &page, &e) < 0)
        fail(&e);
    tell(name, since(start));
    log_close(l);
    if (page.total != LINES || page.count != 1000) abort();
}

static void search_all(const char *dir, const char *form) {
    static const struct {
        const char *name, *text;
        bool exact, regex;
    } rows[] = {{"rare", "undefined reference", false, false},
                {"exact", "undefined reference", true, false},
                {"absent", "segmentation fault", false, false},
                {"every_line", "building", false, false},
                {"regex", "undefined (reference|symbol)", false, true}};
    err e = {0};
    job_log *l;
    if (log_open(dir, JOB, &l, &e) < 0) fail(&e);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        log_found found;
        _cleanup_arena_ arena *a = arena_new();
        log_query q = {.text = str_from(rows[i].text),
                       .exact = rows[i].exact,
                       .regex = rows[i].regex,
                       .step = LOG_ANY_STEP,
                       .max = 100};
        int64_t start = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_THREAD_CPUTIME_ID);
        if (log_search(l, a, &q, &found, &e) < 0) fail(&e);
        cpu = now_us(CLOCK_THREAD_CPUTIME_ID) - cpu;
        snprintf(name, sizeof name, "search_%s_%s_ms", form, rows[i].name);
        tell(name, since(start));
        snprintf(name, sizeof name, "search_%s_%s_cpu_ms", form, rows[i].name);
        tell(name, (double)cpu / 1000);
        if (found.searched != LINES) abort();
    }
    log_close(l);
}

/* ---- many ----------------------------------------------------------------------------------- */

typedef struct one {
    job_log *l;
    int64_t start_us;
    atomic_bool done;
    uint64_t lines;
    int64_t *delays; /* of each line, in its follower */
    size_t delay_count;
} one;

static atomic_bool stop_syncing;
static unsigned sync_count;

static void wait_until(int64_t us) {
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) != 0)
        continue;
}

static void *write_one(void *context) {
    one *o = context;
    err e = {0};
    uint64_t size = 0;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t batch = RATE * TICK_MS / 1000;
    for (int64_t tick = 0; tick < SECONDS * 1000 / TICK_MS; tick++) {
        wait_until(o->start_us + tick * TICK_MS * 1000);
        strbuf_clear(&out);
        for (size_t i = 0; i < batch; i++)
            add_line(&out, o->lines++, now_us(CLOCK_REALTIME));
        if (log_append(o->l, size, strbuf_str(&out), &size, &e) < 0) fail(&e);
    }
    atomic_store(&o->done, true);
    return NULL;
}

static void *follow_one(void *context) {
    one *o = context;
    err e = {0};
    log_cursor at = {0};
    int64_t next = o->start_us;
    for (bool last = false; !last;) {
        _cleanup_arena_ arena *a = arena_new();
        str piece, record;
        log_line line;
        last = atomic_load(&o->done);
        do {
            if (log_follow(o->l, a, &at, 1 << 20, &piece, &e) < 0) fail(&e);
            int64_t now = now_us(CLOCK_REALTIME);
            while (str_line(&piece, &record)) {
                if (!log_record_parse(record, &line)) abort();
                o->delays[o->delay_count++] = now - line.at_us;
            }
        } while (at.offset < log_size(o->l));
        wait_until(next += TICK_MS * 1000 / 2);
    }
    return NULL;
}

static void *sync_all(void *context) {
    one *all = context;
    err e = {0};
    while (!atomic_load(&stop_syncing)) {
        for (size_t i = 0; i < JOBS; i++) {
            if (log_sync(all[i].l, NULL, &e) < 0) fail(&e);
            sync_count++;
        }
        usleep(SYNC_MS * 1000);
    }
    return NULL;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void tell_delays(one *all) {
    size_t count = 0;
    int64_t *delays = mem_alloc(sizeof(int64_t) * JOBS * RATE * SECONDS);
    for (size_t i = 0; i < JOBS; i++) {
        memcpy(delays + count, all[i].delays, all[i].delay_count * sizeof *delays);
        count += all[i].delay_count;
        if (all[i].delay_count != all[i].lines) abort();
    }
    qsort(delays, count, sizeof *delays, compare);
    tell("many_delay_median_ms", (double)delays[count / 2] / 1000);
    tell("many_delay_p99_ms", (double)delays[count / 100 * 99] / 1000);
    tell("many_lines", (double)count);
    free(delays);
}

static void many(const char *dir) {
    static one all[JOBS];
    err e = {0};
    pthread_t writers[JOBS], followers[JOBS], syncer;
    int64_t start = now_us(CLOCK_REALTIME) + 100000;
    double cpu = cpu_ms();
    for (size_t i = 0; i < JOBS; i++) {
        all[i].start_us = start + (int64_t)i * TICK_MS * 1000 / JOBS;
        all[i].delays = mem_alloc(sizeof(int64_t) * RATE * SECONDS);
        if (log_open_writer(dir, 100 + (int64_t)i, 0, &all[i].l, &e) < 0) fail(&e);
        pthread_create(&writers[i], NULL, write_one, &all[i]);
        pthread_create(&followers[i], NULL, follow_one, &all[i]);
    }
    pthread_create(&syncer, NULL, sync_all, all);
    for (size_t i = 0; i < JOBS; i++) {
        pthread_join(writers[i], NULL);
        pthread_join(followers[i], NULL);
    }
    double wall = (double)(now_us(CLOCK_REALTIME) - start) / 1000;
    tell("many_cpu_percent_of_a_core", (cpu_ms() - cpu) / wall * 100);
    atomic_store(&stop_syncing, true);
    pthread_join(syncer, NULL);
    tell("many_syncs_a_second", sync_count / wall * 1000);
    tell("many_wall_ms", wall);
    tell_delays(all);
    tell("many_lines_a_second", (double)JOBS * RATE * SECONDS / wall * 1000);
    for (size_t i = 0; i < JOBS; i++) {
        log_close(all[i].l);
        free(all[i].delays);
    }
}

int main(int argc, char **argv) {
    err e = {0};
    uint64_t packed;
    if (argc != 2) return fprintf(stderr, "usage: bench_logs FOLDER\n"), 2;
    const char *dir = argv[1];
    write_long(dir);
    open_at_end(dir, "open_end_ms");
    search_all(dir, "plain");
    int64_t start = now_us(CLOCK_MONOTONIC);
    if (log_pack(dir, JOB, &e) < 0) fail(&e);
    tell("pack_ms", since(start));
    if (log_disk_bytes(dir, JOB, &packed, &e) < 0) fail(&e);
    tell("packed_bytes", (double)packed);
    open_at_end(dir, "open_end_packed_ms");
    search_all(dir, "packed");
    many(dir);
    return 0;
}
