/* A tar of any bytes is a whole backup, or refused with a reason; so is a list of digests. */
#include "fuzz.h"

#include "store/backup_parts.h"

#include "base/fs.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_close_ int fd = memfd_create("backup", MFD_CLOEXEC);
    err e = {0};
    char path[64];
    str rest = {(const char *)data, size}, digest, name;
    int r;
    while ((r = backup_sums_next(&rest, &digest, &name, &e)) > 0)
        CHECK(digest.len == DIGEST_CHARS && backup_name_valid(name));
    if (r < 0) CHECK(e.message[0]);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    e = (err){0};
    if (backup_verify(path, &e) < 0) CHECK(e.message[0]);
    return 0;
}
