/* From YAML to tokens. One walk over the tree of nodes, led by the schema: every node meets the
 * definition of its place, which says what it may be and what an expression in it may use. Texts,
 * places and the order of errors are GitHub's, so that what a person sees here and on github.com
 * is the same. */
#include "base/nameset.h"
#include "workflow/interpolate.h"
#include "workflow/reading.h"

#include <stdlib.h>

/* GitHub's cap on nodes with every alias expanded. */
#define NODES_MAX 50000
/* How much deeper than the limit the YAML reader may go, so that it is this one that complains. */
#define DEPTH_SLACK 64

static token *read_value(reading *r, const yaml_node *n, uint16_t definition, uint32_t scope);

/* ---- literals ------------------------------------------------------------------------------ */

static bool scalar_value(reading *r, const yaml_node *n, value *ret) {
    err e = {0};
    if (yaml_scalar(n, ret, &e) == 0) return true;
    reading_stop(r, n->where, "syntax", "%s", e.message);
    return false;
}

static token *literal_new(reading *r, const yaml_node *n) {
    value v;
    if (!scalar_value(r, n, &v)) return NULL;
    token *t = ARENA_NEW(r->a, token);
    *t = (token){.style = n->style, .where = n->where, .source = n->text};
    switch (v.kind) {
    case VALUE_NULL: t->kind = TOKEN_NULL; break;
    case VALUE_BOOL:
        t->kind = TOKEN_BOOL;
        t->boolean = v.boolean;
        break;
    case VALUE_NUMBER:
        t->kind = TOKEN_NUMBER;
        t->number = v.number;
        break;
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT:
        t->kind = TOKEN_STRING;
        t->text = n->text;
        break;
    }
    return t;
}

/* GitHub's arithmetic: 24 bytes for any object, 26 more for a text and two for each of its UTF-16
 * units. It need not be exact, but it must be the same. */
enum { BYTES_OBJECT = 24, BYTES_TEXT = 26 };

static size_t text_bytes(str text) {
    return BYTES_TEXT + utf16_units(text) * 2;
}

static bool count_token(reading *r, const token *t) {
    size_t bytes = BYTES_OBJECT;
    if (t->kind == TOKEN_STRING || t->kind == TOKEN_EXPR) bytes += text_bytes(t->text);
    return reading_bytes(r, t->where.file, bytes);
}

/* ---- judging ------------------------------------------------------------------------------- */

static void make_string(reading *r, token *t) {
    t->text = token_display(r->a, t);
    t->kind = TOKEN_STRING;
}

#define SUGGESTIONS_MAX 64

static void unexpected_literal(reading *r, const token *t, uint16_t definition) {
    str known[SUGGESTIONS_MAX];
    size_t count = schema_texts(definition, known, 0, SUGGESTIONS_MAX);
    str shown = token_display(r->a, t);
    reading_error_help(r, t->where, "syntax", reading_suggest(r, shown, known, count),
                       "Unexpected value '%.*s'", STR_ARG(shown));
}

/* Judges a scalar. A number or boolean where only text is allowed becomes that text. */
static void judge_scalar(reading *r, token *t, uint16_t definition, uint32_t scope) {
    t->definition = definition;
    if (t->kind == TOKEN_EXPR) {
        if (scope == 0)
            reading_error(r, t->where, "expression",
                          "A template expression is not allowed in this context");
        return;
    }
    if (t->kind != TOKEN_INSERT) {
        if (schema_accepts(definition, t)) return;
        if (t->kind != TOKEN_STRING) {
            token text = *t;
            make_string(r, &text);
            if (schema_accepts(definition, &text)) {
                *t = text;
                return;
            }
        }
    }
    unexpected_literal(r, t, definition);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* Counts a node on the way in; false when reading must stop. */
static bool enter(reading *r, const yaml_node *n) {
    if (r->stopped) return false;
    if (r->no_anchors && n->anchor.len > 0) {
        reading_stop(r, n->where, "syntax",
                     "Anchors are not currently supported. Remove the anchor '%.*s'",
                     STR_ARG(n->anchor));
        return false;
    }
    if (n->kind == YAML_SCALAR) return true;
    if (r->depth >= r->limits.max_depth) {
        reading_stop(r, n->where, "limit", "Maximum object depth exceeded");
        return false;
    }
    r->depth++;
    return true;
}

static void leave(reading *r, const yaml_node *n) {
    if (n->kind != YAML_SCALAR) r->depth--;
}

/* Walks what is not kept: limits hold there too. */
static void skip_value(reading *r, const yaml_node *n) {
    if (!enter(r, n)) return;
    if (n->kind == YAML_SEQUENCE) {
        for (size_t i = 0; i < n->sequence.count; i++)
            skip_value(r, n->sequence.items[i]);
    } else if (n->kind == YAML_MAPPING) {
        for (size_t i = 0; i < n->mapping.count; i++) {
            skip_value(r, n->mapping.pairs[i].key);
            skip_value(r, n->mapping.pairs[i].item);
        }
    }
    leave(r, n);
}

static token *read_scalar(reading *r, const yaml_node *n, uint16_t definition, uint32_t scope) {
    token *t = literal_new(r, n);
    if (!t) return NULL;
    if (t->kind == TOKEN_STRING) interpolate(r, t, scope);
    judge_scalar(r, t, definition, scope);
    return count_token(r, t) ? t : NULL;
}

static token *collection_new(reading *r, const yaml_node *n, token_kind kind, uint16_t definition) {
    token *t = ARENA_NEW(r->a, token);
    *t = (token){.kind = kind, .where = n->where, .definition = definition};
    return count_token(r, t) ? t : NULL;
}

static token *read_sequence(reading *r, const yaml_node *n, uint16_t definition, uint32_t scope) {
    token *t = collection_new(r, n, TOKEN_SEQUENCE, definition);
    if (!t) return NULL;
    uint16_t form = schema_alternative(definition, SCHEMA_SEQUENCE);
    if (form == D_NONE) {
        reading_error(r, t->where, "syntax", "A sequence was not expected");
        for (size_t i = 0; i < n->sequence.count; i++)
            skip_value(r, n->sequence.items[i]);
        return t;
    }
    t->sequence.items = ARENA_ARRAY(r->a, const token *, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        const token *item = read_value(r, n->sequence.items[i], schema_table[form].item, scope);
        if (!item) return NULL;
        t->sequence.items[t->sequence.count++] = item;
    }
    return t;
}

/* ---- mappings ------------------------------------------------------------------------------ */

typedef struct mapping_reader {
    reading *r;
    token *t;
    uint32_t scope;
    uint16_t forms[SCHEMA_MAPPINGS_MAX]; /* those that still fit the keys seen */
    size_t form_count;
    nameset keys;
    bool expression_key;
} mapping_reader;

/* Keys of steps that are switched off are in the schema but not in the language. */
static bool switched_off(const mapping_reader *m, str key) {
    return m->r->no_background && m->t->definition == D_STEPS_ITEM &&
           (str_is(key, "background") || str_is(key, "wait") || str_is(key, "wait-all") ||
            str_is(key, "cancel"));
}

static void unexpected_key(mapping_reader *m, const token *key) {
    str known[SUGGESTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < m->form_count; i++) {
        const schema_definition *d = &schema_table[m->forms[i]];
        for (size_t j = 0; j < d->property_count && count < SUGGESTIONS_MAX; j++)
            known[count++] = d->properties[j].name;
    }
    reading_error_help(m->r, key->where, "syntax", reading_suggest(m->r, key->text, known, count),
                       "Unexpected value '%.*s'", STR_ARG(key->text));
}

static bool add_pair(mapping_reader *m, const token *key, const yaml_node *item,
                     uint16_t definition) {
    if (!count_token(m->r, key)) return false;
    const token *t = read_value(m->r, item, definition, m->scope);
    if (!t) return false;
    m->t->mapping.pairs[m->t->mapping.count++] = (token_pair){key, t};
    return true;
}

/* ${{ insert }} or an expression as a key. */
static bool read_expression_key(mapping_reader *m, const token *key, const yaml_node *item,
                                uint16_t definition) {
    m->expression_key = true;
    if (m->scope != 0) return add_pair(m, key, item, definition);
    reading_error(m->r, key->where, "expression",
                  "A template expression is not allowed in this context");
    skip_value(m->r, item);
    return !m->r->stopped;
}

static bool read_pair(mapping_reader *m, const yaml_pair *pair) {
    reading *r = m->r;
    bool all_loose = m->form_count == 1 && schema_table[m->forms[0]].property_count == 0;
    const schema_definition *first = &schema_table[m->forms[0]];
    if (pair->key->kind != YAML_SCALAR) {
        reading_stop(r, pair->key->where, "syntax", "Expected mapping end");
        return false;
    }
    if (!enter(r, pair->key)) return false;
    token *key = literal_new(r, pair->key);
    if (!key) return false;
    if (key->kind == TOKEN_STRING) interpolate(r, key, m->scope);
    if (key->kind == TOKEN_EXPR || key->kind == TOKEN_INSERT)
        return read_expression_key(m, key, pair->item, all_loose ? first->loose_item : D_ANY);
    if (key->kind != TOKEN_STRING) make_string(r, key);
    if (!nameset_add(&m->keys, key->text)) {
        reading_error(r, key->where, "syntax", "'%.*s' is already defined", STR_ARG(key->text));
        skip_value(r, pair->item);
        return !r->stopped;
    }
    uint16_t definition = D_NONE;
    if (!switched_off(m, key->text))
        definition = schema_match_key(m->forms, &m->form_count, key->text);
    if (definition == D_NONE && first->loose_key != D_NONE) {
        judge_scalar(r, key, first->loose_key, m->scope);
        definition = first->loose_item;
    }
    if (definition != D_NONE) return add_pair(m, key, pair->item, definition);
    unexpected_key(m, key);
    skip_value(r, pair->item);
    return !r->stopped;
}

/* The keys that would tell the forms apart: those that only one of them has. */
static void cannot_tell(mapping_reader *m) {
    str names[SUGGESTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < m->form_count; i++) {
        const schema_definition *d = &schema_table[m->forms[i]];
        for (size_t j = 0; j < d->property_count && count < SUGGESTIONS_MAX; j++) {
            bool unique = !switched_off(m, d->properties[j].name);
            for (size_t k = 0; k < m->form_count; k++)
                unique &= k == i || !schema_property_of(m->forms[k], d->properties[j].name);
            if (unique) names[count++] = d->properties[j].name;
        }
    }
    qsort(names, count, sizeof *names, str_order);
    _cleanup_strbuf_ strbuf list = STRBUF_INIT;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    reading_error(m->r, m->t->where, "syntax",
                  "There's not enough info to determine what you meant. Add one of these "
                  "properties: %s",
                  strbuf_cstr(&list));
}

static void check_required(mapping_reader *m) {
    const schema_definition *d = &schema_table[m->forms[0]];
    for (size_t i = 0; i < d->property_count; i++)
        if (d->properties[i].required && nameset_find(&m->keys, d->properties[i].name) < 0)
            reading_error(m->r, m->t->where, "syntax", "Required property is missing: %.*s",
                          STR_ARG(d->properties[i].name));
}

static token *read_mapping(reading *r, const yaml_node *n, uint16_t definition, uint32_t scope) {
    token *t = collection_new(r, n, TOKEN_MAPPING, definition);
    if (!t) return NULL;
    mapping_reader m = {.r = r, .t = t, .scope = scope, .keys = NAMESET(r->a)};
    m.form_count = schema_mappings(definition, m.forms);
    if (m.form_count == 0) {
        reading_error(r, t->where, "syntax", "A mapping was not expected");
        for (size_t i = 0; i < n->mapping.count; i++) {
            skip_value(r, n->mapping.pairs[i].key);
            skip_value(r, n->mapping.pairs[i].item);
        }
        return t;
    }
    t->mapping.pairs = ARENA_ARRAY(r->a, token_pair, n->mapping.count);
    for (size_t i = 0; i < n->mapping.count; i++)
        if (!read_pair(&m, &n->mapping.pairs[i])) return NULL;
    if (m.form_count > 1)
        cannot_tell(&m);
    else if (!m.expression_key)
        check_required(&m);
    return t;
}

static token *read_value(reading *r, const yaml_node *n, uint16_t definition, uint32_t scope) {
    if (!enter(r, n)) return NULL;
    scope |= schema_table[definition].scope;
    token *t = NULL;
    switch (n->kind) {
    case YAML_SCALAR: t = read_scalar(r, n, definition, scope); break;
    case YAML_SEQUENCE: t = read_sequence(r, n, definition, scope); break;
    case YAML_MAPPING: t = read_mapping(r, n, definition, scope); break;
    case YAML_KIND_COUNT: break;
    }
    leave(r, n);
    return t;
}

/* ---- files --------------------------------------------------------------------------------- */

const token *reading_file(reading *r, str source, const char *file, uint16_t definition) {
    r->stopped = false;
    r->depth = 0;
    r->file = (place_index){.a = r->a, .source = source};
    if (!reading_bytes(r, file, text_bytes(str_from(file)))) return NULL;
    if (source.len > r->limits.max_file_bytes) {
        reading_stop(r, (span){.file = file}, "limit",
                     "The maximum file size of %zu characters has been exceeded",
                     r->limits.max_file_bytes);
        return NULL;
    }
    const yaml_limits limits = {
        .max_bytes = r->limits.max_file_bytes,
        .max_depth = r->limits.max_depth + DEPTH_SLACK,
        .max_nodes = NODES_MAX,
        .anchors = true,
    };
    const yaml_node *root = NULL;
    err e = {0};
    if (yaml_parse(r->a, source, file, &limits, &root, &e) < 0) {
        reading_error(r, e.where.line ? e.where : (span){.file = file},
                      e.code == ERR_LIMIT ? "limit" : "syntax", "%s", e.message);
        return NULL;
    }
    if (!root) {
        reading_error(r, (span){.file = file, 1, 1, 1, 1}, "syntax", "The file is empty");
        return NULL;
    }
    return read_value(r, root, definition, 0);
}
