#include "scan/deps/inventory.h"

#include "base/fs.h"
#include "scan/advisories/advisories.h"
#include "scan/advisories/vex.h"
#include "scan/deps/reading.h"

#include <string.h>

typedef struct deps {
    dep_reading reading;
    arena *a;
    advisories *store; /* or NULL */
    vex *vex;
    err why_not;
    bool optional;
} deps;

static void add_errors(scan_out *out, const scan_error_list *errors) {
    for (size_t i = 0; i < errors->count; i++)
        scan_error_add(&out->errors, &errors->items[i]);
}

/* ---- what has no version ----------------------------------------------------------------------
 */

static void note_unpinned(deps *d, scan_out *out, str path, size_t count, str message) {
    finding f = {.kind = STR("deps"),
                 .level = LEVEL_INFO,
                 .rule = STR("unpinned"),
                 .title = STR("Dependencies without an exact version"),
                 .help = STR("Pin them, or keep a lock file: what is installed changes from day to "
                             "day, and nothing can be looked up for it."),
                 .message = message,
                 .path = path,
                 .properties = value_object_new(d->a, true)};
    value_set(d->a, &f.properties, STR("count"), value_number((double)count));
    finding_identify(d->a, &f, STR("unpinned"));
    finding_list_add(&out->findings, &f);
}

/* A version or a commit: something that can be looked up. */
static bool is_pinned(const package *p) {
    return p->version.len || (p->repository.len && p->commit.len);
}

/* One note for each ecosystem, at its first manifest: a collection of libraries has hundreds. */
static void note_unlocked(deps *d, scan_out *out) {
    const inventory *v = d->reading.inventory;
    for (size_t i = 0; i < v->unlocked_count; i++) {
        size_t asked = 0, files = 0;
        bool is_first = true;
        for (size_t k = 0; k < v->unlocked_count; k++) {
            const dep_doc *one = v->unlocked[k];
            if (strcmp(one->format->ecosystem, v->unlocked[i]->format->ecosystem) != 0) continue;
            is_first &= k >= i;
            asked += one->root_count;
            files++;
        }
        if (!is_first) continue;
        str where = files > 1 ? arena_printf(d->a, " here and in %zu further file%s", files - 1,
                                             files == 2 ? "" : "s")
                              : STR_EMPTY;
        str message = arena_printf(d->a,
                                   "%zu dependenc%s asked for%.*s, and no lock file says in which "
                                   "version: they were not looked up",
                                   asked, asked == 1 ? "y is" : "ies are", STR_ARG(where));
        note_unpinned(d, out, v->unlocked[i]->path, asked, message);
    }
}

/* A package that a file names several times, as npm installs it in several places, is one: where
 * the project itself asks for it, and no matter of development only when one of them is not. */
static void merge(package *first, const package *other) {
    bool dev = first->dev && other->dev;
    if (other->direct && !first->direct) *first = *other;
    first->dev = dev;
}

/* The packages of a file that can be looked up, each once. Gives how many cannot. */
static size_t list_file(deps *d, const dep_file *file, package *all, size_t *count) {
    const inventory *v = d->reading.inventory;
    dep_map seen = {.a = d->a};
    size_t unpinned = 0;
    for (size_t k = file->first; k < file->first + file->count; k++) {
        const package *p = &v->items[k].package;
        if (!is_pinned(p)) {
            unpinned++;
            continue;
        }
        str key = p->commit.len
                      ? arena_printf(d->a, "%.*s#%.*s", STR_ARG(p->purl), STR_ARG(p->commit))
                      : p->purl;
        uint32_t index = dep_map_put(&seen, key, (uint32_t)*count);
        if (index < *count)
            merge(&all[index], p);
        else
            all[(*count)++] = *p;
    }
    return unpinned;
}

/* A note for each file that has some without a version. */
static size_t list_pinned(deps *d, scan_out *out, package **ret) {
    const inventory *v = d->reading.inventory;
    size_t count = 0;
    *ret = ARENA_ARRAY(d->a, package, v->count);
    for (size_t i = 0; i < v->file_count; i++) {
        const dep_file *file = &v->files[i];
        size_t unpinned = list_file(d, file, *ret, &count);
        str message = arena_printf(
            d->a, "%zu of %zu dependencies have no exact version: they were not looked up",
            unpinned, file->count);
        if (unpinned) note_unpinned(d, out, file->path, unpinned, message);
    }
    note_unlocked(d, out);
    return count;
}

/* ---- looking up -------------------------------------------------------------------------------
 */

/* Findings outlive the store, in which some of their texts are. */
static finding own(arena *a, finding f) {
    str *texts[] = {&f.kind, &f.rule, &f.title,   &f.message,   &f.help,        &f.help_uri,
                    &f.fix,  &f.path, &f.excerpt, &f.line_hash, &f.fingerprint, &f.justification};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = texts[i]->len ? arena_str(a, *texts[i]) : STR_EMPTY;
    f.properties = value_copy(a, &f.properties);
    return f;
}

static int match(deps *d, const package *packages, size_t count, scan_out *out, err *e) {
    advisories_match_options how = {.vex = d->vex};
    advisories_matched got;
    if (advisories_match(d->a, d->store, packages, count, &how, &got, e) < 0) return e->code;
    for (size_t i = 0; i < got.findings.count; i++) {
        finding f = own(d->a, got.findings.items[i]);
        finding_list_add(&out->findings, &f);
    }
    add_errors(out, &got.errors);
    return 0;
}

static void tell_unchecked(const deps *d, size_t count, scan_out *out) {
    scan_error why = {
        .message = arena_printf(out->a,
                                "%zu dependenc%s not checked: %s (a folder or ZIP archive of OSV "
                                "records, such as an ecosystem's all.zip)",
                                count, count == 1 ? "y was" : "ies were", d->why_not.message)};
    scan_error_add(d->optional ? &out->warnings : &out->errors, &why);
}

static int finish(scanner *s, scan_out *out, err *e) {
    deps *d = s->self;
    inventory *v = d->reading.inventory;
    package *packages;
    if (inventory_finish(v, e) < 0) return e->code;
    add_errors(out, &v->errors);
    size_t count = list_pinned(d, out, &packages);
    if (!count) return 0;
    if (!d->store) {
        tell_unchecked(d, count, out);
        return 0;
    }
    return match(d, packages, count, out, e);
}

static int read_vex(deps *d, const deps_options *options, err *e) {
    d->vex = vex_new(d->a);
    for (size_t i = 0; i < options->vex_count; i++) {
        str text;
        int r = fs_read(d->a, options->vex[i], VEX_BYTES_MAX, &text, e);
        if (r == 0) r = vex_add(d->vex, str_from(options->vex[i]), text, e);
        if (r < 0) return err_context(e, "--vex %s", options->vex[i]);
    }
    return 0;
}

int deps_new(arena *a, const deps_options *options, scanner **ret, err *e) {
    deps *d = ARENA_NEW(a, deps);
    scanner *s = ARENA_NEW(a, scanner);
    d->a = a;
    d->optional = options->optional;
    dep_reading_init(s, a, "deps", NULL, &d->reading);
    s->finish = finish;
    *ret = s;
    if (read_vex(d, options, e) < 0) return e->code;
    if (!options->store) {
        err_set(&d->why_not, ERR_NOT_FOUND, "there is no folder for advisories");
        return 0;
    }
    int r = advisories_open(options->store, &d->store, &d->why_not);
    if (r == 0 || r == ERR_NOT_FOUND) return 0;
    *e = d->why_not;
    return r;
}

void deps_free(scanner *s) {
    deps *d = s->self;
    advisories_free(d->store);
}

/* ---- the inventory alone -----------------------------------------------------------------------
 */

static int finish_inventory(scanner *s, scan_out *out, err *e) {
    const dep_reading *r = s->self;
    if (inventory_finish(r->inventory, e) < 0) return e->code;
    add_errors(out, &r->inventory->errors);
    return 0;
}

int deps_inventory_new(arena *a, const char *root, scanner **ret, err *e) {
    (void)e;
    scanner *s = ARENA_NEW(a, scanner);
    dep_reading_init(s, a, "inventory", root, ARENA_NEW(a, dep_reading));
    s->finish = finish_inventory;
    *ret = s;
    return 0;
}

const inventory *deps_inventory(const scanner *s) {
    const dep_reading *r = s->self;
    return r->inventory;
}
