/* gate_evidence.h: reports on disk become evidence. */
#ifndef SLIPWAY_CLI_GATE_EVIDENCE_H
#define SLIPWAY_CLI_GATE_EVIDENCE_H

#include "gate/gate.h"

/* Reads what a person named: a file, or a folder with reports in it. Of a folder's files those that
 * are no report are passed over; a named file must be one. Evidence about another commit than
 * `commit` (which may be empty) is left out with a warning, as is what is empty of a folder. */
int gate_evidence_add(evidence_list *out, const char *path, str commit, err *e);
/* Reads what lies in `root` at the patterns of `evidence:` (base/glob.h). */
int gate_evidence_find(evidence_list *out, const char *root, const str *patterns, size_t count,
                       str commit, err *e);
/* Reads one report and completes the evidence: digest, and the commit where it names none. */
int gate_evidence_read(arena *a, const char *path, str commit, evidence *ret, err *e);

#endif
