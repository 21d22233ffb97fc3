/* git_source.c: git, told to reach one address by one protocol.
 *
 * A web URL's host is pinned by http.curloptResolve, ssh's by HostName (its key is still looked up
 * by the URL's host), and git's own protocol is given the address instead of the name. Settings of
 * this machine's user or system could rewrite URLs or run helpers, so none are read. */
#include "server/git_watch.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static const char *const protocols[REMOTE_SCHEME_COUNT] = {"https", "http", "ssh", "git", "file"};

typedef struct way {
    git_reach reach;
    const char *url;
} way;

/* ---- how it is reached --------------------------------------------------------------------- */

/* For a shell: git runs GIT_SSH_COMMAND by one. */
static void add_quoted(strbuf *out, const char *text) {
    strbuf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            strbuf_adds(out, "'\\''");
        else
            strbuf_addc(out, *text);
    }
    strbuf_addc(out, '\'');
}

static str ssh_command(arena *a, const git_source *s, const remote_url *u, const char *address) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_adds(&out, "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o ProxyCommand=none "
                      "-o ForwardAgent=no -o PermitLocalCommand=no -o ClearAllForwardings=yes "
                      "-o StrictHostKeyChecking=accept-new -o IdentitiesOnly=yes");
    strbuf_addf(&out, " -o HostName=%s -o HostKeyAlias=%.*s", address, STR_ARG(u->host));
    if (s->known_hosts) {
        strbuf_adds(&out, " -o UserKnownHostsFile=");
        add_quoted(&out, s->known_hosts);
    }
    if (s->ssh_key) {
        strbuf_adds(&out, " -i ");
        add_quoted(&out, s->ssh_key);
    }
    return arena_str(a, strbuf_str(&out));
}

static str authorization(arena *a, const git_source *s) {
    _cleanup_strbuf_ strbuf plain = STRBUF_INIT, out = STRBUF_INIT;
    strbuf_addf(&plain, "%.*s:%.*s", STR_ARG(s->user.len ? s->user : STR("x-access-token")),
                STR_ARG(s->token));
    strbuf_adds(&out, "GIT_CONFIG_VALUE_0=Authorization: Basic ");
    base64_encode(&out, strbuf_str(&plain));
    explicit_bzero(plain.ptr, plain.len);
    return arena_str(a, strbuf_str(&out));
}

static int find_way(arena *a, const git_source *s, unsigned timeout_ms, way *ret, err *e) {
    remote_url u;
    net_address x;
    char address[NET_ADDRESS_TEXT];
    int r = remote_parse(a, s->url, &u, e);
    if (r == 0) r = remote_resolve(&s->guard, &u, &x, e);
    if (r < 0) return r;
    net_address_text(&x, address);
    const char **env = ARENA_ARRAY(a, const char *, 10),
               **settings = ARENA_ARRAY(a, const char *, 10);
    size_t n = 0, m = 0;
    env[n++] = "GIT_CONFIG_NOSYSTEM=1";
    env[n++] = "GIT_CONFIG_GLOBAL=/dev/null";
    env[n++] = "GIT_PROTOCOL_FROM_USER=0";
    bool web = u.scheme == REMOTE_HTTPS || u.scheme == REMOTE_HTTP;
    const char *pin = web ? remote_pin(a, &u, &x) : NULL;
    if (web) {
        settings[m++] = "-c", settings[m++] = "http.followRedirects=false";
        settings[m++] = "-c", settings[m++] = "http.proxy=";
    }
    if (pin)
        settings[m++] = "-c", settings[m++] = arena_printf(a, "http.curloptResolve=%s", pin).ptr;
    if (web && s->token.len) {
        env[n++] = "GIT_CONFIG_COUNT=1";
        env[n++] = "GIT_CONFIG_KEY_0=http.extraHeader";
        env[n++] = authorization(a, s).ptr;
    }
    if (u.scheme == REMOTE_SSH) env[n++] = ssh_command(a, s, &u, address).ptr;
    ret->url = u.text.ptr;
    if (u.scheme == REMOTE_GIT)
        ret->url = arena_printf(a, x.family == 6 ? "git://[%s]:%u%.*s" : "git://%s:%u%.*s", address,
                                u.port, STR_ARG(u.path))
                       .ptr;
    ret->reach = (git_reach){protocols[u.scheme], settings, env, timeout_ms};
    return 0;
}

/* git says of a failure what it was given, and a server may send back what it was sent. */
static str without(arena *a, str text, str secret) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    ptrdiff_t at;
    if (!secret.len) return text;
    for (; (at = str_find(text, secret)) >= 0;
         text = str_sub(text, (size_t)at + secret.len, text.len))
        strbuf_addf(&out, "%.*s***", (int)at, text.ptr);
    strbuf_add(&out, text);
    return arena_str(a, strbuf_str(&out));
}

/* The one of git's programs that writes was killed by SIGXFSZ, or was told so. */
static bool hit_the_limit(const git_answer *said) {
    return said->status == 128 + SIGXFSZ ||
           str_find(said->err_out, STR("died of signal 25")) >= 0 ||
           str_find(said->err_out, STR(": File too large")) >= 0;
}

static int ask(arena *a, const git_source *s, const char *dir, const way *w,
               const char *const *argv, size_t max_output, str *ret_out, err *e) {
    git_call call = {.dir = dir, .argv = argv, .reach = &w->reach, .max_output = max_output};
    git_answer said;
    int r = git_ask(a, &call, &said, e);
    if (r == 0 && said.status != 0) {
        str line, reason = STR_EMPTY, rest = str_trim(said.err_out);
        while (str_line(&rest, &line)) {
            if (!reason.len || str_starts(line, STR("fatal: "))) reason = line;
        }
        if (str_starts(reason, STR("fatal: "))) reason = str_sub(reason, 7, reason.len);
        r = err_set(e, ERR_FAILED, "git says: %.*s", STR_ARG(without(a, reason, s->token)));
        if (hit_the_limit(&said))
            r = err_set(e, ERR_LIMIT, "what was fetched is larger than %llu bytes",
                        (unsigned long long)(s->max_bytes ? s->max_bytes : GIT_MIRROR_MAX));
    }
    if (r == 0 && ret_out) *ret_out = said.out;
    return r < 0 ? err_context(e, "'%.*s'", STR_ARG(s->url)) : 0;
}

/* ---- asking and fetching ------------------------------------------------------------------- */

int git_source_refs(arena *a, const git_source *s, git_refs *ret, err *e) {
    way w = {0};
    str out;
    int r = find_way(a, s, GIT_ASK_MS, &w, e);
    if (r < 0) return r;
    const char *const argv[] = {"git", "ls-remote", "--quiet",      "--symref",    "--",
                                w.url, "HEAD",      "refs/heads/*", "refs/tags/*", NULL};
    r = ask(a, s, "/", &w, argv, GIT_REFS_BYTES, &out, e);
    return r == 0 ? git_refs_read(a, out, ret, e) : r;
}

static int make_bare(arena *a, const char *path, err *e) {
    if (fs_exists(fs_join(a, path, STR("HEAD")))) return 0;
    int r = fs_mkdirs(path, 0700, e);
    const char *const argv[] = {"git", "init", "--quiet", "--bare", "--template=", ".", NULL};
    return r == 0 ? git_run(a, path, NULL, argv, NULL, e) : r;
}

int git_source_mirror(arena *a, const git_source *s, const char *path, const str *also,
                      size_t also_count, err *e) {
    enum { FIXED = 13, ALSO_MAX = 16 };
    const char *argv[FIXED + ALSO_MAX + 1] = {"git",
                                              "fetch",
                                              "--quiet",
                                              "--prune",
                                              "--force",
                                              "--no-tags",
                                              "--no-write-fetch-head",
                                              "--no-auto-maintenance",
                                              "--no-recurse-submodules",
                                              "--end-of-options"};
    way w = {0};
    size_t n = 10;
    rlim_t max = s->max_bytes ? s->max_bytes : GIT_MIRROR_MAX;
    if (also_count > ALSO_MAX) return err_set(e, ERR_LIMIT, "more than %d refs besides", ALSO_MAX);
    int r = find_way(a, s, s->timeout_ms ? s->timeout_ms : GIT_FETCH_MS, &w, e);
    if (r == 0) r = make_bare(a, path, e);
    if (r < 0) return r;
    argv[n++] = w.url;
    argv[n++] = "+refs/heads/*:refs/heads/*";
    argv[n++] = "+refs/tags/*:refs/tags/*";
    for (size_t i = 0; i < also_count; i++) {
        if (!git_ref_is_valid(also[i]))
            return err_set(e, ERR_INVALID, "'%.*s' is no name of a ref",
                           STR_ARG(str_sub(also[i], 0, 80)));
        argv[n++] = arena_printf(a, "+%.*s:%.*s", STR_ARG(also[i]), STR_ARG(also[i])).ptr;
    }
    struct rlimit limit = {max, max};
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return err_sys(e, errno, "cannot limit the size of what is fetched");
    return ask(a, s, path, &w, argv, 1u << 20, NULL, e);
}
