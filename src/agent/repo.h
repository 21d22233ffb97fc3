/* repo.h: where a repository and its workflow files are, without asking git. */
#ifndef SLIPWAY_AGENT_REPO_H
#define SLIPWAY_AGENT_REPO_H

#include "base/arena.h"
#include "base/err.h"

#define WORKFLOW_FOLDER   ".github/workflows"
#define WORKFLOW_FILE_MAX ((size_t)1 << 20)

/* The nearest folder at or above the current one that has .git or .github/workflows; the current
 * one when there is none. Absolute. */
char *repo_root(arena *a, bool *ret_in_git);

/* A growing list of paths. */
typedef struct path_list {
    arena *a;
    const char **items;
    size_t count, cap;
} path_list;
void path_list_add(path_list *list, const char *path);

/* Adds the *.yml and *.yaml of a folder, sorted by name. */
int repo_workflows(path_list *out, const char *folder, err *e);
/* The action file of a folder, or NULL. */
char *repo_action_file(arena *a, const char *folder);
/* The path as seen from the folder `from` (both absolute) when it is below it, else as it is. */
const char *repo_relative(const char *path, const char *from);

#endif
