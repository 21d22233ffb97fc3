/* regex.c: a parsed pattern in the words of PCRE2, and matching.
 *
 * What is written has no flags but (?i:…) around letters, so that it means the same to vectorscan,
 * which reads it too. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "scan/secrets/regex.h"

#include "scan/secrets/regex_tree.h"

#include <limits.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* What one search may cost. With JIT these are counted at fewer points than without. */
#define STEP_LIMIT     10000000
#define DEPTH_LIMIT    50000
#define HEAP_LIMIT_KIB 65536
#define JIT_STACK_MAX  ((size_t)1 << 20)

/* ---- widths --------------------------------------------------------------------------------- */

static size_t plus(size_t a, size_t b) {
    size_t sum;
    return a == REGEX_UNBOUNDED || b == REGEX_UNBOUNDED || __builtin_add_overflow(a, b, &sum)
               ? REGEX_UNBOUNDED
               : sum;
}

static size_t times(size_t a, unsigned n) {
    size_t product;
    if (a == 0 || n == 0) return 0;
    return a == REGEX_UNBOUNDED || n == RX_NO_END || __builtin_mul_overflow(a, (size_t)n, &product)
               ? REGEX_UNBOUNDED
               : product;
}

regex_width regex_width_add(regex_width a, regex_width b) {
    return (regex_width){plus(a.min, b.min), plus(a.max, b.max)};
}

regex_width regex_width_of(const regex_node *n) {
    char unit[4];
    regex_width w = {0, 0};
    switch (n->kind) {
    case RX_CHAR: w.min = w.max = utf8_put(n->code, unit); break;
    case RX_CLASS:
    case RX_ANY: w = (regex_width){1, 1}; break;
    case RX_CAT:
    case RX_CAPTURE:
        for (size_t i = 0; i < n->count; i++)
            w = regex_width_add(w, regex_width_of(n->parts[i]));
        break;
    case RX_ALT:
        w.min = REGEX_UNBOUNDED;
        for (size_t i = 0; i < n->count; i++) {
            regex_width part = regex_width_of(n->parts[i]);
            if (part.min < w.min) w.min = part.min;
            if (part.max > w.max) w.max = part.max;
        }
        break;
    case RX_REPEAT: {
        regex_width part = regex_width_of(n->parts[0]);
        w = (regex_width){times(part.min, n->min), times(part.max, n->max)};
        break;
    }
    case RX_EMPTY:
    case RX_TEXT_BEGIN:
    case RX_TEXT_END:
    case RX_LINE_BEGIN:
    case RX_LINE_END:
    case RX_WORD_EDGE:
    case RX_NO_WORD_EDGE:
    case RX_KIND_COUNT: break;
    }
    return w;
}

static bool has_ascii(const regex_node *n, unsigned c) {
    return n->ascii[c >> 6] >> (c & 63) & 1;
}

size_t regex_lines_of(const regex_node *n) {
    size_t lines = 0;
    switch (n->kind) {
    case RX_CHAR: return n->code == '\n';
    case RX_CLASS: return has_ascii(n, '\n') != n->negated;
    case RX_ANY: return n->newline;
    case RX_CAT:
    case RX_CAPTURE:
        for (size_t i = 0; i < n->count; i++)
            lines = plus(lines, regex_lines_of(n->parts[i]));
        return lines;
    case RX_ALT:
        for (size_t i = 0; i < n->count; i++) {
            size_t part = regex_lines_of(n->parts[i]);
            lines = part > lines ? part : lines;
        }
        return lines;
    case RX_REPEAT: return times(regex_lines_of(n->parts[0]), n->max);
    case RX_EMPTY:
    case RX_TEXT_BEGIN:
    case RX_TEXT_END:
    case RX_LINE_BEGIN:
    case RX_LINE_END:
    case RX_WORD_EDGE:
    case RX_NO_WORD_EDGE:
    case RX_KIND_COUNT: break;
    }
    return 0;
}

/* ---- what a tree needs ---------------------------------------------------------------------- */

static bool needs_utf(const regex_node *n) {
    if (n->kind == RX_CHAR) return n->fold && n->code >= 0x80;
    if (n->kind == RX_CLASS) return n->item_count > 0;
    for (size_t i = 0; i < n->count; i++) {
        if (needs_utf(n->parts[i])) return true;
    }
    return false;
}

#define HAS_FOLDED 1u /* letters without case */
#define HAS_EXACT  2u /* letters with */

/* Whether the letters of a class are there in both cases or in none, so that the flag changes
 * nothing. */
static bool is_even(const regex_node *n) {
    const uint64_t letters = (UINT64_C(1) << 26) - 1;
    return (n->ascii[1] >> 1 & letters) == (n->ascii[1] >> 33 & letters);
}

static unsigned cases_of(const regex_node *n) {
    unsigned has = 0;
    if (n->kind == RX_CHAR) {
        bool letter = (n->code | 0x20) >= 'a' && (n->code | 0x20) <= 'z';
        return n->fold ? HAS_FOLDED : letter || n->code >= 0x80 ? HAS_EXACT : 0;
    }
    /* A class without case has its letters in both; what is beyond ASCII asks for the flag. */
    if (n->kind == RX_CLASS && n->item_count) return n->fold ? HAS_FOLDED : HAS_EXACT;
    if (n->kind == RX_CLASS) return is_even(n) ? 0 : HAS_EXACT;
    for (size_t i = 0; i < n->count; i++)
        has |= cases_of(n->parts[i]);
    return has;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct writer {
    strbuf out;
    bool utf, fold;
    bool loose; /* write more than the pattern takes; see regex.h */
} writer;

static void write_node(writer *w, const regex_node *n);

static void write_byte(writer *w, unsigned c) {
    bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (plain)
        strbuf_addc(&w->out, (char)c);
    else
        strbuf_addf(&w->out, "\\x%02x", c);
}

static void write_char(writer *w, uint32_t code) {
    char unit[4];
    if (code < 0x80) {
        write_byte(w, code);
        return;
    }
    if (w->utf) {
        strbuf_addf(&w->out, "\\x{%x}", code);
        return;
    }
    size_t size = utf8_put(code, unit);
    strbuf_adds(&w->out, "(?:");
    for (size_t i = 0; i < size; i++)
        write_byte(w, (unsigned char)unit[i]);
    strbuf_addc(&w->out, ')');
}

static void write_class(writer *w, const regex_node *n) {
    bool empty = !n->ascii[0] && !n->ascii[1] && !n->high && !n->item_count;
    if (empty) { /* [^\s\S], and its opposite */
        strbuf_adds(&w->out, n->negated ? "(?s:.)" : "(?!)");
        return;
    }
    strbuf_adds(&w->out, n->negated ? "[^" : "[");
    for (unsigned c = 0; c < 128; c++) {
        unsigned end = c;
        if (!has_ascii(n, c)) continue;
        while (end + 1 < 128 && has_ascii(n, end + 1))
            end++;
        write_byte(w, c);
        if (end > c + 1) strbuf_addc(&w->out, '-');
        if (end > c) write_byte(w, end);
        c = end;
    }
    if (n->high) strbuf_adds(&w->out, w->utf ? "\\x{80}-\\x{10ffff}" : "\\x80-\\xff");
    for (size_t i = 0; i < n->item_count; i++) {
        const regex_item *item = &n->items[i];
        if (item->property.len)
            strbuf_add(&w->out, item->property);
        else
            strbuf_addf(&w->out, "\\x{%x}-\\x{%x}", item->low, item->high);
    }
    strbuf_addc(&w->out, ']');
}

static void write_parts(writer *w, const regex_node *n, const char *between) {
    for (size_t i = 0; i < n->count; i++) {
        if (i) strbuf_adds(&w->out, between);
        write_node(w, n->parts[i]);
    }
}

static void write_repeat(writer *w, const regex_node *n) {
    const regex_node *part = n->parts[0];
    bool simple = part->kind == RX_CHAR || part->kind == RX_CLASS || part->kind == RX_ANY ||
                  part->kind == RX_CAPTURE;
    if (!simple) strbuf_adds(&w->out, "(?:");
    write_node(w, part);
    if (!simple) strbuf_addc(&w->out, ')');
    bool has_end = n->max != RX_NO_END;
    if (w->loose && n->min == 0 && n->max > 1 && (part->kind == RX_CLASS || part->kind == RX_ANY))
        has_end = false;
    if (!has_end && n->min <= 1)
        strbuf_addc(&w->out, n->min ? '+' : '*');
    else if (n->min == 0 && n->max == 1)
        strbuf_addc(&w->out, '?');
    else if (!has_end)
        strbuf_addf(&w->out, "{%u,}", n->min);
    else if (n->max == n->min)
        strbuf_addf(&w->out, "{%u}", n->min);
    else
        strbuf_addf(&w->out, "{%u,%u}", n->min, n->max);
    if (n->lazy && n->max != n->min) strbuf_addc(&w->out, '?');
}

static void write_bare(writer *w, const regex_node *n) {
    switch (n->kind) {
    case RX_CHAR: write_char(w, n->code); break;
    case RX_CLASS: write_class(w, n); break;
    case RX_ANY: strbuf_adds(&w->out, n->newline ? "(?s:.)" : "[^\\x0a]"); break;
    case RX_TEXT_BEGIN: strbuf_adds(&w->out, "\\A"); break;
    case RX_TEXT_END: strbuf_adds(&w->out, "\\z"); break;
    case RX_LINE_BEGIN: strbuf_adds(&w->out, "(?m:^)"); break;
    case RX_LINE_END: strbuf_adds(&w->out, "(?m:$)"); break;
    case RX_WORD_EDGE: strbuf_adds(&w->out, "\\b"); break;
    case RX_NO_WORD_EDGE: strbuf_adds(&w->out, "\\B"); break;
    case RX_CAT: write_parts(w, n, ""); break;
    case RX_ALT:
        strbuf_adds(&w->out, "(?:");
        write_parts(w, n, "|");
        strbuf_addc(&w->out, ')');
        break;
    case RX_REPEAT: write_repeat(w, n); break;
    case RX_CAPTURE:
        strbuf_addc(&w->out, '(');
        write_parts(w, n, "");
        strbuf_addc(&w->out, ')');
        break;
    case RX_EMPTY:
    case RX_KIND_COUNT: strbuf_adds(&w->out, "(?:)"); break;
    }
}

/* Puts the flag around the largest part that needs it as a whole. */
static void write_node(writer *w, const regex_node *n) {
    unsigned cases = cases_of(n);
    bool before = w->fold, other = cases == (before ? HAS_EXACT : HAS_FOLDED);
    if (other) {
        strbuf_adds(&w->out, before ? "(?-i:" : "(?i:");
        w->fold = !before;
    }
    write_bare(w, n);
    if (!other) return;
    w->fold = before;
    strbuf_addc(&w->out, ')');
}

static str write_pattern(arena *a, const regex_node *tree, bool utf, bool loose) {
    writer w = {.out = STRBUF_INIT, .utf = utf, .loose = loose};
    write_node(&w, tree);
    str pattern = arena_str(a, strbuf_str(&w.out));
    strbuf_done(&w.out);
    return pattern;
}

/* Takes the lazy repeat off a pattern that begins with one. */
static void take_lead(arena *a, regex *r, regex_node *tree) {
    const regex_node *first = tree->kind == RX_CAT && tree->count > 1 ? tree->parts[0] : NULL;
    if (!first || first->kind != RX_REPEAT || !first->lazy || first->min != 0) return;
    const regex_node *class = first->parts[0];
    if (class->kind != RX_CLASS || class->item_count) return;
    r->lead = ARENA_ARRAY(a, uint8_t, 256);
    r->lead_max = first->max == RX_NO_END ? SIZE_MAX : first->max;
    for (unsigned c = 0; c < 256; c++)
        r->lead[c] = (c < 128 ? has_ascii(class, c) : class->high) != class->negated;
    tree->parts++;
    tree->count--;
}

static void take_names(arena *a, regex *r, const str *names) {
    bool any = false;
    for (unsigned i = 1; i <= r->count; i++)
        any |= names[i].len > 0;
    if (!any) return;
    r->names = ARENA_ARRAY(a, str, r->count + 1);
    memcpy(r->names, names, (r->count + 1) * sizeof *names);
}

bool regex_is_far(const regex *r) {
    return r->max_width > REGEX_NEAR_BYTES && r->max_lines > REGEX_NEAR_LINES;
}

int regex_new(arena *a, str source, regex **ret, err *e) {
    _cleanup_arena_ arena *scratch = arena_new();
    regex_node *tree, *head = NULL;
    str names[REGEX_GROUPS_MAX + 1] = {0};
    regex *r = ARENA_NEW(a, regex);
    *r = (regex){.source = source};
    if (regex_parse(scratch, source, &tree, &r->count, names, e) < 0) return e->code;
    take_names(a, r, names);
    r->utf = needs_utf(tree);
    if (!r->utf) take_lead(a, r, tree);
    regex_width wide = regex_width_of(tree);
    r->min_width = wide.min;
    r->max_width = r->utf ? REGEX_UNBOUNDED : wide.max;
    r->pattern = write_pattern(a, tree, r->utf, false);
    r->loose = write_pattern(a, tree, r->utf, true);
    r->max_lines = r->utf ? REGEX_UNBOUNDED : regex_lines_of(tree);
    if (!r->utf) regex_head_of(scratch, tree, &r->head, &head);
    if (!r->utf && r->head.place == REGEX_ANYWHERE && regex_is_far(r))
        regex_cut(scratch, tree, &r->head, &head);
    if (head) r->head.pattern = write_pattern(a, head, false, true);
    *ret = r;
    return 0;
}

/* ---- matching ------------------------------------------------------------------------------- */

struct regex_matcher {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

regex_matcher *regex_matcher_new(void) {
    regex_matcher *m = mem_alloc(sizeof *m);
    m->data = pcre2_match_data_create(REGEX_GROUPS_MAX + 1, NULL);
    m->limits = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK_MAX, NULL);
    if (!m->data || !m->limits || !m->stack) oom();
    pcre2_set_match_limit(m->limits, STEP_LIMIT);
    pcre2_set_depth_limit(m->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(m->limits, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(m->limits, NULL, m->stack);
    return m;
}

void regex_matcher_free(regex_matcher *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

int regex_compile(regex *r, err *e) {
    uint32_t options = PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C |
                       (r->utf ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : 0);
    int code;
    size_t offset;
    if (r->code) return 0;
    r->code = r->failed ? NULL
                        : pcre2_compile((PCRE2_SPTR)r->pattern.ptr, r->pattern.len, options, &code,
                                        &offset, NULL);
    if (!r->code) {
        char text[200] = "it was refused before";
        if (!r->failed) pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        r->failed = true;
        return err_set(e, ERR_INVALID, "the pattern cannot be compiled: %s", text);
    }
    /* Without JIT (no executable memory) the interpreter obeys the same limits. */
    (void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
    return 0;
}

void regex_done(regex *r) {
    pcre2_code_free(r->code);
    r->code = NULL;
}

static void take_groups(const pcre2_match_data *data, int set, regex_span *groups, size_t count) {
    const size_t *found = pcre2_get_ovector_pointer((pcre2_match_data *)data);
    for (size_t i = 0; i < count; i++) {
        bool has = i < (size_t)set && found[2 * i] != PCRE2_UNSET;
        groups[i] =
            has ? (regex_span){found[2 * i], found[2 * i + 1]} : (regex_span){SIZE_MAX, SIZE_MAX};
    }
}

static size_t lead_start(const regex *r, str text, size_t floor, size_t start) {
    for (size_t n = 0; n < r->lead_max && start > floor; n++, start--) {
        if (!r->lead[(unsigned char)text.ptr[start - 1]]) break;
    }
    return start;
}

int regex_find(regex_matcher *m, regex *r, str text, size_t floor, size_t from, size_t last,
               regex_span *groups, size_t group_count, err *e) {
    if (regex_compile(r, e) < 0) return e ? e->code : ERR_INVALID;
    if (from > text.len) return 0;
    pcre2_set_offset_limit(m->limits, last < text.len ? last : text.len);
    int code = pcre2_match(r->code, (PCRE2_SPTR)text.ptr, text.len, from, 0, m->data, m->limits);
    if (code > 0) {
        take_groups(m->data, code, groups, group_count);
        if (r->lead && group_count) groups[0].start = lead_start(r, text, floor, groups[0].start);
        return 1;
    }
    if (code == PCRE2_ERROR_NOMATCH || code == PCRE2_ERROR_BADUTFOFFSET) return 0;
    return err_set(e, ERR_LIMIT, "the pattern needs more than %d steps here", STEP_LIMIT);
}

bool regex_has(regex_matcher *m, regex *r, str text) {
    regex_span whole;
    return regex_find(m, r, text, 0, 0, text.len, &whole, 1, NULL) == 1;
}
