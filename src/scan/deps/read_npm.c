/* read_npm.c: package-lock.json and npm-shrinkwrap.json, versions 1 to 3, and package.json.
 * (docs.npmjs.com/cli/configuring-npm/package-lock-json)
 *
 * Version 3 has "packages" by where they lie ("node_modules/a/node_modules/b"), version 1
 * "dependencies" inside each other, version 2 both, of which "packages" counts. */
#include "scan/deps/readers.h"

#include "base/json_tree.h"
#include "scan/advisories/repository.h"

#define MODULES    "node_modules/"
#define NAME_MAX_  1024
#define NESTED_MAX 64 /* folders of node_modules in each other */

typedef struct npm {
    dep_doc *d;
    str text;
    dep_map by_path; /* "node_modules/a" to item */
    err *e;
} npm;

/* "lodash" of "node_modules/x/node_modules/lodash". */
static str name_of_path(str path) {
    for (size_t i = path.len; i-- > 0;) {
        str rest = str_sub(path, i, path.len);
        if ((i == 0 || path.ptr[i - 1] == '/') && str_starts(rest, STR(MODULES)))
            return str_sub(rest, sizeof MODULES - 1, rest.len);
    }
    return STR_EMPTY;
}

/* What is not from a registry: a repository, a file, a folder. */
static str source_of(str resolved) {
    static const str usual[] = {STR_INIT("https://registry."), STR_INIT("http://registry.")};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (str_starts(resolved, usual[i])) return STR_EMPTY;
    }
    if (str_find(resolved, STR("/-/")) >= 0) return STR_EMPTY; /* another registry */
    return resolved;
}

str dep_npm_license(arena *a, const json_node *package) {
    str license = json_tree_str(package, "license");
    if (license.len) return license;
    const json_node *old = json_tree_get(package, "license");
    if (old && old->kind == JSON_OBJECT) return json_tree_str(old, "type");
    old = json_tree_get(package, "licenses"); /* [{"type": "MIT"}, …]: any of them */
    strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < json_tree_count(old); i++) {
        str one = json_tree_str(old->members[i].item, "type");
        if (one.len) strbuf_addf(&all, "%s%.*s", all.len ? " OR " : "", STR_ARG(one));
    }
    license = arena_str(a, strbuf_str(&all));
    strbuf_done(&all);
    return license;
}

static unsigned flags_of(const json_node *package) {
    bool dev = json_tree_true(package, "dev");
    bool optional = json_tree_true(package, "optional") || json_tree_true(package, "devOptional");
    return (dev ? DEP_DEV : 0) | (optional ? DEP_OPTIONAL : 0);
}

/* ---- versions 2 and 3 ----------------------------------------------------------------------- */

static int add_package(npm *n, const json_member *m) {
    const json_node *p = m->item;
    str name = json_tree_str(p, "name"), inner = name_of_path(m->key);
    dep_item it = {.name = name.len ? name : inner,
                   .version = json_tree_str(p, "version"),
                   .license = dep_npm_license(n->d->a, p),
                   .hash = dep_hash_sri(n->d->a, json_tree_str(p, "integrity")),
                   .source = source_of(json_tree_str(p, "resolved")),
                   .flags = flags_of(p)};
    uint32_t index;
    it.commit = repository_commit(it.source);
    if (!inner.len) it.flags |= DEP_LOCAL;
    if (!it.name.len && !(it.flags & DEP_LOCAL)) return 0;
    dep_place(n->d, n->text, m->at, m->at + m->key.len + 2, &it);
    if (dep_add(n->d, &it, &index, n->e) < 0) return n->e->code;
    dep_map_put(&n->by_path, m->key, index);
    return 0;
}

/* A link stands for the folder that it leads to. */
static void add_link(npm *n, const json_member *m) {
    uint32_t target = dep_map_get(&n->by_path, json_tree_str(m->item, "resolved"));
    if (target != DEP_NONE) dep_map_put(&n->by_path, m->key, target);
}

/* As Node looks for modules: below the one that asks, then above. */
static uint32_t find_module(const npm *n, str path, str name) {
    char room[NAME_MAX_ + sizeof MODULES + DEPS_TEXT_MAX];
    if (name.len > NAME_MAX_ || path.len > DEPS_TEXT_MAX) return DEP_NONE;
    for (size_t depth = 0; depth < NESTED_MAX; depth++) {
        size_t len = path.len;
        memcpy(room, path.ptr, path.len);
        if (len) room[len++] = '/';
        memcpy(room + len, MODULES, sizeof MODULES - 1);
        len += sizeof MODULES - 1;
        memcpy(room + len, name.ptr, name.len);
        uint32_t found = dep_map_get(&n->by_path, (str){room, len + name.len});
        if (found != DEP_NONE || !path.len) return found;
        /* Up: to what holds the last node_modules, or a folder of a workspace to its parent. */
        str inner = name_of_path(path);
        size_t up = inner.len ? (size_t)(inner.ptr - path.ptr) - (sizeof MODULES - 1) : 0;
        if (!inner.len) {
            ptrdiff_t slash = str_rfind_char(path, '/');
            up = slash > 0 ? (size_t)slash : 0;
        }
        path = str_sub(path, 0, up);
        if (path.len && path.ptr[path.len - 1] == '/') path.len--;
    }
    return DEP_NONE;
}

static const char *const edge_keys[] = {"dependencies", "optionalDependencies", "peerDependencies",
                                        "devDependencies"};

static int add_edges(npm *n, const json_member *m) {
    uint32_t from = dep_map_get(&n->by_path, m->key);
    if (from == DEP_NONE) return 0;
    bool local = n->d->items[from].flags & DEP_LOCAL;
    for (size_t k = 0; k < COUNT(edge_keys) - !local; k++) {
        const json_node *list = json_tree_get(m->item, edge_keys[k]);
        if (list && list->kind != JSON_OBJECT) continue;
        for (size_t i = 0; i < json_tree_count(list); i++) {
            uint32_t to = find_module(n, m->key, list->members[i].key);
            if (to == DEP_NONE) continue;
            if (local) n->d->items[to].flags |= DEP_DIRECT;
            if (dep_need(n->d, from, to, n->e) < 0) return n->e->code;
        }
    }
    return 0;
}

static int read_packages(npm *n, const json_node *packages) {
    n->d->knows_roots = true;
    for (size_t i = 0; i < packages->count; i++) {
        const json_member *m = &packages->members[i];
        if (m->item->kind != JSON_OBJECT || json_tree_true(m->item, "link")) continue;
        if (add_package(n, m) < 0) return n->e->code;
    }
    for (size_t i = 0; i < packages->count; i++) {
        const json_member *m = &packages->members[i];
        if (json_tree_true(m->item, "link")) add_link(n, m);
    }
    for (size_t i = 0; i < packages->count; i++) {
        if (add_edges(n, &packages->members[i]) < 0) return n->e->code;
    }
    return 0;
}

/* ---- version 1 ------------------------------------------------------------------------------ */

static str child_path(npm *n, str path, str name) {
    return arena_printf(n->d->a, "%.*s%s" MODULES "%.*s", STR_ARG(path), path.len ? "/" : "",
                        STR_ARG(name));
}

/* "npm:real@1.2.3" is another package under this name. */
static void take_alias(dep_item *it) {
    if (!str_starts(it->version, STR("npm:"))) return;
    str spec = str_sub(it->version, 4, it->version.len);
    ptrdiff_t at = str_rfind_char(spec, '@');
    if (at <= 0) return;
    it->name = str_sub(spec, 0, (size_t)at);
    it->version = str_sub(spec, (size_t)at + 1, spec.len);
}

static int add_nested(npm *n, const json_node *list, str path, unsigned depth) {
    for (size_t i = 0; i < json_tree_count(list) && list->kind == JSON_OBJECT; i++) {
        const json_member *m = &list->members[i];
        str own = child_path(n, path, m->key);
        uint32_t index;
        dep_item it = {.name = m->key,
                       .version = json_tree_str(m->item, "version"),
                       .hash = dep_hash_sri(n->d->a, json_tree_str(m->item, "integrity")),
                       .source = source_of(json_tree_str(m->item, "resolved")),
                       .flags = flags_of(m->item)};
        take_alias(&it);
        if (str_find_char(it.version, ':') >= 0) { /* a repository, a URL, a folder */
            it.source = it.version;
            it.version = STR_EMPTY;
            it.commit = repository_commit(it.source);
        }
        dep_place(n->d, n->text, m->at, m->at + m->key.len + 2, &it);
        if (dep_add(n->d, &it, &index, n->e) < 0) return n->e->code;
        dep_map_put(&n->by_path, own, index);
        if (depth == 0)
            return err_at(n->e, ERR_LIMIT, dep_span(n->d, n->text, m->at),
                          "packages lie in each other more than %d deep", NESTED_MAX);
        if (add_nested(n, json_tree_get(m->item, "dependencies"), own, depth - 1) < 0)
            return n->e->code;
    }
    return 0;
}

static int need_nested(npm *n, const json_node *list, str path) {
    for (size_t i = 0; i < json_tree_count(list) && list->kind == JSON_OBJECT; i++) {
        const json_member *m = &list->members[i];
        const json_node *requires = json_tree_get(m->item, "requires");
        str own = child_path(n, path, m->key);
        uint32_t from = dep_map_get(&n->by_path, own);
        for (size_t k = 0; k < json_tree_count(requires) && requires->kind == JSON_OBJECT; k++) {
            uint32_t to = find_module(n, own, requires->members[k].key);
            if (from != DEP_NONE && to != DEP_NONE && dep_need(n->d, from, to, n->e) < 0)
                return n->e->code;
        }
        if (need_nested(n, json_tree_get(m->item, "dependencies"), own) < 0) return n->e->code;
    }
    return 0;
}

int dep_read_npm_lock(dep_doc *d, str text, err *e) {
    npm n = {.d = d, .text = text, .by_path.a = d->a, .e = e};
    json_node *root;
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const json_node *packages = json_tree_get(root, "packages"),
                    *nested = json_tree_get(root, "dependencies");
    d->has_graph = d->knows_dev = true;
    if (packages && packages->kind == JSON_OBJECT) return read_packages(&n, packages);
    if (nested && nested->kind == JSON_OBJECT)
        return add_nested(&n, nested, STR_EMPTY, NESTED_MAX) < 0
                   ? e->code
                   : need_nested(&n, nested, STR_EMPTY);
    if (json_tree_get(root, "lockfileVersion")) return 0; /* of a project without dependencies */
    return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                  "is no lock file of npm: it has neither 'packages' nor 'dependencies'");
}

/* ---- package.json --------------------------------------------------------------------------- */

static void add_roots(dep_doc *d, const json_node *root, const char *key, bool dev) {
    const json_node *list = json_tree_get(root, key);
    for (size_t i = 0; list && list->kind == JSON_OBJECT && i < list->count; i++)
        dep_root_add(d, list->members[i].key,
                     list->members[i].item->kind == JSON_STRING ? list->members[i].item->text
                                                                : STR_EMPTY,
                     dev);
}

static bool is_installed(str path) {
    str name = name_of_path(path);
    size_t slashes = 0;
    for (size_t i = 0; i < name.len; i++)
        slashes += name.ptr[i] == '/';
    return name.len && slashes == (name.ptr[0] == '@' ? 2 : 1);
}

/* One right below node_modules is that of a package, which tells its licence. */
int dep_read_package_json(dep_doc *d, str text, err *e) {
    json_node *root;
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    str path = d->inner.len ? d->inner : d->path;
    if (str_find(path, STR(MODULES)) >= 0) {
        dep_item it = {.name = json_tree_str(root, "name"),
                       .version = json_tree_str(root, "version"),
                       .license = dep_npm_license(d->a, root)};
        if (!is_installed(path) || !it.name.len || !it.version.len) return 0;
        dep_fact *f = dep_fact_add(d, FACT_LICENSE);
        const str texts[] = {STR("npm"), it.name, it.version, it.license};
        memcpy(f->texts, texts, sizeof texts);
        return dep_add(d, &it, NULL, e);
    }
    add_roots(d, root, "dependencies", false);
    add_roots(d, root, "optionalDependencies", false);
    add_roots(d, root, "peerDependencies", false);
    add_roots(d, root, "devDependencies", true);
    return 0;
}
