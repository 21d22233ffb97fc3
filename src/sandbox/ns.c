/* The zygote's half of a machine, and its init from the clone to the first order. */
#include "sandbox/ns.h"

#include "base/fs.h"
#include "sandbox/cgroup.h"
#include "sandbox/egress.h"
#include "sandbox/leader.h"
#include "sandbox/ns_layers.h"
#include "sandbox/subids.h"
#include "sandbox/wire.h"
#include "sandbox/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the zygote tells the init once it may go on. */
typedef struct go {
    bool as_root;                           /* of its own machine */
    bool memory_counted, processes_counted; /* a control group limits them */
} go;

/* ---- the init ------------------------------------------------------------------------------ */

static void set_rlimit(int resource, rlim_t most) {
    struct rlimit limit;
    if (!most || getrlimit(resource, &limit) < 0) return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < most) most = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = most;
    setrlimit(resource, &limit);
}

/* Of the processors that Slipway may use, the first so many. */
static void set_cpus(unsigned most) {
    cpu_set_t set;
    if (!most || sched_getaffinity(0, sizeof set, &set) < 0) return;
    unsigned kept = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && kept++ >= most) CPU_CLR(cpu, &set);
    }
    sched_setaffinity(0, sizeof set, &set);
}

/* A control group counts what it has refused. The kernel's other limit would come first, without a
 * word. */
static void set_limits(const sandbox_limits *l, bool processes_counted) {
    set_rlimit(RLIMIT_NOFILE, l->open_files);
    if (!processes_counted) set_rlimit(RLIMIT_NPROC, l->processes);
    set_rlimit(RLIMIT_CORE, 1); /* a dump would fill the workspace */
    set_cpus(l->cpus);
}

/* Descriptors 0 to 2 come from the zygote and are the host's /dev/null by the host's mount: root in
 * the job owns it, and could change its mode for all. The job's own mount of it is read-only. */
static int reopen_null(err *e) {
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        if (null < 0 || dup2(null, fd) < 0) return err_sys(e, errno, "cannot open '/dev/null'");
    }
    return 0;
}

/* With the reason why a job has one id. */
static int tell_ready(int sock, int owner, int layers, bool as_root, err *e) {
    _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return err_sys(e, errno, "cannot open the job's root");
    str why = as_root ? STR_EMPTY : str_from(subids_of_user()->why_not);
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    wire_head head = {.size = (uint32_t)why.len, .kind = WIRE_READY, .value = as_root};
    strbuf_add(&frame, (str){(const char *)&head, sizeof head});
    strbuf_add(&frame, why);
    int fds[3] = {root, owner, layers};
    if (wire_send(sock, strbuf_str(&frame), fds, layers < 0 ? 2 : 3) < 0)
        return err_sys(e, errno, "cannot reach Slipway");
    return 0;
}

/* Opens what the proxy listens on, and points the job's names at it. */
static int open_network(const ns_job *job, int handover, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy policy;
    egress_sockets sockets;
    if (egress_policy_read(a, str_from(job->policy), &policy, e) < 0) return e->code;
    if (egress_inside(&policy, &sockets, e) < 0) return e->code;
    int r = egress_send(handover, &sockets, e);
    egress_sockets_close(&sockets);
    close(handover);
    return r == 0 ? fs_create("/etc/resolv.conf", str_from(egress_resolv_conf()), 0644, e) : r;
}

static int prepare(int sock, int handover, const ns_job *job, const go *g, leader_place *place,
                   err *e) {
    _cleanup_close_ int owner = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int layers = -1;
    ns_root root;
    if (owner < 0) return err_sys(e, errno, "cannot open the user namespace");
    if (g->as_root && setgroups(0, NULL) < 0 && errno != EPERM) /* in a namespace without groups */
        return err_sys(e, errno, "cannot leave groups");
    if (ns_root_make(job, g->as_root, &root, e) < 0 || reopen_null(e) < 0) return e->code;
    if (handover >= 0 && open_network(job, handover, e) < 0) return e->code;
    if (job->layered && ns_layers_start(sock, &layers, &place->keeper, e) < 0) return e->code;
    set_limits(&job->limits, g->processes_counted);
    place->ruleset = ns_guard_ruleset();
    place->meter = (meter){.limits = job->limits,
                           .root_in_memory = root.in_memory,
                           .root_is_memory_limit = ns_root_size(job) != job->limits.disk_bytes};
    if (g->memory_counted) place->meter.limits.memory_bytes = 0;
    if (g->processes_counted) place->meter.limits.processes = 0;
    meter_begin(&place->meter);
    if (ns_guard_self(e) < 0) return e->code;
    return tell_ready(sock, owner, layers, g->as_root, e);
}

static _Noreturn void init_run(int sock, int gate, int handover, const ns_job *job) {
    go g;
    err e = {0};
    leader_place place = {.ruleset = -1};
    /* The zygote has a socket of every other machine, whose end is heard once all copies are
     * closed. */
    const int kept[] = {sock, gate, handover};
    fs_close_others(kept, sizeof kept / sizeof *kept);
    ssize_t n = read(gate, &g, sizeof g); /* its end: the zygote gave up */
    close(gate);
    if (n != sizeof g) _exit(1);
    if (prepare(sock, handover, job, &g, &place, &e) < 0) {
        wire_report(sock, WIRE_FAILED, 0, 0, str_from(e.message));
        _exit(1);
    }
    leader_run(sock, str_from(job->name), &place);
}

/* ---- the zygote ---------------------------------------------------------------------------- */

static int write_proc(pid_t pid, const char *file, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = write(fd, text, strlen(text));
    int code = errno;
    close(fd);
    errno = code;
    return n < 0 ? -1 : 0;
}

/* All ids that this process's own namespace has, each to itself: lines of "INSIDE OUTSIDE COUNT".
 */
static int same_ids(arena *a, const char *file, str *ret, err *e) {
    str text, line, number;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (fs_read(a, file, 4096, &text, e) < 0) return e->code;
    while (str_line(&text, &line)) {
        uint64_t first, other, count;
        str rest = str_trim(line);
        bool read = true;
        uint64_t *const fields[] = {&first, &other, &count};
        for (int i = 0; i < 3 && read; i++) {
            str_cut(rest, ' ', &number, &rest);
            rest = str_trim(rest);
            read = str_to_uint(number, UINT32_MAX, fields[i]);
        }
        if (read)
            strbuf_addf(&out, "%llu %llu %llu\n", (unsigned long long)first,
                        (unsigned long long)first, (unsigned long long)count);
    }
    *ret = arena_str(a, strbuf_str(&out));
    return 0;
}

static int map_ids(pid_t pid, bool *as_root, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const subids *many = subids_of_user();
    str users = arena_printf(a, "%d %d 1", NS_USER_ID, (int)geteuid());
    str groups = arena_printf(a, "%d %d 1", NS_USER_ID, (int)getegid());
    *as_root = many->usable || geteuid() == 0;
    if (many->usable && subids_map(many, pid, e) < 0) {
        subids_give_up(e->message);
        return e->code;
    }
    if (many->usable) return 0;
    if (!*as_root && write_proc(pid, "setgroups", "deny") < 0)
        return err_sys(e, errno, "cannot give up groups");
    if (*as_root && (same_ids(a, "/proc/self/uid_map", &users, e) < 0 ||
                     same_ids(a, "/proc/self/gid_map", &groups, e) < 0))
        return e->code;
    if (write_proc(pid, "uid_map", users.ptr) < 0 || write_proc(pid, "gid_map", groups.ptr) < 0)
        return err_sys(e, errno, "cannot map user ids into the sandbox");
    return 0;
}

/* Slipway looks at the counters when a command fails: was it for a limit? */
static void send_counter(int sock, const cgroup *g, cgroup_kind kind) {
    const char *key;
    _cleanup_close_ int fd = cgroup_counter(g, kind, &key);
    if (fd < 0) return;
    char frame[sizeof(wire_head) + 16];
    wire_head head = {.size = (uint32_t)strlen(key), .kind = WIRE_COUNTER, .value = (int32_t)kind};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, key, head.size);
    wire_send(sock, (str){frame, sizeof head + head.size}, &fd, 1);
}

static int release(int sock, int gate, pid_t pid, const ns_job *job, cgroup *groups, err *e) {
    go g = {0};
    if (map_ids(pid, &g.as_root, e) < 0) return e->code;
    cgroup_make(&job->limits, pid, groups);
    g.memory_counted = cgroup_has(groups, CGROUP_MEMORY);
    g.processes_counted = cgroup_has(groups, CGROUP_PIDS);
    send_counter(sock, groups, CGROUP_MEMORY);
    send_counter(sock, groups, CGROUP_PIDS);
    return write(gate, &g, sizeof g) == sizeof g ? 0
                                                 : err_sys(e, errno, "cannot start the sandbox");
}

static int clone_failed(err *e) {
    int code = errno;
    if (code == EPERM)
        return err_set(e, ERR_UNSUPPORTED,
                       "this system lets no sandbox be made: user namespaces "
                       "are not permitted to this user");
    if (code == ENOSPC)
        return err_set(e, ERR_UNSUPPORTED,
                       "no sandbox can be made: the limit on user namespaces "
                       "is reached (user.max_user_namespaces)");
    return err_sys(e, code, "cannot make the namespaces of a sandbox");
}

static pid_t clone_init(const ns_job *job) {
    uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (job->policy[0]) flags |= CLONE_NEWNET;
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* The proxy stands in the host's network and reports to Slipway itself. */
static pid_t start_proxy(int sock, const ns_job *job, int *ret_handover, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int control = -1;
    egress_policy policy;
    if (egress_policy_read(a, str_from(job->policy), &policy, e) < 0) return -1;
    pid_t pid = egress_proxy_start(&policy, ret_handover, &control, e);
    if (pid < 0) return -1;
    wire_head head = {.kind = WIRE_EGRESS};
    if (wire_send(sock, (str){(const char *)&head, sizeof head}, &control, 1) == 0) return pid;
    err_sys(e, errno, "cannot reach Slipway");
    return pid; /* it ends with the descriptors that nobody has taken */
}

static pid_t start_init(int sock, int handover, const ns_job *job, cgroup *groups, err *e) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0) {
        err_sys(e, errno, "cannot make a pipe");
        return -1;
    }
    pid_t pid = clone_init(job);
    if (pid == 0) {
        close(gate[1]);
        init_run(sock, gate[0], handover, job);
    }
    if (pid < 0) clone_failed(e);
    if (pid > 0 && release(sock, gate[1], pid, job, groups, e) < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        cgroup_remove(groups);
        pid = -1;
    }
    close(gate[0]), close(gate[1]);
    return pid;
}

pid_t ns_start(int sock, const ns_job *job, cgroup *groups, pid_t *ret_proxy) {
    err e = {0};
    int handover = -1;
    pid_t pid = -1;
    bool many = subids_of_user()->usable;
    *ret_proxy = -1;
    if (ns_guard_prepare(&e) == 0 && job->policy[0])
        *ret_proxy = start_proxy(sock, job, &handover, &e);
    if (!e.code) pid = start_init(sock, handover, job, groups, &e);
    if (pid < 0 && many && !subids_of_user()->usable) { /* a map is written once */
        e = (err){0};
        pid = start_init(sock, handover, job, groups, &e);
    }
    if (handover >= 0) close(handover);
    if (pid < 0) wire_report(sock, WIRE_FAILED, 0, 0, str_from(e.message));
    return pid;
}
