/* Reusable workflows: reading the files that jobs call, and holding each call against what the
 * called workflow declares. GitHub stops at the first file with errors, and so does this. */
#include "workflow/convert.h"

#include <string.h>

/* ---- a call against its declaration -------------------------------------------------------- */

/* True when the literal can be an input of that type; text takes any scalar. */
static bool fits_type(const token *t, str type) {
    if (t->kind == TOKEN_EXPR) return true;
    if (str_is(type, "boolean")) return t->kind == TOKEN_BOOL;
    if (str_is(type, "number")) return t->kind == TOKEN_NUMBER;
    return true;
}

static void check_input_value(conversion *c, const workflow_input *in, const token *t) {
    str shown = token_display(c->r->a, t);
    if (!fits_type(t, in->type))
        reading_error(c->r, t->where, "syntax", "Unexpected value '%.*s'", STR_ARG(shown));
}

/* The names that a call passes, and its tokens in the same order. */
typedef struct arguments {
    nameset names;
    const token *mapping;
} arguments;

static arguments arguments_of(arena *a, const token *mapping) {
    arguments args = {.names = NAMESET(a)};
    if (!mapping || mapping->kind != TOKEN_MAPPING) return args;
    args.mapping = mapping;
    for (size_t i = 0; i < mapping->mapping.count; i++)
        nameset_add(&args.names, token_text(mapping->mapping.pairs[i].key));
    return args;
}

static const token *argument(const arguments *args, str name) {
    ptrdiff_t at = nameset_find(&args->names, name);
    return at < 0 ? NULL : args->mapping->mapping.pairs[at].item;
}

static void check_undefined(conversion *c, const arguments *args, const nameset *defined,
                            const char *what) {
    for (size_t i = 0; args->mapping && i < args->mapping->mapping.count; i++) {
        const token_pair *pair = &args->mapping->mapping.pairs[i];
        str name = token_text(pair->key);
        if (nameset_find(defined, name) < 0)
            reading_error(c->r, pair->item->where, "syntax",
                          "Invalid %s, %.*s is not defined in the referenced workflow.", what,
                          STR_ARG(name));
    }
}

static void check_inputs(conversion *c, const workflow_job *caller, const workflow *called) {
    arguments args = arguments_of(c->r->a, caller->with);
    nameset defined = NAMESET(c->r->a);
    for (size_t i = 0; i < called->call_input_count; i++) {
        const workflow_input *in = &called->call_inputs[i];
        const token *t = argument(&args, in->name);
        nameset_add(&defined, in->name);
        if (in->value) check_input_value(c, in, in->value);
        if (t)
            check_input_value(c, in, t);
        else if (in->required)
            reading_error(c->r, caller->uses->where, "syntax",
                          "Input %.*s is required, but not provided while calling.",
                          STR_ARG(in->name));
    }
    check_undefined(c, &args, &defined, "input");
}

static void check_secrets(conversion *c, const workflow_job *caller, const workflow *called) {
    if (caller->secrets_inherit) return;
    arguments args = arguments_of(c->r->a, caller->secrets);
    nameset defined = NAMESET(c->r->a);
    for (size_t i = 0; i < called->call_secret_count; i++) {
        const workflow_secret *s = &called->call_secrets[i];
        nameset_add(&defined, s->name);
        if (s->required && !argument(&args, s->name))
            reading_error(c->r, caller->uses->where, "syntax",
                          "Secret %.*s is required, but not provided while calling.",
                          STR_ARG(s->name));
    }
    check_undefined(c, &args, &defined, "secret");
}

void check_call(conversion *c, const workflow_job *caller, const workflow *called,
                const token *on) {
    if (!workflow_trigger(called, STR("workflow_call"))) {
        reading_error(c->r, on->where, "syntax",
                      "workflow_call key is not defined in the referenced workflow.");
        return;
    }
    check_inputs(c, caller, called);
    check_secrets(c, caller, called);
}

/* ---- reading called files ------------------------------------------------------------------ */

/* A file that was read. Jobs that call it again share its tokens; GitHub counts them each time, so
 * that a few files that call each other cannot grow without end. */
struct called_file {
    str uses, from; /* how it was asked for */
    str source;
    const char *path;
    const token *root; /* NULL when it cannot be read */
    size_t bytes;
};

static struct called_file *file_known(conversion *c, str uses, str from) {
    for (size_t i = 0; i < c->called_count; i++)
        if (str_eq(c->called[i].uses, uses) && str_eq(c->called[i].from, from))
            return &c->called[i];
    return NULL;
}

/* The same file, asked for in other words. */
static const struct called_file *file_at(const conversion *c, const char *path) {
    for (size_t i = 0; i < c->called_count; i++)
        if (strcmp(c->called[i].path, path) == 0) return &c->called[i];
    return NULL;
}

static bool count_file(conversion *c, const char *path) {
    nameset_add(&c->files, str_from(path));
    if (c->files.count <= c->r->limits.max_files) return true;
    reading_stop(c->r, c->r->caller, "limit", "The maximum file count of %u has been exceeded",
                 c->r->limits.max_files);
    return false;
}

/* Fetches and reads the file that `uses` names; NULL after an error, or when it is to be left
 * unread. */
static struct called_file *file_read(conversion *c, const token *uses, str from) {
    struct called_file file = {.uses = uses->text, .from = from};
    str path;
    err e = {0};
    int r = c->options->file(c->options->file_context, c->r->a, uses->text, from, &file.source,
                             &path, &e);
    if (r == ERR_UNSUPPORTED) return NULL;
    if (r < 0) {
        reading_error(c->r, uses->where, "syntax", "%s", e.message);
        return NULL;
    }
    file.path = reading_path(c->r, path);
    const struct called_file *same = file_at(c, file.path);
    size_t bytes = c->r->bytes;
    if (same && reading_bytes(c->r, file.path, same->bytes))
        file.root = same->root;
    else if (!same && count_file(c, file.path))
        file.root = reading_file(c->r, file.source, file.path, workflow_definition(c->options));
    file.bytes = c->r->bytes - bytes;
    ARENA_PUSH(c->r->a, c->called, c->called_count, c->called_cap, file);
    return &c->called[c->called_count - 1];
}

static void load(conversion *c, const workflow *from, workflow_job *job) {
    size_t errors = c->r->problems->errors;
    c->r->caller = job->uses->where;
    struct called_file *file = file_known(c, job->uses->text, str_from(from->path));
    if (file)
        (void)reading_bytes(c->r, file->path, file->bytes);
    else
        file = file_read(c, job->uses, str_from(from->path));
    if (file && file->root && c->r->problems->errors == errors) {
        workflow *called = ARENA_NEW(c->r->a, workflow);
        called->path = file->path;
        called->source = file->source;
        called->root = file->root;
        called->name = str_from(file->path);
        called->problems.a = c->r->a;
        c->r->file = (place_index){.a = c->r->a, .source = file->source};
        convert_called(c, called, job);
        job->called = called;
    }
    c->r->caller = (span){0};
}

void load_called(conversion *c, workflow *w, unsigned depth) {
    for (size_t i = 0; i < w->job_count && c->r->problems->errors == 0; i++) {
        workflow_job *job = w->jobs[i];
        if (!job->uses || job->uses->kind != TOKEN_STRING) continue;
        if (depth > c->r->limits.max_nested) {
            reading_error(c->r, job->uses->where, "nesting",
                          "Nested reusable workflow depth exceeded %u.", c->r->limits.max_nested);
            return;
        }
        load(c, w, job);
        if (job->called) load_called(c, job->called, depth + 1);
    }
}
