/* ns.h: a machine of a job's own, made of namespaces. Private to this folder.
 *
 * Theory of operation. The zygote clones the init of the new namespaces (one clone3 for all of
 * them), writes its user id map, puts it into control groups where there are any, and lets it go
 * on. The init makes the root (ns_root.c), tells Slipway that it is ready, with descriptors of the
 * root and of the user namespace (view.h), locks itself in (ns_guard.c) and then is a leader
 * (leader.h). As it is process 1 of its pid namespace, the kernel kills all that is left when it
 * ends, however it ends, and mounts go with the last process: nothing needs to be unmounted or
 * removed. The zygote holds the other copy of the leader's socket; it closes it once the init is
 * reaped, so an end of file means that everything has gone.
 *
 * Ids. For root, the user namespace maps all ids to themselves: capabilities end at its border,
 * while apt and chown work. For a user with subordinate ids it maps 0 to the user and the rest to
 * those ids (subids.h), so the job is root of its machine, too. For anybody else, and where that
 * fails, it maps one id, and a job runs as user 1001, as on GitHub's machines. */
#ifndef SLIPWAY_SANDBOX_NS_H
#define SLIPWAY_SANDBOX_NS_H

#include "sandbox/cgroup.h"
#include "sandbox/sandbox.h"

#include <sys/types.h>

#define NS_HOME    "/home/runner"
#define NS_WORK    "/home/runner/work"
#define NS_USER_ID 1001
#define NS_ONE_ID  "/etc/slipway/one-id" /* says why a job has one id, for the job's `sudo` */

/* What the zygote is asked for. Strings may be empty. */
typedef struct ns_job {
    const char *name, *folder, *layer, *rootfs;
    sandbox_mount mounts[SANDBOX_MOUNTS_MAX];
    unsigned mount_count;
    const char *policy; /* egress.h; empty: the host's network */
    sandbox_limits limits;
    bool layered; /* ns_layers.h */
} ns_job;

/* In the zygote: clones the init, which serves `sock`, and makes its control groups, to be removed
 * by the caller, and the proxy of a limited network (*ret_proxy, else -1), which is to be reaped
 * and ends when Slipway wants it to. The init's pid, or -1 after Slipway was told over the socket
 * what went wrong. */
pid_t ns_start(int sock, const ns_job *job, cgroup *ret_groups, pid_t *ret_proxy);

/* The host's folders that a job sees, relative to "/", ending in NULL. */
extern const char *const ns_system_folders[];

/* ---- ns_root.c: in the init ---------------------------------------------------------------- */

typedef struct ns_root {
    bool in_memory; /* what is written outside the job's folder lies in a tmpfs */
} ns_root;

/* What may be written to the tmpfs, in bytes: the lesser of the limits on disk and memory. 0: what
 * the kernel grants. */
uint64_t ns_root_size(const ns_job *job);
/* Makes the job's root and makes it this process's. */
int ns_root_make(const ns_job *job, bool as_root, ns_root *ret, err *e);

/* ---- ns_guard.c ---------------------------------------------------------------------------- */

/* Drops capabilities for good, refuses what a job has no business with (seccomp), and makes this
 * process unreadable for those that it will start. In the init, after the root was made. */
int ns_guard_self(err *e);
/* Prepares what ns_guard_command needs: a descriptor, or -1 where the kernel has no Landlock of
 * sufficient age (ABI 2, Linux 5.19). */
int ns_guard_ruleset(void);
/* In the child that is about to become a command: puts it into a Landlock domain of its own, so
 * that what an earlier step left running can read neither its memory nor its environment. Touches
 * no memory: the child may share it. */
void ns_guard_command(int ruleset);
/* Compiles the seccomp filter: done once, in the zygote. */
int ns_guard_prepare(err *e);

#endif
