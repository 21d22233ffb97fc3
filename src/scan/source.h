/* source.h: where what is scanned comes from. Private to src/scan but for the makers of sources.
 *
 * A source is a list of items in a fixed order. It is made in the parent; the items are read in
 * children that were forked from it. */
#ifndef SLIPWAY_SCAN_SOURCE_H
#define SLIPWAY_SCAN_SOURCE_H

#include "scan/scan.h"

#define SCAN_KEY_BYTES 16

struct scan_source {
    size_t count;
    int tree;          /* the folder that children may read in, or -1: none */
    const int *others; /* further ones */
    size_t other_count;
    const str *warnings; /* why this may not be what was meant: of the report */
    size_t warning_count;
    bool versions; /* many items are versions of the one before them */
    void *self;
    /* The path of an item as it is shown, borrowed. */
    str (*path)(const scan_source *s, size_t item);
    /* Whether an item stands for what could not be looked at: its reading tells why, whatever its
     * name. May be NULL. */
    bool (*unknown)(const scan_source *s, size_t item);
    /* What tells whether an item has changed since it was read: false when it must be read. May be
     * NULL. */
    bool (*key)(const scan_source *s, size_t item, uint8_t ret[SCAN_KEY_BYTES]);
    /* In a child, before its jail: what reading needs. May be NULL. */
    int (*start)(scan_source *s, err *e);
    /* In a child: an item's bytes, in `into` or borrowed until the next call. More than `max_bytes`
     * is ERR_LIMIT. What is gone or is no file any more is ERR_NOT_FOUND, which is no error of the
     * scan. */
    int (*read)(scan_source *s, size_t item, uint64_t max_bytes, strbuf *into, str *ret, err *e);
    /* In the parent: adds what only it can know to a finding of an item (the commit). False: it is
     * the same as one of `taken`, which the source has seen to. May be NULL. */
    bool (*place)(scan_source *s, arena *a, size_t item, finding *f, finding_list *taken);
    /* In the parent, after the last item and before the scanners' own end; findings are in the
     * order in which `place` has let them in. May be NULL. */
    void (*finish)(scan_source *s, arena *a, scan_report *report);
};

/* The files of a folder, or one file. In a git working copy those that git tracks or does not
 * ignore, in others all but .git; sorted by path. What cannot be looked at is an item whose reading
 * fails. Links are not followed and not read. Where git refuses a working copy, which is a warning,
 * it is as others. */
int scan_source_tree(arena *a, const char *path, scan_source **ret, err *e);
/* The same, shown with `prefix` in front ("src/", or empty): where the folder lies in its
 * repository, so that paths, and what is made from them, do not depend on what of it is scanned. */
int scan_source_tree_at(arena *a, const char *path, str prefix, scan_source **ret, err *e);

typedef struct scan_input {
    str path, body;
    const char *why; /* it is not known what is in it, and why; or NULL */
} scan_input;

/* Some files of a folder, which need not exist. Of `files` only paths and reasons count; paths are
 * borrowed, and followed by a NUL. */
int scan_source_files(arena *a, const char *root, const scan_input *files, size_t count,
                      scan_source **ret, err *e);
/* Texts that are in memory. All is borrowed. */
scan_source *scan_source_texts(arena *a, const scan_input *texts, size_t count);
scan_source *scan_source_text(arena *a, str path, str body);

#endif
