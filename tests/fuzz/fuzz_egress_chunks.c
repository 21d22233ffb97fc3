/* A chunked body: wherever it is cut, it ends at the same byte, and what is taken is a body for a
 * reader that knows no more than the grammar. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

#include <stdlib.h>
#include <string.h>

/* The whole body at once; SIZE_MAX when it is none. */
static size_t plain_size(const char *bytes, size_t size) {
    size_t at = 0;
    for (;;) {
        const char *line = memmem(bytes + at, size - at, "\r\n", 2);
        if (!line) return SIZE_MAX;
        size_t digits = (size_t)(line - bytes) - at;
        char text[EGRESS_CHUNK_DIGITS + 1], *end;
        if (digits == 0 || digits > EGRESS_CHUNK_DIGITS) return SIZE_MAX;
        memcpy(text, bytes + at, digits);
        text[digits] = '\0';
        if (strspn(text, "0123456789abcdefABCDEF") != digits) return SIZE_MAX;
        unsigned long long chunk = strtoull(text, &end, 16);
        at += digits + 2;
        if (size - at < 2 || size - at - 2 < chunk) return SIZE_MAX;
        at += (size_t)chunk;
        if (memcmp(bytes + at, "\r\n", 2) != 0) return SIZE_MAX;
        at += 2;
        if (chunk == 0) return at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    size_t step = data[0] % 7 + 1, at = 0, taken = 0, whole_size = 0;
    const char *bytes = (const char *)data + 1;
    size--;
    egress_chunks pieces = {0}, once = {0};
    egress_parse r = EGRESS_MORE;
    while (at < size && r == EGRESS_MORE) {
        size_t n = size - at < step ? size - at : step;
        r = egress_read_chunks(&pieces, (str){bytes + at, n}, &taken);
        CHECK(r == EGRESS_BAD || taken <= n);
        CHECK(r != EGRESS_MORE || taken == n);
        at += r == EGRESS_BAD ? 0 : taken;
    }
    egress_parse whole = egress_read_chunks(&once, (str){bytes, size}, &whole_size);
    CHECK(whole == r);
    CHECK((whole == EGRESS_WHOLE) == (plain_size(bytes, size) != SIZE_MAX));
    if (whole == EGRESS_WHOLE) CHECK(whole_size == at && at == plain_size(bytes, size));
    return 0;
}
