#include "scan/scan.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static const char *const level_names[LEVEL_COUNT] = {"critical", "high", "medium", "low", "info"};

const char *level_name(finding_level level) {
    return level_names[level];
}

bool level_parse(str name, finding_level *ret) {
    static const struct {
        const char *name;
        finding_level level;
    } others[] = {{"error", LEVEL_HIGH}, {"warning", LEVEL_MEDIUM}, {"note", LEVEL_LOW}};
    for (finding_level l = 0; l < LEVEL_COUNT; l++) {
        if (!str_eq_nocase(name, str_from(level_names[l]))) continue;
        *ret = l;
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!str_eq_nocase(name, str_from(others[i].name))) continue;
        *ret = others[i].level;
        return true;
    }
    return false;
}

/* ---- identity ------------------------------------------------------------------------------- */

static void add_part(sha256 *h, str part) {
    sha256_add(h, part.ptr, part.len);
    sha256_add(h, "", 1);
}

void finding_identify(arena *a, finding *f, str identity) {
    uint8_t digest[32];
    char hex[65];
    sha256 *h = sha256_new();
    add_part(h, f->kind);
    add_part(h, f->rule);
    add_part(h, f->path);
    add_part(h, identity);
    sha256_end(h, digest);
    hex_encode(digest, 16, hex);
    f->fingerprint = arena_str(a, str_from(hex));
}

typedef struct print_order {
    str fingerprint;
    size_t index;
} print_order;

static int cmp_prints(const void *x, const void *y) {
    const print_order *a = x, *b = y;
    int r = str_cmp(a->fingerprint, b->fingerprint);
    return r ? r : (a->index > b->index) - (a->index < b->index);
}

void findings_number(finding_list *list) {
    if (list->count < 2) return;
    print_order *all = ARENA_ARRAY(list->a, print_order, list->count);
    for (size_t i = 0; i < list->count; i++)
        all[i] = (print_order){list->items[i].fingerprint, i};
    qsort(all, list->count, sizeof *all, cmp_prints);
    for (size_t i = 1, nth = 1; i < list->count; i++) {
        bool again = str_eq(all[i - 1].fingerprint, all[i].fingerprint);
        nth = again ? nth + 1 : 1;
        if (!again) continue;
        finding_identify(list->a, &list->items[all[i].index],
                         arena_printf(list->a, "%.*s#%zu", STR_ARG(all[i].fingerprint), nth));
    }
}

static int cmp_number(uint32_t a, uint32_t b) {
    return (a > b) - (a < b);
}

int finding_cmp(const finding *a, const finding *b) {
    int r = str_cmp(a->path, b->path);
    if (r == 0) r = cmp_number(a->line, b->line);
    if (r == 0) r = cmp_number(a->column, b->column);
    if (r == 0) r = cmp_number(a->end_line, b->end_line);
    if (r == 0) r = cmp_number(a->end_column, b->end_column);
    if (r == 0) r = str_cmp(a->kind, b->kind);
    if (r == 0) r = str_cmp(a->rule, b->rule);
    if (r == 0) r = str_cmp(a->commit, b->commit);
    return r ? r : str_cmp(a->fingerprint, b->fingerprint);
}

int finding_cmp_level(const finding *a, const finding *b) {
    return a->level != b->level ? (a->level < b->level ? -1 : 1) : finding_cmp(a, b);
}

void finding_list_add(finding_list *list, const finding *f) {
    ARENA_PUSH(list->a, list->items, list->count, list->cap, *f);
}

static int by_place(const void *a, const void *b) {
    return finding_cmp(a, b);
}

static int by_level(const void *a, const void *b) {
    return finding_cmp_level(a, b);
}

void finding_list_sort(finding_list *list, finding_order order) {
    int (*cmp)(const void *, const void *) = order == ORDER_LEVEL ? by_level : by_place;
    if (list->count) qsort(list->items, list->count, sizeof *list->items, cmp);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

typedef struct text_field {
    const char *key;
    size_t offset;
    bool always; /* written also when it is empty, and must be there */
} text_field;

#define TEXT(name, always)                                                                         \
    { #name, offsetof(finding, name), always }

static const text_field head_fields[] = {TEXT(kind, true), TEXT(rule, true)};
static const text_field texts[] = {
    TEXT(title, false),      TEXT(message, true),       TEXT(help, false),
    TEXT(help_uri, false),   TEXT(fix, false),          TEXT(path, true),
    TEXT(excerpt, false),    TEXT(line_hash, false),    TEXT(commit, false),
    TEXT(author, false),     TEXT(email, false),        TEXT(date, false),
    TEXT(fingerprint, true), TEXT(justification, false)};

typedef struct number_field {
    const char *key;
    size_t offset;
} number_field;

#define NUMBER(name)                                                                               \
    { #name, offsetof(finding, name) }

static const number_field numbers[] = {NUMBER(line), NUMBER(column), NUMBER(end_line),
                                       NUMBER(end_column)};

static const char *const suppressions[SUPPRESSED_COUNT] = {
    [SUPPRESSED_NOT] = "", [SUPPRESSED_IN_SOURCE] = "inSource", [SUPPRESSED_EXTERNAL] = "external"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void write_texts(json_out *o, const finding *f, const text_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const str *s = (const str *)((const char *)f + fields[i].offset);
        if (s->len || fields[i].always) json_key_str(o, fields[i].key, *s);
    }
}

void finding_write(json_out *o, const finding *f) {
    json_open(o, '{');
    write_texts(o, f, head_fields, COUNT(head_fields));
    json_key_str(o, "level", str_from(level_name(f->level)));
    write_texts(o, f, texts, COUNT(texts));
    for (size_t i = 0; i < COUNT(numbers); i++) {
        uint32_t n;
        memcpy(&n, (const char *)f + numbers[i].offset, sizeof n);
        json_key_number(o, numbers[i].key, n);
    }
    if (f->properties.kind == VALUE_OBJECT && value_count(&f->properties)) {
        json_key(o, "properties");
        json_put_value(o, &f->properties);
    }
    if (f->verified.len) json_key_str(o, "verified", f->verified);
    if (f->suppressed) json_key_str(o, "suppressed", str_from(suppressions[f->suppressed]));
    json_close(o, '}');
}

void scan_error_write(json_out *o, const scan_error *error) {
    json_open(o, '{');
    json_key_str(o, "path", error->path);
    json_key_number(o, "line", error->line);
    json_key_number(o, "column", error->column);
    json_key_str(o, "message", error->message);
    json_close(o, '}');
}

static int read_texts(const value *object, finding *f, const text_field *fields, size_t count,
                      err *e) {
    for (size_t i = 0; i < count; i++) {
        const value *v = value_get(object, str_from(fields[i].key));
        str *to = (str *)((char *)f + fields[i].offset);
        if (!v && !fields[i].always) continue;
        if (!v) return err_set(e, ERR_INVALID, "a finding has no '%s'", fields[i].key);
        if (v->kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "'%s' of a finding is no text", fields[i].key);
        *to = v->string;
    }
    return 0;
}

static int read_numbers(const value *object, finding *f, err *e) {
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const value *v = value_get(object, str_from(numbers[i].key));
        if (!v) continue;
        if (v->kind != VALUE_NUMBER || v->number < 0 || v->number > UINT32_MAX)
            return err_set(e, ERR_INVALID, "'%s' of a finding is no number of a line or column",
                           numbers[i].key);
        uint32_t n = (uint32_t)v->number;
        memcpy((char *)f + numbers[i].offset, &n, sizeof n);
    }
    return 0;
}

static int read_suppression(const value *object, finding *f, err *e) {
    const value *v = value_get(object, STR("suppressed"));
    for (finding_suppression s = 0; v && v->kind == VALUE_STRING && s < SUPPRESSED_COUNT; s++) {
        if (!str_is(v->string, suppressions[s])) continue;
        f->suppressed = s;
        return 0;
    }
    return v ? err_set(e, ERR_INVALID, "'suppressed' of a finding is neither inSource nor external")
             : 0;
}

int finding_read(arena *a, const value *object, finding *ret, err *e) {
    (void)a;
    *ret = (finding){0};
    if (object->kind != VALUE_OBJECT) return err_set(e, ERR_INVALID, "a finding is no object");
    if (read_texts(object, ret, head_fields, COUNT(head_fields), e) < 0 ||
        read_texts(object, ret, texts, COUNT(texts), e) < 0 || read_numbers(object, ret, e) < 0)
        return e->code;
    const value *level = value_get(object, STR("level"));
    if (!level || level->kind != VALUE_STRING || !level_parse(level->string, &ret->level))
        return err_set(e, ERR_INVALID,
                       "the level of a finding is none of critical, high, medium, "
                       "low and info");
    const value *properties = value_get(object, STR("properties"));
    if (properties && properties->kind != VALUE_OBJECT && properties->kind != VALUE_NULL)
        return err_set(e, ERR_INVALID, "'properties' of a finding is no object");
    if (properties) ret->properties = *properties;
    return read_suppression(object, ret, e);
}
