#include "sandbox/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int wire_send(int sock, str bytes, const int *fds, unsigned fd_count) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
    } control = {0};
    struct iovec io = {(void *)bytes.ptr, bytes.len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd_count) {
        m.msg_control = control.room;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof *fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof *fds);
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof *fds);
    }
    while (io.iov_len) {
        ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) { /* a watched descriptor does not block by itself */
            poll(&(struct pollfd){.fd = sock, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n < 0) return -1;
        io.iov_base = (char *)io.iov_base + n;
        io.iov_len -= (size_t)n;
        m.msg_control = NULL;
        m.msg_controllen = 0;
    }
    return 0;
}

int wire_report(int sock, wire_kind kind, uint32_t id, int32_t value, str text) {
    char frame[sizeof(wire_head) + 1024];
    text = str_sub(text, 0, sizeof frame - sizeof(wire_head));
    wire_head head = {(uint32_t)text.len, kind, id, value};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, text.ptr, text.len);
    return wire_send(sock, (str){frame, sizeof head + text.len}, NULL, 0);
}

int wire_read(wire_reader *r, int sock, size_t room, bool wait) {
    strbuf_shift(&r->bytes, r->taken);
    r->taken = 0;
    strbuf_reserve(&r->bytes, room);
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
    } control;
    struct iovec io = {r->bytes.ptr + r->bytes.len, room};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    if (n < 0) return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (r->fd_count < sizeof r->fds / sizeof *r->fds)
                r->fds[r->fd_count++] = fd;
            else
                close(fd);
        }
    }
    r->bytes.len += (size_t)n;
    return n > 0;
}

bool wire_next(wire_reader *r, wire_head *head, str *body) {
    size_t left = r->bytes.len - r->taken;
    if (left < sizeof *head) return false;
    memcpy(head, r->bytes.ptr + r->taken, sizeof *head);
    if (left - sizeof *head < head->size) return false;
    *body = (str){r->bytes.ptr + r->taken + sizeof *head, head->size};
    r->taken += sizeof *head + head->size;
    return true;
}

int wire_take_fd(wire_reader *r) {
    if (!r->fd_count) return -1;
    int fd = r->fds[0];
    memmove(r->fds, r->fds + 1, --r->fd_count * sizeof *r->fds);
    return fd;
}

void wire_forget(wire_reader *r) {
    if (r->taken) explicit_bzero(r->bytes.ptr, r->taken);
}

void wire_reader_done(wire_reader *r) {
    int fd;
    while ((fd = wire_take_fd(r)) >= 0)
        close(fd);
    strbuf_done(&r->bytes);
    r->taken = 0;
}
