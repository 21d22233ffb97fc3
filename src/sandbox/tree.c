#include "sandbox/tree.h"

#include "base/arena.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "PID (NAME) STATE PPID PGRP SESSION …"; the name may hold anything, ')' included. */
static bool parse_stat(const char *text, tree_process *ret) {
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close) return false;
    int parent, group, session;
    if (sscanf(close + 1, " %c %d %d %d", &ret->state, &parent, &group, &session) != 4)
        return false;
    ret->parent = parent;
    ret->session = session;
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(close - open - 1), open + 1);
    return true;
}

static bool read_process(int proc, const char *pid, tree_process *ret) {
    char path[64], text[512];
    snprintf(path, sizeof path, "%s/stat", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    *ret = (tree_process){.pid = atoi(pid)};
    return parse_stat(text, ret);
}

static int by_pid(const void *a, const void *b) {
    pid_t x = ((const tree_process *)a)->pid, y = ((const tree_process *)b)->pid;
    return (x > y) - (x < y);
}

void tree_scan(tree *t) {
    t->count = 0;
    DIR *dir = opendir("/proc");
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (t->count == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 256;
            t->items = mem_realloc(t->items, t->cap * sizeof *t->items);
        }
        if (read_process(dirfd(dir), entry->d_name, &t->items[t->count])) t->count++;
    }
    closedir(dir);
    if (t->count) qsort(t->items, t->count, sizeof *t->items, by_pid);
}

static tree_process *find(tree *t, pid_t pid) {
    tree_process key = {.pid = pid};
    return t->count ? bsearch(&key, t->items, t->count, sizeof key, by_pid) : NULL;
}

void tree_below(tree *t, pid_t root, pid_t session) {
    for (size_t i = 0; i < t->count; i++) {
        tree_process *p = &t->items[i];
        p->below = session && p->session == session;
        /* A picture taken while processes come and go may hold a loop of parents: the bound ends
         * the climb. */
        size_t climb = 0;
        for (tree_process *up = p; !p->below && up && climb < t->count; climb++) {
            p->below = up->parent == root;
            up = find(t, up->parent);
        }
    }
}

void tree_done(tree *t) {
    free(t->items);
    *t = (tree){0};
}
