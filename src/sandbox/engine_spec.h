/* engine_spec.h: what a workflow says of a container becomes what the Docker Engine API wants.
 * Pure. Private to this folder.
 *
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainer
 * GitHub's runner hands ports, volumes and options to `docker create`, so their forms are those of
 * its command line: https://docs.docker.com/reference/cli/docker/container/create/ */
#ifndef SLIPWAY_SANDBOX_ENGINE_SPEC_H
#define SLIPWAY_SANDBOX_ENGINE_SPEC_H

#include "base/err.h"
#include "base/value.h"

#define ENGINE_WORDS_MAX 4096      /* of `options`, `args`, `command` */
#define ENGINE_TEXT_MAX  (1 << 20) /* bytes of `options`, `args`, `command` */

/* Splits a text into words (base/words.h); line ends part them, too. */
int engine_words(arena *a, str text, str **ret, size_t *ret_count, err *e);

/* A container that is to be created. */
typedef struct engine_plan {
    value body;    /* for POST /containers/create */
    value aliases; /* array: further names in the job's network */
    str name;      /* of --name, else empty */
} engine_plan;

void engine_plan_init(arena *a, engine_plan *p);
/* "K=V" for the container's environment; a later one of the same name wins. */
void engine_plan_env(arena *a, engine_plan *p, str pair);
/* "[IP:][HOST:]CONTAINER[/PROTOCOL]", with ranges "8000-8002:80-82". */
int engine_plan_port(arena *a, engine_plan *p, str text, err *e);
/* "SOURCE:TARGET[:MODE]" or "TARGET" (an anonymous volume), absolute but for named volumes. */
int engine_plan_volume(arena *a, engine_plan *p, str text, err *e);
/* The options of `docker create`; ERR_UNSUPPORTED names one that is not known here. */
int engine_plan_options(arena *a, engine_plan *p, str text, err *e);
/* All that `container` says (image, env, ports, volumes, options, entrypoint, command). */
int engine_plan_container(arena *a, engine_plan *p, const value *container, err *e);
/* Puts it into the network under these names and gives it labels: what is said last. */
void engine_plan_join(arena *a, engine_plan *p, str network, str alias, const value *labels);
/* Turns the image's health check off. */
void engine_plan_unchecked(arena *a, engine_plan *p);
/* Replaces entrypoint and arguments by those of the given words; count 0 leaves them. */
void engine_plan_entrypoint(arena *a, engine_plan *p, const str *words, size_t count);
void engine_plan_command(arena *a, engine_plan *p, const str *words, size_t count);

#endif
