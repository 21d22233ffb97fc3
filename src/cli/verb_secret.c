/* slipway secret: secrets and variables of a server, a repository or an environment. */
#include "base/fs.h"
#include "base/http.h"
#include "cli/client.h"
#include "cli/console.h"
#include "cli/verbs.h"

#include <stdio.h>

#define VALUE_MAX (48u << 10)

/* "/api/v1/secrets[/NAME]?repository_id=…&environment=…" */
static int path_of(const client *c, const options *given, const char *name, bool place,
                   const char **ret, err *e) {
    strbuf out = STRBUF_INIT;
    int64_t repository;
    str environment = str_from(options_value(given, "environment"));
    int r = client_repository(c, str_from(options_value(given, "repository")), &repository, e);
    if (r < 0) return r;
    strbuf_addf(&out, "/api/v1/%s", options_has(given, "variable") ? "variables" : "secrets");
    if (name) {
        strbuf_addc(&out, '/');
        http_escape(&out, str_from(name));
    }
    strbuf_addc(&out, '?');
    if (repository) strbuf_addf(&out, "repository_id=%lld", (long long)repository);
    if (place && environment.len) {
        strbuf_addf(&out, "%senvironment=", repository ? "&" : "");
        http_escape(&out, environment);
    }
    *ret = arena_cstr(c->a, strbuf_str(&out));
    strbuf_done(&out);
    return 0;
}

static int set(const client *c, const options *given, const char *name, err *e) {
    const char *path;
    str text;
    value body = value_object_new(c->a, true);
    int r = fs_read_stdin(c->a, VALUE_MAX + 1, &text, e);
    if (r == 0) r = path_of(c, given, name, true, &path, e);
    if (r < 0) return r;
    if (str_ends(text, STR("\n"))) text.len--;
    value_set(c->a, &body, STR("value"), value_string(text));
    return client_call(c, "PUT", path, &body, NULL, e);
}

static int remove_one(const client *c, const options *given, const char *name, err *e) {
    const char *path;
    int r = path_of(c, given, name, true, &path, e);
    return r < 0 ? r : client_call(c, "DELETE", path, NULL, NULL, e);
}

static int list(const client *c, const options *given, const char *name, err *e) {
    const char *path;
    value page;
    (void)name;
    int r = path_of(c, given, NULL, false, &path, e);
    if (r == 0) r = client_call(c, "GET", path, NULL, &page, e);
    if (r < 0) return r;
    const value *items = value_get(&page, STR("items"));
    for (size_t i = 0; i < value_count(items); i++) {
        const value *x = &items->array.items[i];
        printf("%.*s\t%.*s\t%.*s\t%.*s", STR_ARG(value_path_str(x, "name")),
               STR_ARG(value_path_str(x, "environment")), STR_ARG(value_path_str(x, "updated_at")),
               STR_ARG(value_path_str(x, "written_by")));
        printf("\t%.*s\n", STR_ARG(value_path_str(x, "value")));
    }
    return 0;
}

static const struct {
    const char *name;
    size_t args;
    int (*run)(const client *c, const options *given, const char *name, err *e);
} actions[] = {{"set", 2, set}, {"list", 1, list}, {"remove", 2, remove_one}};

static int run_secret(const options *given) {
    err e = {0};
    client c;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!str_is(str_from(given->args[0]), actions[i].name) ||
            given->arg_count != actions[i].args)
            continue;
        int r = client_open(given, &c, &e);
        if (r == 0) r = actions[i].run(&c, given, given->args[given->arg_count - 1], &e);
        if (r < 0) console_error(&e);
        return r < 0 ? 2 : 0;
    }
    err_set(&e, ERR_INVALID, "say 'slipway secret set NAME', 'list' or 'remove NAME'");
    console_error(&e);
    return 2;
}

static const option_spec secret_options[] = {
    CLIENT_OPTIONS,
    {0, "repository", "NAME", .help = "Of this repository; without it, of the whole server."},
    {0, "environment", "NAME", .help = "Only for jobs with this environment."},
    {0, "variable", NULL, .help = "A variable, which is no secret."},
    {0},
};

const verb verb_secret = {
    .name = "secret",
    .summary = "set, list and remove a server's secrets",
    .arguments = "set|list|remove [NAME]",
    .min_args = 1,
    .max_args = 2,
    .complete = COMPLETE_WORDS,
    .words = "set list remove",
    .options = secret_options,
    .help = "set reads the secret from standard input; a newline at its end is left out. list "
            "shows names, environments, when and by whom each was set last: what a secret is "
            "never comes back. A repository's go before the server's, an environment's before "
            "both. Runs of forks get none.",
    .exits = (const verb_pair[]){{"0", "it is done"}, {"2", "it could not be done"}, {0}},
    .examples =
        (const verb_pair[]){
            {"slipway secret set TOKEN --repository shop/web <token", "For one repository."},
            {"slipway secret list --repository shop/web", "Which there are."},
            {0},
        },
    .run = run_secret,
};
