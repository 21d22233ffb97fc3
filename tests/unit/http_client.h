/* http_client.h: a client that sends what it is told, for tests of servers. */
#ifndef SLIPWAY_TESTS_HTTP_CLIENT_H
#define SLIPWAY_TESTS_HTTP_CLIENT_H

#include "base/str.h"

#define CLIENT_WAIT_MS 20000 /* nothing that is waited for takes as long */

/* Connects to a port of this machine. */
int client_dial(uint16_t port);
void client_say(int fd, const char *text);
/* Adds what comes to *got until `wanted` stands there `times` times; false when the connection ends
 * before. */
bool client_hear(int fd, strbuf *got, const char *wanted, unsigned times);
/* Adds all that comes until the connection ends, and closes it. */
void client_hear_all(int fd, strbuf *got);
/* One request on a connection of its own; *got has the answer and nothing else. */
void client_ask(uint16_t port, const char *request, strbuf *got);

#endif
