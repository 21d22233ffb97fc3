/* objects.h: a git repository's objects, by libgit2, which is loaded when it is needed. Private to
 * src/scan.
 *
 * Only the object database is libgit2's matter: it reads packs and loose objects, also of
 * alternates, and needs to open nothing but them. Where they are and what points at them is asked
 * of the git program (history_repo.c). */
#ifndef SLIPWAY_SCAN_OBJECTS_H
#define SLIPWAY_SCAN_OBJECTS_H

#include "base/err.h"
#include "scan/idmap.h"

typedef enum object_kind {
    OBJECT_COMMIT,
    OBJECT_TREE,
    OBJECT_BLOB,
    OBJECT_TAG,
    OBJECT_KIND_COUNT
} object_kind;

typedef struct objects objects;

/* Once, in the parent: children have it by the fork. ERR_UNSUPPORTED without libgit2. */
int objects_load(err *e);
/* `folder`: "…/.git/objects". Before a jail. Freed by objects_close. */
int objects_open(const char *folder, objects **ret, err *e);
void objects_close(objects *o);
/* The bytes are borrowed until the next call. ERR_NOT_FOUND when there is no such object, ERR_LIMIT
 * when it is larger (0: whatever the memory holds), ERR_IO when it is corrupt. To look at a size
 * costs half of what reading a small object does, so it is only looked at first where the object
 * before was large: one that is the first of its kind may be read in vain. Ids are not computed
 * again: what a disk has spoilt zlib tells. */
int objects_read(objects *o, const uint8_t id[OBJECT_ID_BYTES], uint64_t max_bytes,
                 object_kind *ret_kind, str *ret, err *e);
/* Whether there is such an object. */
bool objects_has(objects *o, const uint8_t id[OBJECT_ID_BYTES]);

#endif
