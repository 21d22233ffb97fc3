/* slipway.yml: a small file, so it is read straight from the tree of nodes. */
#include "workflow/settings.h"

#include "base/nameset.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RULE         "settings"

static const str mode_names[NETWORK_MODE_COUNT] = {STR_INIT(""), STR_INIT("host"), STR_INIT("none"),
                                                   STR_INIT("allow"), STR_INIT("audit")};

const char *network_mode_name(network_mode mode) {
    return mode_names[mode].ptr;
}

/* ---- network ------------------------------------------------------------------------------- */

static void take_mode(yaml_reader *r, const yaml_node *n, network_settings *net) {
    yaml_text text;
    if (!yaml_take_text(r, n, "the mode", &text)) return;
    for (size_t m = NETWORK_HOST; m < NETWORK_MODE_COUNT; m++) {
        if (!str_eq(text.text, mode_names[m])) continue;
        net->mode = (network_mode)m;
        return;
    }
    str help = yaml_suggest(r, text.text, mode_names + 1, COUNT(mode_names) - 1);
    YAML_WRONG(r, n, help, "unknown mode '%.*s': write host, none, allow or audit",
               STR_ARG(text.text));
}

static void take_allow(yaml_reader *r, const yaml_node *n, network_settings *net) {
    if (n->kind != YAML_SEQUENCE) {
        YAML_WRONG(r, n, STR("write allow: [host:port, \"*.domain\"]"),
                   "'allow' must be a sequence");
        return;
    }
    if (n->sequence.count > SETTINGS_ALLOW_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'allow' has more than %d entries", SETTINGS_ALLOW_MAX);
        return;
    }
    net->allow = ARENA_ARRAY(r->a, yaml_text, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++)
        if (yaml_take_text(r, n->sequence.items[i], "an entry of 'allow'",
                           &net->allow[net->allow_count]))
            net->allow_count++;
}

static void take_hosts(yaml_reader *r, const yaml_node *n, network_settings *net) {
    if (!yaml_is_mapping(r, n, "hosts")) return;
    if (n->mapping.count > SETTINGS_HOSTS_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'hosts' has more than %d entries", SETTINGS_HOSTS_MAX);
        return;
    }
    net->hosts = ARENA_ARRAY(r->a, struct settings_host, n->mapping.count);
    for (size_t i = 0; i < n->mapping.count; i++) {
        struct settings_host *host = &net->hosts[net->host_count];
        if (yaml_take_text(r, n->mapping.pairs[i].key, "a host's name", &host->name) &&
            yaml_take_text(r, n->mapping.pairs[i].item, "a host's address", &host->address))
            net->host_count++;
    }
}

/* Order as in `take`. */
static const str network_keys[] = {STR_INIT("mode"), STR_INIT("allow"), STR_INIT("hosts")};

typedef struct network_reading {
    network_settings *net;
    bool mode, allow;
} network_reading;

static void take_network_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    static void (*const take[])(yaml_reader *, const yaml_node *,
                                network_settings *) = {take_mode, take_allow, take_hosts};
    network_reading *n = context;
    n->mode |= key == 0;
    n->allow |= key == 1;
    take[key](r, item, n->net);
}

/* What contradicts itself would be understood by half of its readers. */
static void judge_network(yaml_reader *r, const yaml_node *n, const network_reading *x) {
    network_settings *net = x->net;
    if (!x->mode) {
        net->mode = NETWORK_ALLOW;
        if (!x->allow)
            YAML_WRONG(r, n, STR("write mode: none to allow nothing"),
                       "'network' needs a mode or a list of what is allowed");
        return;
    }
    if (net->mode == NETWORK_ALLOW && !x->allow)
        YAML_WRONG(r, n, STR("add allow: [host:port], or write mode: none"),
                   "mode allow needs the list 'allow'");
    if (x->allow && (net->mode == NETWORK_NONE || net->mode == NETWORK_HOST))
        YAML_WRONG(r, n, STR("remove 'allow', or write mode: allow"),
                   "mode %s does not go with a list of what is allowed",
                   network_mode_name(net->mode));
}

static void take_network(yaml_reader *r, const yaml_node *n, network_settings *net) {
    network_reading x = {.net = net};
    if (!yaml_is_mapping(r, n, "network")) return;
    net->where = n->where;
    size_t errors = r->problems->errors;
    yaml_take_keys(r, n, network_keys, COUNT(network_keys), "'network'", take_network_key, &x);
    if (r->problems->errors == errors) judge_network(r, n, &x);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static const str job_keys[] = {STR_INIT("network")};

static void take_job_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    (void)key;
    take_network(r, item, &((settings_job *)context)->network);
}

static void take_jobs(yaml_reader *r, const yaml_node *n, settings *s) {
    nameset seen = NAMESET(r->a);
    if (!yaml_is_mapping(r, n, "jobs")) return;
    if (n->mapping.count > SETTINGS_JOBS_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'jobs' has more than %d entries", SETTINGS_JOBS_MAX);
        return;
    }
    s->jobs = ARENA_ARRAY(r->a, settings_job, n->mapping.count);
    for (size_t i = 0; i < n->mapping.count; i++) {
        const yaml_pair *pair = &n->mapping.pairs[i];
        settings_job *job = &s->jobs[s->job_count];
        if (!yaml_take_text(r, pair->key, "a job's id", &job->id)) continue;
        if (!nameset_add(&seen, job->id.text)) {
            YAML_WRONG(r, pair->key, STR_EMPTY, "'%.*s' is already defined", STR_ARG(job->id.text));
            continue;
        }
        s->job_count++;
        if (yaml_is_mapping(r, pair->item, "a job"))
            yaml_take_keys(r, pair->item, job_keys, COUNT(job_keys), "a job", take_job_key, job);
    }
}

/* ---- the file ------------------------------------------------------------------------------ */

/* What follows the first two is for others to read (gate/policy.h, scan/deps/licenses.h). */
static const str top_keys[] = {STR_INIT("network"), STR_INIT("jobs"), STR_INIT("gates"),
                               STR_INIT("evidence"), STR_INIT("licenses")};

static void take_top(yaml_reader *r, const yaml_node *root, settings *s) {
    nameset seen = NAMESET(r->a);
    for (size_t i = 0; i < root->mapping.count; i++) {
        const yaml_pair *pair = &root->mapping.pairs[i];
        yaml_text key;
        if (!yaml_take_text(r, pair->key, "a key", &key)) continue;
        if (!nameset_add(&seen, key.text))
            YAML_WRONG(r, pair->key, STR_EMPTY, "'%.*s' is already defined", STR_ARG(key.text));
        else if (str_eq(key.text, top_keys[0]))
            take_network(r, pair->item, &s->network);
        else if (str_eq(key.text, top_keys[1]))
            take_jobs(r, pair->item, s);
        else if (!str_eq(key.text, top_keys[2]) && !str_eq(key.text, top_keys[3]))
            problem_add(r->problems, SEVERITY_WARNING, RULE, pair->key->where,
                        yaml_suggest(r, key.text, top_keys, COUNT(top_keys)),
                        "'%.*s' means nothing to this version of Slipway and is ignored",
                        STR_ARG(key.text));
    }
}

int settings_parse(arena *a, str source, const char *path, settings **ret, err *e) {
    (void)e;
    static const yaml_limits limits = {.anchors = true};
    settings *s = ARENA_NEW(a, settings);
    yaml_reader r = {a, &s->problems, RULE};
    const yaml_node *root = NULL;
    err wrong = {0};
    s->path = arena_cstr(a, str_from(path));
    s->problems.a = a;
    *ret = s;
    if (yaml_parse(a, source, s->path, &limits, &root, &wrong) < 0) {
        span where = wrong.where.line ? wrong.where : (span){.file = s->path};
        problem_add(&s->problems, SEVERITY_ERROR, "syntax", where, STR_EMPTY, "%s", wrong.message);
    } else if (root && yaml_is_mapping(&r, root, "slipway.yml")) {
        take_top(&r, root, s);
    }
    return 0;
}

const network_settings *settings_network(const settings *s, str job) {
    for (size_t i = 0; i < s->job_count; i++)
        if (str_eq_nocase(s->jobs[i].id.text, job) && s->jobs[i].network.mode != NETWORK_UNSET)
            return &s->jobs[i].network;
    return &s->network;
}

void settings_check_jobs(const settings *s, workflow *const *workflows, size_t count,
                         problem_list *out) {
    size_t id_count = 0;
    for (size_t i = 0; i < count; i++)
        id_count += workflows[i]->job_count;
    str *ids = ARENA_ARRAY(out->a, str, id_count);
    nameset known = NAMESET(out->a);
    id_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < workflows[i]->job_count; j++) {
            ids[id_count] = workflows[i]->jobs[j]->id;
            nameset_add(&known, ids[id_count++]);
        }
    }
    for (size_t i = 0; i < s->job_count; i++) {
        const yaml_text *id = &s->jobs[i].id;
        if (nameset_find(&known, id->text) >= 0) continue;
        str near = str_nearest(id->text, ids, id_count);
        str help = near.len ? arena_printf(out->a, "did you mean '%.*s'?", STR_ARG(near))
                            : STR("what is said of no job limits nothing");
        problem_add(out, SEVERITY_ERROR, "settings-job", id->where, help,
                    "no workflow has a job '%.*s'", STR_ARG(id->text));
    }
}
