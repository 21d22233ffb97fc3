/* sql.h: statements for the typed queries of this folder. Private.
 *
 *   sql_open(s, text, &q, e) prepares a text, or finds it prepared; sql_bind_* fill its parameters
 *   in order; sql_step gives rows; sql_end makes it ready for the next use. */
#ifndef SLIPWAY_STORE_SQL_H
#define SLIPWAY_STORE_SQL_H

#include "store/store.h"

#include <sqlite3.h>

#define SQL_PREPARED_MAX 512 /* a power of two */

/* A statement is found again by its text. */
typedef struct sql_prepared {
    char *text; /* NULL: a free place */
    sqlite3_stmt *statement;
} sql_prepared;

struct store {
    sqlite3 *db;
    sql_prepared prepared[SQL_PREPARED_MAX];
    size_t prepared_count;
    unsigned savepoints; /* open ones: their names are "s1", "s2", … */
    char path[1024];
};

typedef struct sql {
    store *s;
    sqlite3_stmt *statement;
    int next; /* parameter to bind */
} sql;

int sql_open(store *s, const char *text, sql *ret, err *e);
void sql_bind_str(sql *q, str text);
void sql_bind_bytes(sql *q, str bytes);
void sql_bind_int(sql *q, int64_t number);
/* 1: a row; 0: no more; negative: failed, and the statement has ended. ERR_INVALID is a constraint
 * that does not hold. */
int sql_step(sql *q, err *e);
str sql_str(sql *q, arena *a, int column);
/* Of a text or of bytes, as it lies in the row: until the next step. */
str sql_borrow(sql *q, int column);
int64_t sql_int(sql *q, int column);
void sql_end(sql *q);
/* For statements without rows: step and end. */
int sql_run(sql *q, err *e);
/* Runs constant SQL without parameters, several statements too. */
int sql_script(store *s, const char *text, err *e);

/* schema.c */
int schema_migrate(store *s, err *e);
/* Fails where schema_migrate would have something to do. */
int schema_check(store *s, err *e);

/* The migrations of topics that have a file of their own. */
extern const char migration_audit[];  /* audit_schema.c */
extern const char migration_server[]; /* schema_server.c */
extern const char migration_people[]; /* schema_people.c */

#endif
