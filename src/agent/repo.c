#include "agent/repo.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has(arena *a, const char *folder, str name) {
    return fs_exists(fs_join(a, folder, name));
}

char *repo_root(arena *a, bool *ret_in_git) {
    char *here = getcwd(NULL, 0);
    if (!here) oom();
    char *start = arena_cstr(a, str_from(here));
    free(here);
    *ret_in_git = false;
    for (char *at = arena_cstr(a, str_from(start)); at[0];) {
        *ret_in_git = has(a, at, STR(".git"));
        if (*ret_in_git || has(a, at, STR(WORKFLOW_FOLDER))) return at;
        char *slash = strrchr(at, '/');
        if (!slash || at[1] == '\0') break;
        slash[slash == at ? 1 : 0] = '\0';
    }
    return start;
}

void path_list_add(path_list *list, const char *path) {
    ARENA_PUSH(list->a, list->items, list->count, list->cap, path);
}

int repo_workflows(path_list *out, const char *folder, err *e) {
    fs_entry *entries;
    size_t count;
    int r = fs_list(out->a, folder, &entries, &count, e);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        str name = entries[i].name;
        bool yaml = str_ends(name, STR(".yml")) || str_ends(name, STR(".yaml"));
        if (yaml && !entries[i].is_dir) path_list_add(out, fs_join(out->a, folder, name));
    }
    return 0;
}

char *repo_action_file(arena *a, const char *folder) {
    static const char *const names[] = {"action.yml", "action.yaml"};
    for (size_t i = 0; i < 2; i++) {
        char *path = fs_join(a, folder, str_from(names[i]));
        if (fs_exists(path) && !fs_is_dir(path)) return path;
    }
    return NULL;
}

const char *repo_relative(const char *path, const char *from) {
    size_t n = strlen(from);
    while (n && from[n - 1] == '/')
        n--;
    if (strncmp(path, from, n) != 0 || path[n] != '/') return path;
    return path + n + 1;
}
