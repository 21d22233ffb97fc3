#include "workflow/lock.h"

#include "base/yaml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- pins ---------------------------------------------------------------------------------- */

static bool is_hex(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!isxdigit((unsigned char)text.ptr[i])) return false;
    }
    return text.len > 0;
}

static str lower(arena *a, str text) {
    char *copy = arena_cstr(a, text);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)tolower((unsigned char)copy[i]);
    return (str){copy, text.len};
}

static bool name_ok(str name) {
    if (!name.len || str_is(name, ".") || str_is(name, "..")) return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (!isalnum(c) && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

/* What GitHub takes (no colon), and no character that would break the file's or a message's line.
 */
static bool ref_ok(str ref) {
    for (size_t i = 0; i < ref.len; i++) {
        unsigned char c = (unsigned char)ref.ptr[i];
        if (c <= ' ' || c == 0x7f || c == ':') return false;
    }
    return ref.len > 0;
}

bool lock_is_commit(str ref) {
    return (ref.len == 40 || ref.len == 64) && is_hex(ref);
}

/* GitHub cuts at the first '@', so that a ref may hold others. */
bool lock_pin_of(arena *a, str uses, str *ret) {
    str name, ref, owner, repo, path;
    if (!str_cut(uses, '@', &name, &ref) || !ref_ok(ref)) return false;
    if (!str_cut(name, '/', &owner, &name)) return false;
    str_cut(name, '/', &repo, &path);
    if (!name_ok(owner) || !name_ok(repo)) return false;
    str low_owner = lower(a, owner), low_repo = lower(a, repo);
    *ret = arena_printf(a, "%.*s/%.*s@%.*s", STR_ARG(low_owner), STR_ARG(low_repo), STR_ARG(ref));
    return true;
}

void lock_pin_split(str pin, str *owner, str *repo, str *ref) {
    str rest;
    str_cut(pin, '/', owner, &rest);
    str_cut(rest, '@', repo, ref);
}

void lock_add_pin(arena *a, lock_pin **pins, size_t *count, size_t *cap, lock_pin pin) {
    for (size_t i = 0; i < *count; i++) {
        if (str_eq((*pins)[i].pin, pin.pin)) return;
    }
    ARENA_PUSH(a, *pins, *count, *cap, pin);
}

/* ---- order --------------------------------------------------------------------------------- */

static int by_pin(const void *x, const void *y) {
    return str_cmp(((const lock_pin *)x)->pin, ((const lock_pin *)y)->pin);
}

static int by_entry(const void *x, const void *y) {
    return str_cmp(((const lock_entry *)x)->pin, ((const lock_entry *)y)->pin);
}

static int by_path(const void *x, const void *y) {
    return str_cmp(((const lock_workflow *)x)->path, ((const lock_workflow *)y)->path);
}

static void sort(lock_file *l) {
    if (l->entry_count) qsort(l->entries, l->entry_count, sizeof *l->entries, by_entry);
    if (l->workflow_count) qsort(l->workflows, l->workflow_count, sizeof *l->workflows, by_path);
    for (size_t i = 0; i < l->entry_count; i++) {
        lock_entry *entry = &l->entries[i];
        if (entry->use_count) qsort(entry->uses, entry->use_count, sizeof *entry->uses, by_pin);
    }
    for (size_t i = 0; i < l->workflow_count; i++) {
        lock_workflow *w = &l->workflows[i];
        if (w->pin_count) qsort(w->pins, w->pin_count, sizeof *w->pins, by_pin);
    }
}

const lock_entry *lock_find(const lock_file *l, str pin) {
    const lock_entry key = {.pin = pin};
    if (!l->entry_count) return NULL;
    return bsearch(&key, l->entries, l->entry_count, sizeof *l->entries, by_entry);
}

const lock_workflow *lock_find_workflow(const lock_file *l, str path) {
    const lock_workflow key = {.path = path};
    if (!l->workflow_count) return NULL;
    return bsearch(&key, l->workflows, l->workflow_count, sizeof *l->workflows, by_path);
}

/* ---- what a workflow may run --------------------------------------------------------------- */

lock_closure lock_closure_new(arena *a, const lock_file *l) {
    return (lock_closure){.lock = l,
                          .has = ARENA_ARRAY(a, bool, l->entry_count + 1),
                          .todo = ARENA_ARRAY(a, const lock_entry *, l->entry_count + 1)};
}

/* Each entry is put down once, so that there is room for all and cycles end. */
void lock_closure_add(lock_closure *c, const lock_pin *pins, size_t pin_count) {
    size_t count = 0;
    for (;;) {
        for (size_t i = 0; i < pin_count; i++) {
            const lock_entry *entry = lock_find(c->lock, pins[i].pin);
            if (!entry || c->has[entry - c->lock->entries]) continue;
            c->has[entry - c->lock->entries] = true;
            c->todo[count++] = entry;
        }
        if (!count) return;
        const lock_entry *next = c->todo[--count];
        pins = next->uses, pin_count = next->use_count;
    }
}

const lock_entry *lock_closure_find(const lock_closure *c, str pin) {
    const lock_entry *entry = lock_find(c->lock, pin);
    return entry && c->has[entry - c->lock->entries] ? entry : NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct reader {
    arena *a;
    lock_file *l;
    err *e;
} reader;

static int refuse(const reader *r, const yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(const reader *r, const yaml_node *at, const char *format, ...) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    return err_at(r->e, ERR_INVALID, at->where, "%s", strbuf_cstr(&text));
}

static int expect(const reader *r, const yaml_node *node, yaml_kind kind, str what) {
    static const char *const kinds[] = {"a text", "a list", "a mapping"};
    if (node->kind == kind) return 0;
    return refuse(r, node, "'%.*s' must be %s", STR_ARG(what), kinds[kind]);
}

/* Keys are texts, and each stands once: of two, one would be believed and the other read. */
static int judge_keys(const reader *r, const yaml_node *map, const char *const *allowed) {
    for (size_t i = 0; i < map->mapping.count; i++) {
        const yaml_node *key = map->mapping.pairs[i].key;
        if (key->kind != YAML_SCALAR) return refuse(r, key, "a key must be a text");
        const char *const *name = allowed;
        while (name && *name && !str_is(key->text, *name))
            name++;
        if (name && !*name) return refuse(r, key, "unknown key '%.*s'", STR_ARG(key->text));
        for (size_t k = 0; allowed && k < i; k++) {
            if (str_eq(map->mapping.pairs[k].key->text, key->text))
                return refuse(r, key, "'%.*s' stands twice", STR_ARG(key->text));
        }
    }
    return 0;
}

/* An empty list or mapping may be left empty altogether, as YAML's null. */
static bool is_null(const yaml_node *node) {
    value v;
    err ignored = {0};
    return node->kind == YAML_SCALAR && yaml_scalar(node, &v, &ignored) == 0 &&
           v.kind == VALUE_NULL;
}

static int read_pin(const reader *r, const yaml_node *node, lock_pin *ret) {
    int code = expect(r, node, YAML_SCALAR, STR("a pin"));
    if (code < 0) return code;
    str name, ref;
    str_cut(node->text, '@', &name, &ref);
    ptrdiff_t slash = str_find_char(name, '/');
    bool one = slash >= 0 && str_rfind_char(name, '/') == slash;
    if (!one || !lock_pin_of(r->a, node->text, &ret->pin))
        return refuse(r, node, "'%.*s' is not of the form owner/repo@ref", STR_ARG(node->text));
    ret->where = node->where;
    return 0;
}

static int read_pins(const reader *r, const yaml_node *list, str what, lock_pin **pins,
                     size_t *count, size_t *cap) {
    if (is_null(list)) return 0;
    int code = expect(r, list, YAML_SEQUENCE, what);
    for (size_t i = 0; code == 0 && i < list->sequence.count; i++) {
        lock_pin pin;
        if ((code = read_pin(r, list->sequence.items[i], &pin)) == 0)
            ARENA_PUSH(r->a, *pins, *count, *cap, pin);
    }
    return code;
}

/* The path is opened by others: it must lie in the repository. */
static bool path_ok(str path) {
    str part, rest = path;
    if (!path.len || path.ptr[0] == '/') return false;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c < ' ' || c == 0x7f || c == '\\' || c == ':') return false;
    }
    while (rest.len) {
        str_cut(rest, '/', &part, &rest);
        if (str_is(part, "..")) return false;
    }
    return true;
}

static int read_workflow(const reader *r, const yaml_pair *pair) {
    lock_workflow w = {.path = pair->key->text, .where = pair->key->where};
    if (!path_ok(w.path))
        return refuse(r, pair->key, "'%.*s' is no path in the repository", STR_ARG(w.path));
    int code = read_pins(r, pair->item, w.path, &w.pins, &w.pin_count, &w.pin_cap);
    if (code == 0) ARENA_PUSH(r->a, r->l->workflows, r->l->workflow_count, r->l->workflow_cap, w);
    return code;
}

/* "sha1-…" or "sha256-…" */
static int read_commit(const reader *r, const yaml_node *node, str *ret) {
    str algorithm, digest;
    bool ok = node->kind == YAML_SCALAR && str_cut(node->text, '-', &algorithm, &digest);
    ok = ok && is_hex(digest) &&
         ((str_eq_nocase(algorithm, STR("sha1")) && digest.len == 40) ||
          (str_eq_nocase(algorithm, STR("sha256")) && digest.len == 64));
    if (!ok)
        return refuse(r, node, "'commit' must be sha1- with 40 hex digits, or sha256- with 64");
    *ret = lower(r->a, digest);
    return 0;
}

static int read_id(const reader *r, const yaml_node *node, const char *what, uint64_t *ret) {
    if (!node) return 0;
    bool ok = node->kind == YAML_SCALAR && str_to_uint(node->text, INT64_MAX, ret) && *ret > 0;
    return ok ? 0 : refuse(r, node, "'%s' must be a whole number from 1", what);
}

/* The ref is what the pin says; a pin by commit tells beside it which tag that was. */
static int judge_ref(const reader *r, const yaml_node *node, const lock_entry *entry) {
    str owner, repo, ref;
    lock_pin_split(entry->pin, &owner, &repo, &ref);
    if (node->kind != YAML_SCALAR || !ref_ok(node->text))
        return refuse(r, node, "'ref' must be a branch, tag or commit");
    if (!lock_is_commit(ref) && !str_eq(node->text, ref))
        return refuse(r, node, "'%.*s' has the ref '%.*s': an entry has the ref of its pin",
                      STR_ARG(entry->pin), STR_ARG(node->text));
    if (lock_is_commit(ref) && !str_eq_nocase(entry->commit, ref))
        return refuse(r, node, "'%.*s' has another commit, %.*s", STR_ARG(entry->pin),
                      STR_ARG(entry->commit));
    return 0;
}

static int read_entry(const reader *r, const yaml_pair *pair) {
    static const char *const keys[] = {"ref", "commit", "owner_id", "repo_id", "uses", NULL};
    lock_pin pin;
    int code = read_pin(r, pair->key, &pin);
    if (code == 0) code = expect(r, pair->item, YAML_MAPPING, pair->key->text);
    if (code == 0) code = judge_keys(r, pair->item, keys);
    if (code < 0) return code;
    lock_entry entry = {.pin = pin.pin, .where = pin.where};
    const yaml_node *ref = yaml_get(pair->item, "ref"), *commit = yaml_get(pair->item, "commit");
    const yaml_node *uses = yaml_get(pair->item, "uses");
    if (!ref || !commit)
        return refuse(r, pair->key, "'%.*s' has no '%s'", STR_ARG(entry.pin),
                      ref ? "commit" : "ref");
    if ((code = read_commit(r, commit, &entry.commit)) < 0) return code;
    if ((code = judge_ref(r, ref, &entry)) < 0) return code;
    entry.ref = ref->text;
    code = read_id(r, yaml_get(pair->item, "owner_id"), "owner_id", &entry.owner_id);
    if (code == 0) code = read_id(r, yaml_get(pair->item, "repo_id"), "repo_id", &entry.repo_id);
    if (code == 0 && uses)
        code = read_pins(r, uses, STR("uses"), &entry.uses, &entry.use_count, &entry.use_cap);
    if (code == 0) ARENA_PUSH(r->a, r->l->entries, r->l->entry_count, r->l->entry_cap, entry);
    return code;
}

static int judge_version(const reader *r, const yaml_node *root) {
    const yaml_node *version = yaml_get(root, "version");
    if (!version) return refuse(r, root, "there is no 'version'");
    if (version->kind == YAML_SCALAR && str_is(version->text, LOCK_VERSION)) return 0;
    str text = version->kind == YAML_SCALAR ? version->text : STR("of another kind");
    return err_at(r->e, ERR_UNSUPPORTED, version->where,
                  "the version of the lock file is '%.*s': this Slipway reads " LOCK_VERSION
                  "; remove the file and run 'slipway lock' to write it anew",
                  STR_ARG(text));
}

/* After sorting, two of the same stand side by side. */
static int judge_twins(const reader *r) {
    const lock_file *l = r->l;
    for (size_t i = 1; i < l->entry_count; i++) {
        if (str_eq(l->entries[i - 1].pin, l->entries[i].pin))
            return err_at(r->e, ERR_INVALID, l->entries[i].where, "'%.*s' stands twice",
                          STR_ARG(l->entries[i].pin));
    }
    for (size_t i = 1; i < l->workflow_count; i++) {
        if (str_eq(l->workflows[i - 1].path, l->workflows[i].path))
            return err_at(r->e, ERR_INVALID, l->workflows[i].where, "'%.*s' stands twice",
                          STR_ARG(l->workflows[i].path));
    }
    return 0;
}

typedef int read_pair_fn(const reader *r, const yaml_pair *pair);

static int read_section(const reader *r, const yaml_node *root, const char *name,
                        read_pair_fn *fn) {
    const yaml_node *map = yaml_get(root, name);
    if (!map || is_null(map)) return 0;
    int code = expect(r, map, YAML_MAPPING, str_from(name));
    if (code == 0) code = judge_keys(r, map, NULL);
    for (size_t i = 0; code == 0 && i < map->mapping.count; i++)
        code = fn(r, &map->mapping.pairs[i]);
    return code;
}

int lock_parse(arena *a, str text, const char *file, lock_file **ret, err *e) {
    static const char *const keys[] = {"version", "workflows", "dependencies", NULL};
    static const yaml_limits limits = {.max_bytes = LOCK_FILE_MAX, .max_depth = 8};
    const yaml_node *root;
    reader r = {.a = a, .l = ARENA_NEW(a, lock_file), .e = e};
    r.l->a = a;
    int code = yaml_parse(a, text, file, &limits, &root, e);
    if (code < 0) return code;
    if (!root) return err_at(e, ERR_INVALID, (span){file, 1, 1, 1, 1}, "the lock file is empty");
    code = expect(&r, root, YAML_MAPPING, STR("the lock file"));
    if (code == 0) code = judge_version(&r, root);
    if (code == 0) code = judge_keys(&r, root, keys);
    if (code == 0) code = read_section(&r, root, "workflows", read_workflow);
    if (code == 0) code = read_section(&r, root, "dependencies", read_entry);
    if (code < 0) return code;
    sort(r.l);
    if ((code = judge_twins(&r)) < 0) return code;
    *ret = r.l;
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Between single quotes no text can be taken for a number, a date or a truth. */
static void add_quoted(strbuf *out, str text) {
    strbuf_addc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') strbuf_addc(out, '\'');
        strbuf_addc(out, text.ptr[i]);
    }
    strbuf_addc(out, '\'');
}

static void add_pins(strbuf *out, const lock_pin *pins, size_t count, const char *indent) {
    for (size_t i = 0; i < count; i++) {
        if (i && str_eq(pins[i - 1].pin, pins[i].pin)) continue;
        strbuf_adds(out, indent);
        strbuf_adds(out, "- ");
        add_quoted(out, pins[i].pin);
        strbuf_addc(out, '\n');
    }
}

static void add_entry(strbuf *out, const lock_entry *entry) {
    strbuf_adds(out, "    ");
    add_quoted(out, entry->pin);
    strbuf_adds(out, ":\n        ref: ");
    add_quoted(out, entry->ref);
    strbuf_addf(out, "\n        commit: 'sha%s-%.*s'\n", entry->commit.len == 64 ? "256" : "1",
                STR_ARG(entry->commit));
    if (entry->owner_id)
        strbuf_addf(out, "        owner_id: %llu\n", (unsigned long long)entry->owner_id);
    if (entry->repo_id)
        strbuf_addf(out, "        repo_id: %llu\n", (unsigned long long)entry->repo_id);
    if (!entry->use_count) return;
    strbuf_adds(out, "        uses:\n");
    add_pins(out, entry->uses, entry->use_count, "            ");
}

str lock_head(str text) {
    size_t end = 0;
    while (end < text.len && text.ptr[end] == '#') {
        ptrdiff_t line = str_find_char(str_sub(text, end, text.len), '\n');
        if (line < 0) break;
        end += (size_t)line + 1;
    }
    return str_sub(text, 0, end);
}

void lock_write(strbuf *out, lock_file *l, str head) {
    static const char our_head[] = "# This file is machine-generated by `slipway lock`.\n"
                                   "# Do not edit by hand; run `slipway lock` to update.\n"
                                   "# Docs: https://gh.io/actions-lockfile\n";
    sort(l);
    strbuf_add(out, head.len ? head : str_from(our_head));
    strbuf_adds(out, "version: '" LOCK_VERSION "'\n");
    if (l->workflow_count) strbuf_adds(out, "workflows:\n");
    for (size_t i = 0; i < l->workflow_count; i++) {
        const lock_workflow *w = &l->workflows[i];
        strbuf_adds(out, "    ");
        add_quoted(out, w->path);
        strbuf_adds(out, w->pin_count ? ":\n" : ": []\n");
        add_pins(out, w->pins, w->pin_count, "        ");
    }
    if (l->entry_count) strbuf_adds(out, "dependencies:\n");
    for (size_t i = 0; i < l->entry_count; i++)
        add_entry(out, &l->entries[i]);
}
