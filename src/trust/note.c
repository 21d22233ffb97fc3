/* note.c: texts with signatures below them. */
#include "base/hash.h"
#include "trust/sign.h"

#include <string.h>

#define DASH "\xE2\x80\x94 " /* U+2014 and a space: how a line of a signature begins */

/* UTF-8 without control characters but newlines. */
static bool is_text(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\n') return false;
    }
    return utf8_valid(text);
}

int sign_note(strbuf *out, const sign_key *k, str text, err *e) {
    const sign_verifier *v = sign_key_verifier(k);
    char bytes[4 + SIGN_SIZE] = {(char)(v->id >> 24), (char)(v->id >> 16), (char)(v->id >> 8),
                                 (char)v->id};
    if (!is_text(text) || !str_ends(text, STR("\n")))
        return err_set(e, ERR_INVALID, "what is to be signed as a note is no text of whole lines");
    sign_bytes(k, text, (uint8_t *)bytes + 4);
    strbuf_add(out, text);
    strbuf_addf(out, "\n" DASH "%s ", v->name);
    base64_encode(out, (str){bytes, sizeof bytes});
    strbuf_addc(out, '\n');
    return 0;
}

/* The text is all up to the last empty line. */
static int split(str note, str *ret_text, str *ret_signatures, err *e) {
    if (note.len > SIGN_NOTE_MAX)
        return err_set(e, ERR_LIMIT, "the note is larger than the limit of %d bytes",
                       SIGN_NOTE_MAX);
    if (!is_text(note) || !str_ends(note, STR("\n")))
        return err_set(e, ERR_INVALID, "this is no signed note: it is no text of whole lines");
    for (size_t at = note.len - 1; at > 0; at--) {
        if (note.ptr[at] != '\n' || note.ptr[at - 1] != '\n') continue;
        *ret_text = str_sub(note, 0, at);
        *ret_signatures = str_sub(note, at + 1, note.len);
        if (ret_signatures->len) return 0;
        break;
    }
    return err_set(e, ERR_INVALID,
                   "this is no signed note: no signatures follow an empty line at its end");
}

typedef struct signature {
    str name;
    uint32_t id;
    uint8_t bytes[SIGN_SIZE];
    bool is_ed25519; /* by its length: others have longer ones */
} signature;

static int read_signature(str line, signature *ret, err *e) {
    str base64;
    _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
    *ret = (signature){0};
    bool good = str_starts(line, STR(DASH)) &&
                str_cut(str_sub(line, sizeof DASH - 1, line.len), ' ', &ret->name, &base64) &&
                ret->name.len && base64_decode(&bytes, base64) && bytes.len >= 5;
    if (!good)
        return err_set(e, ERR_INVALID, "this is no signed note: a line below it is no signature");
    const uint8_t *b = (const uint8_t *)bytes.ptr;
    ret->id = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    ret->is_ed25519 = bytes.len == 4 + SIGN_SIZE;
    if (ret->is_ed25519) memcpy(ret->bytes, b + 4, SIGN_SIZE);
    return 0;
}

static const sign_verifier *find(const signature *s, const sign_verifier *known, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (s->id == known[i].id && str_is(s->name, known[i].name)) return &known[i];
    }
    return NULL;
}

static int judge(const signature *s, const sign_verifier *by, str text, err *e) {
    if (s->is_ed25519) return sign_check(by, text, s->bytes, e);
    return err_set(e, ERR_INVALID, "the signature of '%s' (%08x) is wrong", by->name, by->id);
}

static int none_known(str name, const sign_verifier *known, size_t count, err *e) {
    if (count == 1)
        return err_set(e, ERR_INVALID, "the note is not signed by '%s' (%08x), but by '%.*s'",
                       known->name, known->id, (int)(name.len > 256 ? 256 : name.len), name.ptr);
    return err_set(e, ERR_INVALID, "the note is signed by nobody who is known");
}

int sign_note_open(str note, const sign_verifier *known, size_t known_count, str *ret_text,
                   const sign_verifier **ret_signer, err *e) {
    str text, rest, line, last_name = STR_EMPTY;
    const sign_verifier *seen[SIGN_SIGNATURES_MAX], *first = NULL;
    size_t count = 0, seen_count = 0;
    int r = split(note, &text, &rest, e);
    while (r == 0 && str_line(&rest, &line)) {
        signature s;
        if (count++ == SIGN_SIGNATURES_MAX)
            return err_set(e, ERR_LIMIT, "the note has more than %d signatures",
                           SIGN_SIGNATURES_MAX);
        if ((r = read_signature(line, &s, e)) < 0) return r;
        last_name = s.name;
        const sign_verifier *by = find(&s, known, known_count);
        bool again = false;
        for (size_t i = 0; i < seen_count; i++)
            again = again || seen[i] == by;
        if (!by || again) continue;
        if ((r = judge(&s, by, text, e)) < 0) return r;
        seen[seen_count++] = by;
        if (!first) first = by;
    }
    if (r < 0) return r;
    if (!first) return none_known(last_name, known, known_count, e);
    *ret_text = text;
    if (ret_signer) *ret_signer = first;
    return 0;
}

int sign_note_text(str note, str *ret_text, err *e) {
    str signatures;
    return split(note, ret_text, &signatures, e);
}
