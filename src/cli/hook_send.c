#include "cli/hook.h"

#include "base/fs.h"
#include "base/git.h"
#include "base/hash.h"
#include "base/http.h"
#include "base/json.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SETTINGS_MAX (64u << 10)
#define TOKEN_MAX    4096
#define CONNECT_MS   5000
#define SEND_MS      15000
#define ALL_MS       30000 /* a push waits for what was kept no longer than this */
#define ANSWER_MAX   (64u << 10)

/* ---- settings ------------------------------------------------------------------------------ */

int hook_settings_read(arena *a, const char *repo, hook_settings *ret, err *e) {
    str text;
    value root;
    int r = fs_read_file(a, fs_join(a, repo, STR(HOOK_SETTINGS)), SETTINGS_MAX, &text, e);
    if (r == 0) r = json_parse(a, text, 0, &root, e);
    if (r < 0) return err_context(e, HOOK_SETTINGS);
    *ret =
        (hook_settings){value_path_str(&root, "server"), value_path_str(&root, "data"),
                        value_path_str(&root, "token_file"), value_path_str(&root, "repository")};
    if (!ret->server.len == !ret->data.len)
        return err_set(e, ERR_INVALID,
                       HOOK_SETTINGS " names no server: run 'slipway hook install'");
    return 0;
}

int hook_settings_write(const char *repo, const hook_settings *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_out o = JSON_OUT(&text);
    json_open(&o, '{');
    json_key_str(&o, s->server.len ? "server" : "data", s->server.len ? s->server : s->data);
    if (s->token_file.len) json_key_str(&o, "token_file", s->token_file);
    json_key_str(&o, "repository", s->repository);
    json_close(&o, '}');
    strbuf_addc(&text, '\n');
    return fs_write(fs_join(a, repo, STR(HOOK_SETTINGS)), strbuf_str(&text), 0644, e);
}

/* ---- a body -------------------------------------------------------------------------------- */

static str pusher(void) {
    const char *user = getenv("REMOTE_USER");
    if (!user || !*user) user = getenv("USER");
    return str_from(user);
}

static int add_change(json_out *o, str line, err *e) {
    str before, after, ref;
    bool whole = str_cut(line, ' ', &before, &after) && str_cut(after, ' ', &after, &ref);
    if (!whole || !git_is_id(before) || !git_is_id(after) || !str_starts(ref, STR("refs/")))
        return err_set(e, ERR_INVALID, "'%.*s' is no line of a post-receive hook: OLD NEW REF",
                       STR_ARG(str_sub(line, 0, 120)));
    json_open(o, '{');
    json_key_str(o, "ref", ref);
    json_key_str(o, "before", before);
    json_key_str(o, "after", after);
    json_close(o, '}');
    return 0;
}

/* One line of JSON; nothing when no ref has changed. */
static int make_body(const char *repo, const hook_settings *s, str lines, strbuf *out, err *e) {
    char delivery[33];
    str line;
    json_out o = JSON_OUT(out);
    random_hex(16, delivery);
    if (!str_trim(lines).len) return 0;
    json_open(&o, '{');
    json_key_str(&o, "delivery", str_from(delivery));
    json_key_str(&o, "repository", s->repository);
    json_key_str(&o, "path", str_from(repo));
    json_key_str(&o, "pusher", pusher());
    json_key_number(&o, "pushed_at", (double)(clock_wall_us() / 1000));
    json_key(&o, "changes");
    json_open(&o, '[');
    while (str_line(&lines, &line)) {
        int r = line.len ? add_change(&o, line, e) : 0;
        if (r < 0) return r;
    }
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(out, '\n');
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------- */

typedef enum fate { FATE_SENT, FATE_KEPT, FATE_REFUSED } fate;

static fate fate_of(int status) {
    static const int final[] = {400, 409, 410, 413, 422};
    if (status >= 200 && status < 300) return FATE_SENT;
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (status == final[i]) return FATE_REFUSED;
    return FATE_KEPT;
}

static int read_token(arena *a, const hook_settings *s, str *ret, err *e) {
    *ret = STR_EMPTY;
    if (!s->token_file.len) return 0;
    int r = fs_read_file(a, arena_cstr(a, s->token_file), TOKEN_MAX, ret, e);
    *ret = str_trim(*ret);
    for (size_t i = 0; r == 0 && i < ret->len; i++) {
        if (ret->ptr[i] <= ' ' || ret->ptr[i] > '~')
            r = err_set(e, ERR_INVALID, "the token in '%.*s' is not one word",
                        STR_ARG(s->token_file));
    }
    return r;
}

static void tell_status(arena *a, const http_response *answer, err *e) {
    value root;
    err ignored;
    str detail = STR_EMPTY;
    if (json_parse(a, answer->body, 0, &root, &ignored) == 0)
        detail = value_path_str(&root, "detail");
    err_set(e, ERR_FAILED, "the server answers %d%s%.*s", answer->status, detail.len ? ": " : "",
            STR_ARG(str_sub(detail, 0, 300)));
}

static fate send_one(arena *a, const hook_settings *s, str token, str body, err *e) {
    const char *headers[4] = {"Content-Type: application/json"};
    value root;
    size_t count = 1;
    str server = s->server;
    while (str_ends(server, STR("/")))
        server.len--;
    if (json_parse(a, body, 0, &root, e) < 0) return FATE_REFUSED;
    headers[count++] =
        arena_printf(a, "Idempotency-Key: %.*s", STR_ARG(value_path_str(&root, "delivery"))).ptr;
    if (token.len)
        headers[count++] = arena_printf(a, "Authorization: Bearer %.*s", STR_ARG(token)).ptr;
    http_request q = {.method = "POST",
                      .url = "http://slipway" HOOK_ROUTE,
                      .headers = headers,
                      .body = body,
                      .connect_timeout_ms = CONNECT_MS,
                      .timeout_ms = SEND_MS,
                      .max_body = ANSWER_MAX};
    if (s->data.len) q.unix_socket = fs_join(a, arena_cstr(a, s->data), STR(HOOK_SOCKET));
    if (s->server.len) q.url = arena_printf(a, "%.*s" HOOK_ROUTE, STR_ARG(server)).ptr;
    http_response answer;
    if (http_send(a, &q, &answer, e) < 0) {
        err_context(e, "the server at '%.*s' cannot be reached",
                    STR_ARG(s->server.len ? s->server : s->data));
        return FATE_KEPT;
    }
    fate f = fate_of(answer.status);
    if (f != FATE_SENT) tell_status(a, &answer, e);
    return f;
}

/* ---- what is kept -------------------------------------------------------------------------- */

typedef struct outcome {
    size_t sent, refused;
    str rest; /* lines that are to be kept */
    err why;  /* of the last one that was not sent */
} outcome;

/* One that cannot be sent holds up those after it: pushes are told in their order. */
static outcome send_lines(arena *a, const hook_settings *s, str lines) {
    outcome o = {.rest = lines};
    str token, line, rest = lines;
    uint64_t end = loop_now_ms() + ALL_MS;
    if (read_token(a, s, &token, &o.why) < 0) return o;
    while (str_line(&rest, &line)) {
        if (loop_now_ms() > end) {
            err_set(&o.why, ERR_TIMEOUT, "sending took more than %d s", ALL_MS / 1000);
            return o;
        }
        fate f = line.len ? send_one(a, s, token, line, &o.why) : FATE_SENT;
        if (f == FATE_KEPT) return o;
        o.sent += f == FATE_SENT;
        o.refused += f == FATE_REFUSED;
        o.rest = rest;
    }
    return o;
}

static int lock_spool(arena *a, const char *repo, int *ret_fd, err *e) {
    const char *path = fs_join(a, repo, STR(HOOK_LOCK));
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return err_sys(e, errno, "cannot open '%s'", path);
    while (flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR) continue;
        int code = errno;
        close(fd);
        return err_sys(e, code, "cannot lock '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

static int keep(arena *a, const char *path, const outcome *o, str *ret_told, err *e) {
    size_t count = 0;
    for (size_t i = 0; i < o->rest.len; i++)
        count += o->rest.ptr[i] == '\n';
    if (o->rest.len > HOOK_SPOOL_MAX)
        return err_set(
            e, ERR_LIMIT,
            "'%s' would have more than %u bytes, so this push is not told to the server: "
            "%s",
            path, HOOK_SPOOL_MAX, o->why.message);
    int r = count ? fs_write(path, o->rest, 0644, e) : fs_remove(path, e);
    if (r < 0 || !o->why.code) return r;
    *ret_told = count ? arena_printf(a, "%s; %zu push%s kept and told with the next one",
                                     o->why.message, count, count == 1 ? " is" : "es are")
                      : arena_printf(a, "a push was refused and is not kept: %s", o->why.message);
    return 0;
}

int hook_send(arena *a, const char *repo, str lines, str *ret_told, err *e) {
    _cleanup_close_ int lock = -1;
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    hook_settings s;
    str kept = STR_EMPTY;
    const char *path = fs_join(a, repo, STR(HOOK_SPOOL));
    *ret_told = STR_EMPTY;
    int r = hook_settings_read(a, repo, &s, e);
    if (r == 0) r = lock_spool(a, repo, &lock, e);
    if (r == 0 && fs_exists(path)) r = fs_read_file(a, path, HOOK_SPOOL_MAX, &kept, e);
    if (r < 0) return r;
    strbuf_add(&all, kept);
    if ((r = make_body(repo, &s, lines, &all, e)) < 0) return r;
    if (!all.len) return 0;
    /* Written before it is sent: a push that is cut off here is told with the next one. */
    if (all.len <= HOOK_SPOOL_MAX && (r = fs_write(path, strbuf_str(&all), 0644, e)) < 0) return r;
    outcome o = send_lines(a, &s, strbuf_str(&all));
    return keep(a, path, &o, ret_told, e);
}
