#include "trust/sodium.h"

sodium_library sodium;

int sodium_load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(sodium, name)
    static const library_symbol symbols[] = {SODIUM_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    static const char *const files[] = {"libsodium.so.23", NULL};
    bool before = sodium.loaded;
    if (library_load(files, "libsodium23", symbols, sizeof symbols / sizeof *symbols,
                     &sodium.loaded, e) < 0)
        return e ? (int)e->code : ERR_UNSUPPORTED;
    if (before || sodium.sodium_init() >= 0) return 0;
    sodium.loaded = false;
    return err_set(e, ERR_UNSUPPORTED, "libsodium cannot be initialised");
}
