#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

/* A later version is not the reason why the first is not there: that one's message is told. */
static int none_of(const char *file, const char *package, err *e) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const char *why = library ? "it was not there a moment ago" : dlerror();
    return err_set(e, ERR_UNSUPPORTED, "%s is not installed: install the Debian package %s (%s)",
                   file, package, why);
}

int library_load(const char *const *files, const char *package, const library_symbol *symbols,
                 size_t count, bool *loaded, err *e) {
    void *library = NULL;
    const char *file = files[0];
    if (*loaded) return 0;
    for (size_t i = 0; files[i] && !library; i++)
        library = dlopen(file = files[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return none_of(files[0], package, e);
    for (size_t i = 0; i < count; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found) return err_set(e, ERR_UNSUPPORTED, "%s lacks '%s'", file, symbols[i].name);
        memcpy(symbols[i].place, &found, sizeof found);
    }
    *loaded = true;
    return 0;
}
