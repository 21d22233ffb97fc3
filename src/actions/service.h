/* service.h: the parts of the services' process, as the files of this folder share them. Private.
 *
 *   control.c    the process: orders from Slipway, jobs
 *   request.c    who calls and for what: addresses, tokens, signatures; bodies into memory or files
 *   twirp.c      /twirp/…: JSON in and out ─▶ artifacts.c, caches.c
 *   caches_v1.c  /_apis/artifactcache/… ─▶ caches.c
 *   azure.c      /slipway/…: the blobs behind signed addresses
 *   upload.c     what is being uploaded, in blocks or ranges ─▶ staging.c, its files
 *   places.c     blocks that go to their final place at once
 *   naming.c     gives blobs that were kept unhashed the name of their digest
 *   identity.c   identity tokens and the key that signs them
 *
 * Threads. Requests come from the threads of httpd.h, orders from the main thread. `lock` guards
 * the table of jobs, that of uploads, and the store. What takes long (receiving, joining, hashing)
 * is done without it; `refs` keep a job or an upload alive meanwhile.
 *
 * Half a state is never seen. A body goes to a file in the staging folder. Only when it is complete
 * it gets its name, by rename, in the same transaction as its row. Nothing is flushed to
 * the disk on the way: what a loss of power leaves too short is taken for absent when it is looked
 * up, since a cache may be lost and an artifact of a run that died is of no use. */
#ifndef SLIPWAY_ACTIONS_SERVICE_H
#define SLIPWAY_ACTIONS_SERVICE_H

#include "actions/actions.h"
#include "base/httpd.h"
#include "base/leased.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define NAME_SIZE         33 /* 16 random bytes in hex, and NUL */
#define DIGEST_SIZE       65 /* SHA-256 in hex, and NUL */
#define JSON_BODY_MAX     (1u << 20)
#define UPLOADS_MAX       2000            /* of one job, until it ends */
#define BLOCK_BYTES_MAX   (4000ULL << 20) /* of one block, as Azure's */
#define SCOPES_MAX        3
#define KEYS_MAX          10 /* of one look-up, as the toolkit's */
#define KEY_MAX           512
#define SIGNED_SECONDS    (6 * 3600)
#define ARTIFACT_NAME_MAX 200
#define HASHED_LATER      (64u << 20) /* a cache of so many bytes; see naming.c */

typedef struct service service;
typedef struct job job;
typedef struct upload upload;
typedef struct call call;

struct job {
    job *next;
    arena *a;
    char id[NAME_SIZE];
    actions_job spec;       /* its text and claims are in `a` */
    str scopes[SCOPES_MAX]; /* whose caches can be read; the first can be written */
    size_t scope_count;
    unsigned refs; /* requests that work for it */
    unsigned uploads;
    httpd_door *door; /* for its containers; NULL without */
    bool closed;
};

struct service {
    char *data;     /* folder */
    char *blobs;    /* DATA/blobs/ab/abcdef… */
    leased staging; /* DATA/staging/RANDOM */
    actions_limits limits;
    mode_t umask; /* the person's */
    arena *a;
    httpd *http;
    char base[64];   /* "http://127.0.0.1:PORT" */
    uint8_t key[32]; /* signs tokens and addresses; made anew by each process */
    pthread_mutex_t lock;
    job *jobs;
    upload *uploads;
    store *store;
    struct identity *identity; /* NULL until somebody has asked */
    struct naming *naming;     /* the thread of naming.c */
};

int64_t now_seconds(void);

/* ---- control.c ------------------------------------------------------------------------------ */

/* The open job of that id with one more reference, or NULL. Takes the lock. */
job *job_take(service *s, str id);
void job_release(service *s, job *j);

/* ---- staging.c ------------------------------------------------------------------------------ */

int staging_open(service *s, err *e);
void staging_close(service *s);
/* Makes a new file there; the path is in `a`. */
int staging_file(service *s, arena *a, char **ret_path, int *ret_fd, err *e);
/* Writes all, at `offset` where that is not negative. Says when the disk is full. */
int write_all(int fd, str bytes, int64_t offset, err *e);
/* A part of a file. */
typedef struct piece {
    const char *path;
    uint64_t at, size;
} piece;

/* Makes a new file of the pieces in their order, and hashes them where `digest` is not NULL. */
int join_pieces(service *s, arena *a, const piece *pieces, size_t count, char **ret_path,
                char *digest, err *e);
/* Hashes a piece; *stop (NULL is allowed) ends it early with ERR_CANCELLED. */
int hash_piece(const piece *x, char digest[DIGEST_SIZE], const atomic_bool *stop, err *e);
/* Renames, or copies and renames where the two are on different file systems. */
int move_file(const char *from, const char *to, err *e);

/* ---- upload.c ------------------------------------------------------------------------------- */

typedef enum upload_kind { UPLOAD_ARTIFACT, UPLOAD_CACHE } upload_kind;

typedef struct block {
    str id;
    piece piece;
} block;

/* The file of the blocks that have a number; see places.c. */
typedef struct places {
    char *path;       /* NULL before the first block */
    uint64_t size;    /* of each place */
    uint8_t *given;   /* a bit for each number */
    unsigned writers; /* requests that write to a place */
} places;

/* Bytes that came with a Content-Range, from `from` up to but without `to`. */
typedef struct stretch {
    uint64_t from, to;
} stretch;

struct upload {
    upload *next;
    arena *a;
    char id[NAME_SIZE];
    uint32_t number; /* the id of the cache protocol v1 */
    upload_kind kind;
    job *job;          /* referenced */
    str name;          /* of the artifact, or the key */
    str version, type; /* of a cache; of an artifact */
    int64_t expires_us;
    unsigned refs;
    bool busy;    /* is being joined */
    bool dropped; /* goes with its last reference */

    block *blocks;
    size_t block_count, block_cap;
    uint64_t block_bytes;
    places places;
    stretch *stretches; /* of `ranged`, sorted, apart */
    size_t stretch_count, stretch_cap;
    char *ranged; /* the file of the stretches */

    bool committed;
    char *path; /* of the whole; NULL once it has been moved */
    uint64_t size;
    char digest[DIGEST_SIZE]; /* "": a cache that naming.c will hash */
    str *committed_ids;       /* the block list, so that the same one may come again */
    size_t committed_count;
    int64_t finished; /* its number in the store, once it is there */
};

/* All but upload_put_*, upload_commit_* and upload_release expect the lock to be held. */
upload *upload_new(service *s, job *j, upload_kind kind, str name, str version, err *e);
/* One of an open job with one more reference, or NULL. */
upload *upload_take(service *s, const job *j, str id);
upload *upload_take_number(service *s, const job *j, uint32_t number);
/* An unfinished or finished one, whichever job has begun it; NULL when there is none. */
upload *upload_of_artifact(service *s, str run, str name);
upload *upload_of_cache(service *s, str repository, str scope, str key, str version);
/* Nothing was sent yet. */
bool upload_is_fresh(const upload *u);
void upload_drop(service *s, upload *u);
void upload_drop_all(service *s, const job *j);

void upload_release(service *s, upload *u);
/* What makes a piece of so many bytes come too late or be too much. Expects the lock to be held. */
int upload_judge(const service *s, const upload *u, uint64_t more, err *e);
/* Takes over the file of the piece, also where it fails; `placed`: the place that it was written
 * to. A block of the same id is replaced. */
int upload_put_block(service *s, upload *u, str id, const piece *x, bool placed, err *e);
/* The whole in one piece. */
int upload_put_whole(service *s, upload *u, const char *path, uint64_t size,
                     const char digest[DIGEST_SIZE], err *e);
/* The file for stretches. */
int upload_ranged_file(service *s, upload *u, int *ret_fd, err *e);
int upload_put_stretch(service *s, upload *u, stretch x, err *e);
int upload_commit_blocks(service *s, upload *u, const str *ids, size_t count, err *e);
/* All stretches together must be `size` bytes from 0 on. */
int upload_commit_stretches(service *s, upload *u, uint64_t size, err *e);

/* ---- places.c ------------------------------------------------------------------------------- */

/* Opens the place of a block of that size. False: it has none, and needs a file of its own. */
bool place_open(service *s, upload *u, str id, uint64_t size, piece *ret, int *ret_fd);
/* The request that was to write there has ended without a block. */
void place_leave(service *s, upload *u, const piece *x);
/* Whether the file, cut to `size`, is what these pieces make together. */
bool places_are(const places *p, const piece *pieces, size_t count, uint64_t *ret_size);
/* A new file for what comes next. */
void places_reset(places *p);

/* ---- request.c ------------------------------------------------------------------------------ */

/* One request while it lasts. */
struct call {
    service *s;
    httpd_request *r;
    arena *a;
    job *job;       /* referenced; NULL for what everybody may ask */
    upload *upload; /* referenced; NULL for most */
    void (*end)(call *c);
    strbuf body;
    size_t body_max;
    int fd; /* a body goes to this file; -1: to `body` */
    char *path;
    piece place;    /* of a block; its path is NULL where it has a file of its own */
    int64_t offset; /* where the next piece goes; negative: at the end */
    uint64_t received, received_max;
    struct sha256 *hash; /* of what went to the file, where it is wanted */
};

extern const httpd_handler request_handler; /* its context is the service */

/* Collects the body in memory, and calls `end` with it. */
void call_collect(call *c, size_t max, void (*end)(call *c));
/* Writes the body to c->fd, and calls `end`. */
void call_store(call *c, uint64_t max, void (*end)(call *c));
void call_json(call *c, unsigned status, const value *body);
/* Appends an address under which whoever has it may read ("r") or write ("w") what `path` names,
 * until it expires or the job is closed. */
void signed_url(strbuf *out, const service *s, const job *j, const char *path, const char *may);

/* ---- routes --------------------------------------------------------------------------------- */

void twirp_begin(call *c, str rest);
void caches_v1_begin(call *c, str rest);
void azure_begin(call *c, str rest, bool may_write);
void identity_begin(call *c);            /* the token endpoint */
void identity_public(call *c, str rest); /* /.well-known/… */

/* ---- twirp.c -------------------------------------------------------------------------------- */

typedef enum twirp_code {
    TWIRP_OK,
    TWIRP_MALFORMED,
    TWIRP_INVALID,
    TWIRP_UNAUTHENTICATED,
    TWIRP_DENIED,
    TWIRP_NOT_FOUND,
    TWIRP_BAD_ROUTE,
    TWIRP_EXISTS,
    TWIRP_EXHAUSTED,
    TWIRP_PRECONDITION,
    TWIRP_INTERNAL,
    TWIRP_CODE_COUNT
} twirp_code;

/* What an error of ours is to a caller. */
twirp_code twirp_of(const err *e);
void twirp_error(call *c, twirp_code code, const char *message);
/* Fields by their snake_case names, which may come in lowerCamelCase too. Absent ones are empty.
 * False when there is something of another kind. */
bool twirp_text(const value *in, const char *name, str *ret);
/* An int64: a number or its digits; 0 when absent. */
bool twirp_number(const value *in, const char *name, uint64_t *ret);
const value *twirp_field(const value *in, const char *name);
/* "2026-01-31T10:00:00Z" with or without a fraction; false when it is no such time. */
bool parse_timestamp(str text, int64_t *ret_us);
void format_timestamp(arena *a, int64_t us, str *ret);

/* ---- artifacts.c, caches.c: all expect the lock to be held ----------------------------------- */

typedef twirp_code twirp_method(call *c, const value *in, value *out, err *e);
twirp_method artifact_create, artifact_finalize, artifact_list, artifact_url, artifact_delete;
twirp_method cache_create, cache_finalize, cache_url;

/* The finished artifact or the cache behind a signed address, opened. */
int artifact_open(service *s, const job *j, arena *a, str id, store_artifact *ret, int *ret_fd,
                  err *e);
int cache_open(service *s, const job *j, arena *a, str id, store_cache *ret, int *ret_fd, err *e);

/* Reserves a key for the job. ERR_INVALID: there is one already, or what is asked for is wrong
 * (*ret_exists tells). */
int cache_reserve(service *s, job *j, str key, str version, upload **ret, bool *ret_exists, err *e);
int cache_finish(service *s, upload *u, int64_t *ret_id, err *e);
/* The best entry for these keys. ERR_NOT_FOUND when there is none. */
int cache_lookup(service *s, const job *j, arena *a, const str *keys, size_t count, str version,
                 store_cache *ret, err *e);
/* Removes entries that are too old or too many, and blobs that no entry has. */
int cache_evict(service *s, err *e);
int cache_sweep(service *s, err *e);
char *cache_blob_path(const service *s, arena *a, str digest);
bool cache_blob_whole(const service *s, arena *a, const store_cache *row);
/* Removes artifacts whose time is over. */
int artifact_expire(service *s, err *e);

/* ---- naming.c ------------------------------------------------------------------------------- */

#define UNNAMED "new-" /* what the digest of a blob that was not hashed begins with */

/* Begins with what others have left unnamed. */
int naming_start(service *s, err *e);
/* There is an unnamed blob. Expects the lock to be held. */
void naming_wake(service *s);
/* Returns when the thread has ended; what it had no time for is left to the next process. */
void naming_stop(service *s);

/* ---- identity.c ----------------------------------------------------------------------------- */

/* The subject of a job's tokens. */
void identity_subject(strbuf *out, const actions_job *job);
void identity_free(struct identity *x);

/* ---- channel.c: frames of JSON between Slipway and the process ------------------------------- */

#define CHANNEL_FD   3
#define CHANNEL_MAX  (8u << 20)
#define SERVICE_NAME "slipway-services"

int channel_send(int fd, const value *message, err *e);
/* ERR_CANCELLED at the end of the stream. */
int channel_receive(int fd, arena *a, value *ret, err *e);

#endif
