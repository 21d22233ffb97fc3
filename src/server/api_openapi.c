/* api_openapi.c: the OpenAPI 3.1 document, out of the tables. */
#include "server/api_parts.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define STRING_DEFAULT 1000

static void key_bool(json_out *o, const char *key, bool b) {
    json_key(o, key);
    json_put_value(o, &(value){.kind = VALUE_BOOL, .boolean = b});
}

static void reference(json_out *o, const char *schema) {
    char text[128];
    snprintf(text, sizeof text, "#/components/schemas/%s", schema);
    json_key_str(o, "$ref", str_from(text));
}

/* ---- schemas ----------------------------------------------------------------------------------
 */

static const struct {
    const char *type, *format;
} kinds[API_TYPE_COUNT] = {
    [API_STRING] = {"string", NULL},   [API_INTEGER] = {"integer", "int64"},
    [API_BOOLEAN] = {"boolean", NULL}, [API_TIME] = {"string", "date-time"},
    [API_WORD] = {"string", NULL},     [API_OBJECT] = {"object", NULL},
    [API_LIST] = {"array", NULL},      [API_ANY] = {NULL, NULL},
};

static void write_words(json_out *o, const api_field *f) {
    json_key(o, "enum");
    json_open(o, '[');
    for (const char *const *w = f->words; *w; w++)
        json_put_str(o, str_from(*w));
    if (f->nullable) json_put_null(o);
    json_close(o, ']');
}

static void write_type(json_out *o, const api_field *f) {
    const char *type = kinds[f->type].type;
    if (!type) return;
    json_key(o, "type");
    if (!f->nullable) {
        json_put_str(o, str_from(type));
        return;
    }
    json_open(o, '[');
    json_put_str(o, str_from(type));
    json_put_str(o, STR("null"));
    json_close(o, ']');
}

/* `given`: what callers send, whose limits are checked; what is answered has none. */
static void write_limits(json_out *o, const api_field *f, bool given) {
    if (!given) return;
    switch (f->type) {
    case API_STRING:
        if (f->min) json_key_number(o, "minLength", 1);
        json_key_number(o, "maxLength", f->max ? (double)f->max : STRING_DEFAULT);
        break;
    case API_INTEGER:
        if (f->min || f->max) json_key_number(o, "minimum", (double)f->min);
        if (f->max) json_key_number(o, "maximum", (double)f->max);
        break;
    case API_LIST:
        if (f->min) json_key_number(o, "minItems", (double)f->min);
        json_key_number(o, "maxItems", f->max ? (double)f->max : STRING_DEFAULT);
        break;
    case API_BOOLEAN:
    case API_TIME:
    case API_WORD:
    case API_OBJECT:
    case API_ANY:
    case API_TYPE_COUNT: break;
    }
}

static void write_default(json_out *o, const api_field *f) {
    uint64_t n;
    json_key(o, "default");
    if (f->type == API_INTEGER && str_to_uint(str_from(f->fallback), INT64_MAX, &n))
        json_put_number(o, (double)n);
    else if (f->type == API_BOOLEAN)
        json_put_value(o, &(value){.kind = VALUE_BOOL, .boolean = *f->fallback == 't'});
    else
        json_put_str(o, str_from(f->fallback));
}

static void write_field(json_out *o, const api_field *f, bool given);

static void write_members(json_out *o, const api_field *f, bool given) {
    if (f->type == API_OBJECT && f->schema && f->nullable) {
        json_key(o, "anyOf");
        json_open(o, '[');
        json_open(o, '{');
        reference(o, f->schema);
        json_close(o, '}');
        json_open(o, '{');
        json_key_str(o, "type", STR("null"));
        json_close(o, '}');
        json_close(o, ']');
        return;
    }
    if (f->type == API_OBJECT && f->schema) {
        reference(o, f->schema);
        return;
    }
    write_type(o, f);
    if (kinds[f->type].format) json_key_str(o, "format", str_from(kinds[f->type].format));
    if (f->words) write_words(o, f);
    if (f->type == API_LIST) {
        const api_field item = {.type = f->items, .schema = f->schema};
        json_key(o, "items");
        write_field(o, &item, given);
    }
    write_limits(o, f, given);
    if (f->fallback) write_default(o, f);
}

static void write_field(json_out *o, const api_field *f, bool given) {
    json_open(o, '{');
    write_members(o, f, given);
    if (f->help) json_key_str(o, "description", str_from(f->help));
    json_close(o, '}');
}

static bool is_given(const api *s, const char *schema) {
    for (size_t i = 0; i < s->pattern_count; i++) {
        const char *body = s->patterns[i].route->body;
        if (body && strcmp(body, schema) == 0) return true;
    }
    return false;
}

static void write_schema(const api *s, json_out *o, const api_schema *x) {
    bool given = is_given(s, x->name), any = false;
    json_key(o, x->name);
    json_open(o, '{');
    json_key_str(o, "type", STR("object"));
    json_key_str(o, "description", str_from(x->help));
    json_key(o, "properties");
    json_open(o, '{');
    for (const api_field *f = x->fields; f->name; f++) {
        json_key(o, f->name);
        write_field(o, f, given);
        any = any || f->required;
    }
    json_close(o, '}');
    if (any) {
        json_key(o, "required");
        json_open(o, '[');
        for (const api_field *f = x->fields; f->name; f++) {
            if (f->required) json_put_str(o, str_from(f->name));
        }
        json_close(o, ']');
    }
    if (given) key_bool(o, "additionalProperties", false);
    json_close(o, '}');
}

/* ---- operations -------------------------------------------------------------------------------
 */

static void write_parameter(json_out *o, const char *where, const api_field *f) {
    json_open(o, '{');
    json_key_str(o, "name", str_from(f->name));
    json_key_str(o, "in", str_from(where));
    if (f->help) json_key_str(o, "description", str_from(f->help));
    key_bool(o, "required", f->required || strcmp(where, "path") == 0);
    json_key(o, "schema");
    json_open(o, '{');
    write_members(o, f, true);
    json_close(o, '}');
    json_close(o, '}');
}

static const api_field page_parameters[] = {
    {.name = "limit",
     .type = API_INTEGER,
     .min = 1,
     .max = API_PAGE_MAX,
     .fallback = "50",
     .help = "items of a page"},
    {.name = "cursor",
     .type = API_STRING,
     .help = "where the page begins: `next` of the one before"},
    {.name = NULL},
};

static const api_field repeat_header = {.name = "Idempotency-Key",
                                        .type = API_STRING,
                                        .max = 255,
                                        .help = "a request that comes again is done once"};
static const api_field match_header = {
    .name = "If-Match", .type = API_STRING, .required = true, .help = "the ETag that was read"};

static void write_parameters(json_out *o, const api_route *r) {
    json_key(o, "parameters");
    json_open(o, '[');
    for (const api_field *f = r->parameters; f && f->name; f++)
        write_parameter(o, "path", f);
    for (const api_field *f = r->query; f && f->name; f++)
        write_parameter(o, "query", f);
    for (const api_field *f = page_parameters; r->flags & API_PAGED && f->name; f++)
        write_parameter(o, "query", f);
    if (r->flags & API_IDEMPOTENT) write_parameter(o, "header", &repeat_header);
    if (r->flags & API_MATCHED) write_parameter(o, "header", &match_header);
    json_close(o, ']');
}

static void open_content(json_out *o, const char *type) {
    json_key(o, "content");
    json_open(o, '{');
    json_key(o, type);
    json_open(o, '{');
    json_key(o, "schema");
    json_open(o, '{');
}

static void close_content(json_out *o) {
    for (int i = 0; i < 3; i++)
        json_close(o, '}');
}

static void write_body(json_out *o, const api_route *r) {
    if (!r->body && !(r->flags & API_RAW)) return;
    json_key(o, "requestBody");
    json_open(o, '{');
    key_bool(o, "required", r->body != NULL);
    open_content(o, r->body ? "application/json" : "*/*");
    if (r->body) reference(o, r->body);
    close_content(o);
    json_close(o, '}');
}

static void write_page_schema(json_out *o, const char *item) {
    json_key_str(o, "type", STR("object"));
    json_key(o, "required");
    json_open(o, '[');
    json_put_str(o, STR("items"));
    json_put_str(o, STR("next"));
    json_close(o, ']');
    json_key(o, "properties");
    json_open(o, '{');
    const api_field items = {.type = API_LIST, .items = API_OBJECT, .schema = item};
    const api_field next = {.type = API_STRING, .nullable = true, .help = "the next page's cursor"};
    json_key(o, "items");
    write_field(o, &items, false);
    json_key(o, "next");
    write_field(o, &next, false);
    json_close(o, '}');
}

static void write_success(json_out *o, const api_route *r) {
    char status[16];
    snprintf(status, sizeof status, "%u", r->status ? r->status : 200);
    json_key(o, status);
    json_open(o, '{');
    json_key_str(o, "description", STR("what was asked for"));
    if (r->answer || r->type) {
        open_content(o, r->answer ? "application/json" : r->type);
        if (r->answer && r->flags & API_PAGED)
            write_page_schema(o, r->answer);
        else if (r->answer)
            reference(o, r->answer);
        else
            json_key_str(o, "type", STR("string"));
        close_content(o);
    }
    json_close(o, '}');
}

static void write_answers(json_out *o, const api_route *r) {
    json_key(o, "responses");
    json_open(o, '{');
    write_success(o, r);
    if (str_is(str_from(r->method), "GET")) {
        json_key(o, "304");
        json_open(o, '{');
        json_key_str(o, "description", STR("it is as If-None-Match has it"));
        json_close(o, '}');
    }
    json_key(o, "default");
    json_open(o, '{');
    json_key_str(o, "description", STR("a failure"));
    open_content(o, "application/problem+json");
    reference(o, "Problem");
    close_content(o);
    json_close(o, '}');
    json_close(o, '}');
}

static const char *const persons[] = {"session", "token", NULL};
static const char *const agents[] = {"agent", NULL};
static const char *const hooks[] = {"webhook", NULL};
static const char *const *const identities[] = {
    [API_PUBLIC] = NULL, [API_PERSON] = persons, [API_AGENT] = agents, [API_WEBHOOK] = hooks};

static void write_security(json_out *o, const api_route *r) {
    json_key(o, "security");
    json_open(o, '[');
    for (const char *const *name = identities[r->auth]; name && *name; name++) {
        json_open(o, '{');
        json_key(o, *name);
        json_open(o, '[');
        json_close(o, ']');
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void write_operation(json_out *o, const api_route *r) {
    char method[16];
    size_t n = 0;
    for (; r->method[n] && n + 1 < sizeof method; n++)
        method[n] = (char)(r->method[n] | 0x20);
    method[n] = '\0';
    json_key(o, method);
    json_open(o, '{');
    json_key_str(o, "operationId", str_from(r->id));
    json_key_str(o, "summary", str_from(r->summary));
    json_key(o, "tags");
    json_open(o, '[');
    json_put_str(o, str_from(r->tag));
    json_close(o, ']');
    if (r->right) json_key_str(o, "x-right", str_from(right_name(r->right)));
    write_parameters(o, r);
    write_body(o, r);
    write_answers(o, r);
    write_security(o, r);
    json_close(o, '}');
}

/* OpenAPI knows no "{rest...}": it is a parameter like any other there. */
static void key_path(json_out *o, const char *path) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (const char *p = path; *p; p++) {
        if (strncmp(p, "...}", 4) != 0)
            strbuf_addc(&out, *p);
        else
            p += 2;
    }
    json_key(o, strbuf_cstr(&out));
}

static void write_paths(const api *s, json_out *o) {
    json_key(o, "paths");
    json_open(o, '{');
    for (size_t i = 0; i < s->pattern_count; i++) {
        const char *path = s->patterns[i].route->path;
        bool written = false;
        for (size_t k = 0; k < i && !written; k++)
            written = strcmp(s->patterns[k].route->path, path) == 0;
        if (written) continue;
        key_path(o, path);
        json_open(o, '{');
        for (size_t k = i; k < s->pattern_count; k++) {
            if (strcmp(s->patterns[k].route->path, path) == 0)
                write_operation(o, s->patterns[k].route);
        }
        json_close(o, '}');
    }
    json_close(o, '}');
}

static const struct {
    const char *name, *text;
} schemes[] = {
    {"session", "{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"slipway_session\"}"},
    {"token", "{\"type\":\"http\",\"scheme\":\"bearer\"}"},
    {"agent", "{\"type\":\"mutualTLS\"}"},
    {"webhook", "{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Hub-Signature-256\"}"},
};

static void write_components(const api *s, json_out *o) {
    json_key(o, "components");
    json_open(o, '{');
    json_key(o, "schemas");
    json_open(o, '{');
    for (size_t i = 0; i <= s->config.schema_tables; i++) {
        const api_schemas *t = i ? &s->config.schemas[i - 1] : &api_own_schemas;
        for (size_t k = 0; k < t->count; k++)
            write_schema(s, o, &t->rows[k]);
    }
    json_close(o, '}');
    json_key(o, "securitySchemes");
    json_open(o, '{');
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        json_key(o, schemes[i].name);
        strbuf_adds(o->buf, schemes[i].text);
        o->need_comma = true;
    }
    json_close(o, '}');
    json_close(o, '}');
}

void api_openapi_write(const api *s, strbuf *out) {
    json_out o = JSON_OUT(out);
    json_open(&o, '{');
    json_key_str(&o, "openapi", STR("3.1.0"));
    json_key(&o, "info");
    json_open(&o, '{');
    json_key_str(&o, "title", STR("Slipway"));
    json_key_str(&o, "version", STR("v1"));
    json_key_str(&o, "description",
                 STR("The API of a Slipway server: runs, agents, people, the audit log."));
    json_close(&o, '}');
    json_key(&o, "servers");
    json_open(&o, '[');
    json_open(&o, '{');
    json_key_str(&o, "url", STR("/"));
    json_close(&o, '}');
    json_close(&o, ']');
    write_paths(s, &o);
    write_components(s, &o);
    json_close(&o, '}');
}
