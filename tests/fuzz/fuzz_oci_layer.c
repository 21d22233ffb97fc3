/* Whatever an archive holds, unpacked over another layer, nothing outside of the tree is touched,
 * and nothing in it is a device or makes a program another user.
 *
 * An input that looks compressed is an archive. Any other is lines of a type (as tar has them: '0'
 * file, '1' hard link, '2' link, '3' device, '5' folder, '6' pipe), a name, a tab, and what it
 * links to or holds: the archive with these entries. Headers of tar have checksums, which hardly an
 * archive would have after a change. */
#include "fuzz.h"

#include "base/fs.h"
#include "base/hash.h"
#include "sandbox/oci.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top; /* with the tree, and beside it what must stay as it is */
static int entries;
static bool clean; /* the tree is as it was made */

#define MADE 4 /* entries of the tree at first, and its root */

static int judge(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)path, (void)type, (void)at;
    CHECK(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode));
    CHECK(!(st->st_mode & (S_ISUID | S_ISGID)));
    entries++;
    return 0;
}

static void remove_top(void) {
    err e = {0};
    fs_remove(top, &e);
}

static void begin(arena *a) {
    static arena *kept;
    err e = {0};
    if (!kept) {
        kept = arena_new();
        CHECK(fs_temp_dir(kept, "fuzz-oci-", &top, &e) == 0);
        oci_layer_prepare();
        atexit(remove_top);
    }
    if (clean) return;
    const char *below = fs_join(a, top, STR("tree/d"));
    CHECK(fs_remove(fs_join(a, top, STR("tree")), &e) == 0 && fs_mkdirs(below, 0755, &e) == 0);
    CHECK(fs_create(fs_join(a, below, STR("f")), STR("lower"), 0644, &e) == 0);
    CHECK(symlink("/", fs_join(a, below, STR("top"))) == 0);
    CHECK(symlink("../../..", fs_join(a, below, STR("up"))) == 0);
    CHECK(fs_create(fs_join(a, top, STR("outside")), STR("keep"), 0644, &e) == 0);
}

static void check_outside(arena *a) {
    str text;
    err e = {0};
    fs_entry *list;
    size_t count;
    CHECK(fs_read(a, fs_join(a, top, STR("outside")), 100, &text, &e) == 0 && str_is(text, "keep"));
    CHECK(fs_list(a, top, &list, &count, &e) == 0 && count == 2);
}

#define BLOCK 512 /* of tar */

static void put_text(char *field, size_t room, str text) {
    memcpy(field, text.ptr, text.len < room ? text.len : room);
}

static void add_entry(strbuf *out, str line) {
    char head[BLOCK] = {0};
    str name, rest;
    bool file = line.ptr[0] == '0';
    str_cut(str_sub(line, 1, line.len), '\t', &name, &rest);
    put_text(head, 100, name);
    put_text(head + 100, 8, STR("0006755"));
    put_text(head + 108, 8, STR("0000000"));
    put_text(head + 116, 8, STR("0000000"));
    snprintf(head + 124, 12, "%011o", file ? (unsigned)rest.len : 0);
    put_text(head + 136, 12, STR("00000000000"));
    head[156] = line.ptr[0];
    if (!file) put_text(head + 157, 100, rest);
    put_text(head + 257, 8, STR("ustar\00000"));
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    strbuf_add(out, (str){head, BLOCK});
    if (file) strbuf_add(out, rest);
    strbuf_pad(out, '\0', (BLOCK - out->len % BLOCK) % BLOCK);
}

static void make_archive(strbuf *out, str text) {
    str line;
    if (text.len && text.ptr[0] & 0x60) { /* a digit, or at least a character */
        while (str_line(&text, &line)) {
            if (line.len) add_entry(out, line);
        }
        strbuf_pad(out, '\0', 2 * BLOCK);
    } else {
        strbuf_add(out, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    oci_limits limits = {.entries = 200, .bytes = 1 << 20, .ratio = 100, .ratio_from = 1 << 20};
    _cleanup_strbuf_ strbuf archive = STRBUF_INIT;
    make_archive(&archive, (str){(const char *)data, size});
    oci_descriptor told = {.kind = OCI_LAYER, .size = archive.len};
    uint8_t digest[32];
    err e = {0};
    begin(a);
    sha256 *h = sha256_new();
    sha256_add(h, strbuf_cstr(&archive), archive.len);
    sha256_end(h, digest);
    hex_encode(digest, sizeof digest, told.hex);
    _cleanup_close_ int blob = memfd_create("layer", MFD_CLOEXEC);
    CHECK(write(blob, strbuf_cstr(&archive), archive.len) == (ssize_t)archive.len);
    const char *tree = fs_join(a, top, STR("tree"));
    _cleanup_close_ int root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    oci_tree t = {.root = root, .limits = &limits, .entries = MADE};
    if (oci_layer_apply(&t, blob, &told, &e) < 0) CHECK(e.message[0]);
    CHECK(t.bytes <= limits.bytes);
    entries = 0;
    CHECK(nftw(tree, judge, 16, FTW_PHYS | FTW_DEPTH) == 0);
    CHECK(entries <= MADE + 1 + (int)limits.entries);
    clean = t.entries == MADE && entries == MADE + 1;
    check_outside(a);
    return 0;
}
