/* spool.h: the folder through which a job's process and its agent speak.
 *
 * A job's process outlives its agent, so it says all that it has to say in files, and the agent
 * follows them: after a restart it goes on where it was. In a spool folder (0700) are
 *
 *   lock      held (flock) by the job's process for as long as it lives
 *   job.json  what the job is, without secrets, sources and the event's payload
 *   events    one JSON object a line: {"seq":1,"kind":"step_started","time":…, then the fields that
 *             docs/run-events.md names}; seq counts from 1 without gaps. Lines of the log are not
 *             among them
 *   log       one record a line: "STEP AT_US KIND TEXT", with the step's number (-1: the job), the
 *             time in microseconds since 1970, and one letter: o plain, d debug, n notice,
 *             w warning, e error, c command, g a group begins, G it ends. A text has at most
 *             SPOOL_TEXT_MAX bytes; a longer line is several records
 *   control   a FIFO: "cancel" or "kill", a line each
 *   result    how it ended; it appears by a rename, after all else was written
 *
 * All text is masked; outputs that may hold a secret are left out, as on GitHub. Lines of the log
 * are written before the events that came after them. A spool folder serves one job process ever: a
 * second one is refused, so a job runs at most once in it. */
#ifndef SLIPWAY_AGENT_SPOOL_H
#define SLIPWAY_AGENT_SPOOL_H

#include "base/json.h"
#include "base/loop.h"
#include "workflow/plan.h"

#define SPOOL_LOCK     "lock"
#define SPOOL_JOB      "job.json"
#define SPOOL_EVENTS   "events"
#define SPOOL_LOG      "log"
#define SPOOL_CONTROL  "control"
#define SPOOL_RESULT   "result"
#define SPOOL_TEXT_MAX ((size_t)64 << 10)
/* What is kept in memory while the folder cannot be written to. */
#define SPOOL_HELD_MAX ((size_t)16 << 20)
/* Of outputs, and of what else `result` says. */
#define SPOOL_RESULT_MAX ((size_t)16 << 20)

typedef struct spool_result {
    job_result result;
    str reason;     /* why it failed before its first step, or empty; masked */
    value outputs;  /* an object of strings */
    uint64_t seq;   /* of the last event */
    uint64_t bytes; /* of the log */
} spool_result;

/* ---- for the job's process ------------------------------------------------------------------ */

typedef struct spool_writer spool_writer;

/* Takes a folder, which is made when needed. ERR_INVALID when a job's process has had it before. */
int spool_take(const char *dir, loop *l, spool_writer **ret, err *e);
/* Where orders come in: readable when there are some. Whoever writes to it orders us about. */
int spool_control_fd(const spool_writer *w);
int spool_write_job(spool_writer *w, str json, err *e);
/* Both are written in the next round of the loop, or when much has come together. */
void spool_log(spool_writer *w, int step, int64_t at_us, char kind, str text);
/* Begins an event: its fields are to be added, and spool_end_event called. */
json_out spool_begin_event(spool_writer *w, const char *kind, int64_t at_us);
void spool_end_event(spool_writer *w, json_out *o);
/* True when the folder could not be written to for so long that nothing more can be held: the job
 * must be ended. */
bool spool_is_stuck(const spool_writer *w);
/* Writes what is left and the result, whose `seq` and `bytes` it sets. Tries again for a while
 * where that fails, and blocks meanwhile. */
int spool_finish(spool_writer *w, spool_result *result, err *e);
void spool_free(spool_writer *w);

/* ---- for the agent -------------------------------------------------------------------------- */

typedef enum spool_state {
    SPOOL_NEW,     /* no process has taken it yet */
    SPOOL_RUNNING, /* its process lives */
    SPOOL_DONE,    /* it has a result */
    SPOOL_LOST,    /* its process has gone without a result */
    SPOOL_STATE_COUNT
} spool_state;

/* The names of the folders in `parent`, sorted. */
int spool_list(arena *a, const char *parent, str **ret, size_t *ret_count, err *e);
spool_state spool_look(const char *dir);
/* Appends whole lines of SPOOL_EVENTS or SPOOL_LOG from an offset on: as many as there are and fit
 * into `max` bytes (but at least one). The next offset is the old one and what was appended. */
int spool_read(const char *dir, const char *file, uint64_t offset, size_t max, strbuf *out, err *e);
/* In `a`. ERR_NOT_FOUND while there is none. */
int spool_read_result(arena *a, const char *dir, spool_result *ret, err *e);
/* The text of job.json. */
int spool_read_job(arena *a, const char *dir, str *ret, err *e);
/* "cancel": as GitHub cancels. "kill": everything at once. ERR_NOT_FOUND when no process is there
 * to read it. */
int spool_order(const char *dir, const char *word, err *e);
/* Removes it, and what job processes that were killed have left in the folder for temporary
 * files. */
int spool_remove(const char *dir, err *e);

/* One for all folders of a process. */
typedef struct spool_watcher spool_watcher;
typedef struct spool_watch spool_watch;
/* Something was written, a result is there, or the process has ended: look. */
typedef void spool_watch_fn(void *context);
int spool_watcher_new(loop *l, spool_watcher **ret, err *e);
/* Every watch must have been removed. NULL is allowed. */
void spool_watcher_free(spool_watcher *w);
int spool_watch_add(spool_watcher *w, const char *dir, spool_watch_fn *fn, void *context,
                    spool_watch **ret, err *e);
void spool_watch_remove(spool_watch *x);

#endif
