#include "scan/secrets/names.h"

#include "scan/secrets/wordlist.h"

#include <string.h>

#define WORDS_MAX   16
#define WORD_MAX    32
#define NAME_BEFORE 64 /* bytes of a name that are looked at before what a pattern saw */

typedef enum word_kind {
    WORD_PLAIN,
    WORD_KEY_NOUN,      /* key */
    WORD_TOKEN_NOUN,    /* token, secret */
    WORD_PASSWORD_NOUN, /* password, pwd */
    WORD_VAGUE_NOUN,    /* auth, credentials: of which much else is made */
} word_kind;

/* ---- words; each table is sorted ------------------------------------------------------------ */

/* A key of these is a secret. */
static const char *const key_makers[] = {
    "access",     "account", "admin",      "api",        "app",         "application",
    "auth",       "bot",     "cipher",     "client",     "consumer",    "crypt",
    "crypto",     "decrypt", "decryption", "deploy",     "enc",         "encrypt",
    "encryption", "fernet",  "functions",  "hmac",       "integration", "jwt",
    "license",    "master",  "password",   "private",    "psk",         "publish",
    "push",       "rest",    "secret",     "security",   "sender",      "server",
    "service",    "session", "shared",     "sign",       "signature",   "signing",
    "storage",    "stream",  "symmetric",  "validation", "vault",       "webhook",
    "write",
};

/* With one of these anywhere before it, the noun is no secret. */
static const char *const never_secret[] = {
    "anonymous",   "antiforgery", "argon2",     "authenticity", "bcrypt",      "checksum",
    "dummy",       "encoded",     "encrypted",  "erc20",        "etag",        "etc",
    "example",     "expected",    "fake",       "fingerprint",  "forgery",     "hashed",
    "i18n",        "idempotency", "idempotent", "intl",         "invalid",     "l10n",
    "mock",        "nft",         "non",        "nonce",        "not",         "notso",
    "notsosecret", "placeholder", "pub",        "public",       "publishable", "salted",
    "sample",      "scrypt",      "websocket",  "wrong",
};

/* A key or token of these is no secret. */
static const char *const not_secret_before[] = {
    "allow",        "alternate",
    "asset",        "attribute",
    "bad",          "blob",
    "bos",          "bucket",
    "cache",        "cancel",
    "cancellation", "ciphered",
    "cls",          "column",
    "compare",      "composite",
    "config",       "configuration",
    "continuation", "contract",
    "crc",          "cursor",
    "dedup",        "delim",
    "dict",         "digest",
    "doc",          "eos",
    "event",        "field",
    "file",         "foreign",
    "format",       "g",
    "gpg",          "group",
    "hash",         "header",
    "host",         "hot",
    "icon",         "image",
    "index",        "instrumentation",
    "issue",        "item",
    "json",         "kms",
    "label",        "language",
    "layout",       "lex",
    "locale",       "lookup",
    "maintainer",   "map",
    "marker",       "mask",
    "md5",          "measurement",
    "menu",         "message",
    "next",         "node",
    "object",       "option",
    "order",        "pad",
    "page",         "pager",
    "pagination",   "param",
    "parameter",    "partition",
    "path",         "pgp",
    "prev",         "previous",
    "primary",      "prop",
    "property",     "query",
    "range",        "release",
    "resource",     "resume",
    "route",        "routing",
    "row",          "s3",
    "sep",          "setting",
    "settings",     "sha",
    "sha1",         "sha256",
    "sha512",       "shard",
    "short",        "site",
    "snapshot",     "sort",
    "special",      "ssh",
    "stop",         "sync",
    "syntax",       "table",
    "tag",          "text",
    "theme",        "track",
    "translation",  "type",
    "unk",          "verification",
    "verify",       "widget",
};

/* After the noun, these leave it what it is. */
static const char *const neutral_after[] = {
    "admin",     "api",        "aws",         "azure", "b64",       "backup",   "base",
    "base64",    "bytes",      "ci",          "cloud", "current",   "database", "db",
    "default",   "dev",        "development", "eu",    "gcp",       "github",   "gitlab",
    "google",    "hex",        "legacy",      "live",  "local",     "mail",     "main",
    "mysql",     "new",        "old",         "plain", "plaintext", "postgres", "primary",
    "prod",      "production", "qa",          "raw",   "redis",     "root",     "sandbox",
    "secondary", "sendgrid",   "slack",       "smtp",  "stage",     "staging",  "str",
    "string",    "stripe",     "temp",        "test",  "testing",   "twilio",   "uat",
    "us",        "v1",         "v2",          "v3",    "val",       "value",
};

/* After the noun, these make it something else; other words leave it in doubt. */
static const char *const not_secret_after[] = {
    "accessor",     "addr",       "address",    "age",        "agent",       "alg",
    "algo",         "algorithm",  "alias",      "arn",        "array",       "attempts",
    "attribute",    "audience",   "bits",       "board",      "bucket",      "cache",
    "callback",     "cert",       "challenge",  "change",     "changed",     "char",
    "chars",        "check",      "checksum",   "class",      "client",      "code",
    "codes",        "col",        "column",     "complexity", "config",      "confirm",
    "confirmation", "controller", "cookie",     "count",      "counter",     "created",
    "curve",        "data",       "date",       "dialect",    "digest",      "dir",
    "directory",    "domain",     "down",       "enabled",    "encoder",     "encoding",
    "endpoint",     "entity",     "entry",      "env",        "error",       "event",
    "exception",    "exp",        "expiration", "expire",     "expires",     "expiry",
    "factory",      "field",      "fields",     "file",       "filename",    "filter",
    "fingerprint",  "flow",       "folder",     "form",       "format",      "formatter",
    "frame",        "generator",  "grant",      "handle",     "handler",     "hash",
    "hashed",       "header",     "headers",    "help",       "helper",      "hint",
    "host",         "hostname",   "icon",       "id",         "identifier",  "identity",
    "ids",          "image",      "index",      "info",       "input",       "issuer",
    "item",         "kind",       "label",      "len",        "length",      "level",
    "lifetime",     "link",       "list",       "loc",        "location",    "manager",
    "map",          "mapping",    "marker",     "mask",       "match",       "max",
    "method",       "min",        "mint",       "mode",       "model",       "module",
    "name",         "names",      "namespace",  "nonce",      "num",         "number",
    "offset",       "op",         "option",     "options",    "pair",        "param",
    "parser",       "path",       "paths",      "pattern",    "placeholder", "policy",
    "pos",          "position",   "prefix",     "press",      "pressed",     "prompt",
    "prop",         "property",   "provider",   "pub",        "public",      "realm",
    "ref",          "reference",  "refs",       "regex",      "regexp",      "request",
    "reset",        "resolver",   "resource",   "response",   "ring",        "role",
    "rule",         "rules",      "salt",       "schema",     "scheme",      "scope",
    "scopes",       "sequence",   "serializer", "server",     "service",     "session",
    "set",          "sha",        "sha1",       "sha256",     "signature",   "size",
    "source",       "spec",       "state",      "status",     "storage",     "store",
    "strategy",     "strength",   "style",      "suffix",     "symbol",      "symbols",
    "table",        "template",   "text",       "thumbprint", "time",        "timeout",
    "title",        "ttl",        "type",       "types",      "up",          "updated",
    "uri",          "url",        "usage",      "user",       "username",    "uuid",
    "validator",    "validity",   "vault",      "verifier",   "version",     "view",
    "window",       "word",       "words",      "x",          "y",
};

/* What stands joined before "pass" and "pw" in words that are passwords. */
static const char *const pass_makers[] = {
    "admin",     "api",   "auth",  "become", "bind",       "db",   "default", "dest",
    "deststore", "ftp",   "http",  "key",    "keystore",   "ldap", "login",   "mail",
    "my",        "mysql", "proxy", "repl",   "require",    "root", "smtp",    "sql",
    "srcstore",  "ssh",   "store", "sudo",   "truststore", "user", "vpn",     "wifi",
};

/* Nouns that are, or may be, a credential. */
static const char *const key_nouns[] = {"key", "keys"};
static const char *const token_nouns[] = {
    "accesskey",     "accesstoken", "apikey",       "apitoken",    "appkey",
    "authkey",       "authtoken",   "clientsecret", "credentials", "creds",
    "encryptionkey", "licensekey",  "masterauth",   "masterkey",   "pepper",
    "presharedkey",  "privatekey",  "privatetoken", "secret",      "secretkey",
    "secrets",       "sharedkey",   "signingkey",   "token",       "tokens"};
static const char *const password_nouns[] = {
    "pass",      "passcode", "passin", "passout", "passphrase", "passwd", "password",
    "passwords", "passwort", "psk",    "pswd",    "pw",         "pwd"};
static const char *const vague_nouns[] = {"auth", "bearer", "credential"};

static const struct {
    wordlist words;
    word_kind kind;
} nouns[] = {
    {WORDLIST_INIT(key_nouns), WORD_KEY_NOUN},
    {WORDLIST_INIT(token_nouns), WORD_TOKEN_NOUN},
    {WORDLIST_INIT(password_nouns), WORD_PASSWORD_NOUN},
    {WORDLIST_INIT(vague_nouns), WORD_VAGUE_NOUN},
};

typedef struct word {
    char text[WORD_MAX];
    size_t len;
} word;

#define IS_IN(table, w) wordlist_has(WORDLIST(table), w)

/* The word without what stands at its end; the whole where there is nothing. */
static str before_ending(wordlist endings, str w) {
    return str_sub(w, 0, w.len - wordlist_ends(endings, w));
}

static word_kind kind_of_word(str w) {
    static const char *const long_endings[] = {"password", "passwd", "passphrase"},
                             *const short_endings[] = {"pass", "pw", "pwd"},
                             *const key_endings[] = {"token", "secret"};
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        if (wordlist_has(nouns[i].words, w)) return nouns[i].kind;
    }
    str before = before_ending(WORDLIST(long_endings), w);
    if (before.len < w.len) return IS_IN(never_secret, before) ? WORD_PLAIN : WORD_PASSWORD_NOUN;
    before = before_ending(WORDLIST(short_endings), w);
    if (before.len < w.len && IS_IN(pass_makers, before)) return WORD_PASSWORD_NOUN; /* storepass */
    before = before_ending(WORDLIST(key_endings), w);
    if (w.len > 6 && before.len < w.len) {
        bool never = before.len == 4 && str_ends(before, STR("srf"));
        never |= IS_IN(not_secret_before, before) || IS_IN(never_secret, before);
        return never ? WORD_PLAIN : WORD_TOKEN_NOUN;
    }
    return w.len > 6 && str_ends(w, STR("apikey")) ? WORD_TOKEN_NOUN : WORD_PLAIN;
}

/* ---- a name --------------------------------------------------------------------------------- */

static bool is_small(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A new word begins: fooBar, HTTPServer, foo_bar. Digits belong to what is before them. */
static bool starts_word(str name, size_t i) {
    char c = name.ptr[i], before = i ? name.ptr[i - 1] : '_';
    char after = i + 1 < name.len ? name.ptr[i + 1] : '_';
    if (!is_small(before) && !is_capital(before) && !is_digit(before)) return true;
    if (is_capital(c)) return !is_capital(before) || is_small(after);
    return false;
}

/* The last words of a name; in small letters. */
static size_t split(str name, word *words) {
    size_t count = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_small(c) && !is_capital(c) && !is_digit(c)) continue;
        if (starts_word(name, i)) {
            if (count == WORDS_MAX) memmove(words, words + 1, --count * sizeof *words);
            words[count++].len = 0;
        }
        word *w = count ? &words[count - 1] : NULL;
        if (w && w->len < WORD_MAX) w->text[w->len++] = is_capital(c) ? (char)(c | 0x20) : c;
    }
    return count;
}

static str text_of(const word *w) {
    return (str){w->text, w->len};
}

/* "key2" is a key. */
static str without_digits(str w) {
    while (w.len > 1 && is_digit(w.ptr[w.len - 1]))
        w.len--;
    return w;
}

static bool is_number(str w) {
    return w.len && is_digit(w.ptr[0]) && !without_digits(str_sub(w, 0, w.len - 1)).len;
}

static name_kind kind_of_noun(word_kind kind, const word *words, size_t at) {
    bool made = at > 0 && IS_IN(key_makers, text_of(&words[at - 1]));
    switch (kind) {
    case WORD_PASSWORD_NOUN: return NAME_PASSWORD;
    case WORD_TOKEN_NOUN: return NAME_KEY;
    case WORD_KEY_NOUN: return made ? NAME_KEY : NAME_WEAK;
    case WORD_VAGUE_NOUN: return NAME_WEAK;
    case WORD_PLAIN: break;
    }
    return NAME_OTHER;
}

/* A token against forged requests is in every page; what it is made with is a secret. */
static bool is_token_of_form(str before, str w) {
    return str_starts(w, STR("token")) && (str_is(before, "csrf") || str_is(before, "xsrf"));
}

name_kind name_kind_of(str name) {
    word words[WORDS_MAX];
    size_t count = split(name, words);
    bool doubtful = false;
    for (size_t i = count; i-- > 0;) {
        str w = text_of(&words[i]);
        word_kind kind = kind_of_word(without_digits(w));
        if (kind == WORD_PLAIN) {
            if (IS_IN(not_secret_after, w)) return NAME_OTHER;
            doubtful |= !IS_IN(neutral_after, w) && !is_number(w);
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            if (IS_IN(never_secret, text_of(&words[k]))) return NAME_OTHER;
        }
        if (i > 0 && is_token_of_form(text_of(&words[i - 1]), w)) return NAME_OTHER;
        bool key =
            (kind == WORD_KEY_NOUN || kind == WORD_TOKEN_NOUN) && !str_starts(w, STR("secret"));
        if (key && i > 0 && IS_IN(not_secret_before, text_of(&words[i - 1]))) return NAME_OTHER;
        name_kind found = kind_of_noun(kind, words, i);
        if (!doubtful || found == NAME_OTHER) return found;
        return kind == WORD_KEY_NOUN || kind == WORD_TOKEN_NOUN ? NAME_WEAK : NAME_OTHER;
    }
    return NAME_OTHER;
}

/* ---- in a text ------------------------------------------------------------------------------ */

static bool is_name_byte(char c) {
    return is_small(c) || is_capital(c) || is_digit(c) || (c && strchr("_-./", c));
}

/* One space before the name, and before it a word that makes it harmless: "public key", "page
 * token". */
static size_t with_word_before(str text, size_t start) {
    static const char *const words[] = {"public ", "page ", "sync ", "Public ", "Page ", "PUBLIC "};
    return start - wordlist_ends(WORDLIST(words), str_sub(text, 0, start));
}

str name_at(str text, size_t start, size_t end) {
    size_t at = start, floor = start > NAME_BEFORE ? start - NAME_BEFORE : 0;
    while (at > floor) {
        char before = text.ptr[at - 1];
        bool dash = before == '\\' && text.ptr[at] == '-'; /* in a manual page */
        if (!is_name_byte(before) && !dash) break;
        at--;
    }
    /* The letter of an escape is none of the name: "\npassword=". */
    if (at < start && at > 0 && text.ptr[at - 1] == '\\') at++;
    return str_sub(text, with_word_before(text, at), end);
}
