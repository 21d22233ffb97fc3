/* logs.h: the log of an attempt of a job, as a file.
 *
 * While the job runs its records are appended to DIR/AB/JOB.log (AB: the low byte of the job's
 * number in hex). A record is one line, "STEP AT_US KIND TEXT\n"; the file is nothing but records.
 * Beside it JOB.log.idx tells where each block of some 128 KiB of whole lines begins and which
 * steps it has lines of; it is only a shortcut, and is made anew when it is missing or does not
 * fit. When the job has ended, log_pack makes both into JOB.log.zst: a zstd frame for each block,
 * the index and a seek table (the "zstd seekable format", version 0.1.0) in skippable frames, so
 * that `zstd -dc` gives the file as it was.
 *
 * Threads. A handle has one writer at a time (the caller locks) and any number of readers in other
 * threads meanwhile, who need no lock: what was appended is shown to them after it is in the file,
 * whole lines only. log_sync may be called by any thread. The handle must outlive them all.
 *
 * Lines are numbered from 1, in the whole log and within a step. Times are microseconds since 1970.
 * Text that is returned is in the arena given. Errors: ERR_IO where the system refused, ERR_INVALID
 * for a damaged file, and what is said below. */
#ifndef SLIPWAY_STORE_LOGS_H
#define SLIPWAY_STORE_LOGS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdatomic.h>

#define LOG_TEXT_MAX      65536u              /* bytes of a record's text */
#define LOG_RECORD_MAX    (LOG_TEXT_MAX + 64) /* bytes of a record with its newline */
#define LOG_STEP_NONE     (-1)                /* the step of what the job itself says */
#define LOG_STEP_MAX      9999
#define LOG_AT_MAX        9999999999999999LL /* the year 2286 */
#define LOG_KINDS         "odnwecgG"         /* see log_kind_name */
#define LOG_BYTES_DEFAULT (1ULL << 30)       /* of one log */
#define LOG_BYTES_MAX     (16ULL << 30)
#define LOG_LINES_MAX     10000u     /* of one page */
#define LOG_PAGE_BYTES    (4u << 20) /* of one page, where the caller sets no other budget */
#define LOG_QUERY_MAX     1024u      /* bytes of what is searched for */
#define LOG_MATCHES_MAX   1000u      /* of one page */

/* ---- records -------------------------------------------------------------------------------- */

typedef struct log_line {
    uint64_t number;  /* in the log */
    uint64_t of_step; /* in its step; 0 where the reader did not ask for one step */
    int step;         /* LOG_STEP_NONE to LOG_STEP_MAX */
    char kind;        /* one of LOG_KINDS */
    int64_t at_us;
    str text;
} log_line;

/* Reads a record without its newline; `number` and `of_step` are left alone. False when it is none.
 * The text is borrowed. */
bool log_record_parse(str record, log_line *ret);
/* Appends a record with its newline. The text must have no newline and at most LOG_TEXT_MAX. */
void log_record_write(strbuf *out, int step, int64_t at_us, char kind, str text);
/* "plain", "debug", "notice", "warning", "error", "command", "group", "endgroup"; NULL for none. */
const char *log_kind_name(char kind);

/* ---- handles -------------------------------------------------------------------------------- */

typedef struct job_log job_log;

/* Opens a log for appending, making it where there is none. A tail that a loss of power has left
 * torn is cut off: the sender goes on from log_size. `max_bytes` 0: LOG_BYTES_DEFAULT. ERR_INVALID
 * when another handle writes it or it is packed already. */
int log_open_writer(const char *dir, int64_t job, uint64_t max_bytes, job_log **ret, err *e);
/* Opens a log for reading, packed or not, as far as it goes now; changes nothing on the disk.
 * ERR_NOT_FOUND when there is none. */
int log_open(const char *dir, int64_t job, job_log **ret, err *e);
/* NULL is allowed. */
void log_close(job_log *l);

/* Bytes and lines that readers see. */
uint64_t log_size(job_log *l);
uint64_t log_lines(job_log *l);
bool log_is_packed(const job_log *l);

typedef struct log_step {
    int step;
    uint64_t lines;
    uint64_t first, last; /* numbers of lines in the log; those of other steps may lie between */
    int64_t first_us, last_us;
} log_step;

/* The steps that have lines, by number. */
void log_steps(job_log *l, arena *a, log_step **ret, size_t *ret_count);

/* ---- writing -------------------------------------------------------------------------------- */

/* Appends bytes of the sender's stream, which begin at `offset` of it. What comes before the end is
 * dropped, so that sending again is harmless. The bytes may end within a record: its beginning is
 * kept in memory until the rest comes. A NUL is kept as SUBSTITUTE (0x1a). *ret_size, also where it
 * fails, is the end of what was taken, from which the sender goes on. Errors: ERR_INVALID for a
 * gap, or a line that is no record; ERR_LIMIT for a record that is too long; ERR_IO, for a full
 * disk too.
 *
 * When a log comes to its cap, a last line says so, and what follows is taken and dropped. */
int log_append(job_log *l, uint64_t offset, str bytes, uint64_t *ret_size, err *e);
bool log_is_cut(const job_log *l);
/* Puts on the disk what readers see. *ret_size (may be NULL): the bytes of the stream that no loss
 * of power takes away any more, which is what a sender may be told to forget; UINT64_MAX once the
 * log is cut, as nothing more is wanted. Where it has failed once, it fails until the log is opened
 * anew. */
int log_sync(job_log *l, uint64_t *ret_size, err *e);
/* Nothing more is appended: syncs, and lets others write or pack it. The beginning of a record that
 * still waits for its rest is dropped. Readers go on. To be called by the writer. */
int log_finish(job_log *l, err *e);

/* ---- reading -------------------------------------------------------------------------------- */

#define LOG_ANY_STEP (-2)

typedef struct log_range {
    int step;      /* LOG_ANY_STEP: all */
    uint64_t from; /* number of the first line: in the step, where one is named, else in the log;
                    * 0 is 1 */
    size_t lines;  /* at most; 0 and more than LOG_LINES_MAX are LOG_LINES_MAX */
    size_t bytes;  /* of text, at most, but one line at least; 0: LOG_PAGE_BYTES */
} log_range;

typedef struct log_page {
    log_line *lines;
    size_t count;
    uint64_t total; /* lines of the log, or of the step */
} log_page;

int log_read(job_log *l, arena *a, const log_range *range, log_page *ret, err *e);
/* The last `lines` lines of the log, or of a step. */
int log_tail(job_log *l, arena *a, int step, size_t lines, log_page *ret, err *e);

/* Where a follower is; {0} is the beginning. It stays good when the log is packed. */
typedef struct log_cursor {
    uint64_t offset, line; /* bytes and lines that come before */
} log_cursor;

/* The end as readers see it now. */
log_cursor log_end(job_log *l);
/* The records after *at as they are, whole lines, at most about `max_bytes` but one line at least;
 * moves *at past them. An empty str: nothing is new. ERR_INVALID when the cursor is past the end.
 * The cursor must be at the beginning of a line. */
int log_follow(job_log *l, arena *a, log_cursor *at, size_t max_bytes, str *ret, err *e);

/* Gives the text of all lines, or of a step's, in pieces of whole lines to `put`, which may end it
 * with a negative code. With `times`, each line begins as GitHub's logs do,
 * "2026-11-28T01:02:03.1234567Z ". Kinds other than plain are marked as there: "##[error]". */
typedef int log_put_fn(void *context, str piece, err *e);
int log_export(job_log *l, int step, bool times, log_put_fn *put, void *context, err *e);

/* ---- searching ------------------------------------------------------------------------------ */

typedef struct log_query {
    str text;                  /* 1 to LOG_QUERY_MAX bytes, without a newline */
    bool exact;                /* ASCII letters count with their case */
    bool regex;                /* `text` is a regular expression of PCRE2's */
    int step;                  /* LOG_ANY_STEP: all */
    uint64_t skip;             /* matching lines to pass over */
    size_t max;                /* matches wanted; more than LOG_MATCHES_MAX are LOG_MATCHES_MAX */
    unsigned timeout_ms;       /* 0: none */
    const atomic_bool *cancel; /* ends it with ERR_CANCELLED; may be NULL */
} log_query;

typedef struct log_match {
    log_line line;
    size_t start, size; /* of the first match in its text, in bytes */
} log_match;

typedef struct log_found {
    log_match *matches;
    size_t count;
    uint64_t total;    /* lines that match, of those that were searched */
    uint64_t searched; /* lines of the log that were searched */
    bool complete;     /* false: the time was over before the end */
} log_found;

/* Finds the lines whose text, without terminal escape sequences (CSI, OSC), has the query. Errors:
 * ERR_INVALID for an empty or bad query, ERR_LIMIT for a regular expression that takes too many
 * steps, ERR_CANCELLED. */
int log_search(job_log *l, arena *a, const log_query *query, log_found *ret, err *e);

/* ---- the end -------------------------------------------------------------------------------- */

/* Compresses the log of a job that has ended. Nobody may write it any more; handles that read it
 * stay good. What is packed already stays so. It is on the disk when this returns, and a loss of
 * power on the way leaves the one or the other. */
int log_pack(const char *dir, int64_t job, err *e);
/* Removes all files of a log; absence is fine. 1: a backup is being made, and nothing was removed.
 */
int log_remove(const char *dir, int64_t job, err *e);
/* Bytes on the disk, 0 without a log. */
int log_disk_bytes(const char *dir, int64_t job, uint64_t *ret, err *e);
/* "DIR/AB/JOB" and an ending, in `a`. */
char *log_path(arena *a, const char *dir, int64_t job, const char *ending);

static inline void log_closep(job_log **l) {
    log_close(*l);
}
#define _cleanup_log_ __attribute__((cleanup(log_closep)))

#endif
