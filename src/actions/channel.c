/* channel.c: length, then JSON. */
#include "actions/service.h"

#include "base/json.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_DEPTH 16

static int send_all(int fd, const char *data, size_t size, err *e) {
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot reach the services of actions");
        data += n, size -= (size_t)n;
    }
    return 0;
}

static int receive_all(int fd, char *data, size_t size, err *e) {
    while (size) {
        ssize_t n = recv(fd, data, size, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return err_set(e, ERR_TIMEOUT, "the services of actions do not answer");
        if (n < 0) return err_sys(e, errno, "cannot reach the services of actions");
        if (n == 0) return err_set(e, ERR_CANCELLED, "the services of actions have ended");
        data += n, size -= (size_t)n;
    }
    return 0;
}

int channel_send(int fd, const value *message, err *e) {
    _cleanup_strbuf_ strbuf json = STRBUF_INIT;
    json_write(&json, message);
    uint32_t size = (uint32_t)json.len;
    if (json.len > CHANNEL_MAX)
        return err_set(e, ERR_LIMIT, "a message to the services of actions is over %u bytes",
                       CHANNEL_MAX);
    int r = send_all(fd, (const char *)&size, sizeof size, e);
    return r < 0 ? r : send_all(fd, json.ptr, json.len, e);
}

int channel_receive(int fd, arena *a, value *ret, err *e) {
    uint32_t size;
    int r = receive_all(fd, (char *)&size, sizeof size, e);
    if (r < 0) return r;
    if (size > CHANNEL_MAX)
        return err_set(e, ERR_LIMIT, "a message of the services of actions is over %u bytes",
                       CHANNEL_MAX);
    char *text = arena_alloc(a, size + 1);
    if ((r = receive_all(fd, text, size, e)) < 0) return r;
    return json_parse(a, (str){text, size}, CHANNEL_DEPTH, ret, e);
}
