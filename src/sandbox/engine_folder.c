#include "sandbox/engine_folder.h"

#include "sandbox/ns.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is mounted where in the job's container, and the link that says the same to us. */
static const struct place {
    const char *ours, *theirs, *link;
} places[] = {
    {"work", "__w", "work"},
    {"work/_tool", "__t", "work/_tool"},
    {"home", "github/home", "../home"},
    {"work/_temp/_github_workflow", "github/workflow", "../work/_temp/_github_workflow"},
};

#define PLACES (sizeof places / sizeof *places)

int engine_folder_open(const char *folder, int *ret, err *e) {
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), failed = fd < 0 ? errno : 0;
    if (fd >= 0 && mkdirat(fd, "github", 0755) < 0 && errno != EEXIST) failed = errno;
    for (size_t i = 0; fd >= 0 && i < PLACES; i++) {
        if (symlinkat(places[i].link, fd, places[i].theirs) < 0 && errno != EEXIST) failed = errno;
    }
    if (!failed) {
        *ret = fd;
        return 0;
    }
    if (fd >= 0) close(fd);
    return err_sys(e, failed, "cannot prepare the job's folder '%s'", folder);
}

const char *const *sandbox_engine_binds(arena *a, const char *folder) {
    const char **out = ARENA_ARRAY(a, const char *, PLACES + 1);
    for (size_t i = 0; i < PLACES; i++)
        out[i] = arena_printf(a, "%s/%s:/%s", folder, places[i].ours, places[i].theirs).ptr;
    return out;
}

const char *sandbox_home(sandbox_backend b) {
    return b == SANDBOX_NAMESPACES ? NS_HOME : b == SANDBOX_ENGINE ? ENGINE_HOME : NULL;
}

const char *sandbox_work(sandbox_backend b) {
    return b == SANDBOX_NAMESPACES ? NS_WORK : b == SANDBOX_ENGINE ? ENGINE_WORK : NULL;
}
