#include "cli/settings_file.h"

#include "base/fs.h"
#include "sandbox/sandbox.h"

#define SETTINGS_BYTES_MAX (1u << 20)

static void add_problem(problem_list *out, const yaml_text *at, const err *e) {
    problem_add(out, SEVERITY_ERROR, "network", at->where, STR_EMPTY, "%s", e->message);
}

static void judge(const network_settings *n, problem_list *out) {
    for (size_t i = 0; i < n->allow_count; i++) {
        err e = {0};
        if (sandbox_judge_rule(n->allow[i].text, &e) < 0) add_problem(out, &n->allow[i], &e);
    }
    for (size_t i = 0; i < n->host_count; i++) {
        err e = {0};
        sandbox_host host = {n->hosts[i].name.text, n->hosts[i].address.text};
        if (sandbox_judge_host(&host, &e) < 0) add_problem(out, &n->hosts[i].name, &e);
    }
}

int settings_file_read(arena *a, sources *texts, const char *root, const char *shown,
                       settings **ret, err *e) {
    const char *path = fs_join(a, root, STR(SETTINGS_FILE));
    str source;
    *ret = NULL;
    if (!fs_exists(path)) return 0;
    int r = fs_read_file(a, path, SETTINGS_BYTES_MAX, &source, e);
    if (r == 0) r = settings_parse(a, source, shown, ret, e);
    if (r < 0) return r;
    settings *s = *ret;
    sources_add(texts, s->path, source);
    judge(&s->network, &s->problems);
    for (size_t i = 0; i < s->job_count; i++)
        judge(&s->jobs[i].network, &s->problems);
    return 0;
}
