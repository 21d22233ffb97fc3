/* mirror.c: git does the work, in a child that asks nobody for a password. */
#include "agent/mirror.h"

#include "agent/person.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define FETCH_TIMEOUT_MS 600000
#define LOCK_PAUSE_US    50000

/* A URL is a place, not a command: other protocols of git start programs. */
#define ALLOWED "GIT_ALLOW_PROTOCOL=https:http:ssh:git"
#define COMMON                                                                                     \
    "GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1", "GIT_HTTP_LOW_SPEED_LIMIT=1",                \
        "GIT_HTTP_LOW_SPEED_TIME=60"
static const char *const far_env[] = {COMMON, ALLOWED, NULL};
static const char *const local_env[] = {COMMON, ALLOWED ":file", NULL};

typedef struct fetching {
    bool local;
    const notices *tell;
} fetching;

static int git(arena *a, const char *const *argv, const fetching *f, err *e) {
    const process_spec spec = {.argv = argv,
                               .env = f->local ? local_env : far_env,
                               .timeout_ms = FETCH_TIMEOUT_MS,
                               .stopped = f->tell ? f->tell->stopped : NULL,
                               .context = f->tell ? f->tell->context : NULL};
    return process_check(a, &spec, NULL, e);
}

/* Who has it is the only one that changes the mirror. */
static int take_lock(arena *a, const char *root, const notices *tell, err *e) {
    const char *path = fs_join(a, root, STR("slipway.lock"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return err_sys(e, errno, "cannot open '%s'", path);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (tell->stopped && tell->stopped(tell->context)) {
            close(fd);
            return err_set(e, ERR_CANCELLED, "cancelled while another job fetched the repository");
        }
        usleep(LOCK_PAUSE_US);
    }
    return fd;
}

int mirror_of(arena *a, const char *caches, str url, char **ret, err *e) {
    char *folder, hex[65];
    if (person_cache(a, caches, "repositories", &folder, e) < 0) return e->code;
    sha256_hex(url, hex);
    *ret = fs_join(a, folder, arena_printf(a, "%.32s.git", hex));
    if (fs_exists(fs_join(a, *ret, STR("HEAD")))) return 0;
    const char *argv[] = {"git", "init", "-q", "--bare", "--template=", *ret, NULL};
    static const fetching nothing;
    return git(a, argv, &nothing, e);
}

int mirror_fetch(arena *a, const char *root, str url, str commit, bool local, const notices *tell,
                 err *e) {
    const fetching f = {local, tell};
    _cleanup_close_ int lock = take_lock(a, root, tell, e);
    if (lock < 0) return e->code;
    const char *from = arena_cstr(a, url);
    const char *keep =
        arena_printf(a, "%.*s:refs/slipway/%.*s", STR_ARG(commit), STR_ARG(commit)).ptr;
    const char *all[] = {"git",
                         "-C",
                         root,
                         "-c",
                         "core.hooksPath=/dev/null",
                         "fetch",
                         "-q",
                         "--prune",
                         "--no-auto-gc",
                         "--",
                         from,
                         "+refs/heads/*:refs/heads/*",
                         "+refs/tags/*:refs/tags/*",
                         NULL};
    const char *one[] = {"git",   "-C", root,           "-c", "core.hooksPath=/dev/null",
                         "fetch", "-q", "--no-auto-gc", "--", from,
                         keep,    NULL};
    int r = git(a, all, &f, e);
    if (r < 0) return err_context(e, "cannot fetch the repository");
    const char *there[] = {"git", "-C", root, "cat-file", "-e", arena_cstr(a, commit), NULL};
    err ignored = {0};
    if (git(a, there, &f, &ignored) == 0) return 0;
    r = git(a, one, &f, e);
    return r < 0 ? err_context(e, "cannot fetch the commit %.*s", STR_ARG(commit)) : 0;
}
