#include "scan/deps/licenses.h"

#include "base/glob.h"
#include "scan/deps/reading.h"
#include "scan/inline.h"

#include <string.h>

typedef struct licenses {
    dep_reading reading;
    arena *a;
    const license_policy *policy;
    str today;
    dep_map told; /* "ecosystem name version" of what there is a finding of */
} licenses;

typedef struct trouble {
    const char *rule, *title, *help;
    finding_level level;
} trouble;

static const trouble denied = {
    "license-denied", "A licence that the policy denies",
    "Use another package, or write an exception with its reason into slipway.yml, "
    "licenses.exceptions.",
    LEVEL_HIGH};
static const trouble unlisted = {
    "license-not-allowed", "A licence that the policy does not allow",
    "Add the licence to licenses.allow in slipway.yml, or use another package.", LEVEL_MEDIUM};
static const trouble unknown = {
    "license-unknown", "No licence is known",
    "Find out the licence, then write an exception with its reason into slipway.yml, "
    "licenses.exceptions.",
    LEVEL_MEDIUM};
static const trouble invalid = {
    "license-invalid", "A licence that is no SPDX expression",
    "Find out the licence, then write an exception with its reason into slipway.yml, "
    "licenses.exceptions.",
    LEVEL_MEDIUM};

static void push(licenses *l, scan_out *out, const dependency *d, const trouble *what,
                 str message) {
    const package *p = &d->package;
    finding f = {.kind = STR("licenses"),
                 .level = what->level,
                 .rule = str_from(what->rule),
                 .title = str_from(what->title),
                 .message = message,
                 .help = str_from(what->help),
                 .path = p->path,
                 .line = p->line,
                 .column = p->column,
                 .end_line = p->end_line,
                 .end_column = p->end_column,
                 .properties = value_object_new(l->a, true)};
    value_set_str(l->a, &f.properties, "package", d->name);
    value_set_str(l->a, &f.properties, "version", d->version);
    value_set_str(l->a, &f.properties, "ecosystem", p->ecosystem);
    value_set_str(l->a, &f.properties, "purl", p->purl);
    value_set_str(l->a, &f.properties, "license", d->license);
    finding_identify(l->a, &f,
                     arena_printf(l->a, "%.*s@%.*s %.*s", STR_ARG(d->name), STR_ARG(d->version),
                                  STR_ARG(d->license)));
    inline_judge_by(d->item->marker, &f);
    finding_list_add(&out->findings, &f);
}

/* ---- exceptions ------------------------------------------------------------------------------ */

/* "left-pad", "npm:left-pad" or a purl; '*' is any text. */
static bool is_meant(arena *a, const license_exception *x, const dependency *d) {
    str qualified = arena_printf(a, "%.*s:%.*s", STR_ARG(d->package.ecosystem), STR_ARG(d->name));
    return glob_name(x->package, d->name) || glob_name(x->package, qualified) ||
           glob_name(x->package, d->package.purl);
}

/* ret_expired: one that would have been, if it had not expired. */
static bool is_excepted(licenses *l, const dependency *d, const license_exception **ret_expired) {
    *ret_expired = NULL;
    for (size_t i = 0; i < l->policy->exception_count; i++) {
        const license_exception *x = &l->policy->exceptions[i];
        if (!is_meant(l->a, x, d)) continue;
        if (!x->expires.len || str_cmp(l->today, x->expires) <= 0) return true;
        *ret_expired = x;
    }
    return false;
}

static void tell(licenses *l, scan_out *out, const dependency *d, const trouble *what,
                 str message) {
    const license_exception *expired;
    if (is_excepted(l, d, &expired)) return;
    if (expired)
        message = arena_printf(l->a, "%.*s; the exception for it expired on %.*s", STR_ARG(message),
                               STR_ARG(expired->expires));
    push(l, out, d, what, message);
}

/* ---- judging --------------------------------------------------------------------------------- */

/* "left-pad 1.3.0": what a message is about. */
static str named(licenses *l, const dependency *d) {
    return arena_printf(l->a, "%.*s%s%.*s", STR_ARG(d->name), d->version.len ? " " : "",
                        STR_ARG(d->version));
}

static void judge(licenses *l, scan_out *out, const dependency *d) {
    const spdx_node *n;
    err e = {0};
    str who = named(l, d), why = STR_EMPTY;
    if (spdx_parse(l->a, d->license, &n, &e) < 0) {
        tell(l, out, d, &invalid,
             arena_printf(l->a, "%.*s is under '%.*s', which cannot be judged: %s", STR_ARG(who),
                          STR_ARG(d->license), e.message));
        return;
    }
    license_verdict verdict = spdx_judge(l->a, n, &l->policy->lists, &why);
    if (verdict == LICENSE_ALLOWED) return;
    bool whole = n->op == SPDX_ONE;
    str under =
        whole ? why : arena_printf(l->a, "%.*s (of %.*s)", STR_ARG(why), STR_ARG(d->license));
    bool is_denied = verdict == LICENSE_DENIED;
    tell(l, out, d, is_denied ? &denied : &unlisted,
         arena_printf(l->a, "%.*s is under %.*s, which the policy %s", STR_ARG(who), STR_ARG(under),
                      is_denied ? "denies" : "does not allow"));
}

static bool is_first(licenses *l, const dependency *d) {
    str key = arena_printf(l->a, "%.*s %.*s", STR_ARG(d->package.path), STR_ARG(d->package.purl));
    size_t before = l->told.count;
    dep_map_put(&l->told, key, 0);
    return l->told.count > before;
}

/* Without a policy nobody has asked: one note a file. */
static void note(licenses *l, scan_out *out, const dep_file *file, const trouble *what,
                 const char *identity, size_t count, str message) {
    finding f = {.kind = STR("licenses"),
                 .level = LEVEL_INFO,
                 .rule = str_from(what->rule),
                 .title = str_from(what->title),
                 .help = STR("Write what is permitted into slipway.yml, licenses, to have each "
                             "package judged."),
                 .message = message,
                 .path = file->path,
                 .properties = value_object_new(l->a, true)};
    value_set(l->a, &f.properties, STR("count"), value_number((double)count));
    finding_identify(l->a, &f, str_from(identity));
    finding_list_add(&out->findings, &f);
}

typedef struct counts {
    size_t packages, unknown, invalid;
} counts;

static void note_file(licenses *l, scan_out *out, const dep_file *file, const counts *n) {
    if (n->unknown)
        note(l, out, file, &unknown, "unknown", n->unknown,
             arena_printf(l->a, "no licence is known of %zu of %zu packages", n->unknown,
                          n->packages));
    if (n->invalid)
        note(l, out, file, &invalid, "invalid", n->invalid,
             arena_printf(l->a, "what is told of %zu of %zu packages is no SPDX expression",
                          n->invalid, n->packages));
}

static bool is_expression(licenses *l, str license) {
    const spdx_node *n;
    err ignored = {0};
    return spdx_parse(l->a, license, &n, &ignored) == 0;
}

static void judge_file(licenses *l, scan_out *out, const inventory *v, const dep_file *file) {
    counts n = {0};
    for (size_t i = file->first; i < file->first + file->count; i++) {
        const dependency *d = &v->items[i];
        if (!is_first(l, d)) continue;
        n.packages++;
        if (!l->policy->given) {
            n.unknown += !d->license.len;
            n.invalid += d->license.len && !is_expression(l, d->license);
        } else if (d->license.len) {
            judge(l, out, d);
        } else {
            tell(l, out, d, &unknown,
                 arena_printf(l->a, "no licence is known of %.*s", STR_ARG(named(l, d))));
        }
    }
    if (!l->policy->given) note_file(l, out, file, &n);
}

static int finish(scanner *s, scan_out *out, err *e) {
    licenses *l = s->self;
    inventory *v = l->reading.inventory;
    if (inventory_finish(v, e) < 0) return e->code;
    for (size_t i = 0; i < v->errors.count; i++)
        scan_error_add(&out->errors, &v->errors.items[i]);
    for (size_t i = 0; i < v->file_count; i++)
        judge_file(l, out, v, &v->files[i]);
    return 0;
}

int licenses_new(arena *a, const license_policy *policy, const char *root, str today, scanner **ret,
                 err *e) {
    licenses *l = ARENA_NEW(a, licenses);
    scanner *s = ARENA_NEW(a, scanner);
    (void)e;
    *l = (licenses){.a = a, .policy = policy, .today = today, .told.a = a};
    dep_reading_init(s, a, "licenses", root, &l->reading);
    s->finish = finish;
    *ret = s;
    return 0;
}
