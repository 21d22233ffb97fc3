/* cvss4.c: CVSS v4.0. A vector belongs to one of 270 sets of vectors (its MacroVector: six levels,
 * eq1 to eq6), whose worst member has a score from a table. How far the vector is from that member,
 * as a part of the way to the next lower set, is taken off, as a mean over the levels.
 * (Specification, section 8; the table is FIRST's.) */
#include "scan/advisories/cvss_vector.h"

#include <math.h>
#include <string.h>

enum {
    AV,
    AC,
    AT,
    PR,
    UI,
    VC,
    VI,
    VA,
    SC,
    SI,
    SA, /* required */
    E,
    CR,
    IR,
    AR,
    MAV,
    MAC,
    MAT,
    MPR,
    MUI,
    MVC,
    MVI,
    MVA,
    MSC,
    MSI,
    MSA,
    SAFETY,
    AUTOMATABLE,
    RECOVERY,
    DENSITY,
    EFFORT,
    URGENCY,
    METRIC_COUNT
};

static const cvss_metric metrics[METRIC_COUNT] = {
    {"AV", "NALP", true},    {"AC", "LH", true},      {"AT", "NP", true},
    {"PR", "NLH", true},     {"UI", "NPA", true},     {"VC", "HLN", true},
    {"VI", "HLN", true},     {"VA", "HLN", true},     {"SC", "HLN", true},
    {"SI", "HLN", true},     {"SA", "HLN", true},     {"E", "XAPU", false},
    {"CR", "XHML", false},   {"IR", "XHML", false},   {"AR", "XHML", false},
    {"MAV", "XNALP", false}, {"MAC", "XLH", false},   {"MAT", "XNP", false},
    {"MPR", "XNLH", false},  {"MUI", "XNPA", false},  {"MVC", "XHLN", false},
    {"MVI", "XHLN", false},  {"MVA", "XHLN", false},  {"MSC", "XHLN", false},
    {"MSI", "XSHLN", false}, {"MSA", "XSHLN", false}, {"S", "XNP", false},
    {"AU", "XNY", false},    {"R", "XAUI", false},    {"V", "XDC", false},
    {"RE", "XLMH", false},   {"U", "XCGAR", false},
};

/* ---- the table ------------------------------------------------------------------------------- */

#define NO 255 /* eq6 is 1 where eq3 is 2 */

/* Tenths, by eq1, eq2, eq3, then eq4, eq5 and eq6. */
static const unsigned char scores[18][18] = {
    /* 000 */ {100, 99, 98, 95, 95, 92, 100, 96, 93, 87, 91, 81, 93, 90, 89, 80, 81, 68},
    /* 001 */ {98, 95, 95, 92, 90, 84, 93, 92, 89, 81, 81, 65, 88, 80, 78, 70, 69, 48},
    /* 002 */ {NO, 92, NO, 82, NO, 72, NO, 79, NO, 69, NO, 50, NO, 69, NO, 55, NO, 27},
    /* 010 */ {99, 97, 95, 92, 92, 85, 95, 91, 90, 83, 84, 71, 92, 81, 82, 71, 72, 53},
    /* 011 */ {95, 93, 92, 85, 85, 73, 92, 82, 80, 72, 70, 59, 84, 70, 71, 52, 50, 30},
    /* 012 */ {NO, 86, NO, 75, NO, 52, NO, 71, NO, 52, NO, 29, NO, 63, NO, 29, NO, 17},
    /* 100 */ {98, 95, 94, 87, 91, 81, 94, 89, 86, 74, 77, 64, 87, 75, 74, 63, 63, 49},
    /* 101 */ {94, 89, 88, 77, 76, 67, 86, 76, 74, 58, 59, 50, 72, 57, 57, 52, 52, 25},
    /* 102 */ {NO, 83, NO, 70, NO, 54, NO, 65, NO, 58, NO, 26, NO, 53, NO, 21, NO, 13},
    /* 110 */ {95, 90, 88, 76, 76, 70, 90, 77, 75, 62, 61, 53, 77, 66, 68, 59, 52, 30},
    /* 111 */ {89, 78, 76, 67, 62, 58, 74, 59, 57, 57, 47, 23, 61, 52, 57, 29, 24, 16},
    /* 112 */ {NO, 71, NO, 59, NO, 30, NO, 58, NO, 26, NO, 15, NO, 23, NO, 13, NO, 6},
    /* 200 */ {93, 87, 86, 72, 75, 58, 86, 74, 74, 61, 56, 34, 70, 54, 52, 40, 40, 22},
    /* 201 */ {85, 75, 74, 55, 62, 51, 72, 57, 55, 41, 46, 19, 53, 36, 34, 19, 19, 8},
    /* 202 */ {NO, 64, NO, 51, NO, 20, NO, 47, NO, 21, NO, 11, NO, 24, NO, 9, NO, 4},
    /* 210 */ {88, 75, 73, 53, 60, 50, 73, 55, 59, 40, 41, 20, 54, 43, 45, 22, 20, 11},
    /* 211 */ {75, 55, 58, 45, 40, 21, 61, 51, 48, 18, 20, 9, 46, 18, 17, 7, 8, 2},
    /* 212 */ {NO, 53, NO, 24, NO, 14, NO, 24, NO, 12, NO, 5, NO, 10, NO, 3, NO, 1},
};

/* Tenths, or -1 where there is no such set. */
static int table_score(const int eq[6]) {
    if (eq[0] > 2 || eq[1] > 1 || eq[2] > 2 || eq[3] > 2 || eq[4] > 2 || eq[5] > 1) return -1;
    int score = scores[eq[0] * 6 + eq[1] * 3 + eq[2]][eq[3] * 6 + eq[4] * 2 + eq[5]];
    return score == NO ? -1 : score;
}

/* ---- levels ---------------------------------------------------------------------------------- */

/* What counts of a metric: what the environment says of it, and the worst where nothing is said. */
static void settle(char m[CVSS_METRICS_MAX]) {
    for (int i = E; i <= AR; i++) {
        if (!m[i] || m[i] == 'X') m[i] = i == E ? 'A' : 'H';
    }
    for (int i = AV; i <= SA; i++) {
        char modified = m[MAV + i];
        if (modified && modified != 'X') m[i] = modified;
    }
}

static void levels_of(const char *m, int eq[6]) {
    int easy = (m[AV] == 'N') + (m[PR] == 'N') + (m[UI] == 'N');
    eq[0] = easy == 3 ? 0 : easy && m[AV] != 'P' ? 1 : 2;
    eq[1] = m[AC] == 'L' && m[AT] == 'N' ? 0 : 1;
    bool c = m[VC] == 'H', i = m[VI] == 'H', a = m[VA] == 'H';
    eq[2] = c && i ? 0 : c || i || a ? 1 : 2;
    bool high = m[SC] == 'H' || m[SI] == 'H' || m[SA] == 'H';
    eq[3] = m[SI] == 'S' || m[SA] == 'S' ? 0 : high ? 1 : 2;
    eq[4] = m[E] == 'A' ? 0 : m[E] == 'P' ? 1 : 2;
    eq[5] = (m[CR] == 'H' && c) || (m[IR] == 'H' && i) || (m[AR] == 'H' && a) ? 0 : 1;
}

/* ---- distances ------------------------------------------------------------------------------- */

/* From the worst value to the best, a step each. */
static const char *const steps[] = {
    [AV] = "NALP", [AC] = "LH",  [AT] = "NP",  [PR] = "NLH",  [UI] = "NPA",
    [VC] = "HLN",  [VI] = "HLN", [VA] = "HLN", [SC] = "SHLN", [SI] = "SHLN",
    [SA] = "SHLN", [CR] = "HML", [IR] = "HML", [AR] = "HML"};

/* The worst members of a level of a group of metrics, and how many steps the level is deep. */
typedef struct level {
    const char *worst[5];
    int depth;
} level;

static const unsigned char ease[] = {AV, PR, UI}, difficulty[] = {AC, AT},
                           harm[] = {VC, VI, VA, CR, IR, AR}, harm_beyond[] = {SC, SI, SA};

static const level ease_levels[] = {{{"NNN"}, 1}, {{"ANN", "NLN", "NNP"}, 4}, {{"PNN", "ALP"}, 5}};
static const level difficulty_levels[] = {{{"LN"}, 1}, {{"HN", "LP"}, 2}};
static const level harm_levels[3][2] = {
    {{{"HHHHHH"}, 7}, {{"HHLMMH", "HHHMMM"}, 6}},
    {{{"LHHHHH", "HLHHHH"}, 8}, {{"LHLHMH", "LHHHMM", "HLHMHM", "HLLMHH", "LLHHHM"}, 8}},
    {{{NULL}, 0}, {{"LLLHHH"}, 10}}};
static const level harm_beyond_levels[] = {{{"HSS"}, 6}, {{"HHH"}, 5}, {{"LLL"}, 4}};

static int step_of(int metric, char value) {
    const char *at = strchr(steps[metric], value);
    return at ? (int)(at - steps[metric]) : 0;
}

/* Steps from the first worst member that is nowhere better than the vector. */
static int distance(const char *m, const unsigned char *group, size_t count, const level *l) {
    int sum = 0;
    for (size_t k = 0; k < 5 && l->worst[k]; k++) {
        bool is_worse = true;
        sum = 0;
        for (size_t i = 0; i < count; i++) {
            int d = step_of(group[i], m[group[i]]) - step_of(group[i], l->worst[k][i]);
            is_worse = is_worse && d >= 0;
            sum += d;
        }
        if (is_worse) break;
    }
    return sum;
}

/* ---- the score ------------------------------------------------------------------------------- */

static int lower_score(const int eq[6], int which) {
    int lower[6];
    memcpy(lower, eq, sizeof lower);
    lower[which]++;
    return table_score(lower);
}

/* eq3 and eq6 go together: the next lower set is one step away in either, the higher one counts. */
static int lower_harm_score(const int eq[6]) {
    if (eq[2] == 0 && eq[5] == 0) {
        int left = lower_score(eq, 5), right = lower_score(eq, 2);
        return left > right ? left : right;
    }
    return lower_score(eq, eq[2] == 1 && eq[5] == 0 ? 5 : 2);
}

typedef struct mean {
    double sum;
    int count;
} mean;

static void add(mean *to, int score, int lower, int steps_away, int depth) {
    if (lower < 0) return;
    to->sum += depth ? (double)(score - lower) / 10 * steps_away / depth : 0;
    to->count++;
}

int cvss4_score(str body) {
    char m[CVSS_METRICS_MAX];
    if (!cvss_read(body, metrics, METRIC_COUNT, m)) return -1;
    settle(m);
    bool harmless = true;
    for (int i = VC; i <= SA; i++)
        harmless = harmless && m[i] == 'N';
    if (harmless) return 0;
    int eq[6];
    levels_of(m, eq);
    int score = table_score(eq);
    const level *l[] = {&ease_levels[eq[0]], &difficulty_levels[eq[1]], &harm_levels[eq[2]][eq[5]],
                        &harm_beyond_levels[eq[3]]};
    mean off = {0};
    add(&off, score, lower_score(eq, 0), distance(m, ease, sizeof ease, l[0]), l[0]->depth);
    add(&off, score, lower_score(eq, 1), distance(m, difficulty, sizeof difficulty, l[1]),
        l[1]->depth);
    add(&off, score, lower_harm_score(eq), distance(m, harm, sizeof harm, l[2]), l[2]->depth);
    add(&off, score, lower_score(eq, 3), distance(m, harm_beyond, sizeof harm_beyond, l[3]),
        l[3]->depth);
    add(&off, score, lower_score(eq, 4), 0, 0);
    double left = (double)score / 10 - (off.count ? off.sum / off.count : 0);
    return (int)floor(fmax(0, fmin(10, left)) * 10 + 1e-5 + 0.5);
}
