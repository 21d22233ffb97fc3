#include "scan/advisories/repository.h"

#include <string.h>

#define SHORT_COMMIT 7 /* the shortest that git writes */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t hex_length(str s) {
    size_t n = 0;
    while (n < s.len && is_hex(s.ptr[n]))
        n++;
    return n;
}

bool repository_is_commit(str text) {
    return hex_length(text) == text.len && text.len >= SHORT_COMMIT && text.len <= 64;
}

bool repository_same_commit(str a, str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    return len >= SHORT_COMMIT && str_eq_nocase(str_sub(a, 0, len), str_sub(b, 0, len));
}

/* ---- the commit ------------------------------------------------------------------------------ */

static bool is_full(str text) {
    return repository_is_commit(text) && (text.len == 40 || text.len == 64);
}

/* Of an address whose fragment is a revision; of a tarball it is its hash. */
static bool is_git_address(str url) {
    static const char *const heads[] = {"git", "github:", "gitlab:", "bitbucket:", "ssh://"};
    static const char *const hosts[] = {"github.com/", "gitlab.com/", "bitbucket.org/"};
    str path = url, rest;
    str_cut(url, '#', &path, &rest);
    if (str_ends(path, STR(".tgz")) || str_ends(path, STR(".gz"))) return false;
    for (size_t i = 0; i < COUNT(heads); i++) {
        if (str_starts(url, str_from(heads[i]))) return true;
    }
    for (size_t i = 0; i < COUNT(hosts); i++) {
        if (str_find(path, str_from(hosts[i])) >= 0) return true;
    }
    str_cut(path, '?', &path, &rest);
    return str_ends(path, STR(".git"));
}

static str after_hash(str url) {
    ptrdiff_t at = str_find_char(url, '#');
    if (at < 0 || !is_git_address(url)) return STR_EMPTY;
    str rest = str_sub(url, (size_t)at + 1, url.len);
    ptrdiff_t named = str_find(rest, STR("commit="));
    if (named >= 0) rest = str_sub(rest, (size_t)named + 7, rest.len);
    size_t n = hex_length(rest);
    bool ends = n == rest.len || rest.ptr[n] == '&';
    return ends && n >= SHORT_COMMIT && n <= 64 ? str_sub(rest, 0, n) : STR_EMPTY;
}

/* ".../tar.gz/COMMIT", ".../archive/COMMIT.tar.gz", "repo.git@COMMIT". */
static str in_path(str url) {
    str_cut(url, '#', &url, &(str){0});
    str_cut(url, '?', &url, &(str){0});
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] != '/' && url.ptr[i] != '@') continue;
        str rest = str_sub(url, i + 1, url.len);
        str one = str_sub(rest, 0, hex_length(rest));
        bool ends = one.len == rest.len || rest.ptr[one.len] == '.' || rest.ptr[one.len] == '/';
        if (ends && is_full(one)) return one;
    }
    return STR_EMPTY;
}

str repository_commit(str url) {
    str found = after_hash(url);
    return found.len ? found : in_path(url);
}

/* ---- the repository -------------------------------------------------------------------------- */

static const struct {
    str shorthand, host;
} hosts[] = {{STR_INIT("github:"), STR_INIT("github.com/")},
             {STR_INIT("gitlab:"), STR_INIT("gitlab.com/")},
             {STR_INIT("bitbucket:"), STR_INIT("bitbucket.org/")}};

/* Hosts whose repositories are called by an owner and a name, whatever follows. */
static const str owned[] = {STR_INIT("github.com/"), STR_INIT("bitbucket.org/"),
                            STR_INIT("codeberg.org/")};

static str without_scheme(str url) {
    ptrdiff_t scheme = str_find(url, STR("://"));
    if (scheme >= 0) url = str_sub(url, (size_t)scheme + 3, url.len);
    ptrdiff_t slash = str_find_char(url, '/'), at = str_find_char(url, '@');
    if (at >= 0 && (slash < 0 || at < slash)) url = str_sub(url, (size_t)at + 1, url.len);
    return url;
}

/* "host:path" as ssh has it, or "host:22/path". */
static str join_host(arena *a, str url) {
    str host, path, rest;
    ptrdiff_t slash = str_find_char(url, '/'), colon = str_find_char(url, ':');
    if (colon < 0 || (slash >= 0 && slash < colon)) return url;
    str_cut(url, ':', &host, &path);
    size_t digits = 0;
    while (digits < path.len && path.ptr[digits] >= '0' && path.ptr[digits] <= '9')
        digits++;
    if (digits && digits < path.len && path.ptr[digits] == '/') {
        str_cut(path, '/', &rest, &path);
    }
    return arena_printf(a, "%.*s/%.*s", STR_ARG(host), STR_ARG(path));
}

static str first_parts(str url, size_t count) {
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] == '/' && count-- == 0) return str_sub(url, 0, i);
    }
    return url;
}

static str lower(arena *a, str s) {
    char *copy = arena_cstr(a, s);
    for (size_t i = 0; i < s.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + ('a' - 'A'));
    }
    return (str){copy, s.len};
}

static str without_tail(str url) {
    for (;;) {
        if (str_ends(url, STR("/")))
            url.len--;
        else if (str_ends(url, STR(".git")))
            url.len -= 4;
        else
            return url;
    }
}

str repository_name(arena *a, str url) {
    str_cut(url, '#', &url, &(str){0});
    str_cut(url, '?', &url, &(str){0});
    for (size_t i = 0; i < COUNT(hosts); i++) {
        if (!str_starts(url, hosts[i].shorthand)) continue;
        url = arena_printf(a, "%.*s%.*s", STR_ARG(hosts[i].host),
                           STR_ARG(str_sub(url, hosts[i].shorthand.len, url.len)));
    }
    url = join_host(a, without_scheme(url));
    ptrdiff_t ref = str_rfind_char(url, '@');
    if (ref > str_find_char(url, '/')) url = str_sub(url, 0, (size_t)ref);
    url = lower(a, url);
    if (str_starts(url, STR("www."))) url = str_sub(url, 4, url.len);
    if (str_starts(url, STR("codeload.github.com/")))
        url = str_sub(url, sizeof "codeload." - 1, url.len);
    for (size_t i = 0; i < COUNT(owned); i++) {
        if (str_starts(url, owned[i])) url = first_parts(url, 2);
    }
    ptrdiff_t archive = str_find(url, STR("/-/archive/"));
    if (archive >= 0) url = str_sub(url, 0, (size_t)archive);
    url = without_tail(url);
    ptrdiff_t dot = str_find_char(url, '.'), slash = str_find_char(url, '/');
    return dot > 0 && slash > dot && (size_t)slash + 1 < url.len ? url : STR_EMPTY;
}
