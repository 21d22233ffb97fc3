/* schema.c: the migrations. What was released is never changed: a new one is added at the end. */
#include "store/sql.h"

static const char *const migrations[] = {
    /* 1: what actions keep */
    "CREATE TABLE caches ("
    "  id bigint NOT NULL PRIMARY KEY,"
    "  repository text NOT NULL,"
    "  scope text NOT NULL,"
    "  key text NOT NULL,"
    "  version text NOT NULL,"
    "  digest text NOT NULL,"
    "  size bigint NOT NULL,"
    "  created_us bigint NOT NULL,"
    "  used_us bigint NOT NULL,"
    "  UNIQUE (repository, scope, version, key));"
    "CREATE INDEX caches_used ON caches (used_us);"
    "CREATE INDEX caches_digest ON caches (digest);"
    "CREATE TABLE artifacts ("
    "  id bigint NOT NULL PRIMARY KEY,"
    "  run text NOT NULL,"
    "  name text NOT NULL,"
    "  path text NOT NULL,"
    "  type text NOT NULL,"
    "  digest text NOT NULL,"
    "  size bigint NOT NULL,"
    "  created_us bigint NOT NULL,"
    "  expires_us bigint NOT NULL,"
    "  UNIQUE (run, name));"
    "CREATE INDEX artifacts_expires ON artifacts (expires_us);",
    migration_audit,
    migration_server,
    migration_people,
};

#define MIGRATION_COUNT (int64_t)(sizeof migrations / sizeof *migrations)

static int read_version(store *s, int64_t *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT coalesce(max(number), 0) FROM schema_versions", &q, e);
    if (r == 0) r = sql_step(&q, e);
    if (r < 0) return r;
    *ret = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

static int apply(store *s, int64_t number, err *e) {
    sql q;
    int r = sql_script(s, migrations[number - 1], e);
    if (r == 0) r = sql_open(s, "INSERT INTO schema_versions (number) VALUES (?)", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, number);
    return sql_run(&q, e);
}

static int migrate(store *s, err *e) {
    int64_t version = 0;
    int r = sql_script(
        s, "CREATE TABLE IF NOT EXISTS schema_versions (number bigint NOT NULL PRIMARY KEY)", e);
    if (r == 0) r = read_version(s, &version, e);
    if (r < 0) return r;
    if (version > MIGRATION_COUNT)
        return err_set(e, ERR_UNSUPPORTED,
                       "the database '%s' was written by a newer Slipway (schema %lld, this one "
                       "knows %lld): use that one, or move the file away",
                       s->path, (long long)version, (long long)MIGRATION_COUNT);
    while (r == 0 && version < MIGRATION_COUNT)
        r = apply(s, ++version, e);
    return r;
}

int schema_check(store *s, err *e) {
    int64_t version = 0;
    int r = read_version(s, &version, e);
    if (r < 0) return err_context(e, "'%s' is no database of Slipway", s->path);
    if (version == MIGRATION_COUNT) return 0;
    return err_set(e, ERR_UNSUPPORTED,
                   "the database '%s' was written by %s Slipway (schema %lld, this one knows %lld)",
                   s->path, version > MIGRATION_COUNT ? "a newer" : "an older", (long long)version,
                   (long long)MIGRATION_COUNT);
}

/* Asked first without a transaction: the usual case needs no write lock. */
int schema_migrate(store *s, err *e) {
    err ignored = {0};
    int64_t version = 0;
    if (read_version(s, &version, &ignored) == 0 && version == MIGRATION_COUNT) return 0;
    int r = store_begin(s, e);
    if (r < 0) return r;
    r = migrate(s, e);
    if (r == 0) return store_commit(s, e);
    store_rollback(s);
    return r;
}
