#include "sandbox/ns_layers.h"

#include "base/arena.h"
#include "base/fs.h"
#include "sandbox/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define KEPT_MAX      256
#define KEPT_NAME_MAX 256
#define NOBODY_KNOWN  65534 /* what ids are shown as that this user namespace has not */
#define ENOUGH        320   /* for a path in the store, or a mount point by its descriptor */
#define OPTIONS_MAX   40256 /* of mount(2) */
#define KILL_WAIT_MS  10000

/* A folder that is kept. */
typedef struct kept {
    int parent;
    char name[KEPT_NAME_MAX];
    char store[32]; /* its folder in the store */
    bool covered;   /* there is an `l` */
    bool own;       /* there is an `o` */
    mode_t mode;
    uid_t owner;
    gid_t group;
} kept;

/* What ran when a layer was begun. */
typedef struct running {
    pid_t *pids; /* sorted */
    size_t count;
} running;

static struct {
    int store;
    bool in_memory;
    kept mounts[KEPT_MAX];
    unsigned count;
    unsigned top;                               /* the layer that is written to */
    unsigned made;                              /* so many uppers for each folder */
    unsigned uppers[SANDBOX_SNAPSHOTS_MAX + 1]; /* by layer: its upper's name */
    running running[SANDBOX_SNAPSHOTS_MAX + 1];
} all = {.store = -1};

/* ---- the store ----------------------------------------------------------------------------- */

/* The written part of an overlay lies on a file system that can mark folders. */
static int open_disk(const ns_job *job, const char *store, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *over = fs_join(a, job->folder, STR("over")), *disk = fs_join(a, store, STR("disk"));
    if (fs_remove(over, e) < 0) return e->code;
    if (mkdir(over, 0700) < 0 || mkdir(disk, 0700) < 0)
        return err_sys(e, errno, "cannot make '%s'", over);
    if (setxattr(over, "user.slipway", "", 0, 0) < 0)
        return err_sys(e, errno,
                       "snapshots cannot be kept in '%s', whose file system has no attributes of a "
                       "user's; set TMPDIR to a folder on ext4, xfs or btrfs",
                       job->folder);
    if (mount(over, disk, NULL, MS_BIND, NULL) < 0)
        return err_sys(e, errno, "cannot mount '%s'", over);
    return 0;
}

int ns_layers_open(const ns_job *job, const char *root, bool in_memory, err *e) {
    char options[96] = "mode=700", *store = NULL;
    _cleanup_arena_ arena *a = arena_new();
    uint64_t size = ns_root_size(job);
    if (size) snprintf(options, sizeof options, "mode=700,size=%llu", (unsigned long long)size);
    store = fs_join(a, root, STR("proc"));
    if (mkdir(store, 0555) < 0 && errno != EEXIST)
        return err_sys(e, errno, "cannot make '%s'", store);
    if (mount("slipway", store, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        return err_sys(e, errno, "cannot mount a tmpfs for snapshots");
    if (open_disk(job, store, e) < 0) return e->code;
    all.store = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (all.store < 0) return err_sys(e, errno, "cannot open '%s'", store);
    all.in_memory = in_memory;
    return 0;
}

/* In the store: makes NAME and mounts `from` there. */
static int bind_source(const char *name, const char *from, err *e) {
    if (mkdir(name, 0755) < 0) return err_sys(e, errno, "cannot make a folder for snapshots");
    if (mount(from, name, NULL, MS_BIND, NULL) < 0)
        return err_sys(e, errno, "cannot mount '%s'", from);
    return 0;
}

static int enter(const char *folder, err *e) {
    if (fchdir(all.store) < 0 || (folder && chdir(folder) < 0))
        return err_sys(e, errno, "cannot enter the folder of the job's snapshots");
    return 0;
}

static int add_sources(const ns_kept *k, const kept *m, err *e) {
    if (enter(NULL, e) < 0) return e->code;
    if (mkdir(m->store, 0700) < 0) return err_sys(e, errno, "cannot make a folder for snapshots");
    if (enter(m->store, e) < 0) return e->code;
    if (k->lower && bind_source("l", k->lower, e) < 0) return e->code;
    if (k->own && bind_source("o", k->own, e) < 0) return e->code;
    if (k->below) return bind_source("b", k->below, e);
    return mkdir("b", 0755) < 0 ? err_sys(e, errno, "cannot make a folder for snapshots") : 0;
}

int ns_layers_add(const ns_kept *k, err *e) {
    if (all.count == KEPT_MAX)
        return err_set(e, ERR_LIMIT, "snapshots can be kept of %d folders at most", KEPT_MAX);
    if (strlen(k->name) >= KEPT_NAME_MAX)
        return err_set(e, ERR_LIMIT,
                       "snapshots cannot be kept of '%s': its name has more than %d "
                       "bytes",
                       k->name, KEPT_NAME_MAX - 1);
    kept *m = &all.mounts[all.count];
    *m = (kept){.covered = k->lower,
                .own = k->own,
                .mode = k->mode,
                .owner = geteuid(),
                .group = getegid()};
    struct stat st;
    if (k->below && stat(k->below, &st) == 0) {
        if (st.st_uid != NOBODY_KNOWN) m->owner = st.st_uid;
        if (st.st_gid != NOBODY_KNOWN) m->group = st.st_gid;
    }
    snprintf(m->name, sizeof m->name, "%s", k->name);
    snprintf(m->store, sizeof m->store, "%s%u", k->on_disk || !all.in_memory ? "disk/" : "",
             all.count);
    m->parent = open(k->parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (m->parent < 0) return err_sys(e, errno, "cannot open '%s'", k->parent);
    all.count++;
    return add_sources(k, m, e);
}

/* ---- one layer ----------------------------------------------------------------------------- */

/* By the descriptor of its parent: what the job does with names above it does not matter, and a
 * mount point itself cannot be renamed. */
static void name_target(const kept *m, char out[ENOUGH]) {
    snprintf(out, ENOUGH, "/proc/self/fd/%d/%s", m->parent, m->name);
}

/* A layer begins with the mode and the owner that the folder has now. */
static int make_upper(const kept *m, const char *target, const char *upper, const char *work,
                      err *e) {
    struct stat st = {.st_mode = m->mode, .st_uid = m->owner, .st_gid = m->group};
    if (all.top > 0 && stat(target, &st) < 0)
        return err_sys(e, errno, "cannot look at /%s", m->name);
    bool made = mkdir(upper, 0700) == 0 && mkdir(work, 0700) == 0 &&
                lchown(upper, st.st_uid, st.st_gid) == 0 && chmod(upper, st.st_mode & 07777) == 0;
    return made ? 0 : err_sys(e, errno, "cannot make a folder for a snapshot");
}

/* Mounts layer all.top, whose upper is called all.made, over one folder. `volatile`: nothing of it
 * outlives the job, so to take it off need not wait for a disk. */
static int mount_one(const kept *m, err *e) {
    char target[ENOUGH], upper[16], work[16];
    _cleanup_strbuf_ strbuf options = STRBUF_INIT;
    name_target(m, target);
    snprintf(upper, sizeof upper, "%u", all.made);
    snprintf(work, sizeof work, "w%u", all.made);
    if (enter(m->store, e) < 0 || make_upper(m, target, upper, work, e) < 0) return e->code;
    strbuf_adds(&options, "lowerdir=");
    for (unsigned i = all.top; i-- > 0;)
        strbuf_addf(&options, "%u:", all.uppers[i]);
    strbuf_addf(&options, "%s%sb,upperdir=%s,workdir=%s,userxattr,volatile", m->covered ? "l:" : "",
                m->own ? "o:" : "", upper, work);
    if (options.len >= OPTIONS_MAX)
        return err_set(e, ERR_LIMIT, "too many snapshots: their names take over %d bytes",
                       OPTIONS_MAX);
    if (mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, strbuf_cstr(&options)) == 0)
        return 0;
    return err_sys(e, errno, "cannot lay a snapshot over %s", m->name);
}

static void unmount_one(const kept *m) {
    char target[ENOUGH];
    name_target(m, target);
    umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* Home takes work along, which is mounted in it and has nothing of this layer left then. */
static bool lies_in(const kept *m, const kept *outer) {
    size_t n = strlen(outer->name);
    return m != outer && strncmp(m->name, outer->name, n) == 0 && m->name[n] == '/';
}

static bool goes_along(const kept *m) {
    for (unsigned i = 0; i < all.count; i++) {
        if (lies_in(m, &all.mounts[i])) return true;
    }
    return false;
}

static void unmount_layer(unsigned mounted) {
    for (unsigned i = 0; i < mounted; i++) {
        if (!goes_along(&all.mounts[i])) unmount_one(&all.mounts[i]);
    }
}

static int mount_layer(err *e) {
    all.uppers[all.top] = ++all.made;
    for (unsigned i = 0; i < all.count; i++) {
        if (mount_one(&all.mounts[i], e) >= 0) continue;
        unmount_layer(i);
        return e->code;
    }
    return 0;
}

/* What stays is no harm: it goes with the job's folder. */
static void remove_uppers(unsigned name) {
    char upper[16], work[16];
    err ignored = {0};
    snprintf(upper, sizeof upper, "%u", name);
    snprintf(work, sizeof work, "w%u", name);
    for (unsigned i = 0; i < all.count; i++) {
        if (enter(all.mounts[i].store, &ignored) < 0) continue;
        fs_remove(upper, &ignored);
        fs_remove(work, &ignored);
    }
}

int ns_layers_mount(err *e) {
    return mount_layer(e) < 0 || enter("/", e) < 0 ? e->code : 0;
}

/* ---- processes ----------------------------------------------------------------------------- */

static void note_running(running *r) {
    tree t = {0};
    tree_scan(&t);
    r->pids = mem_realloc(r->pids, (t.count + 1) * sizeof *r->pids);
    r->count = t.count;
    for (size_t i = 0; i < t.count; i++)
        r->pids[i] = t.items[i].pid;
    tree_done(&t);
}

static bool was_running(const running *r, pid_t pid) {
    for (size_t i = 0; i < r->count; i++) {
        if (r->pids[i] == pid) return true;
    }
    return false;
}

/* Of what was not there at the snapshot: kills it and says whether any was left. */
static bool kill_later(const running *r) {
    bool any = false;
    tree t = {0};
    tree_scan(&t);
    for (size_t i = 0; i < t.count; i++) {
        const tree_process *p = &t.items[i];
        if (p->pid == 1 || p->pid == getpid() || p->state == 'Z' || was_running(r, p->pid))
            continue;
        kill(p->pid, SIGKILL);
        any = true;
    }
    tree_done(&t);
    return any;
}

static int end_later(const running *r, err *e) {
    const struct timespec pause = {0, 2000000};
    for (int waited = 0; kill_later(r); waited += 2) {
        if (waited >= KILL_WAIT_MS)
            return err_set(e, ERR_FAILED,
                           "what the step has started does not end: it hangs in the kernel");
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* ---- the keeper ---------------------------------------------------------------------------- */

static int take_snapshot(unsigned number, err *e) {
    if (number != all.top + 1 || number > SANDBOX_SNAPSHOTS_MAX)
        return err_set(e, ERR_LIMIT, "at most %d snapshots can be kept of a job",
                       SANDBOX_SNAPSHOTS_MAX);
    note_running(&all.running[number]);
    all.top = number;
    if (mount_layer(e) < 0) all.top--;
    return e->code;
}

static int restore_snapshot(unsigned number, err *e) {
    if (number == 0 || number > all.top)
        return err_set(e, ERR_NOT_FOUND, "there is no snapshot %u", number);
    if (end_later(&all.running[number], e) < 0) return e->code;
    unsigned last = all.top, removed[SANDBOX_SNAPSHOTS_MAX + 1];
    for (unsigned i = number; i <= last; i++) {
        unmount_layer(all.count);
        removed[i] = all.uppers[i];
    }
    all.top = number;
    int r = mount_layer(e);
    if (r < 0) all.top--;
    for (unsigned i = number; i <= last; i++)
        remove_uppers(removed[i]);
    return r;
}

static _Noreturn void keep(int sock) {
    for (;;) {
        layers_order order;
        layers_reply reply = {0};
        err e = {0};
        ssize_t n = recv(sock, &order, sizeof order, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n != sizeof order) _exit(0);
        reply.code =
            order.restore ? restore_snapshot(order.number, &e) : take_snapshot(order.number, &e);
        if (reply.code) snprintf(reply.text, sizeof reply.text, "%.490s", e.message);
        if (chdir("/") < 0 || send(sock, &reply, sizeof reply, MSG_NOSIGNAL) < 0) _exit(0);
    }
}

/* The init itself has no more use for it. */
static void close_store(void) {
    for (unsigned i = 0; i < all.count; i++)
        close(all.mounts[i].parent);
    close(all.store);
}

int ns_layers_start(int leader, int *ret_sock, pid_t *ret_pid, err *e) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, errno, "cannot make a socket for snapshots");
    pid_t pid = fork();
    if (pid == 0) {
        close(leader);
        close(pair[0]);
        prctl(PR_SET_NAME, "slip:layers");
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setsid();
        keep(pair[1]);
    }
    int code = errno;
    close(pair[1]);
    close_store();
    if (pid < 0) {
        close(pair[0]);
        return err_sys(e, code, "cannot start the process that keeps snapshots");
    }
    *ret_sock = pair[0];
    *ret_pid = pid;
    return 0;
}
