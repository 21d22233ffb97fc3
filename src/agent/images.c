#include "agent/images.h"

#include "agent/person.h"
#include "base/fs.h"

#include <string.h>

bool where_split_image(arena *a, const char *text, const char **ret_dir, str *ret_tag) {
    *ret_dir = text;
    *ret_tag = STR_EMPTY;
    if (fs_is_dir(text)) return true;
    for (const char *colon = strchr(text, ':'); colon && colon[1]; colon = strchr(colon + 1, ':')) {
        *ret_dir = arena_cstr(a, (str){text, (size_t)(colon - text)});
        *ret_tag = str_from(colon + 1);
        if (fs_is_dir(*ret_dir)) return true;
    }
    return false;
}

static int find(image_set *r, job_image *i, const char *text, err *e) {
    const char *dir;
    char *images;
    str tag;
    if (person_cache(r->a, r->caches, "images", &images, e) < 0)
        return err_context(e, "images cannot be unpacked");
    where_split_image(r->a, text, &dir, &tag);
    *i = (job_image){.of = r, .text = text};
    if (sandbox_image_find(r->a, dir, tag, images, &i->image, e) < 0) return e->code;
    if (sandbox_image_is_unpacked(i->image)) i->state = IMAGE_READY;
    return 0;
}

int images_find(image_set *r, const word_mapping *platforms, size_t count, err *e) {
    r->items = ARENA_ARRAY(r->a, job_image, count);
    for (size_t p = 0; p < count; p++) {
        const word_mapping *m = &platforms[p];
        if (strncmp(m->to, WHERE_OCI, sizeof WHERE_OCI - 1) != 0) continue;
        const char *text = m->to + sizeof WHERE_OCI - 1;
        if (images_get(r, text)) continue;
        if (find(r, &r->items[r->count], text, e) < 0)
            return err_context(e, "-P %.*s=%s", STR_ARG(m->from), m->to);
        r->count++;
    }
    return 0;
}

job_image *images_get(image_set *r, const char *text) {
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].text, text) == 0) return &r->items[i];
    }
    return NULL;
}

static int unpack(void *context, err *e) {
    const job_image *i = context;
    return sandbox_image_unpack(i->image, e);
}

static void on_unpacked(void *context, const err *e) {
    job_image *i = context;
    i->task = NULL;
    i->state = e ? IMAGE_FAILED : IMAGE_READY;
    if (e) i->problem = *e;
    if (i->of->changed) i->of->changed(i->of->context);
}

int image_unpack(job_image *i, err *e) {
    if (task_start(i->of->loop, NULL, unpack, on_unpacked, i, &i->task, e) < 0) return e->code;
    i->state = IMAGE_UNPACKING;
    return 0;
}

void images_done(image_set *r) {
    bool any = false;
    r->changed = NULL;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->items[i].task) continue;
        task_kill(r->items[i].task);
        any = true;
    }
    if (any) loop_run(r->loop);
}
