/* history_walk.h: which files a history has. Private to src/scan.
 *
 * A walk over commits and trees, from the oldest on, in a jailed child: each tree is read once, so
 * what a commit has not changed costs nothing, and compared with the one that was read last at its
 * path, so only entries that differ are looked at. The first commit in which a file is met brought
 * it.
 */
#ifndef SLIPWAY_SCAN_HISTORY_WALK_H
#define SLIPWAY_SCAN_HISTORY_WALK_H

#include "base/arena.h"
#include "base/err.h"
#include "scan/objects.h"

#define HISTORY_OTHERS_MAX 32

/* What git says of a repository. */
typedef struct history_repo {
    char *objects;                  /* the folder */
    int tree;                       /* the same, open */
    int others[HISTORY_OTHERS_MAX]; /* folders of alternates */
    size_t other_count;
    uint8_t (*tips)[OBJECT_ID_BYTES]; /* where the walk begins */
    size_t tip_count;
    uint8_t (*shallow)[OBJECT_ID_BYTES]; /* commits whose parents are not here */
    size_t shallow_count;
    bool has_since, is_partial;
    uint8_t since[OBJECT_ID_BYTES];
} history_repo;

int history_repo_read(arena *a, const char *dir, const char *since, history_repo *ret, err *e);
void history_repo_close(history_repo *r);

/* The commit that brought a file, or IDMAP_NONE: a tag points at it. */
typedef struct history_blob {
    uint8_t id[OBJECT_ID_BYTES];
    uint32_t commit, path; /* numbers in the lists below */
} history_blob;

typedef struct history_commit {
    int64_t time; /* of its author, seconds since 1970 */
    uint8_t id[OBJECT_ID_BYTES];
    uint32_t person;
    int32_t zone; /* minutes east of Greenwich */
} history_commit;

typedef struct history_list {
    history_blob *blobs;             /* in the order in which they are best read */
    history_commit *commits;         /* those that brought something, the oldest first */
    str *paths, *persons, *problems; /* persons: "Name <mail>" */
    size_t blob_count, commit_count, path_count, person_count, problem_count;
    uint64_t seen_commits, missing;
} history_list;

/* In a child of its own. All is in the arena. */
int history_walk(arena *a, const history_repo *repo, objects *o, str below, history_list *ret,
                 err *e);
/* A list as bytes, for the parent, which believes nothing of it: ERR_FAILED when it cannot be. */
void history_list_write(strbuf *out, const history_list *list);
int history_list_read(arena *a, str bytes, history_list *ret, err *e);

#endif
