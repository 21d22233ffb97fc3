#include "planning.h"

#include "unit.h"

#include <string.h>

const called_file planning_library[] = {
    {"lib.yml",
     "on:\n  workflow_call:\n    inputs:\n      who: {type: string, default: world}\n"
     "      n: {type: number}\n      flag: {type: boolean}\n"
     "    secrets: {KEY: {required: false}}\n"
     "    outputs: {said: {value: '${{ jobs.say.outputs.text }}'}}\n"
     "jobs:\n  say: {if: \"inputs.who != 'nobody' && inputs.n == 0 && inputs.flag == false\", " S
     "}\n  then: {needs: say, " S "}\n"},
    {"nest.yml",
     "on:\n  workflow_call:\n    outputs: {out: {value: '${{ jobs.deep.outputs.said "
     "}}'}}\njobs:\n  deep: {uses: ./.github/workflows/lib.yml, with: {who: nested}}\n"},
    {"two.yml", "on: workflow_call\njobs:\n  a: {" S "}\n  b: {needs: a, " S "}\n"
                "  clean: {if: always(), needs: b, " S "}\n"},
    {"group.yml", "on: workflow_call\nconcurrency: shared\njobs:\n  a: {" S "}\n"},
    {"cross.yml", "on:\n  workflow_call: {inputs: {one: {type: string}, two: {type: string}}}\n"
                  "concurrency: '${{ inputs.one }}'\njobs:\n  first: {" S "}\n"
                  "  a: {needs: first, concurrency: '${{ inputs.two }}', " S "}\n"},
    {NULL, NULL},
};

static int read_called(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                       err *e) {
    (void)a, (void)from;
    const str folder = STR("./.github/workflows/");
    for (const called_file *f = context; f && f->name; f++) {
        if (!str_starts(uses, folder)) break;
        if (!str_is(str_sub(uses, folder.len, uses.len), f->name)) continue;
        *ret_source = str_from(f->text);
        *ret_path = str_sub(uses, 2, uses.len);
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no file %.*s", STR_ARG(uses));
}

workflow *planning_parse(arena *a, const char *text, const called_file *files) {
    workflow_options options = {.file = read_called, .file_context = (void *)files};
    workflow *w;
    err e = {0};
    if (workflow_parse(a, str_from(text), ".github/workflows/test.yml", &options, &w, &e) != 0)
        fail_msg("%s", e.message);
    for (size_t i = 0; i < w->problems.count; i++) {
        if (w->problems.items[i].level == SEVERITY_ERROR)
            fail_msg("%u:%u: %.*s", w->problems.items[i].where.line,
                     w->problems.items[i].where.column, STR_ARG(w->problems.items[i].message));
    }
    return w;
}

event_facts planning_facts(void) {
    return (event_facts){
        .sha = STR("cccccccccccccccccccccccccccccccccccccccc"),
        .before = STR("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
        .branch = STR("main"),
        .default_branch = STR("main"),
        .owner = STR("octo"),
        .repo = STR("shop"),
        .actor = STR("mona"),
        .actor_email = STR("mona@example.com"),
        .author_name = STR("Mona Lisa"),
        .author_email = STR("mona@example.com"),
        .committer_name = STR("Mona Lisa"),
        .committer_email = STR("mona@example.com"),
        .message = STR("Add a door\n\nIt opens."),
        .timestamp = STR("2026-11-21T12:00:00Z"),
        .server_url = STR("https://github.com"),
    };
}

value planning_json(arena *a, const char *text) {
    value v;
    err e = {0};
    if (json_parse(a, str_from(text), 0, &v, &e) != 0) fail_msg("%s: %s", text, e.message);
    return v;
}

event planning_event(arena *a, const char *name, const char *payload_json) {
    event_facts facts = planning_facts();
    event ev;
    err e = {0};
    value payload = planning_json(a, payload_json ? payload_json : "{}");
    if (event_from_payload(a, str_from(name), &payload, &facts, &ev, &e) != 0)
        fail_msg("%s", e.message);
    return ev;
}
