#include "cli/console.h"
#include "cli/options.h"

#include "workflow/event.h"

#include <string.h>

/* The words that a completion may offer, separated by spaces. */
static void add_words(strbuf *out, complete_kind kind, const char *words) {
    if (kind == COMPLETE_WORDS) strbuf_adds(out, words);
    if (kind == COMPLETE_VERB) {
        for (size_t i = 0; verbs[i]; i++)
            strbuf_addf(out, "%s%s", i ? " " : "", verbs[i]->name);
    }
    if (kind == COMPLETE_EVENT) {
        size_t count;
        const event_kind *events = event_kinds(&count);
        for (size_t i = 0; i < count; i++)
            strbuf_addf(out, "%s%s", i ? " " : "", events[i].name);
    }
}

typedef void add_option_fn(strbuf *out, const verb *v, const option_spec *s);

static void each_option(strbuf *out, const verb *v, add_option_fn *fn) {
    const option_spec *tables[] = {v->options, common_options};
    for (size_t t = 0; t < 2; t++) {
        for (const option_spec *s = tables[t]; s && s->name; s++)
            fn(out, v, s);
    }
}

/* ---- bash ----------------------------------------------------------------------------------- */

static void bash_name(strbuf *out, const verb *v, const option_spec *s) {
    (void)v;
    strbuf_addf(out, " --%s", s->name);
    if (s->letter) strbuf_addf(out, " -%c", s->letter);
}

static void bash_reply(strbuf *out, complete_kind kind, const char *words) {
    if (kind == COMPLETE_NOTHING) {
        strbuf_adds(out, "COMPREPLY=()");
    } else if (kind == COMPLETE_FILE || kind == COMPLETE_DIR) {
        strbuf_addf(out, "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")",
                    kind == COMPLETE_FILE ? 'f' : 'd');
    } else {
        strbuf_adds(out, "mapfile -t COMPREPLY < <(compgen -W '");
        add_words(out, kind, words);
        strbuf_adds(out, "' -- \"$cur\")");
    }
}

static void bash_value(strbuf *out, const verb *v, const option_spec *s) {
    if (!s->arg) return;
    strbuf_addf(out, "        %s:--%s", v->name, s->name);
    if (s->letter) strbuf_addf(out, "|%s:-%c", v->name, s->letter);
    strbuf_adds(out, ") ");
    bash_reply(out, s->complete, s->words);
    strbuf_adds(out, "; return ;;\n");
}

static void bash_script(strbuf *out) {
    strbuf_adds(out, "# bash completion for slipway\n"
                     "_slipway() {\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local verb=${COMP_WORDS[1]}\n"
                     "    if [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                     "    if [ \"$cur\" = = ]; then cur=; fi\n"
                     "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        ");
    bash_reply(out, COMPLETE_VERB, NULL);
    strbuf_adds(out, "\n        return\n    fi\n    case $verb:$prev in\n");
    for (size_t i = 0; verbs[i]; i++)
        each_option(out, verbs[i], bash_value);
    strbuf_adds(out, "    esac\n    case $verb:$cur in\n");
    for (size_t i = 0; verbs[i]; i++) {
        strbuf_addf(out, "        %s:-*) mapfile -t COMPREPLY < <(compgen -W '", verbs[i]->name);
        each_option(out, verbs[i], bash_name);
        strbuf_adds(out, "' -- \"$cur\") ;;\n");
        strbuf_addf(out, "        %s:*) ", verbs[i]->name);
        bash_reply(out, verbs[i]->complete, verbs[i]->words);
        strbuf_adds(out, " ;;\n");
    }
    strbuf_adds(out, "    esac\n}\ncomplete -F _slipway slipway\n");
}

/* ---- zsh ------------------------------------------------------------------------------------ */

/* Text inside '…' of a zsh spec, where brackets and colons have a meaning. */
static void zsh_text(strbuf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            strbuf_adds(out, "'\\''");
        else if (strchr("[]:\\", *text))
            strbuf_addf(out, "\\%c", *text);
        else
            strbuf_addc(out, *text);
    }
}

static void zsh_action(strbuf *out, complete_kind kind, const char *words) {
    switch (kind) {
    case COMPLETE_NOTHING: strbuf_addc(out, ' '); break;
    case COMPLETE_FILE: strbuf_adds(out, "_files"); break;
    case COMPLETE_DIR: strbuf_adds(out, "_files -/"); break;
    case COMPLETE_WORDS:
    case COMPLETE_EVENT:
    case COMPLETE_VERB:
        strbuf_addc(out, '(');
        add_words(out, kind, words);
        strbuf_addc(out, ')');
        break;
    }
}

static void zsh_spec(strbuf *out, const option_spec *s, const char *lead, const char *name) {
    strbuf_addf(out, "                '%s%s%s%s[", s->many ? "*" : "", lead, name,
                s->arg && lead[1] ? "=" : "");
    zsh_text(out, s->help);
    strbuf_addc(out, ']');
    if (s->arg) {
        strbuf_addc(out, ':');
        zsh_text(out, s->arg);
        strbuf_addc(out, ':');
        zsh_action(out, s->complete, s->words);
    }
    strbuf_adds(out, "' \\\n");
}

static void zsh_option(strbuf *out, const verb *v, const option_spec *s) {
    (void)v;
    zsh_spec(out, s, "--", s->name);
    if (s->letter) zsh_spec(out, s, "-", (char[]){s->letter, '\0'});
}

static void zsh_script(strbuf *out) {
    strbuf_adds(out, "#compdef slipway\n_slipway() {\n    local -a verbs\n    verbs=(\n");
    for (size_t i = 0; verbs[i]; i++) {
        strbuf_addf(out, "        '%s:", verbs[i]->name);
        zsh_text(out, verbs[i]->summary);
        strbuf_adds(out, "'\n");
    }
    strbuf_adds(out, "    )\n"
                     "    if (( CURRENT == 2 )); then\n"
                     "        _describe verb verbs\n        return\n    fi\n"
                     "    local verb=$words[2]\n"
                     "    shift words\n    (( CURRENT-- ))\n"
                     "    case $verb in\n");
    for (size_t i = 0; verbs[i]; i++) {
        strbuf_addf(out, "        %s)\n            _arguments \\\n", verbs[i]->name);
        each_option(out, verbs[i], zsh_option);
        strbuf_adds(out, "                '*:argument:");
        zsh_action(out, verbs[i]->complete, verbs[i]->words);
        strbuf_adds(out, "' ;;\n");
    }
    strbuf_adds(out, "    esac\n}\n"
                     "if [ \"$funcstack[1]\" = _slipway ]; then _slipway \"$@\"; "
                     "else compdef _slipway slipway; fi\n");
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void fish_text(strbuf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

static void fish_values(strbuf *out, complete_kind kind, const char *words) {
    switch (kind) {
    case COMPLETE_NOTHING: strbuf_adds(out, " -x"); break;
    case COMPLETE_FILE: strbuf_adds(out, " -r -F"); break;
    case COMPLETE_DIR: strbuf_adds(out, " -x -a '(__fish_complete_directories)'"); break;
    case COMPLETE_WORDS:
    case COMPLETE_EVENT:
    case COMPLETE_VERB:
        strbuf_adds(out, " -x -a '");
        add_words(out, kind, words);
        strbuf_addc(out, '\'');
        break;
    }
}

static void fish_option(strbuf *out, const verb *v, const option_spec *s) {
    strbuf_addf(out, "complete -c slipway -n '__fish_seen_subcommand_from %s' -l %s", v->name,
                s->name);
    if (s->letter) strbuf_addf(out, " -s %c", s->letter);
    if (s->arg) fish_values(out, s->complete, s->words);
    strbuf_adds(out, " -d '");
    fish_text(out, s->help);
    strbuf_adds(out, "'\n");
}

static void fish_script(strbuf *out) {
    strbuf_adds(out, "# fish completion for slipway\ncomplete -c slipway -f\n");
    for (size_t i = 0; verbs[i]; i++) {
        const verb *v = verbs[i];
        strbuf_addf(out, "complete -c slipway -n __fish_use_subcommand -a %s -d '", v->name);
        fish_text(out, v->summary);
        strbuf_adds(out, "'\n");
        each_option(out, v, fish_option);
        if (v->complete == COMPLETE_NOTHING) continue;
        strbuf_addf(out, "complete -c slipway -n '__fish_seen_subcommand_from %s'", v->name);
        fish_values(out, v->complete, v->words);
        strbuf_addc(out, '\n');
    }
}

static const struct {
    const char *shell;
    void (*script)(strbuf *out);
} shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

bool completion_script(strbuf *out, str shell) {
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (!str_is(shell, shells[i].shell)) continue;
        shells[i].script(out);
        return true;
    }
    return false;
}

static int run_completion(const options *given) {
    _cleanup_strbuf_ strbuf script = STRBUF_INIT;
    if (completion_script(&script, str_from(given->args[0])))
        return console_text(strbuf_str(&script));
    err e = {0};
    err_set(&e, ERR_INVALID, "there is no completion for '%s': bash, zsh and fish are known",
            given->args[0]);
    console_error(&e);
    return 2;
}

const verb verb_completion = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .arguments = "bash|zsh|fish",
    .min_args = 1,
    .max_args = 1,
    .complete = COMPLETE_WORDS,
    .words = "bash zsh fish",
    .help = "The script completes verbs, options, their values and names of events.",
    .examples =
        (const verb_pair[]){
            {"source <(slipway completion bash)", "Complete in this bash."},
            {"slipway completion fish > ~/.config/fish/completions/slipway.fish",
             "Complete in every fish."},
            {0},
        },
    .run = run_completion,
};
