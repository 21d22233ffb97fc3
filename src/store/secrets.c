#include "store/secrets.h"

#include "store/rows.h"

const char *const secret_kind_words[] = {"secret", "variable", NULL};

#define T store_secret
static const row_field fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_WORD(T, kind, secret_kind_words),
    ROW_FIELD_INT(T, repository), ROW_FIELD_STR(T, environment),
    ROW_FIELD_STR(T, name),       ROW_FIELD_STR(T, content),
    ROW_FIELD_STR(T, written_by), ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, updated_us),
};
static const row_type secrets = {"secrets", "secret", sizeof(T), fields,
                                 sizeof fields / sizeof *fields};
#undef T

int store_secret_add(store *s, store_secret *x, err *e) {
    return rows_add(s, &secrets, x, e);
}

int store_secret_put(store *s, const store_secret *x, err *e) {
    return rows_put(s, &secrets, x, e);
}

int store_secrets_sealed(store *s, int64_t *ret, err *e) {
    return rows_number(s, "SELECT count(*) FROM secrets WHERE kind = 'secret'", NULL, 0, ret, e);
}

int store_secret_remove(store *s, int64_t id, err *e) {
    return rows_run(s, "DELETE FROM secrets WHERE id = ?", &ARG_INT(id), 1, e);
}

int store_secret_find(store *s, arena *a, secret_kind kind, int64_t repository, str environment,
                      str name, store_secret *ret, err *e) {
    row_arg args[] = {ARG_STR(str_from(secret_kind_words[kind])), ARG_INT(repository),
                      ARG_STR(environment), ARG_STR(name)};
    return rows_find(s, a, &secrets,
                     "WHERE kind = ? AND repository = ? AND environment = ? AND name = ?", args, 4,
                     ret, e);
}

int store_secrets(store *s, arena *a, secret_kind kind, int64_t repository, str environment,
                  store_secret **ret, size_t *ret_count, err *e) {
    row_arg args[] = {ARG_STR(str_from(secret_kind_words[kind])), ARG_INT(repository),
                      ARG_STR(environment)};
    return rows_list(s, a, &secrets,
                     "WHERE kind = ? AND repository = ? AND environment = ? ORDER BY name", args, 3,
                     SIZE_MAX, (void **)ret, ret_count, e);
}

int store_secrets_of(store *s, arena *a, int64_t repository, store_secret **ret, size_t *ret_count,
                     err *e) {
    return rows_list(s, a, &secrets, "WHERE repository = ? ORDER BY kind, environment, name",
                     &ARG_INT(repository), 1, SIZE_MAX, (void **)ret, ret_count, e);
}
