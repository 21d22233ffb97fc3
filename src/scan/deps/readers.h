/* readers.h: the readers of formats, and what they share. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_READERS_H
#define SLIPWAY_SCAN_DEPS_READERS_H

#include "scan/deps/doc.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

dep_read_fn dep_read_npm_lock, dep_read_package_json;
dep_read_fn dep_read_yarn_lock, dep_read_pnpm_lock, dep_read_bun_lock;
dep_read_fn dep_read_requirements, dep_read_poetry_lock, dep_read_pipfile_lock, dep_read_uv_lock,
    dep_read_pdm_lock, dep_read_pyproject, dep_read_pipfile, dep_read_dist_metadata;
dep_read_fn dep_read_go_mod, dep_read_go_sum;
dep_read_fn dep_read_cargo_lock, dep_read_cargo_toml;
dep_read_fn dep_read_pom, dep_read_gradle_lock;
dep_read_fn dep_read_gemfile_lock;
dep_read_fn dep_read_composer_lock, dep_read_composer_json;
dep_read_fn dep_read_nuget_lock;
dep_read_fn dep_read_pub_lock, dep_read_mix_lock;
dep_read_fn dep_read_conan_lock;
dep_read_fn dep_read_rpm_sqlite, dep_read_rpm_ndb, dep_read_rpm_bdb;
dep_read_fn dep_read_dpkg, dep_read_apk, dep_read_os_release, dep_read_debian_copyright;

/* A package's licence as its package.json, or npm's lock file, tells it. */
struct json_node;
str dep_npm_license(arena *a, const struct json_node *package);
/* "sha512:" and hex of a hash as npm writes it ("sha512-" and base64); the strongest of several.
 * Empty when there is none that is known. */
str dep_hash_sri(arena *a, str integrity);
/* "sha256:" and hex, of 64 hex digits with or without "sha256:" in front; sha1, sha512, … by their
 * length. Empty for anything else. */
str dep_hash_hex(arena *a, str hex);
/* The text where it is a commit's hash, else an empty one: a branch or a tag. */
str dep_commit(str text);
/* The text up to the first byte of `stop`, and the rest with it. */
str dep_until(str s, const char *stop, str *rest);
/* Without quotes of either kind around it. */
str dep_unquote(str s);
/* A Python requirement ("Flask[async] >= 2 ; python_version > '3'"): its name, and in ret_version
 * the version when it is pinned (== or ===, no wildcard), else an empty text. */
str dep_python_requirement(str text, str *ret_version);

#endif
