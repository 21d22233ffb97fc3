/* temp.c: the private folder of a run. Kept folders have another prefix, so that nobody looks
 * at them. */
#include "agent/temp.h"

#include "base/fs.h"
#include "sandbox/sandbox.h"

#include <unistd.h>

#define TEMP_PREFIX "slipway-run-"
#define KEPT_PREFIX "slipway-kept-"

int temp_make(arena *a, bool keep, void (*warn)(const err *why), temp_folder *ret, err *e) {
    *ret = (temp_folder){.folder = LEASED_NONE, .keep = keep, .warn = warn};
    int r = keep ? fs_temp_dir(a, KEPT_PREFIX, &ret->folder.path, e)
                 : leased_make(a, fs_temp_parent(), TEMP_PREFIX, &ret->folder, e);
    if (r == 0) leased_sweep(fs_temp_parent(), TEMP_PREFIX, sandbox_remove, warn);
    return r;
}

void temp_done(temp_folder *t) {
    const char *path = t->folder.path;
    err e = {0};
    int r = 0;
    if (path) r = t->keep ? sandbox_reclaim(path, &e) : sandbox_remove(path, &e);
    if (r < 0 && t->warn) t->warn(&e);
    if (t->folder.lock >= 0) close(t->folder.lock);
    t->folder.lock = -1;
}

void temp_sweep(void) {
    leased_sweep(fs_temp_parent(), TEMP_PREFIX, sandbox_remove, NULL);
}
