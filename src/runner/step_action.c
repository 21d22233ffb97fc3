/* `uses:` steps: inputs, and what runs: node, the steps of a composite action, a container, or the
 * checkout of the repository being run (step_checkout.c). */
#include "runner/job.h"

#include "base/fs.h"
#include "base/process.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool failed(step *s, const err *e) {
    step_fail(s, e);
    step_end(s);
    return true;
}

/* ---- inputs -------------------------------------------------------------------------------- */

/* `with:` as text. */
static int given_inputs(step *s, value *ret, err *e) {
    value with = VALUE_NULL_INIT;
    *ret = value_object_new(s->r->a, false);
    if (s->model->with && token_eval(s->a, s->model->with, &s->eval, &with, e) < 0) return e->code;
    for (size_t i = 0; i < value_count(&with); i++) {
        const value_pair *p = value_at(&with, i);
        str text = arena_str(s->r->a, context_text(s->a, &p->item));
        value_set(s->r->a, ret, p->key, value_string(text));
    }
    return 0;
}

static const action_input *find_input(const action *act, str name) {
    for (size_t i = 0; i < act->input_count; i++) {
        if (str_eq_nocase(act->inputs[i].name, name)) return &act->inputs[i];
    }
    return NULL;
}

static void add_quoted(strbuf *out, str name) {
    strbuf_addf(out, "%s'%.*s'", out->len ? ", " : "", STR_ARG(name));
}

/* What every container action takes.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepswithargs
 */
static bool is_docker_input(str name) {
    return str_eq_nocase(name, STR("args")) || str_eq_nocase(name, STR("entrypoint"));
}

static void warn_about_inputs(step *s, const value *given) {
    const action *act = s->use->act;
    _cleanup_strbuf_ strbuf unexpected = STRBUF_INIT, valid = STRBUF_INIT;
    for (size_t i = 0; i < value_count(given); i++) {
        str name = value_at(given, i)->key;
        const action_input *input = find_input(act, name);
        if (!input && !(act->kind == ACTION_DOCKER && is_docker_input(name)))
            add_quoted(&unexpected, name);
        else if (input && input->deprecation.len)
            output_warning(s, "Input '%.*s' has been deprecated with message: %.*s", STR_ARG(name),
                           STR_ARG(input->deprecation));
    }
    if (!unexpected.len) return;
    for (size_t i = 0; i < act->input_count; i++)
        add_quoted(&valid, act->inputs[i].name);
    output_warning(s, "Unexpected input(s) %s, valid inputs are [%s]", unexpected.ptr,
                   strbuf_cstr(&valid));
}

static int all_inputs(step *s, value *ret, err *e) {
    const action *act = s->use->act;
    if (given_inputs(s, ret, e) < 0) return e->code;
    warn_about_inputs(s, ret);
    for (size_t i = 0; i < act->input_count; i++) {
        const action_input *input = &act->inputs[i];
        str text = STR_EMPTY;
        if (value_get(ret, input->name)) continue;
        if (input->value && token_eval_str(s->a, input->value, &s->eval, &text, e) < 0)
            return e->code;
        value_set(s->r->a, ret, input->name, value_string(arena_str(s->r->a, text)));
    }
    return 0;
}

static void tell_pairs(step *s, const char *title, const value *object) {
    bool told = false;
    for (size_t i = 0; i < value_count(object); i++) {
        const value_pair *p = value_at(object, i);
        if (!p->item.string.len) continue;
        if (!told) output_log(s, LOG_PLAIN, str_from(title));
        told = true;
        output_logf(s, LOG_PLAIN, "  %.*s: %.*s", STR_ARG(p->key), STR_ARG(p->item.string));
    }
}

static void tell_action(step *s, const value *inputs) {
    if (s->phase == PHASE_POST) {
        output_log(s, LOG_PLAIN, STR("Post job cleanup."));
        return;
    }
    output_group(s, arena_printf(s->a, "Run %.*s", STR_ARG(s->use->text)));
    tell_pairs(s, "with:", inputs);
    tell_pairs(s, "env:", &s->env);
    output_group_end(s);
}

/* ---- post steps ---------------------------------------------------------------------------- */

/* The post phase of an action that has begun will run, whatever becomes of its main phase. */
static void register_post(step *s) {
    runner *r = s->r;
    use *u = s->use;
    if (s->phase == PHASE_POST || u->post_registered || !use_has_post(u)) return;
    u->post_registered = true;
    if (!step_is_embedded(s))
        ARENA_PUSH(r->a, r->posts, r->post_count, r->post_cap, ((entry){s->model, u, PHASE_POST}));
}

/* ---- node ---------------------------------------------------------------------------------- */

/* The major version of the node program; 0 where it cannot tell. Asked once per program. */
static int node_major(const char *node) {
    static char known[512];
    static int major;
    if (strcmp(known, node) == 0) return major;
    _cleanup_arena_ arena *a = arena_new();
    const char *const argv[] = {node, "--version", NULL};
    process_result result;
    err e;
    major = 0;
    if (process_run(a, &(process_spec){.argv = argv, .timeout_ms = 5000}, &result, &e) >= 0 &&
        result.out.len > 1)
        major = atoi(result.out.ptr + 1);
    if (strlen(node) < sizeof known) strcpy(known, node);
    return major;
}

/* 0 where asking would not ask the program that runs: another root has its own. */
static int known_major(const runner *r) {
    return r->spec->rootfs || r->backend == SANDBOX_ENGINE ? 0 : node_major(r->node);
}

static void warn_about_node(step *s) {
    const use *u = s->use;
    int asked = 0, installed = known_major(s->r);
    for (size_t i = 4; i < u->act->using.len && isdigit((unsigned char)u->act->using.ptr[i]); i++)
        asked = asked * 10 + (u->act->using.ptr[i] - '0');
    if (asked && asked < 20)
        output_warning(s,
                       "Node.js %d actions are deprecated. Please update the following actions to "
                       "use Node.js 20: %.*s",
                       asked, STR_ARG(u->text));
    if (installed && asked > installed)
        output_warning(s,
                       "The action '%.*s' is made for Node.js %d, but Node.js %d is installed: it "
                       "may not work",
                       STR_ARG(u->text), asked, installed);
}

/* What the services give is the job's; only the values that are secrets matter to the log. `file`
 * is NULL for a container action. */
static void ask_services(step *s, const char *file) {
    runner *r = s->r;
    err e = {0};
    bool in_container = file && r->backend == SANDBOX_ENGINE;
    if (!r->port.services || (in_container && !r->relayed)) return; /* why not has been told */
    if (!file && !containers_reach_services(s)) return;
    if (r->port.services(r->port.context, s->a, job_files(r), file, &s->services, &e) < 0) {
        output_warning(s, "%s", e.message);
        return;
    }
    for (size_t i = 0; i < value_count(&s->services); i++) {
        const value_pair *p = value_at(&s->services, i);
        if (str_ends(p->key, STR("_TOKEN"))) mask_add(r->mask, p->item.string, NULL);
    }
}

/* INPUT_* and STATE_*. */
static value node_variables(step *s, const value *inputs) {
    value out = value_object_new(s->a, true);
    for (size_t i = 0; i < value_count(&s->use->state); i++) {
        const value_pair *p = value_at(&s->use->state, i);
        value_set(s->a, &out, arena_printf(s->a, "STATE_%.*s", STR_ARG(p->key)), p->item);
    }
    for (size_t i = 0; i < value_count(inputs); i++) {
        const value_pair *p = value_at(inputs, i);
        str name = arena_printf(s->a, "INPUT_%.*s", STR_ARG(p->key));
        for (char *c = (char *)name.ptr; *c; c++)
            *c = *c == ' ' ? '_' : (char)toupper((unsigned char)*c);
        value_set(s->a, &out, name, p->item);
    }
    return out;
}

/* Where node was looked for, and what to do. */
static const char *place_of_node(const runner *r) {
    static const char *const where[SANDBOX_BACKEND_COUNT] = {
        [SANDBOX_HOST] = "no program 'node' was found in PATH",
        [SANDBOX_NAMESPACES] =
            "no program 'node' was found in the sandbox, which shows the system folders of this "
            "machine (/usr, /opt) and no homes: install the package nodejs",
        [SANDBOX_ENGINE] =
            "the job's container has none, nor can it run this machine's, which needs libraries "
            "that the image lacks: use an image that has Node.js",
    };
    if (r->backend == SANDBOX_NAMESPACES && r->spec->rootfs)
        return "no program 'node' was found in the root of its own that this job has: take one "
               "with Node.js, with node in its PATH";
    return where[r->backend];
}

static bool run_node(step *s, const value *inputs) {
    const use *u = s->use;
    const str files[PHASE_COUNT] = {u->act->pre, u->act->main, u->act->post};
    err e = {0};
    register_post(s);
    if (!s->r->node) {
        err_set(&e, ERR_UNSUPPORTED, "the action '%.*s' needs Node.js, and %s", STR_ARG(u->text),
                place_of_node(s->r));
        return failed(s, &e);
    }
    char *file = fs_join(s->a, u->dir, files[s->phase]);
    if (!view_exists(job_files(s->r), file)) {
        err_set(&e, ERR_NOT_FOUND, "File not found: '%s'", file);
        return failed(s, &e);
    }
    if (s->phase == PHASE_MAIN) warn_about_node(s);
    ask_services(s, file);
    const char **argv = ARENA_ARRAY(s->a, const char *, 3);
    argv[0] = s->r->node;
    argv[1] = file;
    value variables = node_variables(s, inputs);
    return step_spawn(s, argv, s->r->workspace, &variables);
}

/* ---- container actions --------------------------------------------------------------------- */

static bool run_docker(step *s, value inputs) {
    value variables = node_variables(s, &inputs);
    ask_services(s, NULL);
    value_set(s->a, &s->contexts, STR("inputs"), inputs); /* for `args` and `env` */
    register_post(s);
    return step_run_container(s, &inputs, &variables);
}

/* ---- composite actions --------------------------------------------------------------------- */

static bool run_composite(step *s, value inputs) {
    frame *f = frame_of_composite(s, inputs);
    if (s->phase == PHASE_MAIN) s->use->steps = f->steps;
    s->lane->running = NULL; /* its steps run from now on */
    lane_push(s->lane, f);
    return true;
}

static void evaluate_outputs(step *s, const frame *f) {
    const action *act = s->use->act;
    value_set(s->a, &s->contexts, STR("inputs"), f->inputs);
    value_set(s->a, &s->contexts, STR("steps"), f->steps);
    for (size_t i = 0; i < act->output_count; i++) {
        str text;
        err e = {0};
        if (!act->outputs[i].value) continue;
        if (token_eval_str(s->a, act->outputs[i].value, &s->eval, &text, &e) < 0)
            step_fail(s, &e);
        else
            step_set_output(s, act->outputs[i].name, text);
    }
}

void step_end_composite(step *s, const frame *f) {
    s->result = result_merge(s->result, f->result);
    if (f->phase == PHASE_MAIN) evaluate_outputs(s, f);
    register_post(s);
    if (s->timeout_minutes > 0 && s->result == STEP_FAILURE && loop_now_ms() >= s->deadline)
        output_error(s, "The action '%.*s' has timed out after %g minutes.", STR_ARG(s->name),
                     s->timeout_minutes);
}

/* ---- which of them -------------------------------------------------------------------------- */

/* actions/checkout itself only says that an input is missing. On GitHub there always is a token. */
static bool needs_token(const use *u, const value *inputs) {
    return str_eq_nocase(u->repository, STR("actions/checkout")) &&
           find_input(u->act, STR("token")) && !value_path_str(inputs, "token").len;
}

static int without_token(const value *inputs, err *e) {
    return err_set(e, ERR_INVALID,
                   "actions/checkout needs a token to fetch another repository ('%.*s'), as GitHub "
                   "gives one to every job: give one with --secret GITHUB_TOKEN, or as `token:` of "
                   "the step",
                   STR_ARG(value_path_str(inputs, "repository")));
}

/* actions/checkout of another repository is an action like any other. */
static int load(step *s, use *u, err *e) {
    bool checkout = u->checkout;
    u->checkout = false;
    int r = use_load(s, u, s->frame->depth, e);
    u->checkout = checkout;
    return r;
}

bool step_run_action(step *s) {
    use *u = s->use;
    value inputs;
    err e = {0};
    if (u->checkout) {
        if (given_inputs(s, &inputs, &e) < 0) return failed(s, &e);
        if (step_is_own_checkout(s, &inputs)) {
            tell_action(s, &inputs);
            return step_checkout(s, &inputs, &e) < 0 && failed(s, &e);
        }
    }
    if (load(s, u, &e) < 0 || all_inputs(s, &inputs, &e) < 0) return failed(s, &e);
    if (needs_token(u, &inputs) && without_token(&inputs, &e) < 0) return failed(s, &e);
    if (u->local && s->phase == PHASE_MAIN && u->act->kind == ACTION_NODE && u->act->pre.len)
        output_warning(s, "`pre` execution is not supported for local action from '%.*s'",
                       STR_ARG(u->text));
    tell_action(s, &inputs);
    switch (u->act->kind) {
    case ACTION_COMPOSITE: return run_composite(s, inputs);
    case ACTION_DOCKER: return run_docker(s, inputs);
    case ACTION_NODE:
    case ACTION_KIND_COUNT: break;
    }
    return run_node(s, &inputs);
}
