/* report.h: findings as files that other tools read. Each writer appends a whole document. */
#ifndef SLIPWAY_SCAN_REPORT_H
#define SLIPWAY_SCAN_REPORT_H

#include "scan/scan.h"

/* A rule that may have no finding. */
typedef struct report_rule {
    const char *id, *title, *help; /* help may be NULL */
    finding_level level;
} report_rule;

/* A file that says what counts: rules, suppressions, a baseline. */
typedef struct report_policy {
    str path, sha256; /* in hex */
} report_policy;

/* What a report is about. */
typedef struct report_head {
    const char *tool;         /* "slipway scan" */
    str root;                 /* what was scanned, as the user named it */
    const char *const *kinds; /* what was looked for: that nothing was found means something */
    size_t kind_count;
    str commit;      /* of the working copy, or empty */
    str branch;      /* of it, or empty */
    str remote;      /* the URL of its repository, or empty */
    str category;    /* of the upload to GitHub: reports of one category replace each other */
    size_t commits;  /* how many were scanned; 0: no history */
    size_t baseline; /* findings left out because the baseline has them */
    size_t suppressed;
    bool show_suppressed; /* write those, too */
    unsigned failing;     /* the scan fails for findings of the first so many levels */
    bool security;        /* rules get a severity as GitHub has it for security alerts */
    const report_policy *policy;
    size_t policy_count;
    const report_rule *rules; /* all that there are; NULL: those of the findings */
    size_t rule_count;
} report_head;

/* Gives the number of findings that the format's limits leave out: of those that matter least. */
typedef size_t report_fn(strbuf *out, const scan_report *r, const report_head *head);
report_fn report_json, report_sarif, report_junit, report_markdown, report_github;

/* How many of the suppressed findings are none because a VEX document says so. */
size_t report_vex_count(const scan_report *r);

/* "critical", "high" are errors, "medium" is a warning, the others are notes: as SARIF and GitHub's
 * annotations have three levels. */
typedef enum report_grade { GRADE_ERROR, GRADE_WARNING, GRADE_NOTE, GRADE_COUNT } report_grade;
report_grade report_grade_of(finding_level level);

/* As the key "policy", where there is any. */
void report_policy_write(json_out *o, const report_head *head);

/* "1 critical, 2 high"; "no findings" when there are none. */
void report_counts(strbuf *out, const finding_list *findings);

/* A file's limits: GitHub's pages "SARIF support" and "SARIF results exceed limits", and of job
 * summaries and annotations "Workflow commands". */
#define REPORT_SARIF_RESULTS_MAX 25000
#define REPORT_SARIF_BYTES_MAX   ((size_t)40 << 20) /* gzip makes less than 10 MB of it */
#define REPORT_SARIF_TAGS_MAX    20
#define REPORT_SARIF_PLACES_MAX  1000
#define REPORT_SARIF_TEXT_MAX    1024 /* of a description */
#define REPORT_MARKDOWN_MAX      ((size_t)1000 << 10)
#define REPORT_GITHUB_MAX        10 /* annotations of a level that GitHub shows of a step */

#endif
