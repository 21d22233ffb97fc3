/* api_parts.h: what the files of the frame share. */
#ifndef SLIPWAY_SERVER_API_PARTS_H
#define SLIPWAY_SERVER_API_PARTS_H

#include "server/api.h"

#include <pthread.h>

#define API_SEGMENTS_MAX 16

typedef struct api_pattern {
    const api_route *route;
    str segments[API_SEGMENTS_MAX]; /* "{name}" or as it is */
    size_t count;
    bool rest; /* the last takes all that follows */
} api_pattern;

typedef struct api_cache api_cache;

struct api {
    api_config config;
    arena *a;
    api_pattern *patterns;
    size_t pattern_count;
    str document;
    api_cache *cache;
    pthread_mutex_t rate_lock;
    rate_table *rates;
};

/* ---- patterns (api_match.c) ---- */
/* ERR_INVALID for a pattern that is none: no leading '/', an empty segment, too many, a name that
 * stands twice, "{rest...}" not at the end. */
int api_pattern_parse(arena *a, const char *text, api_pattern *ret, err *e);
/* Whether a path is of the pattern; *values then has what stands in the place of each name. */
bool api_pattern_match(const api_pattern *p, str path, str values[API_SEGMENTS_MAX]);
/* The name in a segment, without braces and dots; false for a literal. */
bool api_segment_name(str segment, str *ret_name);

typedef struct api_found {
    const api_pattern *pattern;
    str values[API_SEGMENTS_MAX];
    str allow; /* methods of that path, where none is the one; else empty */
} api_found;
/* The most literal of the patterns that match. */
bool api_find(const api *s, arena *a, str method, str path, api_found *ret);

/* ---- input (api_input.c) ---- */
const api_schema *api_schema_named(const api *s, const char *name);
/* Fill c->path and c->query; c->errors has what is wrong. */
void api_read_path(api_call *c, const api_found *f);
void api_read_query(api_call *c);
/* Checks c->body against the route's schema. */
void api_check_body(api_call *c);

/* ---- cursors (api_cursor.c) ---- */
/* Opaque, signed for one route. */
str api_cursor_make(arena *a, const uint8_t key[32], const char *route, const value *items);
bool api_cursor_read(arena *a, const uint8_t key[32], const char *route, str text, value *ret);

/* ---- guards (api_guard.c) ---- */
/* Each answers and gives false where the call must not go on. */
bool api_guard_host(api_call *c);
bool api_guard_rate(api_call *c, const char *class_name, str who);
bool api_guard_origin(api_call *c);
bool api_guard_types(api_call *c);
/* Whether an Accept header takes a type. */
bool api_accepts(str accept, str type);

/* ---- answers (api_answer.c) ---- */
void api_answer(api_call *c, unsigned status, const char *type, str body);
void api_report(api_call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The headers that every answer has, added to the call's. */
void api_add_headers(api_call *c, bool page);
#define API_CSP_ANSWER "default-src 'none'; frame-ancestors 'none'"
#define API_CSP_PAGE                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "               \
    "base-uri 'none'; frame-ancestors 'none'"
#define API_HSTS "max-age=31536000"
bool api_etag_listed(str header, str etag);

/* ---- shared answers (api_cache.c) ---- */
api_cache *api_cache_new(size_t bytes);
void api_cache_free(api_cache *k);
/* Answers from the cache; false when it cannot. */
bool api_cache_answer(api_call *c);
void api_cache_keep(api_call *c, str etag, str body);

/* ---- repeated requests (api_repeat.c) ---- */
/* False when it was answered. */
bool api_repeat_begin(api_call *c);
void api_repeat_end(api_call *c, unsigned status, const char *type, str body, str location);

/* ---- the document (api_openapi.c) ---- */
void api_openapi_write(const api *s, strbuf *out);

/* ---- assets (api_assets.c) ---- */
/* Answers with an asset, or the page of the UI; false when there is none for this path. */
bool api_asset_answer(api_call *c);

/* ---- the frame's own routes (api_own.c) ---- */
extern const api_routes api_own_routes;
extern const api_schemas api_own_schemas;

#endif
