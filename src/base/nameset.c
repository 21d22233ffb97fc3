#include "base/nameset.h"

static bool is_name(const struct nameset_item *item, uint64_t hash, str name) {
    return item->hash == hash && str_eq_nocase(item->name, name);
}

static uint64_t hash_at(const void *owner, size_t index) {
    const nameset *set = owner;
    return set->items[index].hash;
}

static ptrdiff_t find(const nameset *set, uint64_t hash, str name) {
    size_t at = table_begin(&set->table, hash);
    for (size_t i = 0; i < set->count && !set->items; i++) {
        if (is_name(&set->small[i], hash, name)) return (ptrdiff_t)i;
    }
    for (uint32_t i; table_next(&set->table, &at, &i);) {
        if (is_name(&set->items[i], hash, name)) return (ptrdiff_t)i;
    }
    return -1;
}

bool nameset_add(nameset *set, str name) {
    struct nameset_item item = {str_hash_nocase(name), name};
    if (find(set, item.hash, name) >= 0) return false;
    if (set->count < NAMESET_SMALL) {
        set->small[set->count++] = item;
        return true;
    }
    if (!set->items) {
        set->cap = NAMESET_SMALL * 4;
        set->items = arena_grow(set->a, set->small, sizeof set->small, sizeof set->small * 4);
    }
    ARENA_PUSH(set->a, set->items, set->count, set->cap, item);
    table_add(&set->table, set->a, set->count - 1, hash_at, set);
    return true;
}

ptrdiff_t nameset_find(const nameset *set, str name) {
    return find(set, str_hash_nocase(name), name);
}
