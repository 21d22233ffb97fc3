#include "workflow/convert.h"

static const char *const names[PERMISSION_COUNT] = {
#define X(id, name) [PERMISSION_##id] = name,
    PERMISSION_NAMES(X)
#undef X
};

/* Messages list them in GitHub's order. The second group came later: GitHub's messages about
 * read-all and write-all do not spell them out. */
#define FIRST_COUNT 13
static const uint8_t message_order[] = {
    PERMISSION_ACTIONS,          PERMISSION_CHECKS,
    PERMISSION_CONTENTS,         PERMISSION_DEPLOYMENTS,
    PERMISSION_DISCUSSIONS,      PERMISSION_ISSUES,
    PERMISSION_PACKAGES,         PERMISSION_PAGES,
    PERMISSION_PULL_REQUESTS,    PERMISSION_REPOSITORY_PROJECTS,
    PERMISSION_STATUSES,         PERMISSION_SECURITY_EVENTS,
    PERMISSION_ID_TOKEN,         PERMISSION_ARTIFACT_METADATA,
    PERMISSION_ATTESTATIONS,     PERMISSION_CODE_QUALITY,
    PERMISSION_COPILOT_REQUESTS, PERMISSION_DRIVES,
    PERMISSION_MODELS,           PERMISSION_VULNERABILITY_ALERTS,
};
_Static_assert(sizeof message_order == PERMISSION_COUNT, "every permission has its place");

const char *permission_name(unsigned permission) {
    return names[permission];
}

const char *permission_level_name(permission_level level) {
    static const char *const levels[] = {"none", "read", "write"};
    return levels[level];
}

static permission_level level_of(str text) {
    return str_is(text, "write") ? PERMIT_WRITE : str_is(text, "read") ? PERMIT_READ : PERMIT_NONE;
}

/* Some can only be read. */
static permission_level capped(unsigned permission, permission_level level) {
    bool read_only =
        permission == PERMISSION_MODELS || permission == PERMISSION_VULNERABILITY_ALERTS;
    return read_only && level == PERMIT_WRITE ? PERMIT_READ : level;
}

static void set_all(permissions *p, permission_level level) {
    for (unsigned i = 0; i < PERMISSION_COUNT; i++)
        p->level[i] = (uint8_t)capped(i, level);
}

const permissions *convert_permissions(conversion *c, const token *t) {
    permissions *p = ARENA_NEW(c->r->a, permissions);
    if (t->kind == TOKEN_STRING) {
        p->all = true;
        set_all(p, str_is(t->text, "write-all") ? PERMIT_WRITE : PERMIT_READ);
        return p;
    }
    for (size_t i = 0; t->kind == TOKEN_MAPPING && i < t->mapping.count; i++) {
        const token_pair *pair = &t->mapping.pairs[i];
        for (unsigned j = 0; j < PERMISSION_COUNT; j++)
            if (str_is(token_text(pair->key), names[j]))
                p->level[j] = (uint8_t)capped(j, level_of(token_text(pair->item)));
    }
    return p;
}

/* What a run may do when the workflow does not say. A token for other repositories' workflows never
 * vouches for identity by default. */
static permissions policy_permissions(permissions_policy policy, str uses) {
    permissions p = {0};
    if (policy == POLICY_WRITE) {
        set_all(&p, PERMIT_WRITE);
        bool own = str_starts(uses, STR("./")) || str_starts(uses, STR("$/"));
        if (!own) p.level[PERMISSION_ID_TOKEN] = PERMIT_NONE;
    } else {
        p.level[PERMISSION_CONTENTS] = PERMIT_READ;
        p.level[PERMISSION_PACKAGES] = PERMIT_READ;
    }
    return p;
}

static void list_levels(strbuf *out, const permissions *p, const uint8_t *which, size_t count) {
    for (size_t i = 0; i < count; i++)
        strbuf_addf(out, "%s%s: %s", i ? ", " : "", names[which[i]],
                    permission_level_name(p->level[which[i]]));
}

void check_permissions(conversion *c, const workflow_job *caller, const workflow_job *job,
                       const permissions *requested, const permissions *allowed) {
    str uses = token_text(caller->uses);
    permissions policy = policy_permissions(c->options->policy, uses);
    if (!allowed) allowed = &policy;
    uint8_t excess[PERMISSION_COUNT];
    size_t count = 0, first = 0;
    for (size_t i = 0; i < PERMISSION_COUNT; i++) {
        uint8_t p = message_order[i];
        if (requested->level[p] <= allowed->level[p]) continue;
        excess[count++] = p;
        if (i < FIRST_COUNT) first = count;
    }
    if (count == 0) return;
    if (requested->all && first > 0) count = first;
    _cleanup_strbuf_ strbuf wants = STRBUF_INIT, gets = STRBUF_INIT;
    list_levels(&wants, requested, excess, count);
    list_levels(&gets, allowed, excess, count);
    str who = uses;
    if (job) {
        bool named = job->name && !(job->name->kind == TOKEN_STRING && job->name->text.len == 0);
        who = named ? token_display(c->r->a, job->name) : job->id;
    }
    reading_error(c->r, caller->where, "permissions",
                  "Error calling workflow '%.*s'. The %s '%.*s' is requesting '%s', but is only "
                  "allowed '%s'.",
                  STR_ARG(uses), job ? "nested job" : "workflow", STR_ARG(who), strbuf_cstr(&wants),
                  strbuf_cstr(&gets));
}
