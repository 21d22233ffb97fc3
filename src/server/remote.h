/* remote.h: what the server may connect to on behalf of a repository: git URLs and the API of its
 * forge. Private.
 *
 * Whoever may edit a repository's settings, or send a webhook, chooses these URLs; the server
 * stands in a network that they may not see. So a host is resolved here, its address is judged, and
 * the connection is pinned to the address that was judged: a second look at DNS could give another.
 * Refused are loopback, link-local, metadata and private addresses and those of this machine,
 * unless the repository's setting names them. */
#ifndef SLIPWAY_SERVER_REMOTE_H
#define SLIPWAY_SERVER_REMOTE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/net_address.h"

#define REMOTE_URL_MAX     2048
#define REMOTE_ALLOWED_MAX 100

typedef enum remote_scheme {
    REMOTE_HTTPS,
    REMOTE_HTTP,
    REMOTE_SSH, /* ssh:// and user@host:path */
    REMOTE_GIT,
    REMOTE_FILE, /* file:// and an absolute path */
    REMOTE_SCHEME_COUNT
} remote_scheme;

typedef struct remote_url {
    remote_scheme scheme;
    str text;       /* the whole, as git takes it; holds no secret */
    str user, host; /* host: without brackets; empty for files */
    uint16_t port;
    str path;
} remote_url;

/* Takes a URL apart. ERR_INVALID says what is wrong and never shows what may be a secret: other
 * schemes (git's `ext::` and other helpers among them), a user or password in a web URL, options
 * (what begins with '-'), control characters and white space, no host or path. ERR_LIMIT. */
int remote_parse(arena *a, str text, remote_url *ret, err *e);

/* A repository's setting. Each word of `allowed` is a range of addresses ("10.0.0.0/8"), an
 * address, or a host name whose addresses are not judged. */
typedef struct remote_guard {
    const str *allowed;
    size_t allowed_count;
    bool allow_http; /* plain http:// and git:// to addresses that are not in the list */
    bool allow_file;
} remote_guard;
/* ERR_INVALID for a word that is none of these. */
int remote_guard_check(const remote_guard *g, err *e);

/* Whether the host may be reached at this address. Pure. ERR_INVALID says what it is and what to
 * set. */
int remote_judge(const remote_guard *g, const remote_url *u, const net_address *x, err *e);

/* Resolves the host and gives the first address that may be reached. Blocks, so it belongs in a
 * child. Errors: ERR_NOT_FOUND, and as of remote_judge. A file has no address. */
int remote_resolve(const remote_guard *g, const remote_url *u, net_address *ret, err *e);
/* "HOST:PORT:ADDRESS", by which libcurl, and so git, is pinned; NULL for a host that is an address
 * itself. */
const char *remote_pin(arena *a, const remote_url *u, const net_address *x);

#endif
