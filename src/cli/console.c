#include "cli/console.h"

#include "cli/style.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int console_flush(console *o) {
    size_t done = 0;
    while (!o->failed && done < o->buf.len) {
        ssize_t n = write(o->fd, o->buf.ptr + done, o->buf.len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            o->failed = errno;
    }
    strbuf_clear(&o->buf);
    return o->failed ? ERR_IO : 0;
}

void console_done(console *o) {
    console_flush(o);
    strbuf_done(&o->buf);
}

int console_text(str text) {
    console o = CONSOLE_INIT(STDOUT_FILENO);
    strbuf_add(&o.buf, text);
    console_done(&o);
    if (!o.failed || o.failed == EPIPE) return 0;
    err e;
    err_sys(&e, o.failed, "cannot write to stdout");
    console_error(&e);
    return 2;
}

static void say(style_ink ink, str label, const span *where, str message) {
    style st = style_of(STDERR_FILENO);
    console o = CONSOLE_INIT(STDERR_FILENO);
    if (where && where->file && where->line) {
        style_text(&o.buf, &st, str_from(where->file));
        strbuf_addf(&o.buf, ":%u:%u: ", where->line, where->column);
    } else {
        strbuf_adds(&o.buf, "slipway: ");
    }
    style_add(&o.buf, &st, ink, label);
    strbuf_addc(&o.buf, ' ');
    for (str line; str_line(&message, &line);) {
        style_text(&o.buf, &st, line);
        /* A line that begins with "::" would be a command to the runner that reads this. */
        if (message.len) strbuf_adds(&o.buf, "\n  | ");
    }
    strbuf_addc(&o.buf, '\n');
    console_done(&o);
}

void console_error(const err *e) {
    say(INK_RED, STR("error:"), &e->where, str_from(e->message));
}

void console_warning(const char *format, ...) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    say(INK_YELLOW, STR("warning:"), NULL, strbuf_str(&text));
}
