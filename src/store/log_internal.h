/* log_internal.h: the parts of a log, as the files of this folder share them. Private.
 *
 *   log_record.c  one line
 *   log_index.c   where blocks begin and which steps they have lines of; its bytes on the disk
 *   log_open.c    handles: opening, repair, steps
 *   log_write.c   appending, the cap, syncing
 *   log_read.c    blocks, pages, following, export
 *   log_find.c    the first place of a text in bytes ─▶ log_search.c, the query over a log
 *   log_packed.c  the file of a packed log, made and read
 *
 * A block is LOG_BLOCK bytes and what the line needs that crosses this, so always whole lines. The
 * last one grows; all before are closed and never change. A packed log has a frame for each. */
#ifndef SLIPWAY_STORE_LOG_INTERNAL_H
#define SLIPWAY_STORE_LOG_INTERNAL_H

#include "store/logs.h"

#include <pthread.h>

#define LOG_BLOCK     (128u << 10)
#define LOG_BLOCK_MAX (LOG_BLOCK + LOG_RECORD_MAX)

/* ---- index ---------------------------------------------------------------------------------- */

/* The lines of one step in one block. */
typedef struct log_share {
    int32_t step;
    uint32_t lines;
    uint32_t first, last; /* lines of the block before these */
    int64_t first_us, last_us;
} log_share;

typedef struct log_block {
    uint64_t offset, line; /* bytes and lines of the log before it */
    uint32_t size, lines;
    size_t share, share_count; /* its part of the index's shares */
    uint64_t packed_at;        /* its frame; 0 and 0 when not packed */
    uint32_t packed_size;
} log_block;

typedef struct log_index {
    log_block *blocks;
    size_t count, cap;
    log_share *shares;
    size_t share_count, share_cap;
    log_step *steps; /* that of step n at n + 1; without lines: there is none */
    size_t step_count;
    uint64_t size, lines;
} log_index;

void index_done(log_index *x);
void index_add(log_index *x, int step, int64_t at_us, uint32_t size);
/* Forgets all blocks. */
void index_clear(log_index *x);
/* The share of a step in a block, or NULL. */
const log_share *index_share(const log_index *x, const log_block *b, int step);
/* The block with the line (lines before it; there must be one). */
size_t index_block_of_line(const log_index *x, uint64_t line);
size_t index_block_of_offset(const log_index *x, uint64_t offset);

#define INDEX_HEAD_SIZE 16

/* Appends the head, and a block with its shares. */
void index_write_head(strbuf *out);
void index_write_block(strbuf *out, const log_index *x, const log_block *b, uint64_t mark);
bool index_read_head(str *rest);
/* Takes a block off *rest and adds it; false when what comes is none, or does not follow on what
 * is there. */
bool index_read_block(str *rest, log_index *x, uint64_t *ret_mark);

/* What a block is known by: its last bytes. `bytes` is the end of it. */
#define INDEX_MARK_SIZE 256u
uint64_t index_mark(str bytes);

static inline void put_le(char *to, uint64_t n, unsigned size) {
    for (unsigned i = 0; i < size; i++)
        to[i] = (char)(n >> (8 * i));
}

static inline uint64_t get_le(const char *from, unsigned size) {
    uint64_t n = 0;
    for (unsigned i = 0; i < size; i++)
        n |= (uint64_t)(uint8_t)from[i] << (8 * i);
    return n;
}

/* ---- handles -------------------------------------------------------------------------------- */

struct job_log {
    char *path; /* of the file that is open */
    int fd;
    int64_t job;
    bool packed;
    pthread_mutex_t lock; /* guards the index: held to look and to add, never while reading */
    log_index index;

    /* The writer's. */
    atomic_bool writes;
    bool named; /* the folder knows the file even after a loss of power */
    atomic_bool cut;
    uint64_t max_bytes;
    strbuf pending; /* the beginning of a record */

    pthread_mutex_t sync_lock; /* guards what follows */
    int index_fd;              /* -1 until it is needed */
    size_t indexed;            /* blocks that are in the file */
    uint64_t index_size;
    uint64_t synced;
    bool sync_failed; /* the kernel tells once only, and takes the pages for written */
};

/* A handle for an open file. Takes over the descriptor. */
job_log *log_new(const char *path, int fd, int64_t job);
/* Reads records from the index's end up to the end of the file into the index; stops at what is no
 * record. With `strict`, also at one with a NUL, as a loss of power leaves them. */
int log_scan(job_log *l, bool strict, err *e);
int log_damaged(const job_log *l, const char *what, err *e);
/* Reads the index of a packed log from its open file. */
int packed_load(job_log *l, err *e);

/* Readers of blocks, one a call. */
typedef struct block_reader {
    job_log *l;
    char *bytes;  /* LOG_BLOCK_MAX and some more */
    char *packed; /* scratch */
    size_t packed_cap;
    void *zstd;
    log_block block; /* what was read */
    str text;
} block_reader;

void block_reader_init(block_reader *r, job_log *l);
void block_reader_done(block_reader *r);
#define _cleanup_block_reader_ __attribute__((cleanup(block_reader_done)))
/* Reads block `at` into the reader. 0: there is no such block; 1: done. Where the step is not
 * LOG_ANY_STEP and the block has no line of it, `text` is empty and nothing is read. */
int block_read(block_reader *r, size_t at, int step, err *e);

/* ---- finding -------------------------------------------------------------------------------- */

typedef struct finder {
    const uint8_t *needle; /* folded */
    size_t len;
    bool fold;
    size_t at[2]; /* the two rarest bytes of the needle */
    uint8_t byte[2], mask[2];
} finder;

/* `scratch` has needle.len bytes and lives as long. */
void finder_init(finder *f, str needle, bool exact, uint8_t *scratch);
/* The first place from `from` on, or hay.len. */
size_t finder_next(const finder *f, str hay, size_t from);

/* Copies without escape sequences; newlines stay. `out` has room for all; gives the length. */
size_t escapes_strip(str text, char *out);
/* The place in a text of what is at `at` in it without escape sequences. */
size_t escapes_place(str text, size_t at);

#endif
