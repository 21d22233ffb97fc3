#include "unit.h"

#include "actions/service.h"
#include "base/fs.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BYTES_MAX 4096

/* Services without a server, in a folder of their own. */
typedef struct world {
    service s;
    job j;
    char *dir;
    err e;
} world;

static int begin(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.s = {.a = arena_new(), .staging = LEASED_NONE}};
    *state = w;
    pthread_mutex_init(&w->s.lock, NULL);
    if (fs_temp_dir(w->s.a, "uploads-", &w->dir, &w->e) < 0) return -1;
    w->s.data = w->dir;
    w->s.blobs = fs_join(w->s.a, w->dir, STR("blobs"));
    w->s.limits = (actions_limits){.upload_bytes = BYTES_MAX, .cache_bytes = 1 << 20};
    if (staging_open(&w->s, &w->e) < 0) return -1;
    return store_open(fs_join(w->s.a, w->dir, STR("store.db")), &w->s.store, &w->e);
}

static int end(void **state) {
    world *w = *state;
    err ignored = {0};
    naming_stop(&w->s);
    store_close(w->s.store);
    staging_close(&w->s);
    fs_remove(w->dir, &ignored);
    arena_free(w->s.a);
    free(w);
    return 0;
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* As @azure/storage-blob makes them. */
static str id_of(arena *a, const char *number) {
    _cleanup_strbuf_ strbuf id = STRBUF_INIT;
    base64_encode(&id, arena_printf(a, "0b8e4a52-0d1c-4b0e-9f0a-3c1d2e4f5a6b%012d", atoi(number)));
    return arena_str(a, strbuf_str(&id));
}

static int send_block(world *w, upload *u, arena *a, str id, str bytes) {
    piece x = {0};
    int fd;
    char *path;
    bool placed = place_open(&w->s, u, id, bytes.len, &x, &fd);
    if (!placed) {
        assert_int_equal(staging_file(&w->s, a, &path, &fd, &w->e), 0);
        x = (piece){path, 0, bytes.len};
    }
    assert_int_equal(write_all(fd, bytes, (int64_t)x.at, &w->e), 0);
    close(fd);
    return upload_put_block(&w->s, u, id, &x, placed, &w->e);
}

static size_t staged(world *w, arena *a) {
    fs_entry *entries;
    size_t count = 0;
    assert_int_equal(fs_list(a, w->s.staging.path, &entries, &count, &w->e), 0);
    return count - 1; /* the lock */
}

/* Commits the ids of `list`, "2 1", and compares. */
static void commit(world *w, upload *u, arena *a, const char *list, const char *expected) {
    str rest = str_from(list), ids[8], found;
    size_t count = 0;
    while (rest.len) {
        str one;
        str_cut(rest, ' ', &one, &rest);
        ids[count++] = id_of(a, arena_cstr(a, one));
    }
    if (upload_commit_blocks(&w->s, u, ids, count, &w->e) < 0) fail_msg("%s", w->e.message);
    assert_int_equal(fs_read(a, u->path, BYTES_MAX, &found, &w->e), 0);
    assert_str(found, expected);
    assert_int_equal(u->size, found.len);
    assert_int_equal(staged(w, a), 1);
}

static void the_block_list_decides_wherever_blocks_were_written(void **state) {
    static const struct {
        const char *blocks; /* in the order in which they come */
        const char *list, *whole;
        bool placed; /* nothing was copied */
    } cases[] = {
        {"0=aaaa 1=bbbb 2=cc", "0 1 2", "aaaabbbbcc", true},
        {"1=bbbb 2=cc 0=aaaa", "0 1 2", "aaaabbbbcc", true},
        {"0=aaaa", "0", "aaaa", true},
        {"0=aaaa 1=bbbb 2=cc", "0 1", "aaaabbbb", true},
        {"0=aaaa 1=bbbb 2=cc", "2 1 0", "ccbbbbaaaa", false},
        {"0=aaaa 1=bbbb 2=cc", "1 2", "bbbbcc", false},
        {"0=aaaa 2=cc", "0 2", "aaaacc", false},
        {"0=aaaa 1=bb 2=cccc", "0 1 2", "aaaabbcccc", false},
        {"2=cc 1=bbbb 0=aaaa", "0 1 2", "aaaabbbbcc", false},
        {"0=aaaa 1=bbbb 0=AAAA", "0 1", "AAAAbbbb", false},
        {"0=aaaa 0=AA 0=A 1=bbbb", "0 1", "Abbbb", false},
        {"0=aaaa 49999=b", "0 49999", "aaaab", false},
        {"0=a 50000=b", "0 50000", "ab", false},
        {"0=a", "", "", false},
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        upload *u = upload_new(&w->s, &w->j, UPLOAD_CACHE, STR("k"), STR("v"), &w->e);
        str rest = str_from(cases[i].blocks);
        while (rest.len) {
            str one, number, bytes;
            str_cut(rest, ' ', &one, &rest);
            str_cut(one, '=', &number, &bytes);
            str id = id_of(a, arena_cstr(a, number));
            assert_int_equal(send_block(w, u, a, id, bytes), 0);
        }
        const char *shared = u->places.path;
        commit(w, u, a, cases[i].list, cases[i].whole);
        assert_int_equal(strcmp(u->path, shared) == 0, cases[i].placed);
        upload_drop(&w->s, u);
        assert_int_equal(staged(w, a), 0);
    }
}

static void ids_without_a_number_have_no_place(void **state) {
    static const char *const ids[] = {"MQ==", "YWFhYWFhYWE=", "AAAAAAAA", "!", "MDAwMDA="};
    world *w = *state;
    piece x;
    int fd;
    upload *u = upload_new(&w->s, &w->j, UPLOAD_CACHE, STR("k"), STR("v"), &w->e);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_false(place_open(&w->s, u, str_from(ids[i]), 4, &x, &fd));
    assert_false(place_open(&w->s, u, STR("MDAwMDAx"), BYTES_MAX, &x, &fd)); /* over the limit */
    assert_false(place_open(&w->s, u, STR("MDAwMDAx"), 0, &x, &fd));
    upload_drop(&w->s, u);
}

/* A request that hangs while the client sends its block again must not change what was kept. */
static void a_late_writer_changes_nothing(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    world *w = *state;
    piece late = {0};
    int fd;
    str found;
    upload *u = upload_new(&w->s, &w->j, UPLOAD_CACHE, STR("k"), STR("v"), &w->e);
    assert_int_equal(send_block(w, u, a, id_of(a, "0"), STR("aaaa")), 0);
    assert_true(place_open(&w->s, u, id_of(a, "1"), 4, &late, &fd));
    assert_int_equal(send_block(w, u, a, id_of(a, "1"), STR("bbbb")), 0);
    commit(w, u, a, "0 1", "aaaabbbb");
    assert_int_equal(write_all(fd, STR("xxxx"), (int64_t)late.at, &w->e), 0);
    close(fd);
    assert_int_equal(upload_put_block(&w->s, u, id_of(a, "1"), &late, true, &w->e), ERR_INVALID);
    assert_int_equal(fs_read(a, u->path, BYTES_MAX, &found, &w->e), 0);
    assert_str(found, "aaaabbbb");
    upload_drop(&w->s, u);
    assert_int_equal(staged(w, a), 0);
}

/* ---- names --------------------------------------------------------------------------------- */

static void keep(world *w, arena *a, const char *digest, const char *bytes) {
    char *path = cache_blob_path(&w->s, a, str_from(digest));
    char *folder = arena_cstr(a, str_sub(str_from(path), 0, strlen(w->s.blobs) + 3));
    store_cache row = {.repository = STR("o/r"),
                       .scope = STR("refs/heads/main"),
                       .key = str_from(digest),
                       .version = STR("v"),
                       .digest = str_from(digest),
                       .size = (int64_t)(bytes ? strlen(bytes) : 4)};
    assert_int_equal(fs_mkdirs(folder, 0700, &w->e), 0);
    if (bytes) assert_int_equal(fs_create(path, str_from(bytes), 0400, &w->e), 0);
    assert_int_equal(store_begin(w->s.store, &w->e), 0);
    assert_int_equal(store_cache_add(w->s.store, &row, &w->e), 0);
    assert_int_equal(store_commit(w->s.store, &w->e), 0);
}

static void wait_until_named(world *w, arena *a) {
    store_cache row;
    for (int r = 0; r == 0;) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        pthread_mutex_lock(&w->s.lock);
        r = store_cache_of_digest(w->s.store, a, STR(UNNAMED), &row, &w->e);
        pthread_mutex_unlock(&w->s.lock);
    }
}

static void blobs_get_the_name_of_their_digest(void **state) {
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    _cleanup_arena_ arena *a = arena_new();
    world *w = *state;
    store_cache row, *rows;
    fs_entry *entries;
    size_t count;
    str found;
    keep(w, a, UNNAMED "1", "abc");
    keep(w, a, UNNAMED "2", "abc");
    keep(w, a, UNNAMED "3", NULL); /* its blob is gone */
    keep(w, a, UNNAMED "4", "other");
    assert_int_equal(naming_start(&w->s, &w->e), 0);
    wait_until_named(w, a);
    assert_int_equal(
        store_cache_list(w->s.store, a, STR("o/r"), STR_EMPTY, 9, &rows, &count, &w->e), 0);
    assert_int_equal(count, 3);
    assert_int_equal(store_cache_exact(w->s.store, a, STR("o/r"), STR("refs/heads/main"),
                                       STR(UNNAMED "2"), STR("v"), &row, &w->e),
                     0);
    assert_str(row.digest, abc);
    assert_int_equal(fs_read(a, cache_blob_path(&w->s, a, row.digest), 99, &found, &w->e), 0);
    assert_str(found, "abc");
    naming_stop(&w->s);
    char *folder = fs_join(a, w->s.blobs, STR("ne"));
    assert_int_equal(fs_list(a, folder, &entries, &count, &w->e), 0);
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_block_list_decides_wherever_blocks_were_written, begin,
                                        end),
        cmocka_unit_test_setup_teardown(ids_without_a_number_have_no_place, begin, end),
        cmocka_unit_test_setup_teardown(a_late_writer_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(blobs_get_the_name_of_their_digest, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
