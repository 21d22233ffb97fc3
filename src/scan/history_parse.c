#include "scan/history_parse.h"

#include <string.h>

static bool read_hex(str text, uint8_t ret[OBJECT_ID_BYTES]) {
    for (size_t i = 0; i < OBJECT_ID_BYTES; i++) {
        uint64_t byte;
        if (2 * i + 2 > text.len || !str_to_bits(str_sub(text, 2 * i, 2 * i + 2), 16, &byte))
            return false;
        ret[i] = (uint8_t)byte;
    }
    return true;
}

/* ---- commits -------------------------------------------------------------------------------- */

/* "Name <mail> 1700000000 +0200" */
static str read_person(str line, int64_t *ret_time, int32_t *ret_zone) {
    ptrdiff_t end = str_rfind_char(line, '>');
    str rest = end < 0 ? STR_EMPTY : str_trim(str_sub(line, (size_t)end + 1, line.len)), time, zone;
    uint64_t seconds = 0, digits = 0;
    str_cut(rest, ' ', &time, &zone);
    if (!str_to_uint(time, (uint64_t)1 << 40, &seconds)) seconds = 0;
    if (zone.len == 5 && !str_to_uint(str_sub(zone, 1, 5), 9999, &digits)) digits = 0;
    int32_t minutes = (int32_t)(digits / 100 * 60 + digits % 100);
    *ret_time = (int64_t)seconds;
    *ret_zone = zone.len && zone.ptr[0] == '-' ? -minutes : minutes;
    return end < 0 ? line : str_sub(line, 0, (size_t)end + 1);
}

/* Headers, an empty line, the message. */
void history_parse_commit(str text, commit_head *ret) {
    str line, key, rest;
    int32_t ignored;
    *ret = (commit_head){.author = STR_EMPTY, .parents = text};
    while (str_line(&text, &line) && line.len) {
        str_cut(line, ' ', &key, &rest);
        if (str_is(key, "tree")) {
            ret->whole = read_hex(rest, ret->tree);
        } else if (str_is(key, "author")) {
            ret->author = read_person(rest, &ret->author_time, &ret->zone);
        } else if (str_is(key, "committer")) {
            read_person(rest, &ret->time, &ignored);
            break;
        }
    }
    ret->parents.len -= text.len;
}

bool history_next_parent(str *parents, uint8_t ret[OBJECT_ID_BYTES]) {
    str line, key, rest;
    while (str_line(parents, &line) && line.len) {
        str_cut(line, ' ', &key, &rest);
        if (str_is(key, "parent") && read_hex(rest, ret)) return true;
    }
    return false;
}

bool history_parse_tag(str text, uint8_t ret[OBJECT_ID_BYTES]) {
    str line, key, rest;
    return str_line(&text, &line) && str_cut(line, ' ', &key, &rest) && str_is(key, "object") &&
           read_hex(rest, ret);
}

/* ---- trees ---------------------------------------------------------------------------------- */

/* Where the entry at `at` ends; 0 when there is none. "MODE NAME" NUL id. */
static size_t end_of_entry(str text, size_t at) {
    const char *nul = at < text.len ? memchr(text.ptr + at, '\0', text.len - at) : NULL;
    size_t end = nul ? (size_t)(nul - text.ptr) + 1 : 0;
    return nul && text.len - end >= OBJECT_ID_BYTES ? end + OBJECT_ID_BYTES : 0;
}

bool history_next_entry(str *rest, tree_entry *ret) {
    size_t end = end_of_entry(*rest, 0);
    if (!end) return false;
    str head = str_sub(*rest, 0, end - OBJECT_ID_BYTES - 1);
    if (!str_cut(head, ' ', &ret->mode, &ret->name)) return false;
    memcpy(ret->id, rest->ptr + end - OBJECT_ID_BYTES, OBJECT_ID_BYTES);
    *rest = str_sub(*rest, end, rest->len);
    return true;
}

bool history_is_folder(const tree_entry *entry) {
    return str_is(entry->mode, "40000") || str_is(entry->mode, "040000");
}

/* Links are 120000, submodules 160000. Some old trees have 100664. */
bool history_is_file(const tree_entry *entry) {
    return entry->mode.len == 6 && str_starts(entry->mode, STR("100"));
}

tree_changes history_compare_trees(str old, str text) {
    tree_changes c = {.old = old, .text = text};
    size_t head = str_same_begin(old, text), end;
    c.tail = str_same_end(str_sub(old, head, old.len), str_sub(text, head, text.len));
    while ((end = end_of_entry(text, c.at)) && end <= head)
        c.at = end;
    c.old_at = c.at;
    return c;
}

/* Entries are told apart from their beginning on only, as an id may have any bytes: equal ends are
 * equal entries where one begins at the same distance from the end in both. */
static bool is_rest_same(tree_changes *c) {
    size_t left = c->text.len - c->at, end;
    if (left > c->tail) return false;
    while (c->old.len - c->old_at > left && (end = end_of_entry(c->old, c->old_at)))
        c->old_at = end;
    return c->old.len - c->old_at == left;
}

bool history_next_change(tree_changes *c, tree_entry *ret) {
    str rest = str_sub(c->text, c->at, c->text.len);
    if (!rest.len || is_rest_same(c)) return false;
    c->broken = !history_next_entry(&rest, ret);
    c->at = c->text.len - rest.len;
    return !c->broken;
}
