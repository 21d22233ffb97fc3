/* What keeps a job in its machine, beside the namespaces: no capability that matters outside of
 * it, no system call that only the owner of a machine needs, no look into the memory of others. */
#include "sandbox/ns.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- capabilities -------------------------------------------------------------------------- */

/* What root keeps in its own machine; the container engines' list. */
static const int kept_capabilities[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,           CAP_KILL,
    CAP_SETGID, CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
    CAP_MKNOD,  CAP_AUDIT_WRITE,  CAP_SETFCAP,
};

static bool is_kept(int capability) {
    for (size_t i = 0; i < sizeof kept_capabilities / sizeof *kept_capabilities; i++) {
        if (kept_capabilities[i] == capability) return true;
    }
    return false;
}

/* The init's own: to kill what has changed its user, and to measure folders without rights. */
#define INIT_CAPABILITIES ((1u << CAP_KILL) | (1u << CAP_DAC_OVERRIDE))

/* The bounding set decides what an executed program can have, whoever it runs as; and as there are
 * no new privileges, it has nothing that the init does not have at least at hand: so that of root
 * has all that root keeps. A program of anybody else has none. */
static int drop_capabilities(err *e) {
    uint32_t permitted = INIT_CAPABILITIES;
    for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
        if (is_kept(c) && geteuid() == 0) permitted |= 1u << c;
        if (!is_kept(c) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
            return err_sys(e, errno, "cannot drop a capability");
    }
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = INIT_CAPABILITIES, .permitted = permitted}};
    if (syscall(SYS_capset, &head, data) < 0)
        return err_sys(e, errno, "cannot drop the capabilities");
    return 0;
}

/* ---- seccomp ------------------------------------------------------------------------------- */

/* Refused with EPERM. What the container engines' default profiles refuse to a container without
 * added capabilities, by what it would reach: */
static const char *const refused[] = {
    /* the kernel itself */
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "kexec_load",
    "kexec_file_load",
    "bpf",
    "perf_event_open",
    "syslog",
    "lookup_dcookie",
    "kcmp",
    "_sysctl",
    "sysfs",
    "uselib",
    "ustat",
    "nfsservctl",
    /* the machine */
    "reboot",
    "swapon",
    "swapoff",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "iopl",
    "ioperm",
    "vm86",
    "vm86old",
    "acct",
    "quotactl",
    "quotactl_fd",
    "vhangup",
    /* keys of the user, which namespaces do not part before Linux 5.3 */
    "add_key",
    "keyctl",
    "request_key",
    /* mounts and namespaces */
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "setns",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "open_by_handle_at",
    /* what has let programs out before */
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "fanotify_init",
    "move_pages",
};

static const unsigned new_namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                          CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

static struct sock_fprog filter; /* compiled by the zygote, inherited by every init */

/* A system call that this machine's library does not know cannot be refused by name. */
static int refuse(scmp_filter_ctx ctx, const char *name) {
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0);
}

/* Refuses a system call where `mask` of an argument is `bits`. */
static int refuse_where(scmp_filter_ctx ctx, int number, unsigned argument, uint64_t mask,
                        uint64_t bits) {
    struct scmp_arg_cmp where = {argument, SCMP_CMP_MASKED_EQ, mask, bits};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), number, 1, &where);
}

static int refuse_namespaces(scmp_filter_ctx ctx) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof new_namespaces / sizeof *new_namespaces; i++) {
        uint64_t bit = new_namespaces[i];
        r = refuse_where(ctx, SCMP_SYS(unshare), 0, bit, bit);
        if (r == 0) r = refuse_where(ctx, SCMP_SYS(clone), 0, bit, bit);
    }
    /* Its flags are in memory, where a filter cannot look; C libraries then use clone. */
    return r ? r : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Terminals that take typed characters from programs; sockets to the hypervisor, of raw frames, and
 * to the kernel's ciphers. */
static int refuse_values(scmp_filter_ctx ctx) {
    const unsigned ioctls[] = {TIOCSTI, TIOCLINUX}, families[] = {AF_VSOCK, AF_PACKET, AF_ALG};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof ioctls / sizeof *ioctls; i++)
        r = refuse_where(ctx, SCMP_SYS(ioctl), 1, UINT32_MAX, ioctls[i]);
    for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++)
        r = refuse_where(ctx, SCMP_SYS(socket), 0, UINT32_MAX, families[i]);
    return r;
}

/* Programs for the 32-bit machine that this one can be are judged by the same rules. */
static int add_other_machine(scmp_filter_ctx ctx) {
#ifdef __x86_64__
    int r = seccomp_arch_add(ctx, SCMP_ARCH_X86);
#elif defined __aarch64__
    int r = seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#else
    int r = (void)ctx, 0;
#endif
    return r == -EEXIST ? 0 : r;
}

static int add_rules(scmp_filter_ctx ctx) {
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    if (r == 0) r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
    if (r == 0) r = add_other_machine(ctx);
    for (size_t i = 0; r == 0 && i < sizeof refused / sizeof *refused; i++)
        r = refuse(ctx, refused[i]);
    if (r == 0) r = refuse_namespaces(ctx);
    if (r == 0) r = refuse_values(ctx);
    return r;
}

/* The library writes a filter to a file; the init wants it in memory. */
static int take_filter(scmp_filter_ctx ctx) {
    _cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return -errno;
    int r = seccomp_export_bpf(ctx, fd);
    off_t size = r == 0 ? lseek(fd, 0, SEEK_END) : 0;
    if (r < 0) return r;
    filter.filter = mem_alloc((size_t)size);
    filter.len = (unsigned short)((size_t)size / sizeof *filter.filter);
    return pread(fd, filter.filter, (size_t)size, 0) == size ? 0 : -EIO;
}

int ns_guard_prepare(err *e) {
    if (filter.filter) return 0;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx) return err_sys(e, ENOMEM, "cannot make a filter of system calls");
    int r = add_rules(ctx);
    if (r == 0) r = take_filter(ctx);
    seccomp_release(ctx);
    return r < 0 ? err_sys(e, -r, "cannot make a filter of system calls") : 0;
}

static int load_filter(err *e) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, errno, "cannot give up new privileges");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        return err_sys(e, errno, "cannot load the filter of system calls");
    return 0;
}

/* ---- Landlock ------------------------------------------------------------------------------ */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define SCOPE_ABSTRACT_UNIX_SOCKET 1ULL
#define ABI_REFER                  2
#define ABI_SCOPE                  6

/* <linux/landlock.h> as of ABI 6. */
struct ruleset_attr {
    uint64_t fs, net, scoped;
};

/* A ruleset that allows `access` below the root that this process has now, and refuses it anywhere
 * else. Moving files between folders is refused unless it is handled and allowed. */
static int make_ruleset(uint64_t access, bool scoped) {
    struct ruleset_attr attr = {.fs = access, .scoped = scoped ? SCOPE_ABSTRACT_UNIX_SOCKET : 0};
    size_t size = scoped ? sizeof attr : offsetof(struct ruleset_attr, net);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0) return -1;
    struct landlock_path_beneath_attr all = {.allowed_access = access,
                                             .parent_fd = open("/", O_PATH | O_CLOEXEC)};
    long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &all, 0);
    close(all.parent_fd);
    if (added == 0) return ruleset;
    close(ruleset);
    return -1;
}

/* The job as a whole. It executes what its root holds: the one program outside that it could get at
 * is Slipway's own, as /proc/self/exe of a command that has not been executed yet (a script whose
 * interpreter that is). Its abstract sockets are its own, and so are the host's. */
static int confine_job(err *e) {
    int abi = landlock_abi();
    if (abi < ABI_REFER) return 0;
    uint64_t access = LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_EXECUTE;
    _cleanup_close_ int ruleset = make_ruleset(access, abi >= ABI_SCOPE);
    if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_sys(e, errno, "cannot confine the job with Landlock");
    return 0;
}

/* Of one command: it forbids nothing. What counts is the domain: to look into a process, one's own
 * must be an ancestor of its. */
int ns_guard_ruleset(void) {
    return landlock_abi() < ABI_REFER ? -1 : make_ruleset(LANDLOCK_ACCESS_FS_REFER, false);
}

void ns_guard_command(int ruleset) {
    if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) _exit(126);
}

/* ---- the init ------------------------------------------------------------------------------ */

int ns_guard_self(err *e) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, errno, "cannot give up new privileges");
    if (confine_job(e) < 0 || drop_capabilities(e) < 0 || load_filter(e) < 0) return e->code;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}
