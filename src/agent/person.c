#include "agent/person.h"

#include "base/fs.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

char *person_folder(arena *a, const char *variable, const char *below_home, const char *rest) {
    const char *base = getenv(variable), *home = getenv("HOME");
    if (base && base[0] == '/') return arena_cstr(a, arena_printf(a, "%s/%s", base, rest));
    if (!home || home[0] != '/') {
        const struct passwd *person = getpwuid(geteuid());
        home = person ? person->pw_dir : NULL;
    }
    if (!home || home[0] != '/') return NULL;
    return arena_cstr(a, arena_printf(a, "%s/%s/%s", home, below_home, rest));
}

int person_cache(arena *a, const char *caches, const char *name, char **ret, err *e) {
    str rest = arena_printf(a, "slipway/%s", name);
    char *path = caches ? fs_join(a, caches, str_from(name))
                        : person_folder(a, "XDG_CACHE_HOME", ".cache", rest.ptr);
    if (!path)
        return err_set(e, ERR_NOT_FOUND,
                       "there is no folder for caches: set HOME or XDG_CACHE_HOME");
    return fs_private_dir(a, path, ret, e);
}
