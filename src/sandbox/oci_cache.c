/* Unpacked images.
 *
 *   IMAGES/sha256-HEX/rootfs        the root folder of the image whose manifest has this digest
 *   IMAGES/sha256-HEX/config.json   the image's config, as it is in the layout
 *   IMAGES/sha256-HEX.lock          locked (flock) by who unpacks it
 *   IMAGES/sha256-HEX.new           what is being unpacked, or was when its maker was killed
 *
 * A folder gets its name when it is whole, and is never written again: jobs have it below an
 * overlay, any number of them at a time. */
#include "sandbox/oci.h"

#include "base/fs.h"
#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* An archive that takes more is no image's. */
#define CPU_SECONDS 3600
#define MEMORY_MAX  (4ULL << 30)
/* Root's files get the image's owners and modes; nobody else has these. */
#define OWNER_RIGHTS (1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER)

/* ---- one image ----------------------------------------------------------------------------- */

int sandbox_image_find(arena *a, const char *layout, str tag, const char *images,
                       sandbox_image **ret, err *e) {
    oci_image *parts = ARENA_NEW(a, oci_image);
    sandbox_image *i = *ret = ARENA_NEW(a, sandbox_image);
    if (oci_find(a, layout, tag, parts, e) < 0)
        return err_context(e, "the image layout '%s'", layout);
    snprintf(i->digest, sizeof i->digest, "sha256:%s", parts->hex);
    i->rootfs = arena_printf(a, "%s/sha256-%s/rootfs", images, parts->hex).ptr;
    i->env = &parts->config.env;
    i->layer_count = parts->manifest.layer_count;
    for (size_t n = 0; n < i->layer_count; n++)
        i->size += parts->manifest.layers[n].size;
    i->parts = parts;
    return 0;
}

bool sandbox_image_is_unpacked(const sandbox_image *i) {
    return fs_is_dir(i->rootfs);
}

/* ---- unpacking ----------------------------------------------------------------------------- */

typedef struct work {
    const oci_image *image;
    int root;
    int blobs[OCI_LAYERS_MAX];
    bool keep_ids;
} work;

static int open_blobs(work *w, err *e) {
    const oci_manifest *m = &w->image->manifest;
    for (size_t n = 0; n < m->layer_count; n++) {
        if (oci_blob_open(w->image->layout, &m->layers[n], &w->blobs[n], e) < 0) return e->code;
    }
    return 0;
}

static void close_blobs(work *w) {
    for (size_t n = 0; n < w->image->manifest.layer_count; n++) {
        if (w->blobs[n] >= 0) close(w->blobs[n]);
    }
}

/* In the child. */
static int unpack_all(void *context, strbuf *out, err *e) {
    const work *w = context;
    const oci_manifest *m = &w->image->manifest;
    oci_tree t = {.root = w->root, .keep_ids = w->keep_ids, .limits = &oci_limits_default};
    (void)out;
    umask(0);
    oci_layer_prepare();
    jail_spec jail = {.kind = JAIL_WRITE,
                      .tree = w->root,
                      .keep = OWNER_RIGHTS,
                      .memory_max = MEMORY_MAX,
                      .cpu_max_s = CPU_SECONDS};
    if (jail_enter(&jail, e) < 0) return err_context(e, "unpacking");
    for (size_t n = 0; n < m->layer_count; n++) {
        if (oci_layer_apply(&t, w->blobs[n], &m->layers[n], e) < 0)
            return err_context(e, "layer %zu of %zu, sha256:%.12s", n + 1, m->layer_count,
                               m->layers[n].hex);
    }
    return 0;
}

/* What the child says of its failure is bytes from whom an archive may have taken over. */
static int run_child(work *w, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    view ours = VIEW_OURS;
    str nothing;
    int r = view_call(&ours, NULL, a, unpack_all, w, &nothing, e);
    if (r == 0) return 0;
    e->message[sizeof e->message - 1] = '\0';
    e->where = (span){0};
    return err_context(e, "cannot unpack the image sha256:%.12s", w->image->hex);
}

static int fill(const oci_image *image, const char *rootfs, err *e) {
    work w = {.image = image, .keep_ids = geteuid() == 0};
    memset(w.blobs, -1, sizeof w.blobs);
    w.root = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.root < 0) return err_sys(e, errno, "cannot open '%s'", rootfs);
    int r = open_blobs(&w, e);
    if (r == 0) r = run_child(&w, e);
    /* A folder must not look whole after a loss of power that has taken its files. */
    if (r == 0 && syncfs(w.root) < 0) r = err_sys(e, errno, "cannot write '%s'", rootfs);
    close_blobs(&w);
    close(w.root);
    return r;
}

/* In `folder`, which is removed where it fails. */
static int make(const sandbox_image *i, const char *folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const char *rootfs = fs_join(a, folder, STR("rootfs"));
    err ignored = {0};
    if (fs_remove(folder, e) < 0) return e->code; /* of one who was killed */
    int r = fs_mkdirs(rootfs, 0755, e);
    if (r == 0 && chmod(rootfs, 0755) < 0) r = err_sys(e, errno, "cannot make '%s'", rootfs);
    if (r == 0)
        r = fs_create(fs_join(a, folder, STR("config.json")), i->parts->config_text, 0644, e);
    if (r == 0) r = fill(i->parts, rootfs, e);
    if (r < 0) fs_remove(folder, &ignored);
    return r;
}

int sandbox_image_unpack(const sandbox_image *i, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str folder = str_sub(str_from(i->rootfs), 0, strlen(i->rootfs) - (sizeof "/rootfs" - 1));
    const char *place = arena_cstr(a, folder), *fresh = arena_printf(a, "%s.new", place).ptr;
    const char *lock = arena_printf(a, "%s.lock", place).ptr;
    str above = str_sub(folder, 0, (size_t)str_rfind_char(folder, '/'));
    if (sandbox_image_is_unpacked(i)) return 0;
    if (fs_mkdirs(arena_cstr(a, above), 0700, e) < 0) return e->code;
    _cleanup_close_ int held = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (held >= 0 && flock(held, LOCK_EX) < 0) {
        if (errno != EINTR) return err_sys(e, errno, "cannot lock '%s'", lock);
    }
    if (held < 0) return err_sys(e, errno, "cannot make '%s'", lock);
    if (sandbox_image_is_unpacked(i)) return 0; /* while this waited */
    if (make(i, fresh, e) < 0) return e->code;
    return rename(fresh, place) == 0 ? 0 : err_sys(e, errno, "cannot make '%s'", place);
}
