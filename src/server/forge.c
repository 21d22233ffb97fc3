#include "server/forge.h"

#include "base/git.h"
#include "base/json.h"

#include <string.h>

#define CONNECT_MS  10000
#define TIMEOUT_MS  30000
#define ANSWER_MAX  (256u << 10)
#define FIRST_WAIT  (INT64_C(5) * 1000000)
#define LONGEST     (INT64_C(3600) * 1000000)
#define MESSAGE_MAX 200

const char *const forge_state_names[FORGE_STATE_COUNT] = {"pending", "success", "failure", "error"};

/* ---- what is sent -------------------------------------------------------------------------- */

/* At most `max` characters, the last one "…" when it was cut. */
static str cut_text(arena *a, str text, size_t max) {
    size_t at = 0, last = 0, count = 0;
    for (; at < text.len && count < max; count++) {
        last = at;
        utf8_next(text, &at);
    }
    return at == text.len ? text : arena_printf(a, "%.*s…", (int)last, text.ptr);
}

static bool is_name(str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("._-", c))) return false;
    }
    return text.len > 0 && !str_is(text, ".") && !str_is(text, "..");
}

static int make_status(arena *a, const forge_target *to, const forge_status *s, http_request *ret,
                       err *e) {
    str owner, name, base = to->base_url;
    while (str_ends(base, STR("/")))
        base.len--;
    bool cut = str_cut(s->repository, '/', &owner, &name);
    if (!cut || !is_name(owner) || !is_name(name))
        return err_set(e, ERR_INVALID, "'%.*s' is no OWNER/NAME of a repository",
                       STR_ARG(str_sub(s->repository, 0, 80)));
    if (!git_is_id(s->sha)) return err_set(e, ERR_INVALID, "a status is of a whole commit id");
    ret->method = "POST";
    ret->url = arena_printf(a, "%.*s/repos/%.*s/%.*s/statuses/%.*s", STR_ARG(base), STR_ARG(owner),
                            STR_ARG(name), STR_ARG(s->sha))
                   .ptr;
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    json_out o = JSON_OUT(&body);
    json_open(&o, '{');
    json_key_str(&o, "state", str_from(forge_state_names[s->state]));
    json_key_str(&o, "context", cut_text(a, s->context, FORGE_CONTEXT_MAX));
    json_key_str(&o, "description", cut_text(a, s->description, FORGE_DESCRIPTION_MAX));
    if (s->target_url.len) json_key_str(&o, "target_url", s->target_url);
    json_close(&o, '}');
    ret->body = arena_str(a, strbuf_str(&body));
    return 0;
}

/* What stands in a header stays one line. */
static int check_token(str token, err *e) {
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return err_set(e, ERR_INVALID, "the forge's token has a character that none can have");
    return token.len ? 0 : err_set(e, ERR_INVALID, "there is no token for the forge's API");
}

static int add_headers(arena *a, const forge_target *to, const char *scheme,
                       const char *const *more, http_request *ret, err *e) {
    const char **headers = ARENA_ARRAY(a, const char *, 8);
    size_t count = 0;
    int r = check_token(to->token, e);
    if (r < 0) return r;
    headers[count++] = arena_printf(a, "Authorization: %s %.*s", scheme, STR_ARG(to->token)).ptr;
    headers[count++] = "Content-Type: application/json";
    headers[count++] = "User-Agent: slipway/" SLIPWAY_VERSION;
    for (; *more; more++)
        headers[count++] = *more;
    ret->headers = headers;
    return 0;
}

static int github_status(arena *a, const forge_target *to, const forge_status *s, http_request *ret,
                         err *e) {
    static const char *const more[] = {"Accept: application/vnd.github+json",
                                       "X-GitHub-Api-Version: 2022-11-28", NULL};
    int r = make_status(a, to, s, ret, e);
    return r == 0 ? add_headers(a, to, "Bearer", more, ret, e) : r;
}

static int gitea_status(arena *a, const forge_target *to, const forge_status *s, http_request *ret,
                        err *e) {
    static const char *const more[] = {"Accept: application/json", NULL};
    int r = make_status(a, to, s, ret, e);
    return r == 0 ? add_headers(a, to, "token", more, ret, e) : r;
}

const forge forge_github = {"github", github_status};
const forge forge_gitea = {"gitea", gitea_status};

const forge *forge_find(str name) {
    static const forge *const all[] = {&forge_github, &forge_gitea};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_is(name, all[i]->name)) return all[i];
    return NULL;
}

/* ---- what comes back ----------------------------------------------------------------------- */

forge_outcome forge_judge(int status) {
    if (status >= 200 && status < 300) return FORGE_DONE;
    bool later = status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
    return later ? FORGE_AGAIN : FORGE_NEVER;
}

int64_t forge_next_attempt(unsigned tries, uint64_t id, int64_t now_us) {
    if (tries == 0) return now_us;
    if (tries >= FORGE_TRIES_MAX) return 0;
    int64_t wait = FIRST_WAIT;
    for (unsigned i = 1; i < tries && wait < LONGEST; i++)
        wait *= 2;
    if (wait > LONGEST) wait = LONGEST;
    uint64_t spread = (id * UINT64_C(11400714819323198485) + tries) >> 40; /* 24 bits */
    return now_us + wait + wait / 4 * (int64_t)(spread & 1023) / 1024;
}

static int tell_refusal(arena *a, const http_response *answer, err *e) {
    value root;
    err ignored;
    str message = STR_EMPTY;
    if (json_parse(a, answer->body, 0, &root, &ignored) == 0)
        message = str_sub(value_path_str(&root, "message"), 0, MESSAGE_MAX);
    if (answer->status >= 300 && answer->status < 400)
        return err_set(
            e, ERR_FAILED,
            "the forge answers with a redirect (%d), which is not followed: is the URL of "
            "its API right?",
            answer->status);
    const char *hint = answer->status == 401 || answer->status == 403
                           ? " (may the token write commit statuses?)"
                       : answer->status == 404 ? " (may the token see the repository?)"
                                               : "";
    return err_set(e, ERR_FAILED, "the forge answers %d%s%.*s%s", answer->status,
                   message.len ? ": " : "", STR_ARG(message), hint);
}

int forge_send(arena *a, const forge *f, const forge_target *to, const forge_status *s,
               forge_outcome *ret_outcome, err *e) {
    remote_url url;
    net_address address;
    http_request q = {0};
    http_response answer;
    *ret_outcome = FORGE_NEVER;
    int r = remote_parse(a, to->base_url, &url, e);
    if (r == 0 && url.scheme != REMOTE_HTTPS && url.scheme != REMOTE_HTTP)
        r = err_set(e, ERR_INVALID, "the URL of a forge's API begins with https:// or http://");
    if (r == 0 && (str_find_char(url.path, '?') >= 0 || str_find_char(url.path, '#') >= 0))
        r = err_set(e, ERR_INVALID, "the URL of a forge's API has no '?' and no '#'");
    if (r == 0) r = f->status(a, to, s, &q, e);
    if (r < 0) return r;
    r = remote_resolve(&to->guard, &url, &address, e);
    if (r == ERR_NOT_FOUND) *ret_outcome = FORGE_AGAIN;
    if (r < 0) return r;
    q.resolve = remote_pin(a, &url, &address);
    q.connect_timeout_ms = CONNECT_MS;
    q.timeout_ms = TIMEOUT_MS;
    q.max_body = ANSWER_MAX;
    *ret_outcome = FORGE_AGAIN;
    r = http_send(a, &q, &answer, e);
    if (r < 0) return err_context(e, "the forge at '%.*s'", STR_ARG(url.host));
    *ret_outcome = forge_judge(answer.status);
    return *ret_outcome == FORGE_DONE ? 0 : tell_refusal(a, &answer, e);
}
