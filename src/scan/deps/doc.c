/* doc.c: documents, and their form as lines of fields that are separated by tabs. */
#include "scan/deps/doc.h"

#include <string.h>

/* ---- filling -------------------------------------------------------------------------------- */

void dep_doc_init(dep_doc *d, arena *a, const dep_format *format, str path) {
    *d = (dep_doc){.a = a, .format = format, .path = path, .file = arena_cstr(a, path)};
}

int dep_add(dep_doc *d, const dep_item *item, uint32_t *ret, err *e) {
    const str *texts[] = {&item->name,   &item->version, &item->license,
                          &item->source, &item->commit,  &item->repo};
    span where = {.file = d->file, .line = item->line, .column = item->column};
    if (d->count == DEPS_PACKAGES_MAX)
        return err_at(e, ERR_LIMIT, where, "names more than %d packages", DEPS_PACKAGES_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i]->len > DEPS_TEXT_MAX)
            return err_at(e, ERR_LIMIT, where, "a package's name or version has more than %d bytes",
                          DEPS_TEXT_MAX);
    }
    if (ret) *ret = (uint32_t)d->count;
    ARENA_PUSH(d->a, d->items, d->count, d->cap, *item);
    return 0;
}

int dep_need(dep_doc *d, uint32_t from, uint32_t to, err *e) {
    if (from == to) return 0;
    if (++d->edges > DEPS_EDGES_MAX)
        return err_set(e, ERR_LIMIT, "its packages need each other more than %d times",
                       DEPS_EDGES_MAX);
    dep_item *item = &d->items[from];
    ARENA_PUSH(d->a, item->needs, item->need_count, item->need_cap, to);
    return 0;
}

void dep_root_add(dep_doc *d, str name, str range, bool dev) {
    dep_root root = {name, range, dev};
    if (d->root_count == DEPS_PACKAGES_MAX || !name.len) return;
    ARENA_PUSH(d->a, d->roots, d->root_count, d->root_cap, root);
}

/* Facts beyond the cap have no effect. */
dep_fact *dep_fact_add(dep_doc *d, dep_fact_kind kind) {
    dep_fact fact = {.kind = kind};
    if (d->fact_count == DEPS_FACTS_MAX) {
        dep_fact *unused = ARENA_NEW(d->a, dep_fact);
        *unused = fact;
        return unused;
    }
    ARENA_PUSH(d->a, d->facts, d->fact_count, d->fact_cap, fact);
    return &d->facts[d->fact_count - 1];
}

/* The line of an offset. Places are mostly asked for in the order of the file. */
static size_t line_of(dep_doc *d, str text, size_t at) {
    if (!d->lines.count) d->lines = text_lines_new(d->a, text);
    size_t i = d->lines.starts[d->near_line] <= at ? d->near_line : 0;
    while (i + 1 < d->lines.count && d->lines.starts[i + 1] <= at)
        i++;
    d->near_line = i;
    return i;
}

span dep_span(dep_doc *d, str text, size_t at) {
    size_t line = line_of(d, text, at);
    span where = {.file = d->file, .line = (uint32_t)line + 1, .column = 1};
    for (size_t i = d->lines.starts[line]; i < at; where.column++)
        utf8_next(text, &i);
    return where;
}

void dep_place(dep_doc *d, str text, size_t begin, size_t end, dep_item *ret) {
    span where = dep_span(d, text, begin);
    ret->line = where.line;
    ret->column = ret->end_column = where.column;
    for (size_t i = begin; i < end && i < text.len; ret->end_column++)
        utf8_next(text, &i);
}

void dep_place_span(dep_item *item, span where) {
    item->line = where.line;
    item->column = where.column;
    item->end_column = where.end_line == where.line ? where.end_column : 0;
}

/* ---- sets of texts -------------------------------------------------------------------------- */

static uint64_t hash_at(const void *owner, size_t index) {
    const dep_map *m = owner;
    return str_hash(m->items[index].key);
}

uint32_t dep_map_get(const dep_map *m, str key) {
    size_t at = table_begin(&m->table, str_hash(key));
    for (uint32_t i; table_next(&m->table, &at, &i);) {
        if (str_eq(m->items[i].key, key)) return m->items[i].value;
    }
    return DEP_NONE;
}

uint32_t dep_map_put(dep_map *m, str key, uint32_t value) {
    uint32_t known = dep_map_get(m, key);
    if (known != DEP_NONE) return known;
    struct dep_map_item item = {key, value};
    ARENA_PUSH(m->a, m->items, m->count, m->cap, item);
    table_add(&m->table, m->a, m->count - 1, hash_at, m);
    return value;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Names have no control characters; where a file has them all the same they become spaces. */
static void add_text(strbuf *out, str text) {
    strbuf_addc(out, '\t');
    size_t begin = out->len;
    strbuf_add(out, text);
    for (size_t i = begin; i < out->len; i++) {
        unsigned char c = (unsigned char)out->ptr[i];
        if (c < 0x20 || c == 0x7F) out->ptr[i] = ' ';
    }
}

static void write_item(strbuf *out, const dep_item *it) {
    const str texts[] = {it->name,   it->version, it->license, it->hash, it->origin, it->arch,
                         it->source, it->asked,   it->commit,  it->repo, it->marker};
    strbuf_addf(out, "P\t%u\t%u\t%u\t%u", it->flags, it->line, it->column, it->end_column);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(out, texts[i]);
    for (size_t i = 0; i < it->need_count; i++)
        strbuf_addf(out, "%c%u", i ? ',' : '\t', it->needs[i]);
    strbuf_addc(out, '\n');
}

void dep_doc_write(strbuf *out, const dep_doc *d) {
    strbuf_addf(out, "D\t%s\t%d%d%d", d->format->name, d->knows_roots, d->knows_dev, d->has_graph);
    add_text(out, d->inner);
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < d->count; i++)
        write_item(out, &d->items[i]);
    for (size_t i = 0; i < d->root_count; i++) {
        strbuf_addf(out, "R\t%d", d->roots[i].dev);
        add_text(out, d->roots[i].name);
        add_text(out, d->roots[i].range);
        strbuf_addc(out, '\n');
    }
    for (size_t i = 0; i < d->fact_count; i++) {
        const dep_fact *f = &d->facts[i];
        strbuf_addf(out, "F\t%d\t%u\t%u", (int)f->kind, f->line, f->column);
        for (size_t k = 0; k < DEP_FACT_TEXTS; k++)
            add_text(out, f->texts[k]);
        strbuf_addc(out, '\n');
    }
}

/* ---- reading back --------------------------------------------------------------------------- */

static str field(str *rest) {
    str head;
    str_cut(*rest, '\t', &head, rest);
    return head;
}

static bool number(str *rest, uint64_t max, uint32_t *ret) {
    uint64_t n;
    if (!str_to_uint(field(rest), max, &n)) return false;
    *ret = (uint32_t)n;
    return true;
}

static bool read_needs(dep_doc *d, dep_item *it, str list) {
    size_t count = list.len > 0;
    for (size_t i = 0; i < list.len; i++)
        count += list.ptr[i] == ',';
    it->needs = ARENA_ARRAY(d->a, uint32_t, count);
    it->need_cap = count;
    for (str one; list.len;) {
        uint64_t n;
        str_cut(list, ',', &one, &list);
        if (!str_to_uint(one, DEPS_PACKAGES_MAX - 1, &n)) return false;
        it->needs[it->need_count++] = (uint32_t)n;
    }
    return true;
}

static bool read_item(dep_doc *d, str line) {
    dep_item it = {0};
    uint32_t flags;
    if (!number(&line, 15, &flags) || !number(&line, UINT32_MAX, &it.line) ||
        !number(&line, UINT32_MAX, &it.column) || !number(&line, UINT32_MAX, &it.end_column))
        return false;
    str *texts[] = {&it.name,   &it.version, &it.license, &it.hash, &it.origin, &it.arch,
                    &it.source, &it.asked,   &it.commit,  &it.repo, &it.marker};
    it.flags = flags;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = field(&line);
    err ignored = {0};
    return read_needs(d, &it, field(&line)) && dep_add(d, &it, NULL, &ignored) == 0;
}

static bool read_root(dep_doc *d, str line) {
    uint32_t dev;
    if (!number(&line, 1, &dev)) return false;
    str name = field(&line);
    dep_root_add(d, name, field(&line), dev);
    return true;
}

static bool read_fact(dep_doc *d, str line) {
    uint32_t kind, at[2];
    if (!number(&line, FACT_KIND_COUNT - 1, &kind) || !number(&line, UINT32_MAX, &at[0]) ||
        !number(&line, UINT32_MAX, &at[1]))
        return false;
    dep_fact *f = dep_fact_add(d, (dep_fact_kind)kind);
    f->line = at[0];
    f->column = at[1];
    for (size_t i = 0; i < DEP_FACT_TEXTS; i++)
        f->texts[i] = field(&line);
    return true;
}

static bool read_head(arena *a, str path, str line, dep_doc *d) {
    const dep_format *format = dep_format_named(field(&line));
    str knows = field(&line);
    if (!format || knows.len != 3) return false;
    dep_doc_init(d, a, format, path);
    d->inner = field(&line);
    d->knows_roots = knows.ptr[0] == '1';
    d->knows_dev = knows.ptr[1] == '1';
    d->has_graph = knows.ptr[2] == '1';
    return true;
}

/* Edges lead to items of the same document. */
static bool edges_hold(const dep_doc *d) {
    for (size_t i = 0; i < d->count; i++) {
        for (size_t k = 0; k < d->items[i].need_count; k++) {
            if (d->items[i].needs[k] >= d->count) return false;
        }
    }
    return true;
}

int dep_doc_read(arena *a, str path, str notes, dep_doc **ret, size_t *ret_count, err *e) {
    dep_doc *docs = NULL;
    size_t count = 0, cap = 0;
    bool good = true;
    for (str line; good && str_line(&notes, &line);) {
        char kind = line.len > 1 && line.ptr[1] == '\t' ? line.ptr[0] : 0;
        str rest = str_sub(line, 2, line.len);
        dep_doc *d = count ? &docs[count - 1] : NULL;
        if (kind == 'D') {
            dep_doc next;
            good = (!d || edges_hold(d)) && read_head(a, path, rest, &next);
            if (good) ARENA_PUSH(a, docs, count, cap, next);
        } else
            good = d && (kind == 'P'   ? read_item(d, rest)
                         : kind == 'R' ? read_root(d, rest)
                                       : kind == 'F' && read_fact(d, rest));
    }
    if (!good || (count && !edges_hold(&docs[count - 1])))
        return err_set(e, ERR_FAILED, "the reader of '%.*s' gave an answer that cannot be",
                       STR_ARG(path));
    *ret = docs;
    *ret_count = count;
    return 0;
}
