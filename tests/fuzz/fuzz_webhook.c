/* A delivery: its first line is the forge's number and the event, the rest is the body. Whatever it
 * says, what comes of it is refused, ignored or an event with a name. */
#include "fuzz.h"

#include "server/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str body = {(const char *)data, size}, line;
    webhook w = {.delivery = STR("d")};
    webhook_news n;
    err e = {0};
    if (!str_line(&body, &line) || line.len < 2) return 0;
    w.forge = (webhook_forge)((uint8_t)line.ptr[0] % WEBHOOK_FORGE_COUNT);
    w.event = str_sub(line, 1, line.len);
    if (webhook_read(a, &w, body, 0, &n, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        CHECK(e.message[0]);
        return 0;
    }
    CHECK(n.event_count <= WEBHOOK_EVENTS_MAX);
    CHECK(n.ping || n.ignored.len || n.event_count);
    for (size_t i = 0; i < n.event_count; i++)
        CHECK(event_kind_find(n.events[i].name) && n.repository.len);
    return 0;
}
