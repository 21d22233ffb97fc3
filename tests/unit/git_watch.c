/* Refs that change, mirrors and the events of pushes: of real repositories, by real children. */
#include "unit.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/process.h"
#include "server/child.h"
#include "server/push.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define A "1111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222"

/* ---- refs ---------------------------------------------------------------------------------- */

static git_refs read_refs(arena *a, const char *text) {
    git_refs refs;
    err e = {0};
    if (git_refs_read(a, str_from(text), &refs, &e) < 0) fail_msg("%s", e.message);
    return refs;
}

static void refs_are_read_and_written(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    git_refs refs = read_refs(a, "ref: refs/heads/main\tHEAD\n" A "\tHEAD\n" B "\trefs/tags/v1\n" A
                                 "\trefs/tags/v1^{}\n" A "\trefs/heads/main\n" A
                                 "\trefs/pull/1/head\n" A "\trefs/heads/a/b\n");
    assert_int_equal(refs.count, 3);
    assert_str(refs.default_branch, "main");
    git_refs_write(&text, &refs);
    assert_string_equal(strbuf_cstr(&text), "ref: refs/heads/main\tHEAD\n" A "\trefs/heads/a/b\n" A
                                            "\trefs/heads/main\n" B "\trefs/tags/v1\n");
    err e = {0};
    assert_int_equal(git_refs_read(a, STR("x\trefs/heads/a\n"), &refs, &e), ERR_INVALID);
    assert_int_equal(git_refs_read(a, STR("nothing\n"), &refs, &e), ERR_INVALID);
}

static void differences_of_refs_are_found(void **state) {
    static const struct {
        const char *old, *now, *said;
    } rows[] = {
        {"", "", ""},
        {A "\trefs/heads/m\n", A "\trefs/heads/m\n", ""},
        {A "\trefs/heads/m\n", B "\trefs/heads/m\n", "refs/heads/m 1>2;"},
        {"", A "\trefs/heads/m\n" B "\trefs/tags/v\n", "refs/heads/m 0>1;refs/tags/v 0>2;"},
        {A "\trefs/heads/a\n" A "\trefs/heads/c\n", A "\trefs/heads/b\n" A "\trefs/heads/c\n",
         "refs/heads/a 1>0;refs/heads/b 0>1;"},
        {A "\trefs/tags/v\n", "", "refs/tags/v 1>0;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf said = STRBUF_INIT;
        git_refs old = read_refs(a, rows[i].old), now = read_refs(a, rows[i].now);
        git_change *list;
        size_t count = git_refs_compare(a, &old, &now, &list);
        for (size_t k = 0; k < count; k++)
            strbuf_addf(&said, "%.*s %c>%c;", STR_ARG(list[k].ref), list[k].before.ptr[0],
                        list[k].after.ptr[0]);
        assert_string_equal(strbuf_cstr(&said), rows[i].said);
    }
}

static void names_of_refs_are_those_that_git_takes(void **state) {
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"refs/heads/main", true},    {"refs/heads/a/b-c.d", true},
        {"refs/heads/ü", true},       {"main", false},
        {"refs/heads/", false},       {"refs/heads/a..b", false},
        {"refs/heads/a b", false},    {"refs/heads/a^", false},
        {"refs/heads/a:b", false},    {"refs/heads/.a", false},
        {"refs/heads/a.lock", false}, {"refs/heads/a.lock/b", false},
        {"refs/heads/a//b", false},   {"refs/heads/a@{1}", false},
        {"refs/heads/a\n", false},    {"refs/heads/a\\b", false},
        {"--exec=id", false},         {"refs/heads/*", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (git_ref_is_valid(str_from(rows[i].name)) != rows[i].valid)
            fail_msg("'%s' is judged wrongly", rows[i].name);
}

/* ---- a real repository --------------------------------------------------------------------- */

typedef struct place {
    arena *a;
    char *dir, *work, *mirror;
} place;

static str run(place *p, const char *script) {
    static const char *const env[] = {"GIT_CONFIG_GLOBAL=/dev/null",
                                      "GIT_CONFIG_NOSYSTEM=1",
                                      "GIT_AUTHOR_NAME=Ann",
                                      "GIT_AUTHOR_EMAIL=ann@example",
                                      "GIT_COMMITTER_NAME=Bob",
                                      "GIT_COMMITTER_EMAIL=bob@example",
                                      "GIT_DIR",
                                      "GIT_INDEX_FILE",
                                      "LC_ALL=C",
                                      NULL};
    const char *argv[] = {"sh", "-ec", script, NULL};
    process_spec spec = {.argv = argv, .env = env, .cwd = p->work};
    str out;
    err e = {0};
    if (process_check(p->a, &spec, &out, &e) < 0) fail_msg("%s", e.message);
    return str_trim(out);
}

static void make_place(place *p) {
    err e = {0};
    p->a = arena_new();
    assert_int_equal(fs_temp_dir(p->a, "slipway-watch-", &p->dir, &e), 0);
    p->work = fs_join(p->a, p->dir, STR("work"));
    p->mirror = fs_join(p->a, p->dir, STR("mirror.git"));
    assert_int_equal(fs_mkdirs(p->work, 0755, &e), 0);
    run(p, "git init -q -b main; echo 1 > one; git add .; git commit -qm 'the first\n\nbody'");
}

static void drop_place(place *p) {
    err e;
    fs_remove(p->dir, &e);
    arena_free(p->a);
}

static git_source source(place *p) {
    return (git_source){.url = str_from(p->work), .guard = {.allow_file = true}};
}

/* In a process of its own, which it limits. */
static int mirror(place *p, const git_source *s, const str *also, size_t count) {
    pid_t pid = fork();
    if (pid == 0) {
        err e = {0};
        int r = git_source_mirror(p->a, s, p->mirror, also, count, &e);
        _exit(-r);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return -WEXITSTATUS(status);
}

static str mirrored(place *p, const char *ref) {
    const char *argv[] = {"git", "rev-parse", "--verify", "--quiet", ref, NULL};
    str out;
    err e;
    return git_run(p->a, p->mirror, NULL, argv, &out, &e) == 0 ? str_trim(out) : STR_EMPTY;
}

static void a_mirror_follows_what_is_there(void **state) {
    place p;
    make_place(&p);
    git_source s = source(&p);
    git_refs refs;
    err e = {0};
    const str pull = STR("refs/pull/1/head");
    str first = run(&p, "git branch side; git tag v1; git update-ref refs/pull/1/head HEAD; "
                        "git rev-parse HEAD");
    /* Settings and hooks of the repository are nobody's orders. */
    run(&p, "git config uploadpack.packObjectsHook 'touch ../ran; exit 1'; "
            "printf '#!/bin/sh\\ntouch ../ran\\n' > .git/hooks/reference-transaction; "
            "chmod +x .git/hooks/*");
    assert_int_equal(git_source_refs(p.a, &s, &refs, &e), 0);
    assert_int_equal(refs.count, 3);
    assert_str(refs.default_branch, "main");
    assert_int_equal(mirror(&p, &s, &pull, 1), 0);
    assert_true(str_eq(mirrored(&p, "refs/heads/main"), first));
    assert_true(str_eq(mirrored(&p, "refs/tags/v1"), first));
    assert_true(str_eq(mirrored(&p, "refs/pull/1/head"), first));
    assert_false(fs_exists(fs_join(p.a, p.dir, STR("ran"))));
    str second = run(&p, "rm -r .git/hooks; git branch -qD side; git commit -q --amend -m other; "
                         "git rev-parse HEAD");
    assert_int_equal(mirror(&p, &s, NULL, 0), 0);
    assert_true(str_eq(mirrored(&p, "refs/heads/main"), second));
    assert_int_equal(mirrored(&p, "refs/heads/side").len, 0);
    drop_place(&p);
}

static void fetching_has_limits(void **state) {
    place p;
    make_place(&p);
    git_source s = source(&p);
    err e = {0};
    git_refs refs;
    run(&p, "head -c 300000 /dev/urandom > big; git add .; git commit -qm big");
    s.max_bytes = 100000;
    assert_int_equal(mirror(&p, &s, NULL, 0), ERR_LIMIT);
    s = source(&p);
    s.guard.allow_file = false;
    assert_int_equal(mirror(&p, &s, NULL, 0), ERR_INVALID);
    s = source(&p);
    const str wrong = STR("refs/heads/*:refs/heads/x");
    assert_int_equal(mirror(&p, &s, &wrong, 1), ERR_INVALID);
    s.url = STR("/nowhere/at/all");
    assert_int_equal(git_source_refs(p.a, &s, &refs, &e), ERR_FAILED);
    assert_non_null(strstr(e.message, "git says"));
    s.url = STR("ext::sh -c 'touch /tmp/x'");
    assert_int_equal(git_source_refs(p.a, &s, &refs, &e), ERR_INVALID);
    drop_place(&p);
}

/* ---- events -------------------------------------------------------------------------------- */

static const push_place shop = {STR_INIT("team"), STR_INIT("shop"), STR_INIT("https://git.example"),
                                STR_INIT("main"), STR_INIT("")};

static size_t events_of(place *p, const char *ref, str before, str after, event *ret) {
    git_change c = {str_from(ref), before, after};
    const char *dir = fs_join(p->a, p->work, STR(".git"));
    value found;
    size_t count;
    err e = {0};
    if (push_look(p->a, dir, &c, STR("main"), &found, &e) < 0) fail_msg("%s", e.message);
    if (push_events(p->a, &shop, &c, &found, 5, ret, &count, &e) < 0) fail_msg("%s", e.message);
    return count;
}

static bool is_true(const event *ev, const char *path) {
    const value *v = value_path(&ev->payload, path);
    return v && v->kind == VALUE_BOOL && v->boolean;
}

static void a_push_tells_its_commits_and_paths(void **state) {
    place p;
    event ev[PUSH_EVENTS_MAX];
    make_place(&p);
    str first = run(&p, "git rev-parse HEAD");
    str last = run(&p, "echo 2 > two; git add .; git commit -qm second; mkdir d; git mv one d/one; "
                       "git commit -qm third; git rev-parse HEAD");
    assert_int_equal(events_of(&p, "refs/heads/main", first, last, ev), 1);
    assert_str(ev->name, "push");
    assert_str(ev->ref, "refs/heads/main");
    assert_true(str_eq(ev->sha, last) && !is_true(ev, "created") && !is_true(ev, "forced"));
    assert_true(ev->changed_known && ev->changed_count == 3);
    assert_str(ev->changed[0], "d/one");
    assert_str(ev->changed[2], "two");
    const value *commits = value_path(&ev->payload, "commits");
    assert_int_equal(commits->array.count, 2);
    assert_str(value_path_str(&commits->array.items[0], "message"), "second");
    assert_str(value_path_str(&ev->payload, "head_commit.message"), "third");
    assert_str(value_path_str(&ev->payload, "head_commit.author.email"), "ann@example");
    assert_str(value_path_str(&ev->payload, "head_commit.committer.name"), "Bob");
    assert_true(str_eq(value_path_str(&ev->payload, "before"), first));
    assert_str(ev->actor, "Ann");
    assert_str(ev->repository, "team/shop");
    drop_place(&p);
}

static void refs_come_move_and_go(void **state) {
    place p;
    event ev[PUSH_EVENTS_MAX];
    const str none = STR(GIT_NO_COMMIT);
    make_place(&p);
    str main = run(&p, "git rev-parse HEAD");
    str side = run(&p, "git checkout -qb side; echo s > s; git add .; git commit -qm side; "
                       "git rev-parse HEAD");
    /* A new branch: what it adds to the default branch. */
    assert_int_equal(events_of(&p, "refs/heads/side", none, side, ev), 2);
    assert_true(is_true(&ev[0], "created") && ev[0].changed_known && ev[0].changed_count == 1);
    assert_str(ev[1].name, "create");
    assert_str(ev[1].ref, "refs/heads/side");
    /* The default branch itself is new: nothing to compare with. */
    assert_int_equal(events_of(&p, "refs/heads/main", none, main, ev), 2);
    assert_false(ev[0].changed_known);
    /* Moved back. */
    assert_int_equal(events_of(&p, "refs/heads/side", side, main, ev), 1);
    assert_true(is_true(ev, "forced"));
    /* From a commit that nobody has any more. */
    assert_int_equal(events_of(&p, "refs/heads/side", STR(A), side, ev), 1);
    assert_true(is_true(ev, "forced") && !ev->changed_known);
    assert_str(value_path_str(&ev->payload, "head_commit.message"), "side");
    /* A tag with a message of its own. */
    str tag = run(&p, "git tag -am note v1; git rev-parse v1");
    assert_int_equal(events_of(&p, "refs/tags/v1", none, tag, ev), 2);
    assert_str(ev[0].ref, "refs/tags/v1");
    assert_str(value_path_str(&ev[1].payload, "ref_type"), "tag");
    /* Gone. */
    assert_int_equal(events_of(&p, "refs/heads/side", side, none, ev), 1);
    assert_str(ev->name, "delete");
    assert_str(value_path_str(&ev->payload, "ref"), "side");
    git_change c = {STR("refs/notes/x"), none, side};
    size_t count;
    err e = {0};
    value found = value_object_new(p.a, false);
    assert_int_equal(push_events(p.a, &shop, &c, &found, 5, ev, &count, &e), ERR_INVALID);
    drop_place(&p);
}

/* ---- children ------------------------------------------------------------------------------ */

typedef struct waiting {
    loop *l;
    arena *a;
    value answer;
    bool done, again;
    err e;
} waiting;

static void on_done(void *context, const value *answer, bool again, const err *e) {
    waiting *w = context;
    if (answer) w->answer = value_copy(w->a, answer);
    if (e) w->e = *e;
    w->again = again;
    w->done = true;
    loop_quit(w->l);
}

static waiting ask_child(place *p, const char *request, unsigned timeout_ms, bool kill_it) {
    waiting w = {.a = p->a};
    value v;
    child *c;
    err e = {0};
    assert_int_equal(json_parse(p->a, str_from(request), 0, &v, &e), 0);
    assert_int_equal(loop_new(&w.l, &e), 0);
    assert_int_equal(child_start(w.l, NULL, &v, timeout_ms, on_done, &w, &c, &e), 0);
    if (kill_it) child_kill(c);
    loop_run(w.l);
    assert_true(w.done);
    loop_free(w.l);
    return w;
}

static void a_child_does_the_work(void **state) {
    place p;
    make_place(&p);
    str head = run(&p, "git rev-parse HEAD");
    waiting w = ask_child(&p,
                          arena_printf(p.a,
                                       "{\"do\":\"refs\",\"source\":{\"url\":\"%s\","
                                       "\"guard\":{\"allow_file\":true}}}",
                                       p.work)
                              .ptr,
                          0, false);
    assert_int_equal(w.e.code, 0);
    git_refs refs = read_refs(p.a, arena_cstr(p.a, value_path_str(&w.answer, "refs")));
    assert_true(refs.count == 1 && str_eq(refs.items[0].id, head));
    w = ask_child(&p,
                  arena_printf(p.a,
                               "{\"do\":\"mirror\",\"path\":\"%s\",\"source\":{\"url\":"
                               "\"%s\",\"guard\":{\"allow_file\":true}}}",
                               p.mirror, p.work)
                      .ptr,
                  60000, false);
    assert_int_equal(w.e.code, 0);
    w = ask_child(&p,
                  arena_printf(p.a,
                               "{\"do\":\"push\",\"dir\":\"%s\",\"ref\":\"refs/heads/main\","
                               "\"before\":\"" GIT_NO_COMMIT "\",\"after\":\"%.*s\"}",
                               p.mirror, STR_ARG(head))
                      .ptr,
                  0, false);
    const value *commits = value_get(&w.answer, STR("commits"));
    assert_true(w.e.code == 0 && commits && commits->array.count == 1);
    drop_place(&p);
}

static void a_childs_failure_is_told(void **state) {
    static const struct {
        const char *request;
        int code;
        bool again;
        const char *says;
    } rows[] = {
        {"{\"do\":\"refs\",\"source\":{\"url\":\"https://127.0.0.1/x\"}}", ERR_INVALID, true,
         "this machine itself"},
        {"{\"do\":\"status\",\"forge\":\"github\",\"target\":{\"base_url\":\"https://127.0.0.1\","
         "\"token\":\"t\"},\"status\":{\"repository\":\"a/b\",\"sha\":\"" A "\","
         "\"state\":\"success\"}}",
         ERR_INVALID, false, "this machine itself"},
        {"{\"do\":\"nothing\"}", ERR_INVALID, true, "there is no work 'nothing'"},
        {"{}", ERR_INVALID, true, "there is no work"},
    };
    place p;
    make_place(&p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        waiting w = ask_child(&p, rows[i].request, 0, false);
        assert_int_equal(w.e.code, rows[i].code);
        assert_int_equal(w.again, rows[i].again);
        if (!strstr(w.e.message, rows[i].says)) fail_msg("%s", w.e.message);
    }
    waiting w = ask_child(&p, "{\"do\":\"nothing\"}", 0, true);
    assert_int_equal(w.e.code, ERR_CANCELLED);
    drop_place(&p);
}

int main(int argc, char **argv) {
    child_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refs_are_read_and_written),
        cmocka_unit_test(differences_of_refs_are_found),
        cmocka_unit_test(names_of_refs_are_those_that_git_takes),
        cmocka_unit_test(a_mirror_follows_what_is_there),
        cmocka_unit_test(fetching_has_limits),
        cmocka_unit_test(a_push_tells_its_commits_and_paths),
        cmocka_unit_test(refs_come_move_and_go),
        cmocka_unit_test(a_child_does_the_work),
        cmocka_unit_test(a_childs_failure_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
