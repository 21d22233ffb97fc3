/* egress_parse.h: what a job says to its proxy. Private to the egress files.
 *
 * All of it is hostile. The readers take what has arrived so far and say whether it is whole; they
 * keep no state and allocate nothing. */
#ifndef SLIPWAY_SANDBOX_EGRESS_PARSE_H
#define SLIPWAY_SANDBOX_EGRESS_PARSE_H

#include "sandbox/egress.h"

typedef enum egress_parse {
    EGRESS_MORE,  /* not whole yet */
    EGRESS_WHOLE, /* *ret is filled */
    EGRESS_BAD,
    EGRESS_OTHER, /* TLS: this is something else */
} egress_parse;

/* ---- DNS (RFC 1035) ------------------------------------------------------------------------ */

#define EGRESS_DNS_MAX 512 /* of a query and of our answers */
enum { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_SVCB = 64, DNS_HTTPS = 65 };
enum { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4 };

typedef struct egress_query {
    uint16_t id, type;
    bool recursion_desired;
    /* As asked, with dots between labels and what is no printable ASCII as '?'; `valid` says that
     * it is a host name, and then it is in `target` as the rules want it. Empty: the root. */
    char text[256];
    bool valid;
    egress_target target;
    size_t question_size; /* of the name, type and class, which begin after 12 bytes */
} egress_query;

/* Reads one query; never EGRESS_MORE. EGRESS_BAD: no answer can be given; EGRESS_OTHER: only an
 * error can (ret->id is filled): an operation other than a query, or not one question. */
egress_parse egress_read_query(str packet, egress_query *ret);
/* Writes the answer to `packet` into `out` (EGRESS_DNS_MAX) and gives its size. `address` NULL: no
 * record, as for a name that has none of that type. */
size_t egress_write_answer(str packet, const egress_query *q, unsigned code,
                           const net_address *address, uint8_t *out);
/* The answer to what egress_read_query gave EGRESS_OTHER for: 12 bytes. */
size_t egress_write_refusal(const egress_query *q, unsigned code, uint8_t *out);

/* ---- SOCKS5 (RFC 1928) --------------------------------------------------------------------- */

/* How the first message ends that is in `bytes`. *ret_size: its bytes; *ret_open: it offers to go
 * on without authentication. */
egress_parse egress_read_greeting(str bytes, size_t *ret_size, bool *ret_open);
/* The request after it. `ret_reply`, when it is EGRESS_BAD: the code of the answer. */
egress_parse egress_read_socks(str bytes, size_t *ret_size, egress_target *ret, uint8_t *ret_reply);

/* ---- HTTP/1.1 (RFC 9112) ------------------------------------------------------------------- */

#define EGRESS_HEAD_MAX    16384
#define EGRESS_HEADERS_MAX 100

typedef struct egress_request {
    bool connect;
    egress_target target;
    uint64_t body_size; /* what follows the head and belongs to the request, unless `chunked` */
    bool chunked;       /* its end is for egress_read_chunks to find */
    size_t head_size;
    str method, path, version; /* borrowed; path with its query */
    str authority;             /* as written in the target */
    egress_reason reason;      /* when it is EGRESS_BAD */
} egress_request;

/* Reads the head of a request to a proxy. Whatever two readers could understand differently is bad:
 * folded lines, bare CR or LF, space before a colon, two lengths, a length and a transfer coding,
 * two Host headers, a Host that is not the target's. So are transfer codings other than `chunked`
 * alone, in HTTP/1.1, and schemes other than http. */
egress_parse egress_read_request(str bytes, egress_request *ret);

#define EGRESS_CHUNK_DIGITS 12 /* of a chunk's size, leading zeros included */

/* Where a reader of chunks is; begins as zeros. */
typedef struct egress_chunks {
    uint8_t state, digits;
    uint64_t left; /* of the chunk's data */
} egress_chunks;

/* Reads on in a chunked body. EGRESS_MORE: all bytes belong to it; EGRESS_WHOLE: the first
 * *ret_size do, and it has ended; EGRESS_BAD: none may go on. */
egress_parse egress_read_chunks(egress_chunks *k, str bytes, size_t *ret_size);

/* Appends the head as the origin gets it, or with `through` as another proxy gets it: without the
 * headers that are between a client and its proxy, and with "Connection: close", so that nothing
 * after it can be taken for a second request. `authorization` may be empty. */
void egress_write_request(str bytes, const egress_request *request, bool through, str authorization,
                          strbuf *out);
/* The answer of an upstream proxy to CONNECT: *ret_status and the size of its head. */
egress_parse egress_read_response(str bytes, unsigned *ret_status, size_t *ret_size);

/* ---- what the kernel refuses (RFC 9293, RFC 792, RFC 4443) ----------------------------------- */

#define EGRESS_REFUSAL_BYTES 128 /* of a packet: the heads of both packets of an ICMP message */

typedef struct egress_refusal {
    bool udp; /* else TCP */
    net_address address;
    uint16_t port;
} egress_refusal;

/* The IP packet by which the job's kernel says that nobody listens at an address and port. False
 * for all others, and for loopback addresses. */
bool egress_read_refusal(str packet, egress_refusal *ret);

/* ---- TLS (RFC 8446, RFC 6066) -------------------------------------------------------------- */

#define EGRESS_HELLO_MAX 16384

/* The server name of the ClientHello that `bytes` begin with (empty when it has none) is put into
 * `name`. EGRESS_OTHER: these bytes begin no TLS. EGRESS_BAD: they do, but cannot be read, or the
 * ClientHello has more than EGRESS_HELLO_MAX bytes. */
egress_parse egress_read_hello(str bytes, char name[EGRESS_NAME_MAX + 1]);

#endif
