/* cvss_vector.h: metrics of a vector. Private to cvss*.c. */
#ifndef SLIPWAY_SCAN_ADVISORIES_CVSS_VECTOR_H
#define SLIPWAY_SCAN_ADVISORIES_CVSS_VECTOR_H

#include "base/str.h"

typedef struct cvss_metric {
    const char *name;
    const char *values; /* a letter each; longer ones are told by their first letters: "ND" is N and
                         * D of v2, where it means what a missing metric means */
    bool required;
} cvss_metric;

#define CVSS_METRICS_MAX 40

/* ret[i] is the letter of metrics[i], or 0 where it is missing. */
bool cvss_read(str body, const cvss_metric *metrics, size_t count, char ret[CVSS_METRICS_MAX]);
/* Without its "CVSS:4.0/". */
int cvss4_score(str body);

#endif
