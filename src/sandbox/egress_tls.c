/* The server name in a ClientHello, which may be spread over several records. */
#include "sandbox/egress_parse.h"

#include <string.h>

/* A piece of a message that must not be read past its end. */
typedef struct piece {
    const uint8_t *at;
    size_t left;
} piece;

static bool take(piece *p, size_t n, piece *ret) {
    if (p->left < n) return false;
    *ret = (piece){p->at, n};
    p->at += n;
    p->left -= n;
    return true;
}

static bool number(piece *p, unsigned bytes, size_t *ret) {
    piece n;
    if (!take(p, bytes, &n)) return false;
    *ret = 0;
    for (unsigned i = 0; i < bytes; i++)
        *ret = *ret << 8 | n.at[i];
    return true;
}

/* A vector whose length stands before it in `bytes` bytes. */
static bool vector(piece *p, unsigned bytes, piece *ret) {
    size_t n;
    return number(p, bytes, &n) && take(p, n, ret);
}

static bool read_server_name(piece extension, char name[EGRESS_NAME_MAX + 1]) {
    piece list, host;
    size_t kind;
    egress_target t;
    if (!vector(&extension, 2, &list) || extension.left || !number(&list, 1, &kind) || kind != 0 ||
        !vector(&list, 2, &host) || list.left)
        return false;
    if (!egress_parse_host((str){(const char *)host.at, host.left}, &t) || !t.name[0]) return false;
    strcpy(name, t.name);
    return true;
}

static egress_parse read_extensions(piece all, char name[EGRESS_NAME_MAX + 1]) {
    bool seen = false;
    while (all.left) {
        size_t kind;
        piece extension;
        if (!number(&all, 2, &kind) || !vector(&all, 2, &extension)) return EGRESS_BAD;
        if (kind != 0) continue;
        if (seen || !read_server_name(extension, name)) return EGRESS_BAD;
        seen = true;
    }
    return EGRESS_WHOLE;
}

static egress_parse read_body(piece body, char name[EGRESS_NAME_MAX + 1]) {
    piece skipped, extensions;
    if (!take(&body, 2 + 32, &skipped) || !vector(&body, 1, &skipped) ||
        !vector(&body, 2, &skipped) || !vector(&body, 1, &skipped))
        return EGRESS_BAD;
    if (body.left == 0) return EGRESS_WHOLE; /* as very old clients */
    if (!vector(&body, 2, &extensions) || body.left) return EGRESS_BAD;
    return read_extensions(extensions, name);
}

/* Handshake bytes out of the records that have arrived. */
static egress_parse join_records(piece in, uint8_t *out, size_t *ret_size) {
    *ret_size = 0;
    while (in.left) {
        size_t kind, major, minor;
        piece head = in, body;
        if (!number(&head, 1, &kind)) return EGRESS_MORE;
        if (kind != 22) return EGRESS_BAD;
        if (!number(&head, 1, &major)) return EGRESS_MORE;
        if (major != 3) return EGRESS_BAD;
        size_t size;
        if (!number(&head, 1, &minor) || !number(&head, 2, &size)) return EGRESS_MORE;
        if (size == 0 || size > EGRESS_HELLO_MAX) return EGRESS_BAD;
        bool whole = take(&head, size, &body);
        if (!whole) body = head;
        if (*ret_size + body.left > EGRESS_HELLO_MAX + 4) return EGRESS_BAD;
        memcpy(out + *ret_size, body.at, body.left);
        *ret_size += body.left;
        if (*ret_size >= 4) {
            size_t wanted = 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);
            if (out[0] != 1 || wanted > EGRESS_HELLO_MAX) return EGRESS_BAD;
            if (*ret_size >= wanted) {
                *ret_size = wanted;
                return EGRESS_WHOLE;
            }
        }
        if (!whole) return EGRESS_MORE;
        in = head;
    }
    return EGRESS_MORE;
}

egress_parse egress_read_hello(str bytes, char name[EGRESS_NAME_MAX + 1]) {
    uint8_t message[EGRESS_HELLO_MAX + 8];
    size_t size;
    name[0] = '\0';
    if (bytes.len >= 1 && bytes.ptr[0] != 22) return EGRESS_OTHER;
    if (bytes.len >= 2 && bytes.ptr[1] != 3) return EGRESS_OTHER;
    egress_parse r = join_records((piece){(const uint8_t *)bytes.ptr, bytes.len}, message, &size);
    if (r != EGRESS_WHOLE) return r;
    return read_body((piece){message + 4, size - 4}, name);
}
