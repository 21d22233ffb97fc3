#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* Room that err_sys keeps for the system's words. */
#define SYS_MAX 128

/* Ends a text that did not fit in `size` bytes with "...", between two characters. */
static void end_cut(char *text, size_t size) {
    size_t at = size - sizeof "...";
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    memcpy(text + at, "...", sizeof "...");
}

static void set_message(err *e, size_t size, const char *format, va_list args) {
    if (vsnprintf(e->message, size, format, args) >= (int)size) end_cut(e->message, size);
}

int err_set(err *e, err_code code, const char *format, ...) {
    if (!e) return code;
    *e = (err){.code = code};
    va_list args;
    va_start(args, format);
    set_message(e, sizeof e->message, format, args);
    va_end(args);
    return code;
}

int err_sys(err *e, int sys_errno, const char *format, ...) {
    if (!e) return ERR_IO;
    *e = (err){.code = ERR_IO, .sys_errno = sys_errno};
    va_list args;
    va_start(args, format);
    set_message(e, sizeof e->message - SYS_MAX, format, args);
    va_end(args);
    size_t n = strlen(e->message);
    snprintf(e->message + n, sizeof e->message - n, ": %s", strerror(sys_errno));
    return ERR_IO;
}

int err_at(err *e, err_code code, span where, const char *format, ...) {
    if (!e) return code;
    *e = (err){.code = code, .where = where};
    va_list args;
    va_start(args, format);
    set_message(e, sizeof e->message, format, args);
    va_end(args);
    return code;
}

int err_context(err *e, const char *format, ...) {
    if (!e) return ERR_FAILED;
    err inner = *e;
    va_list args;
    va_start(args, format);
    set_message(e, sizeof e->message, format, args);
    va_end(args);
    size_t n = strlen(e->message), left = sizeof e->message - n;
    if (snprintf(e->message + n, left, ": %s", inner.message) >= (int)left)
        end_cut(e->message, sizeof e->message);
    return e->code;
}
