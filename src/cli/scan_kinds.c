#include "cli/scan_kinds.h"

#include "base/fs.h"
#include "base/rfc3339.h"
#include "cli/console.h"
#include "cli/settings_file.h"
#include "scan/advisories/advisories.h"
#include "scan/deps/deps.h"
#include "scan/secrets/secrets.h"

#define SETTINGS_BYTES (1u << 20)

static int make_secrets(const scan_setup *how, scanner **ret, err *e) {
    secrets_options o = {.root = how->root,
                         .config = how->config,
                         .cache = how->cache,
                         .quick = how->quick,
                         .versions = how->versions,
                         .show_secrets = how->no_redact,
                         .verifier = how->verifier};
    return secrets_new(how->a, &o, ret, e);
}

static int make_deps(const scan_setup *how, scanner **ret, err *e) {
    char *store = NULL;
    err ignored = {0};
    if (advisories_dir(how->a, NULL, &store, &ignored) < 0) store = NULL;
    deps_options o = {.store = store,
                      .vex = how->vex,
                      .vex_count = how->vex_count,
                      .optional = how->optional_advisories};
    return deps_new(how->a, &o, ret, e);
}

/* What is permitted stands in slipway.yml. */
static int make_licenses(const scan_setup *how, scanner **ret, err *e) {
    license_policy *policy;
    str source = STR_EMPTY;
    err why = {0};
    int r = how->root
                ? fs_read_below(how->a, how->root, SETTINGS_FILE, SETTINGS_BYTES, &source, &why)
                : 0;
    if (r < 0 && r != ERR_NOT_FOUND) {
        *e = why;
        return r;
    }
    if (license_policy_parse(how->a, source, SETTINGS_FILE, &policy, e) < 0)
        return err_context(e, SETTINGS_FILE);
    const problem_list *problems = license_policy_problems(policy);
    if (problems->count) {
        const problem *first = &problems->items[0];
        return err_at(e, ERR_INVALID, first->where, "%.*s", STR_ARG(first->message));
    }
    return licenses_new(how->a, policy, how->root, time_today(how->a), ret, e);
}

const scan_kind scan_kinds[] = {
    {"secrets", make_secrets, secrets_free, secrets_warnings, true, NULL},
    {"deps", make_deps, deps_free, NULL, false, deps_wants},
    {"licenses", make_licenses, NULL, NULL, false, deps_wants},
    {0},
};

static int find_kind(str name, const scan_kind **ret, err *e) {
    str names[16];
    size_t count = 0;
    for (const scan_kind *k = scan_kinds; k->name; k++) {
        names[count++] = str_from(k->name);
        if (!str_is(name, k->name)) continue;
        *ret = k;
        return 0;
    }
    _cleanup_strbuf_ strbuf known = STRBUF_INIT;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&known, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    str near = str_nearest(name, names, count);
    return err_set(e, ERR_INVALID, "--only %.*s: there is no such kind%s%.*s%s; there are %s",
                   STR_ARG(name), near.len ? ", did you mean '" : "", STR_ARG(near),
                   near.len ? "'?" : "", strbuf_cstr(&known));
}

static bool has_kind(const scan_kind *const *chosen, size_t count, const scan_kind *kind) {
    for (size_t i = 0; i < count; i++) {
        if (chosen[i] == kind) return true;
    }
    return false;
}

int scan_kinds_choose(arena *a, const char *const *only, size_t only_count,
                      const scan_kind ***ret_chosen, err *e) {
    size_t all = 0, count = 0;
    const scan_kind *kind = NULL;
    while (scan_kinds[all].name)
        all++;
    *ret_chosen = ARENA_ARRAY(a, const scan_kind *, all + 1);
    for (size_t i = 0; i < only_count; i++) {
        for (str rest = str_from(only[i]), name; rest.len;) {
            str_cut(rest, ',', &name, &rest);
            if (find_kind(str_trim(name), &kind, e) < 0) return e->code;
            if (!has_kind(*ret_chosen, count, kind)) (*ret_chosen)[count++] = kind;
        }
    }
    if (only_count && !count)
        return err_set(e, ERR_INVALID, "--only names no kind: leave it out to scan for all");
    for (size_t i = 0; !only_count && i < all; i++)
        (*ret_chosen)[count++] = &scan_kinds[i];
    return (int)count;
}

int scan_kinds_make(const scan_setup *how, const scan_kind *const *chosen, size_t count,
                    scanner ***ret, err *e) {
    *ret = ARENA_ARRAY(how->a, scanner *, count);
    for (size_t i = 0; i < count; i++) {
        if (chosen[i]->make(how, &(*ret)[i], e) < 0) return e->code;
    }
    return 0;
}

void scan_kinds_free(const scan_kind *const *chosen, size_t count, scanner **made) {
    for (size_t i = 0; made && i < count; i++) {
        if (made[i] && chosen[i]->free) chosen[i]->free(made[i]);
    }
}

void scan_kinds_warn(const scan_kind *const *chosen, size_t count, scanner *const *made) {
    for (size_t i = 0; i < count; i++) {
        if (!chosen[i]->warnings) continue;
        const scan_error_list *list = chosen[i]->warnings(made[i]);
        for (size_t k = 0; k < list->count; k++) {
            const scan_error *w = &list->items[k];
            if (w->line)
                console_warning("%.*s:%u:%u: %.*s", STR_ARG(w->path), w->line, w->column,
                                STR_ARG(w->message));
            else
                console_warning("%.*s%s%.*s", STR_ARG(w->path), w->path.len ? ": " : "",
                                STR_ARG(w->message));
        }
    }
}
