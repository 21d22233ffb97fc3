/* git_watch.c: lists of refs, and what differs between two of them. */
#include "server/git_watch.h"

#include <stdlib.h>
#include <string.h>

/* ---- names --------------------------------------------------------------------------------- */

/* The page git-check-ref-format. */
bool git_ref_is_valid(str name) {
    static const char *const nowhere[] = {"..", "@{", "//", "/.", ".lock/"};
    if (!str_starts(name, STR("refs/")) || name.len > GIT_REF_MAX) return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("~^:?*[\\", c)) return false;
    }
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        if (str_find(name, str_from(nowhere[i])) >= 0) return false;
    return !str_ends(name, STR("/")) && !str_ends(name, STR(".")) && !str_ends(name, STR(".lock"));
}

static bool is_branch(str name) {
    return str_starts(name, STR("refs/heads/"));
}

static bool is_watched(str name) {
    return (is_branch(name) || str_starts(name, STR("refs/tags/"))) && git_ref_is_valid(name);
}

/* Branches before tags: "refs/heads/" sorts so. */
static int compare(const void *x, const void *y) {
    return str_cmp(((const git_ref *)x)->name, ((const git_ref *)y)->name);
}

/* ---- lists --------------------------------------------------------------------------------- */

static int add(arena *a, git_refs *refs, size_t *cap, str id, str name, err *e) {
    if (refs->count == GIT_REFS_MAX)
        return err_set(e, ERR_LIMIT, "the repository has more than %d branches and tags",
                       GIT_REFS_MAX);
    ARENA_PUSH(a, refs->items, refs->count, *cap, ((git_ref){name, id}));
    return 0;
}

int git_refs_read(arena *a, str text, git_refs *ret, err *e) {
    git_refs refs = {0};
    size_t cap = 0;
    str line, id, name;
    const str symbolic = STR("ref: refs/heads/");
    int r = 0;
    while (r == 0 && str_line(&text, &line)) {
        if (!str_cut(line, '\t', &id, &name))
            return err_set(e, ERR_INVALID, "'%.*s' is no line of a list of refs",
                           STR_ARG(str_sub(line, 0, 80)));
        if (str_starts(id, symbolic)) {
            if (str_is(name, "HEAD")) refs.default_branch = str_sub(id, symbolic.len, id.len);
            continue;
        }
        if (!git_is_id(id))
            return err_set(e, ERR_INVALID, "'%.*s' is no id of an object",
                           STR_ARG(str_sub(id, 0, 80)));
        if (is_watched(name)) r = add(a, &refs, &cap, id, name, e);
    }
    if (refs.count) qsort(refs.items, refs.count, sizeof *refs.items, compare);
    *ret = refs;
    return r;
}

void git_refs_write(strbuf *out, const git_refs *refs) {
    if (refs->default_branch.len)
        strbuf_addf(out, "ref: refs/heads/%.*s\tHEAD\n", STR_ARG(refs->default_branch));
    for (size_t i = 0; i < refs->count; i++)
        strbuf_addf(out, "%.*s\t%.*s\n", STR_ARG(refs->items[i].id), STR_ARG(refs->items[i].name));
}

size_t git_refs_compare(arena *a, const git_refs *old, const git_refs *now, git_change **ret) {
    const str none = STR(GIT_NO_COMMIT);
    git_change *list = NULL;
    size_t count = 0, cap = 0, i = 0, k = 0;
    while (i < old->count || k < now->count) {
        int order = i == old->count   ? 1
                    : k == now->count ? -1
                                      : str_cmp(old->items[i].name, now->items[k].name);
        git_change c = {order <= 0 ? old->items[i].name : now->items[k].name,
                        order <= 0 ? old->items[i].id : none, order >= 0 ? now->items[k].id : none};
        i += order <= 0;
        k += order >= 0;
        if (!str_eq(c.before, c.after)) ARENA_PUSH(a, list, count, cap, c);
    }
    *ret = list;
    return count;
}
