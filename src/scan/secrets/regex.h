/* regex.h: the regular expressions of Go (RE2's syntax), matched by PCRE2. Private to
 * src/scan/secrets.
 *
 * Rules are written for gitleaks, so a pattern means what Go's regexp/syntax says. It is parsed
 * here, and written anew in words that PCRE2 and vectorscan understand alike: flags are resolved,
 * \s is Go's, $ is the very end, names of groups are gone. What RE2 has not (look-around,
 * back-references, possessive repeats) is refused with its place.
 *
 * Matching is by bytes. A `.` and a negated class take one byte of a longer character, so counts of
 * such characters differ from Go's; classes with characters beyond ASCII, \p{…} and such letters
 * without case are matched as UTF-8 instead, where ill-formed bytes match nothing. */
#ifndef SLIPWAY_SCAN_SECRETS_REGEX_H
#define SLIPWAY_SCAN_SECRETS_REGEX_H

#include "base/arena.h"
#include "base/err.h"

#define REGEX_SOURCE_MAX 65536 /* bytes of a pattern */
#define REGEX_GROUPS_MAX 64
#define REGEX_UNBOUNDED  SIZE_MAX
/* What may have more bytes and more ends of lines than these is far: of such a pattern that can
 * match anywhere, the head is what it begins with, if that has some letters of its own. */
#define REGEX_NEAR_BYTES 300
#define REGEX_NEAR_LINES 2

/* Where alone a match can be (runs.h). */
typedef enum regex_place {
    REGEX_ANYWHERE,
    REGEX_AT_RUN,          /* it has a run at its beginning, or after one byte */
    REGEX_AT_ASSIGNED_RUN, /* it has a run that is assigned */
    REGEX_AT_LOGIN,        /* it has a REGEX_LOGIN */
    REGEX_PLACE_COUNT
} regex_place;

/* A name and a password before a host. */
#define REGEX_LOGIN "://[^\\x09\\x0a\\x0c\\x0d /]*:[^\\x09\\x0a\\x0c\\x0d /]{3,}@"

/* What tells where matches can begin, and costs less to look for. */
typedef struct regex_head {
    regex_place place;
    /* What every match begins with, its lead apart; as `loose` is. Empty where that is all of it,
     * which only REGEX_ANYWHERE can have. */
    str pattern;
    size_t min_width, max_width; /* bytes of a match of that */
    size_t before;               /* of them, at most, before the run */
    size_t least_before;         /* of a REGEX_LOGIN: at least */
} regex_head;

typedef struct regex {
    str source;  /* as it was written */
    str pattern; /* for PCRE2 */
    /* For vectorscan: a bounded repeat of a class that may take nothing has no bound here, so it
     * takes more than the pattern. With the bound, vectorscan 5.4.8 loses matches (one is in
     * tests/unit/secrets.c), and needs more states. */
    str loose;
    bool utf;       /* only PCRE2 can match it, as UTF-8 */
    unsigned count; /* of capturing groups */
    str *names;     /* of groups 0 to `count`, empty for one without; NULL: none has a name */
    /* A lazy repeat that a pattern begins with, such as [\w.-]{0,50}?, is not in `pattern`: what
     * comes after it is found first, and the match then begins as far before as the repeat goes.
     * That is the same match, as an earlier end of the repeat never begins later, and is found many
     * times faster. */
    uint8_t *lead; /* 256: whether the repeat takes a byte; NULL: none */
    size_t lead_max;
    size_t min_width, max_width; /* bytes of a match, its lead apart; max: REGEX_UNBOUNDED */
    size_t max_lines;            /* ends of lines that it can have */
    regex_head head;             /* of what is matched by bytes */
    void *code;                  /* compiled when it is first needed */
    bool failed;                 /* to compile */
} regex;

typedef struct regex_span {
    size_t start, end;
} regex_span;

/* What matching needs, one a process. */
typedef struct regex_matcher regex_matcher;
regex_matcher *regex_matcher_new(void);
void regex_matcher_free(regex_matcher *m);

/* Parses a pattern, which is borrowed. An error's message has the place within the pattern. */
int regex_new(arena *a, str source, regex **ret, err *e);
/* Compiles it now: what PCRE2 does not take (an unknown \p{name}, too large a program). */
int regex_compile(regex *r, err *e);
/* Frees what was compiled. */
void regex_done(regex *r);

/* Whether matches may have more than REGEX_NEAR_BYTES and more than REGEX_NEAR_LINES. */
bool regex_is_far(const regex *r);

/* Finds the first match that begins in [from, last] of `text`, its lead apart, which is looked for
 * down to `floor`. 1: groups[0] is the match, groups[1..] the groups (start is SIZE_MAX for one
 * that took no part), as many as `group_count`. 0: none. ERR_LIMIT: the search was given up, as it
 * takes too many steps. */
int regex_find(regex_matcher *m, regex *r, str text, size_t floor, size_t from, size_t last,
               regex_span *groups, size_t group_count, err *e);
/* Whether there is a match anywhere; a search that was given up counts as none. */
bool regex_has(regex_matcher *m, regex *r, str text);

#endif
