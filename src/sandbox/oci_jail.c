#include "sandbox/oci.h"

#include "sandbox/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An archive that takes more is no image's. */
#define CPU_SECONDS 3600
#define MEMORY_MAX  (4ULL << 30)

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#define MEMORY_IS_LIMITED false /* the sanitizer reserves terabytes */
#else
#define MEMORY_IS_LIMITED true
#endif

/* ---- capabilities -------------------------------------------------------------------------- */

/* Root's files get the image's owners and modes; nobody else's need any. */
static int drop_capabilities(bool keep_ids, err *e) {
    uint32_t kept = keep_ids ? 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER : 0;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};
    return syscall(SYS_capset, &head, data) == 0
               ? 0
               : err_sys(e, errno, "cannot drop the capabilities");
}

/* ---- Landlock ------------------------------------------------------------------------------ */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define ABI_REFER 2 /* before it, no link leads from one folder to another */
#define ABI_1_ALL ((1ULL << 13) - 1)
#define TREE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |  \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |     \
     LANDLOCK_ACCESS_FS_REFER)

static int confine_files(int root, err *e) {
    uint64_t handled = ABI_1_ALL | LANDLOCK_ACCESS_FS_REFER;
    struct landlock_path_beneath_attr tree = {.allowed_access = TREE_RIGHTS, .parent_fd = root};
    if (ns_landlock_abi() < ABI_REFER) return 0;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    bool confined =
        ruleset >= 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &tree, 0) == 0 &&
        syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int failed = errno;
    if (ruleset >= 0) close(ruleset);
    return confined ? 0 : err_sys(e, failed, "cannot confine the unpacking to its folder");
}

/* ---- seccomp ------------------------------------------------------------------------------- */

static const char *const allowed[] = {
    /* what it reads and writes */
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "lseek",
    "close",
    "fstat",
    "newfstatat",
    "statx",
    "ftruncate",
    "getdents64",
    /* the tree */
    "openat",
    "openat2",
    "mkdirat",
    "unlinkat",
    "linkat",
    "symlinkat",
    "renameat",
    "renameat2",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "utimensat",
    /* memory, time and its own end */
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "futex",
    "clock_gettime",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "gettid",
    "sched_yield",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "exit",
    "exit_group",
};

static int allow_where(scmp_filter_ctx ctx, int number, unsigned argument, uint64_t is) {
    struct scmp_arg_cmp where = {argument, SCMP_CMP_EQ, is, 0};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 1, &where);
}

/* What fdopendir does with a descriptor, and abort's signal to oneself. With other arguments, both
 * calls can send signals to all processes of the same user. */
static int allow_values(scmp_filter_ctx ctx) {
    const int asks[] = {F_GETFL, F_GETFD, F_SETFD};
    int r = allow_where(ctx, SCMP_SYS(tgkill), 0, (uint64_t)getpid());
    for (size_t i = 0; r == 0 && i < sizeof asks / sizeof *asks; i++)
        r = allow_where(ctx, SCMP_SYS(fcntl), 1, (uint64_t)asks[i]);
    return r;
}

static int allow_all(scmp_filter_ctx ctx) {
    int r = allow_values(ctx);
    for (size_t i = 0; r == 0 && i < sizeof allowed / sizeof *allowed; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        /* Some are of other architectures: libseccomp numbers those below zero. */
        if (number >= 0) r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0);
    }
    return r;
}

static int filter_calls(err *e) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx) return err_sys(e, ENOMEM, "cannot make a filter of system calls");
    int r = allow_all(ctx);
    if (r == 0) r = seccomp_load(ctx);
    seccomp_release(ctx);
    return r < 0 ? err_sys(e, -r, "cannot load the filter of system calls") : 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

int oci_jail_enter(int root, bool keep_ids, err *e) {
    struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS}, memory = {MEMORY_MAX, MEMORY_MAX}, none = {0};
    setrlimit(RLIMIT_CPU, &cpu);
    if (MEMORY_IS_LIMITED) setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, errno, "cannot give up new privileges");
    if (confine_files(root, e) < 0 || drop_capabilities(keep_ids, e) < 0) return e->code;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return filter_calls(e);
}
