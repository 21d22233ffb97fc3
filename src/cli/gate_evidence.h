/* gate_evidence.h: reports on disk become evidence. */
#ifndef SLIPWAY_CLI_GATE_EVIDENCE_H
#define SLIPWAY_CLI_GATE_EVIDENCE_H

#include "cli/options.h"
#include "gate/gate.h"

/* What evidence must be about; empty where it is not known, and then evidence that names one is of
 * another. */
typedef struct gate_subject {
    str commit, artifact;
    bool is_base; /* of what the change is compared with */
    bool any;     /* nobody has said which commit that is: all that was named counts */
} gate_subject;

/* --commit and --artifact. */
int gate_subject_read(const options *given, gate_subject *ret, err *e);

/* Reads what a person named: a file, or a folder with reports in it. Of a folder's files those that
 * are no report are passed over; a named file must be one. Evidence about something else is left
 * out with a warning. */
int gate_evidence_add(evidence_list *out, const char *path, const gate_subject *about, err *e);
/* Reads what lies in `root` at the patterns of `evidence:` (base/glob.h). */
int gate_evidence_find(evidence_list *out, const char *root, const str *patterns, size_t count,
                       const gate_subject *about, err *e);
/* Reads one report and completes the evidence: digest, and the commit where it names none. */
int gate_evidence_read(arena *a, const char *path, str commit, evidence *ret, err *e);

#endif
