#include "scan/deps/purl.h"

#include "scan/advisories/version.h"

#include <string.h>

typedef enum name_rule { KEEP, LOWER, LOWER_DASH, LOWER_UNDERSCORE } name_rule;

/* How a type writes names, and where its namespace ends. */
typedef struct purl_type {
    str ecosystem;
    const char *type;
    name_rule rule;
    char separator;     /* the last one in a name ends the namespace; 0: there is none */
    const char *vendor; /* a fixed namespace */
    const char *distro; /* in front of the release, in the qualifier distro */
} purl_type;

static const purl_type types[] = {
    {STR_INIT("npm"), "npm", LOWER, '/', NULL, NULL},
    {STR_INIT("PyPI"), "pypi", LOWER_DASH, 0, NULL, NULL},
    {STR_INIT("Go"), "golang", LOWER, '/', NULL, NULL},
    {STR_INIT("crates.io"), "cargo", KEEP, 0, NULL, NULL},
    {STR_INIT("Maven"), "maven", KEEP, ':', NULL, NULL},
    {STR_INIT("RubyGems"), "gem", KEEP, 0, NULL, NULL},
    {STR_INIT("Packagist"), "composer", LOWER, '/', NULL, NULL},
    {STR_INIT("NuGet"), "nuget", KEEP, 0, NULL, NULL},
    {STR_INIT("Pub"), "pub", LOWER_UNDERSCORE, 0, NULL, NULL},
    {STR_INIT("Hex"), "hex", LOWER, 0, NULL, NULL},
    {STR_INIT("ConanCenter"), "conan", KEEP, 0, NULL, NULL},
    {STR_INIT("Debian"), "deb", LOWER, 0, "debian", "debian-"},
    {STR_INIT("Ubuntu"), "deb", LOWER, 0, "ubuntu", "ubuntu-"},
    {STR_INIT("Alpine"), "apk", LOWER, 0, "alpine", "alpine-"},
    {STR_INIT("Wolfi"), "apk", LOWER, 0, "wolfi", "wolfi-"},
    {STR_INIT("Chainguard"), "apk", LOWER, 0, "chainguard", "chainguard-"},
    {STR_INIT("RPM"), "rpm", KEEP, 0, NULL, NULL},
    {STR_INIT("AlmaLinux"), "rpm", KEEP, 0, "almalinux", "almalinux-"},
    {STR_INIT("Rocky Linux"), "rpm", KEEP, 0, "rocky-linux", "rocky-linux-"},
    {STR_INIT("Red Hat"), "rpm", KEEP, 0, "redhat", "rhel-"},
    {STR_INIT("openSUSE"), "rpm", KEEP, 0, "opensuse", "opensuse-"},
    {STR_INIT("SUSE"), "rpm", KEEP, 0, "suse", "suse-"},
    {STR_INIT("Mageia"), "rpm", KEEP, 0, "mageia", "mageia-"},
    {STR_INIT("openEuler"), "rpm", KEEP, 0, "openeuler", "openeuler-"},
    {STR_INIT("Azure Linux"), "rpm", KEEP, 0, "azurelinux", "azurelinux-"},
    {STR_INIT("Photon OS"), "rpm", KEEP, 0, "photon", "photon-"},
};

static const purl_type *type_of(str base) {
    static const purl_type other = {STR_INIT(""), "generic", KEEP, 0, NULL, NULL};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (str_eq(types[i].ecosystem, base)) return &types[i];
    }
    return &other;
}

static bool is_unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~:", c));
}

/* "How to build": all but the unreserved characters and ':' is percent-encoded. */
static void add_encoded(strbuf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved(c))
            strbuf_addc(out, (char)c);
        else
            strbuf_addf(out, "%%%02X", c);
    }
}

static str normal(arena *a, name_rule rule, str name) {
    char *copy = arena_cstr(a, name);
    for (size_t i = 0; rule != KEEP && i < name.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + ('a' - 'A'));
        if (rule == LOWER_DASH && copy[i] == '_') copy[i] = '-';
        if (rule == LOWER_UNDERSCORE && copy[i] == '-') copy[i] = '_';
    }
    return (str){copy, name.len};
}

/* Its segments; the empty ones are left out. */
static void add_namespace(strbuf *out, str space) {
    for (str one; space.len;) {
        str_cut(space, '/', &one, &space);
        if (!one.len) continue;
        strbuf_addc(out, '/');
        add_encoded(out, one);
    }
}

/* "1" of "1:2.3-4", which is a qualifier of its own. */
static str take_epoch(str *version) {
    str epoch, rest;
    if (!str_cut(*version, ':', &epoch, &rest)) return STR_EMPTY;
    *version = rest;
    return epoch;
}

str purl_make(arena *a, str ecosystem, str name, str version, str arch) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str base, release;
    ecosystem_split(ecosystem, &base, &release);
    const purl_type *t = type_of(base);
    name = normal(a, t->rule, name);
    ptrdiff_t cut = t->separator ? str_rfind_char(name, t->separator) : -1;
    strbuf_addf(&out, "pkg:%s", t->type);
    if (t->vendor) strbuf_addf(&out, "/%s", t->vendor);
    if (cut >= 0) add_namespace(&out, str_sub(name, 0, (size_t)cut));
    strbuf_addc(&out, '/');
    add_encoded(&out, str_sub(name, (size_t)(cut + 1), name.len));
    str epoch = !strcmp(t->type, "rpm") ? take_epoch(&version) : STR_EMPTY;
    if (version.len) strbuf_addc(&out, '@');
    add_encoded(&out, version);
    char before = '?';
    if (arch.len) {
        strbuf_adds(&out, "?arch=");
        add_encoded(&out, arch);
        before = '&';
    }
    if (t->distro && release.len) {
        if (release.ptr[0] == 'v') release = str_sub(release, 1, release.len);
        str_cut(release, ':', &release, &(str){0});
        strbuf_addf(&out, "%cdistro=%s", before, t->distro);
        add_encoded(&out, release);
        before = '&';
    }
    if (epoch.len) strbuf_addf(&out, "%cepoch=%.*s", before, STR_ARG(epoch));
    return arena_str(a, strbuf_str(&out));
}
