#include "unit.h"

#include "base/fs.h"
#include "base/leased.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 16
#define ROUNDS    20

typedef struct world {
    arena *a;
    char *dir;
    err e;
} world;

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "leased-", &w->dir, &w->e) < 0) return -1;
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static size_t folders(world *w) {
    fs_entry *entries;
    size_t count = 0;
    assert_int_equal(fs_list(w->a, w->dir, &entries, &count, &w->e), 0);
    return count;
}

static void a_folder_is_private_and_left_alone(void **state) {
    world *w = *state;
    leased own, other;
    struct stat st;
    assert_int_equal(leased_make(w->a, w->dir, "x-", &own, &w->e), 0);
    assert_int_equal(leased_make(w->a, w->dir, "y-", &other, &w->e), 0);
    assert_int_equal(stat(own.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    leased_sweep(w->dir, "", fs_remove, NULL);
    assert_int_equal(folders(w), 2);
    close(own.lock);
    leased_sweep(w->dir, "y-", fs_remove, NULL);
    assert_int_equal(folders(w), 2);
    leased_sweep(w->dir, "x-", fs_remove, NULL);
    assert_int_equal(folders(w), 1);
    close(other.lock);
}

static void what_was_made_and_not_locked_goes(void **state) {
    world *w = *state;
    assert_int_equal(fs_mkdirs(fs_join(w->a, w->dir, STR("x-1")), 0700, &w->e), 0);
    leased_sweep(w->dir, "x-", fs_remove, NULL);
    assert_int_equal(folders(w), 0);
}

/* Makes and sweeps as the others do: what it holds must stay. */
static _Noreturn void live(world *w) {
    for (int i = 0; i < ROUNDS; i++) {
        leased own;
        if (leased_make(w->a, w->dir, "x-", &own, &w->e) < 0) _exit(1);
        char *file = fs_join(w->a, own.path, STR("file"));
        if (fs_write(file, STR("text"), 0600, &w->e) < 0) _exit(2);
        leased_sweep(w->dir, "x-", fs_remove, NULL);
        if (access(file, F_OK) < 0) _exit(3);
        close(own.lock); /* as if killed */
    }
    _exit(0);
}

static void nobody_takes_what_another_holds(void **state) {
    world *w = *state;
    pid_t all[PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        all[i] = fork();
        if (all[i] == 0) live(w);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(all[i], &status, 0), all[i]);
        assert_int_equal(status, 0);
    }
    leased_sweep(w->dir, "x-", fs_remove, NULL);
    assert_int_equal(folders(w), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_private_and_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_made_and_not_locked_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_takes_what_another_holds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
