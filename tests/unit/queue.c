/* The queue, by tables and by simulated days of random load. */
#include "unit.h"

#include "server/queue.h"

#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static size_t split(const char *text, str *ret) {
    size_t count = 0;
    for (str rest = str_from(text); rest.len;)
        str_cut(rest, ' ', &ret[count++], &rest);
    return count;
}

static void add(queue *q, uint64_t id, int64_t repository, const char *labels, int priority,
                int64_t at_s) {
    str words[QUEUE_LABELS_MAX];
    err e = {0};
    queue_job j = {.id = id,
                   .run = id,
                   .repository = repository,
                   .labels = words,
                   .label_count = split(labels, words),
                   .priority = priority,
                   .queued_us = at_s * SECOND};
    if (queue_add(q, &j, &e) < 0) fail_msg("%s", e.message);
}

static queue_agent agent(uint64_t id, const char *labels, unsigned capacity, str *words) {
    return (queue_agent){
        .id = id, .labels = words, .label_count = split(labels, words), .capacity = capacity};
}

static void add_agent(queue *q, uint64_t id, const char *labels, unsigned capacity) {
    str words[QUEUE_LABELS_MAX];
    err e = {0};
    queue_agent x = agent(id, labels, capacity, words);
    if (queue_agent_add(q, &x, &e) < 0) fail_msg("%s", e.message);
}

static void expect(queue *q, int64_t now_s, uint64_t job, uint64_t at) {
    uint64_t got = 0, on = 0;
    bool any = queue_next(q, now_s * SECOND, &got, &on);
    if (any != (job != 0) || got != job || on != at)
        fail_msg("job %llu on agent %llu, not %llu on %llu", (unsigned long long)got,
                 (unsigned long long)on, (unsigned long long)job, (unsigned long long)at);
}

static void all_labels_of_a_job_are_among_the_agents(void **state) {
    static const struct {
        const char *job, *agent;
        bool fits;
    } rows[] = {
        {"linux", "linux", true},       {"Linux X64", "x64 linux gpu", true},
        {"linux gpu", "linux", false},  {"", "linux", true},
        {"linux linux", "LINUX", true}, {"lin", "linux", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        queue *q = queue_new();
        add_agent(q, 5, rows[i].agent, 1);
        add(q, 1, 1, rows[i].job, 0, 0);
        expect(q, 1, rows[i].fits ? 1 : 0, rows[i].fits ? 5 : 0);
        queue_free(q);
    }
}

static void a_job_of_a_group_goes_to_its_agents(void **state) {
    queue *q = queue_new();
    err e = {0};
    str label = STR("linux");
    queue_job j = {
        .id = 1, .repository = 1, .labels = &label, .label_count = 1, .group = STR("Big")};
    queue_agent x = {.id = 5, .labels = &label, .label_count = 1, .capacity = 1};
    assert_int_equal(queue_add(q, &j, &e), 0);
    assert_int_equal(queue_agent_add(q, &x, &e), 0);
    expect(q, 1, 0, 0);
    x.group = STR("big");
    assert_int_equal(queue_agent_update(q, &x, &e), 0);
    expect(q, 1, 1, 5);
    queue_free(q);
}

static void special_agents_are_kept_for_special_jobs(void **state) {
    queue *q = queue_new();
    add_agent(q, 1, "linux gpu", 1);
    add_agent(q, 2, "linux", 2);
    add_agent(q, 3, "linux", 2);
    for (uint64_t id = 1; id <= 6; id++)
        add(q, id, 1, "linux", 0, (int64_t)id);
    expect(q, 10, 1, 2);
    expect(q, 10, 2, 3);
    expect(q, 10, 3, 2);
    expect(q, 10, 4, 3);
    expect(q, 10, 5, 1);
    expect(q, 10, 0, 0);
    queue_remove(q, 3);
    expect(q, 11, 6, 2);
    queue_free(q);
}

static void priority_goes_first_until_the_other_is_older(void **state) {
    queue *q = queue_new();
    add_agent(q, 9, "x", 1);
    add(q, 1, 1, "x", 0, 0);
    add(q, 2, 1, "x", 10, 599);
    add(q, 3, 1, "x", 10, 601);
    expect(q, 700, 2, 9);
    queue_remove(q, 2);
    expect(q, 700, 1, 9);
    queue_remove(q, 1);
    expect(q, 700, 3, 9);
    queue_free(q);
}

static void a_thousand_jobs_of_one_hold_nobody_up(void **state) {
    queue *q = queue_new();
    add_agent(q, 9, "x", 4);
    for (uint64_t id = 1; id <= 1000; id++)
        add(q, id, 1, "x", 0, 0);
    uint64_t job, on;
    for (int i = 0; i < 4; i++)
        assert_true(queue_next(q, 3600 * SECOND, &job, &on));
    add(q, 2000, 2, "x", 0, 3600);
    queue_remove(q, 1);
    expect(q, 3601, 2000, 9);
    queue_free(q);
}

static void shares_follow_the_weights(void **state) {
    queue *q = queue_new();
    size_t mine = 0;
    queue_weigh(q, 1, 3);
    add_agent(q, 9, "x", 40);
    for (uint64_t id = 1; id <= 100; id++) {
        add(q, id, 1, "x", 0, 0);
        add(q, 1000 + id, 2, "x", 0, 0);
    }
    for (int i = 0; i < 40; i++) {
        uint64_t job, on;
        assert_true(queue_next(q, SECOND, &job, &on));
        mine += job < 1000;
    }
    assert_in_range(mine, 29, 31);
    queue_free(q);
}

static void drained_and_spent_agents_get_nothing(void **state) {
    queue *q = queue_new();
    str words[4];
    err e = {0};
    queue_agent x = agent(5, "x", 2, words);
    x.ephemeral = true;
    assert_int_equal(queue_agent_add(q, &x, &e), 0);
    add(q, 1, 1, "x", 0, 0);
    add(q, 2, 1, "x", 0, 1);
    expect(q, 2, 1, 5);
    expect(q, 2, 0, 0);
    queue_remove(q, 1);
    expect(q, 2, 0, 0);
    queue_agent_remove(q, 5);
    x = agent(6, "x", 1, words);
    x.draining = true;
    assert_int_equal(queue_agent_add(q, &x, &e), 0);
    expect(q, 2, 0, 0);
    x.draining = false;
    assert_int_equal(queue_agent_update(q, &x, &e), 0);
    expect(q, 2, 2, 6);
    assert_int_equal(queue_agent_update(q, &(queue_agent){.id = 77}, &e), ERR_NOT_FOUND);
    queue_free(q);
}

static void jobs_that_run_are_known_before_their_agent_is(void **state) {
    queue *q = queue_new();
    add(q, 1, 1, "x", 0, 0);
    add(q, 2, 1, "x", 0, 0);
    queue_place(q, 1, 5);
    add_agent(q, 5, "x", 1);
    expect(q, 1, 0, 0);
    queue_agent_remove(q, 5);
    add_agent(q, 5, "x", 1);
    expect(q, 1, 0, 0);
    queue_remove(q, 1);
    expect(q, 1, 2, 5);
    queue_counts c = queue_count(q);
    assert_true(c.running == 1 && c.waiting == 0 && c.used == 1 && c.capacity == 1);
    queue_free(q);
}

static void held_jobs_wait_and_keep_their_rank(void **state) {
    queue *q = queue_new();
    add_agent(q, 9, "x", 1);
    add(q, 1, 1, "x", 0, 0);
    add(q, 2, 1, "x", 0, 5);
    queue_hold(q, 1, QUEUE_HOLD_APPROVAL, 0, STR("production"));
    assert_int_equal(queue_count(q).held, 1);
    queue_release(q, 1);
    queue_release(q, 1);
    expect(q, 10, 1, 9);
    queue_free(q);
}

static void a_job_knows_why_it_waits(void **state) {
    static const struct {
        const char *labels;
        queue_reason reason;
        const char *text;
    } rows[] = {
        {"mac", QUEUE_NO_LABEL, "no agent has the label 'mac'"},
        {"gpu arm", QUEUE_NO_LABELS, "no agent has all of 'arm', 'gpu'"},
        {"gpu", QUEUE_BUSY, "the 1 agent with 'gpu' is busy"},
        {"linux", QUEUE_BUSY, "all 2 agents with 'linux' are busy"},
        {"arm", QUEUE_DRAINED, "no agent with 'arm' takes new jobs: 1 is being drained"},
    };
    _cleanup_arena_ arena *a = arena_new();
    queue *q = queue_new();
    str words[4];
    err e = {0};
    queue_why why;
    add(q, 50, 1, "linux", 0, 0);
    queue_tell(q, a, 50, &why);
    assert_int_equal(why.reason, QUEUE_NO_AGENTS);
    queue_tell(q, a, 51, &why);
    assert_int_equal(why.reason, QUEUE_UNKNOWN);
    add_agent(q, 1, "linux gpu", 1);
    queue_tell(q, a, 50, &why);
    assert_int_equal(why.reason, QUEUE_TURN);
    add_agent(q, 2, "linux", 1);
    add(q, 52, 1, "linux", 0, 0);
    queue_place(q, 50, 1);
    queue_place(q, 52, 2);
    queue_agent x = agent(3, "arm", 1, words);
    x.draining = true;
    assert_int_equal(queue_agent_add(q, &x, &e), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        add(q, 100 + i, 1, rows[i].labels, 0, 0);
        queue_tell(q, a, 100 + i, &why);
        assert_int_equal(why.reason, rows[i].reason);
        assert_str(why.text, rows[i].text);
    }
    queue_hold(q, 100, QUEUE_HOLD_GROUP, 42, STR("deploy"));
    queue_tell(q, a, 100, &why);
    assert_str(why.text, "run 42 holds the concurrency group 'deploy'");
    queue_hold(q, 100, QUEUE_HOLD_APPROVAL, 0, STR(""));
    queue_tell(q, a, 100, &why);
    assert_str(why.text, "it comes from a fork and waits for an approval");
    queue_tell(q, a, 50, &why);
    assert_str(why.text, "it runs on agent 1");
    queue_free(q);
}

static void limits_are_told_by_name(void **state) {
    queue *q = queue_new();
    str many[QUEUE_LABELS_MAX + 1];
    char long_label[QUEUE_LABEL_MAX + 2];
    err e = {0};
    memset(long_label, 'x', sizeof long_label);
    for (size_t i = 0; i <= QUEUE_LABELS_MAX; i++)
        many[i] = STR("l");
    queue_job j = {.id = 1, .labels = many, .label_count = QUEUE_LABELS_MAX + 1};
    assert_int_equal(queue_add(q, &j, &e), ERR_LIMIT);
    j.label_count = 1;
    many[0] = (str){long_label, sizeof long_label};
    assert_int_equal(queue_add(q, &j, &e), ERR_LIMIT);
    many[0] = STR("l");
    j.priority = QUEUE_PRIORITY_MAX + 1;
    assert_int_equal(queue_add(q, &j, &e), ERR_LIMIT);
    j.priority = 0;
    assert_int_equal(queue_add(q, &j, &e), 0);
    assert_int_equal(queue_add(q, &j, &e), ERR_INVALID);
    queue_agent x = {.id = 1, .capacity = QUEUE_CAPACITY_MAX + 1};
    assert_int_equal(queue_agent_add(q, &x, &e), ERR_LIMIT);
    queue_free(q);
}

/* ---- simulation ---------------------------------------------------------------------------- */

enum { JOBS = 4000, AGENTS = 20, REPOS = 6 };

typedef struct sim {
    queue *q;
    unsigned random;
    int64_t now;
    struct {
        enum { NEW, WAITS, RUNS, GONE } state;
        uint64_t agent;
        int64_t end, queued, started;
    } jobs[JOBS + 1];
    struct {
        bool there;
        unsigned capacity, used;
    } agents[AGENTS + 1];
    int64_t longest;
} sim;

static unsigned chance(sim *s, unsigned n) {
    s->random = s->random * 1664525 + 1013904223;
    return (s->random >> 12) % n;
}

static void finish_jobs(sim *s) {
    for (uint64_t id = 1; id <= JOBS; id++) {
        if (s->jobs[id].state != RUNS || s->jobs[id].end > s->now) continue;
        queue_remove(s->q, id);
        s->jobs[id].state = GONE;
        if (s->agents[s->jobs[id].agent].there) s->agents[s->jobs[id].agent].used--;
    }
}

/* An agent comes, or goes with its jobs still running somewhere: they end in their time. */
static void change_agents(sim *s) {
    static const char *const labels[] = {"linux", "linux gpu", "linux arm"};
    uint64_t id = 1 + chance(s, AGENTS);
    if (s->agents[id].there && id > 3) {
        queue_agent_remove(s->q, id);
        s->agents[id].there = false;
    } else if (!s->agents[id].there) {
        s->agents[id].there = true;
        s->agents[id].capacity = 1 + chance(s, 4);
        s->agents[id].used = 0;
        for (uint64_t j = 1; j <= JOBS; j++)
            s->agents[id].used += s->jobs[j].state == RUNS && s->jobs[j].agent == id;
        add_agent(s->q, id, labels[id % 3], s->agents[id].capacity);
    }
}

static void assign(sim *s) {
    uint64_t job, on;
    while (queue_next(s->q, s->now, &job, &on)) {
        assert_true(job >= 1 && job <= JOBS && s->jobs[job].state == WAITS);
        assert_true(s->agents[on].there && s->agents[on].used < s->agents[on].capacity);
        s->agents[on].used++;
        s->jobs[job].state = RUNS;
        s->jobs[job].agent = on;
        s->jobs[job].end = s->now + (10 + chance(s, 50)) * SECOND;
        if (s->now - s->jobs[job].queued > s->longest) s->longest = s->now - s->jobs[job].queued;
    }
}

/* One repository is a flood, the others trickle; priorities and labels at random. */
static void random_load(unsigned seed) {
    static const char *const labels[] = {"linux", "linux", "Linux", "linux gpu", "arm", ""};
    sim *s = calloc(1, sizeof *s);
    s->q = queue_new();
    s->random = seed;
    for (int i = 0; i < 60; i++)
        change_agents(s);
    uint64_t next = 1;
    size_t gone = 0;
    for (int64_t tick = 0; gone < JOBS; tick++) {
        if (tick > 100000) fail_msg("seed %u: jobs are stuck", seed);
        s->now += SECOND;
        finish_jobs(s);
        if (chance(s, 40) == 0) change_agents(s);
        for (unsigned n = chance(s, 3); n && next <= JOBS; n--, next++) {
            int64_t repo = chance(s, 2) ? 1 : 1 + chance(s, REPOS);
            add(s->q, next, repo, labels[chance(s, 6)], (int)chance(s, 21) - 10, s->now / SECOND);
            s->jobs[next].state = WAITS;
            s->jobs[next].queued = s->now;
            if (chance(s, 50) == 0) {
                queue_hold(s->q, next, QUEUE_HOLD_GROUP, 1, STR("g"));
                queue_release(s->q, next);
            }
            if (chance(s, 100) == 0) {
                queue_remove(s->q, next);
                s->jobs[next].state = GONE;
            }
        }
        assign(s);
        gone = 0;
        for (uint64_t id = 1; id <= JOBS; id++)
            gone += s->jobs[id].state == GONE;
    }
    queue_counts c = queue_count(s->q);
    assert_true(c.waiting == 0 && c.held == 0 && c.running == 0 && c.used == 0);
    assert_true(s->longest < INT64_C(4) * 3600 * SECOND);
    queue_free(s->q);
    free(s);
}

static void no_job_is_lost_and_no_agent_overloaded(void **state) {
    for (unsigned seed = 1; seed <= 6; seed++)
        random_load(seed);
}

/* As long as newer jobs of higher priority keep coming, from as many repositories as you like, an
 * old one starts after no more than the ageing says. */
static void nothing_starves(void **state) {
    queue *q = queue_new();
    uint64_t id = 10, job, on, running = 0;
    add_agent(q, 9, "x", 1);
    add(q, 1, 1, "x", -20, 0);
    for (int64_t now = 0; now < 3 * 3600; now += 10) {
        id++;
        add(q, id, 2 + (int64_t)id % 50, "x", 20, now);
        if (running) queue_remove(q, running);
        assert_true(queue_next(q, now * SECOND, &job, &on));
        running = job;
        if (job == 1) {
            assert_true(now <= 41 * 60 + 60);
            queue_free(q);
            return;
        }
    }
    fail_msg("the job starves");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_labels_of_a_job_are_among_the_agents),
        cmocka_unit_test(a_job_of_a_group_goes_to_its_agents),
        cmocka_unit_test(special_agents_are_kept_for_special_jobs),
        cmocka_unit_test(priority_goes_first_until_the_other_is_older),
        cmocka_unit_test(a_thousand_jobs_of_one_hold_nobody_up),
        cmocka_unit_test(shares_follow_the_weights),
        cmocka_unit_test(drained_and_spent_agents_get_nothing),
        cmocka_unit_test(jobs_that_run_are_known_before_their_agent_is),
        cmocka_unit_test(held_jobs_wait_and_keep_their_rank),
        cmocka_unit_test(a_job_knows_why_it_waits),
        cmocka_unit_test(limits_are_told_by_name),
        cmocka_unit_test(no_job_is_lost_and_no_agent_overloaded),
        cmocka_unit_test(nothing_starves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
