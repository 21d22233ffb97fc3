/* The proxy at work: a network namespace, servers on this machine's loopback, real clients. */
#include "unit.h"

#include "base/arena.h"
#include "sandbox/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static str literal(const char *bytes, size_t size) {
    return (str){bytes, size};
}

/* ---- the world: a server that answers HTTP, acts as a proxy, or sends back what it gets ---- */

static bool send_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static void send_back(int fd) {
    char bytes[65536];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        if (!send_all(fd, bytes, (size_t)n)) return;
    shutdown(fd, SHUT_WR);
}

/* Answers a request with its own bytes: the head and what has come with it. As an upstream proxy it
 * lets the tunnel begin with the request that asked for it. */
static void serve_one(int fd) {
    char bytes[65536], head[128];
    size_t size = 0;
    bool http, connect;
    do {
        ssize_t n = recv(fd, bytes + size, sizeof bytes - 1 - size, 0);
        if (n <= 0) return;
        size += (size_t)n;
        bytes[size] = '\0';
        connect = strncmp(bytes, "CONNECT ", 8) == 0;
        http = strncmp(bytes, "GET ", 4) == 0 || strncmp(bytes, "POST ", 5) == 0;
    } while ((http || connect) && !strstr(bytes, "\r\n\r\n"));
    if (http) {
        recv(fd, bytes + size, sizeof bytes - 1 - size, MSG_DONTWAIT);
        int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
        send_all(fd, head, (size_t)n);
        send_all(fd, bytes, size);
        return;
    }
    if (connect) send_all(fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
    if (send_all(fd, bytes, size)) send_back(fd);
}

static _Noreturn void serve(int listener) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve_one(fd);
            _exit(0);
        }
        close(fd);
    }
}

static pid_t start_server(uint16_t *ret_port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    *ret_port = ntohs(a.sin_port);
    pid_t pid = fork();
    if (pid == 0) serve(fd);
    close(fd);
    return pid;
}

/* ---- the job ------------------------------------------------------------------------------- */

typedef struct fixture {
    arena *a;
    egress_policy policy;
    uint16_t port; /* of the server; no other one answers there */
    pid_t server, job, proxy;
    int control;
    int job_says; /* closes when the job has ended */
    strbuf records;
    strbuf output;
} fixture;

/* The file is read by the job's resolver in place of the machine's. */
static bool replace_resolv_conf(void) {
    char path[] = "/tmp/slipway-resolv-XXXXXX";
    int fd = mkstemp(path);
    str text = str_from(egress_resolv_conf());
    bool fine = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len &&
                fchmod(fd, 0644) == 0 && mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
    close(fd);
    unlink(path);
    return fine;
}

static bool write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return fine;
}

/* New user, network and mount namespaces in which this process is root. */
static bool enter_new_namespaces(void) {
    char map[64];
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0) return false;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    if (!write_text("/proc/self/uid_map", map)) return false;
    snprintf(map, sizeof map, "0 %u 1", gid);
    if (!write_text("/proc/self/gid_map", map)) return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static _Noreturn void be_job(const egress_policy *p, int sock, int says) {
    egress_sockets s;
    err e = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!enter_new_namespaces() || !replace_resolv_conf()) _exit(77);
    if (egress_inside(p, &s, &e) < 0 || egress_send(sock, &s, &e) < 0) {
        fprintf(stderr, "%s\n", e.message);
        _exit(1);
    }
    egress_sockets_close(&s);
    close(sock);
    send_all(says, "!", 1);
    for (;;)
        pause();
}

static _Noreturn void be_proxy(const egress_policy *p, int sock, int control) {
    egress_sockets s;
    err e = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (egress_receive(sock, &s, &e) < 0) _exit(3);
    close(sock);
    egress_proxy_run(p, &s, control);
}

static void stop(pid_t pid) {
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The policy goes through its text, as it does between processes. */
static void start(fixture *f) {
    int sockets[2], control[2], says[2], status;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    egress_policy *p = ARENA_NEW(f->a, egress_policy);
    err e = {0};
    egress_policy_write(&f->policy, &text);
    assert_int_equal(egress_policy_read(f->a, strbuf_str(&text), p, &e), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, says), 0);
    f->job = fork();
    if (f->job == 0) {
        close(says[0]);
        close(sockets[1]);
        be_job(p, sockets[0], says[1]);
    }
    close(says[1]);
    close(sockets[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
    f->proxy = fork();
    if (f->proxy == 0) {
        close(control[0]);
        be_proxy(p, sockets[1], control[1]);
    }
    close(sockets[1]);
    close(control[1]);
    f->control = control[0];
    f->job_says = says[0];
    char ready;
    if (recv(f->job_says, &ready, 1, 0) == 1) return;
    waitpid(f->job, &status, 0);
    waitpid(f->proxy, NULL, 0);
    stop(f->server);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("this machine gives no user and network namespaces to this user\n");
        skip();
    }
    fail_msg("the job ended with %d", status);
}

static void set_up(fixture *f, egress_mode mode) {
    *f = (fixture){.a = arena_new()};
    egress_policy_init(&f->policy, f->a, mode);
    f->server = start_server(&f->port);
}

/* A rule for a name on the server's port, and what it resolves to (NULL: what the machine says). */
static void allow(fixture *f, const char *name, const char *address) {
    err e = {0};
    str rule = arena_printf(f->a, "%s:%u", name, f->port);
    if (egress_add_rule(&f->policy, rule, &e) < 0) fail_msg("%s", e.message);
    if (address && egress_add_host(&f->policy, str_from(name), str_from(address), &e) < 0)
        fail_msg("%s", e.message);
}

/* Tells the proxy to end, and reads what it has recorded. */
static void read_records(fixture *f) {
    char bytes[4096];
    ssize_t n;
    int status;
    shutdown(f->control, SHUT_WR);
    while ((n = recv(f->control, bytes, sizeof bytes, 0)) > 0)
        strbuf_add(&f->records, (str){bytes, (size_t)n});
    assert_int_equal(waitpid(f->proxy, &status, 0), f->proxy);
    assert_int_equal(status, 0);
    f->proxy = 0;
}

static void tear_down(fixture *f) {
    if (f->proxy) read_records(f);
    stop(f->job);
    stop(f->server);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody else was left here */
    close(f->control);
    close(f->job_says);
    strbuf_done(&f->records);
    strbuf_done(&f->output);
    arena_free(f->a);
}

/* "how verdict name:port reason" of each contact; addresses only where one was connected to. */
static const char *shown_records(fixture *f) {
    strbuf out = STRBUF_INIT;
    str bytes = strbuf_str(&f->records);
    egress_record r;
    err e = {0};
    static const char *const verdicts[] = {"allowed", "denied", "failed", "ended", "counts"};
    while (egress_record_next(&bytes, &r, &e)) {
        if (r.head.verdict == EGRESS_COUNTS)
            strbuf_addf(&out, "counts %llu %llu\n", (unsigned long long)r.head.bytes_out,
                        (unsigned long long)r.head.bytes_in);
        else if (r.head.verdict == EGRESS_ENDED)
            strbuf_addf(&out, "#%u ended %llu %llu\n", r.head.id,
                        (unsigned long long)r.head.bytes_out, (unsigned long long)r.head.bytes_in);
        else
            strbuf_addf(&out, "#%u %s %s %.*s:%u %.*s: %s\n", r.head.id,
                        egress_how_text(r.head.how), verdicts[r.head.verdict], STR_ARG(r.name),
                        r.head.port, STR_ARG(r.address), egress_reason_text(r.head.reason));
    }
    assert_int_equal(e.code, 0);
    assert_int_equal(bytes.len, 0);
    const char *text = arena_cstr(f->a, strbuf_str(&out));
    strbuf_done(&out);
    return text;
}

static void has_record(fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void has_record(fixture *f, const char *format, ...) {
    char wanted[512];
    va_list args;
    va_start(args, format);
    vsnprintf(wanted, sizeof wanted, format, args);
    va_end(args);
    const char *all = shown_records(f);
    if (!strstr(all, wanted)) fail_msg("no record \"%s\" in:\n%s", wanted, all);
}

/* ---- what the job does --------------------------------------------------------------------- */

typedef void job_work(fixture *f, const void *context);

static void enter(pid_t job, const char *kind, int flag) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", job, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, flag) < 0) _exit(98);
    close(fd);
}

/* Runs something in the job's namespaces; what it writes to descriptor 1 is f->output. */
static int in_job(fixture *f, job_work *work, const void *context) {
    int fds[2], status;
    char bytes[65536];
    ssize_t n;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        enter(f->job, "user", CLONE_NEWUSER);
        enter(f->job, "net", CLONE_NEWNET);
        enter(f->job, "mnt", CLONE_NEWNS);
        dup2(fds[1], 1);
        close(fds[1]);
        work(f, context);
        _exit(0);
    }
    close(fds[1]);
    strbuf_clear(&f->output);
    while ((n = read(fds[0], bytes, sizeof bytes)) > 0)
        strbuf_add(&f->output, (str){bytes, (size_t)n});
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_script(fixture *f, const void *script) {
    (void)f;
    dup2(1, 2);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
}

static int shell(fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int shell(fixture *f, const char *format, ...) {
    char script[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(script, sizeof script, format, args);
    va_end(args);
    return in_job(f, run_script, script);
}

/* Connects, sends in one or two parts, ends its side unless told not to, and prints all that
 * comes back. */
typedef struct talk {
    const char *address;
    uint16_t port;
    str bytes;
    size_t wait_for; /* the second part goes once that many bytes have come back */
    str more;
    bool keep_open; /* waits for the other side to end first */
} talk;

static int connect_to(const char *address, uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

static void put_out(const char *bytes, size_t size) {
    if (write(1, bytes, size) < 0) _exit(9);
}

/* Leaves with 0 when the other side has ended in order, 5 after a reset, 6 when it refused. */
static void do_talk(fixture *f, const void *context) {
    (void)f;
    const talk *t = context;
    char bytes[4096];
    ssize_t n;
    size_t got = 0;
    int fd = connect_to(t->address ? t->address : "127.0.0.1", t->port);
    if (fd < 0) _exit(6);
    send_all(fd, t->bytes.ptr, t->bytes.len);
    while (got < t->wait_for && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        put_out(bytes, (size_t)n);
        got += (size_t)n;
    }
    send_all(fd, t->more.ptr, t->more.len);
    if (!t->keep_open) shutdown(fd, SHUT_WR);
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        put_out(bytes, (size_t)n);
    _exit(n < 0 ? 5 : 0);
}

static const char *const tunnel_open = "HTTP/1.1 200 Connection established\r\n\r\n";

static str connect_request(fixture *f, const char *host, unsigned port) {
    return arena_printf(f->a, "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n", host, port, host,
                        port);
}

/* Through CONNECT to `host`, on the server's port, and `bytes` after it. */
static int tunnel(fixture *f, const char *host, str bytes) {
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = connect_request(f, host, f->port),
              .wait_for = strlen(tunnel_open),
              .more = bytes};
    return in_job(f, do_talk, &t);
}

static str socks_request(fixture *f, const char *host, uint16_t port) {
    str s = arena_printf(f->a, "...++++%c%s..", (int)strlen(host), host);
    char *b = (char *)s.ptr;
    memcpy(b, "\5\1\0\5\1\0\3", 7);
    b[s.len - 2] = (char)(port >> 8);
    b[s.len - 1] = (char)port;
    return s;
}

static const char hello_of_other[] = /* a TLS 1.2 ClientHello for "other.egress.test" */
    "\x16\x03\x01\x00\x49\x01\x00\x00\x45\x03\x03"
    "0123456789abcdef0123456789abcdef"
    "\x00\x00\x02\x13\x01\x01\x00\x00\x1a"
    "\x00\x00\x00\x16\x00\x14\x00\x00\x11other.egress.test";

typedef struct question {
    const char *name;
    uint16_t type;
    bool stream;
} question;

static size_t write_query(const question *q, char *out) {
    static const char head[12] = {'i', 'd', 1, 0, 0, 1};
    memcpy(out, head, sizeof head);
    size_t n = sizeof head;
    str rest = str_from(q->name), label;
    while (rest.len) {
        str_cut(rest, '.', &label, &rest);
        out[n++] = (char)label.len;
        memcpy(out + n, label.ptr, label.len);
        n += label.len;
    }
    out[n++] = 0;
    out[n++] = (char)(q->type >> 8);
    out[n++] = (char)q->type;
    out[n++] = 0;
    out[n++] = 1;
    return n;
}

/* Prints "code answers address". */
static void ask(fixture *f, const void *context) {
    (void)f;
    const question *q = context;
    char packet[600], answer[600];
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, q->stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) _exit(6);
    size_t size = write_query(q, packet + 2), skip = q->stream ? 0 : 2;
    packet[0] = (char)(size >> 8);
    packet[1] = (char)size;
    send_all(fd, packet + skip, size + 2 - skip);
    ssize_t n = recv(fd, answer + skip, sizeof answer - skip, 0);
    if (n < 12) _exit(5);
    const unsigned char *d = (const unsigned char *)answer + 2, *end = d + n - (2 - skip);
    if (d[0] != 'i' || d[1] != 'd' || !(d[2] & 0x80)) _exit(4);
    printf("%d %d", d[3] & 15, d[7]);
    if (d[7]) printf(" %d.%d.%d.%d", end[-4], end[-3], end[-2], end[-1]);
    fflush(stdout);
    _exit(0);
}

/* ---- the rules of it ----------------------------------------------------------------------- */

static void what_a_rule_names_is_reached_by_connect(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    assert_int_equal(tunnel(&f, "API.egress.test.", STR("over and back")), 0);
    assert_str(strbuf_str(&f.output), "HTTP/1.1 200 Connection established\r\n\r\nover and back");
    read_records(&f);
    has_record(&f, "#1 connect allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    has_record(&f, "#1 ended 13 13\ncounts 1 0\n");
    tear_down(&f);
}

static void what_a_rule_names_is_reached_by_socks(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    talk t = {.port = EGRESS_SOCKS_PORT,
              .bytes = socks_request(&f, "api.egress.test", f.port),
              .wait_for = 12,
              .more = STR("over and back")};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_int_equal(f.output.len, 12 + 13);
    assert_memory_equal(f.output.ptr, "\5\0\5\0\0\1\0\0\0\0\0\0over and back", 25);
    t.bytes = socks_request(&f, "no.egress.test", f.port);
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_memory_equal(f.output.ptr, "\5\0\5\2", 4);
    read_records(&f);
    has_record(&f, "socks allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    has_record(&f, "socks denied no.egress.test:%u : no rule allows this name\n", f.port);
    tear_down(&f);
}

static bool no_program(const char *name) {
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    if (system(command) == 0) return false;
    print_message("%s is not installed\n", name);
    return true;
}

static void what_a_rule_names_is_reached_without_knowing_of_a_proxy(void **state) {
    fixture f;
    if (no_program("curl")) skip();
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    assert_int_equal(shell(&f, "curl -sS --noproxy '*' http://api.egress.test:%u/x", f.port), 0);
    assert_non_null(strstr(f.output.ptr, "GET /x HTTP/1.1\r\nHost: api.egress.test:"));
    assert_int_equal(shell(&f, "curl -sS --noproxy '*' http://no.egress.test:%u/", f.port), 6);
    assert_non_null(strstr(f.output.ptr, "Could not resolve host"));
    read_records(&f);
    has_record(&f, "dns allowed api.egress.test:1 198.18.1.0: allowed\n");
    has_record(&f, "address allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    has_record(&f, "dns denied no.egress.test:1 : no rule allows this name\n");
    tear_down(&f);
}

static void the_environment_leads_programs_to_the_proxy(void **state) {
    fixture f;
    if (no_program("curl")) skip();
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    const char *const *env = egress_env(f.a, EGRESS_ALLOW);
    strbuf exports = STRBUF_INIT;
    for (; *env; env++)
        strbuf_addf(&exports, "export '%s'; ", *env);
    assert_int_equal(shell(&f, "%s curl -sS http://api.egress.test:%u/x", exports.ptr, f.port), 0);
    assert_non_null(strstr(f.output.ptr, "GET /x HTTP/1.1\r\nHost: api.egress.test:"));
    assert_non_null(strstr(f.output.ptr, "Connection: close\r\n"));
    assert_null(strstr(f.output.ptr, "Proxy-Connection"));
    assert_int_equal(
        shell(&f, "%s curl -sS -d abc http://api.egress.test:%u/x", exports.ptr, f.port), 0);
    assert_int_equal(shell(&f, "%s curl -sS http://no.egress.test/", exports.ptr), 0);
    assert_str(strbuf_str(&f.output), "slipway: no.egress.test:80: no rule allows this name\n");
    strbuf_done(&exports);
    read_records(&f);
    has_record(&f, "http allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    has_record(&f, "http denied no.egress.test:80 : no rule allows this name\n");
    tear_down(&f);
}

static void a_rule_for_localhost_is_a_way_to_this_machine(void **state) {
    fixture f;
    set_up(&f, EGRESS_NONE);
    allow(&f, "localhost", NULL);
    start(&f);
    talk t = {.port = f.port, .bytes = STR("hello, host")};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_str(strbuf_str(&f.output), "hello, host");
    read_records(&f);
    has_record(&f, "address allowed localhost:%u 127.0.0.1: allowed\n", f.port);
    tear_down(&f);
}

static void mode_none_lets_nothing_else_pass(void **state) {
    fixture f;
    err e = {0};
    set_up(&f, EGRESS_NONE);
    assert_int_equal(egress_add_host(&f.policy, STR("any.test"), STR("127.0.0.1"), &e), 0);
    start(&f);
    question q = {"any.test", 1, false};
    assert_int_equal(in_job(&f, ask, &q), 0);
    assert_str(strbuf_str(&f.output), "3 0");
    assert_int_equal(tunnel(&f, "any.test", STR("x")), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    read_records(&f);
    has_record(&f, "dns denied any.test:1 : no rule allows this name\n");
    has_record(&f, "connect denied any.test:%u : no rule allows this name\n", f.port);
    tear_down(&f);
}

static void a_server_that_is_not_there_is_a_failure(void **state) {
    fixture f;
    err e = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but nobody listens */
    assert_int_equal(bind(taken, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(taken, (struct sockaddr *)&a, &size);
    unsigned port = ntohs(a.sin_port);
    set_up(&f, EGRESS_ALLOW);
    str rule = arena_printf(f.a, "gone.test:%u", port);
    assert_int_equal(egress_add_rule(&f.policy, rule, &e), 0);
    assert_int_equal(egress_add_host(&f.policy, STR("gone.test"), STR("127.0.0.1"), &e), 0);
    start(&f);
    talk t = {.port = EGRESS_HTTP_PORT, .bytes = connect_request(&f, "gone.test", port)};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 502 ")));
    t = (talk){.port = EGRESS_SOCKS_PORT, .bytes = socks_request(&f, "gone.test", (uint16_t)port)};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_memory_equal(f.output.ptr, "\5\0\5\5", 4);
    read_records(&f);
    has_record(&f, "connect failed gone.test:%u : nobody answers there\n", port);
    has_record(&f, "socks failed gone.test:%u : nobody answers there\n", port);
    close(taken);
    tear_down(&f);
}

/* What a hostile job says to the proxies, and how it is stopped. */
static void abuse_of_the_proxies_is_refused_and_recorded(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    allow(&f, "other-rule.egress.test", "127.0.0.1");
    start(&f);
    unsigned p = f.port;
    const struct {
        str bytes;
        const char *answer, *record;
    } cases[] = {
        {connect_request(&f, "169.254.169.254", 80), "HTTP/1.1 403 ",
         "connect denied 169.254.169.254:80 : this is the machine itself"},
        {connect_request(&f, "[::ffff:169.254.169.254]", 80), "HTTP/1.1 403 ",
         "connect denied 169.254.169.254:80 : this is the machine itself"},
        {connect_request(&f, "127.0.0.1", p), "HTTP/1.1 403 ", "connect denied 127.0.0.1:"},
        {connect_request(&f, "localhost", p), "HTTP/1.1 403 ", "connect denied localhost:"},
        {connect_request(&f, "192.0.2.77", 443), "HTTP/1.1 403 ",
         "connect denied 192.0.2.77:443 : no rule allows this address"},
        {connect_request(&f, "2130706433", p), "HTTP/1.1 400 ", "connect denied :"},
        {connect_request(&f, "127.1", p), "HTTP/1.1 400 ", "connect denied :"},
        {connect_request(&f, "198.18.1.0", p), "HTTP/1.1 403 ", "connect denied 198.18.1.0:"},
        {connect_request(&f, "api.egress.test", 25), "HTTP/1.1 403 ",
         "connect denied api.egress.test:25 : rules allow this name, but not this port\n"},
        {connect_request(&f, "xapi.egress.test", p), "HTTP/1.1 403 ",
         "connect denied xapi.egress.test:"},
        {arena_printf(f.a,
                      "GET http://api.egress.test:%u/ HTTP/1.1\r\nHost: no.egress.test\r\n\r\n", p),
         "HTTP/1.1 400 ", "the Host header is not the host that the request names\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\nHost: api.egress.test:%u\r\n"
                      "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
                      p, p),
         "HTTP/1.1 400 ", "the request to the proxy cannot be read\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                      "Content-Length: 5\r\n\r\nabcde",
                      p),
         "HTTP/1.1 411 ", "a request body without Content-Length"},
        {STR("GET / HTTP/1.1\r\nHost: api.egress.test\r\n\r\n"), "HTTP/1.1 400 ",
         "the request to the proxy cannot be read\n"},
        {STR("CONNECT api.egress.test HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ",
         "the request to the proxy cannot be read\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk t = {.port = EGRESS_HTTP_PORT, .bytes = cases[i].bytes};
        if (in_job(&f, do_talk, &t) != 0 ||
            !str_starts(strbuf_str(&f.output), str_from(cases[i].answer)))
            fail_msg("%.*s got \"%s\"", STR_ARG(cases[i].bytes), strbuf_cstr(&f.output));
    }
    read_records(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        has_record(&f, "%s", cases[i].record);
    assert_null(strstr(shown_records(&f), "allowed "));
    tear_down(&f);
}

static void nothing_follows_the_one_request_of_a_connection(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(
                  f.a,
                  "POST http://api.egress.test:%u/1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
                  "GET http://no.egress.test/2 HTTP/1.1\r\nHost: no.egress.test\r\n\r\n",
                  f.port)};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_non_null(strstr(f.output.ptr, "POST /1 HTTP/1.1\r\n"));
    assert_true(str_ends(strbuf_str(&f.output), STR("\r\n\r\nbody")));
    tear_down(&f);
}

static void a_server_name_that_was_not_judged_is_refused(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    start(&f);
    str hello = literal(hello_of_other, sizeof hello_of_other - 1);
    assert_int_equal(tunnel(&f, "api.egress.test", hello), 5);
    assert_str(strbuf_str(&f.output), tunnel_open);
    /* in pieces, and never whole */
    assert_int_equal(tunnel(&f, "api.egress.test", str_sub(hello, 0, 40)), 5);
    assert_str(strbuf_str(&f.output), tunnel_open);
    read_records(&f);
    has_record(&f, "#1 connect denied other.egress.test:%u : the TLS server name is not", f.port);
    has_record(&f, "#1 ended 0 0\n");
    has_record(&f, "#2 connect denied api.egress.test:%u : the TLS ClientHello cannot be read\n",
               f.port);
    tear_down(&f);
}

static void a_server_name_that_rules_allow_passes(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    allow(&f, "other.egress.test", "127.0.0.1");
    start(&f);
    str hello = literal(hello_of_other, sizeof hello_of_other - 1);
    assert_int_equal(tunnel(&f, "api.egress.test", hello), 0);
    assert_int_equal(f.output.len, strlen(tunnel_open) + hello.len);
    assert_int_equal(tunnel(&f, "other.egress.test", hello), 0);
    assert_int_equal(f.output.len, strlen(tunnel_open) + hello.len);
    read_records(&f);
    has_record(&f, "#1 connect allowed other.egress.test:%u : the TLS server name is not", f.port);
    tear_down(&f);
}

/* A real client and a real server. */
static pid_t start_tls_server(fixture *f, const char *folder) {
    char port[32];
    snprintf(port, sizeof port, "127.0.0.1:%u", f->port);
    _cleanup_strbuf_ strbuf make = STRBUF_INIT;
    strbuf_addf(&make,
                "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                "-keyout key -out cert -subj /CN=api.egress.test "
                "-addext subjectAltName=DNS:api.egress.test -days 2 >/dev/null 2>&1",
                folder);
    assert_int_equal(system(make.ptr), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        if (chdir(folder) == 0)
            execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", port, "-cert",
                   "cert", "-key", "key", (char *)NULL);
        _exit(127);
    }
    for (int fd; (fd = connect_to("127.0.0.1", f->port)) < 0 || close(fd) < 0;) {
        if (waitpid(pid, NULL, WNOHANG) != 0) fail_msg("openssl s_server ended at once");
        poll(NULL, 0, 10);
    }
    return pid;
}

static void tls_passes_with_the_name_that_was_judged(void **state) {
    fixture f;
    char folder[] = "/tmp/slipway-egress-XXXXXX";
    if (no_program("curl") || no_program("openssl")) skip();
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    stop(f.server); /* its port is taken by another one */
    assert_non_null(mkdtemp(folder));
    f.server = start_tls_server(&f, folder);
    start(&f);
    assert_int_equal(shell(&f,
                           "curl -sS --noproxy '*' --cacert %s/cert https://api.egress.test:%u/",
                           folder, f.port),
                     0);
    assert_non_null(strstr(f.output.ptr, "s_server"));
    /* the address of the allowed name, and the name of another one */
    shell(&f,
          "curl -sS --noproxy '*' -k --resolve no.egress.test:%u:198.18.1.0 "
          "https://no.egress.test:%u/",
          f.port, f.port);
    assert_null(strstr(strbuf_cstr(&f.output), "s_server"));
    shell(&f,
          "curl -sS -k --proxy http://127.0.0.1:%d "
          "--connect-to no.egress.test:%u:api.egress.test:%u https://no.egress.test:%u/",
          EGRESS_HTTP_PORT, f.port, f.port, f.port);
    assert_null(strstr(strbuf_cstr(&f.output), "s_server"));
    read_records(&f);
    has_record(&f, "address allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    has_record(&f, "address denied no.egress.test:%u : the TLS server name is not", f.port);
    has_record(&f, "connect denied no.egress.test:%u : ", f.port);
    char remove[64];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
    tear_down(&f);
}

/* A name that this machine resolves to itself, as a hostile DNS server could. */
static void a_name_that_resolves_to_this_machine_is_refused(void **state) {
    fixture f;
    char name[256];
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    if (gethostname(name, sizeof name) < 0 || getaddrinfo(name, NULL, &hints, &list) != 0) {
        print_message("this machine's own name does not resolve\n");
        skip();
    }
    freeaddrinfo(list);
    set_up(&f, EGRESS_ALLOW);
    allow(&f, name, NULL);
    start(&f);
    assert_int_equal(tunnel(&f, name, STR("x")), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    read_records(&f);
    has_record(&f, "connect denied %s:%u : this is the machine itself", name, f.port);
    tear_down(&f);
}

/* ---- DNS ----------------------------------------------------------------------------------- */

static void names_are_answered_with_stable_addresses_or_do_not_exist(void **state) {
    char tunnelled[300] = "";
    for (int i = 0; i < 3; i++)
        strcat(tunnelled, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0.");
    strcat(tunnelled, "evil.test");
    const struct {
        question q;
        const char *answer;
    } cases[] = {
        {{"api.egress.test", 1, false}, "0 1 198.18.1.0"},
        {{"a.below.test", 1, false}, "0 1 198.18.1.1"},
        {{"API.egress.TEST", 1, true}, "0 1 198.18.1.0"},
        {{"api.egress.test", 28, false}, "0 0"}, /* there is no IPv6 to be had */
        {{"api.egress.test", 16, false}, "0 0"}, /* TXT */
        {{"below.test", 1, false}, "3 0"},
        {{"evil.test", 16, false}, "3 0"},
        {{tunnelled, 1, false}, "3 0"},
        {{tunnelled, 10, true}, "3 0"}, /* NULL */
        {{"services.localhost", 1, false}, "0 1 127.0.0.1"},
        {{"1.0.0.127.in-addr.arpa", 12, false}, "3 0"},
    };
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", NULL);
    allow(&f, "*.below.test", NULL);
    start(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = in_job(&f, ask, &cases[i].q);
        if (status != 0 || !str_is(strbuf_str(&f.output), cases[i].answer))
            fail_msg("%s/%u: %d, \"%s\"", cases[i].q.name, cases[i].q.type, status,
                     strbuf_cstr(&f.output));
    }
    read_records(&f);
    has_record(&f, "dns denied api.egress.test:16 : only addresses are answered");
    has_record(&f, "dns denied below.test:1 : no rule allows this name\n");
    has_record(&f, "dns denied evil.test:16 : no rule allows this name\n");
    has_record(&f, "dns denied %s:1 : no rule allows this name\n", tunnelled);
    has_record(&f, "counts 6 0\n");
    tear_down(&f);
}

static void addresses_that_stand_for_nothing_are_refused(void **state) {
    static const char *const addresses[] = {"198.18.1.0", "198.19.255.255", "192.0.2.77",
                                            "169.254.169.254"};
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    start(&f);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        talk t = {.address = addresses[i], .port = 443, .bytes = STR("x"), .keep_open = true};
        int status = in_job(&f, do_talk, &t);
        assert_true(status == 5 || status == 0);
        assert_int_equal(f.output.len, 0);
        t.port = 9; /* where nobody listens */
        assert_int_equal(in_job(&f, do_talk, &t), 6);
    }
    read_records(&f);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        has_record(&f, "address denied %s:443 : ", addresses[i]);
    tear_down(&f);
}

static void a_rule_for_an_address_needs_no_name(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "127.0.0.1", NULL);
    start(&f);
    talk t = {.port = f.port, .bytes = STR("direct")};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_str(strbuf_str(&f.output), "direct");
    assert_int_equal(tunnel(&f, "127.0.0.1", STR("by proxy")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("by proxy")));
    tear_down(&f);
}

/* ---- audit --------------------------------------------------------------------------------- */

static void audit_lets_pass_what_no_rule_names_and_records_it(void **state) {
    fixture f;
    err e = {0};
    set_up(&f, EGRESS_AUDIT);
    assert_int_equal(egress_add_host(&f.policy, STR("any.test"), STR("127.0.0.1"), &e), 0);
    start(&f);
    assert_int_equal(tunnel(&f, "any.test", STR("passes")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("passes")));
    question q = {"no-rule.test", 1, false};
    assert_int_equal(in_job(&f, ask, &q), 0);
    assert_str(strbuf_str(&f.output), "0 1 198.18.1.0");
    assert_int_equal(tunnel(&f, "127.0.0.1", STR("x")), 0); /* the machine itself is no egress */
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    read_records(&f);
    has_record(&f, "#1 connect allowed any.test:%u 127.0.0.1: allowed\n#1 ended 6 6\n", f.port);
    has_record(&f, "dns allowed no-rule.test:1 198.18.1.0: allowed\n");
    has_record(&f, "connect denied 127.0.0.1:%u : this is the machine itself", f.port);
    tear_down(&f);
}

/* ---- bytes, times and limits --------------------------------------------------------------- */

#define LARGE (12u << 20)

static char pattern_at(uint64_t offset) {
    return (char)(offset * 31 >> 5);
}

/* Who writes all before reading anything would be stopped by back-pressure: so two processes do
 * both at once. */
static void send_large(fixture *f, const void *context) {
    (void)context;
    int fd = connect_to("127.0.0.1", f->port);
    static char bytes[65536];
    uint64_t sum = 0, got = 0;
    if (fork() == 0) {
        for (uint64_t n = 0; n < LARGE; n += sizeof bytes) {
            for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = pattern_at(n + i);
            if (!send_all(fd, bytes, sizeof bytes)) _exit(1);
        }
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0; got += (uint64_t)n)
        for (ssize_t i = 0; i < n; i++)
            sum += pattern_at(got + (uint64_t)i) != bytes[i];
    printf("%llu %llu", (unsigned long long)got, (unsigned long long)sum);
    fflush(stdout);
    _exit(0);
}

static void large_flows_arrive_whole_and_half_closed(void **state) {
    fixture f;
    char wanted[64];
    set_up(&f, EGRESS_NONE);
    allow(&f, "localhost", NULL);
    start(&f);
    assert_int_equal(in_job(&f, send_large, NULL), 0);
    snprintf(wanted, sizeof wanted, "%u 0", LARGE);
    assert_str(strbuf_str(&f.output), wanted);
    read_records(&f);
    has_record(&f, "#1 ended %u %u\n", LARGE, LARGE);
    tear_down(&f);
}

static void who_says_nothing_is_not_waited_for(void **state) {
    fixture f;
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "api.egress.test", "127.0.0.1");
    f.policy.handshake_ms = 80;
    f.policy.idle_ms = 120;
    start(&f);
    talk t = {.port = EGRESS_HTTP_PORT, .bytes = STR("CONNECT api.egr"), .keep_open = true};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 408 ")));
    t = (talk){.port = EGRESS_HTTP_PORT,
               .bytes = connect_request(&f, "api.egress.test", f.port),
               .wait_for = strlen(tunnel_open),
               .more = literal(hello_of_other, 20),
               .keep_open = true};
    assert_int_equal(in_job(&f, do_talk, &t), 5); /* a ClientHello that does not end */
    t.more = STR_EMPTY;
    in_job(&f, do_talk, &t); /* a tunnel without a byte */
    assert_str(strbuf_str(&f.output), tunnel_open);
    read_records(&f);
    has_record(&f, "the time to say what is asked for (handshake_ms) has passed\n");
    has_record(&f, "#2 connect denied api.egress.test:%u : the time to say", f.port);
    has_record(&f, "#3 ended 0 0\n");
    tear_down(&f);
}

static void open_many(fixture *f, const void *context) {
    const int *count = context;
    int fd = -1;
    for (int i = 0; i < *count; i++) {
        fd = connect_to("127.0.0.1", f->port);
        if (fd < 0) _exit(6);
        char byte = 'x';
        if (!send_all(fd, &byte, 1) || recv(fd, &byte, 1, 0) != 1) _exit(i);
    }
    _exit(*count);
}

static void connections_at_once_are_limited(void **state) {
    fixture f;
    int count = 5;
    set_up(&f, EGRESS_NONE);
    allow(&f, "localhost", NULL);
    f.policy.max_connections = 3;
    start(&f);
    assert_int_equal(in_job(&f, open_many, &count), 3);
    read_records(&f);
    has_record(&f, "the limit of connections at once (max_connections) is reached\n");
    tear_down(&f);
}

static void records_are_limited_and_then_counted(void **state) {
    fixture f;
    int count = 5;
    set_up(&f, EGRESS_NONE);
    allow(&f, "localhost", NULL);
    f.policy.max_records = 2;
    start(&f);
    assert_int_equal(in_job(&f, open_many, &count), 5);
    read_records(&f);
    has_record(&f, "counts 2 3\n");
    assert_null(strstr(shown_records(&f), "#3"));
    tear_down(&f);
}

static void lose_the_proxy(fixture *f, const void *context) {
    (void)context;
    char byte = 'x';
    int fd = connect_to("127.0.0.1", f->port);
    send_all(fd, &byte, 1);
    recv(fd, &byte, 1, 0);
    put_out("!", 1);
    close(1); /* the test goes on and kills the proxy */
    ssize_t n = recv(fd, &byte, 1, 0);
    int again = connect_to("127.0.0.1", f->port);
    _exit(n <= 0 && again < 0 ? 0 : 1);
}

static void when_the_proxy_is_killed_all_is_closed(void **state) {
    fixture f;
    int fds[2], status;
    char byte;
    set_up(&f, EGRESS_NONE);
    allow(&f, "localhost", NULL);
    start(&f);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        enter(f.job, "user", CLONE_NEWUSER);
        enter(f.job, "net", CLONE_NEWNET);
        dup2(fds[1], 1);
        close(fds[1]);
        lose_the_proxy(&f, NULL);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    stop(f.proxy);
    f.proxy = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fds[0]);
    tear_down(&f);
}

static void the_proxy_ends_with_its_control_socket(void **state) {
    fixture f;
    int status;
    set_up(&f, EGRESS_ALLOW);
    start(&f);
    close(f.control);
    f.control = -1;
    assert_int_equal(waitpid(f.proxy, &status, 0), f.proxy);
    assert_int_equal(status, 0);
    f.proxy = 0;
    tear_down(&f);
}

/* Asks for one name more than there are addresses, then for the first one again. */
static void ask_many(fixture *f, const void *context) {
    (void)f, (void)context;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char name[32], query[128], answer[512];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), codes[3] = {0};
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) _exit(6);
    for (int i = 0; i < EGRESS_NAMES_MAX + 2; i++) {
        snprintf(name, sizeof name, "n%d.test", i % (EGRESS_NAMES_MAX + 1));
        question q = {name, 1, false};
        size_t size = write_query(&q, query);
        if (!send_all(fd, query, size) || recv(fd, answer, sizeof answer, 0) < 12) _exit(5);
        codes[i < EGRESS_NAMES_MAX ? 0 : i - EGRESS_NAMES_MAX + 1] += answer[3] & 15;
    }
    printf("%d %d %d", codes[0], codes[1], codes[2]);
    fflush(stdout);
    _exit(0);
}

static void names_are_limited_and_those_given_stay(void **state) {
    fixture f;
    set_up(&f, EGRESS_AUDIT);
    f.policy.max_records = 2 * EGRESS_NAMES_MAX;
    start(&f);
    /* Records pile up in the proxy as long as nobody reads them. */
    assert_int_equal(in_job(&f, ask_many, NULL), 0);
    assert_str(strbuf_str(&f.output), "0 2 0"); /* SERVFAIL */
    read_records(&f);
    has_record(&f, "dns denied n%d.test:1 : the limit of 10,000 names per job is reached\n",
               EGRESS_NAMES_MAX);
    has_record(&f, "counts %d 0\n", EGRESS_NAMES_MAX + 1);
    tear_down(&f);
}

static void ports_are_limited_by_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    err e = {0};
    int status;
    egress_policy_init(&p, a, EGRESS_ALLOW);
    for (int i = 0; i < 300; i++)
        assert_int_equal(egress_add_rule(&p, arena_printf(a, "many.test:%d", 2000 + i), &e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        egress_sockets s;
        if (!enter_new_namespaces()) _exit(77);
        int r = egress_inside(&p, &s, &e);
        _exit(r == ERR_LIMIT && strstr(e.message, "more than about 230 ports") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

/* ---- through another proxy ----------------------------------------------------------------- */

static void an_upstream_proxy_is_asked_with_its_password(void **state) {
    fixture f;
    err e = {0};
    set_up(&f, EGRESS_ALLOW);
    allow(&f, "far.egress.test", NULL);
    allow(&f, "near.egress.test", "127.0.0.1");
    str url = arena_printf(f.a, "http://ci:s%%20cret@127.0.0.1:%u/", f.port);
    assert_int_equal(egress_set_upstream(&f.policy, url, STR("localhost"), &e), 0);
    start(&f);
    assert_int_equal(tunnel(&f, "far.egress.test", STR("tunnelled")), 0);
    const char *request = arena_printf(f.a,
                                       "%sCONNECT far.egress.test:%u HTTP/1.1\r\n"
                                       "Host: far.egress.test:%u\r\n"
                                       "Proxy-Authorization: Basic Y2k6cyBjcmV0\r\n\r\ntunnelled",
                                       tunnel_open, f.port, f.port)
                              .ptr;
    assert_str(strbuf_str(&f.output), request);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(
                  f.a, "GET http://far.egress.test:%u/x HTTP/1.1\r\nAccept: */*\r\n\r\n", f.port)};
    assert_int_equal(in_job(&f, do_talk, &t), 0);
    assert_non_null(strstr(f.output.ptr, "GET http://far.egress.test:"));
    assert_non_null(strstr(f.output.ptr, "Proxy-Authorization: Basic Y2k6cyBjcmV0\r\n"));
    assert_int_equal(tunnel(&f, "near.egress.test", STR("direct")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("\r\n\r\ndirect")));
    read_records(&f);
    has_record(&f, "connect allowed far.egress.test:%u proxy: allowed\n", f.port);
    has_record(&f, "connect allowed near.egress.test:%u 127.0.0.1: allowed\n", f.port);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_rule_names_is_reached_by_connect),
        cmocka_unit_test(what_a_rule_names_is_reached_by_socks),
        cmocka_unit_test(what_a_rule_names_is_reached_without_knowing_of_a_proxy),
        cmocka_unit_test(the_environment_leads_programs_to_the_proxy),
        cmocka_unit_test(a_rule_for_localhost_is_a_way_to_this_machine),
        cmocka_unit_test(mode_none_lets_nothing_else_pass),
        cmocka_unit_test(a_server_that_is_not_there_is_a_failure),
        cmocka_unit_test(abuse_of_the_proxies_is_refused_and_recorded),
        cmocka_unit_test(nothing_follows_the_one_request_of_a_connection),
        cmocka_unit_test(a_server_name_that_was_not_judged_is_refused),
        cmocka_unit_test(a_server_name_that_rules_allow_passes),
        cmocka_unit_test(tls_passes_with_the_name_that_was_judged),
        cmocka_unit_test(a_name_that_resolves_to_this_machine_is_refused),
        cmocka_unit_test(names_are_answered_with_stable_addresses_or_do_not_exist),
        cmocka_unit_test(addresses_that_stand_for_nothing_are_refused),
        cmocka_unit_test(a_rule_for_an_address_needs_no_name),
        cmocka_unit_test(audit_lets_pass_what_no_rule_names_and_records_it),
        cmocka_unit_test(large_flows_arrive_whole_and_half_closed),
        cmocka_unit_test(who_says_nothing_is_not_waited_for),
        cmocka_unit_test(connections_at_once_are_limited),
        cmocka_unit_test(records_are_limited_and_then_counted),
        cmocka_unit_test(names_are_limited_and_those_given_stay),
        cmocka_unit_test(ports_are_limited_by_name),
        cmocka_unit_test(when_the_proxy_is_killed_all_is_closed),
        cmocka_unit_test(the_proxy_ends_with_its_control_socket),
        cmocka_unit_test(an_upstream_proxy_is_asked_with_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
