/* queue_labels.c: sets of labels in one form, so that they compare as bytes. */
#include "server/queue_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *x, const void *y) {
    return str_cmp(*(const str *)x, *(const str *)y);
}

static str lower(char **at, str text) {
    str copy = {*at, text.len};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        *(*at)++ = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    return copy;
}

int label_set_make(const str *labels, size_t count, str group, label_set *ret, err *e) {
    size_t size = group.len;
    if (count > QUEUE_LABELS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d labels", QUEUE_LABELS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (labels[i].len > QUEUE_LABEL_MAX)
            return err_set(e, ERR_LIMIT, "a label of more than %d bytes", QUEUE_LABEL_MAX);
        size += labels[i].len;
    }
    if (group.len > QUEUE_LABEL_MAX)
        return err_set(e, ERR_LIMIT, "the name of a group of more than %d bytes", QUEUE_LABEL_MAX);
    label_set s = {.text = mem_alloc(size + 1), .labels = mem_alloc((count + 1) * sizeof(str))};
    char *at = s.text;
    s.group = lower(&at, group);
    for (size_t i = 0; i < count; i++)
        s.labels[i] = lower(&at, labels[i]);
    qsort(s.labels, count, sizeof *s.labels, compare);
    for (size_t i = 0; i < count; i++) {
        if (s.count == 0 || !str_eq(s.labels[s.count - 1], s.labels[i]))
            s.labels[s.count++] = s.labels[i];
    }
    s.hash = str_hash(s.group);
    for (size_t i = 0; i < s.count; i++)
        s.hash = s.hash * 31 + str_hash(s.labels[i]);
    *ret = s;
    return 0;
}

void label_set_done(label_set *s) {
    free(s->text);
    free(s->labels);
}

bool label_set_same(const label_set *x, const label_set *y) {
    if (x->hash != y->hash || x->count != y->count || !str_eq(x->group, y->group)) return false;
    for (size_t i = 0; i < x->count; i++) {
        if (!str_eq(x->labels[i], y->labels[i])) return false;
    }
    return true;
}

bool label_set_has(const label_set *s, str label) {
    return s->count && bsearch(&label, s->labels, s->count, sizeof *s->labels, compare) != NULL;
}

bool label_set_fits(const label_set *of, const label_set *wanted) {
    if (wanted->group.len && !str_eq(wanted->group, of->group)) return false;
    for (size_t i = 0; i < wanted->count; i++) {
        if (!label_set_has(of, wanted->labels[i])) return false;
    }
    return true;
}
