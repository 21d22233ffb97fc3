#define PCRE2_CODE_UNIT_WIDTH 8
#include "runner/matcher.h"

#include "base/json.h"

#include <limits.h>
#include <pcre2.h>
#include <stdlib.h>

/* What a match may cost; a pattern that needs more is not fit for a log. */
#define STEP_LIMIT     1000000
#define HEAP_LIMIT_KIB 4096
#define JIT_STACK_MAX  (512 * 1024)
#define LINE_MAX_BYTES 32768 /* longer lines are not messages for people */
#define GROUP_MAX      1000

#define FIELDS(X)                                                                                  \
    X(FILE, "file")                                                                                \
    X(LINE, "line")                                                                                \
    X(COLUMN, "column")                                                                            \
    X(SEVERITY, "severity")                                                                        \
    X(CODE, "code")                                                                                \
    X(MESSAGE, "message")                                                                          \
    X(FROM_PATH, "fromPath")
typedef enum field {
#define X(id, name) FIELD_##id,
    FIELDS(X)
#undef X
        FIELD_COUNT
} field;
static const char *const field_names[FIELD_COUNT] = {
#define X(id, name) [FIELD_##id] = name,
    FIELDS(X)
#undef X
};

/* What the patterns of a matcher have found so far. */
typedef struct found {
    bool active;
    bool set[FIELD_COUNT];
    strbuf text[FIELD_COUNT];
} found;

typedef struct pattern {
    pcre2_code *code;
    int group[FIELD_COUNT]; /* -1: the pattern does not give it */
    bool loop;
    found state; /* of all patterns but the last, after this one matched */
} pattern;

typedef struct matcher matcher;
struct matcher {
    matcher *next;
    strbuf owner, severity, from_path;
    pattern *patterns;
    size_t count;
};

struct matcher_set {
    matcher *first;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
    strbuf line; /* without colour codes */
};

/* ---- memory -------------------------------------------------------------------------------- */

static void found_clear(found *f) {
    f->active = false;
}

static void matcher_free(matcher *m) {
    for (size_t i = 0; i < m->count; i++) {
        pcre2_code_free(m->patterns[i].code);
        for (int k = 0; k < FIELD_COUNT; k++)
            strbuf_done(&m->patterns[i].state.text[k]);
    }
    free(m->patterns);
    strbuf_done(&m->owner);
    strbuf_done(&m->severity);
    strbuf_done(&m->from_path);
    free(m);
}

static void list_free(matcher *m) {
    for (matcher *next; m; m = next) {
        next = m->next;
        matcher_free(m);
    }
}

matcher_set *matcher_set_new(void) {
    return mem_alloc(sizeof(matcher_set));
}

/* Most jobs have no matcher, and this is half a megabyte. */
static void prepare(matcher_set *s) {
    if (s->data) return;
    s->data = pcre2_match_data_create(GROUP_MAX + 1, NULL);
    s->limits = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (!s->data || !s->limits || !s->stack) oom();
    pcre2_set_match_limit(s->limits, STEP_LIMIT);
    pcre2_set_heap_limit(s->limits, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(s->limits, NULL, s->stack);
}

void matcher_set_free(matcher_set *s) {
    if (!s) return;
    list_free(s->first);
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->limits);
    pcre2_jit_stack_free(s->stack);
    strbuf_done(&s->line);
    free(s);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The regular expressions of .NET's ECMAScript mode: \d, \w and \s are ASCII. Bytes that are not
 * UTF-8 match nothing but do no harm. */
static int compile(str regexp, pcre2_code **ret, unsigned *ret_groups, err *e) {
    static const uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF;
    int code;
    size_t offset;
    uint32_t groups = 0;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)regexp.ptr, regexp.len, options, &code, &offset, NULL);
    if (!re) {
        char text[200] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return err_set(e, ERR_INVALID, "Invalid pattern '%.*s' at offset %zu: %s",
                       STR_ARG(str_sub(regexp, 0, 300)), offset, text);
    }
    pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups >= GROUP_MAX) {
        pcre2_code_free(re);
        return err_set(e, ERR_LIMIT, "a pattern has more than %d groups", GROUP_MAX);
    }
    /* Without JIT (no executable memory) the interpreter obeys the same limits. */
    (void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    *ret = re;
    *ret_groups = groups + 1;
    return 0;
}

static str text_of(const value *object, const char *key) {
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_STRING ? v->string : STR_EMPTY;
}

/* The number of a group; numbers in strings are fine. */
static int read_group(const value *config, field f, unsigned groups, int *ret, err *e) {
    const value *v = value_get(config, str_from(field_names[f]));
    uint64_t n = 0;
    *ret = -1;
    if (!v || v->kind == VALUE_NULL) return 0;
    bool whole = v->kind == VALUE_STRING ? str_to_uint(v->string, groups, &n)
                                         : v->kind == VALUE_NUMBER && v->number >= 0 &&
                                               v->number < groups && v->number == (int)v->number;
    if (whole && v->kind == VALUE_NUMBER) n = (uint64_t)v->number;
    if (!whole || n >= groups) {
        return err_set(e, ERR_INVALID,
                       "The property '%s' is not the number of a group of the pattern (0 to %u)",
                       field_names[f], groups - 1);
    }
    *ret = (int)n;
    return 0;
}

static int read_pattern(matcher *m, const value *config, pattern *p, bool *seen, err *e) {
    size_t index = (size_t)(p - m->patterns);
    unsigned groups = 0;
    if (config->kind != VALUE_OBJECT) return err_set(e, ERR_INVALID, "A pattern must be an object");
    const value *again = value_get(config, STR("loop"));
    p->loop = again && again->kind == VALUE_BOOL && again->boolean;
    if (p->loop && (index == 0 || index + 1 != m->count)) {
        return err_set(e, ERR_INVALID,
                       "Only the last pattern in a multiline matcher may set 'loop'");
    }
    if (p->loop && !value_get(config, STR("message")))
        return err_set(e, ERR_INVALID, "The loop pattern must set 'message'");
    int rc = compile(text_of(config, "regexp"), &p->code, &groups, e);
    for (int f = 0; rc == 0 && f < FIELD_COUNT; f++) {
        rc = read_group(config, (field)f, groups, &p->group[f], e);
        if (rc || p->group[f] < 0) continue;
        if (seen[f]) rc = err_set(e, ERR_INVALID, "The property '%s' is set twice", field_names[f]);
        seen[f] = true;
    }
    return rc;
}

static bool known_severity(str s) {
    return str_eq_nocase(s, STR("error")) || str_eq_nocase(s, STR("warning")) ||
           str_eq_nocase(s, STR("notice"));
}

static int read_matcher(const value *config, matcher *m, err *e) {
    str owner = text_of(config, "owner"), level = text_of(config, "severity");
    const value *patterns = value_get(config, STR("pattern"));
    bool seen[FIELD_COUNT] = {false};
    int rc = 0;
    if (owner.len == 0) return err_set(e, ERR_INVALID, "Owner must not be empty");
    strbuf_add(&m->owner, owner);
    strbuf_add(&m->severity, level);
    strbuf_add(&m->from_path, text_of(config, "fromPath"));
    if (level.len && !known_severity(level)) {
        return err_set(e, ERR_INVALID, "Matcher '%.*s' contains unexpected default severity '%.*s'",
                       STR_ARG(owner), STR_ARG(level));
    }
    if (!patterns || patterns->kind != VALUE_ARRAY || patterns->array.count == 0) {
        return err_set(e, ERR_INVALID, "Matcher '%.*s' does not contain any patterns",
                       STR_ARG(owner));
    }
    if (patterns->array.count > MATCHER_PATTERNS_MAX) {
        return err_set(e, ERR_LIMIT, "Matcher '%.*s' has more than %d patterns", STR_ARG(owner),
                       MATCHER_PATTERNS_MAX);
    }
    m->count = patterns->array.count;
    m->patterns = mem_alloc(m->count * sizeof *m->patterns);
    for (size_t i = 0; rc == 0 && i < m->count; i++)
        rc = read_pattern(m, &patterns->array.items[i], &m->patterns[i], seen, e);
    if (rc) {
        err_context(e, "Matcher '%.*s'", STR_ARG(owner));
        return rc;
    }
    if (!seen[FIELD_MESSAGE])
        return err_set(e, ERR_INVALID, "At least one pattern must set 'message'");
    return 0;
}

static matcher **find(matcher **list, str owner) {
    while (*list && !str_eq_nocase(strbuf_str(&(*list)->owner), owner))
        list = &(*list)->next;
    return list;
}

static void cut(matcher **at) {
    matcher *m = *at;
    if (!m) return;
    *at = m->next;
    matcher_free(m);
}

/* The list under "problemMatcher"; none is an empty list, as on GitHub. */
static int read_json(arena *a, str json, value *ret, err *e) {
    value root;
    if (json.len > MATCHER_FILE_MAX)
        return err_set(e, ERR_LIMIT, "a problem matcher file may have %u bytes", MATCHER_FILE_MAX);
    if (str_starts(json, STR("\xEF\xBB\xBF"))) json = str_sub(json, 3, json.len);
    int rc = json_parse(a, json, 0, &root, e);
    if (rc) return rc;
    const value *list = value_get(&root, STR("problemMatcher"));
    *ret = list && list->kind == VALUE_ARRAY ? *list : value_array_new(a);
    return 0;
}

int matcher_add(matcher_set *s, str json, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value list;
    matcher *fresh = NULL;
    int rc = read_json(a, json, &list, e);
    if (rc) return rc;
    prepare(s);
    if (matcher_count(s) + list.array.count > MATCHER_COUNT_MAX)
        return err_set(e, ERR_LIMIT, "more than %d problem matchers", MATCHER_COUNT_MAX);
    for (size_t i = 0; rc == 0 && i < list.array.count; i++) {
        matcher *m = mem_alloc(sizeof *m);
        rc = read_matcher(&list.array.items[i], m, e);
        if (rc == 0 && *find(&fresh, strbuf_str(&m->owner)))
            rc = err_set(e, ERR_INVALID, "Duplicate owner name '%s'", strbuf_cstr(&m->owner));
        m->next = fresh;
        fresh = m;
    }
    if (rc) {
        list_free(fresh);
        return rc;
    }
    /* `fresh` is in reverse order and each goes to the front: the last of the file is tried first,
     * as if they had been added one by one. */
    matcher **end = &fresh;
    for (; *end; end = &(*end)->next)
        cut(find(&s->first, strbuf_str(&(*end)->owner)));
    *end = s->first;
    s->first = fresh;
    return 0;
}

void matcher_remove(matcher_set *s, str owner) {
    cut(find(&s->first, owner));
}

int matcher_remove_all(matcher_set *s, str json, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value list;
    int rc = read_json(a, json, &list, e);
    for (size_t i = 0; rc == 0 && i < list.array.count; i++)
        matcher_remove(s, text_of(&list.array.items[i], "owner"));
    return rc;
}

size_t matcher_count(const matcher_set *s) {
    size_t n = 0;
    for (const matcher *m = s->first; m; m = m->next)
        n++;
    return n;
}

static void reset(matcher *m) {
    for (size_t i = 0; i < m->count; i++)
        found_clear(&m->patterns[i].state);
}

void matcher_reset(matcher_set *s) {
    for (matcher *m = s->first; m; m = m->next)
        reset(m);
}

/* ---- matching ------------------------------------------------------------------------------ */

/* 1, 0, or negative when the limits were hit. */
static int run(matcher_set *s, const pattern *p, str line) {
    int rc = pcre2_match(p->code, (PCRE2_SPTR)line.ptr, line.len, 0, 0, s->data, s->limits);
    return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : rc;
}

/* What an earlier pattern gave stays; a group that took no part in the match gives "". */
static void take_groups(matcher_set *s, const pattern *p, const found *before, str line,
                        found *ret) {
    const size_t *ends = pcre2_get_ovector_pointer(s->data);
    for (int f = 0; f < FIELD_COUNT; f++) {
        bool earlier = before && before->set[f];
        str text = STR_EMPTY;
        if (earlier) {
            text = strbuf_str(&before->text[f]);
        } else if (p->group[f] >= 0) {
            size_t from = ends[2 * p->group[f]], to = ends[2 * p->group[f] + 1];
            if (from != PCRE2_UNSET && from <= to) text = str_sub(line, from, to);
        }
        ret->set[f] = earlier || p->group[f] >= 0;
        strbuf_clear(&ret->text[f]);
        strbuf_add(&ret->text[f], text);
    }
    ret->active = true;
}

/* Tries the patterns from the last to the first, so that one line does not serve two of them in a
 * row. 1 when the last one matched, with all that was found. */
static int try_matcher(matcher_set *s, matcher *m, str line, found *ret) {
    for (size_t i = m->count; i-- > 0;) {
        pattern *p = &m->patterns[i];
        found *before = i ? &m->patterns[i - 1].state : NULL;
        bool last = i + 1 == m->count;
        if (before && !before->active) continue;
        int rc = run(s, p, line);
        if (rc < 0) return rc;
        if (rc && last) {
            take_groups(s, p, before, line, ret);
            reset(m);
            if (before) before->active = p->loop;
            return 1;
        }
        if (rc)
            take_groups(s, p, before, line, &p->state);
        else if (!last)
            found_clear(&p->state);
        else if (before)
            found_clear(before);
    }
    return 0;
}

static unsigned number_of(str s) {
    uint64_t n = 0;
    return str_to_uint(s, INT_MAX, &n) ? (unsigned)n : 0;
}

static bool to_annotation(arena *a, const matcher *m, const found *f, annotation *ret) {
    str text[FIELD_COUNT];
    for (int k = 0; k < FIELD_COUNT; k++)
        text[k] = strbuf_str(&f->text[k]);
    str level = text[FIELD_SEVERITY].len ? text[FIELD_SEVERITY] : strbuf_str(&m->severity);
    str from_path = text[FIELD_FROM_PATH].len ? text[FIELD_FROM_PATH] : strbuf_str(&m->from_path);
    if (str_trim(text[FIELD_MESSAGE]).len == 0) return false;
    if (level.len && !known_severity(level)) return false;
    *ret = (annotation){.level = str_eq_nocase(level, STR("warning"))  ? LOG_WARNING
                                 : str_eq_nocase(level, STR("notice")) ? LOG_NOTICE
                                                                       : LOG_ERROR,
                        .text = arena_str(a, text[FIELD_MESSAGE]),
                        .file = arena_str(a, text[FIELD_FILE]),
                        .from_path = arena_str(a, from_path),
                        .code = arena_str(a, str_trim(text[FIELD_CODE])),
                        .line = number_of(text[FIELD_LINE]),
                        .column = number_of(text[FIELD_COLUMN])};
    return true;
}

/* Without "ESC [ numbers m". */
static str strip_colours(matcher_set *s, str line) {
    if (str_find_char(line, '\x1b') < 0) return line;
    strbuf_clear(&s->line);
    for (size_t i = 0; i < line.len;) {
        if (line.ptr[i] != '\x1b' || i + 1 == line.len || line.ptr[i + 1] != '[') {
            strbuf_addc(&s->line, line.ptr[i++]);
            continue;
        }
        i += 2;
        while (i < line.len && (line.ptr[i] == ';' || (line.ptr[i] >= '0' && line.ptr[i] <= '9')))
            i++;
        if (i < line.len && line.ptr[i] == 'm') i++;
    }
    return strbuf_str(&s->line);
}

bool matcher_line(matcher_set *s, arena *a, str line, annotation *ret, str *ret_problem) {
    *ret_problem = STR_EMPTY;
    if (!s->first || line.len > LINE_MAX_BYTES) return false;
    line = strip_colours(s, line);
    bool done = false;
    found f = {0};
    for (matcher **at = &s->first; *at && !done;) {
        matcher *m = *at;
        int rc = try_matcher(s, m, line, &f);
        if (rc < 0) {
            *ret_problem = arena_printf(a,
                                        "Removing issue matcher '%s'. A line took more than the "
                                        "%d steps that a pattern may take",
                                        strbuf_cstr(&m->owner), STEP_LIMIT);
            cut(at);
            continue;
        }
        if (rc) {
            for (matcher *other = s->first; other; other = other->next) {
                if (other != m) reset(other);
            }
            done = to_annotation(a, m, &f, ret);
        }
        at = &m->next;
    }
    for (int k = 0; k < FIELD_COUNT; k++)
        strbuf_done(&f.text[k]);
    return done;
}
