/* Proofs: only of the entry that was logged is one good. The corpus has one that is. */
#include "fuzz.h"

#include "trust/audit_check.h"

static const char key[] =
    "fuzz.example/audit+46d9c85d+AdsB1vwAC6aAwKEmxIWQCmSUFEJ/PWAbQjZg6oafTG/J";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    sign_verifier v;
    audit_proven p;
    err e = {0};
    CHECK(sign_verifier_parse(str_from(key), &v, &e) == 0);
    if (audit_prove_check(a, (str){(const char *)data, size}, &v, &p, &e) < 0) {
        CHECK(e.code == ERR_FAILED);
        return 0;
    }
    CHECK(p.index == 3 && p.size == 9 && str_find(p.entry, STR("\"id\":\"3\"")) > 0);
    return 0;
}
