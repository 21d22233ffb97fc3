#include "agent/person.h"
#include "agent/repo.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/process.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/scan_job.h"
#include "scan/prune.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- what is scanned ----------------------------------------------------------------------- */

/* One that somebody else has put in a folder above (/tmp/.git) would bring rules and suppressions
 * of theirs. */
static bool is_repository(arena *a, const char *folder, uid_t owner) {
    struct stat st;
    return lstat(fs_join(a, folder, STR(".git")), &st) == 0 &&
           (st.st_uid == owner || st.st_uid == geteuid());
}

/* The nearest folder at or above an absolute path that has .git. */
static char *find_top(arena *a, const char *path) {
    char *at = arena_cstr(a, str_from(path));
    struct stat st;
    if (stat(path, &st) < 0) return NULL;
    while (at[0]) {
        if (is_repository(a, at, st.st_uid)) return at;
        char *slash = strrchr(at, '/');
        if (!slash || at[1] == '\0') break;
        slash[slash == at ? 1 : 0] = '\0';
    }
    return NULL;
}

int scan_where_find(scan_job *j, err *e) {
    char *real;
    j->is_named = j->given->arg_count > 0;
    j->path = j->is_named ? j->given->args[0] : ".";
    j->is_stdin = !strcmp(j->path, "-");
    if (fs_real(j->a, j->is_stdin ? "." : j->path, &real, e) < 0)
        return err_set(e, e->code, "there is no file or folder '%s' to scan", j->path);
    j->root = find_top(j->a, real);
    j->in_git = j->root != NULL;
    if (!j->root) j->root = real;
    j->below = strcmp(real, j->root) ? str_from(repo_relative(real, j->root)) : STR_EMPTY;
    if (!j->in_git && !fs_is_dir(real)) {
        char *slash = strrchr(real, '/');
        j->root = arena_cstr(j->a, (str){real, slash == real ? 1 : (size_t)(slash - real)});
        j->below = str_from(slash + 1);
    }
    return 0;
}

str scan_where_here(const scan_job *j) {
    char *cwd;
    err ignored = {0};
    if (fs_real(j->a, ".", &cwd, &ignored) < 0 || !strcmp(cwd, j->root)) return STR_EMPTY;
    const char *inner = repo_relative(cwd, j->root);
    return inner == cwd ? STR_EMPTY : arena_printf(j->a, "%s/", inner);
}

const char *scan_where_index(const scan_job *j) {
    const char *index = cli_index_file();
    char *cwd, *top;
    err ignored = {0};
    if (!index || fs_real(j->a, ".", &cwd, &ignored) < 0) return NULL;
    top = find_top(j->a, cwd);
    return top && !strcmp(top, j->root) ? index : NULL;
}

/* ---- what is kept for the next scan -------------------------------------------------------- */

/* Without one, all is read again. */
const char *scan_where_folder(scan_job *j, const char *name) {
    char *folder;
    err why = {0};
    if (person_cache(j->a, NULL, name, &folder, &why) == 0) return folder;
    if (why.code == ERR_INVALID && !j->told_cache)
        console_warning("nothing is kept for the next scan: %s", why.message);
    j->told_cache = true;
    return NULL;
}

static void begin_pruning(scan_job *j) {
    const char *folder = scan_where_folder(j, "scan");
    int64_t now = (int64_t)time(NULL);
    if (j->pruner || !folder || !scan_prune_due(folder, now)) return;
    pid_t pid = fork();
    if (pid == 0) {
        scan_prune(folder, SCAN_CACHE_BYTES, SCAN_CACHE_AGE_S, now);
        _exit(0);
    }
    j->pruner = pid > 0 ? pid : 0;
}

void scan_where_cache_done(scan_job *j) {
    if (j->pruner) process_wait(j->pruner);
    j->pruner = 0;
}

void scan_where_cache(scan_job *j, const char *way) {
    uint8_t digest[32];
    char hex[33];
    if (options_has(j->given, "no-cache") || options_has(j->given, "no-redact") || j->verifier)
        return;
    sha256 *h = sha256_new();
    sha256_add(h, j->root, strlen(j->root) + 1);
    sha256_add(h, way, strlen(way) + 1);
    sha256_add(h, j->below.ptr, j->below.len);
    sha256_end(h, digest);
    hex_encode(digest, 16, hex);
    j->how.cache = scan_where_folder(j, arena_printf(j->a, "scan/%s", hex).ptr);
    if (j->how.cache) begin_pruning(j);
}
