#include "workflow/ids.h"

#define ID_LENGTH_MAX 100

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_id_char(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_id(str id) {
    if (id.len == 0 || id.len >= ID_LENGTH_MAX || !(is_letter(id.ptr[0]) || id.ptr[0] == '_'))
        return false;
    for (size_t i = 1; i < id.len; i++)
        if (!is_id_char(id.ptr[i])) return false;
    return true;
}

bool id_take(reading *r, id_set *set, const token *id) {
    str text = id->text;
    if (!is_id(text)) {
        reading_error(r, id->where, "syntax",
                      "The identifier '%.*s' is invalid. IDs may only contain alphanumeric "
                      "characters, '_', and '-'. IDs must start with a letter or '_' and and must "
                      "be less than %d characters.",
                      STR_ARG(text), ID_LENGTH_MAX);
        return false;
    }
    if (str_starts(text, STR("__"))) {
        reading_error(r, id->where, "syntax",
                      "The identifier '%.*s' is invalid. IDs starting with '__' are reserved.",
                      STR_ARG(text));
        return false;
    }
    if (!nameset_add(&set->taken, text)) {
        reading_error(r, id->where, "syntax",
                      "The identifier '%.*s' may not be used more than once within the same scope.",
                      STR_ARG(text));
        return false;
    }
    return true;
}

/* The number to try next for ids made from `base`. */
static unsigned *counter(arena *a, id_set *set, str base) {
    if (nameset_add(&set->bases, base)) ARENA_PUSH(a, set->next, set->next_count, set->next_cap, 1);
    return &set->next[nameset_find(&set->bases, base)];
}

str id_make(arena *a, id_set *set, str from) {
    str base = arena_printf(a, "__%.*s", STR_ARG(from));
    for (size_t i = 0; i < base.len; i++)
        if (!is_id_char(base.ptr[i])) ((char *)base.ptr)[i] = '_';
    base = str_sub(base, 0, ID_LENGTH_MAX);
    unsigned *number = counter(a, set, base);
    for (;;) {
        str id = base;
        if (*number > 1) {
            str suffix = arena_printf(a, "_%u", *number);
            size_t keep = ID_LENGTH_MAX - suffix.len;
            id = arena_printf(a, "%.*s%.*s", STR_ARG(str_sub(base, 0, keep)), STR_ARG(suffix));
        }
        ++*number;
        if (nameset_add(&set->taken, id)) return id;
    }
}
