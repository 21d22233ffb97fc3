/* Values that are written out and that their place cannot use. An expression is left alone: what it
 * gives is judged when it is known. */
#include "workflow/check_internal.h"
#include "workflow/inputs.h"
#include "workflow/plan.h"

/* ---- defaults of inputs -------------------------------------------------------------------- */

/* What a run would make of the default. An empty text is how forms say that there is none. */
static void check_default(checker *c, const workflow_input *in) {
    const token *t = in->value;
    value ignored;
    err e = {0};
    if (!t || token_has_expr(t) || (t->kind == TOKEN_STRING && t->text.len == 0)) return;
    if (input_value(c->a, in, NULL, INPUT_FROM_TEXT, &(expr_env){0}, &ignored, &e) == 0) return;
    check_add(c, RULE_DEFAULT, t->where, STR_EMPTY, "Its default does not fit: %s", e.message);
}

static void check_defaults(checker *c) {
    for (size_t i = 0; i < c->w->dispatch_input_count; i++)
        check_default(c, &c->w->dispatch_inputs[i]);
    for (size_t i = 0; i < c->w->call_input_count; i++)
        check_default(c, &c->w->call_inputs[i]);
}

/* ---- matrices ------------------------------------------------------------------------------ */

/* Of large matrices in one file, so that many aliases of one do not take minutes; a run judges the
 * rest. */
#define EXPANDED_MAX 64

/* At most so many configurations can come of it: `exclude` only takes away. */
static size_t most_configurations(const token *matrix) {
    size_t product = 0, includes = 0;
    for (size_t i = 0; i < matrix->mapping.count && product <= MATRIX_JOBS_MAX; i++) {
        const token_pair *pair = &matrix->mapping.pairs[i];
        size_t count = pair->item->kind == TOKEN_SEQUENCE ? pair->item->sequence.count : 0;
        if (str_eq_nocase(token_text(pair->key), STR("include")))
            includes = count;
        else if (!str_eq_nocase(token_text(pair->key), STR("exclude")))
            product = (product ? product : 1) * count;
    }
    return product + includes;
}

/* Whether it is written out, and only expanding it can tell that it is not too large. */
static bool may_be_too_large(const token *matrix) {
    return matrix && matrix->kind == TOKEN_MAPPING &&
           most_configurations(matrix) > MATRIX_JOBS_MAX && !token_has_expr(matrix);
}

static void check_matrix_size(checker *c, const token *matrix) {
    _cleanup_arena_ arena *a = arena_new();
    matrix_config *configs;
    size_t count;
    value v;
    err e = {0};
    int r = token_eval(a, matrix, &(expr_env){0}, &v, &e);
    if (r == 0) r = matrix_expand(a, &v, &configs, &count, &e);
    if (r != ERR_LIMIT) return;
    check_add(c, RULE_LIMIT, matrix->where, STR("take values out, or split the job"), "%s",
              e.message);
}

void check_refused_literals(checker *c) {
    check_defaults(c);
    size_t expanded = 0;
    for (size_t i = 0; i < c->w->job_count && expanded < EXPANDED_MAX; i++) {
        const token *matrix = token_get(c->w->jobs[i]->strategy, "matrix");
        if (!may_be_too_large(matrix)) continue;
        check_matrix_size(c, matrix);
        expanded++;
    }
}

/* ---- numbers ------------------------------------------------------------------------------- */

void check_positive(checker *c, const token *t, const char *key) {
    if (!t || t->kind != TOKEN_NUMBER || t->number > 0) return;
    check_add(c, RULE_POSITIVE, t->where, STR_EMPTY, "'%s' must be positive", key);
}
