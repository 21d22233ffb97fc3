/* read_go.c: go.mod and go.sum. (go.dev/ref/mod) */
#include "scan/deps/readers.h"

typedef struct gomod {
    dep_doc *d;
    str text;
    str block; /* "require" inside its parentheses, else empty */
    str go, toolchain;
    dep_map by_name;
    err *e;
} gomod;

static str next_word(str *rest) {
    *rest = str_trim(*rest);
    if (rest->len && (rest->ptr[0] == '"' || rest->ptr[0] == '`')) {
        char quote[2] = {rest->ptr[0], 0};
        str body = str_sub(*rest, 1, rest->len), word = dep_until(body, quote, rest);
        *rest = str_sub(*rest, 1, rest->len);
        return word;
    }
    return dep_until(*rest, " \t", rest);
}

/* "v0.0.0-20210101000000-abcdefabcdef" ends with 12 digits of a commit. (go.dev/ref/mod,
 * "Pseudo-versions") */
static str commit_of(str version) {
    ptrdiff_t plus = str_find_char(version, '+');
    if (plus >= 0) version = str_sub(version, 0, (size_t)plus);
    ptrdiff_t dash = str_rfind_char(version, '-');
    str commit = dep_commit(str_sub(version, (size_t)(dash + 1), version.len));
    bool dated = dash >= 14 && commit.len == 12;
    for (ptrdiff_t i = dash - 14; dated && i < dash; i++)
        dated = version.ptr[i] >= '0' && version.ptr[i] <= '9';
    return dated ? commit : STR_EMPTY;
}

static int add_require(gomod *g, str line, bool indirect) {
    str rest = line, name = next_word(&rest);
    dep_item it = {.name = name, .version = next_word(&rest), .flags = indirect ? 0 : DEP_DIRECT};
    uint32_t index;
    size_t at = str_offset(g->text, line);
    if (!it.version.len)
        return err_at(g->e, ERR_INVALID, dep_span(g->d, g->text, at),
                      "expected a module and its version");
    it.commit = commit_of(it.version);
    dep_place(g->d, g->text, at, at + str_trim(line).len, &it);
    if (dep_add(g->d, &it, &index, g->e) < 0) return g->e->code;
    dep_map_put(&g->by_name, name, index);
    return 0;
}

/* "a [v1] => b v2", or "=> ../b", which is no module from elsewhere. */
static void take_replace(gomod *g, str line) {
    str rest = line, name = next_word(&rest), word = next_word(&rest), version = STR_EMPTY;
    if (!str_is(word, "=>")) {
        version = word;
        word = next_word(&rest);
    }
    uint32_t i = dep_map_get(&g->by_name, name);
    if (!str_is(word, "=>") || i == DEP_NONE) return;
    dep_item *it = &g->d->items[i];
    if (version.len && !str_eq(version, it->version)) return;
    str target = next_word(&rest), other = next_word(&rest);
    if (!other.len) {
        it->flags |= DEP_LOCAL;
        return;
    }
    it->name = target;
    it->version = other;
    it->commit = commit_of(other);
}

static int take_directive(gomod *g, str verb, str rest, bool indirect, bool replaces) {
    if (replaces) {
        if (str_is(verb, "replace")) take_replace(g, rest);
        return 0;
    }
    if (str_is(verb, "go")) g->go = rest;
    if (str_is(verb, "toolchain")) g->toolchain = rest;
    return str_is(verb, "require") ? add_require(g, rest, indirect) : 0;
}

static int take_lines(gomod *g, bool replaces) {
    g->block = STR_EMPTY;
    for (str rest = g->text, line; str_line(&rest, &line);) {
        ptrdiff_t comment = str_find(line, STR("//"));
        bool indirect =
            comment >= 0 &&
            str_starts(str_trim(str_sub(line, (size_t)comment + 2, line.len)), STR("indirect"));
        line = str_trim(comment >= 0 ? str_sub(line, 0, (size_t)comment) : line);
        if (!line.len) continue;
        int r = 0;
        if (g->block.len) {
            if (str_is(line, ")"))
                g->block = STR_EMPTY;
            else
                r = take_directive(g, g->block, line, indirect, replaces);
        } else {
            str verb = dep_until(line, " \t(", &line);
            line = str_trim(line);
            if (str_is(line, "("))
                g->block = verb;
            else
                r = take_directive(g, verb, line, indirect, replaces);
        }
        if (r < 0) return r;
    }
    return 0;
}

/* The standard library has advisories, too. A toolchain, or a go line with a patch, says which one
 * at the least. */
static int add_stdlib(gomod *g) {
    str version = g->toolchain;
    if (str_starts(version, STR("go"))) version = str_sub(version, 2, version.len);
    if (!version.len) version = g->go;
    size_t dots = 0;
    for (size_t i = 0; i < version.len; i++)
        dots += version.ptr[i] == '.';
    if (dots < 2) return 0;
    dep_item it = {.name = STR("stdlib"), .version = version, .flags = DEP_DIRECT};
    size_t at = str_offset(g->text, version);
    dep_place(g->d, g->text, at, at + version.len, &it);
    return dep_add(g->d, &it, NULL, g->e);
}

int dep_read_go_mod(dep_doc *d, str text, err *e) {
    gomod g = {.d = d, .text = text, .by_name.a = d->a, .e = e};
    d->knows_roots = true;
    if (take_lines(&g, false) < 0 || take_lines(&g, true) < 0) return e->code;
    return add_stdlib(&g);
}

/* "module version h1:…" and "module version/go.mod h1:…", of which the second says only that it was
 * looked at. */
int dep_read_go_sum(dep_doc *d, str text, err *e) {
    for (str rest = text, line; str_line(&rest, &line);) {
        size_t at = str_offset(text, line), len = line.len;
        str name = next_word(&line), version = next_word(&line), hash = next_word(&line);
        if (!name.len) continue;
        if (!version.len || !hash.len)
            return err_at(e, ERR_INVALID, dep_span(d, text, at),
                          "expected a module, its version and its hash");
        if (str_ends(version, STR("/go.mod"))) continue;
        dep_item it = {.name = name, .version = version, .commit = commit_of(version)};
        dep_place(d, text, at, at + len, &it);
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    return 0;
}
