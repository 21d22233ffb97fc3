/* value.c: objects are pairs in insertion order, with a hash index once they are large. */
#include "base/value.h"

#include "base/table.h"

#include <string.h>

#define INDEX_FROM 12 /* pairs; below this a scan is faster */

struct value_object {
    value_pair *pairs;
    size_t count, cap;
    table_index table; /* of the pairs, once they are more than INDEX_FROM */
    bool case_sensitive;
};

value value_object_new(arena *a, bool case_sensitive) {
    return value_object_sized(a, case_sensitive, 0);
}

value value_object_sized(arena *a, bool case_sensitive, size_t count) {
    value_object *o = ARENA_NEW(a, value_object);
    o->case_sensitive = case_sensitive;
    o->cap = count;
    if (count) o->pairs = ARENA_ARRAY(a, value_pair, count);
    return (value){.kind = VALUE_OBJECT, .object = o};
}

static uint64_t key_hash(const value_object *o, str key) {
    return o->case_sensitive ? str_hash(key) : str_hash_nocase(key);
}

static bool key_eq(const value_object *o, str a, str b) {
    return o->case_sensitive ? str_eq(a, b) : str_eq_nocase(a, b);
}

static uint64_t hash_at(const void *owner, size_t index) {
    const value_object *o = owner;
    return key_hash(o, o->pairs[index].key);
}

static value_pair *find(const value_object *o, str key) {
    if (!o) return NULL;
    if (o->count <= INDEX_FROM) {
        for (size_t i = 0; i < o->count; i++) {
            if (key_eq(o, o->pairs[i].key, key)) return &o->pairs[i];
        }
        return NULL;
    }
    size_t at = table_begin(&o->table, key_hash(o, key));
    for (uint32_t i; table_next(&o->table, &at, &i);) {
        if (key_eq(o, o->pairs[i].key, key)) return &o->pairs[i];
    }
    return NULL;
}

void value_set(arena *a, value *object, str key, value item) {
    value_object *o = object->object;
    value_pair *p = find(o, key);
    if (p) {
        p->item = item;
        return;
    }
    ARENA_PUSH(a, o->pairs, o->count, o->cap, ((value_pair){arena_str(a, key), item}));
    if (o->count > INDEX_FROM) table_add(&o->table, a, o->count - 1, hash_at, o);
}

void value_set_str(arena *a, value *object, const char *key, str text) {
    value_set(a, object, str_from(key), value_string(text));
}

void value_set_all(arena *a, value *object, const value *from) {
    if (!from || from->kind != VALUE_OBJECT) return;
    for (size_t i = 0; i < value_count(from); i++)
        value_set(a, object, value_at(from, i)->key, value_at(from, i)->item);
}

const value *value_get(const value *object, str key) {
    if (!object || object->kind != VALUE_OBJECT) return NULL;
    const value_pair *p = find(object->object, key);
    return p ? &p->item : NULL;
}

const value *value_path(const value *root, const char *dotted) {
    str rest = str_from(dotted), head;
    bool more = true;
    while (root && more) {
        more = str_cut(rest, '.', &head, &rest);
        root = value_get(root, head);
    }
    return root;
}

str value_path_str(const value *root, const char *dotted) {
    const value *v = value_path(root, dotted);
    return v && v->kind == VALUE_STRING ? v->string : STR_EMPTY;
}

size_t value_count(const value *v) {
    if (!v) return 0;
    if (v->kind == VALUE_ARRAY) return v->array.count;
    if (v->kind == VALUE_OBJECT && v->object) return v->object->count;
    return 0;
}

const value_pair *value_at(const value *object, size_t index) {
    return &object->object->pairs[index];
}

bool value_case_sensitive(const value *object) {
    return object->kind == VALUE_OBJECT && object->object && object->object->case_sensitive;
}

value value_array_new(arena *a) {
    return value_array_sized(a, 0);
}

/* Capacity is the next power of two (at least 2): it need not be stored. */
value value_array_sized(arena *a, size_t count) {
    size_t cap = 2;
    while (cap < count)
        cap *= 2;
    value *items = ARENA_ARRAY(a, value, count ? cap : 0);
    return (value){.kind = VALUE_ARRAY, .array = {items, count}};
}

void value_push(arena *a, value *array, value item) {
    size_t n = array->array.count;
    if (n == 0 || (n >= 2 && (n & (n - 1)) == 0)) {
        size_t cap = n ? n * 2 : 2;
        array->array.items =
            arena_grow(a, array->array.items, n * sizeof(value), cap * sizeof(value));
    }
    array->array.items[array->array.count++] = item;
}

value value_copy(arena *a, const value *v) {
    value out = *v;
    switch (v->kind) {
    case VALUE_STRING: out.string = arena_str(a, v->string); break;
    case VALUE_ARRAY:
        out = value_array_sized(a, v->array.count);
        for (size_t i = 0; i < v->array.count; i++)
            out.array.items[i] = value_copy(a, &v->array.items[i]);
        break;
    case VALUE_OBJECT:
        out = value_object_sized(a, value_case_sensitive(v), value_count(v));
        for (size_t i = 0; i < value_count(v); i++)
            value_set(a, &out, value_at(v, i)->key, value_copy(a, &value_at(v, i)->item));
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_KIND_COUNT: break;
    }
    return out;
}

bool value_same(const value *a, const value *b) {
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a->boolean == b->boolean;
    case VALUE_NUMBER: return a->number == b->number;
    case VALUE_STRING: return str_eq(a->string, b->string);
    case VALUE_ARRAY:
        if (a->array.count != b->array.count) return false;
        for (size_t i = 0; i < a->array.count; i++) {
            if (!value_same(&a->array.items[i], &b->array.items[i])) return false;
        }
        return true;
    case VALUE_OBJECT:
        if (value_count(a) != value_count(b)) return false;
        for (size_t i = 0; i < value_count(a); i++) {
            const value_pair *p = value_at(a, i);
            const value *other = value_get(b, p->key);
            if (!other || !value_same(&p->item, other)) return false;
        }
        return true;
    case VALUE_KIND_COUNT: break;
    }
    return false;
}
