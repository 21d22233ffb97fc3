/* zygote.h: how a leader is made. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_ZYGOTE_H
#define SLIPWAY_SANDBOX_ZYGOTE_H

#include "sandbox/ns.h"

#define ZYGOTE_SOCKET 3 /* its descriptor in the zygote and what it forks */

/* Asks the zygote for a leader that serves `sock` (which stays the caller's to close). Does not
 * wait: where no leader can be made, the other end of `sock` reads an end of file. */
int zygote_leader(int sock, sandbox_backend backend, const ns_job *job, err *e);

/* Forks the zygote. */
int zygote_init(err *e);
/* Ends the zygote and waits until it and all leaders have ended. */
void zygote_done(void);

#endif
