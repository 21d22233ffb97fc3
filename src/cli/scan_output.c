#include "cli/scan_output.h"

#include "base/fs.h"
#include "cli/console.h"
#include "cli/scan_table.h"
#include "cli/scan_vex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scan_format {
    const char *name;
    const char *ending; /* of file names; NULL: none */
    report_fn *write;   /* NULL: the table */
    bool tells_commit;
};

static const scan_format formats[] = {
    {"table", NULL, NULL, false},           {"openvex", ".openvex.json", report_openvex, false},
    {"json", ".json", report_json, true},   {"sarif", ".sarif", report_sarif, true},
    {"junit", ".xml", report_junit, false}, {"markdown", ".md", report_markdown, true},
    {"github", NULL, report_github, false},
};

#define FORMAT_COUNT (sizeof formats / sizeof *formats)

/* ---- choosing ---------------------------------------------------------------------------------
 */

static const scan_format *by_name(const char *name) {
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (!strcmp(name, formats[i].name)) return &formats[i];
    }
    return NULL;
}

static const scan_format *by_ending(str path) {
    if (str_ends(path, STR(".sarif.json"))) return by_name("sarif");
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (formats[i].ending && str_ends(path, str_from(formats[i].ending))) return &formats[i];
    }
    return NULL;
}

static int unknown_format(const char *name, err *e) {
    str names[FORMAT_COUNT];
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        names[i] = str_from(formats[i].name);
    str near = str_nearest(str_from(name), names, FORMAT_COUNT);
    return err_set(
        e, ERR_INVALID,
        "--format %s: expected table, json, sarif, junit, markdown, github or openvex%s%.*s%s",
        name, near.len ? " (did you mean '" : "", STR_ARG(near), near.len ? "'?)" : "");
}

static int add_output(arena *a, scan_outputs *to, const scan_format *format, const char *path,
                      err *e) {
    if (!format) format = by_ending(str_from(path));
    if (!format)
        return err_set(e, ERR_INVALID,
                       "--output %s: its name does not tell the format (.sarif, .json, .xml, "
                       ".md): put --format in front of it",
                       path);
    ARENA_PUSH(a, to->items, to->count, to->cap, ((scan_output){format, path}));
    return 0;
}

int scan_outputs_choose(arena *a, const options *given, scan_outputs *ret, err *e) {
    const scan_format *format = NULL;
    bool printed = false;
    *ret = (scan_outputs){0};
    for (size_t i = 0; i < given->given_count; i++) {
        const option_given *o = &given->given[i];
        if (!strcmp(o->spec->name, "format")) {
            format = by_name(o->value);
            if (!format) return unknown_format(o->value, e);
        } else if (!strcmp(o->spec->name, "output")) {
            const char *path = strcmp(o->value, "-") ? o->value : NULL;
            if (path && add_output(a, ret, format, path, e) < 0) return e->code;
            if (path) format = NULL;
        }
    }
    printed = format || !options_has(given, "quiet");
    if (printed)
        ARENA_PUSH(a, ret->items, ret->count, ret->cap,
                   ((scan_output){format ? format : by_name("table"), NULL}));
    return 0;
}

bool scan_outputs_want_commit(const scan_outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++) {
        if (outputs->items[i].format->tells_commit) return true;
    }
    return false;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static bool is_added_to(const char *path) {
    struct stat st;
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    if (summary && !strcmp(path, summary)) return true;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int add_to(const char *path, str text, err *e) {
    _cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    while (fd >= 0 && text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        text = str_sub(text, (size_t)n, text.len);
    }
    return fd >= 0 && !text.len ? 0 : err_sys(e, errno, "cannot write");
}

static int write_file(const char *path, str text) {
    err e = {0};
    int r = is_added_to(path) ? add_to(path, text, &e) : fs_output(path, text, &e);
    if (r == 0) return 0;
    err_context(&e, "--output %s", path);
    console_error(&e);
    return 2;
}

/* Nothing is printed that would tell a person of errors. */
static bool is_silent(const scan_outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++) {
        if (!outputs->items[i].path) return false;
    }
    return true;
}

int scan_outputs_write(const scan_outputs *outputs, str here, const scan_report *r,
                       const report_head *head) {
    int worst = 0;
    for (size_t i = 0; i < outputs->count; i++) {
        const scan_output *o = &outputs->items[i];
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        size_t left_out = 0;
        style st = style_of(STDOUT_FILENO);
        if (o->path) st = (style){.width = 100, .height = 24, .utf8 = true};
        if (o->format->write)
            left_out = o->format->write(&text, r, head);
        else
            scan_table(&text, &st, o->path ? STR_EMPTY : here, r, head);
        int code =
            o->path ? write_file(o->path, strbuf_str(&text)) : console_text(strbuf_str(&text));
        if (code > worst) worst = code;
        if (left_out && o->format->write != report_github) /* which prints the others as text */
            console_warning(
                "%s has the worst %zu findings only: %zu are left out, as %s has limits",
                o->path ? o->path : "the report", r->findings.count - left_out, left_out,
                o->format->name);
    }
    if (is_silent(outputs) && r->errors.count)
        console_warning("%zu could not be scanned; the first: %.*s%s%.*s", r->errors.count,
                        STR_ARG(r->errors.items[0].path), r->errors.items[0].path.len ? ": " : "",
                        STR_ARG(r->errors.items[0].message));
    return worst;
}
