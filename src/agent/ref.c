/* ref.c: a checkout of another ref than the one being run, or of a part of the files.
 *
 * git does the work, in the stage: a folder of this machine, out of the job's reach, where
 * history_make has made a repository that borrows our objects. What git has written there is copied
 * to the job. Neither hooks nor the configuration of the repository are there to run anything; of
 * the person's own configuration, filters are, as for every checkout of theirs. */
#include "agent/repository.h"
#include "base/fs.h"

#include <string.h>

#define WORDS_MAX 16

/* ---- which commit --------------------------------------------------------------------------- */

/* What git itself takes for a name: no expression like main~1, and no way to another file. */
static bool is_plain_ref(str ref) {
    if (!ref.len || ref.len > 255 || str_starts(ref, STR("/")) || str_ends(ref, STR("/")))
        return false;
    if (str_find(ref, STR("..")) >= 0 || str_find(ref, STR("//")) >= 0 ||
        str_find(ref, STR("@{")) >= 0 || str_find(ref, STR("/.")) >= 0 || ref.ptr[0] == '.' ||
        str_ends(ref, STR(".lock")))
        return false;
    for (size_t i = 0; i < ref.len; i++) {
        unsigned char c = (unsigned char)ref.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("~^:?*[\\\"", c)) return false;
    }
    return true;
}

static bool find_commit(arena *a, const repository *repo, str name, str *ret) {
    const char *argv[] = {
        "git",     "rev-parse",        "--verify",
        "--quiet", "--end-of-options", arena_printf(a, "%.*s^{commit}", STR_ARG(name)).ptr,
        NULL};
    err ignored = {0};
    if (git_run(a, repo->root, NULL, argv, ret, &ignored) < 0) return false;
    *ret = str_trim(*ret);
    return git_is_id(*ret);
}

/* Where a name is looked for, in this order: a branch of ours is newer than what `origin` had. */
static const struct {
    const char *given, *looked_for; /* what the name begins with, and what takes its place */
    bool branch;
} places[] = {
    {"refs/heads/", "refs/heads/", true},
    {"refs/heads/", "refs/remotes/origin/", true},
    {"refs/pull/", "refs/remotes/pull/", false},
    {"refs/", "refs/", false},
    {"", "refs/heads/", true},
    {"", "refs/remotes/origin/", true},
    {"", "refs/tags/", false},
};

static bool find_named(arena *a, const repository *repo, str ref, commit_ref *ret) {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        str given = str_from(places[i].given);
        if (!str_starts(ref, given) || (!given.len && str_starts(ref, STR("refs/")))) continue;
        str rest = str_sub(ref, given.len, ref.len);
        str name = arena_printf(a, "%s%.*s", places[i].looked_for, STR_ARG(rest));
        if (!find_commit(a, repo, name, &ret->commit)) continue;
        ret->branch = places[i].branch ? rest : STR_EMPTY;
        return true;
    }
    return false;
}

commit_ref ref_of_run(arena *a, const repository *repo, str head) {
    const str heads = STR("refs/heads/"), pull = STR("refs/pull/");
    commit_ref ref = {.commit = repo->commit};
    if (!is_plain_ref(head)) return ref; /* a payload may say anything */
    if (str_starts(head, heads)) ref.branch = str_sub(head, heads.len, head.len);
    if (str_starts(head, pull))
        ref.also =
            arena_printf(a, "refs/remotes/pull/%.*s", STR_ARG(str_sub(head, pull.len, head.len)));
    return ref;
}

int ref_find(arena *a, const repository *repo, str ref, commit_ref *ret, err *e) {
    *ret = (commit_ref){0};
    if (!repo->in_git)
        return err_set(e, ERR_NOT_FOUND, "'ref: %.*s' cannot be had: '%s' is no git repository",
                       STR_ARG(ref), repo->root);
    bool commit = git_is_id(ref);
    if (commit ? find_commit(a, repo, ref, &ret->commit)
               : is_plain_ref(ref) && find_named(a, repo, ref, ret))
        return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "%s '%.*s' could not be found in '%s', from which it is checked out. Fetch it "
                   "there with git first",
                   commit ? "the commit" : "A branch or tag with the name", STR_ARG(ref),
                   repo->root);
}

/* ---- git in the stage ----------------------------------------------------------------------- */

/* With the person's own configuration, but nothing of it that would make other files than on
 * GitHub.
 */
static int in_stage(arena *a, const repository *repo, const char *stage, const char *const *words,
                    const char *const *more, str *ret_out, err *e) {
    static const char *const first[] = {"git",
                                        "-c",
                                        "core.hooksPath=/dev/null",
                                        "-c",
                                        "advice.detachedHead=false",
                                        "-c",
                                        "core.autocrlf=false",
                                        "-c",
                                        "submodule.recurse=false"};
    size_t count = 0, more_count = 0;
    while (more && more[more_count])
        more_count++;
    const char **argv = ARENA_ARRAY(a, const char *, WORDS_MAX + more_count + 1);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        argv[count++] = first[i];
    while (*words)
        argv[count++] = *words++;
    for (size_t i = 0; i < more_count; i++)
        argv[count++] = more[i];
    argv[count] = NULL;
    return git_run(a, stage, repository_objects(repo), argv, ret_out, e);
}

static int set_sparse(arena *a, const repository *repo, const runner_checkout *what,
                      const char *stage, err *e) {
    const char *words[] = {"sparse-checkout", "set", what->cone ? "--cone" : "--no-cone",
                           "--end-of-options", NULL};
    if (in_stage(a, repo, stage, words, what->sparse, NULL, e) == 0) return 0;
    return err_context(e, "the input 'sparse-checkout'");
}

int ref_stage(arena *a, const repository *repo, const runner_checkout *what, const commit_ref *ref,
              const char *stage, err *e) {
    const char *commit = arena_cstr(a, ref->commit), *branch = arena_cstr(a, ref->branch);
    const char *origin = arena_printf(a, "refs/remotes/origin/%s", branch).ptr;
    const char *const remember[] = {"update-ref", origin, commit, NULL};
    const char *const name[] = {"update-ref", arena_cstr(a, ref->also), commit, NULL};
    const char *const to_branch[] = {"checkout", "-q", "--force", "-B", branch, origin, NULL};
    const char *const to_commit[] = {"checkout", "-q", "--force", "--detach", commit, NULL};
    /* Of the index of the working tree nothing may stay: it can say what is not to be written. */
    if (fs_remove(fs_join(a, stage, STR(".git/index")), e) < 0) return e->code;
    if (what->sparse && set_sparse(a, repo, what, stage, e) < 0) return e->code;
    if (ref->branch.len && in_stage(a, repo, stage, remember, NULL, NULL, e) < 0) return e->code;
    if (ref->also.len && in_stage(a, repo, stage, name, NULL, NULL, e) < 0) return e->code;
    return in_stage(a, repo, stage, ref->branch.len ? to_branch : to_commit, NULL, NULL, e);
}

int ref_stage_sparse(arena *a, const repository *repo, const runner_checkout *what,
                     const char *stage, str **ret, size_t *ret_count, err *e) {
    static const char *const list[] = {"ls-files", "-t", "-z", NULL};
    str rest, item;
    size_t count = 0, cap = 0;
    *ret = NULL;
    if (set_sparse(a, repo, what, stage, e) < 0 ||
        in_stage(a, repo, stage, list, NULL, &rest, e) < 0)
        return e->code;
    while (rest.len) { /* "H path"; S: left out */
        str_cut(rest, '\0', &item, &rest);
        if (item.len > 2 && item.ptr[0] != 'S')
            ARENA_PUSH(a, *ret, count, cap, str_sub(item, 2, item.len));
    }
    *ret_count = count;
    return 0;
}

/* ---- the ref of the run --------------------------------------------------------------------- */

static int write_ref(arena *a, const char *git, str name, str text, err *e) {
    char *path = fs_join(a, git, name);
    char *folder = arena_cstr(a, str_sub(str_from(path), 0, strrchr(path, '/') - path));
    int r = fs_mkdirs(folder, 0755, e);
    return r < 0 ? r : fs_write(path, arena_printf(a, "%.*s\n", STR_ARG(text)), 0644, e);
}

static int follow_origin(arena *a, const char *git, str branch, err *e) {
    const char *path = fs_join(a, git, STR("config"));
    str text;
    if (fs_read(a, path, 1 << 20, &text, e) < 0) return e->code;
    bool has_origin = str_find(text, STR("[remote \"origin\"]")) >= 0;
    if (!has_origin || str_find(text, STR("[branch ")) >= 0) return 0; /* a clone follows already */
    str more =
        arena_printf(a, "%.*s[branch \"%.*s\"]\n\tremote = origin\n\tmerge = refs/heads/%.*s\n",
                     STR_ARG(text), STR_ARG(branch), STR_ARG(branch));
    return fs_write(path, more, 0644, e);
}

int ref_stage_head(arena *a, const repository *repo, const runner_checkout *what, const char *stage,
                   err *e) {
    const str heads = STR("refs/heads/"), pull = STR("refs/pull/");
    const char *git = fs_join(a, stage, STR(".git"));
    str name = what->head, commit = what->commit;
    /* A payload may say anything; of another commit, nothing of this working tree. */
    if (!str_eq(commit, repo->git.head) || !is_plain_ref(name)) return 0;
    if (!str_starts(name, heads)) {
        str rest = str_sub(name, pull.len, name.len);
        str remote = arena_printf(a, "refs/remotes/pull/%.*s", STR_ARG(rest));
        if (str_starts(name, pull) && write_ref(a, git, remote, commit, e) < 0) return e->code;
        return write_ref(a, git, STR("HEAD"), commit, e);
    }
    str branch = str_sub(name, heads.len, name.len);
    str remote = arena_printf(a, "refs/remotes/origin/%.*s", STR_ARG(branch));
    if (write_ref(a, git, name, commit, e) < 0 || write_ref(a, git, remote, commit, e) < 0 ||
        write_ref(a, git, STR("HEAD"), arena_printf(a, "ref: %.*s", STR_ARG(name)), e) < 0)
        return e->code;
    return follow_origin(a, git, branch, e);
}
