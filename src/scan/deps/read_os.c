/* read_os.c: dpkg's and apk's databases of installed packages, os-release, Debian's copyright
 * files. (deb-control(5), dpkg(1); wiki.alpinelinux.org "Apk spec"; os-release(5); DEP 5) */
#include "scan/deps/readers.h"
#include "scan/deps/spdx.h"

/* ---- dpkg ------------------------------------------------------------------------------------ */

typedef struct stanza {
    str package, version, source, status, arch, depends, pre_depends;
    size_t at, name_len; /* of the line that names the package */
} stanza;

/* Package names that "a (>= 1) | b, c:any" can be fulfilled by, one after the other. */
static bool next_depend(str *rest, str *ret) {
    while (rest->len) {
        str name = str_trim(dep_until(*rest, ",|", rest));
        *rest = str_sub(*rest, 1, rest->len);
        *ret = dep_until(name, " (:[", &(str){0});
        if (ret->len) return true;
    }
    return false;
}

/* "source (1.2-3)": the version only where it is another one. */
static str origin_of(arena *a, const stanza *s) {
    str rest, name = str_trim(dep_until(s->source, "(", &rest)), version = s->version;
    if (!s->source.len) return STR_EMPTY;
    if (rest.len) version = str_trim(dep_until(str_sub(rest, 1, rest.len), ")", &(str){0}));
    return arena_printf(a, "%.*s=%.*s", STR_ARG(name), STR_ARG(version));
}

static bool is_installed(const stanza *s) {
    return !s->status.len || str_ends(s->status, STR(" installed"));
}

static int add_deb(dep_doc *d, str text, const stanza *s, str *depends, size_t depends_cap,
                   err *e) {
    dep_item it = {
        .name = s->package, .version = s->version, .arch = s->arch, .origin = origin_of(d->a, s)};
    if (!s->package.len || !is_installed(s)) return 0;
    dep_place(d, text, s->at, s->at + s->name_len, &it);
    if (dep_add(d, &it, NULL, e) < 0) return e->code;
    if (d->count <= depends_cap)
        depends[d->count - 1] =
            arena_printf(d->a, "%.*s,%.*s", STR_ARG(s->pre_depends), STR_ARG(s->depends));
    return 0;
}

static void take_field(stanza *s, str text, str line) {
    str key, value;
    const struct {
        const char *key;
        str *to;
    } fields[] = {{"Package", &s->package},        {"Version", &s->version},
                  {"Source", &s->source},          {"Status", &s->status},
                  {"Architecture", &s->arch},      {"Depends", &s->depends},
                  {"Pre-Depends", &s->pre_depends}};
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t' || !str_cut(line, ':', &key, &value)) return;
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (!str_is(key, fields[i].key)) continue;
        *fields[i].to = str_trim(value);
        if (i == 0) {
            s->at = str_offset(text, line);
            s->name_len = line.len;
        }
    }
}

/* Edges by the names that packages have. */
static int link_names(dep_doc *d, const str *depends, const dep_map *names, err *e) {
    for (uint32_t i = 0; i < d->count; i++) {
        for (str rest = depends[i], one; next_depend(&rest, &one);) {
            uint32_t to = dep_map_get(names, one);
            if (to != DEP_NONE && dep_need(d, i, to, e) < 0) return e->code;
        }
    }
    return 0;
}

int dep_read_dpkg(dep_doc *d, str text, err *e) {
    stanza s = {0};
    /* Beside the packages in status.d of distroless images: sums of their files. */
    if (str_ends(d->inner.len ? d->inner : d->path, STR(".md5sums"))) return 0;
    str *depends = ARENA_ARRAY(d->a, str, DEPS_PACKAGES_MAX);
    dep_map names = {.a = d->a};
    d->has_graph = true;
    for (str rest = text, line; str_line(&rest, &line);) {
        if (str_trim(line).len) {
            take_field(&s, text, line);
            continue;
        }
        if (add_deb(d, text, &s, depends, DEPS_PACKAGES_MAX, e) < 0) return e->code;
        s = (stanza){0};
    }
    if (add_deb(d, text, &s, depends, DEPS_PACKAGES_MAX, e) < 0) return e->code;
    if (!d->count && str_trim(text).len && !str_starts(text, STR("Package:")))
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no database of dpkg: it names no package");
    for (uint32_t i = 0; i < d->count; i++)
        dep_map_put(&names, d->items[i].name, i);
    return link_names(d, depends, &names, e);
}

/* ---- apk ------------------------------------------------------------------------------------- */

/* "so:libc.musl-x86_64.so.1" and "cmd:sh=1.2" name what a package provides. */
static str provided(str word) {
    return dep_until(word, "=<>~", &(str){0});
}

static void take_names(const str *words, dep_map *names, uint32_t index) {
    for (str rest = *words, one; rest.len;) {
        str_cut(rest, ' ', &one, &rest);
        if (one.len) dep_map_put(names, provided(one), index);
    }
}

typedef struct apk {
    dep_doc *d;
    str text, provides, depends;
    dep_item it;
    str *needs; /* of each item */
    dep_map names;
} apk;

static int end_apk(apk *k, err *e) {
    uint32_t index;
    if (k->it.name.len) {
        if (dep_add(k->d, &k->it, &index, e) < 0) return e->code;
        k->needs[index] = k->depends;
        dep_map_put(&k->names, k->it.name, index);
        take_names(&k->provides, &k->names, index);
    }
    k->it = (dep_item){0};
    k->provides = k->depends = STR_EMPTY;
    return 0;
}

static void take_apk_field(apk *k, str line) {
    str value = str_sub(line, 2, line.len);
    switch (line.ptr[0]) {
    case 'P':
        k->it.name = value;
        dep_place(k->d, k->text, str_offset(k->text, line), str_offset(k->text, line) + line.len,
                  &k->it);
        break;
    case 'V': k->it.version = value; break;
    case 'A': k->it.arch = value; break;
    case 'L': k->it.license = value; break;
    case 'o': k->it.origin = arena_printf(k->d->a, "%.*s=", STR_ARG(value)); break;
    case 'D': k->depends = value; break;
    case 'p': k->provides = value; break;
    default: break;
    }
}

int dep_read_apk(dep_doc *d, str text, err *e) {
    apk k = {.d = d, .text = text, .names.a = d->a};
    k.needs = ARENA_ARRAY(d->a, str, DEPS_PACKAGES_MAX);
    d->has_graph = true;
    if (str_starts(text, STR("ADB")))
        return err_at(
            e, ERR_INVALID, dep_span(d, text, 0),
            "is a database of apk in the binary form of version 3, which is not read: its "
            "packages are not known");
    for (str rest = text, line; str_line(&rest, &line);) {
        if (!line.len) {
            if (end_apk(&k, e) < 0) return e->code;
            continue;
        }
        if (line.len < 2 || line.ptr[1] != ':')
            return err_at(e, ERR_INVALID, dep_span(d, text, str_offset(text, line)),
                          "is no database of apk: expected a letter and ':'");
        take_apk_field(&k, line);
    }
    if (end_apk(&k, e) < 0) return e->code;
    for (uint32_t i = 0; i < d->count; i++) {
        for (str rest = k.needs[i], one; rest.len;) {
            str_cut(rest, ' ', &one, &rest);
            if (!one.len || one.ptr[0] == '!') continue; /* a conflict */
            uint32_t to = dep_map_get(&k.names, provided(one));
            if (to != DEP_NONE && dep_need(d, i, to, e) < 0) return e->code;
        }
    }
    return 0;
}

/* ---- os-release -------------------------------------------------------------------------------
 */

int dep_read_os_release(dep_doc *d, str text, err *e) {
    dep_fact *f = dep_fact_add(d, FACT_SYSTEM);
    (void)e;
    for (str rest = text, line; str_line(&rest, &line);) {
        str key, value;
        if (!str_cut(str_trim(line), '=', &key, &value)) continue;
        if (str_is(key, "ID")) f->texts[0] = dep_unquote(value);
        if (str_is(key, "VERSION_ID")) f->texts[1] = dep_unquote(value);
        if (str_is(key, "VERSION")) f->texts[2] = dep_unquote(value);
        if (str_is(key, "PRETTY_NAME")) f->texts[3] = dep_unquote(value);
    }
    return 0;
}

/* ---- copyright --------------------------------------------------------------------------------
 */

#define LICENSES_MAX 64

/* The short names of Debian's that SPDX spells otherwise; others become LicenseRefs. */
static const struct {
    const char *debian, *spdx;
} short_names[] = {
    {"Apache-2", "Apache-2.0"},
    {"Expat", "MIT"},
    {"GPL-1", "GPL-1.0-only"},
    {"GPL-1+", "GPL-1.0-or-later"},
    {"GPL-2", "GPL-2.0-only"},
    {"GPL-2+", "GPL-2.0-or-later"},
    {"GPL-3", "GPL-3.0-only"},
    {"GPL-3+", "GPL-3.0-or-later"},
    {"LGPL-2", "LGPL-2.0-only"},
    {"LGPL-2+", "LGPL-2.0-or-later"},
    {"LGPL-2.1", "LGPL-2.1-only"},
    {"LGPL-2.1+", "LGPL-2.1-or-later"},
    {"LGPL-3", "LGPL-3.0-only"},
    {"LGPL-3+", "LGPL-3.0-or-later"},
    {"BSD-2-clause", "BSD-2-Clause"},
    {"BSD-3-clause", "BSD-3-Clause"},
    {"Artistic", "Artistic-1.0-Perl"},
    {"zlib", "Zlib"},
    {"GFDL-1.3", "GFDL-1.3-only"},
    {"GFDL-1.3+", "GFDL-1.3-or-later"},
    {"MPL-1.1", "MPL-1.1"},
    {"PSF-2", "PSF-2.0"},
};

static str spdx_spelling(arena *a, str debian) {
    for (size_t i = 0; i < COUNT(short_names); i++) {
        if (str_is(debian, short_names[i].debian)) return str_from(short_names[i].spdx);
    }
    if (spdx_is_license(debian)) return debian;
    char *ref = arena_cstr(a, debian);
    for (size_t i = 0; i < debian.len; i++) {
        char c = ref[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-';
        if (!fine) ref[i] = '-';
    }
    return arena_printf(a, "LicenseRef-Debian-%s", ref);
}

/* "GPL-2+ with OpenSSL exception, or Expat": what permits more is left out. */
static void add_words(arena *a, strbuf *all, str words) {
    bool first = true, skipping = false;
    for (str word; words.len;) {
        str_cut(words, ' ', &word, &words);
        while (word.len && word.ptr[word.len - 1] == ',')
            word.len--;
        bool is_or = str_is(word, "or"), is_and = str_is(word, "and");
        skipping = str_is(word, "with") || (skipping && !is_or && !is_and);
        if (skipping || !word.len) continue;
        if (!first) strbuf_addc(all, ' ');
        first = false;
        strbuf_add(all, is_or ? STR("OR") : is_and ? STR("AND") : spdx_spelling(a, word));
    }
}

/* usr/share/doc/NAME/copyright. Each paragraph is of some files: all their licences hold. Only the
 * form that machines can read is read. */
int dep_read_debian_copyright(dep_doc *d, str text, err *e) {
    str seen[LICENSES_MAX], folder = d->inner.len ? d->inner : d->path;
    size_t count = 0;
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    (void)e;
    if (!str_starts(text, STR("Format:")) && !str_starts(text, STR("Format-Specification:")))
        return 0;
    for (str rest = text, line; str_line(&rest, &line);) {
        if (!str_starts(line, STR("License:"))) continue;
        str name = str_trim(str_sub(line, 8, line.len));
        bool known = !name.len || count == LICENSES_MAX;
        for (size_t i = 0; i < count && !known; i++)
            known = str_eq(seen[i], name);
        if (known) continue;
        seen[count++] = name;
        bool complex = str_find_char(name, ' ') >= 0;
        if (complex && str_find(name, STR(" or ")) < 0 && str_find(name, STR(" and ")) < 0 &&
            str_find(name, STR(" with ")) < 0)
            continue; /* prose */
        strbuf_adds(&all, all.len ? " AND " : "");
        if (complex) strbuf_addc(&all, '(');
        add_words(d->a, &all, name);
        if (complex) strbuf_addc(&all, ')');
    }
    folder.len = (size_t)str_rfind_char(folder, '/');
    dep_fact *f = dep_fact_add(d, FACT_LICENSE);
    f->texts[0] = STR("Debian");
    f->texts[1] = str_sub(folder, (size_t)(str_rfind_char(folder, '/') + 1), folder.len);
    f->texts[3] = arena_str(d->a, strbuf_str(&all));
    return 0;
}
