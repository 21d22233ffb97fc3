/* err.h: what went wrong, where, and what to do about it.
 *
 * A function that can fail returns 0 or a negative err_code and takes `err *e` last. It fills *e
 * only when it fails. The caller owns *e; it holds no memory of its own, so it may be dropped or
 * copied freely. Each module boundary may add context in front of the message. Only cli, agent and
 * server print errors. */
#ifndef SLIPWAY_BASE_ERR_H
#define SLIPWAY_BASE_ERR_H

#include "base/str.h"

typedef enum err_code {
    ERR_NONE = 0,
    ERR_INVALID = -1,     /* the input is wrong: the person who wrote it can mend it */
    ERR_LIMIT = -2,       /* a cap was hit; the message names it */
    ERR_NOT_FOUND = -3,   /* what was asked for does not exist */
    ERR_IO = -4,          /* the system refused; sys_errno says why */
    ERR_UNSUPPORTED = -5, /* valid, but this version or machine cannot do it */
    ERR_CANCELLED = -6,
    ERR_TIMEOUT = -7,
    ERR_FAILED = -8, /* a program that we ran failed */
} err_code;

/* A stretch of a text file. Lines and columns count from 1; columns count code points. The end is
 * exclusive. line 0 means that the place is not known. `file` is borrowed (an arena's or a
 * literal). */
typedef struct span {
    const char *file;
    uint32_t line, column;
    uint32_t end_line, end_column;
} span;

typedef struct err {
    err_code code;
    int sys_errno; /* 0 when no system call was at fault */
    span where;
    char message[1024]; /* one sentence, no newline, no final full stop */
} err;

/* Fills *e (which may be NULL) and returns `code`. Too long a message is cut with "...". */
int err_set(err *e, err_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* As err_set with ERR_IO; appends ": " and the text of `sys_errno`. */
int err_sys(err *e, int sys_errno, const char *format, ...) __attribute__((format(printf, 3, 4)));
int err_at(err *e, err_code code, span where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "format: " in front of the message and returns e->code. */
int err_context(err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
