#include "scan/advisories/osv.h"

#include "scan/advisories/osv_file.h"
#include "scan/advisories/packed.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the store's file is little-endian"
#endif

struct osv_store {
    str bytes;
    bool mapped;
    osv_head head;
};

const size_t osv_row_sizes[TABLE_COUNT] = {sizeof(osv_row), sizeof(osv_key), sizeof(osv_kev),
                                           sizeof(osv_epss)};

/* ---- opening --------------------------------------------------------------------------------- */

static int damaged(err *e) {
    return err_set(e, ERR_INVALID, "the store of advisories is damaged: import them again");
}

static str table_bytes(const osv_store *s, int table) {
    const osv_table *t = &s->head.tables[table];
    return str_sub(s->bytes, t->at, t->at + t->count * osv_row_sizes[table]);
}

static bool table_fits(const osv_store *s, int table) {
    const osv_table *t = &s->head.tables[table];
    size_t row = osv_row_sizes[table], size = s->bytes.len;
    return t->at % 8 == 0 && t->at >= sizeof s->head && t->at <= size &&
           t->count <= (size - t->at) / row && bytes_sum(table_bytes(s, table)) == t->sum;
}

static int judge(osv_store *s, err *e) {
    if (s->bytes.len < sizeof s->head) return damaged(e);
    memcpy(&s->head, s->bytes.ptr, sizeof s->head);
    const osv_head *h = &s->head;
    if (memcmp(h->magic, STORE_MAGIC, sizeof STORE_MAGIC) != 0)
        return err_set(e, ERR_INVALID, "is no store of advisories");
    if (h->version != STORE_VERSION)
        return err_set(e, ERR_INVALID,
                       "the store of advisories is of version %u, this program reads version %d: "
                       "import them again",
                       h->version, STORE_VERSION);
    if (h->size != s->bytes.len ||
        h->sum != bytes_sum((str){(const char *)h, offsetof(osv_head, sum)}))
        return damaged(e);
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (!table_fits(s, i)) return damaged(e);
    }
    return 0;
}

int osv_open_bytes(str bytes, osv_store **ret, err *e) {
    osv_store *s = mem_alloc(sizeof *s);
    *s = (osv_store){.bytes = bytes};
    if (judge(s, e) < 0) {
        free(s);
        return e->code;
    }
    *ret = s;
    return 0;
}

int osv_open(const char *dir, osv_store **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const char *path = fs_join(a, dir, STR(STORE_NAME));
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, ERR_NOT_FOUND,
                       "there are no advisories in %s: 'slipway advisories import' puts them there",
                       dir);
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(osv_head))
        return err_set(e, ERR_INVALID, "%s is no store of advisories: remove it", path);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return err_sys(e, errno, "cannot map %s", path);
    if (osv_open_bytes((str){bytes, (size_t)st.st_size}, ret, e) < 0) {
        munmap(bytes, (size_t)st.st_size);
        return err_context(e, "%s", path);
    }
    (*ret)->mapped = true;
    return 0;
}

void osv_free(osv_store *s) {
    if (!s) return;
    if (s->mapped) munmap((void *)s->bytes.ptr, s->bytes.len);
    free(s);
}

osv_facts osv_facts_of(const osv_store *s) {
    const osv_head *h = &s->head;
    return (osv_facts){.imported_ms = h->imported_ms,
                       .newest_ms = h->newest_ms,
                       .kev_ms = h->kev_ms,
                       .epss_ms = h->epss_ms,
                       .record_count = h->tables[TABLE_RECORDS].count,
                       .package_count = h->package_count,
                       .kev_count = h->tables[TABLE_KEV].count,
                       .epss_count = h->tables[TABLE_EPSS].count,
                       .bytes = h->size};
}

void osv_digest(const osv_store *s, uint8_t ret[16]) {
    memcpy(ret, s->head.digest, 16);
}

int osv_verify(const osv_store *s, err *e) {
    uint8_t digest[32];
    sha256 *h = sha256_new();
    sha256_add(h, s->bytes.ptr + sizeof s->head, s->bytes.len - sizeof s->head);
    sha256_end(h, digest);
    return memcmp(digest, s->head.digest, sizeof digest) == 0 ? 0 : damaged(e);
}

/* ---- looking up ------------------------------------------------------------------------------ */

int osv_record(const osv_store *s, size_t index, str *ret, err *e) {
    const osv_row *rows = (const osv_row *)table_bytes(s, TABLE_RECORDS).ptr;
    if (index >= s->head.tables[TABLE_RECORDS].count) return damaged(e);
    const osv_row *row = &rows[index];
    if (row->at > s->bytes.len || row->size > s->bytes.len - row->at) return damaged(e);
    str packed = str_sub(s->bytes, row->at, row->at + row->size);
    if (bytes_sum(packed) != row->sum) return damaged(e);
    *ret = packed;
    return 0;
}

int osv_find(const osv_store *s, str id, str *ret, err *e) {
    size_t from = 0, to = s->head.tables[TABLE_RECORDS].count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        packed_head head;
        if (osv_record(s, middle, ret, e) < 0 || advisory_read_head(*ret, &head, e) < 0)
            return e->code;
        int order = str_cmp(head.id, id);
        if (order == 0) return 0;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return err_set(e, ERR_NOT_FOUND, "there is no advisory %.*s", STR_ARG(id));
}

/* The first row whose first word is not below `word`. Every table but that of records begins with
 * what it is sorted by. */
static size_t lower_bound(str table, size_t row, uint64_t word) {
    size_t from = 0, to = table.len / row;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        uint64_t there;
        memcpy(&there, table.ptr + middle * row, sizeof there);
        if (there < word)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

size_t osv_keys(const osv_store *s, uint64_t hash, const osv_key **ret) {
    str table = table_bytes(s, TABLE_KEYS);
    size_t count = s->head.tables[TABLE_KEYS].count;
    size_t from = lower_bound(table, sizeof(osv_key), hash), to = from;
    const osv_key *keys = (const osv_key *)table.ptr;
    while (to < count && keys[to].hash == hash)
        to++;
    *ret = keys + from;
    return to - from;
}

bool cve_key(str id, uint64_t *ret) {
    uint64_t year, number;
    str head, tail;
    if (!str_starts(id, STR("CVE-")) || !str_cut(str_sub(id, 4, id.len), '-', &head, &tail))
        return false;
    if (!str_to_uint(head, 9999, &year) || !str_to_uint(tail, UINT32_MAX, &number)) return false;
    *ret = year << 32 | number;
    return true;
}

static const void *by_cve(const osv_store *s, int table, uint64_t cve) {
    str bytes = table_bytes(s, table);
    size_t row = osv_row_sizes[table], at = lower_bound(bytes, row, cve) * row;
    if (at >= bytes.len) return NULL;
    uint64_t there;
    memcpy(&there, bytes.ptr + at, sizeof there);
    return there == cve ? bytes.ptr + at : NULL;
}

size_t osv_kevs(const osv_store *s, const void **ret) {
    *ret = table_bytes(s, TABLE_KEV).ptr;
    return s->head.tables[TABLE_KEV].count;
}

size_t osv_epsses(const osv_store *s, const void **ret) {
    *ret = table_bytes(s, TABLE_EPSS).ptr;
    return s->head.tables[TABLE_EPSS].count;
}

const osv_kev *osv_kev_of(const osv_store *s, uint64_t cve) {
    return by_cve(s, TABLE_KEV, cve);
}

const osv_epss *osv_epss_of(const osv_store *s, uint64_t cve) {
    return by_cve(s, TABLE_EPSS, cve);
}
