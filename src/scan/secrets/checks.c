#include "scan/secrets/checks.h"

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

/* Tenths of bits that the second letter of a pair takes after the first, over the words in the
 * names and comments of 3,000 source files (Debian's headers, Python's, Go's and Node's libraries).
 * Drawn letters need about 62 a pair, words about 37. */
static const unsigned char pair_cost[26][26] = {
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
        if (kind <= KIND_CAPITAL && last <= KIND_CAPITAL) {
            m.pairs++;
            m.cost += pair_cost[(before | 0x20) - 'a'][(c | 0x20) - 'a'];
        }
        bool starts_word = last == KIND_CAPITAL && kind == KIND_SMALL &&
                           (i < 2 || kind_of(s.ptr[i - 2]) != KIND_CAPITAL);
        m.changes += kind != last && !is_separator(c) && !is_separator(before) && !starts_word;
    }
    return m;
}

bool check_random(str s) {
    if (s.len < 8 || is_uuid(s)) return false;
    shape m = measure(s);
    double size = (double)s.len;
    if ((double)m.steps > size * 0.4) return false;
    if (m.kinds[KIND_OTHER] == s.len) return false;
    double score = 0;
    if (!m.others_in_hex) return (double)m.changes > size * 0.25;
    if (m.pairs) {
        double cost = ((double)m.cost / (double)m.pairs - 46) / 5;
        double weight = m.pairs < 8 ? (double)m.pairs / 8 : 1;
        score += (cost > 3 ? 3 : cost < -3 ? -3 : cost) * weight;
    }
    score += ((double)m.changes / size - 0.33) / 0.12;
    score -= (double)m.separators / size * 16;
    return score > 0;
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

/* A variable, a template or a call: another text stands there when the program runs. */
static const char *const variable_marks[] = {"${", "$(",          "{{",         "}}",    "#{",
                                             "<%", "%>",          "%(",         "@@",    "%s",
                                             "%v", "process.env", "os.environ", "getenv"};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LOOKED_AT    256

static bool has_any(str s, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_find(s, str_from(words[i])) >= 0) return true;
    }
    return false;
}

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

bool check_is_placeholder(str s) {
    char small[LOOKED_AT];
    str head = {small, s.len < LOOKED_AT ? s.len : LOOKED_AT};
    for (size_t i = 0; i < head.len; i++) {
        char c = s.ptr[i];
        small[i] = kind_of(c) == KIND_CAPITAL ? (char)(c | 0x20) : c;
    }
    return has_any(head, example_words, COUNT(example_words)) ||
           has_any(s, variable_marks, COUNT(variable_marks)) || is_bracketed(s) ||
           (s.len > 0 && s.ptr[0] == '$') || is_one_sign(s);
}
