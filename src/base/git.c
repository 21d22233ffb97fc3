/* git.c: a few git processes at once, and what they print.
 *
 * git finds the repository from the folder alone: the variables by which a hook tells git where it
 * is (GIT_DIR and the like) are taken out, so `slipway run -C elsewhere` works inside one. It asks
 * no questions and takes no locks. */
#include "base/git.h"

#include "base/fs.h"
#include "base/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_MS      120000
#define STATUS_MAX      (64 * 1024) /* enough to see whether there is any change */
#define SUBMODULE_DEPTH 10

static const char *const environment[] = {
    "LC_ALL=C",
    "GIT_TERMINAL_PROMPT=0",
    "GIT_OPTIONAL_LOCKS=0",
    "GIT_LFS_SKIP_SMUDGE=1",
    /* git rev-parse --local-env-vars, but for those that carry configuration */
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    NULL,
};

static process_spec git_spec(const char *dir, const char *const *argv) {
    return (process_spec){.argv = argv, .env = environment, .cwd = dir, .timeout_ms = TIMEOUT_MS};
}

/* Takes the next item of a list that is separated or ended by NUL. */
static bool next_item(str *rest, str *ret) {
    if (rest->len == 0) return false;
    str_cut(*rest, '\0', ret, rest);
    return true;
}

/* ---- what a working copy says of itself ---------------------------------------------------- */

enum { ASK_ROOT, ASK_COMMIT, ASK_CONFIG, ASK_STATUS, ASK_COUNT };

static const char *const ask_root[] = {"git",
                                       "rev-parse",
                                       "--show-toplevel",
                                       "--revs-only",
                                       "--symbolic-full-name",
                                       "refs/remotes/origin/HEAD",
                                       NULL};
static const char *const ask_commit[] = {
    "git",
    "log",
    "-1",
    "--no-show-signature",
    "--no-color",
    "--encoding=UTF-8",
    "--format=%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%cI%x00%B",
    "HEAD",
    "--",
    NULL};
static const char *const ask_config[] = {
    "git", "config", "-z", "--get-regexp", "^(user\\.(name|email)|remote\\.origin\\.url)$", NULL};
static const char *const ask_status[] = {"git",
                                         "status",
                                         "--porcelain=v2",
                                         "-z",
                                         "--branch",
                                         "--no-ahead-behind",
                                         "--no-renames",
                                         "--untracked-files=normal",
                                         NULL};
static const char *const ask_tag[] = {"git",
                                      "for-each-ref",
                                      "--points-at=HEAD",
                                      "--count=1",
                                      "--sort=-creatordate",
                                      "--format=%(refname:strip=2)",
                                      "refs/tags",
                                      NULL};

/* The line that says why: git may print hints around it. */
static str reason_of(str text) {
    str line, first = STR_EMPTY;
    while (str_line(&text, &line)) {
        if (str_starts(line, STR("fatal: "))) return str_sub(line, 7, line.len);
        if (first.len == 0) first = str_trim(line);
    }
    return first;
}

static int root_error(const char *dir, const process_result *result, err *e) {
    str reason = reason_of(result->err_out);
    if (str_starts(reason, STR("not a git repository")))
        return err_set(e, ERR_NOT_FOUND, "'%s' is in no git repository", dir);
    if (str_starts(reason, STR("this operation must be run in a work tree")))
        return err_set(e, ERR_UNSUPPORTED,
                       "'%s' is in a git repository, but not in a working tree of one", dir);
    if (str_find(reason, STR("dubious ownership")) >= 0)
        return err_set(e, ERR_FAILED,
                       "git does not trust '%s' because another user owns it; run: git config "
                       "--global --add safe.directory '%s'",
                       dir, dir);
    return err_set(e, ERR_FAILED, "git cannot read the repository of '%s': %.*s", dir,
                   STR_ARG(reason));
}

static int read_root(arena *a, const char *dir, const process_result *result, git_info *info,
                     err *e) {
    if (result->status != 0) return root_error(dir, result, e);
    str text = result->out, line;
    if (!str_line(&text, &line)) return root_error(dir, result, e);
    info->root = arena_cstr(a, line);
    const str prefix = STR("refs/remotes/origin/");
    if (str_line(&text, &line) && str_starts(line, prefix))
        info->upstream = str_sub(line, prefix.len, line.len);
    return 0;
}

static void read_commit(str text, git_info *info) {
    str parents, rest;
    str *const fields[] = {&info->head,           &parents,
                           &info->author_name,    &info->author_email,
                           &info->committer_name, &info->committer_email,
                           &info->timestamp};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        str_cut(text, '\0', fields[i], &text);
    info->message = str_trim(text);
    str_cut(parents, ' ', &info->parent, &rest);
}

static void read_config(str text, git_info *info) {
    str item, key, setting;
    while (next_item(&text, &item)) {
        str_cut(item, '\n', &key, &setting);
        if (str_is(key, "user.name")) info->user_name = setting;
        if (str_is(key, "user.email")) info->user_email = setting;
        if (str_is(key, "remote.origin.url")) info->remote_url = setting;
    }
}

/* *ret_unborn: there is no commit yet. */
static void read_status(str text, git_info *info, bool *ret_unborn) {
    const str oid = STR("# branch.oid "), head = STR("# branch.head ");
    str item;
    while (next_item(&text, &item)) {
        if (str_starts(item, oid)) {
            *ret_unborn = str_is(str_sub(item, oid.len, item.len), "(initial)");
        } else if (str_starts(item, head)) {
            info->branch = str_sub(item, head.len, item.len);
            if (str_is(info->branch, "(detached)")) info->branch = STR_EMPTY;
        } else if (item.len && item.ptr[0] != '#') {
            info->dirty = true;
        }
    }
}

/* Without the user part of a web URL, where people keep tokens, and any password. */
static str without_secrets(arena *a, str url) {
    ptrdiff_t scheme = str_find(url, STR("://"));
    if (scheme < 0) return url;
    size_t from = (size_t)scheme + 3;
    str rest = str_sub(url, from, url.len), authority, path;
    bool has_path = str_cut(rest, '/', &authority, &path);
    ptrdiff_t at = str_rfind_char(authority, '@');
    if (at < 0) return url;
    str user, password, host = str_sub(authority, (size_t)at + 1, authority.len);
    str_cut(str_sub(authority, 0, (size_t)at), ':', &user, &password);
    bool web = str_starts(url, STR("http"));
    return arena_printf(a, "%.*s%.*s%s%.*s%s%.*s", STR_ARG(str_sub(url, 0, from)),
                        STR_ARG(web ? STR_EMPTY : user), web ? "" : "@", STR_ARG(host),
                        has_path ? "/" : "", STR_ARG(path));
}

/* The path on the server in "scheme://host/path" and "user@host:path"; empty for a local one. */
static str server_path(str url) {
    str head, path;
    ptrdiff_t scheme = str_find(url, STR("://"));
    if (scheme >= 0) {
        if (str_starts(url, STR("file:"))) return STR_EMPTY;
        str_cut(str_sub(url, (size_t)scheme + 3, url.len), '/', &head, &path);
        return path;
    }
    bool has_host = str_cut(url, ':', &head, &path) && str_find_char(head, '/') < 0;
    return has_host ? path : STR_EMPTY;
}

/* The last two parts of the path; a name for what has no such path. */
static void name_repository(git_info *info) {
    str path = server_path(info->remote_url);
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    if (str_ends(path, STR(".git"))) path.len -= 4;
    ptrdiff_t slash = str_rfind_char(path, '/');
    str repo = str_sub(path, (size_t)(slash + 1), path.len);
    str owner = str_sub(path, 0, slash < 0 ? 0 : (size_t)slash);
    owner = str_sub(owner, (size_t)(str_rfind_char(owner, '/') + 1), owner.len);
    if (owner.len && repo.len) {
        info->owner = owner;
        info->repo = repo;
        return;
    }
    str root = str_from(info->root);
    info->owner = STR("local");
    info->repo = str_sub(root, (size_t)(str_rfind_char(root, '/') + 1), root.len);
    if (info->repo.len == 0) info->repo = STR("root");
}

static int read_tag(arena *a, git_info *info, err *e) {
    process_spec spec = git_spec(info->root, ask_tag);
    str out;
    int r = process_check(a, &spec, &out, e);
    if (r == 0) str_line(&out, &info->tag);
    return r;
}

int git_inspect(arena *a, const char *dir, git_info *ret, err *e) {
    process_spec specs[ASK_COUNT] = {
        [ASK_ROOT] = git_spec(dir, ask_root),
        [ASK_COMMIT] = git_spec(dir, ask_commit),
        [ASK_CONFIG] = git_spec(dir, ask_config),
        [ASK_STATUS] = git_spec(dir, ask_status),
    };
    specs[ASK_STATUS].max_output = STATUS_MAX;
    process_result results[ASK_COUNT];
    int codes[ASK_COUNT];
    err errors[ASK_COUNT];
    process_run_many(a, specs, ASK_COUNT, 0, results, codes, errors);
    if (codes[ASK_STATUS] == ERR_LIMIT) codes[ASK_STATUS] = results[ASK_STATUS].status = 0;
    for (int i = 0; i < ASK_COUNT; i++) {
        if (codes[i] == 0) continue;
        if (e) *e = errors[i];
        return codes[i];
    }

    git_info info = {0};
    str *const texts[] = {
        &info.head,           &info.parent,          &info.branch,      &info.tag,
        &info.upstream,       &info.remote_url,      &info.author_name, &info.author_email,
        &info.committer_name, &info.committer_email, &info.message,     &info.timestamp,
        &info.user_name,      &info.user_email};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = STR_EMPTY;
    int r = read_root(a, dir, &results[ASK_ROOT], &info, e);
    if (r < 0) return r;
    bool unborn = false;
    if (results[ASK_STATUS].status != 0) return root_error(dir, &results[ASK_STATUS], e);
    read_status(results[ASK_STATUS].out, &info, &unborn);
    if (!unborn && results[ASK_COMMIT].status != 0) return root_error(dir, &results[ASK_COMMIT], e);
    if (!unborn) read_commit(results[ASK_COMMIT].out, &info);
    read_config(results[ASK_CONFIG].out, &info);
    info.remote_url = without_secrets(a, info.remote_url);
    name_repository(&info);
    if (info.branch.len == 0 && !unborn && (r = read_tag(a, &info, e)) < 0) return r;
    *ret = info;
    return 0;
}

/* ---- lists of files ------------------------------------------------------------------------ */

typedef struct path_list {
    str *paths;
    size_t count, cap;
} path_list;

static int compare_paths(const void *a, const void *b) {
    return str_cmp(*(const str *)a, *(const str *)b);
}

/* Sorts, and drops what stands there twice: a file in conflict is listed once per side. */
static void sort_paths(path_list *list) {
    if (list->count) qsort(list->paths, list->count, sizeof *list->paths, compare_paths);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !str_eq(list->paths[kept - 1], list->paths[i]))
            list->paths[kept++] = list->paths[i];
    }
    list->count = kept;
}

/* Adds the files of the working tree at `root`, with `prefix` in front of each. What is in the
 * index but not on disk is left out. A folder in git's list is a submodule or another repository:
 * its own git says what belongs to it. */
static int add_files(arena *a, const char *root, const char *prefix, unsigned depth,
                     path_list *list, err *e) {
    static const char *const argv[] = {"git",      "ls-files",           "-z", "--cached",
                                       "--others", "--exclude-standard", NULL};
    process_spec spec = git_spec(root, argv);
    str rest, name;
    int r = process_check(a, &spec, &rest, e);
    int dir = r < 0 ? -1 : open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (r == 0 && dir >= 0 && next_item(&rest, &name)) {
        struct stat st;
        if (fstatat(dir, name.ptr, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        str path = *prefix ? arena_printf(a, "%s%.*s", prefix, STR_ARG(name)) : name;
        if (!S_ISDIR(st.st_mode)) {
            ARENA_PUSH(a, list->paths, list->count, list->cap, path);
            continue;
        }
        const char *inner = fs_join(a, root, name);
        if (depth == SUBMODULE_DEPTH || !fs_exists(fs_join(a, inner, STR(".git")))) continue;
        const char *slash = str_ends(path, STR("/")) ? "" : "/";
        r = add_files(a, inner, arena_printf(a, "%.*s%s", STR_ARG(path), slash).ptr, depth + 1,
                      list, e);
    }
    if (dir >= 0) close(dir);
    return r;
}

int git_files(arena *a, const char *root, str **ret, size_t *ret_count, err *e) {
    path_list list = {NULL, 0, 0};
    int r = add_files(a, root, "", 0, &list, e);
    if (r < 0) return r;
    sort_paths(&list);
    *ret = list.paths;
    *ret_count = list.count;
    return 0;
}

/* An event for a new branch has a base of zeros. */
static bool is_no_commit(str commit) {
    return strspn(commit.ptr, "0") >= commit.len;
}

int git_changed(arena *a, const char *root, str base, str head, str **ret, size_t *ret_count,
                err *e) {
    const char *from = arena_cstr(a, base), *to = arena_cstr(a, head);
    const char *const all[] = {"git",         "ls-tree",     "-r", "-z",
                               "--name-only", "--full-tree", to,   NULL};
    const char *const some[] = {"git",          "diff-tree", "-r", "-z", "--name-only",
                                "--no-renames", from,        to,   NULL};
    if (*from == '-' || *to == '-')
        return err_set(e, ERR_INVALID, "'%s' is no commit", *from == '-' ? from : to);
    process_spec spec = git_spec(root, is_no_commit(str_from(from)) ? all : some);
    path_list list = {NULL, 0, 0};
    str rest, name;
    int r = process_check(a, &spec, &rest, e);
    if (r < 0) return r;
    while (next_item(&rest, &name))
        ARENA_PUSH(a, list.paths, list.count, list.cap, name);
    sort_paths(&list);
    *ret = list.paths;
    *ret_count = list.count;
    return 0;
}

/* ---- any command --------------------------------------------------------------------------- */

#define ENVIRONMENT_COUNT (sizeof environment / sizeof *environment)

bool git_is_id(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!isxdigit((unsigned char)text.ptr[i])) return false;
    }
    return text.len == 40 || text.len == 64;
}

int git_run(arena *a, const char *dir, const char *objects, const char *const *argv, str *ret_out,
            err *e) {
    const char *env[ENVIRONMENT_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; environment[i]; i++) {
        if (!objects || strcmp(environment[i], "GIT_ALTERNATE_OBJECT_DIRECTORIES") != 0)
            env[count++] = environment[i];
    }
    if (objects) env[count++] = arena_printf(a, "GIT_ALTERNATE_OBJECT_DIRECTORIES=%s", objects).ptr;
    env[count] = NULL;
    process_spec spec = git_spec(dir, argv);
    spec.env = env;
    process_result result;
    int r = process_run(a, &spec, &result, e);
    if (r < 0) return r;
    if (result.status != 0)
        return err_set(e, ERR_FAILED, "git says: %.*s", STR_ARG(reason_of(result.err_out)));
    if (ret_out) *ret_out = result.out;
    return 0;
}
