/* history_list.c: the list of a walk on its way from the child to the parent. Numbers are in this
 * machine's order. */
#include "scan/history_walk.h"

#include <string.h>

typedef struct head {
    uint64_t blobs, commits, paths, persons, problems, seen_commits, missing;
} head;

static void add_texts(strbuf *out, const str *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t size = items[i].len;
        strbuf_add(out, (str){(const char *)&size, sizeof size});
        strbuf_add(out, items[i]);
    }
}

void history_list_write(strbuf *out, const history_list *list) {
    head h = {list->blob_count,    list->commit_count, list->path_count, list->person_count,
              list->problem_count, list->seen_commits, list->missing};
    strbuf_add(out, (str){(const char *)&h, sizeof h});
    strbuf_add(out, (str){(const char *)list->blobs, list->blob_count * sizeof *list->blobs});
    strbuf_add(out, (str){(const char *)list->commits, list->commit_count * sizeof *list->commits});
    add_texts(out, list->paths, list->path_count);
    add_texts(out, list->persons, list->person_count);
    add_texts(out, list->problems, list->problem_count);
}

/* A copy of `count` things of `size` bytes, aligned. NULL when there are not as many. */
static void *take_array(arena *a, str *rest, uint64_t count, size_t size) {
    if (count > rest->len / size) return NULL;
    void *copy = arena_calloc(a, count + 1, size);
    if (count) memcpy(copy, rest->ptr, count * size);
    *rest = str_sub(*rest, count * size, rest->len);
    return copy;
}

static str *take_texts(arena *a, str *rest, uint64_t count) {
    if (count > rest->len / sizeof(uint64_t)) return NULL;
    str *items = ARENA_ARRAY(a, str, count + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        if (rest->len < sizeof size) return NULL;
        memcpy(&size, rest->ptr, sizeof size);
        *rest = str_sub(*rest, sizeof size, rest->len);
        if (size > rest->len) return NULL;
        items[i] = str_sub(*rest, 0, (size_t)size);
        *rest = str_sub(*rest, (size_t)size, rest->len);
    }
    return items;
}

static bool is_whole(const history_list *l) {
    for (size_t i = 0; i < l->blob_count; i++) {
        const history_blob *b = &l->blobs[i];
        if (b->path >= l->path_count) return false;
        if (b->commit >= l->commit_count && b->commit != IDMAP_NONE) return false;
    }
    for (size_t i = 0; i < l->commit_count; i++) {
        if (l->commits[i].person >= l->person_count && l->commits[i].person) return false;
    }
    return true;
}

int history_list_read(arena *a, str bytes, history_list *ret, err *e) {
    head h = {0};
    history_list l;
    bool taken = bytes.len >= sizeof h;
    if (taken) memcpy(&h, bytes.ptr, sizeof h);
    bytes = str_sub(bytes, sizeof h, bytes.len);
    l = (history_list){.blob_count = h.blobs,
                       .commit_count = h.commits,
                       .path_count = h.paths,
                       .person_count = h.persons,
                       .problem_count = h.problems,
                       .seen_commits = h.seen_commits,
                       .missing = h.missing};
    taken = taken && (l.blobs = take_array(a, &bytes, h.blobs, sizeof *l.blobs)) &&
            (l.commits = take_array(a, &bytes, h.commits, sizeof *l.commits)) &&
            (l.paths = take_texts(a, &bytes, h.paths)) &&
            (l.persons = take_texts(a, &bytes, h.persons)) &&
            (l.problems = take_texts(a, &bytes, h.problems)) && !bytes.len && is_whole(&l);
    if (!taken) return err_set(e, ERR_FAILED, "the reader of commits gave a list that cannot be");
    *ret = l;
    return 0;
}
