/* A URL: what is taken holds no password and no option, and can be judged. */
#include "fuzz.h"

#include "server/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    remote_url u;
    net_address x = {.family = 4, .bytes = {10, 0, 0, 1}};
    err e = {0};
    const remote_guard g = {.allow_http = true};
    if (remote_parse(a, (str){(const char *)data, size}, &u, &e) < 0) {
        CHECK((e.code == ERR_INVALID || e.code == ERR_LIMIT) && e.message[0]);
        return 0;
    }
    CHECK(u.text.len == size && u.text.ptr[0] != '-');
    CHECK(u.scheme < REMOTE_SCHEME_COUNT && (u.host.len > 0) == (u.scheme != REMOTE_FILE));
    CHECK(!u.user.len || (u.scheme == REMOTE_SSH && str_find_char(u.user, ':') < 0));
    CHECK(!u.host.len || u.host.ptr[0] != '-');
    CHECK(!u.path.len || u.path.ptr[0] != '-');
    if (u.host.len) CHECK(remote_judge(&g, &u, &x, &e) < 0);
    return 0;
}
