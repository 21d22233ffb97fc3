#include "scan/deps/spdx.h"

#include "base/glob.h"

#include <string.h>
#include <strings.h>

/* Texts that are no identifier and can mean only one. */
static const struct {
    const char *text, *id;
} common_names[] = {
    {"Apache 2", "Apache-2.0"},
    {"Apache 2.0", "Apache-2.0"},
    {"Apache-2", "Apache-2.0"},
    {"Apache License 2.0", "Apache-2.0"},
    {"Apache License, Version 2.0", "Apache-2.0"},
    {"Apache License Version 2.0", "Apache-2.0"},
    {"Apache Software License 2.0", "Apache-2.0"},
    {"The Apache License, Version 2.0", "Apache-2.0"},
    {"The Apache Software License, Version 2.0", "Apache-2.0"},
    {"MIT License", "MIT"},
    {"The MIT License", "MIT"},
    {"The MIT License (MIT)", "MIT"},
    {"ISC License", "ISC"},
    {"BSD 2-Clause", "BSD-2-Clause"},
    {"BSD 2-Clause License", "BSD-2-Clause"},
    {"BSD 3-Clause", "BSD-3-Clause"},
    {"BSD 3-Clause License", "BSD-3-Clause"},
    {"New BSD License", "BSD-3-Clause"},
    {"3-Clause BSD License", "BSD-3-Clause"},
    {"Simplified BSD License", "BSD-2-Clause"},
    {"Mozilla Public License 2.0", "MPL-2.0"},
    {"MPL 2.0", "MPL-2.0"},
    {"GPLv2", "GPL-2.0-only"},
    {"GPLv3", "GPL-3.0-only"},
    {"LGPLv3", "LGPL-3.0-only"},
    {"AGPLv3", "AGPL-3.0-only"},
    {"Public Domain", "LicenseRef-Public-Domain"},
};

/* Whose identifiers without "-only" or "-or-later" are deprecated. */
static const char *const gnu[] = {"GPL-", "LGPL-", "AGPL-", "GFDL-"};

/* Other deprecated identifiers, and what took their place. (spdx.org/licenses, "Deprecated
 * License Identifiers") */
static const struct {
    const char *old, *id, *exception;
} renamed[] = {
    {"BSD-2-Clause-FreeBSD", "BSD-2-Clause", ""},
    {"BSD-2-Clause-NetBSD", "BSD-2-Clause", ""},
    {"bzip2-1.0.5", "bzip2-1.0.6", ""},
    {"eCos-2.0", "GPL-2.0-or-later", "eCos-exception-2.0"},
    {"GPL-2.0-with-autoconf-exception", "GPL-2.0-only", "Autoconf-exception-2.0"},
    {"GPL-2.0-with-bison-exception", "GPL-2.0-only", "Bison-exception-2.2"},
    {"GPL-2.0-with-classpath-exception", "GPL-2.0-only", "Classpath-exception-2.0"},
    {"GPL-2.0-with-font-exception", "GPL-2.0-only", "Font-exception-2.0"},
    {"GPL-2.0-with-GCC-exception", "GPL-2.0-only", "GCC-exception-2.0"},
    {"GPL-3.0-with-autoconf-exception", "GPL-3.0-only", "Autoconf-exception-3.0"},
    {"GPL-3.0-with-GCC-exception", "GPL-3.0-only", "GCC-exception-3.1"},
    {"StandardML-NJ", "SMLNJ", ""},
    {"wxWindows", "LGPL-2.0-or-later", "WxWindows-exception-3.1"},
};

/* The versions that there are; who may use a later one may choose any that follows. */
static const struct {
    const char *family, *versions[3];
} gnu_versions[] = {
    {"GPL-", {"1.0", "2.0", "3.0"}},
    {"LGPL-", {"2.0", "2.1", "3.0"}},
    {"AGPL-", {"1.0", "3.0", NULL}},
    {"GFDL-", {"1.1", "1.2", "1.3"}},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int cmp_nocase(str a, str b) {
    size_t least = a.len < b.len ? a.len : b.len;
    int r = strncasecmp(a.ptr, b.ptr, least);
    return r ? r : (a.len > b.len) - (a.len < b.len);
}

static const spdx_name *find_name(str name) {
    size_t low = 0, high = spdx_name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int r = cmp_nocase(name, spdx_names[middle].name);
        if (r == 0) return &spdx_names[middle];
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool spdx_is_license(str name) {
    const spdx_name *found = find_name(name);
    return found && found->kind != SPDX_EXCEPTION;
}

/* ---- parsing --------------------------------------------------------------------------------- */

typedef struct parser {
    arena *a;
    str rest;
    str word; /* the next one; empty at the end */
    err *e;
} parser;

static void next(parser *p) {
    p->rest = str_trim(p->rest);
    size_t len = 0;
    if (p->rest.len && strchr("()/", p->rest.ptr[0]))
        len = 1;
    else
        while (len < p->rest.len && !strchr("()/ \t\n\r", p->rest.ptr[len]))
            len++;
    p->word = str_sub(p->rest, 0, len);
    p->rest = str_sub(p->rest, len, p->rest.len);
}

static bool is_word(const parser *p, str word) {
    return p->word.len && str_eq_nocase(p->word, word);
}

static bool is_ref(str word) {
    return str_eq_nocase(str_sub(word, 0, 11), STR("LicenseRef-")) ||
           str_eq_nocase(str_sub(word, 0, 12), STR("DocumentRef-"));
}

static bool is_ref_name(str word) {
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '.' || c == ':';
        if (!fine) return false;
    }
    return true;
}

static bool is_old_gnu(str id) {
    bool family = false;
    for (size_t i = 0; i < COUNT(gnu); i++)
        family |= str_starts(id, str_from(gnu[i]));
    return family && !str_ends(id, STR("-only")) && !str_ends(id, STR("-or-later"));
}

/* What took the place of "GPL-2.0" and "GPL-2.0+", and of others. */
static void renew(parser *p, spdx_node *n) {
    str base = n->id;
    for (size_t i = 0; i < COUNT(renamed); i++) {
        if (!str_is(base, renamed[i].old)) continue;
        n->id = str_from(renamed[i].id);
        n->exception = str_from(renamed[i].exception);
        return;
    }
    bool plus = n->or_later || str_ends(base, STR("+"));
    if (!is_old_gnu(base)) return;
    if (str_ends(base, STR("+"))) base.len--;
    str id = arena_printf(p->a, "%.*s%s", STR_ARG(base), plus ? "-or-later" : "-only");
    const spdx_name *found = find_name(id);
    if (!found) return;
    n->id = found->name;
    n->or_later = false;
}

static int take_license(parser *p, spdx_node *n) {
    str word = p->word;
    const spdx_name *found = find_name(word);
    bool plus = !found && str_ends(word, STR("+"));
    if (plus) found = find_name(str_sub(word, 0, word.len - 1));
    *n = (spdx_node){.or_later = plus};
    if (is_ref(word) && is_ref_name(word)) {
        n->id = word;
        n->is_ref = true;
    } else if (found && found->kind != SPDX_EXCEPTION) {
        n->id = found->name;
        renew(p, n);
    } else
        return err_set(p->e, ERR_INVALID, "'%.*s' is no SPDX identifier of a licence",
                       STR_ARG(word));
    next(p);
    if (!is_word(p, STR("WITH"))) return 0;
    next(p);
    found = find_name(p->word);
    if ((!found || found->kind != SPDX_EXCEPTION) && !str_starts(p->word, STR("AdditionRef-")))
        return err_set(p->e, ERR_INVALID, "'%.*s' is no SPDX identifier of an exception",
                       STR_ARG(p->word));
    n->exception = found ? found->name : p->word;
    next(p);
    return 0;
}

static int take_or(parser *p, unsigned depth, const spdx_node **ret);

static int take_one(parser *p, unsigned depth, const spdx_node **ret) {
    if (!p->word.len)
        return err_set(p->e, ERR_INVALID, "the expression ends where a licence is expected");
    if (is_word(p, STR("("))) {
        if (depth == 0)
            return err_set(p->e, ERR_LIMIT, "the expression is nested more than %d deep",
                           SPDX_DEPTH_MAX);
        next(p);
        if (take_or(p, depth - 1, ret) < 0) return p->e->code;
        if (!is_word(p, STR(")"))) return err_set(p->e, ERR_INVALID, "a ')' is missing");
        next(p);
        return 0;
    }
    spdx_node *n = ARENA_NEW(p->a, spdx_node);
    *ret = n;
    return take_license(p, n);
}

static const spdx_node *join(parser *p, spdx_op op, const spdx_node *left, const spdx_node *right) {
    spdx_node *n = ARENA_NEW(p->a, spdx_node);
    *n = (spdx_node){.op = op, .left = (spdx_node *)left, .right = (spdx_node *)right};
    return n;
}

static int take_and(parser *p, unsigned depth, const spdx_node **ret) {
    const spdx_node *right;
    if (take_one(p, depth, ret) < 0) return p->e->code;
    while (is_word(p, STR("AND"))) {
        next(p);
        if (take_one(p, depth, &right) < 0) return p->e->code;
        *ret = join(p, SPDX_AND, *ret, right);
    }
    return 0;
}

/* "MIT/Apache-2.0" is Cargo's old way to write OR. */
static int take_or(parser *p, unsigned depth, const spdx_node **ret) {
    const spdx_node *right;
    if (take_and(p, depth, ret) < 0) return p->e->code;
    while (is_word(p, STR("OR")) || is_word(p, STR("/"))) {
        next(p);
        if (take_and(p, depth, &right) < 0) return p->e->code;
        *ret = join(p, SPDX_OR, *ret, right);
    }
    return 0;
}

int spdx_parse(arena *a, str text, const spdx_node **ret, err *e) {
    text = str_trim(text);
    if (text.len > SPDX_LENGTH_MAX)
        return err_set(e, ERR_LIMIT, "the expression has more than %d bytes", SPDX_LENGTH_MAX);
    for (size_t i = 0; i < COUNT(common_names); i++) {
        if (str_eq_nocase(text, str_from(common_names[i].text)))
            text = str_from(common_names[i].id);
    }
    parser p = {.a = a, .rest = text, .e = e};
    next(&p);
    if (take_or(&p, SPDX_DEPTH_MAX, ret) < 0) return e->code;
    if (p.word.len)
        return err_set(e, ERR_INVALID, "expected AND, OR or WITH, not '%.*s'", STR_ARG(p.word));
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_side(strbuf *out, const spdx_node *n, spdx_op around) {
    bool inner = around == SPDX_AND && n->op == SPDX_OR;
    if (inner) strbuf_addc(out, '(');
    spdx_write(out, n);
    if (inner) strbuf_addc(out, ')');
}

void spdx_write(strbuf *out, const spdx_node *n) {
    if (n->op == SPDX_ONE) {
        strbuf_add(out, n->id);
        if (n->or_later) strbuf_addc(out, '+');
        if (n->exception.len) strbuf_addf(out, " WITH %.*s", STR_ARG(n->exception));
        return;
    }
    write_side(out, n->left, n->op);
    strbuf_adds(out, n->op == SPDX_AND ? " AND " : " OR ");
    write_side(out, n->right, n->op);
}

/* ---- policies -------------------------------------------------------------------------------- */

static bool entry_matches(arena *a, str entry, str license) {
    const spdx_node *n;
    err ignored = {0};
    if (str_find_char(entry, '*') >= 0) return glob_name(entry, license);
    if (spdx_parse(a, entry, &n, &ignored) < 0 || n->op != SPDX_ONE)
        return str_eq_nocase(entry, license);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    spdx_write(&text, n);
    return str_eq_nocase(strbuf_str(&text), license);
}

static bool is_listed(arena *a, const str *list, size_t count, str license) {
    for (size_t i = 0; i < count; i++) {
        if (entry_matches(a, list[i], license)) return true;
    }
    return false;
}

/* Whether one of the later versions may be used, "GPL-3.0-only" for GPL-2.0-or-later. */
static bool has_allowed_choice(arena *a, str id, const license_lists *lists) {
    if (!str_ends(id, STR("-or-later"))) return false;
    for (size_t i = 0; i < COUNT(gnu_versions); i++) {
        str family = str_from(gnu_versions[i].family);
        if (!str_starts(id, family)) continue;
        str version = str_sub(id, family.len, id.len - 9);
        for (size_t k = 0; k < COUNT(gnu_versions[i].versions); k++) {
            const char *one = gnu_versions[i].versions[k];
            if (!one || str_cmp(str_from(one), version) < 0) continue;
            str only = arena_printf(a, "%s%s-only", gnu_versions[i].family, one);
            str later = arena_printf(a, "%s%s-or-later", gnu_versions[i].family, one);
            bool denied = is_listed(a, lists->deny, lists->deny_count, only);
            if (!denied && (is_listed(a, lists->allow, lists->allow_count, only) ||
                            is_listed(a, lists->allow, lists->allow_count, later)))
                return true;
        }
    }
    return false;
}

/* Later versions are a choice of whoever uses it, so what is allowed or denied of the version
 * itself holds for it. An exception only permits more. */
static license_verdict judge_one(arena *a, const spdx_node *n, const license_lists *lists) {
    spdx_node plain = *n;
    plain.exception = STR_EMPTY;
    plain.or_later = false;
    const spdx_node *forms[] = {n, &plain};
    str texts[2];
    for (size_t i = 0; i < COUNT(forms); i++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        spdx_write(&text, forms[i]);
        texts[i] = arena_str(a, strbuf_str(&text));
    }
    for (size_t i = 0; i < COUNT(forms); i++) { /* the whole text says more than its licence */
        if (is_listed(a, lists->deny, lists->deny_count, texts[i])) return LICENSE_DENIED;
        if (is_listed(a, lists->allow, lists->allow_count, texts[i])) return LICENSE_ALLOWED;
    }
    bool allowed = !lists->allow_count || has_allowed_choice(a, n->id, lists);
    return allowed ? LICENSE_ALLOWED : LICENSE_UNLISTED;
}

license_verdict spdx_judge(arena *a, const spdx_node *n, const license_lists *lists, str *ret_why) {
    if (n->op == SPDX_ONE) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        spdx_write(&text, n);
        if (ret_why) *ret_why = arena_str(a, strbuf_str(&text));
        return judge_one(a, n, lists);
    }
    str why[2];
    license_verdict left = spdx_judge(a, n->left, lists, &why[0]),
                    right = spdx_judge(a, n->right, lists, &why[1]);
    bool take_left = n->op == SPDX_AND ? left >= right : left <= right;
    if (ret_why) *ret_why = take_left ? why[0] : why[1];
    return take_left ? left : right;
}
