#include "agent/notice.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_MAX 2048 /* longer than the text of an err, which most of them end with */

void notice_warning(const notices *n, const char *format, ...) {
    char text[SENTENCE_MAX];
    va_list args;
    if (!n || !n->warning) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    n->warning(n->context, str_from(text));
}
