#include "scan/advisories/feed.h"

#include "base/rfc3339.h"
#include "scan/advisories/packed.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DAY_MS (24 * 60 * 60 * 1000)

static void tell_error(strbuf *out, const char *why) {
    strbuf_addc(out, FEED_ERROR);
    strbuf_adds(out, why);
}

/* ---- known exploited ------------------------------------------------------------------------- */

static int32_t day_of(str date) {
    int64_t ms;
    return time_parse(date, &ms) ? (int32_t)(ms / DAY_MS) : 0;
}

static int cmp_kev(const void *left, const void *right) {
    const osv_kev *a = left, *b = right;
    return (a->cve > b->cve) - (a->cve < b->cve);
}

/* Fields: cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities_schema.json */
static void read_kev(arena *a, const value *json, const value *all, strbuf *out) {
    size_t count = 0, capacity = value_count(all);
    osv_kev *rows = ARENA_ARRAY(a, osv_kev, capacity);
    for (size_t i = 0; i < capacity; i++) {
        const value *one = &all->array.items[i];
        osv_kev *row = &rows[count];
        if (!cve_key(value_path_str(one, "cveID"), &row->cve)) continue;
        row->added_day = day_of(value_path_str(one, "dateAdded"));
        row->due_day = day_of(value_path_str(one, "dueDate"));
        row->ransomware = str_is(value_path_str(one, "knownRansomwareCampaignUse"), "Known");
        count++;
    }
    if (count) qsort(rows, count, sizeof *rows, cmp_kev);
    int64_t day = 0;
    time_parse(value_path_str(json, "dateReleased"), &day);
    strbuf_addc(out, FEED_KEV);
    pack_word64(out, (uint64_t)day);
    strbuf_add(out, (str){(const char *)rows, count * sizeof *rows});
}

/* ---- EPSS ------------------------------------------------------------------------------------ */

static int cmp_epss(const void *left, const void *right) {
    const osv_epss *a = left, *b = right;
    return (a->cve > b->cve) - (a->cve < b->cve);
}

/* "0.97523"; at most 1. */
static bool read_share(str text, float *ret) {
    str whole, part;
    uint64_t n;
    bool has_part = str_cut(text, '.', &whole, &part);
    if (!str_to_uint(whole, 1, &n)) return false;
    double share = (double)n, scale = 0.1;
    for (size_t i = 0; has_part && i < part.len && part.ptr[i] >= '0' && part.ptr[i] <= '9'; i++) {
        share += (part.ptr[i] - '0') * scale;
        scale /= 10;
    }
    if (share > 1) return false;
    *ret = (float)share;
    return true;
}

/* "#model_version:v2023.03.01,score_date:2024-01-02T00:00:00+0000" */
static int64_t epss_day(str head) {
    int64_t day = 0;
    ptrdiff_t at = str_find(head, STR("score_date:"));
    if (at >= 0) time_parse(str_sub(head, (size_t)at + 11, (size_t)at + 21), &day);
    return day;
}

static bool is_epss(str body) {
    return str_starts(body, STR("#model_version:")) || str_starts(body, STR("cve,epss,percentile"));
}

static void read_epss(str body, strbuf *out) {
    _cleanup_arena_ arena *a = arena_new();
    osv_epss *rows = NULL;
    size_t count = 0, cap = 0;
    int64_t day = 0;
    str line;
    while (str_line(&body, &line)) {
        str id, rest, score, percentile;
        osv_epss row = {0};
        if (str_starts(line, STR("#"))) day = epss_day(line);
        str_cut(line, ',', &id, &rest);
        str_cut(rest, ',', &score, &percentile);
        if (cve_key(id, &row.cve) && read_share(score, &row.score) &&
            read_share(percentile, &row.percentile))
            ARENA_PUSH(a, rows, count, cap, row);
    }
    if (count == 0) {
        tell_error(out, "has no EPSS scores");
        return;
    }
    qsort(rows, count, sizeof *rows, cmp_epss);
    strbuf_addc(out, FEED_EPSS);
    pack_word64(out, (uint64_t)day);
    strbuf_add(out, (str){(const char *)rows, count * sizeof *rows});
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool is_gzip(str body) {
    return body.len > 2 && memcmp(body.ptr, "\x1F\x8B", 2) == 0;
}

static const char *gunzip(str body, strbuf *ret) {
    z_stream z = {.next_in = (Bytef *)body.ptr, .avail_in = (uInt)body.len};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) oom();
    int r = Z_OK;
    while (r == Z_OK && ret->len <= FEED_BYTES_MAX) {
        strbuf_reserve(ret, 1 << 20);
        z.next_out = (Bytef *)ret->ptr + ret->len;
        z.avail_out = 1 << 20;
        r = inflate(&z, Z_NO_FLUSH);
        ret->len += (1 << 20) - z.avail_out;
        if (r == Z_BUF_ERROR || z.avail_in == 0) break;
    }
    inflateEnd(&z);
    if (ret->len > FEED_BYTES_MAX) return "unpacks to more than 256 MiB";
    return r == Z_STREAM_END ? NULL : "is cut off or no gzip file";
}

static void read_json(str body, strbuf *out) {
    _cleanup_arena_ arena *a = arena_new();
    value json;
    advisory record;
    err e = {0};
    if (json_parse(a, body, 0, &json, &e) < 0) {
        tell_error(out, e.message);
        return;
    }
    const value *all = value_get(&json, STR("vulnerabilities"));
    if (all && all->kind == VALUE_ARRAY && value_get(&json, STR("catalogVersion"))) {
        read_kev(a, &json, all, out);
    } else if (advisory_from_json(a, &json, &record, &e) < 0) {
        tell_error(out, e.message);
    } else {
        strbuf_addc(out, FEED_RECORD);
        advisory_pack(out, &record);
    }
}

void feed_read(str body, strbuf *out) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    if (is_gzip(body)) {
        const char *why = gunzip(body, &text);
        if (why) {
            tell_error(out, why);
            return;
        }
        body = strbuf_str(&text);
    }
    if (is_epss(body))
        read_epss(body, out);
    else if (body.len > RECORD_BYTES_MAX)
        tell_error(out, "is larger than 64 MiB");
    else
        read_json(body, out);
}

int feed_answer_read(str said, feed_answer *ret, err *e) {
    *ret = (feed_answer){.body = str_sub(said, 1, said.len)};
    char kind = said.len ? *said.ptr : 0;
    size_t row = kind == FEED_KEV ? sizeof(osv_kev) : kind == FEED_EPSS ? sizeof(osv_epss) : 0;
    if (kind != FEED_RECORD && kind != FEED_ERROR && !row)
        return err_set(e, ERR_INVALID, "a reader of advisories gave an answer that cannot be");
    ret->kind = (feed_kind)kind;
    if (!row) return 0;
    if (ret->body.len < 8 || (ret->body.len - 8) % row)
        return err_set(e, ERR_INVALID, "a reader of advisories gave an answer that cannot be");
    ret->day_ms = (int64_t)word64_at(ret->body.ptr);
    ret->rows = ret->body.ptr + 8;
    ret->count = (ret->body.len - 8) / row;
    return 0;
}
