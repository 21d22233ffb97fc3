/* read_bun.c: bun.lock, the text form, versions 0 to 2. (bun.sh/reference/bun/BunLockFile)
 *
 * JSON with commas before closing brackets, and comments. "packages" has arrays by where they lie:
 * "a", and "a/b" for the b of a alone. The first item is "name@version" or "name@address". */
#include "scan/deps/readers.h"

#include "base/json_tree.h"
#include "scan/advisories/repository.h"

#define NESTED_MAX 64 /* packages that lie in each other */

typedef struct bun {
    dep_doc *d;
    str text;
    dep_map by_key;
    uint32_t *items; /* of each package, in the order of the file */
    err *e;
} bun;

/* ---- JSON with more -------------------------------------------------------------------------- */

static size_t end_of_string(const char *p, size_t at, size_t len) {
    for (at++; at < len && p[at] != '"'; at++)
        at += p[at] == '\\';
    return at < len ? at + 1 : len;
}

static size_t end_of_comment(const char *p, size_t at, size_t len) {
    bool block = p[at + 1] == '*';
    for (at += 2; at < len; at++) {
        if (!block && p[at] == '\n') return at;
        if (block && p[at] == '/' && p[at - 1] == '*') return at + 1;
    }
    return len;
}

/* The same text with spaces for comments and for the last commas, so that places stay. */
static str plain_json(arena *a, str text) {
    char *p = arena_cstr(a, text);
    size_t comma = SIZE_MAX; /* one with nothing after it so far */
    for (size_t i = 0; i < text.len;) {
        char c = p[i];
        size_t end = i + 1;
        if (c == '"') end = end_of_string(p, i, text.len);
        if (c == '/' && i + 1 < text.len && (p[i + 1] == '/' || p[i + 1] == '*')) {
            end = end_of_comment(p, i, text.len);
            for (size_t k = i; k < end; k++)
                if (p[k] != '\n') p[k] = ' ';
        } else if (c == ',') {
            comma = i;
        } else if (c == '}' || c == ']') {
            if (comma != SIZE_MAX) p[comma] = ' ';
            comma = SIZE_MAX;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            comma = SIZE_MAX;
        }
        i = end;
    }
    return (str){p, text.len};
}

/* ---- packages -------------------------------------------------------------------------------- */

static bool is_folder(str version) {
    static const str heads[] = {STR_INIT("workspace:"), STR_INIT("link:"), STR_INIT("file:"),
                                STR_INIT("root:")};
    for (size_t i = 0; i < COUNT(heads); i++) {
        if (str_starts(version, heads[i])) return true;
    }
    return false;
}

static const json_node *item_at(const json_node *list, size_t i) {
    return i < json_tree_count(list) ? list->members[i].item : NULL;
}

/* What it needs and what it can do without: the first object. */
static const json_node *info_of(const json_node *package) {
    for (size_t i = 1; i < json_tree_count(package); i++) {
        if (item_at(package, i)->kind == JSON_OBJECT) return item_at(package, i);
    }
    return NULL;
}

static str hash_of(arena *a, const json_node *package) {
    const json_node *last = item_at(package, json_tree_count(package) - 1);
    return last->kind == JSON_STRING ? dep_hash_sri(a, last->text) : STR_EMPTY;
}

static int add_package(bun *b, size_t i, const json_member *m) {
    const json_node *ident = m->item->kind == JSON_ARRAY ? item_at(m->item, 0) : NULL;
    dep_item it = {0};
    str spec = ident && ident->kind == JSON_STRING ? ident->text : STR_EMPTY;
    ptrdiff_t at = str_find_char(str_sub(spec, spec.len > 0, spec.len), '@');
    if (at < 0)
        return err_at(b->e, ERR_INVALID, dep_span(b->d, b->text, m->at),
                      "expected a package such as [\"name@1.2.3\", …]");
    it.name = str_sub(spec, 0, (size_t)at + 1);
    it.version = str_sub(spec, (size_t)at + 2, spec.len);
    it.hash = hash_of(b->d->a, m->item);
    if (is_folder(it.version)) it.flags |= DEP_LOCAL;
    if (!it.version.len || it.version.ptr[0] < '0' || it.version.ptr[0] > '9') {
        it.source = it.version;
        it.commit = repository_commit(it.source);
        it.version = STR_EMPTY;
    }
    dep_place(b->d, b->text, m->at, m->at + m->key.len + 2, &it);
    if (dep_add(b->d, &it, &b->items[i], b->e) < 0) return b->e->code;
    dep_map_put(&b->by_key, m->key, b->items[i]);
    return 0;
}

/* Without the last name of a path of names, of which those with a scope have a '/'. */
static str above(str key) {
    ptrdiff_t slash = str_rfind_char(key, '/');
    if (slash < 0) return STR_EMPTY;
    str head = str_sub(key, 0, (size_t)slash);
    ptrdiff_t before = str_rfind_char(head, '/');
    bool scoped = head.ptr[(size_t)(before + 1)] == '@';
    if (!scoped) return head;
    return before < 0 ? STR_EMPTY : str_sub(head, 0, (size_t)before);
}

/* The nearest one of that name: below the one that asks, then above. */
static uint32_t find(const bun *b, str key, str name) {
    char room[2 * DEPS_TEXT_MAX + 1];
    if (key.len > DEPS_TEXT_MAX || name.len > DEPS_TEXT_MAX) return DEP_NONE;
    for (unsigned depth = 0; key.len && depth < NESTED_MAX; depth++) {
        memcpy(room, key.ptr, key.len);
        room[key.len] = '/';
        memcpy(room + key.len + 1, name.ptr, name.len);
        uint32_t found = dep_map_get(&b->by_key, (str){room, key.len + 1 + name.len});
        if (found != DEP_NONE) return found;
        key = above(key);
    }
    return dep_map_get(&b->by_key, name);
}

static const char *const edge_keys[] = {"dependencies", "optionalDependencies", "peerDependencies"};

static int add_edges(bun *b, uint32_t from, const json_member *m) {
    const json_node *info = info_of(m->item);
    for (size_t k = 0; k < COUNT(edge_keys); k++) {
        const json_node *list = json_tree_get(info, edge_keys[k]);
        for (size_t i = 0; list && list->kind == JSON_OBJECT && i < list->count; i++) {
            uint32_t to = find(b, m->key, list->members[i].key);
            if (to != DEP_NONE && dep_need(b->d, from, to, b->e) < 0) return b->e->code;
        }
    }
    return 0;
}

/* What one project of the workspace asks for. */
static void add_workspace(const bun *b, const json_node *workspace, bool dev) {
    static const char *const lists[] = {"devDependencies", "dependencies", "optionalDependencies",
                                        "peerDependencies"};
    str name = json_tree_str(workspace, "name");
    for (size_t k = 0; k < COUNT(lists); k++) {
        const json_node *list = json_tree_get(workspace, lists[k]);
        bool counts = list && list->kind == JSON_OBJECT && (k == 0) == dev;
        for (size_t i = 0; counts && i < list->count; i++) {
            uint32_t to = find(b, name, list->members[i].key);
            if (to == DEP_NONE) continue;
            unsigned *flags = &b->d->items[to].flags;
            if (dev && !(*flags & DEP_DIRECT)) *flags |= DEP_DEV;
            *flags |= DEP_DIRECT;
        }
    }
}

int dep_read_bun_lock(dep_doc *d, str text, err *e) {
    json_node *root;
    bun b = {.d = d, .text = text, .by_key.a = d->a, .e = e};
    if (json_tree_parse(d->a, plain_json(d->a, text), d->file, NULL, &root, e) < 0) return e->code;
    const json_node *packages = json_tree_get(root, "packages"),
                    *workspaces = json_tree_get(root, "workspaces");
    if (!json_tree_get(root, "lockfileVersion"))
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no lock file of Bun: it has no 'lockfileVersion'");
    d->has_graph = d->knows_roots = true;
    if (!packages || packages->kind != JSON_OBJECT) return 0;
    b.items = ARENA_ARRAY(d->a, uint32_t, packages->count);
    for (size_t i = 0; i < packages->count; i++) {
        if (add_package(&b, i, &packages->members[i]) < 0) return e->code;
    }
    for (size_t i = 0; i < packages->count; i++) {
        if (add_edges(&b, b.items[i], &packages->members[i]) < 0) return e->code;
    }
    for (int dev = 0; dev < 2; dev++) { /* what is asked for twice is not only for development */
        for (size_t i = 0; workspaces && workspaces->kind == JSON_OBJECT && i < workspaces->count;
             i++)
            add_workspace(&b, workspaces->members[i].item, dev);
    }
    return 0;
}
