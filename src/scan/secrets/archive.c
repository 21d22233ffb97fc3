#include "scan/secrets/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

typedef struct magic {
    size_t at;
    str bytes;
} magic;

static const magic magics[] = {{0, STR_INIT("PK\x03\x04")},
                               {0, STR_INIT("\x1f\x8b\x08")},
                               {0, STR_INIT("BZh")},
                               {0, STR_INIT("\xfd"
                                            "7zXZ\0")},
                               {0, STR_INIT("\x28\xb5\x2f\xfd")},
                               {0, STR_INIT("7z\xbc\xaf\x27\x1c")},
                               {257, STR_INIT("ustar")}};

bool archive_is(str body) {
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const magic *m = &magics[i];
        if (body.len >= m->at + m->bytes.len &&
            memcmp(body.ptr + m->at, m->bytes.ptr, m->bytes.len) == 0)
            return true;
    }
    return false;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".tgz", ".tbz2", ".txz"};

static str without_ending(str outer) {
    str name = str_sub(outer, (size_t)(str_rfind_char(outer, '/') + 1), outer.len);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        str ending = str_from(endings[i]);
        if (name.len > ending.len && str_ends(name, ending))
            return str_sub(name, 0, name.len - ending.len);
    }
    return name;
}

/* The parts of a name without what leads elsewhere. */
static str clean(arena *a, str name) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str part;
    for (bool more = true; more;) {
        more = str_cut(name, '/', &part, &name);
        if (!part.len || str_is(part, ".") || str_is(part, "..")) continue;
        if (out.len) strbuf_addc(&out, '/');
        strbuf_add(&out, part);
    }
    return arena_utf8(a, arena_str(a, strbuf_str(&out)));
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct walk {
    struct archive *archive;
    archive_budget *budget;
    err *e;
} walk;

static int over(walk *w, const char *what) {
    return err_set(w->e, ERR_LIMIT, "%s; the rest of it was not read", what);
}

static int spend(walk *w, uint64_t bytes) {
    archive_budget *b = w->budget;
    b->bytes += bytes;
    if (b->bytes > ARCHIVE_BYTES_MAX) return over(w, "unpacked, it has more than 1 GiB");
    if (b->bytes > ARCHIVE_RATIO_FROM && b->bytes / ARCHIVE_RATIO_MAX > b->packed)
        return over(w, "unpacked, it is more than 200 times as large, as archives made to fill "
                       "memory are");
    return 0;
}

/* ret_why: what is wrong with this entry alone, or NULL. */
static int read_entry(walk *w, strbuf *into, const char **ret_why) {
    *ret_why = NULL;
    strbuf_clear(into);
    for (;;) {
        const void *block;
        size_t size;
        la_int64_t offset;
        int r = archive_read_data_block(w->archive, &block, &size, &offset);
        if (r == ARCHIVE_EOF) return 0;
        if (r < ARCHIVE_WARN) {
            const char *text = archive_error_string(w->archive);
            if (!text) text = "it is damaged";
            if (r == ARCHIVE_FATAL)
                return err_set(w->e, ERR_INVALID, "the archive is damaged: %s", text);
            *ret_why = text;
            return 0;
        }
        if (spend(w, size) < 0) return w->e->code;
        if (into->len + size > ARCHIVE_ENTRY_MAX) {
            *ret_why = "it has more than 64 MiB";
            return 0;
        }
        strbuf_add(into, (str){block, size});
    }
}

static bool is_raw(struct archive *a) {
    return (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_RAW;
}

static str name_of(arena *a, walk *w, struct archive_entry *entry, str outer) {
    if (is_raw(w->archive)) return arena_utf8(a, arena_str(a, without_ending(outer)));
    const char *given = archive_entry_pathname_utf8(entry);
    str name = str_from(given ? given : archive_entry_pathname(entry));
    str cleaned = clean(a, name);
    return cleaned.len ? cleaned : STR("file");
}

static struct archive *open_archive(str body) {
    struct archive *a = archive_read_new();
    if (!a) oom();
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_zip_seekable(a);
    archive_read_support_format_zip_streamable(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_7zip(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_memory(a, body.ptr, body.len) == ARCHIVE_OK) return a;
    archive_read_free(a);
    return NULL;
}

static int read_all(walk *w, str outer, archive_entry_fn *on_entry, archive_problem_fn *problem,
                    void *context) {
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    int r = 0;
    while (r == 0) {
        _cleanup_arena_ arena *a = arena_new();
        struct archive_entry *entry;
        const char *why;
        int got = archive_read_next_header(w->archive, &entry);
        if (got == ARCHIVE_EOF) return 0;
        if (got < ARCHIVE_WARN) {
            const char *text = archive_error_string(w->archive);
            return err_set(w->e, ERR_INVALID, "the archive is damaged: %s", text ? text : "?");
        }
        if (++w->budget->entries > ARCHIVE_ENTRIES_MAX)
            return over(w, "it has more than 100000 entries");
        if (archive_entry_filetype(entry) != AE_IFREG && !is_raw(w->archive)) continue;
        str name = name_of(a, w, entry, outer);
        r = read_entry(w, &body, &why);
        if (why)
            problem(context, name, why);
        else if (r == 0)
            on_entry(context, name, strbuf_str(&body));
    }
    return r;
}

int archive_walk(str outer, str body, archive_budget *budget, archive_entry_fn *entry,
                 archive_problem_fn *problem, void *context, err *e) {
    err own = {0};
    walk w = {.archive = open_archive(body), .budget = budget, .e = e ? e : &own};
    if (!w.archive) return err_set(e, ERR_INVALID, "the archive cannot be opened");
    int r = read_all(&w, outer, entry, problem, context);
    archive_read_free(w.archive);
    return r;
}
