/* Whatever a document of an image says, a digest that is read is one, and sizes, counts and names
 * are within their limits. */
#include "fuzz.h"

#include "sandbox/oci.h"

#include <string.h>

static void judge(const oci_descriptor *d) {
    CHECK(d->media_type.len);
    if (d->kind == OCI_OTHER) return;
    CHECK(d->kind < OCI_KIND_COUNT && d->size <= 1ULL << 53);
    CHECK(strspn(d->hex, "0123456789abcdef") == OCI_HEX - 1 && !d->hex[OCI_HEX - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    oci_descriptor *list;
    oci_manifest manifest;
    oci_config config;
    size_t count;
    err e = {0};
    if (oci_read_index(a, text, &list, &count, &e) == 0) {
        CHECK(count <= OCI_MANIFESTS_MAX);
        for (size_t i = 0; i < count; i++) {
            judge(&list[i]);
            CHECK(oci_platform_rank(&list[i].platform) <= 2);
        }
    } else {
        CHECK(e.message[0]);
    }
    if (oci_read_manifest(a, text, &manifest, &e) == 0) {
        CHECK(manifest.layer_count <= OCI_LAYERS_MAX && manifest.config.kind == OCI_CONFIG);
        for (size_t i = 0; i < manifest.layer_count; i++) {
            judge(&manifest.layers[i]);
            CHECK(manifest.layers[i].kind == OCI_LAYER);
        }
    }
    if (oci_read_config(a, text, &config, &e) == 0) {
        for (size_t i = 0; i < value_count(&config.env); i++)
            CHECK(value_at(&config.env, i)->key.len && value_at(&config.env, i)->item.string.ptr);
    }
    return 0;
}
