/* evidence.h: readers of reports. Private to src/gate.
 *
 * Each gives metrics, an object, from a text of its format; `tool` and `time` where it says them.
 */
#ifndef SLIPWAY_GATE_EVIDENCE_H
#define SLIPWAY_GATE_EVIDENCE_H

#include "base/xml.h"
#include "gate/gate.h"

/* Of the document's root, already parsed. */
int evidence_junit(arena *a, const xml_node *root, evidence *ev, err *e);
int evidence_cobertura(arena *a, const xml_node *root, evidence *ev, err *e);
int evidence_jacoco(arena *a, const xml_node *root, evidence *ev, err *e);

int evidence_lcov(arena *a, str text, evidence *ev, err *e);

int evidence_coverage_py(arena *a, const value *root, evidence *ev, err *e);
int evidence_sarif(arena *a, const value *root, evidence *ev, err *e);
int evidence_scan(arena *a, const value *root, evidence *ev, err *e);
/* Whether the findings of a record are such: each has a known level, a kind and a fingerprint. */
int evidence_check_findings(const value *metrics, err *e);
int evidence_cyclonedx(arena *a, const value *root, evidence *ev, err *e);
int evidence_spdx(arena *a, const value *root, evidence *ev, err *e);
int evidence_k6(arena *a, const value *root, evidence *ev, err *e);
int evidence_reviews(arena *a, const value *root, evidence *ev, err *e);
int evidence_record(arena *a, const value *root, evidence *ev, err *e);

/* ---- what the readers share ----------------------------------------------------------------- */

/* Sets a number under a key. */
void metric(arena *a, value *metrics, const char *key, double n);
/* A number in a text such as "12.5" or "1,234"; false when it is none. */
bool metric_parse(str text, double *ret);

/* Coverage in lines, file by file, until it becomes metrics. */
typedef struct coverage_sum coverage_sum;
coverage_sum *coverage_new(arena *a);
/* A line of a file with its count of hits; the same line again adds up. */
void coverage_line(coverage_sum *c, str path, uint32_t line, bool hit);
/* Lines of a file of which only the counts are known. */
void coverage_counts(coverage_sum *c, str path, uint64_t covered, uint64_t total);
void coverage_branches(coverage_sum *c, uint64_t covered, uint64_t total);
/* {lines, lines_covered, lines_total, branches, …, files: {path: {covered, total}}}. ERR_INVALID
 * when nothing was measured: a report of no lines says nothing. */
int coverage_metrics(coverage_sum *c, value *ret, err *e);

#endif
