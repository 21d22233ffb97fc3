#include "scan/history_walk.h"

#include "base/hash.h"
#include "base/table.h"
#include "scan/history_parse.h"
#include "scan/objects.h"

#include <stdlib.h>
#include <string.h>

#define TIP_MAX      ((uint64_t)64 << 20) /* of what a tag may point at */
#define BLOBS_MAX    10000000
#define COMMITS_MAX  10000000
#define DEPTH_MAX    200
#define PATH_LEN_MAX 4096
#define PROBLEMS_MAX 1000
#define TAG_DEPTH    20

/* A commit as it was read. */
typedef struct node {
    uint8_t tree[OBJECT_ID_BYTES];
    int64_t time, author_time; /* time: of the committer */
    int32_t zone;
    uint32_t person;
    size_t parents; /* where they begin in the list of all */
    uint32_t parent_count;
    uint32_t waiting; /* parents that are not in the order yet */
    bool hidden;      /* of `since`, or before it */
    bool whole;       /* it could be read */
} node;

/* Texts and their numbers. */
typedef struct texts {
    str *items;
    size_t count, cap;
    table_index table;
} texts;

typedef struct walk {
    arena *a;
    const history_repo *repo;
    str below;
    objects *objects;
    idmap commits, trees, blobs, shallow;
    node *nodes; /* by the number of the commit */
    size_t node_cap;
    uint32_t *parents, *order;
    size_t parent_count, parent_cap;
    history_blob *found; /* by the number of the blob; commit is HIDDEN where it does not count */
    size_t found_cap;
    history_list list;
    size_t blob_cap, commit_cap, problem_cap;
    texts paths, persons, folders;
    strbuf *last; /* by folder: the tree that was read last */
    size_t last_count, last_cap;
    strbuf path;
    uint32_t commit; /* in the list, of the one whose files are walked; IDMAP_NONE: not there yet */
    uint32_t at;     /* its number, or IDMAP_NONE: a tag */
    bool hides;      /* what is met does not count */
    err why;         /* of the object that was read last */
    err *e;
} walk;

#define HIDDEN (UINT32_MAX - 1)

/* ---- texts ---------------------------------------------------------------------------------- */

static uint64_t hash_text_at(const void *owner, size_t index) {
    const texts *t = owner;
    return str_hash(t->items[index]);
}

static uint32_t add_text(arena *a, texts *t, str text) {
    size_t at = table_begin(&t->table, str_hash(text));
    for (uint32_t i; table_next(&t->table, &at, &i);) {
        if (str_eq(t->items[i], text)) return i;
    }
    str copy = arena_str(a, text);
    ARENA_PUSH(a, t->items, t->count, t->cap, copy);
    table_add(&t->table, a, t->count - 1, hash_text_at, t);
    return (uint32_t)(t->count - 1);
}

/* ---- what cannot be read -------------------------------------------------------------------- */

static void tell(walk *w, const char *what, const uint8_t *id, str path, const err *why) {
    char hex[2 * OBJECT_ID_BYTES + 1];
    if (why->code == ERR_NOT_FOUND) {
        w->list.missing++;
        if (w->repo->is_partial) return;
    }
    if (w->list.problem_count == PROBLEMS_MAX) return;
    hex_encode(id, OBJECT_ID_BYTES, hex);
    str text = path.len
                   ? arena_printf(w->a, "the %s %s ('%.*s') of the history: %s", what, hex,
                                  STR_ARG(arena_utf8(w->a, path)), why->message)
                   : arena_printf(w->a, "the %s %s of the history: %s", what, hex, why->message);
    ARENA_PUSH(w->a, w->list.problems, w->list.problem_count, w->problem_cap, text);
}

/* False when it cannot be read, which has been told. */
static bool read_object(walk *w, const uint8_t *id, object_kind wanted, const char *what, str path,
                        str *ret) {
    object_kind kind = wanted;
    int r = objects_read(w->objects, id, 0, &kind, ret, &w->why);
    if (r == 0 && kind != wanted) r = err_set(&w->why, ERR_INVALID, "it is of another kind");
    if (r < 0) tell(w, what, id, path, &w->why);
    return r == 0;
}

/* ---- commits -------------------------------------------------------------------------------- */

/* Numbers are of commits that were met: each gets a node. */
static uint32_t meet(walk *w, const uint8_t *id, bool *ret_new) {
    uint32_t number = idmap_add(&w->commits, id, ret_new);
    if (*ret_new && number >= w->node_cap) {
        size_t cap = w->node_cap ? w->node_cap * 2 : 4096;
        w->nodes = mem_realloc(w->nodes, cap * sizeof *w->nodes);
        w->node_cap = cap;
    }
    if (*ret_new) w->nodes[number] = (node){0};
    return number;
}

/* The parents of the last commits of a shallow clone are not here. */
static void take_commit(walk *w, uint32_t number, str text) {
    bool cut = idmap_find(&w->shallow, w->commits.ids[number]) != IDMAP_NONE, is_new;
    uint8_t id[OBJECT_ID_BYTES];
    commit_head c;
    history_parse_commit(text, &c);
    node n = {.parents = w->parent_count,
              .hidden = w->nodes[number].hidden,
              .whole = c.whole,
              .time = c.time,
              .author_time = c.author_time,
              .zone = c.zone,
              .person = add_text(w->a, &w->persons, c.author)};
    memcpy(n.tree, c.tree, sizeof n.tree);
    while (!cut && history_next_parent(&c.parents, id)) {
        uint32_t parent = meet(w, id, &is_new);
        if (parent == IDMAP_NONE) continue;
        ARENA_PUSH(w->a, w->parents, w->parent_count, w->parent_cap, parent);
        n.parent_count++;
    }
    w->nodes[number] = n;
}

/* Commits are numbered as they are met, so the list of them is the list of what is to be read. */
static int read_commits(walk *w) {
    for (size_t i = 0; i < w->commits.count; i++) {
        uint8_t id[OBJECT_ID_BYTES];
        str text;
        if (i == COMMITS_MAX)
            return err_set(w->e, ERR_LIMIT, "the history has more than %d commits", COMMITS_MAX);
        memcpy(id, w->commits.ids[i], sizeof id);
        if (read_object(w, id, OBJECT_COMMIT, "commit", STR_EMPTY, &text))
            take_commit(w, (uint32_t)i, text);
    }
    return 0;
}

/* ---- the order ------------------------------------------------------------------------------ */

static bool is_older(const walk *w, uint32_t a, uint32_t b) {
    const node *x = &w->nodes[a], *y = &w->nodes[b];
    return x->time != y->time ? x->time < y->time
                              : memcmp(w->commits.ids[a], w->commits.ids[b], OBJECT_ID_BYTES) < 0;
}

static void heap_push(const walk *w, uint32_t *heap, size_t *count, uint32_t item) {
    size_t at = (*count)++;
    for (; at && is_older(w, item, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = item;
}

static uint32_t heap_pop(const walk *w, uint32_t *heap, size_t *count) {
    uint32_t top = heap[0], item = heap[--*count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= *count) break;
        if (child + 1 < *count && is_older(w, heap[child + 1], heap[child])) child++;
        if (!is_older(w, heap[child], item)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
    return top;
}

/* Parents before their children, among those that could come next the oldest. Commits of which one
 * is the ancestor of itself, which only an attacker can make, have no place in it. */
static size_t sort_commits(walk *w) {
    size_t count = w->commits.count, ready = 0, done = 0;
    uint32_t *heap = ARENA_ARRAY(w->a, uint32_t, count + 1);
    size_t *first = ARENA_ARRAY(w->a, size_t, count + 2);
    uint32_t *children = ARENA_ARRAY(w->a, uint32_t, w->parent_count + 1);
    w->order = ARENA_ARRAY(w->a, uint32_t, count + 1);
    for (size_t i = 0; i < w->parent_count; i++)
        first[w->parents[i] + 2]++;
    for (size_t i = 2; i < count + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < count; i++) {
        node *n = &w->nodes[i];
        n->waiting = n->parent_count;
        for (uint32_t k = 0; k < n->parent_count; k++)
            children[first[w->parents[n->parents + k] + 1]++] = (uint32_t)i;
        if (!n->waiting) heap_push(w, heap, &ready, (uint32_t)i);
    }
    while (ready) {
        uint32_t next = heap_pop(w, heap, &ready);
        w->order[done++] = next;
        for (size_t i = first[next]; i < first[next + 1]; i++) {
            if (--w->nodes[children[i]].waiting == 0) heap_push(w, heap, &ready, children[i]);
        }
    }
    return done;
}

/* In the order, from the newest on: what a hidden commit comes from is hidden. */
static void hide_ancestors(walk *w, size_t ordered) {
    for (size_t i = ordered; i-- > 0;) {
        const node *n = &w->nodes[w->order[i]];
        for (uint32_t k = 0; n->hidden && k < n->parent_count; k++)
            w->nodes[w->parents[n->parents + k]].hidden = true;
    }
}

/* ---- trees ---------------------------------------------------------------------------------- */

static uint32_t list_commit(walk *w) {
    if (w->commit != IDMAP_NONE || w->at == IDMAP_NONE) return w->commit;
    const node *n = &w->nodes[w->at];
    history_commit c = {.time = n->author_time, .person = n->person, .zone = n->zone};
    memcpy(c.id, w->commits.ids[w->at], sizeof c.id);
    w->commit = (uint32_t)w->list.commit_count;
    ARENA_PUSH(w->a, w->list.commits, w->list.commit_count, w->commit_cap, c);
    return w->commit;
}

static int take_blob(walk *w, const uint8_t *id) {
    bool is_new;
    uint32_t number = idmap_add(&w->blobs, id, &is_new);
    if (!is_new) return 0;
    if (number >= BLOBS_MAX)
        return err_set(w->e, ERR_LIMIT, "the history has more than %d files", BLOBS_MAX);
    if (number >= w->found_cap) {
        size_t cap = w->found_cap ? w->found_cap * 2 : 4096;
        w->found = mem_realloc(w->found, cap * sizeof *w->found);
        w->found_cap = cap;
    }
    history_blob b = {.commit = HIDDEN};
    if (!w->hides) {
        b.commit = list_commit(w);
        b.path = add_text(w->a, &w->paths, strbuf_str(&w->path));
    }
    memcpy(b.id, id, sizeof b.id);
    w->found[number] = b;
    return 0;
}

/* Where an entry leads when only what is below a path counts: to it, into it, or past it. */
static bool is_on_way(str below, str path) {
    if (!below.len) return true;
    size_t n = path.len < below.len ? path.len : below.len;
    if (!str_eq(str_sub(below, 0, n), str_sub(path, 0, n))) return false;
    if (path.len == below.len) return true;
    return path.len > below.len ? path.ptr[below.len] == '/' : below.ptr[path.len] == '/';
}

static int walk_tree(walk *w, const uint8_t id[OBJECT_ID_BYTES], unsigned depth);

static int take_entry(walk *w, const tree_entry *entry, unsigned depth) {
    size_t before = w->path.len;
    int r = 0;
    if (before) strbuf_addc(&w->path, '/');
    strbuf_add(&w->path, entry->name);
    if (w->path.len <= PATH_LEN_MAX && is_on_way(w->below, strbuf_str(&w->path)))
        r = history_is_folder(entry) ? walk_tree(w, entry->id, depth - 1) : take_blob(w, entry->id);
    strbuf_truncate(&w->path, before);
    return r;
}

/* The tree that was read last at this path. */
static strbuf *last_tree(walk *w) {
    uint32_t number = add_text(w->a, &w->folders, strbuf_str(&w->path));
    while (number >= w->last_count)
        ARENA_PUSH(w->a, w->last, w->last_count, w->last_cap, (strbuf)STRBUF_INIT);
    return &w->last[number];
}

/* What is new in a tree: it is compared with the last one at its path, whose entries were all seen
 * to, so most of it is passed over. The bytes are lent until another object is read, and what is
 * new is copied. */
static void take_changes(walk *w, const uint8_t *id, str text, bool above, strbuf *ret) {
    strbuf *last = last_tree(w);
    tree_changes changes = history_compare_trees(strbuf_str(last), text);
    tree_entry entry;
    while (history_next_change(&changes, &entry)) {
        bool folder = history_is_folder(&entry);
        if (!folder && !history_is_file(&entry)) continue;
        const idmap *known = folder ? &w->trees : &w->blobs;
        if (!above && idmap_find(known, entry.id) != IDMAP_NONE) continue;
        strbuf_add(ret, entry.mode);
        strbuf_addc(ret, ' ');
        strbuf_add(ret, entry.name);
        strbuf_addc(ret, '\0');
        strbuf_add(ret, (str){(const char *)entry.id, OBJECT_ID_BYTES});
    }
    strbuf_clear(last);
    if (!changes.broken) {
        strbuf_add(last, text);
        return;
    }
    err_set(&w->why, ERR_IO, "it is no list of files from some place on");
    tell(w, "folder", id, strbuf_str(&w->path), &w->why);
}

/* Each once. Those above what counts are read for every commit: one that was read as such may be
 * another's, further down. */
static int walk_tree(walk *w, const uint8_t id[OBJECT_ID_BYTES], unsigned depth) {
    bool is_new, above = w->path.len < w->below.len;
    str text;
    tree_entry entry;
    int r = 0;
    if (!above) {
        idmap_add(&w->trees, id, &is_new);
        if (!is_new) return 0;
    }
    if (depth == 0) {
        err_set(&w->why, ERR_LIMIT, "it lies %d folders deep, and is not scanned", DEPTH_MAX);
        tell(w, "folder", id, strbuf_str(&w->path), &w->why);
        return 0;
    }
    if (!read_object(w, id, OBJECT_TREE, "folder", strbuf_str(&w->path), &text)) return 0;
    _cleanup_strbuf_ strbuf fresh = STRBUF_INIT;
    take_changes(w, id, text, above, &fresh);
    for (str rest = strbuf_str(&fresh); r == 0 && history_next_entry(&rest, &entry);)
        r = take_entry(w, &entry, depth);
    return r;
}

static int walk_commit(walk *w, uint32_t number, bool hides) {
    if (!w->nodes[number].whole) return 0;
    uint8_t tree[OBJECT_ID_BYTES];
    memcpy(tree, w->nodes[number].tree, sizeof tree);
    strbuf_clear(&w->path);
    w->at = number;
    w->commit = IDMAP_NONE;
    w->hides = hides;
    return walk_tree(w, tree, DEPTH_MAX);
}

/* What the hidden commits at the border have is not new. */
static int walk_parents(walk *w, uint32_t number) {
    int r = 0;
    size_t first = w->nodes[number].parents;
    for (uint32_t k = 0; r == 0 && k < w->nodes[number].parent_count; k++) {
        uint32_t parent = w->parents[first + k];
        if (w->nodes[parent].hidden) r = walk_commit(w, parent, true);
    }
    return r;
}

static int walk_commits(walk *w) {
    size_t ordered = sort_commits(w);
    int r = 0;
    hide_ancestors(w, ordered);
    for (size_t i = 0; r == 0 && w->repo->has_since && i < ordered; i++) {
        if (!w->nodes[w->order[i]].hidden) r = walk_parents(w, w->order[i]);
    }
    for (size_t i = 0; r == 0 && i < ordered; i++) {
        if (w->nodes[w->order[i]].hidden) continue;
        w->list.seen_commits += w->nodes[w->order[i]].whole;
        r = walk_commit(w, w->order[i], false);
    }
    return r;
}

/* ---- where it begins ------------------------------------------------------------------------ */

/* What tags point at may be other tags, and any object. */
static int take_tip(walk *w, const uint8_t *tip, uint8_t (*others)[OBJECT_ID_BYTES],
                    object_kind *kinds, size_t *other_count) {
    uint8_t id[OBJECT_ID_BYTES];
    memcpy(id, tip, sizeof id);
    for (unsigned depth = 0; depth < TAG_DEPTH; depth++) {
        bool is_new;
        object_kind kind;
        str text;
        err why = {0};
        if (idmap_find(&w->commits, id) != IDMAP_NONE) return 0;
        int r = objects_read(w->objects, id, TIP_MAX, &kind, &text, &why);
        if (r < 0) {
            tell(w, "object", id, STR_EMPTY, &why);
            return 0;
        }
        if (kind == OBJECT_COMMIT) {
            meet(w, id, &is_new);
            return 0;
        }
        if (kind != OBJECT_TAG) {
            memcpy(others[*other_count], id, sizeof id);
            kinds[(*other_count)++] = kind;
            return 0;
        }
        if (!history_parse_tag(text, id)) return 0;
    }
    return 0;
}

static int walk_all(walk *w) {
    const history_repo *repo = w->repo;
    uint8_t(*others)[OBJECT_ID_BYTES] = arena_calloc(w->a, repo->tip_count + 1, OBJECT_ID_BYTES);
    object_kind *kinds = ARENA_ARRAY(w->a, object_kind, repo->tip_count + 1);
    size_t other_count = 0;
    bool is_new;
    for (size_t i = 0; i < repo->shallow_count; i++)
        idmap_add(&w->shallow, repo->shallow[i], &is_new);
    if (repo->has_since) {
        uint32_t since = meet(w, repo->since, &is_new);
        w->nodes[since].hidden = true;
    }
    for (size_t i = 0; i < repo->tip_count; i++)
        take_tip(w, repo->tips[i], others, kinds, &other_count);
    int r = read_commits(w);
    if (r == 0) r = walk_commits(w);
    w->at = w->commit = IDMAP_NONE;
    w->hides = false;
    for (size_t i = 0; r == 0 && i < other_count; i++) {
        strbuf_clear(&w->path);
        if (kinds[i] == OBJECT_TREE) {
            r = walk_tree(w, others[i], DEPTH_MAX);
        } else if (!w->below.len) {
            char hex[2 * OBJECT_ID_BYTES + 1];
            hex_encode(others[i], OBJECT_ID_BYTES, hex);
            strbuf_adds(&w->path, hex); /* it has no name but that */
            r = take_blob(w, others[i]);
        }
    }
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* By path, the oldest first. That is the order of chains of deltas from their ends, where git makes
 * old versions of a file from newer ones: libgit2 keeps, in 16 MiB, what it met on the way to an
 * object, so each is inflated once. In the order of the pack, which is by age where there are no
 * tags, the versions of a file lie far apart, and all that they are made from is inflated again for
 * each. */
static int cmp_blobs(const void *x, const void *y) {
    const history_blob *a = x, *b = y;
    if (a->path != b->path) return a->path < b->path ? -1 : 1;
    if (a->commit != b->commit) return a->commit < b->commit ? -1 : 1;
    return memcmp(a->id, b->id, sizeof a->id);
}

static void list_blobs(walk *w) {
    const err why = {.code = ERR_NOT_FOUND, .message = "it is missing"};
    for (size_t i = 0; i < w->blobs.count; i++) {
        const history_blob *b = &w->found[i];
        if (b->commit == HIDDEN) continue;
        if (objects_has(w->objects, b->id))
            ARENA_PUSH(w->a, w->list.blobs, w->list.blob_count, w->blob_cap, *b);
        else
            tell(w, "file", b->id, w->paths.items[b->path], &why);
    }
    if (w->list.blob_count)
        qsort(w->list.blobs, w->list.blob_count, sizeof *w->list.blobs, cmp_blobs);
}

int history_walk(arena *a, const history_repo *repo, objects *o, str below, history_list *ret,
                 err *e) {
    walk w = {.a = a, .repo = repo, .below = below, .objects = o, .path = STRBUF_INIT, .e = e};
    int r = walk_all(&w);
    if (r == 0) list_blobs(&w);
    w.list.paths = w.paths.items;
    w.list.path_count = w.paths.count;
    w.list.persons = w.persons.items;
    w.list.person_count = w.persons.count;
    *ret = w.list;
    strbuf_done(&w.path);
    for (size_t i = 0; i < w.last_count; i++)
        strbuf_done(&w.last[i]);
    free(w.nodes);
    free(w.found);
    idmap_done(&w.commits);
    idmap_done(&w.trees);
    idmap_done(&w.blobs);
    idmap_done(&w.shallow);
    return r;
}
