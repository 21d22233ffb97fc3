/* places.c: blocks that go to their final place at once, so that nothing is left to be copied when
 * they are put together.
 *
 * Only the block list decides the order, and it comes last. But the clients of Azure number their
 * blocks, all of one size but the last, and the base64 of an id ends in the number
 * (@azure/storage-blob, generateBlockID: six digits at least). So block N is written at N times the
 * size of a block, in a file that all share. That is a guess: where it was wrong (another client,
 * another order, a block that came twice, the last block before all others) the list finds the
 * pieces elsewhere, and they are copied.
 *
 * A place is given to one request only. Whoever sends the block again gets a file of its own: the
 * first request may still be writing. */
#include "actions/service.h"

#include "actions/blocklist.h"
#include "base/hash.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#define NUMBER_DIGITS 6

/* -1 when the id has none. */
static int64_t number_of(str id) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    uint64_t number;
    while (str_ends(id, STR("=")))
        id.len--;
    if (!base64url_decode(&text, id) || text.len < NUMBER_DIGITS) return -1;
    str digits = str_sub(strbuf_str(&text), text.len - NUMBER_DIGITS, text.len);
    return str_to_uint(digits, BLOCKLIST_MAX - 1, &number) ? (int64_t)number : -1;
}

static bool take_number(upload *u, uint64_t number) {
    places *p = &u->places;
    uint8_t bit = (uint8_t)(1u << number % 8);
    if (!p->given) p->given = ARENA_ARRAY(u->a, uint8_t, BLOCKLIST_MAX / 8 + 1);
    if (p->given[number / 8] & bit) return false;
    p->given[number / 8] |= bit;
    return true;
}

static int open_file(service *s, upload *u) {
    int fd;
    err ignored = {0};
    if (u->places.path) return open(u->places.path, O_WRONLY | O_CLOEXEC);
    if (staging_file(s, u->a, &u->places.path, &fd, &ignored) == 0) return fd;
    u->places.path = NULL;
    return -1;
}

/* -1: no place. */
static int take_place(service *s, upload *u, str id, uint64_t size, piece *ret) {
    places *p = &u->places;
    err ignored = {0};
    int64_t number = number_of(id);
    if (number < 0 || !size || upload_judge(s, u, size, &ignored) < 0) return -1;
    uint64_t each = p->path ? p->size : size;
    if (size > each || ((uint64_t)number + 1) > s->limits.upload_bytes / each) return -1;
    if (!take_number(u, (uint64_t)number)) return -1;
    int fd = open_file(s, u);
    if (fd < 0) return -1;
    p->size = each;
    p->writers++;
    *ret = (piece){p->path, (uint64_t)number * each, size};
    return fd;
}

bool place_open(service *s, upload *u, str id, uint64_t size, piece *ret, int *ret_fd) {
    pthread_mutex_lock(&s->lock);
    *ret_fd = take_place(s, u, id, size, ret);
    pthread_mutex_unlock(&s->lock);
    return *ret_fd >= 0;
}

void place_leave(service *s, upload *u, const piece *x) {
    pthread_mutex_lock(&s->lock);
    if (x->path == u->places.path) u->places.writers--;
    pthread_mutex_unlock(&s->lock);
}

bool places_are(const places *p, const piece *pieces, size_t count, uint64_t *ret_size) {
    uint64_t size = 0;
    bool all = p->path && count && !p->writers;
    for (size_t i = 0; i < count; i++) {
        all = all && pieces[i].path == p->path && pieces[i].at == size;
        size += pieces[i].size;
    }
    *ret_size = size;
    return all;
}

void places_reset(places *p) {
    *p = (places){0};
}
