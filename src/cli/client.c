#include "cli/client.h"

#include "agent/person.h"
#include "base/fs.h"
#include "base/http.h"
#include "base/json.h"
#include "cli/console.h"
#include "server/server.h"

#include <stdlib.h>

#define CREDENTIALS_MAX (64u << 10)
#define CONNECT_MS      10000
#define WHOLE_MS        60000

/* ---- who and where -------------------------------------------------------------------------- */

static str from_environment(const char *name) {
    return str_from(getenv(name));
}

static str without_slash(str url) {
    while (str_ends(url, STR("/")))
        url.len--;
    return url;
}

static char *credentials_path(arena *a) {
    return person_folder(a, "XDG_CONFIG_HOME", ".config", "slipway/credentials");
}

/* {"last": URL, "servers": {URL: TOKEN}}; null where there is none. */
static int read_credentials(arena *a, value *ret, err *e) {
    const char *path = credentials_path(a);
    str text;
    err why = {0};
    *ret = VALUE_NULL_INIT;
    if (!path) return 0;
    int r = fs_read_own(a, path, CREDENTIALS_MAX, &text, &why);
    if (r == ERR_NOT_FOUND) return 0;
    if (r == 0) r = json_parse(a, text, 0, ret, &why);
    if (r < 0) {
        *e = why;
        return err_context(e, "'%s'", path);
    }
    return 0;
}

int client_keep(arena *a, str url, str token, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    value old, root = value_object_new(a, true), servers = value_object_new(a, true);
    const char *path = credentials_path(a);
    if (!path) return err_set(e, ERR_INVALID, "there is no home folder to keep a token in");
    int r = read_credentials(a, &old, e);
    if (r < 0) return r;
    value_set_all(a, &servers, value_get(&old, STR("servers")));
    value_set(a, &servers, without_slash(url), value_string(token));
    value_set(a, &root, STR("last"), value_string(without_slash(url)));
    value_set(a, &root, STR("servers"), servers);
    json_write_pretty(&text, &root);
    strbuf_addc(&text, '\n');
    ptrdiff_t slash = str_rfind_char(str_from(path), '/');
    r = fs_mkdirs(arena_cstr(a, str_sub(str_from(path), 0, (size_t)slash)), 0700, e);
    return r < 0 ? r : fs_write(path, strbuf_str(&text), 0600, e);
}

int client_open(const options *given, client *ret, err *e) {
    arena *a = given->a;
    value kept;
    str url = str_from(options_value(given, "server")),
        data = str_from(options_value(given, "data"));
    *ret = (client){.a = a, .token = from_environment("SLIPWAY_TOKEN")};
    int r = read_credentials(a, &kept, e);
    if (r < 0) return r;
    if (!url.len && !data.len) url = from_environment("SLIPWAY_URL");
    if (!url.len && !data.len) data = from_environment("SLIPWAY_DATA");
    if (!url.len && !data.len) url = value_path_str(&kept, "last");
    ret->url = without_slash(url);
    if (!url.len && !data.len)
        return err_set(
            e, ERR_INVALID,
            "no server is named: say --server URL or --data DIR, or 'slipway login URL'");
    if (!url.len) {
        ret->socket = fs_join(a, arena_cstr(a, data), STR(SERVER_SOCKET));
        return 0;
    }
    const value *servers = value_get(&kept, STR("servers")),
                *mine = servers ? value_get(servers, ret->url) : NULL;
    if (!ret->token.len && mine && mine->kind == VALUE_STRING) ret->token = mine->string;
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

static int judge_status(arena *a, const http_response *answer, err *e) {
    value root;
    err ignored;
    str detail = STR_EMPTY;
    if (answer->status < 300) return 0;
    if (json_parse(a, answer->body, 0, &root, &ignored) == 0)
        detail = value_path_str(&root, "detail");
    if (answer->status == 401) detail = STR("say who you are: slipway login URL");
    return err_set(e, answer->status == 404 ? ERR_NOT_FOUND : ERR_FAILED,
                   "the server answers %d%s%.*s", answer->status, detail.len ? ": " : "",
                   STR_ARG(str_sub(detail, 0, 500)));
}

static int ask(const client *c, const char *method, const char *path, str body, str *ret, err *e) {
    const char *headers[3] = {NULL};
    size_t count = 0;
    http_response answer;
    if (body.len) headers[count++] = "Content-Type: application/json";
    if (c->token.len)
        headers[count++] = arena_printf(c->a, "Authorization: Bearer %.*s", STR_ARG(c->token)).ptr;
    http_request q = {
        .unix_socket = c->socket,
        .method = method,
        .url = c->socket ? arena_printf(c->a, "http://slipway%s", path).ptr
                         : arena_printf(c->a, "%.*s%s", STR_ARG(c->url), path).ptr,
        .headers = headers,
        .body = body,
        .connect_timeout_ms = CONNECT_MS,
        .timeout_ms = WHOLE_MS,
    };
    int r = http_send(c->a, &q, &answer, e);
    if (r < 0) {
        str where = c->socket ? str_from(c->socket) : c->url;
        return err_context(e, "the server at '%.*s' cannot be reached", STR_ARG(where));
    }
    *ret = answer.body;
    return judge_status(c->a, &answer, e);
}

int client_fetch(const client *c, const char *path, str *ret, err *e) {
    return ask(c, "GET", path, STR_EMPTY, ret, e);
}

int client_call(const client *c, const char *method, const char *path, const value *body,
                value *ret, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    str answer;
    value ignored;
    if (body) json_write(&text, body);
    int r = ask(c, method, path, strbuf_str(&text), &answer, e);
    if (!ret) ret = &ignored;
    *ret = VALUE_NULL_INIT;
    if (r < 0 || !answer.len) return r;
    return json_parse(c->a, answer, 0, ret, e);
}

int client_repository(const client *c, str name, int64_t *ret, err *e) {
    value page;
    *ret = 0;
    if (!name.len) return 0;
    int r = client_call(c, "GET", "/api/v1/repositories?limit=200", NULL, &page, e);
    const value *items = value_get(&page, STR("items"));
    for (size_t i = 0; r == 0 && i < value_count(items); i++) {
        const value *item = &items->array.items[i];
        if (!str_eq_nocase(value_path_str(item, "name"), name)) continue;
        *ret = (int64_t)value_get(item, STR("id"))->number;
        return 0;
    }
    if (r < 0) return r;
    return err_set(e, ERR_NOT_FOUND, "the server has no repository '%.*s' that you may see",
                   STR_ARG(name));
}
