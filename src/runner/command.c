#include "runner/command.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#define ADVICE_DEPRECATED(name)                                                                    \
    "The `" name "` command is deprecated and will be disabled soon. Please upgrade to using "     \
    "Environment Files. For more information see: "                                                \
    "https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-"      \
    "output-commands/"
#define ADVICE_DISABLED(name)                                                                      \
    "The `" name "` command is disabled. Please upgrade to using Environment Files or opt into "   \
    "unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment "     \
    "variable to `true`. For more information see: "                                               \
    "https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-"    \
    "commands/"
#define BAD_TOKEN                                                                                  \
    "You cannot use a endToken that is an empty string, the string 'pause-logging', or another "   \
    "workflow command. For more information see: "                                                 \
    "https://docs.github.com/actions/learn-github-actions/workflow-commands-for-github-"           \
    "actions#example-stopping-and-starting-workflow-commands or opt into insecure command "        \
    "execution by setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` environment variable "   \
    "to `true`."

static const command_info infos[COMMAND_RESUME] = {
    [COMMAND_ADD_MASK] = {"add-mask", true, false, NULL},
    [COMMAND_ADD_MATCHER] = {"add-matcher", false, false, NULL},
    [COMMAND_ADD_PATH] = {"add-path", false, true, ADVICE_DISABLED("add-path")},
    [COMMAND_DEBUG] = {"debug", true, false, NULL},
    [COMMAND_ECHO] = {"echo", false, false, NULL},
    [COMMAND_ENDGROUP] = {"endgroup", false, false, NULL},
    [COMMAND_ERROR] = {"error", true, false, NULL},
    [COMMAND_GROUP] = {"group", false, false, NULL},
    [COMMAND_NOTICE] = {"notice", true, false, NULL},
    [COMMAND_REMOVE_MATCHER] = {"remove-matcher", false, false, NULL},
    [COMMAND_SAVE_STATE] = {"save-state", false, false, ADVICE_DEPRECATED("save-state")},
    [COMMAND_SET_ENV] = {"set-env", false, true, ADVICE_DISABLED("set-env")},
    [COMMAND_SET_OUTPUT] = {"set-output", false, false, ADVICE_DEPRECATED("set-output")},
    [COMMAND_STOP_COMMANDS] = {"stop-commands", false, false, NULL},
    [COMMAND_WARNING] = {"warning", true, false, NULL},
};

const command_info *command_info_of(command_kind kind) {
    assert(kind < COMMAND_RESUME);
    return &infos[kind];
}

str command_get(const command *c, const char *name) {
    for (size_t i = 0; i < c->property_count; i++) {
        if (str_eq_nocase(c->properties[i].name, str_from(name))) return c->properties[i].value;
    }
    return STR_EMPTY;
}

void command_state_done(command_state *s) {
    strbuf_done(&s->stop_token);
}

/* ---- parsing ------------------------------------------------------------------------------- */

typedef struct escape {
    char code[4]; /* "%0A" */
    char byte;
} escape;

/* How one of the two spellings is written. */
typedef struct spelling {
    char separator; /* of properties */
    escape value_escapes[6], data_escapes[6];
} spelling;

static const spelling modern = {
    ',',
    {{"%0D", '\r'}, {"%0A", '\n'}, {"%3A", ':'}, {"%2C", ','}, {"%25", '%'}},
    {{"%0D", '\r'}, {"%0A", '\n'}, {"%25", '%'}},
};
static const spelling legacy = {
    ';',
    {{"%3B", ';'}, {"%0D", '\r'}, {"%0A", '\n'}, {"%5D", ']'}, {"%25", '%'}},
    {{"%3B", ';'}, {"%0D", '\r'}, {"%0A", '\n'}, {"%5D", ']'}, {"%25", '%'}},
};

static str unescape(arena *a, str s, const escape *escapes) {
    if (str_find_char(s, '%') < 0) return s;
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        const escape *x = escapes;
        while (x->byte && !(s.len - i >= 3 && memcmp(s.ptr + i, x->code, 3) == 0))
            x++;
        out[n++] = x->byte ? x->byte : s.ptr[i];
        i += x->byte ? 3 : 1;
    }
    return (str){out, n};
}

static bool known(str name, str extra, command_kind *ret) {
    for (unsigned k = 0; k < COMMAND_RESUME; k++) {
        if (!str_eq_nocase(name, str_from(infos[k].name))) continue;
        *ret = (command_kind)k;
        return true;
    }
    *ret = COMMAND_RESUME;
    return extra.len && str_eq_nocase(name, extra);
}

static str skip(str s, char c) {
    while (s.len && s.ptr[0] == c)
        s = str_sub(s, 1, s.len);
    return s;
}

/* "key=value": surplus = before the key and before the value do not count, as on GitHub. */
static void add_property(arena *a, command *c, size_t *cap, str text, const escape *escapes) {
    str name, content;
    if (!str_cut(skip(text, '='), '=', &name, &content)) return;
    content = skip(content, '=');
    if (content.len == 0) return;
    content = unescape(a, content, escapes);
    for (size_t i = 0; i < c->property_count; i++) {
        if (!str_eq_nocase(c->properties[i].name, name)) continue;
        c->properties[i].value = content;
        return;
    }
    /* No command has more than a dozen; this keeps a hostile line from costing its square. */
    if (c->property_count == 32) return;
    command_property p = {name, content};
    ARENA_PUSH(a, c->properties, c->property_count, *cap, p);
}

/* `head` is "name key=value,…", `data` what follows. */
static bool parse_parts(arena *a, const spelling *how, str head, str data, str extra,
                        command *ret) {
    command c = {0};
    str name, properties, one;
    str_cut(head, ' ', &name, &properties);
    if (!known(name, extra, &c.kind)) return false;
    if (how == &modern) properties = str_trim(properties);
    for (size_t cap = 0; properties.len;) {
        str_cut(properties, how->separator, &one, &properties);
        add_property(a, &c, &cap, one, how->value_escapes);
    }
    c.data = unescape(a, data, how->data_escapes);
    *ret = c;
    return true;
}

static str trim_start(str s) {
    while (s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')))
        s = str_sub(s, 1, s.len);
    return s;
}

static bool parse_modern(arena *a, str line, str extra, command *ret) {
    line = trim_start(line);
    if (!str_starts(line, STR("::"))) return false;
    str rest = str_sub(line, 2, line.len);
    ptrdiff_t end = str_find(rest, STR("::"));
    if (end < 0) return false;
    return parse_parts(a, &modern, str_sub(rest, 0, (size_t)end),
                       str_sub(rest, (size_t)end + 2, rest.len), extra, ret);
}

static bool parse_legacy(arena *a, str line, str extra, command *ret) {
    ptrdiff_t start = str_find(line, STR("##["));
    if (start < 0) return false;
    str head, data;
    if (!str_cut(str_sub(line, (size_t)start + 3, line.len), ']', &head, &data)) return false;
    return parse_parts(a, &legacy, head, data, extra, ret);
}

bool command_parse(arena *a, str line, str extra, command *ret) {
    return parse_modern(a, line, extra, ret) || parse_legacy(a, line, extra, ret);
}

/* ---- state --------------------------------------------------------------------------------- */

command_verdict command_judge(command_state *s, arena *a, str line, bool any_token, command *ret,
                              err *e) {
    str stop = strbuf_str(&s->stop_token);
    if (!command_parse(a, line, stop, ret)) return COMMAND_NOT;
    if (stop.len) {
        if (!str_eq_nocase(ret->kind == COMMAND_RESUME ? stop : str_from(infos[ret->kind].name),
                           stop))
            return COMMAND_NOT;
        ret->kind = COMMAND_RESUME;
        strbuf_clear(&s->stop_token);
        return COMMAND_SHOWN;
    }
    if (ret->kind != COMMAND_STOP_COMMANDS) return COMMAND_RUN;
    command_kind ignored;
    bool bad = ret->data.len == 0 || known(ret->data, STR_EMPTY, &ignored) ||
               str_eq_nocase(ret->data, STR("pause-logging"));
    if (bad && !any_token) {
        err_set(e, ERR_INVALID, "%s", BAD_TOKEN);
        return COMMAND_REFUSED;
    }
    /* An empty token, where it is allowed, stops nothing: there would be no way to go on. */
    strbuf_add(&s->stop_token, ret->data);
    return COMMAND_SHOWN;
}

/* ---- what commands hold -------------------------------------------------------------------- */

/* A number as C# reads an int: signs and white space around it are fine. */
static bool read_number(str s, unsigned *ret) {
    s = str_trim(s);
    bool negative = s.len && s.ptr[0] == '-';
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) s = str_sub(s, 1, s.len);
    uint64_t n = 0;
    if (!str_to_uint(s, INT_MAX, &n)) return false;
    *ret = negative ? 0 : (unsigned)n;
    return true;
}

void command_annotation(arena *a, const command *c, annotation *ret, str *ret_note) {
    *ret = (annotation){.level = c->kind == COMMAND_ERROR     ? LOG_ERROR
                                 : c->kind == COMMAND_WARNING ? LOG_WARNING
                                                              : LOG_NOTICE,
                        .text = c->data,
                        .title = command_get(c, "title"),
                        .file = command_get(c, "file")};
    bool has_line = read_number(command_get(c, "line"), &ret->line);
    bool has_end_line = read_number(command_get(c, "endLine"), &ret->end_line);
    bool has_column = read_number(command_get(c, "col"), &ret->column);
    bool has_end_column = read_number(command_get(c, "endColumn"), &ret->end_column);
    bool any_column = has_column || has_end_column;
    const char *why = NULL;
    if (has_end_line && !has_line) {
        why = "'endLine' can only be set if 'line' is provided";
        ret->line = ret->end_line;
        has_line = true;
    }
    if (has_end_column && !has_column) {
        why = "'endColumn' can only be set if 'col' is provided";
        ret->column = ret->end_column;
    }
    if (!has_line && any_column) {
        why = "'col' and 'endColumn' can only be set if 'line' value is provided.";
        ret->column = ret->end_column = 0;
    }
    if (has_end_line && ret->line != ret->end_line && any_column) {
        why = "'col' and 'endColumn' cannot be set if 'line' and 'endLine' are different values.";
        ret->column = ret->end_column = 0;
    }
    if (has_end_line && ret->end_line < ret->line) {
        why = "'endLine' cannot be less than 'line'.";
        ret->line = ret->end_line = 0;
    }
    if (ret->end_column && ret->end_column < ret->column) {
        why = "'endColumn' cannot be less than 'col'.";
        ret->column = ret->end_column = 0;
    }
    *ret_note =
        why ? arena_printf(a, "Invalid %s command value. %s", infos[c->kind].name, why) : STR_EMPTY;
}

int command_echo(const command *c, bool *ret_on, err *e) {
    str word = str_trim(c->data);
    bool on = str_eq_nocase(word, STR("on"));
    if (!on && !str_eq_nocase(word, STR("off"))) {
        return err_set(e, ERR_INVALID,
                       "Invalid echo command value. Possible values can be: 'on', 'off'. Current "
                       "value is: '%.*s'.",
                       STR_ARG(c->data));
    }
    *ret_on = on;
    return 0;
}

int command_required_name(const command *c, str *ret, err *e) {
    str name = command_get(c, "name");
    if (name.len == 0) {
        return err_set(e, ERR_INVALID, "Required field 'name' is missing in ##[%s] command.",
                       infos[c->kind].name);
    }
    *ret = name;
    return 0;
}
