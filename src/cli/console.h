/* console.h: text on its way to a descriptor: buffered, whole, and calm when the reader has gone.
 */
#ifndef SLIPWAY_CLI_CONSOLE_H
#define SLIPWAY_CLI_CONSOLE_H

#include "base/err.h"

typedef struct console {
    int fd;
    strbuf buf;
    int failed; /* errno of the first failed write, after which everything is dropped */
} console;

#define CONSOLE_INIT(descriptor)                                                                   \
    { .fd = (descriptor), .buf = STRBUF_INIT }

/* Writes out what is buffered; waits where the descriptor does not block. Negative once a write
 * has failed. */
int console_flush(console *o);
void console_done(console *o);

/* Prints a whole text on stdout and gives the exit status: 0, or 2 when it could not be written. A
 * reader that has gone away (EPIPE) is no failure. */
int console_text(str text);

/* "slipway: error: …" on stderr, with the place in front when the error has one. */
void console_error(const err *e);
void console_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
