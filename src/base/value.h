/* value.h: a tree of null, booleans, numbers, strings, arrays and objects: what JSON, YAML scalars
 * and expressions share. Values live in an arena, are immutable once handed on, and may be shared
 * between trees (a value is 32 bytes and is copied by assignment; its children are not). */
#ifndef SLIPWAY_BASE_VALUE_H
#define SLIPWAY_BASE_VALUE_H

#include "base/arena.h"

typedef enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER, /* IEEE double, as in JSON and in GitHub's expressions */
    VALUE_STRING, /* UTF-8 */
    VALUE_ARRAY,
    VALUE_OBJECT,
    VALUE_KIND_COUNT
} value_kind;

typedef struct value value;
typedef struct value_pair value_pair;
typedef struct value_object value_object;

struct value {
    value_kind kind;
    union {
        bool boolean;
        double number;
        str string;
        struct {
            value *items;
            size_t count;
        } array;
        value_object *object; /* NULL is an empty object */
    };
};

struct value_pair {
    str key;
    value item;
};

#define VALUE_NULL_INIT ((value){.kind = VALUE_NULL})
static inline value value_bool(bool b) {
    return (value){.kind = VALUE_BOOL, .boolean = b};
}
static inline value value_number(double n) {
    return (value){.kind = VALUE_NUMBER, .number = n};
}
/* Borrows the text. */
static inline value value_string(str s) {
    return (value){.kind = VALUE_STRING, .string = s};
}
static inline value value_cstring(const char *s) {
    return value_string(str_from(s));
}

/* A new empty object that keeps insertion order. Keys are found without ASCII case, as in GitHub's
 * contexts, unless `case_sensitive` (the `env` context on Linux). */
value value_object_new(arena *a, bool case_sensitive);
/* The same with room for `count` keys, for those who know how many will come. */
value value_object_sized(arena *a, bool case_sensitive, size_t count);
/* Sets a key of an object made in the same arena; an existing one keeps its place and spelling. */
void value_set(arena *a, value *object, str key, value item);
void value_set_str(arena *a, value *object, const char *key, str text);
/* Sets every key of `from` (nothing when it is NULL or no object). The items are shared. */
void value_set_all(arena *a, value *object, const value *from);
/* The item under `key`, or NULL; also NULL when `object` is not an object. Borrowed. */
const value *value_get(const value *object, str key);
/* As value_get over a dotted path, "pull_request.head.sha". */
const value *value_path(const value *root, const char *dotted);
/* The string under a dotted path, or an empty str when it is absent or not a string. */
str value_path_str(const value *root, const char *dotted);
size_t value_count(const value *v); /* items of an array, pairs of an object, else 0 */
const value_pair *value_at(const value *object, size_t index);
bool value_case_sensitive(const value *object);

/* A new empty array. `items` is its identity, which expressions compare: never NULL, unique. */
value value_array_new(arena *a);
/* An array of `count` nulls, to be overwritten by those who know how many there are. */
value value_array_sized(arena *a, size_t count);
void value_push(arena *a, value *array, value item);

/* A deep copy into another arena. */
value value_copy(arena *a, const value *v);
/* Structural equality: exact kinds, numbers by ==, strings by bytes, objects in any order. */
bool value_same(const value *a, const value *b);

#endif
