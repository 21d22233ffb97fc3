#include "scan/advisories/packed.h"

#include "scan/advisories/record.h"
#include "scan/advisories/version.h"

#include <string.h>

#define FORMAT 1

enum { FLAG_WITHDRAWN = 1 };

/* ---- numbers and texts ----------------------------------------------------------------------- */

void pack_number(strbuf *out, uint64_t n) {
    for (; n > 0x7F; n >>= 7)
        strbuf_addc(out, (char)(n | 0x80));
    strbuf_addc(out, (char)n);
}

void pack_text(strbuf *out, str text) {
    pack_number(out, text.len);
    strbuf_add(out, text);
}

void pack_word64(strbuf *out, uint64_t word) {
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(word >> (8 * i));
    strbuf_add(out, (str){bytes, sizeof bytes});
}

uint64_t word64_at(const char *at) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return word;
}

static uint64_t give_up(unpacker *u) {
    u->bad = true;
    u->rest = STR_EMPTY;
    return 0;
}

uint64_t unpack_number(unpacker *u) {
    uint64_t n = 0;
    for (unsigned i = 0; i < u->rest.len && i < 10; i++) {
        unsigned char c = (unsigned char)u->rest.ptr[i];
        n |= (uint64_t)(c & 0x7F) << (7 * i);
        if (c & 0x80) continue;
        u->rest = str_sub(u->rest, i + 1, u->rest.len);
        return n;
    }
    return give_up(u);
}

str unpack_bytes(unpacker *u, size_t size) {
    if (size > u->rest.len) {
        give_up(u);
        return STR_EMPTY;
    }
    str bytes = str_sub(u->rest, 0, size);
    u->rest = str_sub(u->rest, size, u->rest.len);
    return bytes;
}

str unpack_text(unpacker *u) {
    return unpack_bytes(u, unpack_number(u));
}

size_t unpack_count(unpacker *u, size_t least) {
    uint64_t n = unpack_number(u);
    return n <= u->rest.len / least ? n : give_up(u);
}

uint64_t bytes_sum(str bytes) {
    const uint64_t odd = 0x9E3779B97F4A7C15;
    uint64_t sum = bytes.len * odd, word;
    size_t i = 0;
    for (; i + sizeof word <= bytes.len; i += sizeof word) {
        memcpy(&word, bytes.ptr + i, sizeof word);
        sum = (sum ^ word) * odd;
        sum ^= sum >> 32;
    }
    word = 0;
    for (unsigned shift = 0; i < bytes.len; i++, shift += 8)
        word |= (uint64_t)(unsigned char)bytes.ptr[i] << shift;
    sum = (sum ^ word) * odd;
    return sum ^ sum >> 32;
}

/* ---- advisories ------------------------------------------------------------------------------ */

uint64_t package_hash(str ecosystem, str normal_name) {
    str base, release;
    ecosystem_split(ecosystem, &base, &release);
    return bytes_sum(base) * 31 + bytes_sum(normal_name);
}

static void pack_texts(strbuf *out, str_list list) {
    pack_number(out, list.count);
    for (size_t i = 0; i < list.count; i++)
        pack_text(out, list.items[i]);
}

static void pack_affected(strbuf *out, const affected *one) {
    pack_text(out, one->ecosystem);
    pack_text(out, one->name);
    pack_text(out, one->severity);
    pack_texts(out, one->vectors);
    pack_number(out, one->range_count);
    for (size_t i = 0; i < one->range_count; i++) {
        const advisory_range *range = &one->ranges[i];
        pack_number(out, range->type);
        pack_number(out, range->event_count);
        for (size_t k = 0; k < range->event_count; k++) {
            pack_number(out, range->events[k].kind);
            pack_text(out, range->events[k].version);
        }
    }
    pack_texts(out, one->versions);
}

void advisory_pack(strbuf *out, const advisory *from) {
    _cleanup_strbuf_ strbuf one = STRBUF_INIT;
    pack_number(out, FORMAT);
    pack_text(out, from->id);
    pack_number(out, (uint64_t)from->modified_ms);
    pack_number(out, from->withdrawn ? FLAG_WITHDRAWN : 0);
    /* Of what was withdrawn nothing is told but that. */
    size_t count = from->withdrawn ? 0 : from->affected_count;
    pack_number(out, count);
    for (size_t i = 0; i < count; i++)
        pack_word64(out, package_hash(from->affected[i].ecosystem, from->affected[i].name));
    if (from->withdrawn) return;
    pack_number(out, (uint64_t)from->published_ms);
    pack_text(out, from->summary);
    pack_text(out, from->url);
    pack_text(out, from->severity);
    pack_texts(out, from->aliases);
    pack_texts(out, from->upstream);
    pack_texts(out, from->cwes);
    pack_texts(out, from->vectors);
    for (size_t i = 0; i < count; i++) {
        strbuf_clear(&one);
        pack_affected(&one, &from->affected[i]);
        pack_text(out, strbuf_str(&one));
    }
}

/* ---- and back -------------------------------------------------------------------------------- */

static int damaged(err *e) {
    return err_set(e, ERR_INVALID, "an advisory in the store is damaged");
}

static packed_head unpack_head(unpacker *u) {
    packed_head h = {0};
    if (unpack_number(u) != FORMAT) give_up(u);
    h.id = unpack_text(u);
    h.modified_ms = (int64_t)unpack_number(u);
    h.withdrawn = unpack_number(u) & FLAG_WITHDRAWN;
    h.affected_count = unpack_count(u, 8);
    h.hashes = unpack_bytes(u, h.affected_count * 8).ptr;
    if (!h.id.len || (h.withdrawn && h.affected_count)) give_up(u);
    return h;
}

int advisory_read_head(str packed, packed_head *ret, err *e) {
    unpacker u = {.rest = packed};
    packed_head h = unpack_head(&u);
    if (u.bad) return damaged(e);
    *ret = h;
    return 0;
}

static str_list unpack_texts(arena *a, unpacker *u) {
    str_list list = {.count = unpack_count(u, 1)};
    list.items = ARENA_ARRAY(a, str, list.count);
    for (size_t i = 0; i < list.count; i++)
        list.items[i] = unpack_text(u);
    return list;
}

static void unpack_range(arena *a, unpacker *u, advisory_range *ret) {
    uint64_t type = unpack_number(u);
    if (type >= RANGE_TYPE_COUNT) give_up(u);
    ret->type = type < RANGE_TYPE_COUNT ? (range_type)type : RANGE_GIT;
    ret->event_count = unpack_count(u, 2);
    ret->events = ARENA_ARRAY(a, advisory_event, ret->event_count);
    for (size_t i = 0; i < ret->event_count; i++) {
        uint64_t kind = unpack_number(u);
        if (kind >= EVENT_KIND_COUNT) give_up(u);
        ret->events[i].kind = kind < EVENT_KIND_COUNT ? (event_kind)kind : EVENT_LIMIT;
        ret->events[i].version = unpack_text(u);
    }
}

static bool unpack_affected(arena *a, str packed, affected *ret) {
    unpacker u = {.rest = packed};
    ret->ecosystem = unpack_text(&u);
    ret->name = unpack_text(&u);
    ret->severity = unpack_text(&u);
    ret->vectors = unpack_texts(a, &u);
    ret->range_count = unpack_count(&u, 2);
    ret->ranges = ARENA_ARRAY(a, advisory_range, ret->range_count);
    for (size_t i = 0; i < ret->range_count; i++)
        unpack_range(a, &u, &ret->ranges[i]);
    ret->versions = unpack_texts(a, &u);
    return !u.bad;
}

int advisory_unpack(arena *a, str packed, size_t only, advisory *ret, err *e) {
    unpacker u = {.rest = packed};
    packed_head h = unpack_head(&u);
    advisory r = {.id = h.id, .modified_ms = h.modified_ms, .withdrawn = h.withdrawn};
    if (u.bad) return damaged(e);
    if (!h.withdrawn) {
        r.published_ms = (int64_t)unpack_number(&u);
        r.summary = unpack_text(&u);
        r.url = unpack_text(&u);
        r.severity = unpack_text(&u);
        r.aliases = unpack_texts(a, &u);
        r.upstream = unpack_texts(a, &u);
        r.cwes = unpack_texts(a, &u);
        r.vectors = unpack_texts(a, &u);
        r.affected = ARENA_ARRAY(a, affected, only == SIZE_MAX ? h.affected_count : 1);
    }
    for (size_t i = 0; i < h.affected_count && !u.bad; i++) {
        str one = unpack_text(&u);
        if (only != SIZE_MAX && only != i) continue;
        if (u.bad || !unpack_affected(a, one, &r.affected[r.affected_count++])) give_up(&u);
    }
    if (u.bad || (only != SIZE_MAX && r.affected_count != 1)) return damaged(e);
    *ret = r;
    return 0;
}
