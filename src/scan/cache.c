/* cache.c: "slipway-scan-2\n", the scanners' digest, that of all that follows, the number of
 * entries, the entries (key, where its text begins, its length), then the texts. Numbers are in
 * this machine's order: a cache does not travel. */
#include "scan/cache.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/table.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC     "slipway-scan-2\n"
#define BYTES_MAX (512ULL << 20)

typedef struct entry {
    uint8_t key[SCAN_KEY_BYTES];
    uint64_t at, size;
} entry;

typedef struct head {
    char magic[16];
    uint8_t digest[16], sum[32];
    uint64_t count;
} head;

static void sum_of(str body, uint8_t ret[32]) {
    sha256 *h = sha256_new();
    sha256_add(h, body.ptr, body.len);
    sha256_end(h, ret);
}

struct scan_cache {
    arena *a;
    const char *path;
    head head;
    str texts;        /* of the file that was read */
    const entry *old; /* unaligned bytes are copied, so these are aligned */
    size_t old_count, used;
    table_index table; /* of old */
    entry *kept;
    size_t kept_count, kept_cap;
    strbuf said;
    bool changed;
};

/* Keys are digests. */
static uint64_t hash_of(const uint8_t *key) {
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    return hash;
}

static uint64_t hash_at(const void *owner, size_t index) {
    const scan_cache *c = owner;
    return hash_of(c->old[index].key);
}

/* Every number in the file is judged before it is used. What a disk has spoilt is not believed: it
 * would be an error of the scan, or a finding less. */
static void load(scan_cache *c) {
    str file;
    head h;
    uint8_t sum[32];
    err ignored = {0};
    if (fs_read_own(c->a, c->path, BYTES_MAX, &file, &ignored) < 0 || file.len < sizeof h) return;
    memcpy(&h, file.ptr, sizeof h);
    if (memcmp(h.magic, c->head.magic, sizeof h.magic) != 0 ||
        memcmp(h.digest, c->head.digest, sizeof h.digest) != 0 ||
        (sum_of(str_sub(file, sizeof h, file.len), sum), memcmp(sum, h.sum, sizeof sum) != 0) ||
        h.count > (file.len - sizeof h) / sizeof(entry) || h.count >= UINT32_MAX)
        return;
    entry *entries = ARENA_ARRAY(c->a, entry, h.count);
    memcpy(entries, file.ptr + sizeof h, h.count * sizeof *entries);
    str texts = str_sub(file, sizeof h + h.count * sizeof *entries, file.len);
    for (size_t i = 0; i < h.count; i++) {
        if (entries[i].at > texts.len || entries[i].size > texts.len - entries[i].at) return;
    }
    utimensat(AT_FDCWD, c->path, NULL, AT_SYMLINK_NOFOLLOW); /* it was used: prune.h */
    c->old = entries;
    c->old_count = h.count;
    c->texts = texts;
}

scan_cache *scan_cache_open(arena *a, const char *folder, const uint8_t digest[16]) {
    scan_cache *c = ARENA_NEW(a, scan_cache);
    char name[33];
    hex_encode(digest, 16, name);
    *c = (scan_cache){.a = a, .said = STRBUF_INIT, .head.magic = MAGIC};
    memcpy(c->head.digest, digest, sizeof c->head.digest);
    c->path = fs_join(a, folder, str_from(name));
    load(c);
    if (c->old_count) table_add(&c->table, a, c->old_count - 1, hash_at, c);
    return c;
}

bool scan_cache_find(scan_cache *c, const uint8_t key[SCAN_KEY_BYTES], str *ret) {
    size_t at = table_begin(&c->table, hash_of(key));
    for (uint32_t i; table_next(&c->table, &at, &i);) {
        const entry *found = &c->old[i];
        if (memcmp(found->key, key, SCAN_KEY_BYTES) != 0) continue;
        *ret = str_sub(c->texts, found->at, found->at + found->size);
        c->used++;
        return true;
    }
    c->changed = true;
    return false;
}

void scan_cache_keep(scan_cache *c, const uint8_t key[SCAN_KEY_BYTES], str said) {
    entry kept = {.at = c->said.len, .size = said.len};
    memcpy(kept.key, key, SCAN_KEY_BYTES);
    strbuf_add(&c->said, said);
    ARENA_PUSH(c->a, c->kept, c->kept_count, c->kept_cap, kept);
}

static void store(scan_cache *c) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    err ignored = {0};
    c->head.count = c->kept_count;
    strbuf_add(&out, (str){(const char *)&c->head, sizeof c->head});
    strbuf_add(&out, (str){(const char *)c->kept, c->kept_count * sizeof *c->kept});
    strbuf_add(&out, strbuf_str(&c->said));
    sum_of(str_sub(strbuf_str(&out), sizeof c->head, out.len), c->head.sum);
    memcpy(out.ptr, &c->head, sizeof c->head);
    fs_write(c->path, strbuf_str(&out), 0600, &ignored);
}

void scan_cache_close(scan_cache *c) {
    if (c->changed || c->used != c->old_count) store(c);
    strbuf_done(&c->said);
}
