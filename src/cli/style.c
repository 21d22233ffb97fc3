#include "cli/style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static bool env_set(const char *name) {
    const char *v = getenv(name);
    return v && *v;
}

static bool env_on(const char *name) {
    return env_set(name) && strcmp(getenv(name), "0") != 0;
}

void style_resize(style *st, int fd) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) return;
    if (size.ws_col) st->width = size.ws_col;
    if (size.ws_row) st->height = size.ws_row;
}

style style_of(int fd) {
    const char *term = getenv("TERM");
    bool dumb = !term || !*term || !strcmp(term, "dumb");
    style st = {.width = 100, .height = 24};
    st.terminal = isatty(fd) && !dumb;
    st.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    st.colour =
        !env_set("NO_COLOR") && (st.terminal || env_on("FORCE_COLOR") || env_on("CLICOLOR_FORCE"));
    if (st.terminal) style_resize(&st, fd);
    return st;
}

static const char *const inks[INK_COUNT] = {
    [INK_BOLD] = "1",    [INK_DIM] = "2",   [INK_RED] = "31",     [INK_GREEN] = "32",
    [INK_YELLOW] = "33", [INK_BLUE] = "34", [INK_MAGENTA] = "35", [INK_CYAN] = "36",
};

static const char *const glyphs[2][GLYPH_COUNT] = {
    {[GLYPH_OK] = "+",
     [GLYPH_FAILED] = "x",
     [GLYPH_SKIPPED] = "-",
     [GLYPH_CANCELLED] = "!",
     [GLYPH_WARNING] = "!",
     [GLYPH_BAR] = "|",
     [GLYPH_DOT] = "-",
     [GLYPH_ELLIPSIS] = "...",
     [GLYPH_ARROW] = ">"},
    {[GLYPH_OK] = "✓",
     [GLYPH_FAILED] = "✗",
     [GLYPH_SKIPPED] = "○",
     [GLYPH_CANCELLED] = "⊘",
     [GLYPH_WARNING] = "⚠",
     [GLYPH_BAR] = "│",
     [GLYPH_DOT] = "·",
     [GLYPH_ELLIPSIS] = "…",
     [GLYPH_ARROW] = "›"},
};

void style_on(strbuf *out, const style *st, style_ink ink) {
    if (st->colour) strbuf_addf(out, "\033[%sm", inks[ink]);
}

void style_off(strbuf *out, const style *st) {
    if (st->colour) strbuf_adds(out, "\033[0m");
}

void style_add(strbuf *out, const style *st, style_ink ink, str text) {
    style_on(out, st, ink);
    style_text(out, st, text);
    style_off(out, st);
}

const char *style_glyph_of(const style *st, style_glyph g) {
    return glyphs[st->utf8][g];
}

const char *style_spinner(const style *st, unsigned tick) {
    static const char *const turns[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const plain[] = {"|", "/", "-", "\\"};
    return st->utf8 ? turns[tick % 10] : plain[tick % 4];
}

/* Columns of one code point; the locale's tables know where they are at hand. */
static size_t point_width(const style *st, uint32_t code) {
    if (code < 0x80 || !st->utf8) return 1;
    int n = wcwidth((wchar_t)code);
    return n < 0 ? 1 : (size_t)n;
}

/* Code points that act on what stands around them: the controls U+0080 to U+009F, which some
 * terminals obey, and marks that turn the direction of text or end a line. */
static bool is_hidden(uint32_t code) {
    return (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The length of an escape sequence at `s` (which begins with ESC); *ret_colour when it only sets
 * colours. Knows CSI, OSC and two-byte sequences (ECMA-48). */
static size_t escape_length(str s, bool *ret_colour) {
    *ret_colour = false;
    if (s.len < 2) return s.len;
    size_t i = 2;
    if (s.ptr[1] == '[') {
        bool numbers = true; /* with "<", ">" or "?" it would mean something else */
        for (; i < s.len && !(s.ptr[i] >= 0x40 && s.ptr[i] <= 0x7e); i++)
            numbers &= (s.ptr[i] >= '0' && s.ptr[i] <= ';');
        if (i == s.len) return i;
        *ret_colour = numbers && s.ptr[i] == 'm';
        return i + 1;
    }
    if (s.ptr[1] == ']') {
        for (; i < s.len; i++) {
            if (s.ptr[i] == '\a') return i + 1;
            if (s.ptr[i] == '\033') return i + 1 < s.len ? i + 2 : i + 1;
        }
    }
    return i;
}

typedef struct clip {
    strbuf *out; /* NULL: only measure */
    const style *st;
    size_t used, limit;
    bool coloured, cut;
    bool whole; /* tabs stay, and the end of a line becomes a space */
} clip;

static void clip_add(clip *c, str piece, size_t width) {
    if (c->cut) return;
    if (c->used + width > c->limit) {
        c->cut = true;
        return;
    }
    c->used += width;
    if (c->out) strbuf_add(c->out, piece);
}

static void clip_line(clip *c, str text) {
    for (size_t i = 0; i < text.len && !c->cut;) {
        size_t from = i;
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte == '\033') {
            bool colour;
            i += escape_length(str_sub(text, i, text.len), &colour);
            if (!colour || !c->st->colour) continue;
            c->coloured = true;
            clip_add(c, str_sub(text, from, i), 0);
        } else if (c->whole && (byte == '\t' || byte == '\n')) {
            clip_add(c, byte == '\t' ? STR("\t") : STR(" "), 1);
            i++;
        } else if (byte == '\t') {
            i++;
            size_t width = 4 - c->used % 4;
            clip_add(c, str_sub(STR("    "), 0, width), width);
        } else if (byte < 0x20 || byte == 0x7f) {
            i++;
        } else {
            uint32_t code = utf8_next(text, &i);
            if (is_hidden(code)) continue;
            /* A terminal that does not speak UTF-8 would show something of unknown width. */
            bool unknown = code >= 0x80 && c->st->terminal && !c->st->utf8;
            str shown = unknown ? STR("?") : str_sub(text, from, i);
            clip_add(c, shown, point_width(c->st, code));
        }
    }
}

size_t style_width(const style *st, str text) {
    clip c = {.st = st, .limit = SIZE_MAX / 2};
    clip_line(&c, text);
    return c.used;
}

size_t style_clip(strbuf *out, const style *st, str text, size_t width) {
    const char *ellipsis = style_glyph_of(st, GLYPH_ELLIPSIS);
    size_t room = st->utf8 ? 1 : 3;
    bool fits = style_width(st, text) <= width;
    bool mark = !fits && width > room;
    clip c = {.out = out, .st = st, .limit = mark ? width - room : width};
    clip_line(&c, text);
    if (c.coloured) strbuf_adds(out, "\033[0m");
    if (mark) strbuf_adds(out, ellipsis);
    return c.used + (mark ? room : 0);
}

/* Most lines hold nothing that has to be looked at. The leading bytes are those of is_hidden. */
static bool is_harmless(const style *st, str text) {
    bool ascii_only = st->terminal && !st->utf8;
    for (size_t i = 0; (i = str_skip_printable(text, i)) < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
        if (c >= 0x80 && (ascii_only || c == 0xc2 || c == 0xd8 || c == 0xe2)) return false;
    }
    return true;
}

void style_text(strbuf *out, const style *st, str text) {
    if (is_harmless(st, text)) {
        strbuf_add(out, text);
        return;
    }
    clip c = {.out = out, .st = st, .limit = SIZE_MAX / 2, .whole = true};
    clip_line(&c, text);
    if (c.coloured) strbuf_adds(out, "\033[0m");
}

void style_column(strbuf *out, const style *st, str text, size_t width) {
    size_t used = style_clip(out, st, text, width);
    strbuf_pad(out, ' ', width - used);
}

void style_title(strbuf *out, const style *st, str name, str path) {
    style_add(out, st, INK_BOLD, name);
    if (str_eq(name, path)) return;
    strbuf_adds(out, " (");
    style_text(out, st, path);
    strbuf_addc(out, ')');
}

void style_duration(strbuf *out, int64_t us) {
    int64_t s = us / 1000000;
    if (s < 60)
        strbuf_addf(out, "%d.%ds", (int)s, (int)(us / 100000 % 10));
    else if (s < 3600)
        strbuf_addf(out, "%dm %02ds", (int)(s / 60), (int)(s % 60));
    else
        strbuf_addf(out, "%dh %02dm", (int)(s / 3600), (int)(s / 60 % 60));
}

void style_fold(strbuf *out, str text, size_t indent, size_t width) {
    size_t column = indent;
    bool first = true;
    while (text.len) {
        str word;
        str_cut(text, ' ', &word, &text);
        if (!word.len) continue;
        if (!first && column + 1 + word.len > width) {
            strbuf_addc(out, '\n');
            strbuf_pad(out, ' ', indent);
            column = indent;
        } else if (!first) {
            strbuf_addc(out, ' ');
            column++;
        }
        strbuf_add(out, word);
        column += word.len;
        first = false;
    }
    strbuf_addc(out, '\n');
}
