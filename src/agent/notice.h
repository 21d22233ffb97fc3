/* notice.h: what is told while jobs are prepared, to whoever shows it. Any of it may be NULL.
 */
#ifndef SLIPWAY_AGENT_NOTICE_H
#define SLIPWAY_AGENT_NOTICE_H

#include "base/str.h"

struct repo;

typedef struct notices {
    void *context;
    /* One sentence, for people. */
    void (*warning)(void *context, str text);
    void (*note)(void *context, str text);
    /* These repositories are waited for; NULL when that is over. */
    void (*fetching)(void *context, struct repo *const *repos, size_t count);
    /* Asked while something is waited for that can be given up: true when it shall be. */
    bool (*stopped)(void *context);
    /* The text of a file has been read that problems may be in; both live as long as the run. */
    void (*file)(void *context, const char *path, str text);
} notices;

void notice_warning(const notices *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
