/* The files by which a step speaks to the runner, from their making to their effects. */
#include "runner/job.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const step_file_context[STEP_FILE_COUNT] = {"env", "output", "path", "state",
                                                        "step_summary"};

static const char *const prefixes[STEP_FILE_COUNT] = {"set_env_", "set_output_", "add_path_",
                                                      "save_state_", "step_summary_"};

int files_open(lane *l, err *e) {
    runner *r = l->r;
    for (int i = 0; i < STEP_FILE_COUNT; i++) {
        if (l->files[i]) continue;
        str name = arena_printf(r->a, "%s%d", prefixes[i], r->next_file++);
        char *path = fs_join(r->a, r->commands, name);
        if (view_write(job_files(r), path, STR_EMPTY, e) < 0) return e->code;
        l->files[i] = path;
    }
    return 0;
}

static void apply_pairs(step *s, step_file kind, const filecmd_pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str name = arena_utf8(s->a, pairs[i].name), text = arena_utf8(s->a, pairs[i].value);
        if (kind == FILE_OUTPUT) {
            step_set_output(s, name, text);
            output_debug(s, "Set output %.*s = %.*s", STR_ARG(name), STR_ARG(text));
        } else if (kind == FILE_STATE) {
            if (s->use)
                value_set(s->r->a, &s->use->state, name, value_string(arena_str(s->r->a, text)));
            output_debug(s, "Save intra-action state %.*s = %.*s", STR_ARG(name), STR_ARG(text));
        } else if (!filecmd_env_allowed(name)) {
            output_error(s, "Can't store %.*s output parameter using '$GITHUB_ENV' command.",
                         STR_ARG(name));
        } else {
            step_set_env(s, name, text);
            output_debug(s, "%.*s='%.*s'", STR_ARG(name), STR_ARG(text));
        }
    }
}

static int read_pairs(step *s, step_file kind, str text, err *e) {
    filecmd_pair *pairs = NULL;
    size_t count = 0;
    int code = filecmd_pairs(s->a, text, &pairs, &count, e);
    apply_pairs(s, kind, pairs, count);
    return code;
}

static int read_paths(step *s, str text, err *e) {
    str *paths;
    size_t count;
    if (filecmd_paths(s->a, text, &paths, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++)
        step_add_path(s, paths[i]);
    return 0;
}

static int read_summary(step *s, str text) {
    s->summary = arena_utf8(s->a, text);
    return 0;
}

static int apply_text(step *s, step_file kind, str text, err *e) {
    switch (kind) {
    case FILE_PATH: return read_paths(s, text, e);
    case FILE_SUMMARY: return read_summary(s, text);
    case FILE_ENV:
    case FILE_OUTPUT:
    case FILE_STATE:
    case STEP_FILE_COUNT: break;
    }
    return read_pairs(s, kind, text, e);
}

static void process(step *s, step_file kind, const char *path, size_t size) {
    err e = {0};
    str text;
    if (kind == FILE_SUMMARY && size > FILECMD_SUMMARY_MAX) {
        output_error(s,
                     "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of %uk, "
                     "got %zuk. For more information see: "
                     "https://docs.github.com/actions/using-workflows/"
                     "workflow-commands-for-github-actions#adding-a-markdown-summary",
                     FILECMD_SUMMARY_MAX >> 10, size >> 10);
        return;
    }
    if (view_read(job_files(s->r), s->a, path, FILECMD_BYTES_MAX, &text, &e) >= 0 &&
        apply_text(s, kind, text, &e) >= 0)
        return;
    output_error(s, "Unable to process file command '%s' successfully.", step_file_context[kind]);
    output_error(s, "%s", e.message);
    s->command_failed = true;
}

void files_process(step *s) {
    lane *l = s->lane;
    const view *files = job_files(s->r);
    for (int i = 0; i < STEP_FILE_COUNT; i++) {
        struct stat st;
        if (!l->files[i]) continue;
        bool there = view_stat(files, l->files[i], &st);
        if (there && S_ISREG(st.st_mode) && st.st_size == 0) continue;
        if (there) process(s, i, l->files[i], (size_t)st.st_size);
        if (there) view_unlink(files, l->files[i]);
        l->files[i] = NULL; /* the next step gets a new one: late writers reach nobody */
    }
}
