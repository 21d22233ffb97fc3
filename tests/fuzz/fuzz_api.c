/* What callers of the API write: paths, cursors, lists in headers, addresses, bodies. The first
 * byte chooses. */
#include "fuzz.h"

#include "base/json.h"
#include "server/api_parts.h"

static const char *const words[] = {"a", "b", NULL};
static const api_field part_fields[] = {{.name = "size", .type = API_INTEGER, .required = true},
                                        {.name = "part", .type = API_OBJECT, .schema = "Part"},
                                        {.name = NULL}};
static const api_field fields[] = {
    {.name = "name", .type = API_STRING, .required = true, .min = 1, .max = 8},
    {.name = "word", .type = API_WORD, .words = words},
    {.name = "count", .type = API_INTEGER, .min = 1, .max = 9},
    {.name = "at", .type = API_TIME, .nullable = true},
    {.name = "parts", .type = API_LIST, .items = API_OBJECT, .schema = "Part", .max = 2},
    {.name = NULL},
};
static const api_schema schemas[] = {{"Part", "a part", part_fields}, {"Body", "all", fields}};
static const api_schemas tables[] = {{schemas, sizeof schemas / sizeof *schemas}};
static const api_route route = {.id = "x", .body = "Body"};

static void read_path(arena *a, str text) {
    static const char *const patterns[] = {"/a/{b}", "/a/{b...}", "/{a}/{b}/c", "/"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        api_pattern p;
        str values[API_SEGMENTS_MAX];
        CHECK(api_pattern_parse(a, patterns[i], &p, NULL) == 0);
        if (!api_pattern_match(&p, text, values)) continue;
        CHECK(text.ptr[0] == '/');
        if (i == 0) CHECK(values[1].len && str_find_char(values[1], '/') < 0);
        if (i == 1) CHECK(values[1].len == text.len - 3);
    }
    err e = {0};
    api_pattern p;
    if (api_pattern_parse(a, arena_cstr(a, text), &p, &e) < 0) CHECK(e.code == ERR_INVALID);
}

static void read_cursor(arena *a, str text) {
    static const uint8_t key[32] = {1};
    value v;
    CHECK(!api_cursor_read(a, key, "x", text, &v)); /* nobody guesses a signature */
}

static void read_headers(arena *a, str text) {
    httpd_network n;
    (void)a;
    api_accepts(text, STR("application/json"));
    api_etag_listed(text, STR("\"x\""));
    if (httpd_network_parse(text, &n, NULL) == 0) CHECK(n.bits <= 128);
    httpd_network_has(&(httpd_network){.bits = 128}, text);
}

static void read_body(arena *a, str text) {
    static api s = {.config = {.schemas = tables, .schema_tables = 1}};
    api_call c = {.s = &s, .a = a, .route = &route};
    if (json_parse(a, text, 0, &c.body, NULL) < 0) return;
    api_check_body(&c);
    if (c.error_count) return;
    str name = value_path_str(&c.body, "name");
    const value *count = value_get(&c.body, STR("count")),
                *parts = value_get(&c.body, STR("parts"));
    CHECK(name.len >= 1 && name.len <= 8 && utf8_valid(name));
    if (count) CHECK(count->number >= 1 && count->number <= 9);
    if (parts) CHECK(value_count(parts) <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(arena *, str) = {read_path, read_cursor, read_headers,
                                                    read_body};
    if (!size) return 0;
    _cleanup_arena_ arena *a = arena_new();
    readers[data[0] % 4](a, (str){(const char *)data + 1, size - 1});
    return 0;
}
