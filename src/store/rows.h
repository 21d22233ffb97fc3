/* rows.h: rows of a table as structs. Private to src/store.
 *
 * A row_type is the one place that says which field of a struct is which column; statements are
 * made from it and prepared once. Its first field is the key, an id. */
#ifndef SLIPWAY_STORE_ROWS_H
#define SLIPWAY_STORE_ROWS_H

#include "store/sql.h"

typedef enum row_kind {
    ROW_STR,  /* str */
    ROW_INT,  /* int64_t */
    ROW_BOOL, /* bool, 0 or 1 in the database */
    ROW_WORD, /* an enum (int), by its word */
    ROW_KIND_COUNT
} row_kind;

typedef struct row_field {
    const char *column;
    row_kind kind;
    uint32_t offset;
    const char *const *words; /* ROW_WORD: by number, NULL-terminated */
} row_field;

typedef struct row_type {
    const char *table;
    const char *what; /* for people: "run" */
    size_t size;
    const row_field *fields;
    size_t count;
} row_type;

#define ROW_FIELD_STR(type, field)                                                                 \
    { #field, ROW_STR, offsetof(type, field), NULL }
#define ROW_FIELD_INT(type, field)                                                                 \
    { #field, ROW_INT, offsetof(type, field), NULL }
#define ROW_FIELD_BOOL(type, field)                                                                \
    { #field, ROW_BOOL, offsetof(type, field), NULL }
#define ROW_FIELD_WORD(type, field, words)                                                         \
    { #field, ROW_WORD, offsetof(type, field), words }

/* What stands for a '?' of a condition. */
typedef struct row_arg {
    bool is_number;
    str text;
    int64_t number;
} row_arg;
#define ARG_STR(s)                                                                                 \
    (row_arg) {                                                                                    \
        .text = (s)                                                                                \
    }
#define ARG_INT(n)                                                                                 \
    (row_arg) {                                                                                    \
        .is_number = true, .number = (n)                                                           \
    }

/* Adds a row; an id of 0 is set to one that was never used in this table. ERR_INVALID when a
 * constraint does not hold. */
int rows_add(store *s, const row_type *t, void *row, err *e);
/* Writes all fields of the row with this id. ERR_NOT_FOUND. */
int rows_put(store *s, const row_type *t, const void *row, err *e);
/* The first row of "WHERE …" (`rest`: the condition and what follows). ERR_NOT_FOUND. */
int rows_find(store *s, arena *a, const row_type *t, const char *rest, const row_arg *args,
              size_t arg_count, void *ret, err *e);
/* All of them, at most `max`. *ret is an array of the struct. */
int rows_list(store *s, arena *a, const row_type *t, const char *rest, const row_arg *args,
              size_t arg_count, size_t max, void **ret, size_t *ret_count, err *e);
/* One number: "SELECT …". */
int rows_number(store *s, const char *text, const row_arg *args, size_t arg_count, int64_t *ret,
                err *e);
/* Any statement without rows. */
int rows_run(store *s, const char *text, const row_arg *args, size_t arg_count, err *e);

#endif
