/* import.c: what is to be read is listed here, read and packed by children in a jail, and written
 * here. Work is handed out in batches, so that answers never take much memory. */
#include "scan/advisories/advisories.h"
#include "scan/advisories/feed.h"
#include "scan/advisories/zip.h"

#include "base/pool.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_BYTES     (64u << 20)
#define FILES_MAX       10000000u
#define ARCHIVE_MAX     (64ULL << 30) /* unpacked */
#define DEPTH_MAX       64
#define ITEM_TIMEOUT_MS 120000

/* A file in a folder, or in an archive. */
typedef struct input {
    str path;
    uint64_t size;
    zip_entry entry;
} input;

typedef struct input_list {
    arena *a;
    input *items;
    size_t count, cap;
} input_list;

/* What one descriptor gives. */
typedef struct origin {
    int fd; /* a folder, or an archive */
    bool is_zip;
    str name; /* for messages: of the folder, or of the archive */
    input_list inputs;
} origin;

typedef struct importer {
    arena *a;
    const advisories_import_options *options;
    osv_writer *writer;
    advisories_imported done;
    advisories_refused *refused;
    size_t refused_kept, refused_cap;
    size_t total; /* of inputs known so far */
} importer;

static int refuse(importer *im, str archive, str path, str why) {
    im->done.refused_count++;
    if (im->refused_kept == ADVISORIES_REFUSED_MAX) return 0;
    str where = archive.len ? arena_printf(im->a, "%.*s: %.*s", STR_ARG(archive), STR_ARG(path))
                            : arena_str(im->a, path);
    advisories_refused one = {where, arena_str(im->a, why)};
    ARENA_PUSH(im->a, im->refused, im->refused_kept, im->refused_cap, one);
    return 0;
}

/* ---- in a child ------------------------------------------------------------------------------ */

typedef struct batch {
    const origin *from;
    const input *items;
    strbuf body; /* of a child */
    importer *im;
    size_t before; /* inputs that other batches have done */
} batch;

static int read_file(int root, const char *path, strbuf *into, err *e) {
    _cleanup_close_ int fd = openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot be read");
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_INVALID, "is no file");
    for (size_t room = (size_t)st.st_size + 1;; room = 64 << 10) {
        if (into->len + room > FEED_BYTES_MAX)
            return err_set(e, ERR_LIMIT, "is larger than %u MiB", FEED_BYTES_MAX >> 20);
        strbuf_reserve(into, room);
        ssize_t n = read(fd, into->ptr + into->len, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot be read");
        if (n == 0) return 0;
        into->len += (size_t)n;
    }
}

static void work(void *context, size_t item, strbuf *out) {
    batch *b = context;
    const input *one = &b->items[item];
    err e = {0};
    strbuf_clear(&b->body);
    int r = b->from->is_zip ? zip_read(b->from->fd, &one->entry, RECORD_BYTES_MAX, &b->body, &e)
                            : read_file(b->from->fd, one->path.ptr, &b->body, &e);
    if (r == 0) {
        feed_read(strbuf_str(&b->body), out);
    } else {
        strbuf_addc(out, FEED_ERROR);
        strbuf_adds(out, e.message);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static int take_answer(importer *im, const batch *b, const pool_answer *answer, err *e) {
    const input *one = &b->items[answer->item];
    str archive = b->from->is_zip ? b->from->name : STR_EMPTY;
    feed_answer got;
    if (answer->died.len) return refuse(im, archive, one->path, answer->died);
    if (feed_answer_read(answer->said, &got, e) < 0) return e->code;
    switch (got.kind) {
    case FEED_RECORD: im->done.records++; return osv_add(im->writer, got.body, e);
    case FEED_KEV:
        im->done.kev = got.count;
        osv_set_kev(im->writer, got.rows, got.count, got.day_ms);
        return 0;
    case FEED_EPSS:
        im->done.epss = got.count;
        osv_set_epss(im->writer, got.rows, got.count, got.day_ms);
        return 0;
    case FEED_ERROR: return refuse(im, archive, one->path, got.body);
    }
    return 0;
}

static void tell_progress(void *context, size_t done) {
    const batch *b = context;
    const advisories_import_options *o = b->im->options;
    if (o->progress) o->progress(o->context, b->before + done, b->im->total);
}

static int run_batch(importer *im, const origin *from, size_t first, size_t count, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    batch b = {.from = from,
               .items = from->inputs.items + first,
               .body = STRBUF_INIT,
               .im = im,
               .before = im->done.file_count};
    pool_work w = {.count = count,
                   .jobs = im->options->jobs,
                   .tree = from->is_zip ? -1 : from->fd,
                   .kept = &from->fd,
                   .kept_count = 1,
                   .item_timeout_ms = ITEM_TIMEOUT_MS,
                   .context = &b,
                   .work = work,
                   .progress = tell_progress};
    pool_answer *answers;
    size_t answer_count;
    if (pool_run(a, &w, &answers, &answer_count, e) < 0) return e->code;
    for (size_t i = 0; i < answer_count; i++) {
        if (take_answer(im, &b, &answers[i], e) < 0) return e->code;
    }
    im->done.file_count += count;
    return 0;
}

static int run_origin(importer *im, const origin *from, err *e) {
    const input_list *all = &from->inputs;
    im->total = im->done.file_count + all->count;
    for (size_t first = 0; first < all->count;) {
        uint64_t bytes = 0;
        size_t count = 0;
        while (first + count < all->count && (count == 0 || bytes < BATCH_BYTES))
            bytes += all->items[first + count++].size;
        if (run_batch(im, from, first, count, e) < 0) return e->code;
        first += count;
    }
    return 0;
}

/* ---- archives -------------------------------------------------------------------------------- */

typedef struct listing {
    int fd;
    strbuf *out;
} listing;

static bool list_entry(void *context, str name, const zip_entry *entry) {
    listing *l = context;
    if (!str_ends(name, STR(".json"))) return true;
    uint64_t length = name.len;
    strbuf_add(l->out, (str){(const char *)&length, sizeof length});
    strbuf_add(l->out, (str){(const char *)entry, sizeof *entry});
    strbuf_add(l->out, name);
    return true;
}

/* In a child: 'L' and the entries, or an error as of a file. */
static void list_work(void *context, size_t item, strbuf *out) {
    (void)item;
    listing l = {.fd = *(const int *)context, .out = out};
    err e = {0};
    strbuf_addc(out, 'L');
    if (zip_list(l.fd, list_entry, &l, &e) == 0) return;
    strbuf_clear(out);
    strbuf_addc(out, FEED_ERROR);
    strbuf_adds(out, e.message);
}

/* NULL, or why the archive is refused. */
static const char *take_listing(origin *to, str said) {
    static const char unreadable[] = "its list of files cannot be read";
    uint64_t bytes = 0;
    if (!said.len || *said.ptr != 'L') return unreadable;
    for (said = str_sub(said, 1, said.len); said.len;) {
        input one = {0};
        uint64_t length;
        const size_t fixed = sizeof length + sizeof one.entry;
        if (said.len < fixed) return unreadable;
        memcpy(&length, said.ptr, sizeof length);
        memcpy(&one.entry, said.ptr + sizeof length, sizeof one.entry);
        if (length > said.len - fixed) return unreadable;
        one.path = arena_str(to->inputs.a, str_sub(said, fixed, fixed + length));
        /* A larger one is refused before it is unpacked. */
        one.size = one.entry.size > RECORD_BYTES_MAX ? 0 : one.entry.size;
        said = str_sub(said, fixed + length, said.len);
        if ((bytes += one.size) > ARCHIVE_MAX) return "unpacks to more than 64 GiB";
        if (to->inputs.count == FILES_MAX) return "has more than 10000000 files";
        ARENA_PUSH(to->inputs.a, to->inputs.items, to->inputs.count, to->inputs.cap, one);
    }
    return NULL;
}

static int import_zip(importer *im, int dir, str path, str name, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int fd = openat(dir, path.ptr, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return refuse(im, STR_EMPTY, name, str_from(strerror(errno)));
    origin from = {.fd = fd, .is_zip = true, .name = name, .inputs = {.a = a}};
    pool_work w = {.count = 1,
                   .jobs = 1,
                   .tree = -1,
                   .kept = &from.fd,
                   .kept_count = 1,
                   .item_timeout_ms = ITEM_TIMEOUT_MS,
                   .context = &from.fd,
                   .work = list_work};
    pool_answer *answers;
    size_t count;
    if (pool_run(a, &w, &answers, &count, e) < 0) return e->code;
    if (count && answers[0].died.len) return refuse(im, STR_EMPTY, name, answers[0].died);
    str said = count ? answers[0].said : STR_EMPTY;
    if (said.len && *said.ptr == FEED_ERROR)
        return refuse(im, STR_EMPTY, name, str_sub(said, 1, said.len));
    const char *why = take_listing(&from, said);
    if (why) return refuse(im, STR_EMPTY, name, str_from(why));
    return run_origin(im, &from, e);
}

/* ---- folders --------------------------------------------------------------------------------- */

static bool is_zip_file(int dir, const char *path) {
    _cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    char head[4];
    return fd >= 0 && pread(fd, head, sizeof head, 0) == sizeof head &&
           memcmp(head, "PK", 2) == 0 &&
           (memcmp(head + 2, "\3\4", 2) == 0 || memcmp(head + 2, "\5\6", 2) == 0);
}

static bool is_wanted(str name) {
    return str_ends(name, STR(".json")) || str_ends(name, STR(".zip")) ||
           str_ends(name, STR(".csv")) || str_ends(name, STR(".gz"));
}

static int add_input(input_list *list, str path, uint64_t size, err *e) {
    if (list->count == FILES_MAX)
        return err_set(e, ERR_LIMIT, "there are more than %u files", FILES_MAX);
    input one = {.path = arena_str(list->a, path), .size = size};
    ARENA_PUSH(list->a, list->items, list->count, list->cap, one);
    return 0;
}

static int walk(importer *im, const origin *from, str at, unsigned depth, input_list *files,
                err *e) {
    int fd =
        openat(from->fd, at.len ? at.ptr : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return refuse(im, from->name, at, str_from(strerror(errno)));
    DIR *dir = fdopendir(fd);
    if (!dir) oom();
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
        struct stat st;
        str name = str_from(entry->d_name);
        if (*name.ptr == '.') continue;
        if (entry->d_type == DT_REG && !is_wanted(name)) continue;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        str path = at.len ? arena_printf(files->a, "%s/%s", at.ptr, entry->d_name) : name;
        if (S_ISDIR(st.st_mode) && depth == DEPTH_MAX)
            refuse(im, from->name, path, STR("is more than 64 folders deep"));
        else if (S_ISDIR(st.st_mode))
            r = walk(im, from, arena_str(files->a, path), depth + 1, files, e);
        else if (S_ISREG(st.st_mode) && is_wanted(name))
            r = add_input(files, path, (uint64_t)st.st_size, e);
    }
    closedir(dir);
    return r;
}

static int cmp_inputs(const void *left, const void *right) {
    return str_cmp(((const input *)left)->path, ((const input *)right)->path);
}

/* Archives have their own descriptor, the rest is read from the folder's. */
static int import_files(importer *im, origin *from, input_list *files, err *e) {
    if (files->count) qsort(files->items, files->count, sizeof *files->items, cmp_inputs);
    from->inputs = (input_list){.a = files->a};
    for (size_t i = 0; i < files->count; i++) {
        const input *one = &files->items[i];
        bool maybe = !str_ends(one->path, STR(".json"));
        if (!maybe || !is_zip_file(from->fd, one->path.ptr)) {
            ARENA_PUSH(files->a, from->inputs.items, from->inputs.count, from->inputs.cap, *one);
            continue;
        }
        str name = arena_printf(files->a, "%.*s/%.*s", STR_ARG(from->name), STR_ARG(one->path));
        if (import_zip(im, from->fd, one->path, name, e) < 0) return e->code;
    }
    return run_origin(im, from, e);
}

static int import_dir(importer *im, const char *path, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    origin from = {.fd = fd, .name = str_from(path)};
    input_list files = {.a = a};
    if (walk(im, &from, STR_EMPTY, 0, &files, e) < 0) return e->code;
    if (!files.count)
        return err_set(e, ERR_NOT_FOUND, "%s has no .json, .zip, .csv or .gz files", path);
    return import_files(im, &from, &files, e);
}

/* ---- all ------------------------------------------------------------------------------------- */

static str dir_of(arena *a, str path) {
    ptrdiff_t slash = str_rfind_char(path, '/');
    if (slash == 0) return STR("/");
    return slash < 0 ? STR(".") : arena_str(a, str_sub(path, 0, (size_t)slash));
}

/* Files that are named one after another and lie in one folder are read together. */
static int import_named(importer *im, const char *const *paths, size_t count, size_t *ret_taken,
                        err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str dir = dir_of(a, str_from(paths[0]));
    _cleanup_close_ int fd = open(dir.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    origin from = {.fd = fd, .name = dir};
    input_list files = {.a = a};
    for (*ret_taken = 0; *ret_taken < count; ++*ret_taken) {
        const char *path = paths[*ret_taken];
        struct stat st;
        if (stat(path, &st) < 0) {
            err_sys(e, errno, "cannot open %s", path);
            return e->code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        }
        if (S_ISDIR(st.st_mode) || !str_eq(dir_of(a, str_from(path)), dir)) break;
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        if (add_input(&files, str_from(name), (uint64_t)st.st_size, e) < 0) return e->code;
    }
    return import_files(im, &from, &files, e);
}

static int import_all(importer *im, const char *const *paths, size_t count, err *e) {
    for (size_t i = 0, taken = 1; i < count; i += taken, taken = 1) {
        int r = fs_is_dir(paths[i]) ? import_dir(im, paths[i], e)
                                    : import_named(im, paths + i, count - i, &taken, e);
        if (r < 0) return r;
    }
    const advisories_imported *d = &im->done;
    if (d->records || d->kev || d->epss) return 0;
    if (d->refused_count)
        return err_set(e, ERR_INVALID, "nothing was imported: %.*s: %.*s",
                       STR_ARG(im->refused[0].path), STR_ARG(im->refused[0].message));
    return err_set(e, ERR_NOT_FOUND, "there are no advisories to import");
}

int advisories_import(arena *a, const char *dir, const char *const *paths, size_t count,
                      const advisories_import_options *options, advisories_imported *ret, err *e) {
    importer im = {.a = a, .options = options};
    if (osv_begin(dir, &im.writer, &im.done.was_damaged, e) < 0) return e->code;
    int r = import_all(&im, paths, count, e);
    if (r == 0) r = osv_commit(im.writer, options->now_ms, e);
    osv_writer_free(im.writer);
    if (r < 0) return r;
    im.done.refused = im.refused;
    *ret = im.done;
    return 0;
}

int advisories_dir(arena *a, const char *given, char **ret, err *e) {
    const char *own = getenv("SLIPWAY_ADVISORIES"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (!given || !*given) given = own;
    if (given && *given)
        *ret = arena_cstr(a, str_from(given));
    else if (data && *data == '/') /* the XDG specification has relative ones ignored */
        *ret = fs_join(a, data, STR("slipway/advisories"));
    else if (home && *home)
        *ret = fs_join(a, home, STR(".local/share/slipway/advisories"));
    else
        return err_set(e, ERR_NOT_FOUND,
                       "nothing says where advisories are: give --advisories DIR, or set HOME");
    return 0;
}
