/* Tokens: nothing that was not signed is good, and what is parsed comes from the text. */
#include "fuzz.h"

#include "actions/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    jwt token;
    err e = {0};
    int r = jwt_parse(a, text, &token, &e);
    CHECK(r == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    if (r == 0) CHECK(token.signed_text.len < size && token.claims.kind == VALUE_OBJECT);
    CHECK(jwt_check(a, STR("a key that no input knows"), text, 1800000000, &token, &e) < 0);
    return 0;
}
