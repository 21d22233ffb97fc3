#include "cli/scan_verify.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENVIRONMENT_MAX ((size_t)4 << 20)
#define STATUS_MAX      65536
#define ANCESTORS_MAX   256 /* deeper than anybody nests shells */

/* CI is set by GitHub, GitLab, Forgejo, Woodpecker, CircleCI, Travis, Bitbucket, Buildkite,
 * AppVeyor, Drone, Netlify, Vercel, …; the others are for those that do not, and for where somebody
 * has unset it. */
static const char *const variables[] = {
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "GITEA_ACTIONS",
    "FORGEJO_ACTIONS",
    "JENKINS_URL",
    "BUILDKITE",
    "CIRCLECI",
    "TRAVIS",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "BITBUCKET_BUILD_NUMBER",
    "CODEBUILD_BUILD_ID",
    "APPVEYOR",
    "DRONE",
    "CONTINUOUS_INTEGRATION",
    "BUILD_BUILDID",
    "bamboo_buildKey",
};

#define VARIABLE_COUNT (sizeof variables / sizeof *variables)

/* CI=false is how people say that this is no CI. */
static bool is_set(str text) {
    return text.len && !str_eq_nocase(text, STR("false")) && !str_is(text, "0");
}

static const char *variable_here(void) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        const char *text = getenv(variables[i]);
        if (text && is_set(str_from(text))) return variables[i];
    }
    return NULL;
}

/* In the environment that a process was started with. */
static const char *variable_of(str environment) {
    str entry, name, text;
    for (bool more = environment.len > 0; more;) {
        more = str_cut(environment, '\0', &entry, &environment);
        if (!str_cut(entry, '=', &name, &text) || !is_set(text)) continue;
        for (size_t i = 0; i < VARIABLE_COUNT; i++) {
            if (str_is(name, variables[i])) return variables[i];
        }
    }
    return NULL;
}

static pid_t parent_of(arena *a, pid_t pid) {
    str text, line;
    err ignored = {0};
    uint64_t parent = 0;
    const char *path = arena_printf(a, "/proc/%d/status", (int)pid).ptr;
    if (fs_read(a, path, STATUS_MAX, &text, &ignored) < 0) return 0;
    while (str_line(&text, &line)) {
        if (!str_starts(line, STR("PPid:"))) continue;
        str number = str_trim(str_sub(line, 5, line.len));
        return str_to_uint(number, INT32_MAX, &parent) ? (pid_t)parent : 0;
    }
    return 0;
}

/* A process that runs the same program as we do. */
static bool is_slipway(arena *a, pid_t pid) {
    struct stat own, other;
    const char *path = arena_printf(a, "/proc/%d/exe", (int)pid).ptr;
    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static int refuse(const char *why, err *e) {
    return err_set(e, ERR_INVALID,
                   "--verify sends secrets to those who issued them, and never does so in CI: %s. "
                   "Run it by hand, where you see to whom",
                   why);
}

int scan_verify_allowed(err *e) {
    _cleanup_arena_ arena *a = arena_new();
    err ignored = {0};
    const char *name = variable_here();
    if (name) return refuse(arena_printf(a, "%s is set", name).ptr, e);
    pid_t pid = getppid();
    for (size_t i = 0; pid > 0 && i < ANCESTORS_MAX; i++, pid = parent_of(a, pid)) {
        const char *path = arena_printf(a, "/proc/%d/environ", (int)pid).ptr;
        str environment;
        if (is_slipway(a, pid)) return refuse("slipway has started this", e);
        if (fs_read(a, path, ENVIRONMENT_MAX, &environment, &ignored) < 0) continue;
        name = variable_of(environment);
        if (name)
            return refuse(
                arena_printf(a, "%s was set for process %d, from which this comes", name, (int)pid)
                    .ptr,
                e);
    }
    return 0;
}

void scan_verify(secrets_verifier *v, finding_list *findings) {
    str hosts;
    size_t count;
    secrets_verify_plan(v, findings, &hosts, &count);
    if (count)
        fprintf(stderr, "slipway: --verify sends %zu value%s to %.*s\n", count,
                count == 1 ? "" : "s", STR_ARG(hosts));
    secrets_verify(v, findings);
}
