/* The root of a job's machine: a tmpfs, in which the host's system folders appear as overlays.
 *
 *   T = tmpfs, mounted on LAYER/root in this mount namespace only
 *   T/root        becomes "/"; also /tmp, /run, /var/log, … : what is not named below
 *     usr etc …   overlay of T/up/N (written), LAYER/lower/NAME, LAYER/own/NAME, the host's /NAME
 *     dev         a few devices bound from the host, terminals of its own
 *     proc        of the new pid namespace; for root, without what would reach the kernel
 *     home/runner, home/runner/work   bound from the job's folder
 *
 * Where snapshots are wanted, the overlays, /tmp, /var/tmp, home and work are mounted by
 * ns_layers.c. A root folder of the job's own is one overlay then no more, but one a folder.
 *
 * Folder by folder, because a user's namespace may not lay an overlay over "/" (its mounts are
 * locked), and because what is not a system folder (homes, /srv, /mnt, sockets in /run) must not
 * show at all. */
#include "sandbox/ns.h"

#include "base/fs.h"
#include "sandbox/mounts.h"
#include "sandbox/ns_layers.h"
#include "sandbox/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LAID_MAX 64

/* What a step of the construction works with. */
typedef struct builder {
    const ns_job *job;
    bool as_root;
    arena *a;
    const char *top;   /* T */
    const char *root;  /* T/root */
    const char *upper; /* where the overlays' written parts lie: T, or the job's folder */
    unsigned overlays;
    const char *laid[LAID_MAX]; /* paths of the job that are kept already */
    unsigned laid_count;
    mounts mounts; /* of the host */
    err *e;
} builder;

static int failed(builder *b, const char *what, const char *path) {
    return err_sys(b->e, errno, "cannot %s '%s'", what, path);
}

static const char *inside(builder *b, const char *path) {
    return arena_printf(b->a, "%s%s", b->root, path).ptr;
}

/* A root folder of somebody's making may have a link here, which leads to the host as long as this
 * process's root is the host's: a folder takes its place. */
static int make_folder(builder *b, const char *path, mode_t mode) {
    struct stat st;
    if (mkdir(path, 0755) < 0 && errno != EEXIST) return failed(b, "make", path);
    bool made = lstat(path, &st) == 0 &&
                (S_ISDIR(st.st_mode) || (unlink(path) == 0 && mkdir(path, 0755) == 0));
    if (!made) return failed(b, "make", path);
    if (S_ISDIR(st.st_mode) && (st.st_mode & 07777) == mode) return 0;
    return mode == 0755 || chmod(path, mode) == 0 ? 0 : failed(b, "make", path);
}

static int bind_to(builder *b, const char *from, const char *to) {
    return mount(from, to, NULL, MS_BIND, NULL) == 0 ? 0 : failed(b, "mount", from);
}

/* Adds a flag to a mount and keeps those that are locked. */
static int seal(builder *b, const char *path, uint64_t flags) {
    struct mount_attr attr = {.attr_set = flags};
    return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof attr) == 0
               ? 0
               : failed(b, "seal", path);
}

/* ---- the tmpfs ----------------------------------------------------------------------------- */

uint64_t ns_root_size(const ns_job *job) {
    uint64_t size = job->limits.disk_bytes, memory = job->limits.memory_bytes;
    struct sysinfo machine;
    if (memory && (!size || memory < size)) size = memory;
    if (sysinfo(&machine) < 0) return size;
    uint64_t half = (uint64_t)machine.totalram * machine.mem_unit / 2;
    return !size || half < size ? half : size;
}

static int mount_top(builder *b) {
    char options[96] = "mode=755";
    uint64_t size = ns_root_size(b->job);
    if (size) snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)size);
    if (mount("slipway", b->top, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        return failed(b, "mount a tmpfs on", b->top);
    if (make_folder(b, b->root, 0755) < 0) return b->e->code;
    return bind_to(b, b->root, b->root); /* what becomes "/" has to be a mount */
}

/* An overlay marks folders that hide others with an attribute. A tmpfs has those since Linux 6.6;
 * before, the job's folder serves. */
static int choose_upper(builder *b, ns_root *ret) {
    ret->in_memory = setxattr(b->top, "user.slipway", "", 0, 0) == 0;
    const char *beside = arena_printf(b->a, "%s/over", b->job->folder).ptr;
    b->upper = ret->in_memory ? b->top : beside;
    if (!ret->in_memory && fs_remove(beside, b->e) < 0) return b->e->code;
    if (!ret->in_memory && make_folder(b, b->upper, 0700) < 0) return b->e->code;
    return 0;
}

/* ---- overlays ------------------------------------------------------------------------------ */

/* A folder of which snapshots are kept; the job sees it at `path`, whose parent exists. */
static int keep(builder *b, const char *path, ns_kept k) {
    const char *slash = strrchr(path, '/');
    str above = str_sub(str_from(path), 0, (size_t)(slash - path));
    k.parent = inside(b, arena_cstr(b->a, above));
    k.name = slash + 1;
    return ns_layers_add(&k, b->e);
}

/* A path as overlayfs reads it: colons part folders, commas options. */
static const char *quoted(builder *b, const char *path) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (; *path; path++) {
        if (strchr("\\:,", *path)) strbuf_addc(&out, '\\');
        strbuf_addc(&out, *path);
    }
    return arena_cstr(b->a, strbuf_str(&out));
}

/* `lower` and `own` may be NULL. */
static int mount_overlay(builder *b, const char *lower, const char *own, const char *below,
                         const char *target) {
    const char *up = arena_printf(b->a, "%s/up%u", b->upper, b->overlays).ptr;
    const char *work = arena_printf(b->a, "%s/wk%u", b->upper, b->overlays++).ptr;
    if (make_folder(b, up, 0755) < 0 || make_folder(b, work, 0755) < 0) return b->e->code;
    str options =
        arena_printf(b->a, "lowerdir=%s%s%s%s%s,upperdir=%s,workdir=%s,userxattr",
                     lower ? quoted(b, lower) : "", lower ? ":" : "", own ? quoted(b, own) : "",
                     own ? ":" : "", quoted(b, below), quoted(b, up), quoted(b, work));
    if (mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options.ptr) == 0) return 0;
    int code = errno;
    const char *in_it = code == EINVAL ? mounts_below(&b->mounts, below) : NULL;
    if (in_it)
        return err_set(b->e, ERR_UNSUPPORTED,
                       "cannot lay an overlay over '%s', because '%s' is mounted in it", below,
                       in_it);
    errno = code;
    return failed(b, "lay an overlay over", below);
}

/* ---- system folders ------------------------------------------------------------------------ */

#define PARTS_DEPTH 16        /* deeper, a folder with a mount in it stays empty */
#define COPY_MAX    (1 << 20) /* a larger file is not copied but seen read-only */

static int lay_parts(builder *b, const char *path, const char *below, const char *lower,
                     unsigned depth);

/* The kernel lays no overlay over a folder in which something is mounted, because a user's
 * namespace must not see what the mount hides. So such a folder is made of its entries, each laid
 * over by itself. On many machines there is one: Docker mounts the roots of its containers in
 * /var/lib. */
static int lay_folder(builder *b, const char *path, const char *below, const char *lower,
                      unsigned depth) {
    bool plain = true;
    bool is_mount = mounts_at(&b->mounts, path, &plain);
    if (make_folder(b, inside(b, path), 0755) < 0) return b->e->code;
    if (!plain) return 0; /* whatever is mounted in it: it is not looked into */
    if (mounts_below(&b->mounts, path)) return lay_parts(b, path, below, lower, depth + 1);
    const char *own = arena_printf(b->a, "%s/own%s", b->job->layer, path).ptr;
    if (!fs_is_dir(own)) own = NULL;
    if (b->job->layered)
        return keep(b, path, (ns_kept){.below = below, .own = own, .lower = lower, .mode = 0755});
    int r = mount_overlay(b, lower, own, below, inside(b, path));
    if (r < 0 && is_mount && depth > 0) *b->e = (err){0}, r = 0; /* it shows as an empty folder */
    return r;
}

static int lay_file(builder *b, const char *path, const char *from, const struct stat *st) {
    const char *to = inside(b, path);
    if (S_ISREG(st->st_mode) && st->st_size > COPY_MAX) {
        if (fs_create(to, STR_EMPTY, 0644, b->e) < 0 || bind_to(b, from, to) < 0) return b->e->code;
        return seal(b, to, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    }
    err unreadable = {0};
    if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode)) fs_copy(from, to, &unreadable);
    return 0;
}

/* What the layer has goes before what the host has, and a device in it hides that; in between is
 * what is the job's own copy. */
static int lay_entry(builder *b, const char *path, unsigned depth) {
    const char *lower = arena_printf(b->a, "%s/lower%s", b->job->layer, path).ptr;
    const char *own = arena_printf(b->a, "%s/own%s", b->job->layer, path).ptr;
    struct stat ours = {0}, host = {0}, copy = {0};
    bool in_layer = lstat(lower, &ours) == 0, on_host = lstat(path, &host) == 0;
    if (in_layer && S_ISCHR(ours.st_mode)) return 0;
    bool both = in_layer && on_host && S_ISDIR(ours.st_mode) && S_ISDIR(host.st_mode);
    const char *from = in_layer && !both ? lower : path;
    const struct stat *st = in_layer ? &ours : &host;
    if (S_ISDIR(st->st_mode)) return lay_folder(b, path, from, both ? lower : NULL, depth);
    if (!in_layer && lstat(own, &copy) == 0) from = own, st = &copy;
    return lay_file(b, path, from, st);
}

static int lay_parts(builder *b, const char *path, const char *below, const char *lower,
                     unsigned depth) {
    const char *const from[] = {below, lower};
    if (depth > PARTS_DEPTH) return 0;
    for (size_t i = 0; i < 2; i++) {
        fs_entry *entries;
        size_t count = 0;
        err unreadable;
        struct stat st;
        if (!from[i] || fs_list(b->a, from[i], &entries, &count, &unreadable) < 0) continue;
        for (size_t j = 0; j < count; j++) {
            const char *entry = fs_join(b->a, path, entries[j].name);
            if (lstat(inside(b, entry), &st) < 0 && lay_entry(b, entry, depth) < 0)
                return b->e->code;
        }
    }
    return 0;
}

/* What the layer has of a system folder says whether the host has it, and as what. */
static int lay_over(builder *b, const char *name) {
    const char *lower = arena_printf(b->a, "%s/lower/%s", b->job->layer, name).ptr;
    const char *path = arena_printf(b->a, "/%s", name).ptr;
    struct stat st;
    if (lstat(lower, &st) < 0) return 0;
    if (S_ISLNK(st.st_mode)) return fs_copy(lower, inside(b, path), b->e);
    return lay_folder(b, path, path, lower, 0);
}

static int lay_host(builder *b) {
    if (make_folder(b, inside(b, "/var"), 0755) < 0) return b->e->code;
    for (const char *const *name = ns_system_folders; *name; name++) {
        if (lay_over(b, *name) < 0) return b->e->code;
    }
    return 0;
}

static int lay_rootfs(builder *b) {
    const char *lower = arena_printf(b->a, "%s/image", b->job->layer).ptr;
    return mount_overlay(b, lower, NULL, b->job->rootfs, b->root);
}

/* ---- a root folder in parts, for snapshots --------------------------------------------------- */

static int lay_part(builder *b, const char *path);

static int lay_parts_of(builder *b, const char *folder) {
    fs_entry *entries;
    size_t count;
    const char *from = arena_printf(b->a, "%s%s", b->job->rootfs, folder).ptr;
    int r = fs_list(b->a, from, &entries, &count, b->e);
    for (size_t i = 0; i < count && r == 0; i++)
        r = lay_part(b, arena_printf(b->a, "%s/%.*s", folder, STR_ARG(entries[i].name)).ptr);
    return r;
}

static int keep_part(builder *b, const char *path, const char *from, const struct stat *st) {
    const char *lower = arena_printf(b->a, "%s/image%s", b->job->layer, path).ptr;
    if (b->laid_count == LAID_MAX)
        return err_set(b->e, ERR_LIMIT, "'%s' has more than %d folders to keep snapshots of",
                       b->job->rootfs, LAID_MAX);
    b->laid[b->laid_count++] = path;
    if (make_folder(b, inside(b, path), st->st_mode & 07777) < 0) return b->e->code;
    ns_kept k = {
        .below = from, .lower = fs_is_dir(lower) ? lower : NULL, .mode = st->st_mode & 07777};
    return keep(b, path, k);
}

/* Folders become layers of their own, so "/" is none; what the sandbox makes itself is left out.
 * The parents are folders here, and not links, for none of them is looked at through the root
 * folder's own names. */
static int lay_part(builder *b, const char *path) {
    static const char *const made[] = {"/dev", "/proc", "/sys", "/run", NS_HOME};
    static const char *const parted[] = {"/var", "/home"};
    const char *from = arena_printf(b->a, "%s%s", b->job->rootfs, path).ptr;
    struct stat st;
    if (STR_IS_AMONG(str_from(path), made)) return 0;
    if (lstat(from, &st) < 0) return failed(b, "look at", from);
    if (S_ISDIR(st.st_mode) && STR_IS_AMONG(str_from(path), parted))
        return make_folder(b, inside(b, path), 0755) < 0 ? b->e->code : lay_parts_of(b, path);
    if (S_ISDIR(st.st_mode)) return keep_part(b, path, from, &st);
    return S_ISLNK(st.st_mode) || S_ISREG(st.st_mode) ? fs_copy(from, inside(b, path), b->e) : 0;
}

/* ---- folders, devices, proc ---------------------------------------------------------------- */

static const struct plain_folder {
    const char *path;
    mode_t mode;
    bool kept; /* in snapshots */
} plain_folders[] = {
    {"/dev", 0755, false},      {"/proc", 0555, false},    {"/sys", 0755, false},
    {"/tmp", 01777, true},      {"/run", 0755, false},     {"/run/lock", 0755, false},
    {"/var", 0755, false},      {"/var/tmp", 01777, true}, {"/var/log", 0755, true},
    {"/var/spool", 0755, true}, {"/var/mail", 0755, true}, {"/var/opt", 0755, true},
    {"/mnt", 0755, true},       {"/media", 0755, true},    {"/srv", 0755, true},
    {"/root", 0700, true},      {"/home", 0755, false},    {NS_HOME, 0755, false},
};

static int make_folders(builder *b) {
    for (size_t i = 0; i < sizeof plain_folders / sizeof *plain_folders; i++) {
        const struct plain_folder *f = &plain_folders[i];
        if (make_folder(b, inside(b, f->path), f->mode) < 0) return b->e->code;
    }
    if (symlink("/run", inside(b, "/var/run")) < 0 && errno != EEXIST)
        return failed(b, "make", "/var/run");
    if (symlink("/run/lock", inside(b, "/var/lock")) < 0 && errno != EEXIST)
        return failed(b, "make", "/var/lock");
    return 0;
}

/* The device is the host's: read-only keeps its mode and owner, and does not keep from writing to
 * the device. */
static int bind_device(builder *b, const char *from, const char *to) {
    return bind_to(b, from, to) < 0 ? b->e->code
                                    : seal(b, to, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC);
}

static int make_node(builder *b, const char *name) {
    const char *from = arena_printf(b->a, "/dev/%s", name).ptr;
    const char *to = inside(b, from);
    int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return failed(b, "make", to);
    close(fd);
    return bind_device(b, from, to);
}

static int make_devices(builder *b) {
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
                                           {"/proc/self/fd/0", "/dev/stdin"},
                                           {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"},
                                           {"pts/ptmx", "/dev/ptmx"}};
    if (b->job->rootfs[0] &&
        mount("slipway", inside(b, "/dev"), "tmpfs", MS_NOSUID, "mode=755,size=64k") < 0)
        return failed(b, "mount", "/dev");
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        if (make_node(b, nodes[i]) < 0) return b->e->code;
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlink(links[i][0], inside(b, links[i][1])) < 0) return failed(b, "make", links[i][1]);
    }
    const char *pts = inside(b, "/dev/pts"), *shm = inside(b, "/dev/shm");
    if (make_folder(b, pts, 0755) < 0 || make_folder(b, shm, 01777) < 0) return b->e->code;
    if (mount("devpts", pts, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666") < 0)
        return failed(b, "mount", "/dev/pts");
    return 0;
}

/* What the owner of everything could do harm with, or learn too much from. A user's ids already
 * keep a user away from all of it. As container engines have it. */
static int cover_proc(builder *b) {
    static const char *const sealed[] = {"/proc/sys",    "/proc/irq",  "/proc/bus",
                                         "/proc/fs",     "/proc/acpi", "/proc/driver",
                                         "/proc/asound", "/proc/scsi", "/proc/mtrr"};
    static const char *const hidden[] = {
        "/proc/kcore",       "/proc/keys",          "/proc/kmsg",         "/proc/timer_list",
        "/proc/sched_debug", "/proc/kallsyms",      "/proc/kpagecount",   "/proc/kpageflags",
        "/proc/kpagecgroup", "/proc/sysrq-trigger", "/proc/latency_stats"};
    for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        const char *path = inside(b, sealed[i]);
        if (!fs_exists(path)) continue;
        if (bind_to(b, path, path) < 0 || seal(b, path, MOUNT_ATTR_RDONLY) < 0) return b->e->code;
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        const char *path = inside(b, hidden[i]);
        if (fs_exists(path) && bind_device(b, "/dev/null", path) < 0) return b->e->code;
    }
    return 0;
}

static int make_proc(builder *b) {
    const char *proc = inside(b, "/proc");
    if (mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return failed(b, "mount", "/proc");
    return b->as_root ? cover_proc(b) : 0;
}

/* Programs look there for how many processors there are. */
static int make_sys(builder *b) {
    static const char *const steps[] = {"/sys/devices", "/sys/devices/system"};
    if (!fs_exists(steps[1])) return 0;
    for (size_t i = 0; i < 2; i++) {
        if (make_folder(b, inside(b, steps[i]), 0755) < 0) return b->e->code;
    }
    const char *to = inside(b, steps[1]);
    return bind_to(b, steps[1], to) < 0 ? b->e->code : seal(b, to, MOUNT_ATTR_RDONLY);
}

static int bind_folder(builder *b) {
    const char *home = arena_printf(b->a, "%s/home", b->job->folder).ptr;
    const char *work = arena_printf(b->a, "%s/work", b->job->folder).ptr;
    const uint64_t flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (bind_to(b, home, inside(b, NS_HOME)) < 0 || seal(b, inside(b, NS_HOME), flags) < 0 ||
        make_folder(b, inside(b, NS_WORK), 0755) < 0 || bind_to(b, work, inside(b, NS_WORK)) < 0)
        return b->e->code;
    return seal(b, inside(b, NS_WORK), flags);
}

static int make_folders_to(builder *b, const char *path) {
    char *prefix = arena_cstr(b->a, str_from(path));
    for (char *slash = prefix; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (make_folder(b, inside(b, prefix), 0755) < 0) return b->e->code;
        *slash = '/';
    }
    return make_folder(b, inside(b, path), 0755);
}

/* Home and work, and what else a job writes to and reads again. */
static int keep_folders(builder *b) {
    const char *home = arena_printf(b->a, "%s/home", b->job->folder).ptr;
    const char *work = arena_printf(b->a, "%s/work", b->job->folder).ptr;
    const char *inner = arena_printf(b->a, "%s/work", home).ptr; /* where work is mounted */
    ns_kept in_home = {.parent = inside(b, "/home"),
                       .name = "runner/work",
                       .below = work,
                       .mode = 0755,
                       .on_disk = true};
    if (make_folder(b, inner, 0755) < 0 ||
        keep(b, NS_HOME, (ns_kept){.below = home, .mode = 0755, .on_disk = true}) < 0 ||
        ns_layers_add(&in_home, b->e) < 0)
        return b->e->code;
    for (size_t i = 0; i < sizeof plain_folders / sizeof *plain_folders; i++) {
        const struct plain_folder *f = &plain_folders[i];
        if (!f->kept || str_is_among(str_from(f->path), b->laid, b->laid_count)) continue;
        if (keep(b, f->path, (ns_kept){.mode = f->mode}) < 0) return b->e->code;
    }
    return 0;
}

static int bind_mounts(builder *b) {
    for (unsigned i = 0; i < b->job->mount_count; i++) {
        const sandbox_mount *m = &b->job->mounts[i];
        const char *to = inside(b, m->to);
        if (make_folders_to(b, m->to) < 0 || bind_to(b, m->from, to) < 0 ||
            seal(b, to, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) < 0)
            return b->e->code;
    }
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Where a job has one id, its `sudo` says why, and stands in for the programs that it is mostly
 * used for. A root of somebody's own making may have no place for that. */
static int tell_one_id(builder *b) {
    static const char *const programs[] = {"/usr/local/sbin/apt", "/usr/local/sbin/apt-get"};
    str why = arena_printf(b->a, "%s\n", subids_of_user()->why_not);
    const char *slash = strrchr(NS_ONE_ID, '/');
    str above = {NS_ONE_ID, (size_t)(slash - NS_ONE_ID)};
    if (b->as_root || b->job->rootfs[0]) return 0;
    if (make_folder(b, arena_cstr(b->a, above), 0755) < 0 || fs_create(NS_ONE_ID, why, 0644, b->e))
        return b->e->code;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (symlink("/usr/bin/sudo", programs[i]) < 0 && errno != EEXIST && errno != ENOENT)
            return failed(b, "make", programs[i]);
    }
    return 0;
}

static int become_root(builder *b) {
    if (chdir(b->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return failed(b, "change the root to", b->root);
    return 0;
}

static int build(builder *b, ns_root *ret) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return failed(b, "separate the mounts of", "/");
    bool layered = b->job->layered;
    if (mounts_read(b->a, &b->mounts, b->e) < 0) return b->e->code;
    if (mount_top(b) < 0 || choose_upper(b, ret) < 0) return b->e->code;
    if (layered && ns_layers_open(b->job, b->root, ret->in_memory, b->e) < 0) return b->e->code;
    int laid = !b->job->rootfs[0] ? lay_host(b) : layered ? lay_parts_of(b, "") : lay_rootfs(b);
    if (laid < 0) return b->e->code;
    if (make_folders(b) < 0 || make_devices(b) < 0 || make_proc(b) < 0 || make_sys(b) < 0 ||
        (layered ? keep_folders(b) : bind_folder(b)) < 0 || bind_mounts(b) < 0)
        return b->e->code;
    if (become_root(b) < 0 || (layered && ns_layers_mount(b->e) < 0)) return b->e->code;
    return tell_one_id(b);
}

int ns_root_make(const ns_job *job, bool as_root, ns_root *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    builder b = {.job = job, .as_root = as_root, .a = a, .e = e};
    b.top = arena_printf(a, "%s/root", job->layer).ptr;
    b.root = arena_printf(a, "%s/root", b.top).ptr;
    umask(022);
    *ret = (ns_root){0};
    if (build(&b, ret) < 0) return e->code;
    if (sethostname("runner", 6) < 0) return err_sys(e, errno, "cannot set the host's name");
    return 0;
}
