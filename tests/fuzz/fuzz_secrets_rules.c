/* Rules of secrets: whatever is taken can be matched, in bounds, and what is not has its place. */
#include "fuzz.h"

#include "scan/secrets/match.h"

#include <string.h>

#define ROUNDS 2

static void match(secret_rules *rules, str text) {
    _cleanup_arena_ arena *a = arena_new();
    match_list found = {0};
    scan_out out = {.a = a, .findings.a = a, .errors.a = a};
    matcher *m = matcher_new(rules, NULL, true);
    match_text t = {STR("a/b.txt"), text, ROUNDS, true, false};
    matcher_path(m, a, t.path, &found);
    matcher_text(m, a, &t, &found, &out);
    for (size_t i = 0; i < found.count; i++) {
        const secret_match *f = &found.items[i];
        CHECK(f->secret.start <= f->secret.end && f->secret.end <= text.len);
        CHECK(f->match.start <= f->match.end && f->match.end <= text.len);
    }
    matcher_free(m);
}

/* A line of a request is one line, whatever the rule; its text is also taken for an answer. */
static void ask(arena *a, const secret_verify *v, str text) {
    http_request request;
    err e = {0};
    value values = value_object_new(a, true);
    value_set_str(a, &values, "secret", STR("s"));
    value_set_str(a, &values, "n", STR("n"));
    if (secret_verify_request(a, v, &values, &request, &e) == 0) {
        CHECK(!strpbrk(request.url, "\r\n"));
        for (const char *const *h = request.headers; *h; h++)
            CHECK(!strpbrk(*h, "\r\n"));
    }
    CHECK(secret_verify_judge(v, 200, text) < VERIFIED_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    secret_rules *rules;
    err e = {0};
    /* A few steps of a search are enough to see whether it is in bounds. */
    if (size > 4096) return 0;
    int r = secret_rules_parse(a, text, "rules.toml", RULES_OF_PERSON, &rules, &e);
    CHECK(r == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT || e.code == ERR_NOT_FOUND ||
          e.code == ERR_IO);
    if (r < 0) {
        CHECK(e.message[0] && e.where.line > 0);
        return 0;
    }
    match(rules, STR("key = \"value\"\naaaaaaaaaaaaaaaaaaaa\nz = dG9rZW4tMTIzNDU2Nzg5 %41%42\n"));
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].verify) ask(a, rules->items[i].verify, text);
    }
    secret_rules_done(rules);
    return 0;
}
