/* read_cargo.c: Cargo.lock, versions 1 to 4, and Cargo.toml. (doc.rust-lang.org/cargo/reference) */
#include "scan/deps/readers.h"

#include "base/toml.h"
#include "scan/advisories/repository.h"

#define REGISTRY "registry+https://github.com/rust-lang/crates.io-index"
#define SPARSE   "sparse+https://index.crates.io/"

typedef struct cargo {
    dep_doc *d;
    dep_map by_name, by_version; /* "serde", "serde 1.0.1" */
    err *e;
} cargo;

static size_t item_count(const toml_node *n) {
    return n && n->kind == TOML_ARRAY ? n->array.count : 0;
}

static size_t pair_count(const toml_node *n) {
    return n && n->kind == TOML_TABLE ? n->table.count : 0;
}

static int add_package(cargo *c, const toml_node *package) {
    str source = toml_get_str(package, "source");
    const toml_node *name = toml_get(package, STR("name"));
    uint32_t index;
    dep_item it = {.name = toml_get_str(package, "name"),
                   .version = toml_get_str(package, "version"),
                   .hash = dep_hash_hex(c->d->a, toml_get_str(package, "checksum"))};
    if (package->kind != TOML_TABLE || !it.name.len || !it.version.len)
        return err_at(c->e, ERR_INVALID, package->where, "a package without a name or a version");
    if (!source.len) it.flags |= DEP_LOCAL;
    if (source.len && !str_is(source, REGISTRY) && !str_is(source, SPARSE)) it.source = source;
    if (str_starts(source, STR("git+"))) it.commit = repository_commit(source);
    dep_place_span(&it, name->where);
    if (dep_add(c->d, &it, &index, c->e) < 0) return c->e->code;
    dep_map_put(&c->by_name, it.name, index);
    dep_map_put(&c->by_version,
                arena_printf(c->d->a, "%.*s %.*s", STR_ARG(it.name), STR_ARG(it.version)), index);
    return 0;
}

/* "serde", "serde 1.0.1" where there are several, "serde 1.0.1 (source)". */
static uint32_t find(const cargo *c, str need) {
    str plain = str_trim(dep_until(need, "(", &(str){0}));
    uint32_t i = dep_map_get(&c->by_version, plain);
    return i != DEP_NONE ? i : dep_map_get(&c->by_name, plain);
}

int dep_read_cargo_lock(dep_doc *d, str text, err *e) {
    toml_node *root;
    cargo c = {d, {.a = d->a}, {.a = d->a}, e};
    if (toml_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const toml_node *list = toml_get(root, STR("package"));
    d->has_graph = d->knows_roots = true;
    for (size_t i = 0; i < item_count(list); i++) {
        if (add_package(&c, list->array.items[i]) < 0) return e->code;
    }
    for (uint32_t i = 0; i < item_count(list); i++) {
        const toml_node *needs = toml_get(list->array.items[i], STR("dependencies"));
        for (size_t k = 0; k < item_count(needs); k++) {
            const toml_node *one = needs->array.items[k];
            uint32_t to = one->kind == TOML_STRING ? find(&c, one->text) : DEP_NONE;
            if (to == DEP_NONE) continue;
            if (d->items[i].flags & DEP_LOCAL) d->items[to].flags |= DEP_DIRECT;
            if (dep_need(d, i, to, e) < 0) return e->code;
        }
    }
    return 0;
}

/* ---- Cargo.toml -------------------------------------------------------------------------------
 */

static const struct {
    str key;
    bool dev;
} lists[] = {{STR_INIT("dependencies"), false},
             {STR_INIT("dev-dependencies"), true},
             {STR_INIT("build-dependencies"), true}};

static void add_lists(dep_doc *d, const toml_node *table) {
    for (size_t k = 0; k < COUNT(lists); k++) {
        const toml_node *list = toml_get(table, lists[k].key);
        for (size_t i = 0; i < pair_count(list); i++) {
            const toml_pair *one = &list->table.pairs[i];
            str real = toml_get_str(one->item, "package");
            dep_root_add(d, real.len ? real : one->key, STR_EMPTY, lists[k].dev);
        }
    }
}

/* Also of a crate in vendor/, whose licence it tells. */
int dep_read_cargo_toml(dep_doc *d, str text, err *e) {
    toml_node *root;
    if (toml_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const toml_node *package = toml_get(root, STR("package")),
                    *targets = toml_get(root, STR("target"));
    str license = toml_get_str(package, "license");
    if (license.len) {
        dep_fact *f = dep_fact_add(d, FACT_LICENSE);
        f->texts[0] = STR("crates.io");
        f->texts[1] = toml_get_str(package, "name");
        f->texts[2] = toml_get_str(package, "version");
        f->texts[3] = license;
    }
    if (str_starts(d->path, STR("vendor/")) || str_find(d->path, STR("/vendor/")) >= 0) return 0;
    add_lists(d, root);
    for (size_t i = 0; i < pair_count(targets); i++)
        add_lists(d, targets->table.pairs[i].item);
    return 0;
}
