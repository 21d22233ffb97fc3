#include "scan/deps/inventory.h"

#include "base/fs.h"
#include "scan/advisories/repository.h"
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

typedef struct joining {
    inventory *v;
    dep_map locks;    /* "ecosystem folder" of every lock file */
    dep_map declared; /* the same of those that are manifest and lock file at once */
    dep_map folders;  /* "ecosystem folder" to the first manifest of it in `next` */
    uint32_t *next;   /* of a document: the next manifest of the same folder, or DEP_NONE */
    dep_map licenses; /* "ecosystem name version" to an index of texts */
    str *texts;
    size_t text_count, text_cap;
    err *e;
} joining;

static str folder_key(arena *a, const dep_doc *d, str folder) {
    return arena_printf(a, "%s\t%.*s", d->format->ecosystem, STR_ARG(folder));
}

static bool is_lock(const dep_doc *d) {
    return d->format->role == ROLE_LOCK && !d->inner.len;
}

/* The folder of the lock file that a manifest is under: its own, or that of the workspace. */
static str lock_folder(const joining *j, const dep_doc *manifest) {
    arena *a = j->v->a;
    str own = folder_of(manifest->path);
    for (str folder = own;; folder = folder_of(folder)) {
        if (dep_map_get(&j->locks, folder_key(a, manifest, folder)) != DEP_NONE) return folder;
        if (!folder.len) return own;
    }
}

/* requirements.txt beside a pyproject.toml says which versions, too. */
static bool has_lock(const joining *j, const dep_doc *manifest) {
    arena *a = j->v->a;
    str folder = lock_folder(j, manifest);
    return dep_map_get(&j->locks, folder_key(a, manifest, folder)) != DEP_NONE ||
           dep_map_get(&j->declared, folder_key(a, manifest, folder)) != DEP_NONE;
}

/* The manifests of each folder with a lock file. */
static void index_manifests(joining *j) {
    inventory *v = j->v;
    j->next = ARENA_ARRAY(v->a, uint32_t, v->doc_count);
    for (uint32_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        str folder = folder_of(image_path(v->a, d));
        if (d->format->role == ROLE_LOCK) dep_map_put(&j->locks, folder_key(v->a, d, folder), i);
        if (d->format->role == ROLE_DECLARED)
            dep_map_put(&j->declared, folder_key(v->a, d, folder), i);
    }
    for (uint32_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        j->next[i] = DEP_NONE;
        bool manifest = d->format->role == ROLE_MANIFEST && !d->count && !d->inner.len;
        if (!manifest && !(is_lock(d) && d->root_count)) continue;
        str key = folder_key(v->a, d, lock_folder(j, d));
        uint32_t first = dep_map_put(&j->folders, key, i);
        if (first == i) continue;
        j->next[i] = j->next[first];
        j->next[first] = i;
    }
}

/* go.sum also has what was only looked at to choose versions: where there is a go.mod it says all
 * that is used. */
static bool has_go_mod(const joining *j, const dep_doc *sum) {
    str folder = folder_of(sum->inner.len ? sum->inner : sum->path);
    for (size_t i = 0; i < j->v->doc_count; i++) {
        const dep_doc *d = j->v->docs[i];
        if (strcmp(d->format->name, "go.mod") != 0 || (d->inner.len > 0) != (sum->inner.len > 0))
            continue;
        if (str_eq(folder_of(d->inner.len ? d->inner : d->path), folder)) return true;
    }
    return false;
}

/* A package in node_modules is told by the lock file, where there is one. */
static bool has_npm_lock(const joining *j, const dep_doc *installed) {
    str path = image_path(j->v->a, installed);
    ptrdiff_t at = str_find(path, STR("node_modules/"));
    str folder = at > 0 ? str_sub(path, 0, (size_t)at - 1) : STR_EMPTY;
    return dep_map_get(&j->locks, folder_key(j->v->a, installed, folder)) != DEP_NONE;
}

/* Lock files of packages themselves are for those who develop them. */
static bool is_of_package(const dep_doc *d) {
    static const char *const folders[] = {"node_modules/", "vendor/", "site-packages/"};
    str path = d->inner.len ? d->inner : d->path;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        ptrdiff_t at = str_find(path, str_from(folders[i]));
        if (at == 0 || (at > 0 && path.ptr[at - 1] == '/')) return true;
    }
    return false;
}

/* Whether the packages of a document are some of the project's. */
static bool is_counted(const joining *j, const dep_doc *d) {
    switch (d->format->role) {
    case ROLE_LOCK:
        return !is_of_package(d) && (strcmp(d->format->name, "go.sum") != 0 || !has_go_mod(j, d));
    case ROLE_DECLARED: return !is_of_package(d);
    case ROLE_DATABASE: return true;
    case ROLE_MANIFEST: /* of an installed package */ return d->count && !has_npm_lock(j, d);
    case ROLE_FACTS:
    case ROLE_IMAGE:
    case ROLE_COUNT: return false;
    }
    return false;
}

static void list_unlocked(const joining *j) {
    inventory *v = j->v;
    for (size_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        bool asks = d->format->role == ROLE_MANIFEST && d->root_count && !d->inner.len;
        if (asks && !is_of_package(d) && !has_lock(j, d))
            ARENA_PUSH(v->a, v->unlocked, v->unlocked_count, v->unlocked_cap, d);
    }
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

/* Of a distribution's package its source, by which advisories go; those about RPMs go by either. */
static void take_origin(const dep_doc *d, const dep_item *it, package *p) {
    str name, version;
    str_cut(it->origin, '=', &name, &version);
    if (str_starts(str_from(d->format->name), STR("rpm"))) {
        p->other_name = name;
        return;
    }
    if (name.len) p->name = name;
    if (version.len) p->version = version;
}

/* A Go module is called like its repository. */
static void take_repository(arena *a, const dep_doc *d, const dep_item *it, package *p) {
    p->commit = it->commit;
    p->from_repository = it->source.len && it->commit.len;
    if (!it->commit.len) return;
    str url = it->repo.len                          ? it->repo
              : it->source.len                      ? it->source
              : !strcmp(d->format->ecosystem, "Go") ? it->name
                                                    : STR_EMPTY;
    p->repository = repository_name(a, url);
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
                  .marker = it->marker,
                  .direct = paths->direct[index],
                  .dev = paths->dev[index]};
    take_origin(d, it, &one.package);
    take_repository(v->a, d, it, &one.package);
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
    uint32_t i = dep_map_get(&j->folders, folder_key(v->a, d, folder_of(d->path)));
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

/* ---- requirements that name other files --------------------------------------------------------
 */

typedef struct including {
    dep_map paths; /* of the documents */
    inventory *v;
} including;

/* A file that is included is read by itself, where its name tells what it is; others cannot be. */
static void check_include(const including *n, const dep_doc *d, const dep_fact *f) {
    inventory *v = n->v;
    str target = f->texts[0];
    if (str_find(target, STR("://")) >= 0 || d->inner.len) return;
    str folder = folder_of(d->path);
    str path = fs_normalize(v->a, arena_printf(v->a, "%.*s%s%.*s", STR_ARG(folder),
                                               folder.len ? "/" : "", STR_ARG(target)));
    uint32_t index = dep_map_get(&n->paths, path);
    dep_doc *other = index == DEP_NONE ? NULL : v->docs[index];
    for (size_t i = 0; other && str_is(f->texts[1], "c") && i < other->count; i++)
        other->items[i].flags &= ~(unsigned)DEP_DIRECT; /* it pins, and asks for nothing */
    if (other) return;
    scan_error error = {d->path, f->line, f->column,
                        arena_printf(v->a,
                                     "includes '%.*s', which was not scanned: it is not there, or "
                                     "is not called like requirements*.txt",
                                     STR_ARG(path))};
    ARENA_PUSH(v->a, v->errors.items, v->errors.count, v->errors.cap, error);
}

static void check_includes(inventory *v) {
    including n = {.v = v, .paths.a = v->a};
    for (uint32_t i = 0; i < v->doc_count; i++)
        dep_map_put(&n.paths, v->docs[i]->path, i);
    for (size_t i = 0; i < v->doc_count; i++) {
        for (size_t k = 0; k < v->docs[i]->fact_count; k++) {
            const dep_fact *f = &v->docs[i]->facts[k];
            if (f->kind == FACT_INCLUDE) check_include(&n, v->docs[i], f);
        }
    }
}

int inventory_finish(inventory *v, err *e) {
    joining j = {
        .v = v, .locks.a = v->a, .declared.a = v->a, .folders.a = v->a, .licenses.a = v->a, .e = e};
    image_compose(v);
    pom_resolve(v);
    check_includes(v);
    index_manifests(&j);
    list_unlocked(&j);
    index_licenses(&j);
    for (size_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        if (is_counted(&j, d) && add_file(&j, d) < 0) return e->code;
    }
    return 0;
}
