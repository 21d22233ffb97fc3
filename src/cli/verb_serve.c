#include "agent/person.h"
#include "base/fs.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const option_spec serve_options[] = {
    {0, "listen", "ADDRESS:PORT",
     .help =
         "Where to serve HTTP. The default is " SERVER_LISTEN_DEFAULT "; port 0 is any free one."},
    {0, "data", "DIR", .complete = COMPLETE_DIR,
     .help = "Where everything is kept. The default is $SLIPWAY_DATA, or "
             "$XDG_DATA_HOME/slipway/server."},
    {0, "no-agent", NULL, .help = "Start no agent: others will run the jobs."},
    {0, "url", "URL",
     .help = "How people reach the server, when that is not where it listens: behind a proxy."},
    {0},
};

static void on_signal(void *context, int signo) {
    (void)signo;
    server_stop(context);
}

static int run_serve(const options *given) {
    err e = {0};
    server *s;
    const char *data = options_value(given, "data"), *listen = options_value(given, "listen"),
               *url = options_value(given, "url");
    if (!data) data = getenv("SLIPWAY_DATA");
    if (!data || !*data)
        data = person_folder(given->a, "XDG_DATA_HOME", ".local/share", "slipway/server");
    if (!data) {
        err_set(&e, ERR_INVALID, "there is no home folder: say --data DIR");
        console_error(&e);
        return 2;
    }
    char *program;
    if (fs_real(given->a, "/proc/self/exe", &program, &e) < 0) {
        console_error(&e);
        return 2;
    }
    server_options how = {.data = data, .listen = str_from(listen), .url = str_from(url)};
    if (!options_has(given, "no-agent")) how.program = program;
    if (server_new(&how, &s, &e) < 0) {
        console_error(&e);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    loop_signal *interrupt = loop_on_signal(server_loop(s), SIGINT, on_signal, s),
                *terminate = loop_on_signal(server_loop(s), SIGTERM, on_signal, s);
    printf("Slipway serves %s\n", server_url(s));
    printf("Everything is kept in %s\n", data);
    if (server_first_link(s))
        printf("Nobody has an account yet. The first administrator is made at:\n  %s\n",
               server_first_link(s));
    fflush(stdout);
    server_run(s);
    loop_signal_stop(interrupt);
    loop_signal_stop(terminate);
    server_free(s);
    return 0;
}

const verb verb_serve = {
    .name = "serve",
    .summary = "run the team's server",
    .arguments = "",
    .options = serve_options,
    .help = "Serves the API, starts runs for what happens in repositories, gives their jobs to "
            "agents, and keeps the audit log. It needs no configuration: what is not there in the "
            "data folder is made. One server at a time has a data folder."
            "\n\n"
            "Ends at SIGINT or SIGTERM; jobs that run go on, and their agents come back to it.",
    .exits =
        (const verb_pair[]){
            {"0", "it was told to end"},
            {"2", "it cannot start: the message says why"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway serve", "Serve on this machine."},
            {"slipway serve --listen 127.0.0.1:0 --data /tmp/try", "Try it, apart from all else."},
            {0},
        },
    .run = run_serve,
};
