#include "cli/console.h"
#include "cli/help.h"
#include "cli/options.h"

#include <ctype.h>

/* Text that roff prints as it stands: backslashes, hyphens that people copy, and control
 * characters at the beginning of a line are escaped. */
static void add_text(strbuf *out, str text) {
    bool line_start = out->len == 0 || out->ptr[out->len - 1] == '\n';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (line_start && (c == '.' || c == '\'')) strbuf_adds(out, "\\&");
        line_start = c == '\n';
        switch (c) {
        case '\\': strbuf_adds(out, "\\e"); break;
        case '-': strbuf_adds(out, "\\-"); break;
        case '\'': strbuf_adds(out, "\\(aq"); break;
        case '`': strbuf_adds(out, "\\(ga"); break;
        case '^': strbuf_adds(out, "\\(ha"); break;
        case '~': strbuf_adds(out, "\\(ti"); break;
        default: strbuf_addc(out, c);
        }
    }
}

static void add_line(strbuf *out, const char *macro, str text) {
    strbuf_adds(out, macro);
    add_text(out, text);
    strbuf_addc(out, '\n');
}

static void add_paragraphs(strbuf *out, const char *text) {
    str rest = str_from(text), paragraph;
    bool first = true;
    while (help_paragraph(&rest, &paragraph)) {
        if (!first) strbuf_adds(out, ".PP\n");
        add_text(out, paragraph);
        strbuf_addc(out, '\n');
        first = false;
    }
}

static void add_item(strbuf *out, str term, const char *text) {
    strbuf_adds(out, ".TP\n");
    add_line(out, "\\fB", term);
    strbuf_truncate(out, out->len - 1);
    strbuf_adds(out, "\\fR\n");
    add_text(out, str_from(text));
    strbuf_addc(out, '\n');
}

static void add_options(strbuf *out, const option_spec *table) {
    for (const option_spec *s = table; s && s->name; s++) {
        _cleanup_strbuf_ strbuf term = STRBUF_INIT;
        help_option_term(&term, s);
        add_item(out, str_trim(strbuf_str(&term)), s->help);
    }
}

static void add_pairs(strbuf *out, const char *heading, const verb_pair *pairs) {
    if (!pairs) return;
    strbuf_adds(out, heading);
    for (; pairs->term; pairs++)
        add_item(out, str_from(pairs->term), pairs->text);
}

static void add_title(strbuf *out, const char *verb_name) {
    strbuf_adds(out, ".TH SLIPWAY");
    if (verb_name) strbuf_addc(out, '-');
    for (const char *c = verb_name; c && *c; c++)
        strbuf_addc(out, (char)toupper((unsigned char)*c));
    strbuf_adds(out, " 1 \"\" \"slipway " SLIPWAY_VERSION "\" \"User Commands\"\n");
}

static void add_synopsis(strbuf *out, const verb *v) {
    _cleanup_strbuf_ strbuf usage = STRBUF_INIT;
    help_usage(&usage, v);
    add_text(out, strbuf_str(&usage));
    strbuf_addc(out, '\n');
}

static void page_of_verb(strbuf *out, const verb *v) {
    add_title(out, v->name);
    strbuf_addf(out, ".SH NAME\nslipway\\-%s \\- ", v->name);
    add_line(out, "", str_from(v->summary));
    strbuf_adds(out, ".SH SYNOPSIS\n");
    add_synopsis(out, v);
    strbuf_adds(out, ".SH DESCRIPTION\n");
    add_paragraphs(out, v->help);
    strbuf_adds(out, ".SH OPTIONS\n");
    add_options(out, v->options);
    add_options(out, common_options);
    add_pairs(out, ".SH \"EXIT STATUS\"\n", v->exits);
    add_pairs(out, ".SH ENVIRONMENT\n", program_environment);
    add_pairs(out, ".SH FILES\n", program_files);
    add_pairs(out, ".SH EXAMPLES\n", v->examples);
    strbuf_adds(out, ".SH \"SEE ALSO\"\n.BR slipway (1)\n");
}

static void page_of_program(strbuf *out) {
    add_title(out, NULL);
    strbuf_adds(out, ".SH NAME\nslipway \\- ");
    add_line(out, "", str_from(program_summary));
    strbuf_adds(out, ".SH SYNOPSIS\n");
    for (size_t i = 0; verbs[i]; i++) {
        if (i) strbuf_adds(out, ".br\n");
        add_synopsis(out, verbs[i]);
    }
    strbuf_adds(out, ".SH DESCRIPTION\n");
    for (size_t i = 0; verbs[i]; i++) {
        const verb *v = verbs[i];
        strbuf_addf(out, ".SS \"slipway %s\"\n", v->name);
        add_paragraphs(out, v->help);
        add_options(out, v->options);
        add_pairs(out, ".PP\nExit status:\n", v->exits);
        add_pairs(out, ".PP\nExamples:\n", v->examples);
    }
    strbuf_adds(out, ".SH OPTIONS\nEvery verb takes:\n");
    add_options(out, common_options);
    add_pairs(out, ".SH ENVIRONMENT\n", program_environment);
    add_pairs(out, ".SH FILES\n", program_files);
}

void man_page(strbuf *out, const verb *v) {
    if (v)
        page_of_verb(out, v);
    else
        page_of_program(out);
}

static int run_man(const options *given) {
    const verb *v = NULL;
    if (given->arg_count && !(v = verb_named(given->args[0]))) return 2;
    _cleanup_strbuf_ strbuf page = STRBUF_INIT;
    man_page(&page, v);
    return console_text(strbuf_str(&page));
}

const verb verb_man = {
    .name = "man",
    .summary = "print the manual page",
    .arguments = "[VERB]",
    .max_args = 1,
    .complete = COMPLETE_VERB,
    .help = "Prints a page in roff, of the whole program or of one verb.",
    .examples =
        (const verb_pair[]){
            {"slipway man run | man -l -", "Read the page of 'run'."},
            {"slipway man > /usr/local/share/man/man1/slipway.1", "Install the page."},
            {0},
        },
    .run = run_man,
};
