/* child_work.c: the child's side: one request, one answer. */
#include "base/fs.h"
#include "base/json.h"
#include "server/child.h"
#include "server/forge.h"
#include "server/push.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REQUEST_MAX (4u << 20)

/* ---- reading what is asked ----------------------------------------------------------------- */

static bool flag(const value *from, const char *path) {
    const value *v = value_path(from, path);
    return v && v->kind == VALUE_BOOL && v->boolean;
}

static uint64_t number(const value *from, const char *path) {
    const value *v = value_path(from, path);
    bool fine = v && v->kind == VALUE_NUMBER && v->number >= 0 && v->number < 9e15;
    return fine ? (uint64_t)v->number : 0;
}

static const char *text_or_null(arena *a, const value *from, const char *path) {
    str text = value_path_str(from, path);
    return text.len ? arena_cstr(a, text) : NULL;
}

static size_t strings(arena *a, const value *from, const char *path, const str **ret) {
    const value *list = value_path(from, path);
    size_t count = 0, all = list && list->kind == VALUE_ARRAY ? list->array.count : 0;
    str *items = ARENA_ARRAY(a, str, all);
    for (size_t i = 0; i < all; i++)
        if (list->array.items[i].kind == VALUE_STRING) items[count++] = list->array.items[i].string;
    *ret = items;
    return count;
}

static int read_guard(arena *a, const value *from, remote_guard *ret, err *e) {
    *ret = (remote_guard){.allow_http = flag(from, "guard.allow_http"),
                          .allow_file = flag(from, "guard.allow_file")};
    ret->allowed_count = strings(a, from, "guard.allowed", &ret->allowed);
    return remote_guard_check(ret, e);
}

static int read_source(arena *a, const value *request, git_source *ret, err *e) {
    const value *from = value_get(request, STR("source"));
    uint64_t timeout = number(from, "timeout_ms");
    *ret = (git_source){.url = value_path_str(from, "url"),
                        .user = value_path_str(from, "user"),
                        .token = value_path_str(from, "token"),
                        .ssh_key = text_or_null(a, from, "ssh_key"),
                        .known_hosts = text_or_null(a, from, "known_hosts"),
                        .timeout_ms = timeout < UINT32_MAX ? (unsigned)timeout : UINT32_MAX,
                        .max_bytes = number(from, "max_bytes")};
    return read_guard(a, from, &ret->guard, e);
}

/* ---- the work ------------------------------------------------------------------------------ */

typedef int work_fn(arena *a, const value *request, value *answer, err *e);

static int do_refs(arena *a, const value *request, value *answer, err *e) {
    git_source s;
    git_refs refs;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    int r = read_source(a, request, &s, e);
    if (r == 0) r = git_source_refs(a, &s, &refs, e);
    if (r < 0) return r;
    git_refs_write(&text, &refs);
    value_set_str(a, answer, "refs", arena_str(a, strbuf_str(&text)));
    return 0;
}

static int do_mirror(arena *a, const value *request, value *answer, err *e) {
    (void)answer;
    git_source s;
    const str *also;
    size_t count = strings(a, request, "also", &also);
    const char *path = text_or_null(a, request, "path");
    int r = read_source(a, request, &s, e);
    if (r == 0 && !path) r = err_set(e, ERR_INVALID, "there is no path for the mirror");
    return r == 0 ? git_source_mirror(a, &s, path, also, count, e) : r;
}

static int do_push(arena *a, const value *request, value *answer, err *e) {
    git_change c = {value_path_str(request, "ref"), value_path_str(request, "before"),
                    value_path_str(request, "after")};
    const char *dir = text_or_null(a, request, "dir");
    if (!dir) return err_set(e, ERR_INVALID, "there is no repository to look at");
    return push_look(a, dir, &c, value_path_str(request, "default_branch"), answer, e);
}

static int do_status(arena *a, const value *request, value *answer, err *e) {
    const value *to = value_get(request, STR("target")), *from = value_get(request, STR("status"));
    const forge *f = forge_find(value_path_str(request, "forge"));
    forge_target target = {.base_url = value_path_str(to, "base_url"),
                           .token = value_path_str(to, "token")};
    forge_status status = {.repository = value_path_str(from, "repository"),
                           .sha = value_path_str(from, "sha"),
                           .state = FORGE_STATE_COUNT,
                           .context = value_path_str(from, "context"),
                           .description = value_path_str(from, "description"),
                           .target_url = value_path_str(from, "target_url")};
    forge_outcome outcome = FORGE_NEVER;
    str state = value_path_str(from, "state");
    for (size_t i = 0; i < FORGE_STATE_COUNT; i++)
        if (str_is(state, forge_state_names[i])) status.state = (forge_state)i;
    int r = read_guard(a, to, &target.guard, e);
    if (r == 0 && (!f || status.state == FORGE_STATE_COUNT))
        r = err_set(e, ERR_INVALID, "there is no such forge, or no such state");
    if (r == 0) r = forge_send(a, f, &target, &status, &outcome, e);
    if (r < 0)
        value_set_str(a, answer, "outcome", outcome == FORGE_AGAIN ? STR("again") : STR("never"));
    return r;
}

static const struct {
    const char *name;
    work_fn *work;
} works[] = {{"refs", do_refs}, {"mirror", do_mirror}, {"push", do_push}, {"status", do_status}};

static int work(arena *a, value *answer, err *e) {
    str text;
    value request;
    int r = fs_read_stdin(a, REQUEST_MAX, &text, e);
    if (r == 0) r = json_parse(a, text, 0, &request, e);
    if (r < 0) return r;
    str name = value_path_str(&request, "do");
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (str_is(name, works[i].name)) return works[i].work(a, &request, answer, e);
    return err_set(e, ERR_INVALID, "there is no work '%.*s'", STR_ARG(str_sub(name, 0, 40)));
}

/* The name of the file and the errno of a failure mean nothing to the server. */
static void add_error(arena *a, value *answer, const err *e) {
    value error = value_object_new(a, false);
    value_set(a, &error, STR("code"), value_number(e->code));
    value_set_str(a, &error, "message", str_from(e->message));
    value_set(a, answer, STR("error"), error);
}

static bool write_all(str text) {
    while (text.len) {
        ssize_t n = write(STDOUT_FILENO, text.ptr, text.len);
        if (n <= 0) return false;
        text = str_sub(text, (size_t)n, text.len);
    }
    return true;
}

void child_main(int argc, char **argv) {
    if (argc != 2 || strcmp(argv[1], CHILD_WORD) != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    arena *a = arena_new();
    value answer = value_object_new(a, false);
    err e = {0};
    if (work(a, &answer, &e) < 0) add_error(a, &answer, &e);
    json_write(&text, &answer);
    _exit(write_all(strbuf_str(&text)) ? 0 : 1);
}
