#include "base/fs.h"
#include "cli/dotenv.h"
#include "cli/run.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PAIRS_FILE_MAX (1 << 20)

/* ---- pairs: --env, --var, --input, --secret and their files --------------------------------- */

static volatile sig_atomic_t asked_to_end;

static void on_asked_to_end(int signo) {
    asked_to_end = signo;
}

/* A line without echo. Whoever ends us meanwhile finds the terminal as it was. */
static ssize_t read_quietly(const struct termios *before, char **line, size_t *cap) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction own = {.sa_handler = on_asked_to_end}, old[4];
    struct termios quiet = *before;
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &own, &old[i]);
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    ssize_t n = getline(line, cap, stdin);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
    fputc('\n', stderr);
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &old[i], NULL);
    if (asked_to_end) raise(asked_to_end);
    return n;
}

static int ask_secret(arena *a, const char *name, str *ret, err *e) {
    struct termios before;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return err_set(e, ERR_INVALID,
                       "the secret %s has no value: set the environment variable %s, or write "
                       "--secret %s=VALUE",
                       name, name, name);
    fprintf(stderr, "Secret %s: ", name);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = read_quietly(&before, &line, &cap);
    if (n > 0 && line[n - 1] == '\n') n--;
    if (n > 0) *ret = arena_str(a, (str){line, (size_t)n});
    if (line) explicit_bzero(line, cap);
    free(line);
    return n > 0 ? 0 : err_set(e, ERR_CANCELLED, "no value was given for the secret %s", name);
}

static int secret_value(arena *a, const char *name, str *ret, err *e) {
    const char *from_env = getenv(name);
    if (!from_env) return ask_secret(a, name, ret, e);
    *ret = str_from(from_env);
    return 0;
}

/* The options of one kind: files first, then single ones, so that the latter win. */
typedef struct pair_source {
    const char *option, *file_option; /* NULL: there is none */
    bool value_optional;
} pair_source;

static int read_pair_file(arena *a, const char *path, value *into, err *e) {
    str text;
    int r = fs_read(a, path, PAIRS_FILE_MAX, &text, e);
    return r < 0 ? r : dotenv_parse(a, text, path, into, e);
}

static int read_pairs(const options *given, const pair_source *from, value *into, err *e) {
    arena *a = given->a;
    const char **items;
    size_t count = from->file_option ? options_values(given, from->file_option, &items) : 0;
    for (size_t i = 0; i < count; i++) {
        int r = read_pair_file(a, items[i], into, e);
        if (r < 0) return err_context(e, "--%s", from->file_option);
    }
    count = options_values(given, from->option, &items);
    for (size_t i = 0; i < count; i++) {
        str name, text;
        bool has_value = str_cut(str_from(items[i]), '=', &name, &text);
        if (!dotenv_name_ok(name) || (!has_value && !from->value_optional))
            return err_set(e, ERR_INVALID, "--%s %.*s: expected NAME=VALUE", from->option,
                           STR_ARG(name));
        int r = has_value ? 0 : secret_value(a, items[i], &text, e);
        if (r < 0) return r;
        value_set(a, into, name, value_string(text));
    }
    return 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static int read_matrix(const options *given, run_config *c, err *e) {
    const char **items;
    size_t count = options_values(given, "matrix", &items);
    c->matrix = ARENA_ARRAY(c->a, value_pair, count + 1);
    for (size_t i = 0; i < count; i++) {
        str key, item;
        if (!str_cut(str_from(items[i]), ':', &key, &item) || !key.len)
            return err_set(e, ERR_INVALID, "--matrix %s: expected KEY:VALUE, as in node:20",
                           items[i]);
        c->matrix[c->matrix_count++] = (value_pair){key, value_string(item)};
    }
    return 0;
}

static int read_mappings(const options *given, const char *name, const char *form,
                         word_mapping **ret, size_t *ret_count, err *e) {
    const char **items;
    size_t count = options_values(given, name, &items);
    *ret = ARENA_ARRAY(given->a, word_mapping, count + 1);
    for (size_t i = 0; i < count; i++) {
        str from, to;
        if (!str_cut(str_from(items[i]), '=', &from, &to) || !from.len || !to.len)
            return err_set(e, ERR_INVALID, "--%s %s: expected %s", name, items[i], form);
        (*ret)[i] = (word_mapping){from, to.ptr};
    }
    *ret_count = count;
    return 0;
}

static int judge_actions(const run_config *c, err *e) {
    for (size_t i = 0; i < c->action_count; i++) {
        const word_mapping *m = &c->actions[i];
        uses_parts parts;
        if (!uses_split(m->from, &parts))
            return err_set(e, ERR_INVALID, "--action %.*s: expected OWNER/REPO@REF=DIR",
                           STR_ARG(m->from));
        if (!fs_is_dir(m->to))
            return err_set(e, ERR_INVALID, "--action %.*s: '%s' is not a folder", STR_ARG(m->from),
                           m->to);
    }
    return 0;
}

static int read_parallel(const options *given, run_config *c, err *e) {
    const char *text = options_value(given, "max-parallel");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    c->max_parallel = cores > 0 && !c->debug ? (size_t)cores : 1;
    uint64_t n;
    if (!text) return 0;
    if (!str_to_uint(str_from(text), 4096, &n) || n == 0)
        return err_set(e, ERR_INVALID, "--max-parallel %s: expected a number from 1 to 4096", text);
    if (c->debug && n > 1)
        return err_set(e, ERR_INVALID, "--debug runs one job at a time, not %s", text);
    c->max_parallel = n;
    return 0;
}

static int judge_modes(const run_config *c, err *e) {
    if (c->list + c->graph + c->dry_run > 1)
        return err_set(e, ERR_INVALID, "--list, --graph and --dry-run exclude each other");
    if (c->json && c->dry_run)
        return err_set(e, ERR_INVALID, "--dry-run has no --json form: use --list --json");
    if (c->shell_on_failure && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        return err_set(e, ERR_INVALID, "--shell-on-failure needs a terminal");
    return 0;
}

static const struct {
    pair_source from;
    size_t offset;
} pair_options[] = {
    {{"secret", "secret-file", true}, offsetof(run_config, secrets)},
    {{"env", "env-file", false}, offsetof(run_config, env)},
    {{"var", "var-file", false}, offsetof(run_config, vars)},
    {{"input", NULL, false}, offsetof(run_config, inputs)},
};

static int read_all_pairs(const options *given, run_config *c, err *e) {
    for (size_t i = 0; i < sizeof pair_options / sizeof *pair_options; i++) {
        value *into = (value *)((char *)c + pair_options[i].offset);
        bool case_sensitive = into == &c->env;
        *into = value_object_new(c->a, case_sensitive);
        int r = read_pairs(given, &pair_options[i].from, into, e);
        if (r < 0) return r;
    }
    return 0;
}

int run_config_places(const options *given, run_config *c, err *e) {
    c->a = given->a;
    c->given = given;
    c->actions_from = options_value(given, "actions-from");
    c->dir = options_value(given, "directory");
    if (c->dir && chdir(c->dir) != 0) return err_sys(e, errno, "cannot enter '%s'", c->dir);
    return 0;
}

/* "10", "0.5", in GiB. */
int run_config_cache_limit(const options *given, run_config *c, err *e) {
    const char *text = options_value(given, "cache-limit");
    char *end;
    if (!text) return 0;
    double gib = strtod(text, &end);
    if (end == text || *end || !(gib > 0 && gib <= 1e6))
        return err_set(e, ERR_INVALID, "--cache-limit %s is no number of GiB", text);
    c->cache_bytes = (uint64_t)(gib * (double)(1ULL << 30));
    return 0;
}

int run_config_platforms(const options *given, run_config *c, err *e) {
    int r = read_mappings(given, "platform", "LABEL=BACKEND", &c->platforms, &c->platform_count, e);
    return r == 0 ? where_judge(c->a, c->platforms, c->platform_count, e) : r;
}

/* Made absolute: it may not exist yet. */
static int read_artifacts(const options *given, run_config *c, err *e) {
    const char *folder = options_value(given, "artifacts");
    if (!folder) return 0;
    if (!*folder) return err_set(e, ERR_INVALID, "--artifacts needs the name of a folder");
    char *here = getcwd(NULL, 0);
    if (!here) return err_sys(e, errno, "cannot tell the current folder");
    c->artifacts = fs_join(c->a, here, str_from(folder));
    free(here);
    return 0;
}

/* Files and folders named on the command line are looked for where the command was typed, but for
 * -C, which is obeyed first, as make and git do. */
int run_config_read(const options *given, run_config *c, err *e) {
    *c = (run_config){
        .a = given->a,
        .event = str_from(given->arg_count ? given->args[0] : NULL),
        .payload = options_value(given, "eventpath"),
        .list = options_has(given, "list"),
        .graph = options_has(given, "graph"),
        .dry_run = options_has(given, "dry-run"),
        .json = options_has(given, "json"),
        .keep = options_has(given, "keep"),
        .verbose = options_has(given, "verbose"),
        .shell_on_failure = options_has(given, "shell-on-failure"),
        .debug = options_has(given, "debug"),
    };
    const char **jobs;
    c->path_count = options_values(given, "workflows", &c->paths);
    c->job_count = options_values(given, "job", &jobs);
    c->jobs = ARENA_ARRAY(c->a, str, c->job_count + 1);
    for (size_t i = 0; i < c->job_count; i++)
        c->jobs[i] = str_from(jobs[i]);
    int r = judge_modes(c, e);
    if (r == 0) r = run_config_places(given, c, e);
    if (r == 0) r = run_config_cache_limit(given, c, e);
    if (r == 0) r = read_artifacts(given, c, e);
    if (r == 0) r = read_all_pairs(given, c, e);
    if (r == 0) r = read_matrix(given, c, e);
    if (r == 0) r = read_parallel(given, c, e);
    if (r == 0)
        r = read_mappings(given, "action", "OWNER/REPO@REF=DIR", &c->actions, &c->action_count, e);
    if (r == 0) r = run_config_platforms(given, c, e);
    if (r == 0) r = judge_actions(c, e);
    if (r == 0) r = run_network_judge(given, e);
    if (r == 0) r = run_debug_judge(c, e);
    sandbox_limits judged = {0};
    return r == 0 ? run_limits_read(given, &judged, e) : r;
}

/* ---- run it again --------------------------------------------------------------------------- */

/* What holds control characters could not be copied from a terminal: $'…' names them, as bash, zsh
 * and others read it. */
static void quote_controls(strbuf *out, str word) {
    strbuf_adds(out, "$'");
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if (c == '\'' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c == '\n')
            strbuf_adds(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            strbuf_addf(out, "\\%03o", c);
        else
            strbuf_addc(out, (char)c);
    }
    strbuf_addc(out, '\'');
}

void shell_quote(strbuf *out, str word) {
    bool plain = word.len > 0, controls = false;
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        plain = plain && (c >= 0x80 || isalnum(c) || (c && strchr("@%+=:,./_-", c)));
        controls |= c < 0x20 || c == 0x7f;
    }
    if (plain) {
        strbuf_add(out, word);
        return;
    }
    if (controls) {
        quote_controls(out, word);
        return;
    }
    strbuf_addc(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            strbuf_adds(out, "'\\''");
        else
            strbuf_addc(out, word.ptr[i]);
    }
    strbuf_addc(out, '\'');
}

static bool belongs_to_event(const option_spec *s) {
    static const char *const names[] = {
        "directory",   "eventpath", "input",  "secret",   "env",          "env-file", "var",
        "secret-file", "platform",  "action", "var-file", "actions-from", "artifacts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(s->name, names[i])) return true;
    }
    return false;
}

void run_config_again(strbuf *out, const run_config *c) {
    strbuf_adds(out, "slipway run");
    if (c->event.len) {
        strbuf_addc(out, ' ');
        shell_quote(out, c->event);
    }
    for (size_t i = 0; i < c->given->given_count; i++) {
        const option_given *g = &c->given->given[i];
        if (!belongs_to_event(g->spec)) continue;
        if (g->spec->letter)
            strbuf_addf(out, " -%c ", g->spec->letter);
        else
            strbuf_addf(out, " --%s ", g->spec->name);
        str word = str_from(g->value), rest;
        if (!strcmp(g->spec->name, "secret")) str_cut(word, '=', &word, &rest);
        shell_quote(out, word);
    }
}
