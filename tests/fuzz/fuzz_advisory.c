/* Whatever a file of advisories holds, there is an answer; what was packed is unpacked, shown and
 * packed to the same bytes again, and can be judged. */
#include "fuzz.h"

#include "scan/advisories/evaluate.h"
#include "scan/advisories/feed.h"

static void ignore(void *context, str fixed) {
    CHECK(fixed.len);
    ++*(size_t *)context;
}

static void check_record(str packed) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf again = STRBUF_INIT;
    packed_head head;
    advisory whole, one;
    size_t fixes = 0;
    err e = {0};
    CHECK(advisory_read_head(packed, &head, &e) == 0);
    CHECK(advisory_unpack(a, packed, SIZE_MAX, &whole, &e) == 0);
    CHECK(head.affected_count == whole.affected_count && str_eq(head.id, whole.id));
    advisory_pack(&again, &whole);
    CHECK(str_eq(strbuf_str(&again), packed));
    for (size_t i = 0; i < whole.affected_count; i++) {
        CHECK(advisory_unpack(a, packed, i, &one, &e) == 0);
        evaluate(one.affected, STR("1.2.3-rc.1"));
        evaluate(one.affected, STR(""));
        evaluate_fixes(one.affected, STR("1.0"), ignore, &fixes);
        evaluate_commit(one.affected, STR("v1.0"), STR("0123456789abcdef0123456789abcdef01234567"));
        evaluate_commit_fix(one.affected);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    feed_answer answer;
    err e = {0};
    feed_read((str){(const char *)data, size}, &out);
    CHECK(feed_answer_read(strbuf_str(&out), &answer, &e) == 0);
    if (answer.kind == FEED_RECORD) check_record(answer.body);
    if (answer.kind == FEED_ERROR) CHECK(answer.body.len);
    return 0;
}
