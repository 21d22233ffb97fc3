#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

int library_load(const char *file, const char *package, const library_symbol *symbols, size_t count,
                 bool *loaded, err *e) {
    if (*loaded) return 0;
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s is not installed: install the Debian package %s (%s)", file, package,
                       dlerror());
    for (size_t i = 0; i < count; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found) return err_set(e, ERR_UNSUPPORTED, "%s lacks '%s'", file, symbols[i].name);
        memcpy(symbols[i].place, &found, sizeof found);
    }
    *loaded = true;
    return 0;
}
