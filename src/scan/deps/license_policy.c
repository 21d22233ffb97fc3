#include "scan/deps/licenses.h"

#include "base/glob.h"
#include "base/yaml_read.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RULE         "settings"

static bool is_date(str s) {
    static const char shape[] = "0000-00-00";
    if (s.len != sizeof shape - 1) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (shape[i] == '-' ? s.ptr[i] != '-' : !digit) return false;
    }
    return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void take_list(yaml_reader *r, const yaml_node *n, const char *what, const str **ret,
                      size_t *ret_count) {
    if (!yaml_is_sequence(r, n, what)) return;
    if (n->sequence.count > LICENSES_ENTRIES_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'%s' has more than %d entries", what, LICENSES_ENTRIES_MAX);
        return;
    }
    str *list = ARENA_ARRAY(r->a, str, n->sequence.count);
    *ret = list;
    for (size_t i = 0; i < n->sequence.count; i++) {
        const yaml_node *one = n->sequence.items[i];
        const spdx_node *parsed;
        yaml_text text;
        err e = {0};
        if (!yaml_take_text(r, one, "a licence", &text)) continue;
        if (str_find_char(text.text, '*') < 0 && spdx_parse(r->a, text.text, &parsed, &e) < 0)
            YAML_WRONG(r, one, STR("spdx.org/licenses lists them"), "%s", e.message);
        else
            list[(*ret_count)++] = text.text;
    }
}

/* ---- exceptions ------------------------------------------------------------------------------ */

static const str exception_keys[] = {STR_INIT("package"), STR_INIT("reason"), STR_INIT("expires")};

static void take_exception_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    license_exception *x = context;
    str *to[] = {&x->package, &x->reason, &x->expires};
    yaml_text text;
    if (!yaml_take_text(r, item, exception_keys[key].ptr, &text)) return;
    *to[key] = text.text;
    if (key == 2 && !is_date(text.text))
        YAML_WRONG(r, item, STR_EMPTY, "'%.*s' is no date such as 2027-01-31", STR_ARG(text.text));
}

static void take_exceptions(yaml_reader *r, const yaml_node *n, license_policy *p) {
    if (!yaml_is_sequence(r, n, "exceptions")) return;
    if (n->sequence.count > LICENSES_ENTRIES_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'exceptions' has more than %d entries", LICENSES_ENTRIES_MAX);
        return;
    }
    p->exceptions = ARENA_ARRAY(r->a, license_exception, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        const yaml_node *item = n->sequence.items[i];
        license_exception *x = &p->exceptions[p->exception_count];
        if (!yaml_is_mapping(r, item, "an exception")) continue;
        *x = (license_exception){.where = item->where};
        yaml_take_keys(r, item, exception_keys, COUNT(exception_keys), "an exception",
                       take_exception_key, x);
        if (!x->package.len || !x->reason.len)
            YAML_WRONG(r, item, STR_EMPTY, "an exception needs a 'package' and a 'reason'");
        else
            p->exception_count++;
    }
}

/* ---- the file -------------------------------------------------------------------------------- */

static const str keys[] = {STR_INIT("allow"), STR_INIT("deny"), STR_INIT("exceptions")};

static void take_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    license_policy *p = context;
    if (key == 0) take_list(r, item, "allow", &p->lists.allow, &p->lists.allow_count);
    if (key == 1) take_list(r, item, "deny", &p->lists.deny, &p->lists.deny_count);
    if (key == 2) take_exceptions(r, item, p);
}

int license_policy_parse(arena *a, str source, const char *path, license_policy **ret, err *e) {
    static const yaml_limits limits = {.anchors = true};
    license_policy *p = *ret = ARENA_NEW(a, license_policy);
    yaml_reader r = {a, &p->problems, RULE};
    const yaml_node *root = NULL;
    p->problems.a = a;
    if (yaml_parse(a, source, arena_cstr(a, str_from(path)), &limits, &root, e) < 0) return e->code;
    const yaml_node *part = root && root->kind == YAML_MAPPING ? yaml_get(root, "licenses") : NULL;
    if (!part) return 0;
    p->given = true;
    if (yaml_is_mapping(&r, part, "licenses"))
        yaml_take_keys(&r, part, keys, COUNT(keys), "licenses", take_key, p);
    return 0;
}

const problem_list *license_policy_problems(const license_policy *p) {
    return &p->problems;
}
