/* filter.c: the patterns of branch, tag and path filters.
 *
 * A pattern is read into items (a character, a class, one of three stars), each with a count: once,
 * at most once (?), at least once (+). The text is then run through them as through a
 * nondeterministic automaton: a set of items that may come next, moved on by one code point at a
 * time. So the cost is pattern times text whatever the pattern says; nothing backtracks.
 *
 * Source: "Filter pattern cheat sheet",
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax */
#include "workflow/event.h"

#include <string.h>

#define PATTERN_MAX 1024 /* bytes; a git ref has at most 255, a path component likewise */

typedef enum item_kind {
    ITEM_CHAR,     /* exactly the bytes from..to */
    ITEM_CLASS,    /* one of what stands between brackets, from..to */
    ITEM_STAR,     /* any characters but '/' */
    ITEM_GLOBSTAR, /* any characters */
    ITEM_FOLDERS,  /* a double star and a slash: nothing, or anything that ends with '/' */
} item_kind;

typedef struct item {
    uint8_t kind;
    bool optional, repeated; /* of ITEM_CHAR and ITEM_CLASS */
    uint16_t from, to;
} item;

typedef struct pattern {
    str text;
    size_t count;
    item items[PATTERN_MAX];
} pattern;

static bool is_quantifiable(const item *it) {
    return (it->kind == ITEM_CHAR || it->kind == ITEM_CLASS) && !it->optional && !it->repeated;
}

static bool same_range(char from, char to) {
    return (from >= 'a' && to <= 'z') || (from >= 'A' && from <= 'Z' && to <= 'Z') ||
           (from >= '0' && from <= '9' && to <= '9');
}

/* Judges what stands between brackets. */
static int class_check(str pattern_text, str body, err *e) {
    if (body.len == 0)
        return err_set(e, ERR_INVALID, "the brackets in pattern '%.*s' are empty",
                       STR_ARG(pattern_text));
    for (size_t i = 1; i + 1 < body.len; i++) {
        if (body.ptr[i] != '-') continue;
        char from = body.ptr[i - 1], to = body.ptr[i + 1];
        if (from > to || !same_range(from, to))
            return err_set(e, ERR_INVALID,
                           "the range '%c-%c' in pattern '%.*s' is not part of a-z, A-Z or 0-9",
                           from, to, STR_ARG(pattern_text));
        i++;
    }
    return 0;
}

static item *add_item(pattern *p, item_kind kind, size_t from, size_t to) {
    item *it = &p->items[p->count++];
    *it = (item){.kind = (uint8_t)kind, .from = (uint16_t)from, .to = (uint16_t)to};
    return it;
}

/* Reads one item at `at`; gives the place behind it, or a negative code. */
static int read_item(pattern *p, size_t at, err *e) {
    str text = p->text;
    char c = text.ptr[at];
    switch (c) {
    case '*':
        if (at + 1 == text.len || text.ptr[at + 1] != '*') {
            add_item(p, ITEM_STAR, at, at + 1);
            return (int)at + 1;
        }
        if (at + 2 < text.len && text.ptr[at + 2] == '/' && (at == 0 || text.ptr[at - 1] == '/')) {
            add_item(p, ITEM_FOLDERS, at, at + 3);
            return (int)at + 3;
        }
        add_item(p, ITEM_GLOBSTAR, at, at + 2);
        return (int)at + 2;
    case '?':
    case '+':
        if (p->count == 0 || !is_quantifiable(&p->items[p->count - 1]))
            return err_set(e, ERR_INVALID, "'%c' in pattern '%.*s' has no character before it", c,
                           STR_ARG(text));
        p->items[p->count - 1].optional = c == '?';
        p->items[p->count - 1].repeated = c == '+';
        return (int)at + 1;
    case '[': {
        ptrdiff_t length = str_find_char(str_sub(text, at + 1, text.len), ']');
        if (length < 0)
            return err_set(e, ERR_INVALID, "'[' in pattern '%.*s' is not closed", STR_ARG(text));
        size_t to = at + 1 + (size_t)length;
        int code = class_check(text, str_sub(text, at + 1, to), e);
        if (code) return code;
        add_item(p, ITEM_CLASS, at + 1, to);
        return (int)to + 1;
    }
    case '\\':
        if (++at == text.len)
            return err_set(e, ERR_INVALID, "pattern '%.*s' ends with a lone '\\'", STR_ARG(text));
        break;
    default: break;
    }
    size_t to = at;
    utf8_next(text, &to);
    add_item(p, ITEM_CHAR, at, to);
    return (int)to;
}

static int pattern_read(pattern *p, str text, err *e) {
    p->text = text;
    p->count = 0;
    if (text.len == 0) return err_set(e, ERR_INVALID, "a filter pattern is empty");
    if (text.len > PATTERN_MAX)
        return err_set(e, ERR_LIMIT, "a filter pattern is longer than %d bytes", PATTERN_MAX);
    for (int at = 0; (size_t)at < text.len;) {
        at = read_item(p, (size_t)at, e);
        if (at < 0) return at;
    }
    return 0;
}

static bool class_has(str body, str c) {
    for (size_t i = 0; i < body.len;) {
        size_t to = i;
        utf8_next(body, &to);
        if (to - i == 1 && to + 1 < body.len && body.ptr[to] == '-') {
            if (c.len == 1 && c.ptr[0] >= body.ptr[i] && c.ptr[0] <= body.ptr[to + 1]) return true;
            i = to + 2;
            continue;
        }
        if (str_eq(str_sub(body, i, to), c)) return true;
        i = to;
    }
    return false;
}

/* Whether the item takes this code point. */
static bool item_takes(const pattern *p, const item *it, str c) {
    switch ((item_kind)it->kind) {
    case ITEM_CHAR: return str_eq(str_sub(p->text, it->from, it->to), c);
    case ITEM_CLASS: return class_has(str_sub(p->text, it->from, it->to), c);
    case ITEM_STAR: return c.ptr[0] != '/';
    case ITEM_GLOBSTAR:
    case ITEM_FOLDERS: return true;
    }
    return false;
}

/* Adds `at` to the set, and what follows it where the items there need nothing. */
static void reach(const pattern *p, bool *next, size_t at) {
    for (;; at++) {
        if (next[at]) return;
        next[at] = true;
        if (at == p->count) return;
        const item *it = &p->items[at];
        bool skips = it->optional || it->kind == ITEM_STAR || it->kind == ITEM_GLOBSTAR ||
                     it->kind == ITEM_FOLDERS;
        if (!skips) return;
    }
}

static bool pattern_run(const pattern *p, str text) {
    /* now[i]: item i may take the next code point. inside[i]: FOLDERS has taken some already, and
     * only a '/' leads out of it. */
    bool now[PATTERN_MAX + 1], next[PATTERN_MAX + 1], inside[PATTERN_MAX + 1];
    memset(now, 0, p->count + 1);
    memset(inside, 0, p->count + 1);
    reach(p, now, 0);
    for (size_t i = 0; i < text.len;) {
        size_t to = i;
        utf8_next(text, &to);
        str c = str_sub(text, i, to);
        i = to;
        memset(next, 0, p->count + 1);
        for (size_t k = 0; k < p->count; k++) {
            const item *it = &p->items[k];
            if (it->kind == ITEM_FOLDERS) {
                inside[k] = inside[k] || now[k];
                if (inside[k] && c.ptr[0] == '/') reach(p, next, k + 1);
                continue;
            }
            if (!now[k] || !item_takes(p, it, c)) continue;
            if (it->kind == ITEM_STAR || it->kind == ITEM_GLOBSTAR) {
                reach(p, next, k);
            } else {
                reach(p, next, k + 1);
                if (it->repeated) next[k] = true;
            }
        }
        memcpy(now, next, p->count + 1);
    }
    return now[p->count];
}

int filter_pattern_check(str text, err *e) {
    pattern p;
    if (text.len && text.ptr[0] == '!') text = str_sub(text, 1, text.len);
    return pattern_read(&p, text, e);
}

bool filter_pattern_match(str text, str subject) {
    pattern p;
    return pattern_read(&p, text, NULL) == 0 && pattern_run(&p, subject);
}

bool filter_list_match(const str *patterns, size_t count, str text) {
    /* From the end: the last pattern that matches decides. */
    for (size_t i = count; i-- > 0;) {
        str pattern_text = patterns[i];
        bool negative = pattern_text.len && pattern_text.ptr[0] == '!';
        if (negative) pattern_text = str_sub(pattern_text, 1, pattern_text.len);
        if (filter_pattern_match(pattern_text, text)) return !negative;
    }
    return false;
}
