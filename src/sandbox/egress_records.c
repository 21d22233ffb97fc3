/* The proxy's side of records. */
#include "sandbox/egress_proxy.h"

#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void put(proxy *px, egress_record_head head, str name, const char *address) {
    name = str_sub(name, 0, 255);
    head.name_size = (uint8_t)name.len;
    head.address_size = (uint8_t)strlen(address);
    head.size = (uint32_t)(sizeof head + name.len + head.address_size);
    head.time_us = clock_wall_us();
    strbuf_add(&px->records, (str){(const char *)&head, sizeof head});
    strbuf_add(&px->records, name);
    strbuf_adds(&px->records, address);
    /* At once, so that it is there before the job hears its answer and the step may end. */
    if (proxy_send_records(px) && !px->records.len) return;
    proxy_watch(px, &px->control, px->control.events | EPOLLOUT);
}

uint32_t proxy_record(proxy *px, egress_how how, egress_verdict verdict, egress_reason reason,
                      str name, uint16_t port, const char *address) {
    if (px->recorded == px->record_max) {
        px->counted++;
        return 0;
    }
    px->recorded++;
    egress_record_head head = {.id = ++px->last_id,
                               .port = port,
                               .how = (uint8_t)how,
                               .verdict = (uint8_t)verdict,
                               .reason = (uint8_t)reason};
    put(px, head, name, address);
    return head.id;
}

static str shown_name(const conn *c, char room[NET_ADDRESS_TEXT]) {
    if (c->target.name[0]) return str_from(c->target.name);
    net_address_text(&c->target.address, room);
    return str_from(room);
}

void proxy_record_conn(conn *c, egress_verdict verdict, egress_reason reason) {
    char room[NET_ADDRESS_TEXT], address[NET_ADDRESS_TEXT] = "";
    if (c->id) { /* it was allowed, and now something is wrong with it */
        egress_record_head head = {.id = c->id,
                                   .port = c->target.port,
                                   .how = (uint8_t)c->how,
                                   .verdict = (uint8_t)verdict,
                                   .reason = (uint8_t)reason};
        put(c->px, head, shown_name(c, room), "");
        return;
    }
    if (c->upstream)
        strcpy(address, "proxy");
    else if (verdict != EGRESS_DENIED && c->address_at < c->address_count)
        net_address_text(&c->addresses[c->address_at], address);
    c->id =
        proxy_record(c->px, c->how, verdict, reason, shown_name(c, room), c->target.port, address);
    if (verdict != EGRESS_ALLOWED) c->id = 0;
}

void proxy_record_sni(conn *c, const char *name) {
    egress_record_head head = {.id = c->id,
                               .port = c->target.port,
                               .how = (uint8_t)c->how,
                               .verdict = EGRESS_ALLOWED,
                               .reason = EGRESS_OTHER_SNI};
    if (c->id) put(c->px, head, str_from(name), "");
}

void proxy_record_end(conn *c) {
    char room[NET_ADDRESS_TEXT];
    egress_record_head head = {.id = c->id,
                               .port = c->target.port,
                               .how = (uint8_t)c->how,
                               .verdict = EGRESS_ENDED,
                               .bytes_out = c->bytes_out,
                               .bytes_in = c->bytes_in};
    if (c->id) put(c->px, head, shown_name(c, room), "");
    c->id = 0;
}

void proxy_record_counts(proxy *px) {
    egress_record_head head = {
        .verdict = EGRESS_COUNTS, .bytes_out = px->recorded, .bytes_in = px->counted};
    put(px, head, STR_EMPTY, "");
}

void proxy_record_synced(proxy *px) {
    egress_record_head head = {.verdict = EGRESS_SYNCED};
    put(px, head, STR_EMPTY, "");
}

bool proxy_send_records(proxy *px) {
    while (px->records.len) {
        ssize_t n =
            send(px->control.fd, px->records.ptr, px->records.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        if (n < 0) return false;
        strbuf_shift(&px->records, (size_t)n);
    }
    proxy_watch(px, &px->control, px->control.events & ~(uint32_t)EPOLLOUT);
    return true;
}
