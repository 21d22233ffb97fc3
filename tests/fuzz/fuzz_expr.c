/* What parses can be walked and evaluated; what it evaluates to can be written, compared and, where
 * it is finite, read again. */
#include "fuzz.h"

#include "base/json.h"
#include "expr/expr.h"

#define MEMORY_MAX (1u << 20)

static const char contexts_json[] =
    "{\"github\": {\"sha\": \"0123abcd\", \"event\": {\"labels\": [{\"name\": \"bug\"},"
    " {\"name\": \"\xC3\x9C\"}], \"number\": 7, \"draft\": false, \"body\": null}},"
    " \"env\": {\"A\": \"1\", \"B\": \"{0}\", \"C\": \"[1, [2], {}]\"},"
    " \"matrix\": [[0, 1], [2, [3]], {\"a\": {\"b\": 1e300}}]}";

static int call(void *context, arena *a, str name, const value *args, size_t count, value *ret,
                err *e) {
    (void)context, (void)a;
    if (count == 0) return err_set(e, ERR_FAILED, "%.*s has nothing to give", STR_ARG(name));
    *ret = args[count - 1];
    return 0;
}

static size_t walk(const expr *x, unsigned depth) {
    size_t count = 1;
    CHECK(depth <= EXPR_DEPTH_MAX);
    CHECK(expr_kind_of(x) < EXPR_KIND_COUNT);
    CHECK((expr_literal_of(x) != NULL) == (expr_kind_of(x) == EXPR_LITERAL));
    for (size_t i = 0; i < expr_child_count(x); i++)
        count += walk(expr_child(x, i), depth + 1);
    return count;
}

static void check_result(arena *a, const value *v) {
    str json = value_to_json(a, v);
    value again;
    CHECK(utf8_valid(json));
    value_truthy(v);
    CHECK(value_to_str(a, v).ptr);
    if (v->kind != VALUE_NUMBER) CHECK(value_equal(v, v));
    /* NaN and Infinity are not JSON, and an index that writes them may stand anywhere inside. */
    if (str_find(json, STR("NaN")) < 0 && str_find(json, STR("Infinity")) < 0)
        CHECK(json_parse(a, json, 0, &again, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena *kept; /* from one run to the next */
    static value contexts;
    if (!kept) {
        kept = arena_new();
        CHECK(json_parse(kept, str_from(contexts_json), 0, &contexts, NULL) == 0);
    }
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    const expr *x;
    err e = {0};
    if (expr_parse(a, text, NULL, &x, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        CHECK(e.message[0]);
        return 0;
    }
    if (x) CHECK(walk(x, 1) <= size);
    const expr_env env = {.contexts = &contexts, .call = call, .max_bytes = MEMORY_MAX};
    value v;
    if (expr_eval(a, x, &env, &v, &e) < 0)
        CHECK(e.message[0]);
    else
        check_result(a, &v);
    return 0;
}
