/* azure.c: the part of Azure's blob service that @azure/storage-blob uses for block blobs.
 * https://learn.microsoft.com/en-us/rest/api/storageservices/put-block and its neighbours.
 *
 *   PUT ?comp=block&blockid=ID   a block; again: replaces it
 *   PUT ?comp=blocklist          puts the blob together
 *   PUT                          the whole blob, with x-ms-blob-type: BlockBlob
 *   GET, HEAD                    with Range or x-ms-range */
#include "actions/service.h"

#include "actions/blocklist.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION "2025-05-05"

/* ---- answers -------------------------------------------------------------------------------- */

static void add_common(call *c) {
    char id[NAME_SIZE];
    str asked = httpd_header(c->r, "x-ms-client-request-id");
    random_hex(16, id);
    httpd_add_header(c->r, "x-ms-request-id", str_from(id));
    httpd_add_header(c->r, "x-ms-version", STR(VERSION));
    if (asked.len && asked.len <= 128) httpd_add_header(c->r, "x-ms-client-request-id", asked);
}

static void blob_error(call *c, const err *e, const char *name, unsigned status) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    add_common(c);
    httpd_add_header(c->r, "x-ms-error-code", str_from(name));
    strbuf_addf(&text, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>",
                name);
    for (const char *at = e->message; *at; at++) {
        if (*at == '<' || *at == '>' || *at == '&')
            strbuf_addf(&text, "&#%d;", *at);
        else
            strbuf_addc(&text, *at);
    }
    strbuf_adds(&text, "</Message></Error>");
    httpd_answer(c->r, status, "application/xml", strbuf_str(&text));
}

static void blob_failed(call *c, const err *e) {
    if (e->code == ERR_NOT_FOUND)
        blob_error(c, e, "BlobNotFound", 404);
    else if (e->code == ERR_LIMIT)
        blob_error(c, e, "RequestBodyTooLarge", 413);
    else if (e->code == ERR_INVALID || e->code == ERR_UNSUPPORTED)
        blob_error(c, e, "InvalidBlockList", 400);
    else
        blob_error(c, e, "InternalError", 500);
}

static void blob_wrong(call *c, const char *name, const char *why) {
    err e = {0};
    err_set(&e, ERR_INVALID, "%s", why);
    blob_error(c, &e, name, 400);
}

static void add_times(call *c, const char *tag, int64_t us) {
    char text[64];
    struct tm t;
    time_t seconds = (time_t)(us / 1000000);
    gmtime_r(&seconds, &t);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    httpd_add_header(c->r, "Last-Modified", str_from(text));
    httpd_add_header(c->r, "ETag", arena_printf(c->a, "\"%s\"", tag));
}

static void created(call *c, const char *tag) {
    add_common(c);
    httpd_add_header(c->r, "x-ms-request-server-encrypted", STR("false"));
    if (tag) add_times(c, tag, now_seconds() * 1000000);
    httpd_answer(c->r, 201, NULL, STR_EMPTY);
}

/* ---- writing -------------------------------------------------------------------------------- */

static char *take_path(call *c) {
    char *path = c->path;
    c->path = NULL;
    close(c->fd);
    c->fd = -1;
    return path;
}

/* A body that is cut off ends without this call; one whose length was told is checked there. */
static void on_block(call *c) {
    str id;
    err e = {0};
    piece x = c->place;
    httpd_target_query(httpd_request_target(c->r), "blockid", &id);
    bool placed = x.path;
    if (!placed) x = (piece){take_path(c), 0, c->received};
    c->place.path = NULL;
    if (upload_put_block(c->s, c->upload, id, &x, placed, &e) < 0)
        blob_failed(c, &e);
    else
        created(c, NULL);
}

static void on_whole(call *c) {
    uint8_t bytes[32];
    char digest[DIGEST_SIZE];
    err e = {0};
    sha256_end(c->hash, bytes);
    c->hash = NULL;
    hex_encode(bytes, sizeof bytes, digest);
    if (upload_put_whole(c->s, c->upload, take_path(c), c->received, digest, &e) < 0)
        blob_failed(c, &e);
    else
        created(c, digest);
}

static void on_list(call *c) {
    str *ids;
    size_t count;
    err e = {0};
    if (blocklist_parse(c->a, strbuf_str(&c->body), &ids, &count, &e) < 0) {
        blob_error(c, &e, "InvalidXmlDocument", 400);
        return;
    }
    if (upload_commit_blocks(c->s, c->upload, ids, count, &e) < 0)
        blob_failed(c, &e);
    else
        created(c, c->upload->id);
}

static void begin_file(call *c, uint64_t max, bool hashed, void (*end)(call *c)) {
    err e = {0};
    if (staging_file(c->s, c->a, &c->path, &c->fd, &e) < 0) {
        c->path = NULL;
        blob_failed(c, &e);
        return;
    }
    if (hashed) c->hash = sha256_new();
    call_store(c, max, end);
}

static void begin_block(call *c, str id) {
    uint64_t most = c->s->limits.upload_bytes, size = httpd_body_size(c->r);
    if (most > BLOCK_BYTES_MAX) most = BLOCK_BYTES_MAX;
    if (size <= most && place_open(c->s, c->upload, id, size, &c->place, &c->fd)) {
        c->offset = (int64_t)c->place.at;
        call_store(c, size, on_block);
    } else {
        begin_file(c, most, false, on_block);
    }
}

static void begin_write(call *c) {
    const httpd_target *t = httpd_request_target(c->r);
    uint64_t most = c->s->limits.upload_bytes;
    str comp, id;
    bool parts = httpd_target_query(t, "comp", &comp);
    if (!str_is(httpd_method(c->r), "PUT")) {
        blob_wrong(c, "UnsupportedHttpVerb", "blobs are written by PUT");
    } else if (parts && str_is(comp, "blocklist")) {
        call_collect(c, BLOCKLIST_BYTES, on_list);
    } else if (parts && str_is(comp, "block")) {
        if (!httpd_target_query(t, "blockid", &id) || !block_id_ok(id))
            blob_wrong(c, "InvalidQueryParameterValue", "blockid is no base64 of 1 to 64 bytes");
        else
            begin_block(c, id);
    } else if (parts) {
        blob_wrong(c, "InvalidQueryParameterValue", "only blocks and lists of blocks are known");
    } else if (!str_eq_nocase(httpd_header(c->r, "x-ms-blob-type"), STR("BlockBlob"))) {
        blob_wrong(c, "InvalidBlobType", "only block blobs are known");
    } else {
        begin_file(c, most, true, on_whole);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct blob {
    int fd;
    uint64_t size;
    str type, name, digest;
    int64_t created_us;
} blob;

static int open_blob(call *c, str rest, blob *ret, err *e) {
    str kind, id;
    store_artifact artifact;
    store_cache cache;
    str_cut(rest, '/', &kind, &id);
    if (str_is(kind, "artifacts")) {
        int r = artifact_open(c->s, c->job, c->a, id, &artifact, &ret->fd, e);
        if (r < 0) return r;
        *ret = (blob){ret->fd,       (uint64_t)artifact.size, artifact.type,
                      artifact.name, artifact.digest,         artifact.created_us};
        return 0;
    }
    if (str_is(kind, "caches")) {
        int r = cache_open(c->s, c->job, c->a, id, &cache, &ret->fd, e);
        if (r < 0) return r;
        *ret = (blob){ret->fd,   (uint64_t)cache.size, STR("application/octet-stream"),
                      STR_EMPTY, cache.digest,         cache.created_us};
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "there is no such blob");
}

/* The toolkit names the file of an artifact that was not packed by this header. */
static void add_disposition(call *c, const blob *b) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    bool zip = str_eq_nocase(b->type, STR("application/zip"));
    if (!b->name.len) return;
    strbuf_adds(&text, "attachment; filename*=UTF-8''");
    for (size_t i = 0; i < b->name.len; i++)
        strbuf_addf(&text, "%%%02X", (unsigned char)b->name.ptr[i]);
    if (zip && !str_ends(b->name, STR(".zip"))) strbuf_adds(&text, ".zip");
    httpd_add_header(c->r, "Content-Disposition", strbuf_str(&text));
}

static void send_blob(call *c, const blob *b) {
    uint64_t from = 0, size = b->size;
    str range = httpd_header(c->r, "x-ms-range");
    if (!range.len) range = httpd_header(c->r, "Range");
    int found = range.len ? httpd_range(range, b->size, &from, &size) : 0;
    add_common(c);
    add_times(c, arena_cstr(c->a, b->digest), b->created_us);
    httpd_add_header(c->r, "x-ms-blob-type", STR("BlockBlob"));
    httpd_add_header(c->r, "Accept-Ranges", STR("bytes"));
    if (found < 0) {
        close(b->fd);
        httpd_add_header(c->r, "Content-Range",
                         arena_printf(c->a, "bytes */%llu", (unsigned long long)b->size));
        httpd_answer(c->r, 416, NULL, STR_EMPTY);
        return;
    }
    if (found > 0)
        httpd_add_header(c->r, "Content-Range",
                         arena_printf(c->a, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                      (unsigned long long)(from + size - 1),
                                      (unsigned long long)b->size));
    httpd_add_header(c->r, "Content-Type", b->type);
    add_disposition(c, b);
    httpd_answer_file(c->r, found > 0 ? 206 : 200, b->fd, from, size);
}

static void begin_read(call *c, str rest) {
    str method = httpd_method(c->r);
    blob b = {.fd = -1};
    err e = {0};
    if (!str_is(method, "GET") && !str_is(method, "HEAD")) {
        blob_wrong(c, "UnsupportedHttpVerb", "blobs are read by GET and HEAD");
        return;
    }
    pthread_mutex_lock(&c->s->lock);
    int r = open_blob(c, rest, &b, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (r < 0)
        blob_failed(c, &e);
    else
        send_blob(c, &b);
}

void azure_begin(call *c, str rest, bool may_write) {
    if (!may_write) {
        begin_read(c, rest);
        return;
    }
    err e = {0};
    str id = str_sub(rest, sizeof "uploads/" - 1, rest.len);
    pthread_mutex_lock(&c->s->lock);
    c->upload = upload_take(c->s, c->job, id);
    pthread_mutex_unlock(&c->s->lock);
    if (c->upload) {
        begin_write(c);
    } else {
        err_set(&e, ERR_NOT_FOUND, "there is no such upload");
        blob_failed(c, &e);
    }
}
