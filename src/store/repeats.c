#include "store/repeats.h"

#include "store/rows.h"

int store_repeat_find(store *s, arena *a, str key, store_repeat *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT key, request, status, type, body, location, created_us FROM repeats "
                     "WHERE key = ?",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, key);
    if ((r = sql_step(&q, e)) < 0) return r;
    if (r)
        *ret = (store_repeat){.key = sql_str(&q, a, 0),
                              .request = sql_str(&q, a, 1),
                              .status = sql_int(&q, 2),
                              .type = sql_str(&q, a, 3),
                              .body = sql_str(&q, a, 4),
                              .location = sql_str(&q, a, 5),
                              .created_us = sql_int(&q, 6)};
    sql_end(&q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such answer");
}

int store_repeat_add(store *s, const store_repeat *x, int64_t oldest_us, err *e) {
    const row_arg args[] = {ARG_STR(x->key),       ARG_STR(x->request), ARG_INT(x->status),
                            ARG_STR(x->type),      ARG_STR(x->body),    ARG_STR(x->location),
                            ARG_INT(x->created_us)};
    int r = rows_run(s, "DELETE FROM repeats WHERE created_us < ?", &ARG_INT(oldest_us), 1, e);
    if (r < 0) return r;
    return rows_run(s,
                    "INSERT INTO repeats (key, request, status, type, body, location, created_us) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                    args, sizeof args / sizeof *args, e);
}
