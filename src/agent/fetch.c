/* fetch.c: repositories of actions, from their source into the cache.
 *
 * A repository at a commit is one folder in the cache, which is written beside its place and
 * renamed into it, so that a folder that exists is whole and two runs may fetch the same. What a
 * ref meant last time is kept beside it, for when the network is away. */
#include "agent/fetch.h"

#include "base/fs.h"
#include "base/git.h"
#include "base/process.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FETCH_PARALLEL   8
#define FETCH_TIMEOUT_MS 300000

str repo_lower(arena *a, str text) {
    char *copy = arena_cstr(a, text);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)tolower((unsigned char)copy[i]);
    return (str){copy, text.len};
}

/* A URL as it may be shown: without a user's name and password. */
static str shown_url(arena *a, const repo *r) {
    str url = str_from(r->url);
    ptrdiff_t start = str_find(url, STR("://"));
    if (start < 0) return url;
    str scheme = str_sub(url, 0, (size_t)start + 3), host, path;
    str_cut(str_sub(url, scheme.len, url.len), '/', &host, &path);
    ptrdiff_t at = str_rfind_char(host, '@');
    if (at < 0) return url;
    host = str_sub(host, (size_t)at + 1, host.len);
    return arena_printf(a, "%.*s%.*s/%.*s", STR_ARG(scheme), STR_ARG(host), STR_ARG(path));
}

void repo_fail(arena *a, repo *r, str why) {
    r->failed = true;
    err_set(&r->why, ERR_NOT_FOUND, "cannot fetch %.*s/%.*s@%.*s from %.*s: %.*s",
            STR_ARG(r->owner), STR_ARG(r->repo), STR_ARG(r->ref), STR_ARG(shown_url(a, r)),
            STR_ARG(why));
}

bool repo_has_moved(const repo *r) {
    return r->locked.len && r->commit.len && !str_eq(r->locked, r->commit);
}

/* ---- which commit --------------------------------------------------------------------------- */

/* The helpers that git starts for http outlive it: at the latest they end when nothing comes. */
static const char *const git_env[] = {"GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1",
                                      "GIT_HTTP_LOW_SPEED_LIMIT=1", "GIT_HTTP_LOW_SPEED_TIME=60",
                                      NULL};

/* Where the commit that a ref meant last time is kept: by source, because forks differ. */
static char *memory_of(arena *a, const repo *r) {
    str key = arena_printf(a, "%s@%.*s", r->url, STR_ARG(r->ref));
    return fs_join(a, r->cache, arena_printf(a, "refs/%016llx", (unsigned long long)str_hash(key)));
}

static void remember(arena *a, const repo *r) {
    char *path = memory_of(a, r);
    err ignored = {0};
    char *folder = fs_join(a, r->cache, STR("refs"));
    if (fs_mkdirs(folder, 0700, &ignored) == 0) fs_write(path, r->commit, 0644, &ignored);
}

/* Without a network the commit is the one that the lock file has, else the last one known. */
static bool recall(arena *a, repo *r) {
    str commit;
    err ignored = {0};
    if (r->locked.len && fs_is_dir(fs_join(a, r->cache, r->locked))) {
        r->commit = r->locked;
        return true;
    }
    if (fs_read(a, memory_of(a, r), 64, &commit, &ignored) < 0 || !git_is_id(commit)) return false;
    r->commit = commit;
    return fs_is_dir(fs_join(a, r->cache, commit));
}

/* git's own reason; what follows it is advice about access. */
static str git_reason(str text) {
    str line, last = STR_EMPTY;
    while (str_line(&text, &line)) {
        line = str_trim(line);
        if (line.len) last = line;
        if (!str_starts(line, STR("fatal: "))) continue;
        last = str_sub(line, sizeof "fatal: " - 1, line.len);
        break;
    }
    return str_ends(last, STR(".")) ? str_sub(last, 0, last.len - 1) : last;
}

static void fail_unreached(arena *a, repo *r, str why) {
    repo_fail(
        a, r,
        arena_printf(a,
                     "%.*s. Without a network, give its folder with --action %.*s/%.*s@%.*s=DIR, "
                     "or bare mirrors with --actions-from DIR",
                     STR_ARG(why), STR_ARG(r->owner), STR_ARG(r->repo), STR_ARG(r->ref)));
}

/* True for the full names that a ref of a `uses:` may have. git asks for refs by the end of their
 * names, so others come along: refs/tags/old/refs/tags/v1 with refs/tags/v1. */
static bool is_name_of(str full, str ref) {
    static const char *const folders[] = {"refs/tags/", "refs/heads/"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(folders[i]);
        if (str_starts(full, str_from(folders[i])) && str_eq(str_sub(full, n, full.len), ref))
            return true;
    }
    return str_eq(full, ref) && str_starts(ref, STR("refs/"));
}

/* Lines "COMMIT<tab>REF": an annotated tag's own commit is on its "^{}" line; a tag wins over a
 * branch of the same name. */
static void read_refs(arena *a, repo *r, str lines) {
    int best = 0;
    str line;
    while (str_line(&lines, &line)) {
        str commit, name;
        if (!str_cut(line, '\t', &commit, &name) || !git_is_id(commit)) continue;
        str plain = name;
        bool peeled = str_ends(name, STR("^{}"));
        if (peeled) plain.len -= 3;
        if (!is_name_of(plain, r->ref)) continue;
        int rank = peeled                                ? 4
                   : str_eq(plain, r->ref)               ? 3
                   : str_starts(name, STR("refs/tags/")) ? 2
                                                         : 1;
        if (rank <= best) continue;
        best = rank;
        r->commit = arena_str(a, commit);
        r->full_ref = arena_str(a, plain);
    }
}

static void find_commits(arena *a, const notices *tell, repo **batch, size_t count) {
    process_spec *specs = ARENA_ARRAY(a, process_spec, count);
    process_result *results = ARENA_ARRAY(a, process_result, count);
    int *codes = ARENA_ARRAY(a, int, count);
    err *errors = ARENA_ARRAY(a, err, count);
    for (size_t i = 0; i < count; i++) {
        const char **argv = ARENA_ARRAY(a, const char *, 10);
        size_t n = 0;
        argv[n++] = "git";
        argv[n++] = "ls-remote";
        argv[n++] = "--";
        argv[n++] = batch[i]->url;
        str ref = batch[i]->ref;
        if (str_starts(ref, STR("refs/"))) {
            argv[n++] = ref.ptr;
            argv[n++] = arena_printf(a, "%s^{}", ref.ptr).ptr;
        } else {
            argv[n++] = arena_printf(a, "refs/tags/%s", ref.ptr).ptr;
            argv[n++] = arena_printf(a, "refs/tags/%s^{}", ref.ptr).ptr;
            argv[n++] = arena_printf(a, "refs/heads/%s", ref.ptr).ptr;
        }
        specs[i] = (process_spec){.argv = argv,
                                  .env = git_env,
                                  .timeout_ms = FETCH_TIMEOUT_MS,
                                  .stopped = tell->stopped,
                                  .context = tell->context};
    }
    process_run_many(a, specs, count, FETCH_PARALLEL, results, codes, errors);
    for (size_t i = 0; i < count; i++) {
        repo *r = batch[i];
        bool reached = codes[i] == 0 && results[i].status == 0;
        if (reached) read_refs(a, r, results[i].out);
        if (r->commit.len) {
            remember(a, r);
        } else if (reached) {
            repo_fail(a, r, STR("it has no such branch, tag or commit"));
        } else if (recall(a, r)) {
            notice_warning(tell, "cannot reach %.*s: using %.*s/%.*s@%.*s as fetched before (%.*s)",
                           STR_ARG(shown_url(a, r)), STR_ARG(r->owner), STR_ARG(r->repo),
                           STR_ARG(r->ref), 12, r->commit.ptr);
        } else {
            fail_unreached(
                a, r, codes[i] < 0 ? str_from(errors[i].message) : git_reason(results[i].err_out));
        }
    }
}

/* "v1.2.3" or "1.2.3": the tags that are rarely moved. */
static bool is_version(str tag) {
    unsigned parts = 0;
    if (str_starts(tag, STR("v"))) tag = str_sub(tag, 1, tag.len);
    while (tag.len) {
        str part;
        uint64_t n;
        str_cut(tag, '.', &part, &tag);
        if (!str_to_uint(part, UINT32_MAX, &n)) return false;
        parts++;
    }
    return parts == 3;
}

static void read_name(arena *a, repo *r, str lines) {
    int best = 0;
    str line;
    while (str_line(&lines, &line)) {
        str commit, name;
        if (!str_cut(line, '\t', &commit, &name) || !str_eq_nocase(commit, r->commit)) continue;
        if (str_ends(name, STR("^{}"))) name.len -= 3;
        bool tag = str_starts(name, STR("refs/tags/"));
        size_t folder = tag ? sizeof "refs/tags/" - 1 : sizeof "refs/heads/" - 1;
        name = str_sub(name, folder, name.len);
        int rank = tag ? (is_version(name) ? 3 : 2) : 1;
        if (rank <= best) continue;
        best = rank;
        r->name = arena_str(a, name);
    }
}

void repos_name(arena *a, const notices *tell, repo *const *repos, size_t total) {
    process_spec *specs = ARENA_ARRAY(a, process_spec, total + 1);
    process_result *results = ARENA_ARRAY(a, process_result, total + 1);
    int *codes = ARENA_ARRAY(a, int, total + 1);
    err *errors = ARENA_ARRAY(a, err, total + 1);
    for (size_t i = 0; i < total; i++) {
        const char **argv = ARENA_ARRAY(a, const char *, 8);
        const char *words[] = {"git", "ls-remote", "--tags", "--heads", "--", repos[i]->url};
        memcpy(argv, words, sizeof words);
        specs[i] = (process_spec){.argv = argv,
                                  .env = git_env,
                                  .timeout_ms = FETCH_TIMEOUT_MS,
                                  .stopped = tell->stopped,
                                  .context = tell->context};
    }
    process_run_many(a, specs, total, FETCH_PARALLEL, results, codes, errors);
    for (size_t i = 0; i < total; i++) {
        if (codes[i] == 0 && results[i].status == 0) read_name(a, repos[i], results[i].out);
    }
}

/* ---- the files of a commit ------------------------------------------------------------------ */

/* Fetches by commit, so that it is the one that ls-remote told of; servers that do not give out
 * commits are asked for the ref, and then the commit is compared. A shell does not end what it
 * waits for when it is ended: this one does. */
static const char fetch_script[] =
    "set -e\n"
    "trap 'kill \"$child\" 2>/dev/null; exit 143' TERM INT\n"
    "fetch() {\n"
    "  git fetch -q --depth 1 --no-tags -- \"$@\" &\n"
    "  child=$!\n"
    "  wait \"$child\"\n"
    "}\n"
    "git init -q --template= \"$1\"\n"
    "cd \"$1\"\n"
    "fetch \"$2\" \"$3\" 2>/dev/null || fetch \"$2\" \"$4\"\n"
    "test \"$(git rev-parse 'FETCH_HEAD^{commit}')\" = \"$3\" || {\n"
    "  echo 'the ref moved while it was fetched' >&2; exit 1; }\n"
    "git -c core.autocrlf=false -c core.hooksPath=/dev/null -c advice.detachedHead=false \\\n"
    "  checkout -q FETCH_HEAD\n"
    "rm -rf .git\n";

/* Half-written folders of processes that are gone. */
static void remove_leftovers(arena *a, const char *cache) {
    fs_entry *entries;
    size_t count;
    err ignored = {0};
    if (fs_list(a, cache, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        str name = entries[i].name, pid_text, rest;
        uint64_t pid;
        if (!str_starts(name, STR(".fetch-"))) continue;
        str_cut(str_sub(name, sizeof ".fetch-" - 1, name.len), '-', &pid_text, &rest);
        if (!str_to_uint(pid_text, INT32_MAX, &pid) || pid == (uint64_t)getpid()) continue;
        if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            fs_remove(fs_join(a, cache, name), &ignored);
    }
}

static void place(arena *a, repo *r, const char *from) {
    char *to = fs_join(a, r->cache, r->commit);
    err e = {0};
    if (rename(from, to) != 0 && !fs_is_dir(to)) {
        err_sys(&e, errno, "cannot rename '%s'", from);
        repo_fail(a, r, str_from(e.message));
        return;
    }
    fs_remove(from, &e);
    r->dir = to;
}

static void fetch_commits(arena *a, const notices *tell, repo **batch, size_t count) {
    process_spec *specs = ARENA_ARRAY(a, process_spec, count);
    process_result *results = ARENA_ARRAY(a, process_result, count);
    int *codes = ARENA_ARRAY(a, int, count);
    err *errors = ARENA_ARRAY(a, err, count);
    for (size_t i = 0; i < count; i++) {
        repo *r = batch[i];
        fs_mkdirs(r->cache, 0700, &errors[i]);
        remove_leftovers(a, r->cache);
        const char **argv = ARENA_ARRAY(a, const char *, 10);
        str name = arena_printf(a, ".fetch-%ld-%zu", (long)getpid(), i);
        const char *words[] = {"sh",
                               "-c",
                               fetch_script,
                               "sh",
                               fs_join(a, r->cache, name),
                               r->url,
                               r->commit.ptr,
                               r->full_ref.len ? r->full_ref.ptr : r->commit.ptr};
        memcpy(argv, words, sizeof words);
        specs[i] = (process_spec){.argv = argv,
                                  .env = git_env,
                                  .timeout_ms = FETCH_TIMEOUT_MS,
                                  .stopped = tell->stopped,
                                  .context = tell->context};
    }
    process_run_many(a, specs, count, FETCH_PARALLEL, results, codes, errors);
    for (size_t i = 0; i < count; i++) {
        const char *from = specs[i].argv[4];
        err ignored = {0};
        if (codes[i] == 0 && results[i].status == 0) {
            place(a, batch[i], from);
            continue;
        }
        fail_unreached(a, batch[i],
                       codes[i] < 0 ? str_from(errors[i].message) : git_reason(results[i].err_out));
        fs_remove(from, &ignored);
    }
}

typedef void fetch_fn(arena *a, const notices *tell, repo **batch, size_t count);

static void tell_fetching(const notices *tell, repo *const *batch, size_t count) {
    if (tell->fetching) tell->fetching(tell->context, batch, count);
}

static void fetch_batch(arena *a, const notices *tell, fetch_fn *fn, repo **batch, size_t count) {
    if (!count) return;
    tell_fetching(tell, batch, count);
    fn(a, tell, batch, count);
    tell_fetching(tell, NULL, 0);
}

void repos_fetch(arena *a, const notices *tell, repo *const *repos, size_t total) {
    repo **batch = ARENA_ARRAY(a, repo *, total + 1);
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        repo *r = repos[i];
        if (r->dir || r->failed) continue;
        if (r->fixed) continue;
        if (git_is_id(r->ref))
            r->commit = repo_lower(a, r->ref);
        else
            batch[count++] = r;
    }
    fetch_batch(a, tell, find_commits, batch, count);
    count = 0;
    for (size_t i = 0; i < total; i++) {
        repo *r = repos[i];
        if (r->dir || r->failed) continue;
        char *cached = fs_join(a, r->cache, r->commit);
        if (fs_is_dir(cached))
            r->dir = cached;
        else
            batch[count++] = r;
    }
    fetch_batch(a, tell, fetch_commits, batch, count);
}
