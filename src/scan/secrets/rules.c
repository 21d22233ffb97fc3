/* rules.c: TOML to rules.
 *
 * gitleaks reads its files by a library that takes keys in any case, and one text where a list is
 * asked for (split at commas). So do we. */
#include "scan/secrets/rules.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RULES_FILE ".gitleaks.toml"

typedef struct reader {
    arena *a;
    secret_rules *rules;
    const char *root; /* the folder that files of rules must lie in, or NULL: anywhere */
    unsigned depth;   /* of [extend] */
    rules_origin origin;
    sha256 *hash;
    err *e;
} reader;

static int read_text(reader *r, str text, const char *file, secret_rules *into);

/* ---- values --------------------------------------------------------------------------------- */

static const toml_pair *find(const toml_node *table, const char *key) {
    for (size_t i = 0; table && i < table->table.count; i++) {
        if (str_eq_nocase(table->table.pairs[i].key, str_from(key))) return &table->table.pairs[i];
    }
    return NULL;
}

static const toml_node *get(const toml_node *table, const char *key) {
    const toml_pair *pair = find(table, key);
    return pair ? pair->item : NULL;
}

static int expected(reader *r, const toml_node *n, const char *key, const char *what) {
    return err_at(r->e, ERR_INVALID, n->where, "'%s' is %s, not %s", key, toml_kind_name(n->kind),
                  what);
}

static int get_text(reader *r, const toml_node *table, const char *key, str *ret) {
    const toml_node *n = get(table, key);
    if (!n) return 0;
    if (n->kind != TOML_STRING) return expected(r, n, key, "a string");
    *ret = n->text;
    return 0;
}

static int get_bool(reader *r, const toml_node *table, const char *key, bool *ret) {
    const toml_node *n = get(table, key);
    if (!n) return 0;
    if (n->kind != TOML_BOOL) return expected(r, n, key, "true or false");
    *ret = n->boolean;
    return 0;
}

static int get_number(reader *r, const toml_node *table, const char *key, double *ret) {
    const toml_node *n = get(table, key);
    if (!n) return 0;
    if (n->kind != TOML_FLOAT && n->kind != TOML_INTEGER) return expected(r, n, key, "a number");
    *ret = n->kind == TOML_FLOAT ? n->number : (double)n->integer;
    return 0;
}

static int get_count(reader *r, const toml_node *table, const char *key, int64_t *ret) {
    const toml_node *n = get(table, key);
    if (!n) return 0;
    if (n->kind != TOML_INTEGER || n->integer < 0) return expected(r, n, key, "a whole number");
    *ret = n->integer;
    return 0;
}

static str lower(arena *a, str s) {
    str copy = arena_str(a, s);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        ((char *)copy.ptr)[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return copy;
}

static void push(reader *r, str_list *to, str item) {
    ARENA_PUSH(r->a, to->items, to->count, to->cap, item);
}

static int get_list(reader *r, const toml_node *table, const char *key, str_list *ret) {
    const toml_node *n = get(table, key);
    if (!n) return 0;
    if (n->kind == TOML_STRING) {
        str rest = n->text, one;
        for (bool more = rest.len > 0; more;) {
            more = str_cut(rest, ',', &one, &rest);
            push(r, ret, str_trim(one));
        }
        return 0;
    }
    if (n->kind != TOML_ARRAY) return expected(r, n, key, "a list of strings");
    for (size_t i = 0; i < n->array.count; i++) {
        const toml_node *item = n->array.items[i];
        if (item->kind != TOML_STRING) return expected(r, item, key, "a list of strings");
        push(r, ret, item->text);
    }
    return 0;
}

static int get_lower_list(reader *r, const toml_node *table, const char *key, str_list *ret) {
    size_t before = ret->count;
    int code = get_list(r, table, key, ret);
    for (size_t i = before; i < ret->count; i++)
        ret->items[i] = lower(r->a, ret->items[i]);
    return code;
}

/* A pattern's error points at the value; the place within it is in the message. */
static int make_regex(reader *r, const toml_node *n, str source, regex **ret) {
    err why = {0};
    regex_list *made = &r->rules->made;
    if (regex_new(r->a, source, ret, &why) == 0) {
        ARENA_PUSH(r->a, made->items, made->count, made->cap, *ret);
        if (!(*ret)->utf || regex_compile(*ret, &why) == 0) return 0;
    }
    return err_at(r->e, why.code, n->where, "%s", why.message);
}

static int get_regex(reader *r, const toml_node *table, const char *key, regex **ret) {
    str source = STR_EMPTY;
    int code = get_text(r, table, key, &source);
    return code == 0 && source.len ? make_regex(r, get(table, key), source, ret) : code;
}

static int get_regexes(reader *r, const toml_node *table, const char *key, regex_list *ret) {
    str_list sources = {0};
    int code = get_list(r, table, key, &sources);
    for (size_t i = 0; i < sources.count && code == 0; i++) {
        const toml_node *n = get(table, key);
        regex *one;
        if (n->kind == TOML_ARRAY) n = n->array.items[i];
        code = make_regex(r, n, sources.items[i], &one);
        if (code == 0) ARENA_PUSH(r->a, ret->items, ret->count, ret->cap, one);
    }
    return code;
}

/* A table, or a list of tables; one where `single`. */
static int get_tables(reader *r, const toml_node *table, const char *key,
                      const toml_node *const **ret, size_t *ret_count) {
    const toml_node *n = get(table, key);
    *ret_count = 0;
    if (!n) return 0;
    if (n->kind == TOML_TABLE) {
        const toml_node **one = ARENA_NEW(r->a, const toml_node *);
        *one = n;
        *ret = one;
        *ret_count = 1;
        return 0;
    }
    if (n->kind != TOML_ARRAY) return expected(r, n, key, "a table");
    for (size_t i = 0; i < n->array.count; i++) {
        if (n->array.items[i]->kind != TOML_TABLE)
            return expected(r, n->array.items[i], key, "a table");
    }
    *ret = (const toml_node *const *)n->array.items;
    *ret_count = n->array.count;
    return 0;
}

/* ---- warnings ------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
warn(reader *r, span where, const char *format, ...) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    scan_error_list *to = &r->rules->warnings;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    scan_error w = {str_from(where.file), where.line, where.column,
                    arena_str(r->rules->a, strbuf_str(&text))};
    ARENA_PUSH(r->rules->a, to->items, to->count, to->cap, w);
}

#define KNOWN(...) (const str[]){__VA_ARGS__}, sizeof((const str[]){__VA_ARGS__}) / sizeof(str)

static void check_keys(reader *r, const toml_node *table, const char *of, const str *known,
                       size_t count) {
    for (size_t i = 0; i < table->table.count; i++) {
        const toml_pair *p = &table->table.pairs[i];
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = str_eq_nocase(p->key, known[k]);
        if (is_known) continue;
        str near = str_nearest(p->key, known, count);
        if (near.len)
            warn(r, p->where, "%s has no key '%.*s', which is passed over: did you mean '%.*s'?",
                 of, STR_ARG(p->key), STR_ARG(near));
        else
            warn(r, p->where, "%s has no key '%.*s', which is passed over", of, STR_ARG(p->key));
    }
}

/* ---- allow-lists ---------------------------------------------------------------------------- */

static int read_condition(reader *r, const toml_node *table, bool *ret) {
    str text = STR_EMPTY;
    int code = get_text(r, table, "condition", &text);
    *ret = str_eq_nocase(text, STR("AND")) || str_is(text, "&&");
    bool known = *ret || !text.len || str_eq_nocase(text, STR("OR")) || str_is(text, "||");
    if (code < 0 || known) return code;
    return err_at(r->e, ERR_INVALID, get(table, "condition")->where,
                  "'%.*s' is no condition: it is \"AND\" or \"OR\"", STR_ARG(text));
}

static int read_target(reader *r, const toml_node *table, allow_target *ret) {
    static const char *const names[ALLOW_TARGET_COUNT] = {"secret", "match", "line"};
    str text = STR_EMPTY;
    int code = get_text(r, table, "regexTarget", &text);
    *ret = ALLOW_SECRET;
    if (code < 0 || !text.len) return code;
    for (allow_target t = 0; t < ALLOW_TARGET_COUNT; t++) {
        if (!str_is(text, names[t])) continue;
        *ret = t;
        return 0;
    }
    return err_at(r->e, ERR_INVALID, get(table, "regexTarget")->where,
                  "'%.*s' is no target: it is \"secret\", \"match\" or \"line\"", STR_ARG(text));
}

static int read_allowlist(reader *r, const toml_node *table, bool global, allowlist *ret) {
    *ret = (allowlist){0};
    check_keys(r, table, "an allowlist",
               KNOWN(STR("description"), STR("condition"), STR("commits"), STR("paths"),
                     STR("regexTarget"), STR("regexes"), STR("stopwords"), STR("targetRules")));
    if (!global && find(table, "targetRules"))
        warn(r, find(table, "targetRules")->where,
             "'targetRules' counts only in an allowlist of the whole file");
    if (read_condition(r, table, &ret->all) < 0 || read_target(r, table, &ret->target) < 0 ||
        get_lower_list(r, table, "commits", &ret->commits) < 0 ||
        get_regexes(r, table, "paths", &ret->paths) < 0 ||
        get_regexes(r, table, "regexes", &ret->regexes) < 0 ||
        get_lower_list(r, table, "stopwords", &ret->stop_words) < 0)
        return r->e->code;
    if (!ret->commits.count && !ret->paths.count && !ret->regexes.count && !ret->stop_words.count)
        return err_at(r->e, ERR_INVALID, table->where,
                      "an allowlist needs one of commits, paths, regexes and stopwords");
    return 0;
}

/* [allowlist] is the older form of [[allowlists]], and not beside it. */
static int get_allowlists(reader *r, const toml_node *table, const toml_node *const **ret,
                          size_t *ret_count) {
    const toml_pair *old = find(table, "allowlist");
    int code = get_tables(r, table, "allowlists", ret, ret_count);
    if (code < 0 || !old) return code;
    if (*ret_count)
        return err_at(r->e, ERR_INVALID, old->where,
                      "'allowlist' cannot stand beside 'allowlists': make it one of them");
    return get_tables(r, table, "allowlist", ret, ret_count);
}

static int add_allowlists(reader *r, const toml_node *table, allowlists *to) {
    const toml_node *const *tables;
    size_t count;
    int code = get_allowlists(r, table, &tables, &count);
    for (size_t i = 0; i < count && code == 0; i++) {
        allowlist one;
        code = read_allowlist(r, tables[i], false, &one);
        if (code == 0) ARENA_PUSH(r->a, to->items, to->count, to->cap, one);
    }
    return code;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static const str check_names[SECRET_CHECK_COUNT] = {STR_INIT("random"), STR_INIT("placeholder"),
                                                    STR_INIT("digit"), STR_INIT("password"),
                                                    STR_INIT("credential")};

static int read_checks(reader *r, const toml_node *table, unsigned *ret) {
    str_list names = {0};
    int code = get_list(r, table, "checks", &names);
    for (size_t i = 0; i < names.count && code == 0; i++) {
        secret_check c = 0;
        while (c < SECRET_CHECK_COUNT && !str_eq(names.items[i], check_names[c]))
            c++;
        if (c == SECRET_CHECK_COUNT)
            return err_at(r->e, ERR_INVALID, get(table, "checks")->where,
                          "there is no check '%.*s': there are random, placeholder, digit, "
                          "password and credential",
                          STR_ARG(names.items[i]));
        *ret |= 1u << c;
    }
    return code;
}

static int read_level(reader *r, const toml_node *table, secret_rule *rule) {
    str text = STR_EMPTY;
    int code = get_text(r, table, "level", &text);
    rule->level = LEVEL_HIGH;
    if (code < 0 || !text.len) return code;
    rule->has_level = true;
    if (level_parse(text, &rule->level)) return 0;
    return err_at(r->e, ERR_INVALID, get(table, "level")->where,
                  "'%.*s' is no level: there are critical, high, medium, low and info",
                  STR_ARG(text));
}

static int read_required(reader *r, const toml_node *table, secret_rule *rule) {
    const toml_node *const *tables;
    size_t count;
    int code = get_tables(r, table, "required", &tables, &count);
    for (size_t i = 0; i < count && code == 0; i++) {
        required one = {.within_lines = -1, .within_columns = -1, .where = tables[i]->where};
        check_keys(r, tables[i], "a required rule",
                   KNOWN(STR("id"), STR("withinLines"), STR("withinColumns")));
        if (get_text(r, tables[i], "id", &one.id) < 0 ||
            get_count(r, tables[i], "withinLines", &one.within_lines) < 0 ||
            get_count(r, tables[i], "withinColumns", &one.within_columns) < 0)
            return r->e->code;
        if (!one.id.len)
            return err_at(r->e, ERR_INVALID, one.where, "a required rule needs its 'id'");
        ARENA_PUSH(r->a, rule->required, rule->required_count, rule->required_cap, one);
    }
    return code;
}

static int read_group(reader *r, const toml_node *table, secret_rule *rule) {
    int64_t group = 0;
    int code = get_count(r, table, "secretGroup", &group);
    rule->secret_group = group > REGEX_GROUPS_MAX ? REGEX_GROUPS_MAX + 1 : (unsigned)group;
    group = 0;
    if (code == 0) code = get_count(r, table, "nameGroup", &group);
    rule->name_group = group > REGEX_GROUPS_MAX ? REGEX_GROUPS_MAX + 1 : (unsigned)group;
    return code;
}

/* A checkout may bring rules, but not say to whom its reader's secrets are sent. */
static int read_verify(reader *r, const toml_node *table, secret_rule *rule) {
    const toml_node *n = get(table, "verify");
    if (!n) return 0;
    if (n->kind != TOML_TABLE) return expected(r, n, "verify", "a table");
    if (secret_verify_read(r->a, n, r->origin == RULES_OF_PERSON, &rule->verify, r->e) < 0)
        return r->e->code;
    if (r->origin != RULES_OF_TREE) return 0;
    rule->verify = NULL;
    warn(r, n->where,
         "'verify' does not count in the rules of what is scanned, as it says where secrets are "
         "sent: name this file by --config if you trust it");
    return 0;
}

static int read_rule(reader *r, const toml_node *table, secret_rule *rule) {
    *rule = (secret_rule){.where = table->where, .drawn = r->origin == RULES_BUILTIN};
    check_keys(r, table, "a rule",
               KNOWN(STR("id"), STR("description"), STR("regex"), STR("secretGroup"),
                     STR("nameGroup"), STR("entropy"), STR("path"), STR("keywords"), STR("tags"),
                     STR("allowlist"), STR("allowlists"), STR("required"), STR("skipReport"),
                     STR("level"), STR("help"), STR("help_uri"), STR("checks"), STR("positive"),
                     STR("negative"), STR("verify")));
    if (get_text(r, table, "id", &rule->id) < 0 ||
        get_text(r, table, "description", &rule->description) < 0 ||
        get_text(r, table, "help", &rule->help) < 0 ||
        get_text(r, table, "help_uri", &rule->help_uri) < 0 ||
        get_regex(r, table, "regex", &rule->pattern) < 0 ||
        get_regex(r, table, "path", &rule->path) < 0 || read_group(r, table, rule) < 0 ||
        get_number(r, table, "entropy", &rule->entropy) < 0 ||
        get_lower_list(r, table, "keywords", &rule->keywords) < 0 ||
        get_list(r, table, "tags", &rule->tags) < 0 ||
        get_list(r, table, "positive", &rule->positive) < 0 ||
        get_list(r, table, "negative", &rule->negative) < 0 ||
        get_bool(r, table, "skipReport", &rule->skip_report) < 0 ||
        read_level(r, table, rule) < 0 || read_checks(r, table, &rule->checks) < 0 ||
        add_allowlists(r, table, &rule->allow) < 0 || read_verify(r, table, rule) < 0)
        return r->e->code;
    if (!str_trim(rule->id).len)
        return err_at(r->e, ERR_INVALID, rule->where, "a rule needs an 'id'");
    return read_required(r, table, rule);
}

static secret_rule *rule_of(secret_rules *rules, str id) {
    for (size_t i = 0; i < rules->count; i++) {
        if (str_eq(rules->items[i].id, id)) return &rules->items[i];
    }
    return NULL;
}

static int add_rule(reader *r, secret_rules *into, const secret_rule *rule) {
    if (into->count == RULES_MAX)
        return err_at(r->e, ERR_LIMIT, rule->where, "there are more than %d rules", RULES_MAX);
    ARENA_PUSH(into->a, into->items, into->count, into->cap, *rule);
    return 0;
}

static int read_rules(reader *r, const toml_node *root, secret_rules *into) {
    const toml_node *const *tables;
    size_t count;
    int code = get_tables(r, root, "rules", &tables, &count);
    for (size_t i = 0; i < count && code == 0; i++) {
        secret_rule rule;
        if (read_rule(r, tables[i], &rule) < 0) return r->e->code;
        secret_rule *same = rule_of(into, rule.id);
        if (same)
            warn(r, rule.where, "the rule '%.*s' is there twice: the last one counts",
                 STR_ARG(rule.id));
        if (same)
            *same = rule;
        else
            code = add_rule(r, into, &rule);
    }
    return code;
}

/* ---- [extend] ------------------------------------------------------------------------------- */

static void append_texts(reader *r, str_list *to, const str_list *more) {
    for (size_t i = 0; i < more->count; i++)
        push(r, to, more->items[i]);
}

/* A rule of the file over the one of the same name that it extends. */
static secret_rule merge(reader *r, const secret_rule *base, const secret_rule *own) {
    secret_rule m = *base;
    if (own->description.len) m.description = own->description;
    if (own->entropy != 0) m.entropy = own->entropy;
    if (own->secret_group) m.secret_group = own->secret_group;
    if (own->name_group) m.name_group = own->name_group;
    if (own->pattern) m.pattern = own->pattern, m.drawn = own->drawn;
    /* What another pattern finds is not what that provider was to be asked about. */
    if (own->verify || own->pattern || own->secret_group) m.verify = own->verify;
    if (own->path) m.path = own->path;
    if (own->help.len) m.help = own->help;
    if (own->help_uri.len) m.help_uri = own->help_uri;
    if (own->has_level) m.level = own->level, m.has_level = true;
    m.checks |= own->checks;
    append_texts(r, &m.tags, &own->tags);
    append_texts(r, &m.keywords, &own->keywords);
    for (size_t i = 0; i < own->allow.count; i++)
        ARENA_PUSH(r->a, m.allow.items, m.allow.count, m.allow.cap, own->allow.items[i]);
    m.where = own->where;
    return m;
}

static bool in_list(const str_list *list, str item) {
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], item)) return true;
    }
    return false;
}

static int extend(reader *r, secret_rules *into, const secret_rules *base, const str_list *disabled,
                  span where) {
    for (size_t i = 0; i < disabled->count; i++) {
        if (!rule_of((secret_rules *)base, disabled->items[i]))
            warn(r, where, "'disabledRules' names '%.*s', and there is no such rule to disable",
                 STR_ARG(disabled->items[i]));
    }
    for (size_t i = 0; i < base->count; i++) {
        const secret_rule *b = &base->items[i];
        if (in_list(disabled, b->id)) continue;
        secret_rule *own = rule_of(into, b->id);
        if (own)
            *own = merge(r, b, own);
        else if (add_rule(r, into, b) < 0)
            return r->e->code;
    }
    for (size_t i = 0; i < base->allow.count; i++)
        ARENA_PUSH(into->a, into->allow.items, into->allow.count, into->allow.cap,
                   base->allow.items[i]);
    return 0;
}

static int read_builtin(reader *r, secret_rules *into) {
    rules_origin outer = r->origin;
    int code = 0;
    r->origin = RULES_BUILTIN;
    for (size_t i = 0; i < secrets_builtin_count && code == 0; i++)
        code = read_text(r, secrets_builtin[i].text, secrets_builtin[i].name, into);
    r->origin = outer;
    return code;
}

/* Beside the file that names it, in the folder that is scanned, for one that was found there and
 * that nobody has named. All that it extends lies in it. */
static int read_extended_below(reader *r, str path, span where, secret_rules *into) {
    const char *inner = where.file + strlen(r->root), *slash = strrchr(inner, '/');
    err why = {0};
    str text;
    while (*inner == '/')
        inner++;
    str folder = {inner, slash > inner ? (size_t)(slash - inner) + 1 : 0};
    const char *file =
        folder.len ? fs_join(r->a, arena_cstr(r->a, folder), path) : arena_cstr(r->a, path);
    if (fs_read_below(r->a, r->root, file, RULES_FILE_MAX, &text, &why) < 0)
        return err_at(r->e, why.code, where, "the rules that this extends cannot be read: %s",
                      why.message);
    return read_text(r, text, fs_join(r->a, r->root, str_from(file)), into);
}

/* Beside the file that names it, or from the current folder, as gitleaks has it. */
static int read_extended(reader *r, str path, span where, secret_rules *into) {
    const char *slash = where.file ? strrchr(where.file, '/') : NULL;
    const char *file = arena_cstr(r->a, path);
    err why = {0};
    str text;
    if (r->root) return read_extended_below(r, path, where, into);
    if (slash) {
        str folder = {where.file, (size_t)(slash - where.file) + 1};
        const char *beside = fs_join(r->a, arena_cstr(r->a, folder), path);
        if (fs_exists(beside)) file = beside;
    }
    if (fs_read_file(r->a, file, RULES_FILE_MAX, &text, &why) < 0)
        return err_at(r->e, why.code, where, "the rules that this extends cannot be read: %s",
                      why.message);
    return read_text(r, text, file, into);
}

static int read_extend(reader *r, const toml_node *root, secret_rules *into) {
    const toml_pair *pair = find(root, "extend");
    str path = STR_EMPTY;
    bool builtin = false;
    str_list disabled = {0};
    if (!pair) return 0;
    if (pair->item->kind != TOML_TABLE) return expected(r, pair->item, "extend", "a table");
    check_keys(r, pair->item, "[extend]",
               KNOWN(STR("useDefault"), STR("path"), STR("url"), STR("disabledRules")));
    if (get_text(r, pair->item, "path", &path) < 0 ||
        get_bool(r, pair->item, "useDefault", &builtin) < 0 ||
        get_list(r, pair->item, "disabledRules", &disabled) < 0)
        return r->e->code;
    if (find(pair->item, "url"))
        warn(r, find(pair->item, "url")->where, "rules are not fetched from a URL");
    if (path.len && builtin)
        return err_at(r->e, ERR_INVALID, pair->where,
                      "[extend] has both 'path' and 'useDefault': choose one");
    if (!path.len && !builtin) return 0;
    if (r->depth == RULES_DEPTH_MAX) {
        warn(r, pair->where, "rules extend others at most %d times; this one is passed over",
             RULES_DEPTH_MAX);
        return 0;
    }
    secret_rules base = {.a = r->a};
    r->depth++;
    int code = builtin ? read_builtin(r, &base)
                       : read_extended(r, path, get(pair->item, "path")->where, &base);
    r->depth--;
    return code < 0 ? code : extend(r, into, &base, &disabled, pair->where);
}

/* ---- a file --------------------------------------------------------------------------------- */

static int read_global_allowlists(reader *r, const toml_node *root, secret_rules *into) {
    const toml_node *const *tables;
    size_t count;
    int code = get_allowlists(r, root, &tables, &count);
    for (size_t i = 0; i < count && code == 0; i++) {
        allowlist one;
        str_list targets = {0};
        code = read_allowlist(r, tables[i], true, &one);
        if (code == 0) code = get_list(r, tables[i], "targetRules", &targets);
        if (code == 0 && !targets.count)
            ARENA_PUSH(into->a, into->allow.items, into->allow.count, into->allow.cap, one);
        for (size_t t = 0; t < targets.count && code == 0; t++) {
            secret_rule *rule = rule_of(into, targets.items[t]);
            if (!rule)
                return err_at(r->e, ERR_INVALID, get(tables[i], "targetRules")->where,
                              "there is no rule '%.*s' for this allowlist",
                              STR_ARG(targets.items[t]));
            ARENA_PUSH(into->a, rule->allow.items, rule->allow.count, rule->allow.cap, one);
        }
    }
    return code;
}

/* Rules first, then what they extend, then allow-lists: those name rules of both. */
static int read_text(reader *r, str text, const char *file, secret_rules *into) {
    static const toml_limits limits = {.max_bytes = RULES_FILE_MAX, .max_depth = 20};
    toml_node *root;
    sha256_add(r->hash, text.ptr, text.len);
    sha256_add(r->hash, "", 1);
    if (toml_parse(r->a, text, file, &limits, &root, r->e) < 0) return r->e->code;
    check_keys(r, root, "a file of rules",
               KNOWN(STR("title"), STR("description"), STR("extend"), STR("rules"),
                     STR("allowlist"), STR("allowlists"), STR("minVersion")));
    if (read_rules(r, root, into) < 0 || read_extend(r, root, into) < 0) return r->e->code;
    return read_global_allowlists(r, root, into);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int check_verify(reader *r, const secret_rule *rule) {
    if (!rule->verify) return 0;
    if (!rule->pattern)
        return err_at(r->e, ERR_INVALID, rule->verify->where,
                      "the rule '%.*s' has no 'regex', so there is no secret to verify",
                      STR_ARG(rule->id));
    return secret_verify_check(rule->verify, rule->pattern->names, rule->pattern->count, r->e);
}

static int check_rule(reader *r, secret_rules *rules, secret_rule *rule) {
    if (!rule->pattern && !rule->path)
        return err_at(r->e, ERR_INVALID, rule->where,
                      "the rule '%.*s' has neither 'regex' nor 'path', so it finds nothing",
                      STR_ARG(rule->id));
    if (rule->pattern && rule->secret_group > rule->pattern->count)
        return err_at(r->e, ERR_INVALID, rule->where,
                      "'secretGroup' of the rule '%.*s' is %u, and its pattern has %u groups",
                      STR_ARG(rule->id), rule->secret_group, rule->pattern->count);
    if (rule->name_group && (!rule->pattern || rule->name_group > rule->pattern->count))
        return err_at(r->e, ERR_INVALID, rule->where,
                      "'nameGroup' of the rule '%.*s' is %u, and its pattern has no such group",
                      STR_ARG(rule->id), rule->name_group);
    if (rule->checks & 1u << CHECK_CREDENTIAL && !rule->name_group)
        return err_at(r->e, ERR_INVALID, rule->where,
                      "the rule '%.*s' has the check 'credential', which needs a 'nameGroup'",
                      STR_ARG(rule->id));
    for (size_t i = 0; i < rule->required_count; i++) {
        const secret_rule *other = rule_of(rules, rule->required[i].id);
        if (!other)
            return err_at(r->e, ERR_INVALID, rule->required[i].where,
                          "the rule '%.*s' requires '%.*s', and there is no such rule",
                          STR_ARG(rule->id), STR_ARG(rule->required[i].id));
        rule->required[i].rule = (size_t)(other - rules->items);
    }
    return check_verify(r, rule);
}

typedef int read_fn(reader *r, str text, const char *file, secret_rules *into);

static int read_builtin_as_text(reader *r, str text, const char *file, secret_rules *into) {
    (void)text;
    (void)file;
    return read_builtin(r, into);
}

/* `root`: the folder that all files must lie in; NULL: anywhere. */
static int read_whole(arena *a, read_fn *read, str text, const char *file, rules_origin origin,
                      const char *root, secret_rules **ret, err *e) {
    err own = {0};
    secret_rules *rules = ARENA_NEW(a, secret_rules);
    *rules = (secret_rules){.a = a, .warnings.a = a};
    reader r = {.a = a,
                .rules = rules,
                .root = root,
                .origin = origin,
                .hash = sha256_new(),
                .e = e ? e : &own};
    int code = read(&r, text, file, rules);
    sha256_end(r.hash, rules->digest);
    for (size_t i = 0; i < rules->count && code == 0; i++)
        code = check_rule(&r, rules, &rules->items[i]);
    if (code == 0)
        *ret = rules;
    else
        secret_rules_done(rules);
    return code;
}

int secret_rules_parse(arena *a, str text, const char *file, rules_origin origin,
                       secret_rules **ret, err *e) {
    return read_whole(a, read_text, text, file, origin, NULL, ret, e);
}

int secret_rules_builtin(arena *a, secret_rules **ret, err *e) {
    return read_whole(a, read_builtin_as_text, STR_EMPTY, NULL, RULES_BUILTIN, NULL, ret, e);
}

/* Those of whoever made the folder, which may be hostile: nothing else of this machine is read as
 * rules, and shown in what is wrong with them. */
static int load_found(arena *a, const char *root, secret_rules **ret, str *ret_path, err *e) {
    const char *path = fs_join(a, root, STR(RULES_FILE));
    struct stat st;
    str file;
    if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return secret_rules_builtin(a, ret, e);
    if (fs_read_below(a, root, RULES_FILE, RULES_FILE_MAX, &file, e) < 0)
        return err_context(e, "the rules cannot be read");
    *ret_path = str_from(path);
    return read_whole(a, read_text, file, path, RULES_OF_TREE, root, ret, e);
}

int secret_rules_load(arena *a, const char *root, const char *config, secret_rules **ret,
                      str *ret_path, err *e) {
    const char *text = getenv("GITLEAKS_CONFIG_TOML"), *named = getenv("GITLEAKS_CONFIG");
    str file;
    *ret_path = STR_EMPTY;
    if (!config && named && *named) config = named;
    if (!config && text && *text)
        return secret_rules_parse(a, arena_str(a, str_from(text)), "GITLEAKS_CONFIG_TOML",
                                  RULES_OF_PERSON, ret, e);
    if (!config && root) return load_found(a, root, ret, ret_path, e);
    if (!config) return secret_rules_builtin(a, ret, e);
    config = arena_cstr(a, str_from(config));
    if (fs_read_file(a, config, RULES_FILE_MAX, &file, e) < 0)
        return err_context(e, "the rules cannot be read");
    *ret_path = str_from(config);
    return secret_rules_parse(a, file, config, RULES_OF_PERSON, ret, e);
}

void secret_rules_done(secret_rules *r) {
    for (size_t i = 0; i < r->made.count; i++)
        regex_done(r->made.items[i]);
}
