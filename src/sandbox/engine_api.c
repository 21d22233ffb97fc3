/* The calls, each one HTTP request over the engine's socket. Paths carry no version of the API:
 * the engine then speaks its newest, and what is used here has been in all of them since 1.35
 * (2017), while engines drop old versions (Docker 29 speaks none below 1.44). */
#include "sandbox/engine_api.h"

#include "base/http.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define CALL_TIMEOUT_MS  120000 /* of what should answer at once, on a machine that is very busy */
#define INSPECT_TRIES    10
#define INSPECT_PAUSE_MS 50
#define PROGRESS_LINE    (1u << 20)
#define ENGINE_JSON_MAX  (32u << 20)
#define ENGINE_FRAME_MAX (64u << 20)

/* ---- finding --------------------------------------------------------------------------------- */

static bool is_socket(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int engine_find(arena *a, const char *docker_host, const char *runtime_dir, char **ret, err *e) {
    if (docker_host && *docker_host) {
        str host = str_from(docker_host);
        if (!str_starts(host, STR("unix://")))
            return err_set(e, ERR_UNSUPPORTED,
                           "DOCKER_HOST is '%s', but only engines at a Unix socket "
                           "(unix:///PATH) can share a job's folders with its containers",
                           docker_host);
        *ret = arena_cstr(a, str_sub(host, sizeof "unix://" - 1, host.len));
        if (is_socket(*ret)) return 0;
        return err_set(e, ERR_NOT_FOUND, "DOCKER_HOST is %s, but no socket is there", docker_host);
    }
    const char *own = runtime_dir && *runtime_dir
                          ? arena_printf(a, "%s/podman/podman.sock", runtime_dir).ptr
                          : NULL;
    const char *const all[] = {"/var/run/docker.sock", own, "/run/podman/podman.sock"};
    const char *closed = NULL; /* to this user */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i] || !is_socket(all[i])) continue;
        *ret = arena_cstr(a, str_from(all[i]));
        if (access(*ret, R_OK | W_OK) == 0) return 0;
        if (!closed) closed = all[i];
    }
    if (closed)
        return err_set(
            e, ERR_UNSUPPORTED,
            "the container engine at %s may not be used by this user. Have the user added "
            "to the group that owns the socket (which makes the user as good as root), or "
            "start an engine of the user's own ('systemctl --user start podman.socket')",
            closed);
    return err_set(e, ERR_NOT_FOUND,
                   "there is no container engine here: neither Docker (/var/run/docker.sock) nor "
                   "Podman (%s%s/run/podman/podman.sock). Start one ('systemctl start docker', "
                   "'systemctl --user start podman.socket' or 'podman system service'), or name "
                   "its socket in DOCKER_HOST=unix:///PATH",
                   own ? own : "", own ? ", " : "");
}

/* ---- one call -------------------------------------------------------------------------------- */

typedef struct call {
    const char *method;
    str path; /* with its query */
    const value *body;
    const char *header; /* one more, or NULL */
    const char *what;   /* "cannot WHAT" */
    str subject;        /* appended in quotes where it is not empty */
    int also;           /* a status that is no failure besides 2xx */
    bool waits;         /* for long: without a limit of time, but it may be stopped */
    /* where the answer streams */
    int (*write)(void *context, str bytes);
    ptrdiff_t (*read)(void *context, char *room, size_t size);
    bool (*stop)(void *context); /* instead of the engine's */
    void *context;
} call;

static int fail(const engine *g, const call *c, err *e) {
    str subject = str_sub(c->subject, 0, 200);
    const char *quote = subject.len ? "'" : "";
    return err_context(e, "container engine at unix://%s: cannot %s%s%s%.*s%s", g->socket, c->what,
                       subject.len ? " " : "", quote, STR_ARG(subject), quote);
}

/* {"message": …} (Docker; Podman adds the innermost cause), or whatever it is. */
static int refused(arena *a, const http_response *answer, err *e) {
    value body = VALUE_NULL_INIT;
    str text = str_trim(answer->body);
    if (json_parse(a, answer->body, 0, &body, NULL) == 0 && value_get(&body, STR("message")))
        text = str_trim(value_path_str(&body, "message"));
    text = str_sub(text, 0, 600);
    for (char *c = (char *)text.ptr; c < text.ptr + text.len; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    err_code code = answer->status == 404 ? ERR_NOT_FOUND : ERR_FAILED;
    if (!text.len) return err_set(e, code, "it answered with status %d", answer->status);
    return err_set(e, code, "%.*s", STR_ARG(text));
}

static bool stop_of(void *context) {
    const engine *g = context;
    return g->stop && g->stop(g->stop_context);
}

typedef struct streaming {
    const engine *g;
    const call *c;
} streaming;

static int on_write(void *context, str bytes) {
    const streaming *s = context;
    return s->c->write(s->c->context, bytes);
}

static ptrdiff_t on_read(void *context, char *room, size_t size) {
    const streaming *s = context;
    return s->c->read(s->c->context, room, size);
}

static bool on_stop(void *context) {
    const streaming *s = context;
    return s->c->stop ? s->c->stop(s->c->context) : stop_of((void *)s->g);
}

/* The status, or negative. */
static int send_call(const engine *g, arena *a, const call *c, http_response *ret, err *e) {
    _cleanup_strbuf_ strbuf url = STRBUF_INIT, body = STRBUF_INIT;
    strbuf_addf(&url, "http://localhost%.*s", STR_ARG(c->path));
    if (c->body) json_write(&body, c->body);
    const char *const headers[] = {c->read ? "Content-Type: application/x-tar"
                                           : "Content-Type: application/json",
                                   c->header, NULL};
    streaming s = {g, c};
    const http_request q = {
        .unix_socket = g->socket,
        .method = c->method,
        .url = url.ptr,
        .headers = headers,
        .body = strbuf_str(&body),
        .read = c->read ? on_read : NULL,
        .write = c->write ? on_write : NULL,
        .stop = c->waits ? on_stop : NULL,
        .context = &s,
        .timeout_ms = c->waits ? 0 : CALL_TIMEOUT_MS,
        .max_body = ENGINE_JSON_MAX,
    };
    int code = http_send(a, &q, ret, e);
    if (code == 0 && ret->status >= 300 && ret->status != c->also) code = refused(a, ret, e);
    return code < 0 ? fail(g, c, e) : ret->status;
}

/* A call whose answer is JSON, or nothing where `ret` is NULL. */
static int ask(const engine *g, arena *a, const call *c, value *ret, err *e) {
    http_response answer;
    int status = send_call(g, a, c, &answer, e);
    if (status < 0 || !ret) return status;
    *ret = VALUE_NULL_INIT;
    if (!answer.body.len) return status;
    int code = json_parse(a, answer.body, 0, ret, e);
    return code < 0 ? fail(g, c, e) : status;
}

static int tell(const engine *g, const call *c, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    int code = ask(g, a, c, NULL, e);
    return code < 0 ? code : 0;
}

/* "/containers/ID/start": `%` in the form stands for the escaped name. */
static str path_of(arena *a, const char *form, str name) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (; *form; form++) {
        if (*form == '%')
            http_escape(&out, name);
        else
            strbuf_addc(&out, *form);
    }
    return arena_str(a, strbuf_str(&out));
}

int engine_open(engine *g, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    const call c = {.path = STR_INIT("/version"), .what = "ask for its version"};
    if (ask(g, a, &c, &v, e) < 0) {
        if (e && strstr(e->message, "ermission denied"))
            err_context(e, "the engine's socket may not be used by this user (is it in the group "
                           "of the socket?)");
        return e ? (int)e->code : ERR_IO;
    }
    const value *parts = value_get(&v, STR("Components"));
    for (size_t i = 0; parts && parts->kind == VALUE_ARRAY && i < parts->array.count; i++) {
        str name = value_path_str(&parts->array.items[i], "Name");
        g->podman |= str_starts(name, STR("Podman"));
    }
    snprintf(g->version, sizeof g->version, "%.*s", STR_ARG(value_path_str(&v, "Version")));
    return 0;
}

int engine_is_apart(const engine *g, bool *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    struct utsname here = {0};
    const call c = {.path = STR_INIT("/info"), .what = "ask what machine it runs on"};
    int code = ask(g, a, &c, &v, e);
    if (code < 0) return code;
    str kernel = value_path_str(&v, "KernelVersion");
    uname(&here);
    *ret = str_is(value_path_str(&v, "OperatingSystem"), "Docker Desktop") ||
           (kernel.len && !str_is(kernel, here.release));
    return 0;
}

/* ---- images ---------------------------------------------------------------------------------- */

/* Podman looks at other images as well (whose parent is this?), and fails when one of them is
 * removed meanwhile: that is over in a moment. */
int engine_image_inspect(const engine *g, arena *a, str image, value *ret, err *e) {
    const struct timespec pause = {0, INSPECT_PAUSE_MS * 1000000L};
    const call c = {
        .path = path_of(a, "/images/%/json", image), .what = "inspect the image", .subject = image};
    err why = {0};
    int code = ask(g, a, &c, ret, &why);
    for (int i = 1; i < INSPECT_TRIES && code == ERR_FAILED; i++) {
        nanosleep(&pause, NULL);
        code = ask(g, a, &c, ret, &why);
    }
    if (code >= 0) return 0;
    if (e) *e = why;
    return code;
}

/* A stream of JSON objects, one a line, that tells how something goes on. */
typedef struct progress {
    strbuf line;
    engine_line_fn *tell;
    void *context;
    arena *a;
    str error; /* what went wrong, in `a` */
    str last;  /* the last line told, in `a` */
} progress;

/* Layers tell of every few kilobytes: of those only what is new in words is told. */
static void take_object(progress *p, const value *v) {
    str error = value_path_str(v, "error");
    if (!error.len) error = value_path_str(v, "errorDetail.message");
    if (error.len && !p->error.len) p->error = arena_str(p->a, str_sub(str_trim(error), 0, 700));
    str stream = value_path_str(v, "stream"), line;
    while (str_line(&stream, &line))
        if (str_trim(line).len) p->tell(p->context, line);
    str status = value_path_str(v, "status"), id = value_path_str(v, "id");
    if (!status.len || value_count(value_get(v, STR("progressDetail")))) return;
    bool named = id.len && !str_eq(id, status);
    str text = named ? arena_printf(p->a, "%.*s: %.*s", STR_ARG(id), STR_ARG(status))
                     : arena_str(p->a, status);
    if (str_eq(text, p->last)) return;
    p->last = text;
    p->tell(p->context, text);
}

static int on_progress(void *context, str bytes) {
    progress *p = context;
    strbuf_add(&p->line, bytes);
    str line, rest = strbuf_str(&p->line);
    size_t taken = 0;
    for (ptrdiff_t end; (end = str_find_char(rest, '\n')) >= 0;) {
        line = str_sub(rest, 0, (size_t)end);
        rest = str_sub(rest, (size_t)end + 1, rest.len);
        taken += (size_t)end + 1;
        _cleanup_arena_ arena *a = arena_new();
        value v;
        if (str_trim(line).len && json_parse(a, line, 0, &v, NULL) == 0) take_object(p, &v);
    }
    strbuf_shift(&p->line, taken);
    return p->line.len > PROGRESS_LINE;
}

/* Both engines answer 200 before they know how it will end. */
static int run_progress(const engine *g, const call *c, progress *p, err *e) {
    http_response answer;
    int code = send_call(g, p->a, c, &answer, e);
    if (code >= 0) on_progress(p, STR("\n"));
    strbuf_done(&p->line);
    if (code < 0) return code;
    if (!p->error.len) return 0;
    for (char *s = (char *)p->error.ptr; *s; s++)
        if (*s == '\n' || *s == '\r') *s = ' ';
    err_set(e, ERR_FAILED, "%.*s", STR_ARG(p->error));
    return fail(g, c, e);
}

str engine_registry(str image) {
    str first, rest;
    if (!str_cut(image, '/', &first, &rest)) return STR_EMPTY;
    bool host = str_find_char(first, '.') >= 0 || str_find_char(first, ':') >= 0 ||
                str_is(first, "localhost");
    return host ? first : STR_EMPTY;
}

/* RFC 4648, the URL's alphabet with padding, as the engines decode it. */
static void add_base64url(strbuf *out, str bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            strbuf_addc(out, k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}

static const char *login_header(arena *a, str image, const engine_login *login) {
    if (!login || !login->username.len || !login->password.len) return NULL;
    _cleanup_strbuf_ strbuf json = STRBUF_INIT, header = STRBUF_INIT;
    str registry = engine_registry(image);
    json_out o = JSON_OUT(&json);
    json_open(&o, '{');
    json_key_str(&o, "username", login->username);
    json_key_str(&o, "password", login->password);
    json_key_str(&o, "serveraddress", registry.len ? registry : STR("https://index.docker.io/v1/"));
    json_close(&o, '}');
    strbuf_adds(&header, "X-Registry-Auth: ");
    add_base64url(&header, strbuf_str(&json));
    return arena_cstr(a, strbuf_str(&header));
}

/* Where a name has neither tag nor digest it means "latest": Docker would pull every tag. */
static str tag_of(str image) {
    str last = str_sub(image, (size_t)(str_rfind_char(image, '/') + 1), image.len);
    bool exact = str_find_char(last, ':') >= 0 || str_find_char(last, '@') >= 0;
    return exact ? STR_EMPTY : STR("&tag=latest");
}

int engine_pull(const engine *g, str image, const engine_login *login, engine_line_fn *line,
                void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str path = path_of(a, "/images/create?fromImage=%", image);
    progress p = {.a = a, .tell = line, .context = context};
    const call c = {
        .method = "POST",
        .path = arena_printf(a, "%.*s%.*s", STR_ARG(path), STR_ARG(tag_of(image))),
        .header = login_header(a, image, login),
        .what = "pull the image",
        .subject = image,
        .waits = true,
        .write = on_progress,
        .context = &p,
    };
    return run_progress(g, &c, &p, e);
}

typedef struct building {
    progress p;
    const engine *g;
    int fd;
} building;

static int on_build_progress(void *context, str bytes) {
    building *b = context;
    return on_progress(&b->p, bytes);
}

static ptrdiff_t on_build_read(void *context, char *room, size_t size) {
    const building *b = context;
    ssize_t n;
    do {
        n = read(b->fd, room, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

static bool on_build_stop(void *context) {
    const building *b = context;
    return stop_of((void *)b->g);
}

int engine_build(const engine *g, int context_fd, str dockerfile, str tag, const value *labels,
                 engine_line_fn *line, void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf path = STRBUF_INIT, json = STRBUF_INIT;
    building b = {.p = {.a = a, .tell = line, .context = context}, .g = g, .fd = context_fd};
    if (lseek(context_fd, 0, SEEK_SET) < 0) return err_sys(e, errno, "cannot read what to build");
    json_write(&json, labels);
    strbuf_adds(&path, "/build?rm=1&forcerm=1&dockerfile=");
    http_escape(&path, dockerfile);
    strbuf_adds(&path, "&t=");
    http_escape(&path, tag);
    strbuf_adds(&path, "&labels=");
    http_escape(&path, strbuf_str(&json));
    const call c = {
        .method = "POST",
        .path = strbuf_str(&path),
        .what = "build an image from",
        .subject = dockerfile,
        .waits = true,
        .write = on_build_progress,
        .read = on_build_read,
        .stop = on_build_stop,
        .context = &b,
    };
    return run_progress(g, &c, &b.p, e);
}

/* ---- networks and containers ----------------------------------------------------------------- */

int engine_network_create(const engine *g, str name, const value *labels, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value body = value_object_new(a, true);
    value_set_str(a, &body, "Name", name);
    value_set_str(a, &body, "Driver", STR("bridge"));
    value_set(a, &body, STR("Labels"), *labels);
    const call c = {.method = "POST",
                    .path = STR_INIT("/networks/create"),
                    .body = &body,
                    .what = "create the network",
                    .subject = name};
    return tell(g, &c, e);
}

int engine_create(const engine *g, arena *a, str name, const value *body, str *ret, err *e) {
    value answer;
    const call c = {.method = "POST",
                    .path = path_of(a, "/containers/create?name=%", name),
                    .body = body,
                    .what = "create the container",
                    .subject = name};
    if (ask(g, a, &c, &answer, e) < 0) return e ? (int)e->code : ERR_FAILED;
    *ret = value_path_str(&answer, "Id");
    if (ret->len) return 0;
    err_set(e, ERR_FAILED, "its answer has no id");
    return fail(g, &c, e);
}

int engine_start(const engine *g, str container, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const call c = {.method = "POST",
                    .path = path_of(a, "/containers/%/start", container),
                    .what = "start the container",
                    .subject = container,
                    .also = 304};
    return tell(g, &c, e);
}

int engine_inspect(const engine *g, arena *a, str container, value *ret, err *e) {
    const call c = {.path = path_of(a, "/containers/%/json", container),
                    .what = "inspect the container",
                    .subject = container};
    int code = ask(g, a, &c, ret, e);
    return code < 0 ? code : 0;
}

int engine_kill(const engine *g, str container, int signo, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str path = path_of(a, "/containers/%/kill", container);
    const call c = {.method = "POST",
                    .path = arena_printf(a, "%.*s?signal=%d", STR_ARG(path), signo),
                    .what = "send a signal to the container",
                    .subject = container};
    return tell(g, &c, e);
}

int engine_health_run(const engine *g, str container, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const call c = {.path = path_of(a, "/v4.0.0/libpod/containers/%/healthcheck", container),
                    .what = "check the health of the container",
                    .subject = container};
    return tell(g, &c, e);
}

int engine_wait(const engine *g, str container, int *ret_status, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    const call c = {.method = "POST",
                    .path = path_of(a, "/containers/%/wait", container),
                    .what = "wait for the container",
                    .subject = container,
                    .waits = true};
    int code = ask(g, a, &c, &v, e);
    if (code < 0) return code;
    const value *status = value_get(&v, STR("StatusCode"));
    *ret_status = status && status->kind == VALUE_NUMBER ? (int)status->number : 0;
    return 0;
}

static const struct {
    const char *list, *remove, *what;
} kinds[ENGINE_KIND_COUNT] = {
    [ENGINE_CONTAINER] = {"/containers/json?all=1&filters=%", "/containers/%?force=1&v=1",
                          "container"},
    [ENGINE_NETWORK] = {"/networks?filters=%", "/networks/%", "network"},
    [ENGINE_IMAGE] = {"/images/json?filters=%", "/images/%?force=1", "image"},
};

int engine_list(const engine *g, arena *a, engine_kind kind, str label, value *ret, err *e) {
    _cleanup_strbuf_ strbuf filter = STRBUF_INIT;
    json_out o = JSON_OUT(&filter);
    json_open(&o, '{');
    json_key(&o, "label");
    json_open(&o, '[');
    json_put_str(&o, label);
    json_close(&o, ']');
    json_close(&o, '}');
    const call c = {.path = path_of(a, kinds[kind].list, strbuf_str(&filter)),
                    .what = "list what has the label",
                    .subject = label};
    int code = ask(g, a, &c, ret, e);
    return code < 0 ? code : 0;
}

int engine_remove(const engine *g, engine_kind kind, str id, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const call c = {.method = "DELETE",
                    .path = path_of(a, kinds[kind].remove, id),
                    .what = arena_printf(a, "remove the %s", kinds[kind].what).ptr,
                    .subject = id,
                    .also = 404};
    return tell(g, &c, e);
}

/* ---- output ---------------------------------------------------------------------------------- */

int engine_demux_feed(engine_demux *d, str bytes) {
    while (bytes.len) {
        if (d->left) {
            size_t n = bytes.len < d->left ? bytes.len : d->left;
            int code = d->out(d->context, str_sub(bytes, 0, n));
            if (code) return code;
            d->left -= (uint32_t)n;
            bytes = str_sub(bytes, n, bytes.len);
            continue;
        }
        d->head[d->head_len++] = (unsigned char)bytes.ptr[0];
        bytes = str_sub(bytes, 1, bytes.len);
        if (d->head_len < sizeof d->head) continue;
        d->head_len = 0;
        const unsigned char *h = d->head;
        if (h[0] > 2 || h[1] || h[2] || h[3]) return ERR_INVALID;
        d->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
        if (d->left > ENGINE_FRAME_MAX) return ERR_INVALID;
    }
    return 0;
}

typedef struct output {
    engine_demux demux;
    const engine *g;
    bool broken;
} output;

static int on_output(void *context, str bytes) {
    output *o = context;
    int code = engine_demux_feed(&o->demux, bytes);
    o->broken |= code == ERR_INVALID;
    return code;
}

static bool on_output_stop(void *context) {
    const output *o = context;
    return stop_of((void *)o->g);
}

static int stream(const engine *g, arena *a, call *c, engine_output_fn *out, void *context,
                  err *e) {
    output o = {.demux = {.out = out, .context = context}, .g = g};
    c->waits = true;
    c->write = on_output;
    c->stop = on_output_stop;
    c->context = &o;
    http_response answer;
    int code = send_call(g, a, c, &answer, e);
    if (!o.broken) return code < 0 ? code : 0;
    err_set(e, ERR_INVALID, "what it sends is not the stream of output that the API describes");
    return fail(g, c, e);
}

int engine_logs(const engine *g, str container, bool follow, engine_output_fn *out, void *context,
                err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str path = path_of(a, "/containers/%/logs?stdout=1&stderr=1", container);
    call c = {.path = arena_printf(a, "%.*s&follow=%d", STR_ARG(path), follow),
              .what = "read the output of the container",
              .subject = container};
    return stream(g, a, &c, out, context, e);
}

int engine_exec_create(const engine *g, arena *a, str container, const value *body, str *ret,
                       err *e) {
    value answer;
    const call c = {.method = "POST",
                    .path = path_of(a, "/containers/%/exec", container),
                    .body = body,
                    .what = "run a command in the container",
                    .subject = container};
    if (ask(g, a, &c, &answer, e) < 0) return e ? (int)e->code : ERR_FAILED;
    *ret = value_path_str(&answer, "Id");
    return 0;
}

int engine_exec_start(const engine *g, str exec, engine_output_fn *out, void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value body = value_object_new(a, true);
    value_set(a, &body, STR("Detach"), value_bool(false));
    value_set(a, &body, STR("Tty"), value_bool(false));
    call c = {.method = "POST",
              .path = path_of(a, "/exec/%/start", exec),
              .body = &body,
              .what = "start the command"};
    return stream(g, a, &c, out, context, e);
}

int engine_exec_resize(const engine *g, str exec, unsigned rows, unsigned columns, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str path = path_of(a, "/exec/%/resize", exec);
    const call c = {.method = "POST",
                    .path = arena_printf(a, "%.*s?h=%u&w=%u", STR_ARG(path), rows, columns),
                    .what = "change the size of the command's terminal"};
    return tell(g, &c, e);
}

static int number(const value *v, const char *key) {
    const value *n = value_get(v, str_from(key));
    return n && n->kind == VALUE_NUMBER ? (int)n->number : 0;
}

int engine_exec_inspect(const engine *g, str exec, engine_exec_state *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value v;
    const call c = {.path = path_of(a, "/exec/%/json", exec), .what = "ask for the command's end"};
    int code = ask(g, a, &c, &v, e);
    if (code < 0) return code;
    const value *running = value_get(&v, STR("Running"));
    *ret = (engine_exec_state){
        .running = running && running->kind == VALUE_BOOL && running->boolean,
        .pid = number(&v, "Pid"),
        .status = number(&v, "ExitCode"),
    };
    return 0;
}
