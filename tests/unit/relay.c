/* The program that goes into containers (src/sandbox/relay.c), run here. */
#include "unit.h"

#include "base/fs.h"
#include "base/httpd.h"
#include "base/process.h"
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY  (3u << 20)
#define MANY  40
#define TRIES 20

static struct {
    arena *a;
    char *dir, *program;
} here;

static int set_up(void **state) {
    err e = {0};
    here.a = arena_new();
    if (fs_temp_dir(here.a, "relay-", &here.dir, &e) < 0) return -1;
    here.program = fs_join(here.a, here.dir, STR("relay"));
    return sandbox_relay_write(here.dir, &e);
}

static int tear_down(void **state) {
    err e;
    fs_remove(here.dir, &e);
    arena_free(here.a);
    return 0;
}

static str run(const char *const *argv, int *ret_status) {
    process_result result;
    err e = {0};
    assert_int_equal(
        process_run(here.a, &(process_spec){.argv = argv, .timeout_ms = 20000}, &result, &e), 0);
    *ret_status = result.status;
    return result.out;
}

/* ---- check ----------------------------------------------------------------------------------- */

static void it_becomes_the_program_where_folders_are_what_they_were(void **state) {
    struct stat st;
    char device[32], inode[32], link[4096];
    assert_int_equal(stat(here.dir, &st), 0);
    snprintf(device, sizeof device, "%llu", (unsigned long long)st.st_dev);
    snprintf(inode, sizeof inode, "%llu", (unsigned long long)st.st_ino);
    snprintf(link, sizeof link, "%s/link", here.dir);
    assert_int_equal(symlink(here.dir, link), 0);
    const struct {
        const char *path, *device, *inode, *program;
        int status;
        const char *says;
    } cases[] = {
        {here.dir, device, inode, "echo", 0, "=word"},
        {here.dir, device, "1", "echo", 1, "is not the job's folder"},
        {here.dir, "1", inode, "echo", 1, "is not the job's folder"},
        {link, device, inode, "echo", 1, "is not the job's folder"},
        {"/nowhere", device, inode, "echo", 1, "'/nowhere' is not the job's folder"},
        {here.dir, device, inode, "no-such-program", 127, "cannot run 'no-such-program'"},
        {here.dir, device, inode, here.dir, 126, "cannot run"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const argv[] = {here.program,     "check",         "1",
                                    cases[i].path,    cases[i].device, cases[i].inode,
                                    cases[i].program, "=word",         NULL};
        int status;
        str out = run(argv, &status);
        if (status != cases[i].status || str_find(out, str_from(cases[i].says)) < 0)
            fail_msg("case %zu: %d, %.*s", i, status, STR_ARG(out));
    }
    unlink(link);
}

static void other_arguments_are_refused(void **state) {
    const char *const cases[][6] = {
        {here.program, "away", here.dir},
        {here.program, "check", "1", "/", "echo"},
        {here.program, "check", "-1", "echo"},
        {here.program, "other", here.dir, "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        str out = run(cases[i], &status);
        assert_true(str_starts(out, STR("usage:")));
        assert_int_equal(status, 2);
    }
}

static void without_the_services_it_says_so(void **state) {
    const char *const argv[] = {here.program, "away", here.dir, "1", NULL};
    int status;
    assert_str(run(argv, &status),
               "cannot reach the socket that was mounted: No such file or directory\n");
    assert_int_equal(status, 1);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void begin(void *context, httpd_request *r) {
    if (str_is(httpd_method(r), "GET"))
        httpd_answer(r, 200, "text/plain", httpd_request_target(r)->path);
}

static void body(void *context, httpd_request *r, str piece) {
    httpd_set_state(r, (char *)httpd_state(r) + piece.len);
}

static void end(void *context, httpd_request *r) {
    size_t size = (size_t)httpd_state(r);
    char *back = mem_alloc(size);
    memset(back, 'y', size);
    httpd_answer(r, 200, "text/plain", (str){back, size});
    free(back);
}

static int connect_port(unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void send_all(int fd, str text) {
    while (text.len) {
        ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        text = str_sub(text, (size_t)n, text.len);
    }
}

static void receive_all(int fd, strbuf *ret) {
    static char buffer[64 << 10];
    strbuf_clear(ret);
    for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        strbuf_add(ret, (str){buffer, (size_t)n});
    close(fd);
}

static unsigned free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* In the foreground; 0 where somebody else has taken the port meanwhile. */
static pid_t start_relay(unsigned port) {
    int out[2];
    char text[16], line[200] = "";
    snprintf(text, sizeof text, "%u", port);
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        close_range(3, ~0U, 0);
        execl(here.program, here.program, "stay", here.dir, text, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    ssize_t n = read(out[0], line, sizeof line - 1);
    close(out[0]);
    if (n > 0 && strcmp(line, "ready\n") == 0) return pid;
    assert_non_null(strstr(line, "cannot listen on the container's 127.0.0.1"));
    waitpid(pid, NULL, 0);
    return 0;
}

static void it_carries_what_comes_both_ways(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT, sent = STRBUF_INIT;
    const httpd_handler handler = {NULL, begin, body, end, NULL};
    httpd *h;
    httpd_door *door;
    err e = {0};
    unsigned port = 0;
    pid_t pid = 0;
    assert_int_equal(httpd_start(0, NULL, &handler, &h, &e), 0);
    assert_int_equal(httpd_open_door(h, here.dir, "socket", &door, &e), 0);
    for (int i = 0; i < TRIES && !pid; i++)
        pid = start_relay(port = free_port());
    assert_true(pid > 0);

    strbuf_addf(&sent,
                "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %u\r\n\r\n",
                BODY);
    strbuf_pad(&sent, 'x', BODY);
    int fd = connect_port(port);
    send_all(fd, strbuf_str(&sent));
    receive_all(fd, &got);
    assert_true(str_starts(strbuf_str(&got), STR("HTTP/1.1 200")));
    assert_true(got.len > BODY && got.ptr[got.len - BODY] == 'y');

    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = connect_port(port);
    for (int i = MANY; i-- > 0;) {
        strbuf_clear(&sent);
        strbuf_addf(&sent, "GET /number-%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", i);
        send_all(fds[i], strbuf_str(&sent));
        shutdown(fds[i], SHUT_WR);
    }
    for (int i = 0; i < MANY; i++) {
        char path[32];
        snprintf(path, sizeof path, "\r\n/number-%d", i);
        receive_all(fds[i], &got);
        assert_true(str_ends(strbuf_str(&got), str_from(path)));
    }

    httpd_close_door(door); /* from now on a connection ends at once */
    receive_all(connect_port(port), &got);
    assert_int_equal(got.len, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    httpd_stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_becomes_the_program_where_folders_are_what_they_were),
        cmocka_unit_test(other_arguments_are_refused),
        cmocka_unit_test(without_the_services_it_says_so),
        cmocka_unit_test(it_carries_what_comes_both_ways),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
