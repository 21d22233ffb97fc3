#include "scan/secrets/settle.h"

#include <stdlib.h>

#define NEIGHBOURS 64 /* matches by place that can be of the same secret */
#define GUESS      2

/* What a rule knows: 0, the kind of the secret; 1, the place where any may stand (a header, a URL,
 * a command); GUESS, that it looks like one. */
static unsigned vagueness(const secret_rule *rule) {
    str id = rule->id;
    for (size_t i = 0; i + 7 <= id.len; i++) {
        if (str_eq_nocase(str_sub(id, i, i + 7), STR("generic"))) return GUESS;
    }
    for (size_t i = 0; i < rule->tags.count; i++) {
        if (str_is(rule->tags.items[i], CARRIER_TAG)) return 1;
    }
    return 0;
}

static bool overlap(regex_span a, regex_span b) {
    return a.start < b.end && b.start < a.end;
}

static bool lies_in(regex_span a, regex_span b) {
    return b.start <= a.start && a.end <= b.end;
}

/* How much a rule that knows the kind looks at: a name before the secret only; how such secrets
 * look; or both, as a keyword is what they begin with. */
static unsigned knowledge(const secret_match *f) {
    const str_list *keywords = &f->rule->keywords;
    if (f->secret.start == f->match.start) return 1;
    for (size_t i = 0; i < keywords->count; i++) {
        str k = keywords->items[i];
        if (k.len >= SECRET_PREFIX_MIN && str_eq_nocase(str_sub(f->value, 0, k.len), k)) return 2;
    }
    return 0;
}

typedef struct ranked {
    const secret_match *f;
    size_t place; /* in the list that is sorted by place */
    unsigned vagueness, knowledge;
} ranked;

/* Who knows most comes first; then the worst, the longest, and the first in the list. Guesses are
 * in the order of their rules. */
static int by_knowledge(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    const secret_match *f = a->f, *g = b->f;
    if (a->vagueness != b->vagueness) return a->vagueness < b->vagueness ? -1 : 1;
    if (a->knowledge != b->knowledge && a->vagueness < GUESS)
        return a->knowledge > b->knowledge ? -1 : 1;
    if (f->depth != g->depth) return f->depth < g->depth ? -1 : 1;
    if (a->vagueness == GUESS && f->rule != g->rule) return f->rule < g->rule ? -1 : 1;
    if (f->rule->level != g->rule->level) return f->rule->level < g->rule->level ? -1 : 1;
    if (f->value.len != g->value.len) return f->value.len > g->value.len ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* Two rules found one secret, or one found it again in another round. What only lies in the same
 * encoded stretch, or reaches into the other, is another secret; what is vaguer gives way to both,
 * and of several guesses one is enough. */
static bool is_same_secret(const secret_match *kept, const secret_match *f) {
    if (kept->whole_file || f->whole_file || !overlap(kept->secret, f->secret)) return false;
    unsigned vague = vagueness(f->rule);
    if (vague > vagueness(kept->rule) || (vague == GUESS && kept->rule != f->rule)) return true;
    if (kept->rule == f->rule)
        return kept->depth != f->depth &&
               (str_eq(kept->value, f->value) || lies_in(f->secret, kept->secret));
    return str_find(kept->value, f->value) >= 0 || str_find(f->value, kept->value) >= 0;
}

static int by_place(const void *left, const void *right) {
    const secret_match *a = left, *b = right;
    if (a->whole_file != b->whole_file) return a->whole_file ? -1 : 1;
    if (a->secret.start != b->secret.start) return a->secret.start < b->secret.start ? -1 : 1;
    if (a->depth != b->depth) return a->depth < b->depth ? -1 : 1;
    int r = str_cmp(a->rule->id, b->rule->id);
    return r ? r : (a->secret.end > b->secret.end) - (a->secret.end < b->secret.end);
}

void matches_settle(match_list *list) {
    size_t kept = 0, count = list->count;
    if (!count) return;
    qsort(list->items, count, sizeof *list->items, by_place);
    ranked *order = mem_alloc(count * sizeof *order);
    bool *keep = mem_alloc(count);
    for (size_t i = 0; i < count; i++) {
        const secret_match *f = &list->items[i];
        order[i] = (ranked){f, i, vagueness(f->rule), knowledge(f)};
        keep[i] = false;
    }
    qsort(order, count, sizeof *order, by_knowledge);
    for (size_t k = 0; k < count; k++) {
        size_t place = order[k].place, i = place > NEIGHBOURS ? place - NEIGHBOURS : 0;
        while (i < count && i <= place + NEIGHBOURS &&
               !(keep[i] && is_same_secret(&list->items[i], order[k].f)))
            i++;
        keep[place] = i == count || i > place + NEIGHBOURS;
    }
    for (size_t i = 0; i < count; i++) {
        if (keep[i]) list->items[kept++] = list->items[i];
    }
    free(keep);
    free(order);
    list->count = kept;
}
