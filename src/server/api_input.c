/* api_input.c: parameters and bodies, checked against their tables. */
#include "server/api_parts.h"

#include "base/json.h"
#include "base/rfc3339.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAFE_INTEGER   9007199254740992.0 /* 2^53: what a JSON number holds exactly */
#define STRING_DEFAULT 1000
#define LIST_DEFAULT   1000
#define POINTER_MAX    512
#define ERRORS_MAX     50

const api_schema *api_schema_named(const api *s, const char *name) {
    for (size_t i = 0; i <= s->config.schema_tables; i++) {
        const api_schemas *t = i ? &s->config.schemas[i - 1] : &api_own_schemas;
        for (size_t k = 0; k < t->count; k++) {
            if (strcmp(t->rows[k].name, name) == 0) return &t->rows[k];
        }
    }
    return NULL;
}

/* ---- one value against one field; NULL or what is wrong ---------------------------------------
 */

static const char *judge_integer(arena *a, const api_field *f, const value *v) {
    if (v->kind != VALUE_NUMBER || v->number != floor(v->number) || fabs(v->number) > SAFE_INTEGER)
        return "must be an integer";
    bool limited = f->min || f->max;
    if (limited && v->number < (double)f->min)
        return arena_printf(a, "must be at least %lld", (long long)f->min).ptr;
    if (limited && f->max >= f->min && f->max && v->number > (double)f->max)
        return arena_printf(a, "must be at most %lld", (long long)f->max).ptr;
    return NULL;
}

static const char *judge_string(arena *a, const api_field *f, const value *v) {
    if (v->kind != VALUE_STRING) return "must be a string";
    size_t max = f->max ? (size_t)f->max : STRING_DEFAULT;
    if (v->string.len > max) return arena_printf(a, "must be at most %zu bytes long", max).ptr;
    if (v->string.len < (size_t)f->min)
        return arena_printf(a, "must be at least %lld bytes long", (long long)f->min).ptr;
    if (!utf8_valid(v->string) || str_find_char(v->string, '\0') >= 0)
        return "must be text in UTF-8 without NUL";
    return NULL;
}

static const char *judge_word(arena *a, const api_field *f, const value *v) {
    if (v->kind != VALUE_STRING) return "must be a string";
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    for (const char *const *w = f->words; *w; w++) {
        if (str_is(v->string, *w)) return NULL;
        strbuf_addf(&all, "%s%s", all.len ? ", " : "", *w);
    }
    return arena_printf(a, "must be one of: %s", strbuf_cstr(&all)).ptr;
}

static const char *judge_time(arena *a, const api_field *f, const value *v) {
    int64_t ms;
    (void)a, (void)f;
    return v->kind == VALUE_STRING && time_parse(v->string, &ms)
               ? NULL
               : "must be a time as in 2026-11-27T10:00:00Z";
}

static const char *judge_boolean(arena *a, const api_field *f, const value *v) {
    (void)a, (void)f;
    return v->kind == VALUE_BOOL ? NULL : "must be true or false";
}

static const char *judge_object(arena *a, const api_field *f, const value *v) {
    (void)a, (void)f;
    return v->kind == VALUE_OBJECT ? NULL : "must be an object";
}

static const char *judge_list(arena *a, const api_field *f, const value *v) {
    if (v->kind != VALUE_ARRAY) return "must be an array";
    size_t max = f->max ? (size_t)f->max : LIST_DEFAULT;
    if (v->array.count > max) return arena_printf(a, "must have at most %zu items", max).ptr;
    if (v->array.count < (size_t)f->min)
        return arena_printf(a, "must have at least %lld items", (long long)f->min).ptr;
    return NULL;
}

static const char *judge_any(arena *a, const api_field *f, const value *v) {
    (void)a, (void)f, (void)v;
    return NULL;
}

static const char *(*const judges[API_TYPE_COUNT])(arena *, const api_field *, const value *) = {
    [API_STRING] = judge_string, [API_INTEGER] = judge_integer, [API_BOOLEAN] = judge_boolean,
    [API_TIME] = judge_time,     [API_WORD] = judge_word,       [API_OBJECT] = judge_object,
    [API_LIST] = judge_list,     [API_ANY] = judge_any,
};

/* ---- parameters ------------------------------------------------------------------------------ */

/* A hostile body can be wrong in very many ways. */
static void add_error(api_call *c, str pointer, str parameter, const char *detail) {
    if (c->error_count == ERRORS_MAX) return;
    ARENA_PUSH(c->a, c->errors, c->error_count, c->error_cap,
               ((api_error){pointer, parameter, arena_str(c->a, str_from(detail))}));
}

/* A text becomes a value of the field's type. */
static value from_text(const api_field *f, str text) {
    str digits = text;
    uint64_t n;
    bool negative = str_starts(text, STR("-"));
    if (negative) digits = str_sub(text, 1, text.len);
    if (f->type == API_INTEGER && str_to_uint(digits, (uint64_t)SAFE_INTEGER, &n))
        return value_number(negative ? -(double)n : (double)n);
    if (f->type == API_BOOLEAN && (str_is(text, "true") || str_is(text, "false")))
        return value_bool(str_is(text, "true"));
    return value_string(text);
}

void api_read_path(api_call *c, const api_found *f) {
    c->path = value_object_new(c->a, true);
    for (size_t i = 0; i < f->pattern->count; i++) {
        str name;
        if (!api_segment_name(f->pattern->segments[i], &name)) continue;
        const api_field *field = c->route->parameters;
        while (!str_is(name, field->name))
            field++;
        value v = from_text(field, f->values[i]);
        const char *wrong = judges[field->type](c->a, field, &v);
        if (wrong) add_error(c, STR_EMPTY, name, wrong);
        value_set(c->a, &c->path, name, v);
    }
}

static void read_page(api_call *c) {
    const value *limit = value_get(&c->query, STR("limit"));
    const value *cursor = value_get(&c->query, STR("cursor"));
    c->limit = limit && limit->kind == VALUE_NUMBER ? (size_t)limit->number : API_PAGE_DEFAULT;
    if (cursor &&
        !api_cursor_read(c->a, c->s->config.key, c->route->id, cursor->string, &c->cursor))
        add_error(c, STR_EMPTY, STR("cursor"), "is none that this list has given out");
}

static const api_field page_fields[] = {
    {.name = "limit", .type = API_INTEGER, .min = 1, .max = API_PAGE_MAX},
    {.name = "cursor", .type = API_STRING},
    {.name = NULL},
};

static const api_field *field_named(const api_field *f, str name) {
    for (; f && f->name; f++) {
        if (str_is(name, f->name)) return f;
    }
    return NULL;
}

static void read_parameter(api_call *c, const httpd_pair *p) {
    const api_field *f = field_named(c->route->query, p->name);
    if (!f && c->route->flags & API_PAGED) f = field_named(page_fields, p->name);
    if (!f) {
        if (!(c->route->flags & API_OPEN_QUERY))
            add_error(c, STR_EMPTY, p->name, "is not known here");
        return;
    }
    if (value_get(&c->query, p->name)) {
        add_error(c, STR_EMPTY, p->name, "stands twice");
        return;
    }
    value v = from_text(f, p->text);
    const char *wrong = judges[f->type](c->a, f, &v);
    if (wrong) add_error(c, STR_EMPTY, p->name, wrong);
    value_set(c->a, &c->query, p->name, v);
}

void api_read_query(api_call *c) {
    const httpd_target *t = httpd_request_target(c->r);
    c->query = value_object_new(c->a, true);
    for (size_t i = 0; i < t->query_count; i++)
        read_parameter(c, &t->query[i]);
    for (const api_field *f = c->route->query; f && f->name; f++) {
        if (value_get(&c->query, str_from(f->name))) continue;
        if (f->fallback)
            value_set(c->a, &c->query, str_from(f->name), from_text(f, str_from(f->fallback)));
        else if (f->required)
            add_error(c, STR_EMPTY, str_from(f->name), "is missing");
    }
    if (c->route->flags & API_PAGED) read_page(c);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void check_object(api_call *c, const api_schema *schema, const value *v, str pointer);

/* RFC 6901: '~' and '/' are escaped. */
static str pointer_to(api_call *c, str parent, str name) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_add(&out, parent);
    strbuf_addc(&out, '/');
    for (size_t i = 0; i < name.len && out.len < POINTER_MAX; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/')
            strbuf_adds(&out, name.ptr[i] == '~' ? "~0" : "~1");
        else
            strbuf_addc(&out, name.ptr[i]);
    }
    return arena_str(c->a, strbuf_str(&out));
}

static void check_value(api_call *c, const api_field *f, const value *v, str pointer) {
    if (f->nullable && v->kind == VALUE_NULL) return;
    const char *wrong = judges[f->type](c->a, f, v);
    if (wrong) {
        add_error(c, pointer, STR_EMPTY, wrong);
        return;
    }
    const api_schema *schema = f->schema ? api_schema_named(c->s, f->schema) : NULL;
    if (f->type == API_OBJECT && schema) check_object(c, schema, v, pointer);
    if (f->type != API_LIST) return;
    const api_field item = {.type = f->items, .schema = f->schema, .words = f->words};
    for (size_t i = 0; i < v->array.count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        check_value(c, &item, &v->array.items[i], pointer_to(c, pointer, str_from(number)));
    }
}

/* The depth of the schemas bounds the recursion: a body is no deeper than JSON may be. */
static void check_object(api_call *c, const api_schema *schema, const value *v, str pointer) {
    for (size_t i = 0; i < value_count(v); i++) {
        const value_pair *p = value_at(v, i);
        if (!field_named(schema->fields, p->key))
            add_error(c, pointer_to(c, pointer, p->key), STR_EMPTY, "is not known here");
    }
    for (const api_field *f = schema->fields; f->name; f++) {
        const value *item = value_get(v, str_from(f->name));
        str at = pointer_to(c, pointer, str_from(f->name));
        if (item)
            check_value(c, f, item, at);
        else if (f->required)
            add_error(c, at, STR_EMPTY, "is missing");
    }
}

void api_check_body(api_call *c) {
    const api_field whole = {.name = "", .type = API_OBJECT, .schema = c->route->body};
    check_value(c, &whole, &c->body, STR_EMPTY);
}

/* ---- what handlers ask ------------------------------------------------------------------------
 */

int64_t api_path_int(const api_call *c, const char *name) {
    const value *v = value_get(&c->path, str_from(name));
    return v && v->kind == VALUE_NUMBER ? (int64_t)v->number : 0;
}

str api_path_str(const api_call *c, const char *name) {
    return value_path_str(&c->path, name);
}

bool api_has_query(const api_call *c, const char *name) {
    return value_get(&c->query, str_from(name)) != NULL;
}

int64_t api_query_int(const api_call *c, const char *name) {
    const value *v = value_get(&c->query, str_from(name));
    return v && v->kind == VALUE_NUMBER ? (int64_t)v->number : 0;
}

str api_query_str(const api_call *c, const char *name) {
    return value_path_str(&c->query, name);
}

bool api_query_bool(const api_call *c, const char *name) {
    const value *v = value_get(&c->query, str_from(name));
    return v && v->kind == VALUE_BOOL && v->boolean;
}

void api_wrong(api_call *c, const char *pointer, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_error(c, arena_str(c->a, str_from(pointer)), STR_EMPTY, text);
}

bool api_refuse(api_call *c) {
    if (!c->error_count) return false;
    api_problem(c, 422, "the request's body does not fit");
    return true;
}
