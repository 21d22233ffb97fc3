#include "unit.h"

#include "cli/style.h"

#include <locale.h>
#include <stdlib.h>

static const style colour = {.colour = true, .utf8 = true, .terminal = true, .width = 80};
static const style plain = {.utf8 = true, .width = 80};
static const style ascii = {.terminal = true, .width = 80};

static const struct {
    const style *st;
    const char *text;
    size_t width;
    const char *expected;
} cases[] = {
    {&plain, "short", 10, "short"},
    {&plain, "exactly ten", 11, "exactly ten"},
    {&plain, "cut somewhere", 8, "cut som…"},
    {&plain, "日本語のステップ", 7, "日本語…"},
    {&plain, "日本語のステップ", 8, "日本語…"},
    {&plain, "e\xCC\x81t\xC3\xA9", 3, "e\xCC\x81t\xC3\xA9"},
    {&plain, "a\tb", 20, "a   b"},
    {&plain, "one\rtwo\a\b", 20, "onetwo"},
    {&plain, "bad \xff\xfe bytes", 20, "bad \xff\xfe bytes"},
    {&plain, "x", 0, ""},
    {&ascii, "caf\xC3\xA9 au lait", 20, "caf? au lait"},
    {&ascii, "a long line of text", 10, "a long ..."},
    /* colours pass only where we show colours, and are ended */
    {&plain, "\033[31mred\033[0m", 20, "red"},
    {&colour, "\033[31mred", 20, "\033[31mred\033[0m"},
    {&colour, "\033[1;32mgreen and long\033[0m", 8, "\033[1;32mgreen a\033[0m…"},
    /* nothing else that a program prints can move the cursor or set the title */
    {&colour, "a\033[2Jb\033[10;10Hc\033[?25ld", 20, "abcd"},
    {&colour, "a\033]0;title\ab\033]8;;http://x\033\\c", 20, "abc"},
    {&colour, "a\033(Bb", 20, "aBb"},
    {&colour, "a\033[31", 20, "a"},
    {&colour, "a\033", 20, "a"},
    {&colour, "a\033[>4;1mb\033[?1mc", 20, "abc"},
    {&colour,
     "a\xC2\x9B"
     "2Jb\xC2\x9D"
     "0;t",
     20, "a2Jb0;t"},
    /* nor turn the direction of what follows */
    {&plain,
     "a\xE2\x80\xAE"
     "b\xE2\x81\xA6"
     "c\xD8\x9C"
     "d",
     20, "abcd"},
};

static const struct {
    const style *st;
    const char *text, *expected;
} texts[] = {
    {&plain, "as it stands:\tcaf\xC3\xA9", "as it stands:\tcaf\xC3\xA9"},
    {&plain, "\xE2\x9C\x93 done\tnow", "\xE2\x9C\x93 done\tnow"},
    {&plain, "one\ntwo\r\nthree", "one two three"},
    {&plain, "\033[31mred\033[0m", "red"},
    {&colour, "\033[31mred", "\033[31mred\033[0m"},
    {&colour, "a\033[2Jb\033]0;title\ac\033[1Ad", "abcd"},
    {&colour,
     "a\xE2\x80\xAE"
     "b\xC2\x9B"
     "1A",
     "ab1A"},
    {&ascii, "caf\xC3\xA9", "caf?"},
};

static void text_of_others_cannot_drive_the_terminal(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        style_text(&out, texts[i].st, str_from(texts[i].text));
        assert_str(strbuf_str(&out), texts[i].expected);
    }
}

static void lines_are_cut_to_columns_and_cleaned(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        size_t used = style_clip(&out, cases[i].st, str_from(cases[i].text), cases[i].width);
        assert_str(strbuf_str(&out), cases[i].expected);
        assert_true(used <= cases[i].width);
        assert_int_equal(used, style_width(cases[i].st, strbuf_str(&out)));
    }
}

static void columns_are_filled_up(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    style_column(&out, &plain, STR("日本"), 6);
    style_column(&out, &plain, STR("abcdefgh"), 4);
    strbuf_addc(&out, '|');
    assert_str(strbuf_str(&out), "日本  abc…|");
}

static void durations_are_short(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *expected;
    } durations[] = {
        {0, "0.0s"},
        {99999, "0.0s"},
        {100000, "0.1s"},
        {12340000, "12.3s"},
        {59999999, "59.9s"},
        {60000000, "1m 00s"},
        {3599999999, "59m 59s"},
        {3600000000, "1h 00m"},
        {90061000000, "25h 01m"},
    };
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        style_duration(&out, durations[i].us);
        assert_str(strbuf_str(&out), durations[i].expected);
    }
}

static void the_environment_decides_on_colours(void **state) {
    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR"), unsetenv("FORCE_COLOR"), unsetenv("CLICOLOR_FORCE");
    assert_false(style_of(-1).colour);
    setenv("FORCE_COLOR", "1", 1);
    assert_true(style_of(-1).colour);
    setenv("FORCE_COLOR", "0", 1);
    assert_false(style_of(-1).colour);
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_true(style_of(-1).colour);
    setenv("NO_COLOR", "1", 1);
    assert_false(style_of(-1).colour);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_to_columns_and_cleaned),
        cmocka_unit_test(text_of_others_cannot_drive_the_terminal),
        cmocka_unit_test(columns_are_filled_up),
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(the_environment_decides_on_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
