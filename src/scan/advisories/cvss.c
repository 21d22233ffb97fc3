#include "scan/advisories/cvss.h"

#include "scan/advisories/cvss_vector.h"

#include <math.h>
#include <string.h>

bool cvss_read(str body, const cvss_metric *metrics, size_t count, char ret[CVSS_METRICS_MAX]) {
    memset(ret, 0, CVSS_METRICS_MAX);
    for (bool more = body.len > 0; more;) {
        str one, name, letter;
        more = str_cut(body, '/', &one, &body);
        str_cut(one, ':', &name, &letter);
        size_t i = 0;
        while (i < count && !str_is(name, metrics[i].name))
            i++;
        if (i == count || ret[i] || !letter.len || !*letter.ptr) return false;
        if (!strchr(metrics[i].values, *letter.ptr) || (letter.len > 1 && metrics[i].required))
            return false;
        ret[i] = *letter.ptr;
    }
    for (size_t i = 0; i < count; i++) {
        if (metrics[i].required && !ret[i]) return false;
    }
    return true;
}

/* ---- v2 -------------------------------------------------------------------------------------- */

enum { V2_AV, V2_AC, V2_AU, V2_C, V2_I, V2_A, V2_BASE_COUNT };

/* "ND", "POC", "OF" and such of the temporal and environmental metrics do not count: their first
 * letters are enough to know them. */
static const cvss_metric v2_metrics[] = {
    {"AV", "LAN", true},   {"AC", "HML", true},    {"Au", "MSN", true},   {"C", "NPC", true},
    {"I", "NPC", true},    {"A", "NPC", true},     {"E", "UPFHN", false}, {"RL", "OTWUN", false},
    {"RC", "UCN", false},  {"CDP", "NLMH", false}, {"TD", "NLMH", false}, {"CR", "LMHN", false},
    {"IR", "LMHN", false}, {"AR", "LMHN", false},
};

typedef struct weight {
    char letter;
    double weight;
} weight;

static double weigh(const weight *weights, char letter) {
    while (weights->letter && weights->letter != letter)
        weights++;
    return weights->weight;
}

static const weight v2_access[] = {{'L', 0.395}, {'A', 0.646}, {'N', 1.0}, {0}};
static const weight v2_complexity[] = {{'H', 0.35}, {'M', 0.61}, {'L', 0.71}, {0}};
static const weight v2_authentication[] = {{'M', 0.45}, {'S', 0.56}, {'N', 0.704}, {0}};
static const weight v2_impact[] = {{'N', 0}, {'P', 0.275}, {'C', 0.660}, {0}};

static int v2_score(str body) {
    char m[CVSS_METRICS_MAX];
    if (!cvss_read(body, v2_metrics, sizeof v2_metrics / sizeof *v2_metrics, m)) return -1;
    double impact = 10.41 * (1 - (1 - weigh(v2_impact, m[V2_C])) * (1 - weigh(v2_impact, m[V2_I])) *
                                     (1 - weigh(v2_impact, m[V2_A])));
    double exploitability = 20 * weigh(v2_access, m[V2_AV]) * weigh(v2_complexity, m[V2_AC]) *
                            weigh(v2_authentication, m[V2_AU]);
    double base = (0.6 * impact + 0.4 * exploitability - 1.5) * (impact > 0 ? 1.176 : 0);
    return (int)round(base * 10);
}

/* ---- v3 -------------------------------------------------------------------------------------- */

enum { V3_AV, V3_AC, V3_PR, V3_UI, V3_S, V3_C, V3_I, V3_A };

static const cvss_metric v3_metrics[] = {
    {"AV", "NALP", true},   {"AC", "LH", true},     {"PR", "NLH", true},     {"UI", "NR", true},
    {"S", "UC", true},      {"C", "HLN", true},     {"I", "HLN", true},      {"A", "HLN", true},
    {"E", "XHFPU", false},  {"RL", "XUWTO", false}, {"RC", "XCRU", false},   {"CR", "XHML", false},
    {"IR", "XHML", false},  {"AR", "XHML", false},  {"MAV", "XNALP", false}, {"MAC", "XLH", false},
    {"MPR", "XNLH", false}, {"MUI", "XNR", false},  {"MS", "XUC", false},    {"MC", "XHLN", false},
    {"MI", "XHLN", false},  {"MA", "XHLN", false},
};

static const weight v3_vector[] = {{'N', 0.85}, {'A', 0.62}, {'L', 0.55}, {'P', 0.2}, {0}};
static const weight v3_complexity[] = {{'L', 0.77}, {'H', 0.44}, {0}};
static const weight v3_privileges[] = {{'N', 0.85}, {'L', 0.62}, {'H', 0.27}, {0}};
static const weight v3_privileges_changed[] = {{'N', 0.85}, {'L', 0.68}, {'H', 0.5}, {0}};
static const weight v3_interaction[] = {{'N', 0.85}, {'R', 0.62}, {0}};
static const weight v3_impact[] = {{'H', 0.56}, {'L', 0.22}, {'N', 0}, {0}};

/* The smallest tenth that is not below. v3.1 counts in hundred-thousandths, so that the error of a
 * floating point number makes no tenth. */
static int v3_round_up(double score, bool v31) {
    if (!v31) return (int)ceil(score * 10);
    long n = lround(score * 100000);
    return (int)(n % 10000 == 0 ? n / 10000 : n / 10000 + 1);
}

static int v3_score(str body, bool v31) {
    char m[CVSS_METRICS_MAX];
    if (!cvss_read(body, v3_metrics, sizeof v3_metrics / sizeof *v3_metrics, m)) return -1;
    bool changed = m[V3_S] == 'C';
    double lost = 1 - (1 - weigh(v3_impact, m[V3_C])) * (1 - weigh(v3_impact, m[V3_I])) *
                          (1 - weigh(v3_impact, m[V3_A]));
    double impact = changed ? 7.52 * (lost - 0.029) - 3.25 * pow(lost - 0.02, 15) : 6.42 * lost;
    const weight *privileges = changed ? v3_privileges_changed : v3_privileges;
    double exploitability = 8.22 * weigh(v3_vector, m[V3_AV]) * weigh(v3_complexity, m[V3_AC]) *
                            weigh(privileges, m[V3_PR]) * weigh(v3_interaction, m[V3_UI]);
    if (impact <= 0) return 0;
    double sum = (impact + exploitability) * (changed ? 1.08 : 1);
    return v3_round_up(sum < 10 ? sum : 10, v31);
}

/* ---- all ------------------------------------------------------------------------------------- */

int cvss_score(str vector) {
    str head, body;
    vector = str_trim(vector);
    if (!str_starts(vector, STR("CVSS:"))) {
        if (vector.len > 2 && *vector.ptr == '(' && vector.ptr[vector.len - 1] == ')')
            vector = str_sub(vector, 1, vector.len - 1);
        return v2_score(vector);
    }
    str_cut(vector, '/', &head, &body);
    if (str_is(head, "CVSS:3.1")) return v3_score(body, true);
    if (str_is(head, "CVSS:3.0")) return v3_score(body, false);
    if (str_is(head, "CVSS:4.0")) return cvss4_score(body);
    return str_is(head, "CVSS:2.0") ? v2_score(body) : -1;
}

finding_level cvss_level(int tenths) {
    if (tenths >= 90) return LEVEL_CRITICAL;
    if (tenths >= 70) return LEVEL_HIGH;
    if (tenths >= 40) return LEVEL_MEDIUM;
    return tenths > 0 ? LEVEL_LOW : LEVEL_INFO;
}
