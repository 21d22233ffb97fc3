/* graph.c: drawing by rows and channels.
 *
 * Every node has a row of its own, so a line to the right of a node never meets another node's
 * text. Nodes of one level share a column. In the gap before a level, each distinct set of needs
 * has a channel: a vertical line that its needs run into from the left and its nodes leave to the
 * right. Rows are sorted by level, so lines only ever go down. Channels that end lower are further
 * left, which keeps the ways out of a channel from crossing the others. */
#include "cli/graph.h"

#include <string.h>

enum { UP = 1, DOWN = 2, LEFT = 4, RIGHT = 8, CROSSING = 16 };

typedef struct channel {
    const graph_node *like; /* a node with this set of needs */
    unsigned level;
    size_t top, bottom; /* rows */
    size_t x;
} channel;

typedef struct drawing {
    arena *a;
    const graph_node *nodes;
    size_t count;
    size_t *order, *row_of; /* row to node, node to row */
    size_t *column;         /* of each level */
    size_t *text_width;     /* of each level */
    unsigned levels;
    channel *channels;
    size_t channel_count, channel_cap;
    size_t *channel_of; /* of each node; SIZE_MAX without needs */
    uint8_t *cells;     /* rows × width of line pieces */
    size_t width;
} drawing;

static size_t columns_of(str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; n++)
        utf8_next(text, &i);
    return n;
}

static void sort_rows(drawing *d) {
    size_t row = 0;
    d->order = ARENA_ARRAY(d->a, size_t, d->count);
    d->row_of = ARENA_ARRAY(d->a, size_t, d->count);
    for (size_t i = 0; i < d->count; i++) {
        if (d->nodes[i].level + 1 > d->levels) d->levels = d->nodes[i].level + 1;
    }
    for (unsigned level = 0; level < d->levels; level++) {
        for (size_t i = 0; i < d->count; i++) {
            if (d->nodes[i].level != level) continue;
            d->order[row] = i;
            d->row_of[i] = row++;
        }
    }
}

static bool same_needs(const graph_node *a, const graph_node *b) {
    return a->need_count == b->need_count &&
           memcmp(a->needs, b->needs, a->need_count * sizeof *a->needs) == 0;
}

static size_t find_channel(drawing *d, const graph_node *n) {
    for (size_t c = 0; c < d->channel_count; c++) {
        if (d->channels[c].level == n->level && same_needs(d->channels[c].like, n)) return c;
    }
    channel fresh = {.like = n, .level = n->level, .top = SIZE_MAX};
    for (size_t k = 0; k < n->need_count; k++) {
        size_t row = d->row_of[n->needs[k]];
        if (row < fresh.top) fresh.top = row;
    }
    ARENA_PUSH(d->a, d->channels, d->channel_count, d->channel_cap, fresh);
    return d->channel_count - 1;
}

static void find_channels(drawing *d) {
    d->channel_of = ARENA_ARRAY(d->a, size_t, d->count);
    for (size_t row = 0; row < d->count; row++) {
        size_t node = d->order[row];
        d->channel_of[node] = SIZE_MAX;
        if (!d->nodes[node].need_count) continue;
        size_t c = find_channel(d, &d->nodes[node]);
        d->channel_of[node] = c;
        d->channels[c].bottom = row;
    }
}

/* Gives every level a column and every channel a place in the gap before it. Channels were found
 * from the top row down, so the last one of a level ends lowest, or began lowest. */
static void place(drawing *d) {
    d->column = ARENA_ARRAY(d->a, size_t, d->levels);
    d->text_width = ARENA_ARRAY(d->a, size_t, d->levels);
    for (size_t i = 0; i < d->count; i++) {
        size_t width = columns_of(d->nodes[i].text);
        size_t *widest = &d->text_width[d->nodes[i].level];
        if (width > *widest) *widest = width;
    }
    size_t x = 0;
    for (unsigned level = 0; level < d->levels; level++) {
        if (level) x += 2; /* a space after the text and a piece of line */
        for (size_t c = d->channel_count; c-- > 0 && level;) {
            if (d->channels[c].level != level) continue;
            d->channels[c].x = x;
            x += 2;
        }
        if (level) x += 2; /* the arrow's head and a space; its line is in the channel's width */
        d->column[level] = x;
        x += d->text_width[level];
    }
    d->width = x;
}

static uint8_t *cell(drawing *d, size_t row, size_t x) {
    return &d->cells[row * d->width + x];
}

static void join(drawing *d, size_t row, size_t x, unsigned pieces) {
    uint8_t *c = cell(d, row, x);
    *c = (uint8_t)(*c | pieces);
}

static void horizontal(drawing *d, size_t row, size_t from, size_t to) {
    for (size_t x = from; x < to; x++) {
        uint8_t *c = cell(d, row, x);
        *c = (uint8_t)(*c ? *c | CROSSING : LEFT | RIGHT);
    }
}

static void draw_verticals(drawing *d) {
    for (size_t c = 0; c < d->channel_count; c++) {
        const channel *ch = &d->channels[c];
        for (size_t row = ch->top + 1; row < ch->bottom; row++)
            join(d, row, ch->x, UP | DOWN);
    }
}

/* From the node to the last channel that it runs into; where it meets one of its own channels they
 * are joined, others are crossed. */
static void draw_way_out(drawing *d, size_t node) {
    size_t row = d->row_of[node], last = 0;
    const graph_node *n = &d->nodes[node];
    size_t start = d->column[n->level] + columns_of(n->text) + 1;
    for (size_t c = 0; c < d->channel_count; c++) {
        const channel *ch = &d->channels[c];
        for (size_t k = 0; k < ch->like->need_count; k++) {
            if (ch->like->needs[k] == node && ch->x > last) last = ch->x;
        }
    }
    if (!last) return;
    horizontal(d, row, start, last);
    for (size_t c = 0; c < d->channel_count; c++) {
        const channel *ch = &d->channels[c];
        for (size_t k = 0; k < ch->like->need_count; k++) {
            if (ch->like->needs[k] != node) continue;
            unsigned pieces = LEFT | DOWN;
            if (ch->top < row) pieces |= UP;
            if (ch->x < last) pieces |= RIGHT;
            *cell(d, row, ch->x) = (uint8_t)pieces;
        }
    }
}

static void draw_way_in(drawing *d, size_t node) {
    if (d->channel_of[node] == SIZE_MAX) return;
    size_t row = d->row_of[node];
    const channel *ch = &d->channels[d->channel_of[node]];
    *cell(d, row, ch->x) = (uint8_t)(UP | RIGHT | (ch->bottom > row ? DOWN : 0));
    horizontal(d, row, ch->x + 1, d->column[d->nodes[node].level] - 2);
}

static const char *piece(uint8_t cell_pieces, bool utf8) {
    static const char *const lines[16] = {" ", "╵", "╷", "│", "╴", "┘", "┐", "┤",
                                          "╶", "└", "┌", "├", "─", "┴", "┬", "┼"};
    static const char *const plain[16] = {" ", "|", "|", "|", "-", "+", "+", "+",
                                          "-", "+", "+", "+", "-", "+", "+", "+"};
    if (cell_pieces & CROSSING) return utf8 ? "│" : "|";
    return utf8 ? lines[cell_pieces] : plain[cell_pieces];
}

static void add_row(drawing *d, strbuf *out, size_t row, bool utf8, size_t indent) {
    const graph_node *n = &d->nodes[d->order[row]];
    size_t text_at = d->column[n->level];
    strbuf_pad(out, ' ', indent);
    for (size_t x = 0; x < d->width; x++) {
        if (x == text_at) {
            strbuf_add(out, n->text);
            x += columns_of(n->text);
            if (x >= d->width) break;
        }
        if (n->need_count && x + 2 == text_at)
            strbuf_adds(out, utf8 ? "▶" : ">");
        else
            strbuf_adds(out, piece(*cell(d, row, x), utf8));
    }
    while (out->len && out->ptr[out->len - 1] == ' ')
        strbuf_truncate(out, out->len - 1);
    strbuf_addc(out, '\n');
}

static void add_list(drawing *d, strbuf *out, size_t indent) {
    for (size_t row = 0; row < d->count; row++) {
        const graph_node *n = &d->nodes[d->order[row]];
        strbuf_pad(out, ' ', indent);
        strbuf_add(out, n->text);
        for (size_t k = 0; k < n->need_count; k++)
            strbuf_addf(out, "%s%.*s", k ? ", " : " (needs ", STR_ARG(d->nodes[n->needs[k]].text));
        strbuf_adds(out, n->need_count ? ")\n" : "\n");
    }
}

void graph_add(arena *a, strbuf *out, const graph_node *nodes, size_t count, bool utf8,
               size_t indent) {
    drawing d = {.a = a, .nodes = nodes, .count = count};
    if (!count) return;
    sort_rows(&d);
    find_channels(&d);
    place(&d);
    if (d.width > GRAPH_WIDTH_MAX) {
        add_list(&d, out, indent);
        return;
    }
    d.cells = arena_calloc(a, count, d.width);
    draw_verticals(&d);
    for (size_t i = 0; i < count; i++)
        draw_way_out(&d, i);
    for (size_t i = 0; i < count; i++)
        draw_way_in(&d, i);
    for (size_t row = 0; row < count; row++)
        add_row(&d, out, row, utf8, indent);
}
