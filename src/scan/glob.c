#include "scan/glob.h"

/* "[a-z]": *at stands behind the '['. False, and *at untouched, when the set has no end. */
static bool take_set(str p, size_t *at, char c, bool *ret_in) {
    size_t i = *at;
    bool negated = i < p.len && (p.ptr[i] == '!' || p.ptr[i] == '^'), in = false;
    i += negated;
    for (size_t first = i; i < p.len && (p.ptr[i] != ']' || i == first); i++) {
        char low = p.ptr[i], high = low;
        if (i + 2 < p.len && p.ptr[i + 1] == '-' && p.ptr[i + 2] != ']') {
            high = p.ptr[i + 2];
            i += 2;
        }
        in |= c >= low && c <= high;
    }
    if (i >= p.len) return false;
    *at = i + 1;
    *ret_in = in != negated;
    return true;
}

/* One element of a pattern (no star) against one character. */
static bool take_one(str p, size_t *at, char c) {
    bool in;
    if (p.ptr[*at] == '?') {
        ++*at;
        return true;
    }
    if (p.ptr[*at] == '[') {
        size_t inner = *at + 1;
        if (take_set(p, &inner, c, &in)) {
            *at = inner;
            return in;
        }
    }
    if (p.ptr[*at] == '\\' && *at + 1 < p.len) ++*at;
    return p.ptr[(*at)++] == c;
}

/* After a mismatch only the last star can take one more: none before it could do better. */
bool glob_name(str p, str name) {
    size_t at = 0, i = 0, star = SIZE_MAX, taken = 0;
    while (i < name.len) {
        if (at < p.len && p.ptr[at] == '*') {
            star = ++at;
            taken = i;
            continue;
        }
        if (at < p.len && take_one(p, &at, name.ptr[i])) {
            i++;
            continue;
        }
        if (star == SIZE_MAX) return false;
        at = star;
        i = ++taken;
    }
    while (at < p.len && p.ptr[at] == '*')
        at++;
    return at == p.len;
}

/* The same over names instead of characters; "**" is the star. */
bool glob_path(str p, str path) {
    while (str_ends(p, STR("/")))
        p.len--;
    bool anchored = str_find_char(p, '/') >= 0;
    if (str_starts(p, STR("./"))) p = str_sub(p, 2, p.len);
    if (str_starts(p, STR("/"))) p = str_sub(p, 1, p.len);
    if (!p.len) return false;
    str rest = p, at = path, star_rest = p, star_at = path, name, part;
    bool star = !anchored;
    for (;;) {
        if (!rest.len) return true; /* all of it, or a folder above */
        if (!at.len) return str_is(rest, "**");
        str after_part, after_name;
        str_cut(rest, '/', &part, &after_part);
        str_cut(at, '/', &name, &after_name);
        if (str_is(part, "**")) {
            star = true;
            star_rest = rest = after_part;
            star_at = at;
            continue;
        }
        if (glob_name(part, name)) {
            rest = after_part;
            at = after_name;
            continue;
        }
        if (!star) return false;
        str_cut(star_at, '/', &name, &star_at);
        rest = star_rest;
        at = star_at;
    }
}
