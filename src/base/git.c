/* git.c: a few git processes at once, and what they print.
 *
 * git finds the repository from the folder alone: the variables by which a hook tells git where it
 * is (GIT_DIR and the like) are taken out, so `slipway run -C elsewhere` works inside one. It asks
 * no questions and takes no locks.
 *
 * What of a repository's settings is a command is overruled: `-c` comes after all files. Two of
 * them have no one key. The protocols by which a missing object could be fetched have a setting
 * each (protocol.ext.allow), which only GIT_ALLOW_PROTOCOL overrules. Filters have names of their
 * own (filter.NAME.clean), so where files are compared they are asked for first and emptied. */
#include "base/git.h"

#include "base/fs.h"
#include "base/process.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_MS      120000
#define SUBMODULE_DEPTH 10
#define WORDS_MAX       64 /* of a command */
#define FILTERS_MAX     200
#define LIST_MAX        ((size_t)512 << 20)

static const char *const environment[] = {
    "LC_ALL=C",
    "GIT_TERMINAL_PROMPT=0",
    "GIT_OPTIONAL_LOCKS=0",
    "GIT_LFS_SKIP_SMUDGE=1",
    "GIT_NO_LAZY_FETCH=1",
    "GIT_ALLOW_PROTOCOL=none",
    "GIT_PAGER=cat",
    "GIT_EXTERNAL_DIFF",
    "SLIPWAY_NOTHING=", /* what filters are set to */
    /* git rev-parse --local-env-vars, but for those that carry configuration */
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE=/dev/null", /* objects are what their names say */
    "GIT_SHALLOW_FILE",
    "GIT_NO_REPLACE_OBJECTS=1",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    NULL,
};

/* Of the first ones, the page git-config says that they are run, or that something is run for them.
 * The last ones would have git see less: an unchanged file by fewer facts, or a pipe that it waits
 * for (.mailmap). */
static const char *const settings[] = {
    "-c", "core.fsmonitor=false",    "-c", "core.hooksPath=/dev/null",
    "-c", "core.pager=cat",          "-c", "core.alternateRefsCommand=false",
    "-c", "core.sshCommand=false",   "-c", "core.askPass=false",
    "-c", "credential.helper=",      "-c", "diff.external=",
    "-c", "log.showSignature=false", "-c", "protocol.allow=never",
    "-c", "core.checkStat=default",  "-c", "core.trustctime=true",
    "-c", "log.mailmap=false",
};

#define SETTING_COUNT     (sizeof settings / sizeof *settings)
#define ENVIRONMENT_COUNT (sizeof environment / sizeof *environment)

/* `more`: further settings, or NULL. */
static const char *const *git_words(arena *a, const char *const *argv, const char *const *more,
                                    size_t more_count) {
    const char **words = ARENA_ARRAY(a, const char *, SETTING_COUNT + more_count + WORDS_MAX + 1);
    size_t count = 0;
    words[count++] = *argv++;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        words[count++] = settings[i];
    for (size_t i = 0; i < more_count; i++)
        words[count++] = more[i];
    for (size_t i = 0; argv[i]; i++) {
        assert(i < WORDS_MAX);
        words[count++] = argv[i];
    }
    return words;
}

static process_spec git_spec(arena *a, const char *dir, const char *const *argv) {
    return (process_spec){.argv = git_words(a, argv, NULL, 0),
                          .env = environment,
                          .cwd = dir,
                          .timeout_ms = TIMEOUT_MS};
}

/* Takes the next item of a list that is separated or ended by NUL. */
static bool next_item(str *rest, str *ret) {
    if (rest->len == 0) return false;
    str_cut(*rest, '\0', ret, rest);
    return true;
}

/* ---- what a working copy says of itself ---------------------------------------------------- */

enum { ASK_ROOT, ASK_HEAD, ASK_BRANCH, ASK_COMMIT, ASK_CONFIG, ASK_COUNT };

static const char *const ask_root[] = {"git",
                                       "rev-parse",
                                       "--show-toplevel",
                                       "--revs-only",
                                       "--symbolic-full-name",
                                       "refs/remotes/origin/HEAD",
                                       NULL};
#define COMMIT_FORMAT "--format=%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%cI%x00%B"
static const char *const ask_commit[] = {
    "git",  "log", "-1", "--no-show-signature", "--no-color", "--encoding=UTF-8", COMMIT_FORMAT,
    "HEAD", "--",  NULL};
static const char *const ask_config[] = {
    "git", "config", "-z", "--get-regexp", "^(user\\.(name|email)|remote\\.origin\\.url)$", NULL};
/* Both end with 1 where there is none: no commit yet, no branch. */
static const char *const ask_head[] = {"git", "rev-parse", "--quiet", "--verify", "HEAD", NULL};
static const char *const ask_branch[] = {"git", "symbolic-ref", "--quiet", "HEAD", NULL};
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

/* 0 when it is not the repository that git refuses. */
static int refused(const char *dir, str reason, err *e) {
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
    return 0;
}

static int root_error(const char *dir, const process_result *result, err *e) {
    str reason = reason_of(result->err_out);
    int r = refused(dir, reason, e);
    return r < 0 ? r
                 : err_set(e, ERR_FAILED, "git cannot read the repository of '%s': %.*s", dir,
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

/* Takes one commit off a list of them. */
static void read_commit(str *text, git_info *info) {
    str parents, rest;
    str *const fields[] = {&info->head,           &parents,
                           &info->author_name,    &info->author_email,
                           &info->committer_name, &info->committer_email,
                           &info->timestamp};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        str_cut(*text, '\0', fields[i], text);
    str_cut(*text, '\0', &info->message, text);
    info->message = str_trim(info->message);
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

static void read_branch(str text, git_info *info) {
    const str prefix = STR("refs/heads/");
    str line;
    if (str_line(&text, &line) && str_starts(line, prefix))
        info->branch = str_sub(line, prefix.len, line.len);
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

/* Each of the texts, where git tells nothing. */
static void empty_texts(git_info *info) {
    str *const texts[] = {
        &info->head,           &info->parent,          &info->branch,      &info->tag,
        &info->upstream,       &info->remote_url,      &info->author_name, &info->author_email,
        &info->committer_name, &info->committer_email, &info->message,     &info->timestamp,
        &info->user_name,      &info->user_email,      &info->owner,       &info->repo};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = STR_EMPTY;
}

static int read_tag(arena *a, git_info *info, err *e) {
    process_spec spec = git_spec(a, info->root, ask_tag);
    str out;
    int r = process_check(a, &spec, &out, e);
    if (r == 0) str_line(&out, &info->tag);
    return r;
}

int git_inspect(arena *a, const char *dir, git_info *ret, err *e) {
    process_spec specs[ASK_COUNT] = {
        [ASK_ROOT] = git_spec(a, dir, ask_root),     [ASK_HEAD] = git_spec(a, dir, ask_head),
        [ASK_BRANCH] = git_spec(a, dir, ask_branch), [ASK_COMMIT] = git_spec(a, dir, ask_commit),
        [ASK_CONFIG] = git_spec(a, dir, ask_config),
    };
    process_result results[ASK_COUNT];
    int codes[ASK_COUNT];
    err errors[ASK_COUNT];
    process_run_many(a, specs, ASK_COUNT, 0, results, codes, errors);
    for (int i = 0; i < ASK_COUNT; i++) {
        if (codes[i] == 0) continue;
        if (e) *e = errors[i];
        return codes[i];
    }

    git_info info = {0};
    empty_texts(&info);
    int r = read_root(a, dir, &results[ASK_ROOT], &info, e);
    if (r < 0) return r;
    bool unborn = results[ASK_HEAD].status == 1;
    if (!unborn && results[ASK_COMMIT].status != 0) return root_error(dir, &results[ASK_COMMIT], e);
    read_branch(results[ASK_BRANCH].out, &info);
    if (!unborn) read_commit(&results[ASK_COMMIT].out, &info);
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
    git_refusal *refused;
    size_t refused_count, refused_cap;
} path_list;

/* Sorts, and drops what stands there twice: a file in conflict is listed once per side. */
static void sort_paths(path_list *list) {
    if (list->count) qsort(list->paths, list->count, sizeof *list->paths, str_order);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !str_eq(list->paths[kept - 1], list->paths[i]))
            list->paths[kept++] = list->paths[i];
    }
    list->count = kept;
}

static int compare_refusals(const void *a, const void *b) {
    return str_cmp(((const git_refusal *)a)->path, ((const git_refusal *)b)->path);
}

static void refuse(arena *a, path_list *list, str path, str why, bool is_repository) {
    while (str_ends(path, STR("/")))
        path.len--;
    git_refusal no = {path, arena_cstr(a, why), is_repository};
    ARENA_PUSH(a, list->refused, list->refused_count, list->refused_cap, no);
}

static bool is_absence(int code) {
    return code == ENOENT || code == ENOTDIR;
}

/* "warning: could not open directory 'a/b/': Permission denied" */
void git_read_refusals(arena *a, str err_out, git_refusal **refused, size_t *count, size_t *cap) {
    const str head = STR("warning: could not open directory '"), tail = STR("': ");
    str line;
    while (str_line(&err_out, &line)) {
        if (!str_starts(line, head)) continue;
        size_t end = head.len; /* the last one: a path may have it, too */
        for (ptrdiff_t at; (at = str_find(str_sub(line, end, line.len), tail)) >= 0;)
            end += (size_t)at + tail.len;
        if (end == head.len) continue;
        str path = str_sub(line, head.len, end - tail.len), why = str_sub(line, end, line.len);
        while (str_ends(path, STR("/")))
            path.len--;
        git_refusal no = {path, arena_printf(a, "cannot be opened: %.*s", STR_ARG(why)).ptr, false};
        ARENA_PUSH(a, *refused, *count, *cap, no);
    }
}

/* git tells those from the top of the working tree, and lists files from the folder it runs in. */
static int add_unopened(arena *a, const char *root, const char *prefix, str err_out,
                        path_list *list, err *e) {
    static const char *const argv[] = {"git", "rev-parse", "--show-prefix", NULL};
    git_refusal *found = NULL;
    size_t count = 0, cap = 0;
    str inner;
    git_read_refusals(a, err_out, &found, &count, &cap);
    if (count == 0) return 0;
    if (git_run(a, root, NULL, argv, &inner, e) < 0) return e ? e->code : ERR_FAILED;
    inner = str_trim(inner);
    for (size_t i = 0; i < count; i++) {
        str path = found[i].path;
        if (str_starts(path, inner)) path = str_sub(path, inner.len, path.len);
        refuse(a, list, arena_printf(a, "%s%.*s", prefix, STR_ARG(path)), str_from(found[i].why),
               false);
    }
    return 0;
}

static int add_files(arena *a, const char *root, const char *prefix, unsigned depth,
                     path_list *list, err *e);

/* A folder in git's list is a submodule or another repository: its own git says what belongs to it.
 * One that is not checked out has no files. */
static void add_inner(arena *a, const char *root, str path, unsigned depth, path_list *list) {
    err why = {0};
    const char *slash = str_ends(path, STR("/")) ? "" : "/";
    if (faccessat(AT_FDCWD, fs_join(a, root, STR(".git")), F_OK, 0) < 0) {
        if (is_absence(errno)) return;
        err_sys(&why, errno, "cannot be opened");
    } else if (depth == SUBMODULE_DEPTH) {
        err_set(&why, ERR_LIMIT, "lies more than %d repositories deep", SUBMODULE_DEPTH);
    } else {
        add_files(a, root, arena_printf(a, "%.*s%s", STR_ARG(path), slash).ptr, depth + 1, list,
                  &why);
    }
    if (why.code) refuse(a, list, path, str_from(why.message), true);
}

/* Adds the files of the working tree at `root`, with `prefix` in front of each. What is in the
 * index but not on disk is left out. */
static int add_files(arena *a, const char *root, const char *prefix, unsigned depth,
                     path_list *list, err *e) {
    static const char *const argv[] = {"git",      "ls-files",           "-z", "--cached",
                                       "--others", "--exclude-standard", NULL};
    git_call call = {.dir = root, .argv = argv, .max_output = LIST_MAX};
    git_answer said;
    str name;
    if (git_ask(a, &call, &said, e) < 0) return e ? e->code : ERR_FAILED;
    if (said.status != 0)
        return err_set(e, ERR_FAILED, "git cannot list the files of '%s': %.*s", root,
                       STR_ARG(reason_of(said.err_out)));
    if (add_unopened(a, root, prefix, said.err_out, list, e) < 0) return e ? e->code : ERR_FAILED;
    _cleanup_close_ int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "cannot open '%s'", root);
    while (next_item(&said.out, &name)) {
        struct stat st;
        str path = *prefix ? arena_printf(a, "%s%.*s", prefix, STR_ARG(name)) : name;
        if (fstatat(dir, name.ptr, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            int code = errno;
            if (is_absence(code)) continue;
            refuse(a, list, path, arena_printf(a, "cannot be looked at: %s", strerrordesc_np(code)),
                   false);
        } else if (S_ISDIR(st.st_mode)) {
            add_inner(a, fs_join(a, root, name), path, depth, list);
        } else {
            ARENA_PUSH(a, list->paths, list->count, list->cap, path);
        }
    }
    return 0;
}

int git_files(arena *a, const char *root, git_listing *ret, err *e) {
    path_list list = {0};
    int r = add_files(a, root, "", 0, &list, e);
    if (r < 0) return r;
    sort_paths(&list);
    if (list.refused_count)
        qsort(list.refused, list.refused_count, sizeof *list.refused, compare_refusals);
    *ret = (git_listing){list.paths, list.refused, list.count, list.refused_count};
    return 0;
}

int git_log(arena *a, const char *dir, str base, str head, size_t max, git_info **ret,
            size_t *ret_count, err *e) {
    const char *count = arena_printf(a, "--max-count=%zu", max).ptr;
    const char *range = base.len ? arena_printf(a, "%.*s..%.*s", STR_ARG(base), STR_ARG(head)).ptr
                                 : arena_cstr(a, head);
    const char *const argv[] = {"git",         "log",
                                "-z",          "--no-show-signature",
                                "--no-color",  "--encoding=UTF-8",
                                COMMIT_FORMAT, count,
                                range,         "--",
                                NULL};
    git_info *list = NULL;
    size_t found = 0, cap = 0;
    str out;
    if ((base.len && !git_is_id(base)) || !git_is_id(head))
        return err_set(e, ERR_INVALID, "'%s' names no commits", range);
    int r = git_run(a, dir, NULL, argv, &out, e);
    while (r == 0 && out.len) {
        git_info one = {0};
        empty_texts(&one);
        read_commit(&out, &one);
        ARENA_PUSH(a, list, found, cap, one);
    }
    *ret = list;
    *ret_count = found;
    return r;
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
    path_list list = {0};
    str rest, name;
    int r = git_run(a, root, NULL, is_no_commit(str_from(from)) ? all : some, &rest, e);
    if (r < 0) return r;
    while (next_item(&rest, &name))
        ARENA_PUSH(a, list.paths, list.count, list.cap, name);
    sort_paths(&list);
    *ret = list.paths;
    *ret_count = list.count;
    return 0;
}

/* ---- any command --------------------------------------------------------------------------- */

/* Each key of each filter that the settings name, as a setting that is empty: git takes a filter
 * without commands for none. The name may have any character but a newline, so no `-c` holds it. */
static int empty_filters(arena *a, const char *dir, const char ***ret, size_t *ret_count, err *e) {
    static const char *const ask[] = {"git",          "config",     "-z", "--name-only",
                                      "--get-regexp", "^filter\\.", NULL};
    static const char *const keys[] = {"clean", "smudge", "process", "required"};
    process_spec spec = git_spec(a, dir, ask);
    process_result said;
    str key, before = STR_EMPTY;
    size_t cap = 0, names = 0;
    int r = process_run(a, &spec, &said, e);
    *ret = NULL;
    *ret_count = 0;
    while (r == 0 && next_item(&said.out, &key)) {
        str name = str_sub(key, 0, (size_t)(str_rfind_char(key, '.') + 1));
        if (str_eq(name, before)) continue;
        if (++names > FILTERS_MAX)
            return err_set(e, ERR_LIMIT, "the settings of git name more than %d filters",
                           FILTERS_MAX);
        before = name;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            const char *word =
                arena_printf(a, "--config-env=%.*s%s=SLIPWAY_NOTHING", STR_ARG(name), keys[i]).ptr;
            ARENA_PUSH(a, *ret, *ret_count, cap, word);
        }
    }
    return r;
}

/* Variables of the call take the place of those that are taken out. */
static const char *const *environment_of(arena *a, const git_call *call) {
    size_t count = 0, more = 0;
    while (call->reach && call->reach->env && call->reach->env[more])
        more++;
    const char **env = ARENA_ARRAY(a, const char *, ENVIRONMENT_COUNT + 3 + more);
    for (size_t i = 0; environment[i]; i++)
        env[count++] = environment[i];
    if (call->index) env[count++] = arena_printf(a, "GIT_INDEX_FILE=%s", call->index).ptr;
    if (call->objects)
        env[count++] = arena_printf(a, "GIT_ALTERNATE_OBJECT_DIRECTORIES=%s", call->objects).ptr;
    if (call->reach)
        env[count++] = arena_printf(a, "GIT_ALLOW_PROTOCOL=%s", call->reach->protocol).ptr;
    for (size_t i = 0; i < more; i++)
        env[count++] = call->reach->env[i];
    return env;
}

int git_ask(arena *a, const git_call *call, git_answer *ret, err *e) {
    const char **more = NULL;
    size_t more_count = 0;
    if (call->compares_files) {
        int r = empty_filters(a, call->dir, &more, &more_count, e);
        if (r < 0) return r;
    }
    unsigned timeout_ms = TIMEOUT_MS;
    if (call->reach) {
        size_t cap = more_count;
        for (const char *const *word = call->reach->settings; word && *word; word++)
            ARENA_PUSH(a, more, more_count, cap, *word);
        if (call->reach->timeout_ms) timeout_ms = call->reach->timeout_ms;
    }
    process_spec spec = {.argv = git_words(a, call->argv, more, more_count),
                         .env = environment_of(a, call),
                         .cwd = call->dir,
                         .input = call->input,
                         .timeout_ms = timeout_ms,
                         .max_output = call->max_output};
    process_result result;
    int r = process_run(a, &spec, &result, e);
    if (r == 0 && result.status != 0) r = refused(call->dir, reason_of(result.err_out), e);
    *ret = (git_answer){result.status, result.out, result.err_out};
    return r;
}

bool git_is_id(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!isxdigit((unsigned char)text.ptr[i])) return false;
    }
    return text.len == 40 || text.len == 64;
}

int git_run(arena *a, const char *dir, const char *objects, const char *const *argv, str *ret_out,
            err *e) {
    git_call call = {.dir = dir, .argv = argv, .objects = objects};
    git_answer said;
    int r = git_ask(a, &call, &said, e);
    if (r < 0) return r;
    if (said.status != 0)
        return err_set(e, ERR_FAILED, "git says: %.*s", STR_ARG(reason_of(said.err_out)));
    if (ret_out) *ret_out = said.out;
    return 0;
}
