/* api_match.c: paths and patterns. */
#include "server/api_parts.h"

bool api_segment_name(str segment, str *ret_name) {
    if (segment.len < 3 || segment.ptr[0] != '{' || segment.ptr[segment.len - 1] != '}')
        return false;
    str name = str_sub(segment, 1, segment.len - 1);
    if (str_ends(name, STR("..."))) name.len -= 3;
    *ret_name = name;
    return name.len > 0;
}

static int judge_segment(const api_pattern *p, size_t at, const char *text, err *e) {
    str name, other;
    str segment = p->segments[at];
    if (!segment.len) return err_set(e, ERR_INVALID, "the pattern '%s' has an empty segment", text);
    if (!api_segment_name(segment, &name)) {
        if (str_find_char(segment, '{') < 0 && str_find_char(segment, '}') < 0) return 0;
        return err_set(e, ERR_INVALID, "the pattern '%s' has a brace that names nothing", text);
    }
    for (size_t i = 0; i < at; i++) {
        if (api_segment_name(p->segments[i], &other) && str_eq(name, other))
            return err_set(e, ERR_INVALID, "the pattern '%s' has a name twice", text);
    }
    return 0;
}

int api_pattern_parse(arena *a, const char *text, api_pattern *ret, err *e) {
    str rest = arena_str(a, str_from(text));
    *ret = (api_pattern){0};
    if (!rest.len || rest.ptr[0] != '/')
        return err_set(e, ERR_INVALID, "the pattern '%s' does not begin with '/'", text);
    rest = str_sub(rest, 1, rest.len);
    bool more = rest.len > 0;
    while (more) {
        if (ret->count == API_SEGMENTS_MAX)
            return err_set(e, ERR_INVALID, "the pattern '%s' has more than %d segments", text,
                           API_SEGMENTS_MAX);
        if (ret->rest) return err_set(e, ERR_INVALID, "the pattern '%s' goes on after '...'", text);
        more = str_cut(rest, '/', &ret->segments[ret->count], &rest);
        if (judge_segment(ret, ret->count, text, e) < 0) return ERR_INVALID;
        ret->rest = str_ends(ret->segments[ret->count], STR("...}"));
        ret->count++;
    }
    return 0;
}

bool api_pattern_match(const api_pattern *p, str path, str values[API_SEGMENTS_MAX]) {
    str name, part, rest = path;
    if (!path.len || path.ptr[0] != '/') return false;
    rest = str_sub(path, 1, path.len);
    if (!p->count) return !rest.len;
    for (size_t i = 0; i < p->count; i++) {
        bool last = i + 1 == p->count;
        if (last && p->rest) {
            values[i] = rest;
            return rest.len > 0;
        }
        bool more = str_cut(rest, '/', &part, &rest);
        if (more == last || !part.len) return false;
        if (api_segment_name(p->segments[i], &name))
            values[i] = part;
        else if (!str_eq(part, p->segments[i]))
            return false;
    }
    return true;
}

/* Whether `a` is literal where they first differ. */
static bool is_closer(const api_pattern *a, const api_pattern *b) {
    str name;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        bool named_a = api_segment_name(a->segments[i], &name);
        bool named_b = api_segment_name(b->segments[i], &name);
        if (named_a != named_b) return named_b;
        bool rest_a = a->rest && i + 1 == a->count, rest_b = b->rest && i + 1 == b->count;
        if (rest_a != rest_b) return rest_b;
    }
    return false;
}

/* Methods of the paths like this one, for Allow; HEAD goes with GET. */
static str allowed(const api *s, arena *a, str path) {
    str values[API_SEGMENTS_MAX], found = STR_EMPTY;
    for (size_t i = 0; i < s->pattern_count; i++) {
        const api_pattern *p = &s->patterns[i];
        if (!api_pattern_match(p, path, values)) continue;
        found =
            arena_printf(a, "%.*s%s%s", STR_ARG(found), found.len ? ", " : "", p->route->method);
        if (str_is(str_from(p->route->method), "GET"))
            found = arena_printf(a, "%.*s, HEAD", STR_ARG(found));
    }
    return found;
}

bool api_find(const api *s, arena *a, str method, str path, api_found *ret) {
    *ret = (api_found){0};
    if (str_is(method, "HEAD")) method = STR("GET");
    str values[API_SEGMENTS_MAX];
    for (size_t i = 0; i < s->pattern_count; i++) {
        const api_pattern *p = &s->patterns[i];
        if (!str_is(method, p->route->method) || !api_pattern_match(p, path, values)) continue;
        if (ret->pattern && !is_closer(p, ret->pattern)) continue;
        ret->pattern = p;
        for (size_t k = 0; k < p->count; k++)
            ret->values[k] = values[k];
    }
    if (ret->pattern) return true;
    ret->allow = allowed(s, a, path);
    return false;
}
