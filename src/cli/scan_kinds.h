/* scan_kinds.h: what `slipway scan` looks for, as one table. */
#ifndef SLIPWAY_CLI_SCAN_KINDS_H
#define SLIPWAY_CLI_SCAN_KINDS_H

#include "scan/secrets/secrets.h"

/* What a scanner is made for. */
typedef struct scan_setup {
    arena *a;
    const char *root;   /* the top of what is scanned, where a kind looks for its configuration */
    const char *config; /* --config, or NULL */
    const char *cache;  /* a folder for what takes long to make (compiled rules), or NULL */
    const char *const *vex; /* --vex */
    size_t vex_count;
    secrets_verifier *verifier; /* --verify, or NULL */
    bool optional_advisories;   /* that there are none is a warning */
    bool no_redact;             /* secrets may be shown */
    bool quick;                 /* little is to be read: nothing that takes long is made */
    bool versions;              /* many versions of files are to be read, one after the other */
} scan_setup;

/* A new scanner, for one scan. */
typedef int scan_kind_make(const scan_setup *how, scanner **ret, err *e);

typedef struct scan_kind {
    const char *name; /* of --only, and the kind of its findings */
    scan_kind_make *make;
    void (*free)(scanner *s);                             /* may be NULL */
    const scan_error_list *(*warnings)(const scanner *s); /* about its rules; may be NULL */
    bool of_history; /* old versions of files are worth reading */
    /* The files that it reads, where what one of them says depends on the others; NULL: each file
     * speaks for itself. */
    bool (*together)(str path);
} scan_kind;

/* Ends with a NULL name. */
extern const scan_kind scan_kinds[];

/* Fills `ret_chosen` (an array in `a`) with what the lists of --only name ("secrets,deps"), all
 * kinds when there is none. Gives how many, or a negative code. */
int scan_kinds_choose(arena *a, const char *const *only, size_t only_count,
                      const scan_kind ***ret_chosen, err *e);
/* Makes those scanners; scan_kinds_free after the scan, also when this fails. */
int scan_kinds_make(const scan_setup *how, const scan_kind *const *chosen, size_t count,
                    scanner ***ret, err *e);
void scan_kinds_free(const scan_kind *const *chosen, size_t count, scanner **made);
/* Says on stderr what was passed over in their rules. */
void scan_kinds_warn(const scan_kind *const *chosen, size_t count, scanner *const *made);

#endif
