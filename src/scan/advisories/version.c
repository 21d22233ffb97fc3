#include "scan/advisories/version.h"

#include "scan/advisories/repository.h"
#include "scan/advisories/version_orders.h"

#include <string.h>

/* ---- ecosystems ------------------------------------------------------------------------------ */

/* How names are spelled in one way. */
typedef enum name_rule {
    NAME_EXACT,
    NAME_NOCASE,
    NAME_PYPI, /* also runs of - _ . are one - */
    NAME_URL,  /* a repository */
} name_rule;

typedef struct ecosystem_rules {
    str name;
    version_order *order;
    version_reader *known;
    name_rule names;
} ecosystem_rules;

/* What ecosystems there are: https://ossf.github.io/osv-schema/#defined-ecosystems */
static const ecosystem_rules ecosystems[] = {
    {STR_INIT("npm"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("PyPI"), order_pypi, known_pypi, NAME_PYPI},
    {STR_INIT("Maven"), order_maven, known_maven, NAME_EXACT},
    {STR_INIT("Go"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("crates.io"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("RubyGems"), order_rubygems, known_rubygems, NAME_EXACT},
    {STR_INIT("NuGet"), order_nuget, known_semver, NAME_NOCASE},
    {STR_INIT("Packagist"), order_packagist, known_packagist, NAME_NOCASE},
    {STR_INIT("Debian"), order_debian, known_debian, NAME_EXACT},
    {STR_INIT("Ubuntu"), order_debian, known_debian, NAME_EXACT},
    {STR_INIT("Alpine"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("Pub"), order_pub, known_semver, NAME_NOCASE},
    {STR_INIT("Hex"), order_semver, known_semver, NAME_NOCASE},
    {STR_INIT("SwiftURL"), order_semver, known_semver, NAME_URL},
    {STR_INIT("GitHub Actions"), order_semver, known_semver, NAME_NOCASE},
    {STR_INIT("ConanCenter"), order_semver, known_semver, NAME_NOCASE},
    {STR_INIT("Bitnami"), order_semver, known_semver, NAME_NOCASE},
    {STR_INIT("CRAN"), order_cran, known_cran, NAME_EXACT},
    {STR_INIT("Bioconductor"), order_cran, known_cran, NAME_EXACT},
    {STR_INIT("Hackage"), order_hackage, known_hackage, NAME_EXACT},
    {STR_INIT("GHC"), order_hackage, known_hackage, NAME_EXACT},
    {STR_INIT("Julia"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("Kubernetes"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("Linux"), order_semver, known_semver, NAME_EXACT},
    {STR_INIT("VSCode"), order_semver, known_semver, NAME_NOCASE},
    {STR_INIT("opam"), order_debian, known_debian, NAME_EXACT},
    {STR_INIT("AlmaLinux"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Azure Linux"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Mageia"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("openEuler"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("openSUSE"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Photon OS"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Red Hat"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Rocky Linux"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("SUSE"), order_rpm, known_rpm, NAME_EXACT},
    {STR_INIT("Alpaquita"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("BellSoft Hardened Containers"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("Chainguard"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("CleanStart"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("MinimOS"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("Wolfi"), order_alpine, known_alpine, NAME_EXACT},
    {STR_INIT("Echo"), order_debian, known_debian, NAME_EXACT},
    {STR_INIT("FreeBSD"), order_freebsd, known_natural, NAME_EXACT},
    {STR_INIT("Android"), order_natural, known_natural, NAME_EXACT},
    {STR_INIT("Docker Hardened Images"), order_natural, known_natural, NAME_EXACT},
    {STR_INIT("OSS-Fuzz"), order_natural, known_natural, NAME_EXACT},
};

static const ecosystem_rules other_ecosystem = {STR_INIT(""), order_natural, known_natural,
                                                NAME_EXACT};

void ecosystem_split(str ecosystem, str *ret_base, str *ret_release) {
    str_cut(ecosystem, ':', ret_base, ret_release);
}

static const ecosystem_rules *rules_of(str ecosystem) {
    str base, release;
    ecosystem_split(ecosystem, &base, &release);
    /* "Root:Debian:12" is what Root makes of another ecosystem's packages. */
    if (str_is(base, "Root") && release.len) return rules_of(release);
    for (size_t i = 0; i < sizeof ecosystems / sizeof *ecosystems; i++) {
        if (str_eq(base, ecosystems[i].name)) return &ecosystems[i];
    }
    return &other_ecosystem;
}

bool version_ecosystem_known(str ecosystem) {
    return rules_of(ecosystem) != &other_ecosystem;
}

/* "enterprise_linux:9::appstream" and "rhel_eus:9.2::baseos" are of release 9. */
static bool is_red_hat(str cpe, str release) {
    str version;
    str_cut(cpe, ':', &(str){0}, &version);
    str_cut(version, ':', &version, &(str){0});
    str_cut(version, '.', &version, &(str){0});
    return str_eq(version, release);
}

/* "15 SP5" of "Linux Enterprise Module for Basesystem 15 SP5": packages come by modules. */
static str suse_version(str product) {
    for (size_t i = 1; i < product.len; i++) {
        if (product.ptr[i - 1] == ' ' && version_is_digit(product.ptr[i]))
            return str_sub(product, i, product.len);
    }
    return product;
}

bool ecosystem_covers(str advisory, str package) {
    str base, release, other_base, other_release;
    ecosystem_split(advisory, &base, &release);
    ecosystem_split(package, &other_base, &other_release);
    if (!str_eq(base, other_base)) return false;
    if (!release.len || !other_release.len || str_eq(release, other_release)) return true;
    if (str_is(base, "Ubuntu")) {
        if (str_ends(release, STR(":LTS"))) release.len -= 4;
        if (str_ends(other_release, STR(":LTS"))) other_release.len -= 4;
        return str_eq(release, other_release);
    }
    if (str_is(base, "Red Hat")) return is_red_hat(release, other_release);
    return str_is(base, "SUSE") && str_eq(suse_version(release), suse_version(other_release));
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_separator(char c) {
    return c == '-' || c == '_' || c == '.';
}

static str lower_name(arena *a, str name, bool join_separators) {
    char *out = arena_alloc(a, name.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool separator = join_separators && is_separator(name.ptr[i]);
        if (separator && i && is_separator(name.ptr[i - 1])) continue;
        out[n++] = separator ? '-' : version_lower(name.ptr[i]);
    }
    return (str){out, n};
}

str package_normal_name(arena *a, str ecosystem, str name) {
    if (str_is(ecosystem, ECOSYSTEM_GIT)) return repository_name(a, name);
    switch (rules_of(ecosystem)->names) {
    case NAME_EXACT: return name;
    case NAME_NOCASE: return lower_name(a, name, false);
    case NAME_PYPI: return lower_name(a, name, true);
    case NAME_URL:
        if (str_starts(name, STR("https://"))) name = str_sub(name, 8, name.len);
        if (str_ends(name, STR(".git"))) name.len -= 4;
        return lower_name(a, name, false);
    }
    return name;
}

/* ---- parts ----------------------------------------------------------------------------------- */

bool version_all_digits(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!version_is_digit(s.ptr[i])) return false;
    }
    return s.len > 0;
}

int version_cmp_digits(str a, str b) {
    while (a.len && *a.ptr == '0')
        a = str_sub(a, 1, a.len);
    while (b.len && *b.ptr == '0')
        b = str_sub(b, 1, b.len);
    if (a.len != b.len) return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

int version_cmp_nocase(str a, str b) {
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int d = (unsigned char)version_lower(a.ptr[i]) - (unsigned char)version_lower(b.ptr[i]);
        if (d) return d;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static str take_while(str *rest, bool digits) {
    size_t n = 0;
    while (n < rest->len && version_is_digit(rest->ptr[n]) == digits)
        n++;
    str taken = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return taken;
}

str version_take_digits(str *rest) {
    return take_while(rest, true);
}

str version_take_other(str *rest) {
    return take_while(rest, false);
}

bool version_take_part(str *rest, char separator, str *ret) {
    if (!rest->ptr) return false;
    str head, tail;
    bool more = str_cut(*rest, separator, &head, &tail);
    *ret = head;
    *rest = more ? tail : (str){NULL, 0};
    return true;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int sign(int n) {
    return (n > 0) - (n < 0);
}

int version_compare(str ecosystem, str a, str b) {
    if (a.len > VERSION_LENGTH_MAX || b.len > VERSION_LENGTH_MAX) return sign(str_cmp(a, b));
    return sign(rules_of(ecosystem)->order(a, b));
}

int version_compare_in_range(str ecosystem, str a, str b) {
    if (a.len > VERSION_LENGTH_MAX || b.len > VERSION_LENGTH_MAX) return sign(str_cmp(a, b));
    version_order *order = rules_of(ecosystem)->order;
    return sign(order == order_packagist ? order_composer(a, b) : order(a, b));
}

int version_compare_semver(str a, str b) {
    if (a.len > VERSION_LENGTH_MAX || b.len > VERSION_LENGTH_MAX) return sign(str_cmp(a, b));
    return sign(order_semver(a, b));
}

bool version_known(str ecosystem, str version) {
    return version.len && version.len <= VERSION_LENGTH_MAX && rules_of(ecosystem)->known(version);
}

bool version_known_semver(str version) {
    return version.len && version.len <= VERSION_LENGTH_MAX && known_semver(version);
}
