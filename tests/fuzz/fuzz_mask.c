/* The first line's words are secrets, the rest is the text: no secret is left in it, and masking it
 * in pieces gives the same. */
#include "fuzz.h"

#include "runner/mask.h"

static void mask_in_pieces(mask *m, str text, size_t step, strbuf *out) {
    mask_stream s = {0};
    for (size_t at = 0; at < text.len; at += step)
        mask_stream_add(m, &s, str_sub(text, at, at + step), out);
    mask_stream_end(m, &s, out);
    mask_stream_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    str text = {(const char *)data, size}, words, word;
    _cleanup_strbuf_ strbuf whole = STRBUF_INIT;
    mask *m = mask_new();
    bool stars = false;
    str_cut(text, '\n', &words, &text);
    for (str rest = words; rest.len;) {
        err e = {0};
        str_cut(rest, ' ', &word, &rest);
        int rc = mask_add(m, word, &e);
        CHECK(rc == 0 || (rc == ERR_INVALID && str_trim(word).len == 0));
        stars = stars || str_find_char(word, '*') >= 0;
    }
    bool masked = mask_text(m, text, &whole);
    CHECK(masked != mask_is_clean(m, text));
    CHECK(masked || str_eq(strbuf_str(&whole), text));
    for (str rest = words; rest.len && !stars;) {
        str_cut(rest, ' ', &word, &rest);
        if (str_trim(word).len) CHECK(str_find(strbuf_str(&whole), word) < 0);
    }
    for (size_t step = 1; step < 40; step += 19) {
        _cleanup_strbuf_ strbuf pieces = STRBUF_INIT;
        mask_in_pieces(m, text, step, &pieces);
        CHECK(str_eq(strbuf_str(&pieces), strbuf_str(&whole)));
    }
    mask_free(m);
    return 0;
}
