#include "runner/annotation.h"

#include "base/fs.h"

/* The folder part of a path, without its slash; empty when there is none. */
static str folder_of(str path) {
    ptrdiff_t slash = str_rfind_char(path, '/');
    return slash < 0 ? STR_EMPTY : str_sub(path, 0, (size_t)slash);
}

str annotation_file(arena *a, const view *files, const char *workspace, const annotation *n) {
    str file = n->file;
    if (str_trim(file).len == 0 || str_find_char(file, '\0') >= 0) return STR_EMPTY;
    str folder = folder_of(n->from_path);
    if (file.ptr[0] != '/' && folder.len)
        file = arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(file));
    str root = fs_normalize(a, str_from(workspace));
    file = fs_normalize(a, str_from(fs_join(a, workspace, file)));
    bool inside = file.len > root.len + 1 && str_starts(file, root) && file.ptr[root.len] == '/';
    if (!inside || !view_exists(files, arena_cstr(a, file))) return STR_EMPTY;
    return str_sub(file, root.len + 1, file.len);
}
