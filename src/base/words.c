#include "base/words.h"

#include <string.h>

static bool is_blank(const char *blanks, char c) {
    return c && strchr(blanks, c);
}

/* Backslashes before a quote: two make one, an odd one makes the quote a letter. */
static size_t take_backslashes(str text, size_t at, strbuf *word) {
    size_t n = 0;
    while (at + n < text.len && text.ptr[at + n] == '\\')
        n++;
    bool before_quote = at + n < text.len && text.ptr[at + n] == '"';
    strbuf_pad(word, '\\', before_quote ? n / 2 : n);
    if (!before_quote || n % 2 == 0) return n;
    strbuf_addc(word, '"');
    return n + 1;
}

bool words_next(str *rest, const char *blanks, strbuf *word) {
    str text = *rest;
    size_t at = 0;
    bool quoted = false;
    while (at < text.len && is_blank(blanks, text.ptr[at]))
        at++;
    strbuf_clear(word);
    if (at == text.len) return false;
    while (at < text.len && (quoted || !is_blank(blanks, text.ptr[at]))) {
        char c = text.ptr[at];
        if (c == '\\') {
            at += take_backslashes(text, at, word);
        } else if (c == '"' && quoted && at + 1 < text.len && text.ptr[at + 1] == '"') {
            strbuf_addc(word, '"');
            at += 2;
        } else {
            if (c == '"')
                quoted = !quoted;
            else
                strbuf_addc(word, c);
            at++;
        }
    }
    *rest = str_sub(text, at, text.len);
    return true;
}
