/* What an archive lists can be read, or is refused with a reason. */
#include "fuzz.h"

#include "scan/advisories/zip.h"

#include "base/fs.h"

#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1u << 20)

static bool read_entry(void *context, str name, const zip_entry *entry) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    err e = {0};
    (void)name;
    if (zip_read(*(int *)context, entry, FILE_BYTES_MAX, &out, &e) < 0)
        CHECK(e.message[0]);
    else
        CHECK(out.len == entry->size || entry->method == 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_close_ int fd = memfd_create("zip", MFD_CLOEXEC);
    err e = {0};
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
    if (zip_list(fd, read_entry, &fd, &e) < 0) CHECK(e.message[0]);
    return 0;
}
