/* regex_head.c: which patterns need a run, and what they begin with up to it.
 *
 * A pattern is a row of parts. If some parts in a row are made of characters of runs alone, and
 * have at least RUN_MIN together, then each match has a run that holds theirs, and that goes
 * further left by as much at most as the text does: nowhere further right do they begin. What
 * stands before these parts has a known width, so the match begins near that run; what comes after
 * them need not be looked at to know where a match can begin. */
#include "scan/secrets/regex_tree.h"
#include "scan/secrets/runs.h"

#define BIT(c)      (1ULL << (c))
#define BEFORE_MAX  200  /* bytes of a match before its run */
#define DRAWN_MIN   10   /* characters of a run that are no letters of the pattern's own */
#define LETTERS_MIN 3    /* of the head of a far pattern */
#define PARTS_MAX   2000 /* of it: choices one after another multiply */

typedef struct part_list {
    const regex_node **items;
    size_t count, cap;
} part_list;

static void flatten(arena *a, const regex_node *n, part_list *list) {
    if (n->kind != RX_CAT && n->kind != RX_CAPTURE) {
        ARENA_PUSH(a, list->items, list->count, list->cap, n);
        return;
    }
    for (size_t i = 0; i < n->count; i++)
        flatten(a, n->parts[i], list);
}

/* ---- sets of characters --------------------------------------------------------------------- */

static bool is_of(const regex_node *n, const uint64_t set[2]) {
    if (n->kind == RX_CHAR) {
        char c = (char)n->code;
        bool letter = (n->code | 0x20) >= 'a' && (n->code | 0x20) <= 'z';
        return n->code < 128 && run_has(set, c) &&
               (!n->fold || !letter || run_has(set, (char)(c ^ 0x20)));
    }
    if (n->kind != RX_CLASS || n->item_count || n->high != n->negated) return false;
    uint64_t low = n->negated ? ~n->ascii[0] : n->ascii[0],
             high = n->negated ? ~n->ascii[1] : n->ascii[1];
    return !(low & ~set[0]) && !(high & ~set[1]);
}

/* Whether all that a match has is of the set. The end of the text is none: what is gathered of a
 * text ends elsewhere. */
static bool is_all_of(const regex_node *n, const uint64_t set[2]) {
    switch (n->kind) {
    case RX_CHAR:
    case RX_CLASS: return is_of(n, set);
    case RX_ANY:
    case RX_TEXT_END: return false;
    case RX_REPEAT:
    case RX_CAT:
    case RX_ALT:
    case RX_CAPTURE: break;
    case RX_EMPTY:
    case RX_TEXT_BEGIN:
    case RX_LINE_BEGIN:
    case RX_LINE_END:
    case RX_WORD_EDGE:
    case RX_NO_WORD_EDGE:
    case RX_KIND_COUNT: return true;
    }
    for (size_t i = 0; i < n->count; i++) {
        if (!is_all_of(n->parts[i], set)) return false;
    }
    return true;
}

/* How many characters of classes a match has at least. A run that need not have some may read as
 * words do, among which none is looked for (runs.h). */
static size_t drawn_width(const regex_node *n) {
    size_t sum = 0, least = n->count ? SIZE_MAX : 0;
    if (n->kind == RX_CLASS) return 1;
    for (size_t i = 0; i < n->count; i++) {
        size_t part = drawn_width(n->parts[i]);
        sum += part;
        if (part < least) least = part;
    }
    if (n->kind == RX_REPEAT) return sum * n->min;
    return n->kind == RX_ALT ? least : sum;
}

static size_t drawn_from(const regex_node *parts, size_t index) {
    size_t sum = 0;
    while (index < parts->count)
        sum += drawn_width(parts->parts[index++]);
    return sum;
}

/* Whether there is a character of its own in it, not just classes: without, it is found in too many
 * runs. */
static bool has_letter(const regex_node *n) {
    if (n->kind == RX_CHAR) return true;
    for (size_t i = 0; i < n->count; i++) {
        if (has_letter(n->parts[i])) return true;
    }
    return false;
}

/* ---- the parts ------------------------------------------------------------------------------ */

/* ---- assignments ---------------------------------------------------------------------------- */

/* How far the last of run_assigns in a row of parts may stand before its end, with run_gaps alone
 * behind it; NOT_ASSIGNED where a match need not have one. */
#define NOT_ASSIGNED SIZE_MAX

static size_t gap_behind(const regex_node *n);

static size_t gap_behind_parts(const regex_node *const *parts, size_t count) {
    const uint64_t either[2] = {run_gaps[0] | run_assigns[0], run_gaps[1] | run_assigns[1]};
    size_t behind = 0, most = 0; /* most: where a part that may be missing has the last one */
    while (count-- > 0) {
        const regex_node *n = parts[count];
        bool may_miss = n->kind == RX_REPEAT && n->min == 0;
        size_t gap = gap_behind(may_miss ? n->parts[0] : n);
        if (gap != NOT_ASSIGNED) {
            if (behind + gap > most) most = behind + gap;
            if (!may_miss) return most;
            continue;
        }
        size_t max = regex_width_of(n).max;
        if (!is_all_of(n, either) || max > RUN_GAP_MAX) return NOT_ASSIGNED;
        behind += max;
    }
    return NOT_ASSIGNED;
}

static size_t gap_behind(const regex_node *n) {
    size_t most = 0;
    if (n->kind == RX_CHAR || n->kind == RX_CLASS) return is_of(n, run_assigns) ? 0 : NOT_ASSIGNED;
    if (n->kind == RX_REPEAT) return n->min ? gap_behind(n->parts[0]) : NOT_ASSIGNED;
    if (n->kind == RX_CAT || n->kind == RX_CAPTURE)
        return gap_behind_parts((const regex_node *const *)n->parts, n->count);
    if (n->kind != RX_ALT || !n->count) return NOT_ASSIGNED;
    for (size_t i = 0; i < n->count; i++) {
        size_t gap = gap_behind(n->parts[i]);
        if (gap == NOT_ASSIGNED) return NOT_ASSIGNED;
        if (gap > most) most = gap;
    }
    return most;
}

/* Whether, wherever the part at `index` begins, an assignment stands before it. */
static bool is_assigned(const part_list *list, size_t index) {
    return gap_behind_parts(list->items, index) <= RUN_GAP_MAX;
}

static void append(arena *a, regex_node *tree, const regex_node *n) {
    regex_node *copy = ARENA_NEW(a, regex_node);
    *copy = *n;
    ARENA_PUSH(a, tree->parts, tree->count, tree->cap, copy);
}

/* Adds to `tree` what every match of the parts from `from` on begins with and is of runs only, no
 * longer than it must be: where it is found first is enough. Gives how many characters that has at
 * least. */
static size_t add_run(arena *a, regex_node *tree, const part_list *list, size_t from) {
    size_t size = 0, kept = tree->count, i = from;
    for (; i < list->count && is_all_of(list->items[i], run_chars); i++) {
        size_t min = regex_width_of(list->items[i]).min;
        append(a, tree, list->items[i]);
        if (min) kept = tree->count;
        size += min;
    }
    regex_node choice = {.kind = RX_ALT};
    size_t least = i < list->count && list->items[i]->kind == RX_ALT ? SIZE_MAX : 0;
    for (size_t k = 0; least && k < list->items[i]->count; k++) {
        regex_node begin = {.kind = RX_CAT};
        part_list parts = {0};
        flatten(a, list->items[i]->parts[k], &parts);
        size_t min = add_run(a, &begin, &parts, 0);
        append(a, &choice, &begin);
        if (min < least) least = min;
    }
    if (least) {
        append(a, tree, &choice);
        return size + least;
    }
    tree->count = kept;
    if (size && tree->parts[kept - 1]->kind == RX_REPEAT)
        tree->parts[kept - 1]->max = tree->parts[kept - 1]->min;
    return size;
}

static regex_place head_of(arena *a, const regex_node *tree, size_t *ret_before, regex_node *head);

/* One of several patterns: each must have a run. */
static regex_place head_of_choice(arena *a, const regex_node *choice, size_t *ret_before,
                                  regex_node *head) {
    regex_place place = REGEX_AT_RUN;
    regex_node *heads = ARENA_NEW(a, regex_node);
    heads->kind = RX_ALT;
    *ret_before = 0;
    for (size_t i = 0; i < choice->count; i++) {
        regex_node one = {.kind = RX_CAT};
        size_t before;
        regex_place its = head_of(a, choice->parts[i], &before, &one);
        if (its == REGEX_ANYWHERE) return its;
        if (its == REGEX_AT_ASSIGNED_RUN) place = its;
        if (before > *ret_before) *ret_before = before;
        append(a, heads, &one);
    }
    head->count = 0;
    append(a, head, heads);
    return place;
}

static regex_place head_of(arena *a, const regex_node *tree, size_t *ret_before, regex_node *head) {
    part_list list = {0};
    regex_width before = {0, 0};
    flatten(a, tree, &list);
    if (list.count == 1 && list.items[0]->kind == RX_ALT)
        return head_of_choice(a, list.items[0], ret_before, head);
    for (size_t i = 0; i < list.count && before.max <= BEFORE_MAX; i++) {
        bool early = before.max <= 1;
        if ((early || is_assigned(&list, i)) && add_run(a, head, &list, i) >= RUN_MIN &&
            drawn_from(head, i) >= DRAWN_MIN && has_letter(head)) {
            *ret_before = before.max;
            return early ? REGEX_AT_RUN : REGEX_AT_ASSIGNED_RUN;
        }
        head->count = i;
        append(a, head, list.items[i]);
        before = regex_width_add(before, regex_width_of(list.items[i]));
    }
    return REGEX_ANYWHERE;
}

/* ---- logins --------------------------------------------------------------------------------- */

/* Whether a match has no blank and no "/". */
static bool is_of_login(const regex_node *n) {
    static const uint64_t apart[2] = {
        BIT('\t') | BIT('\n') | BIT('\f') | BIT('\r') | BIT(' ') | BIT('/'), 0};
    if (n->kind == RX_ANY || n->item_count) return false;
    if (n->kind == RX_CHAR) return n->code >= 128 || !run_has(apart, (char)n->code);
    if (n->kind == RX_CLASS) return !((n->negated ? ~n->ascii[0] : n->ascii[0]) & apart[0]);
    for (size_t i = 0; i < n->count; i++) {
        if (!is_of_login(n->parts[i])) return false;
    }
    return true;
}

static bool is_char(const regex_node *n, char c) {
    return n->kind == RX_CHAR && n->code == (uint32_t)c;
}

/* "://", a name, ":", a password, "@" */
static bool is_login(const part_list *list, size_t at) {
    const regex_node **p = list->items + at;
    return list->count - at > 6 && is_char(p[0], ':') && is_char(p[1], '/') && is_char(p[2], '/') &&
           is_of_login(p[3]) && is_char(p[4], ':') && is_of_login(p[5]) &&
           regex_width_of(p[5]).min >= 3 && is_char(p[6], '@');
}

static void look_for_login(arena *a, const regex_node *tree, regex_head *ret) {
    part_list list = {0};
    regex_width before = {0, 0};
    flatten(a, tree, &list);
    for (size_t i = 0; i < list.count && before.max <= BEFORE_MAX; i++) {
        if (is_login(&list, i)) {
            *ret = (regex_head){.place = REGEX_AT_LOGIN,
                                .pattern = STR(REGEX_LOGIN),
                                .before = before.max,
                                .least_before = before.min};
            return;
        }
        before = regex_width_add(before, regex_width_of(list.items[i]));
    }
}

void regex_head_of(arena *a, const regex_node *tree, regex_head *ret, regex_node **ret_head) {
    regex_node *head = ARENA_NEW(a, regex_node);
    head->kind = RX_CAT;
    ret->place = head_of(a, tree, &ret->before, head);
    *ret_head = NULL;
    if (ret->place == REGEX_ANYWHERE) {
        look_for_login(a, tree, ret);
        return;
    }
    regex_width wide = regex_width_of(head);
    ret->min_width = wide.min;
    ret->max_width = wide.max;
    *ret_head = head;
}

/* ---- far patterns --------------------------------------------------------------------------- */

/* How many characters of its own a match has at least. */
static size_t letters_of(const regex_node *n) {
    size_t sum = 0;
    if (n->kind == RX_CHAR) return 1;
    if (n->kind == RX_REPEAT) return n->min ? letters_of(n->parts[0]) : 0;
    for (size_t i = 0; i < n->count; i++) {
        size_t part = letters_of(n->parts[i]);
        sum = n->kind != RX_ALT ? sum + part : i == 0 || part < sum ? part : sum;
    }
    return sum;
}

typedef struct cutter {
    arena *a;
    size_t parts; /* that were added */
} cutter;

static void cut_append(cutter *c, regex_node *tree, const regex_node *n) {
    c->parts++;
    append(c->a, tree, n);
}

static void add_beginning(cutter *c, regex_node *tree, const part_list *list, size_t from,
                          size_t most);

/* Of several patterns, each with what comes after them, up to where it has no bound. */
static void add_beginnings(cutter *c, regex_node *tree, const regex_node *choice,
                           const part_list *list, size_t next, size_t most) {
    regex_node all = {.kind = RX_ALT};
    for (size_t i = 0; i < choice->count && c->parts < PARTS_MAX; i++) {
        regex_node one = {.kind = RX_CAT};
        part_list parts = {0};
        flatten(c->a, choice->parts[i], &parts);
        for (size_t k = next; k < list->count; k++)
            ARENA_PUSH(c->a, parts.items, parts.count, parts.cap, list->items[k]);
        add_beginning(c, &one, &parts, 0, most);
        cut_append(c, &all, &one);
    }
    cut_append(c, tree, &all);
}

/* Adds what a match of the parts from `from` on begins with, in at most so many bytes. */
static void add_beginning(cutter *c, regex_node *tree, const part_list *list, size_t from,
                          size_t most) {
    for (size_t i = from; i < list->count && c->parts < PARTS_MAX; i++) {
        const regex_node *n = list->items[i];
        size_t max = regex_width_of(n).max;
        if (max <= most) {
            cut_append(c, tree, n);
            most -= max;
            continue;
        }
        if (n->kind == RX_ALT) add_beginnings(c, tree, n, list, i + 1, most);
        if (n->kind == RX_REPEAT) {
            size_t one = regex_width_of(n->parts[0]).max, times = one ? most / one : 0;
            regex_node some = *n;
            some.min = some.max = times < n->min ? (unsigned)times : n->min;
            if (some.max) cut_append(c, tree, &some);
        }
        return;
    }
}

void regex_cut(arena *a, const regex_node *tree, regex_head *ret, regex_node **ret_head) {
    regex_node *head = ARENA_NEW(a, regex_node);
    part_list list = {0};
    *ret_head = NULL;
    head->kind = RX_CAT;
    flatten(a, tree, &list);
    cutter c = {.a = a};
    add_beginning(&c, head, &list, 0, REGEX_NEAR_BYTES);
    if (c.parts >= PARTS_MAX || letters_of(head) < LETTERS_MIN) return;
    regex_width wide = regex_width_of(head);
    ret->min_width = wide.min;
    ret->max_width = wide.max;
    *ret_head = head;
}
