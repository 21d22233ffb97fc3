#include "agent/agent.h"
#include "agent/person.h"
#include "base/fs.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "server/server.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const option_spec agent_options_table[] = {
    {0, "data", "DIR", .complete = COMPLETE_DIR,
     .help = "The data folder of a server of this machine. The default is $SLIPWAY_DATA, or "
             "$XDG_DATA_HOME/slipway/server."},
    {0, "work", "DIR", .complete = COMPLETE_DIR,
     .help = "Where jobs and caches are kept. The default is DIR/agent in the data folder."},
    {0, "label", "LABEL", .many = true,
     .help = "What runs-on may ask for, besides self-hosted, linux, the processor and "
             "ubuntu-latest."},
    {0, "capacity", "N",
     .help = "How many jobs to run at once. The default is the number of cores."},
    {0},
};

static void on_signal(int signo) {
    (void)signo;
    agent_stop();
}

static void tell(const char *text) {
    console_warning("%s", text);
}

static void catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

#if defined(__x86_64__)
#define PROCESSOR "x64"
#elif defined(__aarch64__)
#define PROCESSOR "arm64"
#else
#define PROCESSOR "other"
#endif

static const str own_labels[] = {STR_INIT("self-hosted"),  STR_INIT("linux"),
                                 STR_INIT(PROCESSOR),      STR_INIT("ubuntu-latest"),
                                 STR_INIT("ubuntu-24.04"), STR_INIT("ubuntu-22.04")};

static void read_labels(const options *given, agent_options *o) {
    const char **more;
    size_t own = sizeof own_labels / sizeof *own_labels,
           count = options_values(given, "label", &more);
    str *labels = ARENA_ARRAY(given->a, str, own + count);
    for (size_t i = 0; i < own; i++)
        labels[i] = own_labels[i];
    for (size_t i = 0; i < count; i++)
        labels[own + i] = str_from(more[i]);
    o->labels = labels;
    o->label_count = own + count;
}

static int read_options(const options *given, agent_options *o, err *e) {
    const char *data = options_value(given, "data"), *work = options_value(given, "work"),
               *capacity = options_value(given, "capacity");
    char *real, *program;
    uint64_t number = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (!data) data = getenv("SLIPWAY_DATA");
    if (!data || !*data)
        data = person_folder(given->a, "XDG_DATA_HOME", ".local/share", "slipway/server");
    if (!data) return err_set(e, ERR_INVALID, "there is no home folder: say --data DIR");
    if (fs_real(given->a, data, &real, e) < 0) return e->code;
    if (fs_real(given->a, "/proc/self/exe", &program, e) < 0) return e->code;
    if (capacity && (!str_to_uint(str_from(capacity), AGENT_CAPACITY_MAX, &number) || !number))
        return err_set(e, ERR_INVALID, "--capacity %s: expected a number from 1 to %d", capacity,
                       AGENT_CAPACITY_MAX);
    if (work && work[0] != '/')
        return err_set(e, ERR_INVALID, "--work %s: the path must be absolute", work);
    o->socket = fs_join(given->a, real, STR(SERVER_SOCKET));
    o->work = work ? work : fs_join(given->a, real, STR("agent"));
    o->program = program;
    o->capacity = (unsigned)number;
    o->tell = tell;
    read_labels(given, o);
    return 0;
}

static int run_agent(const options *given) {
    agent_options o = {0};
    err e = {0};
    int r = read_options(given, &o, &e);
    if (r == 0) catch_signals();
    if (r == 0) r = agent_run(&o, &e);
    if (r == 0) return 0;
    console_error(&e);
    return 2;
}

const verb verb_agent = {
    .name = "agent",
    .summary = "run the jobs of a server",
    .arguments = "",
    .options = agent_options_table,
    .help = "Holds a connection to a server of this machine and runs the jobs that it is handed, "
            "each in a process of its own. 'slipway serve' starts one by itself."
            "\n\n"
            "Ends at SIGINT or SIGTERM; jobs that run go on, and the next agent with the same "
            "folder takes them up.",
    .exits =
        (const verb_pair[]){
            {"0", "it was told to end"},
            {"2", "it cannot start: the message says why"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway agent --data /srv/slipway --capacity 4", "Run up to four jobs at once."},
            {0},
        },
    .run = run_agent,
};
