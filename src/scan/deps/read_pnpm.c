/* read_pnpm.c: pnpm-lock.yaml, lockfileVersion 5 to 9.
 * (github.com/pnpm/spec, lockfile/5.2.md to 9.0.md)
 *
 * A package is "/name/1.0.0_peers" (5), "/name@1.0.0(peers)" (6) or "name@1.0.0(peers)" (9, where
 * "packages" has facts and "snapshots" has what each needs). Variants that differ by their peers
 * are one package here. */
#include "scan/deps/readers.h"

#include "base/yaml.h"
#include "scan/advisories/repository.h"

#define LOCK_BYTES_MAX (64u << 20)
#define LOCK_NODES_MAX 8000000

typedef struct pnpm {
    dep_doc *d;
    bool old;       /* lockfileVersion 5 */
    dep_map by_key; /* "name@1.0.0", of version 5 "name/1.0.0" */
    err *e;
} pnpm;

static bool is_mapping(const yaml_node *n) {
    return n && n->kind == YAML_MAPPING;
}

static size_t pair_count(const yaml_node *n) {
    return is_mapping(n) ? n->mapping.count : 0;
}

static str text_of(const yaml_node *n) {
    return n && n->kind == YAML_SCALAR ? n->text : STR_EMPTY;
}

static bool is_true(const yaml_node *mapping, const char *key) {
    return is_mapping(mapping) && str_is(text_of(yaml_get(mapping, key)), "true");
}

/* A package's key without the peers in parentheses and the '/' at its head. */
static str plain_key(str key) {
    key = dep_until(key, "(", &(str){0});
    return str_starts(key, STR("/")) ? str_sub(key, 1, key.len) : key;
}

/* Name and version of a package's key; false where it has none. */
static bool split_key(const pnpm *p, str key, str *name, str *version) {
    str at = plain_key(key);
    ptrdiff_t cut = str_rfind_char(at, '/');
    if (!p->old) { /* an address may have an '@', a name begins with one */
        cut = str_find_char(str_sub(at, at.len > 0, at.len), '@');
        if (cut >= 0) cut++;
    }
    if (cut <= 0) return false;
    *name = str_sub(at, 0, (size_t)cut);
    *version = str_sub(at, (size_t)cut + 1, at.len);
    if (p->old) *version = dep_until(*version, "_", &(str){0});
    return version->len > 0;
}

/* The item of a key as "packages" and "snapshots" have it. */
static uint32_t find_key(const pnpm *p, str key) {
    str name, version;
    uint32_t found = dep_map_get(&p->by_key, plain_key(key));
    if (found != DEP_NONE || !split_key(p, key, &name, &version)) return found;
    return dep_map_get(&p->by_key, arena_printf(p->d->a, p->old ? "%.*s/%.*s" : "%.*s@%.*s",
                                                STR_ARG(name), STR_ARG(version)));
}

/* What "name: version" leads to; the version may be a whole key, of a package by another name or
 * from elsewhere. */
static uint32_t find_item(const pnpm *p, str name, str version) {
    uint32_t found = find_key(p, arena_printf(p->d->a, p->old ? "%.*s/%.*s" : "%.*s@%.*s",
                                              STR_ARG(name), STR_ARG(version)));
    return found != DEP_NONE ? found : find_key(p, version);
}

static bool is_folder(str version) {
    return str_starts(version, STR("file:")) || str_starts(version, STR("link:"));
}

/* Where it is not from a registry: a repository with its commit, or an archive's address. */
static void take_resolution(const pnpm *p, const yaml_node *resolution, dep_item *it) {
    str repo = text_of(yaml_get(resolution, "repo")),
        commit = text_of(yaml_get(resolution, "commit")),
        tarball = text_of(yaml_get(resolution, "tarball"));
    it->hash = dep_hash_sri(p->d->a, text_of(yaml_get(resolution, "integrity")));
    it->source = repo;
    it->commit = repository_is_commit(commit) ? commit : STR_EMPTY;
    if (repo.len || !repository_commit(tarball).len) return;
    it->source = tarball;
    it->commit = repository_commit(tarball);
}

/* From elsewhere the key is no name and no version; fields tell them. */
static bool take_package(const pnpm *p, const yaml_pair *pair, dep_item *it) {
    str key = text_of(pair->key);
    bool named = split_key(p, key, &it->name, &it->version);
    const yaml_node *fields = is_mapping(pair->item) ? pair->item : NULL;
    if (!fields) return named;
    str name = text_of(yaml_get(fields, "name")), version = text_of(yaml_get(fields, "version"));
    const yaml_node *resolution = yaml_get(fields, "resolution");
    bool folder = is_folder(plain_key(key)) || is_folder(it->version);
    bool address = str_find(it->version, STR("://")) >= 0 || str_starts(it->version, STR("git"));
    if (address) it->version = STR_EMPTY;
    if (name.len) it->name = name;
    if (version.len || name.len) it->version = version;
    if (is_mapping(resolution)) {
        take_resolution(p, resolution, it);
        folder |= yaml_get(resolution, "directory") != NULL;
    }
    if (folder) it->flags |= DEP_LOCAL;
    if (is_true(fields, "dev")) it->flags |= DEP_DEV;
    if (is_true(fields, "optional")) it->flags |= DEP_OPTIONAL;
    return it->name.len > 0;
}

static int add_packages(pnpm *p, const yaml_node *packages) {
    for (size_t i = 0; i < pair_count(packages); i++) {
        const yaml_pair *pair = &packages->mapping.pairs[i];
        dep_item it = {0};
        str key = text_of(pair->key);
        if (find_key(p, key) != DEP_NONE || !take_package(p, pair, &it)) continue;
        uint32_t index = (uint32_t)p->d->count;
        dep_map_put(&p->by_key, plain_key(key), index);
        if (p->old && it.version.len) /* without peers */
            dep_map_put(&p->by_key,
                        arena_printf(p->d->a, "%.*s/%.*s", STR_ARG(it.name), STR_ARG(it.version)),
                        index);
        dep_place_span(&it, pair->key->where);
        if (dep_add(p->d, &it, NULL, p->e) < 0) return p->e->code;
    }
    return 0;
}

static const char *const edge_keys[] = {"dependencies", "optionalDependencies"};

static int add_edges(pnpm *p, const yaml_node *packages) {
    for (size_t i = 0; i < pair_count(packages); i++) {
        const yaml_pair *pair = &packages->mapping.pairs[i];
        if (!is_mapping(pair->item)) continue;
        uint32_t from = find_key(p, text_of(pair->key));
        for (size_t k = 0; from != DEP_NONE && k < COUNT(edge_keys); k++) {
            const yaml_node *list = yaml_get(pair->item, edge_keys[k]);
            for (size_t n = 0; n < pair_count(list); n++) {
                const yaml_pair *one = &list->mapping.pairs[n];
                uint32_t to = find_item(p, text_of(one->key), text_of(one->item));
                if (to != DEP_NONE && dep_need(p->d, from, to, p->e) < 0) return p->e->code;
            }
        }
    }
    return 0;
}

/* What one project of the workspace asks for. */
static void add_importer(pnpm *p, const yaml_node *importer, bool dev) {
    static const char *const lists[] = {"devDependencies", "dependencies", "optionalDependencies"};
    for (size_t k = 0; k < COUNT(lists) && is_mapping(importer); k++) {
        const yaml_node *list = yaml_get(importer, lists[k]);
        for (size_t i = 0; (k == 0) == dev && i < pair_count(list); i++) {
            const yaml_pair *one = &list->mapping.pairs[i];
            str version = is_mapping(one->item) ? text_of(yaml_get(one->item, "version"))
                                                : text_of(one->item);
            uint32_t to = find_item(p, text_of(one->key), version);
            if (to == DEP_NONE) continue;
            unsigned *flags = &p->d->items[to].flags;
            if (dev && !(*flags & DEP_DIRECT)) *flags |= DEP_DEV;
            *flags |= DEP_DIRECT;
        }
    }
}

int dep_read_pnpm_lock(dep_doc *d, str text, err *e) {
    const yaml_node *root;
    yaml_limits limits = {.max_bytes = LOCK_BYTES_MAX, .max_nodes = LOCK_NODES_MAX};
    pnpm p = {.d = d, .by_key.a = d->a, .e = e};
    if (yaml_parse(d->a, text, d->file, &limits, &root, e) < 0) return e->code;
    if (!is_mapping(root) || !yaml_get(root, "lockfileVersion"))
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of pnpm: it has no 'lockfileVersion'");
    str version = text_of(yaml_get(root, "lockfileVersion"));
    const yaml_node *packages = yaml_get(root, "packages"),
                    *snapshots = yaml_get(root, "snapshots"),
                    *importers = yaml_get(root, "importers");
    p.old = str_starts(version, STR("5")) || str_starts(version, STR("4"));
    d->has_graph = d->knows_roots = true;
    if (add_packages(&p, packages) < 0 || add_packages(&p, snapshots) < 0 ||
        add_edges(&p, snapshots ? snapshots : packages) < 0)
        return e->code;
    for (int dev = 0; dev < 2; dev++) { /* what is asked for twice is not only for development */
        if (!pair_count(importers)) add_importer(&p, root, dev);
        for (size_t i = 0; i < pair_count(importers); i++)
            add_importer(&p, importers->mapping.pairs[i].item, dev);
    }
    return 0;
}
