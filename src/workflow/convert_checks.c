/* What is wrong with a literal although the schema allows it. An expression anywhere in what is
 * checked postpones the check to the run. */
#include "workflow/convert.h"

#define CONCURRENCY_GROUP_MAX 400

void check_concurrency(conversion *c, const token *t) {
    const token *group = t->kind == TOKEN_MAPPING ? token_get(t, "group") : t;
    if (utf16_units(token_text(group)) > CONCURRENCY_GROUP_MAX)
        reading_error(c->r, t->where, "syntax",
                      "Concurrency group name must be less than %d characters",
                      CONCURRENCY_GROUP_MAX);
}

/* "name", or "organization/name" and its like. */
static void check_runner_group(conversion *c, const token *t) {
    static const char *const owners[] = {"org", "organization", "ent", "enterprise"};
    str name = token_text(t), owner, rest;
    if (!str_cut(name, '/', &owner, &rest)) return;
    bool nested = str_find_char(rest, '/') >= 0, known = false;
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        known |= str_is(owner, owners[i]);
    if (!nested && rest.len == 0)
        reading_error(c->r, t->where, "syntax", "Invalid runs-on group name '%.*s'.",
                      STR_ARG(name));
    else if (nested || !known)
        reading_error(c->r, t->where, "syntax",
                      "Invalid runs-on group name '%.*s'. Please use 'organization/' or "
                      "'enterprise/' prefix to target a single runner group.",
                      STR_ARG(name));
}

void check_runs_on(conversion *c, const token *t) {
    const token *group = token_get(t, "group");
    if (group) check_runner_group(c, group);
}

static void check_image(conversion *c, const token *t, bool service) {
    if (token_has_expr(t)) return;
    bool shorthand = t->kind != TOKEN_MAPPING;
    str image = token_text(shorthand ? t : token_get(t, "image"));
    str prefix = STR("docker://");
    bool prefixed = str_starts(image, prefix);
    if (prefixed) image = str_sub(image, prefix.len, image.len);
    /* `container: ''` means no container. */
    if (image.len == 0 && (prefixed || service || !shorthand))
        reading_error(c->r, t->where, "syntax", "Container image cannot be empty");
}

void check_container(conversion *c, const token *t) {
    check_image(c, t, false);
}

void check_services(conversion *c, const token *t) {
    if (token_has_expr(t)) return;
    for (size_t i = 0; t->kind == TOKEN_MAPPING && i < t->mapping.count; i++)
        check_image(c, t->mapping.pairs[i].item, true);
}

static void check_matrix(conversion *c, const token *matrix) {
    bool vectors = false;
    for (size_t i = 0; i < matrix->mapping.count; i++) {
        const token *key = matrix->mapping.pairs[i].key, *item = matrix->mapping.pairs[i].item;
        str name = token_text(key);
        bool late = key->kind != TOKEN_STRING || token_has_expr(item);
        size_t count = item->kind == TOKEN_SEQUENCE ? item->sequence.count : 0;
        if (str_is(name, "exclude")) continue;
        vectors |= late || !str_is(name, "include") || count > 0;
        if (!late && count == 0 && !str_is(name, "include"))
            reading_error(c->r, item->where, "syntax",
                          "Matrix vector '%.*s' does not contain any values", STR_ARG(name));
    }
    if (!vectors)
        reading_error(c->r, matrix->where, "syntax", "Matrix must define at least one vector");
}

void check_strategy(conversion *c, const token *t) {
    const token *matrix = token_get(t, "matrix");
    if (matrix && matrix->kind == TOKEN_MAPPING) check_matrix(c, matrix);
}

/* "1.*": a major version and a star. */
static bool is_image_version(str version) {
    str major, minor;
    uint64_t number;
    return str_cut(version, '.', &major, &minor) && str_is(minor, "*") &&
           str_to_uint(major, INT32_MAX, &number);
}

void check_snapshot(conversion *c, const token *t) {
    const token *version = token_get(t, "version");
    if (version && version->kind == TOKEN_STRING && !is_image_version(version->text))
        reading_error(c->r, t->where, "syntax", "Expected format '{major-version}.*' Actual '%.*s'",
                      STR_ARG(version->text));
}
