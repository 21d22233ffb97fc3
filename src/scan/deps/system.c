#include "scan/deps/system.h"

#include <string.h>

/* What of os-release is a release's name in OSV: of VERSION_ID, of VERSION ("22.03 (LTS-SP3)"
 * without brackets), or of PRETTY_NAME what follows the distribution's name. */
typedef enum release_part {
    WHOLE,
    MAJOR,
    MAJOR_MINOR,
    NO_RELEASE,
    LONG_VERSION,
    PRETTY_TAIL
} release_part;

typedef struct distribution {
    const char *id; /* of os-release */
    const char *ecosystem;
    const char *before; /* the release */
    release_part part;
} distribution;

/* (ossf.github.io/osv-schema, "Defined ecosystems") */
static const distribution distributions[] = {
    {"debian", "Debian", "", MAJOR},
    {"ubuntu", "Ubuntu", "", WHOLE},
    {"alpine", "Alpine", "v", MAJOR_MINOR},
    {"wolfi", "Wolfi", "", NO_RELEASE},
    {"chainguard", "Chainguard", "", NO_RELEASE},
    {"almalinux", "AlmaLinux", "", MAJOR},
    {"rocky", "Rocky Linux", "", MAJOR},
    {"rhel", "Red Hat", "", MAJOR},
    {"opensuse-leap", "openSUSE", "", PRETTY_TAIL},
    {"opensuse-tumbleweed", "openSUSE", "", PRETTY_TAIL},
    {"sles", "SUSE", "", PRETTY_TAIL},
    {"mageia", "Mageia", "", WHOLE},
    {"openEuler", "openEuler", "", LONG_VERSION},
    {"azurelinux", "Azure Linux", "", MAJOR},
    {"mariner", "Azure Linux", "", MAJOR},
    {"photon", "Photon OS", "", MAJOR_MINOR},
};

/* The root in which a path of the system lies, with its '/'. */
static str root_of(str path, const char *const *tails, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t at = str_find(path, str_from(tails[i]));
        for (ptrdiff_t next = at; next >= 0;) { /* the last one */
            at = next;
            str rest = str_sub(path, (size_t)at + 1, path.len);
            next = str_find(rest, str_from(tails[i]));
            if (next >= 0) next += at + 1;
        }
        if (at >= 0) return str_sub(path, 0, (size_t)at);
    }
    return path;
}

static const char *const database_tails[] = {
    "usr/lib/apk/db/installed", "usr/lib/sysimage/rpm/", "var/lib/dpkg/status",
    "lib/apk/db/installed",     "var/lib/rpm/",          "sysimage/rpm/"};
static const char *const release_tails[] = {"etc/os-release", "usr/lib/os-release"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static str place_of(const dep_doc *d) {
    return d->inner.len ? d->inner : d->path;
}

static const dep_fact *find_system(const inventory *v, const dep_doc *d) {
    str root = root_of(place_of(d), database_tails, COUNT(database_tails));
    for (size_t i = 0; i < v->doc_count; i++) {
        const dep_doc *other = v->docs[i];
        if (!other->fact_count || other->facts[0].kind != FACT_SYSTEM) continue;
        if ((other->inner.len > 0) != (d->inner.len > 0)) continue;
        if (d->inner.len && !str_eq(other->path, d->path)) continue;
        if (str_eq(root_of(place_of(other), release_tails, COUNT(release_tails)), root))
            return &other->facts[0];
    }
    return NULL;
}

static str without_brackets(arena *a, str version) {
    char *copy = arena_cstr(a, version);
    size_t n = 0;
    for (size_t i = 0; i < version.len; i++) {
        char c = version.ptr[i];
        if (c != '(' && c != ')') copy[n++] = c == ' ' ? '-' : c;
    }
    return (str){copy, n};
}

static str release_of(arena *a, const dep_fact *system, release_part part) {
    str version = system->texts[1], tail;
    if (part == LONG_VERSION) return without_brackets(a, system->texts[2]);
    if (part == PRETTY_TAIL)
        return str_cut(system->texts[3], ' ', &(str){0}, &tail) ? str_trim(tail) : STR_EMPTY;
    size_t dots = part == MAJOR ? 1 : part == MAJOR_MINOR ? 2 : SIZE_MAX;
    for (size_t i = 0; i < version.len; i++) {
        if (version.ptr[i] == '.' && --dots == 0) return str_sub(version, 0, i);
    }
    return version;
}

/* Debian and Alpine have many descendants with their packages; those who use RPM share no more than
 * its form. */
static str without_release(inventory *v, const dep_doc *d, const char *why) {
    bool apk = strstr(d->format->name, "apk"), rpm = strstr(d->format->name, "rpm");
    str family = rpm ? STR("RPM") : apk ? STR("Alpine") : STR("Debian");
    scan_error error = {.path = d->path};
    error.message =
        rpm ? arena_printf(v->a, "%s: its packages are not looked up", why)
            : arena_printf(v->a, "%s: its packages are taken for those of %.*s, of any release",
                           why, STR_ARG(family));
    ARENA_PUSH(v->a, v->errors.items, v->errors.count, v->errors.cap, error);
    return family;
}

str system_ecosystem(inventory *v, const dep_doc *d) {
    if (d->format->ecosystem[0]) return str_from(d->format->ecosystem);
    const dep_fact *system = find_system(v, d);
    if (!system)
        return without_release(v, d, "there is no etc/os-release or usr/lib/os-release beside it");
    for (size_t i = 0; i < COUNT(distributions); i++) {
        const distribution *one = &distributions[i];
        if (!str_is(system->texts[0], one->id)) continue;
        str release = release_of(v->a, system, one->part);
        if (one->part == NO_RELEASE) return str_from(one->ecosystem);
        if (!release.len) return without_release(v, d, "its os-release tells no version");
        return arena_printf(v->a, "%s:%s%.*s", one->ecosystem, one->before, STR_ARG(release));
    }
    str why = arena_printf(v->a, "there are no advisories for the distribution '%.*s'",
                           STR_ARG(system->texts[0]));
    return without_release(v, d, why.ptr);
}
