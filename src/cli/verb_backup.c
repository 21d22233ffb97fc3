/* verb_backup.c: slipway backup, slipway restore. */
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "store/backup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(const err *e) {
    console_error(e);
    return 2;
}

/* --data, or $SLIPWAY_DATA. */
static int data_folder(const options *given, const char **ret, err *e) {
    *ret = options_value(given, "data");
    if (!*ret) *ret = getenv("SLIPWAY_DATA");
    if (*ret && **ret) return 0;
    return err_set(e, ERR_INVALID,
                   "which data folder? Give --data DIR, the one of 'slipway serve --data DIR', or "
                   "set $SLIPWAY_DATA");
}

static void add_done(strbuf *out, const backup_done *done) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double bytes = (double)done->bytes;
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    strbuf_addf(out, "%llu %s, %.*f %s", (unsigned long long)done->files,
                done->files == 1 ? "file" : "files", unit ? 1 : 0, bytes, units[unit]);
}

/* ---- backup --------------------------------------------------------------------------------- */

static int run_backup(const options *given) {
    err e = {0};
    const char *data, *to = given->args[0];
    backup_done done;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    backup_options how = {.with_keys = options_has(given, "with-keys"),
                          .now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
                          .slipway = SLIPWAY_VERSION};
    if (data_folder(given, &data, &e) < 0 || backup_make(data, to, &how, &done, &e) < 0)
        return fail(&e);
    if (how.with_keys)
        console_warning(
            "the backup holds the keys of the server: whoever can read '%s' can read "
            "all secrets, and sign in the name of this server. Keep it as you keep them",
            to);
    else
        console_warning(
            "the backup does not hold the keys of the server. Without a copy of '%s/keys' "
            "nobody can read the secrets in it any more: keep one elsewhere",
            data);
    strbuf_addf(&out, "%s: ", to);
    add_done(&out, &done);
    strbuf_adds(&out, "; read back, and whole\n");
    return console_text(strbuf_str(&out));
}

static const option_spec backup_options_table[] = {
    {0, "data", "DIR", .complete = COMPLETE_DIR,
     .help = "The data folder of the server, instead of $SLIPWAY_DATA."},
    {0, "with-keys", NULL,
     .help = "Put the keys of the server into the backup, too. Whoever can read it can then read "
             "all secrets, and sign in the name of this server."},
    {0},
};

const verb verb_backup = {
    .name = "backup",
    .summary = "copy the data of a server while it runs",
    .arguments = "FILE.tar.zst|DIR",
    .min_args = 1,
    .max_args = 1,
    .complete = COMPLETE_FILE,
    .options = backup_options_table,
    .help =
        "Writes the database, the logs and the blobs of a server into a file, or into a folder "
        "where the name does not end with .tar.zst. The server may run: the database is copied "
        "as it is at one moment, and nothing that it names is removed meanwhile. What was "
        "written is read back and compared before it gets its name."
        "\n\n"
        "The keys of the server (the folder keys/) are not in a backup unless --with-keys is "
        "given, so that a stolen backup gives no secrets away. Without them the secrets that "
        "are stored in the database cannot be read after 'slipway restore': keep a copy of the "
        "keys somewhere else. Mirrors of repositories are never in it: the server fetches them "
        "again."
        "\n\n"
        "The file is a tar, compressed by zstd. Its last member, SHA256SUMS, is what 'sha256sum "
        "-c' reads.",
    .exits =
        (const verb_pair[]){
            {"0", "the backup is there, and whole"},
            {"2", "there is none: the command is invalid, or something could not be read or "
                  "written"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway backup --data /var/lib/slipway /backup/monday.tar.zst", "Make a file."},
            {"slipway backup --data /var/lib/slipway /backup/monday",
             "Make a folder, for a program that keeps only what has changed."},
            {0},
        },
    .run = run_backup,
};

/* ---- restore -------------------------------------------------------------------------------- */

static int run_restore(const options *given) {
    err e = {0};
    const char *data;
    backup_done done;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (data_folder(given, &data, &e) < 0 || backup_restore(given->args[0], data, &done, &e) < 0)
        return fail(&e);
    if (!done.has_keys)
        console_warning("the backup holds no keys of the server. Put your copy of them into "
                        "'%s/keys' before 'slipway serve' runs: without them the secrets in the "
                        "database cannot be read",
                        data);
    strbuf_addf(&out, "%s: ", data);
    add_done(&out, &done);
    strbuf_adds(&out, "; all as it was\n");
    return console_text(strbuf_str(&out));
}

static const option_spec restore_options[] = {
    {0, "data", "DIR", .complete = COMPLETE_DIR,
     .help = "The folder to make, instead of $SLIPWAY_DATA. It must be empty, or not there."},
    {0},
};

const verb verb_restore = {
    .name = "restore",
    .summary = "make the data folder of a server from a backup",
    .arguments = "FILE.tar.zst|DIR",
    .min_args = 1,
    .max_args = 1,
    .complete = COMPLETE_FILE,
    .options = restore_options,
    .help = "Makes a new data folder from what 'slipway backup' has written. A folder with "
            "something in it is refused. The backup is unpacked beside it, by a process that can "
            "do nothing else; all digests are compared and the database is checked and brought up "
            "to date. Only then the folder gets its name, so that there is all of it or nothing.",
    .exits =
        (const verb_pair[]){
            {"0", "the folder is there"},
            {"2",
             "there is none: the command is invalid, the backup is damaged, or something could "
             "not be written"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway restore /backup/monday.tar.zst --data /var/lib/slipway",
             "Restore to a new folder."},
            {0},
        },
    .run = run_restore,
};
