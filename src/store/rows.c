#include "store/rows.h"

#include <string.h>

/* ---- statements ----------------------------------------------------------------------------- */

static void add_columns(strbuf *out, const row_type *t) {
    for (size_t i = 0; i < t->count; i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", t->fields[i].column);
}

static void bind_args(sql *q, const row_arg *args, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (args[i].is_number)
            sql_bind_int(q, args[i].number);
        else
            sql_bind_str(q, args[i].text);
    }
}

static const void *at(const void *row, const row_field *f) {
    return (const char *)row + f->offset;
}

static void bind_field(sql *q, const void *row, const row_field *f) {
    switch (f->kind) {
    case ROW_STR: sql_bind_str(q, *(const str *)at(row, f)); break;
    case ROW_INT: sql_bind_int(q, *(const int64_t *)at(row, f)); break;
    case ROW_BOOL: sql_bind_int(q, *(const bool *)at(row, f)); break;
    case ROW_WORD: sql_bind_str(q, str_from(f->words[*(const int *)at(row, f)])); break;
    case ROW_KIND_COUNT: break;
    }
}

/* A word that this version does not know is the first one's. */
static int number_of(const row_field *f, str word) {
    for (int i = 0; f->words[i]; i++) {
        if (str_is(word, f->words[i])) return i;
    }
    return 0;
}

static void read_field(sql *q, arena *a, int column, void *row, const row_field *f) {
    char *to = (char *)row + f->offset;
    switch (f->kind) {
    case ROW_STR: *(str *)to = sql_str(q, a, column); break;
    case ROW_INT: *(int64_t *)to = sql_int(q, column); break;
    case ROW_BOOL: *(bool *)to = sql_int(q, column) != 0; break;
    case ROW_WORD: *(int *)to = number_of(f, sql_str(q, a, column)); break;
    case ROW_KIND_COUNT: break;
    }
}

static void read_row(sql *q, arena *a, const row_type *t, void *ret) {
    memset(ret, 0, t->size);
    for (size_t i = 0; i < t->count; i++)
        read_field(q, a, (int)i, ret, &t->fields[i]);
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Ids are made here, because the two dialects have no common word for it, and are never used twice,
 * also when the newest row is removed. */
static int next_id(store *s, const char *table, int64_t *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO sequences (name, last) VALUES (?, 1) "
                     "ON CONFLICT (name) DO UPDATE SET last = sequences.last + 1 RETURNING last",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, str_from(table));
    if ((r = sql_step(&q, e)) < 0) return r;
    *ret = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

int rows_add(store *s, const row_type *t, void *row, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    int64_t *id = (int64_t *)((char *)row + t->fields[0].offset);
    sql q;
    int r = *id ? 0 : next_id(s, t->table, id, e);
    if (r < 0) return r;
    strbuf_addf(&text, "INSERT INTO %s (", t->table);
    add_columns(&text, t);
    strbuf_adds(&text, ") VALUES (");
    for (size_t i = 0; i < t->count; i++)
        strbuf_adds(&text, i ? ", ?" : "?");
    strbuf_addc(&text, ')');
    if ((r = sql_open(s, strbuf_cstr(&text), &q, e)) < 0) return r;
    for (size_t i = 0; i < t->count; i++)
        bind_field(&q, row, &t->fields[i]);
    return sql_run(&q, e);
}

int rows_put(store *s, const row_type *t, const void *row, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    sql q;
    strbuf_addf(&text, "UPDATE %s SET ", t->table);
    for (size_t i = 1; i < t->count; i++)
        strbuf_addf(&text, "%s%s = ?", i > 1 ? ", " : "", t->fields[i].column);
    strbuf_addf(&text, " WHERE %s = ? RETURNING 1", t->fields[0].column);
    int r = sql_open(s, strbuf_cstr(&text), &q, e);
    if (r < 0) return r;
    for (size_t i = 1; i < t->count; i++)
        bind_field(&q, row, &t->fields[i]);
    bind_field(&q, row, &t->fields[0]);
    if ((r = sql_step(&q, e)) < 0) return r;
    sql_end(&q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such %s", t->what);
}

int rows_run(store *s, const char *text, const row_arg *args, size_t arg_count, err *e) {
    sql q;
    int r = sql_open(s, text, &q, e);
    if (r < 0) return r;
    bind_args(&q, args, arg_count);
    return sql_run(&q, e);
}

/* ---- questions ------------------------------------------------------------------------------ */

static int open_select(store *s, const row_type *t, const char *rest, const row_arg *args,
                       size_t arg_count, sql *q, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "SELECT ");
    add_columns(&text, t);
    strbuf_addf(&text, " FROM %s %s", t->table, rest);
    int r = sql_open(s, strbuf_cstr(&text), q, e);
    if (r == 0) bind_args(q, args, arg_count);
    return r;
}

int rows_find(store *s, arena *a, const row_type *t, const char *rest, const row_arg *args,
              size_t arg_count, void *ret, err *e) {
    sql q;
    int r = open_select(s, t, rest, args, arg_count, &q, e);
    if (r < 0 || (r = sql_step(&q, e)) < 0) return r;
    if (r) read_row(&q, a, t, ret);
    sql_end(&q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such %s", t->what);
}

int rows_list(store *s, arena *a, const row_type *t, const char *rest, const row_arg *args,
              size_t arg_count, size_t max, void **ret, size_t *ret_count, err *e) {
    sql q;
    size_t count = 0, cap = 0;
    char *rows = NULL;
    *ret = NULL;
    *ret_count = 0;
    int r = open_select(s, t, rest, args, arg_count, &q, e);
    if (r < 0) return r;
    while (count < max && (r = sql_step(&q, e)) > 0) {
        if (count == cap) {
            size_t more = cap ? cap * 2 : 16;
            rows = arena_grow(a, rows, cap * t->size, more * t->size);
            cap = more;
        }
        read_row(&q, a, t, rows + count++ * t->size);
    }
    if (r < 0) return r;
    sql_end(&q);
    *ret = rows;
    *ret_count = count;
    return 0;
}

int rows_number(store *s, const char *text, const row_arg *args, size_t arg_count, int64_t *ret,
                err *e) {
    sql q;
    int r = sql_open(s, text, &q, e);
    if (r < 0) return r;
    bind_args(&q, args, arg_count);
    if ((r = sql_step(&q, e)) < 0) return r;
    *ret = r ? sql_int(&q, 0) : 0;
    sql_end(&q);
    return 0;
}
