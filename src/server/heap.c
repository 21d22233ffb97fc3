#include "server/heap.h"

#include <stdlib.h>

static void put(heap *h, size_t at, void *item) {
    h->items[at] = item;
    *(size_t *)((char *)item + h->place_offset) = at;
}

static size_t place(const heap *h, const void *item) {
    return *(const size_t *)((const char *)item + h->place_offset);
}

static void settle(heap *h, size_t at) {
    void *item = h->items[at];
    while (at > 0 && h->before(item, h->items[(at - 1) / 2])) {
        put(h, at, h->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && h->before(h->items[child + 1], h->items[child])) child++;
        if (!h->before(h->items[child], item)) break;
        put(h, at, h->items[child]);
    }
    put(h, at, item);
}

void heap_done(heap *h) {
    free(h->items);
    h->items = NULL;
    h->count = h->cap = 0;
}

void *heap_first(const heap *h) {
    return h->count ? h->items[0] : NULL;
}

void heap_add(heap *h, void *item) {
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 8;
        h->items = mem_realloc(h->items, h->cap * sizeof *h->items);
    }
    put(h, h->count++, item);
    settle(h, h->count - 1);
}

void heap_remove(heap *h, void *item) {
    size_t at = place(h, item);
    void *last = h->items[--h->count];
    *(size_t *)((char *)item + h->place_offset) = HEAP_OUT;
    if (last == item) return;
    put(h, at, last);
    settle(h, at);
}

void heap_move(heap *h, void *item) {
    settle(h, place(h, item));
}
