/* A text: both ways of looking find the same, in bounds; and no report has a secret in it. */
#include "fuzz.h"

#include "scan/secrets/bytes.h"
#include "scan/secrets/findings.h"

static const char rules_text[] =
    "[[rules]]\nid = 'a'\nregex = '\\btok_[a-z0-9]{6,9}\\b'\nkeywords = ['tok_']\n"
    "[[rules]]\nid = 'b'\nregex = '(?i)[\\w.-]{0,20}?(?:key|pass)[ \"]{0,3}[=:][ "
    "\"]{0,3}([\\w+/-]{6,30})'\n"
    "keywords = ['key', 'pass']\n"
    "[[rules]]\nid = 'c'\nregex = '(?s)BEGIN.+?END'\nkeywords = ['begin']\n"
    "[[rules]]\nid = 'd'\nregex = '(?m)^id=([^\\n]+)$'\n[[rules.required]]\nid = 'a'\nwithinLines "
    "= 2\n"
    "[[rules]]\nid = 'e-generic'\nregex = '[a-f0-9]{20,}'\nentropy = 2.5\n"
    "[[rules]]\nid = 'f-generic'\nregex = '((?i:key|pass)[\\w.-]{0,20})[ \"]{0,3}[=:][ "
    "\"]{0,3}([^\\s\"]{8,60})'\nnameGroup = 1\nchecks = ['credential']\n"
    "[[rules]]\nid = 'g-generic'\nregex = 'b:(\\S{4,})'\nchecks = ['password', 'random', "
    "'placeholder']\n"
    "[[rules]]\nid = 'h'\nregex = '(?:^|[^a-z])(t-[a-z0-9]{14,})(?:;|$)'\nkeywords = ['t-']\n"
    "[[rules]]\nid = 'i'\nregex = '(?i)pass[ ]{0,9}[=:] ?[b]?\"?(\\w{16,40})\\b'\n"
    "keywords = ['pass']\n"
    "[[rules]]\nid = 'j'\nregex = '(?:k[0-9]{16}:x|q[a-f]{16,}!)'\n";

static secret_rules *rules;
static matcher *ways[2];

static void prepare(void) {
    err e = {0};
    arena *a = arena_new();
    CHECK(secret_rules_parse(a, str_from(rules_text), "rules", RULES_OF_PERSON, &rules, &e) == 0);
    ways[0] = matcher_new(rules, NULL, true);
    ways[1] = matcher_new(rules, NULL, false);
}

static match_list look(arena *a, matcher *m, str text) {
    match_list found = {0};
    scan_out out = {.a = a, .findings.a = a, .errors.a = a};
    match_text t = {STR("a/b.txt"), text, 3, true, false};
    matcher_text(m, a, &t, &found, &out);
    findings_options how = {false, true};
    findings_add(&out, t.path, text, &found, &how);
    CHECK(out.findings.count == found.count);
    for (size_t i = 0; i < found.count; i++) {
        const finding *f = &out.findings.items[i];
        CHECK(found.items[i].secret.end <= text.len && f->line > 0 && f->column > 0);
        CHECK(utf8_valid(f->excerpt) && utf8_valid(f->message));
        bool told =
            found.items[i].value.len >= 8 && (str_find(f->excerpt, found.items[i].value) >= 0 ||
                                              str_find(f->message, found.items[i].value) >= 0);
        CHECK(!told);
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    if (!rules) prepare();
    bytes_kind kind = bytes_kind_of(text);
    if (kind == BYTES_UTF16_LE || kind == BYTES_UTF16_BE)
        text = bytes_from_utf16(a, text, kind == BYTES_UTF16_BE);
    match_list slow = look(a, ways[0], text), fast = look(a, ways[1], text);
    CHECK(slow.count == fast.count);
    for (size_t i = 0; i < slow.count; i++) {
        CHECK(slow.items[i].rule == fast.items[i].rule);
        CHECK(slow.items[i].secret.start == fast.items[i].secret.start);
        CHECK(slow.items[i].match.start == fast.items[i].match.start);
        CHECK(slow.items[i].match.end == fast.items[i].match.end);
    }
    return 0;
}
