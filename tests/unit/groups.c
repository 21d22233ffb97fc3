#include "unit.h"

#include "server/groups.h"

#include <stdio.h>
#include <string.h>

/* What a row of a table does: members ask and leave; the effects are written as a line. */
typedef struct scene {
    arena *a;
    groups *g;
    strbuf said;
} scene;

static void note(scene *s, const group_effects *effects) {
    static const char *const words[] = {"start", "wait", "cancel"};
    for (size_t i = 0; i < effects->count; i++)
        strbuf_addf(&s->said, "%s%s %llu", s->said.len ? " " : "", words[effects->items[i].kind],
                    (unsigned long long)effects->items[i].member);
}

static void ask(scene *s, const char *name, uint64_t member, const char *how) {
    group_effects effects = {.a = s->a};
    group_ask x = {.repository = 1,
                   .name = str_from(name),
                   .member = member,
                   .cancel_in_progress = strchr(how, 'c') != NULL,
                   .queue_max = strchr(how, 'm') != NULL};
    groups_ask(s->g, &x, &effects);
    note(s, &effects);
}

static void leave(scene *s, uint64_t member) {
    group_effects effects = {.a = s->a};
    groups_leave(s->g, member, &effects);
    note(s, &effects);
}

/* "a1 b1c -1": 1 asks for group a; 1 asks for b and cancels what is in progress; 1 leaves. */
static void play(scene *s, const char *script) {
    str rest = str_from(script), word;
    while (rest.len) {
        char name[2] = "", how[4] = "";
        unsigned long long member;
        str_cut(rest, ' ', &word, &rest);
        if (word.ptr[0] == '-') {
            assert_int_equal(sscanf(word.ptr, "-%llu", &member), 1);
            leave(s, member);
            continue;
        }
        name[0] = word.ptr[0];
        assert_true(sscanf(word.ptr + 1, "%llu%3[cm]", &member, how) >= 1);
        ask(s, name, member, how);
    }
}

static void groups_let_one_in_at_a_time(void **state) {
    static const struct {
        const char *script, *said;
    } rows[] = {
        {"a1", "start 1"},
        {"a1 b2", "start 1 start 2"},
        {"a1 A2", "start 1 wait 2"},
        {"a1 a2 -1", "start 1 wait 2 start 2"},
        {"a1 a2 a3 -1", "start 1 wait 2 cancel 2 wait 3 start 3"},
        {"a1 a2c -1", "start 1 wait 2 cancel 1 start 2"},
        {"a1 a2c a3c -1", "start 1 wait 2 cancel 1 cancel 2 wait 3 cancel 1 start 3"},
        {"a1 a2m a3m -1 -2", "start 1 wait 2 wait 3 start 2 start 3"},
        {"a1 a2m a3m a4", "start 1 wait 2 wait 3 cancel 2 cancel 3 wait 4"},
        {"a1 a2cm", "start 1 cancel 2"},
        {"a1 a2 -2 -1 a3", "start 1 wait 2 start 3"},
        {"a1 a2m a3m a4m -3 -1 -2", "start 1 wait 2 wait 3 wait 4 start 2 start 4"},
        {"-9", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        scene s = {a, groups_new(), STRBUF_INIT};
        play(&s, rows[i].script);
        if (strcmp(strbuf_cstr(&s.said), rows[i].said))
            fail_msg("%s: %s, not %s", rows[i].script, strbuf_cstr(&s.said), rows[i].said);
        strbuf_done(&s.said);
        groups_free(s.g);
    }
}

static void groups_of_two_repositories_are_two(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    groups *g = groups_new();
    group_effects effects = {.a = a};
    groups_ask(g, &(group_ask){.repository = 1, .name = STR("x"), .member = 1}, &effects);
    groups_ask(g, &(group_ask){.repository = 2, .name = STR("x"), .member = 2}, &effects);
    assert_true(effects.count == 2 && effects.items[1].kind == GROUP_START);
    assert_int_equal(groups_count(g), 2);
    groups_leave(g, 1, &effects);
    groups_leave(g, 2, &effects);
    assert_int_equal(groups_count(g), 0);
    groups_free(g);
}

static void a_line_is_full_at_a_hundred(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    scene s = {a, groups_new(), STRBUF_INIT};
    for (uint64_t i = 1; i <= 1 + GROUPS_WAITING_MAX; i++)
        ask(&s, "a", i, "m");
    strbuf_clear(&s.said);
    ask(&s, "a", 1000, "m");
    assert_string_equal(strbuf_cstr(&s.said), "cancel 1000");
    size_t place;
    str name;
    assert_int_equal(groups_holder(s.g, 101, &place, &name), 1);
    assert_int_equal(place, 100);
    assert_str(name, "a");
    assert_true(groups_holds(s.g, 1) && !groups_holds(s.g, 2));
    strbuf_done(&s.said);
    groups_free(s.g);
}

static void a_group_held_around_a_member_is_a_deadlock(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    groups *g = groups_new();
    group_effects effects = {.a = a};
    const uint64_t around[] = {7, 1};
    group_ask x = {.repository = 1, .name = STR("x"), .member = 1};
    groups_ask(g, &x, &effects);
    x = (group_ask){
        .repository = 1, .name = STR("X"), .member = 2, .around = around, .around_count = 2};
    groups_ask(g, &x, &effects);
    assert_true(effects.count == 2 && effects.items[1].kind == GROUP_CANCEL);
    assert_true(str_find(effects.items[1].reason, STR("deadlock")) >= 0);
    x.cancel_in_progress = true;
    groups_ask(g, &x, &effects);
    assert_true(effects.count == 4 && effects.items[3].member == 1);
    x = (group_ask){.repository = 1, .name = STR(""), .member = 3};
    groups_ask(g, &x, &effects);
    assert_true(effects.count == 5 && effects.items[4].kind == GROUP_CANCEL);
    groups_free(g);
}

/* Whatever comes and goes, a group has one holder, and who waits is started or cancelled. */
static void nobody_is_forgotten(void **state) {
    enum { MEMBERS = 400, STEPS = 20000 };
    enum { OUT, WAITS, HOLDS } now[MEMBERS + 1] = {OUT};
    int of[MEMBERS + 1] = {0};
    unsigned random = 7;
    groups *g = groups_new();
    for (int step = 0; step < STEPS; step++) {
        _cleanup_arena_ arena *a = arena_new();
        group_effects effects = {.a = a};
        random = random * 1664525 + 1013904223;
        uint64_t id = 1 + (random >> 10) % MEMBERS;
        if (now[id] == OUT) {
            of[id] = (int)(random >> 24) % 5;
            char name[2] = {(char)('a' + of[id]), 0};
            bool max = random & 64;
            groups_ask(g,
                       &(group_ask){.repository = 1,
                                    .name = str_from(name),
                                    .member = id,
                                    .queue_max = max,
                                    .cancel_in_progress = !max && random & 128},
                       &effects);
        } else {
            groups_leave(g, id, &effects);
            now[id] = OUT;
        }
        for (size_t i = 0; i < effects.count; i++) {
            uint64_t m = effects.items[i].member;
            switch (effects.items[i].kind) {
            case GROUP_START: now[m] = HOLDS; break;
            case GROUP_WAIT: now[m] = WAITS; break;
            case GROUP_CANCEL:
                if (now[m] == WAITS) now[m] = OUT;
                break;
            }
        }
        int holders[5] = {0}, waiting[5] = {0};
        for (uint64_t m = 1; m <= MEMBERS; m++) {
            holders[of[m]] += now[m] == HOLDS;
            waiting[of[m]] += now[m] == WAITS;
            assert_int_equal(groups_holds(g, m), now[m] == HOLDS);
            assert_int_equal(groups_holder(g, m, NULL, NULL) != 0, now[m] == WAITS);
        }
        for (int k = 0; k < 5; k++)
            assert_true(holders[k] <= 1 && (holders[k] == 1 || waiting[k] == 0));
    }
    groups_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_let_one_in_at_a_time),
        cmocka_unit_test(groups_of_two_repositories_are_two),
        cmocka_unit_test(a_line_is_full_at_a_hundred),
        cmocka_unit_test(a_group_held_around_a_member_is_a_deadlock),
        cmocka_unit_test(nobody_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
