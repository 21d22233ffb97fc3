/* What the built-in rules find, and do not, in files such as people write:
 * tests/unit/secrets_corpus.
 *
 * A file of the corpus has many texts, each after a line "=== path". The first column of every
 * other line tells what must be:
 *
 *   +  a credential is in the line, and is found
 *   ~  a credential is in the line, and is missed: known, and held to
 *   -  the line looks as if it had one, and nothing is found
 *   !  the same, but something is found: known, and held to
 *   (space)  the lines around; nothing is found
 *
 * Credentials in it were drawn for it by a program, or made up; none was ever in use. */
#include "unit.h"

#include "base/fs.h"
#include "scan/secrets/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX     4096
#define RECALL_MIN    0.98
#define PRECISION_MIN 0.99

typedef struct tally {
    size_t credentials, found, look_alikes, wrong;
} tally;

/* One text of the corpus: the lines without their first column, and those columns. */
typedef struct sample {
    const char *file;
    str path;
    strbuf text;
    char marks[LINES_MAX];
    str lines[LINES_MAX];
    size_t count, first;
} sample;

static secret_rules *rules;
static arena *all;

static int load(void **state) {
    err e = {0};
    all = arena_new();
    if (secret_rules_builtin(all, &rules, &e) < 0) fail_msg("%s", e.message);
    return 0;
}

static int unload(void **state) {
    secret_rules_done(rules);
    arena_free(all);
    return 0;
}

static void look_at(const sample *s, matcher *m, bool *ret_found, str *ret_rules) {
    _cleanup_arena_ arena *a = arena_new();
    match_list found = {0};
    scan_out out = {.a = a, .errors.a = a};
    str text = strbuf_str(&s->text);
    if (matcher_allows_path(m, s->path)) return;
    match_text t = {s->path, text, DECODE_DEPTH_DEFAULT, false, false};
    matcher_text(m, a, &t, &found, &out);
    text_lines lines = text_lines_new(a, text);
    for (size_t i = 0; i < found.count; i++) {
        uint32_t line, column;
        if (found.items[i].whole_file) continue;
        text_place(&lines, found.items[i].secret.start, &line, &column);
        ret_found[line - 1] = true;
        ret_rules[line - 1] = found.items[i].rule->id;
    }
}

/* Each line must be as its mark says. */
static size_t judge(const sample *s, matcher *m, tally *t) {
    bool found[LINES_MAX] = {0};
    str by[LINES_MAX] = {0};
    size_t failures = 0;
    look_at(s, m, found, by);
    for (size_t i = 0; i < s->count; i++) {
        char mark = s->marks[i];
        bool credential = mark == '+' || mark == '~', expected = mark == '+' || mark == '!';
        t->credentials += credential;
        t->found += credential && found[i];
        t->look_alikes += mark == '-' || mark == '!';
        t->wrong += !credential && found[i];
        if (found[i] == expected) continue;
        failures++;
        print_error("%s:%zu: marked '%c', but %s%.*s: %.*s\n", s->file, s->first + i, mark,
                    found[i] ? "found by " : "nothing is found", STR_ARG(by[i]),
                    STR_ARG(s->lines[i]));
    }
    return failures;
}

static size_t read_corpus_file(const char *path, matcher *m, tally *t, size_t *samples) {
    _cleanup_arena_ arena *a = arena_new();
    sample *s = ARENA_NEW(a, sample);
    str body, line;
    err e = {0};
    size_t failures = 0, number = 0;
    if (fs_read(a, path, RULES_FILE_MAX, &body, &e) < 0) fail_msg("%s", e.message);
    *s = (sample){.file = path, .text = STRBUF_INIT};
    while (str_line(&body, &line)) {
        number++;
        if (str_starts(line, STR("=== "))) {
            failures += s->count ? judge(s, m, t) : 0;
            strbuf_clear(&s->text);
            s->path = str_sub(line, 4, line.len);
            s->count = 0;
            s->first = number + 1;
            ++*samples;
            continue;
        }
        if (s->count == LINES_MAX) fail_msg("%s:%zu: too many lines in one text", path, number);
        if (line.len && !strchr("+~-! ", line.ptr[0]))
            fail_msg("%s:%zu: the first column is none of '+', '~', '-', '!' and space", path,
                     number);
        s->marks[s->count] = line.len ? line.ptr[0] : ' ';
        s->lines[s->count++] = line;
        strbuf_add(&s->text, str_sub(line, 1, line.len));
        strbuf_addc(&s->text, '\n');
    }
    failures += s->count ? judge(s, m, t) : 0;
    strbuf_done(&s->text);
    return failures;
}

static void the_corpus_holds(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const char *folder = fs_join(a, getenv("SLIPWAY_SOURCE"), STR("tests/unit/secrets_corpus"));
    fs_entry *files;
    size_t count, failures = 0, samples = 0;
    tally t = {0};
    err e = {0};
    matcher *m = matcher_new(rules, NULL, false);
    if (fs_list(a, folder, &files, &count, &e) < 0) fail_msg("%s", e.message);
    for (size_t i = 0; i < count; i++)
        failures += read_corpus_file(fs_join(a, folder, files[i].name), m, &t, &samples);
    matcher_free(m);
    double recall = (double)t.found / (double)t.credentials,
           precision = (double)t.found / (double)(t.found + t.wrong);
    print_message(
        "%zu texts: %zu of %zu credentials found, recall %.3f; of %zu look-alikes and the "
        "lines around %zu found, precision %.3f\n",
        samples, t.found, t.credentials, recall, t.look_alikes, t.wrong, precision);
    assert_true(t.credentials >= 300 && t.look_alikes >= 600);
    assert_true(recall >= RECALL_MIN);
    assert_true(precision >= PRECISION_MIN);
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_corpus_holds)};
    return cmocka_run_group_tests(tests, load, unload);
}
