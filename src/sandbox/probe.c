/* What this machine can give. The only sure way to know is to try: a machine is made and its first
 * command run. */
#include "sandbox/ns.h"

#include "base/fs.h"
#include "base/jail.h"
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"
#include "sandbox/subids.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct trial {
    loop *l;
    sandbox *s;
    sandbox_means *means;
} trial;

static void refuse(sandbox_means *m, const char *why) {
    m->namespaces = false;
    snprintf(m->why_not, sizeof m->why_not, "%s", why);
}

static void on_closed(void *context) {
    loop_quit(((trial *)context)->l);
}

static void on_output(void *context, str bytes) {
    (void)context, (void)bytes;
}

static void on_exit(void *context, int status, const char *problem) {
    trial *t = context;
    if (status == 0)
        t->means->namespaces = true;
    else
        refuse(t->means, problem ? problem : "a command that should do nothing failed");
    sandbox_close(t->s, NULL, on_closed, t);
}

static void on_ready(void *context, const err *e) {
    trial *t = context;
    static const char *const argv[] = {"true", NULL};
    static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    sandbox_command c = {argv, env, "/", on_output, on_exit, t, NULL};
    sandbox_process *p;
    err failed = {0};
    t->means->root = sandbox_is_root(t->s);
    snprintf(t->means->one_id, sizeof t->means->one_id, "%s", sandbox_one_id(t->s));
    if (!e && sandbox_start(t->s, &c, &p, &failed) == 0) return;
    refuse(t->means, e ? e->message : failed.message);
    sandbox_close(t->s, NULL, on_closed, t);
}

static int try_it(arena *a, const char *dir, trial *t, err *e) {
    const char *layer = fs_join(a, dir, STR("layer"));
    if (fs_mkdirs(fs_join(a, dir, STR("home")), 0700, e) < 0 ||
        fs_mkdirs(fs_join(a, dir, STR("work")), 0700, e) < 0 ||
        sandbox_layer_make(layer, NULL, e) < 0 || loop_new(&t->l, e) < 0)
        return e->code;
    sandbox_spec spec = {.backend = SANDBOX_NAMESPACES,
                         .name = "probe",
                         .loop = t->l,
                         .folder = dir,
                         .layer = layer,
                         .on_ready = on_ready,
                         .context = t};
    if (sandbox_spawn(&spec, &t->s, e) == 0) loop_run(t->l);
    loop_free(t->l);
    return e->code;
}

/* ---- advice -------------------------------------------------------------------------------- */

static bool file_says(const char *path, const char *text) {
    _cleanup_arena_ arena *a = arena_new();
    str found;
    err ignored;
    return fs_read_file(a, path, 64, &found, &ignored) == 0 && str_is(str_trim(found), text);
}

/* The switches by which distributions turn user namespaces off. */
static const struct {
    const char *file, *value, *advice;
} switches[] = {
    {"/proc/sys/user/max_user_namespaces", "0",
     "as root: sysctl -w user.max_user_namespaces=10000"},
    {"/proc/sys/kernel/unprivileged_userns_clone", "0",
     "as root: sysctl -w kernel.unprivileged_userns_clone=1"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give slipway an "
     "AppArmor profile with 'userns,'"},
};

/* In a container of one id, root has no more ids than anybody else. The last line of our own map:
 * "INSIDE OUTSIDE COUNT". */
static bool has_many_ids(void) {
    _cleanup_arena_ arena *a = arena_new();
    str text;
    err ignored;
    if (fs_read(a, "/proc/self/uid_map", 4096, &text, &ignored) < 0) return false;
    return !str_ends(str_trim(text), STR(" 1"));
}

static void judge_ids(sandbox_means *m) {
    m->subordinate = m->root && geteuid() != 0;
    if (geteuid() != 0 && !m->root) {
        const subids *ids = subids_of_user();
        snprintf(m->ids_advice, sizeof m->ids_advice, "%s",
                 ids->usable ? "see newuidmap(1), newgidmap(1) and subuid(5)" : ids->advice);
    } else if (m->root && !has_many_ids()) {
        m->root = false;
        snprintf(m->one_id, sizeof m->one_id, "slipway itself runs in a user namespace of one id");
    }
}

/* The profile by which AppArmor confines us, or nothing: "NAME (enforce)", "unconfined". */
static str apparmor_profile(arena *a) {
    str text;
    err ignored;
    if (fs_read(a, "/proc/self/attr/apparmor/current", 4096, &text, &ignored) < 0) return STR_EMPTY;
    text = str_trim(text);
    return str_ends(text, STR(" (enforce)")) ? str_sub(text, 0, text.len - 10) : STR_EMPTY;
}

static void advise(sandbox_means *m) {
    _cleanup_arena_ arena *a = arena_new();
    str profile = apparmor_profile(a);
    const char *text = "";
    for (size_t i = 0; !*text && i < sizeof switches / sizeof *switches; i++) {
        if (file_says(switches[i].file, switches[i].value)) text = switches[i].advice;
    }
    if (!*text && fs_exists("/.dockerenv"))
        text = "in a container of Docker: run that with --privileged, or with --security-opt "
               "seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
               "systempaths=unconfined";
    if (!*text && profile.len)
        text = arena_printf(a,
                            "AppArmor confines slipway by the profile '%.*s', which has to allow "
                            "it 'userns,', 'capability,', 'mount,', 'umount,' and 'pivot_root,'; "
                            "'aa-status' lists the profiles",
                            STR_ARG(profile))
                   .ptr;
    snprintf(m->advice, sizeof m->advice, "%s", text);
}

void sandbox_probe(sandbox_means *ret) {
    _cleanup_arena_ arena *a = arena_new();
    char *dir = NULL;
    err e = {0};
    *ret = (sandbox_means){.landlock = landlock_abi()};
    trial t = {.means = ret};
    cgroup_describe(ret->cgroup, sizeof ret->cgroup);
    if (fs_temp_dir(a, "slipway-probe-", &dir, &e) < 0 || try_it(a, dir, &t, &e) < 0)
        refuse(ret, e.message);
    err ignored;
    if (dir) fs_remove(dir, &ignored);
    judge_ids(ret);
    if (!ret->namespaces) advise(ret);
}
