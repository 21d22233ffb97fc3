/* read_others.c: packages.lock.json (NuGet), pubspec.lock (Dart), mix.lock (Elixir), conan.lock (C
 * and C++). (learn.microsoft.com/nuget/consume-packages/package-references-in-project-files;
 * dart.dev/tools/pub/package-layout; hexdocs.pm/mix; docs.conan.io) */
#include "scan/deps/readers.h"

#include "base/json_tree.h"
#include "base/yaml.h"

/* ---- NuGet ----------------------------------------------------------------------------------- */

typedef struct nuget {
    dep_doc *d;
    str text;
    dep_map by_name; /* of one framework, lower case */
    err *e;
} nuget;

static str lower(arena *a, str s) {
    char *copy = arena_cstr(a, s);
    for (size_t i = 0; i < s.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + ('a' - 'A'));
    }
    return (str){copy, s.len};
}

static int add_framework(nuget *n, const json_node *list) {
    n->by_name = (dep_map){.a = n->d->a};
    for (size_t i = 0; i < json_tree_count(list); i++) {
        const json_member *m = &list->members[i];
        str type = json_tree_str(m->item, "type");
        uint32_t index;
        dep_item it = {.name = m->key, .version = json_tree_str(m->item, "resolved")};
        if (str_is(type, "Direct")) it.flags |= DEP_DIRECT;
        if (str_is(type, "Project")) it.flags |= DEP_LOCAL;
        dep_place(n->d, n->text, m->at, m->at + m->key.len + 2, &it);
        if (dep_add(n->d, &it, &index, n->e) < 0) return n->e->code;
        dep_map_put(&n->by_name, lower(n->d->a, m->key), index);
    }
    for (size_t i = 0; i < json_tree_count(list); i++) {
        const json_member *m = &list->members[i];
        const json_node *needs = json_tree_get(m->item, "dependencies");
        uint32_t from = dep_map_get(&n->by_name, lower(n->d->a, m->key));
        for (size_t k = 0; needs && needs->kind == JSON_OBJECT && k < needs->count; k++) {
            uint32_t to = dep_map_get(&n->by_name, lower(n->d->a, needs->members[k].key));
            if (to != DEP_NONE && dep_need(n->d, from, to, n->e) < 0) return n->e->code;
        }
    }
    return 0;
}

int dep_read_nuget_lock(dep_doc *d, str text, err *e) {
    json_node *root;
    nuget n = {.d = d, .text = text, .e = e};
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const json_node *frameworks = json_tree_get(root, "dependencies");
    if (!frameworks || frameworks->kind != JSON_OBJECT)
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of NuGet: it has no 'dependencies'");
    d->has_graph = d->knows_roots = true;
    for (size_t i = 0; i < frameworks->count; i++) {
        const json_node *list = frameworks->members[i].item;
        if (list->kind == JSON_OBJECT && add_framework(&n, list) < 0) return e->code;
    }
    return 0;
}

/* ---- Dart ------------------------------------------------------------------------------------ */

static str yaml_text_at(const yaml_node *mapping, const char *key) {
    const yaml_node *n = mapping && mapping->kind == YAML_MAPPING ? yaml_get(mapping, key) : NULL;
    return n && n->kind == YAML_SCALAR ? n->text : STR_EMPTY;
}

int dep_read_pub_lock(dep_doc *d, str text, err *e) {
    const yaml_node *root;
    yaml_limits limits = {.max_bytes = 64u << 20, .max_nodes = 4000000};
    if (yaml_parse(d->a, text, d->file, &limits, &root, e) < 0) return e->code;
    const yaml_node *packages =
        root && root->kind == YAML_MAPPING ? yaml_get(root, "packages") : NULL;
    if (!packages)
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of pub: it has no 'packages'");
    d->knows_roots = true;
    for (size_t i = 0; packages->kind == YAML_MAPPING && i < packages->mapping.count; i++) {
        const yaml_pair *p = &packages->mapping.pairs[i];
        const yaml_node *description =
            p->item->kind == YAML_MAPPING ? yaml_get(p->item, "description") : NULL;
        str dependency = yaml_text_at(p->item, "dependency"),
            source = yaml_text_at(p->item, "source");
        dep_item it = {.name = p->key->kind == YAML_SCALAR ? p->key->text : STR_EMPTY,
                       .version = yaml_text_at(p->item, "version"),
                       .hash = dep_hash_hex(d->a, yaml_text_at(description, "sha256"))};
        if (str_starts(dependency, STR("direct"))) it.flags |= DEP_DIRECT;
        if (str_is(dependency, "direct dev")) it.flags |= DEP_DEV;
        if (str_is(source, "path") || str_is(source, "sdk")) it.flags |= DEP_LOCAL;
        if (str_is(source, "git")) {
            it.source = yaml_text_at(description, "url");
            it.commit = dep_commit(yaml_text_at(description, "resolved-ref"));
        }
        dep_place_span(&it, p->key->where);
        d->knows_dev = true;
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    return 0;
}

/* ---- Elixir: a term a line --------------------------------------------------------------------
 */

/* The text between the next quotes; false when there is none on the line. */
static bool next_quoted(str *rest, str *ret) {
    ptrdiff_t at = str_find_char(*rest, '"');
    if (at < 0) return false;
    *ret = dep_until(str_sub(*rest, (size_t)at + 1, rest->len), "\"", rest);
    if (!rest->len) return false;
    *rest = str_sub(*rest, 1, rest->len);
    return true;
}

typedef struct mix {
    dep_doc *d;
    str text;
    str *needs; /* of each item, the rest of its line */
    size_t need_count, need_cap;
    dep_map by_name;
    err *e;
} mix;

/* "name": {:hex, :package, "1.2.3", "hash", [:mix], [{:need, …}], "hexpm", "hash"}, */
static int take_mix(mix *m, str line) {
    str rest = line, key, version;
    uint32_t index;
    size_t at = str_offset(m->text, line);
    if (!next_quoted(&rest, &key)) return 0;
    rest = str_trim(rest);
    dep_item it = {.name = key};
    if (str_starts(rest, STR(": {:git"))) {
        next_quoted(&rest, &it.source);
        if (next_quoted(&rest, &version)) it.commit = dep_commit(version);
    } else if (str_starts(rest, STR(": {:package,"))) { /* of 2014 */
        next_quoted(&rest, &it.version);
    } else if (str_starts(rest, STR(": {:hex,"))) {
        str package = str_trim(str_sub(rest, 8, rest.len));
        it.name = dep_until(str_sub(package, 1, package.len), ",", &(str){0});
        if (str_starts(it.name, STR("\""))) it.name = dep_unquote(it.name);
        if (!next_quoted(&rest, &version))
            return err_at(m->e, ERR_INVALID, dep_span(m->d, m->text, at),
                          "expected a package with its version");
        it.version = version;
    } else
        return 0;
    ptrdiff_t lead = str_find_char(line, '"');
    dep_place(m->d, m->text, at + (size_t)lead, at + (size_t)lead + key.len + 2, &it);
    if (dep_add(m->d, &it, &index, m->e) < 0) return m->e->code;
    dep_map_put(&m->by_name, it.name, index);
    ARENA_PUSH(m->d->a, m->needs, m->need_count, m->need_cap, rest);
    return 0;
}

static int need_mix(mix *m, uint32_t from) {
    for (str rest = m->needs[from]; rest.len;) {
        ptrdiff_t at = str_find(rest, STR("{:"));
        if (at < 0) return 0;
        str name = dep_until(str_sub(rest, (size_t)at + 2, rest.len), ",}", &rest);
        uint32_t to = dep_map_get(&m->by_name, name);
        if (to != DEP_NONE && dep_need(m->d, from, to, m->e) < 0) return m->e->code;
    }
    return 0;
}

int dep_read_mix_lock(dep_doc *d, str text, err *e) {
    mix m = {.d = d, .text = text, .by_name.a = d->a, .e = e};
    str begin = str_trim(text);
    if (begin.len && !str_starts(begin, STR("%{")) && !str_starts(begin, STR("["))) /* of 2014 */
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of Mix: it does not begin with %%{");
    d->has_graph = true;
    for (str rest = text, line; str_line(&rest, &line);) {
        if (take_mix(&m, line) < 0) return e->code;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (need_mix(&m, i) < 0) return e->code;
    }
    return 0;
}

/* ---- Conan ----------------------------------------------------------------------------------- */

/* "name/1.2.3@user/channel#revision%time". */
static bool split_reference(str ref, dep_item *it) {
    str rest;
    if (!str_cut(ref, '/', &it->name, &rest)) return false;
    it->version = dep_until(rest, "@#%:", &rest);
    return it->name.len && it->version.len;
}

static int add_references(dep_doc *d, str text, const json_node *list, bool dev, err *e) {
    for (size_t i = 0; list && list->kind == JSON_ARRAY && i < list->count; i++) {
        const json_node *one = list->members[i].item;
        dep_item it = {.flags = dev ? DEP_DEV : 0};
        if (one->kind != JSON_STRING || !split_reference(one->text, &it))
            return err_at(e, ERR_INVALID, dep_span(d, text, one->begin),
                          "expected a reference such as \"zlib/1.2.13\"");
        dep_place(d, text, one->begin, one->end, &it);
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    return 0;
}

static int add_nodes(dep_doc *d, str text, const json_node *nodes, err *e) {
    dep_map by_id = {.a = d->a};
    for (size_t i = 0; i < nodes->count; i++) {
        const json_node *one = nodes->members[i].item, *ref = json_tree_get(one, "ref");
        dep_item it = {0};
        bool named = ref && ref->kind == JSON_STRING && split_reference(ref->text, &it);
        if (!named) it.flags |= DEP_LOCAL; /* what the lock file is for */
        size_t at = ref ? ref->begin : one->begin;
        dep_place(d, text, at, ref ? ref->end : at + 1, &it);
        dep_map_put(&by_id, nodes->members[i].key, (uint32_t)i);
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    static const char *const lists[] = {"requires", "build_requires"};
    for (uint32_t i = 0; i < nodes->count; i++) {
        bool root = d->items[i].flags & DEP_LOCAL;
        for (size_t k = 0; k < COUNT(lists); k++) {
            const json_node *list = json_tree_get(nodes->members[i].item, lists[k]);
            for (size_t n = 0; list && list->kind == JSON_ARRAY && n < list->count; n++) {
                const json_node *id = list->members[n].item;
                uint32_t to = id->kind == JSON_STRING ? dep_map_get(&by_id, id->text) : DEP_NONE;
                if (to == DEP_NONE) continue;
                if (root) d->items[to].flags |= DEP_DIRECT | (k == 1 ? DEP_DEV : 0);
                if (dep_need(d, i, to, e) < 0) return e->code;
            }
        }
    }
    d->has_graph = d->knows_roots = true;
    return 0;
}

int dep_read_conan_lock(dep_doc *d, str text, err *e) {
    json_node *root;
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const json_node *nodes = json_tree_get(json_tree_get(root, "graph_lock"), "nodes");
    if (nodes && nodes->kind == JSON_OBJECT) return add_nodes(d, text, nodes, e);
    if (!json_tree_get(root, "requires") && !json_tree_get(root, "version"))
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of Conan: it has neither 'graph_lock' nor 'requires'");
    d->knows_dev = true;
    if (add_references(d, text, json_tree_get(root, "requires"), false, e) < 0 ||
        add_references(d, text, json_tree_get(root, "build_requires"), true, e) < 0)
        return e->code;
    return add_references(d, text, json_tree_get(root, "python_requires"), true, e);
}
