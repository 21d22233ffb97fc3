#include "unit.h"

#include "planning.h"
#include "runner/job_spec.h"

#include <string.h>

#define COMMIT "cccccccccccccccccccccccccccccccccccccccc"
#define PATH   ".github/workflows/test.yml"

static const char text[] =
    "on: push\njobs:\n  a: {" S "}\n  b:\n    needs: a\n    strategy: "
    "{matrix: {n: [1, 2]}}\n    timeout-minutes: 7.5\n    environment: prod\n"
    "    runs-on: [self-hosted, x]\n    steps: [{run: b}]\n";

typedef struct planned {
    arena *a;
    event ev;
    schedule *s;
    job_spec spec;
} planned;

/* The second job's first configuration, with what a server adds. */
static void plan_it(planned *p) {
    static const job_source sources[] = {{PATH, {text, sizeof text - 1}}};
    static const str rules[] = {STR_INIT("example.com:443")};
    static const sandbox_host hosts[] = {{STR_INIT("db.internal"), STR_INIT("10.1.2.3")}};
    err e = {0};
    plan *planned_run;
    p->a = arena_new();
    workflow *w = planning_parse(p->a, text, NULL);
    p->ev = planning_event(p->a, "push", NULL);
    assert_int_equal(plan_build(p->a, w, &p->ev, NULL, &planned_run, &e), 0);
    schedule_inputs in = {.secrets = planning_json(p->a, "{\"KEY\": \"hidden\"}"),
                          .vars = planning_json(p->a, "{\"V\": \"w\"}")};
    assert_int_equal(schedule_new(planned_run, &in, NULL, NULL, &p->s, &e), 0);
    value outputs = planning_json(p->a, "{\"x\": \"1\"}");
    schedule_finish(p->s, schedule_next(p->s), JOB_SUCCESS, &outputs);
    job_spec_of(&p->spec, schedule_next(p->s), &p->ev);
    p->spec.job_id = 9007199254740991;
    p->spec.attempt = 2;
    p->spec.token = STR("t");
    p->spec.run_id = 3;
    p->spec.run_number = 4;
    p->spec.run_attempt = 5;
    p->spec.run_name = STR("r\xc3\xa4");
    p->spec.repository = STR("owner/repo");
    p->spec.git = STR("/srv/1.git");
    p->spec.commit = STR(COMMIT);
    p->spec.ref = STR("refs/heads/main");
    p->spec.workflow_path = STR(PATH);
    p->spec.sources = (job_source *)sources;
    p->spec.source_count = 1;
    p->spec.limits.memory_bytes = 1 << 20;
    p->spec.egress = (sandbox_egress){.network = SANDBOX_NETWORK_ALLOW,
                                      .rules = rules,
                                      .rule_count = 1,
                                      .hosts = hosts,
                                      .host_count = 1};
}

static void done(planned *p) {
    schedule_free(p->s);
    arena_free(p->a);
}

static void what_is_encoded_is_decoded(void **state) {
    (void)state;
    planned p = {0};
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    job_spec got;
    err e = {0};
    plan_it(&p);
    job_spec_encode(&first, &p.spec);
    if (job_spec_decode(p.a, strbuf_str(&first), &got, &e) < 0) fail_msg("%s", e.message);
    const job_instance *i = &got.instance, *was = &p.spec.instance;
    assert_int_equal(got.job_id, 9007199254740991);
    assert_str(got.job_key, "b");
    assert_str(i->key, "b (1)");
    assert_str(i->environment, "prod");
    assert_true(i->timeout_minutes == 7.5);
    assert_int_equal(i->total, 2);
    assert_int_equal(i->label_count, 2);
    assert_str(i->labels[0], "self-hosted");
    assert_str(value_path_str(&i->needs, "a.outputs.x"), "1");
    assert_str(value_path_str(&i->secrets, "key"), "hidden");
    assert_true(value_same(&i->matrix, &was->matrix));
    assert_true(value_same(&i->github, &was->github));
    assert_true(value_same(&got.event.payload, &p.ev.payload));
    assert_str(got.event.repository, "owner/repo");
    assert_str(got.event.run_id, "3");
    assert_int_equal(got.egress.network, SANDBOX_NETWORK_ALLOW);
    assert_str(got.egress.rules[0], "example.com:443");
    assert_str(got.egress.hosts[0].address, "10.1.2.3");
    assert_str(job_spec_source(&got, STR(PATH))->text, text);
    assert_null(job_spec_source(&got, STR("other.yml")));
    job_spec_encode(&second, &got);
    assert_true(str_eq(strbuf_str(&first), strbuf_str(&second)));
    done(&p);
}

static void what_lies_on_a_disk_has_no_secret(void **state) {
    (void)state;
    planned p = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    plan_it(&p);
    job_spec_describe(&out, &p.spec);
    static const char *const absent[] = {"hidden", "\"github\"", "\"sources\"", "\"needs\"",
                                         "/srv/1.git"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (str_find(strbuf_str(&out), str_from(absent[i])) >= 0) fail_msg("%s", absent[i]);
    assert_true(str_find(strbuf_str(&out), STR("\"token\":\"t\"")) >= 0);
    done(&p);
}

/* One field is taken out of a good job, or gets another value. */
static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *field, *json, *message; /* json NULL: the field is missing */
    } cases[] = {
        {"version", NULL, "this is no job: it has no 'version'"},
        {"version", "2",
         "the job has version 2, and this agent knows version 1: bring server and agent to the "
         "same release"},
        {"job_id", NULL, "the job has no 'job_id'"},
        {"job_id", "-1", "the job's 'job_id' is no whole number in its range"},
        {"job_id", "1.5", "the job's 'job_id' is no whole number in its range"},
        {"attempt", "\"1\"", "the job's 'attempt' is no whole number in its range"},
        {"token", "1", "the job's 'token' is no string"},
        {"name", "\"a\\u0000b\"", "the job's 'name' is no text"},
        {"run", "{}", "the job has no 'run.id'"},
        {"repository", "[]", "the job has no 'repository.name'"},
        {"secrets", "{\"A\": 1}", "the job's 'secrets' is no object of strings"},
        {"vars", "[]", "the job's 'vars' is no object"},
        {"github", "null", "the job's 'github' is no object"},
        {"matrix", "[]", "the job's 'matrix' is no object"},
        {"continue_on_error", "\"no\"", "the job's 'continue_on_error' is no boolean"},
        {"timeout_minutes", "0",
         "the job's 'timeout_minutes' is no number of minutes of at most a "
         "year"},
        {"total", "65536", "the job's 'total' is no whole number in its range"},
        {"labels", NULL, "the job's 'labels' is no list"},
        {"labels", "[1]", "the job's 'labels' is no string"},
        {"sources", "[]", "the job's 'sources' is no object"},
        {"sources", "{}", "the job's 'sources' have no '" PATH "'"},
        {"network", "{\"mode\": \"open\"}",
         "the job's 'network.mode' is no 'host', 'none', 'allow' or 'audit'"},
        {"network", "[]", "the job's 'network.mode' is no 'host', 'none', 'allow' or 'audit'"},
        {"network", "{\"mode\": \"allow\", \"allow\": {}}", "the job's 'network.allow' is no list"},
        {"network", "{\"mode\": \"allow\", \"hosts\": [{}]}",
         "the job's 'network.hosts' is no list of names and addresses"},
    };
    planned p = {0};
    _cleanup_strbuf_ strbuf good = STRBUF_INIT;
    plan_it(&p);
    job_spec_encode(&good, &p.spec);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        value root = planning_json(p.a, strbuf_cstr(&good)), bad = value_object_new(p.a, false);
        for (size_t k = 0; k < value_count(&root); k++) {
            const value_pair *pair = value_at(&root, k);
            bool changed = str_is(pair->key, cases[i].field);
            if (changed && !cases[i].json) continue;
            value_set(p.a, &bad, pair->key,
                      changed ? planning_json(p.a, cases[i].json) : pair->item);
        }
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        job_spec got;
        err e = {0};
        json_write(&out, &bad);
        if (job_spec_decode(p.a, strbuf_str(&out), &got, &e) >= 0)
            fail_msg("'%s' was accepted", cases[i].field);
        assert_string_equal(e.message, cases[i].message);
    }
    done(&p);
}

/* An agent that dies while it writes leaves half a job. */
static void half_a_job_tells_nothing_of_itself(void **state) {
    (void)state;
    planned p = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    job_spec got;
    err e = {0};
    plan_it(&p);
    job_spec_encode(&out, &p.spec);
    size_t cut = (size_t)str_find(strbuf_str(&out), STR("hidden")) + 3;
    assert_int_equal(job_spec_decode(p.a, str_sub(strbuf_str(&out), 0, cut), &got, &e),
                     ERR_INVALID);
    assert_null(strstr(e.message, "hid"));
    done(&p);
}

static void caps_are_named(void **state) {
    (void)state;
    planned p = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    job_spec got;
    err e = {0};
    plan_it(&p);
    str many[JOB_SPEC_LABELS_MAX + 1];
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = STR("x");
    p.spec.instance.labels = many;
    p.spec.instance.label_count = sizeof many / sizeof *many;
    job_spec_encode(&out, &p.spec);
    assert_int_equal(job_spec_decode(p.a, strbuf_str(&out), &got, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the job's 'labels' are more than 100");
    done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(what_lies_on_a_disk_has_no_secret),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(half_a_job_tells_nothing_of_itself),
        cmocka_unit_test(caps_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
