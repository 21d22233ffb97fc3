/* Notes and verifier keys: what opens was signed, what is a key is written as it was read. */
#include "fuzz.h"

#include "trust/sign.h"

static const char key[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str note = {(const char *)data, size}, text, again;
    sign_verifier v, known;
    err e = {0};
    if (sign_verifier_parse(note, &v, &e) == 0) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        sign_verifier_write(&out, &v);
        CHECK(sign_verifier_parse(strbuf_str(&out), &known, &e) == 0);
        CHECK(sign_verifier_same(&v, &known));
    }
    CHECK(sign_verifier_parse(str_from(key), &known, &e) == 0);
    if (sign_note_open(note, &known, 1, &text, NULL, &e) == 0) {
        CHECK(str_is(text, "This is an example message.\n"));
        CHECK(sign_note_text(note, &again, &e) == 0 && str_eq(text, again));
    }
    if (sign_note_text(note, &again, &e) == 0) CHECK(again.len && again.len < size);
    return 0;
}
