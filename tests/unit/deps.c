/* Readers of lock files and what is put together from them, by the cases in tests/unit/deps: each
 * has files ("--- path"), the packages that are in them ("--- packages") and what is wrong with the
 * files ("--- errors"). */
#include "unit.h"

#include "scan/deps/inventory.h"
#include "scan/deps/readers.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    arena *a;
    inventory *v;
    strbuf errors;
} reading;

static void read_one(reading *r, str path, str text) {
    const dep_format *format = dep_format_of(path);
    _cleanup_strbuf_ strbuf notes = STRBUF_INIT;
    dep_doc d;
    err e = {0};
    if (!format || !format->read) fail_msg("%.*s is no file that is read", STR_ARG(path));
    dep_doc_init(&d, r->a, format, path);
    if (format->read(&d, text, &e) < 0)
        strbuf_addf(&r->errors, "%.*s:%u:%u: %s\n", STR_ARG(path), e.where.line, e.where.column,
                    e.message);
    dep_doc_write(&notes, &d);
    if (inventory_add(r->v, path, strbuf_str(&notes), &e) < 0) fail_msg("%s", e.message);
}

static void tell(strbuf *out, const dependency *d) {
    const package *p = &d->package;
    strbuf_addf(out, "%.*s:%u:%u-%u %.*s %s%s", STR_ARG(p->path), p->line, p->column, p->end_column,
                STR_ARG(p->purl), p->direct ? "direct" : "indirect", p->dev ? " dev" : "");
    if (d->item->arch.len || str_find(p->path, STR("var/lib")) >= 0)
        strbuf_addf(out, " in %.*s", STR_ARG(p->ecosystem));
    if (!str_eq(d->name, p->name) || !str_eq(d->version, p->version))
        strbuf_addf(out, " of %.*s@%.*s", STR_ARG(p->name), STR_ARG(p->version));
    if (d->license.len) strbuf_addf(out, " license=%.*s", STR_ARG(d->license));
    if (d->item->hash.len) strbuf_addf(out, " %.*s", STR_ARG(str_sub(d->item->hash, 0, 15)));
    if (d->item->source.len) strbuf_addf(out, " from=%.*s", STR_ARG(d->item->source));
    if (p->commit.len)
        strbuf_addf(out, " commit=%.*s:%.*s", STR_ARG(p->repository), STR_ARG(p->commit));
    for (size_t i = 0; i < p->via_count; i++)
        strbuf_addf(out, "%s%.*s", i ? ">" : " via=", STR_ARG(p->via[i]));
    strbuf_addc(out, '\n');
}

static str finish(reading *r) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    err e = {0};
    if (inventory_finish(r->v, &e) < 0) fail_msg("%s", e.message);
    for (size_t i = 0; i < r->v->count; i++)
        tell(&out, &r->v->items[i]);
    for (size_t i = 0; i < r->v->errors.count; i++) {
        const scan_error *x = &r->v->errors.items[i];
        strbuf_addf(&r->errors, "%.*s:%u:%u: %.*s\n", STR_ARG(x->path), x->line, x->column,
                    STR_ARG(x->message));
    }
    return arena_str(r->a, strbuf_str(&out));
}

/* ---- cases ------------------------------------------------------------------------------------
 */

/* The next "--- name" and the lines below it. */
static bool next_part(str *rest, str *name, str *text) {
    str line;
    while (str_line(rest, &line)) {
        if (!str_starts(line, STR("--- "))) continue;
        *name = str_trim(str_sub(line, 4, line.len));
        const char *begin = rest->ptr;
        ptrdiff_t end = str_starts(*rest, STR("--- ")) ? 0 : str_find(*rest, STR("\n--- "));
        size_t len = end < 0 ? rest->len : end == 0 ? 0 : (size_t)end + 1;
        *text = (str){begin, len};
        *rest = str_sub(*rest, len, rest->len);
        return true;
    }
    return false;
}

static bool run_case(const char *path, str text) {
    _cleanup_arena_ arena *a = arena_new();
    reading r = {.a = a, .v = inventory_new(a), .errors = STRBUF_INIT};
    str name, body, packages = STR_EMPTY, errors = STR_EMPTY;
    for (str rest = text; next_part(&rest, &name, &body);) {
        if (str_is(name, "packages"))
            packages = body;
        else if (str_is(name, "errors"))
            errors = body;
        else
            read_one(&r, name, body);
    }
    str found = finish(&r);
    bool same = str_eq(found, packages) && str_eq(strbuf_str(&r.errors), errors);
    if (!same)
        fprintf(stderr, "== %s\n--- packages\n%.*s--- errors\n%.*s", path, STR_ARG(found),
                STR_ARG(strbuf_str(&r.errors)));
    strbuf_done(&r.errors);
    return same;
}

static void what_files_say(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err e = {0};
    (void)state;
    if (fs_list(a, DEPS_CASES, &entries, &count, &e) < 0) fail_msg("%s", e.message);
    assert_true(count > 0);
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        str text;
        const char *path = fs_join(a, DEPS_CASES, entries[i].name);
        if (fs_read(a, path, 1 << 20, &text, &e) < 0) fail_msg("%s", e.message);
        failed += !run_case(entries[i].name.ptr, text);
    }
    if (failed) fail_msg("the above is what was found");
}

/* ---- caps -------------------------------------------------------------------------------------
 */

static int read_text(arena *a, const char *path, str text, err *e) {
    dep_doc d;
    dep_doc_init(&d, a, dep_format_of(str_from(path)), str_from(path));
    return d.format->read(&d, text, e);
}

static void a_file_may_not_name_packages_without_end(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    err e = {0};
    (void)state;
    for (int i = 0; i <= DEPS_PACKAGES_MAX; i++)
        strbuf_adds(&text, "a==1\n");
    assert_int_equal(read_text(a, "requirements.txt", strbuf_str(&text), &e), ERR_LIMIT);
    assert_string_equal(e.message, "names more than 100000 packages");
    assert_int_equal(e.where.line, DEPS_PACKAGES_MAX + 1);
}

static void names_may_not_be_long(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    err e = {0};
    (void)state;
    strbuf_pad(&text, 'a', DEPS_TEXT_MAX + 1);
    strbuf_adds(&text, "==1\n");
    assert_int_equal(read_text(a, "requirements.txt", strbuf_str(&text), &e), ERR_LIMIT);
    assert_string_equal(e.message, "a package's name or version has more than 4096 bytes");
}

static void packages_may_not_lie_in_each_other_without_end(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    err e = {0};
    (void)state;
    for (int i = 0; i < 45; i++)
        strbuf_adds(&text, "{\"dependencies\":{\"a\":");
    strbuf_adds(&text, "{}");
    for (int i = 0; i < 45; i++)
        strbuf_adds(&text, "}}");
    assert_int_equal(read_text(a, "package-lock.json", strbuf_str(&text), &e), 0);
    strbuf_clear(&text);
    strbuf_pad(&text, '[', 1000);
    assert_int_equal(read_text(a, "package-lock.json", strbuf_str(&text), &e), ERR_LIMIT);
    assert_string_equal(e.message, "is nested more than 100 deep");
}

/* What a child says is not believed. */
static void notes_that_cannot_be_are_refused(void **state) {
    static const char *const notes[] = {
        "P\t0\t0\t0\t0\ta\t1\n",                                        /* of no document */
        "D\tno format\t000\t\n",                                        /* */
        "D\tgo.mod\t000\t\nP\t16\t0\t0\t0\ta\t1\n",                     /* flags */
        "D\tgo.mod\t000\t\nP\t0\t0\t0\t0\ta\t1\t\t\t\t\t\t\t\t\t\t1\n", /* an edge to nothing */
        "D\tgo.mod\t000\t\nF\t99\t0\t0\n",                              /* a fact of no kind */
        "D\tgo.mod\t000\t\nX\t\n",                                      /* */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(notes); i++) {
        _cleanup_arena_ arena *a = arena_new();
        err e = {0};
        if (inventory_add(inventory_new(a), STR("f"), str_from(notes[i]), &e) != ERR_FAILED)
            fail_msg("accepted: %s", notes[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_files_say),
        cmocka_unit_test(a_file_may_not_name_packages_without_end),
        cmocka_unit_test(names_may_not_be_long),
        cmocka_unit_test(packages_may_not_lie_in_each_other_without_end),
        cmocka_unit_test(notes_that_cannot_be_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
