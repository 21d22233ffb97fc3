#include "scan/deps/pom.h"

#include "base/fs.h"

#include <string.h>

#define PARENTS_MAX 32
#define EXPAND_MAX  16 /* properties in properties */
#define EXPAND_TEXT 4096

/* Texts of facts. */
enum { GROUP, ARTIFACT, VERSION, SCOPE, TYPE };
enum { KEY, VALUE };

/* A pom and those above it, the nearest first. */
typedef struct lineage {
    inventory *v;
    const dep_doc *poms[PARENTS_MAX];
    size_t count;
} lineage;

static const dep_fact *find_fact(const dep_doc *d, dep_fact_kind kind) {
    for (size_t i = 0; i < d->fact_count; i++) {
        if (d->facts[i].kind == kind) return &d->facts[i];
    }
    return NULL;
}

static bool is_pom(const dep_doc *d) {
    return !strcmp(d->format->name, "pom.xml");
}

/* ---- properties -------------------------------------------------------------------------------
 */

static str self_value(const dep_doc *d, size_t which) {
    const dep_fact *self = find_fact(d, FACT_SELF), *parent = find_fact(d, FACT_PARENT);
    if (self && self->texts[which].len) return self->texts[which];
    return parent ? parent->texts[which] : STR_EMPTY;
}

static const struct {
    const char *name;
    size_t which;
} built_in[] = {{"groupId", GROUP}, {"artifactId", ARTIFACT}, {"version", VERSION}};

static str property(const lineage *l, str name) {
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->poms[i]->fact_count; k++) {
            const dep_fact *f = &l->poms[i]->facts[k];
            if (f->kind == FACT_PROPERTY && str_eq(f->texts[KEY], name)) return f->texts[VALUE];
        }
    }
    size_t parent = str_starts(name, STR("project.parent.")) && l->count > 1;
    str last = str_sub(name, (size_t)(str_rfind_char(name, '.') + 1), name.len);
    bool ours =
        str_starts(name, STR("project.")) || str_starts(name, STR("pom.")) || str_eq(last, name);
    for (size_t i = 0; ours && i < sizeof built_in / sizeof *built_in; i++) {
        if (str_is(last, built_in[i].name)) return self_value(l->poms[parent], built_in[i].which);
    }
    return STR_EMPTY;
}

/* What cannot be expanded makes the whole text empty: nothing is known then. */
static str expand(const lineage *l, str text, unsigned depth) {
    if (str_find(text, STR("${")) < 0) return str_trim(text);
    if (depth == 0) return STR_EMPTY;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (ptrdiff_t at; (at = str_find(text, STR("${"))) >= 0;) {
        str name = str_sub(text, (size_t)at + 2, text.len);
        ptrdiff_t end = str_find_char(name, '}');
        if (end < 0) return STR_EMPTY;
        strbuf_add(&out, str_sub(text, 0, (size_t)at));
        text = str_sub(name, (size_t)end + 1, name.len);
        str found = expand(l, property(l, str_sub(name, 0, (size_t)end)), depth - 1);
        if (!found.len || out.len + found.len > EXPAND_TEXT) return STR_EMPTY;
        strbuf_add(&out, found);
    }
    strbuf_add(&out, text);
    return str_trim(arena_str(l->v->a, strbuf_str(&out)));
}

/* ---- parents ----------------------------------------------------------------------------------
 */

static bool is_artifact(const dep_doc *d, str group, str artifact) {
    return str_eq(self_value(d, GROUP), group) && str_eq(self_value(d, ARTIFACT), artifact);
}

static const dep_doc *find_artifact(const inventory *v, str group, str artifact) {
    str key = arena_printf(v->a, "%.*s:%.*s", STR_ARG(group), STR_ARG(artifact));
    uint32_t i = dep_map_get(&v->poms, key);
    return i == DEP_NONE ? NULL : v->docs[i];
}

static void index_poms(inventory *v) {
    v->poms.a = v->a;
    for (uint32_t i = 0; i < v->doc_count; i++) {
        const dep_doc *d = v->docs[i];
        if (!is_pom(d)) continue;
        str group = self_value(d, GROUP), artifact = self_value(d, ARTIFACT);
        dep_map_put(&v->poms, arena_printf(v->a, "%.*s:%.*s", STR_ARG(group), STR_ARG(artifact)),
                    i);
        dep_map_put(&v->poms, d->path, i);
    }
}

static const dep_doc *find_parent(const inventory *v, const dep_doc *d) {
    const dep_fact *parent = find_fact(d, FACT_PARENT);
    if (!parent) return NULL;
    ptrdiff_t slash = str_rfind_char(d->path, '/');
    str folder = str_sub(d->path, 0, (size_t)(slash + 1));
    str relative = parent->texts[3].len ? parent->texts[3] : STR("../pom.xml");
    str path =
        fs_normalize(v->a, arena_printf(v->a, "%.*s%.*s", STR_ARG(folder), STR_ARG(relative)));
    uint32_t i = dep_map_get(&v->poms, path);
    if (i == DEP_NONE) i = dep_map_get(&v->poms, arena_printf(v->a, "%.*s/pom.xml", STR_ARG(path)));
    if (i != DEP_NONE && is_artifact(v->docs[i], parent->texts[GROUP], parent->texts[ARTIFACT]))
        return v->docs[i];
    return find_artifact(v, parent->texts[GROUP], parent->texts[ARTIFACT]);
}

static bool has_pom(const lineage *l, const dep_doc *d) {
    for (size_t i = 0; i < l->count; i++) {
        if (l->poms[i] == d) return true;
    }
    return false;
}

static lineage lineage_of(inventory *v, const dep_doc *d) {
    lineage l = {.v = v};
    while (d && l.count < PARENTS_MAX && !has_pom(&l, d)) {
        l.poms[l.count++] = d;
        d = find_parent(v, d);
    }
    return l;
}

/* ---- versions ---------------------------------------------------------------------------------
 */

typedef struct managed {
    str version, scope;
} managed;

/* What dependencyManagement says of it: the nearest pom's word counts; imported poms come last. */
static managed find_managed(const lineage *l, str group, str artifact, unsigned depth) {
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < l->count; i++) {
            for (size_t k = 0; k < l->poms[i]->fact_count; k++) {
                const dep_fact *f = &l->poms[i]->facts[k];
                if (f->kind != FACT_MANAGED) continue;
                bool import = str_is(f->texts[SCOPE], "import");
                if (import != (pass == 1)) continue;
                str g = expand(l, f->texts[GROUP], EXPAND_MAX);
                if (!import && str_eq(f->texts[ARTIFACT], artifact) && str_eq(g, group))
                    return (managed){expand(l, f->texts[VERSION], EXPAND_MAX), f->texts[SCOPE]};
                const dep_doc *bom =
                    import && depth ? find_artifact(l->v, g, f->texts[ARTIFACT]) : NULL;
                if (!bom) continue;
                lineage other = lineage_of(l->v, bom);
                managed found = find_managed(&other, group, artifact, depth - 1);
                if (found.version.len) return found;
            }
        }
    }
    return (managed){STR_EMPTY, STR_EMPTY};
}

/* "[1.2]" is exactly 1.2; other ranges pin nothing. */
static str pinned(str version) {
    if (!version.len || !strchr("[(", version.ptr[0])) return version;
    bool exact = version.len > 2 && version.ptr[0] == '[' && str_ends(version, STR("]")) &&
                 str_find_char(version, ',') < 0;
    return exact ? str_sub(version, 1, version.len - 1) : STR_EMPTY;
}

static void add_dependency(const lineage *l, dep_doc *d, const dep_fact *f) {
    inventory *v = l->v;
    str group = expand(l, f->texts[GROUP], EXPAND_MAX);
    str artifact = expand(l, f->texts[ARTIFACT], EXPAND_MAX);
    managed known = find_managed(l, group, artifact, PARENTS_MAX);
    str version = f->texts[VERSION].len ? expand(l, f->texts[VERSION], EXPAND_MAX) : known.version;
    str scope = f->texts[SCOPE].len ? f->texts[SCOPE] : known.scope;
    dep_item it = {.name = arena_printf(v->a, "%.*s:%.*s", STR_ARG(group), STR_ARG(artifact)),
                   .version = pinned(version),
                   .flags = DEP_DIRECT,
                   .marker = f->texts[DEP_FACT_MARKER],
                   .line = f->line,
                   .column = f->column};
    err e = {0};
    if (!group.len || !artifact.len || find_artifact(v, group, artifact)) return;
    if (str_is(scope, "test") || str_is(scope, "provided")) it.flags |= DEP_DEV;
    if (dep_add(d, &it, NULL, &e) == 0) return;
    scan_error error = {d->path, f->line, f->column, arena_str(v->a, str_from(e.message))};
    ARENA_PUSH(v->a, v->errors.items, v->errors.count, v->errors.cap, error);
}

void pom_resolve(inventory *v) {
    index_poms(v);
    for (size_t i = 0; i < v->doc_count; i++) {
        dep_doc *d = v->docs[i];
        if (!is_pom(d)) continue;
        lineage l = lineage_of(v, d);
        d->knows_roots = d->knows_dev = true;
        for (size_t k = 0; k < d->fact_count; k++) { /* those of a parent are told there */
            if (d->facts[k].kind == FACT_DEPENDENCY) add_dependency(&l, d, &d->facts[k]);
        }
    }
}
