/* merkle.h: Merkle trees over a list of entries, and their tiles. Pure. Private.
 *
 *     leaf    SHA-256(0x00 || entry)
 *     node    SHA-256(0x01 || left || right)
 *     tree    of no entries: SHA-256(""); of n > 1: the node over the first k, the largest power of
 *             two below n, and the rest
 *
 * A tile is 256 hashes of one level: level 0 has the leaves, each hash of level L + 1 is the tree
 * over a full tile of level L. Sources: RFC 6962, section 2.1; c2sp.org/tlog-tiles. */
#ifndef SLIPWAY_TRUST_MERKLE_H
#define SLIPWAY_TRUST_MERKLE_H

#include "base/err.h"

#define MERKLE_HASH   32
#define MERKLE_TILE   256 /* hashes in a full tile */
#define MERKLE_LEVELS 8   /* of tiles: enough for 2^64 entries */
#define MERKLE_PATH   64  /* hashes of an inclusion proof, at most */

typedef struct merkle_hash {
    uint8_t bytes[MERKLE_HASH];
} merkle_hash;

/* A hasher, for one thread. One is kept because making it costs more than a hash. */
typedef struct merkle merkle;
merkle *merkle_new(void);
void merkle_free(merkle *m); /* NULL is allowed */

static inline void merkle_freep(merkle **m) {
    merkle_free(*m);
}
#define _cleanup_merkle_ __attribute__((cleanup(merkle_freep)))

merkle_hash merkle_leaf(merkle *m, str entry);
merkle_hash merkle_node(merkle *m, const merkle_hash *left, const merkle_hash *right);
merkle_hash merkle_empty(merkle *m);
/* The tree over `count` hashes of one level, a power of two of at most MERKLE_TILE. */
merkle_hash merkle_perfect(merkle *m, const merkle_hash *hashes, size_t count);
bool merkle_same(const merkle_hash *a, const merkle_hash *b);

/* ---- the right edge -------------------------------------------------------------------------- */

/* What a tree needs to grow: of each level the hashes that have not filled their tile. */
typedef struct merkle_edge {
    uint64_t size; /* entries */
    struct {
        unsigned count; /* 0 to 255 */
        merkle_hash hashes[MERKLE_TILE];
    } levels[MERKLE_LEVELS];
} merkle_edge;

/* Is given each tile that is full, lower levels first. Negative ends merkle_add. */
typedef int merkle_full_fn(void *context, unsigned level, uint64_t number,
                           const merkle_hash hashes[MERKLE_TILE], err *e);

/* `full` may be NULL. */
int merkle_add(merkle *m, merkle_edge *edge, const merkle_hash *leaf, merkle_full_fn *full,
               void *context, err *e);
merkle_hash merkle_root(merkle *m, const merkle_edge *edge);

/* How many hashes the level of a tree of `size` entries has. */
static inline uint64_t merkle_width(uint64_t size, unsigned level) {
    return level < MERKLE_LEVELS ? size >> (8 * level) : 0;
}

/* ---- inclusion ------------------------------------------------------------------------------- */

/* The root of a tree of `size` entries in which the leaf is at `index`, if the path is right (RFC
 * 9162, section 2.1.3.2). False when a path for these has another length. */
bool merkle_root_of_path(merkle *m, const merkle_hash *leaf, uint64_t index, uint64_t size,
                         const merkle_hash *path, size_t path_count, merkle_hash *ret);

/* Gives `count` hashes of a level from `from` on, which lie in one tile. */
typedef int merkle_hashes_fn(void *context, unsigned level, uint64_t from, unsigned count,
                             merkle_hash *ret, err *e);
/* The path of `index` in a tree of `size` entries (RFC 6962, section 2.1.1), from the leaf's
 * sibling up. ERR_INVALID when the tree has no such entry. */
int merkle_path(merkle *m, uint64_t index, uint64_t size, merkle_hashes_fn *get, void *context,
                merkle_hash ret[MERKLE_PATH], size_t *ret_count, err *e);

#endif
