/* merkle.c: OpenSSL hashes. Its context is made and its algorithm looked up once: for entries of a
 * few hundred bytes that would cost as much as the hash. */
#include "trust/merkle.h"

#include "base/arena.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct merkle {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

merkle *merkle_new(void) {
    merkle *m = mem_alloc(sizeof *m);
    *m = (merkle){EVP_MD_fetch(NULL, "SHA256", NULL), EVP_MD_CTX_new()};
    if (!m->algorithm || !m->context || !EVP_DigestInit_ex(m->context, m->algorithm, NULL)) oom();
    return m;
}

void merkle_free(merkle *m) {
    if (!m) return;
    EVP_MD_CTX_free(m->context);
    EVP_MD_free(m->algorithm);
    free(m);
}

/* OpenSSL's calls fail only for want of memory. */
static merkle_hash hash(merkle *m, str first, str second) {
    merkle_hash h;
    if (!EVP_DigestInit_ex(m->context, NULL, NULL) ||
        !EVP_DigestUpdate(m->context, first.ptr, first.len) ||
        (second.len && !EVP_DigestUpdate(m->context, second.ptr, second.len)) ||
        !EVP_DigestFinal_ex(m->context, h.bytes, NULL))
        oom();
    return h;
}

merkle_hash merkle_leaf(merkle *m, str entry) {
    return hash(m, (str){"\0", 1}, entry);
}

merkle_hash merkle_node(merkle *m, const merkle_hash *left, const merkle_hash *right) {
    char text[1 + 2 * MERKLE_HASH] = {1};
    memcpy(text + 1, left->bytes, MERKLE_HASH);
    memcpy(text + 1 + MERKLE_HASH, right->bytes, MERKLE_HASH);
    return hash(m, (str){text, sizeof text}, STR_EMPTY);
}

merkle_hash merkle_empty(merkle *m) {
    return hash(m, STR_EMPTY, STR_EMPTY);
}

bool merkle_same(const merkle_hash *a, const merkle_hash *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

merkle_hash merkle_perfect(merkle *m, const merkle_hash *hashes, size_t count) {
    merkle_hash row[MERKLE_TILE / 2];
    if (count == 1) return hashes[0];
    for (size_t n = count / 2; n; n /= 2) {
        for (size_t i = 0; i < n; i++)
            row[i] = merkle_node(m, &hashes[2 * i], &hashes[2 * i + 1]);
        hashes = row;
    }
    return row[0];
}

/* ---- the right edge -------------------------------------------------------------------------- */

int merkle_add(merkle *m, merkle_edge *edge, const merkle_hash *leaf, merkle_full_fn *full,
               void *context, err *e) {
    merkle_hash h = *leaf;
    edge->size++;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        edge->levels[level].hashes[edge->levels[level].count++] = h;
        if (edge->levels[level].count < MERKLE_TILE) break;
        const merkle_hash *hashes = edge->levels[level].hashes;
        edge->levels[level].count = 0;
        uint64_t number = merkle_width(edge->size, level) / MERKLE_TILE - 1;
        int r = full ? full(context, level, number, hashes, e) : 0;
        if (r < 0) return r;
        h = merkle_perfect(m, hashes, MERKLE_TILE);
    }
    return 0;
}

/* A tree is perfect trees side by side, one for each 1 in the binary form of its size, the largest
 * first; the last two are joined, then that and the one before it, and so on. */
merkle_hash merkle_root(merkle *m, const merkle_edge *edge) {
    merkle_hash root;
    bool any = false;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        unsigned left = edge->levels[level].count;
        for (unsigned bit = 1; left; bit <<= 1) {
            if (!(left & bit)) continue;
            left -= bit;
            merkle_hash part = merkle_perfect(m, edge->levels[level].hashes + left, bit);
            root = any ? merkle_node(m, &part, &root) : part;
            any = true;
        }
    }
    return any ? root : merkle_empty(m);
}

/* ---- inclusion ------------------------------------------------------------------------------- */

bool merkle_root_of_path(merkle *m, const merkle_hash *leaf, uint64_t index, uint64_t size,
                         const merkle_hash *path, size_t path_count, merkle_hash *ret) {
    merkle_hash h = *leaf;
    if (index >= size) return false;
    uint64_t at = index, last = size - 1;
    for (size_t i = 0; i < path_count; i++) {
        if (last == 0) return false;
        if (at % 2 == 0 && at != last) {
            h = merkle_node(m, &h, &path[i]);
        } else {
            h = merkle_node(m, &path[i], &h);
            for (; at % 2 == 0 && at != 0; at /= 2)
                last /= 2;
        }
        at /= 2;
        last /= 2;
    }
    *ret = h;
    return last == 0;
}

typedef struct walk {
    merkle *m;
    merkle_hashes_fn *get;
    void *context;
} walk;

/* The largest power of two below n > 1, as its exponent. */
static unsigned split_of(uint64_t n) {
    return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* The tree over 2^height entries from `from` on, which is a multiple of it. */
static int perfect_at(walk *w, uint64_t from, unsigned height, merkle_hash *ret, err *e) {
    merkle_hash hashes[MERKLE_TILE];
    unsigned level = height / 8, count = 1u << height % 8;
    int r = w->get(w->context, level, from >> (8 * level), count, hashes, e);
    if (r == 0) *ret = merkle_perfect(w->m, hashes, count);
    return r;
}

/* The tree over `size` entries from `from` on. Depth: one for each bit of the size. */
static int tree_at(walk *w, uint64_t from, uint64_t size, merkle_hash *ret, err *e) {
    merkle_hash left, right;
    if ((size & (size - 1)) == 0)
        return perfect_at(w, from, (unsigned)__builtin_ctzll(size), ret, e);
    unsigned height = split_of(size);
    int r = perfect_at(w, from, height, &left, e);
    if (r == 0) r = tree_at(w, from + (1ull << height), size - (1ull << height), &right, e);
    if (r == 0) *ret = merkle_node(w->m, &left, &right);
    return r;
}

int merkle_path(merkle *m, uint64_t index, uint64_t size, merkle_hashes_fn *get, void *context,
                merkle_hash ret[MERKLE_PATH], size_t *ret_count, err *e) {
    walk w = {m, get, context};
    struct {
        uint64_t from, size;
    } siblings[MERKLE_PATH];
    size_t count = 0;
    if (index >= size)
        return err_set(e, ERR_INVALID, "there is no entry %llu in a log of %llu",
                       (unsigned long long)index, (unsigned long long)size);
    for (uint64_t from = 0; size > 1;) { /* from the root down to the leaf */
        uint64_t left = 1ull << split_of(size);
        bool is_left = index - from < left;
        siblings[count].from = is_left ? from + left : from;
        siblings[count++].size = is_left ? size - left : left;
        if (!is_left) from += left;
        size = is_left ? left : size - left;
    }
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        int r = tree_at(&w, siblings[count - 1 - i].from, siblings[count - 1 - i].size, &ret[i], e);
        if (r < 0) return r;
    }
    return 0;
}
