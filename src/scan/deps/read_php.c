/* read_php.c: composer.lock and composer.json. (getcomposer.org/doc/04-schema.md) */
#include "scan/deps/readers.h"

#include "base/json_tree.h"

typedef struct composer {
    dep_doc *d;
    str text;
    dep_map by_name;
    err *e;
} composer;

/* Several are alternatives: "parallel licensing" by the schema. */
static str license_of(arena *a, const json_node *package) {
    const json_node *list = json_tree_get(package, "license");
    if (list && list->kind == JSON_STRING) return list->text;
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < json_tree_count(list); i++) {
        const json_node *one = list->members[i].item;
        if (one->kind == JSON_STRING)
            strbuf_addf(&all, "%s%.*s", all.len ? " OR " : "", STR_ARG(one->text));
    }
    return arena_str(a, strbuf_str(&all));
}

static int add_packages(composer *c, const json_node *list, bool dev) {
    for (size_t i = 0; i < json_tree_count(list); i++) {
        const json_node *p = list->members[i].item, *name = json_tree_get(p, "name"),
                        *source = json_tree_get(p, "source");
        uint32_t index;
        if (!name) name = json_tree_get(p, "package"); /* of 2011 */
        dep_item it = {.name = name && name->kind == JSON_STRING ? name->text : STR_EMPTY,
                       .commit = dep_commit(json_tree_str(source, "reference")),
                       .repo = json_tree_str(source, "url"),
                       .version = json_tree_str(p, "version"),
                       .license = license_of(c->d->a, p),
                       .hash =
                           dep_hash_hex(c->d->a, json_tree_str(json_tree_get(p, "dist"), "shasum")),
                       .flags = dev ? DEP_DEV : 0};
        if (!it.name.len || !it.version.len)
            return err_at(c->e, ERR_INVALID, dep_span(c->d, c->text, p->begin),
                          "a package without a name or a version");
        dep_place(c->d, c->text, name->begin, name->end, &it);
        if (dep_add(c->d, &it, &index, c->e) < 0) return c->e->code;
        dep_map_put(&c->by_name, it.name, index);
    }
    return 0;
}

static int add_edges(composer *c, const json_node *list, size_t first) {
    for (size_t i = 0; i < json_tree_count(list); i++) {
        const json_node *needs = json_tree_get(list->members[i].item, "require");
        for (size_t k = 0; needs && needs->kind == JSON_OBJECT && k < needs->count; k++) {
            uint32_t to = dep_map_get(&c->by_name, needs->members[k].key);
            if (to != DEP_NONE && dep_need(c->d, (uint32_t)(first + i), to, c->e) < 0)
                return c->e->code;
        }
    }
    return 0;
}

int dep_read_composer_lock(dep_doc *d, str text, err *e) {
    json_node *root;
    composer c = {d, text, {.a = d->a}, e};
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const json_node *packages = json_tree_get(root, "packages"),
                    *dev = json_tree_get(root, "packages-dev");
    if (!packages || packages->kind != JSON_ARRAY)
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of Composer: it has no 'packages'");
    d->has_graph = d->knows_dev = true;
    if (add_packages(&c, packages, false) < 0 || add_packages(&c, dev, true) < 0 ||
        add_edges(&c, packages, 0) < 0)
        return e->code;
    return add_edges(&c, dev, packages->count);
}

int dep_read_composer_json(dep_doc *d, str text, err *e) {
    static const char *const lists[] = {"require", "require-dev"};
    json_node *root;
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    bool vendored = str_starts(d->path, STR("vendor/")) || str_find(d->path, STR("/vendor/")) >= 0;
    if (vendored) {
        dep_fact *f = dep_fact_add(d, FACT_LICENSE);
        f->texts[0] = STR("Packagist");
        f->texts[1] = json_tree_str(root, "name");
        f->texts[2] = json_tree_str(root, "version");
        f->texts[3] = license_of(d->a, root);
        return 0;
    }
    for (size_t k = 0; k < COUNT(lists); k++) {
        const json_node *list = json_tree_get(root, lists[k]);
        for (size_t i = 0; list && list->kind == JSON_OBJECT && i < list->count; i++) {
            str name = list->members[i].key; /* "php" and "ext-json" are the platform's */
            if (str_find_char(name, '/') >= 0) dep_root_add(d, name, STR_EMPTY, k == 1);
        }
    }
    return 0;
}
