/* image_read.c: the child's half: what a layer holds, without writing any of it to disk.
 *
 * A layer that lies in a tar is read straight out of it: the inner archive asks the outer one for
 * its next bytes. */
#include "scan/deps/image.h"

#include "base/json_tree.h"
#include "scan/deps/readers.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#define BLOBS "blobs/sha256/"

typedef struct unpacking {
    scan_out *out;
    const scan_file *file;
    str path; /* valid UTF-8 */
    uint64_t files, bytes;
    size_t layers; /* that were read */
    bool is_image; /* something in it is called as in one */
    struct archive *outer;
    err *e;
} unpacking;

static void archive_freep(struct archive **x) {
    if (*x) archive_read_free(*x);
}
#define _cleanup_archive_ __attribute__((cleanup(archive_freep)))

static struct archive *new_archive(void) {
    struct archive *x = archive_read_new();
    if (!x) oom();
    archive_read_support_filter_gzip(x);
    archive_read_support_filter_zstd(x);
    archive_read_support_format_tar(x);
    return x;
}

static int damaged(unpacking *u, struct archive *x) {
    const char *why = archive_error_string(x);
    return err_set(u->e, ERR_INVALID, "an image that cannot be read: %s",
                   why ? why : "it is damaged");
}

/* Of an entry, also one that is passed over: it is unpacked all the same. */
static int count_entry(unpacking *u, struct archive_entry *entry) {
    int64_t size = archive_entry_size(entry);
    u->bytes += size > 0 ? (uint64_t)size : 0;
    if (++u->files > IMAGE_FILES_MAX)
        return err_set(u->e, ERR_LIMIT, "an image with more than %d files", IMAGE_FILES_MAX);
    return u->bytes > IMAGE_UNPACKED
               ? err_set(u->e, ERR_LIMIT, "an image of more than %llu GiB, unpacked",
                         IMAGE_UNPACKED >> 30)
               : 0;
}

/* Without "./" and "/" at its head; what leads upwards is no name of a file. */
static str clean_name(arena *a, struct archive_entry *entry) {
    const char *name = archive_entry_pathname(entry);
    str s = str_from(name ? name : "");
    while (str_starts(s, STR("./")) || str_starts(s, STR("/")))
        s = str_sub(s, s.ptr[0] == '/' ? 1 : 2, s.len);
    return arena_utf8(a, arena_str(a, s));
}

static int read_data(unpacking *u, struct archive *x, struct archive_entry *entry, uint64_t max,
                     str *ret) {
    strbuf into = STRBUF_INIT;
    int64_t size = archive_entry_size(entry);
    int r = 0;
    if (size > 0 && (uint64_t)size > max)
        return err_set(u->e, ERR_LIMIT, "%s in the image has more than %llu MiB",
                       archive_entry_pathname(entry), (unsigned long long)max >> 20);
    for (;;) {
        strbuf_reserve(&into, 64 << 10);
        la_ssize_t n = archive_read_data(x, into.ptr + into.len, 64 << 10);
        if (n < 0) r = damaged(u, x);
        if (n <= 0) break;
        into.len += (size_t)n;
        if (into.len <= max) continue;
        r = err_set(u->e, ERR_LIMIT, "a file in the image has more than %llu MiB",
                    (unsigned long long)max >> 20);
        break;
    }
    if (r == 0) *ret = arena_str(u->out->a, strbuf_str(&into));
    strbuf_done(&into);
    return r;
}

/* ---- a layer ----------------------------------------------------------------------------------
 */

/* ".wh.x" takes x away, ".wh..wh..opq" all that lower layers have in its folder. */
static bool take_whiteout(dep_doc *whiteouts, str name) {
    size_t slash = (size_t)(str_rfind_char(name, '/') + 1);
    str folder = str_sub(name, 0, slash ? slash - 1 : 0), base = str_sub(name, slash, name.len);
    if (!str_starts(base, STR(".wh."))) return false;
    if (str_starts(base, STR(".wh..wh.")) && !str_is(base, ".wh..wh..opq")) return true;
    dep_fact *f = dep_fact_add(whiteouts, FACT_WHITEOUT);
    f->texts[1] = str_is(base, ".wh..wh..opq") ? STR("opaque") : STR_EMPTY;
    str gone = str_sub(base, 4, base.len);
    f->texts[0] = f->texts[1].len ? folder
                                  : arena_printf(whiteouts->a, "%.*s%s%.*s", STR_ARG(folder),
                                                 folder.len ? "/" : "", STR_ARG(gone));
    return true;
}

/* What is wrong with one file is an error of that file, and the rest is read. */
static void read_inner(unpacking *u, strbuf *notes, const dep_format *format, str name, str body) {
    dep_doc d;
    err e = {0};
    dep_doc_init(&d, u->out->a, format, u->path);
    d.inner = name;
    if (format->read(&d, body, &e) < 0)
        scan_out_error(u->out, image_path(u->out->a, &d), e.where.line, e.where.column, "%s",
                       e.message);
    dep_doc_write(notes, &d);
}

static int read_entries(unpacking *u, struct archive *x, dep_doc *whiteouts, strbuf *notes) {
    struct archive_entry *entry;
    int r;
    while ((r = archive_read_next_header(x, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
        str body, name = clean_name(u->out->a, entry);
        if (count_entry(u, entry) < 0) return u->e->code;
        if (take_whiteout(whiteouts, name)) continue;
        const dep_format *format = dep_format_of(name);
        if (!format || format->role == ROLE_IMAGE || archive_entry_filetype(entry) != AE_IFREG ||
            archive_entry_hardlink(entry))
            continue;
        if (read_data(u, x, entry, IMAGE_FILE_MAX, &body) < 0) return u->e->code;
        read_inner(u, notes, format, name, body);
    }
    return r == ARCHIVE_EOF ? 0 : damaged(u, x);
}

static int read_layer(unpacking *u, struct archive *x, str name) {
    _cleanup_strbuf_ strbuf notes = STRBUF_INIT;
    dep_doc whiteouts;
    dep_doc_init(&whiteouts, u->out->a, dep_format_named(STR("image layer")), u->path);
    dep_fact_add(&whiteouts, FACT_LAYER)->texts[0] = name;
    int r = read_entries(u, x, &whiteouts, &notes);
    dep_doc_write(&u->out->notes, &whiteouts);
    strbuf_add(&u->out->notes, strbuf_str(&notes));
    u->layers++;
    return r;
}

/* ---- manifests --------------------------------------------------------------------------------
 */

static str layer_name(arena *a, str named) {
    if (!str_starts(named, STR("sha256:"))) return named;
    return arena_printf(a, BLOBS "%.*s", STR_ARG(str_sub(named, 7, named.len)));
}

static void add_manifest(unpacking *u, const json_node *layers) {
    dep_doc d;
    dep_doc_init(&d, u->out->a, dep_format_named(STR("image manifest")), u->path);
    for (size_t i = 0; i < json_tree_count(layers) && i < IMAGE_LAYERS_MAX; i++) {
        const json_node *one = layers->members[i].item;
        str name = one->kind == JSON_STRING ? one->text : json_tree_str(one, "digest");
        dep_fact_add(&d, FACT_LAYER)->texts[0] = layer_name(u->out->a, name);
    }
    if (d.fact_count) dep_doc_write(&u->out->notes, &d);
}

/* Docker's manifest.json is a list of images, OCI's manifest an image. Other JSON is passed over,
 * also what is none: that it is a manifest was only a guess. */
static void take_json(unpacking *u, str text) {
    json_node *root;
    err ignored = {0};
    if (json_tree_parse(u->out->a, text, "", NULL, &root, &ignored) < 0) return;
    if (root->kind == JSON_OBJECT) add_manifest(u, json_tree_get(root, "layers"));
    for (size_t i = 0; root->kind == JSON_ARRAY && i < root->count; i++)
        add_manifest(u, json_tree_get(root->members[i].item, "Layers"));
}

/* ---- archives ---------------------------------------------------------------------------------
 */

/* The next bytes of the outer archive's entry, which the callback borrows. */
static la_ssize_t pull(struct archive *x, void *context, const void **ret) {
    unpacking *u = context;
    size_t size;
    la_int64_t offset;
    int r = archive_read_data_block(u->outer, ret, &size, &offset);
    if (r == ARCHIVE_EOF) return 0;
    if (r == ARCHIVE_OK || r == ARCHIVE_WARN) return (la_ssize_t)size;
    archive_set_error(x, EIO, "%s", archive_error_string(u->outer));
    return -1;
}

static bool is_manifest_name(str name) {
    return str_is(name, "manifest.json");
}

/* A blob is a layer or JSON, which its first bytes tell. */
static int read_blob(unpacking *u, struct archive_entry *entry, str name) {
    int64_t size = archive_entry_size(entry);
    if (size >= 0 && (uint64_t)size <= IMAGE_JSON_MAX) { /* small: from memory */
        str body;
        if (read_data(u, u->outer, entry, IMAGE_JSON_MAX, &body) < 0) return u->e->code;
        if (body.len && (body.ptr[0] == '{' || body.ptr[0] == '[')) {
            take_json(u, body);
            return 0;
        }
        _cleanup_archive_ struct archive *inner = new_archive();
        if (archive_read_open_memory(inner, body.ptr, body.len) != ARCHIVE_OK) return 0;
        return read_layer(u, inner, name);
    }
    _cleanup_archive_ struct archive *inner = new_archive();
    if (archive_read_open(inner, u, NULL, pull, NULL) != ARCHIVE_OK) return 0;
    return read_layer(u, inner, name);
}

static bool is_blob_name(str name) {
    return str_starts(name, STR(BLOBS)) || str_ends(name, STR("/layer.tar"));
}

/* Every image begins with such names; other tars are not read to their end. */
static bool is_image_name(str name) {
    return is_blob_name(name) || is_manifest_name(name) || str_is(name, "oci-layout") ||
           str_is(name, "index.json") || str_starts(name, STR("blobs/"));
}

/* A tar that is no image says nothing. */
static int read_tar(unpacking *u) {
    _cleanup_archive_ struct archive *x = new_archive();
    struct archive_entry *entry;
    int r;
    u->outer = x;
    if (archive_read_open_memory(x, u->file->body.ptr, u->file->body.len) != ARCHIVE_OK) return 0;
    while ((r = archive_read_next_header(x, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
        str body, name = clean_name(u->out->a, entry);
        if (count_entry(u, entry) < 0) return u->e->code;
        u->is_image |= is_image_name(name);
        if (!u->is_image && u->files >= IMAGE_PROBE) return 0;
        if (archive_entry_filetype(entry) != AE_IFREG) continue;
        if (is_blob_name(name)) {
            if (read_blob(u, entry, name) < 0) return u->e->code;
        } else if (is_manifest_name(name)) {
            if (read_data(u, x, entry, IMAGE_JSON_MAX, &body) < 0) return u->e->code;
            take_json(u, body);
        }
    }
    bool any = u->layers > 0 || u->is_image;
    return r == ARCHIVE_EOF || !any ? 0 : damaged(u, x);
}

static int read_single(unpacking *u) {
    str body = u->file->body;
    if (body.len && body.ptr[0] == '{') {
        if (body.len <= IMAGE_JSON_MAX) take_json(u, body);
        return 0;
    }
    _cleanup_archive_ struct archive *x = new_archive();
    if (archive_read_open_memory(x, body.ptr, body.len) != ARCHIVE_OK) return 0;
    ptrdiff_t at = str_find(u->path, STR(BLOBS));
    return read_layer(u, x, str_sub(u->path, at < 0 ? 0 : (size_t)at, u->path.len));
}

int image_read(scan_out *out, const dep_format *format, const scan_file *file, err *e) {
    unpacking u = {.out = out, .file = file, .path = arena_utf8(out->a, file->path), .e = e};
    return !strcmp(format->name, "image blob") ? read_single(&u) : read_tar(&u);
}
