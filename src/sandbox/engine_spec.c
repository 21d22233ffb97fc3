/* Ports, volumes, words: the forms of docker's command line. Options are in engine_options.c. */
#include "sandbox/engine_spec.h"

#include "base/words.h"

#include <stdio.h>
#include <string.h>

/* ---- words ----------------------------------------------------------------------------------- */

int engine_words(arena *a, str text, str **ret, size_t *ret_count, err *e) {
    _cleanup_strbuf_ strbuf word = STRBUF_INIT;
    str *words = NULL;
    size_t count = 0, cap = 0;
    if (text.len > ENGINE_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "a text of more than %d bytes cannot be split into words",
                       ENGINE_TEXT_MAX);
    while (words_next(&text, " \t\r\n", &word)) {
        if (count == ENGINE_WORDS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d words", ENGINE_WORDS_MAX);
        ARENA_PUSH(a, words, count, cap, arena_str(a, strbuf_str(&word)));
    }
    *ret = words;
    *ret_count = count;
    return 0;
}

/* ---- the body -------------------------------------------------------------------------------- */

/* The object under `key`, made when it is not there. An object is a handle: changing the copy
 * changes what is in the parent. */
static value child(arena *a, value *parent, const char *key) {
    const value *there = value_get(parent, str_from(key));
    if (there && there->kind == VALUE_OBJECT) return *there;
    value made = value_object_new(a, true);
    value_set(a, parent, str_from(key), made);
    return made;
}

static void push(arena *a, value *parent, const char *key, value item) {
    const value *there = value_get(parent, str_from(key));
    value list = there && there->kind == VALUE_ARRAY ? *there : value_array_new(a);
    value_push(a, &list, item);
    value_set(a, parent, str_from(key), list);
}

void engine_plan_init(arena *a, engine_plan *p) {
    *p = (engine_plan){.body = value_object_new(a, true), .aliases = value_array_new(a)};
    value_set(a, &p->body, STR("HostConfig"), value_object_new(a, true));
}

void engine_plan_env(arena *a, engine_plan *p, str pair) {
    str name, rest, other;
    str_cut(pair, '=', &name, &rest);
    const value *there = value_get(&p->body, STR("Env"));
    value list = value_array_new(a);
    for (size_t i = 0; there && i < there->array.count; i++) {
        str_cut(there->array.items[i].string, '=', &other, &rest);
        if (!str_eq(other, name)) value_push(a, &list, there->array.items[i]);
    }
    value_push(a, &list, value_string(arena_str(a, pair)));
    value_set(a, &p->body, STR("Env"), list);
}

static void set_words(arena *a, engine_plan *p, const char *key, const str *words, size_t count) {
    value list = value_array_new(a);
    for (size_t i = 0; i < count; i++)
        value_push(a, &list, value_string(arena_str(a, words[i])));
    if (count) value_set(a, &p->body, str_from(key), list);
}

void engine_plan_entrypoint(arena *a, engine_plan *p, const str *words, size_t count) {
    set_words(a, p, "Entrypoint", words, count);
}

void engine_plan_command(arena *a, engine_plan *p, const str *words, size_t count) {
    set_words(a, p, "Cmd", words, count);
}

void engine_plan_unchecked(arena *a, engine_plan *p) {
    value check = value_object_new(a, true), test = value_array_new(a);
    value_push(a, &test, value_string(STR("NONE")));
    value_set(a, &check, STR("Test"), test);
    value_set(a, &p->body, STR("Healthcheck"), check);
}

void engine_plan_join(arena *a, engine_plan *p, str network, str alias, const value *labels) {
    value host = child(a, &p->body, "HostConfig"), own = child(a, &p->body, "Labels");
    value_set_all(a, &own, labels);
    if (!network.len) return;
    value_set_str(a, &host, "NetworkMode", network);
    if (str_starts(network, STR("container:"))) return; /* which has names already */
    if (alias.len) value_push(a, &p->aliases, value_string(alias));
    value networking = child(a, &p->body, "NetworkingConfig");
    value endpoints = child(a, &networking, "EndpointsConfig");
    value endpoint = value_object_new(a, true);
    value_set(a, &endpoint, STR("Aliases"), p->aliases);
    value_set(a, &endpoints, network, endpoint);
}

/* ---- ports ----------------------------------------------------------------------------------- */

typedef struct range {
    uint64_t first, last;
    bool given;
} range;

static bool take_range(str text, range *ret) {
    str first, last;
    bool two = str_cut(text, '-', &first, &last);
    ret->given = text.len > 0;
    if (!ret->given) return true;
    if (!str_to_uint(first, 65535, &ret->first)) return false;
    ret->last = ret->first;
    if (two && !str_to_uint(last, 65535, &ret->last)) return false;
    return ret->last >= ret->first;
}

static int bad_port(err *e, str text) {
    return err_set(e, ERR_INVALID,
                   "'%.*s' is no port: write CONTAINER, HOST:CONTAINER or IP:HOST:CONTAINER, each "
                   "with /tcp, /udp or /sctp behind it if need be",
                   STR_ARG(str_sub(text, 0, 200)));
}

int engine_plan_port(arena *a, engine_plan *p, str text, err *e) {
    str rest = str_trim(text), protocol = STR("tcp"), ip = STR_EMPTY, host = STR_EMPTY, inside;
    range from = {0}, to = {0};
    if (str_cut(rest, '/', &rest, &protocol) && !str_is(protocol, "tcp") &&
        !str_is(protocol, "udp") && !str_is(protocol, "sctp"))
        return bad_port(e, text);
    if (!protocol.len) protocol = STR("tcp");
    ptrdiff_t colon = str_rfind_char(rest, ':');
    inside = str_sub(rest, (size_t)(colon + 1), rest.len);
    if (colon >= 0) {
        host = str_sub(rest, 0, (size_t)colon);
        ptrdiff_t second = str_rfind_char(host, ':');
        if (second >= 0) {
            ip = str_sub(host, 0, (size_t)second);
            host = str_sub(host, (size_t)second + 1, host.len);
        }
    }
    if (ip.len > 2 && ip.ptr[0] == '[' && ip.ptr[ip.len - 1] == ']')
        ip = str_sub(ip, 1, ip.len - 1);
    if (!inside.len || !take_range(inside, &to) || !take_range(host, &from))
        return bad_port(e, text);
    if (from.given && from.last - from.first != to.last - to.first) return bad_port(e, text);
    value config = child(a, &p->body, "HostConfig");
    value bindings = child(a, &config, "PortBindings"),
          exposed = child(a, &p->body, "ExposedPorts");
    for (uint64_t port = to.first; port <= to.last; port++) {
        str key = arena_printf(a, "%u/%.*s", (unsigned)port, STR_ARG(protocol));
        value binding = value_object_new(a, true);
        unsigned outside = (unsigned)(from.first + port - to.first);
        value_set_str(a, &binding, "HostIp", arena_str(a, ip));
        value_set_str(a, &binding, "HostPort",
                      from.given ? arena_printf(a, "%u", outside) : STR_EMPTY);
        push(a, &bindings, key.ptr, binding);
        value_set(a, &exposed, key, value_object_new(a, true));
    }
    return 0;
}

/* ---- volumes --------------------------------------------------------------------------------- */

int engine_plan_volume(arena *a, engine_plan *p, str text, err *e) {
    str source, target, mode = STR_EMPTY;
    bool mounted = str_cut(text, ':', &source, &target);
    if (mounted) str_cut(target, ':', &target, &mode);
    bool only_target = !mounted || str_is(target, "ro") || str_is(target, "rw");
    str inside = only_target ? source : target;
    if (!str_starts(inside, STR("/")) || (!only_target && !source.len))
        return err_set(e, ERR_INVALID,
                       "'%.*s' is no volume: write SOURCE:TARGET[:ro], where TARGET is an absolute "
                       "path and SOURCE an absolute path or a volume's name",
                       STR_ARG(str_sub(text, 0, 200)));
    if (!only_target && source.ptr[0] == '.')
        return err_set(e, ERR_INVALID,
                       "the volume '%.*s' has a relative source: only absolute paths and names of "
                       "volumes can be mounted",
                       STR_ARG(str_sub(text, 0, 200)));
    value config = child(a, &p->body, "HostConfig");
    if (only_target) {
        value volumes = child(a, &p->body, "Volumes");
        value_set(a, &volumes, arena_str(a, inside), value_object_new(a, true));
    } else {
        push(a, &config, "Binds", value_string(arena_str(a, text)));
    }
    return 0;
}

/* ---- a container of a workflow --------------------------------------------------------------- */

static str text_of(arena *a, const value *v) {
    if (!v) return STR_EMPTY;
    switch (v->kind) {
    case VALUE_STRING: return v->string;
    case VALUE_BOOL: return v->boolean ? STR("true") : STR("false");
    case VALUE_NUMBER: return arena_printf(a, "%.15g", v->number);
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT: break;
    }
    return STR_EMPTY;
}

static int each(arena *a, engine_plan *p, const value *list,
                int (*add)(arena *, engine_plan *, str, err *), err *e) {
    for (size_t i = 0; list && list->kind == VALUE_ARRAY && i < list->array.count; i++) {
        if (add(a, p, text_of(a, &list->array.items[i]), e) < 0) return -1;
    }
    return 0;
}

int engine_plan_container(arena *a, engine_plan *p, const value *container, err *e) {
    str *words, entrypoint = text_of(a, value_get(container, STR("entrypoint")));
    size_t count;
    value_set_str(a, &p->body, "Image", value_path_str(container, "image"));
    const value *env = value_get(container, STR("env"));
    for (size_t i = 0; i < value_count(env); i++) {
        const value_pair *pair = value_at(env, i);
        str text = text_of(a, &pair->item);
        engine_plan_env(a, p, arena_printf(a, "%.*s=%.*s", STR_ARG(pair->key), STR_ARG(text)));
    }
    if (each(a, p, value_get(container, STR("ports")), engine_plan_port, e) < 0 ||
        each(a, p, value_get(container, STR("volumes")), engine_plan_volume, e) < 0 ||
        engine_plan_options(a, p, value_path_str(container, "options"), e) < 0 ||
        engine_words(a, text_of(a, value_get(container, STR("command"))), &words, &count, e) < 0)
        return -1;
    if (entrypoint.len) engine_plan_entrypoint(a, p, &entrypoint, 1);
    engine_plan_command(a, p, words, count);
    return 0;
}
