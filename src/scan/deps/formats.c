/* formats.c: which files say what a project depends on, as one table. */
#include "scan/deps/readers.h"

#include "base/glob.h"

static const dep_format formats[] = {
    {"package-lock.json", "package-lock.json", "npm", ROLE_LOCK, dep_read_npm_lock},
    {"npm-shrinkwrap.json", "npm-shrinkwrap.json", "npm", ROLE_LOCK, dep_read_npm_lock},
    {"package.json", "package.json", "npm", ROLE_MANIFEST, dep_read_package_json},
    {"yarn.lock", "yarn.lock", "npm", ROLE_LOCK, dep_read_yarn_lock},
    {"pnpm-lock.yaml", "pnpm-lock.yaml", "npm", ROLE_LOCK, dep_read_pnpm_lock},
    {"bun.lock", "bun.lock", "npm", ROLE_LOCK, dep_read_bun_lock},
    {"requirements.txt", "*requirements*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements},
    {"requirements.txt", "*requirements*.in", "PyPI", ROLE_DECLARED, dep_read_requirements},
    {"requirements.txt", "*constraints*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements},
    {"requirements.txt", "requirements/*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements},
    {"requirements.txt", "requirements/*.in", "PyPI", ROLE_DECLARED, dep_read_requirements},
    {"poetry.lock", "poetry.lock", "PyPI", ROLE_LOCK, dep_read_poetry_lock},
    {"uv.lock", "uv.lock", "PyPI", ROLE_LOCK, dep_read_uv_lock},
    {"pdm.lock", "pdm.lock", "PyPI", ROLE_LOCK, dep_read_pdm_lock},
    {"Pipfile.lock", "Pipfile.lock", "PyPI", ROLE_LOCK, dep_read_pipfile_lock},
    {"pyproject.toml", "pyproject.toml", "PyPI", ROLE_MANIFEST, dep_read_pyproject},
    {"Pipfile", "Pipfile", "PyPI", ROLE_MANIFEST, dep_read_pipfile},
    {"METADATA", "*.dist-info/METADATA", "PyPI", ROLE_DATABASE, dep_read_dist_metadata},
    {"go.mod", "go.mod", "Go", ROLE_DECLARED, dep_read_go_mod},
    {"go.sum", "go.sum", "Go", ROLE_LOCK, dep_read_go_sum},
    {"Cargo.lock", "Cargo.lock", "crates.io", ROLE_LOCK, dep_read_cargo_lock},
    {"Cargo.toml", "Cargo.toml", "crates.io", ROLE_MANIFEST, dep_read_cargo_toml},
    {"pom.xml", "pom.xml", "Maven", ROLE_DECLARED, dep_read_pom},
    {"gradle.lockfile", "*gradle.lockfile", "Maven", ROLE_LOCK, dep_read_gradle_lock},
    {"Gemfile.lock", "Gemfile.lock", "RubyGems", ROLE_LOCK, dep_read_gemfile_lock},
    {"Gemfile.lock", "gems.locked", "RubyGems", ROLE_LOCK, dep_read_gemfile_lock},
    {"composer.lock", "composer.lock", "Packagist", ROLE_LOCK, dep_read_composer_lock},
    {"composer.json", "composer.json", "Packagist", ROLE_MANIFEST, dep_read_composer_json},
    {"packages.lock.json", "packages*.lock.json", "NuGet", ROLE_LOCK, dep_read_nuget_lock},
    {"pubspec.lock", "pubspec.lock", "Pub", ROLE_LOCK, dep_read_pub_lock},
    {"mix.lock", "mix.lock", "Hex", ROLE_LOCK, dep_read_mix_lock},
    {"conan.lock", "conan.lock", "ConanCenter", ROLE_LOCK, dep_read_conan_lock},
    {"dpkg status", "var/lib/dpkg/status", "", ROLE_DATABASE, dep_read_dpkg},
    {"dpkg status.d", "var/lib/dpkg/status.d/*", "", ROLE_DATABASE, dep_read_dpkg},
    {"apk installed", "lib/apk/db/installed", "", ROLE_DATABASE, dep_read_apk},
    {"rpm database", "var/lib/rpm/rpmdb.sqlite", "", ROLE_DATABASE, dep_read_rpm_sqlite},
    {"rpm database", "sysimage/rpm/rpmdb.sqlite", "", ROLE_DATABASE, dep_read_rpm_sqlite},
    {"rpm database (ndb)", "sysimage/rpm/Packages.db", "", ROLE_DATABASE, dep_read_rpm_ndb},
    {"rpm database (ndb)", "var/lib/rpm/Packages.db", "", ROLE_DATABASE, dep_read_rpm_ndb},
    {"rpm database (bdb)", "var/lib/rpm/Packages", "", ROLE_DATABASE, dep_read_rpm_bdb},
    {"os-release", "etc/os-release", "", ROLE_FACTS, dep_read_os_release},
    {"os-release", "usr/lib/os-release", "", ROLE_FACTS, dep_read_os_release},
    {"copyright", "usr/share/doc/*/copyright", "", ROLE_FACTS, dep_read_debian_copyright},
    {"image blob", "blobs/sha256/*", "", ROLE_IMAGE, NULL},
    {"image tar", "*.tar", "", ROLE_IMAGE, NULL},
    {"image tar", "*.tar.gz", "", ROLE_IMAGE, NULL},
    {"image tar", "*.tgz", "", ROLE_IMAGE, NULL},
    {"image tar", "*.tar.zst", "", ROLE_IMAGE, NULL},
    /* Of what an image's reader says of it; no path is called so. */
    {"image layer", "/layer", "", ROLE_IMAGE, NULL},
    {"image manifest", "/manifest", "", ROLE_IMAGE, NULL},
};

/* The last names of the path against those of the pattern. */
static bool matches(str pattern, str path) {
    if (str_starts(pattern, STR("/"))) return false;
    for (;;) {
        ptrdiff_t p = str_rfind_char(pattern, '/'), s = str_rfind_char(path, '/');
        if (!glob_name(str_sub(pattern, (size_t)(p + 1), pattern.len),
                       str_sub(path, (size_t)(s + 1), path.len)))
            return false;
        if (p < 0) return true;
        if (s < 0) return false;
        pattern.len = (size_t)p;
        path.len = (size_t)s;
    }
}

const dep_format *dep_format_of(str path) {
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (matches(str_from(formats[i].pattern), path)) return &formats[i];
    }
    return NULL;
}

const dep_format *dep_format_named(str name) {
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (str_is(name, formats[i].name)) return &formats[i];
    }
    return NULL;
}
