/* What the queue costs: a number of waiting jobs and agents, and assignments at full speed.
 *
 *     build/bench/bench_queue [JOBS] [AGENTS] [ASSIGNMENTS]
 *
 * Each assignment is a job that ends, a job that comes and a job that starts. Printed are seconds
 * of the processor for each step, and what 200 assignments a second would take of one core. */
#include "server/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define RATE      200

static const char *const systems[] = {"linux", "windows", "macos"};
static const char *const extras[] = {"x64", "arm64", "gpu", "large", "small", "docker", "kvm"};

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long number(int argc, char **argv, int at, unsigned long fallback) {
    return argc > at ? strtoul(argv[at], NULL, 10) : fallback;
}

/* Jobs name two labels of those that the agents have. */
static void add_job(queue *q, uint64_t id, int64_t now_us) {
    str labels[] = {str_from(systems[id % 8 ? 0 : id / 8 % 3]), str_from(extras[id * 7 % 5])};
    queue_job j = {.id = id,
                   .run = id / 10,
                   .repository = (int64_t)(id * 31 % 40),
                   .labels = labels,
                   .label_count = 2,
                   .priority = (int)(id % 5),
                   .queued_us = now_us};
    err e = {0};
    if (queue_add(q, &j, &e) < 0) exit(1);
}

static void add_agents(queue *q, uint64_t count) {
    for (uint64_t id = 1; id <= count; id++) {
        str labels[8] = {str_from(systems[id % 8 ? 0 : id / 8 % 3])};
        size_t n = 1;
        for (size_t i = 0; i < 7; i++)
            if (id >> i & 1 || i == id % 7) labels[n++] = str_from(extras[i]);
        queue_agent x = {.id = id, .labels = labels, .label_count = n, .capacity = 1};
        err e = {0};
        if (queue_agent_add(q, &x, &e) < 0) exit(1);
    }
}

int main(int argc, char **argv) {
    unsigned long jobs = number(argc, argv, 1, 10000), agents = number(argc, argv, 2, 1000);
    unsigned long rounds = number(argc, argv, 3, 100000);
    queue *q = queue_new();
    uint64_t *running = calloc(jobs + rounds + 1, sizeof *running);
    uint64_t first = 0, last = 0, next = 1, job, on;
    int64_t now = 0;
    double at = cpu();
    add_agents(q, agents);
    for (; next <= jobs; next++)
        add_job(q, next, now += 100);
    printf("%lu jobs and %lu agents added: %.3f s\n", jobs, agents, cpu() - at);
    at = cpu();
    while (queue_next(q, now, &job, &on))
        running[last++] = job;
    printf("%lu jobs started: %.3f s\n", (unsigned long)last, cpu() - at);
    at = cpu();
    unsigned long done = 0;
    for (; done < rounds && first < last; done++) {
        now += SECOND_US / RATE;
        queue_remove(q, running[first++]);
        add_job(q, next++, now);
        while (queue_next(q, now, &job, &on) && last <= jobs + rounds)
            running[last++] = job;
    }
    double each = (cpu() - at) / (double)(done ? done : 1);
    printf("%lu assignments: %.1f us each; %d a second take %.2f %% of a core\n", done, each * 1e6,
           RATE, each * RATE * 100);
    free(running);
    queue_free(q);
    return 0;
}
