#include "workflow/workflow.h"

#include "workflow/convert.h"

#include <string.h>

/* ---- reading ------------------------------------------------------------------------------- */

static str format_message(arena *a, const char *format, va_list args) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_vaddf(&text, format, args);
    return arena_str(a, strbuf_str(&text));
}

static const workflow_limits default_limits = {
    .max_file_bytes = 1 << 20,
    .max_depth = 50,
    .max_files = 51,
    .max_nested = 9,
    .max_result_bytes = 10 << 20,
    .max_errors = 10,
};

void reading_init(reading *r, arena *a, problem_list *problems, const workflow_limits *limits) {
    *r = (reading){.a = a, .problems = problems, .limits = default_limits};
    if (!limits) return;
#define TAKE(field)                                                                                \
    if (limits->field) r->limits.field = limits->field
    TAKE(max_file_bytes);
    TAKE(max_depth);
    TAKE(max_files);
    TAKE(max_nested);
    TAKE(max_jobs);
    TAKE(max_result_bytes);
    TAKE(max_errors);
#undef TAKE
}

/* An error in a called file, or in none, is told together with the call. */
static bool belongs_to_call(const reading *r, span where) {
    return r->caller.line > 0 && (!where.file || strcmp(where.file, r->caller.file) != 0);
}

static void error_push(reading *r, problem p) {
    if (r->problems->errors >= r->limits.max_errors) return;
    p.level = SEVERITY_ERROR;
    if (belongs_to_call(r, problem_place(&p))) p.caller = r->caller;
    problem_push(r->problems, &p);
}

static void error_add(reading *r, span where, const char *rule, str help, const char *format,
                      va_list args) {
    str message = format_message(r->a, format, args);
    error_push(r, (problem){.rule = rule, .where = where, .help = help, .message = message});
}

void reading_error(reading *r, span where, const char *rule, const char *format, ...) {
    va_list args;
    va_start(args, format);
    error_add(r, where, rule, STR_EMPTY, format, args);
    va_end(args);
}

void reading_error_help(reading *r, span where, const char *rule, str help, const char *format,
                        ...) {
    va_list args;
    va_start(args, format);
    error_add(r, where, rule, help, format, args);
    va_end(args);
}

static size_t scope_list(const expr_scope *scope, str *out) {
    size_t count = 0;
    for (size_t i = 0; i < scope->value_count; i++)
        out[count++] = scope->values[i].name;
    for (size_t i = 0; i < scope->function_count; i++)
        out[count++] = scope->functions[i].name;
    return count;
}

#define BUILTINS_MAX 32 /* the language has far fewer functions of its own */

/* For a name that was mistyped, or that exists but not here. */
static str expression_help(reading *r, str word, uint32_t scope) {
    str here[SCOPE_BITS + BUILTINS_MAX], anywhere[SCOPE_BITS];
    size_t count = scope_list(schema_scope(&r->scopes, r->a, scope), here);
    size_t all = scope_list(schema_scope(&r->scopes, r->a, (1u << SCOPE_BITS) - 1), anywhere);
    bool known = false;
    for (size_t i = 0; i < all; i++)
        known |= str_eq_nocase(word, anywhere[i]);
    if (!known) {
        size_t builtins;
        const expr_name *names = expr_builtins(&builtins);
        for (size_t i = 0; i < builtins && i < BUILTINS_MAX; i++)
            here[count++] = names[i].name;
        return reading_suggest(r, word, here, count);
    }
    if (count == 0) return STR("no context can be used here");
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "what may be used here: ");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&text, "%s%.*s", i ? ", " : "", STR_ARG(here[i]));
    return arena_str(r->a, strbuf_str(&text));
}

/* The byte at a column of a text, counted in code points from 1. */
static size_t text_offset(str text, uint32_t column) {
    size_t at = 0;
    for (uint32_t i = 1; i < column && at < text.len; i++)
        (void)utf8_next(text, &at);
    return at;
}

static bool is_part(str text, str of) {
    uintptr_t begin = (uintptr_t)of.ptr, at = (uintptr_t)text.ptr;
    return at >= begin && at + text.len <= begin + of.len;
}

void reading_expression_error(reading *r, const token *t, str text, uint32_t scope, const err *e) {
    problem p = {.rule = "expression", .where = t->where};
    size_t from = text_offset(text, e->where.column), to = text_offset(text, e->where.end_column);
    p.help = expression_help(r, str_sub(text, from, to), scope);
    if (is_part(text, t->source)) {
        size_t offset = (size_t)(text.ptr - t->source.ptr) + from;
        p.focus = place_in_scalar(&r->file, t, offset, to > from ? to - from : 1);
    }
    p.message = arena_str(r->a, str_from(e->message));
    error_push(r, p);
}

void reading_stop(reading *r, span place, const char *rule, const char *format, ...) {
    problem p = {.rule = rule, .where = {.file = place.file}, .focus = place};
    va_list args;
    va_start(args, format);
    p.message = format_message(r->a, format, args);
    va_end(args);
    error_push(r, p);
    r->stopped = true;
}

bool reading_bytes(reading *r, const char *file, size_t bytes) {
    r->bytes += bytes;
    if (r->bytes <= r->limits.max_result_bytes) return true;
    reading_stop(r, (span){.file = file}, "limit", "Maximum object size exceeded");
    return false;
}

str reading_suggest(reading *r, str word, const str *candidates, size_t count) {
    if (r->problems->errors >= r->limits.max_errors) return STR_EMPTY; /* nobody will see it */
    str near = str_nearest(word, candidates, count);
    return near.len > 0 ? arena_printf(r->a, "did you mean '%.*s'?", STR_ARG(near)) : STR_EMPTY;
}

const char *reading_path(reading *r, str path) {
    return arena_cstr(r->a, path);
}

/* ---- workflows ----------------------------------------------------------------------------- */

uint16_t workflow_definition(const workflow_options *options) {
    return options->loose_events ? D_WORKFLOW_ROOT : D_WORKFLOW_ROOT_STRICT;
}

int workflow_parse(arena *a, str source, const char *path, const workflow_options *options,
                   workflow **ret, err *e) {
    (void)e;
    static const workflow_options defaults = {.policy = POLICY_LIMITED_READ};
    if (!options) options = &defaults;
    workflow *w = ARENA_NEW(a, workflow);
    w->problems.a = a;
    *ret = w;
    reading r;
    reading_init(&r, a, &w->problems, &options->limits);
    r.no_anchors = options->no_anchors;
    r.no_background = options->no_background;
    w->path = reading_path(&r, str_from(path));
    w->source = source;
    w->name = str_from(w->path);
    conversion c = {.r = &r, .options = options, .files = NAMESET(a)};
    nameset_add(&c.files, w->name);
    w->root = reading_file(&r, source, w->path, workflow_definition(options));
    if (!w->root || w->problems.errors > 0) return 0;
    convert_workflow(&c, w);
    if (options->file) load_called(&c, w, 1);
    return 0;
}

const event_trigger *workflow_trigger(const workflow *w, str event) {
    for (size_t i = 0; i < w->trigger_count; i++)
        if (str_eq(w->triggers[i].name, event)) return &w->triggers[i];
    return NULL;
}
