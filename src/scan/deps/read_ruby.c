/* read_ruby.c: Gemfile.lock. (bundler.io; rubygems/bundler, lockfile_parser.rb)
 *
 * Sections at the margin; in GEM, GIT and PATH "specs:" with gems four spaces in and what each
 * needs six; DEPENDENCIES has what the Gemfile asks for. */
#include "scan/deps/readers.h"

typedef struct gem_edge {
    uint32_t from;
    str name;
} gem_edge;

typedef struct gemfile {
    dep_doc *d;
    str text, section, remote, revision;
    dep_map by_name, by_version;
    gem_edge *edges;
    size_t edge_count, edge_cap;
    uint32_t last; /* the gem whose needs follow */
    err *e;
} gemfile;

static size_t indent_of(str line) {
    size_t i = 0;
    while (i < line.len && line.ptr[i] == ' ')
        i++;
    return i;
}

/* "name (1.2.3-x86_64-linux)": the platform is no part of the version. */
static void split(str line, str *name, str *version) {
    str rest;
    *name = dep_until(str_trim(line), " !", &rest);
    rest = str_trim(rest);
    *version = STR_EMPTY;
    if (str_starts(rest, STR("(")))
        *version = dep_until(str_sub(rest, 1, rest.len), "-)", &(str){0});
}

static int add_gem(gemfile *g, str line) {
    dep_item it = {0};
    size_t at = str_offset(g->text, line) + indent_of(line);
    split(line, &it.name, &it.version);
    if (!it.name.len || !it.version.len)
        return err_at(g->e, ERR_INVALID, dep_span(g->d, g->text, at),
                      "expected a gem such as 'rails (7.0.1)'");
    str key = arena_printf(g->d->a, "%.*s %.*s", STR_ARG(it.name), STR_ARG(it.version));
    uint32_t index = (uint32_t)g->d->count;
    g->last = dep_map_put(&g->by_version, key, index);
    if (g->last != index) return 0; /* for another platform */
    if (str_is(g->section, "PATH")) it.flags |= DEP_LOCAL;
    if (str_is(g->section, "GIT")) {
        it.source = g->remote;
        it.commit = dep_commit(g->revision);
    }
    dep_place(g->d, g->text, at, at + str_trim(line).len, &it);
    dep_map_put(&g->by_name, it.name, index);
    return dep_add(g->d, &it, NULL, g->e);
}

static int take_spec(gemfile *g, str line, size_t indent) {
    str name, version;
    if (indent == 2 && str_starts(line, STR("  remote:")))
        g->remote = str_trim(str_sub(line, 9, line.len));
    if (indent == 2 && str_starts(line, STR("  revision:")))
        g->revision = str_trim(str_sub(line, 11, line.len));
    if (indent == 4) return add_gem(g, line);
    if (indent != 6 || g->last == DEP_NONE) return 0;
    split(line, &name, &version);
    gem_edge edge = {g->last, name};
    if (g->edge_count == DEPS_EDGES_MAX)
        return err_set(g->e, ERR_LIMIT, "more than %d dependencies", DEPS_EDGES_MAX);
    ARENA_PUSH(g->d->a, g->edges, g->edge_count, g->edge_cap, edge);
    return 0;
}

static bool has_specs(const gemfile *g) {
    return str_is(g->section, "GEM") || str_is(g->section, "GIT") || str_is(g->section, "PATH");
}

int dep_read_gemfile_lock(dep_doc *d, str text, err *e) {
    gemfile g = {
        .d = d, .text = text, .by_name.a = d->a, .by_version.a = d->a, .last = DEP_NONE, .e = e};
    d->has_graph = true;
    for (str rest = text, line, name, version; str_line(&rest, &line);) {
        size_t indent = indent_of(line);
        if (indent == line.len) continue;
        if (indent == 0) {
            g.section = str_trim(line);
            g.remote = g.revision = STR_EMPTY;
            g.last = DEP_NONE;
        } else if (has_specs(&g)) {
            if (take_spec(&g, line, indent) < 0) return e->code;
        } else if (str_is(g.section, "DEPENDENCIES")) {
            split(line, &name, &version);
            dep_root_add(d, name, STR_EMPTY, false);
        }
    }
    for (size_t i = 0; i < g.edge_count; i++) {
        uint32_t to = dep_map_get(&g.by_name, g.edges[i].name);
        if (to != DEP_NONE && dep_need(d, g.edges[i].from, to, e) < 0) return e->code;
    }
    return 0;
}
