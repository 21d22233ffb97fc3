/* What lies over the host's system folders in every sandbox, and what of them does not show.
 *
 *   LAYER/lower/usr, etc, …   a folder (or link) for each system folder that the host has
 *   LAYER/own                 where jobs are root by subordinate ids: a link to what layer.h tells
 *   LAYER/image               the same for a root folder of its own: only what names the machine
 *   LAYER/root                where each sandbox mounts its root, in its own mount namespace
 *
 * A folder that the layer has, too, belongs to whoever runs Slipway; so a job without root's ids
 * can still put files into /usr/local/bin or /opt. A device with the number 0 hides a file
 * (overlayfs calls it a whiteout): all that not everybody may read is hidden, keys and passwords
 * among it, because a job may be who may; and the home of whoever runs Slipway, which may be
 * /var/lib/NAME. */
#include "sandbox/layer.h"
#include "sandbox/ns.h"

#include "base/fs.h"
#include "sandbox/mounts.h"
#include "sandbox/subids.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIDE_DEPTH 5
#define TEXT_MAX   (4u << 20)

const char *const ns_system_folders[] = {"usr", "etc",   "opt",     "bin",       "sbin",
                                         "lib", "lib32", "lib64",   "libx32",    "nix",
                                         "gnu", "snap",  "var/lib", "var/cache", NULL};

/* Where programs and administrators put files of their own. */
static const char *const open_folders[] = {
    "usr/bin",       "usr/sbin",       "usr/lib",       "usr/share",       "usr/local",
    "usr/local/bin", "usr/local/sbin", "usr/local/lib", "usr/local/share", "usr/local/include",
    "usr/local/etc", "usr/local/src",  "etc/profile.d", "etc/ssl/certs",   "usr/include",
};

typedef struct layer {
    arena *a;
    const char *lower, *image;
    mounts mounts; /* of the host */
    err *e;
} layer;

/* ---- holes --------------------------------------------------------------------------------- */

/* Folders that hold programs and their data, by the hundred thousand, and no secret. */
static bool is_public(const char *path) {
    static const char *const all[] = {"/var/lib/dpkg", "/var/lib/apt", "/etc/alternatives",
                                      "/etc/ssl/certs"};
    return STR_IS_AMONG(str_from(path), all);
}

static int hide(const layer *l, const char *path) {
    char *hole = fs_join(l->a, l->lower, str_from(path + 1));
    char *above = arena_cstr(l->a, str_sub(str_from(hole), 0, (size_t)(strrchr(hole, '/') - hole)));
    if (fs_mkdirs(above, 0755, l->e) < 0) return l->e->code;
    if (mknod(hole, S_IFCHR, 0) == 0 || errno == EEXIST) return 0;
    return err_sys(l->e, errno, "cannot hide '%s' from jobs", path);
}

/* What is mounted there is of the kernel's or a program's making; no job sees it (ns_root.c). */
static bool is_foreign(const layer *l, const char *path) {
    bool plain;
    return mounts_at(&l->mounts, path, &plain) && !plain;
}

/* What cannot be looked at is as good as hidden. */
static int hide_private(const layer *l, const char *folder, unsigned depth) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err ignored;
    if (fs_list(a, folder, &entries, &count, &ignored) < 0) return 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = fs_join(a, folder, entries[i].name);
        struct stat st;
        if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode) || is_public(path)) continue;
        mode_t needed = S_ISDIR(st.st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
        bool readable = (st.st_mode & needed) == needed;
        if (!readable && hide(l, path) < 0) return l->e->code;
        if (readable && S_ISDIR(st.st_mode) && depth > 1 && !is_foreign(l, path) &&
            hide_private(l, path, depth - 1) < 0)
            return l->e->code;
    }
    return 0;
}

static int hide_all(const layer *l) {
    static const struct {
        const char *folder;
        unsigned depth;
    } all[] = {{"/etc", HIDE_DEPTH}, {"/var/lib", HIDE_DEPTH}, {"/var/cache", 2},
               {"/opt", 3},          {"/usr/local", 2},        {"/usr/local/etc", HIDE_DEPTH}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (hide_private(l, all[i].folder, all[i].depth) < 0) return l->e->code;
    }
    return 0;
}

/* Accounts of programs share homes such as /usr/sbin, which are not theirs. */
static int hide_home(const layer *l, const char *home) {
    struct stat st;
    str path = fs_normalize(l->a, str_from(home ? home : "/"));
    bool own = geteuid() != 0 && path.ptr[0] == '/' && home && lstat(home, &st) == 0 &&
               S_ISDIR(st.st_mode) && st.st_uid == geteuid();
    for (const char *const *name = ns_system_folders; own && *name; name++) {
        str folder = arena_printf(l->a, "/%s/", *name);
        if (str_starts(path, folder)) return hide(l, arena_cstr(l->a, path));
    }
    return 0;
}

static int hide_homes(const layer *l) {
    const struct passwd *person = getpwuid(geteuid());
    if (hide_home(l, getenv("HOME")) < 0) return l->e->code;
    return hide_home(l, person ? person->pw_dir : NULL);
}

/* ---- files --------------------------------------------------------------------------------- */

static int put(const layer *l, const char *dir, const char *name, str text, int mode) {
    char *path = fs_join(l->a, dir, str_from(name));
    char *above = arena_cstr(l->a, str_sub(str_from(path), 0, (size_t)(strrchr(path, '/') - path)));
    if (fs_mkdirs(above, 0755, l->e) < 0) return l->e->code;
    unlink(path); /* a hole that hides the host's */
    if (fs_create(path, text, mode, l->e) < 0) return l->e->code;
    return chmod(path, (mode_t)mode) == 0 ? 0 : err_sys(l->e, errno, "cannot make '%s'", path);
}

static str host_text(const layer *l, const char *path) {
    str text;
    err ignored;
    return fs_read_file(l->a, path, TEXT_MAX, &text, &ignored) == 0 ? text : STR_EMPTY;
}

/* Options of sudo are passed over: there is nobody else to become in a sandbox with one user, and
 * root already is who it would become. */
static const char sudo[] =
    "#!/bin/sh\n"
    "# Slipway's sandbox: a job already has all the rights that there are in it, so this runs the\n"
    "# command as it is. Where the job is root, -u changes the user.\n"
    "one=" NS_ONE_ID "\n"
    "case ${0##*/} in apt|apt-get) set -- \"/usr/bin/${0##*/}\" \"$@\" ;; esac\n"
    "user=\n"
    "while [ $# -gt 0 ]; do\n"
    "  case $1 in\n"
    "    --) shift; break ;;\n"
    "    -u|--user) user=$2; shift 2 ;;\n"
    "    --user=*) user=${1#*=}; shift ;;\n"
    "    -u?*) user=${1#-u}; shift ;;\n"
    "    -g|-h|-p|-C|-r|-t|-T|-U|-D|-R) shift 2 ;;\n"
    "    -v|-k|-K|--validate) exit 0 ;;\n"
    "    -l|--list) echo 'ALL'; exit 0 ;;\n"
    "    -i|-s|--login|--shell) shift; [ $# -gt 0 ] || set -- \"${SHELL:-/bin/sh}\" ;;\n"
    "    -*) shift ;;\n"
    "    *=*) export \"$1\"; shift ;;\n"
    "    *) break ;;\n"
    "  esac\n"
    "done\n"
    "[ $# -gt 0 ] || { echo 'usage: sudo COMMAND' >&2; exit 1; }\n"
    "if [ \"$(id -u)\" = 0 ] && [ -n \"$user\" ] && [ \"$user\" != root ]; then\n"
    "  exec setpriv --reuid \"$user\" --regid \"$(id -g \"$user\")\" --init-groups -- \"$@\"\n"
    "fi\n"
    "case $1 in /*/apt|/*/apt-get|aptitude|dpkg|/*/dpkg)\n"
    "  [ ! -e $one ] || echo \"slipway: this sandbox has one user id, so the packages of the\" \\\n"
    "    \"system cannot be changed in it ($(cat $one));\" \\\n"
    "    \"'slipway doctor' tells how to get more\" >&2 ;;\n"
    "esac\n"
    "exec \"$@\"\n";

#define RUNNER_LINE "runner:x:1001:1001:runner:" NS_HOME ":/bin/bash\n"

/* Lines whose second field, the password's, is none. */
static str without_passwords(const layer *l, str text, const char *rest) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str line, name, ignored;
    while (str_line(&text, &line)) {
        if (!str_cut(line, ':', &name, &ignored)) continue;
        strbuf_addf(&out, "%.*s:%s\n", STR_ARG(name), rest);
    }
    return arena_str(l->a, strbuf_str(&out));
}

static bool has_user(str text, const char *start) {
    str line;
    while (str_line(&text, &line)) {
        if (str_starts(line, str_from(start))) return true;
    }
    return false;
}

/* What names the machine and its users. The host's own resolv.conf often is a link into /run. */
static int put_names(const layer *l, const char *dir) {
    str hosts = arena_printf(l->a, "127.0.1.1\trunner\n%.*s", STR_ARG(host_text(l, "/etc/hosts")));
    if (put(l, dir, "etc/hosts", hosts, 0644) < 0) return l->e->code;
    if (put(l, dir, "etc/hostname", STR("runner\n"), 0644) < 0) return l->e->code;
    return put(l, dir, "etc/resolv.conf", host_text(l, "/etc/resolv.conf"), 0644);
}

static int put_users(const layer *l) {
    str passwd = host_text(l, "/etc/passwd"), group = host_text(l, "/etc/group");
    if (!has_user(passwd, "runner:"))
        passwd = arena_printf(l->a, "%.*s" RUNNER_LINE, STR_ARG(passwd));
    if (!has_user(group, "runner:"))
        group = arena_printf(l->a, "%.*srunner:x:1001:\n", STR_ARG(group));
    str shadow = without_passwords(l, passwd, "*:19000:0:99999:7:::");
    str gshadow = without_passwords(l, group, "*::");
    if (put(l, l->lower, "etc/passwd", passwd, 0644) < 0 ||
        put(l, l->lower, "etc/group", group, 0644) < 0 ||
        put(l, l->lower, "etc/shadow", shadow, 0600) < 0)
        return l->e->code;
    return put(l, l->lower, "etc/gshadow", gshadow, 0600);
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* A folder or a link, as the host has it. */
static int mirror(const layer *l, const char *name) {
    char *from = fs_join(l->a, "/", str_from(name)), *to = fs_join(l->a, l->lower, str_from(name));
    struct stat st;
    char target[256];
    if (lstat(from, &st) < 0) return 0;
    if (S_ISDIR(st.st_mode)) return fs_mkdirs(to, 0755, l->e);
    ssize_t n = S_ISLNK(st.st_mode) ? readlink(from, target, sizeof target - 1) : 0;
    if (n <= 0) return 0;
    target[n] = '\0';
    return symlink(target, to) == 0 ? 0 : err_sys(l->e, errno, "cannot make '%s'", to);
}

static int open_up(const layer *l) {
    for (size_t i = 0; i < sizeof open_folders / sizeof *open_folders; i++) {
        struct stat st;
        const char *from = fs_join(l->a, "/", str_from(open_folders[i]));
        if (lstat(from, &st) < 0 || !S_ISDIR(st.st_mode)) continue;
        if (fs_mkdirs(fs_join(l->a, l->lower, str_from(open_folders[i])), 0755, l->e) < 0)
            return l->e->code;
    }
    return 0;
}

/* Where it cannot be kept (a home without room, or that may not be written to), it is made anew. */
static int own_folders(const layer *l, const char *link, const char *cache) {
    err ignored;
    if (layer_own(link, cache, &ignored) == 0) return 0;
    return layer_own(link, arena_printf(l->a, "%s.made", link).ptr, l->e);
}

/* Workflows scan and judge with `slipway`, which a machine need not have installed. A copy: what
 * jobs see of a run is nothing that belongs to whoever runs it. */
static int put_program(const layer *l) {
    if (fs_exists("/usr/bin/slipway") || fs_exists("/usr/local/bin/slipway")) return 0;
    char *own, *path = fs_join(l->a, l->lower, STR("usr/local/bin/slipway"));
    err gone = {0}; /* replaced by a newer one while it runs */
    if (fs_real(l->a, "/proc/self/exe", &own, &gone) < 0) return 0;
    if (fs_copy(own, path, l->e) < 0) return l->e->code;
    return chmod(path, 0755) == 0 ? 0 : err_sys(l->e, errno, "cannot make '%s'", path);
}

static int make_layer(const char *dir, const char *cache, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    layer l = {.a = a,
               .lower = fs_join(a, dir, STR("lower")),
               .image = fs_join(a, dir, STR("image")),
               .e = e};
    if (mounts_read(a, &l.mounts, e) < 0) return e->code;
    if (fs_mkdirs(fs_join(a, dir, STR("root")), 0755, e) < 0) return e->code;
    for (const char *const *name = ns_system_folders; *name; name++) {
        if (mirror(&l, *name) < 0) return e->code;
    }
    if (hide_all(&l) < 0 || hide_homes(&l) < 0) return e->code;
    const char *own = fs_join(a, dir, STR("own"));
    if (cache && subids_of_user()->usable && own_folders(&l, own, cache) < 0) return e->code;
    if (open_up(&l) < 0 || put_users(&l) < 0 || put_names(&l, l.lower) < 0 ||
        put_names(&l, l.image) < 0)
        return e->code;
    if (put_program(&l) < 0) return e->code;
    return put(&l, l.lower, "usr/bin/sudo", str_from(sudo), 0755);
}

/* Jobs of any user go through these folders, whatever the umask of whoever runs Slipway. */
int sandbox_layer_make(const char *dir, const char *cache, err *e) {
    mode_t before = umask(022);
    int r = make_layer(dir, cache, e);
    umask(before);
    return r;
}
