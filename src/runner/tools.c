/* The tools that the machine already has. GitHub's own machines keep versions of Node.js, Python
 * and others in /opt/hostedtoolcache, where actions/setup-* look before they download anything.
 * Where the job's root has that folder, each tool in it is linked into the job's own tool cache:
 * what is installed besides goes to the job's folder on disk, as without it.
 *
 *   TOOL/VERSION/ARCH            the tool
 *   TOOL/VERSION/ARCH.complete   without which the toolkit does not take it
 *
 * https://github.com/actions/toolkit/tree/main/packages/tool-cache */
#include "runner/job.h"

#include "base/fs.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTED    "/opt/hostedtoolcache"
#define TOOLS_MAX 1000

typedef struct offering {
    const char *tools;
    unsigned count;
} offering;

static void link_tool(arena *a, offering *x, const char *version, str arch, str below) {
    err ignored = {0};
    const char *mark = fs_join(a, version, arena_printf(a, "%.*s.complete", STR_ARG(arch)));
    const char *into = fs_join(a, x->tools, below);
    const char *link = fs_join(a, into, arch);
    if (x->count == TOOLS_MAX || !fs_exists(mark)) return;
    x->count++;
    if (fs_mkdirs(into, 0755, &ignored) < 0) return;
    if (symlink(fs_join(a, version, arch), link) < 0) return;
    const char *own = arena_printf(a, "%s.complete", link).ptr;
    if (fs_create(own, STR_EMPTY, 0644, &ignored) < 0) unlink(link);
}

static void link_versions(arena *a, offering *x, const char *folder, str tool) {
    fs_entry *versions, *archs;
    size_t version_count, arch_count;
    err ignored = {0};
    if (fs_list(a, folder, &versions, &version_count, &ignored) < 0) return;
    for (size_t i = 0; i < version_count; i++) {
        const char *version = fs_join(a, folder, versions[i].name);
        str below = arena_printf(a, "%.*s/%.*s", STR_ARG(tool), STR_ARG(versions[i].name));
        if (fs_list(a, version, &archs, &arch_count, &ignored) < 0) continue;
        for (size_t k = 0; k < arch_count; k++)
            if (fs_is_dir(fs_join(a, version, archs[k].name)))
                link_tool(a, x, version, archs[k].name, below);
    }
}

/* In the job's root. */
static int offer_inside(void *context, strbuf *out, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *tools;
    size_t count;
    (void)out;
    if (fs_list(a, HOSTED, &tools, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++)
        link_versions(a, context, fs_join(a, HOSTED, tools[i].name), tools[i].name);
    return 0;
}

void tools_offer(runner *r) {
    _cleanup_arena_ arena *a = arena_new();
    offering x = {.tools = r->tools};
    struct stat st;
    str none;
    err ignored = {0};
    if (r->backend != SANDBOX_NAMESPACES) return;
    if (!view_stat(job_files(r), HOSTED, &st) || !S_ISDIR(st.st_mode)) return;
    view_call(job_files(r), NULL, a, offer_inside, &x, &none, &ignored);
}
