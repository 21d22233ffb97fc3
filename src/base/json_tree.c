#include "base/json_tree.h"

#include <string.h>

#define DEPTH_MAX 100
#define NODES_MAX 8000000

typedef struct parser {
    arena *a;
    str text;
    size_t at;
    const char *file;
    unsigned max_depth;
    size_t nodes_left, max_nodes;
    /* Members of the collections that are open: each is copied out when it closes. */
    json_member *stack;
    size_t count, cap;
} parser;

static span place(const parser *p, size_t at) {
    span where = {.file = p->file, .line = 1, .column = 1};
    for (size_t i = 0; i < at;) {
        bool ends = p->text.ptr[i] == '\n';
        utf8_next(p->text, &i);
        where.column = ends ? 1 : where.column + 1;
        where.line += ends;
    }
    return where;
}

static int wrong(const parser *p, err *e, const char *what) {
    if (p->at >= p->text.len)
        return err_at(e, ERR_INVALID, place(p, p->text.len),
                      "is no JSON: the file ends where %s is expected", what);
    return err_at(e, ERR_INVALID, place(p, p->at), "is no JSON: expected %s", what);
}

static int peek(const parser *p) {
    return p->at < p->text.len ? (unsigned char)p->text.ptr[p->at] : -1;
}

static void skip_space(parser *p) {
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') break;
        p->at++;
    }
}

static bool take(parser *p, char c) {
    skip_space(p);
    if (peek(p) != c) return false;
    p->at++;
    return true;
}

/* ---- strings -------------------------------------------------------------------------------- */

static bool take_hex(parser *p, uint32_t *ret) {
    uint64_t bits;
    if (p->text.len - p->at < 4 || !str_to_bits(str_sub(p->text, p->at, p->at + 4), 16, &bits))
        return false;
    p->at += 4;
    *ret = (uint32_t)bits;
    return true;
}

/* After \u. A surrogate without its other half becomes U+FFFD. */
static bool take_unit(parser *p, uint32_t *ret) {
    uint32_t high, low;
    if (!take_hex(p, &high)) return false;
    *ret = high;
    if (high < 0xD800 || high > 0xDFFF) return true;
    *ret = 0xFFFD;
    size_t before = p->at;
    if (high <= 0xDBFF && str_starts(str_sub(p->text, p->at, p->text.len), STR("\\u"))) {
        p->at += 2;
        if (!take_hex(p, &low)) return false;
        if (low >= 0xDC00 && low <= 0xDFFF)
            *ret = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        else
            p->at = before;
    }
    return true;
}

static bool take_escape(parser *p, strbuf *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(p);
    p->at += c >= 0;
    if (c == 'u') {
        uint32_t code;
        char utf8[4];
        if (!take_unit(p, &code)) return false;
        strbuf_add(out, (str){utf8, utf8_put(code, utf8)});
        return true;
    }
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (found) strbuf_addc(out, to[found - from]);
    return found != NULL;
}

static int take_string(parser *p, str *ret, err *e) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t begin = ++p->at;
    bool plain = true;
    for (;;) {
        int c = peek(p);
        if (c < 0x20) return wrong(p, e, c < 0 ? "the end of a string" : "no control character");
        if (c == '"') break;
        if (c != '\\') {
            if (!plain) strbuf_addc(&out, (char)c);
            p->at++;
            continue;
        }
        if (plain) strbuf_add(&out, str_sub(p->text, begin, p->at));
        plain = false;
        p->at++;
        if (!take_escape(p, &out)) return wrong(p, e, "an escape");
    }
    *ret = plain ? str_sub(p->text, begin, p->at) : arena_str(p->a, strbuf_str(&out));
    if (!utf8_valid(*ret)) {
        p->at = begin;
        return wrong(p, e, "UTF-8");
    }
    p->at++;
    return 0;
}

/* ---- values --------------------------------------------------------------------------------- */

static bool take_digits(parser *p) {
    size_t begin = p->at;
    while (peek(p) >= '0' && peek(p) <= '9')
        p->at++;
    return p->at > begin;
}

static int take_number(parser *p, json_node *n, err *e) {
    if (peek(p) == '-') p->at++;
    if (peek(p) == '0')
        p->at++;
    else if (!take_digits(p))
        return wrong(p, e, "a value");
    if (peek(p) == '.') {
        p->at++;
        if (!take_digits(p)) return wrong(p, e, "a digit");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->at++;
        if (peek(p) == '+' || peek(p) == '-') p->at++;
        if (!take_digits(p)) return wrong(p, e, "a digit");
    }
    n->kind = JSON_NUMBER;
    n->text = str_sub(p->text, n->begin, p->at);
    return 0;
}

static const struct {
    str word;
    json_kind kind;
    bool truth;
} words[] = {{STR_INIT("true"), JSON_BOOL, true},
             {STR_INIT("false"), JSON_BOOL, false},
             {STR_INIT("null"), JSON_NULL, false}};

static bool take_word(parser *p, json_node *n) {
    str rest = str_sub(p->text, p->at, p->text.len);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_starts(rest, words[i].word)) continue;
        n->kind = words[i].kind;
        n->boolean = words[i].truth;
        p->at += words[i].word.len;
        return true;
    }
    return false;
}

static int take_value(parser *p, unsigned depth, json_node **ret, err *e);

static int take_member(parser *p, bool keyed, unsigned depth, err *e) {
    json_member m = {0};
    skip_space(p);
    m.at = p->at;
    if (keyed) {
        if (peek(p) != '"') return wrong(p, e, "a key");
        if (take_string(p, &m.key, e) < 0) return e->code;
        if (!take(p, ':')) return wrong(p, e, "':'");
    }
    if (take_value(p, depth, &m.item, e) < 0) return e->code;
    ARENA_PUSH(p->a, p->stack, p->count, p->cap, m);
    return 0;
}

static int take_members(parser *p, unsigned depth, json_node *n, err *e) {
    size_t first = p->count;
    char end = p->text.ptr[p->at++] == '{' ? '}' : ']';
    n->kind = end == '}' ? JSON_OBJECT : JSON_ARRAY;
    if (depth == 0)
        return err_at(e, ERR_LIMIT, place(p, n->begin), "is nested more than %u deep",
                      p->max_depth);
    if (!take(p, end)) {
        do {
            if (take_member(p, end == '}', depth - 1, e) < 0) return e->code;
        } while (take(p, ','));
        if (!take(p, end)) return wrong(p, e, end == '}' ? "',' or '}'" : "',' or ']'");
    }
    n->count = p->count - first;
    n->members = ARENA_ARRAY(p->a, json_member, n->count);
    if (n->count) memcpy(n->members, p->stack + first, n->count * sizeof *n->members);
    p->count = first;
    return 0;
}

static int take_value(parser *p, unsigned depth, json_node **ret, err *e) {
    json_node *n = ARENA_NEW(p->a, json_node);
    skip_space(p);
    n->begin = p->at;
    if (p->nodes_left-- == 0)
        return err_at(e, ERR_LIMIT, place(p, p->at), "has more than %zu values", p->max_nodes);
    int c = peek(p), r = 0;
    if (c == '{' || c == '[')
        r = take_members(p, depth, n, e);
    else if (c == '"') {
        n->kind = JSON_STRING;
        r = take_string(p, &n->text, e);
    } else if (!take_word(p, n))
        r = take_number(p, n, e);
    n->end = p->at;
    *ret = n;
    return r;
}

int json_tree_parse(arena *a, str text, const char *file, const json_limits *limits,
                    json_node **ret, err *e) {
    parser p = {.a = a, .text = text, .file = file};
    p.max_depth = limits && limits->max_depth ? limits->max_depth : DEPTH_MAX;
    p.nodes_left = p.max_nodes = limits && limits->max_nodes ? limits->max_nodes : NODES_MAX;
    if (str_starts(text, STR("\xEF\xBB\xBF"))) p.at = 3;
    if (take_value(&p, p.max_depth, ret, e) < 0) return e->code;
    skip_space(&p);
    return p.at < text.len ? wrong(&p, e, "nothing more") : 0;
}

/* ---- looking up ------------------------------------------------------------------------------ */

const json_node *json_tree_get(const json_node *object, const char *key) {
    if (!object || object->kind != JSON_OBJECT) return NULL;
    size_t len = strlen(key);
    for (size_t i = object->count; i-- > 0;) {
        const json_member *m = &object->members[i];
        if (m->key.len == len && memcmp(m->key.ptr, key, len) == 0) return m->item;
    }
    return NULL;
}

str json_tree_str(const json_node *object, const char *key) {
    const json_node *n = json_tree_get(object, key);
    return n && n->kind == JSON_STRING ? n->text : STR_EMPTY;
}

bool json_tree_true(const json_node *object, const char *key) {
    const json_node *n = json_tree_get(object, key);
    return n && n->kind == JSON_BOOL && n->boolean;
}
