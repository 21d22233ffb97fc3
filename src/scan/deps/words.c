/* words.c: small texts that several formats share. */
#include "scan/deps/readers.h"

#include "base/hash.h"
#include "scan/advisories/repository.h"

/* ---- hashes --------------------------------------------------------------------------------- */

typedef struct hash_kind {
    const char *name;
    size_t bytes;
} hash_kind;

static const hash_kind kinds[] = {
    {"sha512", 64}, {"sha384", 48}, {"sha256", 32}, {"sha1", 20}, {"md5", 16}};

/* To base64url without padding, which can be decoded. */
static bool decode(strbuf *out, str base64) {
    char url[128];
    while (base64.len && base64.ptr[base64.len - 1] == '=')
        base64.len--;
    if (base64.len > sizeof url) return false;
    for (size_t i = 0; i < base64.len; i++) {
        char c = base64.ptr[i];
        url[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return base64url_decode(out, (str){url, base64.len});
}

str dep_hash_sri(arena *a, str integrity) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        size_t name_len = strlen(kinds[k].name);
        for (str rest = integrity, one; rest.len;) {
            _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
            char hex[129];
            str_cut(rest, ' ', &one, &rest);
            if (!str_starts(one, str_from(kinds[k].name)) || one.len <= name_len ||
                one.ptr[name_len] != '-')
                continue;
            str base64;
            str_cut(str_sub(one, name_len + 1, one.len), '?', &base64, &(str){0});
            if (!decode(&bytes, base64) || bytes.len != kinds[k].bytes) continue;
            hex_encode((const uint8_t *)bytes.ptr, bytes.len, hex);
            return arena_printf(a, "%s:%s", kinds[k].name, hex);
        }
    }
    return STR_EMPTY;
}

str dep_hash_hex(arena *a, str hex) {
    ptrdiff_t colon = str_find_char(hex, ':');
    hex = str_sub(hex, (size_t)(colon + 1), hex.len);
    for (size_t i = 0; i < hex.len; i++) {
        if (!memchr("0123456789abcdefABCDEF", hex.ptr[i], 22)) return STR_EMPTY;
    }
    for (size_t k = 0; k < COUNT(kinds); k++) {
        if (hex.len == kinds[k].bytes * 2)
            return arena_printf(a, "%s:%.*s", kinds[k].name, STR_ARG(hex));
    }
    return STR_EMPTY;
}

str dep_commit(str text) {
    return repository_is_commit(text) ? text : STR_EMPTY;
}

/* ---- words ---------------------------------------------------------------------------------- */

str dep_until(str s, const char *stop, str *rest) {
    size_t i = 0;
    while (i < s.len && !(s.ptr[i] && strchr(stop, s.ptr[i])))
        i++;
    *rest = str_sub(s, i, s.len);
    return str_sub(s, 0, i);
}

str dep_unquote(str s) {
    bool quoted =
        s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0];
    return quoted ? str_sub(s, 1, s.len - 1) : s;
}

str dep_python_requirement(str text, str *ret_version) {
    str rest, name = str_trim(dep_until(text, "[<>=!~;@ \t(,", &rest));
    *ret_version = STR_EMPTY;
    rest = str_trim(rest);
    if (str_starts(rest, STR("["))) {
        dep_until(rest, "]", &rest);
        rest = str_trim(str_sub(rest, 1, rest.len));
    }
    rest = str_trim(dep_until(rest, ";", &(str){0}));
    if (str_starts(rest, STR("(")) && str_ends(rest, STR(")")))
        rest = str_trim(str_sub(rest, 1, rest.len - 1));
    size_t signs = str_starts(rest, STR("===")) ? 3 : str_starts(rest, STR("==")) ? 2 : 0;
    str version = str_trim(str_sub(rest, signs, rest.len));
    bool exact = signs && str_find_char(version, ',') < 0 && str_find_char(version, '*') < 0;
    if (exact) *ret_version = version;
    return name;
}
