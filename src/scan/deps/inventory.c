#include "scan/deps/inventory.h"

#include "scan/advisories/version.h"
#include "scan/deps/image.h"
#include "scan/deps/pom.h"
#include "scan/deps/purl.h"
#include "scan/deps/system.h"

#include <string.h>

#define TOTAL_MAX 1000000 /* dependencies of all files */
#define VIA_MAX   64

inventory *inventory_new(arena *a) {
    inventory *v = ARENA_NEW(a, inventory);
    *v = (inventory){.a = a, .errors.a = a};
    return v;
}

int inventory_add(inventory *v, str path, str notes, err *e) {
    dep_doc *docs;
    size_t count;
    if (dep_doc_read(v->a, arena_str(v->a, path), arena_str(v->a, notes), &docs, &count, e) < 0)
        return e->code;
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(v->a, v->docs, v->doc_count, v->doc_cap, &docs[i]);
    return 0;
}

/* ---- what belongs together --------------------------------------------------------------------
 */

static str folder_of(str path) {
    ptrdiff_t slash = str_rfind_char(path, '/');
    return slash < 0 ? STR_EMPTY : str_sub(path, 0, (size_t)slash);
}

static str base_of(str path) {
    ptrdiff_t slash = str_rfind_char(path, '/');
    return str_sub(path, (size_t)(slash + 1), path.len);
}

typedef struct joining {
    inventory *v;
    dep_map folders;  /* "ecosystem folder" to the first manifest of it in `next` */
    uint32_t *next;   /* of a document: the next manifest of the same folder, or DEP_NONE */
    dep_map licenses; /* "ecosystem name version" to an index of texts */
    str *texts;
    size_t text_count, text_cap;
    err *e;
} joining;

static str folder_key(arena *a, const dep_doc *d) {
    return arena_printf(a, "%s\t%.*s", d->format->ecosystem, STR_ARG(folder_of(d->path)));
}

/* The manifests of each folder, the later ones in front. */
static void index_manifests(joining *j) {
    inventory *v = j->v;
    j->next = ARENA_ARRAY(v->a, uint32_t, v->doc_count);
    for (uint32_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        j->next[i] = DEP_NONE;
        if (!d->root_count && d->format->role != ROLE_MANIFEST) continue;
        str key = folder_key(v->a, d);
        uint32_t first = dep_map_put(&j->folders, key, i);
        if (first == i) continue;
        j->next[i] = j->next[first];
        j->next[first] = i;
    }
}

static bool has_file(const joining *j, str folder, const char *name) {
    for (size_t i = 0; i < j->v->doc_count; i++) {
        const dep_doc *d = j->v->docs[i];
        if (!d->inner.len && str_eq(folder_of(d->path), folder) && str_is(base_of(d->path), name))
            return true;
    }
    return false;
}

/* go.sum also has what was only looked at to choose versions: where there is a go.mod it says all
 * that is used. */
static bool is_shadowed(const joining *j, const dep_doc *d) {
    return !strcmp(d->format->name, "go.sum") && has_file(j, folder_of(d->path), "go.mod");
}

/* ---- licences that other files tell -----------------------------------------------------------
 */

static str license_key(arena *a, str ecosystem, str name, str version) {
    str base;
    ecosystem_split(ecosystem, &base, &(str){0});
    name = package_normal_name(a, ecosystem, name);
    return arena_printf(a, "%.*s\t%.*s\t%.*s", STR_ARG(base), STR_ARG(name), STR_ARG(version));
}

static void index_licenses(joining *j) {
    inventory *v = j->v;
    for (size_t i = 0; i < v->doc_count; i++) {
        for (size_t k = 0; k < v->docs[i]->fact_count; k++) {
            const dep_fact *f = &v->docs[i]->facts[k];
            if (f->kind != FACT_LICENSE || !f->texts[1].len || !f->texts[3].len) continue;
            str key = license_key(v->a, f->texts[0], f->texts[1], f->texts[2]);
            uint32_t index = (uint32_t)j->text_count;
            if (dep_map_put(&j->licenses, key, index) == index)
                ARENA_PUSH(v->a, j->texts, j->text_count, j->text_cap, f->texts[3]);
        }
    }
}

static str find_license(const joining *j, str ecosystem, str name, str version) {
    arena *a = j->v->a;
    if (!j->licenses.count) return STR_EMPTY;
    uint32_t i = dep_map_get(&j->licenses, license_key(a, ecosystem, name, version));
    if (i == DEP_NONE) i = dep_map_get(&j->licenses, license_key(a, ecosystem, name, STR_EMPTY));
    return i == DEP_NONE ? STR_EMPTY : j->texts[i];
}

/* ---- one file ---------------------------------------------------------------------------------
 */

/* From the project's own dependency down to the one that asks. */
static void fill_via(inventory *v, const dep_doc *d, const dep_paths *paths, size_t index,
                     package *p) {
    str chain[VIA_MAX];
    size_t count = 0;
    for (uint32_t i = paths->from[index]; i != DEP_NONE && count < VIA_MAX; i = paths->from[i]) {
        const dep_item *it = &d->items[i];
        chain[count++] = arena_printf(v->a, "%.*s@%.*s", STR_ARG(it->name), STR_ARG(it->version));
    }
    str *via = ARENA_ARRAY(v->a, str, count);
    for (size_t i = 0; i < count; i++)
        via[i] = chain[count - 1 - i];
    p->via = via;
    p->via_count = count;
}

/* Of a distribution's package its source, by which advisories go. */
static void take_origin(const dep_item *it, package *p) {
    str name, version;
    str_cut(it->origin, '=', &name, &version);
    if (name.len) p->name = name;
    if (version.len) p->version = version;
}

static void add_one(joining *j, uint32_t file_index, const dep_paths *paths, size_t index,
                    const uint32_t *numbers) {
    inventory *v = j->v;
    const dep_file *file = &v->files[file_index];
    const dep_doc *d = file->doc;
    const dep_item *it = &d->items[index];
    dependency one = {.item = it,
                      .name = it->name,
                      .version = it->version,
                      .license = it->license,
                      .file = file_index};
    one.package =
        (package){.ecosystem = file->ecosystem,
                  .name = it->name,
                  .version = it->version,
                  .purl = purl_make(v->a, file->ecosystem, it->name, it->version, it->arch),
                  .path = file->path,
                  .line = it->line,
                  .column = it->column,
                  .end_line = it->end_column ? it->line : 0,
                  .end_column = it->end_column,
                  .direct = paths->direct[index],
                  .dev = paths->dev[index]};
    take_origin(it, &one.package);
    if (!one.license.len) one.license = find_license(j, file->ecosystem, it->name, it->version);
    fill_via(v, d, paths, index, &one.package);
    uint32_t *needs = ARENA_ARRAY(v->a, uint32_t, it->need_count);
    for (size_t i = 0; i < it->need_count; i++) {
        if (numbers[it->needs[i]] != DEP_NONE) needs[one.need_count++] = numbers[it->needs[i]];
    }
    one.needs = needs;
    ARENA_PUSH(v->a, v->items, v->count, v->cap, one);
}

static void collect_roots(const joining *j, const dep_doc *d, dep_root **ret, size_t *ret_count,
                          bool *ret_known) {
    inventory *v = j->v;
    size_t count = 0, cap = 0;
    dep_root *roots = NULL;
    uint32_t i = dep_map_get(&j->folders, folder_key(v->a, d));
    *ret_known = i != DEP_NONE && !d->inner.len;
    for (; *ret_known && i != DEP_NONE; i = j->next[i]) {
        for (size_t k = 0; k < v->docs[i]->root_count; k++)
            ARENA_PUSH(v->a, roots, count, cap, v->docs[i]->roots[k]);
    }
    *ret = roots;
    *ret_count = count;
}

static int add_file(joining *j, const dep_doc *d) {
    inventory *v = j->v;
    dep_paths paths;
    dep_root *roots;
    size_t root_count;
    bool known;
    dep_file file = {.path = image_path(v->a, d),
                     .doc = d,
                     .ecosystem = system_ecosystem(v, d),
                     .first = v->count};
    if (v->count + d->count > TOTAL_MAX)
        return err_set(j->e, ERR_LIMIT, "there are more than %d dependencies", TOTAL_MAX);
    collect_roots(j, d, &roots, &root_count, &known);
    dep_paths_find(v->a, d, roots, root_count, known, &paths);
    ARENA_PUSH(v->a, v->files, v->file_count, v->file_cap, file);
    uint32_t *numbers = ARENA_ARRAY(v->a, uint32_t, d->count), next = (uint32_t)v->count;
    for (size_t i = 0; i < d->count; i++)
        numbers[i] = d->items[i].flags & DEP_LOCAL ? DEP_NONE : next++;
    for (size_t i = 0; i < d->count; i++) {
        if (numbers[i] != DEP_NONE) add_one(j, (uint32_t)v->file_count - 1, &paths, i, numbers);
    }
    v->files[v->file_count - 1].count = v->count - v->files[v->file_count - 1].first;
    return 0;
}

int inventory_finish(inventory *v, err *e) {
    joining j = {.v = v, .folders.a = v->a, .licenses.a = v->a, .e = e};
    image_compose(v);
    pom_resolve(v);
    index_manifests(&j);
    index_licenses(&j);
    for (size_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        if (d->format->role == ROLE_FACTS || d->format->role == ROLE_IMAGE ||
            d->format->role == ROLE_MANIFEST || is_shadowed(&j, d))
            continue;
        if (add_file(&j, d) < 0) return e->code;
    }
    return 0;
}
