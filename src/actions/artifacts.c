/* artifacts.c: the artifacts of a run.
 *
 * A finished artifact is a file in the run's folder, named after it as people know it: NAME.zip as
 * the toolkit packed it, or the file itself where it was not packed. */
#include "actions/service.h"

#include "base/fs.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPIRE_BATCH 1000
#define DAY_US       (86400LL * 1000000)

/* Of the toolkit, which refuses these in a name, and of file systems. */
static bool name_ok(str name) {
    if (!name.len || name.len > ARTIFACT_NAME_MAX || !utf8_valid(name) || str_is(name, ".") ||
        str_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < ' ' || c == 0x7f || strchr("\":<>|*?\\/", c)) return false;
    }
    return true;
}

static bool type_ok(str type) {
    for (size_t i = 0; i < type.len; i++) {
        if (type.ptr[i] < ' ' || type.ptr[i] > '~') return false;
    }
    return type.len <= 128;
}

/* The run that a request names must be the token's. */
static twirp_code read_name(call *c, const value *in, str *ret_name, err *e) {
    str run;
    if (!twirp_text(in, "workflow_run_backend_id", &run) || !twirp_text(in, "name", ret_name)) {
        err_set(e, ERR_INVALID, "a field of the request has the wrong type");
        return TWIRP_MALFORMED;
    }
    if (!str_eq(run, c->job->spec.run)) {
        err_set(e, ERR_INVALID, "the token is for another run");
        return TWIRP_DENIED;
    }
    return TWIRP_OK;
}

static int find_artifact(call *c, str name, store_artifact *ret, err *e) {
    store_artifact *all;
    size_t count;
    int r = store_artifact_list(c->s->store, c->a, c->job->spec.run, name, 0, &all, &count, e);
    if (r < 0) return r;
    if (!count) return err_set(e, ERR_NOT_FOUND, "the run has no artifact '%.*s'", STR_ARG(name));
    *ret = all[0];
    return 0;
}

static bool is_zip(str type) {
    return str_eq_nocase(type, STR("application/zip"));
}

/* ---- CreateArtifact ------------------------------------------------------------------------- */

static twirp_code judge_create(call *c, str name, upload **ret_fresh, err *e) {
    store_artifact known;
    store_artifact *all;
    size_t count = 0;
    service *s = c->s;
    *ret_fresh = NULL;
    if (!name_ok(name)) {
        err_set(e, ERR_INVALID,
                "'%.*s' cannot be the name of an artifact: 1 to %d bytes, none of \" : < > | * ? "
                "\\ / or control characters, not . or ..",
                STR_ARG(str_sub(name, 0, 100)), ARTIFACT_NAME_MAX);
        return TWIRP_INVALID;
    }
    upload *u = upload_of_artifact(s, c->job->spec.run, name);
    if (u && !u->finished && u->job == c->job && upload_is_fresh(u)) *ret_fresh = u;
    if (find_artifact(c, name, &known, e) == 0 || (u && !u->finished && !*ret_fresh)) {
        err_set(e, ERR_INVALID, "an artifact with this name already exists on the workflow run");
        return TWIRP_EXISTS;
    }
    if (store_artifact_list(s->store, c->a, c->job->spec.run, STR_EMPTY, 0, &all, &count, e) < 0)
        return TWIRP_INTERNAL;
    if (count >= s->limits.artifact_count) {
        err_set(e, ERR_LIMIT, "a run may have %u artifacts", s->limits.artifact_count);
        return TWIRP_EXHAUSTED;
    }
    *e = (err){0};
    return TWIRP_OK;
}

static int64_t expiry(const job *j, str asked) {
    int64_t us;
    if (j->spec.artifact_days < 0) return INT64_MAX;
    if (asked.len && parse_timestamp(asked, &us)) return us;
    return clock_wall_us() + j->spec.artifact_days * DAY_US;
}

twirp_code artifact_create(call *c, const value *in, value *out, err *e) {
    str name, type, expires;
    upload *u;
    twirp_code code = read_name(c, in, &name, e);
    if (code == TWIRP_OK) code = judge_create(c, name, &u, e);
    if (code != TWIRP_OK) return code;
    if (!twirp_text(in, "mime_type", &type) || !twirp_text(in, "expires_at", &expires) ||
        !type_ok(type)) {
        err_set(e, ERR_INVALID, "a field of the request has the wrong type");
        return TWIRP_MALFORMED;
    }
    if (!u) u = upload_new(c->s, c->job, UPLOAD_ARTIFACT, name, STR_EMPTY, e);
    if (!u) return twirp_of(e);
    u->type = type.len ? arena_str(u->a, type) : STR("application/zip");
    u->expires_us = expiry(c->job, expires);
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    signed_url(&url, c->s, c->job,
               arena_cstr(c->a, arena_printf(c->a, "/slipway/uploads/%s", u->id)), "w");
    value_set(c->a, out, STR("ok"), value_bool(true));
    value_set_str(c->a, out, "signed_upload_url", arena_str(c->a, strbuf_str(&url)));
    return TWIRP_OK;
}

/* ---- FinalizeArtifact ----------------------------------------------------------------------- */

static twirp_code judge_finalize(const value *in, const upload *u, err *e) {
    str hash;
    uint64_t size;
    if (!twirp_text(in, "hash", &hash) || !twirp_number(in, "size", &size)) {
        err_set(e, ERR_INVALID, "a field of the request has the wrong type");
        return TWIRP_MALFORMED;
    }
    if (!u->committed) {
        err_set(e, ERR_INVALID, "the artifact '%.*s' was not uploaded", STR_ARG(u->name));
        return TWIRP_PRECONDITION;
    }
    if (size != u->size) {
        err_set(e, ERR_INVALID,
                "the artifact '%.*s' is damaged: %llu bytes were sent, %llu have arrived",
                STR_ARG(u->name), (unsigned long long)size, (unsigned long long)u->size);
        return TWIRP_INVALID;
    }
    if (!hash.len) return TWIRP_OK;
    if (!str_starts(hash, STR("sha256:")) ||
        !str_eq_nocase(str_sub(hash, 7, hash.len), str_from(u->digest))) {
        err_set(e, ERR_INVALID,
                "the artifact '%.*s' is damaged: its digest is sha256:%s, not the %.*s that was "
                "told",
                STR_ARG(u->name), u->digest, STR_ARG(str_sub(hash, 0, 80)));
        return TWIRP_INVALID;
    }
    return TWIRP_OK;
}

/* NAME.zip, or NAME for a file that was not packed; with the upload's id behind where another
 * artifact of the run has taken that name. */
static int choose_path(call *c, const upload *u, char **ret, err *e) {
    const char *folder = arena_cstr(c->a, c->job->spec.artifacts);
    store_artifact *all;
    size_t count;
    bool packed = is_zip(u->type) && !str_ends(u->name, STR(".zip"));
    str name = packed ? arena_printf(c->a, "%.*s.zip", STR_ARG(u->name)) : u->name;
    *ret = fs_join(c->a, folder, name);
    int r = store_artifact_list(c->s->store, c->a, c->job->spec.run, STR_EMPTY, 0, &all, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (str_is(all[i].path, *ret))
            *ret = fs_join(c->a, folder, arena_printf(c->a, "%.*s.%s", STR_ARG(name), u->id));
    }
    return r;
}

static int keep_artifact(call *c, upload *u, store_artifact *row, err *e) {
    service *s = c->s;
    char *path;
    int r = fs_mkdirs(arena_cstr(c->a, c->job->spec.artifacts), 0755, e);
    if (r == 0) r = store_begin(s->store, e);
    if (r < 0) return r;
    r = choose_path(c, u, &path, e);
    if (r == 0) {
        row->path = str_from(path);
        r = store_artifact_add(s->store, row, e);
    }
    if (r == 0) r = move_file(u->path, path, e);
    if (r == 0) chmod(path, 0666 & ~s->umask); /* it is the person's, as if it had been made so */
    if (r == 0) r = store_commit(s->store, e);
    if (r < 0) store_rollback(s->store);
    return r;
}

twirp_code artifact_finalize(call *c, const value *in, value *out, err *e) {
    str name;
    twirp_code code = read_name(c, in, &name, e);
    if (code != TWIRP_OK) return code;
    upload *u = upload_of_artifact(c->s, c->job->spec.run, name);
    if (!u || u->job != c->job || u->busy) {
        err_set(e, ERR_NOT_FOUND, "the job uploads no artifact '%.*s'", STR_ARG(name));
        return TWIRP_NOT_FOUND;
    }
    code = judge_finalize(in, u, e);
    if (code != TWIRP_OK) return code;
    store_artifact row = {
        .run = c->job->spec.run,
        .name = u->name,
        .type = u->type,
        .digest = str_from(u->digest),
        .size = (int64_t)u->size,
        .created_us = clock_wall_us(),
        .expires_us = u->expires_us,
    };
    if (!u->finished && keep_artifact(c, u, &row, e) < 0) return TWIRP_INTERNAL;
    if (!u->finished) {
        u->finished = row.id;
        u->path = NULL;
    }
    value_set(c->a, out, STR("ok"), value_bool(true));
    value_set_str(c->a, out, "artifact_id", arena_printf(c->a, "%lld", (long long)u->finished));
    return TWIRP_OK;
}

/* ---- the others ----------------------------------------------------------------------------- */

static value describe(call *c, const store_artifact *x) {
    value one = value_object_new(c->a, true);
    str created;
    format_timestamp(c->a, x->created_us, &created);
    value_set_str(c->a, &one, "workflow_run_backend_id", x->run);
    value_set_str(c->a, &one, "workflow_job_run_backend_id", str_from(c->job->id));
    value_set_str(c->a, &one, "database_id", arena_printf(c->a, "%lld", (long long)x->id));
    value_set_str(c->a, &one, "name", x->name);
    value_set_str(c->a, &one, "size", arena_printf(c->a, "%lld", (long long)x->size));
    value_set_str(c->a, &one, "created_at", created);
    value_set_str(c->a, &one, "digest", arena_printf(c->a, "sha256:%.*s", STR_ARG(x->digest)));
    return one;
}

twirp_code artifact_list(call *c, const value *in, value *out, err *e) {
    str ignored, name;
    uint64_t id;
    store_artifact *all;
    size_t count;
    twirp_code code = read_name(c, in, &ignored, e);
    if (code != TWIRP_OK) return code;
    if (!twirp_text(in, "name_filter", &name) || !twirp_number(in, "id_filter", &id)) {
        err_set(e, ERR_INVALID, "a field of the request has the wrong type");
        return TWIRP_MALFORMED;
    }
    if (store_artifact_list(c->s->store, c->a, c->job->spec.run, name, (int64_t)id, &all, &count,
                            e) < 0)
        return TWIRP_INTERNAL;
    value list = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &list, describe(c, &all[i]));
    value_set(c->a, out, STR("artifacts"), list);
    return TWIRP_OK;
}

twirp_code artifact_url(call *c, const value *in, value *out, err *e) {
    str name;
    store_artifact found;
    twirp_code code = read_name(c, in, &name, e);
    if (code != TWIRP_OK) return code;
    if (!name.len || find_artifact(c, name, &found, e) < 0) return TWIRP_NOT_FOUND;
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    str path = arena_printf(c->a, "/slipway/artifacts/%lld", (long long)found.id);
    signed_url(&url, c->s, c->job, path.ptr, "r");
    value_set_str(c->a, out, "signed_url", arena_str(c->a, strbuf_str(&url)));
    return TWIRP_OK;
}

twirp_code artifact_delete(call *c, const value *in, value *out, err *e) {
    str name;
    store_artifact found;
    twirp_code code = read_name(c, in, &name, e);
    if (code != TWIRP_OK) return code;
    if (!name.len || find_artifact(c, name, &found, e) < 0) return TWIRP_NOT_FOUND;
    if (store_artifact_remove(c->s->store, found.id, e) < 0) return TWIRP_INTERNAL;
    unlink(arena_cstr(c->a, found.path));
    upload *u = upload_of_artifact(c->s, c->job->spec.run, name);
    if (u && u->finished == found.id) upload_drop(c->s, u);
    value_set(c->a, out, STR("ok"), value_bool(true));
    value_set_str(c->a, out, "artifact_id", arena_printf(c->a, "%lld", (long long)found.id));
    return TWIRP_OK;
}

int artifact_open(service *s, const job *j, arena *a, str id, store_artifact *ret, int *ret_fd,
                  err *e) {
    uint64_t number;
    store_artifact *all;
    size_t count = 0;
    struct stat st;
    if (!str_to_uint(id, INT64_MAX, &number) || !number)
        return err_set(e, ERR_NOT_FOUND, "there is no such artifact");
    int r =
        store_artifact_list(s->store, a, j->spec.run, STR_EMPTY, (int64_t)number, &all, &count, e);
    if (r < 0) return r;
    if (!count) return err_set(e, ERR_NOT_FOUND, "there is no such artifact");
    *ret = all[0];
    *ret_fd = open(arena_cstr(a, ret->path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret_fd >= 0 && fstat(*ret_fd, &st) == 0 && st.st_size == ret->size) return 0;
    if (*ret_fd >= 0) close(*ret_fd);
    return err_set(e, ERR_NOT_FOUND, "the file of the artifact '%.*s' is gone or was changed",
                   STR_ARG(ret->name));
}

int artifact_expire(service *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    store_artifact *all;
    size_t count = 0;
    int r = store_artifact_expired(s->store, a, clock_wall_us(), EXPIRE_BATCH, &all, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        char *path = arena_cstr(a, all[i].path);
        if (unlink(path) < 0 && errno != ENOENT) continue; /* the next run tries again */
        char *slash = strrchr(path, '/');
        if (slash) *slash = '\0';
        rmdir(path); /* where it was the run's last */
        r = store_artifact_remove(s->store, all[i].id, e);
    }
    return r;
}
