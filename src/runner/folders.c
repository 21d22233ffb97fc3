/* The folders and files that every job begins with:
 *
 *   ROOT/home                               HOME
 *   ROOT/work/REPO/REPO                     GITHUB_WORKSPACE
 *   ROOT/work/_tool                         RUNNER_TOOL_CACHE
 *   ROOT/work/_temp                         RUNNER_TEMP, with the scripts of `run:` steps
 *   ROOT/work/_temp/_github_workflow        event.json
 *   ROOT/work/_temp/_runner_file_commands   GITHUB_ENV and the like
 *
 * and ROOT/work/_actions, copies of what a job uses from other repositories, where it uses any.
 * To make and remove so many for each of 256 small jobs costs more than to run them. So a root is
 * reset rather than removed: what the job has added goes, these stay, if they are what they were.
 */
#include "runner/job.h"

#include "base/fs.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "NAME" of github.repository "OWNER/NAME". */
static str repository_name(const value *github) {
    str all = value_path_str(github, "repository");
    ptrdiff_t slash = str_rfind_char(all, '/');
    str name = slash < 0 ? all : str_sub(all, (size_t)slash + 1, all.len);
    bool odd = !name.len || str_is(name, ".") || str_is(name, "..");
    return odd ? STR("repository") : name;
}

/* Parents stand before what is in them. */
static void name_folders(runner *r) {
    str repo = repository_name(&r->spec->job->github);
    const char *work = sandbox_work(r->backend), *home = sandbox_home(r->backend);
    r->work = fs_join(r->a, r->spec->root, work ? str_from(work) : STR("work"));
    r->home = fs_join(r->a, r->spec->root, home ? str_from(home) : STR("home"));
    char *above = fs_join(r->a, r->work, repo);
    r->workspace = fs_join(r->a, above, repo);
    r->temp = fs_join(r->a, r->work, STR("_temp"));
    /* GitHub's containers have it beside the work folder. */
    bool apart = r->backend == SANDBOX_ENGINE;
    r->tools = apart ? arena_cstr(r->a, STR("/__t")) : fs_join(r->a, r->work, STR("_tool"));
    r->commands = fs_join(r->a, r->temp, STR("_runner_file_commands"));
    char *events = fs_join(r->a, r->temp, STR("_github_workflow"));
    r->event_path = fs_join(r->a, events, STR("event.json"));
    char *const all[FOLDER_COUNT] = {r->work,  above,   r->workspace, r->temp,
                                     r->tools, r->home, r->commands,  events};
    for (int i = 0; i < FOLDER_COUNT; i++)
        r->folders[i] = all[i];
}

char *folders_outside(const runner *r, arena *a, const char *path) {
    str tools = str_from(r->tools);
    if (str_starts(str_from(path), tools))
        return arena_cstr(a, arena_printf(a, "%s/work/_tool%s", r->spec->root, path + tools.len));
    bool in_work = str_starts(str_from(path), str_from(r->work));
    str rest = str_from(path + strlen(in_work ? r->work : r->home));
    return arena_cstr(
        a, arena_printf(a, "%s/%s%.*s", r->spec->root, in_work ? "work" : "home", STR_ARG(rest)));
}

const char *runner_work(const runner *r) {
    return r->work;
}

const view *job_files(const runner *r) {
    static const view ours = {-1, -1};
    return r->box ? sandbox_view(r->box) : &ours;
}

static int write_event(runner *r, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    const value *payload = value_get(&r->spec->job->github, STR("event"));
    if (payload)
        json_write_pretty(&text, payload);
    else
        strbuf_adds(&text, "{}");
    return view_write(&VIEW_OURS, folders_outside(r, r->a, r->event_path), strbuf_str(&text), e);
}

int folders_make(runner *r, err *e) {
    name_folders(r);
    for (int i = 0; i < FOLDER_COUNT; i++) {
        const char *folder = folders_outside(r, r->a, r->folders[i]);
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return err_sys(e, errno, "cannot make the folder '%s'", folder);
    }
    return write_event(r, e);
}

/* ---- reset --------------------------------------------------------------------------------- */

/* What resetting works with: the job's folders as they are for us. */
typedef struct resetting {
    const runner *r;
    arena *a;
    const char *rest;
    unsigned moved;
    const char *folders[FOLDER_COUNT];
    const char *script, *payload, *commands;
} resetting;

static bool is_folder(const resetting *x, const char *path) {
    for (int i = 0; i < FOLDER_COUNT; i++) {
        if (strcmp(path, x->folders[i]) == 0) return true;
    }
    return false;
}

/* In a sandbox, `work` shows in `home` as well: what it is mounted on is out of the job's reach. */
static bool is_mount_point(const resetting *x, const char *path) {
    struct stat st;
    const char *point = arena_printf(x->a, "%s/home/work", x->r->spec->root).ptr;
    return x->r->spec->backend != SANDBOX_HOST && strcmp(path, point) == 0 &&
           lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

#define BLANK_MAX 4096
#define SMALL_MAX (1 << 20)

/* The script of the job before must not be there to be read by the next. */
static bool blank(const char *path, off_t size) {
    char text[BLANK_MAX];
    err ignored;
    if (size > BLANK_MAX) return false;
    memset(text, '\n', (size_t)size);
    return view_write(&VIEW_OURS, path, (str){text, (size_t)size}, &ignored) == 0;
}

/* True for files of ours that the next job will write over, and for empty ones that it will use. */
static bool may_stay(const resetting *x, const char *folder, const char *path) {
    struct stat st;
    bool script = x->script && strcmp(path, x->script) == 0;
    bool payload = strcmp(path, x->payload) == 0;
    if (!script && !payload && strcmp(folder, x->commands) != 0) return false;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
    if ((st.st_mode & 07777) != 0644 || st.st_uid != geteuid()) return false;
    return script ? blank(path, st.st_size) : payload || st.st_size == 0;
}

/* Trees and large files take long to remove. What cannot be moved is removed all the same. */
static int put_away(resetting *x, const char *path, err *e) {
    struct stat st;
    if (lstat(path, &st) == 0) {
        bool folder = S_ISDIR(st.st_mode);
        if (folder && rmdir(path) == 0) return 0;
        if (!folder && st.st_size < SMALL_MAX && unlink(path) == 0) return 0;
    }
    if (!x->moved) mkdir(x->rest, 0700);
    str name = arena_printf(x->a, "%u", x->moved);
    if (rename(path, fs_join(x->a, x->rest, name)) < 0) return fs_remove(path, e);
    x->moved++;
    return 0;
}

static int reset_folder(resetting *x, const char *folder, err *e) {
    struct stat st;
    fs_entry *entries;
    size_t count;
    if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
        if (put_away(x, folder, e) < 0) return e->code;
        return mkdir(folder, 0755) < 0 ? err_sys(e, errno, "cannot make '%s'", folder) : 0;
    }
    if ((st.st_mode & 07777) != 0755 && chmod(folder, 0755) < 0)
        return err_sys(e, errno, "cannot make '%s' accessible", folder);
    if (fs_list(x->a, folder, &entries, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++) {
        const char *path = fs_join(x->a, folder, entries[i].name);
        if (is_folder(x, path) || is_mount_point(x, path) || may_stay(x, folder, path)) continue;
        if (put_away(x, path, e) < 0) return e->code;
    }
    return 0;
}

static void name_outside(resetting *x) {
    const runner *r = x->r;
    for (int i = 0; i < FOLDER_COUNT; i++)
        x->folders[i] = folders_outside(r, x->a, r->folders[i]);
    if (r->lanes->script) x->script = folders_outside(r, x->a, r->lanes->script);
    x->payload = folders_outside(r, x->a, r->event_path);
    x->commands = folders_outside(r, x->a, r->commands);
}

int runner_reset_root(const runner *r, const char *rest, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    resetting x = {.r = r, .a = a, .rest = rest};
    fs_entry *entries;
    size_t count;
    name_outside(&x);
    if (fs_list(a, r->spec->root, &entries, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++) {
        const char *path = fs_join(a, r->spec->root, entries[i].name);
        if (!is_folder(&x, path) && put_away(&x, path, e) < 0) return e->code;
    }
    for (int i = 0; i < FOLDER_COUNT; i++) {
        if (reset_folder(&x, x.folders[i], e) < 0) return e->code;
    }
    return 0;
}
