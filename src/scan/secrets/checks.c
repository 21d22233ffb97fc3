#include "scan/secrets/checks.h"

#include "scan/secrets/wordlist.h"

#include <math.h>
#include <string.h>

double check_entropy(str s) {
    unsigned counts[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < s.len; i++)
        counts[(unsigned char)s.ptr[i]]++;
    for (unsigned c = 0; c < 256; c++) {
        double share = (double)counts[c] / (double)s.len;
        if (counts[c]) sum -= share * log2(share);
    }
    return sum;
}

/* ---- drawn or written ----------------------------------------------------------------------- */

/* Over the words in the names and comments of 3,000 source files (Debian's headers, Python's, Go's
 * and Node's libraries). */
const unsigned char check_pair_cost[26][26] = {
    /* clang-format off */
    {74, 45, 38, 43, 79, 66, 49, 90, 49, 103, 65, 31, 41, 34, 98, 44, 109, 32, 40, 25, 57, 63, 72, 69, 60, 88},
    {31, 55, 52, 60, 35, 61, 71, 88, 32, 52, 72, 25, 60, 69, 39, 56, 98, 42, 38, 60, 34, 80, 91, 96, 53, 81},
    {32, 73, 52, 63, 31, 71, 74, 34, 47, 111, 39, 42, 62, 71, 24, 60, 89, 45, 52, 32, 48, 71, 95, 90, 64, 127},
    {36, 56, 57, 46, 18, 58, 66, 71, 25, 75, 75, 52, 61, 64, 41, 64, 96, 45, 41, 58, 48, 63, 76, 78, 69, 99},
    {45, 66, 40, 32, 56, 55, 56, 83, 68, 101, 83, 44, 49, 31, 70, 52, 67, 25, 30, 38, 74, 58, 67, 47, 67, 104},
    {40, 66, 57, 51, 35, 30, 71, 80, 23, 113, 91, 39, 65, 46, 31, 60, 95, 41, 46, 50, 44, 83, 81, 87, 57, 120},
    {40, 72, 57, 69, 20, 72, 53, 46, 34, 106, 78, 36, 57, 41, 43, 58, 87, 33, 39, 57, 48, 74, 79, 97, 80, 80},
    {23, 85, 70, 55, 21, 66, 79, 84, 30, 127, 72, 56, 53, 65, 28, 69, 101, 41, 55, 44, 51, 97, 76, 102, 57, 95},
    {50, 55, 40, 45, 48, 51, 47, 107, 91, 111, 84, 43, 45, 20, 34, 52, 96, 51, 38, 35, 91, 51, 101, 68, 116, 53},
    {27, 81, 57, 57, 21, 66, 79, 117, 39, 76, 52, 91, 58, 68, 29, 49, 107, 86, 40, 60, 28, 69, 63, 91, 70, 117},
    {37, 61, 60, 56, 16, 57, 55, 56, 31, 97, 77, 47, 56, 51, 55, 56, 65, 61, 33, 51, 49, 82, 59, 119, 70, 105},
    {32, 73, 63, 50, 22, 65, 65, 91, 25, 105, 75, 34, 74, 72, 31, 64, 108, 74, 47, 47, 50, 65, 88, 91, 42, 107},
    {24, 50, 62, 58, 20, 68, 81, 95, 32, 116, 74, 59, 49, 76, 37, 31, 92, 82, 43, 60, 46, 73, 84, 88, 75, 96},
    {37, 77, 38, 36, 34, 49, 27, 79, 42, 91, 62, 63, 73, 59, 41, 69, 95, 74, 34, 27, 57, 55, 85, 102, 78, 108},
    {59, 56, 37, 45, 75, 56, 56, 90, 59, 83, 62, 42, 40, 22, 51, 44, 116, 29, 43, 44, 41, 55, 50, 75, 82, 102},
    {31, 71, 56, 63, 29, 54, 71, 53, 41, 113, 64, 36, 70, 73, 34, 43, 90, 26, 47, 38, 50, 81, 85, 95, 56, 107},
    {63, 88, 76, 59, 51, 80, 69, 90, 63, 105, 85, 48, 65, 63, 77, 57, 85, 47, 51, 65, 5, 66, 75, 111, 88, 81},
    {31, 70, 52, 53, 20, 66, 57, 89, 31, 114, 63, 56, 50, 57, 33, 59, 97, 51, 38, 42, 57, 62, 81, 95, 54, 117},
    {45, 82, 43, 70, 26, 69, 68, 43, 32, 111, 59, 54, 64, 65, 45, 42, 80, 64, 37, 23, 40, 74, 69, 93, 56, 96},
    {33, 76, 54, 65, 24, 66, 82, 43, 24, 125, 83, 55, 66, 71, 39, 59, 108, 33, 42, 49, 53, 81, 77, 77, 47, 80},
    {48, 39, 47, 53, 42, 52, 56, 102, 46, 108, 86, 36, 41, 27, 64, 41, 117, 33, 35, 32, 92, 88, 105, 75, 116, 89},
    {25, 67, 57, 66, 13, 56, 72, 86, 27, 119, 85, 63, 53, 70, 45, 53, 113, 62, 51, 57, 81, 84, 64, 86, 92, 102},
    {25, 64, 59, 57, 31, 60, 76, 42, 27, 101, 81, 53, 62, 39, 33, 56, 82, 36, 39, 58, 74, 89, 76, 79, 87, 104},
    {40, 64, 35, 52, 33, 43, 71, 65, 37, 95, 72, 61, 50, 59, 57, 26, 83, 65, 44, 24, 71, 69, 73, 59, 58, 94},
    {43, 61, 48, 57, 43, 62, 62, 81, 44, 104, 96, 46, 40, 35, 51, 19, 93, 61, 32, 39, 68, 73, 64, 78, 69, 63},
    {29, 75, 69, 65, 10, 61, 78, 76, 35, 126, 91, 58, 63, 71, 39, 74, 76, 71, 56, 68, 62, 88, 88, 103, 62, 41},
    /* clang-format on */
};

typedef enum letter_kind { KIND_SMALL, KIND_CAPITAL, KIND_DIGIT, KIND_OTHER } letter_kind;

static letter_kind kind_of(char c) {
    if (c >= 'a' && c <= 'z') return KIND_SMALL;
    if (c >= 'A' && c <= 'Z') return KIND_CAPITAL;
    return c >= '0' && c <= '9' ? KIND_DIGIT : KIND_OTHER;
}

static bool is_hex_digit(char c) {
    return kind_of(c) == KIND_DIGIT || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* 8-4-4-4-12: an identifier, which is hardly ever a secret. */
static bool is_uuid(str s) {
    if (s.len != 36) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !is_hex_digit(s.ptr[i])) return false;
    }
    return true;
}

static bool is_separator(char c) {
    return c == '_' || c == '-' || c == '.' || c == '/' || c == ' ';
}

typedef struct shape {
    size_t pairs, cost; /* of letters that follow each other */
    size_t changes;     /* of kind, but not from a capital to a small letter: Words have that */
    size_t separators;  /* signs between letters or digits */
    size_t steps;       /* to the next sign in order, or the same again: abcd, 1111 */
    size_t long_steps;  /* the same from every other sign: a1b2c3 */
    size_t others_in_hex;
    size_t kinds[KIND_OTHER + 1];
} shape;

static shape measure(str s) {
    shape m = {0};
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], before = i ? s.ptr[i - 1] : '\0';
        letter_kind kind = kind_of(c), last = i ? kind_of(before) : kind;
        m.kinds[kind]++;
        m.separators += is_separator(c);
        m.others_in_hex += !is_hex_digit(c);
        if (!i) continue;
        m.steps += c == before || c == before + 1 || c == before - 1;
        m.long_steps += i > 1 && (c == s.ptr[i - 2] + 1 || c == s.ptr[i - 2]);
        if (kind <= KIND_CAPITAL && last <= KIND_CAPITAL) {
            m.pairs++;
            m.cost += check_pair_cost[(before | 0x20) - 'a'][(c | 0x20) - 'a'];
        }
        bool starts_word = last == KIND_CAPITAL && kind == KIND_SMALL &&
                           (i < 2 || kind_of(s.ptr[i - 2]) != KIND_CAPITAL);
        m.changes += kind != last && !is_separator(c) && !is_separator(before) && !starts_word;
    }
    return m;
}

/* Base64 of text, as in a Secret of Kubernetes: what it says is what counts. */
#define DECODED_MAX 256
static str decode_base64_text(str s, char *buffer) {
    size_t count = 0;
    unsigned bits = 0, value = 0;
    while (s.len && s.ptr[s.len - 1] == '=')
        s.len--;
    if (s.len < 6 || s.len > DECODED_MAX) return STR_EMPTY;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        unsigned digit = c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
                         : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 26
                         : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52
                         : c == '+' || c == '-' ? 62
                         : c == '/' || c == '_' ? 63
                                                : 64;
        if (digit == 64) return STR_EMPTY;
        value = value << 6 | digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        unsigned byte = value >> bits & 0xFF;
        bool blank = byte == '\n' || byte == '\r' || byte == '\t';
        if ((byte < ' ' && !blank) || byte > '~') return STR_EMPTY;
        buffer[count++] = (char)byte;
    }
    return str_trim((str){buffer, count});
}

/* Above 0: rather drawn than written. */
static double random_score(str s) {
    shape m = measure(s);
    double size = (double)s.len, score = 0;
    if ((double)m.steps > size * 0.4 || (double)m.long_steps > size * 0.6) return -10;
    if (m.kinds[KIND_OTHER] == s.len) return -10;
    if (!m.others_in_hex) return (double)m.changes - size * 0.15;
    if (m.pairs) {
        double cost = ((double)m.cost / (double)m.pairs - 46) / 5;
        double weight = m.pairs < 8 ? (double)m.pairs / 8 : 1;
        score += (cost > 3 ? 3 : cost < -3 ? -3 : cost) * weight;
    }
    score += ((double)m.changes / size - 0.33) / 0.12;
    return score - (double)m.separators / size * 16;
}

bool check_random(str s) {
    char decoded[DECODED_MAX];
    if (s.len < 8 || is_uuid(s)) return false;
    str text = decode_base64_text(s, decoded);
    return text.len ? check_password(text) : random_score(s) > 0;
}

bool check_has_digit(str s) {
    shape m = measure(s);
    return m.kinds[KIND_DIGIT] && m.kinds[KIND_SMALL] + m.kinds[KIND_CAPITAL];
}

/* ---- placeholders --------------------------------------------------------------------------- */

/* In small letters; a secret that has one of them says that it is none. */
static const char *const example_words[] = {
    "example",   "changeme", "change_me", "change-me",  "placeholder",  "your_",
    "your-",     "yourkey",  "yourtok",   "yoursec",    "yourpas",      "insert",
    "replace",   "redacted", "dummy",     "foobar",     "xxxx",         "****",
    "....",      "____",     "todo",      "notasecret", "not_a_secret", "not-a-secret",
    "fake",      "sample",   "mock",      "lorem",      "deadbeef",     "123456789",
    "987654321", "abcdefgh", "qwerty",    "asdf",       "undefined",    "secret_key",
    "api_key",   "apikey",   "my_secret", "mysecret",   "my-secret",    "password",
    "passwd",    "hunter2",  "letmein",   "aaaaaa",     "000000",       "111111",
    "ffffff"};

/* The same of a password, in which other words may be: a password can be made of "Password". */
static const char *const example_words_always[] = {
    "example", "changeme", "change_me", "change-me", "placeholder", "your_",   "your-",
    "insert",  "replace",  "redacted",  "dummy",     "foobar",      "xxxx",    "****",
    "....",    "notreal",  "fake",      "sample",    "deadbeef",    "123456",  "987654321",
    "abcdef",  "qwerty",   "asdf",      "undefined", "hunter2",     "letmein", "aaaaaa",
    "000000",  "111111",   "filtered",  "hidden",    "not-a",       "not_a"};

/* A variable, a template or a call: another text stands there when the program runs. */
static const char *const variable_marks[] = {"${", "$(",          "{{",         "}}",    "#{",
                                             "<%", "%>",          "%(",         "@@",    "%s",
                                             "%v", "process.env", "os.environ", "getenv"};

#define LOOKED_AT WORDLIST_LOOKED_AT

static bool is_bracketed(str s) {
    static const char open[] = "<[{(%$", close[] = ">]})%$";
    const char *at = s.len > 2 && s.ptr[0] ? strchr(open, s.ptr[0]) : NULL;
    return at && s.ptr[s.len - 1] == close[at - open];
}

static bool is_one_sign(str s) {
    unsigned char seen[256] = {0};
    size_t kinds = 0;
    for (size_t i = 0; i < s.len; i++)
        kinds += !seen[(unsigned char)s.ptr[i]]++;
    return kinds <= 2;
}

/* ---- passwords ------------------------------------------------------------------------------ */

/* Words that passwords in examples are made of; in small letters. */
static const char *const filler_words[] = {
    /* clang-format off */
    "administrator", "confirmation", "credentials", "development", "configuration", "encryption",
    "production", "placeholder", "passphrase", "credential", "temporary", "encrypted", "something",
    "incorrect", "anything", "password", "passwort", "passw0rd", "p@ssw0rd", "p@ssword", "p4ssw0rd", "pa55w0rd", "pa$$word",
    "pa55word", "username", "changeit", "changeme", "database", "postgres", "mariadb", "default",
    "correct", "private", "example", "sample", "invalid", "another", "confirm", "account", "session",
    "minimum", "service", "testing", "service", "keycloak", "tomcat", "letmein", "insecure",
    "unsecure", "pa$$w0rd", "qwerty", "secret", "passwd", "oracle", "client", "server", "plain",
    "strong", "secure", "random", "string", "tester", "guest", "admin", "login", "hello", "world",
    "wrong", "valid", "simple", "access", "signing", "shared", "update", "create", "change",
    "reset", "dummy", "super", "mysql", "mongo", "redis", "token", "value", "local", "email",
    "minio", "some", "pass", "pswd", "user", "root", "test", "demo", "temp", "this", "that", "your",
    "here", "text", "long", "very", "good", "weak", "fake", "mock", "asdf", "abcd", "auth", "main",
    "name", "mail", "type", "word", "hash", "data", "real", "none", "null", "true", "foo", "bar",
    "baz", "qux", "pwd", "key", "api", "jwt", "app", "not", "new", "old", "bad", "the", "for",
    "and", "dev", "abc", "xyz", "my", "is", "an", "db", "pw", "id", "to", "of", "in", "us",
    /* clang-format on */
};

static bool is_alphanumeric(char c) {
    return kind_of(c) != KIND_OTHER;
}

/* 1, 12, 123, 111, 0123: digits that people add to a word. A year is not. */
static bool is_trivial_number(str s) {
    if (s.len <= 2) return true;
    bool same = true, up = true, down = true;
    for (size_t i = 1; i < s.len; i++) {
        int step = s.ptr[i] - s.ptr[i - 1];
        same &= step == 0;
        up &= step == 1;
        down &= step == -1;
    }
    return same || up || down;
}

/* How many letters and digits remain when the filler words are taken out. */
static size_t beyond_filler(str s) {
    size_t rest = 0;
    for (size_t i = 0; i < s.len;) {
        size_t digits = i, taken = 0;
        while (digits < s.len && kind_of(s.ptr[digits]) == KIND_DIGIT)
            digits++;
        if (digits > i && is_trivial_number(str_sub(s, i, digits))) taken = digits - i;
        if (!taken) taken = wordlist_begins(WORDLIST(filler_words), str_sub(s, i, s.len));
        rest += !taken && is_alphanumeric(s.ptr[i]);
        i += taken ? taken : 1;
    }
    return rest;
}

/* What is written in code or settings where a password could stand. */
static bool is_code(str s) {
    static const char *const marks[] = {"://",    "::",     "->",       "()",     "](",
                                        "${",     "#{",     "%{",       "{{",     "$(",
                                        "<%",     "%>",     "(?",       "[a-",    "[A-",
                                        "[^",     "\\d",    "\\w",      "\\s",    "\\b",
                                        ".*",     "&&",     "||",       "==",     "=>",
                                        "@@",     "%s",     "%d",       "ENC[",   "ENC(",
                                        "OBF:",   "MD5:",   "CRYPT:",   "$2a$",   "$2b$",
                                        "$2y$",   "$argon", "$pbkdf",   "pbkdf2", "bcrypt",
                                        "sha256", "sha512", "{cipher}", "vault:", "op://",
                                        "arn:",   "ref+",   "kms:"};
    return wordlist_stands_in(WORDLIST(marks), s);
}

/* name@example.org */
static bool is_address(str s) {
    ptrdiff_t at = str_find_char(s, '@'), dot = str_rfind_char(s, '.');
    if (at <= 0 || dot < at + 2 || (size_t)dot + 3 > s.len) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool plain = is_alphanumeric(s.ptr[i]) || strchr("._+-", s.ptr[i]);
        if ((i != (size_t)at && !plain) || (i > (size_t)dot && kind_of(s.ptr[i]) != KIND_SMALL))
            return false;
    }
    return true;
}

/* $1$salt$hash, {SSHA}…: what is kept of a password, not itself. */
static bool is_password_hash(str s) {
    ptrdiff_t end = s.ptr[0] == '{' ? str_find_char(s, '}') : -1;
    if (end > 0 && (size_t)end + 1 < s.len) return true;
    return s.len > 12 && s.ptr[0] == '$' && str_find_char(str_sub(s, 1, s.len), '$') >= 1;
}

static size_t count_signs(str s, size_t *ret_kinds) {
    size_t count = 0, kinds = 0;
    bool seen[256] = {0};
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_alphanumeric(s.ptr[i]) || strchr("_-./: ,", s.ptr[i]) || c >= 0x80) continue;
        count++;
        kinds += !seen[c];
        seen[c] = true;
    }
    *ret_kinds = kinds;
    return count;
}

/* list[V1Object], f(x): of a type or call. */
static bool ends_in_brackets(str s) {
    static const char open[] = "([<{", close[] = ")]>}";
    const char *at = strchr(close, s.ptr[s.len - 1]);
    return at && *at && str_find_char(s, open[at - close]) > 0;
}

/* server.port=8080, a:b:c:d: not one value. */
static bool is_compound(str s) {
    size_t colons = 0, name = 0, digits = 0;
    for (size_t i = 0; i < s.len; i++)
        colons += s.ptr[i] == ':';
    while (name < s.len && (is_alphanumeric(s.ptr[name]) || strchr("._-", s.ptr[name])))
        digits += kind_of(s.ptr[name++]) == KIND_DIGIT;
    bool plain = !digits || str_find_char(str_sub(s, 0, name), '-') >= 0;
    return colons > 2 || (name > 2 && plain && name + 3 < s.len && s.ptr[name] == '=');
}

/* %40: of a sign in ASCII. */
static bool is_hex_escape(str s, size_t i) {
    uint64_t code;
    if (i + 2 >= s.len || s.ptr[i] != '%' || !is_hex_digit(s.ptr[i + 1])) return false;
    if (!is_hex_digit(s.ptr[i + 2]) || !str_to_bits(str_sub(s, i + 1, i + 3), 16, &code))
        return false;
    return code > ' ' && code < 0x7F && !is_alphanumeric((char)code);
}

/* pkg.Type2, SN_sm4_ctr: names with points or lines between. */
static bool is_qualified_name(str s) {
    bool start = true, points = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = kind_of(c) == KIND_SMALL || kind_of(c) == KIND_CAPITAL || c == '_';
        if (c == '.' ? start : start ? !letter : !letter && kind_of(c) != KIND_DIGIT) return false;
        start = c == '.';
        points |= start || c == '_';
    }
    return points && !start;
}

/* What is drawn is so without the signs between, too. */
static bool is_drawn_between(str s) {
    char kept[LOOKED_AT];
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_separator(s.ptr[i]) && s.ptr[i] != '~') kept[count++] = s.ptr[i];
    }
    shape m = measure((str){kept, count});
    return count < s.len && !is_qualified_name(s) && m.kinds[KIND_SMALL] && m.kinds[KIND_CAPITAL] &&
           check_random((str){kept, count});
}

/* A short text of all kinds of letters shows less whether it was drawn. */
static bool is_drawn_short(str s, const shape *m) {
    return s.len <= 16 && m->kinds[KIND_SMALL] && m->kinds[KIND_CAPITAL] && m->others_in_hex &&
           !m->separators && random_score(s) > -0.6;
}

/* Thunder4stone82: as people make them, and hardly a name in code, which has other capitals. */
static bool is_word_and_digits(str s) {
    size_t digits = 0;
    if (s.len < 10 || kind_of(s.ptr[0]) != KIND_CAPITAL) return false;
    for (size_t i = 1; i < s.len; i++) {
        letter_kind kind = kind_of(s.ptr[i]);
        if (kind != KIND_SMALL && kind != KIND_DIGIT) return false;
        digits += kind == KIND_DIGIT;
    }
    return digits > 1 && digits * 2 < s.len;
}

/* In a URL, signs are escaped. */
static str without_escapes(str s, char *buffer) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool escape = is_hex_escape(s, i);
        buffer[count++] = escape ? '-' : s.ptr[i];
        i += escape ? 2 : 0;
    }
    return (str){buffer, count};
}

/* It says that it is an example, or has but words of examples. */
static bool is_example(str s) {
    char room[LOOKED_AT];
    str small = wordlist_small(s, room);
    return wordlist_stands_in(WORDLIST(example_words_always), small) || beyond_filler(small) < 4;
}

static bool is_no_password(str s) {
    str body = s;
    while (body.len && body.ptr[body.len - 1] == '=')
        body.len--;
    return is_uuid(s) || is_one_sign(s) || is_bracketed(s) || is_code(body) || is_address(s) ||
           is_password_hash(s) || ends_in_brackets(s) || is_compound(s) || is_example(s);
}

static bool is_plausible_password(str s) {
    size_t sign_kinds, signs = count_signs(s, &sign_kinds);
    if (s.len < 8) return false;
    shape m = measure(s);
    if (!m.others_in_hex && s.len < 12) return false;
    bool mixed = m.kinds[KIND_SMALL] && m.kinds[KIND_CAPITAL];
    if (!m.kinds[KIND_SMALL] && !m.kinds[KIND_CAPITAL]) return false;
    if (!m.kinds[KIND_DIGIT] && !(sign_kinds > 1 && mixed && random_score(s) > 0)) return false;
    if ((double)m.steps > (double)s.len * 0.5 || is_no_password(s)) return false;
    bool starts_plain = is_alphanumeric(s.ptr[0]);
    if (!starts_plain && !(mixed && check_random(str_sub(s, 1, s.len)))) return false;
    if (check_random(s) || is_drawn_between(s) || is_drawn_short(s, &m) || is_word_and_digits(s))
        return true;
    if (s.len > 32) return false;
    bool lines = str_find_char(s, '-') > 0 && str_find_char(s, '_') > 0;
    return ((signs || lines) && mixed) || (sign_kinds > 1 && random_score(s) > -1);
}

bool check_password(str s) {
    char plain[LOOKED_AT], decoded[DECODED_MAX];
    if (s.len > LOOKED_AT) return false;
    s = without_escapes(s, plain);
    str text = decode_base64_text(s, decoded);
    return text.len ? check_password(text) : is_plausible_password(s);
}

bool check_is_placeholder(str s) {
    return wordlist_stands_in_any_case(WORDLIST(example_words), s) ||
           wordlist_stands_in(WORDLIST(variable_marks), s) || is_bracketed(s) ||
           (s.len > 0 && s.ptr[0] == '$') || is_one_sign(s);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* PBKDF2WithHmacSHA256, AES/CBC/PKCS5Padding */
static bool is_algorithm(str s) {
    static const char *const names[] = {"hmacsha", "pbkdf2", "pkcs",   "/cbc/", "/gcm/",  "/ecb/",
                                        "aes128",  "aes256", "aes192", "ecdsa", "withrsa"};
    return wordlist_stands_in_any_case(WORDLIST(names), s);
}

/* 40 capitals of hex are the fingerprint of a PGP key. */
static bool is_key_id(str s, const shape *m) {
    return !m->others_in_hex && s.len == 40 && !m->kinds[KIND_SMALL] && m->kinds[KIND_CAPITAL];
}

/* What is no secret whoever writes it. DER that begins with a SEQUENCE: public keys and
 * certificates; "-----BEGIN" once more. */
static bool is_encoded_form(str s) {
    static const char *const heads[] = {"MFkw",
                                        "MFYw",
                                        "MHYw",
                                        "MIIB",
                                        "MIGf",
                                        "MCow",
                                        "MIGb",
                                        "MIIC",
                                        "MIID",
                                        "MIIE",
                                        "MIIF",
                                        "AAAAB3Nza",
                                        "AAAAC3Nza",
                                        "AAAAE2Vj",
                                        "LS0tLS1CRUdJTi",
                                        "mQINB",
                                        "mQENB",
                                        "iVBORw0KG",
                                        "R0lGOD",
                                        "data:",
                                        "eyJ",
                                        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1",
                                        "sha256-",
                                        "sha384-",
                                        "sha512-",
                                        "urn:"};
    return wordlist_begins(WORDLIST(heads), s) > 0;
}

/* ctrl+shift+F5 */
static bool is_key_binding(str s) {
    static const char *const keys[] = {"ctrl+", "shift+", "alt+", "cmd+", "meta+", "option+"};
    return wordlist_stands_in_any_case(WORDLIST(keys), s);
}

/* fa:16:3e:5f:12:10 */
static bool is_address_of_hardware(str s) {
    return s.len > 2 && s.ptr[2] == ':' && str_find_char(str_sub(s, 3, s.len), ':') >= 0;
}

/* Groups with "-" between, as in licence keys, and none of them a word. */
static bool is_in_groups(str s) {
    str group;
    if (str_find_char(s, '-') < 0 || str_find_char(s, '_') >= 0 || str_find_char(s, '/') >= 0 ||
        str_find_char(s, '.') >= 0)
        return false;
    while (s.len) {
        str_cut(s, '-', &group, &s);
        shape m = measure(group);
        if (!m.changes && !m.kinds[KIND_DIGIT]) return false;
    }
    return true;
}

/* Other than those of base64. */
static bool has_signs(str s) {
    size_t kinds;
    while (s.len && s.ptr[s.len - 1] == '=')
        s.len--;
    return count_signs(s, &kinds) > 0 && (kinds > 1 || str_find_char(s, '+') < 0);
}

bool check_key(str s) {
    shape m = measure(s);
    if (check_is_placeholder(s) || str_find(s, STR("...")) >= 0 || !m.kinds[KIND_DIGIT] ||
        is_encoded_form(s) || is_key_binding(s) || is_algorithm(s) || is_address_of_hardware(s))
        return false;
    if (has_signs(s)) return s.len >= 12 && check_password(s);
    return s.len >= (m.others_in_hex ? 16 : 20) && !is_key_id(s, &m) &&
           (check_random(s) || (is_in_groups(s) && is_drawn_between(s)));
}

bool check_is_drawn(str s) {
    shape m = measure(s);
    return s.len >= 20 && m.kinds[KIND_SMALL] && m.kinds[KIND_CAPITAL] && m.others_in_hex &&
           !has_signs(s) && check_key(s);
}
