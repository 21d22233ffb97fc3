/* Slipway's side of a limited network: the policy that goes to the proxy, and what comes back. */
#include "base/arena.h"
#include "sandbox/egress.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SYNC_MS 250

/* ---- the policy ---------------------------------------------------------------------------- */

static egress_mode mode_of(sandbox_network network) {
    return network == SANDBOX_NETWORK_NONE    ? EGRESS_NONE
           : network == SANDBOX_NETWORK_AUDIT ? EGRESS_AUDIT
                                              : EGRESS_ALLOW;
}

int sandbox_judge_rule(str rule, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    egress_policy_init(&p, a, EGRESS_ALLOW);
    return egress_add_rule(&p, rule, e);
}

int sandbox_judge_host(const sandbox_host *host, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    egress_policy_init(&p, a, EGRESS_ALLOW);
    return egress_add_host(&p, host->name, host->address, e);
}

const char *const *sandbox_egress_env(arena *a, sandbox_network network) {
    return egress_env(a, mode_of(network));
}

int contact_policy(const sandbox_egress *egress, strbuf *out, err *e) {
    if (egress->network == SANDBOX_NETWORK_HOST) return 0;
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    int r = 0;
    egress_policy_init(&p, a, mode_of(egress->network));
    for (size_t i = 0; r == 0 && i < egress->rule_count; i++)
        r = egress_add_rule(&p, egress->rules[i], e);
    for (size_t i = 0; r == 0 && i < egress->host_count; i++)
        r = egress_add_host(&p, egress->hosts[i].name, egress->hosts[i].address, e);
    if (r == 0) r = egress_upstream_from_env(&p, (const char *const *)environ, e);
    if (r == 0) egress_policy_write(&p, out);
    return r;
}

/* ---- what comes back ----------------------------------------------------------------------- */

struct contacts {
    const sandbox_spec *spec;
    loop_watch *watch;
    int control;
    unsigned asked, synced; /* orders to tell all, and their answers */
    strbuf bytes;
    void (*over)(void *context);
    void *context;
};

static void tell(const contacts *c, const egress_record *r) {
    static const char *const verdicts[EGRESS_VERDICT_COUNT] = {[EGRESS_ALLOWED] = "allowed",
                                                               [EGRESS_DENIED] = "denied",
                                                               [EGRESS_FAILED] = "failed",
                                                               [EGRESS_ENDED] = "ended"};
    if (r->head.verdict >= EGRESS_COUNTS || !c->spec->on_contact) return;
    bool refused = r->head.verdict == EGRESS_DENIED || r->head.verdict == EGRESS_FAILED;
    sandbox_contact told = {.name = r->name,
                            .port = r->head.port,
                            .how = egress_how_text((egress_how)r->head.how),
                            .verdict = verdicts[r->head.verdict],
                            .reason =
                                refused ? egress_reason_text((egress_reason)r->head.reason) : "",
                            .address = r->address,
                            .bytes_out = r->head.bytes_out,
                            .bytes_in = r->head.bytes_in};
    c->spec->on_contact(c->spec->context, &told);
}

/* False when the proxy has said what it cannot have said. */
static bool tell_whole(contacts *c) {
    str bytes = strbuf_str(&c->bytes);
    egress_record record;
    err e = {0};
    while (egress_record_next(&bytes, &record, &e)) {
        c->synced += record.head.verdict == EGRESS_SYNCED;
        tell(c, &record);
    }
    strbuf_shift(&c->bytes, c->bytes.len - bytes.len);
    return e.code == 0;
}

/* True when there may be more at once. */
static bool read_records(contacts *c) {
    char piece[16 << 10];
    ssize_t n = read(c->control, piece, sizeof piece);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n > 0) strbuf_add(&c->bytes, (str){piece, (size_t)n});
    if (n > 0 && tell_whole(c)) return true;
    loop_watch_stop(c->watch);
    c->watch = NULL;
    close(c->control);
    c->control = -1;
    if (c->over) c->over(c->context);
    return false;
}

static void on_records(void *context, int fd) {
    (void)fd;
    read_records(context);
}

static void read_all(contacts *c) {
    while (c->control >= 0 && read_records(c))
        continue;
}

/* What a process has done last may still be with the kernel: the proxy is asked to look. It answers
 * at once; where it cannot, the time is short. */
void contacts_read(contacts *c) {
    if (!c || c->control < 0) return;
    if (send(c->control, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) c->asked++;
    read_all(c);
    while (c->control >= 0 && c->synced != c->asked) {
        struct pollfd wait = {.fd = c->control, .events = POLLIN};
        if (poll(&wait, 1, SYNC_MS) <= 0) break;
        read_all(c);
    }
}

contacts *contacts_new(const sandbox_spec *spec, int control) {
    contacts *c = mem_alloc(sizeof *c);
    *c = (contacts){.spec = spec, .control = control};
    c->watch = loop_readable(spec->loop, control, on_records, c);
    return c;
}

bool contacts_end(contacts *c, void (*over)(void *context), void *context) {
    if (!c || c->control < 0) return false;
    c->over = over;
    c->context = context;
    shutdown(c->control, SHUT_WR);
    return true;
}

void contacts_free(contacts *c) {
    if (!c) return;
    loop_watch_stop(c->watch);
    if (c->control >= 0) close(c->control);
    strbuf_done(&c->bytes);
    free(c);
}
