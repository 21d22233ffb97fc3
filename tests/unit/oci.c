#include "unit.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/jail.h"
#include "base/json.h"
#include "sandbox/oci.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define HERE   "\"architecture\": \"%s\", \"os\": \"linux\""

/* A layout, and a folder outside of what is unpacked that must stay as it is. */
typedef struct fixture {
    arena *a;
    char *top, *layout, *images, *outside;
    strbuf layers; /* of the manifest, JSON */
    err e;
} fixture;

static const char *arch(void) {
    return strchr(oci_platform_here(), '/') + 1;
}

static char *text_of(fixture *f, const char *path) {
    str text;
    if (fs_read_file(f->a, path, 1 << 20, &text, &f->e) < 0) fail_msg("%s", f->e.message);
    return arena_cstr(f->a, text);
}

static void write_text(fixture *f, const char *path, const char *text) {
    if (fs_create(path, str_from(text), 0644, &f->e) < 0) fail_msg("%s", f->e.message);
}

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    if (fs_temp_dir(f->a, "unit-oci-", &f->top, &f->e) < 0) return -1;
    f->layout = fs_join(f->a, f->top, STR("layout"));
    f->images = fs_join(f->a, f->top, STR("images"));
    f->outside = fs_join(f->a, f->top, STR("outside"));
    fs_mkdirs(fs_join(f->a, f->layout, STR("blobs/sha256")), 0755, &f->e);
    fs_mkdirs(f->outside, 0755, &f->e);
    write_text(f, fs_join(f->a, f->outside, STR("secret")), "keep");
    write_text(f, fs_join(f->a, f->layout, STR("oci-layout")),
               "{\"imageLayoutVersion\": \"1.0.0\"}");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    fs_remove(f->top, &f->e);
    strbuf_done(&f->layers);
    arena_free(f->a);
    free(f);
    return 0;
}

/* ---- making a layout ----------------------------------------------------------------------- */

/* Writes a blob and gives its descriptor without the braces. */
static const char *put_blob(fixture *f, str data, const char *media_type) {
    uint8_t digest[32];
    char hex[OCI_HEX];
    sha256 *h = sha256_new();
    sha256_add(h, data.ptr, data.len);
    sha256_end(h, digest);
    hex_encode(digest, sizeof digest, hex);
    const char *path = arena_printf(f->a, "%s/blobs/sha256/%s", f->layout, hex).ptr;
    if (fs_create(path, data, 0644, &f->e) < 0) fail_msg("%s", f->e.message);
    return arena_printf(f->a, "\"mediaType\": \"%s\", \"digest\": \"sha256:%s\", \"size\": %zu",
                        media_type, hex, data.len)
        .ptr;
}

typedef struct item {
    mode_t type; /* AE_IFREG, … */
    const char *name, *content, *link, *hard_link;
    mode_t mode;      /* 0: 0755 */
    uint64_t size;    /* of a file without content: so many zero bytes */
    int64_t uid, gid; /* 0: the caller's */
} item;

static void write_item(struct archive *x, const item *i) {
    static const char zeros[1 << 16];
    struct archive_entry *entry = archive_entry_new();
    size_t length = i->content ? strlen(i->content) : 0;
    archive_entry_set_pathname(entry, i->name);
    archive_entry_set_filetype(entry, i->type);
    archive_entry_set_perm(entry, i->mode ? i->mode : 0755);
    archive_entry_set_uid(entry, i->uid ? i->uid : (int64_t)getuid());
    archive_entry_set_gid(entry, i->gid ? i->gid : (int64_t)getgid());
    archive_entry_set_mtime(entry, 1000000000, 0);
    archive_entry_set_size(entry, (int64_t)(i->type == AE_IFREG ? length + i->size : 0));
    if (i->link) archive_entry_set_symlink(entry, i->link);
    if (i->hard_link) archive_entry_set_hardlink(entry, i->hard_link);
    if (i->type == AE_IFCHR) archive_entry_set_rdev(entry, 0);
    archive_entry_xattr_add_entry(entry, "user.overlay.opaque", "y", 1);
    assert_true(archive_write_header(x, entry) >= ARCHIVE_WARN);
    if (length) assert_int_equal(archive_write_data(x, i->content, length), (int)length);
    for (uint64_t left = i->size; left;) {
        size_t n = left < sizeof zeros ? left : sizeof zeros;
        assert_int_equal(archive_write_data(x, zeros, n), (int)n);
        left -= n;
    }
    archive_entry_free(entry);
}

/* The end of the list is an item without a name. */
typedef int filter_fn(struct archive *x);

static str make_layer(fixture *f, const item *items, filter_fn *filter) {
    enum { ROOM = 8 << 20 };
    char *buffer = malloc(ROOM);
    size_t used = 0;
    struct archive *x = archive_write_new();
    archive_write_set_format_pax_restricted(x);
    if (filter) assert_int_equal(filter(x), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(x, buffer, ROOM, &used), ARCHIVE_OK);
    for (const item *i = items; i->name; i++)
        write_item(x, i);
    assert_int_equal(archive_write_close(x), ARCHIVE_OK);
    archive_write_free(x);
    str layer = arena_str(f->a, (str){buffer, used});
    free(buffer);
    return layer;
}

static void add_blob(fixture *f, str layer) {
    if (f->layers.len) strbuf_adds(&f->layers, ", ");
    strbuf_addf(&f->layers, "{%s}", put_blob(f, layer, OCI "layer.v1.tar+gzip"));
}

static void add_layer(fixture *f, const item *items) {
    add_blob(f, make_layer(f, items, archive_write_add_filter_gzip));
}

static const char *put_config(fixture *f, const char *config) {
    return put_blob(f, str_from(config), OCI "config.v1+json");
}

static const char *usual_config(fixture *f) {
    return put_config(
        f,
        arena_printf(f->a, "{" HERE ", \"config\": {\"Env\": [\"A=1\", \"PATH=/x:/y\"]}}", arch())
            .ptr);
}

/* The manifest of the layers that were added. */
static const char *put_manifest(fixture *f, const char *config) {
    str text = arena_printf(f->a, "{\"schemaVersion\": 2, \"config\": {%s}, \"layers\": [%.*s]}",
                            config, STR_ARG(strbuf_str(&f->layers)));
    return put_blob(f, text, OCI "manifest.v1+json");
}

static str index_of(fixture *f, const char *manifests) {
    return arena_printf(f->a, "{\"schemaVersion\": 2, \"manifests\": [%s]}", manifests);
}

static void write_index(fixture *f, const char *manifests) {
    write_text(f, fs_join(f->a, f->layout, STR("index.json")), index_of(f, manifests).ptr);
}

static void finish(fixture *f) {
    write_index(f, arena_printf(f->a, "{%s}", put_manifest(f, usual_config(f))).ptr);
}

/* ---- using it ------------------------------------------------------------------------------ */

static sandbox_image *find(fixture *f, const char *tag) {
    sandbox_image *i;
    f->e = (err){0};
    return sandbox_image_find(f->a, f->layout, str_from(tag), f->images, &i, &f->e) == 0 ? i : NULL;
}

static sandbox_image *must_find(fixture *f, const char *tag) {
    sandbox_image *i = find(f, tag);
    if (!i) fail_msg("%s", f->e.message);
    return i;
}

static void must_fail(fixture *f, bool failed, const char *part) {
    if (!failed) fail_msg("no error; expected '%s'", part);
    if (!strstr(f->e.message, part)) fail_msg("'%s' lacks '%s'", f->e.message, part);
}

/* Of the usual image with the layers that were added. */
static const char *unpack(fixture *f) {
    finish(f);
    sandbox_image *i = must_find(f, "");
    if (sandbox_image_unpack(i, &f->e) < 0) fail_msg("%s", f->e.message);
    assert_true(sandbox_image_is_unpacked(i));
    return i->rootfs;
}

/* What was outside is there, and what failed has left nothing behind but its lock. */
static void untouched(fixture *f) {
    fs_entry *entries;
    size_t count;
    assert_string_equal(text_of(f, fs_join(f->a, f->outside, STR("secret"))), "keep");
    assert_int_equal(fs_list(f->a, f->outside, &entries, &count, &f->e), 0);
    assert_int_equal(count, 1);
    assert_int_equal(fs_list(f->a, f->top, &entries, &count, &f->e), 0);
    assert_int_equal(count, 3); /* images, layout, outside */
    assert_int_equal(fs_list(f->a, f->images, &entries, &count, &f->e), 0);
    for (size_t i = 0; i < count; i++)
        assert_true(str_ends(entries[i].name, STR(".lock")));
}

static void unpack_fails(fixture *f, const char *part) {
    finish(f);
    must_fail(f, sandbox_image_unpack(must_find(f, ""), &f->e) < 0, part);
    char message[sizeof f->e.message];
    strcpy(message, f->e.message);
    untouched(f);
}

static const char *in(fixture *f, const char *root, const char *path) {
    return arena_printf(f->a, "%s/%s", root, path).ptr;
}

static struct stat stat_of(fixture *f, const char *root, const char *path) {
    struct stat st;
    if (lstat(in(f, root, path), &st) < 0) fail_msg("there is no %s", path);
    return st;
}

/* ---- layers -------------------------------------------------------------------------------- */

static void files_folders_and_links_are_unpacked(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFDIR, "./"},
                                {AE_IFDIR, "./etc/"},
                                {AE_IFREG, "./etc/motd", "hello\n", .mode = 0640},
                                {AE_IFREG, "usr/local/deep/file", "x"},
                                {AE_IFLNK, "lib", .link = "/usr/lib"},
                                {AE_IFREG, "etc/same", .hard_link = "./etc/motd"},
                                {AE_IFREG, "etc/\xc3\xbcml", "utf"},
                                {AE_IFREG, "bin/tool", "t", .mode = 06755},
                                {AE_IFDIR, "var/mail", .mode = 03777},
                                {AE_IFCHR, "dev/null"},
                                {AE_IFIFO, "run/pipe"},
                                {0}});
    const char *root = unpack(f);
    struct stat motd = stat_of(f, root, "etc/motd");
    assert_string_equal(text_of(f, in(f, root, "etc/motd")), "hello\n");
    assert_int_equal(motd.st_mode & 07777, 0640);
    assert_int_equal(motd.st_mtime, 1000000000);
    assert_int_equal(motd.st_ino, stat_of(f, root, "etc/same").st_ino);
    assert_string_equal(text_of(f, in(f, root, "usr/local/deep/file")), "x");
    assert_string_equal(text_of(f, in(f, root, "etc/\xc3\xbcml")), "utf");
    assert_true(S_ISLNK(stat_of(f, root, "lib").st_mode));
    assert_int_equal(stat_of(f, root, "bin/tool").st_mode & 07777, 0755);
    assert_int_equal(stat_of(f, root, "var/mail").st_mode & 07777, 01777);
    assert_false(fs_exists(in(f, root, "dev/null")));
    assert_false(fs_exists(in(f, root, "run/pipe")));
    const char *config = in(f, root, "../config.json");
    assert_non_null(strstr(text_of(f, config), "PATH=/x:/y"));
}

static void every_compression_is_read(void **state) {
    fixture *f = *state;
    filter_fn *const filters[] = {NULL, archive_write_add_filter_gzip,
                                  archive_write_add_filter_zstd};
    for (size_t i = 0; i < 3; i++) {
        const char *name = arena_printf(f->a, "file%zu", i).ptr;
        add_blob(f, make_layer(f, (const item[]){{AE_IFREG, name, name}, {0}}, filters[i]));
    }
    const char *root = unpack(f);
    for (int i = 0; i < 3; i++) {
        const char *name = arena_printf(f->a, "file%d", i).ptr;
        assert_string_equal(text_of(f, in(f, root, name)), name);
    }
}

static void a_layer_without_entries_is_fine(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{0}});
    add_blob(f, STR_EMPTY);
    add_layer(f, (const item[]){{AE_IFREG, "a", "a"}, {0}});
    assert_true(fs_exists(in(f, unpack(f), "a")));
}

static void later_layers_replace_what_is_there(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "file", "old"},
                                {AE_IFREG, "same", .hard_link = "file"},
                                {AE_IFREG, "folder/inside", "old"},
                                {AE_IFDIR, "kept"},
                                {AE_IFREG, "kept/inside", "old"},
                                {AE_IFDIR, "usr/lib"},
                                {AE_IFLNK, "lib", .link = "usr/lib"},
                                {AE_IFLNK, "link", .link = "file"},
                                {0}});
    add_layer(f, (const item[]){{AE_IFREG, "file", "new"},
                                {AE_IFREG, "folder", "now a file"},
                                {AE_IFDIR, "kept", .mode = 0700},
                                {AE_IFREG, "lib/through", "a link"},
                                {AE_IFREG, "link", "not its target"},
                                {0}});
    const char *root = unpack(f);
    assert_string_equal(text_of(f, in(f, root, "file")), "new");
    assert_string_equal(text_of(f, in(f, root, "same")), "old");
    assert_string_equal(text_of(f, in(f, root, "folder")), "now a file");
    assert_string_equal(text_of(f, in(f, root, "kept/inside")), "old");
    assert_int_equal(stat_of(f, root, "kept").st_mode & 07777, 0700);
    assert_string_equal(text_of(f, in(f, root, "usr/lib/through")), "a link");
    assert_string_equal(text_of(f, in(f, root, "link")), "not its target");
}

/* Wherever a whiteout stands in its archive, it is of lower layers only. */
static void whiteouts_hide_lower_layers_and_not_their_own(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "gone", "1"},
                                {AE_IFREG, "tree/a/b", "1"},
                                {AE_IFREG, "opaque/old", "1"},
                                {AE_IFREG, "opaque/sub/old", "1"},
                                {AE_IFREG, "again", "1"},
                                {AE_IFREG, ".wh.first", "a whiteout of nothing"},
                                {0}});
    add_layer(f, (const item[]){{AE_IFREG, "opaque/new", "2"},
                                {AE_IFREG, "opaque/sub/new", "2"},
                                {AE_IFREG, "opaque/.wh..wh..opq", ""},
                                {AE_IFREG, "again", "2"},
                                {AE_IFREG, ".wh.again", ""},
                                {AE_IFREG, ".wh.gone", ""},
                                {AE_IFREG, ".wh.tree", ""},
                                {AE_IFREG, "missing/.wh.x", ""},
                                {AE_IFREG, "none/.wh..wh..opq", ""},
                                {AE_IFREG, ".wh..wh.plnk", ""},
                                {0}});
    const char *root = unpack(f);
    static const char *const absent[] = {"gone",
                                         "tree",
                                         "opaque/old",
                                         "opaque/sub/old",
                                         ".wh.first",
                                         ".wh.again",
                                         "opaque/.wh..wh..opq",
                                         "missing",
                                         "none",
                                         ".wh..wh.plnk",
                                         "first"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        if (fs_exists(in(f, root, absent[i]))) fail_msg("%s is there", absent[i]);
    }
    assert_string_equal(text_of(f, in(f, root, "opaque/new")), "2");
    assert_string_equal(text_of(f, in(f, root, "opaque/sub/new")), "2");
    assert_string_equal(text_of(f, in(f, root, "again")), "2");
}

static void owners_are_the_images_for_root_only(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "a", "a", .mode = 0200, .uid = 1234, .gid = 4321},
                                {AE_IFDIR, "d", .mode = 0111},
                                {AE_IFREG, "d/inside", "i"},
                                {0}});
    const char *root = unpack(f);
    struct stat a = stat_of(f, root, "a"), d = stat_of(f, root, "d");
    bool as_root = geteuid() == 0;
    assert_int_equal(a.st_uid, as_root ? 1234 : geteuid());
    assert_int_equal(a.st_gid, as_root ? 4321 : getegid());
    assert_int_equal(a.st_mode & 07777, as_root ? 0200 : 0600);
    assert_int_equal(d.st_mode & 07777, as_root ? 0111 : 0711);
}

static void extended_attributes_are_left_out(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFDIR, "d"}, {0}});
    const char *path = in(f, unpack(f), "d");
    char list[256];
    assert_int_equal(
        listxattr(path, list, sizeof list) > 0 && memmem(list, sizeof list, "overlay", 7), 0);
}

/* ---- hostile layers ------------------------------------------------------------------------ */

static void names_that_lead_out_are_errors(void **state) {
    static const struct {
        item what;
        const char *error;
    } all[] = {
        {{AE_IFREG, "../outside/secret", "x"}, "leads out"},
        {{AE_IFREG, "a/../../outside/secret", "x"}, "leads out"},
        {{AE_IFREG, "..", "x"}, "leads out"},
        {{AE_IFREG, "/tmp/unit-oci-absolute", "x"}, "begins with a slash"},
        {{AE_IFREG, "a", .hard_link = "../../outside/secret"}, "leads out"},
        {{AE_IFREG, "a", .hard_link = "/etc/passwd"}, "begins with a slash"},
        {{AE_IFREG, "a", .hard_link = "not-there"}, "cannot link 'a' to 'not-there'"},
        {{AE_IFREG, "a", .hard_link = "./"}, "is linked to a folder"},
        {{AE_IFDIR, "../outside/new"}, "leads out"},
        {{AE_IFLNK, "../outside/new", .link = "x"}, "leads out"},
        {{AE_IFREG, "../.wh.outside", ""}, "leads out"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fixture *f;
        set_up((void **)&f);
        add_layer(f, (const item[]){all[i].what, {0}});
        unpack_fails(f, all[i].error);
        tear_down((void **)&f);
    }
    assert_false(fs_exists("/tmp/unit-oci-absolute"));
    (void)state;
}

static void whiteouts_that_name_no_file_are_errors(void **state) {
    static const char *const names[] = {".wh.", "d/.wh.", ".wh..", ".wh...", "d/.wh..."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fixture *f;
        set_up((void **)&f);
        add_layer(f, (const item[]){{AE_IFREG, "d/e", "x"}, {0}});
        add_layer(f, (const item[]){{AE_IFREG, names[i], ""}, {0}});
        unpack_fails(f, "names nothing");
        tear_down((void **)&f);
    }
    (void)state;
}

/* Links may point anywhere: nothing is written, linked or removed through one that leads out. */
static void links_that_lead_out_end_inside(void **state) {
    fixture *f = *state;
    const char *up = arena_printf(f->a, "../../../../../../../../../..%s", f->outside).ptr;
    add_layer(f, (const item[]){{AE_IFLNK, "abs", .link = f->outside},
                                {AE_IFLNK, "up", .link = up},
                                {AE_IFLNK, "top", .link = "/"},
                                {AE_IFLNK, "dots", .link = ".."},
                                {AE_IFLNK, "file", .link = in(f, f->outside, "secret")},
                                {AE_IFREG, "top/through", "inside"},
                                {AE_IFREG, "dots/dots/again", "inside"},
                                {AE_IFREG, "file", "replaces the link"},
                                {0}});
    const char *root = unpack(f);
    assert_string_equal(text_of(f, in(f, root, "through")), "inside");
    assert_string_equal(text_of(f, in(f, root, "again")), "inside");
    assert_string_equal(text_of(f, in(f, f->outside, "secret")), "keep");
    assert_string_equal(text_of(f, in(f, root, "file")), "replaces the link");
}

static void what_stands_behind_a_link_out_is_an_error_or_inside(void **state) {
    static const struct {
        const char *link;
        item what;
    } all[] = {
        {"%s", {AE_IFREG, "l/secret", "x"}},
        {"../../../../../../../../../..%s", {AE_IFREG, "l/secret", "x"}},
        {"%s", {AE_IFREG, "l/.wh.secret", ""}},
        {"%s", {AE_IFREG, "l/.wh..wh..opq", ""}},
        {"%s", {AE_IFREG, "stolen", .hard_link = "l/secret"}},
        {"%s", {AE_IFDIR, "l/new"}},
        {"%s", {AE_IFDIR, "l", .mode = 0777}},
        {"/proc/self/root%s", {AE_IFREG, "l/secret", "x"}},
        {"/proc/self/cwd", {AE_IFREG, "l/secret", "x"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fixture *f;
        set_up((void **)&f);
        const char *form = all[i].link, *hole = strstr(form, "%s");
        size_t before = hole ? (size_t)(hole - form) : strlen(form);
        str link = arena_printf(f->a, "%.*s%s", (int)before, form, hole ? f->outside : "");
        add_layer(f, (const item[]){{AE_IFLNK, "l", .link = link.ptr}, {0}});
        add_layer(f, (const item[]){all[i].what, {0}});
        finish(f);
        sandbox_image *image = must_find(f, "");
        if (sandbox_image_unpack(image, &f->e) == 0) {
            assert_false(fs_exists(in(f, image->rootfs, "stolen")));
            fs_remove(f->images, &f->e);
            fs_mkdirs(f->images, 0700, &f->e);
        }
        untouched(f);
        assert_int_equal(stat_of(f, f->outside, "").st_mode & 0777, 0755);
        tear_down((void **)&f);
    }
    (void)state;
}

static void a_file_is_no_folder(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {AE_IFREG, "a/b", "y"}, {0}});
    unpack_fails(f, "cannot use as a folder 'a'");
}

static void a_loop_of_links_is_an_error(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFLNK, "a", .link = "b"},
                                {AE_IFLNK, "b", .link = "a"},
                                {AE_IFREG, "a/c", "x"},
                                {0}});
    unpack_fails(f, "cannot use as a folder 'a'");
}

static void names_have_a_length(void **state) {
    fixture *f = *state;
    char *name = malloc(6000);
    memset(name, 'n', 5999);
    name[300] = '\0';
    add_layer(f, (const item[]){{AE_IFREG, name, "x"}, {0}});
    unpack_fails(f, "a file's name is longer than 255 bytes");
    name[300] = 'n';
    for (size_t i = 100; i < 5999; i += 100)
        name[i] = '/';
    name[5999] = '\0';
    strbuf_clear(&f->layers);
    add_layer(f, (const item[]){{AE_IFREG, name, "x"}, {0}});
    unpack_fails(f, "a name is longer than 4095 bytes");
    free(name);
}

static void damaged_archives_are_errors(void **state) {
    fixture *f = *state;
    str good = make_layer(f, (const item[]){{AE_IFREG, "a", .size = 100000}, {0}},
                          archive_write_add_filter_gzip);
    add_blob(f, str_sub(good, 0, good.len / 2));
    unpack_fails(f, "the archive is damaged");
    strbuf_clear(&f->layers);
    add_blob(f, STR("this is no archive at all, whatever its media type says"));
    unpack_fails(f, "the archive is damaged");
}

/* Damage of a blob: its descriptor stays. */
static void spoil(fixture *f, const sandbox_image *i, size_t layer, bool cut) {
    const oci_descriptor *d = &i->parts->manifest.layers[layer];
    const char *path = arena_printf(f->a, "%s/blobs/sha256/%s", f->layout, d->hex).ptr;
    if (cut) {
        assert_int_equal(truncate(path, (off_t)d->size - 1), 0);
        return;
    }
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "\0", 1, (off_t)d->size - 5), 1);
    close(fd);
}

static void blobs_have_their_size_and_digest(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {0}});
    add_layer(f, (const item[]){{AE_IFREG, "b", "y"}, {0}});
    finish(f);
    sandbox_image *i = must_find(f, "");
    spoil(f, i, 1, false);
    must_fail(f, sandbox_image_unpack(i, &f->e) < 0, "not the one told");
    must_fail(f, true, "layer 2 of 2");
    untouched(f);
    spoil(f, i, 0, true);
    must_fail(f, sandbox_image_unpack(i, &f->e) < 0, "bytes, and must have");
    untouched(f);
    fs_remove(in(f, f->layout,
                 arena_printf(f->a, "blobs/sha256/%s", i->parts->manifest.layers[0].hex).ptr),
              &f->e);
    must_fail(f, sandbox_image_unpack(i, &f->e) < 0, "is missing");
    untouched(f);
}

/* ---- limits -------------------------------------------------------------------------------- */

static int apply(fixture *f, const oci_limits *limits, const item *items) {
    str layer = make_layer(f, items, archive_write_add_filter_gzip);
    const char *path = fs_join(f->a, f->top, STR("layer")),
               *into = fs_join(f->a, f->top, STR("tree"));
    oci_descriptor *list;
    size_t count;
    str index = index_of(f, arena_printf(f->a, "{%s}", put_blob(f, layer, OCI "layer.v1.tar")).ptr);
    assert_int_equal(oci_read_index(f->a, index, &list, &count, &f->e), 0);
    fs_remove(into, &f->e);
    fs_mkdirs(into, 0755, &f->e);
    if (fs_create(path, layer, 0644, &f->e) < 0) fail_msg("%s", f->e.message);
    oci_tree t = {.root = open(into, O_RDONLY | O_DIRECTORY), .limits = limits};
    int blob = open(path, O_RDONLY);
    f->e = (err){0};
    int r = oci_layer_apply(&t, blob, list, &f->e);
    close(blob);
    close(t.root);
    return r;
}

static void limits_are_named(void **state) {
    fixture *f = *state;
    const item bomb[] = {{AE_IFREG, "zeros", .size = 5 << 20}, {0}};
    const item many[] = {{AE_IFDIR, "a"}, {AE_IFDIR, "b"}, {AE_IFREG, "c/d/e", "x"}, {0}};
    oci_limits l = {.entries = 5, .bytes = 5 << 20, .ratio = 10000, .ratio_from = 1 << 20};
    if (apply(f, &l, bomb) < 0 || apply(f, &l, many) < 0) fail_msg("%s", f->e.message);
    l.entries = 4;
    must_fail(f, apply(f, &l, many) == ERR_LIMIT, "more than 4 files, folders and links");
    l.bytes--;
    must_fail(f, apply(f, &l, bomb) == ERR_LIMIT, "more than 5242879 bytes");
    l = (oci_limits){.entries = 5, .bytes = 5 << 20, .ratio = 50, .ratio_from = 1 << 20};
    must_fail(f, apply(f, &l, bomb) == ERR_LIMIT, "more than 50 times its size");
}

/* The files of one archive, one after the other, count together. */
static void bytes_are_counted_over_all_files(void **state) {
    fixture *f = *state;
    oci_limits l = {.entries = 100, .bytes = 250000, .ratio = 10000, .ratio_from = 1 << 20};
    const item three[] = {{AE_IFREG, "a", .size = 100000},
                          {AE_IFREG, "b", .size = 100000},
                          {AE_IFREG, "a", .size = 100000},
                          {0}};
    must_fail(f, apply(f, &l, three) == ERR_LIMIT, "more than 250000 bytes");
}

static void layers_are_counted(void **state) {
    fixture *f = *state;
    for (int i = 0; i <= OCI_LAYERS_MAX; i++)
        add_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {0}});
    finish(f);
    must_fail(f, !find(f, ""), "129 layers are more than the limit of 128");
}

/* ---- documents ----------------------------------------------------------------------------- */

static void manifests_and_configs_are_judged(void **state) {
    static const struct {
        const char *text, *error;
    } manifests[] = {
        {"[]", "not a JSON object"},
        {"{", "JSON"},
        {"{\"schemaVersion\": 1}", "schemaVersion is not 2"},
        {"{\"schemaVersion\": 2}", "config: a descriptor has no mediaType"},
        {"{\"schemaVersion\": 2, \"config\": {\"mediaType\": \"application/vnd.cncf.helm\"}}",
         "it is no image"},
        {"{\"schemaVersion\": 2, \"config\": {\"mediaType\": \"" OCI
         "config.v1+json\", \"digest\": "
         "\"sha512:00\", \"size\": 1}}",
         "is not a digest"},
        {"{\"schemaVersion\": 2, \"config\": {\"mediaType\": \"" OCI
         "config.v1+json\", \"digest\": "
         "\"sha256:../../../../../../../../../../../../../../../../../../../../../etc/\", "
         "\"size\": 1}}",
         "is not a digest"},
    };
    arena *a = arena_new();
    err e = {0};
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        oci_manifest m;
        assert_true(oci_read_manifest(a, str_from(manifests[i].text), &m, &e) < 0);
        if (!strstr(e.message, manifests[i].error)) fail_msg("%s", e.message);
    }
    oci_config c;
    assert_int_equal(oci_read_config(a, STR("{\"config\": {\"Env\": null}}"), &c, &e), 0);
    assert_int_equal(oci_read_config(a, STR("{\"config\": null}"), &c, &e), 0);
    assert_true(oci_read_config(a, STR("{\"config\": {\"Env\": [\"=x\"]}}"), &c, &e) < 0);
    assert_true(oci_read_config(a, STR("{\"config\": {\"Env\": [1]}}"), &c, &e) < 0);
    arena_free(a);
    (void)state;
}

static void sizes_are_whole_and_not_negative(void **state) {
    static const char *const wrong[] = {"-1", "1.5", "1e300", "\"1\"", "null"};
    arena *a = arena_new();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        oci_descriptor *list;
        size_t count;
        err e = {0};
        str text = arena_printf(a,
                                "{\"schemaVersion\": 2, \"manifests\": [{\"mediaType\": \"" OCI
                                "manifest.v1+json\", \"digest\": \"sha256:%064d\", \"size\": %s}]}",
                                0, wrong[i]);
        assert_true(oci_read_index(a, text, &list, &count, &e) < 0);
        if (!strstr(e.message, "has no size")) fail_msg("%s: %s", wrong[i], e.message);
    }
    arena_free(a);
    (void)state;
}

static void what_is_no_layout_is_told(void **state) {
    fixture *f = *state;
    must_fail(f, !find(f, ""), "index.json");
    write_text(f, fs_join(f->a, f->layout, STR("oci-layout")),
               "{\"imageLayoutVersion\": \"2.0.0\"}");
    must_fail(f, !find(f, ""), "version '2.0.0'");
    fs_remove(fs_join(f->a, f->layout, STR("oci-layout")), &f->e);
    must_fail(f, !find(f, ""), "there is no file 'oci-layout'");
}

static void documents_have_their_size_and_digest(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {0}});
    const char *manifest = put_manifest(f, usual_config(f));
    char *wrong = arena_cstr(f->a, str_from(manifest));
    char *digit = strstr(wrong, "sha256:") + 7;
    *digit = *digit == '0' ? '1' : '0';
    write_index(f, arena_printf(f->a, "{%s}", wrong).ptr);
    must_fail(f, !find(f, ""), "is missing");
    char *size = strstr(wrong = arena_cstr(f->a, str_from(manifest)), "\"size\": ") + 8;
    *size = *size == '9' ? '8' : '9';
    write_index(f, arena_printf(f->a, "{%s}", wrong).ptr);
    must_fail(f, !find(f, ""), "bytes, and must have");
    write_index(f, arena_printf(f->a, "{%s}", manifest).ptr);
    sandbox_image *i = must_find(f, "");
    const char *path = arena_printf(f->a, "%s/blobs/sha256/%s", f->layout, i->digest + 7).ptr;
    char *text = text_of(f, path);
    text[0] = ' ';
    write_text(f, path, text);
    must_fail(f, !find(f, ""), "has the digest");
}

static void the_environment_is_the_configs(void **state) {
    fixture *f = *state;
    add_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {0}});
    finish(f);
    const sandbox_image *i = must_find(f, "");
    assert_str(value_path_str(i->env, "PATH"), "/x:/y");
    assert_str(value_path_str(i->env, "A"), "1");
    assert_int_equal(i->layer_count, 1);
}

/* ---- choosing ------------------------------------------------------------------------------ */

static const char *platform(fixture *f, const char *os, const char *architecture,
                            const char *variant) {
    return arena_printf(
               f->a,
               ", \"platform\": {\"os\": \"%s\", \"architecture\": \"%s\", \"variant\": \"%s\"}",
               os, architecture, variant)
        .ptr;
}

static const char *named(fixture *f, const char *name) {
    return arena_printf(f->a, ", \"annotations\": {\"org.opencontainers.image.ref.name\": \"%s\"}",
                        name)
        .ptr;
}

/* A manifest that differs from others by its one layer. */
static const char *image(fixture *f, const char *file) {
    strbuf_clear(&f->layers);
    add_layer(f, (const item[]){{AE_IFREG, file, file}, {0}});
    return put_manifest(f, usual_config(f));
}

static void digest_is(const sandbox_image *i, const char *descriptor) {
    if (!strstr(descriptor, i->digest)) fail_msg("%s was chosen, not %s", i->digest, descriptor);
}

static void the_image_for_this_machine_is_chosen(void **state) {
    fixture *f = *state;
    const char *ours = image(f, "ours"), *other = image(f, "other");
    str list = arena_printf(
        f->a, "{%s%s}, {%s%s}, {%s%s}, {%s%s}, {%s%s}, {\"mediaType\": \"application/x\"}", other,
        platform(f, "linux", "s390x", ""), other, platform(f, "windows", arch(), ""), other,
        platform(f, "linux", arch(), "v99"), other, platform(f, "unknown", "unknown", ""), ours,
        platform(f, "linux", arch(), ""));
    write_index(f, list.ptr);
    digest_is(must_find(f, ""), ours);
    const char *nested =
        put_blob(f, index_of(f, list.ptr), DOCKER "distribution.manifest.list.v2+json");
    const char *twice =
        put_blob(f, index_of(f, arena_printf(f->a, "{%s}", nested).ptr), OCI "index.v1+json");
    write_index(f, arena_printf(f->a, "{%s%s}", twice, named(f, "docker.io/library/x:1")).ptr);
    digest_is(must_find(f, ""), ours);
    digest_is(must_find(f, "docker.io/library/x:1"), ours);
    must_fail(f, !find(f, "2"), "no image '2'; it names 'docker.io/library/x:1'");
}

static void no_image_for_this_machine_is_told(void **state) {
    fixture *f = *state;
    const char *other = image(f, "other");
    write_index(f, arena_printf(f->a, "{%s%s}, {%s%s}", other, platform(f, "linux", "s390x", ""),
                                other, platform(f, "windows", "amd64", ""))
                       .ptr);
    must_fail(f, !find(f, ""), "but for linux/s390x, windows/amd64");
    write_index(f, "");
    must_fail(f, !find(f, ""), "it has no image");
    /* where only the config says so */
    const char *config = put_config(f, "{\"os\": \"linux\", \"architecture\": \"s390x\"}");
    write_index(f, arena_printf(f->a, "{%s}", put_manifest(f, config)).ptr);
    must_fail(f, !find(f, ""), "the image is for linux/s390x");
}

static void of_several_images_one_must_be_named(void **state) {
    fixture *f = *state;
    const char *one = image(f, "one"), *two = image(f, "two");
    write_index(f, arena_printf(f->a, "{%s%s}, {%s%s}, {%s%s}", one, named(f, "1"), two,
                                named(f, "2"), one, named(f, "latest"))
                       .ptr);
    must_fail(f, !find(f, ""), "several images; say which, as ':TAG': it names '1', '2', 'latest'");
    digest_is(must_find(f, "2"), two);
    digest_is(must_find(f, "latest"), one);
    write_index(
        f, arena_printf(f->a, "{%s%s}, {%s%s}", one, named(f, "1"), one, named(f, "latest")).ptr);
    digest_is(must_find(f, ""), one); /* two names of the same */
}

static void indexes_are_not_nested_for_ever(void **state) {
    fixture *f = *state;
    const char *inner = image(f, "a");
    for (int i = 0; i < OCI_NESTING_MAX + 1; i++)
        inner =
            put_blob(f, index_of(f, arena_printf(f->a, "{%s}", inner).ptr), OCI "index.v1+json");
    write_index(f, arena_printf(f->a, "{%s}", inner).ptr);
    must_fail(f, !find(f, ""), "nested deeper than 4");
}

/* Each index of a chain lists the next one many times. */
static void indexes_do_not_multiply(void **state) {
    fixture *f = *state;
    const char *inner = image(f, "a");
    for (int i = 0; i < OCI_NESTING_MAX; i++) {
        strbuf list = STRBUF_INIT;
        for (int n = 0; n < 100; n++)
            strbuf_addf(&list, "%s{%s}", n ? ", " : "", inner);
        inner = put_blob(f, index_of(f, list.ptr), OCI "index.v1+json");
        strbuf_done(&list);
    }
    write_index(f, arena_printf(f->a, "{%s}", inner).ptr);
    must_fail(f, !find(f, ""), "more than 512 manifests");
}

static void dockers_media_types_are_known(void **state) {
    fixture *f = *state;
    str layer =
        make_layer(f, (const item[]){{AE_IFREG, "a", "x"}, {0}}, archive_write_add_filter_gzip);
    const char *config =
        put_blob(f, arena_printf(f->a, "{" HERE "}", arch()), DOCKER "container.image.v1+json");
    str text = arena_printf(f->a, "{\"schemaVersion\": 2, \"config\": {%s}, \"layers\": [{%s}]}",
                            config, put_blob(f, layer, DOCKER "image.rootfs.diff.tar.gzip"));
    write_index(
        f,
        arena_printf(f->a, "{%s}", put_blob(f, text, DOCKER "distribution.manifest.v2+json")).ptr);
    sandbox_image *i = must_find(f, "");
    if (sandbox_image_unpack(i, &f->e) < 0) fail_msg("%s", f->e.message);
    assert_true(fs_exists(in(f, i->rootfs, "a")));
}

/* ---- the cache ----------------------------------------------------------------------------- */

static void an_image_is_unpacked_once_by_many_at_a_time(void **state) {
    fixture *f = *state;
    enum { COUNT = 8 };
    add_layer(f, (const item[]){{AE_IFREG, "a", .size = 1 << 20}, {AE_IFREG, "last", "x"}, {0}});
    finish(f);
    sandbox_image *i = must_find(f, "");
    assert_false(sandbox_image_is_unpacked(i));
    fs_mkdirs(arena_printf(f->a, "%s/sha256-%s.new/rootfs/left", f->images, i->digest + 7).ptr,
              0755, &f->e); /* by one who was killed */
    pid_t pids[COUNT];
    for (int n = 0; n < COUNT; n++) {
        if ((pids[n] = fork()) == 0)
            _exit(sandbox_image_unpack(i, &f->e) == 0 && fs_exists(in(f, i->rootfs, "last")) ? 0
                                                                                             : 1);
    }
    for (int n = 0; n < COUNT; n++) {
        int status;
        assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
        assert_int_equal(status, 0);
    }
    assert_false(fs_exists(in(f, i->rootfs, "left")));
    ino_t before = stat_of(f, i->rootfs, "last").st_ino;
    assert_int_equal(sandbox_image_unpack(i, &f->e), 0);
    assert_int_equal(stat_of(f, i->rootfs, "last").st_ino, before);
}

/* ---- the jail ------------------------------------------------------------------------------ */

static void in_jail(fixture *f, const char *path) {
    int root = open(f->layout, O_RDONLY | O_DIRECTORY), made;
    jail_spec jail = {.kind = JAIL_WRITE, .tree = root};
    if (jail_enter(&jail, &f->e) < 0) _exit(10);
    made = openat(root, "made", O_WRONLY | O_CREAT, 0600);
    if (made < 0) _exit(11);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}) == 0) _exit(12);
    if (fork() >= 0) _exit(13);
    execl("/bin/true", "true", (char *)NULL);
    if (kill(getppid(), 0) == 0 || tgkill(getppid(), getppid(), 0) == 0) _exit(14);
    if (fcntl(root, F_SETOWN, getppid()) == 0) _exit(17);
    if (mknodat(root, "device", S_IFCHR | 0600, 0) == 0) _exit(15);
    if (chroot(f->outside) == 0 || chdir(f->outside) == 0) _exit(16);
    bool landlock = open(path, O_RDONLY) < 0;
    _exit(landlock ? 0 : 20);
}

static void the_child_can_do_nothing_else(void **state) {
    fixture *f = *state;
    pid_t pid = fork();
    int status;
    if (pid == 0) in_jail(f, fs_join(f->a, f->outside, STR("secret")));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    sandbox_means means;
    sandbox_probe(&means);
    bool confined = means.landlock >= 2;
    assert_int_equal(WEXITSTATUS(status), confined ? 0 : 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(files_folders_and_links_are_unpacked),
        TEST(every_compression_is_read),
        TEST(a_layer_without_entries_is_fine),
        TEST(later_layers_replace_what_is_there),
        TEST(whiteouts_hide_lower_layers_and_not_their_own),
        TEST(owners_are_the_images_for_root_only),
        TEST(extended_attributes_are_left_out),
        TEST(names_that_lead_out_are_errors),
        TEST(whiteouts_that_name_no_file_are_errors),
        TEST(links_that_lead_out_end_inside),
        TEST(what_stands_behind_a_link_out_is_an_error_or_inside),
        TEST(a_file_is_no_folder),
        TEST(a_loop_of_links_is_an_error),
        TEST(names_have_a_length),
        TEST(damaged_archives_are_errors),
        TEST(blobs_have_their_size_and_digest),
        TEST(limits_are_named),
        TEST(bytes_are_counted_over_all_files),
        TEST(layers_are_counted),
        TEST(manifests_and_configs_are_judged),
        TEST(sizes_are_whole_and_not_negative),
        TEST(what_is_no_layout_is_told),
        TEST(documents_have_their_size_and_digest),
        TEST(the_environment_is_the_configs),
        TEST(the_image_for_this_machine_is_chosen),
        TEST(no_image_for_this_machine_is_told),
        TEST(of_several_images_one_must_be_named),
        TEST(indexes_are_not_nested_for_ever),
        TEST(indexes_do_not_multiply),
        TEST(dockers_media_types_are_known),
        TEST(an_image_is_unpacked_once_by_many_at_a_time),
        TEST(the_child_can_do_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
