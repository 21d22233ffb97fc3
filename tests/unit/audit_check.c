#include "unit.h"

#include "base/fs.h"
#include "trust/audit_check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A log and a folder into which it was fetched at some of its sizes. */
typedef struct world {
    arena *a;
    char *dir, *database, *folder;
    sign_key *key;
    store *s;
    audit_log *log;
    err e;
} world;

static void ok(world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "audit-", &w->dir, &w->e) < 0) return -1;
    w->database = fs_join(w->a, w->dir, STR("x.db"));
    w->folder = fs_join(w->a, w->dir, STR("log"));
    if (sign_key_make(fs_join(w->a, w->dir, STR("key")), STR("x.example/audit"), &w->key, &w->e) <
        0)
        return -1;
    ok(w, store_open(w->database, &w->s, &w->e));
    ok(w, audit_log_open(w->s, w->key, &w->log, &w->e));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    audit_log_close(w->log);
    store_close(w->s);
    sign_key_free(w->key);
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static void grow(world *w, unsigned count) {
    ok(w, audit_begin(w->log, &w->e));
    for (unsigned i = 0; i < count; i++) {
        audit_event x = {.time_us = 1764295200000000,
                         .actor = {.kind = STR("system")},
                         .action = STR("thing.change"),
                         .subject = {.kind = STR("thing")},
                         .reason = arena_printf(w->a, "%u", i)};
        ok(w, audit_append(w->log, &x, NULL, &w->e));
    }
    ok(w, audit_commit(w->log, &w->e));
}

static char *place(world *w, const audit_file *f) {
    _cleanup_strbuf_ strbuf path = STRBUF_INIT;
    audit_file_path(&path, f);
    return fs_join(w->a, w->folder, strbuf_str(&path));
}

static void put(world *w, audit_file f) {
    str text;
    const char *path = place(w, &f);
    ptrdiff_t slash = str_rfind_char(str_from(path), '/');
    ok(w, audit_read(w->s, w->a, &f, &text, &w->e));
    ok(w, fs_mkdirs(arena_cstr(w->a, str_sub(str_from(path), 0, (size_t)slash)), 0700, &w->e));
    ok(w, fs_create(path, text, 0600, &w->e));
}

/* Of logs of at most 65,535 entries. */
static void fetch(world *w) {
    uint64_t size = audit_log_size(w->log);
    for (unsigned level = 0; level < 2; level++) {
        uint64_t width = size >> (8 * level);
        for (uint64_t at = 0; at < width; at += AUDIT_TILE) {
            unsigned n = width - at < AUDIT_TILE ? (unsigned)(width - at) : AUDIT_TILE;
            put(w, (audit_file){AUDIT_TILE_FILE, level, at / AUDIT_TILE, n});
            if (level == 0) put(w, (audit_file){AUDIT_ENTRIES, 0, at / AUDIT_TILE, n});
        }
    }
    put(w, (audit_file){.kind = AUDIT_CHECKPOINT});
}

static int check_since(world *w, const char *where, str since, audit_checked *ret) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_audit_source_ audit_source *s = NULL;
    audit_check how = {.key = sign_key_verifier(w->key), .since = since};
    ok(w, audit_source_open(where, &s, &w->e));
    return audit_check_all(a, s, &how, ret, &w->e);
}

static int check(world *w) {
    audit_checked ignored;
    return check_since(w, w->folder, STR_EMPTY, &ignored);
}

/* In place: to write thousands of files anew takes a disk a while. */
static void assert_damage_found(world *w, const char *path, size_t step) {
    str good;
    ok(w, fs_read(w->a, path, SIZE_MAX, &good, &w->e));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    for (size_t at = 0; at < good.len; at += step) {
        char wrong = (char)(good.ptr[at] ^ 1 << at % 8);
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)at), 1);
        int r = check(w);
        if (r != ERR_FAILED) fail_msg("%s: byte %zu: %d", path, at, r);
        assert_int_equal(pwrite(fd, good.ptr + at, 1, (off_t)at), 1);
    }
    assert_int_equal(pwrite(fd, "\n", 1, (off_t)good.len), 1);
    assert_int_equal(check(w), ERR_FAILED);
    for (size_t length = good.len; length > 0;) {
        length -= length < step ? length : step;
        assert_int_equal(ftruncate(fd, (off_t)length), 0);
        if (check(w) != ERR_FAILED) fail_msg("%s: %zu bytes", path, length);
    }
    close(fd);
    ok(w, fs_create(path, good, 0600, &w->e));
}

static void any_byte_of_any_file_counts(void **state) {
    static const audit_file files[] = {
        {.kind = AUDIT_CHECKPOINT}, {AUDIT_TILE_FILE, 0, 0, 5}, {AUDIT_TILE_FILE, 0, 0, 12},
        {AUDIT_ENTRIES, 0, 0, 5},   {AUDIT_ENTRIES, 0, 0, 12},
    };
    world *w = *state;
    grow(w, 5);
    fetch(w);
    grow(w, 7);
    fetch(w);
    ok(w, check(w));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_damage_found(w, place(w, &files[i]), 1);
    ok(w, check(w));
}

static void tiles_of_all_levels_count(void **state) {
    static const audit_file files[] = {
        {AUDIT_TILE_FILE, 0, 0, 200}, {AUDIT_TILE_FILE, 0, 0, 256}, {AUDIT_TILE_FILE, 0, 2, 88},
        {AUDIT_TILE_FILE, 1, 0, 1},   {AUDIT_TILE_FILE, 1, 0, 2},   {AUDIT_ENTRIES, 0, 0, 200},
        {AUDIT_ENTRIES, 0, 0, 256},   {AUDIT_ENTRIES, 0, 2, 88},
    };
    world *w = *state;
    grow(w, 200);
    fetch(w);
    grow(w, 100);
    fetch(w);
    grow(w, 300);
    fetch(w);
    ok(w, check(w));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_damage_found(w, place(w, &files[i]), 997);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = place(w, &files[i]);
        str good;
        bool needed = files[i].width == 256 || files[i].number == 2 || files[i].width == 2;
        ok(w, fs_read(w->a, path, SIZE_MAX, &good, &w->e));
        ok(w, fs_remove(path, &w->e));
        assert_int_equal(check(w), needed ? ERR_FAILED : 0);
        ok(w, fs_create(path, good, 0600, &w->e));
    }
}

/* What a checkpoint needs as a part may be there as a whole, when the log has grown meanwhile. */
static void a_full_tile_serves_for_a_part(void **state) {
    world *w = *state;
    str note;
    audit_checked checked;
    audit_file checkpoint = {.kind = AUDIT_CHECKPOINT};
    grow(w, 200);
    ok(w, audit_read(w->s, w->a, &checkpoint, &note, &w->e));
    grow(w, 100);
    fetch(w);
    ok(w, fs_create(place(w, &checkpoint), note, 0600, &w->e));
    ok(w, check_since(w, w->folder, STR_EMPTY, &checked));
    assert_int_equal(checked.size, 200);
}

static void a_log_extends_each_checkpoint_that_it_had(void **state) {
    static const unsigned steps[] = {1, 2, 252, 1, 1, 300};
    world *w = *state;
    str notes[8];
    size_t count = 0;
    audit_file checkpoint = {.kind = AUDIT_CHECKPOINT};
    audit_checked checked;
    ok(w, audit_read(w->s, w->a, &checkpoint, &notes[count++], &w->e));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        grow(w, steps[i]);
        ok(w, audit_read(w->s, w->a, &checkpoint, &notes[count++], &w->e));
    }
    fetch(w);
    for (size_t i = 0; i < count; i++) {
        ok(w, check_since(w, w->folder, notes[i], &checked));
        ok(w, check_since(w, w->database, notes[i], &checked));
    }
    assert_int_equal(checked.since_size, 557);
    /* Of a tree that this one is no extension of, signed all the same. */
    static const char *const others[] = {
        "x.example/audit\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "x.example/audit\n0\nAAAAQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "x.example/audit\n557\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "x.example/audit\n558\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "y.example/audit\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        _cleanup_strbuf_ strbuf note = STRBUF_INIT;
        ok(w, sign_note(&note, w->key, str_from(others[i]), &w->e));
        assert_int_equal(check_since(w, w->folder, strbuf_str(&note), &checked), ERR_FAILED);
    }
    assert_int_equal(check_since(w, w->folder, STR("x.example/audit\n0\n"), &checked), ERR_FAILED);
}

static void what_cannot_be_read_is_no_failure_of_the_log(void **state) {
    world *w = *state;
    audit_checked checked;
    audit_source *s = NULL;
    assert_int_equal(check_since(w, w->dir, STR_EMPTY, &checked), ERR_NOT_FOUND);
    assert_int_equal(audit_source_open(fs_join(w->a, w->dir, STR("none")), &s, &w->e),
                     ERR_NOT_FOUND);
    assert_true(audit_source_open(fs_join(w->a, w->dir, STR("key")), &s, &w->e) < 0);
    assert_null(s);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static void make_proof(world *w, const char *where, uint64_t index, strbuf *out) {
    _cleanup_audit_source_ audit_source *s = NULL;
    ok(w, audit_source_open(where, &s, &w->e));
    ok(w, audit_prove(w->a, s, sign_key_verifier(w->key), index, out, &w->e));
}

static void each_entry_can_be_proven(void **state) {
    static const unsigned steps[] = {1, 1, 1, 252, 1, 1, 257};
    world *w = *state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        grow(w, steps[i]);
        uint64_t size = audit_log_size(w->log);
        for (uint64_t index = 0; index<size; index += size> 20 ? 17 : 1) {
            _cleanup_strbuf_ strbuf proof = STRBUF_INIT;
            audit_proven p;
            make_proof(w, w->database, index, &proof);
            ok(w,
               audit_prove_check(w->a, strbuf_str(&proof), sign_key_verifier(w->key), &p, &w->e));
            assert_int_equal(p.index, index);
            assert_int_equal(p.size, size);
            assert_true(str_starts(p.entry, STR("{\"version\":1,")));
        }
    }
    _cleanup_audit_source_ audit_source *s = NULL;
    _cleanup_strbuf_ strbuf proof = STRBUF_INIT;
    ok(w, audit_source_open(w->database, &s, &w->e));
    assert_int_equal(audit_prove(w->a, s, sign_key_verifier(w->key), 514, &proof, &w->e),
                     ERR_INVALID);
    assert_int_equal(proof.len, 0);
}

static void any_byte_of_a_proof_counts(void **state) {
    world *w = *state;
    _cleanup_strbuf_ strbuf proof = STRBUF_INIT;
    audit_proven p;
    grow(w, 300);
    make_proof(w, w->database, 77, &proof);
    str text = strbuf_str(&proof);
    for (size_t at = 0; at < text.len; at++) {
        _cleanup_arena_ arena *a = arena_new();
        char *bytes = arena_cstr(a, text);
        bytes[at] ^= 1 << at % 7;
        int r = audit_prove_check(a, (str){bytes, text.len}, sign_key_verifier(w->key), &p, &w->e);
        if (r != ERR_FAILED) fail_msg("byte %zu: %d", at, r);
        r = audit_prove_check(a, str_sub(text, 0, at), sign_key_verifier(w->key), &p, &w->e);
        if (r != ERR_FAILED) fail_msg("%zu bytes: %d", at, r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_byte_of_any_file_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tiles_of_all_levels_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_tile_serves_for_a_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_extends_each_checkpoint_that_it_had, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_no_failure_of_the_log, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_entry_can_be_proven, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_byte_of_a_proof_counts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
