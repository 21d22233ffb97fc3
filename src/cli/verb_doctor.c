/* slipway doctor: what this machine can give to jobs, what is missing and how to get it. */
#include "base/fs.h"
#include "base/json.h"
#include "base/process.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/style.h"
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef enum health { HEALTH_GOOD, HEALTH_LESS, HEALTH_MISSING, HEALTH_COUNT } health;

/* One thing that was looked at. */
typedef struct finding {
    health health;
    const char *name; /* a word for programs */
    str what;         /* what there is */
    str advice;       /* how to get more; may be empty */
} finding;

typedef struct doctor {
    arena *a;
    finding *items;
    size_t count, cap;
} doctor;

static void add(doctor *d, health h, const char *name, str what, str advice) {
    ARENA_PUSH(d->a, d->items, d->count, d->cap, ((finding){h, name, what, advice}));
}

/* ---- the sandbox ---------------------------------------------------------------------------- */

static void look_at_ids(doctor *d, const sandbox_means *m) {
    if (m->root)
        add(d, HEALTH_GOOD, "sandbox",
            arena_printf(d->a, "namespaces, with %s: jobs run as root of their own machine",
                         m->subordinate ? "your subordinate ids" : "all user ids"),
            STR_EMPTY);
    else
        add(d, HEALTH_GOOD, "sandbox",
            STR("namespaces, with one user id: jobs run as user 'runner'"), STR_EMPTY);
    if (!m->root)
        add(d, HEALTH_LESS, "ids",
            arena_printf(d->a,
                         "%s; so what needs root, like apt-get or chown, does not work in jobs",
                         m->one_id),
            str_from(m->ids_advice));
}

static void look_at_sandbox(doctor *d, const sandbox_means *m) {
    if (!m->namespaces) {
        str why = arena_printf(d->a, "none: %s", m->why_not);
        str advice = arena_printf(d->a, "%s%sor run jobs without isolation: -P LABEL=host",
                                  m->advice, m->advice[0] ? "; " : "");
        add(d, HEALTH_MISSING, "sandbox", why, advice);
        return;
    }
    look_at_ids(d, m);
    add(d, HEALTH_GOOD, "seccomp", STR("system calls that a job has no business with are refused"),
        STR_EMPTY);
    if (m->landlock >= 6)
        add(d, HEALTH_GOOD, "landlock",
            arena_printf(d->a,
                         "ABI %d: steps cannot look into each other, jobs not into abstract "
                         "sockets of this machine",
                         m->landlock),
            STR_EMPTY);
    else if (m->landlock >= 2)
        add(d, HEALTH_LESS, "landlock",
            arena_printf(d->a,
                         "ABI %d: steps cannot look into each other; abstract sockets of this "
                         "machine can be reached",
                         m->landlock),
            STR("Linux 6.12 or later; or limit the job's network"));
    else
        add(d, HEALTH_LESS, "landlock",
            STR("none: what a step leaves running can read the environment of later steps"),
            STR("Linux 5.19 or later, with landlock among the boot parameter lsm="));
}

/* A process gets control groups of its own by systemd's leave, a user's manager being asked for a
 * user's. */
static str how_to_get_groups(doctor *d) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *manager = runtime ? fs_join(d->a, runtime, STR("systemd/private")) : NULL;
    if (!fs_exists("/run/systemd/system"))
        return geteuid() == 0
                   ? STR("a writable /sys/fs/cgroup")
                   : STR("start slipway as root, or in a control group of version 2 that "
                         "belongs to this user");
    if (geteuid() == 0)
        return STR("control groups of its own: systemd-run --scope -p Delegate=yes slipway run");
    if (manager && fs_exists(manager))
        return STR("control groups of its own: systemd-run --user --scope -p Delegate=yes slipway "
                   "run");
    return STR(
        "control groups of its own: as root, loginctl enable-linger USER; log in as that user "
        "anew; then systemd-run --user --scope -p Delegate=yes slipway run");
}

static void look_at_limits(doctor *d, const sandbox_means *m) {
    static const char *const controllers[] = {"memory", "pids"};
    const char *missing[2] = {NULL, NULL};
    size_t count = 0;
    if (!m->namespaces) return;
    for (size_t i = 0; i < 2; i++) {
        if (!strstr(m->cgroup, controllers[i])) missing[count++] = controllers[i];
    }
    if (count == 0)
        add(d, HEALTH_GOOD, "limits",
            arena_printf(d->a, "by control groups (%s); disk is measured", m->cgroup), STR_EMPTY);
    else if (count == 1)
        add(d, HEALTH_LESS, "limits",
            arena_printf(d->a,
                         "by control groups (%s); %s and disk are measured four times a second",
                         m->cgroup, missing[0] == controllers[0] ? "memory" : "processes"),
            arena_printf(d->a,
                         "the controller '%s' for this user or service, in systemd's Delegate=",
                         missing[0]));
    else
        add(d, HEALTH_LESS, "limits",
            STR("memory and processes are measured four times a second, disk too"),
            how_to_get_groups(d));
}

/* ---- programs ------------------------------------------------------------------------------- */

/* The first line of `NAME --version` without the name. */
static str version_of(doctor *d, const char *program, const char *name) {
    const char *const argv[] = {program, "--version", NULL};
    process_result result;
    err ignored;
    str line = STR_EMPTY;
    if (process_run(d->a, &(process_spec){.argv = argv, .timeout_ms = 5000}, &result, &ignored) < 0)
        return STR_EMPTY;
    str rest = result.out;
    str_line(&rest, &line);
    str prefix = arena_printf(d->a, "%s version ", name);
    return str_starts(line, prefix) ? str_sub(line, prefix.len, line.len) : line;
}

static void look_at_program(doctor *d, const char *name, const char *package, const char *why) {
    static const str seen =
        STR_INIT("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    const char *program = fs_find_program(d->a, name, seen);
    if (program) {
        str version = version_of(d, program, name);
        add(d, HEALTH_GOOD, name, arena_printf(d->a, "%.*s (%s)", STR_ARG(version), program),
            STR_EMPTY);
    } else {
        add(d, HEALTH_LESS, name,
            arena_printf(d->a, "not where a sandbox sees it (/usr, /opt): %s", why),
            arena_printf(d->a, "apt-get install %s", package));
    }
}

static void look_at_engine(doctor *d) {
    sandbox_engine_means m;
    err e = {0};
    if (sandbox_engine_probe(d->a, &m, &e) < 0) {
        add(d, HEALTH_LESS, "engine",
            arena_printf(d->a, "jobs and actions in containers fail: %s", e.message), STR_EMPTY);
        return;
    }
    str what =
        arena_printf(d->a, "%s %s at %s", m.podman ? "Podman" : "Docker", m.version, m.socket);
    if (!m.apart)
        add(d, HEALTH_GOOD, "engine", what, STR_EMPTY);
    else
        add(d, HEALTH_LESS, "engine",
            arena_printf(d->a,
                         "%.*s, on a machine of its own: actions in containers have no caches, "
                         "artifacts and identity tokens",
                         STR_ARG(what)),
            STR("an engine that runs on this machine itself"));
}

static void look_at_kernel(doctor *d) {
    struct utsname u;
    if (uname(&u) == 0)
        add(d, HEALTH_GOOD, "kernel",
            arena_printf(d->a, "%s %s %s", u.sysname, u.release, u.machine), STR_EMPTY);
}

/* ---- the report ----------------------------------------------------------------------------- */

static void write_text(const doctor *d, strbuf *out) {
    static const struct {
        style_glyph glyph;
        style_ink ink;
    } looks[HEALTH_COUNT] = {[HEALTH_GOOD] = {GLYPH_OK, INK_GREEN},
                             [HEALTH_LESS] = {GLYPH_WARNING, INK_YELLOW},
                             [HEALTH_MISSING] = {GLYPH_FAILED, INK_RED}};
    const size_t name_width = 10;
    style st = style_of(1);
    size_t width = st.width > 40 ? st.width : 40;
    for (size_t i = 0; i < d->count; i++) {
        const finding *f = &d->items[i];
        style_add(out, &st, looks[f->health].ink,
                  str_from(style_glyph_of(&st, looks[f->health].glyph)));
        strbuf_addc(out, ' ');
        style_column(out, &st, str_from(f->name), name_width);
        style_fold(out, f->what, name_width + 2, width);
        if (!f->advice.len) continue;
        strbuf_pad(out, ' ', name_width + 2);
        style_on(out, &st, INK_DIM);
        style_fold(out, f->advice, name_width + 2, width);
        style_off(out, &st);
    }
}

static void write_json(doctor *d, strbuf *out) {
    static const char *const words[HEALTH_COUNT] = {"good", "less", "missing"};
    value all = value_array_new(d->a);
    for (size_t i = 0; i < d->count; i++) {
        const finding *f = &d->items[i];
        value one = value_object_new(d->a, true);
        value_set_str(d->a, &one, "name", str_from(f->name));
        value_set_str(d->a, &one, "health", str_from(words[f->health]));
        value_set_str(d->a, &one, "what", f->what);
        value_set_str(d->a, &one, "advice", f->advice);
        value_push(d->a, &all, one);
    }
    json_write_pretty(out, &all);
    strbuf_addc(out, '\n');
}

static int run_doctor(const options *given) {
    err e = {0};
    sandbox_means means;
    doctor d = {.a = given->a};
    if (sandbox_init(&e) < 0) {
        console_error(&e);
        return 2;
    }
    sandbox_probe(&means);
    sandbox_done();
    look_at_sandbox(&d, &means);
    look_at_limits(&d, &means);
    look_at_program(&d, "git", "git", "steps that ask git fail");
    look_at_program(&d, "node", "nodejs", "JavaScript actions fail");
    look_at_program(&d, "python3", "python3", "'shell: python' fails");
    look_at_engine(&d);
    look_at_kernel(&d);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (options_has(given, "json"))
        write_json(&d, &out);
    else
        write_text(&d, &out);
    int status = console_text(strbuf_str(&out));
    return status ? status : !means.namespaces;
}

static const option_spec doctor_options[] = {
    {0, "json", NULL, .help = "Print an array of {name, health, what, advice}."},
    {0},
};

const verb verb_doctor = {
    .name = "doctor",
    .summary = "tell what isolation this machine can give, and what is missing",
    .arguments = "",
    .options = doctor_options,
    .help = "Makes a sandbox as 'slipway run' would, runs a command in it, and looks for what jobs "
            "are likely to need. Each line says what there is; the line below it, how to get more.",
    .exits =
        (const verb_pair[]){
            {"0", "jobs can be sandboxed here"},
            {"1", "they cannot"},
            {"2", "it could not be found out"},
            {0},
        },
    .examples = (const verb_pair[]){{"slipway doctor", "See what a job gets here."}, {0}},
    .run = run_doctor,
};
