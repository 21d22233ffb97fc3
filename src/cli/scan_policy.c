#include "base/fs.h"
#include "base/hash.h"
#include "cli/scan_job.h"
#include "cli/settings_file.h"

#include <string.h>

#define KINDS_MAX  16
#define POLICY_MAX BASELINE_MAX

/* ---- what is known ------------------------------------------------------------------------- */

static int read_baselines(scan_job *j, err *e) {
    const char **paths;
    size_t count = options_values(j->given, "baseline", &paths);
    j->known = baseline_new(j->a);
    for (size_t i = 0; i < count; i++) {
        str text;
        int r = fs_read(j->a, paths[i], BASELINE_MAX, &text, e);
        if (r == 0) r = baseline_read(j->known, text, e);
        if (r < 0) return err_context(e, "--baseline %s", paths[i]);
    }
    return 0;
}

static int read_suppressions(scan_job *j, err *e) {
    const char *given = options_value(j->given, "suppressions");
    const char *kinds[KINDS_MAX] = {0};
    str text;
    for (size_t i = 0; scan_kinds[i].name && i + 1 < KINDS_MAX; i++)
        kinds[i] = scan_kinds[i].name;
    int r = given ? fs_read_file(j->a, given, SUPPRESSIONS_MAX, &text, e)
                  : fs_read_below(j->a, j->root, SUPPRESSIONS_FILE, SUPPRESSIONS_MAX, &text, e);
    if (r == ERR_NOT_FOUND && !given) return 0;
    if (r == 0)
        r = suppressions_parse(j->a, text, given ? given : SUPPRESSIONS_FILE, kinds,
                               &j->suppressions, e);
    return r < 0 && given ? err_context(e, "--suppressions %s", given) : r;
}

static bool looks_for(const scan_job *j, const char *kind) {
    for (size_t i = 0; i < j->kind_count; i++) {
        if (!strcmp(j->kinds[i]->name, kind)) return true;
    }
    return false;
}

/* ---- what decides -------------------------------------------------------------------------- */

static void add_policy(scan_job *j, const char *path, str shown) {
    err ignored = {0};
    str text;
    if (fs_read_file(j->a, path, POLICY_MAX, &text, &ignored) < 0) return;
    char hex[65];
    sha256_hex(text, hex);
    report_policy one = {shown, arena_str(j->a, str_from(hex))};
    ARENA_PUSH(j->a, j->policy, j->policy_count, j->policy_cap, one);
}

static void find_policy(scan_job *j) {
    static const struct {
        const char *option, *name, *kind;
    } files[] = {{"config", ".gitleaks.toml", "secrets"},
                 {NULL, ".gitleaksignore", "secrets"},
                 {NULL, SETTINGS_FILE, "licenses"},
                 {"suppressions", SUPPRESSIONS_FILE, NULL},
                 {"baseline", NULL, NULL},
                 {"vex", NULL, "deps"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool given = false;
        if (files[i].kind && !looks_for(j, files[i].kind)) continue;
        for (size_t k = 0; files[i].option && k < j->given->given_count; k++) {
            const option_given *o = &j->given->given[k];
            if (strcmp(o->spec->name, files[i].option) != 0) continue;
            add_policy(j, o->value, str_from(o->value));
            given = true;
        }
        if (!given && files[i].name)
            add_policy(j, fs_join(j->a, j->root, str_from(files[i].name)), str_from(files[i].name));
    }
}

int scan_policy_read(scan_job *j, err *e) {
    if (read_baselines(j, e) < 0 || read_suppressions(j, e) < 0) return e->code;
    find_policy(j);
    return 0;
}

/* ---- what a change does to it -------------------------------------------------------------- */

static bool is_policy(const scan_job *j, str path) {
    for (size_t i = 0; i < j->policy_count; i++) {
        if (str_eq(j->policy[i].path, path)) return true;
    }
    return false;
}

void scan_policy_tell_changed(const scan_job *j, const scan_source *changed, scan_report *r) {
    for (size_t i = 0; i < changed->count; i++) {
        str path = changed->path(changed, i);
        if (!is_policy(j, path)) continue;
        finding f = {.kind = STR(SUPPRESSIONS_KIND),
                     .level = LEVEL_INFO,
                     .rule = STR("changed-policy"),
                     .title = STR("Change of what counts"),
                     .message =
                         arena_printf(j->a, "the change is judged by its own %.*s", STR_ARG(path)),
                     .help = STR("Review it, or judge by a file from elsewhere: --config, "
                                 "--suppressions."),
                     .path = path};
        finding_identify(j->a, &f, STR_EMPTY);
        finding_list_add(&r->findings, &f);
    }
}
