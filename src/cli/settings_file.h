/* settings_file.h: slipway.yml as it lies in a repository's top folder. */
#ifndef SLIPWAY_CLI_SETTINGS_FILE_H
#define SLIPWAY_CLI_SETTINGS_FILE_H

#include "cli/diagnostics.h"
#include "workflow/settings.h"

#define SETTINGS_FILE "slipway.yml"

/* Reads and judges it: also what the pure reader leaves to whoever enforces it (names and
 * addresses of networks). *ret is NULL where there is no such file; what is wrong with it is in
 * (*ret)->problems, and with errors there it must not be used. The text is added to `texts` under
 * `shown`, the path as it is named in problems. */
int settings_file_read(arena *a, sources *texts, const char *root, const char *shown,
                       settings **ret, err *e);

#endif
