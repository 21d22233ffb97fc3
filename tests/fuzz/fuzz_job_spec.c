/* A job from a server: what is taken keeps to its caps, and says the same when it is written and
 * read again. */
#include "fuzz.h"

#include "runner/job_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    job_spec spec, again;
    err e = {0};
    int r = job_spec_decode(a, (str){(const char *)data, size}, &spec, &e);
    CHECK(r == 0 || e.message[0]);
    if (r < 0) return 0;
    CHECK(spec.instance.label_count <= JOB_SPEC_LABELS_MAX);
    CHECK(spec.source_count <= JOB_SPEC_SOURCES_MAX);
    CHECK(spec.egress.rule_count <= JOB_SPEC_RULES_MAX);
    CHECK(spec.egress.host_count <= JOB_SPEC_RULES_MAX);
    CHECK(job_spec_source(&spec, spec.workflow_path));
    job_spec_encode(&first, &spec);
    CHECK(job_spec_decode(a, strbuf_str(&first), &again, &e) == 0);
    job_spec_encode(&second, &again);
    CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
    return 0;
}
