/* git_watch.h: what is at a git URL, what has changed there since, and a mirror of it. Private.
 *
 * What connects blocks and belongs in a child (child.h). A repository that is fetched from is
 * hostile: no hook and no setting of it is run, one protocol is spoken (to the address that
 * remote.h judged, following no redirect), and time and size are limited. */
#ifndef SLIPWAY_SERVER_GIT_WATCH_H
#define SLIPWAY_SERVER_GIT_WATCH_H

#include "base/git.h"
#include "server/remote.h"

#define GIT_REFS_MAX   100000
#define GIT_REFS_BYTES (32u << 20)
#define GIT_REF_MAX    1024                /* bytes of a name */
#define GIT_ASK_MS     60000               /* to list refs */
#define GIT_FETCH_MS   600000              /* to fetch, unless the source says */
#define GIT_MIRROR_MAX (UINT64_C(4) << 30) /* bytes of one fetch, unless the source says */
#define GIT_NO_COMMIT  "0000000000000000000000000000000000000000"

/* ---- refs (pure) --------------------------------------------------------------------------- */

typedef struct git_ref {
    str name, id;
} git_ref;

typedef struct git_refs {
    git_ref *items; /* branches and tags, sorted by name */
    size_t count;
    str default_branch; /* "main"; empty where it is not told */
} git_refs;

typedef struct git_change {
    str ref, before, after; /* zeros: it was not, or is no more */
} git_change;

/* Reads what `git ls-remote --symref` prints, or what git_refs_write wrote. Other refs than
 * branches and tags are passed over. ERR_INVALID, ERR_LIMIT. */
int git_refs_read(arena *a, str text, git_refs *ret, err *e);
/* "ID\tNAME" lines, to be kept until the next time. */
void git_refs_write(strbuf *out, const git_refs *refs);
/* What has to happen to `old` to become `now`: branches, then tags, by name. */
size_t git_refs_compare(arena *a, const git_refs *old, const git_refs *now, git_change **ret);
/* A name that git takes, of a branch or a tag (git check-ref-format). */
bool git_ref_is_valid(str name);

/* ---- asking and fetching (blocking) --------------------------------------------------------- */

typedef struct git_source {
    str url;
    remote_guard guard;
    str user, token; /* of a web URL; both may be empty. GitHub takes any user with a token */
    const char *ssh_key, *known_hosts; /* files; NULL: no key; a new host is believed and noted */
    unsigned timeout_ms;               /* of a fetch; 0: GIT_FETCH_MS */
    uint64_t max_bytes;                /* of a fetch; 0: GIT_MIRROR_MAX */
} git_source;

/* Errors: as of remote.h; ERR_FAILED with git's reason, from which the token is taken out;
 * ERR_TIMEOUT; ERR_LIMIT. */
int git_source_refs(arena *a, const git_source *s, git_refs *ret, err *e);

/* Makes `path` (a bare repository, made at first) have the branches and tags that are there, and
 * `also`: further refs of theirs, such as refs/pull/1/head. Limits the size of the files that this
 * process and its children write, for good: to be called in a process of its own. */
int git_source_mirror(arena *a, const git_source *s, const char *path, const str *also,
                      size_t also_count, err *e);

#endif
