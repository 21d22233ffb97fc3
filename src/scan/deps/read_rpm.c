/* read_rpm.c: RPM's databases of installed packages: SQLite (rpmdb.sqlite) and SUSE's own form
 * (Packages.db); Berkeley's (Packages) is told and not read. Both hold one header a package.
 * (rpm: lib/backend/sqlite.cc, lib/backend/ndb/rpmpkg.c, docs/manual/format_header.md) */
#include "scan/deps/readers.h"
#include "scan/deps/spdx.h"

#include <sqlite3.h>

#define HEADER_TAGS_MAX 65536
#define SQLITE_STEPS_MAX                                                                           \
    50000000           /* of its virtual machine: a real database needs a few a package */
#define NAMES_MAX 4096 /* that a package provides or needs */

/* ---- headers ----------------------------------------------------------------------------------
 */

enum {
    TAG_NAME = 1000,
    TAG_VERSION = 1001,
    TAG_RELEASE = 1002,
    TAG_EPOCH = 1003,
    TAG_LICENSE = 1014,
    TAG_ARCH = 1022,
    TAG_SOURCERPM = 1044,
    TAG_PROVIDENAME = 1047,
    TAG_REQUIRENAME = 1049,
};

enum { TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRING_ARRAY = 8, TYPE_I18NSTRING = 9 };

typedef struct header {
    str index, data; /* entries of 16 bytes: tag, type, offset, count; and what they lead to */
} header;

static uint32_t big_endian(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little_endian(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool open_header(str blob, header *ret) {
    if (blob.len < 8) return false;
    uint64_t count = big_endian(blob.ptr), size = big_endian(blob.ptr + 4);
    if (count > HEADER_TAGS_MAX || 8 + count * 16 + size > blob.len) return false;
    ret->index = str_sub(blob, 8, 8 + (size_t)count * 16);
    ret->data = str_sub(blob, 8 + (size_t)count * 16, 8 + (size_t)(count * 16 + size));
    return true;
}

/* What a tag leads to, and how many of it there are. */
static bool find_tag(const header *h, uint32_t tag, uint32_t *type, str *ret, uint32_t *count) {
    for (size_t i = 0; i < h->index.len; i += 16) {
        const char *entry = h->index.ptr + i;
        uint32_t offset = big_endian(entry + 8);
        if (big_endian(entry) != tag || offset > h->data.len) continue;
        *type = big_endian(entry + 4);
        *count = big_endian(entry + 12);
        *ret = str_sub(h->data, offset, h->data.len);
        return true;
    }
    return false;
}

/* Texts end with a NUL, which the last one of a broken header has not. */
static bool next_text(str *rest, str *ret) {
    return str_cut(*rest, '\0', ret, rest);
}

static str text_tag(const header *h, uint32_t tag) {
    uint32_t type, count;
    str at, text;
    if (!find_tag(h, tag, &type, &at, &count)) return STR_EMPTY;
    bool is_text = type == TYPE_STRING || type == TYPE_STRING_ARRAY || type == TYPE_I18NSTRING;
    return is_text && next_text(&at, &text) ? text : STR_EMPTY;
}

static uint32_t number_tag(const header *h, uint32_t tag) {
    uint32_t type, count;
    str at;
    bool found = find_tag(h, tag, &type, &at, &count) && type == TYPE_INT32 && at.len >= 4;
    return found ? big_endian(at.ptr) : 0;
}

/* ---- licences ---------------------------------------------------------------------------------
 */

/* Fedora's short names, which it used until 2022 and RHEL 9 has. What SPDX has no one identifier
 * for becomes a LicenseRef, as Fedora spells them since; LGPLv2 is 2.0 or 2.1.
 * (docs.fedoraproject.org, legal) */
static const struct {
    const char *callaway, *spdx;
} short_names[] = {
    {"ASL 2.0", "Apache-2.0"},
    {"ASL 1.1", "Apache-1.1"},
    {"GPL+", "GPL-1.0-or-later"},
    {"GPLv1", "GPL-1.0-only"},
    {"GPLv2", "GPL-2.0-only"},
    {"GPLv2+", "GPL-2.0-or-later"},
    {"GPLv3", "GPL-3.0-only"},
    {"GPLv3+", "GPL-3.0-or-later"},
    {"LGPLv2", "LGPL-2.1-only"},
    {"LGPLv2+", "LGPL-2.1-or-later"},
    {"LGPLv3", "LGPL-3.0-only"},
    {"LGPLv3+", "LGPL-3.0-or-later"},
    {"AGPLv3", "AGPL-3.0-only"},
    {"AGPLv3+", "AGPL-3.0-or-later"},
    {"MPLv1.1", "MPL-1.1"},
    {"MPLv2.0", "MPL-2.0"},
    {"Artistic 2.0", "Artistic-2.0"},
    {"zlib", "Zlib"},
    {"Boost", "BSL-1.0"},
    {"CC0", "CC0-1.0"},
    {"OFL", "OFL-1.1"},
    {"EPL", "EPL-1.0"},
    {"CDDL", "CDDL-1.0"},
    {"WTFPL", "WTFPL"},
};

static void add_short_name(arena *a, strbuf *out, str name) {
    for (size_t i = 0; i < COUNT(short_names); i++) {
        if (!str_eq_nocase(name, str_from(short_names[i].callaway))) continue;
        strbuf_adds(out, short_names[i].spdx);
        return;
    }
    char *ref = arena_cstr(a, name);
    for (size_t i = 0; i < name.len; i++) {
        char c = ref[i];
        bool fine =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        if (!fine) ref[i] = '-';
    }
    bool known = spdx_is_license(name);
    strbuf_addf(out, "%s%s", known ? "" : "LicenseRef-Callaway-",
                known ? arena_cstr(a, name) : ref);
}

/* Where the next "and", "or" or parenthesis begins. */
static size_t word_end(str text, str *ret_word) {
    static const str words[] = {STR_INIT(" and "), STR_INIT(" or "), STR_INIT("("), STR_INIT(")")};
    for (size_t i = 0; i < text.len; i++) {
        for (size_t k = 0; k < COUNT(words); k++) {
            *ret_word = str_sub(text, i, i + words[k].len);
            if (str_eq_nocase(*ret_word, words[k])) return i;
        }
    }
    *ret_word = STR_EMPTY;
    return text.len;
}

/* "MIT and (GPLv2+ or ASL 2.0)" as an expression; what is one already stays. */
static str license_of(arena *a, str text) {
    const spdx_node *n;
    err ignored = {0};
    if (!text.len || text.len > SPDX_LENGTH_MAX || spdx_parse(a, text, &n, &ignored) == 0)
        return text;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    while (text.len) {
        str word, name;
        size_t end = word_end(text, &word);
        name = str_trim(str_sub(text, 0, end));
        if (name.len) add_short_name(a, &out, name);
        str joined = str_trim(word);
        if (str_eq_nocase(joined, STR("and"))) strbuf_adds(&out, " AND ");
        if (str_eq_nocase(joined, STR("or"))) strbuf_adds(&out, " OR ");
        if (str_is(joined, "(") || str_is(joined, ")")) strbuf_add(&out, joined);
        text = str_sub(text, end + word.len, text.len);
    }
    return arena_str(a, strbuf_str(&out));
}

/* ---- packages ---------------------------------------------------------------------------------
 */

typedef struct rpm {
    dep_doc *d;
    dep_map provides; /* names that something may need, to items */
    str *needs;       /* of each item: texts that end with a NUL */
    uint32_t *need_counts;
    size_t need_cap;
    err *e;
} rpm;

/* "1:2.3-4.el9" without the epoch where that is 0. */
static str version_of(arena *a, const header *h, uint32_t epoch) {
    str version = arena_utf8(a, text_tag(h, TAG_VERSION)),
        release = arena_utf8(a, text_tag(h, TAG_RELEASE));
    if (!version.len) return STR_EMPTY;
    str both = arena_printf(a, "%.*s-%.*s", STR_ARG(version), STR_ARG(release));
    if (!release.len) both = version;
    return epoch ? arena_printf(a, "%u:%.*s", epoch, STR_ARG(both)) : both;
}

/* "name=version" of "name-1.2-3.src.rpm". The epoch of a source is that of what is made of it. */
static str origin_of(arena *a, str file, uint32_t epoch) {
    static const str ends[] = {STR_INIT(".src.rpm"), STR_INIT(".nosrc.rpm")};
    for (size_t i = 0; i < COUNT(ends); i++) {
        if (str_ends(file, ends[i])) file.len -= ends[i].len;
    }
    ptrdiff_t release = str_rfind_char(file, '-');
    if (release <= 0) return STR_EMPTY;
    ptrdiff_t version = str_rfind_char(str_sub(file, 0, (size_t)release), '-');
    if (version <= 0) return STR_EMPTY;
    str name = str_sub(file, 0, (size_t)version),
        both = str_sub(file, (size_t)version + 1, file.len);
    return epoch ? arena_printf(a, "%.*s=%u:%.*s", STR_ARG(name), epoch, STR_ARG(both))
                 : arena_printf(a, "%.*s=%.*s", STR_ARG(name), STR_ARG(both));
}

static void keep_names(rpm *r, const header *h, uint32_t index) {
    uint32_t type, count;
    str at, text;
    if (find_tag(h, TAG_PROVIDENAME, &type, &at, &count) && type == TYPE_STRING_ARRAY) {
        for (uint32_t i = 0; i < count && i < NAMES_MAX && next_text(&at, &text); i++)
            dep_map_put(&r->provides, text, index);
    }
    if (!find_tag(h, TAG_REQUIRENAME, &type, &at, &count) || type != TYPE_STRING_ARRAY) return;
    r->needs[index] = at;
    r->need_counts[index] = count < NAMES_MAX ? count : NAMES_MAX;
}

static void grow_needs(rpm *r) {
    size_t cap = r->need_cap ? r->need_cap * 2 : 256;
    str *needs = ARENA_ARRAY(r->d->a, str, cap);
    uint32_t *counts = ARENA_ARRAY(r->d->a, uint32_t, cap);
    for (size_t i = 0; i < r->need_cap; i++) {
        needs[i] = r->needs[i];
        counts[i] = r->need_counts[i];
    }
    r->needs = needs;
    r->need_counts = counts;
    r->need_cap = cap;
}

/* A package's header; the blob lives as long as the document. */
static int add_blob(rpm *r, str blob) {
    header h;
    arena *a = r->d->a;
    uint32_t index;
    if (!open_header(blob, &h))
        return err_at(r->e, ERR_INVALID, (span){.file = r->d->file},
                      "is no database of RPM: it has a package without a header");
    uint32_t epoch = number_tag(&h, TAG_EPOCH);
    dep_item it = {.name = arena_utf8(a, text_tag(&h, TAG_NAME)),
                   .version = version_of(a, &h, epoch),
                   .license = license_of(a, arena_utf8(a, text_tag(&h, TAG_LICENSE))),
                   .arch = arena_utf8(a, text_tag(&h, TAG_ARCH)),
                   .origin = origin_of(a, arena_utf8(a, text_tag(&h, TAG_SOURCERPM)), epoch)};
    if (!it.name.len || str_is(it.name, "gpg-pubkey")) return 0; /* a key that is trusted */
    if (dep_add(r->d, &it, &index, r->e) < 0) return r->e->code;
    if (index >= r->need_cap) grow_needs(r);
    keep_names(r, &h, index);
    return 0;
}

static int link_names(rpm *r) {
    for (uint32_t i = 0; i < r->d->count; i++) {
        str at = r->needs[i], name;
        for (uint32_t k = 0; k < r->need_counts[i] && next_text(&at, &name); k++) {
            uint32_t to = dep_map_get(&r->provides, name);
            if (to != DEP_NONE && dep_need(r->d, i, to, r->e) < 0) return r->e->code;
        }
    }
    return 0;
}

/* ---- SQLite -----------------------------------------------------------------------------------
 */

static void close_db(sqlite3 **db) {
    sqlite3_close(*db);
}

static void finalize(sqlite3_stmt **s) {
    sqlite3_finalize(*s);
}

static int too_long(void *unused) {
    (void)unused;
    return 1;
}

static int broken(rpm *r, sqlite3 *db) {
    return err_at(r->e, ERR_INVALID, (span){.file = r->d->file}, "is no database of RPM: %s",
                  sqlite3_errmsg(db));
}

/* From memory: nothing is opened. A log beside the file (-wal) is not seen, and a header that asks
 * for one cannot be met in memory. */
static int open_db(rpm *r, str text, sqlite3 **ret) {
    unsigned char *copy = sqlite3_malloc64(text.len + 1);
    if (!copy || sqlite3_open_v2(":memory:", ret, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        sqlite3_free(copy);
        return err_set(r->e, ERR_FAILED, "SQLite cannot be started");
    }
    memcpy(copy, text.ptr, text.len);
    if (text.len > 20) copy[18] = copy[19] = 1;
    if (sqlite3_deserialize(*ret, "main", copy, (sqlite3_int64)text.len, (sqlite3_int64)text.len,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) !=
        SQLITE_OK)
        return broken(r, *ret);
    sqlite3_progress_handler(*ret, SQLITE_STEPS_MAX, too_long, NULL);
    sqlite3_db_config(*ret, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(*ret, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return 0;
}

int dep_read_rpm_sqlite(dep_doc *d, str text, err *e) {
    rpm r = {.d = d, .provides.a = d->a, .e = e};
    __attribute__((cleanup(close_db))) sqlite3 *db = NULL;
    __attribute__((cleanup(finalize))) sqlite3_stmt *rows = NULL;
    int step;
    d->has_graph = true;
    if (open_db(&r, text, &db) < 0) return e->code;
    if (sqlite3_prepare_v2(db, "SELECT blob FROM Packages ORDER BY hnum", -1, &rows, NULL) !=
        SQLITE_OK)
        return broken(&r, db);
    while ((step = sqlite3_step(rows)) == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(rows, 0);
        str blob = {bytes ? bytes : "", (size_t)sqlite3_column_bytes(rows, 0)};
        if (add_blob(&r, arena_str(d->a, blob)) < 0) return e->code;
    }
    return step == SQLITE_DONE ? link_names(&r) : broken(&r, db);
}

/* ---- ndb --------------------------------------------------------------------------------------
 */

#define NDB_BLOCK 16
#define NDB_PAGE  4096
#define NDB_HEAD  32 /* of the file, in place of the first two slots */

static int broken_ndb(rpm *r) {
    return err_at(r->e, ERR_INVALID, (span){.file = r->d->file},
                  "is no database of RPM: its slots cannot be");
}

/* A slot: "Slot", the package's number (0: free), its block and how many of them. A blob: "BlbS",
 * number, generation, length, and the header. */
static int add_slot(rpm *r, str text, const char *slot) {
    uint64_t at = (uint64_t)little_endian(slot + 8) * NDB_BLOCK;
    if (memcmp(slot, "Slot", 4) != 0) return broken_ndb(r);
    if (!little_endian(slot + 4)) return 0;
    if (at + 16 > text.len || memcmp(text.ptr + at, "BlbS", 4) != 0) return broken_ndb(r);
    uint64_t size = little_endian(text.ptr + at + 12);
    if (at + 16 + size > text.len) return broken_ndb(r);
    return add_blob(r, str_sub(text, (size_t)at + 16, (size_t)(at + 16 + size)));
}

int dep_read_rpm_ndb(dep_doc *d, str text, err *e) {
    rpm r = {.d = d, .provides.a = d->a, .e = e};
    d->has_graph = true;
    if (text.len < NDB_HEAD || memcmp(text.ptr, "RpmP", 4) != 0) return broken_ndb(&r);
    uint64_t end = (uint64_t)little_endian(text.ptr + 12) * NDB_PAGE;
    if (end > text.len) return broken_ndb(&r);
    for (size_t at = NDB_HEAD; at + 16 <= end; at += 16) {
        if (add_slot(&r, text, text.ptr + at) < 0) return e->code;
    }
    return link_names(&r);
}

/* ---- Berkeley's -------------------------------------------------------------------------------
 */

int dep_read_rpm_bdb(dep_doc *d, str text, err *e) {
    (void)text;
    return err_at(
        e, ERR_INVALID, (span){.file = d->file},
        "is a database of RPM in Berkeley's form, which is not read: its packages are not "
        "known (`rpmdb --rebuilddb` of RPM 4.16 or later makes one that is)");
}
