/* check_report.h: what `slipway check` prints. */
#ifndef SLIPWAY_CLI_CHECK_REPORT_H
#define SLIPWAY_CLI_CHECK_REPORT_H

#include "cli/diagnostics.h"

typedef struct check_report {
    size_t file_count;
    problem_list *problems; /* sorted */
    sources *sources;
    bool partial; /* errors kept some of the rules from being tried */
    size_t counts[SEVERITY_COUNT];
} check_report;

/* Fills `counts`. */
void report_count(check_report *r);

typedef void check_report_fn(strbuf *out, const style *st, const check_report *r);
check_report_fn check_report_text, check_report_json, check_report_sarif;

#endif
