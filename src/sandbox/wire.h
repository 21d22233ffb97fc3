/* wire.h: what Slipway and a leader say to each other. Private to this folder.
 *
 * Both directions are streams of frames: a head, then `size` bytes. Orders: START carries the
 * command (counts, then NUL-terminated strings: cwd, argv, env) and one descriptor, the write end
 * of the output pipe; NAME carries the name of the job that the leader serves from now on; ENGINE
 * makes the leader one of a container engine (engine_leader.h), whose socket it carries; ASK is for
 * such a leader and carries a request, the output's descriptor and perhaps a folder's; the others
 * carry nothing. Reports: EXIT has a status and, for what could not be started, a text; RESULT has
 * the result of an ASK and comes before its EXIT; ORPHAN has a pid and a name; CLOSED is the last
 * of a job, with 1 where the leader is free for another one and 0 where it ends, and with why
 * something was left in a container engine. Of a machine of a job's own besides: READY comes first,
 * with two descriptors (view.h) and, where snapshots are kept, the keeper's socket (ns_layers.h),
 * and with why the job is not root, or FAILED with a text; COUNTER has a kind of control group, a
 * key and a descriptor, COUNTED a kind (id) and the last count; LIMIT has a text; EGRESS has the
 * proxy's control socket (egress.h). */
#ifndef SLIPWAY_SANDBOX_WIRE_H
#define SLIPWAY_SANDBOX_WIRE_H

#include "base/str.h"

#define WIRE_SIZE_MAX (16u << 20)

typedef enum wire_kind {
    WIRE_START,
    WIRE_SIGNAL,
    WIRE_KILL,
    WIRE_CLOSE,
    WIRE_NAME,
    WIRE_ENGINE,
    WIRE_ASK,
    WIRE_EXIT,
    WIRE_RESULT,
    WIRE_ORPHAN,
    WIRE_CLOSED,
    WIRE_READY,
    WIRE_FAILED,
    WIRE_COUNTER,
    WIRE_COUNTED,
    WIRE_LIMIT,
    WIRE_EGRESS,
    WIRE_KIND_COUNT
} wire_kind;

typedef struct wire_head {
    uint32_t size; /* of what follows */
    uint32_t kind;
    uint32_t id; /* of the command */
    int32_t
        value; /* START: 1 where the descriptor is its terminal; ASK: 1 with a folder; SIGNAL:
                  signal; EXIT: status; ORPHAN: pid; CLOSED: free; READY: 1 where the job is root */
} wire_head;

/* The head of a START frame's bytes. */
typedef struct wire_counts {
    uint32_t argc, envc;
} wire_counts;

#define WIRE_FDS_MAX 3

/* Sends all of `bytes`, with up to WIRE_FDS_MAX descriptors. Blocks while the peer is slow to read.
 * 0, or -1 and errno. Never raises SIGPIPE. */
int wire_send(int sock, str bytes, const int *fds, unsigned fd_count);

/* Sends a frame without a descriptor; what is over 1 KiB of the text is cut off. */
int wire_report(int sock, wire_kind kind, uint32_t id, int32_t value, str text);

/* Frames as they arrive: bytes that were read and descriptors that came with them, in order. */
typedef struct wire_reader {
    strbuf bytes;
    size_t taken; /* of `bytes`, by wire_next */
    int fds[64];  /* received, not yet taken */
    unsigned fd_count;
} wire_reader;

/* Reads once, at most `room` bytes. More than 0: something came; 0: the peer is gone; -1: errno
 * (EAGAIN, EINTR …). */
int wire_read(wire_reader *r, int sock, size_t room, bool wait);
/* The next whole frame; *body is borrowed until the next wire_read. */
bool wire_next(wire_reader *r, wire_head *head, str *body);
/* Takes the oldest received descriptor, or -1. */
int wire_take_fd(wire_reader *r);
/* Overwrites what was taken: an order's environment may hold secrets. */
void wire_forget(wire_reader *r);
void wire_reader_done(wire_reader *r);

#endif
