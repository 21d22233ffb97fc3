/* style.h: what the place we print to can show (colours, UTF-8, width), and text fitted to it. */
#ifndef SLIPWAY_CLI_STYLE_H
#define SLIPWAY_CLI_STYLE_H

#include "base/str.h"

typedef enum style_ink {
    INK_BOLD,
    INK_DIM,
    INK_RED,
    INK_GREEN,
    INK_YELLOW,
    INK_BLUE,
    INK_MAGENTA,
    INK_CYAN,
    INK_COUNT
} style_ink;

typedef enum style_glyph {
    GLYPH_OK,
    GLYPH_FAILED,
    GLYPH_SKIPPED,
    GLYPH_CANCELLED,
    GLYPH_WARNING,
    GLYPH_BAR,
    GLYPH_DOT,
    GLYPH_ELLIPSIS,
    GLYPH_ARROW,
    GLYPH_COUNT
} style_glyph;

typedef struct style {
    bool colour, utf8, terminal;
    unsigned width, height; /* of the terminal; 100 × 24 where it is none */
} style;

/* Judges `fd` by isatty, TERM, NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and the locale. */
style style_of(int fd);
/* Reads the terminal's size again. */
void style_resize(style *st, int fd);

void style_on(strbuf *out, const style *st, style_ink ink);
void style_off(strbuf *out, const style *st);
/* Text that somebody else wrote, on one line: a terminal can be driven by escape sequences, and a
 * reader be deceived by marks that turn the direction of text. So colours in it pass where we show
 * colours, the end of a line becomes a space, and every other escape sequence, control character
 * and such mark is dropped. */
void style_text(strbuf *out, const style *st, str text);
/* style_text in one ink. */
void style_add(strbuf *out, const style *st, style_ink ink, str text);
const char *style_glyph_of(const style *st, style_glyph g);
const char *style_spinner(const style *st, unsigned tick);

/* Columns that `text` takes; escape sequences and control characters take none. */
size_t style_width(const style *st, str text);
/* style_text, but at most `width` columns of it: tabs become spaces, ends of lines are dropped, and
 * what was cut ends with an ellipsis. Gives the columns used. */
size_t style_clip(strbuf *out, const style *st, str text, size_t width);
/* style_clip, filled up with spaces to `width`. */
void style_column(strbuf *out, const style *st, str text, size_t width);
/* What a workflow is called, with its path when that is another. */
void style_title(strbuf *out, const style *st, str name, str path);
/* "0.4s", "12.3s", "4m 05s", "1h 02m". */
void style_duration(strbuf *out, int64_t us);
/* Folds text at spaces to lines of at most `width` columns, each after `indent` spaces (the first
 * one starts where the buffer stands). */
void style_fold(strbuf *out, str text, size_t indent, size_t width);

#endif
