#include "cli/options.h"

#include <assert.h>
#include <string.h>

/* The tables in which an option is looked up: the verb's own, then what all verbs share. */
static const option_spec *find(const verb *v, bool (*fits)(const option_spec *, str), str name) {
    for (const option_spec *s = v->options; s && s->name; s++) {
        if (fits(s, name)) return s;
    }
    for (const option_spec *s = common_options; s->name; s++) {
        if (fits(s, name)) return s;
    }
    return NULL;
}

static bool has_name(const option_spec *s, str name) {
    return str_is(name, s->name);
}

static bool has_letter(const option_spec *s, str letter) {
    return s->letter && s->letter == letter.ptr[0];
}

/* What was probably meant: the only name that begins like this one, else a similar one. */
static str nearest_long(const verb *v, str name) {
    str names[64], longer = STR_EMPTY;
    size_t count = 0, longer_count = 0;
    const option_spec *tables[] = {v->options, common_options};
    for (size_t t = 0; t < 2; t++) {
        for (const option_spec *s = tables[t]; s && s->name; s++) {
            assert(count < 64);
            names[count] = str_from(s->name);
            if (str_starts(names[count], name)) longer = names[count], longer_count++;
            count++;
        }
    }
    return longer_count == 1 && name.len ? longer : str_nearest(name, names, count);
}

static int unknown_long(const verb *v, str name, err *e) {
    str near = nearest_long(v, name);
    if (near.len)
        return err_set(e, ERR_INVALID, "unknown option '--%.*s': did you mean '--%.*s'?",
                       STR_ARG(name), STR_ARG(near));
    return err_set(e, ERR_INVALID, "unknown option '--%.*s'", STR_ARG(name));
}

typedef struct parse {
    options *out;
    size_t given_cap, arg_cap;
    int argc;
    char *const *argv;
    int at;
} parse;

static void take(parse *p, const option_spec *spec, const char *value) {
    options *o = p->out;
    if (!strcmp(spec->name, "help")) o->help = true;
    ARENA_PUSH(o->a, o->given, o->given_count, p->given_cap, ((option_given){spec, value}));
}

static int take_long(parse *p, str word, err *e) {
    str name, value;
    bool has_value = str_cut(word, '=', &name, &value);
    const option_spec *spec = find(p->out->verb, has_name, name);
    if (!spec) return unknown_long(p->out->verb, name, e);
    if (!spec->arg && has_value)
        return err_set(e, ERR_INVALID, "option '--%s' takes no value", spec->name);
    if (!spec->arg) {
        take(p, spec, NULL);
        return 0;
    }
    if (!has_value && p->at >= p->argc)
        return err_set(e, ERR_INVALID, "option '--%s' needs a value: --%s %s", spec->name,
                       spec->name, spec->arg);
    take(p, spec, has_value ? value.ptr : p->argv[p->at++]);
    return 0;
}

/* One word of letters: the first that takes a value ends the bundle. */
static int take_letters(parse *p, const char *letters, err *e) {
    for (; *letters; letters++) {
        const option_spec *spec = find(p->out->verb, has_letter, (str){letters, 1});
        if (!spec) return err_set(e, ERR_INVALID, "unknown option '-%c'", *letters);
        if (!spec->arg) {
            take(p, spec, NULL);
            continue;
        }
        const char *value = letters + 1;
        if (*value == '=') value++;
        if (letters[1] == '\0') {
            if (p->at >= p->argc)
                return err_set(e, ERR_INVALID, "option '-%c' needs a value: -%c %s", *letters,
                               *letters, spec->arg);
            value = p->argv[p->at++];
        }
        take(p, spec, value);
        return 0;
    }
    return 0;
}

static int judge_count(const options *o, err *e) {
    const verb *v = o->verb;
    if (o->arg_count < v->min_args)
        return err_set(e, ERR_INVALID, "'slipway %s' needs %s", v->name, v->arguments);
    if (o->arg_count <= v->max_args) return 0;
    if (v->max_args == 0)
        return err_set(e, ERR_INVALID, "'slipway %s' takes no argument, but got '%s'", v->name,
                       o->args[0]);
    return err_set(e, ERR_INVALID, "unexpected argument '%s'", o->args[v->max_args]);
}

int options_parse(arena *a, const verb *v, int argc, char *const *argv, options *ret, err *e) {
    *ret = (options){.verb = v, .a = a};
    parse p = {.out = ret, .argc = argc, .argv = argv};
    bool ended = false;
    while (p.at < argc && !ret->help) {
        const char *word = argv[p.at++];
        int r = 0;
        if (ended || word[0] != '-' || word[1] == '\0')
            ARENA_PUSH(a, ret->args, ret->arg_count, p.arg_cap, word);
        else if (!strcmp(word, "--"))
            ended = true;
        else if (word[1] == '-')
            r = take_long(&p, str_from(word + 2), e);
        else
            r = take_letters(&p, word + 1, e);
        if (r < 0) return r;
    }
    return ret->help ? 0 : judge_count(ret, e);
}

static const option_spec *spec_of(const options *o, const char *name) {
    const option_spec *spec = find(o->verb, has_name, str_from(name));
    assert(spec && "the option is in the verb's table");
    return spec;
}

bool options_has(const options *o, const char *name) {
    const option_spec *spec = spec_of(o, name);
    for (size_t i = 0; i < o->given_count; i++) {
        if (o->given[i].spec == spec) return true;
    }
    return false;
}

const char *options_value(const options *o, const char *name) {
    const option_spec *spec = spec_of(o, name);
    for (size_t i = o->given_count; i-- > 0;) {
        if (o->given[i].spec == spec) return o->given[i].value;
    }
    return NULL;
}

size_t options_values(const options *o, const char *name, const char ***ret) {
    const option_spec *spec = spec_of(o, name);
    assert(spec->many);
    size_t count = 0;
    *ret = ARENA_ARRAY(o->a, const char *, o->given_count + 1);
    for (size_t i = 0; i < o->given_count; i++) {
        if (o->given[i].spec == spec) (*ret)[count++] = o->given[i].value;
    }
    return count;
}
