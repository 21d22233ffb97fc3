/* verb_expr.c: evaluates one expression, to try out what a workflow would get. */
#include "base/fs.h"
#include "base/json.h"
#include "cli/console.h"
#include "cli/diagnostics.h"
#include "cli/options.h"
#include "expr/expr.h"
#include "runner/runner.h"

#include <string.h>
#include <unistd.h>

#define CONTEXTS_BYTES_MAX ((size_t)64 << 20)
#define SOURCE_NAME        "expression"

static const option_spec expr_options[] = {
    {'c', "contexts", "FILE.json", .complete = COMPLETE_FILE,
     .help = "Take the contexts from an object in this file. Without it all contexts are empty."},
    {0},
};

static const verb_pair expr_exits[] = {
    {"0", "The expression was evaluated."},
    {"2", "The expression is invalid, cannot be evaluated, or the contexts cannot be read."},
    {0},
};

static const verb_pair expr_examples[] = {
    {"slipway expr \"contains('Hello world', 'llo')\"", "Prints true."},
    {"slipway expr '${{ github.event.number }}' --contexts contexts.json",
     "Prints a number from a file."},
    {0},
};

/* ---- names --------------------------------------------------------------------------------- */

/* The contexts that GitHub has; where the file does not give them they are null. */
static const str known_contexts[] = {
    STR_INIT("github"), STR_INIT("env"),      STR_INIT("vars"),   STR_INIT("job"),
    STR_INIT("jobs"),   STR_INIT("steps"),    STR_INIT("runner"), STR_INIT("secrets"),
    STR_INIT("inputs"), STR_INIT("strategy"), STR_INIT("matrix"), STR_INIT("needs"),
};
#define KNOWN_COUNT (sizeof known_contexts / sizeof *known_contexts)

static const expr_name functions[] = {
    {STR_INIT("always"), 0, 0},  {STR_INIT("cancelled"), 0, 0},   {STR_INIT("failure"), 0, 0},
    {STR_INIT("success"), 0, 0}, {STR_INIT("hashFiles"), 1, 255},
};
#define FUNCTION_COUNT (sizeof functions / sizeof *functions)

static expr_scope scope_of(arena *a, const value *contexts) {
    size_t count = 0, given = value_count(contexts);
    expr_name *names = ARENA_ARRAY(a, expr_name, given + KNOWN_COUNT);
    for (size_t i = 0; i < given; i++)
        names[count++].name = value_at(contexts, i)->key;
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        names[count++].name = known_contexts[i];
    return (expr_scope){names, count, functions, FUNCTION_COUNT};
}

/* ---- functions ----------------------------------------------------------------------------- */

static int call_hash_files(arena *a, const value *args, size_t count, value *ret, err *e) {
    str *patterns = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++)
        patterns[i] = value_to_str(a, &args[i]);
    char *here;
    str hash;
    int r = fs_real(a, ".", &here, e);
    if (r == 0) r = hash_files(a, here, patterns, count, &hash, e);
    if (r == 0) *ret = value_string(hash);
    return r;
}

/* The status functions go by job.status, which is success when it is not given. */
static int call(void *context, arena *a, str name, const value *args, size_t count, value *ret,
                err *e) {
    if (str_eq_nocase(name, STR("hashFiles"))) return call_hash_files(a, args, count, ret, e);
    str status = value_path_str(context, "job.status");
    if (str_eq_nocase(name, STR("always")))
        *ret = value_bool(true);
    else if (str_eq_nocase(name, STR("success")))
        *ret = value_bool(status.len == 0 || str_eq_nocase(status, name));
    else
        *ret = value_bool(str_eq_nocase(status, name));
    return 0;
}

/* ---- errors -------------------------------------------------------------------------------- */

/* Errors count columns over the whole text; people count lines. */
static void place_in_lines(str text, span *where) {
    uint32_t line = 1, column = 1, width = where->end_column - where->column;
    size_t at = 0;
    for (uint32_t i = 1; i < where->column && at < text.len; i++) {
        bool ends = text.ptr[at] == '\n';
        utf8_next(text, &at);
        line += ends;
        column = ends ? 1 : column + 1;
    }
    *where = (span){where->file, line, column, line, column + width};
}

static str word_at(str text, const span *where) {
    size_t from = 0;
    for (uint32_t i = 1; i < where->column && from < text.len; i++)
        utf8_next(text, &from);
    size_t to = from;
    for (uint32_t i = where->column; i < where->end_column && to < text.len; i++)
        utf8_next(text, &to);
    return str_sub(text, from, to);
}

/* What an unknown name was probably meant to be, or nothing. */
static str help_for(arena *a, const expr_scope *scope, str message, str word) {
    bool is_function = str_starts(message, STR("Unrecognized function"));
    if (!is_function && !str_starts(message, STR("Unrecognized named-value"))) return STR_EMPTY;
    size_t builtin_count = 0, count = 0;
    const expr_name *builtins = expr_builtins(&builtin_count);
    str *names = ARENA_ARRAY(a, str, builtin_count + scope->function_count + scope->value_count);
    for (size_t i = 0; is_function && i < builtin_count; i++)
        names[count++] = builtins[i].name;
    for (size_t i = 0; is_function && i < scope->function_count; i++)
        names[count++] = scope->functions[i].name;
    for (size_t i = 0; !is_function && i < scope->value_count; i++)
        names[count++] = scope->values[i].name;
    str near = str_nearest(word, names, count);
    return near.len ? arena_printf(a, "did you mean '%.*s'?", STR_ARG(near)) : STR_EMPTY;
}

/* The place is shown by a caret, so GitHub's words for it are left out. */
static void print_problem(arena *a, str text, const expr_scope *scope, const err *e) {
    str message = str_from(e->message);
    ptrdiff_t location = str_find(message, STR(". Located at position "));
    problem p = {.level = SEVERITY_ERROR, .where = e->where};
    p.help = help_for(a, scope, message, word_at(text, &e->where));
    p.message = location < 0 ? message : str_sub(message, 0, (size_t)location);
    p.where.file = SOURCE_NAME;
    if (p.where.line) place_in_lines(text, &p.where);
    sources *known = sources_new(a);
    sources_add(known, SOURCE_NAME, text);
    style st = style_of(STDERR_FILENO);
    console out = CONSOLE_INIT(STDERR_FILENO);
    diagnostic_add(&out.buf, &st, known, &p);
    console_flush(&out);
    console_done(&out);
}

/* ---- the verb ------------------------------------------------------------------------------ */

static int read_contexts(arena *a, const char *path, value *ret, err *e) {
    *ret = value_object_new(a, false);
    if (!path) return 0;
    str text;
    int r = fs_read(a, path, CONTEXTS_BYTES_MAX, &text, e);
    if (r < 0) return r;
    r = json_parse(a, text, 0, ret, e);
    if (r < 0) {
        e->where.file = path;
        return r;
    }
    if (ret->kind == VALUE_OBJECT) return 0;
    return err_set(e, ERR_INVALID, "%s: contexts are an object, {\"github\": {…}, …}", path);
}

/* The text between ${{ and }}, where these are given. */
static str inside(str text) {
    str s = str_trim(text);
    if (!str_starts(s, STR("${{")) || !str_ends(s, STR("}}"))) return text;
    return str_trim(str_sub(s, 3, s.len - 2));
}

static int print_value(const value *v) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write_pretty(&out, v);
    strbuf_addc(&out, '\n');
    return console_text(strbuf_str(&out));
}

static int run_expr(const options *given) {
    arena *a = given->a;
    value contexts, result;
    err e = {0};
    if (read_contexts(a, options_value(given, "contexts"), &contexts, &e) < 0) {
        console_error(&e);
        return 2;
    }
    str text = inside(str_from(given->args[0]));
    const expr_scope scope = scope_of(a, &contexts);
    const expr_env env = {.contexts = &contexts, .call = call, .call_context = &contexts};
    const expr *x;
    int r = expr_parse(a, text, &scope, &x, &e);
    if (r == 0) r = expr_eval(a, x, &env, &result, &e);
    if (r == 0) return print_value(&result);
    print_problem(a, text, &scope, &e);
    return 2;
}

const verb verb_expr = {
    .name = "expr",
    .summary = "evaluate one expression",
    .arguments = "EXPRESSION",
    .min_args = 1,
    .max_args = 1,
    .options = expr_options,
    .help =
        "Evaluates an expression of GitHub's language and prints the result as JSON. ${{ and }} "
        "around it may be left out.\n"
        "\n"
        "A context that the file does not give is null. The status functions go by job.status, "
        "and hashFiles looks below the current folder.",
    .exits = expr_exits,
    .examples = expr_examples,
    .run = run_expr,
};
