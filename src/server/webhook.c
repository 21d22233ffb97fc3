/* webhook.c: who sends, and whether it is true. */
#include "server/webhook.h"

#include "base/hash.h"

#include <openssl/evp.h>

static const char *const names[WEBHOOK_FORGE_COUNT] = {"github", "gitea", "gitlab"};

const char *webhook_forge_name(webhook_forge forge) {
    return names[forge];
}

/* Gitea and Forgejo send GitHub's headers besides their own, so these come first. */
static const struct {
    webhook_forge forge;
    const char *event;
    const char *deliveries[3];
} kinds[] = {
    {WEBHOOK_GITEA, "X-Forgejo-Event", {"X-Forgejo-Delivery", "X-Gitea-Delivery"}},
    {WEBHOOK_GITEA, "X-Gitea-Event", {"X-Gitea-Delivery"}},
    {WEBHOOK_GITLAB, "X-Gitlab-Event", {"webhook-id", "Idempotency-Key", "X-Gitlab-Event-UUID"}},
    {WEBHOOK_GITHUB, "X-GitHub-Event", {"X-GitHub-Delivery"}},
};

static str header(const webhook_request *r, const char *name) {
    return r->header(r->context, name);
}

/* ---- who ----------------------------------------------------------------------------------- */

static int judge_type(const webhook_request *r, err *e) {
    str type, rest, given = header(r, "Content-Type");
    str_cut(given, ';', &type, &rest);
    type = str_trim(type);
    if (type.len == 0 || str_eq_nocase(type, STR("application/json"))) return 0;
    return err_set(e, ERR_INVALID,
                   "a webhook's body is to be application/json, and this is '%.*s': choose JSON as "
                   "the content type in the forge's settings",
                   STR_ARG(str_sub(type, 0, 80)));
}

static bool is_plain(str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') return false;
    return true;
}

int webhook_identify(const webhook_request *r, webhook *ret, err *e) {
    *ret = (webhook){0};
    if (r->body.len > WEBHOOK_BODY_MAX)
        return err_set(e, ERR_LIMIT, "a webhook's body has more than %u MiB",
                       WEBHOOK_BODY_MAX >> 20);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !ret->event.len; i++) {
        ret->event = header(r, kinds[i].event);
        ret->forge = kinds[i].forge;
        for (size_t k = 0; k < 3 && kinds[i].deliveries[k] && !ret->delivery.len; k++)
            ret->delivery = ret->event.len ? header(r, kinds[i].deliveries[k]) : STR_EMPTY;
    }
    if (!ret->event.len)
        return err_set(
            e, ERR_INVALID,
            "these are not the headers of a webhook of GitHub, Gitea, Forgejo or GitLab");
    if (!ret->delivery.len)
        return err_set(e, ERR_INVALID, "the webhook has no delivery id, which tells a replay");
    if (ret->delivery.len > WEBHOOK_DELIVERY_MAX)
        return err_set(e, ERR_LIMIT, "the webhook's delivery id has more than %d bytes",
                       WEBHOOK_DELIVERY_MAX);
    if (!is_plain(ret->delivery))
        return err_set(e, ERR_INVALID, "the webhook's delivery id is no plain word");
    return judge_type(r, e);
}

/* ---- whether it is true -------------------------------------------------------------------- */

static bool is_hex_mac(str secret, str body, str given) {
    uint8_t mac[32];
    char hex[65];
    hmac_sha256(secret, body, mac);
    hex_encode(mac, sizeof mac, hex);
    return bytes_same((str){hex, 64}, given);
}

/* Standard Webhooks: a secret "whsec_…" is base64 of the key; another is the key itself. */
static bool is_signed(str secret, str text, str given) {
    const str prefix = STR("whsec_");
    uint8_t mac[32], key[256];
    char coded[48];
    str rest = given, one;
    bool same = false;
    if (str_starts(secret, prefix)) {
        str base64 = str_sub(secret, prefix.len, secret.len);
        if (base64.len % 4 || base64.len > sizeof key * 4 / 3 - 8) return false;
        int n = EVP_DecodeBlock(key, (const uint8_t *)base64.ptr, (int)base64.len);
        if (n <= 0) return false;
        n -= str_ends(base64, STR("==")) ? 2 : str_ends(base64, STR("=")) ? 1 : 0;
        secret = (str){(const char *)key, (size_t)n};
    }
    hmac_sha256(secret, text, mac);
    size_t size = (size_t)EVP_EncodeBlock((uint8_t *)coded, mac, sizeof mac);
    while (rest.len) {
        str_cut(rest, ' ', &one, &rest);
        if (str_starts(one, STR("v1,")))
            same |= bytes_same((str){coded, size}, str_sub(one, 3, one.len));
    }
    return same;
}

static int no_signature(webhook_forge forge, err *e) {
    return err_set(e, ERR_INVALID,
                   "the webhook of %s is not signed: set the same secret there and for the "
                   "repository here",
                   names[forge]);
}

static int check_time(str text, int64_t now_us, err *e) {
    uint64_t seconds;
    if (!str_to_uint(text, INT32_MAX * UINT64_C(8), &seconds))
        return err_set(e, ERR_INVALID, "the webhook's time of signing is no number");
    int64_t off = now_us - (int64_t)seconds * 1000000;
    if (off <= WEBHOOK_TIME_US && off >= -WEBHOOK_TIME_US) return 0;
    return err_set(e, ERR_INVALID,
                   "the webhook was signed at a time that is more than five minutes off: it is an "
                   "old one, or a clock is wrong");
}

/* What was signed, by which rule; the token of GitLab is the secret itself. */
typedef enum rule { RULE_HEX, RULE_STANDARD, RULE_TOKEN } rule;

static bool fits(rule how, str secret, str text, str given) {
    switch (how) {
    case RULE_HEX: return is_hex_mac(secret, text, given);
    case RULE_STANDARD: return is_signed(secret, text, given);
    case RULE_TOKEN: break;
    }
    uint8_t ours[32], theirs[32]; /* of the same length, whatever that of the secret is */
    hmac_sha256(STR("token"), secret, ours);
    hmac_sha256(STR("token"), given, theirs);
    return bytes_same((str){(char *)ours, 32}, (str){(char *)theirs, 32});
}

static int find_signature(const webhook_request *r, const webhook *w, int64_t now_us,
                          strbuf *buffer, rule *ret_rule, str *ret_text, str *ret_given, err *e) {
    *ret_rule = RULE_HEX;
    *ret_text = r->body;
    switch (w->forge) {
    case WEBHOOK_GITEA:
        *ret_given = header(r, "X-Forgejo-Signature");
        if (!ret_given->len) *ret_given = header(r, "X-Gitea-Signature");
        return 0;
    case WEBHOOK_GITHUB:
        *ret_given = header(r, "X-Hub-Signature-256");
        if (!str_starts(*ret_given, STR("sha256="))) return no_signature(w->forge, e);
        *ret_given = str_sub(*ret_given, 7, ret_given->len);
        return 0;
    case WEBHOOK_GITLAB:
    case WEBHOOK_FORGE_COUNT: break;
    }
    *ret_given = header(r, "webhook-signature");
    *ret_rule = ret_given->len ? RULE_STANDARD : RULE_TOKEN;
    if (!ret_given->len) {
        *ret_given = header(r, "X-Gitlab-Token");
        return 0;
    }
    str id = header(r, "webhook-id"), at = header(r, "webhook-timestamp");
    strbuf_addf(buffer, "%.*s.%.*s.", STR_ARG(id), STR_ARG(at));
    strbuf_add(buffer, r->body);
    *ret_text = strbuf_str(buffer);
    return check_time(at, now_us, e);
}

int webhook_check(const webhook_request *r, const webhook *w, const str *secrets, size_t count,
                  int64_t now_us, err *e) {
    _cleanup_strbuf_ strbuf buffer = STRBUF_INIT;
    rule how;
    str text, given;
    bool good = false, any = false;
    int code = find_signature(r, w, now_us, &buffer, &how, &text, &given, e);
    if (code < 0) return code;
    if (!given.len) return no_signature(w->forge, e);
    for (size_t i = 0; i < count && i < WEBHOOK_SECRETS_MAX; i++) {
        if (!secrets[i].len) continue;
        any = true;
        good |= fits(how, secrets[i], text, given);
    }
    if (good) return 0;
    if (!any)
        return err_set(e, ERR_INVALID,
                       "the repository has no secret for webhooks, so none can be believed");
    return err_set(e, ERR_INVALID,
                   "the webhook's signature is not made with the repository's secret");
}
