#include "actions/blocklist.h"

#include <ctype.h>

typedef struct reader {
    str text;
    size_t at;
} reader;

static str rest_of(const reader *x) {
    return str_sub(x->text, x->at, x->text.len);
}

static bool eat(reader *x, const char *word) {
    str w = str_from(word);
    if (!str_starts(rest_of(x), w)) return false;
    x->at += w.len;
    return true;
}

static bool skip_past(reader *x, const char *word) {
    ptrdiff_t found = str_find(rest_of(x), str_from(word));
    if (found < 0) return false;
    x->at += (size_t)found + str_from(word).len;
    return true;
}

/* White space, comments, and the declaration. */
static bool skip_noise(reader *x) {
    for (;;) {
        while (x->at < x->text.len && isspace((unsigned char)x->text.ptr[x->at]))
            x->at++;
        if (eat(x, "<!--")) {
            if (!skip_past(x, "-->")) return false;
        } else if (eat(x, "<?")) {
            if (!skip_past(x, "?>")) return false;
        } else {
            return true;
        }
    }
}

bool block_id_ok(str id) {
    if (!id.len || id.len > BLOCK_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];
        if (!isalnum(c) && c != '+' && c != '/' && c != '-' && c != '_' && c != '=') return false;
    }
    return true;
}

/* "ID</Latest>" after "<Latest>". */
static int read_block(reader *x, const char *close, str *ret, err *e) {
    ptrdiff_t end = str_find_char(rest_of(x), '<');
    if (end < 0) return err_set(e, ERR_INVALID, "the block list ends in a block");
    *ret = str_trim(str_sub(rest_of(x), 0, (size_t)end));
    x->at += (size_t)end;
    if (!block_id_ok(*ret))
        return err_set(e, ERR_INVALID,
                       "the block list has an id that is no base64 of 1 to 64 bytes");
    if (!eat(x, close))
        return err_set(e, ERR_INVALID, "the block list has a block that does not end");
    return 0;
}

static int read_blocks(arena *a, reader *x, str **ret, size_t *ret_count, err *e) {
    static const char *const kinds[][2] = {{"<Latest>", "</Latest>"},
                                           {"<Uncommitted>", "</Uncommitted>"},
                                           {"<Committed>", "</Committed>"}};
    size_t cap = 0;
    for (;;) {
        size_t kind = 0;
        if (!skip_noise(x)) return err_set(e, ERR_INVALID, "the block list ends in a comment");
        if (eat(x, "</BlockList>")) return 0;
        while (kind < 3 && !eat(x, kinds[kind][0]))
            kind++;
        if (kind == 3) return err_set(e, ERR_INVALID, "the block list has something but blocks");
        if (*ret_count == BLOCKLIST_MAX)
            return err_set(e, ERR_LIMIT, "the block list has more than %d blocks", BLOCKLIST_MAX);
        str id;
        if (read_block(x, kinds[kind][1], &id, e) < 0) return ERR_INVALID;
        ARENA_PUSH(a, *ret, *ret_count, cap, id);
    }
}

int blocklist_parse(arena *a, str xml, str **ret, size_t *ret_count, err *e) {
    reader x = {xml, 0};
    *ret = NULL;
    *ret_count = 0;
    if (xml.len > BLOCKLIST_BYTES)
        return err_set(e, ERR_LIMIT, "the block list is longer than %u bytes", BLOCKLIST_BYTES);
    eat(&x, "\xef\xbb\xbf");
    if (!skip_noise(&x)) return err_set(e, ERR_INVALID, "the block list is cut off");
    if (eat(&x, "<BlockList/>") || eat(&x, "<BlockList />")) return 0;
    if (!eat(&x, "<BlockList>")) return err_set(e, ERR_INVALID, "the body is no block list");
    int r = read_blocks(a, &x, ret, ret_count, e);
    if (r == 0 && (!skip_noise(&x) || x.at != xml.len))
        return err_set(e, ERR_INVALID, "something comes after the block list");
    return r;
}
