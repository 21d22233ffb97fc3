/* verify.c: requests block, so children make them. All of one host are made by one child, one after
 * the other, which is kind to its limits; a child tells an answer in one write of a fixed size. */
#include "scan/secrets/verify.h"

#include "base/fs.h"
#include "scan/secrets/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX       4
#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         10000
#define ANSWER_MAX         ((size_t)1 << 20)
#define FAILURES_MAX       2 /* of a host one after the other: then it is asked no more */
#define WHY_MAX            160

/* What one finding has to be asked about. */
typedef struct candidate {
    const secret_rule *rule;
    str fingerprint;
    value values;
} candidate;

typedef struct question {
    const secret_verify *how;
    http_request request;
    verify_verdict verdict;
    char why[WHY_MAX];
} question;

/* What becomes of a planned finding: one of these, or from ASKED on the question of that number. */
enum { NOT_ASKED, UNSENDABLE, TOO_MANY, ASKED };

struct secrets_verifier {
    arena *a;
    candidate *candidates;
    size_t candidate_count, candidate_cap;
    question *questions;
    size_t question_count, question_cap;
    size_t *plan; /* of each finding */
    str *hosts;
    size_t host_count, host_cap;
};

typedef struct answer {
    uint32_t question;
    uint32_t verdict;
    char why[WHY_MAX];
} answer;

_Static_assert(sizeof(answer) <= PIPE_BUF, "a write of this size is whole");

secrets_verifier *secrets_verifier_new(arena *a) {
    secrets_verifier *v = ARENA_NEW(a, secrets_verifier);
    *v = (secrets_verifier){.a = a};
    return v;
}

void secrets_verifier_collect(secrets_verifier *v, const secret_rule *rule, str fingerprint,
                              const value *values) {
    candidate c = {rule, fingerprint, *values};
    ARENA_PUSH(v->a, v->candidates, v->candidate_count, v->candidate_cap, c);
}

/* ---- the plan ------------------------------------------------------------------------------- */

static int by_fingerprint(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    int r = str_cmp(a->fingerprint, b->fingerprint);
    return r ? r : str_cmp(a->rule->id, b->rule->id);
}

static const candidate *candidate_of(const secrets_verifier *v, const finding *f) {
    secret_rule rule = {.id = f->rule};
    candidate wanted = {.rule = &rule, .fingerprint = f->fingerprint};
    if (!v->candidate_count) return NULL;
    return bsearch(&wanted, v->candidates, v->candidate_count, sizeof wanted, by_fingerprint);
}

static bool same_headers(const char *const *a, const char *const *b) {
    while (*a && *b && !strcmp(*a, *b))
        a++, b++;
    return !*a && !*b;
}

static bool same_request(const question *a, const question *b) {
    return a->how == b->how && !strcmp(a->request.url, b->request.url) &&
           same_headers(a->request.headers, b->request.headers);
}

static void add_host(secrets_verifier *v, str host) {
    size_t at = 0;
    while (at < v->host_count && str_cmp(v->hosts[at], host) < 0)
        at++;
    if (at < v->host_count && str_eq(v->hosts[at], host)) return;
    ARENA_PUSH(v->a, v->hosts, v->host_count, v->host_cap, host);
    memmove(v->hosts + at + 1, v->hosts + at, (v->host_count - 1 - at) * sizeof *v->hosts);
    v->hosts[at] = host;
}

/* Two findings of one value have one question. */
static size_t plan_one(secrets_verifier *v, const candidate *c) {
    question q = {.how = c->rule->verify};
    err ignored = {0};
    if (secret_verify_request(v->a, q.how, &c->values, &q.request, &ignored) < 0) return UNSENDABLE;
    for (size_t i = 0; i < v->question_count; i++) {
        if (same_request(&v->questions[i], &q)) return ASKED + i;
    }
    if (v->question_count == VERIFY_REQUESTS_MAX) return TOO_MANY;
    add_host(v, q.how->host);
    ARENA_PUSH(v->a, v->questions, v->question_count, v->question_cap, q);
    return ASKED + v->question_count - 1;
}

void secrets_verify_plan(secrets_verifier *v, const finding_list *findings, str *ret_hosts,
                         size_t *ret_count) {
    _cleanup_strbuf_ strbuf hosts = STRBUF_INIT;
    if (v->candidate_count)
        qsort(v->candidates, v->candidate_count, sizeof *v->candidates, by_fingerprint);
    v->plan = ARENA_ARRAY(v->a, size_t, findings->count);
    for (size_t i = 0; i < findings->count; i++) {
        const candidate *c = candidate_of(v, &findings->items[i]);
        v->plan[i] = c ? plan_one(v, c) : NOT_ASKED;
    }
    for (size_t i = 0; i < v->host_count; i++)
        strbuf_addf(&hosts, "%s%.*s", i ? ", " : "", STR_ARG(v->hosts[i]));
    *ret_hosts = arena_str(v->a, strbuf_str(&hosts));
    *ret_count = v->question_count;
}

/* ---- in a child ----------------------------------------------------------------------------- */

static size_t host_index(const secrets_verifier *v, str host) {
    size_t i = 0;
    while (!str_eq(v->hosts[i], host))
        i++;
    return i;
}

/* Of what failed no text of libcurl's is shown: it may have parts of an address. */
static const char *failure_of(const err *e) {
    switch (e->code) {
    case ERR_TIMEOUT: return "did not answer in time";
    case ERR_LIMIT: return "answered more than 1 MiB";
    case ERR_UNSUPPORTED: return "cannot be asked: libcurl is not installed";
    case ERR_NONE:
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_IO:
    case ERR_CANCELLED:
    case ERR_FAILED: break;
    }
    return "could not be reached";
}

static void ask(const question *q, answer *ret, size_t *failures) {
    _cleanup_arena_ arena *a = arena_new();
    http_response response;
    err e = {0};
    http_request request = q->request;
    request.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    request.timeout_ms = TIMEOUT_MS;
    request.max_body = ANSWER_MAX;
    if (*failures >= FAILURES_MAX) {
        snprintf(ret->why, sizeof ret->why, "%.*s was given up", STR_ARG(q->how->host));
        return;
    }
    if (http_send(a, &request, &response, &e) < 0) {
        ++*failures;
        snprintf(ret->why, sizeof ret->why, "%.*s %s", STR_ARG(q->how->host), failure_of(&e));
        return;
    }
    *failures = 0;
    ret->verdict = secret_verify_judge(q->how, response.status, response.body);
    snprintf(ret->why, sizeof ret->why, "%.*s answered %d", STR_ARG(q->how->host), response.status);
}

static void run_child(const secrets_verifier *v, size_t index, int to) {
    size_t *failures = ARENA_ARRAY(v->a, size_t, v->host_count);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    for (size_t i = 0; i < v->question_count; i++) {
        const question *q = &v->questions[i];
        size_t host = host_index(v, q->how->host);
        if (host % CHILDREN_MAX != index) continue;
        answer a = {.question = (uint32_t)i};
        ask(q, &a, &failures[host]);
        if (write(to, &a, sizeof a) != (ssize_t)sizeof a) break;
    }
    _exit(0);
}

/* ---- asking --------------------------------------------------------------------------------- */

static void take_answers(secrets_verifier *v, int from) {
    answer a;
    for (;;) {
        ssize_t n = read(from, &a, sizeof a);
        if (n < 0 && errno == EINTR) continue;
        if (n != (ssize_t)sizeof a) return;
        if (a.question >= v->question_count || a.verdict >= VERIFIED_COUNT) continue;
        question *q = &v->questions[a.question];
        q->verdict = (verify_verdict)a.verdict;
        memcpy(q->why, a.why, sizeof q->why);
        q->why[sizeof q->why - 1] = '\0';
    }
}

static void ask_all(secrets_verifier *v) {
    pid_t children[CHILDREN_MAX];
    size_t count = v->host_count < CHILDREN_MAX ? v->host_count : CHILDREN_MAX;
    int ends[2];
    if (!count || pipe2(ends, O_CLOEXEC) < 0) return;
    for (size_t i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] != 0) continue;
        close(ends[0]);
        run_child(v, i, ends[1]);
    }
    close(ends[1]);
    take_answers(v, ends[0]);
    close(ends[0]);
    for (size_t i = 0; i < count; i++) {
        while (children[i] > 0 && waitpid(children[i], NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

static void tell(const secrets_verifier *v, finding *f, size_t plan) {
    const question *q = plan >= ASKED ? &v->questions[plan - ASKED] : NULL;
    str why = plan == UNSENDABLE ? STR("it cannot stand in a request")
              : plan == TOO_MANY ? STR("there are more values than are asked about at once")
              : *q->why          ? str_from(q->why)
                                 : STR("the asking process died");
    value properties = value_object_new(v->a, true);
    value_set_all(v->a, &properties, &f->properties);
    value_set_str(v->a, &properties, "verification", why);
    f->properties = properties;
    f->verified = str_from(verify_verdict_name(q ? q->verdict : VERIFIED_UNKNOWN));
}

void secrets_verify(secrets_verifier *v, finding_list *findings) {
    ask_all(v);
    for (size_t i = 0; i < findings->count; i++) {
        if (v->plan[i] != NOT_ASKED) tell(v, &findings->items[i], v->plan[i]);
    }
}
