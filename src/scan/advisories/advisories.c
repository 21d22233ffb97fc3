#include "scan/advisories/advisories.h"

#include "scan/advisories/match.h"
#include "scan/advisories/version.h"

#include <stdlib.h>
#include <time.h>

#define DAY_MS (24LL * 60 * 60 * 1000)

int advisories_open(const char *dir, advisories **ret, err *e) {
    osv_store *s;
    if (osv_open(dir, &s, e) < 0) return e->code;
    advisories *v = mem_alloc(sizeof *v);
    v->store = s;
    *ret = v;
    return 0;
}

void advisories_free(advisories *v) {
    if (!v) return;
    osv_free(v->store);
    free(v);
}

advisories_facts advisories_facts_of(const advisories *v) {
    osv_facts f = osv_facts_of(v->store);
    return (advisories_facts){.imported_ms = f.imported_ms,
                              .newest_ms = f.newest_ms,
                              .kev_ms = f.kev_ms,
                              .epss_ms = f.epss_ms,
                              .record_count = f.record_count,
                              .package_count = f.package_count,
                              .kev_count = f.kev_count,
                              .epss_count = f.epss_count,
                              .bytes = f.bytes};
}

str advisories_age(arena *a, const advisories *v, int64_t now_ms) {
    char day[32] = "";
    struct tm tm;
    int64_t newest_ms = osv_facts_of(v->store).newest_ms;
    time_t t = (time_t)(newest_ms / 1000);
    if (newest_ms <= 0 || !gmtime_r(&t, &tm) || !strftime(day, sizeof day, "%Y-%m-%d", &tm))
        return STR("advisories of an unknown day");
    long long days = now_ms > newest_ms ? (now_ms - newest_ms) / DAY_MS : 0;
    return arena_printf(a, "advisories of %s, %lld day%s old", day, days, days == 1 ? "" : "s");
}

void advisories_digest(const advisories *v, uint8_t ret[16]) {
    osv_digest(v->store, ret);
}

int advisories_verify(const advisories *v, err *e) {
    return osv_verify(v->store, e);
}

/* ---- showing --------------------------------------------------------------------------------- */

static value texts(arena *a, str_list list) {
    value array = value_array_new(a);
    for (size_t i = 0; i < list.count; i++)
        value_push(a, &array, value_string(list.items[i]));
    return array;
}

static void set_texts(arena *a, value *to, const char *key, str_list list) {
    if (list.count) value_set(a, to, str_from(key), texts(a, list));
}

static void set_text(arena *a, value *to, const char *key, str text) {
    if (text.len) value_set_str(a, to, key, text);
}

static void set_time(arena *a, value *to, const char *key, int64_t ms) {
    char text[40];
    struct tm tm;
    time_t t = (time_t)(ms / 1000);
    if (ms > 0 && gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        value_set_str(a, to, key, arena_str(a, str_from(text)));
}

static value range_value(arena *a, const advisory_range *range) {
    static const char *const types[] = {"SEMVER", "ECOSYSTEM", "GIT"};
    static const char *const kinds[] = {"introduced", "fixed", "last_affected", "limit"};
    value to = value_object_new(a, true), events = value_array_new(a);
    for (size_t i = 0; i < range->event_count; i++) {
        value event = value_object_new(a, true);
        value_set_str(a, &event, kinds[range->events[i].kind], range->events[i].version);
        value_push(a, &events, event);
    }
    value_set_str(a, &to, "type", str_from(types[range->type]));
    value_set(a, &to, STR("events"), events);
    return to;
}

static value affected_value(arena *a, const affected *one) {
    value to = value_object_new(a, true), ranges = value_array_new(a);
    value_set_str(a, &to, "ecosystem", one->ecosystem);
    value_set_str(a, &to, "name", one->name);
    set_text(a, &to, "severity", one->severity);
    set_texts(a, &to, "cvss", one->vectors);
    for (size_t i = 0; i < one->range_count; i++)
        value_push(a, &ranges, range_value(a, &one->ranges[i]));
    if (one->range_count) value_set(a, &to, STR("ranges"), ranges);
    set_texts(a, &to, "versions", one->versions);
    return to;
}

int advisories_show(arena *a, const advisories *v, str id, value *ret, err *e) {
    str packed;
    advisory r;
    if (osv_find(v->store, id, &packed, e) < 0) return e->code;
    if (advisory_unpack(a, packed, SIZE_MAX, &r, e) < 0) return e->code;
    value to = value_object_new(a, true), all = value_array_new(a);
    value_set_str(a, &to, "id", r.id);
    set_text(a, &to, "summary", r.summary);
    set_time(a, &to, "published", r.published_ms);
    set_time(a, &to, "modified", r.modified_ms);
    set_texts(a, &to, "aliases", r.aliases);
    set_texts(a, &to, "upstream", r.upstream);
    set_texts(a, &to, "cwe", r.cwes);
    set_text(a, &to, "severity", r.severity);
    set_texts(a, &to, "cvss", r.vectors);
    set_text(a, &to, "url", r.url);
    for (size_t i = 0; i < r.affected_count; i++)
        value_push(a, &all, affected_value(a, &r.affected[i]));
    value_set(a, &to, STR("affected"), all);
    *ret = to;
    return 0;
}

/* ---- listing --------------------------------------------------------------------------------- */

static int add_id(arena *a, const advisories *v, size_t index, str **ids, size_t *count,
                  size_t *cap, err *e) {
    str packed;
    packed_head head;
    if (osv_record(v->store, index, &packed, e) < 0 || advisory_read_head(packed, &head, e) < 0)
        return e->code;
    if (*count && str_eq((*ids)[*count - 1], head.id)) return 0;
    ARENA_PUSH(a, *ids, *count, *cap, head.id);
    return 0;
}

int advisories_list(arena *a, const advisories *v, str ecosystem, str name, str **ret,
                    size_t *ret_count, err *e) {
    str *ids = NULL;
    size_t count = 0, cap = 0, all = osv_facts_of(v->store).record_count;
    const osv_key *keys = NULL;
    str normal = package_normal_name(a, ecosystem, name);
    if (name.len) all = osv_keys(v->store, package_hash(ecosystem, normal), &keys);
    for (size_t i = 0; i < all; i++) {
        str packed;
        advisory one;
        size_t index = keys ? keys[i].record : i;
        if (keys) {
            if (osv_record(v->store, index, &packed, e) < 0 ||
                advisory_unpack(a, packed, keys[i].affected, &one, e) < 0)
                return e->code;
            if (!str_eq(one.affected->name, normal) ||
                !ecosystem_covers(one.affected->ecosystem, ecosystem))
                continue;
        }
        if (add_id(a, v, index, &ids, &count, &cap, e) < 0) return e->code;
    }
    *ret = ids;
    *ret_count = count;
    return 0;
}
