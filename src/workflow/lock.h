/* lock.h: the lock file of a repository's actions, .github/workflows/actions.lock. Pure.
 *
 * The format is GitHub's, schema v0.0.2. Sources: schema/lockfile-v0.0.2.json and the parser of
 * https://github.com/github/actions-lockfile, the writer of
 * https://github.com/github/gh-actions-lock, and
 * https://docs.github.com/en/actions/concepts/security/workflow-dependency-lockfiles
 *
 * A *pin* is "owner/repo@ref": a repository at a ref as a `uses:` names it, without the path inside
 * it, owner and repo in lower case. `workflows` has, for each workflow that is locked, the pins
 * that it uses; `dependencies` has, for each pin, the commit, the numbers of owner and repository,
 * and the pins that its actions use in turn.
 *
 * Where GitHub's two texts differ, both are read: `workflows` may list a workflow's own pins only
 * (as the tool writes) or those of its actions as well (as the parser's README says). What git
 * cannot know, owner_id and repo_id, may be left out here; GitHub refuses a file without them. */
#ifndef SLIPWAY_WORKFLOW_LOCK_H
#define SLIPWAY_WORKFLOW_LOCK_H

#include "workflow/workflow.h"

#define LOCK_PATH     ".github/workflows/actions.lock"
#define LOCK_VERSION  "v0.0.2"
#define LOCK_FILE_MAX ((size_t)1 << 20) /* GitHub's cap */

typedef struct lock_pin {
    str pin;
    span where; /* line 0 in a lock that was made and not read */
} lock_pin;

typedef struct lock_entry {
    str pin;
    span where;
    str ref;    /* the ref that the commit was found by; the pin's own unless that is a commit */
    str commit; /* lower-case hex: 40 digits of SHA-1 or 64 of SHA-256 */
    uint64_t owner_id, repo_id; /* 0: not known */
    lock_pin *uses;
    size_t use_count, use_cap;
} lock_entry;

typedef struct lock_workflow {
    str path; /* from the repository's root */
    span where;
    lock_pin *pins;
    size_t pin_count, pin_cap;
} lock_workflow;

typedef struct lock_file {
    arena *a;
    lock_entry *entries; /* sorted by pin once read */
    size_t entry_count, entry_cap;
    lock_workflow *workflows; /* sorted by path once read */
    size_t workflow_count, workflow_cap;
} lock_file;

/* Reads a lock file. `file` names it in places and must outlive the lock, as must `text`. Errors
 * with the place: ERR_LIMIT for the caps, ERR_UNSUPPORTED for another version, else ERR_INVALID. */
int lock_parse(arena *a, str text, const char *file, lock_file **ret, err *e);

/* Appends the file as GitHub's tool lays it out: the same lock gives the same bytes, in whatever
 * order it was put together. `head` is the comment at its head, whole lines; empty: one that names
 * Slipway. Sorts the lock. */
void lock_write(strbuf *out, lock_file *l, str head);
/* The comment at the head of a lock file, to be kept when it is written again. */
str lock_head(str text);

/* Puts a pin into a list unless it is there. */
void lock_add_pin(arena *a, lock_pin **pins, size_t *count, size_t *cap, lock_pin pin);

/* The pin of "owner/repo/path@ref", in `a`; false for what is no action of another repository: a
 * path in the own one, an image, another form. */
bool lock_pin_of(arena *a, str uses, str *ret);
/* Its parts, borrowed; `pin` must be one. */
void lock_pin_split(str pin, str *owner, str *repo, str *ref);
/* True for a ref that is a whole commit, which cannot be moved. */
bool lock_is_commit(str ref);

const lock_entry *lock_find(const lock_file *l, str pin);
const lock_workflow *lock_find_workflow(const lock_file *l, str path);

/* What a workflow may run: its pins and what they use in turn, as far as there are entries. */
typedef struct lock_closure {
    const lock_file *lock;
    bool *has; /* by index of the entry */
    const lock_entry **todo;
} lock_closure;
lock_closure lock_closure_new(arena *a, const lock_file *l); /* of nothing */
void lock_closure_add(lock_closure *c, const lock_pin *pins, size_t pin_count);
/* The entry of a pin that is in it, or NULL. */
const lock_entry *lock_closure_find(const lock_closure *c, str pin);

/* ---- judging without a network ------------------------------------------------------------- */

/* Gives the steps of an action in the repository itself ("./path", "$/path"), so that what it uses
 * can be judged; false where there is none that has steps. */
typedef bool lock_local_fn(void *context, str uses, const workflow_step **ret, size_t *ret_count);

/* What a workflow uses that the lock does not have, and what the lock has for it that it does not
 * use. `path` is the workflow's from the repository's root. `local` may be NULL: actions of the
 * repository itself are then not looked into. */
void lock_check_workflow(const lock_file *l, str path, const workflow *w, lock_local_fn *local,
                         void *context, problem_list *out);
/* The problem that a lock which lock_parse refused is. */
void lock_check_refused(const err *why, problem_list *out);
/* What is wrong with the lock by itself: entries that nothing uses, pins without an entry,
 * workflows for which `exists` says that there is none. */
void lock_check_file(const lock_file *l, bool (*exists)(void *context, str path), void *context,
                     problem_list *out);

#endif
