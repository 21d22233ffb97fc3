#include "cli/dotenv.h"

#include <ctype.h>

bool dotenv_name_ok(str name) {
    if (!name.len || isdigit((unsigned char)name.ptr[0])) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!isalnum((unsigned char)c) && c != '_' && c != '-' && c != '.') return false;
    }
    return true;
}

typedef struct reader {
    arena *a;
    str text;
    const char *file;
    size_t at;
    unsigned line;
    size_t line_start;
} reader;

static int wrong(const reader *r, err *e, const char *message) {
    uint32_t column = (uint32_t)(r->at - r->line_start + 1);
    span where = {r->file, r->line, column, r->line, column + 1};
    return err_at(e, ERR_INVALID, where, "%s", message);
}

static str rest_of_line(const reader *r) {
    str line, rest;
    str_cut(str_sub(r->text, r->at, r->text.len), '\n', &line, &rest);
    return line;
}

static void advance_line(reader *r) {
    r->at += rest_of_line(r).len;
    if (r->at < r->text.len) r->at++;
    r->line++;
    r->line_start = r->at;
}

static char unescape(char c) {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
    }
}

/* A quoted value; r->at is at its quote. Escapes are known between double quotes only. */
static int read_quoted(reader *r, str *ret, err *e) {
    reader start = *r;
    char quote = r->text.ptr[r->at++];
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (; r->at < r->text.len; r->at++) {
        char c = r->text.ptr[r->at];
        if (c == quote) {
            r->at++;
            *ret = arena_str(r->a, strbuf_str(&out));
            str tail = str_trim(rest_of_line(r));
            if (tail.len && tail.ptr[0] != '#')
                return wrong(r, e, "unexpected text after the closing quote");
            return 0;
        }
        bool escape = c == '\\' && quote == '"' && r->at + 1 < r->text.len;
        if (escape && str_find_char(STR("nrt\"\\$`"), r->text.ptr[r->at + 1]) >= 0)
            c = unescape(r->text.ptr[++r->at]);
        strbuf_addc(&out, c);
        if (c == '\n' && !escape) {
            r->line++;
            r->line_start = r->at + 1;
        }
    }
    return wrong(&start, e, "the quote is never closed");
}

static str plain_value(str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return str_trim(str_sub(line, 0, i));
    }
    return str_trim(line);
}

static void skip_blanks(reader *r) {
    while (r->at < r->text.len && (r->text.ptr[r->at] == ' ' || r->text.ptr[r->at] == '\t'))
        r->at++;
}

static int read_pair(reader *r, value *into, err *e) {
    if (str_starts(rest_of_line(r), STR("export "))) r->at += sizeof "export " - 1;
    skip_blanks(r);
    str name, ignored;
    if (!str_cut(rest_of_line(r), '=', &name, &ignored)) return wrong(r, e, "expected NAME=VALUE");
    if (!dotenv_name_ok(str_trim(name)))
        return wrong(r, e, "a name has letters, digits, '_', '-' and '.', and no digit first");
    r->at += name.len + 1;
    skip_blanks(r);
    str text;
    if (r->at < r->text.len && (r->text.ptr[r->at] == '"' || r->text.ptr[r->at] == '\'')) {
        int failed = read_quoted(r, &text, e);
        if (failed) return failed;
    } else {
        text = arena_str(r->a, plain_value(rest_of_line(r)));
    }
    value_set(r->a, into, arena_str(r->a, str_trim(name)), value_string(text));
    return 0;
}

int dotenv_parse(arena *a, str text, const char *file, value *into, err *e) {
    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = str_sub(text, 3, text.len);
    reader r = {.a = a, .text = text, .file = file, .line = 1};
    while (r.at < text.len) {
        skip_blanks(&r);
        str line = str_trim(rest_of_line(&r));
        int failed = line.len == 0 || line.ptr[0] == '#' ? 0 : read_pair(&r, into, e);
        if (failed) return failed;
        advance_line(&r);
    }
    return 0;
}
