/* rules.h: the rules of the secrets scanner, read from gitleaks' TOML. Private to src/scan/secrets.
 *
 * What each key means is gitleaks' (README "Configuration", config/config.go); docs/secrets.md
 * tells what we add. */
#ifndef SLIPWAY_SCAN_SECRETS_RULES_H
#define SLIPWAY_SCAN_SECRETS_RULES_H

#include "base/toml.h"
#include "scan/scan.h"
#include "scan/secrets/regex.h"
#include "scan/secrets/verify_rule.h"

#define RULES_MAX       10000
#define RULES_FILE_MAX  ((size_t)16 << 20)
#define RULES_DEPTH_MAX 2 /* of [extend], as in gitleaks */
/* A rule with this tag knows where secrets stand, not what they are: it gives way to one that
 * does. */
#define CARRIER_TAG "carrier"

typedef enum allow_target {
    ALLOW_SECRET,
    ALLOW_MATCH,
    ALLOW_LINE,
    ALLOW_TARGET_COUNT
} allow_target;

typedef struct regex_list {
    regex **items;
    size_t count, cap;
} regex_list;

/* What may be passed over: where one of its conditions holds, or with `all`, where each kind that
 * is given holds. */
typedef struct allowlist {
    bool all;
    allow_target target; /* what `regexes` look at */
    str_list commits;    /* lower case */
    str_list stop_words; /* lower case */
    regex_list paths, regexes;
} allowlist;

typedef struct allowlists {
    allowlist *items;
    size_t count, cap;
} allowlists;

/* Another rule that must be found near. */
typedef struct required {
    str id;
    size_t rule;                          /* its index */
    int64_t within_lines, within_columns; /* -1: anywhere in the file */
    span where;
} required;

/* What our rules can ask of a secret beyond its pattern. */
typedef enum secret_check {
    CHECK_RANDOM,      /* it is no word, name, path or other text that people write */
    CHECK_PLACEHOLDER, /* it does not say that it is an example, and is no variable */
    CHECK_DIGIT,       /* it has a digit and a letter */
    CHECK_PASSWORD,    /* it looks like a password that is in use */
    CHECK_CREDENTIAL,  /* its name is that of a credential, and it looks like one of that kind */
    SECRET_CHECK_COUNT
} secret_check;

typedef struct secret_rule {
    str id, description, help, help_uri;
    finding_level level;
    bool has_level;
    regex *pattern, *path; /* NULL where there is none */
    unsigned secret_group; /* 0: the first group that took part, or the match */
    unsigned name_group;   /* what is its name, which may begin before the match; 0: none */
    double entropy;        /* what a secret must have more of, bits a byte; 0: not asked */
    unsigned checks;       /* 1u << secret_check */
    str_list keywords;     /* lower case; one of them must be in the text, if there is any */
    str_list tags;
    allowlists allow;
    required *required;
    size_t required_count, required_cap;
    bool skip_report; /* only found for others that require it */
    bool drawn;       /* what its pattern takes of classes is drawn, not words: it is one of ours */
    str_list positive, negative; /* texts in which it must find something, and nothing */
    secret_verify *verify;       /* how its provider is asked; NULL: not */
    span where;
} secret_rule;

typedef struct secret_rules {
    arena *a;
    secret_rule *items;
    size_t count, cap;
    allowlists allow; /* of all rules */
    scan_error_list warnings;
    regex_list made;    /* all patterns that were read, also those that are out of use */
    uint8_t digest[32]; /* of all that was read */
} secret_rules;

/* Reads the rules that a scan of `root` (NULL: none) goes by: the file `config`, or what
 * GITLEAKS_CONFIG names, or GITLEAKS_CONFIG_TOML's text, or `.gitleaks.toml` in the root, or the
 * built-in rules. ret_path: the file that was read, or an empty str. Errors have their place. */
int secret_rules_load(arena *a, const char *root, const char *config, secret_rules **ret,
                      str *ret_path, err *e);
/* Who has written rules: whether they may say where secrets are sent (`verify`). */
typedef enum rules_origin {
    RULES_BUILTIN,
    RULES_OF_PERSON, /* named by whoever scans; may play a provider on this machine, by http */
    RULES_OF_TREE,   /* found in what is scanned: it may not */
} rules_origin;

/* Reads rules from a text; `file` is for places and for what `extend.path` is relative to. */
int secret_rules_parse(arena *a, str text, const char *file, rules_origin origin,
                       secret_rules **ret, err *e);
/* The built-in ones. */
int secret_rules_builtin(arena *a, secret_rules **ret, err *e);
/* Frees what was compiled of their patterns. */
void secret_rules_done(secret_rules *r);

/* The files of rules/secrets, in the binary. */
typedef struct builtin_rules {
    const char *name;
    str text;
} builtin_rules;
extern const builtin_rules secrets_builtin[];
extern const size_t secrets_builtin_count;

#endif
