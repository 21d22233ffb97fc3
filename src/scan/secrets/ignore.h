/* ignore.h: .gitleaksignore, a file of fingerprints that are passed over: `path:rule:line`
 * anywhere, `commit:path:rule:line` in one commit. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_IGNORE_H
#define SLIPWAY_SCAN_SECRETS_IGNORE_H

#include "scan/scan.h"

#define IGNORE_FILE     ".gitleaksignore"
#define IGNORE_FILE_MAX ((size_t)16 << 20)

typedef struct ignore_list {
    str *lines; /* sorted */
    size_t count, cap;
} ignore_list;

/* Reads a file's text. Comments begin with '#'. A line that is no fingerprint is a warning. */
void ignore_parse(arena *a, str text, str file, ignore_list *ret, scan_error_list *warnings);
/* `commit` may be empty. */
bool ignore_has(const ignore_list *list, str commit, str path, str rule, uint32_t line);

#endif
