/* The one call whose connection is the stream: HTTP is spoken until the engine's head has ended.
 * https://docs.docker.com/reference/api/engine/ "Stream details" */
#include "sandbox/engine_api.h"

#include "base/http.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_MAX       (16u << 10)
#define ANSWER_SECONDS 120
#define REFUSAL_MAX    600

static int connect_to(const engine *g, err *e) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(g->socket) >= sizeof to.sun_path)
        return err_set(e, ERR_LIMIT, "the path '%s' is over %zu bytes", g->socket,
                       sizeof to.sun_path - 1);
    strcpy(to.sun_path, g->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
        int failed = errno;
        if (fd >= 0) close(fd);
        return err_sys(e, failed, "cannot connect");
    }
    return fd;
}

static int send_all(int fd, str bytes, err *e) {
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) return err_sys(e, errno, "cannot send the request");
        if (n > 0) bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return 0;
}

/* Byte by byte: what follows the head belongs to the stream. */
static int read_head(int fd, strbuf *head, err *e) {
    while (!str_ends(strbuf_str(head), STR("\r\n\r\n"))) {
        char c;
        ssize_t n = recv(fd, &c, 1, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot read the answer");
        if (n == 0) return err_set(e, ERR_IO, "the connection ended before an answer");
        if (head->len == HEAD_MAX)
            return err_set(e, ERR_LIMIT, "the head of its answer is over %u KiB", HEAD_MAX >> 10);
        strbuf_addc(head, c);
    }
    return 0;
}

/* 200, or 101 of one that knows Upgrade; else the body says why. */
static int judge(int fd, str head, err *e) {
    char text[REFUSAL_MAX];
    if (str_starts(head, STR("HTTP/1.1 101")) || str_starts(head, STR("HTTP/1.1 200"))) return 0;
    /* The connection may stay open after it. */
    const struct timeval soon = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    ssize_t n = recv(fd, text, sizeof text, 0);
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\n' || text[i] == '\r') text[i] = ' ';
    str line, rest;
    str_cut(head, '\r', &line, &rest);
    return err_set(e, ERR_FAILED, "%.*s %.*s", STR_ARG(line), n > 0 ? (int)n : 0, text);
}

static int start(int fd, str exec, err *e) {
    _cleanup_strbuf_ strbuf request = STRBUF_INIT, head = STRBUF_INIT;
    const str body = STR_INIT("{\"Detach\":false,\"Tty\":true}");
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS}, none = {0};
    strbuf_adds(&request, "POST /exec/");
    http_escape(&request, exec);
    strbuf_addf(&request,
                "/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n\r\n%.*s",
                body.len, STR_ARG(body));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (send_all(fd, strbuf_str(&request), e) < 0 || read_head(fd, &head, e) < 0 ||
        judge(fd, strbuf_str(&head), e) < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    return 0;
}

int engine_exec_attach(const engine *g, str exec, int *ret_fd, err *e) {
    int fd = connect_to(g, e);
    if (fd >= 0 && start(fd, exec, e) == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0) close(fd);
    return err_context(e, "container engine at unix://%s: cannot start a command at a terminal",
                       g->socket);
}
