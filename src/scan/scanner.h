/* scanner.h: what a kind of scan is. Private to src/scan but for the makers of scanners. */
#ifndef SLIPWAY_SCAN_SCANNER_H
#define SLIPWAY_SCAN_SCANNER_H

#include "scan/scan.h"

/* A property that a scanner may give its findings: a text that is the same for the same thing in
 * another version of the file. Its `finish` takes it off: it is in no report. */
#define SCAN_IDENTITY "identity"

typedef struct scan_file {
    str path, body; /* as they are: not necessarily UTF-8 */
} scan_file;

/* What a scanner says of one file. It lives until the next file. */
typedef struct scan_out {
    arena *a;
    finding_list findings;
    scan_error_list errors;
    scan_error_list warnings; /* of `finish` only */
    strbuf notes; /* bytes for the scanner's `note`, such as the packages of a lock file */
} scan_out;

void scan_out_error(scan_out *out, str path, uint32_t line, uint32_t column, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* Adds what is not among the last ones: two scanners may say the same of a file. */
void scan_error_add(scan_error_list *list, const scan_error *error);

struct scanner {
    const char *name; /* of --only, and the kind of its findings */
    void *self;
    /* Differs whenever the same file could give another result (rules, version): of the cache. */
    uint8_t digest[16];
    /* Whether a file of this name is worth its bytes. NULL: every file. */
    bool (*wants)(const scanner *s, str path);
    /* Once in each child, before its jail. May be NULL. */
    int (*start)(scanner *s, err *e);
    /* In a child. A negative code is an error of this file, and what it gave so far counts. */
    int (*read)(scanner *s, const scan_file *file, scan_out *out, err *e);
    /* In the parent, in the order of the items. May be NULL. */
    int (*note)(scanner *s, str path, str notes, err *e);
    /* In the parent, after the last item: what needs all of them. May be NULL. */
    int (*finish)(scanner *s, scan_out *out, err *e);
};

#endif
