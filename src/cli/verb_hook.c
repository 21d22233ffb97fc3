/* slipway hook: has a bare repository tell a server of each push. */
#include "base/fs.h"
#include "base/git.h"
#include "cli/console.h"
#include "cli/hook.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK     "# made by 'slipway hook install'"
#define BEFORE   "post-receive.before-slipway"
#define HOOK_MAX (1u << 20)
#define URL_MAX  2048

/* ---- the repository ------------------------------------------------------------------------ */

/* The folder with HEAD and objects: the one that is given, or .git in it. */
static int find_repo(arena *a, const char *given, char **ret, err *e) {
    const str inner[] = {STR("."), STR(".git")};
    for (size_t i = 0; i < 2; i++) {
        const char *path = fs_join(a, given, inner[i]);
        if (fs_exists(fs_join(a, path, STR("HEAD"))) && fs_is_dir(fs_join(a, path, STR("objects"))))
            return fs_real(a, path, ret, e);
    }
    return err_set(e, ERR_NOT_FOUND, "'%s' is no git repository", given);
}

/* git runs the hooks of another folder where core.hooksPath says so. */
static int judge_hooks_path(arena *a, const char *repo, err *e) {
    const char *const argv[] = {"git", "config", "--local", "--get", "core.hooksPath", NULL};
    git_call call = {.dir = repo, .argv = argv};
    git_answer said;
    int r = git_ask(a, &call, &said, e);
    if (r < 0 || said.status != 0) return r;
    return err_set(
        e, ERR_UNSUPPORTED,
        "git takes the hooks of this repository from '%.*s' (core.hooksPath): add a line "
        "to the post-receive there: slipway hook send '%s'",
        STR_ARG(str_trim(said.out)), repo);
}

static bool is_ours(arena *a, const char *path) {
    str text;
    err ignored;
    return fs_read_file(a, path, HOOK_MAX, &text, &ignored) == 0 && str_find(text, STR(MARK)) >= 0;
}

/* ---- installing ---------------------------------------------------------------------------- */

static void add_quoted(strbuf *out, const char *text) {
    strbuf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            strbuf_adds(out, "'\\''");
        else
            strbuf_addc(out, *text);
    }
    strbuf_addc(out, '\'');
}

/* The lines are given to both hooks; neither ends the push, which has happened already. */
static int write_hook(arena *a, const char *repo, const char *path, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char *program;
    int r = fs_real(a, "/proc/self/exe", &program, e);
    if (r < 0) return r;
    strbuf_adds(&text,
                "#!/bin/sh\n" MARK "\nlines=$(cat)\nstatus=0\nif [ -x \"$0\".before-slipway ]; "
                "then\n  printf '%s\\n' \"$lines\" | \"$0\".before-slipway || status=$?\nfi\n"
                "printf '%s\\n' \"$lines\" | ");
    add_quoted(&text, program);
    strbuf_adds(&text, " hook send ");
    add_quoted(&text, repo);
    strbuf_adds(&text, " ||\n  echo 'slipway: the server was not told of this push' >&2\n"
                       "exit \"$status\"\n");
    return fs_write(path, strbuf_str(&text), 0755, e);
}

static int make_absolute(arena *a, const char *given, str *ret, err *e) {
    char *real;
    if (!given) return 0;
    int r = fs_real(a, given, &real, e);
    if (r == 0) *ret = str_from(real);
    return r;
}

static int read_settings(const options *given, const char *repo, hook_settings *ret, err *e) {
    const char *server = options_value(given, "server"), *data = options_value(given, "data");
    const char *name = options_value(given, "repository"), *slash = strrchr(repo, '/');
    *ret = (hook_settings){0};
    if (!server == !data)
        return err_set(e, ERR_INVALID, "say where the server is: --server URL or --data DIR");
    if (server) {
        str url = str_from(server);
        if (url.len > URL_MAX ||
            (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))))
            return err_set(e, ERR_INVALID, "--server: a URL begins with https:// or http://");
        ret->server = url;
    }
    int r = make_absolute(given->a, data, &ret->data, e);
    if (r < 0) return err_context(e, "--data");
    r = make_absolute(given->a, options_value(given, "token-file"), &ret->token_file, e);
    if (r < 0) return err_context(e, "--token-file");
    ret->repository = str_from(name ? name : slash + 1);
    if (!name && str_ends(ret->repository, STR(".git"))) ret->repository.len -= 4;
    return 0;
}

static int install(const options *given, const char *repo, err *e) {
    arena *a = given->a;
    hook_settings s;
    const char *hooks = fs_join(a, repo, STR("hooks"));
    const char *path = fs_join(a, hooks, STR("post-receive"));
    const char *before = fs_join(a, hooks, STR(BEFORE));
    int r = read_settings(given, repo, &s, e);
    if (r == 0) r = judge_hooks_path(a, repo, e);
    if (r == 0) r = fs_mkdirs(hooks, 0755, e);
    if (r < 0) return r;
    if (fs_exists(path) && !is_ours(a, path)) {
        if (fs_exists(before))
            return err_set(e, ERR_INVALID,
                           "'%s' is not ours, and '%s' is there from before: remove one of them",
                           path, before);
        if (rename(path, before) < 0) return err_sys(e, errno, "cannot rename '%s'", path);
    }
    r = hook_settings_write(repo, &s, e);
    if (r == 0) r = write_hook(a, repo, path, e);
    if (r == 0)
        printf("%s tells %.*s of each push%s\n", path, STR_ARG(s.server.len ? s.server : s.data),
               fs_exists(before) ? ", after the hook that was there" : "");
    return r;
}

static int uninstall(const options *given, const char *repo, err *e) {
    arena *a = given->a;
    const char *hooks = fs_join(a, repo, STR("hooks"));
    const char *path = fs_join(a, hooks, STR("post-receive"));
    const char *before = fs_join(a, hooks, STR(BEFORE));
    const str names[] = {STR(HOOK_SETTINGS), STR(HOOK_SPOOL), STR(HOOK_LOCK)};
    if (!is_ours(a, path))
        return err_set(e, ERR_NOT_FOUND, "'%s' was not made by 'slipway hook install'", path);
    int r = 0;
    if (fs_exists(before)) {
        if (rename(before, path) < 0) r = err_sys(e, errno, "cannot rename '%s'", before);
    } else {
        r = fs_remove(path, e);
    }
    for (size_t i = 0; r == 0 && i < sizeof names / sizeof *names; i++)
        r = fs_remove(fs_join(a, repo, names[i]), e);
    return r;
}

/* Git shows what a hook prints to whoever pushes. */
static int run_send(const options *given, const char *repo, err *e) {
    str lines, told;
    int r = fs_read_stdin(given->a, HOOK_INPUT_MAX, &lines, e);
    if (r == 0) r = hook_send(given->a, repo, lines, &told, e);
    if (r == 0 && told.len) console_warning("%.*s", STR_ARG(told));
    return r;
}

static const struct {
    const char *name;
    int (*run)(const options *given, const char *repo, err *e);
} actions[] = {{"install", install}, {"uninstall", uninstall}, {"send", run_send}};

static int run_hook(const options *given) {
    err e = {0};
    char *repo;
    str word = str_from(given->args[0]);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!str_is(word, actions[i].name)) continue;
        int r = find_repo(given->a, given->args[1], &repo, &e);
        if (r == 0) r = actions[i].run(given, repo, &e);
        if (r < 0) console_error(&e);
        return r < 0 ? 2 : 0;
    }
    err_set(&e, ERR_INVALID, "there is no 'slipway hook %.*s': install, uninstall or send",
            STR_ARG(word));
    console_error(&e);
    return 2;
}

static const option_spec hook_options[] = {
    {0, "server", "URL", .help = "The server's URL, as people open it."},
    {0, "data", "DIR", .complete = COMPLETE_DIR,
     .help = "The data folder of a server on this machine, which is reached by its socket."},
    {0, "token-file", "FILE", .complete = COMPLETE_FILE,
     .help =
         "A file with a token of the server that may report pushes. It is read at each push, so "
         "it can be exchanged."},
    {0, "repository", "NAME",
     .help = "What the server calls the repository. Without it, the folder's name without .git."},
    {0},
};

const verb verb_hook = {
    .name = "hook",
    .summary = "have a git repository tell a server of each push",
    .arguments = "install|uninstall|send REPO",
    .min_args = 2,
    .max_args = 2,
    .complete = COMPLETE_WORDS,
    .words = "install uninstall send",
    .options = hook_options,
    .help =
        "install writes a post-receive hook into a bare repository. A hook that is there already "
        "is run first. When the server cannot be reached, the push goes through all the same: "
        "what was to be told is kept beside the repository, whoever pushes is told so, and it "
        "is sent with the next push.\n\n"
        "uninstall puts things back. send is what the hook runs: it reads the lines that git "
        "hands to it; without any, it sends what was kept.",
    .exits = (const verb_pair[]){{"0", "it is done, or kept to be sent later"},
                                 {"2", "it could not be done"},
                                 {0}},
    .examples =
        (const verb_pair[]){
            {"slipway hook install /srv/git/shop.git --data /var/lib/slipway",
             "Tell the server on this machine."},
            {"slipway hook install shop.git --server https://ci.example --token-file token",
             "Tell a server elsewhere."},
            {"slipway hook send /srv/git/shop.git </dev/null", "Send what was kept."},
            {0},
        },
    .run = run_hook,
};
