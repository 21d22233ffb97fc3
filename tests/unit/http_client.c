/* http_client.c: sockets. */
#include "http_client.h"

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int client_dial(uint16_t port) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void client_say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

bool client_hear(int fd, strbuf *got, const char *wanted, unsigned times) {
    for (;;) {
        unsigned n = 0;
        for (const char *at = strbuf_cstr(got); (at = strstr(at, wanted)); at++)
            n++;
        if (n >= times) return true;
        char buffer[4096];
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, CLIENT_WAIT_MS) != 1)
            fail_msg("nothing came; so far: %s", strbuf_cstr(got));
        ssize_t size = recv(fd, buffer, sizeof buffer, 0);
        if (size <= 0) return false;
        strbuf_add(got, (str){buffer, (size_t)size});
    }
}

void client_hear_all(int fd, strbuf *got) {
    assert_false(client_hear(fd, got, "\x01", 1));
    close(fd);
}

void client_ask(uint16_t port, const char *request, strbuf *got) {
    int fd = client_dial(port);
    strbuf_clear(got);
    client_say(fd, request);
    client_hear_all(fd, got);
}
