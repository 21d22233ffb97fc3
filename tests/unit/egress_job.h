/* egress_job.h: what the tests of the egress proxy share: a server on this machine's loopback, a
 * job in a network namespace, and the proxy between them.
 *
 * The server answers an HTTP request with the request's own bytes, acts as an upstream proxy for
 * CONNECT (the tunnel then begins with the request that asked for it), and sends back all else. */
#ifndef SLIPWAY_TESTS_EGRESS_JOB_H
#define SLIPWAY_TESTS_EGRESS_JOB_H

#include "unit.h"

#include "base/arena.h"
#include "sandbox/egress.h"

#include <sys/types.h>

typedef struct job {
    arena *a;
    egress_policy policy;
    uint16_t port; /* of the server; no other one answers there */
    pid_t server, pid, proxy;
    int control;
    int job_says; /* closes when the job has ended */
    strbuf records;
    strbuf output;
} job;

/* Starts the server; the policy may still be changed. */
void job_set_up(job *f, egress_mode mode);
/* A rule for a name on the server's port, and what it resolves to (NULL: what the machine says). */
void job_allow(job *f, const char *name, const char *address);
/* Starts the job and the proxy. Skips the test where there are no namespaces. */
void job_start(job *f);
/* Tells the proxy to end, and reads what it has recorded. */
void job_read_records(job *f);
void job_tear_down(job *f);
void job_stop(pid_t pid);

/* A line for each record: "#id how verdict name:port address: reason", "#id ended out in". */
const char *job_records(job *f);
void job_has_record(job *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs something in the job's namespaces; what it writes to descriptor 1 is f->output. Gives its
 * status. */
typedef void job_work(job *f, const void *context);
int job_do(job *f, job_work *work, const void *context);
int job_shell(job *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True, and says so, where there is no such program. */
bool job_lacks(const char *name);

/* For work: enters the job's namespace of a kind; makes new ones in which this process is root. */
void job_enter(pid_t pid, const char *kind, int flag);
bool job_new_namespaces(void);
/* -1 when the connection is refused. */
int job_connect(const char *address, uint16_t port);
bool job_send(int fd, const char *bytes, size_t size);
void job_print(const char *bytes, size_t size);

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
/* Work with a talk. Its status: 0 when the other side has ended in order, 5 after a reset, 6 when
 * it refused. */
void job_talk(job *f, const void *context);
str job_connect_request(job *f, const char *host, unsigned port);
str job_socks_request(job *f, const char *host, uint16_t port); /* the greeting as well */
extern const char *const job_tunnel_open;                       /* the proxy's answer to CONNECT */
/* A talk through CONNECT to `host` on the server's port, with `bytes` after it. */
int job_tunnel(job *f, const char *host, str bytes);
extern const str job_hello_of_other; /* a TLS ClientHello for other.egress.test */

typedef struct question {
    const char *name;
    uint16_t type;
    bool stream;
} question;
size_t job_write_query(const question *q, char *out);
/* Work with a question: prints "code answers address". */
void job_ask(job *f, const void *context);

#endif
