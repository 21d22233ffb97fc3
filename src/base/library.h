/* library.h: shared libraries that few commands need are loaded by those, so that all others start
 * without them and what they bring along.
 *
 *     #define FUNCTIONS(X) X(curl_easy_init) X(curl_easy_cleanup)
 *     static struct {
 *         bool loaded;
 *         FUNCTIONS(LIBRARY_POINTER)
 *     } curl;
 *     #define SYMBOL(name) LIBRARY_SYMBOL(curl, name)
 *     static const library_symbol symbols[] = {FUNCTIONS(SYMBOL)}; */
#ifndef SLIPWAY_BASE_LIBRARY_H
#define SLIPWAY_BASE_LIBRARY_H

#include "base/err.h"

typedef struct library_symbol {
    const char *name;
    void *place; /* of a pointer to the function */
} library_symbol;

#define LIBRARY_POINTER(name)        __typeof__(name) *name;
#define LIBRARY_SYMBOL(object, name) {#name, &(object).name},

/* Fills the pointers, once; `loaded` says that it was done. `files`: names of the library, of its
 * versions that will do, the best first, NULL at the end: the first that is there is taken.
 * ERR_UNSUPPORTED when none is installed (`package` is Debian's name for the first) or one lacks a
 * symbol. It is never unloaded. */
int library_load(const char *const *files, const char *package, const library_symbol *symbols,
                 size_t count, bool *loaded, err *e);

#endif
