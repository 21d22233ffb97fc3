/* slipway login: keeps a token of a server for the verbs that ask it. */
#include "base/fs.h"
#include "cli/client.h"
#include "cli/console.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <unistd.h>

#define TOKEN_MAX 4096

static int login(const options *given, err *e) {
    client c = {.a = given->a, .url = str_from(given->args[0])};
    str text;
    value me;
    while (str_ends(c.url, STR("/")))
        c.url.len--;
    if (!str_starts(c.url, STR("https://")) && !str_starts(c.url, STR("http://")))
        return err_set(e, ERR_INVALID, "'%.*s' is no URL", STR_ARG(c.url));
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "A token of %.*s, with the right profile: ", STR_ARG(c.url));
    int r = fs_read_stdin(given->a, TOKEN_MAX, &text, e);
    if (r < 0) return r;
    c.token = str_trim(text);
    for (size_t i = 0; i < c.token.len; i++) {
        if (c.token.ptr[i] <= ' ' || c.token.ptr[i] > '~')
            return err_set(e, ERR_INVALID, "the token is not one word");
    }
    if (!c.token.len) return err_set(e, ERR_INVALID, "no token came on standard input");
    r = client_call(&c, "GET", "/api/v1/me", NULL, &me, e);
    if (r == 0) r = client_keep(given->a, c.url, c.token, e);
    if (r == 0) printf("You are %.*s\n", STR_ARG(value_path_str(&me, "name")));
    return r;
}

static int run_login(const options *given) {
    err e = {0};
    if (login(given, &e) == 0) return 0;
    console_error(&e);
    return 2;
}

const verb verb_login = {
    .name = "login",
    .summary = "keep a token of a server",
    .arguments = "URL",
    .min_args = 1,
    .max_args = 1,
    .help = "Reads a token from standard input, asks the server whether it holds, and keeps it for "
            "the verbs that ask a server. A token is made in the server's pages, and needs the "
            "right 'profile' beside those that it is for.",
    .exits = (const verb_pair[]){{"0", "the token is kept"}, {"2", "it is not"}, {0}},
    .examples = (const verb_pair[]){{"slipway login https://ci.example.com <token",
                                     "Keep the token in the file 'token'."},
                                    {0}},
    .run = run_login,
};
