#include "cli/help.h"

#include "cli/console.h"
#include "cli/options.h"
#include "cli/style.h"

#define HELP_WIDTH  80
#define HELP_INDENT 28

void help_option_term(strbuf *out, const option_spec *s) {
    if (s->letter)
        strbuf_addf(out, "-%c, ", s->letter);
    else
        strbuf_adds(out, "    ");
    strbuf_addf(out, "--%s", s->name);
    if (s->arg) strbuf_addf(out, " %s", s->arg);
}

static void add_row(strbuf *out, str term, const char *text, size_t indent) {
    strbuf_adds(out, "  ");
    strbuf_add(out, term);
    if (term.len + 4 > indent) {
        strbuf_addc(out, '\n');
        strbuf_pad(out, ' ', indent);
    } else {
        strbuf_pad(out, ' ', indent - term.len - 2);
    }
    style_fold(out, str_from(text), indent, HELP_WIDTH);
}

static void add_options(strbuf *out, const option_spec *table) {
    for (const option_spec *s = table; s && s->name; s++) {
        _cleanup_strbuf_ strbuf term = STRBUF_INIT;
        help_option_term(&term, s);
        add_row(out, strbuf_str(&term), s->help, HELP_INDENT);
    }
}

static void add_pairs(strbuf *out, const char *title, const verb_pair *pairs, size_t indent) {
    if (!pairs) return;
    strbuf_addf(out, "\n%s:\n", title);
    for (; pairs->term; pairs++)
        add_row(out, str_from(pairs->term), pairs->text, indent);
}

bool help_paragraph(str *rest, str *ret) {
    if (!rest->len) return false;
    ptrdiff_t at = str_find(*rest, STR("\n\n"));
    *ret = at < 0 ? *rest : str_sub(*rest, 0, (size_t)at);
    *rest = at < 0 ? STR_EMPTY : str_sub(*rest, (size_t)at + 2, rest->len);
    return true;
}

void help_usage(strbuf *out, const verb *v) {
    strbuf_addf(out, "slipway %s", v->name);
    if (*v->arguments) strbuf_addf(out, " %s", v->arguments);
    if (v->options) strbuf_adds(out, " [OPTION]...");
}

void help_verb(strbuf *out, const verb *v) {
    strbuf_adds(out, "Usage: ");
    help_usage(out, v);
    strbuf_addf(out, "\n\n%s: %s.\n", v->name, v->summary);
    str rest = str_from(v->help), paragraph;
    while (help_paragraph(&rest, &paragraph)) {
        strbuf_addc(out, '\n');
        style_fold(out, paragraph, 0, HELP_WIDTH);
    }
    strbuf_adds(out, "\nOptions:\n");
    add_options(out, v->options);
    add_options(out, common_options);
    add_pairs(out, "Exit status", v->exits, 8);
    if (v->examples) strbuf_adds(out, "\nExamples:\n");
    for (const verb_pair *x = v->examples; x && x->term; x++) {
        strbuf_addf(out, "  %s\n      ", x->term);
        style_fold(out, str_from(x->text), 6, HELP_WIDTH);
    }
}

void help_program(strbuf *out) {
    strbuf_addf(out, "Usage: slipway VERB [ARGUMENT]... [OPTION]...\n\nSlipway %s.\n\nVerbs:\n",
                program_summary);
    for (size_t i = 0; verbs[i]; i++)
        add_row(out, str_from(verbs[i]->name), verbs[i]->summary, 16);
    add_pairs(out, "Environment", program_environment, HELP_INDENT);
    strbuf_adds(out, "\n'slipway help VERB' tells more about one of them.\n");
}

static int run_help(const options *given) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    if (given->arg_count == 0) {
        help_program(&text);
        return console_text(strbuf_str(&text));
    }
    const verb *v = verb_named(given->args[0]);
    if (!v) return 2;
    help_verb(&text, v);
    return console_text(strbuf_str(&text));
}

const verb verb_help = {
    .name = "help",
    .summary = "tell what a verb does, its options and exit statuses",
    .arguments = "[VERB]",
    .max_args = 1,
    .complete = COMPLETE_VERB,
    .help = "Without VERB, lists all verbs. 'slipway VERB --help' prints the same text.",
    .run = run_help,
};
