/* Bills of materials, load tests, reviews. */
#include "gate/evidence.h"

#include <string.h>

/* ---- bills of materials -----------------------------------------------------------------------
 */

static str license_of(const value *component) {
    const value *all = value_get(component, STR("licenses"));
    if (!all || all->kind != VALUE_ARRAY || !all->array.count) return STR_EMPTY;
    const value *first = &all->array.items[0];
    str id = value_path_str(first, "license.id");
    if (!id.len) id = value_path_str(first, "expression");
    return id.len ? id : value_path_str(first, "license.name");
}

static int finish_sbom(arena *a, evidence *ev, const char *format, uint64_t components,
                       uint64_t unlicensed, err *e) {
    if (components == 0) return err_set(e, ERR_INVALID, "the bill of materials names nothing");
    ev->metrics = value_object_new(a, true);
    value_set_str(a, &ev->metrics, "format", str_from(format));
    metric(a, &ev->metrics, "components", (double)components);
    metric(a, &ev->metrics, "unlicensed", (double)unlicensed);
    return 0;
}

int evidence_cyclonedx(arena *a, const value *root, evidence *ev, err *e) {
    const value *components = value_get(root, STR("components"));
    uint64_t count = value_count(components), unlicensed = 0;
    ev->time = value_path_str(root, "metadata.timestamp");
    for (size_t i = 0; components->kind == VALUE_ARRAY && i < count; i++)
        unlicensed += license_of(&components->array.items[i]).len == 0;
    return finish_sbom(a, ev, "CycloneDX", count, unlicensed, e);
}

int evidence_spdx(arena *a, const value *root, evidence *ev, err *e) {
    const value *packages = value_get(root, STR("packages"));
    uint64_t count = value_count(packages), unlicensed = 0;
    ev->time = value_path_str(root, "creationInfo.created");
    for (size_t i = 0; packages->kind == VALUE_ARRAY && i < count; i++) {
        str license = value_path_str(&packages->array.items[i], "licenseConcluded");
        if (!license.len || str_is(license, "NOASSERTION"))
            license = value_path_str(&packages->array.items[i], "licenseDeclared");
        unlicensed += !license.len || str_is(license, "NOASSERTION");
    }
    return finish_sbom(a, ev, "SPDX", count, unlicensed, e);
}

/* ---- load tests --------------------------------------------------------------------------------
 */
/* k6 writes {metrics: {http_req_duration: {"p(95)": …} or {values: {"p(95)": …}}}}, by version. */

static const value *k6_value(const value *metrics, const char *name, const char *key) {
    const value *m = value_get(metrics, str_from(name));
    const value *values = m ? value_get(m, STR("values")) : NULL;
    const value *v = m ? value_get(values ? values : m, str_from(key)) : NULL;
    return v && v->kind == VALUE_NUMBER ? v : NULL;
}

int evidence_k6(arena *a, const value *root, evidence *ev, err *e) {
    static const struct {
        const char *metric, *name, *key;
        double factor;
    } all[] = {{"requests", "http_reqs", "count", 1},
               {"requests_per_second", "http_reqs", "rate", 1},
               {"p50_ms", "http_req_duration", "med", 1},
               {"p90_ms", "http_req_duration", "p(90)", 1},
               {"p95_ms", "http_req_duration", "p(95)", 1},
               {"p99_ms", "http_req_duration", "p(99)", 1},
               {"max_ms", "http_req_duration", "max", 1},
               {"error_rate", "http_req_failed", "rate", 1},
               {"error_rate", "http_req_failed", "value", 1}};
    const value *metrics = value_get(root, STR("metrics"));
    ev->tool = STR("k6");
    ev->metrics = value_object_new(a, true);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const value *v = k6_value(metrics, all[i].name, all[i].key);
        if (v) metric(a, &ev->metrics, all[i].metric, v->number * all[i].factor);
    }
    if (value_count(&ev->metrics) == 0)
        return err_set(e, ERR_INVALID, "the summary has no request in it");
    return 0;
}

/* ---- reviews -----------------------------------------------------------------------------------
 */

/* Who has deleted their account is "ghost" at GitHub, as many as there are. */
static str login_of(const value *review) {
    const value *user = value_get(review, STR("user"));
    str login = value_path_str(review, "user.login");
    if (!login.len) login = value_path_str(review, "user");
    return user && user->kind == VALUE_NULL ? STR("ghost") : login;
}

/* Anybody can review a public repository; at GitHub only those who may write to it count. */
static bool is_outsider(const value *review) {
    static const char *const insiders[] = {"OWNER", "MEMBER", "COLLABORATOR"};
    str who = value_path_str(review, "author_association");
    for (size_t i = 0; i < sizeof insiders / sizeof *insiders; i++) {
        if (str_is(who, insiders[i])) return false;
    }
    return who.len > 0;
}

/* A workflow can approve by its own token, so a bot's word is nobody's; nor is a ghost's. */
static bool is_nobody(const value *review, str login) {
    return str_is(value_path_str(review, "user.type"), "Bot") || str_ends(login, STR("[bot]")) ||
           str_is(login, "ghost");
}

/* What somebody said last counts; a comment takes nothing back.
 * https://docs.github.com/en/rest/pulls/reviews */
static int take_review(arena *a, value *latest, const value *review, err *e) {
    str login = login_of(review), state = value_path_str(review, "state");
    if (!login.len || !state.len)
        return err_set(e, ERR_INVALID, "a review without a user's login or a state");
    if (str_eq_nocase(state, STR("COMMENTED")) || str_eq_nocase(state, STR("PENDING"))) return 0;
    /* GitHub's list is in the order of time; other ways to get it are not. */
    str time = value_path_str(review, "submitted_at"),
        before = value_path_str(value_get(latest, login), "time");
    if (time.len && str_cmp(time, before) < 0) return 0;
    value one = value_object_new(a, true);
    value_set_str(a, &one, "state", state);
    value_set_str(a, &one, "commit", value_path_str(review, "commit_id"));
    if (time.len) value_set_str(a, &one, "time", time);
    if (is_nobody(review, login)) value_set(a, &one, STR("nobody"), value_bool(true));
    if (is_outsider(review)) value_set(a, &one, STR("outsider"), value_bool(true));
    value_set(a, latest, login, one);
    return 0;
}

/* Pages of a list, as `gh api --paginate --slurp` gives them, are one list. */
static int take_reviews(arena *a, value *latest, const value *all, err *e) {
    for (size_t i = 0; i < all->array.count; i++) {
        const value *one = &all->array.items[i];
        for (size_t k = 0; one->kind == VALUE_ARRAY && k < one->array.count; k++) {
            if (take_review(a, latest, &one->array.items[k], e) < 0) return e->code;
        }
        if (one->kind != VALUE_ARRAY && take_review(a, latest, one, e) < 0) return e->code;
    }
    return 0;
}

/* Who approved is told, not how many: that depends on who the author is. */
int evidence_reviews(arena *a, const value *root, evidence *ev, err *e) {
    const value *all = root->kind == VALUE_ARRAY ? root : value_get(root, STR("reviews"));
    value latest = value_object_new(a, false);
    if (all->kind != VALUE_ARRAY) return err_set(e, ERR_INVALID, "'reviews' is no array");
    if (take_reviews(a, &latest, all, e) < 0) return e->code;
    ev->tool = STR("reviews");
    ev->metrics = value_object_new(a, true);
    value_set(a, &ev->metrics, STR("latest"), latest);
    str author = root->kind == VALUE_ARRAY ? STR_EMPTY : value_path_str(root, "author");
    if (author.len) value_set_str(a, &ev->metrics, "author", author);
    return 0;
}
