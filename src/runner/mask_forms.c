#include "runner/mask_forms.h"

#include "base/hash.h"
#include "base/json.h"

#include <string.h>

/* A fragment of base64 that is shorter is found everywhere. */
#define BASE64_FRAGMENT_MIN 4

static void add_base64(str encoded, size_t from, size_t to, mask_form_fn *fn, void *context) {
    if (to < from + BASE64_FRAGMENT_MIN) return;
    str part = str_sub(encoded, from, to);
    fn(context, part);
    if (str_find_char(part, '+') < 0 && str_find_char(part, '/') < 0) return;
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    for (size_t i = 0; i < part.len; i++)
        strbuf_addc(&url, part.ptr[i] == '+' ? '-' : part.ptr[i] == '/' ? '_' : part.ptr[i]);
    fn(context, strbuf_str(&url));
}

/* The secret as part of a longer text that is encoded, such as user:password. With `before` bytes
 * in front of it (their number modulo three is what counts), the characters that depend on nothing
 * but the secret are those between the first and the last that share bits with a neighbour. The end
 * of the text, with its padding, is a second form. */
static void form_base64(str secret, size_t before, mask_form_fn *fn, void *context) {
    _cleanup_strbuf_ strbuf plain = STRBUF_INIT;
    _cleanup_strbuf_ strbuf encoded = STRBUF_INIT;
    strbuf_pad(&plain, '\0', before);
    strbuf_add(&plain, secret);
    base64_encode(&encoded, strbuf_str(&plain));
    size_t from = (before * 8 + 5) / 6, to = plain.len * 8 / 6;
    add_base64(strbuf_str(&encoded), from, to, fn, context);
    add_base64(strbuf_str(&encoded), from, encoded.len, fn, context);
}

/* Replaces single bytes by texts. */
typedef struct replacement {
    char byte;
    const char *text;
} replacement;

static void form_replaced(str secret, const replacement *table, mask_form_fn *fn, void *context) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < secret.len; i++) {
        const replacement *r = table;
        while (r->text && r->byte != secret.ptr[i])
            r++;
        if (r->text)
            strbuf_adds(&out, r->text);
        else
            strbuf_addc(&out, secret.ptr[i]);
    }
    fn(context, strbuf_str(&out));
}

static void form_percent(str secret, mask_form_fn *fn, void *context) {
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < secret.len; i++) {
        if (memchr(kept, secret.ptr[i], sizeof kept - 1))
            strbuf_addc(&out, secret.ptr[i]);
        else
            strbuf_addf(&out, "%%%02X", (unsigned char)secret.ptr[i]);
    }
    fn(context, strbuf_str(&out));
}

static void form_json(str secret, mask_form_fn *fn, void *context) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write_str(&out, secret);
    fn(context, str_sub(strbuf_str(&out), 1, out.len - 1));
}

static void form_unquoted(str secret, mask_form_fn *fn, void *context) {
    bool quoted = secret.len > 8 && secret.ptr[0] == '"' && secret.ptr[secret.len - 1] == '"';
    if (quoted) fn(context, str_sub(secret, 1, secret.len - 1));
}

/* PowerShell colours its error messages around an ampersand in a command, so the two sides appear
 * apart; after "&+" it swallows one more letter. */
static void form_powershell(str secret, mask_form_fn *fn, void *context) {
    const size_t shortest = 6;
    ptrdiff_t plus = str_find(secret, STR("&+"));
    ptrdiff_t last = str_rfind_char(secret, '&');
    if (last < 0) return;
    size_t cut = plus >= 0 ? (size_t)plus + 2 : (size_t)last + 1;
    str before = str_sub(secret, 0, cut);
    str after = str_sub(secret, plus >= 0 ? cut + 1 : cut, secret.len);
    if (before.len >= shortest) fn(context, before);
    if (after.len >= shortest) fn(context, after);
}

void mask_forms(str secret, mask_form_fn *fn, void *context) {
    static const replacement xml[] = {{'<', "&lt;"},    {'>', "&gt;"},  {'"', "&quot;"},
                                      {'\'', "&apos;"}, {'&', "&amp;"}, {0, NULL}};
    static const replacement command_line[] = {{'"', "\\\""}, {0, NULL}};
    static const replacement shell[] = {{'\'', "'\\''"}, {0, NULL}};
    static const replacement expression[] = {{'\'', "''"}, {0, NULL}};
    fn(context, secret);
    for (size_t before = 0; before < 3; before++)
        form_base64(secret, before, fn, context);
    form_replaced(secret, xml, fn, context);
    form_replaced(secret, command_line, fn, context);
    form_replaced(secret, shell, fn, context);
    form_replaced(secret, expression, fn, context);
    form_percent(secret, fn, context);
    form_json(secret, fn, context);
    form_unquoted(secret, fn, context);
    form_powershell(secret, fn, context);
}
