#include "scan/advisories/zip.h"

#include "base/arena.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define END_BYTES         22
#define COMMENT_MAX       65535
#define LOCATOR_BYTES     20
#define END64_BYTES       56
#define CENTRAL_BYTES     46
#define LOCAL_BYTES       30
#define DIRECTORY_MAX     (1ULL << 30)
#define SIGNATURE_END     0x06054B50
#define SIGNATURE_LOCATOR 0x07064B50
#define SIGNATURE_END64   0x06064B50
#define SIGNATURE_CENTRAL 0x02014B50
#define SIGNATURE_LOCAL   0x04034B50

static uint64_t number_at(const char *at, size_t bytes) {
    uint64_t n = 0;
    for (size_t i = bytes; i-- > 0;)
        n = n << 8 | (unsigned char)at[i];
    return n;
}

static int broken(err *e) {
    return err_set(e, ERR_INVALID, "is a broken ZIP archive");
}

static int read_at(int fd, uint64_t at, void *into, size_t size, err *e) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)into + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot be read");
        if (n == 0) return broken(e);
        done += (size_t)n;
    }
    return 0;
}

/* ---- the directory --------------------------------------------------------------------------- */

typedef struct directory {
    uint64_t at, size, count;
} directory;

static int read_end64(int fd, uint64_t end_at, directory *d, err *e) {
    char locator[LOCATOR_BYTES], end[END64_BYTES];
    if (end_at < LOCATOR_BYTES ||
        read_at(fd, end_at - LOCATOR_BYTES, locator, LOCATOR_BYTES, e) < 0)
        return broken(e);
    if (number_at(locator, 4) != SIGNATURE_LOCATOR) return broken(e);
    uint64_t at = number_at(locator + 8, 8);
    if (at > end_at || read_at(fd, at, end, sizeof end, e) < 0) return broken(e);
    if (number_at(end, 4) != SIGNATURE_END64) return broken(e);
    d->count = number_at(end + 32, 8);
    d->size = number_at(end + 40, 8);
    d->at = number_at(end + 48, 8);
    return 0;
}

/* The end of the archive is looked for from the back: a comment may follow it. */
static int find_directory(int fd, directory *d, err *e) {
    struct stat st;
    if (fstat(fd, &st) < 0) return err_sys(e, errno, "cannot be read");
    uint64_t size = (uint64_t)st.st_size;
    if (size < END_BYTES) return err_set(e, ERR_INVALID, "is no ZIP archive");
    uint64_t tail = size < END_BYTES + COMMENT_MAX ? size : END_BYTES + COMMENT_MAX;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_reserve(&text, tail);
    if (read_at(fd, size - tail, text.ptr, tail, e) < 0) return e->code;
    for (uint64_t at = tail - END_BYTES + 1; at-- > 0;) {
        const char *end = text.ptr + at;
        if (number_at(end, 4) != SIGNATURE_END) continue;
        d->count = number_at(end + 10, 2);
        d->size = number_at(end + 12, 4);
        d->at = number_at(end + 16, 4);
        bool large = d->count == 0xFFFF || d->size == 0xFFFFFFFF || d->at == 0xFFFFFFFF;
        if (large && read_end64(fd, size - tail + at, d, e) < 0) return e->code;
        if (d->at > size || d->size > size - d->at) return broken(e);
        return 0;
    }
    return err_set(e, ERR_INVALID, "is no ZIP archive");
}

/* Sizes and places of 64 bits are in an extra field, those only that do not fit. */
static bool read_extra64(str extra, zip_entry *entry) {
    while (extra.len >= 4) {
        size_t id = number_at(extra.ptr, 2), size = number_at(extra.ptr + 2, 2);
        str body = str_sub(extra, 4, 4 + size);
        if (body.len < size) return false;
        extra = str_sub(extra, 4 + size, extra.len);
        if (id != 1) continue;
        uint64_t *fields[] = {&entry->size, &entry->packed, &entry->header_at};
        for (size_t i = 0; i < 3; i++) {
            if (*fields[i] != 0xFFFFFFFF) continue;
            if (body.len < 8) return false;
            *fields[i] = number_at(body.ptr, 8);
            body = str_sub(body, 8, body.len);
        }
    }
    return true;
}

int zip_list(int fd, zip_each *each, void *context, err *e) {
    directory d = {0};
    if (find_directory(fd, &d, e) < 0) return e->code;
    if (d.size > DIRECTORY_MAX || d.count > ZIP_ENTRIES_MAX)
        return err_set(e, ERR_LIMIT, "has more than %u entries, or a list of more than 1 GiB",
                       ZIP_ENTRIES_MAX);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_reserve(&text, d.size);
    if (read_at(fd, d.at, text.ptr, d.size, e) < 0) return e->code;
    str rest = {text.ptr, d.size};
    for (uint64_t i = 0; i < d.count; i++) {
        const char *h = rest.ptr;
        if (rest.len < CENTRAL_BYTES || number_at(h, 4) != SIGNATURE_CENTRAL) return broken(e);
        zip_entry entry = {.flags = (uint16_t)number_at(h + 8, 2),
                           .method = (uint16_t)number_at(h + 10, 2),
                           .crc = (uint32_t)number_at(h + 16, 4),
                           .packed = number_at(h + 20, 4),
                           .size = number_at(h + 24, 4),
                           .header_at = number_at(h + 42, 4)};
        size_t name = number_at(h + 28, 2), extra = number_at(h + 30, 2),
               note = number_at(h + 32, 2);
        size_t whole = CENTRAL_BYTES + name + extra + note;
        if (rest.len < whole) return broken(e);
        if (!read_extra64((str){h + CENTRAL_BYTES + name, extra}, &entry)) return broken(e);
        str name_text = {h + CENTRAL_BYTES, name};
        rest = str_sub(rest, whole, rest.len);
        if (!str_ends(name_text, STR("/")) && !each(context, name_text, &entry)) return 0;
    }
    return 0;
}

/* ---- a file ---------------------------------------------------------------------------------- */

static int unpack(const zip_entry *entry, str packed, strbuf *out, err *e) {
    z_stream z = {.next_in = (Bytef *)packed.ptr, .avail_in = (uInt)packed.len};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) oom();
    strbuf_reserve(out, entry->size + 1);
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)entry->size;
    int r = inflate(&z, Z_FINISH);
    size_t got = entry->size - z.avail_out;
    inflateEnd(&z);
    if (r != Z_STREAM_END || got != entry->size) return broken(e);
    out->len += got;
    return 0;
}

int zip_read(int fd, const zip_entry *entry, size_t max_bytes, strbuf *out, err *e) {
    char local[LOCAL_BYTES];
    size_t from = out->len;
    if (entry->flags & 1) return err_set(e, ERR_UNSUPPORTED, "is encrypted");
    if (entry->method != 0 && entry->method != Z_DEFLATED)
        return err_set(e, ERR_UNSUPPORTED, "is compressed in a way that is not known (%d)",
                       entry->method);
    if (entry->size > max_bytes || entry->packed > max_bytes)
        return err_set(e, ERR_LIMIT, "is larger than %zu MiB", max_bytes >> 20);
    if (entry->header_at > INT64_MAX / 2 ||
        read_at(fd, entry->header_at, local, LOCAL_BYTES, e) < 0)
        return broken(e);
    if (number_at(local, 4) != SIGNATURE_LOCAL) return broken(e);
    uint64_t at =
        entry->header_at + LOCAL_BYTES + number_at(local + 26, 2) + number_at(local + 28, 2);
    _cleanup_strbuf_ strbuf packed = STRBUF_INIT;
    strbuf *to = entry->method ? &packed : out;
    strbuf_reserve(to, entry->packed);
    if (read_at(fd, at, to->ptr + to->len, entry->packed, e) < 0) return e->code;
    to->len += entry->packed;
    if (entry->method && unpack(entry, strbuf_str(&packed), out, e) < 0) return e->code;
    str body = str_sub(strbuf_str(out), from, out->len);
    if (crc32(0, (const Bytef *)body.ptr, (uInt)body.len) != entry->crc) return broken(e);
    return 0;
}
