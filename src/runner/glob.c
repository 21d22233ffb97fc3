#include "runner/glob.h"

#include <string.h>

/* ---- one name ------------------------------------------------------------------------------ */

/* Reads one member of a [set], which may be escaped. */
static uint32_t set_member(str p, size_t *at) {
    if (p.ptr[*at] == '\\' && *at + 1 < p.len) ++*at;
    return utf8_next(p, at);
}

/* The index of the ] that ends the set which begins at `at`, or 0: then [ is a character. */
static size_t set_end(str p, size_t at) {
    size_t i = at + 1;
    if (i < p.len && (p.ptr[i] == '!' || p.ptr[i] == '^')) i++;
    for (size_t first = i; i < p.len; i++) {
        if (p.ptr[i] == '\\')
            i++;
        else if (p.ptr[i] == ']' && i > first)
            return i;
    }
    return 0;
}

static bool set_has(str p, size_t at, size_t end, uint32_t c) {
    bool negated = p.ptr[at + 1] == '!' || p.ptr[at + 1] == '^', found = false;
    for (size_t i = at + 1 + negated; i < end;) {
        uint32_t low = set_member(p, &i), high = low;
        if (i + 1 < end && p.ptr[i] == '-') {
            i++;
            high = set_member(p, &i);
        }
        found = found || (c >= low && c <= high);
    }
    return found != negated;
}

/* Matches one character of the pattern at *p_at and of the name at *n_at, and moves past both. */
static bool match_one(str p, size_t *p_at, str name, size_t *n_at) {
    uint32_t c = utf8_next(name, n_at);
    size_t at = *p_at, end;
    if (p.ptr[at] == '?') {
        ++*p_at;
        return true;
    }
    if (p.ptr[at] == '[' && (end = set_end(p, at)) != 0) {
        *p_at = end + 1;
        return set_has(p, at, end, c);
    }
    return set_member(p, p_at) == c;
}

/* Only the last star has to be tried again: an earlier one that took more would leave less. */
static bool match_name(str p, str name) {
    size_t p_at = 0, n_at = 0, star = SIZE_MAX, star_name = 0;
    while (n_at < name.len) {
        if (p_at < p.len && p.ptr[p_at] == '*') {
            star = ++p_at;
            star_name = n_at;
            continue;
        }
        size_t p_next = p_at, n_next = n_at;
        if (p_at < p.len && match_one(p, &p_next, name, &n_next)) {
            p_at = p_next;
            n_at = n_next;
            continue;
        }
        if (star == SIZE_MAX) return false;
        p_at = star;
        utf8_next(name, &star_name);
        n_at = star_name;
    }
    while (p_at < p.len && p.ptr[p_at] == '*')
        p_at++;
    return p_at == p.len;
}

/* True when a segment can match more than one text. A set of one character is an escape. */
static bool has_wildcard(str segment) {
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];
        if (c == '*' || c == '?') return true;
        if (c == '\\') i++;
        if (c != '[') continue;
        size_t end = set_end(segment, i), member = i + 1;
        if (!end) continue;
        set_member(segment, &member);
        if (member != end) return true;
        i = end;
    }
    return false;
}

str glob_literal(arena *a, str segment) {
    char *out = arena_alloc(a, segment.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < segment.len; i++) {
        size_t end = segment.ptr[i] == '[' ? set_end(segment, i) : 0;
        if (end) {
            size_t from = i + 1 + (segment.ptr[i + 1] == '\\');
            memcpy(out + n, segment.ptr + from, end - from);
            n += end - from;
            i = end;
            continue;
        }
        if (segment.ptr[i] == '\\' && i + 1 < segment.len) i++;
        out[n++] = segment.ptr[i];
    }
    return (str){out, n};
}

/* ---- paths --------------------------------------------------------------------------------- */

str *glob_split(arena *a, str path, size_t *ret_count) {
    str *names = NULL, name;
    size_t count = 0, cap = 0;
    while (path.len) {
        str_cut(path, '/', &name, &path);
        if (name.len) ARENA_PUSH(a, names, count, cap, name);
    }
    *ret_count = count;
    return names;
}

static bool is_globstar(str segment) {
    return str_eq(segment, STR("**"));
}

/* As match_name, with ** for the star and names for characters. `partial`: the path may end
 * early. */
static bool match_path(const glob_pattern *p, const str *names, size_t count, bool partial) {
    size_t at = 0, n = 0, star = SIZE_MAX, star_name = 0;
    while (n < count) {
        if (at < p->count && is_globstar(p->segments[at])) {
            star = ++at;
            star_name = n;
        } else if (at < p->count && match_name(p->segments[at], names[n])) {
            at++;
            n++;
        } else if (star == SIZE_MAX) {
            return false;
        } else {
            at = star;
            n = ++star_name;
        }
    }
    if (partial) return true;
    /* What is implied is all below a folder, not the folder again. */
    if (p->implied && at + 1 == p->count && is_globstar(p->segments[at])) return false;
    while (at < p->count && is_globstar(p->segments[at]))
        at++;
    return at == p->count;
}

glob_match glob_test(const glob_list *list, const str *names, size_t count) {
    unsigned result = GLOB_NONE;
    for (size_t i = 0; i < list->count; i++) {
        const glob_pattern *p = &list->items[i];
        /* Only a match that would change the result is of interest. */
        unsigned kind = p->folders_only ? GLOB_FOLDER : GLOB_ALL;
        unsigned after = p->negate ? result & ~kind : result | kind;
        if (after != result && match_path(p, names, count, false)) result = after;
    }
    return (glob_match)result;
}

bool glob_may_descend(const glob_list *list, const str *names, size_t count) {
    for (size_t i = 0; i < list->count; i++) {
        const glob_pattern *p = &list->items[i];
        if (!p->negate && match_path(p, names, count, true)) return true;
    }
    return false;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A path as a pattern that means only itself. */
static void add_escaped(strbuf *out, str path) {
    for (size_t i = 0; i < path.len; i++) {
        if (memchr("\\*?[", path.ptr[i], 4)) strbuf_addc(out, '\\');
        strbuf_addc(out, path.ptr[i]);
    }
}

/* The pattern with its root in front. */
static str make_absolute(arena *a, str text, str root, str home) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (str_is(text, ".") || str_starts(text, STR("./"))) {
        add_escaped(&out, root);
        text = str_sub(text, 1, text.len);
    } else if (str_is(text, "~") || str_starts(text, STR("~/"))) {
        add_escaped(&out, home);
        text = str_sub(text, 1, text.len);
    } else if (text.ptr[0] != '/') {
        add_escaped(&out, root);
        strbuf_addc(&out, '/');
    }
    strbuf_add(&out, text);
    return arena_str(a, strbuf_str(&out));
}

static int check_dots(arena *a, str text, err *e) {
    size_t count;
    str *segments = glob_split(a, text, &count);
    for (size_t i = 0; i < count; i++) {
        str s = has_wildcard(segments[i]) ? STR_EMPTY : glob_literal(a, segments[i]);
        if (!str_is(s, "..") && !(str_is(s, ".") && (i > 0 || text.ptr[0] == '/'))) continue;
        return err_set(e, ERR_INVALID,
                       "Invalid pattern '%.*s'. Relative pathing '.' and '..' is not allowed.",
                       STR_ARG(text));
    }
    return 0;
}

static int add_line(arena *a, glob_list *list, str line, str root, str home, err *e) {
    glob_pattern p = {0};
    while (line.len && line.ptr[0] == '!') {
        p.negate = !p.negate;
        line = str_trim(str_sub(line, 1, line.len));
    }
    if (line.len == 0) return err_set(e, ERR_INVALID, "a pattern is empty after its '!'");
    int rc = check_dots(a, line, e);
    if (rc) return rc;
    if (list->count + 2 > GLOB_PATTERNS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d patterns", GLOB_PATTERNS_MAX / 2);
    p.folders_only = line.len > 1 && line.ptr[line.len - 1] == '/';
    p.segments = glob_split(a, make_absolute(a, line, root, home), &p.count);
    while (p.literal < p.count && !has_wildcard(p.segments[p.literal]))
        p.literal++;
    ARENA_PUSH(a, list->items, list->count, list->cap, p);
    if (!p.folders_only && p.count && is_globstar(p.segments[p.count - 1])) return 0;
    str *longer = arena_calloc(a, p.count + 1, sizeof *longer);
    if (p.count) memcpy(longer, p.segments, p.count * sizeof *longer);
    longer[p.count++] = STR("**");
    p.segments = longer;
    p.implied = true;
    p.folders_only = false;
    ARENA_PUSH(a, list->items, list->count, list->cap, p);
    return 0;
}

int glob_add(arena *a, glob_list *list, str text, str root, str home, err *e) {
    int rc = 0;
    for (str line; rc == 0 && str_line(&text, &line);) {
        line = str_trim(line);
        if (line.len && line.ptr[0] != '#') rc = add_line(a, list, line, root, home, e);
    }
    return rc;
}
