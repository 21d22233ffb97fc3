/* log_packed.c: the file of a packed log.
 *
 *   a zstd frame for each block, with its checksum
 *   a skippable frame (magic 0x184D2A5D): the index, as log_index.c writes it
 *   a skippable frame (magic 0x184D2A5E): the seek table
 *
 * The seek table is that of the zstd seekable format 0.1.0 (facebook/zstd,
 * contrib/seekable_format/zstd_seekable_compression_format.md): for each frame its compressed and
 * its decompressed size (4 bytes each, little-endian), then the count of frames (4), a descriptor
 * (1; bit 7: there are checksums, which we do not need) and 0x8F92EAB1. The frame of the index is
 * its last row, with nothing decompressed, so the sizes lead to the table itself. */
#include "store/log_internal.h"

#include "base/fs.h"
#include "store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SKIP_INDEX  0x184D2A5Du
#define SKIP_TABLE  0x184D2A5Eu
#define TABLE_MAGIC 0x8F92EAB1u
#define SKIP_HEAD   8
#define ROW_SIZE    8
#define FOOT_SIZE   9
#define HAS_SUMS    0x80
#define RESERVED    0x7c
#define FRAMES_MAX  (2 * LOG_BYTES_MAX / LOG_BLOCK)
#define INDEX_MAX   (512u << 20)
#define LEVEL       3

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct packed {
    job_log *l;
    uint64_t size; /* of the file */
    arena *a;
    str rows; /* of the seek table */
    uint64_t table_at;
} packed;

static int read_part(const packed *p, uint64_t at, uint64_t size, char **ret, err *e) {
    *ret = arena_alloc(p->a, size + 1);
    if (durable_read(p->l->fd, *ret, size, at) == 0) return 0;
    if (!errno) return log_damaged(p->l, "it is shorter than it was", e);
    return err_sys(e, errno, "cannot read the log '%s'", p->l->path);
}

static int read_table(packed *p, err *e) {
    char *foot, *table;
    static const char none[] = "it has no seek table at its end";
    if (p->size < SKIP_HEAD + FOOT_SIZE) return log_damaged(p->l, none, e);
    int r = read_part(p, p->size - FOOT_SIZE, FOOT_SIZE, &foot, e);
    if (r < 0) return r;
    uint64_t count = get_le(foot, 4), all = SKIP_HEAD + count * ROW_SIZE + FOOT_SIZE;
    if (get_le(foot + 5, 4) != TABLE_MAGIC || foot[4] & (HAS_SUMS | RESERVED) || !count ||
        count > FRAMES_MAX || all > p->size)
        return log_damaged(p->l, none, e);
    p->table_at = p->size - all;
    r = read_part(p, p->table_at, all, &table, e);
    if (r < 0) return r;
    if (get_le(table, 4) != SKIP_TABLE || get_le(table + 4, 4) != all - SKIP_HEAD)
        return log_damaged(p->l, none, e);
    p->rows = (str){table + SKIP_HEAD, count * ROW_SIZE};
    return 0;
}

/* Each block is the frame of its row. */
static int read_index(packed *p, uint64_t at, uint64_t size, err *e) {
    log_index *x = &p->l->index;
    static const char bad[] = "its index does not fit its frames";
    char *bytes;
    uint64_t mark, frame_at = 0;
    if (size < SKIP_HEAD || size > INDEX_MAX) return log_damaged(p->l, bad, e);
    int r = read_part(p, at, size, &bytes, e);
    if (r < 0) return r;
    str rest = {bytes + SKIP_HEAD, size - SKIP_HEAD};
    if (get_le(bytes, 4) != SKIP_INDEX || get_le(bytes + 4, 4) != rest.len ||
        !index_read_head(&rest))
        return log_damaged(p->l, bad, e);
    for (const char *row = p->rows.ptr; index_read_block(&rest, x, &mark); row += ROW_SIZE) {
        log_block *b = &x->blocks[x->count - 1];
        if (x->count * ROW_SIZE >= p->rows.len || get_le(row + 4, 4) != b->size)
            return log_damaged(p->l, bad, e);
        b->packed_at = frame_at;
        b->packed_size = (uint32_t)get_le(row, 4);
        frame_at += b->packed_size;
    }
    return rest.len || (x->count + 1) * ROW_SIZE != p->rows.len ? log_damaged(p->l, bad, e) : 0;
}

int packed_load(job_log *l, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    packed p = {.l = l, .a = a};
    struct stat st;
    if (fstat(l->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_sys(e, errno, "cannot read the log '%s'", l->path);
    p.size = (uint64_t)st.st_size;
    int r = read_table(&p, e);
    if (r < 0) return r;
    uint64_t at = 0;
    for (size_t i = 0; i < p.rows.len; i += ROW_SIZE)
        at += get_le(p.rows.ptr + i, 4);
    if (at != p.table_at) return log_damaged(l, "its frames are not as long as its table says", e);
    uint64_t size = get_le(p.rows.ptr + p.rows.len - ROW_SIZE, 4);
    return read_index(&p, at - size, size, e);
}

/* ---- packing -------------------------------------------------------------------------------- */

typedef struct packing {
    job_log *l;
    const char *path; /* of the new file */
    int fd;
    uint64_t size;
    ZSTD_CCtx *zstd;
    strbuf rows, index, frame;
} packing;

static int add(packing *p, str bytes, err *e) {
    if (durable_write(p->fd, bytes, p->size) < 0)
        return err_sys(e, errno, "cannot write '%s'", p->path);
    p->size += bytes.len;
    return 0;
}

static void add_le(strbuf *out, uint64_t n, unsigned size) {
    char bytes[8];
    put_le(bytes, n, size);
    strbuf_add(out, (str){bytes, size});
}

static void add_row(packing *p, size_t packed_size, size_t size) {
    add_le(&p->rows, packed_size, 4);
    add_le(&p->rows, size, 4);
}

static int pack_block(packing *p, const block_reader *r, err *e) {
    strbuf_clear(&p->frame);
    strbuf_reserve(&p->frame, ZSTD_compressBound(r->text.len));
    size_t n = ZSTD_compress2(p->zstd, p->frame.ptr, ZSTD_compressBound(r->text.len), r->text.ptr,
                              r->text.len);
    if (ZSTD_isError(n))
        return err_set(e, ERR_FAILED, "cannot compress the log '%s': %s", p->l->path,
                       ZSTD_getErrorName(n));
    add_row(p, n, r->text.len);
    index_write_block(&p->index, &p->l->index, &r->block, index_mark(r->text));
    return add(p, (str){p->frame.ptr, n}, e);
}

static int pack_blocks(packing *p, err *e) {
    _cleanup_block_reader_ block_reader reader;
    block_reader_init(&reader, p->l);
    int r = 1;
    index_write_head(&p->index);
    for (size_t at = 0; r > 0; at++) {
        r = block_read(&reader, at, LOG_ANY_STEP, e);
        if (r > 0 && pack_block(p, &reader, e) < 0) r = ERR_IO;
    }
    return r;
}

static int add_skippable(packing *p, uint32_t magic, str content, err *e) {
    strbuf_clear(&p->frame);
    add_le(&p->frame, magic, 4);
    add_le(&p->frame, content.len, 4);
    strbuf_add(&p->frame, content);
    return add(p, strbuf_str(&p->frame), e);
}

static int pack_rest(packing *p, err *e) {
    if (p->index.len > INDEX_MAX - SKIP_HEAD)
        return err_set(e, ERR_LIMIT, "the index of the log '%s' has more than %u bytes", p->l->path,
                       INDEX_MAX);
    add_row(p, SKIP_HEAD + p->index.len, 0);
    int r = add_skippable(p, SKIP_INDEX, strbuf_str(&p->index), e);
    if (r < 0) return r;
    add_le(&p->rows, p->rows.len / ROW_SIZE, 4);
    add_le(&p->rows, 0, 1);
    add_le(&p->rows, TABLE_MAGIC, 4);
    r = add_skippable(p, SKIP_TABLE, strbuf_str(&p->rows), e);
    if (r == 0 && fsync(p->fd) < 0) r = err_sys(e, errno, "cannot sync '%s'", p->path);
    return r;
}

static int pack_into(packing *p, err *e) {
    p->zstd = ZSTD_createCCtx();
    if (!p->zstd) oom();
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
    int r = pack_blocks(p, e);
    if (r == 0) r = pack_rest(p, e);
    ZSTD_freeCCtx(p->zstd);
    strbuf_done(&p->rows);
    strbuf_done(&p->index);
    strbuf_done(&p->frame);
    return r;
}

/* What a packing that was killed has left has the same name, and is written over. */
static int pack_open_log(arena *a, const char *dir, job_log *l, err *e) {
    char *new = log_path(a, dir, l->job, ".log.zst.tmp");
    char *whole = log_path(a, dir, l->job, ".log.zst");
    if (flock(l->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_INVALID, "the log '%s' is still being written", l->path);
    _cleanup_close_ int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return err_sys(e, errno, "cannot write '%s'", new);
    packing p = {.l = l, .path = new, .fd = fd};
    int r = pack_into(&p, e);
    if (r == 0) r = durable_rename(new, whole, e);
    if (r < 0) unlink(new);
    return r;
}

static void remove_unpacked(arena *a, const char *dir, int64_t job) {
    unlink(log_path(a, dir, job, ".log"));
    unlink(log_path(a, dir, job, ".log.idx"));
}

int log_pack(const char *dir, int64_t job, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_log_ job_log *l = NULL;
    int r = log_open(dir, job, &l, e);
    if (r == 0 && !l->packed) r = pack_open_log(a, dir, l, e);
    if (r == 0) remove_unpacked(a, dir, job);
    return r;
}
