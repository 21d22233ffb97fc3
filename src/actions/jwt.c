#include "actions/jwt.h"

#include "base/hash.h"
#include "base/json.h"

#define JWT_DEPTH 8

static int decode_part(arena *a, str text, value *ret, err *e) {
    _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
    if (!base64url_decode(&bytes, text))
        return err_set(e, ERR_INVALID, "the token is not in base64url");
    str json = arena_str(a, strbuf_str(&bytes));
    if (json_parse(a, json, JWT_DEPTH, ret, NULL) < 0 || ret->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "the token's parts are no objects");
    return 0;
}

int jwt_parse(arena *a, str token, jwt *ret, err *e) {
    str header, claims, signature, rest;
    *ret = (jwt){0};
    if (token.len > JWT_MAX)
        return err_set(e, ERR_LIMIT, "the token is longer than %u bytes", JWT_MAX);
    if (!str_cut(token, '.', &header, &rest) || !str_cut(rest, '.', &claims, &signature) ||
        str_find_char(signature, '.') >= 0)
        return err_set(e, ERR_INVALID, "the token has not three parts");
    if (decode_part(a, header, &ret->header, e) < 0 || decode_part(a, claims, &ret->claims, e) < 0)
        return ERR_INVALID;
    _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
    if (!base64url_decode(&bytes, signature))
        return err_set(e, ERR_INVALID, "the token's signature is not in base64url");
    ret->signature = arena_str(a, strbuf_str(&bytes));
    ret->signed_text = (str){token.ptr, header.len + 1 + claims.len};
    return 0;
}

static void add_part(strbuf *out, const value *part) {
    _cleanup_strbuf_ strbuf json = STRBUF_INIT;
    json_write(&json, part);
    base64url_encode(out, strbuf_str(&json));
}

void jwt_begin(strbuf *out, const value *header, const value *claims) {
    add_part(out, header);
    strbuf_addc(out, '.');
    add_part(out, claims);
}

void jwt_end(strbuf *out, str signature) {
    strbuf_addc(out, '.');
    base64url_encode(out, signature);
}

void jwt_make(strbuf *out, str key, const value *claims) {
    _cleanup_arena_ arena *a = arena_new();
    value header = value_object_new(a, true);
    uint8_t mac[32];
    size_t from = out->len;
    value_set_str(a, &header, "alg", STR("HS256"));
    value_set_str(a, &header, "typ", STR("JWT"));
    jwt_begin(out, &header, claims);
    hmac_sha256(key, str_sub(strbuf_str(out), from, out->len), mac);
    jwt_end(out, (str){(const char *)mac, sizeof mac});
}

static bool in_time(const value *claims, int64_t now_s) {
    const value *from = value_get(claims, STR("nbf")), *to = value_get(claims, STR("exp"));
    return from && from->kind == VALUE_NUMBER && to && to->kind == VALUE_NUMBER &&
           from->number <= (double)now_s && (double)now_s < to->number;
}

int jwt_check(arena *a, str key, str token, int64_t now_s, jwt *ret, err *e) {
    uint8_t mac[32];
    bool good =
        jwt_parse(a, token, ret, NULL) == 0 && str_is(value_path_str(&ret->header, "alg"), "HS256");
    if (good) {
        hmac_sha256(key, ret->signed_text, mac);
        good = bytes_same(ret->signature, (str){(const char *)mac, sizeof mac}) &&
               in_time(&ret->claims, now_s);
    }
    return good ? 0 : err_set(e, ERR_INVALID, "the token is not valid");
}
