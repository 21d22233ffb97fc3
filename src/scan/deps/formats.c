/* formats.c: which files say what a project depends on, as one table. */
#include "scan/deps/readers.h"

#include "base/glob.h"

static const dep_format formats[] = {
    {"package-lock.json", "package-lock.json", "npm", ROLE_LOCK, dep_read_npm_lock, false},
    {"npm-shrinkwrap.json", "npm-shrinkwrap.json", "npm", ROLE_LOCK, dep_read_npm_lock, false},
    {"package.json", "package.json", "npm", ROLE_MANIFEST, dep_read_package_json, false},
    {"yarn.lock", "yarn.lock", "npm", ROLE_LOCK, dep_read_yarn_lock, true},
    {"pnpm-lock.yaml", "pnpm-lock.yaml", "npm", ROLE_LOCK, dep_read_pnpm_lock, true},
    {"bun.lock", "bun.lock", "npm", ROLE_LOCK, dep_read_bun_lock, false},
    {"requirements.txt", "*requirements*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements, true},
    {"requirements.txt", "*requirements*.in", "PyPI", ROLE_DECLARED, dep_read_requirements, true},
    {"requirements.txt", "*constraints*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements, true},
    {"requirements.txt", "requirements/*.txt", "PyPI", ROLE_DECLARED, dep_read_requirements, true},
    {"requirements.txt", "requirements/*.in", "PyPI", ROLE_DECLARED, dep_read_requirements, true},
    {"poetry.lock", "poetry.lock", "PyPI", ROLE_LOCK, dep_read_poetry_lock, true},
    {"uv.lock", "uv.lock", "PyPI", ROLE_LOCK, dep_read_uv_lock, true},
    {"pdm.lock", "pdm.lock", "PyPI", ROLE_LOCK, dep_read_pdm_lock, true},
    {"Pipfile.lock", "Pipfile.lock", "PyPI", ROLE_LOCK, dep_read_pipfile_lock, false},
    {"pyproject.toml", "pyproject.toml", "PyPI", ROLE_MANIFEST, dep_read_pyproject, false},
    {"Pipfile", "Pipfile", "PyPI", ROLE_MANIFEST, dep_read_pipfile, false},
    {"METADATA", "*.dist-info/METADATA", "PyPI", ROLE_DATABASE, dep_read_dist_metadata, false},
    {"go.mod", "go.mod", "Go", ROLE_DECLARED, dep_read_go_mod, true},
    {"go.sum", "go.sum", "Go", ROLE_LOCK, dep_read_go_sum, false},
    {"Cargo.lock", "Cargo.lock", "crates.io", ROLE_LOCK, dep_read_cargo_lock, true},
    {"Cargo.toml", "Cargo.toml", "crates.io", ROLE_MANIFEST, dep_read_cargo_toml, false},
    {"pom.xml", "pom.xml", "Maven", ROLE_DECLARED, dep_read_pom, true},
    {"gradle.lockfile", "*gradle.lockfile", "Maven", ROLE_LOCK, dep_read_gradle_lock, true},
    {"Gemfile.lock", "Gemfile.lock", "RubyGems", ROLE_LOCK, dep_read_gemfile_lock, false},
    {"Gemfile.lock", "gems.locked", "RubyGems", ROLE_LOCK, dep_read_gemfile_lock, false},
    {"composer.lock", "composer.lock", "Packagist", ROLE_LOCK, dep_read_composer_lock, false},
    {"composer.json", "composer.json", "Packagist", ROLE_MANIFEST, dep_read_composer_json, false},
    {"packages.lock.json", "packages*.lock.json", "NuGet", ROLE_LOCK, dep_read_nuget_lock, false},
    {"pubspec.lock", "pubspec.lock", "Pub", ROLE_LOCK, dep_read_pub_lock, true},
    {"mix.lock", "mix.lock", "Hex", ROLE_LOCK, dep_read_mix_lock, false},
    {"conan.lock", "conan.lock", "ConanCenter", ROLE_LOCK, dep_read_conan_lock, false},
    {"dpkg status", "var/lib/dpkg/status", "", ROLE_DATABASE, dep_read_dpkg, false},
    {"dpkg status.d", "var/lib/dpkg/status.d/*", "", ROLE_DATABASE, dep_read_dpkg, false},
    {"apk installed", "lib/apk/db/installed", "", ROLE_DATABASE, dep_read_apk, false},
    {"rpm database", "var/lib/rpm/rpmdb.sqlite", "", ROLE_DATABASE, dep_read_rpm_sqlite, false},
    {"rpm database", "sysimage/rpm/rpmdb.sqlite", "", ROLE_DATABASE, dep_read_rpm_sqlite, false},
    {"rpm database (ndb)", "sysimage/rpm/Packages.db", "", ROLE_DATABASE, dep_read_rpm_ndb, false},
    {"rpm database (ndb)", "var/lib/rpm/Packages.db", "", ROLE_DATABASE, dep_read_rpm_ndb, false},
    {"rpm database (bdb)", "var/lib/rpm/Packages", "", ROLE_DATABASE, dep_read_rpm_bdb, false},
    {"os-release", "etc/os-release", "", ROLE_FACTS, dep_read_os_release, false},
    {"os-release", "usr/lib/os-release", "", ROLE_FACTS, dep_read_os_release, false},
    {"copyright", "usr/share/doc/*/copyright", "", ROLE_FACTS, dep_read_debian_copyright, false},
    {"image blob", "blobs/sha256/*", "", ROLE_IMAGE, NULL, false},
    {"image tar", "*.tar", "", ROLE_IMAGE, NULL, false},
    {"image tar", "*.tar.gz", "", ROLE_IMAGE, NULL, false},
    {"image tar", "*.tgz", "", ROLE_IMAGE, NULL, false},
    {"image tar", "*.tar.zst", "", ROLE_IMAGE, NULL, false},
    /* Of what an image's reader says of it; no path is called so. */
    {"image layer", "/layer", "", ROLE_IMAGE, NULL, false},
    {"image manifest", "/manifest", "", ROLE_IMAGE, NULL, false},
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
