/* run_debug.c: what a person does about a failed step: --debug and --shell-on-failure. */
#include "agent/repo.h"
#include "base/fs.h"
#include "cli/render.h"
#include "workflow/check.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LINES_SHOWN 12

int run_debug_judge(const run_config *c, err *e) {
    if (!c->debug) return 0;
    const struct {
        bool given;
        const char *name;
    } others[] = {{c->json, "json"},
                  {c->shell_on_failure, "shell-on-failure"},
                  {c->keep, "keep"}}; /* there would be layers in the folders, not files */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i].given)
            return err_set(e, ERR_INVALID, "--debug and --%s exclude each other", others[i].name);
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(e, ERR_INVALID,
                       "--debug asks on the terminal what to do about a failed step, and %s is "
                       "none: run it on a terminal, or without --debug",
                       isatty(STDIN_FILENO) ? "stdout" : "stdin");
    for (size_t i = 0; i < c->platform_count; i++) {
        if (strcmp(c->platforms[i].to, "host") != 0) continue;
        return err_set(e, ERR_INVALID,
                       "--debug goes back to where a step began, which takes a sandbox, and not -P "
                       "%.*s=%s; --shell-on-failure works "
                       "everywhere",
                       STR_ARG(c->platforms[i].from), c->platforms[i].to);
    }
    return 0;
}

/* ---- a shell -------------------------------------------------------------------------------- */

/* The job's environment, with what a terminal needs. */
static const char *const *with_terminal(arena *a, const char *const *env) {
    size_t count = 0;
    while (env[count])
        count++;
    const char **out = ARENA_ARRAY(a, const char *, count + 2);
    memcpy(out, env, count * sizeof *out);
    const char *term = getenv("TERM");
    out[count] = arena_printf(a, "TERM=%s", term ? term : "dumb").ptr;
    return out;
}

/* The person's own shell, where the job has it. */
static const char *find_shell(const view *files) {
    static const char *const usual[] = {"/bin/bash", "/bin/sh"};
    const char *own = getenv("SHELL");
    if (own && own[0] == '/' && view_is_program(files, own)) return own;
    return view_is_program(files, usual[0]) ? usual[0] : usual[1];
}

void run_shell(sandbox *box, const char *cwd, const char *const *env) {
    _cleanup_arena_ arena *a = arena_new();
    const view *files = sandbox_view(box);
    const char *const own[] = {find_shell(files), "-i", NULL};
    /* Of a container we see the job's folders only: it finds out itself. */
    const char *const theirs[] = {"/bin/sh", "-c",
                                  "command -v bash >/dev/null && exec bash -i || exec sh -i", NULL};
    const char *const *argv = view_is_program(files, "/bin/sh") ? own : theirs;
    err e = {0};
    if (sandbox_shell(box, argv, with_terminal(a, env), cwd, &e) < 0) console_error(&e);
}

/* ---- the failed step ------------------------------------------------------------------------ */

typedef struct question {
    run_set *set;
    const style *st;
    const job_view *job;
    runner_failure *f;
    const char *path; /* of its workflow file, as it is shown */
    bool own;         /* it is a file here, which can be edited */
} question;

/* In a composite action, the last of its steps that failed. */
static const step_view *culprit(const question *q) {
    const step_view *found = job_view_step(q->job, q->f->number);
    for (size_t i = 0; i < q->job->step_count; i++) {
        const step_view *s = &q->job->steps[i];
        bool inside = step_view_root(q->job, s)->number == q->f->number;
        if (inside && s->conclusion == STEP_FAILURE) found = s;
    }
    return found;
}

typedef struct tail_printer {
    console *o;
    const style *st;
} tail_printer;

static void tail_line(void *context, str line) {
    const tail_printer *p = context;
    style_add(&p->o->buf, p->st, INK_DIM, str_from(style_glyph_of(p->st, GLYPH_BAR)));
    strbuf_addc(&p->o->buf, ' ');
    style_clip(&p->o->buf, p->st, line, TAIL_LINE_MAX);
    strbuf_addc(&p->o->buf, '\n');
}

/* As the end of a run tells it. */
static void tell_failure(const question *q) {
    const step_view *s = culprit(q);
    console o = CONSOLE_INIT(STDOUT_FILENO);
    strbuf *out = &o.buf;
    if (!s) return;
    strbuf_addc(out, '\n');
    style_add(out, q->st, INK_RED, str_from(style_glyph_of(q->st, GLYPH_FAILED)));
    strbuf_addc(out, ' ');
    style_on(out, q->st, INK_BOLD);
    style_text(out, q->st, q->job->label);
    strbuf_addf(out, " %s ", style_glyph_of(q->st, GLYPH_ARROW));
    style_text(out, q->st, s->name);
    style_off(out, q->st);
    int code = q->f->exit_code > 0 ? q->f->exit_code : s->exit_code;
    if (code > 0)
        strbuf_addf(out, " failed with exit code %d\n", code);
    else
        strbuf_adds(out, " failed\n");
    tail_printer p = {&o, q->st};
    tail_each(s->tail, LINES_SHOWN, tail_line, &p);
    style_add(out, q->st, INK_DIM, STR("  at    "));
    style_text(out, q->st, str_from(q->path));
    strbuf_addf(out, ":%u\n", q->f->again->where.line);
    if (!q->f->may_retry) {
        style_add(out, q->st, INK_DIM, STR("  note  "));
        strbuf_adds(out, "it cannot be tried again: ");
        style_text(out, q->st, str_from(q->f->why_not));
        strbuf_addc(out, '\n');
    }
    console_done(&o);
}

static void say(const question *q, const char *text) {
    console o = CONSOLE_INIT(STDOUT_FILENO);
    style_text(&o.buf, q->st, str_from(text));
    strbuf_addc(&o.buf, '\n');
    console_done(&o);
}

/* ---- the workflow file, read anew ----------------------------------------------------------- */

static int parse_again(const question *q, workflow **ret, err *e) {
    run_set *set = q->set;
    const char *path = fs_join(set->a, set->repo.root, str_from(q->path));
    workflow_options how = {.file = actions_workflow, .file_context = set->actions};
    how.limits.max_errors = 100;
    str source;
    int r = fs_read(set->a, path, WORKFLOW_FILE_MAX, &source, e);
    if (r < 0) return r;
    workflow *w;
    if ((r = workflow_parse(set->a, source, q->path, &how, &w, e)) < 0) return r;
    if (w->problems.errors == 0) check_refused(w, &w->problems);
    *ret = w;
    if (w->problems.errors == 0) return 0;
    sources *texts = sources_new(set->a);
    problem_list errors = {.a = set->a};
    sources_add(texts, q->path, source);
    for (size_t i = 0; i < w->problems.count; i++) {
        if (w->problems.items[i].level != SEVERITY_ERROR) continue;
        ARENA_PUSH(set->a, errors.items, errors.count, errors.cap, w->problems.items[i]);
    }
    diagnostics_print(STDOUT_FILENO, texts, &errors);
    return err_set(e, ERR_INVALID, "%s", "");
}

static const workflow_job *find_job(const workflow *w, str id) {
    for (size_t i = 0; i < w->job_count; i++) {
        if (str_eq(w->jobs[i]->id, id)) return w->jobs[i];
    }
    return NULL;
}

/* A step is what stands in its place; so places must not have moved. */
static int same_step(const question *q, const workflow_step *now, err *e) {
    const workflow_step *then = q->f->step;
    span where = now->where;
    if (then->id_given && !str_eq(then->id, now->id))
        return err_at(e, ERR_INVALID, where,
                      "this step had the id '%.*s': steps cannot change places while the job runs",
                      STR_ARG(then->id));
    if (then->kind != now->kind || now->background)
        return err_at(e, ERR_INVALID, where,
                      "what runs in the foreground has to stay there, and 'run' and 'uses' what "
                      "they are, while the job runs");
    if (then->kind == STEP_USES && !str_eq(token_text(then->uses), token_text(now->uses)))
        return err_at(e, ERR_INVALID, where,
                      "this step used '%.*s': another action takes a new run, which fetches it",
                      STR_ARG(token_text(then->uses)));
    return 0;
}

static int find_step(const question *q, const workflow *w, const workflow_step **ret, err *e) {
    const workflow_job *then = q->job->plan->job, *now = find_job(w, then->id);
    if (!now)
        return err_set(e, ERR_NOT_FOUND, "%s: the job '%.*s' is gone", q->path, STR_ARG(then->id));
    if (now->step_count != then->step_count)
        return err_at(e, ERR_INVALID, now->where,
                      "the job '%.*s' had %zu steps and has %zu: while it runs, steps can be "
                      "edited, not added or removed",
                      STR_ARG(then->id), then->step_count, now->step_count);
    *ret = &now->steps[q->f->step - then->steps];
    return same_step(q, *ret, e);
}

/* The step as the file has it now; false after what is wrong was said. */
static bool read_step(question *q) {
    workflow *w = NULL;
    const workflow_step *s = NULL;
    err e = {0};
    if (!q->own) return true;
    if (parse_again(q, &w, &e) == 0 && find_step(q, w, &s, &e) == 0) {
        q->f->again = s;
        return true;
    }
    if (e.message[0]) console_error(&e);
    return false;
}

/* ---- the editor ----------------------------------------------------------------------------- */

/* How to open a file at a line, which editors agree on less than on anything else. */
static const struct {
    const char *editor, *form; /* of the line, before the file; NULL: FILE:LINE */
} line_forms[] = {
    {"vi", "+%u"},    {"vim", "+%u"},   {"nvim", "+%u"},        {"nano", "+%u"}, {"pico", "+%u"},
    {"emacs", "+%u"}, {"joe", "+%u"},   {"emacsclient", "+%u"}, {"jed", "+%u"},  {"mg", "+%u"},
    {"ne", "+%u"},    {"micro", "+%u"}, {"kak", "+%u"},         {"hx", NULL},    {"helix", NULL},
};

static const char *find_editor(arena *a) {
    static const char *const variables[] = {"VISUAL", "EDITOR"};
    static const char *const usual[] = {"editor", "vi", "nano"};
    const char *path = getenv("PATH");
    for (size_t i = 0; i < 2; i++) {
        const char *named = getenv(variables[i]);
        if (named && *named) return named;
    }
    for (size_t i = 0; i < 3 && path; i++) {
        if (fs_find_program(a, usual[i], str_from(path))) return usual[i];
    }
    return NULL;
}

/* The variable holds a command with arguments of its own: a shell reads it, as git has it. */
static void editor_argv(arena *a, const char *editor, const char *file, unsigned line,
                        const char *argv[7]) {
    str first, rest, name = str_from(editor);
    str_cut(name, ' ', &first, &rest);
    ptrdiff_t slash = str_rfind_char(first, '/');
    first = str_sub(first, (size_t)(slash + 1), first.len);
    size_t n = 0;
    argv[n++] = "sh", argv[n++] = "-c";
    argv[n++] = arena_printf(a, "%s \"$@\"", editor).ptr, argv[n++] = editor;
    for (size_t i = 0; i < sizeof line_forms / sizeof *line_forms; i++) {
        if (!str_eq(first, str_from(line_forms[i].editor))) continue;
        if (line_forms[i].form)
            argv[n++] = arena_printf(a, "+%u", line).ptr;
        else
            file = arena_printf(a, "%s:%u", file, line).ptr;
    }
    argv[n++] = file;
    argv[n] = NULL;
}

/* Runs it on our terminal; the keys that would end us are the editor's meanwhile. */
static int run_editor(const char *const *argv) {
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before[2];
    int status = -1;
    sigaction(SIGINT, &ignore, &before[0]);
    sigaction(SIGQUIT, &ignore, &before[1]);
    pid_t pid = fork();
    if (pid == 0) {
        static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE};
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
            signal(signals[i], SIG_DFL);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGQUIT, &before[1], NULL);
    return status;
}

static void edit(question *q) {
    _cleanup_arena_ arena *a = arena_new();
    const char *editor = find_editor(a), *argv[7];
    if (!q->own) {
        say(q, "The file is another repository's: it cannot be edited here.");
        return;
    }
    if (!editor) {
        say(q, "There is no editor: set VISUAL or EDITOR, or edit the file elsewhere.");
        return;
    }
    const char *file = fs_join(a, q->set->repo.root, str_from(q->path));
    editor_argv(a, editor, file, q->f->again->where.line, argv);
    int status = run_editor(argv);
    if (status != 0) say(q, arena_printf(a, "The editor '%s' failed.", editor).ptr);
    if (status == 0 && read_step(q))
        say(q, "The workflow is valid: 'r' tries the step as it is now.");
}

/* ---- the menu ------------------------------------------------------------------------------- */

typedef enum answer {
    ANSWER_SHELL,
    ANSWER_EDIT,
    ANSWER_RETRY,
    ANSWER_CONTINUE,
    ANSWER_QUIT,
    ANSWER_COUNT
} answer;

static const char *const answer_words[ANSWER_COUNT] = {"shell", "edit", "retry", "continue",
                                                       "quit"};

static void prompt(const question *q) {
    console o = CONSOLE_INIT(STDOUT_FILENO);
    strbuf_adds(&o.buf, "\r ");
    for (int i = 0; i < ANSWER_COUNT; i++) {
        if (!q->f->may_retry && (i == ANSWER_RETRY || i == ANSWER_EDIT)) continue;
        strbuf_adds(&o.buf, " [");
        style_add(&o.buf, q->st, INK_BOLD, str_sub(str_from(answer_words[i]), 0, 1));
        strbuf_addf(&o.buf, "]%s", answer_words[i] + 1);
    }
    strbuf_adds(&o.buf, ": ");
    console_done(&o);
}

static volatile sig_atomic_t asked_to_end;

static void on_asked_to_end(int signo) {
    asked_to_end = signo;
}

#define KEY_CTRL_C 3
#define KEY_CTRL_D 4
#define KEY_CTRL_Z 26
#define KEY_CTRL_B 28 /* Ctrl-\ */

static void set_keys(const struct termios *before) {
    struct termios keys = *before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
}

/* One key; Ctrl-C's where there are no more. Signals come in while it waits (`awake`) and only
 * then; one may have come with a change of the terminal's size or after a stop, so the line is
 * drawn anew. */
static int read_key(const question *q, const struct termios *before, const sigset_t *awake) {
    while (!asked_to_end) {
        char key;
        set_keys(before);
        prompt(q);
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        if (ppoll(&p, 1, NULL, awake) < 0) continue;
        if (read(STDIN_FILENO, &key, 1) != 1) return KEY_CTRL_C;
        if (key != KEY_CTRL_Z) return tolower((unsigned char)key);
        tcsetattr(STDIN_FILENO, TCSADRAIN, before);
        kill(0, SIGTSTP);
    }
    return KEY_CTRL_C;
}

static answer answer_of(const question *q, int key) {
    if (key == KEY_CTRL_C || key == KEY_CTRL_D || key == KEY_CTRL_B) return ANSWER_QUIT;
    for (int i = 0; i < ANSWER_COUNT; i++) {
        bool offered = q->f->may_retry || (i != ANSWER_RETRY && i != ANSWER_EDIT);
        if (offered && key == answer_words[i][0]) return (answer)i;
    }
    return ANSWER_COUNT;
}

static answer read_answer(const question *q, const struct termios *before) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction own = {.sa_handler = on_asked_to_end}, old[4];
    answer given = ANSWER_COUNT;
    sigset_t ours, awake;
    sigemptyset(&ours);
    for (int i = 0; i < 4; i++)
        sigaddset(&ours, signals[i]);
    asked_to_end = 0;
    sigprocmask(SIG_BLOCK, &ours, &awake);
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &own, &old[i]);
    while (given == ANSWER_COUNT)
        given = answer_of(q, read_key(q, before, &awake));
    tcsetattr(STDIN_FILENO, TCSADRAIN, before);
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &awake, NULL);
    say(q, answer_words[given]);
    return given;
}

runner_choice run_debug_ask(run_set *set, const style *st, const job_view *job, runner_failure *f) {
    const char *path = job->plan->scope->workflow->path;
    question q = {set, st, job, f, path, !strchr(path, '@')};
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) < 0) return RUNNER_STOP; /* it is gone */
    tell_failure(&q);
    for (;;) {
        switch (read_answer(&q, &before)) {
        case ANSWER_SHELL:
            say(&q, f->may_retry ? "This is the step's folder and environment; 'exit' comes back. "
                                   "To retry undoes what is changed here."
                                 : "This is the step's folder and environment; 'exit' comes back.");
            run_shell(f->box, f->cwd, f->env);
            break;
        case ANSWER_EDIT: edit(&q); break;
        case ANSWER_RETRY:
            if (read_step(&q)) return RUNNER_RETRY;
            break;
        case ANSWER_CONTINUE: return RUNNER_GO_ON;
        case ANSWER_QUIT:
        case ANSWER_COUNT: return RUNNER_STOP;
        }
    }
}
