/* slipway access: who may do what on a server, and roles for a time. */
#include "cli/client.h"
#include "cli/console.h"
#include "cli/verbs.h"

#include <stdio.h>

#define MINUTES_MAX     480
#define MINUTES_DEFAULT 60

static void print_item(const value *x, const char *who) {
    const value *repository = value_get(x, STR("repository_id"));
    str until = value_path_str(x, "expires_at");
    if (!until.len) until = value_path_str(x, "ends_at");
    printf("%.*s\t%.*s\t", STR_ARG(value_path_str(x, who)), STR_ARG(value_path_str(x, "role")));
    if (repository && repository->kind == VALUE_NUMBER)
        printf("repository %lld\t", (long long)repository->number);
    else
        printf("everywhere\t");
    printf("%.*s\n", STR_ARG(until));
}

static int list(const client *c, const options *given, err *e) {
    value page;
    (void)given;
    int r = client_call(c, "GET", "/api/v1/access", NULL, &page, e);
    const value *items = r == 0 ? value_get(&page, STR("items")) : NULL;
    for (size_t i = 0; i < value_count(items); i++)
        print_item(&items->array.items[i], "user.name");
    return r;
}

static int requests(const client *c, const options *given, err *e) {
    value page;
    (void)given;
    int r = client_call(c, "GET", "/api/v1/elevations", NULL, &page, e);
    const value *items = r == 0 ? value_get(&page, STR("items")) : NULL;
    for (size_t i = 0; i < value_count(items); i++) {
        const value *x = &items->array.items[i];
        printf("%lld\t%.*s\t", (long long)value_get(x, STR("id"))->number,
               STR_ARG(value_path_str(x, "state")));
        print_item(x, "user_name");
    }
    return r;
}

static int request(const client *c, const options *given, err *e) {
    value body = value_object_new(c->a, true), made;
    int64_t repository;
    uint64_t minutes = MINUTES_DEFAULT;
    const char *text = options_value(given, "minutes"), *reason = options_value(given, "reason");
    if (text && (!str_to_uint(str_from(text), MINUTES_MAX, &minutes) || !minutes))
        return err_set(e, ERR_INVALID, "--minutes is a number from 1 to %d", MINUTES_MAX);
    if (!reason) return err_set(e, ERR_INVALID, "say what for: --reason TEXT");
    int r = client_repository(c, str_from(options_value(given, "repository")), &repository, e);
    if (r < 0) return r;
    value_set_str(c->a, &body, "role", str_from(given->args[1]));
    value_set_str(c->a, &body, "reason", str_from(reason));
    value_set(c->a, &body, STR("minutes"), value_number((double)minutes));
    if (repository) value_set(c->a, &body, STR("repository_id"), value_number((double)repository));
    r = client_call(c, "POST", "/api/v1/elevations", &body, &made, e);
    if (r == 0)
        printf("Request %lld waits for somebody else: slipway access approve %lld\n",
               (long long)value_get(&made, STR("id"))->number,
               (long long)value_get(&made, STR("id"))->number);
    return r;
}

static int decide(const client *c, const options *given, err *e) {
    uint64_t id;
    if (!str_to_uint(str_from(given->args[1]), INT64_MAX, &id))
        return err_set(e, ERR_INVALID, "'%s' is no number of a request", given->args[1]);
    str path =
        arena_printf(c->a, "/api/v1/elevations/%llu/%s", (unsigned long long)id, given->args[0]);
    return client_call(c, "POST", path.ptr, NULL, NULL, e);
}

static const struct {
    const char *name;
    size_t args;
    int (*run)(const client *c, const options *given, err *e);
} actions[] = {{"list", 1, list},      {"requests", 1, requests}, {"request", 2, request},
               {"approve", 2, decide}, {"deny", 2, decide},       {"end", 2, decide}};

static int run_access(const options *given) {
    err e = {0};
    client c;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!str_is(str_from(given->args[0]), actions[i].name) ||
            given->arg_count != actions[i].args)
            continue;
        int r = client_open(given, &c, &e);
        if (r == 0) r = actions[i].run(&c, given, &e);
        if (r < 0) console_error(&e);
        return r < 0 ? 2 : 0;
    }
    err_set(&e, ERR_INVALID,
            "say 'slipway access list', 'requests', 'request ROLE', or 'approve', 'deny' or 'end' "
            "with a request's number");
    console_error(&e);
    return 2;
}

static const option_spec access_options[] = {
    CLIENT_OPTIONS,
    {0, "repository", "NAME", .help = "Where a role is asked for; without it, everywhere."},
    {0, "minutes", "N",
     .help = "For how long a role is asked for, from the approval on. The default is 60."},
    {0, "reason", "TEXT", .help = "What a role is asked for."},
    {0},
};

const verb verb_access = {
    .name = "access",
    .summary = "see who may do what on a server, and ask for more, for a time",
    .arguments = "ACTION [ROLE|NUMBER]",
    .min_args = 1,
    .max_args = 2,
    .complete = COMPLETE_WORDS,
    .words = "list requests request approve deny end",
    .options = access_options,
    .help = "list shows each role that somebody has: name, role, where, until when. request ROLE "
            "asks for a role for a time; requests lists what was asked for. Somebody else who "
            "could give the role says approve or deny with the request's number, and it ends by "
            "itself, or with end. All of it is in the audit log.",
    .exits = (const verb_pair[]){{"0", "it is done"}, {"2", "it could not be done"}, {0}},
    .examples =
        (const verb_pair[]){
            {"slipway access list", "Who may do what."},
            {"slipway access request operator --minutes 30 --reason 'agents hang'",
             "Ask for a role for half an hour."},
            {0},
        },
    .run = run_access,
};
