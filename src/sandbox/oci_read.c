#include "sandbox/oci.h"

#include "base/json.h"

#include <string.h>

/* ---- kinds --------------------------------------------------------------------------------- */

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct {
    const char *media_type;
    oci_kind kind;
} kinds[] = {
    {OCI "index.v1+json", OCI_INDEX},
    {OCI "manifest.v1+json", OCI_MANIFEST},
    {OCI "config.v1+json", OCI_CONFIG},
    {OCI "layer.v1.tar", OCI_LAYER},
    {OCI "layer.v1.tar+gzip", OCI_LAYER},
    {OCI "layer.v1.tar+zstd", OCI_LAYER},
    {OCI "layer.nondistributable.v1.tar", OCI_LAYER},
    {OCI "layer.nondistributable.v1.tar+gzip", OCI_LAYER},
    {OCI "layer.nondistributable.v1.tar+zstd", OCI_LAYER},
    {DOCKER "distribution.manifest.list.v2+json", OCI_INDEX},
    {DOCKER "distribution.manifest.v2+json", OCI_MANIFEST},
    {DOCKER "container.image.v1+json", OCI_CONFIG},
    {DOCKER "image.rootfs.diff.tar", OCI_LAYER},
    {DOCKER "image.rootfs.diff.tar.gzip", OCI_LAYER},
    {DOCKER "image.rootfs.diff.tar.zstd", OCI_LAYER},
    {DOCKER "image.rootfs.foreign.diff.tar", OCI_LAYER},
    {DOCKER "image.rootfs.foreign.diff.tar.gzip", OCI_LAYER},
};

static oci_kind kind_of(str media_type) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (str_is(media_type, kinds[i].media_type)) return kinds[i].kind;
    }
    return OCI_OTHER;
}

/* ---- platforms ----------------------------------------------------------------------------- */

/* Variants that every machine of an architecture can run: none, or one of these. */
#if defined __aarch64__
#define ARCHITECTURE "arm64"
static const char *const variants[] = {"v8", NULL};
#elif defined __x86_64__
#define ARCHITECTURE "amd64"
static const char *const variants[] = {"v1", NULL};
#elif defined __riscv
#define ARCHITECTURE "riscv64"
static const char *const variants[] = {NULL};
#else
#define ARCHITECTURE "unknown"
static const char *const variants[] = {NULL};
#endif

const char *oci_platform_here(void) {
    return "linux/" ARCHITECTURE;
}

int oci_platform_rank(const oci_platform *p) {
    if (!p->os.len && !p->architecture.len) return 1;
    if (!str_is(p->os, "linux") || !str_is(p->architecture, ARCHITECTURE)) return 0;
    if (!p->variant.len) return 2;
    for (const char *const *v = variants; *v; v++) {
        if (str_is(p->variant, *v)) return 2;
    }
    return 0;
}

static oci_platform read_platform(const value *v) {
    return (oci_platform){.os = value_path_str(v, "os"),
                          .architecture = value_path_str(v, "architecture"),
                          .variant = value_path_str(v, "variant")};
}

/* ---- descriptors --------------------------------------------------------------------------- */

static bool read_digest(str text, char out[OCI_HEX]) {
    str hex = str_sub(text, sizeof "sha256:" - 1, text.len);
    if (!str_starts(text, STR("sha256:")) || hex.len != OCI_HEX - 1) return false;
    for (size_t i = 0; i < hex.len; i++) {
        if (!strchr("0123456789abcdef", hex.ptr[i]) || !hex.ptr[i]) return false;
    }
    memcpy(out, hex.ptr, hex.len);
    out[hex.len] = '\0';
    return true;
}

/* Whole numbers that a double holds exactly. */
static bool read_size(const value *v, uint64_t *ret) {
    const double most = (double)(1ULL << 53);
    if (!v || v->kind != VALUE_NUMBER || !(v->number >= 0 && v->number <= most)) return false;
    *ret = (uint64_t)v->number;
    return (double)*ret == v->number;
}

/* The key has dots, so it is no path. */
static str read_name(const value *descriptor) {
    const value *annotations = value_get(descriptor, STR("annotations"));
    const value *name = value_get(annotations, STR("org.opencontainers.image.ref.name"));
    return name && name->kind == VALUE_STRING ? name->string : STR_EMPTY;
}

static int read_descriptor(const value *v, oci_descriptor *ret, err *e) {
    str digest = value_path_str(v, "digest");
    *ret = (oci_descriptor){.media_type = value_path_str(v, "mediaType"), .name = read_name(v)};
    if (!ret->media_type.len)
        return err_set(e, ERR_INVALID, "a descriptor has no mediaType"); /* or is no object */
    ret->kind = kind_of(ret->media_type);
    ret->platform = read_platform(value_get(v, STR("platform")));
    if (ret->kind == OCI_OTHER) return 0; /* nobody will look for it */
    if (!read_digest(digest, ret->hex))
        return err_set(e, ERR_UNSUPPORTED, "'%.*s' is not a digest 'sha256:' and 64 hex digits",
                       STR_ARG(digest));
    if (!read_size(value_get(v, STR("size")), &ret->size))
        return err_set(e, ERR_INVALID, "the descriptor of sha256:%.12s has no size", ret->hex);
    return 0;
}

static int read_descriptors(arena *a, const value *list, const char *what, size_t most,
                            oci_descriptor **ret, size_t *ret_count, err *e) {
    if (!list || list->kind != VALUE_ARRAY) return err_set(e, ERR_INVALID, "it has no '%s'", what);
    size_t count = list->array.count;
    if (count > most)
        return err_set(e, ERR_LIMIT, "%zu %s are more than the limit of %zu", count, what, most);
    *ret = ARENA_ARRAY(a, oci_descriptor, count);
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        if (read_descriptor(&list->array.items[i], &(*ret)[i], e) < 0)
            return err_context(e, "%s[%zu]", what, i);
    }
    return 0;
}

/* ---- documents ----------------------------------------------------------------------------- */

static int read_object(arena *a, str text, value *ret, err *e) {
    if (json_parse(a, text, 0, ret, e) < 0) return e->code;
    return ret->kind == VALUE_OBJECT ? 0 : err_set(e, ERR_INVALID, "it is not a JSON object");
}

static int read_versioned(arena *a, str text, value *ret, err *e) {
    if (read_object(a, text, ret, e) < 0) return e->code;
    const value *version = value_get(ret, STR("schemaVersion"));
    if (version && version->kind == VALUE_NUMBER && version->number == 2) return 0;
    return err_set(e, ERR_UNSUPPORTED, "its schemaVersion is not 2");
}

int oci_read_index(arena *a, str text, oci_descriptor **ret, size_t *ret_count, err *e) {
    value v;
    if (read_versioned(a, text, &v, e) < 0) return e->code;
    return read_descriptors(a, value_get(&v, STR("manifests")), "manifests", OCI_MANIFESTS_MAX, ret,
                            ret_count, e);
}

int oci_read_manifest(arena *a, str text, oci_manifest *ret, err *e) {
    value v;
    *ret = (oci_manifest){0};
    if (read_versioned(a, text, &v, e) < 0) return e->code;
    if (read_descriptor(value_get(&v, STR("config")), &ret->config, e) < 0)
        return err_context(e, "config");
    if (ret->config.kind != OCI_CONFIG)
        return err_set(e, ERR_UNSUPPORTED, "it is no image: its config is of type '%.*s'",
                       STR_ARG(ret->config.media_type));
    if (read_descriptors(a, value_get(&v, STR("layers")), "layers", OCI_LAYERS_MAX, &ret->layers,
                         &ret->layer_count, e) < 0)
        return e->code;
    for (size_t i = 0; i < ret->layer_count; i++) {
        if (ret->layers[i].kind != OCI_LAYER)
            return err_set(e, ERR_UNSUPPORTED, "layers[%zu] is of type '%.*s', which is unknown", i,
                           STR_ARG(ret->layers[i].media_type));
    }
    return 0;
}

/* "K=V" each; the last one of a name counts. */
static int read_env(arena *a, const value *list, value *ret, err *e) {
    *ret = value_object_new(a, true);
    if (!list || list->kind == VALUE_NULL) return 0;
    if (list->kind != VALUE_ARRAY) return err_set(e, ERR_INVALID, "Env is not an array");
    for (size_t i = 0; i < list->array.count; i++) {
        const value *item = &list->array.items[i];
        str name, text;
        if (item->kind != VALUE_STRING || !str_cut(item->string, '=', &name, &text) || !name.len)
            return err_set(e, ERR_INVALID, "Env[%zu] is not NAME=VALUE", i);
        value_set(a, ret, name, value_string(text));
    }
    return 0;
}

int oci_read_config(arena *a, str text, oci_config *ret, err *e) {
    value v;
    *ret = (oci_config){0};
    if (read_object(a, text, &v, e) < 0) return e->code;
    ret->platform = read_platform(&v);
    return read_env(a, value_get(value_get(&v, STR("config")), STR("Env")), &ret->env, e);
}
