#include "server/secrets.h"

#include "trust/vault.h"

str secrets_place(arena *a, const store_secret *x) {
    return arena_printf(a, "%lld/%.*s/%.*s", (long long)x->repository, STR_ARG(x->environment),
                        STR_ARG(x->name));
}

static int add_secrets(server *s, arena *a, int64_t repository, str environment, value *to,
                       err *e) {
    store_secret *rows;
    size_t count;
    str text;
    int r = store_secrets(s->store, a, SECRET_SEALED, repository, environment, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = vault_unseal(s->vault, a, secrets_place(a, &rows[i]), rows[i].content, &text, e);
        if (r == 0) value_set(a, to, rows[i].name, value_string(text));
    }
    return r;
}

static int add_vars(server *s, arena *a, int64_t repository, str environment, value *to, err *e) {
    store_secret *rows;
    size_t count;
    int r = store_secrets(s->store, a, SECRET_VARIABLE, repository, environment, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++)
        value_set(a, to, rows[i].name, value_string(rows[i].content));
    return r;
}

int secrets_of_run(void *context, arena *a, const live_run *run, value *ret_secrets,
                   value *ret_vars, err *e) {
    server *s = context;
    int64_t repository = run->row.repository;
    *ret_secrets = value_object_new(a, false);
    *ret_vars = value_object_new(a, false);
    int r = add_vars(s, a, 0, STR_EMPTY, ret_vars, e);
    if (r == 0) r = add_vars(s, a, repository, STR_EMPTY, ret_vars, e);
    if (r < 0 || run->row.is_fork) return r;
    r = add_secrets(s, a, 0, STR_EMPTY, ret_secrets, e);
    return r < 0 ? r : add_secrets(s, a, repository, STR_EMPTY, ret_secrets, e);
}

int secrets_of_job(core_tx *tx, const live_job *job, value *secrets, value *vars, err *e) {
    server *s = tx->state;
    const live_run *run = job->run;
    str environment = job->row.environment;
    if (!environment.len) return 0;
    value own = value_object_new(tx->a, false), own_vars = value_object_new(tx->a, false);
    value_set_all(tx->a, &own, secrets);
    value_set_all(tx->a, &own_vars, vars);
    *secrets = own;
    *vars = own_vars;
    int r = add_vars(s, tx->a, run->row.repository, environment, vars, e);
    if (r < 0 || run->row.is_fork) return r;
    return add_secrets(s, tx->a, run->row.repository, environment, secrets, e);
}
