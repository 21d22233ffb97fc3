/* replay.c: runs a fuzzer over the files of a folder and over the beginnings of each, in builds
 * that have no libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MAX_SIZE   (1 << 20)
#define PREFIX_MAX 2048

/* Each input is a block of its own size, so that ASan sees a read past its end. */
static void run(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t replay(const char *path) {
    static uint8_t data[MAX_SIZE];
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    for (size_t n = 0; n < size && n < PREFIX_MAX; n++)
        run(data, n);
    run(data, size);
    return 1;
}

int main(int argc, char **argv) {
    size_t count = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.') continue;
        if (snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name) < PATH_MAX)
            count += replay(path);
    }
    closedir(dir);
    printf("%zu files\n", count);
    return count == 0;
}
