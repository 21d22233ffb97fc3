/* api.h: the frame that every HTTP route of the server stands in. Private to the server.
 *
 * Theory of operation. A route is a row of a const table. From the row come: the match of the
 * request, the identity and the right that it needs, the check of its parameters and its body, and
 * the OpenAPI document. A handler gets an `api_call` in which all of that has been done, and
 * answers once, by one of the api_… answers. What cannot be known from the row (whose project it
 * is) a handler asks by api_permit or api_sees, and an answer of a project's route that nobody
 * asked for is not given: it fails closed, as an error of the server's.
 *
 *   request ─ host ─ rate ─ route ─ identity ─ right ─ CSRF ─ parameters ─ body ─ repeated? ─
 * handler
 *
 * Every failure is a problem document (RFC 9457). Handlers run in the HTTP server's threads; what
 * changes state is given to another thread after api_defer, which answers by the same functions. */
#ifndef SLIPWAY_SERVER_API_H
#define SLIPWAY_SERVER_API_H

#include "base/httpd.h"
#include "base/value.h"
#include "server/rate.h"
#include "trust/rights.h"

typedef struct api api;
typedef struct api_call api_call;

/* ---- tables -------------------------------------------------------------------------------- */

typedef enum api_type {
    API_STRING,
    API_INTEGER, /* within 2^53 */
    API_BOOLEAN,
    API_TIME,   /* RFC 3339 */
    API_WORD,   /* one of `words` */
    API_OBJECT, /* `schema` names it; without one, any object */
    API_LIST,   /* of `items`; of objects, `schema` names them */
    API_ANY,
    API_TYPE_COUNT
} api_type;

/* A parameter, or a member of a body or an answer. Tables of them end with a row without a name. */
typedef struct api_field {
    const char *name;
    api_type type;
    const char *help;
    bool required;
    bool nullable;
    int64_t min, max; /* of an integer; bytes of a string (0: 1,000); items of a list (0: 1,000) */
    const char *fallback;     /* of a query parameter that is not there */
    const char *const *words; /* NULL at the end */
    const char *schema;
    api_type items;
} api_field;

typedef struct api_schema {
    const char *name, *help;
    const api_field *fields;
} api_schema;

typedef enum api_auth {
    API_PUBLIC,
    API_PERSON, /* a session's cookie or a token */
    API_AGENT,  /* a client certificate, or the door of the data folder */
    API_WEBHOOK /* a signature over the body */
} api_auth;

typedef enum api_scope {
    API_SERVER, /* the right is needed for the whole server; the frame has asked */
    API_PROJECT /* the right is needed for a project: the handler asks */
} api_scope;

enum {
    API_PAGED = 1 << 0,      /* takes `limit` and `cursor`; answers by api_page */
    API_CACHED = 1 << 1,     /* the answer is the same for all who see the same, until a change */
    API_IDEMPOTENT = 1 << 2, /* a POST that takes Idempotency-Key */
    API_RAW = 1 << 3,        /* the body is bytes of any type, in `raw` */
    API_MATCHED = 1 << 4,    /* must have If-Match (428): the handler calls api_match */
    API_OPEN_QUERY = 1 << 5  /* parameters that are not in the table are let through */
};

typedef struct api_route {
    const char *id;            /* of the operation: "runs.list" */
    const char *method, *path; /* "/api/v1/runs/{run_id}"; "{rest...}" at the end takes all */
    const char *tag, *summary;
    api_auth auth;
    api_scope scope;
    access_right right;
    const api_field *parameters; /* of the path: one for each name in it */
    const api_field *query;
    const char *body;   /* a schema; NULL: none is taken, but with API_RAW */
    size_t body_bytes;  /* 0: 1 MiB */
    const char *answer; /* a schema (of an item, where API_PAGED); NULL: no JSON */
    const char *type;   /* of an answer that is no JSON */
    unsigned status;    /* of success; 0: 200 */
    unsigned flags;
    const char *rate; /* a class of the configuration; NULL: none but the address's */
    void (*handle)(api_call *c);
} api_route;

typedef struct api_routes {
    const api_route *rows;
    size_t count;
} api_routes;

typedef struct api_schemas {
    const api_schema *rows;
    size_t count;
} api_schemas;

#define API_PAGE_DEFAULT 50
#define API_PAGE_MAX     200

/* ---- who calls ------------------------------------------------------------------------------ */

typedef enum api_caller_kind {
    API_NOBODY,
    API_SESSION,
    API_TOKEN,
    API_IS_AGENT,
    API_IS_WEBHOOK
} api_caller_kind;

typedef struct api_caller {
    api_caller_kind kind;
    int64_t id; /* of the account, the agent or the hook */
    str name;
    str csrf; /* what X-CSRF-Token must be, of a session */
    str sees; /* the same for all who may see the same; empty: no answer is shared */
    void *data;
} api_caller;

typedef int64_t api_project; /* a repository's id; 0: the whole server */

/* ---- configuration -------------------------------------------------------------------------- */

typedef enum api_repeat {
    API_FIRST,   /* not seen: `end` will be called */
    API_KEPT,    /* *ret is the answer that was given */
    API_DIFFERS, /* the same key with another request */
    API_BUSY     /* the same request is under way */
} api_repeat;

typedef struct api_kept {
    unsigned status;
    str type, body, location;
} api_kept;

/* `key` is a digest of key, route and caller, `request` one of target and body. */
typedef struct idempotency_store {
    void *context;
    api_repeat (*begin)(void *context, const uint8_t key[32], const uint8_t request[32], arena *a,
                        api_kept *ret);
    /* Keeps the answer, or forgets the key where it is NULL, because the request may be tried
     * again. */
    void (*end)(void *context, const uint8_t key[32], const api_kept *answer);
} idempotency_store;

typedef struct api_asset {
    const char *path, *type;
    str bytes, gzip, brotli, zstd; /* encoded forms may be empty */
    const char *etag;              /* with its quotes */
    bool immutable;                /* its name has its digest: it may be kept for ever */
} api_asset;

typedef struct api_config {
    const api_routes *routes;
    size_t route_tables;
    const api_schemas *schemas;
    size_t schema_tables;
    const api_asset *assets;
    size_t asset_count;
    const char *page; /* the asset for paths of the UI, which are not in the table; or NULL */

    const char *const *hosts; /* names that the server goes by; NULL at the end. localhost and
                               * addresses always do, which nobody can rebind */
    const rate_class *rates;  /* the first is for each address; may be NULL */
    size_t rate_count;
    uint8_t key[32];            /* signs cursors; the same over restarts */
    size_t cache_bytes;         /* of shared answers; 0: 16 MiB */
    idempotency_store *repeats; /* NULL: Idempotency-Key is refused */

    void *context;
    /* Fills c->caller. ERR_NOT_FOUND: nothing was shown; ERR_INVALID: it does not hold (its message
     * is for the log, not for the caller). For API_WEBHOOK it comes with the body. */
    int (*authenticate)(void *context, api_call *c, err *e);
    bool (*may)(void *context, const api_call *c, access_right right, api_project project);
    /* Of what is read: an answer that was made at the same count still holds. */
    uint64_t (*changes)(void *context);
    bool (*ready)(void *context, strbuf *why);
    /* What is not for callers: the cause of a 500, a refused identity. */
    void (*report)(void *context, str request_id, const char *text);
    int64_t (*now_us)(void *context);
} api_config;

/* The configuration and all it points at must live as long. ERR_INVALID: a table contradicts
 * itself. Give api_handler to the HTTP server. */
int api_new(const api_config *config, api **ret, err *e);
void api_free(api *s);
httpd_handler api_handler(api *s);
/* The context of the configuration. */
void *api_context(const api *s);
/* The OpenAPI document. */
str api_document(const api *s);
/* Routes for which nobody needs a right and which are not in `public_ids` (NULL at the end): the
 * first such is in *ret. For tests. */
bool api_find_open_route(const api *s, const char *const *public_ids, const api_route **ret);
/* Every route, one after the other; NULL past the last. */
const api_route *api_route_at(const api *s, size_t index);

/* ---- a call --------------------------------------------------------------------------------- */

typedef struct api_error {
    str pointer, parameter, detail; /* pointer into the body, or the name of a parameter */
} api_error;

struct api_call {
    api *s;
    httpd_request *r;
    arena *a;
    const api_route *route;
    api_caller caller;
    value path, query, body; /* objects; checked */
    str raw;                 /* the body as it came */
    value cursor;            /* API_PAGED: what api_page was given; null on the first page */
    size_t limit;
    void *data; /* the handler's */

    /* Of the frame. */
    strbuf received;
    size_t received_max;
    api_error *errors;
    size_t error_count, error_cap;
    str request_id, peer, match, none_match, host;
    str version; /* what was set by api_set_version */
    str link;    /* to the next page */
    uint64_t changes;
    uint8_t repeat_key[32];
    bool head, judged, repeatable, secure, answered;
};

/* Parameters by name; it is a mistake to ask for one that the table does not have. */
int64_t api_path_int(const api_call *c, const char *name);
str api_path_str(const api_call *c, const char *name);
bool api_has_query(const api_call *c, const char *name);
int64_t api_query_int(const api_call *c, const char *name);
str api_query_str(const api_call *c, const char *name);
bool api_query_bool(const api_call *c, const char *name);

/* Whether the caller has the route's right for a project; else it is answered: 404 where it may not
 * even read (so that nobody learns what exists), 403 where it may. */
bool api_permit(api_call *c, api_project project);
/* The same without an answer, for lists that leave out what somebody may not see. */
bool api_sees(api_call *c, api_project project);

/* A cookie's value, or an empty str. */
str api_cookie(api_call *c, const char *name);

/* Adds what is wrong with a parameter or (by JSON pointer) the body. api_refuse then answers. */
void api_wrong(api_call *c, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Answers 422 with what api_wrong has collected; false when there is none. */
bool api_refuse(api_call *c);

/* The version of what is shown or changed: its ETag is made of it. Without one, an answer's ETag is
 * a digest of its bytes. Before the answer. */
void api_set_version(api_call *c, str version);
/* Whether If-Match, where there is one, names this version; else it is answered with 412. */
bool api_match(api_call *c, str version);

/* ---- answers -------------------------------------------------------------------------------- */

void api_json(api_call *c, unsigned status, const value *body);
void api_json_text(api_call *c, unsigned status, str json);
/* {"items": [...], "next": "..."}: `next` (an array of what the next page begins after) may be
 * NULL. */
void api_page(api_call *c, const value *items, const value *next);
/* 201 with a Location. */
void api_created(api_call *c, str location, const value *body);
void api_no_content(api_call *c);
void api_bytes(api_call *c, unsigned status, const char *type, str bytes);
void api_problem(api_call *c, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A failure of what was called: ERR_INVALID is 422, ERR_NOT_FOUND 404, ERR_LIMIT 413, ERR_TIMEOUT
 * 504, ERR_UNSUPPORTED 501, each with its message; the rest is 500, and only reported. */
void api_fail(api_call *c, const err *e);
/* 429 or 503 with Retry-After. */
void api_busy(api_call *c, unsigned status, unsigned seconds, const char *detail);
/* Another thread will answer. Afterwards the handler does not touch the call. */
void api_defer(api_call *c);
/* A file's bytes, as httpd_answer_file; ranges are the handler's. Not for API_IDEMPOTENT. */
void api_file(api_call *c, unsigned status, const char *type, int fd, uint64_t from, uint64_t size);
/* Answers with a stream, as httpd_stream_open, with the frame's headers. NULL when it was answered
 * already, or nobody was asked for the right. Not after api_defer. */
httpd_stream *api_stream(api_call *c, const char *type, const httpd_stream_options *how);

#endif
