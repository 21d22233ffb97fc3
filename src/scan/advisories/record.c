#include "scan/advisories/record.h"

#include "base/rfc3339.h"
#include "scan/advisories/repository.h"
#include "scan/advisories/version.h"

#include <string.h>

#define SUMMARY_BYTES_MAX 300

/* ---- from JSON ------------------------------------------------------------------------------- */

static str text_of(const value *object, const char *key) {
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_STRING ? v->string : STR_EMPTY;
}

static const value *array_of(const value *object, const char *key) {
    static const value none = {.kind = VALUE_ARRAY};
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_ARRAY ? v : &none;
}

static str_list texts_of(arena *a, const value *array) {
    str_list list = {ARENA_ARRAY(a, str, value_count(array)), 0};
    for (size_t i = 0; i < value_count(array); i++) {
        const value *v = &array->array.items[i];
        if (v->kind == VALUE_STRING && v->string.len) list.items[list.count++] = v->string;
    }
    return list;
}

/* Scores that are vectors; Ubuntu's is a word. */
static str_list vectors_of(arena *a, const value *from, str *word) {
    const value *all = array_of(from, "severity");
    str_list list = {ARENA_ARRAY(a, str, value_count(all)), 0};
    for (size_t i = 0; i < value_count(all); i++) {
        str type = text_of(&all->array.items[i], "type");
        str score = text_of(&all->array.items[i], "score");
        if (str_starts(type, STR("CVSS_")))
            list.items[list.count++] = score;
        else if (!word->len)
            *word = score;
    }
    return list;
}

static const struct {
    const char *key;
    event_kind kind;
} event_keys[] = {{"introduced", EVENT_INTRODUCED},
                  {"fixed", EVENT_FIXED},
                  {"last_affected", EVENT_LAST_AFFECTED},
                  {"limit", EVENT_LIMIT}};

/* One event an object; older records have several, which mean the same as one after another. */
static void events_of(arena *a, const value *events, advisory_range *to) {
    to->events = ARENA_ARRAY(a, advisory_event, value_count(events) * EVENT_KIND_COUNT);
    for (size_t i = 0; i < value_count(events); i++) {
        for (size_t k = 0; k < EVENT_KIND_COUNT; k++) {
            str version = text_of(&events->array.items[i], event_keys[k].key);
            if (version.len)
                to->events[to->event_count++] = (advisory_event){event_keys[k].kind, version};
        }
    }
}

static const char *const type_names[RANGE_TYPE_COUNT] = {"SEMVER", "ECOSYSTEM", "GIT"};

static void ranges_of(arena *a, const value *ranges, affected *to) {
    to->ranges = ARENA_ARRAY(a, advisory_range, value_count(ranges));
    for (size_t i = 0; i < value_count(ranges); i++) {
        const value *from = &ranges->array.items[i];
        str type = text_of(from, "type");
        for (range_type t = 0; t < RANGE_TYPE_COUNT; t++) {
            if (!str_is(type, type_names[t])) continue;
            advisory_range *range = &to->ranges[to->range_count++];
            range->type = t;
            events_of(a, array_of(from, "events"), range);
        }
    }
}

/* Databases tell it in many places: GHSA above, Debian as an urgency, RustSec as "informational".
 */
static str severity_word(const value *from) {
    static const char *const paths[] = {"database_specific.severity", "ecosystem_specific.severity",
                                        "ecosystem_specific.urgency",
                                        "database_specific.informational"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        str word = value_path_str(from, paths[i]);
        if (word.len && i == 3) return STR("informational");
        if (word.len) return word;
    }
    return STR_EMPTY;
}

/* The entry of a repository that has none yet, or NULL when it has no name. */
static affected *repository_entry(arena *a, advisory *to, str url) {
    str name = repository_name(a, url);
    if (!name.len) return NULL;
    for (size_t i = 0; i < to->affected_count; i++) {
        affected *one = &to->affected[i];
        if (str_is(one->ecosystem, ECOSYSTEM_GIT) && str_eq(one->name, name)) return one;
    }
    affected *one = &to->affected[to->affected_count++];
    one->ecosystem = STR(ECOSYSTEM_GIT);
    one->name = name;
    return one;
}

/* To twice as many. */
static void grow_ranges(arena *a, affected *one) {
    advisory_range *old = one->ranges;
    one->ranges = ARENA_ARRAY(a, advisory_range, one->range_count * 2 + 1);
    for (size_t i = 0; i < one->range_count; i++)
        one->ranges[i] = old[i];
}

/* Ranges of commits once more under their repository, by which packages are found that come out of
 * it. Where no package is named the list of versions is that of its tags. */
static void repositories_of(arena *a, const value *from, bool has_package, advisory *to) {
    const value *ranges = array_of(from, "ranges");
    for (size_t i = 0; i < value_count(ranges); i++) {
        const value *range = &ranges->array.items[i];
        if (!str_is(text_of(range, "type"), "GIT")) continue;
        affected *one = repository_entry(a, to, text_of(range, "repo"));
        if (!one) continue;
        if (!has_package && !one->versions.count)
            one->versions = texts_of(a, array_of(from, "versions"));
        if (!has_package && !one->severity.len) one->severity = severity_word(from);
        if ((one->range_count & (one->range_count - 1)) == 0) grow_ranges(a, one);
        one->ranges[one->range_count].type = RANGE_GIT;
        events_of(a, array_of(range, "events"), &one->ranges[one->range_count++]);
    }
}

static size_t count_ranges(const value *all) {
    size_t count = 0;
    for (size_t i = 0; i < value_count(all); i++)
        count += value_count(array_of(&all->array.items[i], "ranges"));
    return count;
}

static void affected_of(arena *a, const value *all, advisory *to) {
    to->affected = ARENA_ARRAY(a, affected, value_count(all) + count_ranges(all));
    for (size_t i = 0; i < value_count(all); i++) {
        const value *from = &all->array.items[i], *package = value_get(from, STR("package"));
        str ecosystem = text_of(package, "ecosystem"), name = text_of(package, "name");
        bool has_package = ecosystem.len && name.len && !str_is(ecosystem, ECOSYSTEM_GIT);
        repositories_of(a, from, has_package, to);
        if (!has_package) continue;
        affected *one = &to->affected[to->affected_count++];
        one->ecosystem = ecosystem;
        one->name = package_normal_name(a, ecosystem, name);
        one->severity = severity_word(from);
        one->vectors = vectors_of(a, from, &one->severity);
        one->versions = texts_of(a, array_of(from, "versions"));
        ranges_of(a, array_of(from, "ranges"), one);
    }
}

static str url_of(const value *references) {
    str best = STR_EMPTY;
    for (size_t i = 0; i < value_count(references); i++) {
        const value *r = &references->array.items[i];
        str url = text_of(r, "url");
        if (!str_starts(url, STR("https://"))) continue;
        if (str_is(text_of(r, "type"), "ADVISORY")) return url;
        if (!best.len) best = url;
    }
    return best;
}

static str summary_of(const value *json) {
    str text = text_of(json, "summary"), line;
    if (!text.len) {
        str rest = str_trim(text_of(json, "details"));
        text = str_line(&rest, &line) ? line : STR_EMPTY;
    }
    text = str_trim(text);
    if (text.len <= SUMMARY_BYTES_MAX) return text;
    size_t cut = SUMMARY_BYTES_MAX;
    while (cut && ((unsigned char)text.ptr[cut] & 0xC0) == 0x80)
        cut--;
    return str_sub(text, 0, cut);
}

int advisory_from_json(arena *a, const value *json, advisory *ret, err *e) {
    advisory r = {.id = text_of(json, "id"), .summary = summary_of(json)};
    if (json->kind != VALUE_OBJECT) return err_set(e, ERR_INVALID, "is no object");
    if (!r.id.len) return err_set(e, ERR_INVALID, "has no id");
    if (r.id.len > VERSION_LENGTH_MAX)
        return err_set(e, ERR_LIMIT, "has an id of more than %d bytes", VERSION_LENGTH_MAX);
    if (!time_parse(text_of(json, "modified"), &r.modified_ms))
        return err_set(e, ERR_INVALID, "has no time under \"modified\"");
    time_parse(text_of(json, "published"), &r.published_ms);
    r.withdrawn = text_of(json, "withdrawn").len > 0;
    r.severity = severity_word(json);
    r.vectors = vectors_of(a, json, &r.severity);
    r.url = url_of(array_of(json, "references"));
    r.aliases = texts_of(a, array_of(json, "aliases"));
    r.upstream = texts_of(a, array_of(json, "upstream"));
    const value *specific = value_get(json, STR("database_specific"));
    r.cwes = texts_of(a, array_of(specific, "cwe_ids"));
    affected_of(a, array_of(json, "affected"), &r);
    *ret = r;
    return 0;
}
