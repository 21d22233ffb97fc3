/* secrets.h: finds leaked credentials.
 *
 * Rules are gitleaks' TOML, or the built-in ones (rules/secrets). docs/secrets.md is for those who
 * write rules. A file is read as text in UTF-8 or UTF-16; what is encoded in it (base64, hex,
 * percent, \u0041) and what lies in archives is read as well; other binary files are looked at by
 * their paths only.
 *
 * A finding's place is that of the secret, of an encoded one that of the encoded text. No secret is
 * in it, unless that was asked for. Its properties: "secret" (redacted), "entropy", "match"
 * ("content" or "path"), "tags", and of an encoded one "decoded" (["base64"]) and "decode_depth".
 */
#ifndef SLIPWAY_SCAN_SECRETS_SECRETS_H
#define SLIPWAY_SCAN_SECRETS_SECRETS_H

#include "scan/secrets/verify.h"

typedef struct secrets_options {
    const char *root;   /* whose .gitleaks.toml and .gitleaksignore count; NULL: neither */
    const char *config; /* a file of rules; NULL: GITLEAKS_CONFIG, GITLEAKS_CONFIG_TOML, the root's,
                         * the built-in ones, in this order */
    const char *ignore; /* a file of fingerprints instead of the root's; NULL: the root's */
    const char *cache;  /* a folder for compiled rules, or NULL: compiling takes about a second */
    /* Little is to be read (a commit, a text): compile nothing, use what the cache has. The
     * findings are the same. */
    bool quick;
    bool versions;          /* many versions of files will be read, one after the other */
    bool show_secrets;      /* nothing is redacted */
    unsigned decode_rounds; /* 0: 5, as in gitleaks */
    bool no_decode;
    unsigned archive_depth; /* 0: 3 */
    bool no_archives;
    /* Is given the values of secrets that can be verified, or NULL. What the children say has them
     * then: a scan with a verifier must not have a cache. */
    secrets_verifier *verifier;
} secrets_options;

/* The scanner "secrets". What is wrong with rules is told with its place. It is the caller's to
 * free after the scan; borrows the arena until then. */
int secrets_new(arena *a, const secrets_options *options, scanner **ret, err *e);
void secrets_free(scanner *s);

/* What was passed over in the rules and the ignore file (unknown keys, …), with places. Borrowed.
 */
const scan_error_list *secrets_warnings(const scanner *s);
/* How many rules it has. */
size_t secrets_rule_count(const scanner *s);

/* What is shown of a secret: what its kind always begins with (`prefix`, how many bytes), then of
 * a long rest at most an eighth and never more than 4 characters, then "***". Of a rest below 16
 * characters, such as a password, nothing. In the arena. */
str secrets_redact(arena *a, str secret, size_t prefix);

#endif
