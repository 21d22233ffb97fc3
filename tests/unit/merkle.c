#include "unit.h"

#include "base/arena.h"
#include "base/hash.h"
#include "trust/merkle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES 1101

static merkle *m;
static merkle_hash leaves[LEAVES];

static int set_up(void **state) {
    m = merkle_new();
    for (int i = 0; i < LEAVES; i++) {
        char text[16];
        snprintf(text, sizeof text, "entry %d", i);
        leaves[i] = merkle_leaf(m, str_from(text));
    }
    return 0;
}

static int tear_down(void **state) {
    merkle_free(m);
    return 0;
}

static void assert_hash(const merkle_hash *h, const char *hex) {
    char text[65];
    hex_encode(h->bytes, sizeof h->bytes, text);
    assert_string_equal(text, hex);
}

/* RFC 6962, section 2.1, as it is written there. */
static merkle_hash naive(const merkle_hash *d, size_t n) {
    if (n == 0) return merkle_empty(m);
    if (n == 1) return d[0];
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    merkle_hash left = naive(d, k), right = naive(d + k, n - k);
    return merkle_node(m, &left, &right);
}

/* The trees that the tests of Certificate Transparency's first implementation have. */
static void roots_are_those_of_others(void **state) {
    static const str entries[] = {
        STR_INIT(""),
        STR_INIT("\x00"),
        STR_INIT("\x10"),
        STR_INIT("\x20\x21"),
        STR_INIT("\x30\x31"),
        STR_INIT("\x40\x41\x42\x43"),
        STR_INIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
        STR_INIT("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"),
    };
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    merkle_edge *edge = mem_alloc(sizeof *edge);
    memset(edge, 0, sizeof *edge);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        merkle_hash root = merkle_root(m, edge);
        assert_hash(&root, roots[i]);
        if (i == sizeof entries / sizeof *entries) break;
        merkle_hash leaf = merkle_leaf(m, entries[i]);
        assert_int_equal(merkle_add(m, edge, &leaf, NULL, NULL, NULL), 0);
    }
    free(edge);
}

typedef struct kept {
    merkle_hash level0[LEAVES / MERKLE_TILE + 1][MERKLE_TILE];
    unsigned count0, count1;
} kept;

static int keep_tile(void *context, unsigned level, uint64_t number,
                     const merkle_hash hashes[MERKLE_TILE], err *e) {
    kept *k = context;
    assert_int_equal(level, 0);
    assert_int_equal(number, k->count0++);
    memcpy(k->level0[number], hashes, sizeof k->level0[number]);
    return 0;
}

static void a_growing_tree_has_the_roots_of_the_definition(void **state) {
    merkle_edge *edge = mem_alloc(sizeof *edge);
    kept k = {.count0 = 0};
    memset(edge, 0, sizeof *edge);
    for (size_t n = 0; n < LEAVES; n++) {
        merkle_hash root = merkle_root(m, edge), wanted = naive(leaves, n);
        if (!merkle_same(&root, &wanted)) fail_msg("another root with %zu leaves", n);
        merkle_add(m, edge, &leaves[n], keep_tile, &k, NULL);
    }
    assert_int_equal(edge->size, LEAVES);
    assert_int_equal(k.count0, LEAVES / MERKLE_TILE);
    assert_memory_equal(k.level0[3], leaves + 3 * MERKLE_TILE, sizeof k.level0[3]);
    merkle_hash of_tile = naive(leaves + MERKLE_TILE, MERKLE_TILE);
    assert_true(merkle_same(&edge->levels[1].hashes[1], &of_tile));
    free(edge);
}

/* As the tiles of a tree of LEAVES entries would give them. */
static int get(void *context, unsigned level, uint64_t from, unsigned count, merkle_hash *ret,
               err *e) {
    const uint64_t *size = context;
    assert_true(from / MERKLE_TILE == (from + count - 1) / MERKLE_TILE);
    assert_true(from + count <= merkle_width(*size, level));
    for (unsigned i = 0; i < count; i++) {
        if (level == 0)
            ret[i] = leaves[from + i];
        else
            ret[i] = naive(leaves + (from + i) * MERKLE_TILE, MERKLE_TILE);
    }
    return 0;
}

static void paths_lead_to_the_root(void **state) {
    static const uint64_t sizes[] = {1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 1024, 1100};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t size = sizes[i];
        merkle_hash wanted = naive(leaves, size);
        for (uint64_t index = 0; index<size; index += size> 300 ? 37 : 1) {
            merkle_hash path[MERKLE_PATH], root;
            size_t count;
            assert_int_equal(merkle_path(m, index, size, get, &size, path, &count, NULL), 0);
            assert_true(merkle_root_of_path(m, &leaves[index], index, size, path, count, &root));
            if (!merkle_same(&root, &wanted))
                fail_msg("%llu of %llu", (unsigned long long)index, (unsigned long long)size);
            /* Of another place, with another size or another length it leads elsewhere. */
            bool other = index && merkle_root_of_path(m, &leaves[index], index - 1, size, path,
                                                      count, &root);
            assert_false(other && merkle_same(&root, &wanted));
            if (count) {
                assert_false(
                    merkle_root_of_path(m, &leaves[index], index, size, path, count - 1, &root));
                path[count - 1].bytes[7] ^= 1;
                assert_true(
                    merkle_root_of_path(m, &leaves[index], index, size, path, count, &root));
                assert_false(merkle_same(&root, &wanted));
            }
        }
    }
}

static void there_is_no_path_to_what_is_not_there(void **state) {
    merkle_hash path[MERKLE_PATH], root;
    size_t count;
    uint64_t size = 5;
    assert_int_equal(merkle_path(m, 5, size, get, &size, path, &count, NULL), ERR_INVALID);
    assert_false(merkle_root_of_path(m, &leaves[0], 5, 5, path, 0, &root));
    assert_false(merkle_root_of_path(m, &leaves[0], 0, 0, path, 0, &root));
    assert_false(merkle_root_of_path(m, &leaves[0], UINT64_MAX, UINT64_MAX, path, 64, &root));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_others),
        cmocka_unit_test(a_growing_tree_has_the_roots_of_the_definition),
        cmocka_unit_test(paths_lead_to_the_root),
        cmocka_unit_test(there_is_no_path_to_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
