/* scan.h: reads files and yields findings.
 *
 * A scanner (secrets, deps, …) knows what one file says. What is scanned comes from a source (a
 * folder, the staged changes, the whole history, stdin), and is read by children in a jail, one a
 * core: files are hostile. The same files give the same report, whatever the number of children. */
#ifndef SLIPWAY_SCAN_SCAN_H
#define SLIPWAY_SCAN_SCAN_H

#include "base/err.h"
#include "base/json.h"

/* ---- findings ------------------------------------------------------------------------------- */

typedef enum finding_level {
    LEVEL_CRITICAL,
    LEVEL_HIGH,
    LEVEL_MEDIUM,
    LEVEL_LOW,
    LEVEL_INFO,
    LEVEL_COUNT
} finding_level;

/* "critical". */
const char *level_name(finding_level level);
/* Reads a level, also by SARIF's names (error is high, warning medium, note low); false for others.
 */
bool level_parse(str name, finding_level *ret);

/* Why a finding does not count, in SARIF's words. */
typedef enum finding_suppression {
    SUPPRESSED_NOT,
    SUPPRESSED_IN_SOURCE, /* by a comment beside it */
    SUPPRESSED_EXTERNAL,  /* by an entry of a file */
    SUPPRESSED_COUNT
} finding_suppression;

/* One problem. Texts are valid UTF-8 and hold no secret. Empty where nothing is known. */
typedef struct finding {
    str kind; /* the scanner's name: "secrets", "deps", … */
    finding_level level;
    str rule;     /* "github-pat", "GHSA-…" */
    str title;    /* the rule in a few words */
    str message;  /* one sentence about this place, without a full stop */
    str help;     /* what to do, in sentences */
    str help_uri; /* where more is told */
    str fix;      /* what to change here, where that is known: "upgrade to 4.17.21" */
    str path;     /* '/'-separated, from the root of what was scanned */
    /* From 1, columns count code points, the end is exclusive. line 0: the file as a whole. */
    uint32_t line, column, end_line, end_column;
    str excerpt;     /* the lines of the place, secrets redacted */
    str line_hash;   /* GitHub's primaryLocationLineHash, "39fa2ee980eb94b0:1" */
    str fingerprint; /* 32 hex digits, the same when the place has moved within its file */
    str commit, author, email, date; /* who brought it in, where history was asked */
    value properties;                /* an object: what is particular to the scanner, or null */
    /* What its provider said of a secret: "active", "inactive" or "unknown"; empty where nobody was
     * asked. Is written, but never read back. */
    str verified;
    finding_suppression suppressed;
    str justification; /* of the suppression, as somebody has written it */
} finding;

/* Fills the fingerprint from the kind, rule, path and `identity`: what makes this finding another
 * than the next one of the same rule in the same file (what stands around it, a package). */
void finding_identify(arena *a, finding *f, str identity);
/* One JSON object, the form of every report, baseline and cache. */
void finding_write(json_out *o, const finding *f);
/* Reads it back, unknown keys are passed over; ERR_INVALID names what is missing or wrong. */
int finding_read(arena *a, const value *object, finding *ret, err *e);
/* By path, place, kind, rule and fingerprint. */
int finding_cmp(const finding *a, const finding *b);
/* The worst first, then as finding_cmp. */
int finding_cmp_level(const finding *a, const finding *b);

typedef enum finding_order { ORDER_PLACE, ORDER_LEVEL } finding_order;

typedef struct finding_list {
    arena *a;
    finding *items;
    size_t count, cap;
} finding_list;

void finding_list_add(finding_list *list, const finding *f);
void finding_list_sort(finding_list *list, finding_order order);
/* Findings of one file that are told apart by nothing else are by their order: the second and later
 * ones get fingerprints of their own. */
void findings_number(finding_list *list);

/* What could not be scanned. A scan with errors is not clean. */
typedef struct scan_error {
    str path; /* empty: the scan as a whole */
    uint32_t line, column;
    str message;
} scan_error;

/* As a JSON object. */
void scan_error_write(json_out *o, const scan_error *error);

typedef struct scan_error_list {
    arena *a;
    scan_error *items;
    size_t count, cap;
} scan_error_list;

/* ---- a scan --------------------------------------------------------------------------------- */

typedef struct scan_source scan_source; /* scan/source.h */
typedef struct scanner scanner;         /* scan/scanner.h */

typedef struct scan_options {
    unsigned jobs;              /* children; 0: one a core */
    uint64_t max_file_bytes;    /* a larger file is an error; 0: SCAN_FILE_MAX */
    const char *cache;          /* a folder for what need not be read again, or NULL */
    const char *const *exclude; /* globs of paths, from the root, that are left out */
    size_t exclude_count;
    /* Called now and then, from the loop that waits for the children. May be NULL. */
    void (*progress)(void *context, size_t done, size_t count);
    void *context;
} scan_options;

#define SCAN_FILE_MAX     (256ULL << 20)
#define SCAN_FINDINGS_MAX 100000

typedef struct scan_report {
    finding_list findings;   /* sorted */
    finding_list suppressed; /* sorted; what does not count */
    scan_error_list errors;
    scan_error_list warnings; /* what a reader of the report should know: no error */
    size_t file_count;        /* what was looked at, the unchanged ones included */
    size_t cached;            /* of them, what was known already */
} scan_report;

/* Scans all of a source with these scanners. What is wrong with a file is in the report; an error
 * here means that nothing was scanned. */
int scan_run(arena *a, scan_source *source, scanner *const *scanners, size_t scanner_count,
             const scan_options *options, scan_report *ret, err *e);

#endif
