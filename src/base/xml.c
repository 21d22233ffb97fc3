#include "base/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_DEFAULT (128u << 20)
#define DEPTH_DEFAULT 200
#define NODES_DEFAULT 4000000

typedef struct reader {
    arena *a;
    XML_Parser parser;
    const char *file;
    unsigned depth, max_depth;
    size_t nodes, max_nodes;
    xml_node *root, *open;
    strbuf *texts; /* of the open elements, by depth */
    err *e;
    bool failed;
} reader;

static span place(const reader *r) {
    uint32_t line = (uint32_t)XML_GetCurrentLineNumber(r->parser);
    uint32_t column = (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1;
    return (span){r->file, line, column, line, column + 1};
}

static void stop(reader *r, err_code code, const char *why) {
    if (!r->failed) err_at(r->e, code, place(r), "%s", why);
    r->failed = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static void add_attributes(reader *r, xml_node *n, const char *const *pairs) {
    size_t count = 0;
    while (pairs[count * 2])
        count++;
    n->attributes = ARENA_ARRAY(r->a, xml_attribute, count);
    n->attribute_count = count;
    r->nodes += count;
    for (size_t i = 0; i < count; i++)
        n->attributes[i] = (xml_attribute){arena_str(r->a, str_from(pairs[i * 2])),
                                           arena_str(r->a, str_from(pairs[i * 2 + 1]))};
}

static void on_start(void *context, const char *name, const char **pairs) {
    reader *r = context;
    if (r->failed) return;
    if (++r->depth > r->max_depth) {
        stop(r, ERR_LIMIT, "elements are nested too deep");
        return;
    }
    xml_node *n = ARENA_NEW(r->a, xml_node);
    n->name = arena_str(r->a, str_from(name));
    n->where = place(r);
    n->parent = r->open;
    r->nodes++;
    add_attributes(r, n, (const char *const *)pairs);
    if (r->nodes > r->max_nodes) {
        stop(r, ERR_LIMIT, "too many elements");
        return;
    }
    if (!r->open)
        r->root = n;
    else if (r->open->last)
        r->open->last->next = n;
    else
        r->open->first = n;
    if (r->open) r->open->last = n;
    r->open = n;
    strbuf_clear(&r->texts[r->depth]);
}

static void on_end(void *context, const char *name) {
    reader *r = context;
    (void)name;
    if (r->failed) return;
    r->open->text = arena_str(r->a, strbuf_str(&r->texts[r->depth]));
    r->open = r->open->parent;
    r->depth--;
}

static void on_text(void *context, const char *text, int size) {
    reader *r = context;
    if (!r->failed) strbuf_add(&r->texts[r->depth], (str){text, (size_t)size});
}

/* What declares entities can grow without end, or read other files. */
static void on_entity(void *context, const char *name, int is_parameter, const char *text, int size,
                      const char *base, const char *system, const char *public,
                      const char *notation) {
    (void)name, (void)is_parameter, (void)text, (void)size, (void)base, (void)system, (void)public,
        (void)notation;
    stop(context, ERR_INVALID, "the document declares entities, which is not accepted");
}

static int parse(reader *r, str text) {
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetEntityDeclHandler(r->parser, on_entity);
    XML_SetParamEntityParsing(r->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    if (XML_Parse(r->parser, text.ptr, (int)text.len, 1) == XML_STATUS_OK && !r->failed) return 0;
    if (r->failed) return r->e->code;
    return err_at(r->e, ERR_INVALID, place(r), "%s", XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int xml_parse(arena *a, str text, const char *file, const xml_limits *limits, xml_node **ret,
              err *e) {
    static const xml_limits none;
    err own = {0};
    if (!limits) limits = &none;
    size_t max_bytes = limits->max_bytes ? limits->max_bytes : BYTES_DEFAULT;
    reader r = {.a = a,
                .file = file,
                .max_depth = limits->max_depth ? limits->max_depth : DEPTH_DEFAULT,
                .max_nodes = limits->max_nodes ? limits->max_nodes : NODES_DEFAULT,
                .e = e ? e : &own};
    if (text.len > max_bytes)
        return err_set(r.e, ERR_LIMIT, "larger than %zu MiB", max_bytes >> 20);
    r.parser = XML_ParserCreate(NULL);
    if (!r.parser) oom();
    r.texts = mem_alloc((r.max_depth + 2) * sizeof *r.texts);
    memset(r.texts, 0, (r.max_depth + 2) * sizeof *r.texts);
    int code = parse(&r, text);
    for (unsigned i = 0; i < r.max_depth + 2; i++)
        strbuf_done(&r.texts[i]);
    free(r.texts);
    XML_ParserFree(r.parser);
    *ret = r.root;
    return code;
}

str xml_attribute_of(const xml_node *n, const char *name) {
    for (size_t i = 0; i < n->attribute_count; i++) {
        if (str_is(n->attributes[i].name, name)) return n->attributes[i].text;
    }
    return (str){NULL, 0};
}

static xml_node *named(xml_node *n, const char *name) {
    while (n && !str_is(n->name, name))
        n = n->next;
    return n;
}

xml_node *xml_child(const xml_node *n, const char *name) {
    return named(n->first, name);
}

xml_node *xml_next(const xml_node *n, const char *name) {
    return named(n->next, name);
}

str xml_child_text(const xml_node *n, const char *name) {
    const xml_node *child = xml_child(n, name);
    return child ? str_trim(child->text) : STR_EMPTY;
}

xml_node *xml_walk(const xml_node *root, const xml_node *n) {
    if (n->first) return n->first;
    while (n != root && !n->next)
        n = n->parent;
    return n == root ? NULL : n->next;
}
