#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* vsnprintf into the message; a text that does not fit ends in "...". */
static void set_message(err *e, const char *format, va_list args) {
    int n = vsnprintf(e->message, sizeof e->message, format, args);
    if (n >= (int)sizeof e->message) memcpy(e->message + sizeof e->message - 4, "...", 4);
}

int err_set(err *e, err_code code, const char *format, ...) {
    if (!e) return code;
    *e = (err){.code = code};
    va_list args;
    va_start(args, format);
    set_message(e, format, args);
    va_end(args);
    return code;
}

int err_sys(err *e, int sys_errno, const char *format, ...) {
    if (!e) return ERR_IO;
    *e = (err){.code = ERR_IO, .sys_errno = sys_errno};
    va_list args;
    va_start(args, format);
    set_message(e, format, args);
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
    set_message(e, format, args);
    va_end(args);
    return code;
}

int err_context(err *e, const char *format, ...) {
    if (!e) return ERR_FAILED;
    err inner = *e;
    va_list args;
    va_start(args, format);
    set_message(e, format, args);
    va_end(args);
    size_t n = strlen(e->message);
    int m = snprintf(e->message + n, sizeof e->message - n, ": %s", inner.message);
    if (n + (size_t)m >= sizeof e->message) memcpy(e->message + sizeof e->message - 4, "...", 4);
    return e->code;
}
