/* Rules of egress, and the judgement by them. Pure. */
#include "sandbox/egress.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const reason_texts[EGRESS_REASON_COUNT] = {
    [EGRESS_FINE] = "allowed",
    [EGRESS_NO_RULE] = "no rule allows this name",
    [EGRESS_OTHER_PORT] = "rules allow this name, but not this port",
    [EGRESS_BARE_ADDRESS] = "no rule allows this address, and no name was asked for",
    [EGRESS_HOST_ITSELF] =
        "this is the machine itself, its link or its metadata service, which only a rule for that "
        "address or for localhost:port allows",
    [EGRESS_BAD_NAME] = "this is no host name",
    [EGRESS_QUERY_TYPE] = "only addresses are answered, not this type of DNS record",
    [EGRESS_OTHER_SNI] = "the TLS server name is not the one that was asked for",
    [EGRESS_BAD_HELLO] = "the TLS ClientHello cannot be read",
    [EGRESS_BAD_REQUEST] = "the request to the proxy cannot be read",
    [EGRESS_OTHER_HOST] = "the Host header is not the host that the request names",
    [EGRESS_TRANSFER_CODING] = "a transfer coding other than chunked passes only through CONNECT",
    [EGRESS_MANY_CONNECTIONS] = "the limit of connections at once (max_connections) is reached",
    [EGRESS_MANY_NAMES] = "the limit of 10,000 names per job is reached",
    [EGRESS_SLOW] = "the time to say what is asked for (handshake_ms) has passed",
    [EGRESS_UNKNOWN_HOST] = "the name does not resolve",
    [EGRESS_UNREACHABLE] = "nobody answers there",
    [EGRESS_UPSTREAM_REFUSED] = "this machine's own proxy refuses it",
    [EGRESS_NO_LISTENER] =
        "a program that knows no proxy reaches this port only when a rule names it",
    [EGRESS_UDP] = "no UDP but DNS leaves the job",
};

const char *egress_reason_text(egress_reason reason) {
    return reason_texts[reason];
}

/* ---- addresses ----------------------------------------------------------------------------- */

egress_reason egress_judge_address(const egress_policy *p, const net_address *address,
                                   uint16_t port) {
    if (egress_names_address(p, address, port)) return EGRESS_FINE;
    return net_address_is_special(address) ? EGRESS_HOST_ITSELF : EGRESS_FINE;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A last label of digits, or of hexadecimal ones, is what inet_aton would read as an address. */
static bool ends_in_number(str name) {
    str last = str_sub(name, (size_t)(str_rfind_char(name, '.') + 1), name.len);
    uint64_t unused;
    return str_to_bits(last, 10, &unused) ||
           (str_starts(last, STR("0x")) &&
            (last.len == 2 || str_to_bits(str_sub(last, 2, last.len), 16, &unused)));
}

/* Lower case, without the last dot; false for what is no name. */
static bool take_name(str text, char out[EGRESS_NAME_MAX + 1]) {
    if (str_ends(text, STR("."))) text.len--;
    if (text.len == 0 || text.len > EGRESS_NAME_MAX) return false;
    size_t label = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if (c == '.' ? label == 0 : !name_char(c)) return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return false;
        out[i] = c;
    }
    out[text.len] = '\0';
    return label > 0 && !ends_in_number((str){out, text.len});
}

bool egress_parse_host(str text, egress_target *ret) {
    bool bracketed = str_starts(text, STR("[")) && str_ends(text, STR("]"));
    ret->name[0] = '\0';
    ret->address = (net_address){0};
    if (bracketed) {
        text = str_sub(text, 1, text.len - 1);
        return str_find_char(text, ':') >= 0 && net_address_parse(text, &ret->address);
    }
    if (net_address_parse(text, &ret->address)) return true;
    ret->address = (net_address){0};
    if (!take_name(text, ret->name)) {
        ret->name[0] = '\0';
        return false;
    }
    if (str_ends(str_from(ret->name), STR(".localhost"))) strcpy(ret->name, "localhost");
    return true;
}

/* Splits "host:port"; *port stays where there is none. */
static bool cut_port(str text, str *host, uint16_t *port) {
    ptrdiff_t colon = str_rfind_char(text, ':');
    if (colon >= 0 && str_find_char(str_sub(text, (size_t)colon, text.len), ']') >= 0) colon = -1;
    *host = colon < 0 ? text : str_sub(text, 0, (size_t)colon);
    if (str_find_char(*host, ':') >= 0 && !str_starts(*host, STR("["))) return false;
    if (colon < 0) return true;
    uint64_t number;
    str digits = str_sub(text, (size_t)colon + 1, text.len);
    if (digits.len > 5 || !str_to_uint(digits, 65535, &number) || number == 0) return false;
    *port = (uint16_t)number;
    return true;
}

bool egress_parse_authority(str text, uint16_t port, egress_target *ret) {
    str host;
    if (!cut_port(text, &host, &port) || port == 0) return false;
    ret->port = port;
    return egress_parse_host(host, ret);
}

/* ---- reading rules ------------------------------------------------------------------------- */

void egress_policy_init(egress_policy *p, arena *a, egress_mode mode) {
    *p = (egress_policy){.a = a, .mode = mode};
}

static int bad_name(str text, str host, err *e) {
    for (size_t i = 0; i < host.len; i++) {
        if ((unsigned char)host.ptr[i] >= 0x80)
            return err_set(e, ERR_INVALID,
                           "'%.*s': only ASCII names are taken; write an international name in its "
                           "xn-- form",
                           STR_ARG(text));
    }
    if (host.len > EGRESS_NAME_MAX)
        return err_set(e, ERR_LIMIT, "'%.*s…' is longer than the %d bytes of a host name", 40,
                       host.ptr, EGRESS_NAME_MAX);
    if (str_find_char(host, '*') >= 0)
        return err_set(e, ERR_INVALID,
                       "'%.*s': a '*' may only stand for everything below a domain: *.example.com",
                       STR_ARG(text));
    return err_set(e, ERR_INVALID, "'%.*s': '%.*s' is neither a host name nor an address",
                   STR_ARG(text), STR_ARG(host));
}

/* Mistakes that have an answer of their own. */
static int judge_form(str text, err *e) {
    if (text.len == 0) return err_set(e, ERR_INVALID, "an empty rule allows nothing: remove it");
    if (text.len > EGRESS_NAME_MAX + 16)
        return err_set(e, ERR_LIMIT, "'%.*s…' is longer than the %d bytes of a host name", 40,
                       text.ptr, EGRESS_NAME_MAX);
    if (str_find(text, STR("://")) >= 0)
        return err_set(e, ERR_INVALID, "'%.*s': write host or host:port, not a URL", STR_ARG(text));
    if (str_find_char(text, '/') >= 0)
        return err_set(e, ERR_INVALID,
                       "'%.*s': paths and address ranges cannot be judged: write host or host:port",
                       STR_ARG(text));
    if (str_is(text, "*") || str_starts(text, STR("*:")))
        return err_set(e, ERR_INVALID,
                       "'%.*s' would allow everything: use mode audit, which also records it",
                       STR_ARG(text));
    return 0;
}

static int read_rule(str text, egress_rule *rule, egress_target *t, err *e) {
    int r = judge_form(text, e);
    if (r < 0) return r;
    str host;
    *rule = (egress_rule){.kind = EGRESS_RULE_NAME};
    if (!cut_port(text, &host, &rule->port)) {
        if (net_address_parse(text, &t->address))
            return err_set(e, ERR_INVALID, "'%.*s': write an IPv6 address in brackets: [%.*s]:443",
                           STR_ARG(text), STR_ARG(text));
        return err_set(e, ERR_INVALID,
                       "'%.*s': what follows the ':' is no port (a number from 1 to 65535)",
                       STR_ARG(text));
    }
    if (str_starts(host, STR("*."))) {
        rule->kind = EGRESS_RULE_BELOW;
        host = str_sub(host, 2, host.len);
    }
    if (!egress_parse_host(host, t)) return bad_name(text, host, e);
    if (t->address.family) {
        if (rule->kind == EGRESS_RULE_BELOW) return bad_name(text, str_sub(text, 0, 1), e);
        rule->kind = EGRESS_RULE_IP;
        rule->address = t->address;
    }
    if (strcmp(t->name, "localhost") == 0) {
        if (rule->port == 0)
            return err_set(e, ERR_INVALID,
                           "'%.*s' is this machine itself: name the port, as in localhost:8080",
                           STR_ARG(text));
        rule->kind = EGRESS_RULE_NAME;
    }
    return 0;
}

static bool is_of_this_machine(const egress_rule *r) {
    return r->kind == EGRESS_RULE_IP ? net_address_is_loopback(&r->address)
                                     : str_is(r->name, "localhost");
}

int egress_add_rule(egress_policy *p, str text, err *e) {
    egress_rule rule;
    egress_target t = {0};
    if (p->rule_count >= EGRESS_RULES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d rules of what may be reached", EGRESS_RULES_MAX);
    int r = read_rule(text, &rule, &t, e);
    if (r < 0) return r;
    rule.text = arena_str(p->a, text);
    rule.name = arena_str(p->a, str_from(t.name));
    if (p->mode == EGRESS_NONE && !is_of_this_machine(&rule)) return 0;
    ARENA_PUSH(p->a, p->rules, p->rule_count, p->rule_cap, rule);
    return 0;
}

int egress_add_host(egress_policy *p, str name, str address, err *e) {
    egress_target t;
    egress_host host;
    if (p->host_count >= EGRESS_HOSTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d hosts with addresses", EGRESS_HOSTS_MAX);
    if (!egress_parse_host(name, &t) || t.address.family) return bad_name(name, name, e);
    if (strcmp(t.name, "localhost") == 0)
        return err_set(e, ERR_INVALID, "'%.*s' is always the machine itself", STR_ARG(name));
    if (!net_address_parse(address, &host.address))
        return err_set(e, ERR_INVALID, "'%.*s' is no address for %s",
                       STR_ARG(str_sub(address, 0, 64)), t.name);
    host.name = arena_str(p->a, str_from(t.name));
    ARENA_PUSH(p->a, p->hosts, p->host_count, p->host_cap, host);
    return 0;
}

/* ---- judging ------------------------------------------------------------------------------- */

static bool port_fits(uint16_t rule, uint16_t port) {
    return rule ? rule == port : port == 80 || port == 443;
}

static bool name_fits(const egress_rule *r, str name) {
    switch (r->kind) {
    case EGRESS_RULE_NAME: return str_eq(r->name, name);
    case EGRESS_RULE_BELOW:
        return name.len > r->name.len + 1 && str_ends(name, r->name) &&
               name.ptr[name.len - r->name.len - 1] == '.';
    case EGRESS_RULE_IP: break;
    }
    return false;
}

bool egress_names_address(const egress_policy *p, const net_address *address, uint16_t port) {
    bool loopback = net_address_is_loopback(address);
    for (size_t i = 0; i < p->rule_count; i++) {
        const egress_rule *r = &p->rules[i];
        if (!port_fits(r->port, port)) continue;
        if (r->kind == EGRESS_RULE_IP && net_address_same(&r->address, address)) return true;
        if (loopback && r->kind == EGRESS_RULE_NAME && str_is(r->name, "localhost")) return true;
    }
    return false;
}

static egress_reason judge_address_target(const egress_policy *p, const egress_target *t) {
    if (egress_names_address(p, &t->address, t->port)) return EGRESS_FINE;
    egress_reason why = egress_judge_address(p, &t->address, t->port);
    return why == EGRESS_FINE && p->mode != EGRESS_AUDIT ? EGRESS_BARE_ADDRESS : why;
}

egress_reason egress_judge(const egress_policy *p, const egress_target *t) {
    if (t->address.family) return judge_address_target(p, t);
    str name = str_from(t->name);
    bool local = str_is(name, "localhost"), named = false;
    for (size_t i = 0; i < p->rule_count; i++) {
        if (!name_fits(&p->rules[i], name)) continue;
        if (port_fits(p->rules[i].port, t->port)) return EGRESS_FINE;
        named = true;
    }
    if (local) return EGRESS_HOST_ITSELF;
    if (p->mode == EGRESS_AUDIT) return EGRESS_FINE;
    return named ? EGRESS_OTHER_PORT : EGRESS_NO_RULE;
}

egress_reason egress_judge_name(const egress_policy *p, str name) {
    if (p->mode == EGRESS_AUDIT) return EGRESS_FINE;
    for (size_t i = 0; i < p->rule_count; i++)
        if (name_fits(&p->rules[i], name)) return EGRESS_FINE;
    return EGRESS_NO_RULE;
}
