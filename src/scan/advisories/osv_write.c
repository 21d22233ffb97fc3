/* osv_write.c: advisories are appended as they come; what they are called and which packages they
 * mention is kept in memory until the end, when the old store's are added, duplicates dropped and
 * the tables written. */
#include "scan/advisories/osv_file.h"
#include "scan/advisories/packed.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)

typedef struct entry {
    str id; /* in the arena, or in the old osv_store */
    int64_t modified_ms;
    uint64_t sequence;
    osv_row row; /* of the new file, or (is_old) of the old one's bytes */
    const char *hashes;
    uint32_t affected_count;
    bool withdrawn, is_old;
} entry;

struct osv_writer {
    arena *a;
    char *dir, *path, *temporary;
    int fd, lock;
    uint64_t at;
    strbuf buffer;
    sha256 *digest;
    osv_store *old; /* or NULL */
    entry *entries;
    size_t count, cap;
    osv_kev *kev;
    osv_epss *epss;
    size_t kev_count, epss_count;
    osv_head head;
};

/* ---- bytes ----------------------------------------------------------------------------------- */

static int flush(osv_writer *w, err *e) {
    str left = strbuf_str(&w->buffer);
    sha256_add(w->digest, left.ptr, left.len);
    while (left.len) {
        ssize_t n = write(w->fd, left.ptr, left.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot write %s", w->temporary);
        left = str_sub(left, (size_t)n, left.len);
    }
    strbuf_clear(&w->buffer);
    return 0;
}

static int append(osv_writer *w, const void *bytes, size_t size, err *e) {
    strbuf_add(&w->buffer, (str){bytes, size});
    w->at += size;
    return w->buffer.len >= BUFFER_BYTES ? flush(w, e) : 0;
}

static int append_table(osv_writer *w, int table, const void *rows, size_t count, err *e) {
    static const char zeros[8];
    size_t size = count * osv_row_sizes[table];
    if (append(w, zeros, (8 - w->at % 8) % 8, e) < 0) return e->code;
    str bytes = {rows ? rows : "", size};
    w->head.tables[table] = (osv_table){w->at, count, bytes_sum(bytes)};
    return append(w, bytes.ptr, size, e);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int lock_dir(osv_writer *w, err *e) {
    const char *path = fs_join(w->a, w->dir, STR(".lock"));
    w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (w->lock < 0) return err_sys(e, errno, "cannot open %s", path);
    while (flock(w->lock, LOCK_EX) < 0) {
        if (errno != EINTR) return err_sys(e, errno, "cannot lock %s", path);
    }
    return 0;
}

/* The tables of the old one stay until there are new ones. */
static void take_old(osv_writer *w) {
    if (!w->old) return;
    osv_facts facts = osv_facts_of(w->old);
    w->head.kev_ms = facts.kev_ms;
    w->head.epss_ms = facts.epss_ms;
}

int osv_begin(const char *dir, osv_writer **ret, bool *ret_damaged, err *e) {
    osv_writer *w = mem_alloc(sizeof *w);
    *w = (osv_writer){.a = arena_new(), .fd = -1, .lock = -1, .digest = sha256_new()};
    w->dir = arena_cstr(w->a, str_from(dir));
    w->path = fs_join(w->a, dir, STR(STORE_NAME));
    w->temporary = fs_join(w->a, dir, STR("." STORE_NAME ".new"));
    static const osv_head blank;
    err why = {0};
    *ret_damaged = false;
    if (fs_mkdirs(dir, 0755, e) < 0 || lock_dir(w, e) < 0) goto failed;
    if (osv_open(dir, &w->old, &why) < 0) {
        *ret_damaged = why.code != ERR_NOT_FOUND;
    } else if (osv_verify(w->old, &why) < 0) {
        osv_free(w->old);
        w->old = NULL;
        *ret_damaged = true;
    }
    take_old(w);
    w->fd = open(w->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (w->fd < 0) {
        err_sys(e, errno, "cannot write %s", w->temporary);
        goto failed;
    }
    if (pwrite(w->fd, &blank, sizeof blank, 0) != sizeof blank ||
        lseek(w->fd, sizeof blank, SEEK_SET) < 0) {
        err_sys(e, errno, "cannot write %s", w->temporary);
        goto failed;
    }
    w->at = sizeof blank;
    *ret = w;
    return 0;
failed:
    osv_writer_free(w);
    return e->code;
}

void osv_writer_free(osv_writer *w) {
    if (!w) return;
    uint8_t unused[32];
    if (w->digest) sha256_end(w->digest, unused);
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->temporary);
    }
    if (w->lock >= 0) close(w->lock);
    osv_free(w->old);
    strbuf_done(&w->buffer);
    free(w->entries);
    arena_free(w->a);
    free(w);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static int add_entry(osv_writer *w, entry new, err *e) {
    if (w->count == STORE_RECORDS_MAX)
        return err_set(e, ERR_LIMIT, "there are more than %u advisories", STORE_RECORDS_MAX);
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 1024;
        w->entries = mem_realloc(w->entries, w->cap * sizeof *w->entries);
    }
    new.sequence = w->count;
    w->entries[w->count++] = new;
    return 0;
}

static entry entry_of(const packed_head *h, str packed) {
    return (entry){.id = h->id,
                   .modified_ms = h->modified_ms,
                   .row = {.size = (uint32_t)packed.len, .sum = bytes_sum(packed)},
                   .hashes = h->hashes,
                   .affected_count = (uint32_t)h->affected_count,
                   .withdrawn = h->withdrawn};
}

int osv_add(osv_writer *w, str packed, err *e) {
    packed_head h;
    if (packed.len > UINT32_MAX || advisory_read_head(packed, &h, e) < 0)
        return err_set(e, ERR_INVALID, "an advisory was packed wrongly");
    entry new = entry_of(&h, packed);
    new.id = arena_str(w->a, h.id);
    new.hashes = arena_str(w->a, (str){h.hashes, h.affected_count * 8}).ptr;
    new.row.at = w->at;
    if (add_entry(w, new, e) < 0) return e->code;
    return h.withdrawn ? 0 : append(w, packed.ptr, packed.len, e);
}

void osv_set_kev(osv_writer *w, const osv_kev *all, size_t count, int64_t day_ms) {
    w->kev = arena_alloc(w->a, count * sizeof *all);
    if (count) memcpy(w->kev, all, count * sizeof *all);
    w->kev_count = count;
    w->head.kev_ms = day_ms;
}

void osv_set_epss(osv_writer *w, const osv_epss *all, size_t count, int64_t day_ms) {
    w->epss = arena_alloc(w->a, count * sizeof *all);
    if (count) memcpy(w->epss, all, count * sizeof *all);
    w->epss_count = count;
    w->head.epss_ms = day_ms;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* By id, the one that counts first. */
static int cmp_entries(const void *left, const void *right) {
    const entry *a = left, *b = right;
    int order = str_cmp(a->id, b->id);
    if (order) return order;
    if (a->modified_ms != b->modified_ms) return a->modified_ms > b->modified_ms ? -1 : 1;
    if (a->is_old != b->is_old) return a->is_old ? 1 : -1;
    return a->sequence > b->sequence ? -1 : 1;
}

static int add_old(osv_writer *w, err *e) {
    size_t count = w->old ? osv_facts_of(w->old).record_count : 0;
    for (size_t i = 0; i < count; i++) {
        str packed;
        packed_head h;
        if (osv_record(w->old, i, &packed, e) < 0 || advisory_read_head(packed, &h, e) < 0)
            return e->code;
        entry old = entry_of(&h, packed);
        old.is_old = true;
        old.row.at = i;
        if (add_entry(w, old, e) < 0) return e->code;
    }
    return 0;
}

/* What was superseded or withdrawn goes; what is left of the old store is copied. */
static int settle(osv_writer *w, err *e) {
    size_t kept = 0;
    str last = STR_EMPTY; /* no id is empty */
    if (w->count) qsort(w->entries, w->count, sizeof *w->entries, cmp_entries);
    for (size_t i = 0; i < w->count; i++) {
        entry one = w->entries[i];
        bool again = str_eq(one.id, last);
        last = one.id;
        if (!again && !one.withdrawn) w->entries[kept++] = one;
    }
    w->count = kept;
    for (size_t i = 0; i < kept; i++) {
        entry *one = &w->entries[i];
        if (one->modified_ms > w->head.newest_ms) w->head.newest_ms = one->modified_ms;
        if (!one->is_old) continue;
        str packed;
        if (osv_record(w->old, one->row.at, &packed, e) < 0) return e->code;
        one->row.at = w->at;
        if (append(w, packed.ptr, packed.len, e) < 0) return e->code;
    }
    return 0;
}

static int cmp_keys(const void *left, const void *right) {
    const osv_key *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    if (a->record != b->record) return a->record < b->record ? -1 : 1;
    return (a->affected > b->affected) - (a->affected < b->affected);
}

static int write_index(osv_writer *w, err *e) {
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        count += w->entries[i].affected_count;
    osv_row *rows = mem_alloc((w->count + 1) * sizeof *rows);
    osv_key *keys = mem_alloc((count + 1) * sizeof *keys);
    count = 0;
    for (size_t i = 0; i < w->count; i++) {
        const entry *one = &w->entries[i];
        rows[i] = one->row;
        for (uint32_t k = 0; k < one->affected_count; k++)
            keys[count++] = (osv_key){word64_at(one->hashes + k * 8), (uint32_t)i, k};
    }
    qsort(keys, count, sizeof *keys, cmp_keys);
    for (size_t i = 0; i < count; i++)
        w->head.package_count += i == 0 || keys[i].hash != keys[i - 1].hash;
    int r = append_table(w, TABLE_RECORDS, rows, w->count, e);
    if (r == 0) r = append_table(w, TABLE_KEYS, keys, count, e);
    free(rows);
    free(keys);
    return r;
}

static int write_scores(osv_writer *w, err *e) {
    const void *kev = w->kev, *epss = w->epss;
    size_t kev_count = w->kev_count, epss_count = w->epss_count;
    if (w->old && !kev) kev_count = osv_kevs(w->old, &kev);
    if (w->old && !epss) epss_count = osv_epsses(w->old, &epss);
    if (append_table(w, TABLE_KEV, kev, kev_count, e) < 0) return e->code;
    return append_table(w, TABLE_EPSS, epss, epss_count, e);
}

int osv_commit(osv_writer *w, int64_t imported_ms, err *e) {
    if (add_old(w, e) < 0 || settle(w, e) < 0 || write_index(w, e) < 0 || write_scores(w, e) < 0 ||
        flush(w, e) < 0)
        return e->code;
    osv_head *h = &w->head;
    memcpy(h->magic, STORE_MAGIC, sizeof STORE_MAGIC);
    h->version = STORE_VERSION;
    h->size = w->at;
    h->imported_ms = imported_ms;
    sha256_end(w->digest, h->digest);
    w->digest = NULL;
    h->sum = bytes_sum((str){(const char *)h, offsetof(osv_head, sum)});
    if (pwrite(w->fd, h, sizeof *h, 0) != sizeof *h || fsync(w->fd) < 0)
        return err_sys(e, errno, "cannot write %s", w->temporary);
    if (rename(w->temporary, w->path) < 0)
        return err_sys(e, errno, "cannot put %s in place", w->path);
    close(w->fd);
    w->fd = -1;
    return 0;
}
