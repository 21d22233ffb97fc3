/* gate_report.h: what `slipway gate` prints. */
#ifndef SLIPWAY_CLI_GATE_REPORT_H
#define SLIPWAY_CLI_GATE_REPORT_H

#include "cli/style.h"
#include "gate/gate.h"

typedef struct gate_report {
    const gate_decision *decision;
    const evidence_list *evidence, *base;
    str commit;
} gate_report;

typedef void gate_report_fn(strbuf *out, const style *st, const gate_report *r);
gate_report_fn gate_report_table, gate_report_json, gate_report_markdown, gate_report_github;

/* NULL where there is no such format. */
gate_report_fn *gate_report_find(const char *name);

/* The cases of a gate; gives how many were not as expected. */
size_t gate_report_tests(strbuf *out, const style *st, const gate *g,
                         const gate_test_result *results);

#endif
