#include "workflow/check_internal.h"

#include "base/git.h"

#include <string.h>

/* ---- pins ---------------------------------------------------------------------------------- */

/* GitHub's own actions are as trusted as the machine that they run on, except for what is not
 * released; what lies in this repository is reviewed with it. */
static bool is_trusted(str path, str ref) {
    static const char *const owners[] = {"actions/", "github/"};
    if (str_is(ref, "main") || str_is(ref, "master")) return false;
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        str owner = str_from(owners[i]);
        if (str_eq_nocase(str_sub(path, 0, owner.len), owner)) return true;
    }
    return false;
}

static void check_image(checker *c, const token *uses) {
    str text = token_text(uses);
    if (str_find(text, STR("@sha256:")) >= 0) return;
    check_add(c, RULE_UNPINNED, uses->where, STR("name the image with @sha256: and its digest"),
              "'%.*s' can be moved to another image", STR_ARG(text));
}

static void check_pin(checker *c, const token *uses) {
    str text = token_text(uses), path, ref;
    bool local = text.len && strchr(".$", text.ptr[0]);
    if (str_starts(text, STR("docker://"))) {
        check_image(c, uses);
        return;
    }
    if (local || !str_cut(text, '@', &path, &ref) || git_is_id(ref) || is_trusted(path, ref))
        return;
    check_add(c, RULE_UNPINNED, check_span(c, uses, path.len + 1, ref.len), STR_EMPTY,
              "'%.*s' of '%.*s' can be moved to other code", STR_ARG(ref), STR_ARG(path));
}

/* ---- inputs -------------------------------------------------------------------------------- */

const action *check_action_of(checker *c, const workflow_step *step) {
    str uses = token_text(step->uses);
    if (step->kind != STEP_USES || uses.len == 0 || !c->options || !c->options->action) return NULL;
    for (size_t i = 0; i < c->action_count; i++) {
        if (str_eq(c->actions[i].uses, uses)) return c->actions[i].found;
    }
    const action *found = NULL;
    err e;
    if (c->options->action(c->options->action_context, c->a, uses, &found, &e)) found = NULL;
    /* Of an action that is wrong itself nothing can be said. */
    if (found && found->problems.errors) found = NULL;
    ARENA_PUSH(c->a, c->actions, c->action_count, c->action_cap,
               ((struct known_action){uses, found}));
    return found;
}

static const action_input *find_input(const action *act, str name) {
    for (size_t i = 0; i < act->input_count; i++) {
        if (str_eq_nocase(act->inputs[i].name, name)) return &act->inputs[i];
    }
    return NULL;
}

static void check_given(checker *c, const action *act, const token *key) {
    str names[128], name = token_text(key);
    size_t count = 0;
    const action_input *in = find_input(act, name);
    bool docker = act->kind == ACTION_DOCKER &&
                  (str_eq_nocase(name, STR("args")) || str_eq_nocase(name, STR("entrypoint")));
    if (in && in->deprecation.len) {
        check_add(c, RULE_ACTION_INPUT, key->where, in->deprecation,
                  "The input '%.*s' is deprecated", STR_ARG(name));
    }
    if (in || docker || key->kind != TOKEN_STRING) return;
    while (count < act->input_count && count < 128) {
        names[count] = act->inputs[count].name;
        count++;
    }
    check_add(c, RULE_ACTION_INPUT, key->where, check_nearest(c, name, names, count),
              "The action '%.*s' has no input '%.*s'", STR_ARG(act->name), STR_ARG(name));
}

static void check_inputs(checker *c, const workflow_step *step, const action *act) {
    const token *with = step->with && step->with->kind == TOKEN_MAPPING ? step->with : NULL;
    bool all_known = !step->with || with;
    for (size_t i = 0; with && i < with->mapping.count; i++) {
        all_known = all_known && with->mapping.pairs[i].key->kind == TOKEN_STRING;
        check_given(c, act, with->mapping.pairs[i].key);
    }
    for (size_t i = 0; all_known && i < act->input_count; i++) {
        const action_input *in = &act->inputs[i];
        bool given = false;
        for (size_t k = 0; with && k < with->mapping.count; k++)
            given = given || str_eq_nocase(token_text(with->mapping.pairs[k].key), in->name);
        if (!in->required || in->value || given) continue;
        check_add(c, RULE_ACTION_INPUT, step->uses->where, STR_EMPTY,
                  "The action '%.*s' requires the input '%.*s'", STR_ARG(act->name),
                  STR_ARG(in->name));
    }
}

void check_step_uses(checker *c, const workflow_step *step) {
    if (step->kind != STEP_USES || !step->uses || step->uses->kind != TOKEN_STRING) return;
    check_pin(c, step->uses);
    check_untrusted_checkout(c, step);
    const action *act = check_action_of(c, step);
    if (act) check_inputs(c, step, act);
}

void check_job_uses(checker *c, const workflow_job *job) {
    if (job->uses && job->uses->kind == TOKEN_STRING) check_pin(c, job->uses);
}
