#include "scan/objects.h"

#include "base/arena.h"
#include "base/library.h"

#include <git2.h>
#include <malloc.h>
#include <stdlib.h>

#define LARGE_SHARE    16 /* of what an object may have */
#define HEAP_BLOCK_MAX (32 << 20)
#define HEAP_KEPT      (256 << 20)
#define HEAP_STEP      (4 << 20)

#define GIT_FUNCTIONS(X)                                                                           \
    X(git_libgit2_init)                                                                            \
    X(git_libgit2_version)                                                                         \
    X(git_libgit2_opts)                                                                            \
    X(git_error_last)                                                                              \
    X(git_odb_open)                                                                                \
    X(git_odb_free)                                                                                \
    X(git_odb_exists_ext)                                                                          \
    X(git_odb_read)                                                                                \
    X(git_odb_read_header)                                                                         \
    X(git_odb_object_data)                                                                         \
    X(git_odb_object_size)                                                                         \
    X(git_odb_object_type)                                                                         \
    X(git_odb_object_free)

static struct {
    bool loaded, ready;
    GIT_FUNCTIONS(LIBRARY_POINTER)
} git;

struct objects {
    git_odb *odb;
    git_odb_object *held; /* the one whose bytes are lent */
    size_t last_size;
};

static const char *reason(void) {
    const git_error *why = git.git_error_last();
    return why && why->message ? why->message : "libgit2 does not say why";
}

/* What is used of libgit2 is the same in these: functions, git_oid of SHA-1, git_error, numbers of
 * options and kinds. Debian 12 has 1.5. */
#define MAJOR     1
#define MINOR_MIN 5
#define MINOR_MAX 9
static const char *const files[] = {"libgit2.so.1.5", "libgit2.so.1.9", "libgit2.so.1.8",
                                    "libgit2.so.1.7", "libgit2.so.1.6", NULL};

static int check_version(err *e) {
    int major = 0, minor = 0, revision = 0;
    git.git_libgit2_version(&major, &minor, &revision);
    if (major == MAJOR && minor >= MINOR_MIN && minor <= MINOR_MAX) return 0;
    return err_set(e, ERR_UNSUPPORTED,
                   "the history cannot be read by libgit2 %d.%d.%d: versions %d.%d to %d.%d are "
                   "known (Debian 12: libgit2-1.5)",
                   major, minor, revision, MAJOR, MINOR_MIN, MAJOR, MINOR_MAX);
}

int objects_load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(git, name)
    static const library_symbol symbols[] = {GIT_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    if (library_load(files, "libgit2-1.5", symbols, sizeof symbols / sizeof *symbols, &git.loaded,
                     e) < 0)
        return e->code;
    if (git.ready) return 0;
    if (check_version(e) < 0) return e->code;
    if (git.git_libgit2_init() < 0)
        return err_set(e, ERR_UNSUPPORTED, "libgit2 does not start: %s", reason());
    /* Every object is read once: nothing is kept, and no id is computed. */
    for (int t = GIT_OBJECT_COMMIT; t <= GIT_OBJECT_TAG; t++)
        git.git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, (git_object_t)t, (size_t)0);
    git.git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
    git.ready = true;
    return 0;
}

int objects_open(const char *folder, objects **ret, err *e) {
    git_odb *odb = NULL;
    /* Objects come and go: memory is not given back to the kernel, which would clear it each time.
     */
    mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    mallopt(M_TOP_PAD, HEAP_STEP);
    if (git.git_odb_open(&odb, folder) < 0)
        return err_set(e, ERR_FAILED, "the objects in '%s' cannot be opened: %s", folder, reason());
    *ret = mem_alloc(sizeof **ret);
    **ret = (objects){.odb = odb};
    return 0;
}

void objects_close(objects *o) {
    if (!o) return;
    if (o->held) git.git_odb_object_free(o->held);
    git.git_odb_free(o->odb);
    free(o);
}

static bool kind_of(git_object_t type, object_kind *ret) {
    static const git_object_t types[OBJECT_KIND_COUNT] = {
        [OBJECT_COMMIT] = GIT_OBJECT_COMMIT,
        [OBJECT_TREE] = GIT_OBJECT_TREE,
        [OBJECT_BLOB] = GIT_OBJECT_BLOB,
        [OBJECT_TAG] = GIT_OBJECT_TAG,
    };
    for (object_kind k = 0; k < OBJECT_KIND_COUNT; k++) {
        if (types[k] != type) continue;
        *ret = k;
        return true;
    }
    return false;
}

static int too_large(uint64_t max_bytes, err *e) {
    return err_set(e, ERR_LIMIT, "is larger than %llu MiB (--max-file-size)",
                   (unsigned long long)max_bytes >> 20);
}

static int refused(int code, err *e) {
    if (code == GIT_ENOTFOUND) return err_set(e, ERR_NOT_FOUND, "it is missing");
    return err_set(e, ERR_IO, "it cannot be read: %s", reason());
}

/* Of the object's header. */
static int check_size(objects *o, const git_oid *oid, uint64_t max_bytes, err *e) {
    git_object_t type;
    int r = git.git_odb_read_header(&o->last_size, &type, o->odb, oid);
    if (r < 0) return refused(r, e);
    return o->last_size <= max_bytes ? 0 : too_large(max_bytes, e);
}

int objects_read(objects *o, const uint8_t id[OBJECT_ID_BYTES], uint64_t max_bytes,
                 object_kind *ret_kind, str *ret, err *e) {
    const git_oid *oid = (const git_oid *)id;
    bool look_first = max_bytes && o->last_size > max_bytes / LARGE_SHARE;
    if (o->held) git.git_odb_object_free(o->held);
    o->held = NULL;
    if (look_first && check_size(o, oid, max_bytes, e) < 0) return e->code;
    int r = git.git_odb_read(&o->held, o->odb, oid);
    if (r < 0 && r != GIT_ENOTFOUND && max_bytes) { /* perhaps there was no memory for it */
        err why = {0};
        refused(r, e);
        if (check_size(o, oid, max_bytes, &why) == ERR_LIMIT) *e = why;
        return e->code;
    }
    if (r < 0) return refused(r, e);
    o->last_size = git.git_odb_object_size(o->held);
    if (max_bytes && o->last_size > max_bytes) return too_large(max_bytes, e);
    *ret = (str){git.git_odb_object_data(o->held), git.git_odb_object_size(o->held)};
    if (!ret->ptr) *ret = STR_EMPTY;
    return kind_of(git.git_odb_object_type(o->held), ret_kind)
               ? 0
               : err_set(e, ERR_IO, "it cannot be read: it is of no kind that git has");
}

bool objects_has(objects *o, const uint8_t id[OBJECT_ID_BYTES]) {
    return git.git_odb_exists_ext(o->odb, (const git_oid *)id, GIT_ODB_LOOKUP_NO_REFRESH) == 1;
}
