/* What a job tells: every event goes through output_event, the one place where secrets are masked.
 */
#include "runner/job.h"

#include "base/fs.h"

#include <stdio.h>
#include <string.h>

/* ---- events -------------------------------------------------------------------------------- */

static str masked(runner *r, strbuf *room, str text) {
    if (text.len == 0 || mask_is_clean(r->mask, text)) return text;
    strbuf_clear(room);
    mask_text(r->mask, text, room);
    return strbuf_str(room);
}

static bool outputs_clean(runner *r, const value *outputs) {
    for (size_t i = 0; i < value_count(outputs); i++) {
        const value_pair *p = value_at(outputs, i);
        if (!mask_is_clean(r->mask, p->key))
            return false; /* a step names its outputs as it likes */
        if (p->item.kind == VALUE_STRING && !mask_is_clean(r->mask, p->item.string)) return false;
    }
    return true;
}

static value masked_outputs(runner *r, arena *a, const value *outputs) {
    value out = value_object_new(a, false);
    for (size_t i = 0; i < value_count(outputs); i++) {
        const value_pair *p = value_at(outputs, i);
        value item = p->item;
        if (item.kind == VALUE_STRING)
            item.string = arena_str(a, masked(r, &r->scratch[0], item.string));
        value_set(a, &out, output_masked(r, a, p->key), item);
    }
    return out;
}

void output_event(runner *r, runner_event *ev) {
    _cleanup_arena_ arena *a = NULL;
    value outputs;
    ev->at_us = clock_wall_us();
    if (ev->outputs && !outputs_clean(r, ev->outputs)) {
        a = arena_new();
        outputs = masked_outputs(r, a, ev->outputs);
        ev->outputs = &outputs;
    }
    ev->text = masked(r, &r->scratch[0], ev->text);
    ev->title = masked(r, &r->scratch[1], ev->title);
    ev->file = masked(r, &r->scratch[2], ev->file);
    ev->summary = masked(r, &r->scratch[3], ev->summary);
    /* Its step may have made a part of the name a secret since it began. */
    if (ev->kind == RUNNER_STEP_FINISHED) ev->step_name = masked(r, &r->scratch[4], ev->step_name);
    r->port.event(r->port.context, ev);
}

runner_event output_event_of(const step *s, runner_event_kind kind) {
    const step *owner = s->frame ? s->frame->owner : NULL;
    return (runner_event){
        .kind = kind,
        .step = s->number,
        .parent_step = owner ? owner->number : -1,
        .step_id = s->id,
        .step_name = s->name,
        .phase = str_from(phase_name(s->phase)),
        .where = s->model ? s->model->where : (span){0},
        .exit_code = s->exit_code,
    };
}

void output_step(const step *s, runner_event_kind kind) {
    runner_event ev = output_event_of(s, kind);
    output_event(s->r, &ev);
}

void output_log(step *s, log_level level, str text) {
    runner_event ev = output_event_of(s, RUNNER_LOG);
    ev.level = level;
    str rest = text, line;
    if (!str_line(&rest, &line)) line = STR_EMPTY;
    do {
        ev.text = line;
        output_event(s->r, &ev);
    } while (str_line(&rest, &line));
}

void output_logf(step *s, log_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    strbuf_clear(&s->r->line);
    strbuf_vaddf(&s->r->line, format, args);
    va_end(args);
    output_log(s, level, strbuf_str(&s->r->line));
}

static void annotate(step *s, const annotation *n, str file) {
    runner_event ev = output_event_of(s, RUNNER_ANNOTATION);
    ev.level = n->level;
    ev.text = n->text;
    ev.title = n->title;
    ev.file = file;
    ev.line = n->line;
    ev.end_line = n->end_line;
    ev.column = n->column;
    ev.end_column = n->end_column;
    output_event(s->r, &ev);
}

static void complain(step *s, log_level level, span where, const char *format, va_list args) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_vaddf(&text, format, args);
    output_log(s, level, strbuf_str(&text));
    annotation n = {.level = level,
                    .text = strbuf_str(&text),
                    .line = where.line,
                    .end_line = where.end_line,
                    .column = where.column,
                    .end_column = where.end_column};
    annotate(s, &n, str_from(where.file));
}

void output_error(step *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    complain(s, LOG_ERROR, (span){0}, format, args);
    va_end(args);
}

void output_error_at(step *s, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    complain(s, LOG_ERROR, where, format, args);
    va_end(args);
}

void output_warning(step *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    complain(s, LOG_WARNING, (span){0}, format, args);
    va_end(args);
}

void output_debug(step *s, const char *format, ...) {
    if (!s->r->debug) return;
    va_list args;
    va_start(args, format);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_vaddf(&text, format, args);
    va_end(args);
    output_log(s, LOG_DEBUG, strbuf_str(&text));
}

/* Groups do not nest: GitHub's log folds to the next group or to the end of the step. */
void output_group(step *s, str title) {
    output_group_end(s);
    runner_event ev = output_event_of(s, RUNNER_GROUP);
    ev.text = title;
    output_event(s->r, &ev);
    s->in_group = true;
}

void output_group_end(step *s) {
    if (s->in_group) output_step(s, RUNNER_GROUP_END);
    s->in_group = false;
}

/* ---- what commands ask --------------------------------------------------------------------- */

static str job_annotation_file(const step *s, const annotation *n) {
    return annotation_file(s->line_a, job_files(s->r), s->r->workspace, n);
}

static void obey_annotation(step *s, const command *c) {
    annotation n;
    str note;
    command_annotation(s->line_a, c, &n, &note);
    if (note.len) output_debug(s, "%.*s", STR_ARG(note));
    output_log(s, n.level, n.text);
    str file = n.file.len ? job_annotation_file(s, &n) : STR_EMPTY;
    annotate(s, &n, file.len ? file : n.file);
}

static int obey_mask(step *s, const command *c, err *e) {
    int code = mask_add(s->r->mask, c->data, e);
    if (code != ERR_INVALID) return code;
    output_warning(s, "Can't add secret mask for empty string in ##[add-mask] command.");
    return 0;
}

static int matcher_file(step *s, str path, str *ret, err *e) {
    char *file = fs_join(s->line_a, s->r->workspace, path);
    return view_read(job_files(s->r), s->line_a, file, MATCHER_FILE_MAX, ret, e);
}

static int obey_add_matcher(step *s, const command *c, err *e) {
    str text;
    if (c->data.len == 0) {
        output_warning(s, "File path must be specified.");
        return 0;
    }
    if (matcher_file(s, c->data, &text, e) < 0) return e->code;
    if (!s->r->matchers) s->r->matchers = matcher_set_new();
    return matcher_add(s->r->matchers, text, e);
}

static int obey_remove_matcher(step *s, const command *c, err *e) {
    str owner = command_get(c, "owner"), text;
    if (!owner.len && !c->data.len) {
        output_warning(s, "Either a file path or an owner must be specified.");
        return 0;
    }
    if (!s->r->matchers) return 0;
    if (owner.len) {
        matcher_remove(s->r->matchers, owner);
        return 0;
    }
    if (matcher_file(s, c->data, &text, e) < 0) return e->code;
    return matcher_remove_all(s->r->matchers, text, e);
}

static int obey_set_output(step *s, const command *c, err *e) {
    str name;
    if (command_required_name(c, &name, e) < 0) return e->code;
    step_set_output(s, name, c->data);
    return 0;
}

static int obey_save_state(step *s, const command *c, err *e) {
    str name;
    if (command_required_name(c, &name, e) < 0) return e->code;
    if (s->use)
        value_set_str(s->r->a, &s->use->state, arena_cstr(s->line_a, name),
                      arena_str(s->r->a, c->data));
    return 0;
}

static int obey_set_env(step *s, const command *c, err *e) {
    str name;
    if (command_required_name(c, &name, e) < 0) return e->code;
    if (filecmd_env_allowed(name))
        step_set_env(s, name, c->data);
    else
        output_error(s, "Can't update %.*s environment variable using ::set-env:: command.",
                     STR_ARG(name));
    return 0;
}

static int obey(step *s, const command *c, err *e) {
    const command_info *info = command_info_of(c->kind);
    if (info->insecure && !s->insecure) return err_set(e, ERR_INVALID, "%s", info->advice);
    if (info->advice && !info->insecure) output_warning(s, "%s", info->advice);
    switch (c->kind) {
    case COMMAND_ADD_MASK: return obey_mask(s, c, e);
    case COMMAND_ADD_MATCHER: return obey_add_matcher(s, c, e);
    case COMMAND_REMOVE_MATCHER: return obey_remove_matcher(s, c, e);
    case COMMAND_ADD_PATH: step_add_path(s, c->data); return 0;
    case COMMAND_DEBUG: output_debug(s, "%.*s", STR_ARG(c->data)); return 0;
    case COMMAND_ECHO: return command_echo(c, &s->echo, e);
    case COMMAND_GROUP: output_group(s, c->data); return 0;
    case COMMAND_ENDGROUP: output_group_end(s); return 0;
    case COMMAND_ERROR:
    case COMMAND_NOTICE:
    case COMMAND_WARNING: obey_annotation(s, c); return 0;
    case COMMAND_SAVE_STATE: return obey_save_state(s, c, e);
    case COMMAND_SET_OUTPUT: return obey_set_output(s, c, e);
    case COMMAND_SET_ENV: return obey_set_env(s, c, e);
    case COMMAND_STOP_COMMANDS:
    case COMMAND_RESUME:
    case COMMAND_KIND_COUNT: return 0; /* command_judge has dealt with them */
    }
    return 0;
}

static void obey_line(step *s, const command *c, str line) {
    err e = {0};
    const command_info *info = command_info_of(c->kind);
    if (s->echo && !info->omit_echo) output_log(s, LOG_COMMAND, line);
    if (obey(s, c, &e) >= 0) return;
    str told = info->omit_echo ? str_from(info->name) : line;
    output_error(s, "Unable to process command '%.*s' successfully.", STR_ARG(told));
    output_error(s, "%s", e.message);
    s->command_failed = true;
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool match_line(step *s, str line) {
    annotation n;
    str note = STR_EMPTY;
    if (!s->r->matchers || matcher_count(s->r->matchers) == 0) return false;
    bool matched = matcher_line(s->r->matchers, s->line_a, line, &n, &note);
    if (note.len) output_warning(s, "%.*s", STR_ARG(note));
    if (!matched) return false;
    output_log(s, n.level, line);
    annotate(s, &n, job_annotation_file(s, &n));
    return true;
}

/* Lines must not add up in memory over a step that prints for hours. */
static void fresh_line_arena(step *s) {
    if (s->line_a && arena_used(s->line_a) < 64 << 10) return;
    arena_free(s->line_a);
    s->line_a = arena_new();
}

static void one_line(step *s, str line) {
    command c;
    err e = {0};
    fresh_line_arena(s);
    line = arena_utf8(s->line_a, line);
    switch (command_judge(&s->commands, s->line_a, line, s->any_token, &c, &e)) {
    case COMMAND_NOT:
        if (!match_line(s, line)) output_log(s, LOG_PLAIN, line);
        break;
    case COMMAND_RUN: obey_line(s, &c, line); break;
    case COMMAND_SHOWN:
        if (c.kind == COMMAND_STOP_COMMANDS && c.data.len > COMMAND_TOKEN_MASK_LEN)
            mask_add(s->r->mask, c.data, NULL);
        output_log(s, LOG_COMMAND, line);
        break;
    case COMMAND_REFUSED:
        output_error(s, "%s", e.message);
        s->command_failed = true;
        break;
    }
}

/* A carriage return ends a line too: progress bars would make one endless line of themselves. */
static void whole_line(step *s, str line) {
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    str head;
    for (bool more = true; more;) {
        more = str_cut(line, '\r', &head, &line);
        one_line(s, head);
    }
}

/* A line over the limit is told in pieces. Its text goes through a masking stream, so that a secret
 * that lies across a cut is found all the same. */
static void tell_piece(step *s, bool last) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    mask_stream_add(s->r->mask, &s->cut_line, strbuf_str(&s->partial), &out);
    if (last) mask_stream_end(s->r->mask, &s->cut_line, &out);
    strbuf_clear(&s->partial);
    s->cut = !last;
    fresh_line_arena(s);
    output_log(s, LOG_PLAIN, arena_utf8(s->line_a, strbuf_str(&out)));
}

static void hold(step *s, str bytes) {
    while (bytes.len) {
        if (s->partial.len == OUTPUT_LINE_MAX) tell_piece(s, false);
        str piece = str_sub(bytes, 0, OUTPUT_LINE_MAX - s->partial.len);
        strbuf_add(&s->partial, piece);
        bytes = str_sub(bytes, piece.len, bytes.len);
    }
}

void output_bytes(step *s, str bytes) {
    str line;
    ptrdiff_t end;
    while ((end = str_find_char(bytes, '\n')) >= 0) {
        line = str_sub(bytes, 0, (size_t)end);
        bytes = str_sub(bytes, (size_t)end + 1, bytes.len);
        if (s->partial.len || line.len > OUTPUT_LINE_MAX) {
            hold(s, line);
            output_flush(s);
        } else {
            whole_line(s, line);
        }
    }
    hold(s, bytes);
}

void output_flush(step *s) {
    if (s->cut) {
        tell_piece(s, true);
    } else if (s->partial.len) {
        whole_line(s, strbuf_str(&s->partial));
        strbuf_clear(&s->partial);
    }
}

str output_masked(runner *r, arena *a, str text) {
    return arena_str(a, masked(r, &r->scratch[0], text));
}

bool output_is_clean(runner *r, str text) {
    return mask_is_clean(r->mask, text);
}
