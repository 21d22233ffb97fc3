#include "cli/cli.h"

#include "actions/actions.h"
#include "cli/console.h"
#include "cli/help.h"
#include "cli/options.h"
#include "server/child.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const verb *verb_named(const char *name) {
    const verb *v = verb_find(str_from(name));
    if (v) return v;
    err e = {0};
    str near = verb_nearest(str_from(name));
    if (near.len)
        err_set(&e, ERR_INVALID, "unknown verb '%s': did you mean '%.*s'?", name, STR_ARG(near));
    else
        err_set(&e, ERR_INVALID, "unknown verb '%s': 'slipway help' lists them", name);
    console_error(&e);
    return NULL;
}

static int print_help(const verb *v) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    help_verb(&text, v);
    return console_text(strbuf_str(&text));
}

static int run_verb(const verb *v, int argc, char **argv) {
    _cleanup_arena_ arena *a = arena_new();
    options given;
    err e = {0};
    if (options_parse(a, v, argc, argv, &given, &e) < 0) {
        console_error(&e);
        fprintf(stderr, "See 'slipway help %s'.\n", v->name);
        return 2;
    }
    if (given.help) return print_help(v);
    return v->run(&given);
}

static int run_version(const options *given) {
    (void)given;
    return console_text(STR("slipway " SLIPWAY_VERSION "\n"));
}

const verb verb_version = {
    .name = "version",
    .summary = "print the version",
    .arguments = "",
    .help = "'slipway --version' and 'slipway -V' print the same.",
    .run = run_version,
};

/* A standard descriptor that is closed would be taken by the first file that we open. What stands
 * in for it fails when it is used, as the closed one would. */
static void hold_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) abort();
    }
}

static char *index_file; /* as long as the program */

/* A git hook is run with variables that point git to the repository of the hook, whatever folder it
 * is asked about: fetching an action would write into the person's own working tree. */
static void forget_repository(void) {
    static const char *const names[] = {
        "GIT_DIR",        "GIT_WORK_TREE",        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",  "GIT_PREFIX",           "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE", "GIT_QUARANTINE_PATH",
    };
    const char *file = getenv("GIT_INDEX_FILE");
    if (file && *file) index_file = realpath(file, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

const char *cli_index_file(void) {
    return index_file;
}

int cli_main(int argc, char **argv) {
    actions_main(argc, argv);
    child_main(argc, argv);
    hold_descriptors();
    forget_repository();
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        help_program(&text);
        fputs(strbuf_cstr(&text), stderr);
        return 2;
    }
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) word = "help";
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) word = "version";
    if (word[0] == '-') {
        err e = {0};
        err_set(&e, ERR_INVALID, "unknown option '%s': a verb comes first, as in 'slipway run'",
                word);
        console_error(&e);
        return 2;
    }
    const verb *v = verb_named(word);
    return v ? run_verb(v, argc - 2, argv + 2) : 2;
}
