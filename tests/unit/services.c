#include "unit.h"

#include "agent/services.h"
#include "planning.h"

static const called_file files[] = {
    {"called.yml", "on: workflow_call\njobs: {in: {" S "}}"},
    {"asks.yml", "on: workflow_call\npermissions: {id-token: write}\njobs: {in: {" S "}}"},
    {0},
};

/* What the workflow does not say is no; what it says, every caller must say, too. */
static void identity_is_what_the_workflow_permits(void **state) {
    static const struct {
        const char *text, *payload;
        bool may;
    } cases[] = {
        {"on: push\njobs: {a: {" S "}}", NULL, false},
        {"on: push\npermissions: {id-token: write}\njobs: {a: {" S "}}", NULL, true},
        {"on: push\npermissions: write-all\njobs: {a: {" S "}}", NULL, true},
        {"on: push\npermissions: {contents: write}\njobs: {a: {" S "}}", NULL, false},
        {"on: push\npermissions: {id-token: write}\njobs: {a: {permissions: {}, " S "}}", NULL,
         false},
        {"on: push\njobs: {a: {permissions: {id-token: write}, " S "}}", NULL, true},
        {"on: push\njobs: {a: {permissions: {id-token: write}, "
         "uses: ./.github/workflows/called.yml}}",
         NULL, true},
        {"on: push\njobs: {a: {permissions: {id-token: write}, uses: "
         "./.github/workflows/asks.yml}}",
         NULL, true},
        {"on: push\njobs: {a: {uses: ./.github/workflows/called.yml}}", NULL, false},
        {"on: pull_request\npermissions: {id-token: write}\njobs: {a: {" S "}}",
         "{\"pull_request\": {\"head\": {\"repo\": {\"fork\": true}}}}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        bool pull = cases[i].payload != NULL;
        workflow *w = planning_parse(a, cases[i].text, files);
        event ev = planning_event(a, pull ? "pull_request" : "push", cases[i].payload);
        plan *p;
        schedule *s;
        err e = {0};
        assert_int_equal(plan_build(a, w, &ev, NULL, &p, &e), 0);
        schedule_inputs in = {.secrets = value_object_new(a, false),
                              .vars = value_object_new(a, false)};
        assert_int_equal(schedule_new(p, &in, NULL, NULL, &s, &e), 0);
        const job_instance *job = schedule_next(s);
        assert_non_null(job);
        if (services_identity(job) != cases[i].may) fail_msg("case %zu", i);
        schedule_free(s);
    }
}

static void only_those_that_would_refuse_see_another_server(void **state) {
    static const struct {
        const char *program, *server, *seen;
    } cases[] = {
        {"x \"github.actions.results.api.v1.ArtifactService\" y", "https://git.example.com",
         "http://slipway.localhost"},
        {"x \"github.actions.results.api.v1.ArtifactService\" y", "https://github.com",
         "https://github.com"},
        {"x \"github.actions.results.api.v1.CacheService\" y", "https://git.example.com",
         "https://git.example.com"},
        {"", "https://git.example.com", "https://git.example.com"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        assert_str(services_server_url(a, str_from(cases[i].program), str_from(cases[i].server)),
                   cases[i].seen);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_what_the_workflow_permits),
        cmocka_unit_test(only_those_that_would_refuse_see_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
