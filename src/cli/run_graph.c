/* run_graph.c: which job needs which, drawn; jobs of a called workflow below its caller. */
#include "cli/graph.h"
#include "cli/run.h"

#include <stdlib.h>
#include <unistd.h>

static int compare_index(const void *left, const void *right) {
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return a < b ? -1 : a > b;
}

static str node_text(arena *a, const plan *p, const plan_job *job, bool utf8) {
    const token *name = job->job->name;
    bool literal = name && name->kind == TOKEN_STRING && name->text.len;
    str text = literal ? name->text : job->job->id;
    matrix_config *configs;
    size_t count = 0;
    err ignored = {0};
    if (!token_get(job->job->strategy, "matrix")) return text;
    if (plan_matrix(a, p, job, &configs, &count, &ignored) < 0)
        return arena_printf(a, "%.*s %s?", STR_ARG(text), utf8 ? "×" : "x");
    return arena_printf(a, "%.*s %s%zu", STR_ARG(text), utf8 ? "×" : "x", count);
}

static void draw_scope(arena *a, strbuf *out, const plan *p, plan_job **jobs, size_t count,
                       bool utf8, size_t indent) {
    graph_node *nodes = ARENA_ARRAY(a, graph_node, count);
    size_t place_of_index = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->index >= place_of_index) place_of_index = jobs[i]->index + 1;
    }
    size_t *place_of = ARENA_ARRAY(a, size_t, place_of_index + 1);
    for (size_t i = 0; i < count; i++)
        place_of[jobs[i]->index] = i;
    for (size_t i = 0; i < count; i++) {
        size_t *needs = ARENA_ARRAY(a, size_t, jobs[i]->need_count);
        for (size_t k = 0; k < jobs[i]->need_count; k++)
            needs[k] = place_of[jobs[i]->needs[k]->index];
        if (jobs[i]->need_count) qsort(needs, jobs[i]->need_count, sizeof *needs, compare_index);
        nodes[i] = (graph_node){.text = node_text(a, p, jobs[i], utf8),
                                .level = jobs[i]->level,
                                .needs = needs,
                                .need_count = jobs[i]->need_count};
    }
    graph_add(a, out, nodes, count, utf8, indent);
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i]->child_count) continue;
        strbuf_pad(out, ' ', indent);
        strbuf_addf(out, "%.*s calls %.*s:\n", STR_ARG(jobs[i]->key),
                    STR_ARG(token_text(jobs[i]->job->uses)));
        draw_scope(a, out, p, jobs[i]->children, jobs[i]->child_count, utf8, indent + 2);
    }
}

static void draw(strbuf *out, const plan *p, bool utf8) {
    _cleanup_arena_ arena *a = arena_new();
    size_t count;
    plan_job **roots = plan_roots(p, &count);
    draw_scope(a, out, p, roots, count, utf8, 2);
}

int run_graph(const run_set *set) {
    if (set->config->json) return run_list_json(set);
    style st = style_of(STDOUT_FILENO);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < set->file_count; i++) {
        const run_file *f = &set->files[i];
        if (i) strbuf_addc(&out, '\n');
        style_title(&out, &st, f->workflow->name, str_from(f->workflow->path));
        strbuf_addc(&out, '\n');
        draw(&out, f->plan, st.utf8);
    }
    return console_text(strbuf_str(&out));
}
