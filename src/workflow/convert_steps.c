#include "workflow/convert.h"

#include <stddef.h>

/* One list of steps: of a job, or of a parallel group inside it, which shares the job's ids. */
typedef struct step_list {
    conversion *c;
    id_set *ids;
    nameset *given;              /* ids that a wait or cancel may name: those of steps before it */
    const workflow_step *parent; /* the parallel group */
} step_list;

static void convert_list(step_list *l, const token *steps, workflow_step **ret, size_t *ret_count);

/* ---- uses ---------------------------------------------------------------------------------- */

/* Cuts the next name off a path; slashes of either kind separate, empty names are passed over. */
static str next_segment(str *path) {
    size_t from = 0, to;
    while (from < path->len && (path->ptr[from] == '/' || path->ptr[from] == '\\'))
        from++;
    for (to = from; to < path->len && path->ptr[to] != '/' && path->ptr[to] != '\\'; to++)
        continue;
    str segment = str_sub(*path, from, to);
    *path = str_sub(*path, to, path->len);
    return segment;
}

/* owner/repo[/path]@ref */
static bool is_repository(str uses, str *ret_owner, str *ret_name) {
    str path, ref;
    if (!str_cut(uses, '@', &path, &ref) || ref.len == 0 || str_find_char(ref, '@') >= 0)
        return false;
    *ret_owner = next_segment(&path);
    *ret_name = next_segment(&path);
    return ret_owner->len > 0 && ret_name->len > 0;
}

bool uses_own_repository(str uses, str *ret_path) {
    *ret_path = str_sub(uses, 2, uses.len);
    return str_starts(uses, STR("$/"));
}

static bool is_local(str uses) {
    return str_starts(uses, STR("./")) || str_starts(uses, STR(".\\")) ||
           str_starts(uses, STR("$/"));
}

static void check_uses(conversion *c, const token *uses) {
    str owner, name;
    if (str_starts(uses->text, STR("docker://")) || is_local(uses->text) ||
        is_repository(uses->text, &owner, &name))
        return;
    reading_error_help(c->r, uses->where, "syntax",
                       STR("a local action begins with ./, a container image with docker://"),
                       "Expected format {org}/{repo}[/path]@ref. Actual '%.*s'",
                       STR_ARG(uses->text));
}

/* What an id is made from when none is given. */
static str id_from_uses(arena *a, str uses) {
    str owner, name, docker = STR("docker://");
    if (str_starts(uses, docker)) return str_sub(uses, docker.len, uses.len);
    if (is_local(uses)) return STR("self");
    if (is_repository(uses, &owner, &name))
        return arena_printf(a, "%.*s/%.*s", STR_ARG(owner), STR_ARG(name));
    return STR("run");
}

static str id_from(arena *a, const workflow_step *step) {
    static const char *const from[STEP_KIND_COUNT] = {[STEP_RUN] = "run",
                                                      [STEP_WAIT] = "wait",
                                                      [STEP_WAIT_ALL] = "wait-all",
                                                      [STEP_CANCEL] = "cancel",
                                                      [STEP_PARALLEL] = "parallel"};
    return step->kind == STEP_USES ? id_from_uses(a, token_text(step->uses))
                                   : str_from(from[step->kind]);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void take_id(step_list *l, workflow_step *step, const token *t) {
    if (t->kind != TOKEN_STRING || t->text.len == 0) return;
    step->id = t->text;
    step->id_given = true;
    if (id_take(l->c->r, l->ids, t)) nameset_add(l->given, t->text);
}

static void take_condition(step_list *l, workflow_step *step, const token *t) {
    step->condition = convert_condition(l->c, t, l->c->steps);
}

static void take_run(step_list *l, workflow_step *step, const token *t) {
    (void)l;
    step->kind = STEP_RUN;
    step->run = t;
}

static void take_uses(step_list *l, workflow_step *step, const token *t) {
    step->kind = STEP_USES;
    step->uses = t;
    check_uses(l->c, t);
}

static void take_background(step_list *l, workflow_step *step, const token *t) {
    step->background = t->kind == TOKEN_BOOL && t->boolean;
    if (l->parent)
        reading_error(l->c->r, l->parent->where, "syntax",
                      "'background' is not allowed inside a parallel block. Steps in a parallel "
                      "block are automatically run as background steps.");
}

static void check_target(step_list *l, const workflow_step *step, const token *t) {
    if (str_starts(t->text, STR("__")))
        reading_error(l->c->r, t->where, "syntax",
                      "The identifier '%.*s' is invalid. IDs starting with '__' are reserved.",
                      STR_ARG(t->text));
    else if (step->id_given && str_eq_nocase(step->id, t->text))
        reading_error(l->c->r, t->where, "syntax", "Step '%.*s' cannot reference itself",
                      STR_ARG(step->id));
    else if (nameset_find(l->given, t->text) < 0)
        reading_error(l->c->r, t->where, "syntax", "Step references unknown step ID '%.*s'",
                      STR_ARG(t->text));
}

static void forbid_in_parallel(step_list *l, const char *what) {
    if (l->parent)
        reading_error(l->c->r, l->parent->where, "syntax",
                      "'%s' is not allowed inside a parallel block.", what);
}

static void take_targets(step_list *l, workflow_step *step, const token *t) {
    bool many = t->kind == TOKEN_SEQUENCE;
    const token **items = many ? t->sequence.items : &t;
    step->targets = ARENA_ARRAY(l->c->r->a, const token *, many ? t->sequence.count : 1);
    for (size_t i = 0; i < (many ? t->sequence.count : 1); i++) {
        if (items[i]->kind != TOKEN_STRING) continue;
        check_target(l, step, items[i]);
        step->targets[step->target_count++] = items[i];
    }
}

static void take_wait(step_list *l, workflow_step *step, const token *t) {
    step->kind = STEP_WAIT;
    forbid_in_parallel(l, "wait");
    take_targets(l, step, t);
}

static void take_cancel(step_list *l, workflow_step *step, const token *t) {
    step->kind = STEP_CANCEL;
    forbid_in_parallel(l, "cancel");
    take_targets(l, step, t);
}

static void take_wait_all(step_list *l, workflow_step *step, const token *t) {
    step->kind = STEP_WAIT_ALL;
    forbid_in_parallel(l, "wait-all");
    if (t->kind == TOKEN_BOOL && !t->boolean)
        reading_error(l->c->r, t->where, "syntax",
                      "The value of 'wait-all' must be true or omitted");
}

static void take_parallel(step_list *l, workflow_step *step, const token *t) {
    step->kind = STEP_PARALLEL;
    if (l->parent) {
        reading_error(l->c->r, l->parent->where, "syntax",
                      "Nested 'parallel' blocks are not allowed.");
        return;
    }
    step_list inner = *l;
    inner.parent = step;
    convert_list(&inner, t, &step->children, &step->child_count);
}

#define TOKEN_AT(field) offsetof(workflow_step, field)

static const struct step_key {
    const char *name;
    size_t offset; /* of the token that is kept, where there is no `take` */
    void (*take)(step_list *l, workflow_step *step, const token *t);
} step_keys[] = {
    {"name", TOKEN_AT(name), NULL},
    {"run", 0, take_run},
    {"uses", 0, take_uses},
    {"with", TOKEN_AT(with), NULL},
    {"id", 0, take_id},
    {"if", 0, take_condition},
    {"env", TOKEN_AT(env), NULL},
    {"shell", TOKEN_AT(shell), NULL},
    {"working-directory", TOKEN_AT(working_directory), NULL},
    {"continue-on-error", TOKEN_AT(continue_on_error), NULL},
    {"timeout-minutes", TOKEN_AT(timeout_minutes), NULL},
    {"background", 0, take_background},
    {"wait", 0, take_wait},
    {"wait-all", 0, take_wait_all},
    {"cancel", 0, take_cancel},
    {"parallel", 0, take_parallel},
};

static void take_key(step_list *l, workflow_step *step, const token_pair *pair) {
    str name = token_text(pair->key);
    for (size_t i = 0; i < sizeof step_keys / sizeof *step_keys; i++) {
        if (!str_is(name, step_keys[i].name)) continue;
        if (step_keys[i].take)
            step_keys[i].take(l, step, pair->item);
        else
            *(const token **)((char *)step + step_keys[i].offset) = pair->item;
        return;
    }
}

static void convert_step(step_list *l, workflow_step *step, const token *mapping) {
    step->where = mapping->where;
    for (size_t i = 0; i < mapping->mapping.count; i++)
        take_key(l, step, &mapping->mapping.pairs[i]);
    if (!step->condition) step->condition = convert_condition(l->c, NULL, l->c->steps);
}

static void convert_list(step_list *l, const token *steps, workflow_step **ret, size_t *ret_count) {
    workflow_step *list = ARENA_ARRAY(l->c->r->a, workflow_step, steps->sequence.count);
    for (size_t i = 0; i < steps->sequence.count; i++)
        convert_step(l, &list[i], steps->sequence.items[i]);
    *ret = list;
    *ret_count = steps->sequence.count;
}

/* Ids are made up last, so that none takes what a later step was given. */
static void name_steps(arena *a, id_set *ids, workflow_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (steps[i].id.len == 0) steps[i].id = id_make(a, ids, id_from(a, &steps[i]));
        name_steps(a, ids, steps[i].children, steps[i].child_count);
    }
}

void convert_steps(conversion *c, const token *steps, workflow_step **ret, size_t *ret_count) {
    if (steps->kind != TOKEN_SEQUENCE) return;
    id_set ids = ID_SET(c->r->a);
    nameset given = NAMESET(c->r->a);
    step_list list = {.c = c, .ids = &ids, .given = &given};
    convert_list(&list, steps, ret, ret_count);
    name_steps(c->r->a, &ids, *ret, *ret_count);
}
