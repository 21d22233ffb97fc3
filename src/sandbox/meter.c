#include "sandbox/meter.h"

#include "sandbox/ns.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static uint64_t free_bytes(const char *path) {
    struct statfs fs;
    return statfs(path, &fs) == 0 ? (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize : UINT64_MAX;
}

void meter_begin(meter *m) {
    m->free_at_begin = m->free_at_du = free_bytes(NS_WORK);
}

bool meter_is_needed(const meter *m) {
    return m->limits.memory_bytes || m->limits.disk_bytes || m->limits.processes;
}

/* ---- memory and processes ------------------------------------------------------------------ */

/* Pages of a process that no file backs, and its threads. */
static void add_process(int proc, int pid, uint64_t *pages, uint64_t *threads) {
    char path[64], text[128];
    snprintf(path, sizeof path, "%d/statm", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unsigned long long size, resident, shared;
    if (n <= 0) return;
    text[n] = '\0';
    if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3) return;
    *pages += resident > shared ? resident - shared : 0;
    snprintf(path, sizeof path, "%d/task", pid);
    int tasks = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (tasks >= 0 && fstat(tasks, &st) == 0 && st.st_nlink > 2) *threads += st.st_nlink - 2;
    if (tasks >= 0) close(tasks);
}

static void count_processes(uint64_t *bytes, uint64_t *threads) {
    DIR *dir = opendir("/proc");
    uint64_t pages = 0;
    *threads = 0;
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (isdigit((unsigned char)d->d_name[0]))
            add_process(dirfd(dir), atoi(d->d_name), &pages, threads);
    }
    if (dir) closedir(dir);
    *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- disk ---------------------------------------------------------------------------------- */

static uint64_t folder_bytes;

static int add_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)path, (void)type, (void)at;
    folder_bytes += (uint64_t)st->st_blocks * 512;
    return 0;
}

/* To measure a folder file by file takes long, so it is done only once as much space has gone from
 * its file system as could make the difference; others may have used that. */
static uint64_t job_folder(meter *m) {
    uint64_t now = free_bytes(NS_WORK);
    uint64_t gone = now < m->free_at_begin ? m->free_at_begin - now : 0;
    uint64_t since = now < m->free_at_du ? m->free_at_du - now : 0;
    if (gone < m->limits.disk_bytes ||
        (m->free_at_du != m->free_at_begin && since < m->limits.disk_bytes / 16))
        return 0;
    m->free_at_du = now;
    folder_bytes = 0;
    nftw(NS_HOME, add_entry, 32, FTW_PHYS); /* NS_WORK lies in it */
    return folder_bytes;
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
    uint64_t bytes = 0, threads = 0;
    char text[32];
    if (l->memory_bytes || l->processes) count_processes(&bytes, &threads);
    if (l->memory_bytes && bytes >= l->memory_bytes) {
        snprintf(what, size, "The job was stopped at its limit of %s of memory (limit 'memory')",
                 amount(l->memory_bytes, text));
        return true;
    }
    if (l->processes && threads >= l->processes) {
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

bool meter_is_full(const meter *m, char *what, size_t size) {
    struct statfs fs;
    char text[32];
    if (statfs("/tmp", &fs) < 0 || fs.f_bavail > 0) return false;
    uint64_t bytes = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
    (void)m;
    snprintf(what, size,
             "The job's file system outside its workspace is full: it holds %s (limit 'disk')",
             amount(bytes, text));
    return true;
}
