/* read_pylock.c: poetry.lock, uv.lock, pdm.lock, Pipfile.lock, and the manifests beside them.
 * (python-poetry.org/docs, docs.astral.sh/uv/concepts/projects/layout, pdm-project.org,
 * pipenv.pypa.io) */
#include "scan/deps/readers.h"

#include "base/json_tree.h"
#include "base/toml.h"
#include "scan/advisories/repository.h"
#include "scan/advisories/version.h"

typedef struct pylock {
    dep_doc *d;
    dep_map by_name; /* normalised */
    err *e;
} pylock;

static size_t item_count(const toml_node *n) {
    return n && n->kind == TOML_ARRAY ? n->array.count : 0;
}

static size_t pair_count(const toml_node *n) {
    return n && n->kind == TOML_TABLE ? n->table.count : 0;
}

static str key_of(const pylock *p, str name) {
    return package_normal_name(p->d->a, STR("PyPI"), name);
}

/* The first of a name: what a file has twice is for different platforms. */
static uint32_t find(const pylock *p, str name) {
    return dep_map_get(&p->by_name, key_of(p, name));
}

static int need(const pylock *p, uint32_t from, str name) {
    uint32_t to = find(p, name);
    return to == DEP_NONE ? 0 : dep_need(p->d, from, to, p->e);
}

/* The place of its name. */
static void place_package(dep_item *it, const toml_node *package) {
    const toml_node *name = toml_get(package, STR("name"));
    dep_place_span(it, name ? name->where : package->where);
}

static str source_of(const toml_node *package) {
    const toml_node *source = toml_get(package, STR("source"));
    static const char *const kinds[] = {"git", "url", "path", "directory"};
    str git = toml_get_str(package, "git"); /* of PDM */
    if (git.len) return git;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        str found = toml_get_str(source, kinds[i]);
        if (found.len) return found;
    }
    bool legacy = str_is(toml_get_str(source, "type"), "legacy"); /* another registry */
    return legacy ? STR_EMPTY : toml_get_str(source, "url");
}

/* Poetry and PDM have a key for it, uv's is in the address. */
static str commit_of(const toml_node *package) {
    const toml_node *source = toml_get(package, STR("source"));
    str revision = toml_get_str(package, "revision"),
        resolved = toml_get_str(source, "resolved_reference");
    if (revision.len) return dep_commit(revision);
    if (resolved.len) return dep_commit(resolved);
    return repository_commit(toml_get_str(source, "git"));
}

/* ---- groups ---------------------------------------------------------------------------------- */

static bool has_text(const toml_node *list, const char *text) {
    for (size_t i = 0; i < item_count(list); i++) {
        const toml_node *one = list->array.items[i];
        if (one->kind == TOML_STRING && str_is(one->text, text)) return true;
    }
    return false;
}

/* Poetry's category (1) or groups (2), PDM's groups. */
static void take_groups(dep_doc *d, const toml_node *package, dep_item *it) {
    str category = toml_get_str(package, "category");
    const toml_node *groups = toml_get(package, STR("groups"));
    d->knows_dev |= category.len || item_count(groups);
    if (str_is(category, "dev")) it->flags |= DEP_DEV;
    bool poetry = !strcmp(d->format->name, "poetry.lock");
    bool main = has_text(groups, "main") || has_text(groups, "default");
    /* PDM's groups are extras, too. */
    if (!main && (poetry ? item_count(groups) > 0 : has_text(groups, "dev"))) it->flags |= DEP_DEV;
    const toml_node *optional = toml_get(package, STR("optional"));
    if (optional && optional->kind == TOML_BOOL && optional->boolean) it->flags |= DEP_OPTIONAL;
}

/* ---- packages ---------------------------------------------------------------------------------
 */

static bool is_local(const toml_node *package) {
    const toml_node *source = toml_get(package, STR("source"));
    return toml_get(source, STR("virtual")) || toml_get(source, STR("editable"));
}

static int add_packages(pylock *p, const toml_node *list) {
    for (size_t i = 0; i < item_count(list); i++) {
        const toml_node *one = list->array.items[i];
        uint32_t index;
        dep_item it = {
            .name = toml_get_str(one, "name"),
            .version = toml_get_str(one, "version"),
            .source = source_of(one),
            .commit = commit_of(one),
            .hash = dep_hash_hex(p->d->a, toml_get_str(toml_get(one, STR("sdist")), "hash"))};
        if (one->kind != TOML_TABLE || !it.name.len)
            return err_at(p->e, ERR_INVALID, one->where, "a package without a name");
        if (is_local(one)) it.flags |= DEP_LOCAL;
        place_package(&it, one);
        take_groups(p->d, one, &it);
        if (dep_add(p->d, &it, &index, p->e) < 0) return p->e->code;
        dep_map_put(&p->by_name, key_of(p, it.name), index);
    }
    return 0;
}

static int open_lock(pylock *p, str text, const toml_node **ret) {
    toml_node *root;
    if (toml_parse(p->d->a, text, p->d->file, NULL, &root, p->e) < 0) return p->e->code;
    *ret = toml_get(root, STR("package"));
    p->d->has_graph = true;
    return add_packages(p, *ret);
}

int dep_read_poetry_lock(dep_doc *d, str text, err *e) {
    pylock p = {d, {.a = d->a}, e};
    const toml_node *list;
    if (open_lock(&p, text, &list) < 0) return e->code;
    for (uint32_t i = 0; i < item_count(list); i++) {
        const toml_node *needs = toml_get(list->array.items[i], STR("dependencies"));
        for (size_t k = 0; k < pair_count(needs); k++) {
            if (need(&p, i, needs->table.pairs[k].key) < 0) return e->code;
        }
    }
    return 0;
}

int dep_read_pdm_lock(dep_doc *d, str text, err *e) {
    pylock p = {d, {.a = d->a}, e};
    const toml_node *list;
    str version;
    if (open_lock(&p, text, &list) < 0) return e->code;
    for (uint32_t i = 0; i < item_count(list); i++) {
        const toml_node *needs = toml_get(list->array.items[i], STR("dependencies"));
        for (size_t k = 0; k < item_count(needs); k++) {
            const toml_node *one = needs->array.items[k];
            if (one->kind != TOML_STRING) continue;
            if (need(&p, i, dep_python_requirement(one->text, &version)) < 0) return e->code;
        }
    }
    return 0;
}

/* ---- uv.lock ----------------------------------------------------------------------------------
 */

static int add_uv_needs(const pylock *p, uint32_t from, const toml_node *list, bool dev) {
    bool local = p->d->items[from].flags & DEP_LOCAL;
    for (size_t k = 0; k < item_count(list); k++) {
        uint32_t to = find(p, toml_get_str(list->array.items[k], "name"));
        if (to == DEP_NONE) continue;
        unsigned *flags = &p->d->items[to].flags;
        if (local && dev && !(*flags & DEP_DIRECT)) *flags |= DEP_DEV;
        if (local) *flags |= DEP_DIRECT;
        if (dep_need(p->d, from, to, p->e) < 0) return p->e->code;
    }
    return 0;
}

/* Lists by the name of an extra or a group. */
static int add_uv_groups(const pylock *p, uint32_t from, const toml_node *groups, bool dev) {
    for (size_t k = 0; k < pair_count(groups); k++) {
        if (add_uv_needs(p, from, groups->table.pairs[k].item, dev) < 0) return p->e->code;
    }
    return 0;
}

int dep_read_uv_lock(dep_doc *d, str text, err *e) {
    pylock p = {d, {.a = d->a}, e};
    const toml_node *list;
    if (open_lock(&p, text, &list) < 0) return e->code;
    d->knows_roots = true;
    for (int dev = 0; dev < 2; dev++) { /* what is asked for twice is not only for development */
        for (uint32_t i = 0; i < item_count(list); i++) {
            const toml_node *one = list->array.items[i];
            int r = dev ? add_uv_groups(&p, i, toml_get(one, STR("dev-dependencies")), true)
                        : add_uv_needs(&p, i, toml_get(one, STR("dependencies")), false);
            if (r == 0 && !dev)
                r = add_uv_groups(&p, i, toml_get(one, STR("optional-dependencies")), false);
            if (r < 0) return r;
        }
    }
    return 0;
}

/* ---- Pipfile.lock -----------------------------------------------------------------------------
 */

static int add_pipfile_section(dep_doc *d, str text, const json_node *section, bool dev, err *e) {
    for (size_t i = 0; section && section->kind == JSON_OBJECT && i < section->count; i++) {
        const json_member *m = &section->members[i];
        str version = json_tree_str(m->item, "version"), git = json_tree_str(m->item, "git");
        if (m->item->kind == JSON_STRING) version = m->item->text; /* of 2017 */
        while (version.len && version.ptr[0] == '=')
            version = str_sub(version, 1, version.len);
        dep_item it = {.name = m->key,
                       .version = version,
                       .source = git,
                       .commit = dep_commit(json_tree_str(m->item, "ref")),
                       .flags = dev ? DEP_DEV : 0};
        dep_place(d, text, m->at, m->at + m->key.len + 2, &it);
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    return 0;
}

int dep_read_pipfile_lock(dep_doc *d, str text, err *e) {
    json_node *root;
    if (json_tree_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    if (root->kind != JSON_OBJECT || !json_tree_get(root, "_meta"))
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of pipenv: it has no '_meta'");
    d->knows_dev = true;
    if (add_pipfile_section(d, text, json_tree_get(root, "default"), false, e) < 0) return e->code;
    return add_pipfile_section(d, text, json_tree_get(root, "develop"), true, e);
}

/* ---- manifests --------------------------------------------------------------------------------
 */

static void add_keys(dep_doc *d, const toml_node *table, bool dev) {
    for (size_t i = 0; i < pair_count(table); i++) {
        if (!str_is(table->table.pairs[i].key, "python"))
            dep_root_add(d, table->table.pairs[i].key, STR_EMPTY, dev);
    }
}

static void add_texts(dep_doc *d, const toml_node *list, bool dev) {
    str version;
    for (size_t i = 0; i < item_count(list); i++) {
        const toml_node *one = list->array.items[i];
        if (one->kind == TOML_STRING)
            dep_root_add(d, dep_python_requirement(one->text, &version), STR_EMPTY, dev);
    }
}

static void add_lists(dep_doc *d, const toml_node *table, bool dev) {
    for (size_t i = 0; i < pair_count(table); i++)
        add_texts(d, table->table.pairs[i].item, dev);
}

int dep_read_pyproject(dep_doc *d, str text, err *e) {
    toml_node *root;
    if (toml_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    const toml_node *project = toml_get(root, STR("project")), *tool = toml_get(root, STR("tool")),
                    *poetry = toml_get(tool, STR("poetry")), *pdm = toml_get(tool, STR("pdm")),
                    *groups = toml_get(poetry, STR("group"));
    add_texts(d, toml_get(project, STR("dependencies")), false);
    add_lists(d, toml_get(project, STR("optional-dependencies")), false);
    add_lists(d, toml_get(root, STR("dependency-groups")), true);
    add_keys(d, toml_get(poetry, STR("dependencies")), false);
    add_keys(d, toml_get(poetry, STR("dev-dependencies")), true);
    for (size_t i = 0; i < pair_count(groups); i++) {
        bool main = str_is(groups->table.pairs[i].key, "main");
        add_keys(d, toml_get(groups->table.pairs[i].item, STR("dependencies")), !main);
    }
    add_lists(d, toml_get(pdm, STR("dev-dependencies")), true);
    return 0;
}

int dep_read_pipfile(dep_doc *d, str text, err *e) {
    toml_node *root;
    if (toml_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    add_keys(d, toml_get(root, STR("packages")), false);
    add_keys(d, toml_get(root, STR("dev-packages")), true);
    return 0;
}
