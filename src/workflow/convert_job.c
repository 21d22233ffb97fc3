#include "workflow/convert.h"

#include <stddef.h>

static void take_condition(conversion *c, workflow_job *job, const token *t) {
    job->condition = convert_condition(c, t, CONDITION_JOB);
}

static void take_needs(conversion *c, workflow_job *job, const token *t) {
    size_t count = t->kind == TOKEN_SEQUENCE ? t->sequence.count : 1;
    const token **items = t->kind == TOKEN_SEQUENCE ? t->sequence.items : &t;
    job->needs = ARENA_ARRAY(c->r->a, const token *, count);
    for (size_t i = 0; i < count; i++)
        if (items[i]->kind == TOKEN_STRING) job->needs[job->need_count++] = items[i];
}

static void take_steps(conversion *c, workflow_job *job, const token *t) {
    convert_steps(c, t, &job->steps, &job->step_count);
}

static void take_permissions(conversion *c, workflow_job *job, const token *t) {
    job->permissions = convert_permissions(c, t);
}

static void take_secrets(conversion *c, workflow_job *job, const token *t) {
    (void)c;
    job->secrets_inherit = t->kind == TOKEN_STRING && str_is(t->text, "inherit");
    if (!job->secrets_inherit) job->secrets = t;
}

#define TOKEN_AT(field) offsetof(workflow_job, field)
#define NOWHERE         SIZE_MAX

static const struct job_key {
    const char *name;
    size_t offset;                                                  /* of the token that is kept */
    void (*check)(conversion *c, const token *t);                   /* of literals, may be NULL */
    void (*take)(conversion *c, workflow_job *job, const token *t); /* instead of keeping it */
} job_keys[] = {
    {"name", TOKEN_AT(name), NULL, NULL},
    {"needs", NOWHERE, NULL, take_needs},
    {"if", NOWHERE, NULL, take_condition},
    {"runs-on", TOKEN_AT(runs_on), check_runs_on, NULL},
    {"steps", NOWHERE, NULL, take_steps},
    {"env", TOKEN_AT(env), NULL, NULL},
    {"strategy", TOKEN_AT(strategy), check_strategy, NULL},
    {"permissions", NOWHERE, NULL, take_permissions},
    {"outputs", TOKEN_AT(outputs), NULL, NULL},
    {"uses", TOKEN_AT(uses), NULL, NULL},
    {"with", TOKEN_AT(with), NULL, NULL},
    {"secrets", NOWHERE, NULL, take_secrets},
    {"timeout-minutes", TOKEN_AT(timeout_minutes), NULL, NULL},
    {"cancel-timeout-minutes", TOKEN_AT(cancel_timeout_minutes), NULL, NULL},
    {"continue-on-error", TOKEN_AT(continue_on_error), NULL, NULL},
    {"concurrency", TOKEN_AT(concurrency), check_concurrency, NULL},
    {"environment", TOKEN_AT(environment), NULL, NULL},
    {"defaults", TOKEN_AT(defaults), NULL, NULL},
    {"container", TOKEN_AT(container), check_container, NULL},
    {"services", TOKEN_AT(services), check_services, NULL},
    {"snapshot", TOKEN_AT(snapshot), check_snapshot, NULL},
};

static const struct job_key *job_key_find(str name) {
    for (size_t i = 0; i < sizeof job_keys / sizeof *job_keys; i++)
        if (str_is(name, job_keys[i].name)) return &job_keys[i];
    return NULL;
}

void convert_job(conversion *c, workflow_job *job, const token *mapping) {
    for (size_t i = 0; i < mapping->mapping.count; i++) {
        const token_pair *pair = &mapping->mapping.pairs[i];
        const struct job_key *key = job_key_find(token_text(pair->key));
        if (!key) continue;
        if (key->check) key->check(c, pair->item);
        if (key->take)
            key->take(c, job, pair->item);
        else
            *(const token **)((char *)job + key->offset) = pair->item;
    }
    if (!job->condition) job->condition = convert_condition(c, NULL, CONDITION_JOB);
}
