#include "egress_job.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

/* ---- the world: a server that answers HTTP, acts as a proxy, or sends back what it gets ---- */

bool job_send(int fd, const char *bytes, size_t size) {
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
        if (!job_send(fd, bytes, (size_t)n)) return;
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
        job_send(fd, head, (size_t)n);
        job_send(fd, bytes, size);
        return;
    }
    if (connect) job_send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
    if (job_send(fd, bytes, size)) send_back(fd);
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
bool job_new_namespaces(void) {
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
    if (!job_new_namespaces() || !replace_resolv_conf()) _exit(77);
    if (egress_inside(p, &s, &e) < 0 || egress_send(sock, &s, &e) < 0) {
        fprintf(stderr, "%s\n", e.message);
        _exit(1);
    }
    egress_sockets_close(&s);
    close(sock);
    job_send(says, "!", 1);
    for (;;)
        pause();
}

void job_stop(pid_t pid) {
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The policy goes through its text, as it does between processes. */
void job_start(job *f) {
    int handover, says[2], status;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    egress_policy *p = ARENA_NEW(f->a, egress_policy);
    err e = {0};
    egress_policy_write(&f->policy, &text);
    assert_int_equal(egress_policy_read(f->a, strbuf_str(&text), p, &e), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, says), 0);
    f->proxy = egress_proxy_start(p, &handover, &f->control, &e);
    if (f->proxy < 0) fail_msg("%s", e.message);
    f->pid = fork();
    if (f->pid == 0) {
        close(says[0]);
        close(f->control); /* what holds it keeps the proxy running */
        be_job(p, handover, says[1]);
    }
    close(says[1]);
    close(handover);
    f->job_says = says[0];
    char ready;
    if (recv(f->job_says, &ready, 1, 0) == 1) return;
    waitpid(f->pid, &status, 0);
    waitpid(f->proxy, NULL, 0);
    job_stop(f->server);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("this machine gives no user and network namespaces to this user\n");
        skip();
    }
    fail_msg("the job ended with %d", status);
}

void job_set_up(job *f, egress_mode mode) {
    *f = (job){.a = arena_new()};
    egress_policy_init(&f->policy, f->a, mode);
    f->server = start_server(&f->port);
}

/* A rule for a name on the server's port, and what it resolves to (NULL: what the machine says). */
void job_allow(job *f, const char *name, const char *address) {
    err e = {0};
    str rule = arena_printf(f->a, "%s:%u", name, f->port);
    if (egress_add_rule(&f->policy, rule, &e) < 0) fail_msg("%s", e.message);
    if (address && egress_add_host(&f->policy, str_from(name), str_from(address), &e) < 0)
        fail_msg("%s", e.message);
}

/* Tells the proxy to end, and reads what it has recorded. */
void job_read_records(job *f) {
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

void job_tear_down(job *f) {
    if (f->proxy) job_read_records(f);
    job_stop(f->pid);
    job_stop(f->server);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody else was left here */
    close(f->control);
    close(f->job_says);
    strbuf_done(&f->records);
    strbuf_done(&f->output);
    arena_free(f->a);
}

/* "how verdict name:port reason" of each contact; addresses only where one was connected to. */
const char *job_records(job *f) {
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

void job_has_record(job *f, const char *format, ...) {
    char wanted[512];
    va_list args;
    va_start(args, format);
    vsnprintf(wanted, sizeof wanted, format, args);
    va_end(args);
    const char *all = job_records(f);
    if (!strstr(all, wanted)) fail_msg("no record \"%s\" in:\n%s", wanted, all);
}

/* ---- what the job does --------------------------------------------------------------------- */

void job_enter(pid_t pid, const char *kind, int flag) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, flag) < 0) _exit(98);
    close(fd);
}

/* Runs something in the job's namespaces; what it writes to descriptor 1 is f->output. */
int job_do(job *f, job_work *work, const void *context) {
    int fds[2], status;
    char bytes[65536];
    ssize_t n;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        job_enter(f->pid, "user", CLONE_NEWUSER);
        job_enter(f->pid, "net", CLONE_NEWNET);
        job_enter(f->pid, "mnt", CLONE_NEWNS);
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

static void run_script(job *f, const void *script) {
    (void)f;
    dup2(1, 2);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
}

int job_shell(job *f, const char *format, ...) {
    char script[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(script, sizeof script, format, args);
    va_end(args);
    return job_do(f, run_script, script);
}

int job_connect(const char *address, uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

void job_print(const char *bytes, size_t size) {
    if (write(1, bytes, size) < 0) _exit(9);
}

/* Leaves with 0 when the other side has ended in order, 5 after a reset, 6 when it refused. */
void job_talk(job *f, const void *context) {
    (void)f;
    const talk *t = context;
    char bytes[4096];
    ssize_t n;
    size_t got = 0;
    int fd = job_connect(t->address ? t->address : "127.0.0.1", t->port);
    if (fd < 0) _exit(6);
    job_send(fd, t->bytes.ptr, t->bytes.len);
    while (got < t->wait_for && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        job_print(bytes, (size_t)n);
        got += (size_t)n;
    }
    job_send(fd, t->more.ptr, t->more.len);
    if (!t->keep_open) shutdown(fd, SHUT_WR);
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        job_print(bytes, (size_t)n);
    _exit(n < 0 ? 5 : 0);
}

const char *const job_tunnel_open = "HTTP/1.1 200 Connection established\r\n\r\n";

str job_connect_request(job *f, const char *host, unsigned port) {
    return arena_printf(f->a, "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n", host, port, host,
                        port);
}

/* Through CONNECT to `host`, on the server's port, and `bytes` after it. */
int job_tunnel(job *f, const char *host, str bytes) {
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = job_connect_request(f, host, f->port),
              .wait_for = strlen(job_tunnel_open),
              .more = bytes};
    return job_do(f, job_talk, &t);
}

str job_socks_request(job *f, const char *host, uint16_t port) {
    str s = arena_printf(f->a, "...++++%c%s..", (int)strlen(host), host);
    char *b = (char *)s.ptr;
    memcpy(b, "\5\1\0\5\1\0\3", 7);
    b[s.len - 2] = (char)(port >> 8);
    b[s.len - 1] = (char)port;
    return s;
}

static const char hello[] = /* a TLS 1.2 ClientHello for "other.egress.test" */
    "\x16\x03\x01\x00\x49\x01\x00\x00\x45\x03\x03"
    "0123456789abcdef0123456789abcdef"
    "\x00\x00\x02\x13\x01\x01\x00\x00\x1a"
    "\x00\x00\x00\x16\x00\x14\x00\x00\x11other.egress.test";
const str job_hello_of_other = {hello, sizeof hello - 1};

size_t job_write_query(const question *q, char *out) {
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
void job_ask(job *f, const void *context) {
    (void)f;
    const question *q = context;
    char packet[600], answer[600];
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, q->stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) _exit(6);
    size_t size = job_write_query(q, packet + 2), skip = q->stream ? 0 : 2;
    packet[0] = (char)(size >> 8);
    packet[1] = (char)size;
    job_send(fd, packet + skip, size + 2 - skip);
    ssize_t n = recv(fd, answer + skip, sizeof answer - skip, 0);
    if (n < 12) _exit(5);
    const unsigned char *d = (const unsigned char *)answer + 2, *end = d + n - (2 - skip);
    if (d[0] != 'i' || d[1] != 'd' || !(d[2] & 0x80)) _exit(4);
    printf("%d %d", d[3] & 15, d[7]);
    if (d[7]) printf(" %d.%d.%d.%d", end[-4], end[-3], end[-2], end[-1]);
    fflush(stdout);
    _exit(0);
}

bool job_lacks(const char *name) {
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    if (system(command) == 0) return false;
    print_message("%s is not installed\n", name);
    return true;
}
