#include "base/jail.h"

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

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ ||                                 \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_IS_LIMITED false /* the sanitizer reserves terabytes */
#else
#define MEMORY_IS_LIMITED true
#endif

/* ---- capabilities -------------------------------------------------------------------------- */

/* No more than we have: asking for others would fail. */
static int drop_capabilities(uint32_t keep, err *e) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &head, data) < 0)
        return err_sys(e, errno, "cannot read the capabilities");
    uint32_t kept = data[0].permitted & keep;
    data[0] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
    data[1] = (struct __user_cap_data_struct){0};
    return syscall(SYS_capset, &head, data) == 0
               ? 0
               : err_sys(e, errno, "cannot drop the capabilities");
}

/* ---- Landlock ------------------------------------------------------------------------------ */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define ABI_1_ALL   ((1ULL << 13) - 1)
#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

int landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static bool allow_folder(int ruleset, int folder, uint64_t rights) {
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = folder};
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
}

static int confine_files(const jail_spec *spec, err *e) {
    uint64_t handled = ABI_1_ALL | LANDLOCK_ACCESS_FS_REFER;
    uint64_t rights = READ_RIGHTS | (spec->kind == JAIL_WRITE ? WRITE_RIGHTS : 0);
    if (landlock_abi() < LANDLOCK_NEEDED) return 0; /* before it, no link leads to another folder */
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    bool confined = ruleset >= 0 && (spec->tree < 0 || allow_folder(ruleset, spec->tree, rights));
    for (size_t i = 0; i < spec->other_count && confined; i++)
        confined = allow_folder(ruleset, spec->others[i], READ_RIGHTS);
    confined = confined && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int failed = errno;
    if (ruleset >= 0) close(ruleset);
    return confined ? 0 : err_sys(e, failed, "cannot confine a reader to its folder");
}

/* ---- seccomp ------------------------------------------------------------------------------- */

/* What every reader takes; write and writev are for its answer. */
static const char *const reading[] = {
    "read", "readv", "pread64", "write", "writev", "lseek", "close", "fstat", "newfstatat", "statx",
    "access", "faccessat", "faccessat2", "getdents64",
    /* memory, time and its own end */
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "clock_gettime",
    "gettimeofday", "time", "getrandom", "getpid", "gettid", "sched_yield", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group"};

static const char *const writing[] = {
    "pwrite64", "ftruncate", "openat", "openat2",  "mkdirat", "unlinkat", "linkat",   "symlinkat",
    "renameat", "renameat2", "fchmod", "fchmodat", "fchown",  "fchownat", "utimensat"};

static int allow_names(scmp_filter_ctx ctx, const char *const *names, size_t count) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        /* Some are of other architectures: libseccomp numbers those below zero. */
        if (number >= 0) r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0);
    }
    return r;
}

static int allow_where(scmp_filter_ctx ctx, int number, struct scmp_arg_cmp where) {
    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 1, &where);
}

/* What fdopendir does with a descriptor, and abort's signal to oneself. With other arguments, both
 * calls can send signals to all processes of the same user. */
static int allow_values(scmp_filter_ctx ctx) {
    const int asks[] = {F_GETFL, F_GETFD, F_SETFD};
    int r = allow_where(ctx, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0));
    for (size_t i = 0; r == 0 && i < sizeof asks / sizeof *asks; i++)
        r = allow_where(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, (uint64_t)asks[i], 0));
    return r;
}

#define OPENS_TO_CHANGE (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static int allow_all(scmp_filter_ctx ctx, jail_kind kind) {
    int r = allow_values(ctx);
    if (r == 0) r = allow_names(ctx, reading, sizeof reading / sizeof *reading);
    if (r < 0) return r;
    if (kind == JAIL_WRITE) return allow_names(ctx, writing, sizeof writing / sizeof *writing);
    return allow_where(ctx, SCMP_SYS(openat),
                       SCMP_A2(SCMP_CMP_MASKED_EQ, OPENS_TO_CHANGE, O_RDONLY));
}

static int filter_calls(jail_kind kind, err *e) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx) return err_sys(e, ENOMEM, "cannot make a filter of system calls");
    int r = allow_all(ctx, kind);
    if (r == 0) r = seccomp_load(ctx);
    seccomp_release(ctx);
    return r < 0 ? err_sys(e, -r, "cannot load the filter of system calls") : 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void limit(int what, uint64_t most) {
    struct rlimit l = {most, most};
    setrlimit(what, &l);
}

int jail_enter(const jail_spec *spec, err *e) {
    if (spec->cpu_max_s) limit(RLIMIT_CPU, spec->cpu_max_s);
    if (spec->memory_max && MEMORY_IS_LIMITED) limit(RLIMIT_AS, spec->memory_max);
    limit(RLIMIT_CORE, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (spec->parent && getppid() != spec->parent) raise(SIGKILL); /* it ended before that */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, errno, "cannot give up new privileges");
    if (confine_files(spec, e) < 0 || drop_capabilities(spec->keep, e) < 0) return e->code;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return filter_calls(spec->kind, e);
}
