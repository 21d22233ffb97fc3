#include "sandbox/meter.h"

#include "sandbox/du.h"
#include "sandbox/ns.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* More than programs and libraries are likely to be: below it, a process is not worth a look at
 * what it shares. */
#define SHARED_MIN ((uint64_t)16 << 20)

#define DU_REST_MS 3000

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t free_bytes(int fd) {
    struct statfs fs;
    return fd >= 0 && fstatfs(fd, &fs) == 0 ? (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize
                                            : UINT64_MAX;
}

/* Descriptors, because a job may give its folders other names. */
void meter_begin(meter *m) {
    m->home = open(NS_HOME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    m->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    m->free_at_begin = m->free_at_du = free_bytes(m->home);
    m->next_du_ms = now_ms() + DU_REST_MS;
}

bool meter_is_needed(const meter *m) {
    return m->limits.memory_bytes || m->limits.disk_bytes || m->limits.processes;
}

/* ---- memory and processes ------------------------------------------------------------------ */

/* What the job's processes use. Memory that they share with each other is counted once, by the one
 * that has most of it: to tell who shares what would need rights that the init has given up. */
typedef struct usage {
    uint64_t own, shared; /* bytes */
    uint64_t threads;
} usage;

static bool read_text(int proc, int pid, const char *name, char *out, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "%d/%s", pid, name);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Shared memory is neither a process's own nor a file's that could be read again. */
static uint64_t shared_memory(int proc, int pid) {
    char text[4096];
    unsigned long long kib;
    const char *at =
        read_text(proc, pid, "status", text, sizeof text) ? strstr(text, "\nRssShmem:") : NULL;
    return at && sscanf(at, "\nRssShmem: %llu", &kib) == 1 ? (uint64_t)kib << 10 : 0;
}

static void add_process(int proc, int pid, usage *u) {
    char text[128];
    unsigned long long size, resident, shared;
    if (!read_text(proc, pid, "statm", text, sizeof text) ||
        sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3)
        return;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    u->own += resident > shared ? (resident - shared) * page : 0;
    uint64_t common = shared * page < SHARED_MIN ? 0 : shared_memory(proc, pid);
    if (common > u->shared) u->shared = common;
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "%d/task", pid);
    if (fstatat(proc, path, &st, 0) == 0 && st.st_nlink > 2) u->threads += st.st_nlink - 2;
}

static usage count_processes(void) {
    usage u = {0};
    DIR *dir = opendir("/proc");
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (isdigit((unsigned char)d->d_name[0])) add_process(dirfd(dir), atoi(d->d_name), &u);
    }
    if (dir) closedir(dir);
    return u;
}

static uint64_t files_in_memory(const meter *m) {
    struct statfs fs;
    if (!m->root_in_memory || fstatfs(m->root, &fs) < 0) return 0;
    return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

/* ---- disk ---------------------------------------------------------------------------------- */

/* To measure a folder file by file takes long, so it is done as soon as so much space has gone from
 * its file system as could make the difference; others may have used that. As others may also have
 * given back what the job took, it is done besides now and then, for a fiftieth of the time. */
static uint64_t job_folder(meter *m) {
    uint64_t now = free_bytes(m->home), limit = m->limits.disk_bytes;
    uint64_t gone = now < m->free_at_begin ? m->free_at_begin - now : 0;
    uint64_t since = now < m->free_at_du ? m->free_at_du - now : 0;
    int64_t begin = now_ms();
    bool first = m->free_at_du == m->free_at_begin;
    if ((gone < limit || (!first && since < limit / 16)) && begin < m->next_du_ms) return 0;
    m->free_at_du = now;
    uint64_t bytes;
    bool whole = du_measure(m->home, &bytes); /* NS_WORK lies in it */
    whole = chdir("/") == 0 && whole;
    int64_t took = now_ms() - begin;
    m->next_du_ms = begin + took + (took * 50 > DU_REST_MS ? took * 50 : DU_REST_MS);
    return whole ? bytes : gone;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static const char *amount(uint64_t bytes, char out[32]) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes;
    unsigned unit = 0;
    while (n >= 1024 && unit + 1 < sizeof units / sizeof *units)
        n /= 1024, unit++;
    snprintf(out, 32, "%.4g %s", n, units[unit]);
    return out;
}

bool meter_check(meter *m, char *what, size_t size) {
    const sandbox_limits *l = &m->limits;
    usage u = {0};
    char text[32];
    if (l->memory_bytes || l->processes) u = count_processes();
    if (l->memory_bytes && u.own + u.shared + files_in_memory(m) >= l->memory_bytes) {
        snprintf(what, size, "The job was stopped at its limit of %s of memory (limit 'memory')",
                 amount(l->memory_bytes, text));
        return true;
    }
    if (l->processes && u.threads >= l->processes) {
        snprintf(what, size, "The job was stopped at its limit of %u processes (limit 'processes')",
                 l->processes);
        return true;
    }
    if (l->disk_bytes && job_folder(m) >= l->disk_bytes) {
        snprintf(what, size, "The job was stopped at its limit of %s on disk (limit 'disk')",
                 amount(l->disk_bytes, text));
        return true;
    }
    return false;
}

/* Where the kernel refuses a further process (RLIMIT_NPROC), the one that wanted it has failed and
 * may be gone by now. */
static bool was_short_of_processes(const meter *m, char *what, size_t size) {
    if (!m->limits.processes || count_processes().threads + 1 < m->limits.processes) return false;
    snprintf(what, size,
             "A process could not be started: the job reached its limit of %u processes (limit "
             "'processes')",
             m->limits.processes);
    return true;
}

bool meter_is_full(const meter *m, char *what, size_t size) {
    struct statfs fs;
    char text[32];
    if (was_short_of_processes(m, what, size)) return true;
    if (fstatfs(m->root, &fs) < 0 || fs.f_bavail > 0) return false;
    uint64_t bytes = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
    snprintf(what, size,
             "The job's file system outside its workspace is full: it holds %s (limit '%s')",
             amount(bytes, text), m->root_is_memory_limit ? "memory" : "disk");
    return true;
}
