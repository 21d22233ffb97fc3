/* api_repeat.c: a POST that comes again under the same Idempotency-Key is done once. */
#include "server/api_parts.h"

#include "base/hash.h"

#include <string.h>

#define KEY_MAX 255

static void digest(const char *what, str first, str second, int64_t id, uint8_t out[32]) {
    sha256 *h = sha256_new();
    _cleanup_strbuf_ strbuf head = STRBUF_INIT;
    strbuf_addf(&head, "%s %zu %zu %lld\n", what, first.len, second.len, (long long)id);
    sha256_add(h, head.ptr, head.len);
    sha256_add(h, first.ptr, first.len);
    sha256_add(h, second.ptr, second.len);
    sha256_end(h, out);
}

static void answer_again(api_call *c, const api_kept *kept) {
    httpd_add_header(c->r, "Idempotency-Replayed", STR("true"));
    if (kept->location.len) httpd_add_header(c->r, "Location", kept->location);
    c->answered = true;
    api_add_headers(c, false);
    httpd_answer(c->r, kept->status, kept->type.len ? arena_cstr(c->a, kept->type) : NULL,
                 kept->body);
}

bool api_repeat_begin(api_call *c) {
    idempotency_store *s = c->s->config.repeats;
    str key = httpd_header(c->r, "Idempotency-Key");
    uint8_t request[32];
    api_kept kept = {0};
    if (!key.len) return true;
    if (!(c->route->flags & API_IDEMPOTENT) || !s || key.len > KEY_MAX) {
        api_problem(c, 400, "an Idempotency-Key is not taken here, or is over %d bytes", KEY_MAX);
        return false;
    }
    str who = arena_printf(c->a, "%s %d", c->route->id, (int)c->caller.kind);
    digest("key", key, who, c->caller.id, c->repeat_key);
    digest("request", httpd_raw_target(c->r), c->raw, 0, request);
    switch (s->begin(s->context, c->repeat_key, request, c->a, &kept)) {
    case API_FIRST: c->repeatable = true; return true;
    case API_KEPT: answer_again(c, &kept); return false;
    case API_DIFFERS:
        api_problem(c, 422, "this Idempotency-Key was used for another request");
        return false;
    case API_BUSY: api_busy(c, 409, 1, "the same request is under way"); return false;
    }
    return false;
}

/* What may go better next time is not kept: the server's own failures, and being told to wait. */
void api_repeat_end(api_call *c, unsigned status, const char *type, str body, str location) {
    idempotency_store *s = c->s->config.repeats;
    const api_kept kept = {status, type ? str_from(type) : STR_EMPTY, body, location};
    bool final = status < 500 && status != 429 && status != 409;
    s->end(s->context, c->repeat_key, final ? &kept : NULL);
    c->repeatable = false;
}
