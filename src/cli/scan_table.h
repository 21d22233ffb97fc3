/* scan_table.h: findings as a person reads them. */
#ifndef SLIPWAY_CLI_SCAN_TABLE_H
#define SLIPWAY_CLI_SCAN_TABLE_H

#include "cli/style.h"
#include "scan/report.h"

/* `here`: the folder in which the person stands, from the root of the paths ("src/"), or empty. */
void scan_table(strbuf *out, const style *st, str here, const scan_report *r,
                const report_head *head);

#endif
