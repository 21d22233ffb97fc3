#include "runner/filecmd.h"

#include <string.h>

static str without_bom(str text) {
    return str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
}

/* A reader of lines that knows whether the line it gave had an end. */
typedef struct reader {
    str rest;
    unsigned line; /* of what was read last */
    bool ended;    /* by LF, not by the end of the file */
} reader;

static bool read_line(reader *r, str *ret) {
    if (r->rest.len == 0) return false;
    r->ended = str_cut(r->rest, '\n', ret, &r->rest);
    r->line++;
    return true;
}

static int fail(const reader *r, err *e, const char *what, str subject, const char *end) {
    span where = {.line = r->line, .column = 1, .end_line = r->line, .end_column = 1};
    /* Long enough to recognise, short enough not to flood a log. */
    subject = str_sub(subject, 0, 300);
    if (subject.len == 0) return err_at(e, ERR_INVALID, where, "%s%s", what, end);
    return err_at(e, ERR_INVALID, where, "%s '%.*s'%s", what, STR_ARG(subject), end);
}

/* The lines up to one that is `delimiter`; the last line's end is not part of the value. */
static int read_heredoc(reader *r, str delimiter, str *ret, err *e) {
    const unsigned first_line = r->line;
    const char *start = r->rest.ptr;
    size_t len = 0;
    str line;
    while (read_line(r, &line)) {
        if (str_eq(line, delimiter)) {
            *ret = (str){start, len};
            return 0;
        }
        len = (size_t)(line.ptr + line.len - start);
    }
    bool cut_off = r->line > first_line && !r->ended;
    r->line = first_line;
    if (cut_off) return fail(r, e, "Invalid value. EOF marker missing new line", STR_EMPTY, "");
    return fail(r, e, "Invalid value. Matching delimiter not found", delimiter, "");
}

static int read_pair(reader *r, str line, filecmd_pair *ret, err *e) {
    ptrdiff_t equals = str_find_char(line, '='), heredoc = str_find(line, STR("<<"));
    ret->line = r->line;
    if (equals < 0 && heredoc < 0) return fail(r, e, "Invalid format", line, "");
    if (heredoc < 0 || (equals >= 0 && equals < heredoc)) {
        if (equals == 0) return fail(r, e, "Invalid format", line, ". Name must not be empty");
        str_cut(line, '=', &ret->name, &ret->value);
        return 0;
    }
    ret->name = str_sub(line, 0, (size_t)heredoc);
    str delimiter = str_sub(line, (size_t)heredoc + 2, line.len);
    if (ret->name.len == 0 || delimiter.len == 0) {
        return fail(r, e, "Invalid format", line,
                    ". Name must not be empty and delimiter must not be empty");
    }
    return read_heredoc(r, delimiter, &ret->value, e);
}

int filecmd_pairs(arena *a, str text, filecmd_pair **ret, size_t *ret_count, err *e) {
    reader r = {.rest = without_bom(text)};
    filecmd_pair *pairs = NULL;
    size_t count = 0, cap = 0;
    int rc = 0;
    for (str line; rc == 0 && read_line(&r, &line);) {
        if (line.len == 0) continue;
        filecmd_pair pair = {0};
        if (count == FILECMD_PAIRS_MAX) {
            rc = err_set(e, ERR_LIMIT, "more than %d values in one file", FILECMD_PAIRS_MAX);
            break;
        }
        rc = read_pair(&r, line, &pair, e);
        if (rc == 0 &&
            (str_find_char(pair.name, '\0') >= 0 || str_find_char(pair.value, '\0') >= 0))
            rc = fail(&r, e, "Invalid value. The value of", pair.name, " holds a NUL byte");
        if (rc == 0) ARENA_PUSH(a, pairs, count, cap, pair);
    }
    *ret = pairs;
    *ret_count = count;
    return rc;
}

int filecmd_paths(arena *a, str text, str **ret, size_t *ret_count, err *e) {
    str *paths = NULL;
    size_t count = 0, cap = 0;
    str rest = without_bom(text), line, part;
    *ret = NULL;
    *ret_count = 0;
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        while (line.len) {
            str_cut(line, '\r', &part, &line);
            if (part.len == 0) continue;
            if (count == FILECMD_PAIRS_MAX)
                return err_set(e, ERR_LIMIT, "more than %d paths in one file", FILECMD_PAIRS_MAX);
            if (memchr(part.ptr, '\0', part.len))
                return err_set(e, ERR_INVALID, "a path holds a NUL byte");
            ARENA_PUSH(a, paths, count, cap, part);
        }
    }
    *ret = paths;
    *ret_count = count;
    return 0;
}

bool filecmd_env_allowed(str name) {
    return !str_eq_nocase(name, STR("NODE_OPTIONS"));
}
