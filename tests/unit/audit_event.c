#include "unit.h"

#include "base/json.h"
#include "trust/audit.h"

#include <string.h>

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const audit_input input = {STR_INIT("payload"), STR_INIT(SHA)};

static audit_event least(void) {
    return (audit_event){.time_us = 1764295200000001,
                         .actor = {.kind = STR("system")},
                         .action = STR("run.cancel"),
                         .subject = {.kind = STR("run"), .id = STR("7")}};
}

static audit_event most(arena *a) {
    audit_event x = least();
    value inner = value_object_new(a, true);
    value_set_str(a, &inner, "y", STR("\x01\"\xC3\xA9\xFF"));
    value_set(a, &inner, STR("x"), value_number(0.5));
    x.actor = (audit_party){STR("user"), STR("12"), STR("Zo\xC3\xAB")};
    x.subject.name = STR("Build");
    x.project = STR("team/shop");
    x.reason = STR("no longer needed");
    x.origin.address = STR("192.0.2.1");
    x.origin.request_id = STR("r1");
    x.origin.user_agent = STR("curl/8");
    x.details = value_object_new(a, true);
    value_set(a, &x.details, STR("b"), inner);
    value_set(a, &x.details, STR("a"), value_bool(true));
    x.inputs = &input;
    x.input_count = 1;
    return x;
}

static void entries_have_one_form(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    audit_event x = least();
    err e = {0};
    if (audit_event_write(&out, &x, &e) < 0) fail_msg("%s", e.message);
    assert_str(
        strbuf_str(&out),
        "{\"version\":1,\"time\":\"2025-11-28T02:00:00.000001Z\",\"actor\":{\"kind\":"
        "\"system\"},\"action\":\"run.cancel\",\"subject\":{\"kind\":\"run\",\"id\":\"7\"}}");
    strbuf_clear(&out);
    x = most(a);
    if (audit_event_write(&out, &x, &e) < 0) fail_msg("%s", e.message);
    assert_str(strbuf_str(&out),
               "{\"version\":1,\"time\":\"2025-11-28T02:00:00.000001Z\",\"actor\":{\"kind\":"
               "\"user\",\"id\":\"12\",\"name\":\"Zo\xC3\xAB\"},\"action\":\"run.cancel\","
               "\"subject\":{\"kind\":\"run\",\"id\":\"7\",\"name\":\"Build\"},\"project\":"
               "\"team/shop\",\"reason\":\"no longer needed\",\"origin\":{\"address\":"
               "\"192.0.2.1\",\"request_id\":\"r1\",\"user_agent\":\"curl/8\"},\"details\":{\"a\":"
               "true,\"b\":{\"x\":0.5,\"y\":\"\\u0001\\\"\xC3\xA9\xEF\xBF\xBD\"}},\"inputs\":[{"
               "\"name\":\"payload\",\"sha256\":\"" SHA "\"}]}");
}

static void an_entry_is_read_back(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT, again = STRBUF_INIT;
    audit_event x = most(a), y;
    err e = {0};
    assert_int_equal(audit_event_write(&out, &x, &e), 0);
    if (audit_event_read(a, strbuf_str(&out), &y, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(y.time_us, x.time_us);
    assert_str(y.actor.name, "Zo\xC3\xAB");
    assert_int_equal(y.input_count, 1);
    assert_str(y.inputs[0].sha256, SHA);
    assert_int_equal(audit_event_write(&again, &y, &e), 0);
    assert_true(str_eq(strbuf_str(&out), strbuf_str(&again)));
}

/* Clocks that are wrong by years and before 1970 are written, too. */
static void times_are_of_years_1_to_9999(void **state) {
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-62135596800000000, "0001-01-01T00:00:00.000000Z"},
        {-62135596800000001, NULL},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {253402300800000000, NULL},
        {INT64_MAX, NULL},
        {INT64_MIN, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        audit_event x = least(), y;
        x.time_us = cases[i].us;
        int r = audit_event_write(&out, &x, NULL);
        assert_int_equal(r, cases[i].text ? 0 : ERR_INVALID);
        if (r < 0) continue;
        assert_true(str_find(strbuf_str(&out), str_from(cases[i].text)) > 0);
        assert_int_equal(audit_event_read(a, strbuf_str(&out), &y, NULL), 0);
        assert_int_equal(y.time_us, x.time_us);
    }
}

static void an_event_says_who_did_what_on_what(void **state) {
    static const char *const words[] = {"", ".", "a.", ".a", "a..b", "A", "a b", "a/b", "\xC3\xA9"};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        audit_event x = least(), y = least(), z = least();
        x.action = y.actor.kind = z.subject.kind = str_from(words[i]);
        assert_int_equal(audit_event_write(&out, &x, NULL), ERR_INVALID);
        assert_int_equal(audit_event_write(&out, &y, NULL), ERR_INVALID);
        assert_int_equal(audit_event_write(&out, &z, NULL), ERR_INVALID);
    }
    audit_input wrong[] = {
        {STR("x"), STR("")},
        {STR(""), STR(SHA)},
        {STR("x"), STR("9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        audit_event x = least();
        x.inputs = &wrong[i];
        x.input_count = 1;
        assert_int_equal(audit_event_write(&out, &x, NULL), ERR_INVALID);
    }
    assert_int_equal(out.len, 0);
}

static void what_is_too_large_is_named(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT, text = STRBUF_INIT;
    audit_event x = least();
    err e = {0};
    assert_int_equal(audit_event_write(&out, &x, &e), 0);
    size_t room = AUDIT_ENTRY_MAX - out.len - strlen(",\"reason\":\"\"");
    strbuf_clear(&out);
    strbuf_pad(&text, 'r', room);
    x.reason = strbuf_str(&text);
    assert_int_equal(audit_event_write(&out, &x, &e), 0);
    assert_int_equal(out.len, AUDIT_ENTRY_MAX);
    strbuf_clear(&out);
    strbuf_addc(&text, 'r');
    x.reason = strbuf_str(&text);
    assert_int_equal(audit_event_write(&out, &x, &e), ERR_LIMIT);
    assert_non_null(strstr(e.message, "65536 bytes, more than 65535"));
    assert_int_equal(out.len, 0);
    x = least();
    value deep = value_object_new(a, true);
    for (int i = 0; i < AUDIT_DEPTH_MAX; i++) {
        value outer = value_object_new(a, true);
        value_set(a, &outer, STR("x"), deep);
        deep = outer;
    }
    x.details = deep;
    assert_int_equal(audit_event_write(&out, &x, &e), ERR_LIMIT);
    x = least();
    x.input_count = AUDIT_INPUTS_MAX + 1;
    assert_int_equal(audit_event_write(&out, &x, &e), ERR_LIMIT);
}

static void what_is_no_entry_is_refused(void **state) {
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"[]", ERR_INVALID},
        {"{\"version\":2}", ERR_UNSUPPORTED},
        {"{\"version\":\"1\"}", ERR_INVALID},
        /* another order, a space, a second actor, a time of another form */
        {"{\"time\":\"2025-11-28T02:00:00.000001Z\",\"version\":1,\"actor\":{\"kind\":\"s\"},"
         "\"action\":\"a\",\"subject\":{\"kind\":\"s\"}}",
         ERR_INVALID},
        {"{\"version\":1, \"time\":\"2025-11-28T02:00:00.000001Z\",\"actor\":{\"kind\":\"s\"},"
         "\"action\":\"a\",\"subject\":{\"kind\":\"s\"}}",
         ERR_INVALID},
        {"{\"version\":1,\"time\":\"2025-11-28T02:00:00.000001Z\",\"actor\":{\"kind\":\"s\"},"
         "\"action\":\"a\",\"subject\":{\"kind\":\"s\"},\"actor\":{\"kind\":\"t\"}}",
         ERR_INVALID},
        {"{\"version\":1,\"time\":\"2025-11-28T02:00:00.001Z\",\"actor\":{\"kind\":\"s\"},"
         "\"action\":\"a\",\"subject\":{\"kind\":\"s\"}}",
         ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        audit_event x;
        int r = audit_event_read(a, str_from(cases[i].text), &x, NULL);
        if (r != cases[i].code) fail_msg("%s: %d", cases[i].text, r);
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void files_have_one_path(void **state) {
    static const struct {
        audit_file file;
        const char *path;
    } cases[] = {
        {{.kind = AUDIT_CHECKPOINT}, "checkpoint"},
        {{.kind = AUDIT_KEY}, "key"},
        {{AUDIT_TILE_FILE, 0, 0, 256}, "tile/0/000"},
        {{AUDIT_TILE_FILE, 63, 999, 1}, "tile/63/999.p/1"},
        {{AUDIT_TILE_FILE, 1, 1000, 255}, "tile/1/x001/000.p/255"},
        {{AUDIT_TILE_FILE, 0, 1234067, 256}, "tile/0/x001/x234/067"},
        {{AUDIT_ENTRIES, 0, 1234067, 8}, "tile/entries/x001/x234/067.p/8"},
        {{AUDIT_ENTRIES, 0, 36028797018963967, 256}, "tile/entries/x036/x028/x797/x018/x963/967"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        audit_file f;
        audit_file_path(&out, &cases[i].file);
        assert_str(strbuf_str(&out), cases[i].path);
        assert_true(audit_file_parse(str_from(cases[i].path), &f));
        assert_int_equal(f.kind, cases[i].file.kind);
        if (f.kind < AUDIT_TILE_FILE) continue;
        assert_int_equal(f.level, cases[i].file.level);
        assert_int_equal(f.number, cases[i].file.number);
        assert_int_equal(f.width, cases[i].file.width);
    }
}

static void other_paths_are_none(void **state) {
    static const char *const wrong[] = {
        "",
        "/",
        "/checkpoint",
        "checkpoint/",
        "checkpoints",
        "keys",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/001/",
        "tile/0/x000",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/x000/x001/001",
        "tile/0/001/001",
        "tile/0/xx01/001",
        "tile/00/001",
        "tile/01/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/+1/001",
        "tile//001",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/1/",
        "tile/0/001.p/1.p/1",
        "tile/0/001.P/1",
        "tile/0/.p/1",
        "tile/entry/001",
        "tile/entries",
        "tile/entries/",
        "tile/entries/0/001",
        "tile/data/001",
        "tile/0/x1/001",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/..",
        "tile/0/%30%30%31",
        " checkpoint",
        "tile/0/ 01",
        "tile/0/\xD9\xA0\xD9\xA0",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        audit_file f;
        if (audit_file_parse(str_from(wrong[i]), &f))
            fail_msg("'%s' is taken for a path", wrong[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_have_one_form),
        cmocka_unit_test(an_entry_is_read_back),
        cmocka_unit_test(times_are_of_years_1_to_9999),
        cmocka_unit_test(an_event_says_who_did_what_on_what),
        cmocka_unit_test(what_is_too_large_is_named),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(files_have_one_path),
        cmocka_unit_test(other_paths_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
