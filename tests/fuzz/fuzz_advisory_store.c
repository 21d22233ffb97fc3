/* A store of any bytes is refused, or read without a step outside; so is a packed advisory. The
 * sums are put right first, so that what is behind them is reached. */
#include "fuzz.h"

#include "scan/advisories/osv_file.h"
#include "scan/advisories/packed.h"

#include <string.h>

static void mend(char *bytes, size_t size) {
    osv_head h;
    if (size < sizeof h) return;
    memcpy(&h, bytes, sizeof h);
    memcpy(h.magic, STORE_MAGIC, sizeof STORE_MAGIC);
    h.version = STORE_VERSION;
    h.size = size;
    for (int i = 0; i < TABLE_COUNT; i++) {
        osv_table *t = &h.tables[i];
        t->at &= ~(uint64_t)7;
        if (t->at > size || t->count > (size - t->at) / osv_row_sizes[i]) continue;
        if (i == TABLE_RECORDS) {
            for (size_t k = 0; k < t->count && t->at >= sizeof h; k++) {
                osv_row row;
                memcpy(&row, bytes + t->at + k * sizeof row, sizeof row);
                if (row.at > size || row.size > size - row.at) continue;
                row.sum = bytes_sum((str){bytes + row.at, row.size});
                memcpy(bytes + t->at + k * sizeof row, &row, sizeof row);
            }
        }
        t->sum = bytes_sum((str){bytes + t->at, t->count * osv_row_sizes[i]});
    }
    h.sum = bytes_sum((str){(const char *)&h, offsetof(osv_head, sum)});
    memcpy(bytes, &h, sizeof h);
}

static void use(const osv_store *s) {
    _cleanup_arena_ arena *a = arena_new();
    osv_facts facts = osv_facts_of(s);
    const osv_key *keys;
    advisory one;
    str packed;
    err e = {0};
    for (size_t i = 0; i < facts.record_count && i < 64; i++) {
        if (osv_record(s, i, &packed, &e) == 0) advisory_unpack(a, packed, SIZE_MAX, &one, &e);
    }
    osv_find(s, STR("GHSA-35jh-r3h4-6jhm"), &packed, &e);
    size_t count = osv_keys(s, package_hash(STR("npm"), STR("lodash")), &keys);
    for (size_t i = 0; i < count && i < 64; i++) {
        if (osv_record(s, keys[i].record, &packed, &e) == 0)
            advisory_unpack(a, packed, keys[i].affected, &one, &e);
    }
    osv_kev_of(s, (uint64_t)2021 << 32 | 23337);
    osv_epss_of(s, (uint64_t)2021 << 32 | 23337);
    osv_verify(s, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    char *bytes = arena_alloc(a, size + 1);
    advisory one;
    err e = {0};
    if (size) memcpy(bytes, data, size);
    advisory_unpack(a, (str){bytes, size}, SIZE_MAX, &one, &e);
    for (int mended = 0; mended < 2; mended++) {
        _cleanup_osv_ osv_store *s = NULL;
        if (mended) mend(bytes, size);
        if (osv_open_bytes((str){bytes, size}, &s, &e) == 0)
            use(s);
        else
            CHECK(e.message[0]);
    }
    return 0;
}
