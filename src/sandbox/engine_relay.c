#include "sandbox/engine_relay.h"

#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSIDE   "/__e/slipway"
#define PROGRAM  INSIDE "/relay"
#define SERVER   "slipway.localhost:127.0.0.1"
#define SAID_MAX 400

/* relay.c, linked: made by meson.build. */
extern const char relay_program[], relay_program_end[];

int sandbox_relay_write(const char *folder, err *e) {
    char path[4096];
    const char *at = relay_program;
    snprintf(path, sizeof path, "%s/relay", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700), failed = 0;
    while (fd >= 0 && !failed && at < relay_program_end) {
        ssize_t n = write(fd, at, (size_t)(relay_program_end - at));
        if (n < 0 && errno != EINTR) failed = errno;
        if (n > 0) at += n;
    }
    if (fd < 0 || (!failed && fchmod(fd, 0755) < 0)) failed = errno;
    if (fd >= 0) close(fd);
    return failed ? err_sys(e, failed, "cannot write '%s'", path) : 0;
}

const value *engine_relay_of(const value *request) {
    const value *relay = value_get(request, STR("relay"));
    return relay && relay->kind == VALUE_OBJECT ? relay : NULL;
}

unsigned engine_relay_port(const value *relay) {
    const value *port = value_get(relay, STR("port"));
    bool good = port && port->kind == VALUE_NUMBER && port->number > 0 && port->number <= 65535;
    return good ? (unsigned)port->number : 0;
}

static void push(arena *a, value *host, const char *key, str text) {
    const value *there = value_get(host, str_from(key));
    value list = value_array_new(a);
    for (size_t i = 0; there && there->kind == VALUE_ARRAY && i < there->array.count; i++)
        value_push(a, &list, there->array.items[i]);
    value_push(a, &list, value_string(text));
    value_set(a, host, str_from(key), list);
}

static void add_folder(arena *a, engine_plan *p, const value *relay) {
    value host = *value_get(&p->body, STR("HostConfig"));
    str folder = value_path_str(relay, "folder");
    push(a, &host, "Binds", arena_printf(a, "%.*s:" INSIDE ":ro", STR_ARG(folder)));
}

void engine_relay_add(arena *a, engine_plan *p, const value *relay) {
    value host = *value_get(&p->body, STR("HostConfig"));
    add_folder(a, p, relay);
    push(a, &host, "ExtraHosts", STR(SERVER));
}

/* ---- what it says ---------------------------------------------------------------------------- */

typedef struct said {
    char text[SAID_MAX + 1];
    size_t len;
    bool whole; /* the line has ended */
} said;

static int on_said(void *context, str bytes) {
    said *x = context;
    for (size_t i = 0; i < bytes.len && !x->whole; i++) {
        x->whole = bytes.ptr[i] == '\n' || x->len == SAID_MAX;
        if (!x->whole) x->text[x->len++] = bytes.ptr[i];
    }
    return 0;
}

/* For one that stays: its line is all that it says. */
static int on_said_all(void *context, str bytes) {
    on_said(context, bytes);
    return ((const said *)context)->whole;
}

static int judge(const said *x, int code, err *e) {
    if (strcmp(x->text, "ready") == 0) return 0;
    if (x->len) return err_set(e, ERR_FAILED, "%s", x->text);
    return code < 0 ? code : err_set(e, ERR_FAILED, "its relay ended without a word");
}

static value words(arena *a, const value *relay, const char *how) {
    const value *port = value_get(relay, STR("port"));
    value out = value_array_new(a);
    value_push(a, &out, value_string(STR(PROGRAM)));
    value_push(a, &out, value_cstring(how));
    value_push(a, &out, value_string(STR(INSIDE)));
    value_push(a, &out, value_string(arena_printf(a, "%.0f", port ? port->number : 0)));
    return out;
}

/* ---- where it runs --------------------------------------------------------------------------- */

int engine_relay_exec(engine_work *w, str container, const value *relay, err *e) {
    arena *a = w->a;
    value body = value_object_new(a, true);
    said x = {.len = 0};
    str id;
    value_set(a, &body, STR("AttachStdout"), value_bool(true));
    value_set(a, &body, STR("AttachStderr"), value_bool(true));
    value_set(a, &body, STR("Cmd"), words(a, relay, "away"));
    value_set_str(a, &body, "User", STR("0")); /* so that steps of another user leave it alone */
    int code = engine_exec_create(&w->g, a, container, &body, &id, e);
    if (code == 0) code = engine_exec_start(&w->g, id, on_said, &x, e);
    return judge(&x, code, e);
}

int engine_relay_run(engine_work *w, str image, str network, const value *labels,
                     const value *relay, str *ret_id, err *e) {
    arena *a = w->a;
    engine_plan p;
    said x = {.len = 0};
    engine_plan_init(a, &p);
    *ret_id = STR_EMPTY;
    value_set_str(a, &p.body, "Image", image);
    value_set_str(a, &p.body, "User", STR("0"));
    value all = words(a, relay, "stay"), program = value_array_new(a), rest = value_array_new(a);
    for (size_t i = 0; i < all.array.count; i++)
        value_push(a, i ? &rest : &program, all.array.items[i]);
    value_set(a, &p.body, STR("Entrypoint"), program);
    value_set(a, &p.body, STR("Cmd"), rest);
    engine_relay_add(a, &p, relay);
    engine_plan_unchecked(a, &p);
    engine_plan_join(a, &p, network, STR_EMPTY, labels);
    int code = engine_create(&w->g, a, STR_EMPTY, &p.body, ret_id, e);
    if (code == 0) code = engine_start(&w->g, *ret_id, e);
    if (code == 0) code = engine_work_follow(w, *ret_id, on_said_all, &x, e);
    return judge(&x, code, e);
}

/* ---- what an action's container has mounted -------------------------------------------------- */

static void add_words(arena *a, value *out, const value *list) {
    for (size_t i = 0; list && list->kind == VALUE_ARRAY && i < list->array.count; i++)
        if (list->array.items[i].kind == VALUE_STRING) value_push(a, out, list->array.items[i]);
}

/* What the engine would run: what the container says, else what the image says, whose arguments are
 * those of its own entrypoint. */
static int find_command(engine_work *w, const value *body, value *ret, err *e) {
    value image;
    const value *entrypoint = value_get(body, STR("Entrypoint")),
                *args = value_get(body, STR("Cmd"));
    int code = engine_image_inspect(&w->g, w->a, value_path_str(body, "Image"), &image, e);
    if (code < 0) return code;
    if (!args && !entrypoint) args = value_path(&image, "Config.Cmd");
    if (!entrypoint) entrypoint = value_path(&image, "Config.Entrypoint");
    *ret = value_array_new(w->a);
    add_words(w->a, ret, entrypoint);
    add_words(w->a, ret, args);
    return 0;
}

int engine_relay_check(engine_work *w, engine_plan *p, const value *relay, const value *folders,
                       err *e) {
    arena *a = w->a;
    value command, all = value_array_new(a), program = value_array_new(a);
    size_t count = folders && folders->kind == VALUE_ARRAY ? folders->array.count : 0;
    int code = find_command(w, &p->body, &command, e);
    if (code < 0) return code;
    if (!command.array.count)
        return err_set(e, ERR_INVALID,
                       "the image names no program to run, and neither does the step");
    if (!count) return err_set(e, ERR_INVALID, "an action's container without folders to compare");
    value_push(a, &program, value_string(STR(PROGRAM)));
    value_push(a, &all, value_string(STR("check")));
    value_push(a, &all, value_string(arena_printf(a, "%zu", count / 3)));
    add_words(a, &all, folders);
    add_words(a, &all, &command);
    value_set(a, &p->body, STR("Entrypoint"), program);
    value_set(a, &p->body, STR("Cmd"), all);
    engine_plan_unchecked(a, p); /* it would run before the look is over */
    add_folder(a, p, relay);     /* names are those of the network's owner */
    return 0;
}
