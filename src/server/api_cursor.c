/* api_cursor.c: where a page ends.
 *
 * A cursor is base64url of 16 bytes of HMAC and the JSON of what the next page begins after. It is
 * signed, so that what comes back was given out here, for this route: queries may believe it. */
#include "server/api_parts.h"

#include "base/hash.h"
#include "base/json.h"

#include <string.h>

#define CURSOR_MAX 1024
#define MAC_BYTES  16
#define DEPTH_MAX  3

static void sign(const uint8_t key[32], const char *route, str json, uint8_t mac[32]) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "cursor\n%s\n", route);
    strbuf_add(&text, json);
    hmac_sha256((str){(const char *)key, 32}, strbuf_str(&text), mac);
}

str api_cursor_make(arena *a, const uint8_t key[32], const char *route, const value *items) {
    _cleanup_strbuf_ strbuf json = STRBUF_INIT, whole = STRBUF_INIT, out = STRBUF_INIT;
    uint8_t mac[32];
    json_write(&json, items);
    sign(key, route, strbuf_str(&json), mac);
    strbuf_add(&whole, (str){(const char *)mac, MAC_BYTES});
    strbuf_add(&whole, strbuf_str(&json));
    base64url_encode(&out, strbuf_str(&whole));
    return arena_str(a, strbuf_str(&out));
}

bool api_cursor_read(arena *a, const uint8_t key[32], const char *route, str text, value *ret) {
    _cleanup_strbuf_ strbuf whole = STRBUF_INIT;
    uint8_t mac[32];
    if (text.len > CURSOR_MAX || !base64url_decode(&whole, text) || whole.len <= MAC_BYTES)
        return false;
    str json = arena_str(a, str_sub(strbuf_str(&whole), MAC_BYTES, whole.len));
    sign(key, route, json, mac);
    if (!bytes_same((str){whole.ptr, MAC_BYTES}, (str){(const char *)mac, MAC_BYTES})) return false;
    return json_parse(a, json, DEPTH_MAX, ret, NULL) == 0;
}
