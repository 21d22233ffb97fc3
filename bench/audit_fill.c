/* audit_fill.c: makes an audit log, or adds to it, as a server would, and writes out its files.
 *
 *     bench_audit_fill FOLDER NAME ENTRIES [BATCH [SEED]]
 *
 * FOLDER/key is the private key, FOLDER/log.db the database, FOLDER/log/ the files below "/audit/".
 * Each transaction adds BATCH entries (64); another SEED (0) gives others. Prints the seconds that
 * adding took and the bytes of all entries. For the bench and for tests/audit. */
#include "base/fs.h"
#include "base/json.h"
#include "trust/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_US INT64_C(1764295200000000)

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int append_one(audit_log *log, arena *a, uint64_t i, uint64_t seed, err *e) {
    static const char *const actions[] = {"run.cancel", "run.create", "secret.set", "access.grant"};
    static const char *const people[] = {"robin", "kim", "alex", "Zoë"};
    audit_input input = {.name = STR("payload"),
                         .sha256 = STR("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f"
                                       "00a08")};
    audit_event x = {
        .time_us = START_US + (int64_t)i * 1357,
        .actor = {STR("user"), arena_printf(a, "%llu", (unsigned long long)(i % 4 + 1)),
                  str_from(people[i % 4])},
        .action = str_from(actions[i * 7 % 4]),
        .subject = {STR("run"), arena_printf(a, "%llu", (unsigned long long)i),
                    STR("Build and test the shop")},
        .project = STR("team/shop"),
        .reason = i % 3 ? STR("superseded by a newer push to the same branch") : STR_EMPTY,
        .origin = {STR("192.0.2.17"),
                   arena_printf(a, "req-%016llx", (unsigned long long)i * 2654435),
                   STR("slipway/0.1.0 (linux)")},
        .details = value_object_new(a, true),
        .inputs = &input,
        .input_count = i % 2,
    };
    if (seed) value_set(a, &x.details, STR("seed"), value_number((double)seed));
    value_set(a, &x.details, STR("attempt"), value_number((double)(i % 5)));
    value_set_str(a, &x.details, "ref", STR("refs/heads/main"));
    return audit_append(log, &x, NULL, e);
}

static int append(audit_log *log, uint64_t count, uint64_t batch, uint64_t seed, err *e) {
    uint64_t at = audit_log_size(log), end = at + count;
    int r = 0;
    while (at < end && r == 0) {
        _cleanup_arena_ arena *a = arena_new();
        if ((r = audit_begin(log, e)) < 0) return r;
        for (uint64_t i = 0; i < batch && at < end && r == 0; i++)
            r = append_one(log, a, at++, seed, e);
        if (r == 0)
            r = audit_commit(log, e);
        else
            audit_rollback(log);
    }
    return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int put(store *s, const char *folder, const audit_file *f, size_t *bytes, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf path = STRBUF_INIT;
    str text;
    int r = audit_read(s, a, f, &text, e);
    if (r < 0) return r;
    audit_file_path(&path, f);
    const char *whole = fs_join(a, folder, strbuf_str(&path));
    ptrdiff_t slash = str_rfind_char(str_from(whole), '/');
    r = fs_mkdirs(arena_cstr(a, str_sub(str_from(whole), 0, (size_t)slash)), 0777, e);
    if (r == 0) r = fs_create(whole, text, 0666, e);
    *bytes += text.len;
    return r;
}

/* Only what a log of `old` entries had not. */
static int put_level(store *s, const char *folder, unsigned level, uint64_t old, uint64_t size,
                     size_t *bytes, err *e) {
    uint64_t width = size >> (8 * level);
    int r = 0;
    for (uint64_t n = (old >> (8 * level)) / AUDIT_TILE; n * AUDIT_TILE < width && r == 0; n++) {
        uint64_t left = width - n * AUDIT_TILE;
        audit_file f = {.kind = AUDIT_TILE_FILE,
                        .level = level,
                        .number = n,
                        .width = left < AUDIT_TILE ? (unsigned)left : AUDIT_TILE};
        size_t ignored = 0;
        r = put(s, folder, &f, &ignored, e);
        f.kind = AUDIT_ENTRIES;
        if (r == 0 && level == 0) r = put(s, folder, &f, bytes, e);
    }
    return r;
}

static int put_files(const char *database, const char *folder, uint64_t old, uint64_t size,
                     size_t *bytes, err *e) {
    store *s;
    size_t ignored = 0;
    int r = store_open_reader(database, &s, e);
    if (r < 0) return r;
    for (unsigned level = 0; size >> (8 * level) && r == 0; level++)
        r = put_level(s, folder, level, old, size, bytes, e);
    if (r == 0) r = put(s, folder, &(audit_file){.kind = AUDIT_KEY}, &ignored, e);
    if (r == 0) r = put(s, folder, &(audit_file){.kind = AUDIT_CHECKPOINT}, &ignored, e);
    store_close(s);
    return r;
}

static int fill(arena *a, const char *folder, const char *name, uint64_t count, uint64_t batch,
                uint64_t seed, err *e) {
    const char *database = fs_join(a, folder, STR("log.db")), *key_path;
    _cleanup_sign_key_ sign_key *key = NULL;
    store *s;
    audit_log *log;
    int r = fs_mkdirs(folder, 0777, e);
    key_path = fs_join(a, folder, STR("key"));
    if (r == 0)
        r = fs_exists(key_path) ? sign_key_load(key_path, &key, e)
                                : sign_key_make(key_path, str_from(name), &key, e);
    if (r < 0 || (r = store_open(database, &s, e)) < 0) return r;
    if ((r = audit_log_open(s, key, &log, e)) == 0) {
        uint64_t old = audit_log_size(log);
        size_t bytes = 0;
        double start = seconds_now();
        r = append(log, count, batch, seed, e);
        double took = seconds_now() - start;
        if (r == 0)
            r = put_files(database, fs_join(a, folder, STR("log")), old, audit_log_size(log),
                          &bytes, e);
        if (r == 0) printf("%.3f %zu\n", took, bytes);
        audit_log_close(log);
    }
    store_close(s);
    return r;
}

int main(int argc, char **argv) {
    _cleanup_arena_ arena *a = arena_new();
    uint64_t count, batch = 64, seed = 0;
    err e = {0};
    if (argc < 4 || !str_to_uint(str_from(argv[3]), INT64_MAX, &count) ||
        (argc > 4 && !str_to_uint(str_from(argv[4]), 1 << 20, &batch)) || batch == 0 ||
        (argc > 5 && !str_to_uint(str_from(argv[5]), 1000, &seed))) {
        fprintf(stderr, "usage: %s FOLDER NAME ENTRIES [BATCH [SEED]]\n", argv[0]);
        return 2;
    }
    if (fill(a, argv[1], argv[2], count, batch, seed, &e) == 0) return 0;
    fprintf(stderr, "%s: %s\n", argv[0], e.message);
    return 2;
}
