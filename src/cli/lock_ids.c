/* lock_ids.c: owner_id and repo_id of a lock file's entries.
 *
 * A name can be given up and taken by somebody else, a number cannot: GitHub compares the numbers
 * when a workflow starts and refuses entries without them. git does not know them, so GitHub is
 * asked once for each repository, and what a lock file has is kept.
 * https://docs.github.com/en/rest/repos/repos#get-a-repository */
#include "cli/lock_ids.h"

#include "base/json.h"
#include "base/process.h"

#define ASK_PARALLEL   8
#define ASK_TIMEOUT_MS 60000
#define ANSWER_MAX     ((size_t)1 << 20)
#define ID_MAX         9007199254740991.0 /* the last whole number that a double has for certain */

/* "owner/repo" */
static str name_of(const lock_entry *entry) {
    return str_sub(entry->pin, 0, (size_t)str_find_char(entry->pin, '@'));
}

static bool copy_ids(lock_entry *entry, const lock_file *from) {
    for (size_t i = 0; from && i < from->entry_count; i++) {
        const lock_entry *o = &from->entries[i];
        if (!o->owner_id || !o->repo_id || !str_eq(name_of(o), name_of(entry))) continue;
        entry->owner_id = o->owner_id;
        entry->repo_id = o->repo_id;
        return true;
    }
    return false;
}

static uint64_t number_of(const value *v) {
    bool ok = v && v->kind == VALUE_NUMBER && v->number >= 1 && v->number <= ID_MAX;
    return ok ? (uint64_t)v->number : 0;
}

static bool read_answer(arena *a, str text, lock_entry *entry) {
    value answer;
    err ignored = {0};
    if (json_parse(a, text, 0, &answer, &ignored) < 0 || answer.kind != VALUE_OBJECT) return false;
    entry->repo_id = number_of(value_get(&answer, STR("id")));
    const value *owner = value_get(&answer, STR("owner"));
    if (owner && owner->kind == VALUE_OBJECT)
        entry->owner_id = number_of(value_get(owner, STR("id")));
    return entry->repo_id && entry->owner_id;
}

/* The entries to ask for: the first one of each repository. */
static size_t find_unknown(lock_file *l, const lock_file *old, lock_entry **ret) {
    size_t count = 0;
    for (size_t i = 0; i < l->entry_count; i++) {
        lock_entry *entry = &l->entries[i];
        bool known = (entry->owner_id && entry->repo_id) || copy_ids(entry, old);
        for (size_t k = 0; k < count && !known; k++)
            known = str_eq(name_of(ret[k]), name_of(entry));
        if (!known) ret[count++] = entry;
    }
    return count;
}

static void ask(arena *a, lock_entry **entries, size_t count, const char *url, str *ret_why) {
    process_spec *specs = ARENA_ARRAY(a, process_spec, count);
    process_result *results = ARENA_ARRAY(a, process_result, count);
    int *codes = ARENA_ARRAY(a, int, count);
    err *errors = ARENA_ARRAY(a, err, count);
    for (size_t i = 0; i < count; i++) {
        const char **argv = ARENA_ARRAY(a, const char *, 8);
        size_t n = 0;
        argv[n++] = "curl";
        argv[n++] = "-fsSL";
        argv[n++] = "--max-time";
        argv[n++] = "30";
        argv[n++] = "--";
        argv[n++] = arena_printf(a, "%s/repos/%.*s", url, STR_ARG(name_of(entries[i]))).ptr;
        specs[i] =
            (process_spec){.argv = argv, .timeout_ms = ASK_TIMEOUT_MS, .max_output = ANSWER_MAX};
    }
    process_run_many(a, specs, count, ASK_PARALLEL, results, codes, errors);
    for (size_t i = 0; i < count; i++) {
        str line, said = codes[i] < 0 ? str_from(errors[i].message) : results[i].err_out;
        if (codes[i] == 0 && results[i].status == 0 && read_answer(a, results[i].out, entries[i]))
            continue;
        *ret_why = str_line(&said, &line) ? line : STR("the answer has no numbers");
    }
}

size_t lock_ids_fill(arena *a, lock_file *l, const lock_file *old, const char *url, str *ret_why) {
    lock_entry **unknown = ARENA_ARRAY(a, lock_entry *, l->entry_count + 1);
    size_t count = find_unknown(l, old, unknown), without = 0;
    *ret_why = STR("they are known for actions of GitHub only, and GITHUB_API_URL is not set");
    if (count && url) ask(a, unknown, count, url, ret_why);
    for (size_t i = 0; i < l->entry_count; i++) {
        lock_entry *entry = &l->entries[i];
        bool known = (entry->owner_id && entry->repo_id) || copy_ids(entry, l);
        without += !known;
    }
    return without;
}
