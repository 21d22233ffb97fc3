/* read_yarn.c: yarn.lock of version 1 and of berry (versions 2 and later), which is YAML of the
 * same shape: entries at the margin, fields below them, dependencies below those.
 * (classic.yarnpkg.com/lang/en/docs/yarn-lock, yarnpkg.com/configuration/lockfile) */
#include "scan/advisories/repository.h"
#include "scan/deps/readers.h"

#define DESCRIPTORS_MAX 10000 /* of an entry */

typedef struct yarn_edge {
    uint32_t from;
    str name, range;
} yarn_edge;

typedef struct yarn {
    dep_doc *d;
    str text;
    dep_map by_descriptor; /* "lodash@^4.17.0" */
    yarn_edge *edges;
    size_t edge_count, edge_cap;
    dep_item it;
    str header, resolution, resolved;
    bool open, berry, in_dependencies;
    size_t edges_before; /* of the entry */
    err *e;
} yarn;

/* Where a descriptor's range begins: after the '@' that is not a scope's. */
static size_t range_of(str descriptor) {
    ptrdiff_t at = str_find_char(str_sub(descriptor, 1, descriptor.len), '@');
    return at < 0 ? descriptor.len : (size_t)at + 1;
}

static bool next_descriptor(str *rest, str *ret) {
    while (rest->len) {
        str one;
        str_cut(*rest, ',', &one, rest);
        *ret = str_trim(one);
        while (ret->len && ret->ptr[0] == '"')
            *ret = str_sub(*ret, 1, ret->len);
        while (ret->len && ret->ptr[ret->len - 1] == '"')
            ret->len--;
        if (ret->len > 1) return true;
    }
    return false;
}

/* "a@npm:^1" and, as manifests write it, "a@^1". */
static void index_descriptors(yarn *y, uint32_t index) {
    _cleanup_strbuf_ strbuf asked = STRBUF_INIT;
    size_t count = 0;
    for (str rest = y->header, one; next_descriptor(&rest, &one) && count < DESCRIPTORS_MAX;) {
        size_t at = range_of(one);
        str range = str_sub(one, at + 1, one.len);
        dep_map_put(&y->by_descriptor, one, index);
        if (asked.len + one.len * 2 < DEPS_TEXT_MAX)
            strbuf_addf(&asked, "%s%.*s", asked.len ? "," : "", STR_ARG(one));
        if (str_starts(range, STR("npm:")) && asked.len + one.len < DEPS_TEXT_MAX)
            strbuf_addf(&asked, ",%.*s@%.*s", STR_ARG(str_sub(one, 0, at)),
                        STR_ARG(str_sub(range, 4, range.len)));
        count++;
    }
    y->d->items[index].asked = arena_str(y->d->a, strbuf_str(&asked));
}

/* Its own name where it goes by another one: "x@npm:real@^1". */
static void take_name(yarn *y) {
    str rest = y->header, first = STR_EMPTY;
    next_descriptor(&rest, &first);
    str by = y->resolution.len ? y->resolution : first;
    size_t at = range_of(by);
    str range = str_sub(by, at + 1, by.len);
    y->it.name = str_sub(by, 0, at);
    if (str_starts(range, STR("workspace:"))) y->it.flags |= DEP_LOCAL;
    if (str_starts(range, STR("npm:")) && !y->resolution.len) {
        str real = str_sub(range, 4, range.len);
        size_t end = range_of(real);
        if (end < real.len) y->it.name = str_sub(real, 0, end);
    }
    static const str other[] = {STR_INIT("git"), STR_INIT("http"), STR_INIT("file:"),
                                STR_INIT("link:"), STR_INIT("portal:")};
    for (size_t i = 0; i < COUNT(other); i++) {
        if (str_starts(range, other[i])) y->it.source = range;
    }
    /* Version 1 tells the commit of "owner/name" only by what it was resolved to. */
    if (!y->it.source.len && repository_commit(y->resolved).len) y->it.source = y->resolved;
    y->it.commit = repository_commit(y->resolved.len ? y->resolved : y->it.source);
    bool folder = str_starts(y->resolved, STR("file:")) || str_starts(range, STR("link:")) ||
                  str_starts(range, STR("portal:"));
    if (folder && !y->it.version.len) y->it.flags |= DEP_LOCAL;
}

static int end_entry(yarn *y) {
    uint32_t index;
    if (!y->open) return 0;
    y->open = false;
    take_name(y);
    if (!y->it.version.len && !(y->it.flags & DEP_LOCAL))
        return err_at(y->e, ERR_INVALID,
                      (span){.file = y->d->file, .line = y->it.line, .column = 1},
                      "an entry without a version");
    if (dep_add(y->d, &y->it, &index, y->e) < 0) return y->e->code;
    for (size_t i = y->edges_before; i < y->edge_count; i++)
        y->edges[i].from = index;
    index_descriptors(y, index);
    return 0;
}

static int begin_entry(yarn *y, str line) {
    if (end_entry(y) < 0) return y->e->code;
    if (!str_ends(line, STR(":")))
        return err_at(y->e, ERR_INVALID, dep_span(y->d, y->text, str_offset(y->text, line)),
                      "expected an entry such as \"name@range:\"");
    y->header = str_sub(line, 0, line.len - 1);
    y->berry |= str_is(y->header, "__metadata");
    y->open = !str_is(y->header, "__metadata");
    y->it = (dep_item){0};
    y->resolution = y->resolved = STR_EMPTY;
    y->in_dependencies = false;
    y->edges_before = y->edge_count;
    size_t at = str_offset(y->text, line);
    dep_place(y->d, y->text, at, at + y->header.len, &y->it);
    return 0;
}

/* `name "value"` or `name: value`. */
static void split_field(str line, str *name, str *value) {
    line = str_trim(line);
    bool quoted = line.len && line.ptr[0] == '"';
    str rest = quoted ? str_sub(line, 1, line.len) : line;
    *name = dep_until(rest, quoted ? "\"" : ": ", &rest);
    rest = str_trim(str_sub(rest, quoted, rest.len));
    if (str_starts(rest, STR(":"))) rest = str_trim(str_sub(rest, 1, rest.len));
    *value = dep_unquote(rest);
}

static void take_entry_field(yarn *y, str name, str value) {
    if (str_is(name, "version")) y->it.version = value;
    if (str_is(name, "resolution")) y->resolution = value;
    if (str_is(name, "resolved")) y->resolved = value;
    if (str_is(name, "integrity")) y->it.hash = dep_hash_sri(y->d->a, value);
    y->in_dependencies = str_is(name, "dependencies") || str_is(name, "optionalDependencies");
}

static int take_line(yarn *y, str line) {
    size_t indent = 0;
    str name, value;
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    if (indent == line.len || line.ptr[indent] == '#') return 0;
    if (indent == 0) return begin_entry(y, line);
    split_field(line, &name, &value);
    if (!y->open) return 0;
    if (indent <= 2)
        take_entry_field(y, name, value);
    else if (y->in_dependencies && indent <= 4 && value.len) {
        yarn_edge edge = {0, name, value};
        if (y->edge_count == DEPS_EDGES_MAX)
            return err_set(y->e, ERR_LIMIT, "more than %d dependencies", DEPS_EDGES_MAX);
        ARENA_PUSH(y->d->a, y->edges, y->edge_count, y->edge_cap, edge);
    }
    return 0;
}

static uint32_t find_descriptor(const yarn *y, const yarn_edge *edge) {
    arena *a = y->d->a;
    uint32_t to = dep_map_get(
        &y->by_descriptor, arena_printf(a, "%.*s@%.*s", STR_ARG(edge->name), STR_ARG(edge->range)));
    if (to != DEP_NONE) return to;
    return dep_map_get(&y->by_descriptor,
                       arena_printf(a, "%.*s@npm:%.*s", STR_ARG(edge->name), STR_ARG(edge->range)));
}

int dep_read_yarn_lock(dep_doc *d, str text, err *e) {
    yarn y = {.d = d, .text = text, .by_descriptor.a = d->a, .e = e};
    d->has_graph = true;
    for (str rest = text, line; str_line(&rest, &line);) {
        if (take_line(&y, line) < 0) return e->code;
    }
    if (end_entry(&y) < 0) return e->code;
    for (size_t i = 0; i < y.edge_count; i++) {
        uint32_t to = find_descriptor(&y, &y.edges[i]);
        if (to == DEP_NONE) continue;
        if (d->items[y.edges[i].from].flags & DEP_LOCAL) d->items[to].flags |= DEP_DIRECT;
        if (dep_need(d, y.edges[i].from, to, e) < 0) return e->code;
    }
    d->knows_roots = y.berry;
    return 0;
}
