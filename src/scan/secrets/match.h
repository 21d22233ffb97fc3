/* match.h: finds what the rules describe in one text. Private to src/scan/secrets.
 *
 * One pass over the text by vectorscan tells which patterns end where. From there PCRE2 is asked,
 * only where a match can begin, for the match that Go would find and its groups. Without
 * vectorscan, or when little is to be read and its database is not there yet, rules whose keywords
 * are in the text are tried on all of it. Both ways give the same. */
#ifndef SLIPWAY_SCAN_SECRETS_MATCH_H
#define SLIPWAY_SCAN_SECRETS_MATCH_H

#include "scan/scanner.h"
#include "scan/secrets/decode.h"
#include "scan/secrets/rules.h"
#include "scan/text.h"

/* Letters of a keyword that tell a kind of token. */
#define SECRET_PREFIX_MIN 3

typedef struct secret_match {
    const secret_rule *rule;
    regex_span match, secret; /* in the file's text */
    str value, context;       /* the secret and the match, as they read when decoded */
    str *groups; /* by number, where the rule asks its provider by named ones, or NULL */
    double entropy;
    unsigned kinds, depth;          /* how it was encoded; 0: not */
    const str_list *unless_commits; /* it is allowed in these, when all else was fulfilled */
    bool whole_file;                /* its rule looks at paths only */
} secret_match;

typedef struct match_list {
    secret_match *items;
    size_t count, cap;
} match_list;

typedef struct matcher matcher;

/* The rules are borrowed, and get a warning where vectorscan is missing. `quick`: compile nothing
 * that takes long. */
matcher *matcher_new(secret_rules *rules, const char *cache, bool quick);
/* The same, for texts with `is_version`, many of which are nearly what the last one of their path
 * was: only what has changed is looked at (versions.h). The findings are the same. */
matcher *matcher_new_of_versions(secret_rules *rules, const char *cache);
void matcher_free(matcher *m);

/* Whether all rules pass over a file of this path. */
bool matcher_allows_path(matcher *m, str path);
/* Rules that look at the path only. */
void matcher_path(matcher *m, arena *a, str path, match_list *ret);
typedef struct match_text {
    str path, text;
    unsigned rounds;   /* of decoding, at most */
    bool obeys_inline; /* a line with "gitleaks:allow" is passed over; for what is in an archive, as
                        * the frame looks only at files themselves */
    bool is_version;
} match_text;

/* All that is found in a text, sorted by place. What several rules found is there once, by the rule
 * that knows most of it: one that looks at the secret and at what is before it, then at the secret,
 * then only at what is before it, then those that know where secrets stand (CARRIER_TAG), then
 * generic ones. `errors` gets rules that were given up. */
void matcher_text(matcher *m, arena *a, const match_text *t, match_list *ret, scan_out *errors);

#endif
