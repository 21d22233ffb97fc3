/* A log, its index and a packed log of any bytes are read, or refused with a reason. Sums are put
 * right first in half of the runs, so that what is behind them is reached. */
#include "fuzz.h"

#include "store/log_internal.h"

#include "base/fs.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define READ_MAX 1000

static int drop(void *context, str piece, err *e) {
    (void)e;
    *(uint64_t *)context += piece.len;
    return 0;
}

static void use(job_log *l) {
    _cleanup_arena_ arena *a = arena_new();
    err e = {0};
    log_page page;
    log_found found;
    log_cursor at = {0};
    str piece;
    uint64_t bytes = 0;
    if (log_tail(l, a, LOG_ANY_STEP, READ_MAX, &page, &e) == 0) CHECK(page.count <= READ_MAX);
    if (log_tail(l, a, 1, READ_MAX, &page, &e) == 0) CHECK(page.count <= READ_MAX);
    for (int i = 0; i < READ_MAX && log_follow(l, a, &at, 4096, &piece, &e) == 0 && piece.len; i++)
        CHECK(piece.ptr[piece.len - 1] == '\n');
    log_export(l, LOG_ANY_STEP, true, drop, &bytes, &e);
    log_query q = {.text = STR("e"), .step = LOG_ANY_STEP, .max = 10};
    if (log_search(l, a, &q, &found, &e) == 0) {
        CHECK(found.complete && found.count <= found.total);
        for (size_t i = 0; i < found.count; i++) {
            const log_match *m = &found.matches[i];
            CHECK(m->start + m->size <= m->line.text.len && m->size == 1);
        }
    }
}

static void use_bytes(str bytes, bool packed) {
    int fd = memfd_create("log", MFD_CLOEXEC);
    err e = {0};
    if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len) abort();
    _cleanup_log_ job_log *l = log_new("log", fd, 1);
    l->packed = packed;
    int r = packed ? packed_load(l, &e) : log_scan(l, true, &e);
    if (r < 0)
        CHECK(e.message[0]);
    else
        use(l);
}

/* Entries of an index get the sums that they should have. */
static void mend(char *bytes, size_t size) {
    for (size_t at = INDEX_HEAD_SIZE; at + 12 <= size;) {
        uint64_t all = get_le(bytes + at, 4);
        if (all < 12 || all > size - at) break;
        put_le(bytes + at + all - 8, str_hash((str){bytes + at, all - 8}), 8);
        at += all;
    }
}

static void use_index(str bytes) {
    log_index x = {0};
    uint64_t mark;
    if (index_read_head(&bytes)) {
        while (index_read_block(&bytes, &x, &mark))
            continue;
    }
    for (size_t i = 0; i < x.count; i++) {
        CHECK(index_block_of_line(&x, x.blocks[i].line) == i);
        CHECK(index_block_of_offset(&x, x.blocks[i].offset) == i);
    }
    index_add(&x, 1, 1, 10);
    index_done(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    str bytes = {(const char *)data + 1, size - 1};
    char *copy = mem_alloc(size);
    memcpy(copy, bytes.ptr, bytes.len);
    switch (data[0] & 3) {
    case 0: use_bytes(bytes, false); break;
    case 1: use_bytes(bytes, true); break;
    case 2: mend(copy, bytes.len); /* fall through */
    default: use_index((str){copy, bytes.len}); break;
    }
    free(copy);
    return 0;
}
