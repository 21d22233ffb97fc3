/* images.h: the images of a run (-P LABEL=oci:DIR[:TAG]). Each is unpacked when the first job
 * needs it, beside the loop; where an earlier run has done that, it is ready at once. */
#ifndef SLIPWAY_AGENT_IMAGES_H
#define SLIPWAY_AGENT_IMAGES_H

#include "agent/where.h"
#include "base/task.h"

typedef enum image_state {
    IMAGE_FOUND,
    IMAGE_UNPACKING,
    IMAGE_READY,
    IMAGE_FAILED, /* problem.message says why */
    IMAGE_STATE_COUNT
} image_state;

typedef struct image_set image_set;

typedef struct job_image {
    image_set *of;
    const char *text; /* "DIR[:TAG]", as it was given */
    sandbox_image *image;
    image_state state;
    err problem;
    task *task;
} job_image;

struct image_set {
    arena *a;
    loop *loop;
    const char *caches; /* as of person_cache */
    job_image *items;
    size_t count;
    /* Called from the loop when an image has become ready, or has failed. */
    void (*changed)(void *context);
    void *context;
};

/* Reads the documents of every image that -P names: what is wrong there is wrong in the command. */
int images_find(image_set *r, const word_mapping *platforms, size_t count, err *e);
/* The image that was found for this text. */
job_image *images_get(image_set *r, const char *text);
/* Begins to unpack one that was found only. */
int image_unpack(job_image *i, err *e);
/* Ends what is under way. */
void images_done(image_set *r);

#endif
