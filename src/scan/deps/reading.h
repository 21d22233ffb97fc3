/* reading.h: the half of a scanner that all in this folder share: children read files into
 * documents, the parent collects them. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_READING_H
#define SLIPWAY_SCAN_DEPS_READING_H

#include "scan/deps/inventory.h"
#include "scan/scanner.h"

/* Of `self`, at its head. */
typedef struct dep_reading {
    inventory *inventory;
    const char *root; /* whose installed packages are asked for licences, or NULL */
    int root_fd;      /* of a child */
} dep_reading;

/* Fills what is common: name, wants, start, read, note, digest. */
void dep_reading_init(scanner *s, arena *a, const char *name, const char *root, dep_reading *self);

#endif
