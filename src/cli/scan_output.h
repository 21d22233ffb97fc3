/* scan_output.h: where the reports of a scan go, and as what.
 *
 * Each --output takes the --format before it, or else what its name tells (.sarif, .json, .xml,
 * .md). A --format without an --output after it is what is printed on stdout; without one that is
 * the table. So one scan can write several reports. */
#ifndef SLIPWAY_CLI_SCAN_OUTPUT_H
#define SLIPWAY_CLI_SCAN_OUTPUT_H

#include "cli/options.h"
#include "scan/report.h"

typedef struct scan_format scan_format;

typedef struct scan_output {
    const scan_format *format;
    const char *path; /* NULL: stdout */
} scan_output;

typedef struct scan_outputs {
    scan_output *items;
    size_t count, cap;
} scan_outputs;

/* Reads the options "format", "output" and "quiet". */
int scan_outputs_choose(arena *a, const options *given, scan_outputs *ret, err *e);
/* Whether one of the formats tells of the repository. */
bool scan_outputs_want_commit(const scan_outputs *outputs);
/* Writes all; gives 0, or 2 when one could not be written, which is told on stderr. A file that is
 * no regular one, and the summary of a workflow's step, is added to, not replaced. `here` as in
 * scan_table. */
int scan_outputs_write(const scan_outputs *outputs, str here, const scan_report *r,
                       const report_head *head);

#endif
