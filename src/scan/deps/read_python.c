/* read_python.c: requirements.txt, and the metadata of installed distributions.
 * (pip.pypa.io/en/stable/reference/requirements-file-format; packaging.python.org, core metadata)
 */
#include "scan/advisories/repository.h"
#include "scan/deps/readers.h"

/* ---- requirements ---------------------------------------------------------------------------- */

/* A logical line: one that ends with '\' goes on in the next. In the arena, or borrowed. */
static bool next_line(arena *a, str *rest, str *ret, str *ret_first) {
    if (!str_line(rest, ret)) return false;
    *ret_first = *ret;
    while (str_ends(*ret, STR("\\"))) {
        str more;
        ret->len--;
        if (!str_line(rest, &more)) break;
        *ret = arena_printf(a, "%.*s %.*s", STR_ARG(*ret), STR_ARG(more));
    }
    return true;
}

/* A comment begins with '#' at the start or after white space. */
static str without_comment(str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return str_sub(line, 0, i);
    }
    return line;
}

static const struct {
    const char *option, *kind;
} includes[] = {{"--requirement", "r"}, {"--constraint", "c"}, {"-r", "r"}, {"-c", "c"}};

static bool take_include(dep_doc *d, str text, str line, str at) {
    for (size_t i = 0; i < COUNT(includes); i++) {
        str option = str_from(includes[i].option);
        if (!str_starts(line, option)) continue;
        str path = str_trim(str_sub(line, option.len, line.len));
        if (str_starts(path, STR("="))) path = str_trim(str_sub(path, 1, path.len));
        dep_fact *f = dep_fact_add(d, FACT_INCLUDE);
        span where = dep_span(d, text, str_offset(text, at));
        f->texts[0] = dep_unquote(path);
        f->texts[1] = str_from(includes[i].kind);
        f->line = where.line;
        f->column = where.column;
        return true;
    }
    return false;
}

#define HASH "--hash="

/* One hash is that of what is installed; of several it is one of them. */
static str only_hash(arena *a, str line) {
    ptrdiff_t at = str_find(line, STR(HASH));
    if (at < 0) return STR_EMPTY;
    str rest = str_sub(line, (size_t)at + sizeof HASH - 1, line.len);
    str hash = dep_until(rest, " \t", &rest);
    return str_find(rest, STR(HASH)) < 0 ? dep_hash_hex(a, hash) : STR_EMPTY;
}

/* A name of letters, digits and "-_.", and then nothing or what may follow it. */
static bool is_requirement(str spec, str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c && strchr("-_.", c));
        if (!fine) return false;
    }
    str rest = str_trim(str_sub(spec, str_offset(spec, name) + name.len, spec.len));
    return !rest.len || (rest.ptr[0] && strchr("[<>=!~;@(", rest.ptr[0]));
}

static const str schemes[] = {STR_INIT("git+"), STR_INIT("hg+"), STR_INIT("svn+"),
                              STR_INIT("bzr+")};

static bool is_vcs(str spec) {
    for (size_t i = 0; i < COUNT(schemes); i++) {
        if (str_starts(spec, schemes[i])) return true;
    }
    return false;
}

/* "#egg=name[extra]&subdirectory=x", or else what the repository is called. */
static str egg_of(arena *a, str url) {
    ptrdiff_t at = str_find(url, STR("egg="));
    if (at >= 0) return dep_until(str_sub(url, (size_t)at + 4, url.len), "&[ ", &(str){0});
    str name = repository_name(a, url);
    return str_sub(name, (size_t)(str_rfind_char(name, '/') + 1), name.len);
}

/* A requirement that is nothing but the address of a repository. */
static int add_vcs(dep_doc *d, str text, str spec, str first, err *e) {
    dep_item it = {.name = egg_of(d->a, spec),
                   .source = spec,
                   .commit = repository_commit(spec),
                   .flags = DEP_DIRECT};
    size_t at = str_offset(text, first);
    if (!it.name.len) return 0;
    dep_place(d, text, at, at + first.len, &it);
    return dep_add(d, &it, NULL, e);
}

/* "-e" and "--editable" in front of a repository; of a folder there is nothing to say. */
static str without_editable(str line) {
    static const str options[] = {STR_INIT("--editable"), STR_INIT("-e")};
    for (size_t i = 0; i < COUNT(options); i++) {
        if (!str_starts(line, options[i])) continue;
        str rest = str_trim(str_sub(line, options[i].len, line.len));
        if (str_starts(rest, STR("="))) rest = str_trim(str_sub(rest, 1, rest.len));
        rest = dep_unquote(rest);
        return is_vcs(rest) || str_find(rest, STR("@ ")) >= 0 ? rest : line;
    }
    return line;
}

static int add_requirement(dep_doc *d, str text, str line, str first, err *e) {
    str rest, spec = dep_until(line, "", &rest);
    ptrdiff_t options = str_find(line, STR(" --"));
    if (options >= 0) spec = str_trim(str_sub(line, 0, (size_t)options));
    if (is_vcs(spec)) return add_vcs(d, text, spec, first, e);
    dep_item it = {.flags = DEP_DIRECT, .hash = only_hash(d->a, line)};
    it.name = dep_python_requirement(spec, &it.version);
    size_t at = str_offset(text, first), lead = 0;
    while (lead < first.len && (first.ptr[lead] == ' ' || first.ptr[lead] == '\t'))
        lead++;
    if (!is_requirement(spec, it.name)) {
        if (str_find(spec, STR("://")) >= 0 || str_find_char(spec, '/') >= 0) return 0;
        return err_at(e, ERR_INVALID, dep_span(d, text, at + lead),
                      "expected a requirement such as 'name==1.2.3'");
    }
    if (!it.name.len || (spec.ptr[0] == '.')) return 0; /* a folder */
    ptrdiff_t url = str_find_char(spec, '@');
    if (url >= 0 && str_find(spec, STR("://")) >= 0) {
        it.source = str_trim(dep_until(str_sub(spec, (size_t)url + 1, spec.len), ";", &(str){0}));
        if (is_vcs(it.source)) it.commit = repository_commit(it.source);
    }
    dep_place(d, text, at + lead, at + str_trim(without_comment(first)).len + lead, &it);
    return dep_add(d, &it, NULL, e);
}

/* "requirements.txt", "constraints-dev.txt", "requirements/x.txt"; others only contain the word. */
static bool is_called_so(const dep_doc *d) {
    str path = d->inner.len ? d->inner : d->path;
    ptrdiff_t slash = str_rfind_char(path, '/');
    str name = str_sub(path, (size_t)(slash + 1), path.len);
    str folder = str_sub(path, 0, slash < 0 ? 0 : (size_t)slash);
    return str_starts(name, STR("requirements")) || str_starts(name, STR("constraints")) ||
           str_ends(folder, STR("requirements"));
}

/* A wrong line is told once the others are read. What is mostly wrong was called like this for
 * another reason, unless its name says no more than that. */
int dep_read_requirements(dep_doc *d, str text, err *e) {
    err wrong = {0};
    size_t wrong_count = 0;
    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = str_sub(text, 3, text.len);
    d->knows_roots = d->knows_dev = true;
    for (str rest = text, line, first; next_line(d->a, &rest, &line, &first);) {
        err this = {0};
        line = without_editable(str_trim(without_comment(str_trim(line))));
        if (!line.len || take_include(d, text, line, first) || line.ptr[0] == '-') continue;
        if (add_requirement(d, text, line, first, &this) < 0 && !wrong.code) wrong = this;
        wrong_count += this.code == ERR_INVALID;
        if (this.code == ERR_LIMIT) break;
    }
    if (wrong_count > d->count && !is_called_so(d)) {
        d->count = d->fact_count = 0;
        return 0;
    }
    if (wrong.code) *e = wrong;
    return wrong.code;
}

/* ---- installed distributions ------------------------------------------------------------------
 */

#define CLASSIFIER "License :: OSI Approved :: "

/* The classifiers that say as much as an SPDX identifier does. */
static const struct {
    const char *classifier, *spdx;
} classifiers[] = {
    {"MIT License", "MIT"},
    {"Apache Software License", "Apache-2.0"},
    {"ISC License (ISCL)", "ISC"},
    {"Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"},
    {"Python Software Foundation License", "PSF-2.0"},
    {"The Unlicense (Unlicense)", "Unlicense"},
    {"GNU General Public License v2 (GPLv2)", "GPL-2.0-only"},
    {"GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"},
    {"GNU General Public License v3 (GPLv3)", "GPL-3.0-only"},
    {"GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"},
    {"GNU Affero General Public License v3", "AGPL-3.0-only"},
    {"GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"},
    {"GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"},
    {"zlib/libpng License", "Zlib"},
};

static str of_classifier(str value) {
    if (!str_starts(value, STR(CLASSIFIER))) return STR_EMPTY;
    str name = str_sub(value, sizeof CLASSIFIER - 1, value.len);
    for (size_t i = 0; i < COUNT(classifiers); i++) {
        if (str_is(name, classifiers[i].classifier)) return str_from(classifiers[i].spdx);
    }
    return STR_EMPTY;
}

/* License-Expression counts most, then classifiers, then License where it is short. */
int dep_read_dist_metadata(dep_doc *d, str text, err *e) {
    str expression = STR_EMPTY, classified = STR_EMPTY, license = STR_EMPTY;
    dep_item it = {0};
    for (str rest = text, line, key, value; str_line(&rest, &line) && line.len;) {
        if (line.ptr[0] == ' ' || !str_cut(line, ':', &key, &value)) continue;
        value = str_trim(value);
        if (str_is(key, "Name")) it.name = value;
        if (str_is(key, "Version")) it.version = value;
        if (str_is(key, "License-Expression")) expression = value;
        if (str_is(key, "License") && value.len < 100 && !str_is(value, "UNKNOWN")) license = value;
        if (str_is(key, "Classifier") && !classified.len) classified = of_classifier(value);
    }
    it.license = expression.len ? expression : classified.len ? classified : license;
    if (!it.name.len || !it.version.len)
        return err_at(e, ERR_INVALID, dep_span(d, text, 0),
                      "is no metadata of a Python distribution: it has no Name or no Version");
    dep_fact *f = dep_fact_add(d, FACT_LICENSE);
    f->texts[0] = STR("PyPI");
    f->texts[1] = it.name;
    f->texts[2] = it.version;
    f->texts[3] = it.license;
    d->has_graph = true;
    return dep_add(d, &it, NULL, e);
}
