#include "store/people.h"

#include "store/rows.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *const user_state_words[] = {"active", "disabled", NULL};
const char *const elevation_state_words[] = {"requested", "approved", "denied", "ended", NULL};
const char *const link_kind_words[] = {"first", "invitation", "recovery", NULL};

/* ---- accounts ------------------------------------------------------------------------------- */

#define T store_user
static const row_field user_fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_STR(T, name),
    ROW_FIELD_STR(T, email),      ROW_FIELD_STR(T, password),
    ROW_FIELD_STR(T, subject),    ROW_FIELD_WORD(T, state, user_state_words),
    ROW_FIELD_INT(T, created_us), ROW_FIELD_INT(T, seen_us),
};
static const row_type users = {"users", "account", sizeof(T), user_fields, COUNT(user_fields)};
#undef T

int store_user_add(store *s, store_user *x, err *e) {
    return rows_add(s, &users, x, e);
}

int store_user_put(store *s, const store_user *x, err *e) {
    return rows_put(s, &users, x, e);
}

int store_user_by_id(store *s, arena *a, int64_t id, store_user *ret, err *e) {
    return rows_find(s, a, &users, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_user_by_name(store *s, arena *a, str name, store_user *ret, err *e) {
    return rows_find(s, a, &users, "WHERE lower(name) = lower(?)", &ARG_STR(name), 1, ret, e);
}

int store_user_by_email(store *s, arena *a, str email, store_user *ret, err *e) {
    return rows_find(s, a, &users, "WHERE lower(email) = lower(?) AND email <> ''", &ARG_STR(email),
                     1, ret, e);
}

int store_user_by_subject(store *s, arena *a, str subject, store_user *ret, err *e) {
    return rows_find(s, a, &users, "WHERE subject = ? AND subject <> ''", &ARG_STR(subject), 1, ret,
                     e);
}

int store_users(store *s, arena *a, store_user **ret, size_t *ret_count, err *e) {
    return rows_list(s, a, &users, "ORDER BY lower(name)", NULL, 0, SIZE_MAX, (void **)ret,
                     ret_count, e);
}

int store_user_count(store *s, int64_t *ret, err *e) {
    return rows_number(s, "SELECT count(*) FROM users", NULL, 0, ret, e);
}

/* ---- sessions ------------------------------------------------------------------------------- */

#define T store_session
static const row_field session_fields[] = {
    ROW_FIELD_INT(T, id),      ROW_FIELD_STR(T, hash),       ROW_FIELD_INT(T, user_id),
    ROW_FIELD_STR(T, address), ROW_FIELD_STR(T, agent),      ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, seen_us), ROW_FIELD_INT(T, expires_us),
};
static const row_type sessions = {"sessions", "session", sizeof(T), session_fields,
                                  COUNT(session_fields)};
#undef T

int store_session_add(store *s, store_session *x, err *e) {
    return rows_add(s, &sessions, x, e);
}

int store_session_find(store *s, arena *a, str hash, store_session *ret, err *e) {
    return rows_find(s, a, &sessions, "WHERE hash = ?", &ARG_STR(hash), 1, ret, e);
}

int store_session_seen(store *s, int64_t id, int64_t now_us, err *e) {
    row_arg args[] = {ARG_INT(now_us), ARG_INT(id)};
    return rows_run(s, "UPDATE sessions SET seen_us = ? WHERE id = ?", args, 2, e);
}

int store_session_remove(store *s, str hash, err *e) {
    return rows_run(s, "DELETE FROM sessions WHERE hash = ?", &ARG_STR(hash), 1, e);
}

int store_sessions_remove_of(store *s, int64_t user, err *e) {
    return rows_run(s, "DELETE FROM sessions WHERE user_id = ?", &ARG_INT(user), 1, e);
}

int store_sessions_expire(store *s, int64_t now_us, int64_t idle_us, err *e) {
    row_arg args[] = {ARG_INT(now_us), ARG_INT(idle_us)};
    return rows_run(s, "DELETE FROM sessions WHERE expires_us <= ? OR seen_us <= ?", args, 2, e);
}

/* ---- tokens --------------------------------------------------------------------------------- */

#define T store_token
static const row_field token_fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_STR(T, hash),       ROW_FIELD_INT(T, user_id),
    ROW_FIELD_STR(T, name),       ROW_FIELD_STR(T, scopes),     ROW_FIELD_INT(T, repository),
    ROW_FIELD_INT(T, created_us), ROW_FIELD_INT(T, expires_us), ROW_FIELD_INT(T, used_us),
};
static const row_type tokens = {"api_tokens", "token", sizeof(T), token_fields,
                                COUNT(token_fields)};
#undef T

int store_token_add(store *s, store_token *x, err *e) {
    return rows_add(s, &tokens, x, e);
}

int store_token_find(store *s, arena *a, str hash, store_token *ret, err *e) {
    return rows_find(s, a, &tokens, "WHERE hash = ?", &ARG_STR(hash), 1, ret, e);
}

int store_token_by_id(store *s, arena *a, int64_t id, store_token *ret, err *e) {
    return rows_find(s, a, &tokens, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_token_used(store *s, int64_t id, int64_t now_us, err *e) {
    row_arg args[] = {ARG_INT(now_us), ARG_INT(id)};
    return rows_run(s, "UPDATE api_tokens SET used_us = ? WHERE id = ?", args, 2, e);
}

int store_token_remove(store *s, int64_t id, err *e) {
    return rows_run(s, "DELETE FROM api_tokens WHERE id = ?", &ARG_INT(id), 1, e);
}

int store_tokens(store *s, arena *a, int64_t user, store_token **ret, size_t *ret_count, err *e) {
    row_arg args[] = {ARG_INT(user), ARG_INT(user)};
    return rows_list(s, a, &tokens, "WHERE user_id = ? OR ? = 0 ORDER BY id", args, 2, SIZE_MAX,
                     (void **)ret, ret_count, e);
}

/* ---- grants --------------------------------------------------------------------------------- */

#define T store_grant
static const row_field grant_fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_INT(T, user_id),    ROW_FIELD_INT(T, repository),
    ROW_FIELD_STR(T, role),       ROW_FIELD_INT(T, elevation),  ROW_FIELD_STR(T, granted_by),
    ROW_FIELD_INT(T, created_us), ROW_FIELD_INT(T, expires_us),
};
static const row_type grants = {"grants", "grant", sizeof(T), grant_fields, COUNT(grant_fields)};
#undef T

int store_grant_add(store *s, store_grant *x, err *e) {
    return rows_add(s, &grants, x, e);
}

int store_grant_by_id(store *s, arena *a, int64_t id, store_grant *ret, err *e) {
    return rows_find(s, a, &grants, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_grant_remove(store *s, int64_t id, err *e) {
    return rows_run(s, "DELETE FROM grants WHERE id = ?", &ARG_INT(id), 1, e);
}

int store_grants_remove_of_elevation(store *s, int64_t elevation, err *e) {
    return rows_run(s, "DELETE FROM grants WHERE elevation = ?", &ARG_INT(elevation), 1, e);
}

int store_grants(store *s, arena *a, int64_t user, store_grant **ret, size_t *ret_count, err *e) {
    row_arg args[] = {ARG_INT(user), ARG_INT(user)};
    return rows_list(s, a, &grants, "WHERE user_id = ? OR ? = 0 ORDER BY user_id, repository, id",
                     args, 2, SIZE_MAX, (void **)ret, ret_count, e);
}

int store_grant_holders(store *s, str role, int64_t *ret, err *e) {
    return rows_number(s,
                       "SELECT count(DISTINCT users.id) FROM users JOIN grants "
                       "ON grants.user_id = users.id WHERE users.state = 'active' "
                       "AND grants.repository = 0 AND grants.expires_us = 0 AND grants.role = ?",
                       &ARG_STR(role), 1, ret, e);
}

/* ---- elevations ----------------------------------------------------------------------------- */

#define T store_elevation
static const row_field elevation_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_INT(T, user_id),
    ROW_FIELD_INT(T, repository),
    ROW_FIELD_STR(T, role),
    ROW_FIELD_INT(T, seconds),
    ROW_FIELD_STR(T, reason),
    ROW_FIELD_WORD(T, state, elevation_state_words),
    ROW_FIELD_STR(T, decided_by),
    ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, decided_us),
    ROW_FIELD_INT(T, ends_us),
};
static const row_type elevations = {"elevations", "elevation", sizeof(T), elevation_fields,
                                    COUNT(elevation_fields)};
#undef T

int store_elevation_add(store *s, store_elevation *x, err *e) {
    return rows_add(s, &elevations, x, e);
}

int store_elevation_put(store *s, const store_elevation *x, err *e) {
    return rows_put(s, &elevations, x, e);
}

int store_elevation_by_id(store *s, arena *a, int64_t id, store_elevation *ret, err *e) {
    return rows_find(s, a, &elevations, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_elevations(store *s, arena *a, int64_t before, size_t max, store_elevation **ret,
                     size_t *ret_count, err *e) {
    row_arg args[] = {ARG_INT(before), ARG_INT(before)};
    return rows_list(s, a, &elevations, "WHERE id < ? OR ? = 0 ORDER BY id DESC", args, 2, max,
                     (void **)ret, ret_count, e);
}

int store_elevations_over(store *s, arena *a, int64_t now_us, store_elevation **ret,
                          size_t *ret_count, err *e) {
    return rows_list(s, a, &elevations, "WHERE state = 'approved' AND ends_us <= ? ORDER BY id",
                     &ARG_INT(now_us), 1, SIZE_MAX, (void **)ret, ret_count, e);
}

/* ---- links ---------------------------------------------------------------------------------- */

#define T store_link
static const row_field link_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_STR(T, hash),
    ROW_FIELD_WORD(T, kind, link_kind_words),
    ROW_FIELD_INT(T, user_id),
    ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, expires_us),
};
static const row_type links = {"links", "link", sizeof(T), link_fields, COUNT(link_fields)};
#undef T

int store_link_add(store *s, store_link *x, err *e) {
    return rows_add(s, &links, x, e);
}

int store_link_find(store *s, arena *a, str hash, store_link *ret, err *e) {
    return rows_find(s, a, &links, "WHERE hash = ?", &ARG_STR(hash), 1, ret, e);
}

int store_links_remove_of(store *s, int64_t user, err *e) {
    return rows_run(s, "DELETE FROM links WHERE user_id = ?", &ARG_INT(user), 1, e);
}
