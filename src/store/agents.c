#include "store/agents.h"

#include "store/rows.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *const agent_state_words[] = {"offline", "online", "draining", "removed", NULL};

#define T store_agent
static const row_field agent_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_STR(T, name),
    ROW_FIELD_STR(T, labels),
    ROW_FIELD_INT(T, capacity),
    ROW_FIELD_BOOL(T, ephemeral),
    ROW_FIELD_BOOL(T, embedded),
    ROW_FIELD_WORD(T, state, agent_state_words),
    ROW_FIELD_STR(T, version),
    ROW_FIELD_STR(T, system),
    ROW_FIELD_STR(T, serial),
    ROW_FIELD_STR(T, address),
    ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, seen_us),
    ROW_FIELD_INT(T, expires_us),
};
static const row_type agents = {"agents", "agent", sizeof(T), agent_fields, COUNT(agent_fields)};
#undef T

int store_agent_add(store *s, store_agent *x, err *e) {
    return rows_add(s, &agents, x, e);
}

int store_agent_put(store *s, const store_agent *x, err *e) {
    return rows_put(s, &agents, x, e);
}

int store_agent_by_id(store *s, arena *a, int64_t id, store_agent *ret, err *e) {
    return rows_find(s, a, &agents, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_agent_by_name(store *s, arena *a, str name, store_agent *ret, err *e) {
    return rows_find(s, a, &agents, "WHERE name = ? AND state <> 'removed'", &ARG_STR(name), 1, ret,
                     e);
}

int store_agents(store *s, arena *a, store_agent **ret, size_t *ret_count, err *e) {
    return rows_list(s, a, &agents, "WHERE state <> 'removed' ORDER BY name", NULL, 0, SIZE_MAX,
                     (void **)ret, ret_count, e);
}

#define T store_join_token
static const row_field token_fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_STR(T, hash),       ROW_FIELD_STR(T, labels),
    ROW_FIELD_BOOL(T, ephemeral), ROW_FIELD_BOOL(T, reusable),  ROW_FIELD_STR(T, created_by),
    ROW_FIELD_INT(T, created_us), ROW_FIELD_INT(T, expires_us), ROW_FIELD_INT(T, used_us),
};
static const row_type tokens = {"join_tokens", "token", sizeof(T), token_fields,
                                COUNT(token_fields)};
#undef T

int store_join_token_add(store *s, store_join_token *t, err *e) {
    return rows_add(s, &tokens, t, e);
}

int store_join_token_put(store *s, const store_join_token *t, err *e) {
    return rows_put(s, &tokens, t, e);
}

int store_join_token_find(store *s, arena *a, str hash, store_join_token *ret, err *e) {
    return rows_find(s, a, &tokens, "WHERE hash = ?", &ARG_STR(hash), 1, ret, e);
}
