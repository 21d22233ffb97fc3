/* yaml.c: libyaml's events become a tree.
 *
 * The events come one by one and are put together on an explicit stack, so that nothing here
 * recurses and the depth cap holds before memory is spent. An alias shares the children of the node
 * that it names. What a walk through it costs is added to the count of nodes at once, from the size
 * that was noted when the anchored node ended: a "billion laughs" is refused at the alias that
 * passes the cap, in time linear in the text. The depth below an alias is checked the same way.
 *
 * The texts of the errors that GitHub's own reader gives are kept to the letter, because people
 * search for them: "Maximum object depth exceeded", "Maximum YAML nodes exceeded", "Anchors are not
 * currently supported. ...". Syntax errors are libyaml's, with a hint where it has a cryptic name
 * for a common mistake. */
#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

#define MAX_BYTES_DEFAULT ((size_t)1 << 20)
#define MAX_DEPTH_DEFAULT 50
#define MAX_NODES_DEFAULT 1000000
#define MAX_DIRECTIVES    64 /* libyaml compares each %TAG line with all before it */

#define NO_ANCHOR SIZE_MAX

typedef struct anchored {
    const yaml_node *node; /* NULL while the collection is still open */
    size_t size;           /* its nodes with aliases expanded */
    unsigned height;       /* levels of collections in it */
} anchored;

/* An open collection. */
typedef struct frame {
    yaml_node *node;
    size_t cap;
    const yaml_node *key; /* of a mapping: the key whose item comes next */
    size_t nodes_before;
    unsigned height;
    size_t anchor; /* index in anchors, or NO_ANCHOR */
} frame;

typedef struct builder {
    arena *a;
    str text;
    const char *file;
    yaml_limits limits;
    const yaml_node *root;
    frame *frames;
    size_t depth, frames_cap;
    anchored *anchors;
    size_t anchor_count, anchor_cap;
    value anchor_index; /* name to index in anchors: the latest of that name */
    size_t nodes;
    err *e;
} builder;

static span span_of(const builder *b, yaml_mark_t start, yaml_mark_t end) {
    return (span){.file = b->file,
                  .line = (uint32_t)start.line + 1,
                  .column = (uint32_t)start.column + 1,
                  .end_line = (uint32_t)end.line + 1,
                  .end_column = (uint32_t)end.column + 1};
}

static span point(const builder *b, size_t line, size_t column) {
    return (span){b->file, (uint32_t)line, (uint32_t)column, (uint32_t)line, (uint32_t)column + 1};
}

static str borrowed(const yaml_char_t *text) {
    return str_from((const char *)text);
}

/* A cap on all that readers of the tree will visit. */
static int count_nodes(builder *b, size_t more, span where) {
    if (more > b->limits.max_nodes - b->nodes)
        return err_at(b->e, ERR_LIMIT, where, "Maximum YAML nodes exceeded");
    b->nodes += more;
    return 0;
}

static int check_depth(const builder *b, size_t height, span where) {
    if (b->depth + height > b->limits.max_depth)
        return err_at(b->e, ERR_LIMIT, where, "Maximum object depth exceeded");
    return 0;
}

/* Puts a node with `height` levels of collections in it where the parser stands. */
static void attach(builder *b, const yaml_node *node, unsigned height) {
    if (b->depth == 0) {
        b->root = node;
        return;
    }
    frame *f = &b->frames[b->depth - 1];
    if (f->height < height) f->height = height;
    yaml_node *parent = f->node;
    if (parent->kind == YAML_SEQUENCE) {
        ARENA_PUSH(b->a, parent->sequence.items, parent->sequence.count, f->cap, node);
    } else if (!f->key) {
        f->key = node;
    } else {
        yaml_pair pair = {f->key, node};
        ARENA_PUSH(b->a, parent->mapping.pairs, parent->mapping.count, f->cap, pair);
        f->key = NULL;
    }
}

/* Notes the anchor of a node that begins; *ret_index is NO_ANCHOR where it has none. */
static int note_anchor(builder *b, const yaml_node *node, size_t *ret_index) {
    *ret_index = NO_ANCHOR;
    if (node->anchor.len == 0) return 0;
    if (!b->limits.anchors)
        return err_at(b->e, ERR_INVALID, node->where,
                      "Anchors are not currently supported. Remove the anchor '%.*s'",
                      STR_ARG(node->anchor));
    *ret_index = b->anchor_count;
    ARENA_PUSH(b->a, b->anchors, b->anchor_count, b->anchor_cap, (anchored){0});
    value_set(b->a, &b->anchor_index, node->anchor, value_number((double)*ret_index));
    return 0;
}

static void complete_anchor(builder *b, size_t index, const yaml_node *node, size_t size,
                            unsigned height) {
    if (index != NO_ANCHOR) b->anchors[index] = (anchored){node, size, height};
}

static yaml_node *new_node(builder *b, yaml_kind kind, const yaml_event_t *ev,
                           const yaml_char_t *tag, const yaml_char_t *anchor) {
    yaml_node *node = ARENA_NEW(b->a, yaml_node);
    node->kind = kind;
    node->where = span_of(b, ev->start_mark, ev->end_mark);
    node->tag = tag ? arena_str(b->a, borrowed(tag)) : STR_EMPTY;
    node->anchor = anchor ? arena_str(b->a, borrowed(anchor)) : STR_EMPTY;
    node->text = STR_EMPTY;
    return node;
}

static int add_scalar(builder *b, const yaml_event_t *ev) {
    static const yaml_style styles[] = {
        [YAML_ANY_SCALAR_STYLE] = YAML_PLAIN,
        [YAML_PLAIN_SCALAR_STYLE] = YAML_PLAIN,
        [YAML_SINGLE_QUOTED_SCALAR_STYLE] = YAML_SINGLE,
        [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = YAML_DOUBLE,
        [YAML_LITERAL_SCALAR_STYLE] = YAML_LITERAL,
        [YAML_FOLDED_SCALAR_STYLE] = YAML_FOLDED,
    };
    yaml_node *node = new_node(b, YAML_SCALAR, ev, ev->data.scalar.tag, ev->data.scalar.anchor);
    node->style = styles[ev->data.scalar.style];
    node->text =
        arena_str(b->a, (str){(const char *)ev->data.scalar.value, ev->data.scalar.length});
    size_t anchor;
    int r = note_anchor(b, node, &anchor);
    if (r == 0) r = count_nodes(b, 1, node->where);
    if (r < 0) return r;
    complete_anchor(b, anchor, node, 1, 0);
    attach(b, node, 0);
    return 0;
}

static int open_collection(builder *b, yaml_node *node) {
    frame f = {.node = node, .nodes_before = b->nodes, .height = 0};
    int r = note_anchor(b, node, &f.anchor);
    if (r == 0) r = count_nodes(b, 1, node->where);
    if (r == 0) r = check_depth(b, 1, node->where);
    if (r < 0) return r;
    ARENA_PUSH(b->a, b->frames, b->depth, b->frames_cap, f);
    return 0;
}

static int close_collection(builder *b, const yaml_event_t *ev) {
    frame f = b->frames[b->depth - 1];
    f.node->where.end_line = (uint32_t)ev->end_mark.line + 1;
    f.node->where.end_column = (uint32_t)ev->end_mark.column + 1;
    int r = count_nodes(b, 1, f.node->where);
    if (r < 0) return r;
    complete_anchor(b, f.anchor, f.node, b->nodes - f.nodes_before, f.height + 1);
    b->depth--;
    attach(b, f.node, f.height + 1);
    return 0;
}

static int add_alias(builder *b, const yaml_event_t *ev) {
    span where = span_of(b, ev->start_mark, ev->end_mark);
    str name = borrowed(ev->data.alias.anchor);
    const value *index = value_get(&b->anchor_index, name);
    if (!index)
        return err_at(b->e, ERR_INVALID, where,
                      "Unknown anchor '%.*s' (a value that begins with '*' needs quotes)",
                      STR_ARG(name));
    const anchored *target = &b->anchors[(size_t)index->number];
    if (!target->node)
        return err_at(b->e, ERR_INVALID, where,
                      "The alias '%.*s' stands inside the node that it refers to", STR_ARG(name));
    int r = count_nodes(b, target->size, where);
    if (r == 0) r = check_depth(b, target->height, where);
    if (r < 0) return r;
    yaml_node *node = ARENA_NEW(b->a, yaml_node);
    *node = *target->node;
    node->from_alias = true;
    attach(b, node, target->height);
    return 0;
}

static int add_event(builder *b, const yaml_event_t *ev) {
    switch (ev->type) {
    case YAML_SCALAR_EVENT: return add_scalar(b, ev);
    case YAML_ALIAS_EVENT: return add_alias(b, ev);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(b, new_node(b, YAML_SEQUENCE, ev, ev->data.sequence_start.tag,
                                           ev->data.sequence_start.anchor));
    case YAML_MAPPING_START_EVENT:
        return open_collection(b, new_node(b, YAML_MAPPING, ev, ev->data.mapping_start.tag,
                                           ev->data.mapping_start.anchor));
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_collection(b, ev);
    case YAML_DOCUMENT_START_EVENT:
        if (!b->root) return 0;
        return err_at(b->e, ERR_INVALID, point(b, ev->start_mark.line + 1, 1),
                      "Expected stream end parse event: a second document begins here, and only "
                      "one is allowed");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    }
    return 0;
}

/* The byte at a place, or 0 past the end. */
static char byte_at(str text, yaml_mark_t mark) {
    str line = STR_EMPTY;
    for (size_t i = 0; i <= mark.line; i++) {
        if (!str_line(&text, &line)) return 0;
    }
    size_t at = 0;
    for (size_t i = 0; i < mark.column && at < line.len; i++)
        utf8_next(line, &at);
    return at < line.len ? line.ptr[at] : 0;
}

/* What to do about the mistakes that people make most. */
static const char *hint(str problem, char found) {
    if (str_is(problem, "found character that cannot start any token")) {
        if (found == '\t') return "a tab cannot indent; use spaces";
        return "a value that begins with this character needs quotes";
    }
    if (str_is(problem, "mapping values are not allowed in this context"))
        return "is the line indented too far, or does a value with ': ' in it need quotes?";
    if (str_is(problem, "did not find expected key") ||
        str_is(problem, "did not find expected '-' indicator") ||
        str_is(problem, "did not find expected <document start>"))
        return "is the line indented as those above it?";
    if (str_is(problem, "could not find expected ':'"))
        return "is a ':' missing, or a space after it?";
    if (str_is(problem, "found unexpected end of stream")) return "a quote is not closed";
    if (str_is(problem, "did not find expected alphabetic or numeric character"))
        return "a value that begins with '*' or '&' needs quotes";
    return NULL;
}

static int syntax_error(const builder *b, const yaml_parser_t *p) {
    str problem = str_from(p->problem);
    const char *advice = hint(problem, byte_at(b->text, p->problem_mark));
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_add(&text, problem);
    if (p->context) strbuf_addf(&text, " %s", p->context);
    if (p->context && p->context_mark.line != p->problem_mark.line)
        strbuf_addf(&text, " that began on line %zu", p->context_mark.line + 1);
    if (advice) strbuf_addf(&text, " (%s)", advice);
    return err_at(b->e, ERR_INVALID, point(b, p->problem_mark.line + 1, p->problem_mark.column + 1),
                  "%s", strbuf_cstr(&text));
}

/* libyaml knows only the offset of a byte or character that may not stand in YAML. */
static int character_error(const builder *b, const yaml_parser_t *p) {
    str before = str_sub(b->text, 0, p->problem_offset), line = STR_EMPTY, next;
    size_t lines = 0, column = 0;
    bool at_line_start = before.len == 0 || before.ptr[before.len - 1] == '\n';
    while (str_line(&before, &next))
        line = next, lines++;
    if (at_line_start)
        lines++;
    else
        for (size_t at = 0; at < line.len; column++)
            utf8_next(line, &at);
    span where = point(b, lines, column + 1);
    bool well_formed = utf8_valid(b->text);
    if (well_formed && p->problem_value >= 0)
        return err_at(b->e, ERR_INVALID, where,
                      "the control character U+%04X is not allowed in YAML",
                      (unsigned)p->problem_value);
    return err_at(b->e, ERR_INVALID, where, "the text is not valid UTF-8 here (%s)",
                  p->problem ? p->problem : "bad byte");
}

static int parser_error(const builder *b, const yaml_parser_t *p) {
    if (p->error == YAML_MEMORY_ERROR) oom();
    return p->error == YAML_READER_ERROR ? character_error(b, p) : syntax_error(b, p);
}

static int build(builder *b, yaml_parser_t *p) {
    for (bool more = true; more;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(p, &ev)) return parser_error(b, p);
        int r = add_event(b, &ev);
        more = ev.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&ev);
        if (r < 0) return r;
    }
    return 0;
}

/* Directives stand before the first document, among comments and empty lines. */
static int check_directives(const builder *b) {
    str rest = b->text, line;
    size_t count = 0, number = 0;
    while (str_line(&rest, &line)) {
        number++;
        str text = str_trim(line);
        if (text.len && text.ptr[0] != '#' && text.ptr[0] != '%') break;
        if (text.len && text.ptr[0] == '%' && ++count > MAX_DIRECTIVES)
            return err_at(b->e, ERR_LIMIT, point(b, number, 1), "more than %d directives",
                          MAX_DIRECTIVES);
    }
    return 0;
}

int yaml_parse(arena *a, str text, const char *file, const yaml_limits *limits,
               const yaml_node **ret, err *e) {
    builder b = {.a = a, .file = file, .e = e, .anchor_index = value_object_new(a, true)};
    if (limits) b.limits = *limits;
    if (!b.limits.max_bytes) b.limits.max_bytes = MAX_BYTES_DEFAULT;
    if (!b.limits.max_depth) b.limits.max_depth = MAX_DEPTH_DEFAULT;
    if (!b.limits.max_nodes) b.limits.max_nodes = MAX_NODES_DEFAULT;
    if (text.len > b.limits.max_bytes)
        return err_at(e, ERR_LIMIT, (span){.file = file}, "the text has more than %zu bytes",
                      b.limits.max_bytes);
    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = str_sub(text, 3, text.len);
    b.text = text;
    int r = check_directives(&b);
    if (r < 0) return r;

    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) oom();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    r = build(&b, &parser);
    yaml_parser_delete(&parser);
    if (r == 0) *ret = b.root;
    return r;
}

const yaml_node *yaml_get(const yaml_node *mapping, const char *key) {
    if (!mapping || mapping->kind != YAML_MAPPING) return NULL;
    for (size_t i = 0; i < mapping->mapping.count; i++) {
        const yaml_pair *p = &mapping->mapping.pairs[i];
        if (p->key->kind == YAML_SCALAR && str_is(p->key->text, key)) return p->item;
    }
    return NULL;
}
