#include "base/nameset.h"

static bool slot_is(const struct nameset_slot *slot, uint64_t hash, str name) {
    return slot->hash == hash && str_eq_nocase(slot->name, name);
}

/* The slot of the name, or the free one where it belongs; NULL when `small` is full. */
static struct nameset_slot *slot_for(const nameset *set, uint64_t hash, str name) {
    if (!set->slots) {
        for (size_t i = 0; i < set->count; i++)
            if (slot_is(&set->small[i], hash, name)) return (struct nameset_slot *)&set->small[i];
        return set->count < NAMESET_SMALL ? (struct nameset_slot *)&set->small[set->count] : NULL;
    }
    size_t at = hash & (set->cap - 1);
    while (set->slots[at].used && !slot_is(&set->slots[at], hash, name))
        at = (at + 1) & (set->cap - 1);
    return &set->slots[at];
}

static void grow(nameset *set) {
    const struct nameset_slot *old = set->slots ? set->slots : set->small;
    size_t old_cap = set->slots ? set->cap : NAMESET_SMALL;
    size_t cap = old_cap * 4;
    struct nameset_slot *slots = ARENA_ARRAY(set->a, struct nameset_slot, cap);
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].used) continue;
        size_t at = old[i].hash & (cap - 1);
        while (slots[at].used)
            at = (at + 1) & (cap - 1);
        slots[at] = old[i];
    }
    set->slots = slots;
    set->cap = cap;
}

bool nameset_add(nameset *set, str name) {
    uint64_t hash = str_hash_nocase(name);
    struct nameset_slot *slot = slot_for(set, hash, name);
    if (slot && slot->used) return false;
    if (!slot || (set->slots && set->count * 4 >= set->cap * 3)) {
        grow(set);
        slot = slot_for(set, hash, name);
    }
    *slot = (struct nameset_slot){.hash = hash, .name = name, .index = set->count, .used = true};
    set->count++;
    return true;
}

ptrdiff_t nameset_find(const nameset *set, str name) {
    const struct nameset_slot *slot = slot_for(set, str_hash_nocase(name), name);
    return slot && slot->used ? (ptrdiff_t)slot->index : -1;
}
