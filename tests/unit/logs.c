#include "unit.h"

#include "base/fs.h"
#include "store/hold.h"
#include "store/log_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB 4660 /* 0x1234 */

typedef struct world {
    arena *a;
    char *dir;
    job_log *l;
    err e;
} world;

static void check(const world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "logs-", &w->dir, &w->e) < 0) return -1;
    if (log_open_writer(w->dir, JOB, 0, &w->l, &w->e) < 0) return -1;
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    log_close(w->l);
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static uint64_t append(world *w, str bytes) {
    uint64_t size;
    check(w, log_append(w->l, log_size(w->l) + w->l->pending.len, bytes, &size, &w->e));
    return size;
}

static void reopen(world *w) {
    log_close(w->l);
    w->l = NULL;
    check(w, log_open_writer(w->dir, JOB, 0, &w->l, &w->e));
}

static void reopen_packed(world *w) {
    log_close(w->l);
    w->l = NULL;
    check(w, log_pack(w->dir, JOB, &w->e));
    check(w, log_open(w->dir, JOB, &w->l, &w->e));
    assert_true(log_is_packed(w->l));
}

/* Many lines: step 1, with every tenth line of step 2 and every thousandth of the job itself. */
static int step_of(size_t i) {
    return i % 1000 == 999 ? LOG_STEP_NONE : i % 10 == 9 ? 2 : 1;
}

static void append_many(world *w, size_t count) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < count; i++) {
        char text[128];
        snprintf(text, sizeof text, "line %zu of the log%s %.*s", i + 1,
                 i % 4096 == 7 ? " NEEDLE" : "", (int)(i % 60),
                 "............................................................");
        log_record_write(&out, step_of(i), 1000000 + (int64_t)i, 'o', str_from(text));
        if (out.len < 50000 && i + 1 < count) continue;
        append(w, strbuf_str(&out));
        strbuf_clear(&out);
    }
}

static log_page read_page(world *w, int step, uint64_t from, size_t lines) {
    log_range range = {.step = step, .from = from, .lines = lines};
    log_page page;
    check(w, log_read(w->l, w->a, &range, &page, &w->e));
    return page;
}

/* ---- records -------------------------------------------------------------------------------- */

static void a_record_has_four_fields(void **state) {
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"0 1 o ", true},
        {"-1 1790000000000000 g Set up job", true},
        {"9999 9999999999999999 G ", true},
        {"1 2 o  two spaces ", true},
        {"", false},
        {"1", false},
        {"1 ", false},
        {"1 2", false},
        {"1 2 o", false},
        {"1 2 x text", false},
        {"1 2 oo text", false},
        {"-2 1 o x", false},
        {"- 1 o x", false},
        {"+1 1 o x", false},
        {"10000 1 o x", false},
        {"1 -1 o x", false},
        {"1 99999999999999999 o x", false},
        {" 1 2 o x", false},
        {"1  2 o x", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_line line;
        if (log_record_parse(str_from(rows[i].text), &line) != rows[i].good)
            fail_msg("\"%s\"", rows[i].text);
    }
}

static void a_record_is_read_as_it_was_written(void **state) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    log_line line;
    log_record_write(&out, -1, 1790000000000001, 'w', STR("careful \x1b[31mred"));
    assert_str(strbuf_str(&out), "-1 1790000000000001 w careful \x1b[31mred\n");
    assert_true(log_record_parse(str_sub(strbuf_str(&out), 0, out.len - 1), &line));
    assert_int_equal(line.step, -1);
    assert_int_equal(line.at_us, 1790000000000001);
    assert_int_equal(line.kind, 'w');
    assert_str(line.text, "careful \x1b[31mred");
    assert_string_equal(log_kind_name('G'), "endgroup");
    assert_null(log_kind_name('x'));
}

/* ---- appending ------------------------------------------------------------------------------ */

static void a_log_is_private_and_in_a_folder_by_its_number(void **state) {
    world *w = *state;
    struct stat st;
    append(w, STR("0 1 o hello\n"));
    assert_int_equal(stat(fs_join(w->a, w->dir, STR("34/4660.log")), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 12);
}

static void sending_again_is_harmless(void **state) {
    world *w = *state;
    uint64_t size;
    append(w, STR("0 1 o a\n0 2 o b\n"));
    check(w, log_append(w->l, 0, STR("0 1 o a\n0 2 o b\n"), &size, &w->e));
    assert_int_equal(size, 16);
    check(w, log_append(w->l, 8, STR("0 2 o b\n0 3 o c\n"), &size, &w->e));
    assert_int_equal(size, 24);
    check(w, log_append(w->l, 3, STR("o"), &size, &w->e));
    assert_int_equal(size, 24);
    assert_int_equal(log_lines(w->l), 3);
    assert_str(read_page(w, LOG_ANY_STEP, 3, 1).lines[0].text, "c");
}

static void a_gap_is_refused_and_the_size_told(void **state) {
    world *w = *state;
    uint64_t size = 0;
    append(w, STR("0 1 o a\n"));
    assert_int_equal(log_append(w->l, 9, STR("0 1 o b\n"), &size, &w->e), ERR_INVALID);
    assert_int_equal(size, 8);
    assert_non_null(strstr(w->e.message, "send from 8 on"));
}

static void a_part_of_a_line_waits_for_its_rest(void **state) {
    world *w = *state;
    str all = STR("0 1 o first\n12 2 e second\n");
    for (size_t cut = 1; cut < all.len; cut++) {
        uint64_t size = append(w, str_sub(all, 0, cut));
        assert_int_equal(size, log_size(w->l) + w->l->pending.len);
        append(w, str_sub(all, cut, all.len));
        assert_int_equal(log_lines(w->l), 2 * cut);
        assert_int_equal(w->l->pending.len, 0);
    }
}

static void byte_by_byte_is_the_same(void **state) {
    world *w = *state;
    str all = STR("0 1 o first\n12 2 e second\n");
    for (size_t i = 0; i < all.len; i++)
        append(w, str_sub(all, i, i + 1));
    assert_int_equal(log_size(w->l), all.len);
    assert_str(read_page(w, 12, 1, 1).lines[0].text, "second");
}

static void what_is_no_record_is_refused_whole(void **state) {
    world *w = *state;
    uint64_t size;
    append(w, STR("0 1 o a\n0 1 o"));
    assert_int_equal(log_append(w->l, 13, STR(" b\nrubbish\n"), &size, &w->e), ERR_INVALID);
    assert_int_equal(size, 13);
    assert_non_null(strstr(w->e.message, "at byte 16"));
    assert_int_equal(log_lines(w->l), 1);
    assert_int_equal(append(w, STR(" b\n")), 16);
    assert_int_equal(log_lines(w->l), 2);
}

static void too_long_a_record_is_refused_also_in_parts(void **state) {
    world *w = *state;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    uint64_t size;
    strbuf_adds(&out, "0 1 o ");
    strbuf_pad(&out, 'x', LOG_TEXT_MAX);
    strbuf_addc(&out, '\n');
    append(w, strbuf_str(&out));
    strbuf_truncate(&out, out.len - 1);
    strbuf_adds(&out, "x\n");
    uint64_t at = log_size(w->l);
    assert_int_equal(log_append(w->l, at, strbuf_str(&out), &size, &w->e), ERR_LIMIT);
    assert_non_null(strstr(w->e.message, "65536 bytes"));
    strbuf_pad(&out, 'x', 100);
    assert_int_equal(
        log_append(w->l, at, str_sub(strbuf_str(&out), 0, LOG_RECORD_MAX), &size, &w->e),
        ERR_LIMIT);
    assert_int_equal(size, at);
    assert_int_equal(log_lines(w->l), 1);
}

static void a_nul_becomes_a_substitute(void **state) {
    world *w = *state;
    append(w, STR("0 1 o a\0b\n"));
    assert_str(read_page(w, 0, 1, 1).lines[0].text, "a\x1a"
                                                    "b");
    reopen(w);
    assert_int_equal(log_lines(w->l), 1);
}

static void a_log_that_is_too_large_says_that_it_was_cut(void **state) {
    world *w = *state;
    uint64_t size;
    log_close(w->l);
    check(w, log_open_writer(w->dir, JOB, 2048, &w->l, &w->e));
    for (int i = 0; i < 400; i++)
        append(w, STR("3 77 o ten bytes.\n"));
    log_page page;
    for (int round = 0; round < 2; round++) {
        assert_true(log_is_cut(w->l));
        assert_true(log_size(w->l) <= 2048);
        check(w, log_tail(w->l, w->a, LOG_ANY_STEP, 1, &page, &w->e));
        assert_int_equal(page.lines[0].kind, 'w');
        assert_int_equal(page.lines[0].at_us, 77);
        assert_non_null(strstr(page.lines[0].text.ptr, "cut off at 2 KiB"));
        uint64_t before = log_size(w->l);
        check(w, log_append(w->l, 999999, STR("0 1 o x\n"), &size, &w->e));
        assert_int_equal(size, 999999 + 8);
        assert_int_equal(log_size(w->l), before);
        check(w, log_sync(w->l, &size, &w->e));
        assert_true(size == UINT64_MAX);
        log_close(w->l);
        w->l = NULL;
        check(w, log_open_writer(w->dir, JOB, 2048, &w->l, &w->e));
    }
}

static void a_log_has_one_writer(void **state) {
    world *w = *state;
    job_log *other = NULL;
    assert_int_equal(log_open_writer(w->dir, JOB, 0, &other, &w->e), ERR_INVALID);
    assert_int_equal(log_pack(w->dir, JOB, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "still being written"));
}

static void a_full_disk_leaves_the_log_as_it_was(void **state) {
    world *w = *state;
    append(w, STR("0 1 o before\n"));
    pid_t child = fork();
    if (child == 0) {
        uint64_t size;
        struct rlimit most = {100, 100};
        char text[200];
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &most);
        memset(text, 'x', sizeof text);
        memcpy(text, "0 1 o ", 6);
        text[199] = '\n';
        int r = log_append(w->l, 13, (str){text, sizeof text}, &size, &w->e);
        _exit(r == ERR_IO && size == 13 && log_lines(w->l) == 1 &&
                      log_append(w->l, 13, STR("0 2 o after\n"), &size, &w->e) == 0
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    reopen(w);
    assert_int_equal(log_size(w->l), 25);
    assert_str(read_page(w, 0, 2, 1).lines[0].text, "after");
}

/* ---- after a crash -------------------------------------------------------------------------- */

static void damage(world *w, const char *ending, off_t at, str bytes) {
    char *path = log_path(w->a, w->dir, JOB, ending);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct stat st;
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    if (at < 0) at += st.st_size + 1; /* -1 is the end */
    assert_int_equal(pwrite(fd, bytes.ptr, bytes.len, at), (ssize_t)bytes.len);
    close(fd);
}

static void a_torn_end_is_cut_off(void **state) {
    static const struct {
        const char *what;
        str bytes;
    } rows[] = {
        {"a part of a record", STR_INIT("0 1 o par")},
        {"zeros", STR_INIT("\0\0\0\0\0\0")},
        {"zeros in a record", STR_INIT("0 1 o x\0\0\0y\n0 1 o z\n")},
        {"rubbish", STR_INIT("rubbish\n")},
    };
    world *w = *state;
    append(w, STR("0 1 o a\n0 2 o b\n"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        job_log *reader;
        damage(w, ".log", -1, rows[i].bytes);
        check(w, log_open(w->dir, JOB, &reader, &w->e));
        if (i != 2) assert_int_equal(log_lines(reader), 2); /* that one only a writer refuses */
        log_close(reader);
        reopen(w);
        if (log_size(w->l) != 16) fail_msg("%s", rows[i].what);
    }
    append(w, STR("0 3 o c\n"));
    assert_int_equal(log_lines(w->l), 3);
}

static void expect_same(world *w, size_t count) {
    assert_int_equal(log_lines(w->l), count);
    log_page page = read_page(w, LOG_ANY_STEP, count - 1, 5);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.lines[1].number, count);
    assert_true(str_starts(page.lines[1].text, arena_printf(w->a, "line %zu of the log", count)));
}

static void an_index_is_made_anew_whatever_became_of_it(void **state) {
    enum { COUNT = 30000 };
    world *w = *state;
    append_many(w, COUNT);
    check(w, log_sync(w->l, NULL, &w->e));
    struct stat st;
    assert_int_equal(stat(log_path(w->a, w->dir, JOB, ".log.idx"), &st), 0);
    reopen(w);
    assert_true(w->l->indexed > 5); /* it was used */
    size_t blocks = w->l->index.count;
    expect_same(w, COUNT);
    for (off_t at = 0; at < st.st_size; at += at < 64 ? 1 : 41) {
        damage(w, ".log.idx", at, STR("\xff"));
        reopen(w);
        expect_same(w, COUNT);
        assert_int_equal(w->l->index.count, blocks);
        append(w, STR("0 1 o x\n"));
        assert_int_equal(ftruncate(w->l->fd, (off_t)log_size(w->l) - 8), 0);
        log_close(w->l);
        unlink(log_path(w->a, w->dir, JOB, ".log.idx"));
        check(w, log_open_writer(w->dir, JOB, 0, &w->l, &w->e));
        check(w, log_sync(w->l, NULL, &w->e));
    }
}

static void an_index_of_another_log_is_not_believed(void **state) {
    world *w = *state;
    append_many(w, 20000);
    check(w, log_sync(w->l, NULL, &w->e));
    log_close(w->l);
    w->l = NULL;
    check(w, fs_create(log_path(w->a, w->dir, JOB, ".log"), STR("0 1 o other\n"), 0600, &w->e));
    check(w, log_open_writer(w->dir, JOB, 0, &w->l, &w->e));
    assert_int_equal(log_lines(w->l), 1);
    assert_int_equal(w->l->index_size, 0);
}

static void an_index_goes_on_after_opening(void **state) {
    world *w = *state;
    for (int round = 0; round < 4; round++) {
        append_many(w, 5000);
        check(w, log_sync(w->l, NULL, &w->e));
        reopen(w);
    }
    assert_int_equal(log_lines(w->l), 20000);
    assert_int_equal(w->l->indexed,
                     w->l->index.count -
                         (w->l->index.blocks[w->l->index.count - 1].size < LOG_BLOCK));
}

/* Appends records, numbered by their times, and tells after each what it was told. */
static void append_until_killed(const world *w, int to) {
    err e = {0};
    job_log *l;
    uint64_t size;
    if (log_open_writer(w->dir, 2, 0, &l, &e) < 0) _exit(1);
    size = log_size(l);
    for (int64_t i = (int64_t)log_lines(l);; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        log_record_write(&out, 0, i, 'o', STR("a line that may be cut off anywhere"));
        if (log_append(l, size, strbuf_str(&out), &size, &e) < 0 ||
            (i % 50 == 0 && log_sync(l, NULL, &e) < 0) || write(to, &size, sizeof size) < 0)
            _exit(1);
    }
}

static void a_writer_that_is_killed_loses_nothing(void **state) {
    enum { ROUNDS = 30 };
    world *w = *state;
    log_close(w->l);
    w->l = NULL;
    uint64_t told = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) append_until_killed(w, ends[1]);
        close(ends[1]);
        for (int i = 0; i < 1 + round * 13 % 200; i++)
            assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(ends[0], &told, sizeof told) > 0)
            continue;
        close(ends[0]);
        check(w, log_open_writer(w->dir, 2, 0, &w->l, &w->e));
        assert_true(log_size(w->l) >= told);
        log_page page;
        log_range range = {.step = LOG_ANY_STEP};
        check(w, log_read(w->l, w->a, &range, &page, &w->e));
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.lines[i].at_us, i);
        log_close(w->l);
        w->l = NULL;
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

#define MANY 40000

static void check_pages(world *w) {
    for (uint64_t from = 1; from <= MANY; from += 1237) {
        log_page page = read_page(w, LOG_ANY_STEP, from, 3);
        assert_int_equal(page.total, MANY);
        for (size_t i = 0; i < page.count; i++) {
            assert_int_equal(page.lines[i].number, from + i);
            assert_int_equal(page.lines[i].step, step_of(from + i - 1));
            assert_int_equal(page.lines[i].at_us, 1000000 + from + i - 1);
            assert_true(str_starts(page.lines[i].text,
                                   arena_printf(w->a, "line %zu of", (size_t)(from + i))));
        }
    }
    assert_int_equal(read_page(w, LOG_ANY_STEP, MANY + 1, 3).count, 0);
    assert_int_equal(read_page(w, LOG_ANY_STEP, 0, 1).lines[0].number, 1);
}

static void check_steps(world *w) {
    log_step *steps;
    size_t count;
    log_steps(w->l, w->a, &steps, &count);
    assert_int_equal(count, 3);
    assert_int_equal(steps[0].step, LOG_STEP_NONE);
    assert_int_equal(steps[0].lines, MANY / 1000);
    assert_int_equal(steps[0].first, 1000);
    assert_int_equal(steps[0].last, MANY);
    assert_int_equal(steps[2].step, 2);
    assert_int_equal(steps[2].lines, MANY / 10 - MANY / 1000);
    assert_int_equal(steps[2].first, 10);
    assert_int_equal(steps[2].last, MANY - 10);
    assert_int_equal(steps[2].first_us, 1000009);
    assert_int_equal(steps[2].last_us, 1000000 + MANY - 11);
    log_page page = read_page(w, LOG_STEP_NONE, 30, 2);
    assert_int_equal(page.total, MANY / 1000);
    assert_int_equal(page.lines[0].number, 30000);
    assert_int_equal(page.lines[1].number, 31000);
    assert_int_equal(page.lines[1].of_step, 31);
    check(w, log_tail(w->l, w->a, 2, 2, &page, &w->e));
    assert_int_equal(page.count, 2);
    assert_int_equal(page.lines[1].number, MANY - 10);
    assert_int_equal(page.lines[1].of_step, page.total);
    assert_int_equal(read_page(w, 7, 1, 2).total, 0);
}

static void check_follow(world *w) {
    log_cursor at = {0};
    log_line line;
    uint64_t lines = 0;
    while (at.offset < log_size(w->l)) {
        str piece, record;
        check(w, log_follow(w->l, w->a, &at, 30000, &piece, &w->e));
        while (str_line(&piece, &record)) {
            assert_true(log_record_parse(record, &line));
            assert_int_equal(line.at_us, 1000000 + lines);
            lines++;
        }
        assert_int_equal(at.line, lines);
    }
    assert_int_equal(lines, MANY);
    assert_int_equal(log_end(w->l).line, MANY);
    at.offset++;
    str piece;
    assert_int_equal(log_follow(w->l, w->a, &at, 100, &piece, &w->e), ERR_INVALID);
    at = (log_cursor){0};
    check(w, log_follow(w->l, w->a, &at, 1, &piece, &w->e));
    assert_int_equal(at.line, 1);
}

static void check_budget(world *w) {
    log_range range = {.step = LOG_ANY_STEP, .from = 100, .bytes = 1};
    log_page page;
    check(w, log_read(w->l, w->a, &range, &page, &w->e));
    assert_int_equal(page.count, 1);
    range.bytes = 1000;
    check(w, log_read(w->l, w->a, &range, &page, &w->e));
    size_t sum = 0;
    for (size_t i = 0; i < page.count; i++)
        sum += page.lines[i].text.len;
    assert_in_range(sum, 900, 1000);
    range.bytes = 0;
    check(w, log_read(w->l, w->a, &range, &page, &w->e));
    assert_int_equal(page.count, LOG_LINES_MAX);
}

static int add_piece(void *context, str piece, err *e) {
    strbuf_add(context, piece);
    return 0;
}

static int refuse_piece(void *context, str piece, err *e) {
    return err_set(e, ERR_CANCELLED, "enough");
}

static void check_export(world *w) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    check(w, log_export(w->l, LOG_STEP_NONE, true, add_piece, &out, &w->e));
    str rest = strbuf_str(&out), line;
    assert_true(str_line(&rest, &line));
    assert_true(str_starts(line, STR("1970-01-01T00:00:01.0009990Z line 1000 of the log")));
    strbuf_clear(&out);
    check(w, log_export(w->l, LOG_ANY_STEP, false, add_piece, &out, &w->e));
    assert_true(str_starts(strbuf_str(&out), STR("line 1 of the log \nline 2 of the log .\n")));
    assert_int_equal(log_export(w->l, LOG_ANY_STEP, false, refuse_piece, NULL, &w->e),
                     ERR_CANCELLED);
}

/* The same of a log that grows, one that was opened anew, and a packed one. */
static void a_log_reads_the_same_in_every_form(void **state) {
    world *w = *state;
    append_many(w, MANY);
    for (int form = 0; form < 3; form++) {
        check_pages(w);
        check_steps(w);
        check_follow(w);
        check_budget(w);
        check_export(w);
        if (form == 0) reopen(w);
        if (form == 1) reopen_packed(w);
    }
}

static void an_empty_log_has_nothing(void **state) {
    world *w = *state;
    for (int form = 0; form < 2; form++) {
        log_page page;
        log_found found;
        log_cursor at = {0};
        str piece;
        check(w, log_tail(w->l, w->a, LOG_ANY_STEP, 10, &page, &w->e));
        assert_int_equal(page.count + page.total, 0);
        check(w, log_follow(w->l, w->a, &at, 10, &piece, &w->e));
        assert_int_equal(piece.len, 0);
        log_query q = {.text = STR("x"), .step = LOG_ANY_STEP, .max = 1};
        check(w, log_search(w->l, w->a, &q, &found, &w->e));
        assert_true(found.complete);
        if (form == 0) reopen_packed(w);
    }
}

static void an_export_marks_kinds_as_github_does(void **state) {
    world *w = *state;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    append(w, STR("0 1764291723123456 g Build\n0 1764291723123456 c make\n0 1764291723123456 o cc\n"
                  "0 1764291723123456 G \n0 1764291723123456 e it broke\n"));
    check(w, log_export(w->l, 0, true, add_piece, &out, &w->e));
    assert_str(strbuf_str(&out), "2025-11-28T01:02:03.1234560Z ##[group]Build\n"
                                 "2025-11-28T01:02:03.1234560Z ##[command]make\n"
                                 "2025-11-28T01:02:03.1234560Z cc\n"
                                 "2025-11-28T01:02:03.1234560Z ##[endgroup]\n"
                                 "2025-11-28T01:02:03.1234560Z ##[error]it broke\n");
}

/* ---- searching ------------------------------------------------------------------------------ */

static log_found search(world *w, log_query q) {
    log_found found;
    check(w, log_search(w->l, w->a, &q, &found, &w->e));
    assert_true(found.complete);
    return found;
}

static void a_search_counts_all_and_gives_a_page(void **state) {
    world *w = *state;
    append_many(w, MANY);
    for (int form = 0; form < 2; form++) {
        log_query q = {.text = STR("needle"), .step = LOG_ANY_STEP, .skip = 3, .max = 2};
        log_found found = search(w, q);
        assert_int_equal(found.total, 10);
        assert_int_equal(found.searched, MANY);
        assert_int_equal(found.count, 2);
        assert_int_equal(found.matches[0].line.number, 3 * 4096 + 8);
        assert_str(str_sub(found.matches[0].line.text, found.matches[0].start,
                           found.matches[0].start + found.matches[0].size),
                   "NEEDLE");
        q.exact = true;
        assert_int_equal(search(w, q).total, 0);
        q = (log_query){.text = STR("line 1"), .step = 2, .max = 1};
        found = search(w, q);
        assert_int_equal(found.matches[0].line.number, 10);
        assert_int_equal(found.matches[0].line.step, 2);
        assert_int_equal(found.total, 1 + 10 + 99 + 990); /* 10; 100, …; but no thousands */
        q = (log_query){.text = STR("^line \\d+9 .*needle"), .step = LOG_ANY_STEP, .regex = true};
        found = search(w, q);
        q.text = STR("LINE \\d+ OF");
        assert_int_equal(search(w, q).total, MANY);
        if (form == 0) reopen_packed(w);
    }
}

static void only_the_text_of_a_line_is_searched(void **state) {
    world *w = *state;
    append(w, STR("12 1234567 o nothing\n12 1234567 o 1234567\n3 2 o o nothing 12\n"));
    static const struct {
        const char *text;
        uint64_t total;
    } rows[] = {{"12", 2}, {"1234567", 1}, {"o nothing", 1}, {"nothing", 2},   {"12 1234567", 0},
                {"o", 2},  {"ING", 2},     {"7", 1},         {"nothing\r", 0}, {" ", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_query q = {.text = str_from(rows[i].text), .step = LOG_ANY_STEP, .max = 10};
        log_found found = search(w, q);
        if (found.total != rows[i].total || found.count != found.total)
            fail_msg("\"%s\": %d", rows[i].text, (int)found.total);
    }
}

static void colours_hide_no_match(void **state) {
    static const struct {
        const char *text;
        size_t start, size;
    } rows[] = {
        {"\x1b[31mer\x1b[0mror: x", 5, 9},
        {"an \x1b[1;31merror\x1b[m", 10, 5},
        {"\x1b]8;;https://example.org/error\x1b\\an error\x1b]8;;\x1b\\", 35, 5},
        {"\x1b]0;error\a error", 11, 5},
        {"\x1b[31merror", 5, 5},
        {"\x1b[31", SIZE_MAX, 0},
        {"\x1b]0;unended error", 12, 5},
        {"\x1b"
         "error",
         1, 5},
        {"\x1b[\x1b[31merror", 7, 5},
        {"\x1b", SIZE_MAX, 0},
        {"e\x1b[1mr\x1b[1mr\x1b[1mo\x1b[1mr", 0, 21},
    };
    world *w = *state;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t count = sizeof rows / sizeof *rows, at = 0;
    for (size_t i = 0; i < count; i++)
        log_record_write(&out, 0, 1, 'o', str_from(rows[i].text));
    append(w, strbuf_str(&out));
    for (int form = 0; form < 4; form++) {
        bool regex = form % 2;
        log_query q = {.text = STR("ERROR"), .step = LOG_ANY_STEP, .max = 100, .regex = regex};
        log_found found = search(w, q);
        at = 0;
        for (size_t i = 0; i < count; i++) {
            if (rows[i].start == SIZE_MAX) continue;
            assert_true(at < found.count);
            const log_match *m = &found.matches[at++];
            if (m->line.number != i + 1 || m->start != rows[i].start || m->size != rows[i].size)
                fail_msg("line %d for %d: %d, %d", (int)m->line.number, (int)i + 1, (int)m->start,
                         (int)m->size);
        }
        assert_int_equal(found.total, at);
        if (form == 1) reopen_packed(w);
    }
    log_query q = {.text = STR("\x1b[31mer"), .step = LOG_ANY_STEP, .max = 100};
    assert_int_equal(search(w, q).total, 3);
}

static void what_cannot_be_searched_for_is_told(void **state) {
    static const struct {
        log_query q;
        int code;
        const char *why;
    } rows[] = {
        {{.text = STR_INIT("")}, ERR_INVALID, "nothing to search for"},
        {{.text = STR_INIT("a\nb")}, ERR_INVALID, "newline"},
        {{.text = STR_INIT("a("), .regex = true}, ERR_INVALID, "at character 3"},
        {{.text = STR_INIT("(a+)+$"), .regex = true}, ERR_LIMIT, "make it simpler"},
        {{.text = STR_INIT("\\C"), .regex = true}, ERR_INVALID, "wrong at"},
    };
    world *w = *state;
    append(w, STR("0 1 o aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_query q = rows[i].q;
        log_found found;
        q.step = LOG_ANY_STEP;
        if (log_search(w->l, w->a, &q, &found, &w->e) != rows[i].code ||
            !strstr(w->e.message, rows[i].why))
            fail_msg("row %d: %s", (int)i, w->e.message);
    }
    atomic_bool cancel = true;
    log_query q = {.text = STR("a"), .step = LOG_ANY_STEP, .cancel = &cancel};
    log_found found;
    assert_int_equal(log_search(w->l, w->a, &q, &found, &w->e), ERR_CANCELLED);
}

/* The vector loop, its rest, and both against the obvious way. */
static void the_finder_finds_what_a_plain_loop_finds(void **state) {
    static const char *const needles[] = {"a", "ab", "Ab", "ba a", "bbb", "\xc3\xa9", "[x", "z@z"};
    char hay[301];
    uint8_t scratch[16];
    uint32_t seed = 1;
    for (int round = 0; round < 400; round++) {
        for (size_t i = 0; i < sizeof hay - 1; i++) {
            seed = seed * 1664525 + 1013904223;
            hay[i] = "abAB [x{z@Z\xc3\xa9"[seed >> 24 & 15 % 13];
        }
        for (size_t n = 0; n < sizeof needles / sizeof *needles; n++) {
            str needle = str_from(needles[n]);
            for (int exact = 0; exact < 2; exact++) {
                finder f;
                str text = {hay, (size_t)(seed % 300)};
                finder_init(&f, needle, exact, scratch);
                size_t expected = text.len;
                for (size_t i = 0; i + needle.len <= text.len && expected == text.len; i++) {
                    str part = str_sub(text, i, i + needle.len);
                    if (exact ? str_eq(part, needle) : str_eq_nocase(part, needle)) expected = i;
                }
                assert_int_equal(finder_next(&f, text, 0), expected);
            }
        }
    }
}

/* ---- packing -------------------------------------------------------------------------------- */

static void a_packed_log_is_what_zstd_reads(void **state) {
    world *w = *state;
    append_many(w, 20000);
    str before, after;
    check(w, fs_read(w->a, log_path(w->a, w->dir, JOB, ".log"), 10 << 20, &before, &w->e));
    reopen_packed(w);
    assert_false(fs_exists(log_path(w->a, w->dir, JOB, ".log")));
    assert_false(fs_exists(log_path(w->a, w->dir, JOB, ".log.idx")));
    check(w, log_pack(w->dir, JOB, &w->e));
    if (!fs_find_program(w->a, "zstd", str_from(getenv("PATH")))) return;
    char *out = fs_join(w->a, w->dir, STR("out"));
    str command = arena_printf(w->a, "zstd -qdc '%s' > '%s'", w->l->path, out);
    assert_int_equal(system(command.ptr), 0);
    check(w, fs_read(w->a, out, 10 << 20, &after, &w->e));
    assert_true(str_eq(before, after));
}

static void a_handle_stays_good_when_the_log_is_packed(void **state) {
    world *w = *state;
    append_many(w, 1000);
    job_log *reader;
    log_cursor at = {0};
    str before, after;
    check(w, log_open(w->dir, JOB, &reader, &w->e));
    check(w, log_follow(reader, w->a, &at, 500, &before, &w->e));
    log_cursor both = at;
    check(w, log_follow(reader, w->a, &at, 500, &before, &w->e));
    reopen_packed(w);
    check(w, log_follow(w->l, w->a, &both, 500, &after, &w->e));
    assert_true(str_eq(before, after) && both.line == at.line);
    log_close(w->l);
    w->l = reader;
    expect_same(w, 1000);
}

static void a_packed_log_takes_nothing_more(void **state) {
    world *w = *state;
    append_many(w, 10);
    reopen_packed(w);
    job_log *other;
    assert_int_equal(log_open_writer(w->dir, JOB, 0, &other, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "is packed"));
}

static void a_packing_that_was_killed_is_made_again(void **state) {
    world *w = *state;
    append_many(w, 10);
    check(w, fs_create(log_path(w->a, w->dir, JOB, ".log.zst.tmp"), STR("half"), 0600, &w->e));
    reopen_packed(w);
    expect_same(w, 10);
    /* Between the new name and the end of the old files. */
    check(w, fs_create(log_path(w->a, w->dir, JOB, ".log"), STR("0 1 o old\n"), 0600, &w->e));
    reopen_packed(w);
    expect_same(w, 10);
    assert_false(fs_exists(log_path(w->a, w->dir, JOB, ".log")));
}

static void a_damaged_packed_log_is_told(void **state) {
    world *w = *state;
    append_many(w, 5000);
    reopen_packed(w);
    char *path = log_path(w->a, w->dir, JOB, ".log.zst");
    str bytes;
    check(w, fs_read(w->a, path, 10 << 20, &bytes, &w->e));
    for (size_t cut = 0; cut < bytes.len; cut += 997) {
        job_log *other = NULL;
        check(w, fs_create(path, str_sub(bytes, 0, cut), 0600, &w->e));
        assert_int_equal(log_open(w->dir, JOB, &other, &w->e), ERR_INVALID);
        assert_non_null(strstr(w->e.message, "is damaged"));
    }
    char *copy = arena_cstr(w->a, bytes);
    copy[1000] ^= 1;
    check(w, fs_create(path, (str){copy, bytes.len}, 0600, &w->e));
    log_close(w->l);
    w->l = NULL;
    check(w, log_open(w->dir, JOB, &w->l, &w->e));
    log_range range = {.step = LOG_ANY_STEP};
    log_page page;
    assert_int_equal(log_read(w->l, w->a, &range, &page, &w->e), ERR_INVALID);
}

static void an_absent_log_is_not_found(void **state) {
    world *w = *state;
    job_log *other;
    uint64_t bytes;
    assert_int_equal(log_open(w->dir, 1, &other, &w->e), ERR_NOT_FOUND);
    assert_int_equal(log_pack(w->dir, 1, &w->e), ERR_NOT_FOUND);
    check(w, log_disk_bytes(w->dir, 1, &bytes, &w->e));
    assert_int_equal(bytes, 0);
    append_many(w, 100);
    check(w, log_disk_bytes(w->dir, JOB, &bytes, &w->e));
    assert_true(bytes > 1000);
    int hold;
    check(w, hold_keep(w->dir, &hold, &w->e));
    assert_int_equal(log_remove(w->dir, JOB, &w->e), 1);
    assert_true(fs_exists(log_path(w->a, w->dir, JOB, ".log")));
    close(hold);
    assert_int_equal(log_remove(w->dir, JOB, &w->e), 0);
    assert_int_equal(log_remove(w->dir, JOB, &w->e), 0);
    assert_int_equal(log_open(w->dir, JOB, &other, &w->e), ERR_NOT_FOUND);
}

/* ---- threads -------------------------------------------------------------------------------- */

static void *follow(void *context) {
    world *w = context;
    _cleanup_arena_ arena *a = arena_new();
    log_cursor at = {0};
    err e = {0};
    log_line line;
    int64_t expected = 1000000;
    while (at.line < MANY) {
        str piece, record;
        log_page page;
        if (log_follow(w->l, a, &at, 10000, &piece, &e) < 0) return "follow";
        while (str_line(&piece, &record)) {
            if (!log_record_parse(record, &line) || line.at_us != expected++) return "order";
        }
        if (log_tail(w->l, a, 2, 3, &page, &e) < 0) return "tail";
        sched_yield();
    }
    return NULL;
}

static void *sync_often(void *context) {
    world *w = context;
    err e = {0};
    while (log_lines(w->l) < MANY) {
        if (log_sync(w->l, NULL, &e) < 0) return "sync";
        usleep(500);
    }
    return NULL;
}

static void readers_follow_a_writer_without_locks(void **state) {
    world *w = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? follow : sync_often, w), 0);
    append_many(w, MANY);
    for (int i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) fail_msg("%s", (char *)why);
    }
    check(w, log_sync(w->l, NULL, &w->e));
    reopen(w);
    expect_same(w, MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_four_fields),
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        TEST(a_log_is_private_and_in_a_folder_by_its_number),
        TEST(sending_again_is_harmless),
        TEST(a_gap_is_refused_and_the_size_told),
        TEST(a_part_of_a_line_waits_for_its_rest),
        TEST(byte_by_byte_is_the_same),
        TEST(what_is_no_record_is_refused_whole),
        TEST(too_long_a_record_is_refused_also_in_parts),
        TEST(a_nul_becomes_a_substitute),
        TEST(a_log_that_is_too_large_says_that_it_was_cut),
        TEST(a_log_has_one_writer),
        TEST(a_full_disk_leaves_the_log_as_it_was),
        TEST(a_torn_end_is_cut_off),
        TEST(an_index_is_made_anew_whatever_became_of_it),
        TEST(an_index_of_another_log_is_not_believed),
        TEST(an_index_goes_on_after_opening),
        TEST(a_writer_that_is_killed_loses_nothing),
        TEST(a_log_reads_the_same_in_every_form),
        TEST(an_empty_log_has_nothing),
        TEST(an_export_marks_kinds_as_github_does),
        TEST(a_search_counts_all_and_gives_a_page),
        TEST(only_the_text_of_a_line_is_searched),
        TEST(colours_hide_no_match),
        TEST(what_cannot_be_searched_for_is_told),
        cmocka_unit_test(the_finder_finds_what_a_plain_loop_finds),
        TEST(a_packed_log_is_what_zstd_reads),
        TEST(a_handle_stays_good_when_the_log_is_packed),
        TEST(a_packed_log_takes_nothing_more),
        TEST(a_packing_that_was_killed_is_made_again),
        TEST(a_damaged_packed_log_is_told),
        TEST(an_absent_log_is_not_found),
        TEST(readers_follow_a_writer_without_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
