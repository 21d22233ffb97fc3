/* A list of refs, as a server prints it: what is taken is sorted, can be written and read again,
 * and differs from nothing by each of its refs. */
#include "fuzz.h"

#include "server/git_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    git_refs refs, again, none = {0};
    git_change *changes;
    err e = {0};
    if (git_refs_read(a, (str){(const char *)data, size}, &refs, &e) < 0) {
        CHECK((e.code == ERR_INVALID || e.code == ERR_LIMIT) && e.message[0]);
        return 0;
    }
    for (size_t i = 0; i < refs.count; i++) {
        CHECK(git_ref_is_valid(refs.items[i].name) && git_is_id(refs.items[i].id));
        CHECK(i == 0 || str_cmp(refs.items[i - 1].name, refs.items[i].name) <= 0);
    }
    git_refs_write(&text, &refs);
    CHECK(git_refs_read(a, strbuf_str(&text), &again, &e) == 0 && again.count == refs.count);
    CHECK(git_refs_compare(a, &refs, &again, &changes) == 0);
    CHECK(git_refs_compare(a, &none, &refs, &changes) <= refs.count);
    return 0;
}
