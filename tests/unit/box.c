#include "unit.h"

#include "box.h"

#include "base/fs.h"
#include "sandbox/subids.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDINARY_ID 61234 /* of no account */

static void on_ready(void *context, const err *e) {
    box *b = context;
    b->ready = !e;
    if (e) b->failed = *e;
    loop_quit(b->l);
}

static void on_limit(void *context, const char *what) {
    strbuf_addf(&((box *)context)->limits, "%s\n", what);
}

static void on_output(void *context, str bytes) {
    strbuf_add(&((box *)context)->output, bytes);
}

static void on_exit_quit(void *context, int status, const char *problem) {
    box *b = context;
    b->status = status;
    b->exits++;
    snprintf(b->problem, sizeof b->problem, "%s", problem ? problem : "");
    loop_quit(b->l);
}

static void on_orphan(void *context, int pid, const char *name) {
    const box *b = context;
    assert_true(pid > 1);
    if (b->told) strbuf_addf(b->told, "%s ", name);
}

static void on_closed(void *context) {
    ((box *)context)->closed = true;
    loop_quit(((box *)context)->l);
}

static const char *make(const box *b, const char *name) {
    err e = {0};
    const char *path = fs_join(b->a, b->dir, str_from(name));
    if (fs_mkdirs(path, 0755, &e) < 0) fail_msg("%s", e.message);
    return path;
}

static void own_layer(const box *b, sandbox_spec *spec) {
    err e = {0};
    spec->layer = make(b, "layer");
    if (sandbox_layer_make(spec->layer, NULL, &e) < 0) fail_msg("%s", e.message);
}

bool box_try(box *b, sandbox_spec spec) {
    err e = {0};
    *b = (box){.a = arena_new(), .status = -1};
    if (fs_temp_dir(b->a, "slipway-box-", &b->dir, &e) < 0) fail_msg("%s", e.message);
    spec.backend = SANDBOX_NAMESPACES;
    if (!spec.name) spec.name = "box";
    spec.folder = make(b, "job");
    if (!spec.layer) own_layer(b, &spec);
    make(b, "job/home"), make(b, "job/work");
    if (loop_new(&b->l, &e) < 0) fail_msg("%s", e.message);
    spec.loop = b->l;
    spec.on_ready = on_ready;
    spec.on_limit = on_limit;
    spec.context = b;
    if (sandbox_spawn(&spec, &b->s, &e) < 0) fail_msg("%s", e.message);
    loop_run(b->l);
    return b->ready;
}

void box_open(box *b, sandbox_spec spec) {
    if (box_try(b, spec)) return;
    box_close(b);
    if (b->failed.code != ERR_UNSUPPORTED) fail_msg("%s", b->failed.message);
    print_message("no namespaces here: %s\n", b->failed.message);
    skip();
}

static void done(box *b) {
    err e = {0};
    loop_free(b->l);
    if (sandbox_remove(b->dir, &e) < 0) fail_msg("%s", e.message);
    strbuf_done(&b->output);
    strbuf_done(&b->limits);
    arena_free(b->a);
}

void box_close(box *b) {
    sandbox_close(b->s, on_orphan, on_closed, b);
    while (!b->closed)
        loop_run(b->l);
    done(b);
}

void box_drop(box *b) {
    sandbox_free(b->s);
    done(b);
}

sandbox_process *box_start(box *b, const char *script) {
    static const char *const env[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", NULL};
    const char *const argv[] = {"sh", "-c", script, NULL};
    sandbox_command c = {argv, env, sandbox_work(SANDBOX_NAMESPACES), on_output, on_exit_quit, b};
    sandbox_process *p = NULL;
    err e = {0};
    strbuf_clear(&b->output);
    b->status = -1;
    if (sandbox_start(b->s, &c, &p, &e) < 0) fail_msg("%s", e.message);
    return p;
}

str box_run(box *b, const char *script) {
    int before = b->exits;
    box_start(b, script);
    while (b->exits == before)
        loop_run(b->l);
    return strbuf_str(&b->output);
}

char *box_file(box *b, const char *name) {
    return fs_join(b->a, b->dir, arena_printf(b->a, "job/%s", name));
}

static bool has_range(const char *file, const struct passwd *person) {
    _cleanup_arena_ arena *a = arena_new();
    subids_list found;
    str text;
    err e = {0};
    if (fs_read(a, file, 1 << 20, &text, &e) < 0) return false;
    subids_parse(text, str_from(person->pw_name), person->pw_uid, &found);
    return found.total == SUBIDS_NEEDED;
}

static const struct passwd *find_subids(void) {
    const struct passwd *person;
    setpwent();
    while ((person = getpwent())) {
        if (person->pw_uid && has_range("/etc/subuid", person) && has_range("/etc/subgid", person))
            break;
    }
    return person;
}

static int run_as(uid_t uid, gid_t gid, const char *who, int (*run)(void)) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0) _exit(2);
        prctl(PR_SET_DUMPABLE, 1); /* as after an exec: its /proc is its own */
        print_message("%s:\n", who);
        _exit(run() ? 1 : 0);
    }
    if (pid > 0) waitpid(pid, &status, 0);
    return status;
}

int box_tests(int (*run)(void)) {
    int failed = 0;
    /* First, because the zygote has to be forked before libuv is used (it minds forks). */
    if (geteuid() == 0) failed = run_as(ORDINARY_ID, ORDINARY_ID, "as an ordinary user", run);
    const struct passwd *person = geteuid() == 0 ? find_subids() : NULL;
    if (person)
        failed |= run_as(person->pw_uid, person->pw_gid, "as a user with subordinate ids", run);
    else if (geteuid() == 0)
        print_message("no user has subordinate ids: useradd NAME makes one\n");
    return run() || failed;
}
