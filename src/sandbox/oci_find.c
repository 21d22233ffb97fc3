#include "sandbox/oci.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct finder {
    arena *a;
    const char *layout;
    unsigned seen; /* descriptors */
    err *e;
} finder;

/* ---- blobs --------------------------------------------------------------------------------- */

static int size_differs(err *e, const oci_descriptor *d, uint64_t size) {
    return err_set(e, ERR_INVALID, "the blob sha256:%s has %llu bytes, and must have %llu", d->hex,
                   (unsigned long long)size, (unsigned long long)d->size);
}

int oci_blob_open(const char *layout, const oci_descriptor *d, int *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const char *path = arena_printf(a, "%s/blobs/sha256/%s", layout, d->hex).ptr;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "the blob sha256:%s is missing", d->hex);
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is not a file", path);
    if ((uint64_t)st.st_size != d->size) return size_differs(e, d, (uint64_t)st.st_size);
    *ret = fd;
    fd = -1;
    return 0;
}

/* A document: whole, and as its descriptor says. */
static int read_blob(finder *f, const oci_descriptor *d, str *ret) {
    uint8_t digest[32];
    char hex[OCI_HEX];
    _cleanup_close_ int fd = -1;
    if (d->size > OCI_DOCUMENT_MAX)
        return err_set(f->e, ERR_LIMIT, "the document sha256:%s is larger than the limit of %u MiB",
                       d->hex, OCI_DOCUMENT_MAX >> 20);
    if (oci_blob_open(f->layout, d, &fd, f->e) < 0 ||
        fs_read_open(f->a, fd, d->hex, OCI_DOCUMENT_MAX, ret, f->e) < 0)
        return f->e->code;
    if (ret->len != d->size) return size_differs(f->e, d, ret->len);
    sha256 *h = sha256_new();
    sha256_add(h, ret->ptr, ret->len);
    sha256_end(h, digest);
    hex_encode(digest, sizeof digest, hex);
    return strcmp(hex, d->hex) == 0
               ? 0
               : err_set(f->e, ERR_INVALID, "the blob sha256:%s has the digest sha256:%s", d->hex,
                         hex);
}

/* ---- choosing ------------------------------------------------------------------------------ */

/* The best manifest so far: of several that are as good, the first, as the specification has it. */
typedef struct choice {
    const oci_descriptor *best;
    int rank;
    strbuf others; /* platforms that were not ours */
} choice;

static void tell_platform(strbuf *out, const oci_platform *p) {
    _cleanup_strbuf_ strbuf name = STRBUF_INIT;
    strbuf_addf(&name, "%.*s/%.*s", STR_ARG(p->os), STR_ARG(p->architecture));
    if (p->variant.len) strbuf_addf(&name, "/%.*s", STR_ARG(p->variant));
    if (str_is(p->os, "unknown") || str_find(strbuf_str(out), strbuf_str(&name)) >= 0) return;
    if (out->len) strbuf_adds(out, ", ");
    strbuf_add(out, strbuf_str(&name));
}

static int choose(finder *f, const oci_descriptor *d, unsigned depth, choice *into) {
    oci_descriptor *list;
    size_t count;
    str text;
    if (++f->seen > OCI_MANIFESTS_MAX)
        return err_set(f->e, ERR_LIMIT, "it has more than %d manifests", OCI_MANIFESTS_MAX);
    if (d->kind == OCI_MANIFEST) {
        int rank = oci_platform_rank(&d->platform);
        if (!rank) tell_platform(&into->others, &d->platform);
        if (rank > into->rank) into->best = d, into->rank = rank;
    }
    if (d->kind != OCI_INDEX) return 0;
    if (depth > OCI_NESTING_MAX)
        return err_set(f->e, ERR_LIMIT, "indexes are nested deeper than %d", OCI_NESTING_MAX);
    if (read_blob(f, d, &text) < 0) return f->e->code;
    if (oci_read_index(f->a, text, &list, &count, f->e) < 0)
        return err_context(f->e, "the index sha256:%.12s", d->hex);
    for (size_t i = 0; i < count; i++) {
        if (choose(f, &list[i], depth + 1, into) < 0) return f->e->code;
    }
    return 0;
}

static str names_of(finder *f, const oci_descriptor *list, size_t count) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < count && out.len < 400; i++) {
        if (!list[i].name.len) continue;
        strbuf_addf(&out, "%s'%.*s'", out.len ? ", " : "", STR_ARG(list[i].name));
    }
    return arena_str(f->a, strbuf_str(&out));
}

static int not_found(finder *f, str tag, str names, str others) {
    if (others.len)
        return err_set(f->e, ERR_UNSUPPORTED, "it has no image for %s, but for %.*s",
                       oci_platform_here(), STR_ARG(others));
    if (!tag.len) return err_set(f->e, ERR_NOT_FOUND, "it has no image");
    return err_set(f->e, ERR_NOT_FOUND, "it has no image '%.*s'; it names %.*s", STR_ARG(tag),
                   STR_ARG(names.len ? names : STR("none")));
}

static int choose_from(finder *f, const oci_descriptor *list, size_t count, str tag,
                       const oci_descriptor **ret) {
    choice c = {0};
    const oci_descriptor *other = NULL; /* as good, and another image */
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        choice one = {.others = c.others};
        if (tag.len && !str_eq(list[i].name, tag)) continue;
        r = choose(f, &list[i], 1, &one);
        c.others = one.others;
        bool same = c.best && one.best && strcmp(c.best->hex, one.best->hex) == 0;
        if (one.rank > c.rank)
            c.best = one.best, c.rank = one.rank, other = NULL;
        else if (one.rank && one.rank == c.rank && !same)
            other = one.best;
    }
    str names = names_of(f, list, count);
    if (r == 0 && !c.best)
        r = not_found(f, tag, names, strbuf_str(&c.others));
    else if (r == 0 && other && !tag.len)
        r = err_set(f->e, ERR_INVALID, "it has several images; say which, as ':TAG': it names %.*s",
                    STR_ARG(names.len ? names : STR("none")));
    strbuf_done(&c.others);
    *ret = c.best;
    return r;
}

/* ---- the layout ---------------------------------------------------------------------------- */

static int judge_layout(finder *f) {
    str text;
    value v;
    int r = fs_read_file(f->a, fs_join(f->a, f->layout, STR("oci-layout")), 4096, &text, f->e);
    if (r == ERR_NOT_FOUND)
        return err_set(f->e, r, "it is not an OCI image layout: there is no file 'oci-layout'");
    if (r < 0) return r;
    if (json_parse(f->a, text, 0, &v, f->e) < 0) return err_context(f->e, "oci-layout");
    str version = value_path_str(&v, "imageLayoutVersion");
    return str_starts(version, STR("1."))
               ? 0
               : err_set(f->e, ERR_UNSUPPORTED, "it is a layout of version '%.*s', not 1",
                         STR_ARG(version));
}

static int read_image(finder *f, const oci_descriptor *d, oci_image *ret) {
    str text;
    if (read_blob(f, d, &text) < 0) return f->e->code;
    if (oci_read_manifest(f->a, text, &ret->manifest, f->e) < 0)
        return err_context(f->e, "the manifest sha256:%.12s", d->hex);
    const oci_descriptor *config = &ret->manifest.config;
    if (read_blob(f, config, &ret->config_text) < 0) return f->e->code;
    if (oci_read_config(f->a, ret->config_text, &ret->config, f->e) < 0)
        return err_context(f->e, "the config sha256:%.12s", config->hex);
    const oci_platform *p = &ret->config.platform;
    if (oci_platform_rank(p)) return 0;
    return err_set(f->e, ERR_UNSUPPORTED, "the image is for %.*s/%.*s, and this machine is %s",
                   STR_ARG(p->os), STR_ARG(p->architecture), oci_platform_here());
}

int oci_find(arena *a, const char *layout, str tag, oci_image *ret, err *e) {
    finder f = {.a = a, .layout = layout, .e = e};
    oci_descriptor *list;
    const oci_descriptor *found;
    size_t count;
    str text;
    *ret = (oci_image){.layout = layout};
    if (judge_layout(&f) < 0 ||
        fs_read_file(a, fs_join(a, layout, STR("index.json")), OCI_DOCUMENT_MAX, &text, e) < 0)
        return e->code;
    if (oci_read_index(a, text, &list, &count, e) < 0) return err_context(e, "index.json");
    if (choose_from(&f, list, count, tag, &found) < 0) return e->code;
    memcpy(ret->hex, found->hex, sizeof ret->hex);
    return read_image(&f, found, ret);
}
