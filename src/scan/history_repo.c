/* history_repo.c: where a repository has its objects, and what points at them. By the git program:
 * it knows of worktrees, packed refs and whose repositories may be trusted. */
#include "base/fs.h"
#include "base/git.h"
#include "scan/history_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX        ((size_t)64 << 20) /* of a file of git's */
#define ALTERNATE_DEPTH 5                  /* as git has it */

static int hex_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_id(str text, uint8_t ret[OBJECT_ID_BYTES]) {
    bool zeros = true;
    if (text.len != (size_t)2 * OBJECT_ID_BYTES) return false;
    for (size_t i = 0; i < OBJECT_ID_BYTES; i++) {
        int high = hex_of(text.ptr[2 * i]), low = hex_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        ret[i] = (uint8_t)(high << 4 | low);
        zeros &= ret[i] == 0;
    }
    return !zeros; /* the HEAD of a branch that has no commit yet */
}

typedef struct id_list {
    uint8_t (*ids)[OBJECT_ID_BYTES];
    size_t count, cap;
} id_list;

static void add_id(arena *a, id_list *list, str text) {
    uint8_t id[OBJECT_ID_BYTES];
    if (!read_id(str_trim(text), id)) return;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        list->ids = arena_grow(a, list->ids, list->cap * sizeof id, cap * sizeof id);
        list->cap = cap;
    }
    memcpy(list->ids[list->count++], id, sizeof id);
}

/* ---- asking git ----------------------------------------------------------------------------- */

static int refused(const char *dir, const err *why, err *e) {
    str reason = str_from(why->message);
    if (why->code == ERR_NOT_FOUND && str_find(reason, STR("is in no git repository")) >= 0)
        return err_set(e, ERR_NOT_FOUND, "'%s' is in no git repository, so it has no history", dir);
    if (str_starts(reason, STR("git does not trust"))) {
        if (e) *e = *why;
        return why->code;
    }
    return err_set(e, why->code, "the history of '%s' cannot be read: %s", dir, why->message);
}

static int ask_places(arena *a, const char *dir, history_repo *r, char **ret_shallow, err *e) {
    const char *const argv[] = {
        "git",        "rev-parse", "--show-object-format", "--path-format=absolute",
        "--git-path", "objects",   "--git-path",           "shallow",
        NULL};
    str out, format, folder, shallow;
    err why = {0};
    if (git_run(a, dir, NULL, argv, &out, &why) < 0) return refused(dir, &why, e);
    if (!str_line(&out, &format) || !str_line(&out, &folder) || !str_line(&out, &shallow))
        return err_set(e, ERR_FAILED, "git rev-parse said less than it was asked for");
    if (!str_is(format, "sha1"))
        return err_set(e, ERR_UNSUPPORTED,
                       "the history of '%s' cannot be read: its objects have %.*s names, and "
                       "libgit2 knows SHA-1 only; the working copy can be scanned",
                       dir, STR_ARG(format));
    r->objects = arena_cstr(a, folder);
    *ret_shallow = arena_cstr(a, shallow);
    return 0;
}

static int ask_commit(arena *a, const char *dir, const char *name, id_list *into) {
    const char *const argv[] = {
        "git",     "rev-parse",        "--verify",
        "--quiet", "--end-of-options", arena_printf(a, "%s^{commit}", name).ptr,
        NULL};
    str out;
    size_t before = into->count;
    err ignored = {0};
    if (git_run(a, dir, NULL, argv, &out, &ignored) == 0) add_id(a, into, out);
    return into->count > before ? 0 : ERR_INVALID;
}

static int ask_since(arena *a, const char *dir, const char *since, history_repo *r, id_list *tips,
                     err *e) {
    id_list one = {0};
    if (ask_commit(a, dir, since, &one) < 0)
        return err_set(e, ERR_INVALID,
                       "--since %s: there is no such commit here (in a workflow, check out with "
                       "fetch-depth: 0)",
                       since);
    memcpy(r->since, one.ids[0], sizeof r->since);
    r->has_since = true;
    ask_commit(a, dir, "HEAD", tips); /* none: there is no commit yet */
    return 0;
}

static int ask_tips(arena *a, const char *dir, id_list *tips, err *e) {
    const char *const refs[] = {"git", "for-each-ref", "--format=%(objectname)", NULL};
    const char *const heads[] = {"git", "worktree", "list", "--porcelain", NULL};
    str out, line;
    err why = {0};
    if (git_run(a, dir, NULL, refs, &out, &why) < 0) return refused(dir, &why, e);
    while (str_line(&out, &line))
        add_id(a, tips, line);
    if (git_run(a, dir, NULL, heads, &out, &why) < 0) return refused(dir, &why, e);
    while (str_line(&out, &line)) {
        if (str_starts(line, STR("HEAD "))) add_id(a, tips, str_sub(line, 5, line.len));
    }
    return 0;
}

/* git ends with 1 where nothing is set. */
static bool ask_partial(arena *a, const char *dir) {
    const char *const argv[] = {"git", "config", "--get-regexp",
                                "^(extensions\\.partialclone|remote\\..*\\.promisor)$", NULL};
    str out;
    err ignored = {0};
    return git_run(a, dir, NULL, argv, &out, &ignored) == 0 && out.len;
}

/* ---- files of git's ------------------------------------------------------------------------- */

static void read_shallow(arena *a, const char *path, history_repo *r) {
    id_list list = {0};
    str text, line;
    err ignored = {0};
    if (fs_read_file(a, path, LIST_MAX, &text, &ignored) < 0) return;
    while (str_line(&text, &line))
        add_id(a, &list, line);
    r->shallow = list.ids;
    r->shallow_count = list.count;
}

/* (gitrepository-layout, "objects/info/alternates") */
static int open_alternates(arena *a, const char *from, unsigned depth, history_repo *r, err *e) {
    str text, line;
    err ignored = {0};
    const char *list = fs_join(a, from, STR("info/alternates"));
    if (depth == 0 || fs_read_file(a, list, LIST_MAX, &text, &ignored) < 0) return 0;
    while (str_line(&text, &line)) {
        if (!line.len || line.ptr[0] == '#') continue;
        const char *folder = fs_join(a, from, line);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) continue; /* git goes on without it, too */
        if (r->other_count == HISTORY_OTHERS_MAX) {
            close(fd);
            return err_set(e, ERR_LIMIT, "the repository borrows from more than %d others",
                           HISTORY_OTHERS_MAX);
        }
        r->others[r->other_count++] = fd;
        if (open_alternates(a, folder, depth - 1, r, e) < 0) return e->code;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

int history_repo_read(arena *a, const char *dir, const char *since, history_repo *ret, err *e) {
    char *shallow;
    id_list tips = {0};
    *ret = (history_repo){.tree = -1};
    if (ask_places(a, dir, ret, &shallow, e) < 0) return e->code;
    int r = since ? ask_since(a, dir, since, ret, &tips, e) : ask_tips(a, dir, &tips, e);
    if (r < 0) return r;
    ret->tips = tips.ids;
    ret->tip_count = tips.count;
    ret->is_partial = ask_partial(a, dir);
    read_shallow(a, shallow, ret);
    ret->tree = open(ret->objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->tree < 0) return err_sys(e, errno, "cannot open '%s'", ret->objects);
    r = open_alternates(a, ret->objects, ALTERNATE_DEPTH, ret, e);
    if (r < 0) history_repo_close(ret);
    return r;
}

void history_repo_close(history_repo *r) {
    for (size_t i = 0; i < r->other_count; i++)
        close(r->others[i]);
    if (r->tree >= 0) close(r->tree);
    *r = (history_repo){.tree = -1};
}
