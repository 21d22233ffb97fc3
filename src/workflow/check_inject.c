/* check_inject.c: text that a stranger can write must not become part of a script: ${{ }} is
 * replaced before the shell sees the script, so quotes are no protection.
 * https://docs.github.com/en/actions/reference/security/secure-use */
#include "workflow/check_internal.h"

/* What a stranger can write. * is any index. */
static const char *const untrusted[] = {
    "github.head_ref",
    "github.event.answer.body",
    "github.event.changes.body.from",
    "github.event.changes.title.from",
    "github.event.comment.body",
    "github.event.commits.*.author.email",
    "github.event.commits.*.author.name",
    "github.event.commits.*.committer.email",
    "github.event.commits.*.committer.name",
    "github.event.commits.*.message",
    "github.event.discussion.body",
    "github.event.discussion.title",
    "github.event.discussion_comment.body",
    "github.event.head_commit.author.email",
    "github.event.head_commit.author.name",
    "github.event.head_commit.committer.email",
    "github.event.head_commit.committer.name",
    "github.event.head_commit.message",
    "github.event.issue.body",
    "github.event.issue.title",
    "github.event.issue_comment.body",
    "github.event.merge_group.head_commit.message",
    "github.event.pages.*.page_name",
    "github.event.pull_request.body",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.pull_request.head.repo.description",
    "github.event.pull_request.head.repo.homepage",
    "github.event.pull_request.title",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.workflow_run.display_title",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.head_commit.author.email",
    "github.event.workflow_run.head_commit.author.name",
    "github.event.workflow_run.head_commit.committer.email",
    "github.event.workflow_run.head_commit.committer.name",
    "github.event.workflow_run.head_commit.message",
    "github.event.workflow_run.head_repository.description",
    "github.event.workflow_run.pull_requests.*.head.ref",
};

/* ---- paths --------------------------------------------------------------------------------- */

#define LONGEST_HELP 120 /* bytes of an expression that is repeated */

bool check_path_of(const expr *x, check_path *ret) {
    if (expr_kind_of(x) == EXPR_NAME) {
        ret->names[0] = expr_name_of(x);
        ret->count = 1;
        return true;
    }
    if (expr_kind_of(x) != EXPR_INDEX || !check_path_of(expr_child(x, 0), ret) ||
        ret->count == CHECK_PATH_MAX)
        return false;
    const value *key = expr_literal_of(expr_child(x, 1));
    bool named = key && key->kind == VALUE_STRING;
    ret->names[ret->count++] = named ? key->string : STR("*");
    return true;
}

bool check_path_matches(const check_path *p, const char *pattern, bool inside) {
    str rest = str_from(pattern), name;
    size_t i = 0;
    for (; rest.len && i < p->count; i++) {
        str_cut(rest, '.', &name, &rest);
        if (!str_is(name, "*") && !str_is(p->names[i], "*") && !str_eq_nocase(name, p->names[i]))
            return false;
    }
    return i == p->count && (rest.len == 0 || inside);
}

static bool path_is_untrusted(const check_path *p, bool inside) {
    for (size_t i = 0; i < sizeof untrusted / sizeof *untrusted; i++) {
        if (check_path_matches(p, untrusted[i], inside)) return true;
    }
    return false;
}

/* ---- flow ---------------------------------------------------------------------------------- */

static const expr *source_of(checker *c, const expr *x, bool inside, unsigned depth);

static void first_source(checker *c, const site *s, void *context) {
    const expr **found = context;
    if (!*found) *found = source_of(c, s->x, false, 1);
}

/* env.X is as untrusted as what it was set to. */
static bool env_is_untrusted(checker *c, str name) {
    for (const env_level *level = c->env; level; level = level->outer) {
        const token *env = level->env;
        for (size_t i = 0; env && env->kind == TOKEN_MAPPING && i < env->mapping.count; i++) {
            if (!str_eq(token_text(env->mapping.pairs[i].key), name)) continue;
            const token *item = env->mapping.pairs[i].item;
            const expr *found = NULL;
            if (item->kind == TOKEN_EXPR) check_each_site(c, item, 0, first_source, &found);
            return found != NULL;
        }
    }
    return false;
}

static const expr *source_in_children(checker *c, const expr *x, size_t from, bool inside,
                                      unsigned depth) {
    const expr *found = NULL;
    for (size_t i = from; !found && i < expr_child_count(x); i++)
        found = source_of(c, expr_child(x, i), inside, depth);
    return found;
}

/* These hand their arguments' text on; others give true, false or a digest. */
static const expr *source_in_call(checker *c, const expr *x, unsigned depth) {
    str name = expr_name_of(x);
    bool json = str_eq_nocase(name, STR("toJSON")), test = str_eq_nocase(name, STR("case"));
    bool passes = json || test || str_eq_nocase(name, STR("format")) ||
                  str_eq_nocase(name, STR("join")) || str_eq_nocase(name, STR("fromJSON"));
    if (!passes) return NULL;
    return source_in_children(c, x, test ? 1 : 0, json, depth);
}

/* The part of the expression whose text a stranger wrote, or NULL. `inside`: whole objects are
 * printed. `depth` keeps an `env` that is set from itself from going on for ever. */
static const expr *source_of(checker *c, const expr *x, bool inside, unsigned depth) {
    check_path p = {0};
    switch (expr_kind_of(x)) {
    case EXPR_CALL: return source_in_call(c, x, depth);
    case EXPR_OR: return source_in_children(c, x, 0, inside, depth);
    case EXPR_AND:
        /* The left side is the result only when it is empty. */
        return source_of(c, expr_child(x, expr_child_count(x) - 1), inside, depth);
    case EXPR_NAME:
    case EXPR_INDEX:
        if (!check_path_of(x, &p)) return NULL;
        if (path_is_untrusted(&p, inside)) return x;
        if (depth == 0 && p.count == 2 && str_eq_nocase(p.names[0], STR("env")) &&
            env_is_untrusted(c, p.names[1]))
            return x;
        return NULL;
    case EXPR_LITERAL:
    case EXPR_WILDCARD:
    case EXPR_NOT:
    case EXPR_EQ:
    case EXPR_NE:
    case EXPR_LT:
    case EXPR_LE:
    case EXPR_GT:
    case EXPR_GE:
    case EXPR_KIND_COUNT: break;
    }
    return NULL;
}

/* github.event.issue.title becomes TITLE. */
static str variable_name(checker *c, const expr *x) {
    check_path p = {0};
    str last = check_path_of(x, &p) ? p.names[p.count - 1] : STR_EMPTY;
    _cleanup_strbuf_ strbuf name = STRBUF_INIT;
    for (size_t i = 0; i < last.len; i++) {
        char ch = last.ptr[i];
        bool letter = (ch | 32) >= 'a' && (ch | 32) <= 'z';
        strbuf_addc(&name, letter ? (char)(ch & ~32) : ch >= '0' && ch <= '9' ? ch : '_');
    }
    bool usable = name.len && name.ptr[0] >= 'A';
    return usable ? arena_str(c->a, strbuf_str(&name)) : STR("TEXT");
}

void check_injection(checker *c, const site *s) {
    const expr *x = source_of(c, s->x, false, 0);
    if (!x) return;
    str text = str_sub(check_expr_text(s, x), 0, 80), name = variable_name(c, x);
    /* All of the expression moves: a part of it need not be a text. */
    bool long_text = s->text.len > LONGEST_HELP || str_find_char(s->text, '\n') >= 0;
    str whole = long_text ? STR("…") : s->text;
    str help;
    if (s->flags & SITE_JAVASCRIPT)
        help = arena_printf(c->a, "set `env: %.*s: ${{ %.*s }}` and read process.env.%.*s",
                            STR_ARG(name), STR_ARG(whole), STR_ARG(name));
    else if (str_starts(text, STR("env.")))
        help = arena_printf(c->a, "write \"$%.*s\" in the script instead of ${{ %.*s }}",
                            STR_ARG(name), STR_ARG(text));
    else
        help = arena_printf(c->a, "set `env: %.*s: ${{ %.*s }}` and write \"$%.*s\" in the script",
                            STR_ARG(name), STR_ARG(whole), STR_ARG(name));
    check_add(c, RULE_INJECTION, check_expr_span(c, s, x), help,
              "'%.*s' is written by anybody, and becomes part of the script", STR_ARG(text));
}

/* ---- checkouts ----------------------------------------------------------------------------- */

/* What leads to a stranger's code. */
static const char *const foreign[] = {
    "github.head_ref",
    "github.event.number",
    "github.event.pull_request.head",
    "github.event.pull_request.number",
    "github.event.pull_request.merge_commit_sha",
    "github.event.workflow_run.head_sha",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.head_commit",
    "github.event.workflow_run.head_repository",
    "github.event.workflow_run.pull_requests",
};

static bool is_foreign(const expr *x) {
    check_path p = {0};
    if (check_path_of(x, &p)) {
        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
            check_path front = p;
            for (; front.count; front.count--) {
                if (check_path_matches(&front, foreign[i], false)) return true;
            }
        }
    }
    for (size_t i = 0; i < expr_child_count(x); i++) {
        if (is_foreign(expr_child(x, i))) return true;
    }
    return false;
}

typedef struct checkout_search {
    bool found;
    span where;
} checkout_search;

static void find_foreign(checker *c, const site *s, void *context) {
    checkout_search *search = context;
    if (search->found || !is_foreign(s->x)) return;
    *search = (checkout_search){true, check_span(c, s->t, s->offset, s->text.len)};
}

void check_untrusted_checkout(checker *c, const workflow_step *step) {
    static const char *const privileged[] = {"pull_request_target", "workflow_run"};
    if (!c->w || !str_starts(token_text(step->uses), STR("actions/checkout@"))) return;
    const token *ref = token_get(step->with, "ref");
    checkout_search search = {0};
    if (!ref || ref->kind != TOKEN_EXPR) return;
    check_each_site(c, ref, 0, find_foreign, &search);
    for (size_t i = 0; search.found && i < 2; i++) {
        if (!workflow_trigger(c->w, str_from(privileged[i]))) continue;
        check_add(c, RULE_CHECKOUT, search.where, STR_EMPTY,
                  "This workflow runs with secrets on %s, and checks out code that anybody can "
                  "propose",
                  privileged[i]);
        return;
    }
}
