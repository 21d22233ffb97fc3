#include "base/problem.h"

void problem_push(problem_list *list, const problem *p) {
    ARENA_PUSH(list->a, list->items, list->count, list->cap, *p);
    if (p->level == SEVERITY_ERROR) list->errors++;
}

void problem_add(problem_list *list, severity level, const char *rule, span where, str help,
                 const char *format, ...) {
    problem p = {.level = level, .rule = rule, .where = where, .help = help};
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    p.message = arena_str(list->a, strbuf_str(&text));
    problem_push(list, &p);
}
