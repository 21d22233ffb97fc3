#include "unit.h"

#include "base/pool.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#define PLAIN_BUILD 0 /* the sanitizer takes crashes and memory into its own hands */
#else
#define PLAIN_BUILD 1
#endif

/* What a child does with an item. */
typedef enum deed { SAY, SILENT, CRASH, HANG, EAT, QUIT, ABORT, MUCH } deed;

typedef struct plan {
    const deed *deeds;
    int (*start)(void *context, err *e);
} plan;

/* Address space is what is limited, so none of it is touched. */
static void eat_all(void) {
    for (;;) {
        void *more =
            mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED) oom();
    }
}

static void work(void *context, size_t item, strbuf *out) {
    const plan *p = context;
    switch (p->deeds[item]) {
    case SAY: strbuf_addf(out, "item %zu", item); break;
    case SILENT: break;
    case CRASH: raise(SIGSEGV); break;
    case HANG:
        for (;;)
            sched_yield();
    case EAT: eat_all(); break;
    case QUIT: exit(0);
    case ABORT: abort();
    case MUCH: strbuf_pad(out, 'x', 3 << 20); break;
    }
}

static pool_work work_of(plan *p, size_t count, unsigned jobs) {
    return (pool_work){.count = count, .jobs = jobs, .tree = -1, .context = p, .work = work};
}

static void answers_come_in_the_order_of_items(void **state) {
    (void)state;
    deed deeds[500];
    for (size_t i = 0; i < 500; i++)
        deeds[i] = i % 3 == 0 ? SAY : i % 7 == 0 ? MUCH : SILENT;
    for (size_t i = 0; i < 500; i++)
        if (deeds[i] == MUCH && i > 50) deeds[i] = SILENT;
    for (unsigned jobs = 1; jobs <= 16; jobs *= 4) {
        _cleanup_arena_ arena *a = arena_new();
        plan p = {.deeds = deeds};
        pool_work w = work_of(&p, 500, jobs);
        pool_answer *answers;
        size_t count, at = 0;
        err e = {0};
        assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
        for (size_t i = 0; i < 500; i++) {
            if (deeds[i] == SILENT) continue;
            assert_true(at < count);
            assert_int_equal(answers[at].item, i);
            assert_int_equal(answers[at].died.len, 0);
            if (deeds[i] == SAY)
                assert_str(answers[at].said, arena_printf(a, "item %zu", i).ptr);
            else
                assert_int_equal(answers[at].said.len, 3 << 20);
            at++;
        }
        assert_int_equal(at, count);
    }
}

static void nothing_to_do_is_done(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    plan p = {0};
    pool_work w = work_of(&p, 0, 0);
    pool_answer *answers;
    size_t count = 7;
    err e = {0};
    assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
    assert_int_equal(count, 0);
}

/* One of seven items kills its reader; the others are read all the same. */
static void costs_its_item(deed killer, unsigned jobs, const char *why) {
    _cleanup_arena_ arena *a = arena_new();
    const deed deeds[] = {SAY, SAY, killer, SAY, SAY, SILENT, SAY};
    plan p = {.deeds = deeds};
    pool_work w = work_of(&p, 7, jobs);
    pool_answer *answers;
    size_t count;
    err e = {0};
    w.item_timeout_ms = killer == HANG ? 300 : 60000;
    if (pool_run(a, &w, &answers, &count, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        size_t item = i < 5 ? i : 6;
        assert_int_equal(answers[i].item, item);
        assert_str(answers[i].died, item == 2 ? why : "");
        assert_int_equal(answers[i].timed_out, item == 2 && killer == HANG);
    }
}

static void a_child_that_dies_costs_its_item(void **state) {
    (void)state;
    static const struct {
        deed deed;
        const char *why;
        bool plain_only;
    } cases[] = {
        {CRASH, "its reader crashed", true},
        {ABORT, "its reader crashed", true},
        {HANG, "it took too long to read", false},
        {EAT, "there was not enough memory to read it", true},
        {QUIT, "its reader crashed", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].plain_only && !PLAIN_BUILD) continue;
        costs_its_item(cases[i].deed, 1, cases[i].why);
        costs_its_item(cases[i].deed, 3, cases[i].why);
    }
}

static void one_file_after_the_other_that_kills_its_reader(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    deed deeds[50];
    for (size_t i = 0; i < 50; i++)
        deeds[i] = QUIT;
    plan p = {.deeds = deeds};
    pool_work w = work_of(&p, 50, 4);
    pool_answer *answers;
    size_t count;
    err e = {0};
    assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
    assert_int_equal(count, 50);
}

static int cannot_start(void *context, err *e) {
    (void)context;
    return err_set(e, ERR_INVALID, "the rules are broken");
}

static void a_child_that_cannot_start_says_why(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    const deed deeds[] = {SAY, SAY};
    plan p = {.deeds = deeds};
    pool_work w = work_of(&p, 2, 2);
    pool_answer *answers;
    size_t count;
    err e = {0};
    w.start = cannot_start;
    assert_true(pool_run(a, &w, &answers, &count, &e) < 0);
    assert_string_equal(e.message, "the rules are broken");
}

/* ---- what a child may not do ------------------------------------------------------------------
 */

static void try_all(void *context, size_t item, strbuf *out) {
    (void)context;
    (void)item;
    bool reads = open("/etc/passwd", O_RDONLY) >= 0;
    bool writes = open("/tmp/slipway-jail-test", O_WRONLY | O_CREAT, 0600) >= 0;
    bool connects = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    bool forks = fork() >= 0;
    bool kills = kill(getppid(), 0) == 0;
    strbuf_addf(out, "%s%s%s%s%s", reads ? "reads " : "", writes ? "writes " : "",
                connects ? "connects " : "", forks ? "forks " : "", kills ? "kills " : "");
    strbuf_adds(out, "done");
}

static void a_child_reaches_no_files_network_or_processes(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    pool_work w = {.count = 1, .jobs = 1, .tree = -1, .work = try_all};
    pool_answer *answers;
    size_t count;
    err e = {0};
    assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
    assert_int_equal(count, 1);
    assert_str(answers[0].said, "done");
}

/* Its socket is the only one that a child has. */
static int own_socket(void) {
    struct stat st;
    for (int fd = 0; fd < 1024; fd++) {
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) return fd;
    }
    return -1;
}

static void have_nothing(void *context, size_t item, strbuf *out) {
    struct stat st;
    (void)item;
    for (int fd = 0; fd < 1024; fd++) {
        if (fstat(fd, &st) < 0) continue;
        bool null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
        strbuf_adds(out, S_ISSOCK(st.st_mode) ? "socket " : null ? "null " : "other ");
    }
    strbuf_adds(out, access(context, W_OK) == 0 ? "writes" : "done");
}

static void a_child_has_its_socket_and_no_rights_to_write(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    char path[] = "/tmp/slipway-test-XXXXXX";
    int fd = mkstemp(path), more = open("/", O_RDONLY);
    pool_work w = {.count = 1, .jobs = 1, .tree = -1, .work = have_nothing, .context = path};
    pool_answer *answers;
    size_t count;
    err e = {0};
    assert_true(fd >= 0 && more >= 0);
    assert_int_equal(fchmod(fd, 0444), 0);
    assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
    unlink(path);
    close(fd);
    close(more);
    assert_int_equal(count, 1);
    assert_str(answers[0].said, "null null null socket done");
}

/* ---- a child that a file has taken over -------------------------------------------------------
 */

typedef struct lie {
    size_t liar;    /* the item that takes its reader over */
    uint64_t about; /* of which it answers, or what else it says */
    uint64_t size;
    bool stays; /* it goes on, as if nothing had been */
} lie;

static void lie_or_say(void *context, size_t item, strbuf *out) {
    const lie *l = context;
    char forged[64] = {0};
    uint64_t head[] = {l->about, l->size};
    strbuf_addf(out, "item %zu", item);
    if (item != l->liar) return;
    memcpy(forged, head, sizeof head);
    memset(forged + sizeof head, 'x', 7);
    ssize_t written = write(own_socket(), forged, sizeof head + 7);
    if (!l->stays || written < 0) _exit(0);
}

/* Of 200 items, all others have the answer that their readers gave, and the scan knows that one is
 * missing. */
static void lies_in_vain(lie l, unsigned jobs) {
    _cleanup_arena_ arena *a = arena_new();
    pool_work w = {.count = 200, .jobs = jobs, .tree = -1, .context = &l, .work = lie_or_say};
    pool_answer *answers;
    size_t count, died = 0;
    err e = {0};
    w.item_timeout_ms = 60000;
    if (pool_run(a, &w, &answers, &count, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(count, 200);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(answers[i].item, i);
        died += answers[i].died.len > 0;
        if (!answers[i].died.len && i != l.liar)
            assert_str(answers[i].said, arena_printf(a, "item %zu", i).ptr);
    }
    assert_int_equal(died, 1);
}

static void a_child_answers_for_what_it_was_handed_only(void **state) {
    (void)state;
    const lie lies[] = {
        {100, 0, 7, false},
        {100, 199, 7, false},
        {100, 199, 7, true},
        {100, 101, 7, true},
        {100, 1000, 7, false},
        {100, UINT64_MAX, 7, false},
        {100, UINT64_MAX, 7, true},
        {100, UINT64_MAX - 1, 7, true},
        {100, 100, UINT64_MAX, true},
        {100, 100, UINT64_MAX, false},
        {0, 199, 7, true},
        {199, 0, 7, true},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        lies_in_vain(lies[i], 1);
        lies_in_vain(lies[i], 4);
    }
}

/* What its siblings have to do is not its matter: it has nothing that they have, too. */
static void leave(void *context, size_t item, strbuf *out) {
    (void)context;
    if (item % 10 == 3) _exit(0);
    strbuf_addf(out, "item %zu", item);
}

static void an_item_without_an_answer_is_an_error(void **state) {
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
        _cleanup_arena_ arena *a = arena_new();
        pool_work w = {.count = 500, .jobs = jobs, .tree = -1, .work = leave};
        pool_answer *answers;
        size_t count;
        err e = {0};
        assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
        assert_int_equal(count, 500);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(answers[i].item, i);
            assert_int_equal(answers[i].died.len > 0, i % 10 == 3);
            assert_int_equal(answers[i].said.len > 0, i % 10 != 3);
        }
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static void whose(void *context, size_t item, strbuf *out) {
    (void)context;
    (void)item;
    strbuf_addf(out, "%d", (int)getpid());
}

static void a_batch_is_one_childs(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    pool_work w = {.count = 95, .jobs = 3, .batch = 10, .tree = -1, .work = whose};
    pool_answer *answers;
    size_t count;
    err e = {0};
    assert_int_equal(pool_run(a, &w, &answers, &count, &e), 0);
    assert_int_equal(count, 95);
    for (size_t i = 0; i < count; i++)
        assert_true(str_eq(answers[i].said, answers[i / 10 * 10].said));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_items),
        cmocka_unit_test(nothing_to_do_is_done),
        cmocka_unit_test(a_child_that_dies_costs_its_item),
        cmocka_unit_test(one_file_after_the_other_that_kills_its_reader),
        cmocka_unit_test(a_child_that_cannot_start_says_why),
        cmocka_unit_test(a_child_reaches_no_files_network_or_processes),
        cmocka_unit_test(a_child_has_its_socket_and_no_rights_to_write),
        cmocka_unit_test(a_child_answers_for_what_it_was_handed_only),
        cmocka_unit_test(an_item_without_an_answer_is_an_error),
        cmocka_unit_test(a_batch_is_one_childs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
