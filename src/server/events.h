/* events.h: what happens, told to those who follow: server-sent events (the HTML standard, 9.2).
 *
 * Events are kept in a ring. A client that was cut off comes back with the last id that it has seen
 * (Last-Event-ID) and gets what it has missed; where the ring no longer has it, or the server was
 * started anew, the first event is `reset`: what it shows must be read again. For any thread. */
#ifndef SLIPWAY_SERVER_EVENTS_H
#define SLIPWAY_SERVER_EVENTS_H

#include "server/api.h"

typedef struct events events;

typedef struct events_item {
    str name;            /* "run", "job": a word */
    api_project project; /* 0: of the whole server */
    int64_t subject;     /* what it is about, for filters; 0: nothing */
    str data;            /* JSON */
} events_item;

/* Whom an event is for. */
typedef struct events_filter {
    void *context;
    bool (*wants)(void *context, const events_item *e); /* NULL: all; called with the ring locked */
    bool (*still)(void *context); /* asked at each beat: whether it may go on; NULL: it may */
    void (*done)(void *context);  /* frees the context; may be NULL */
} events_filter;

/* A ring of at most `count` events and `bytes` of text; 0: 4,096 and 1 MiB. */
events *events_new(size_t count, size_t bytes);
/* Ends all streams. NULL is allowed. */
void events_free(events *h);
void events_publish(events *h, const events_item *e);
/* Answers a call with the events from now on (after Last-Event-ID, where there is one). Takes the
 * filter's context over. */
void api_events(api_call *c, events *h, const events_filter *filter);
/* A comment to everybody, so that proxies keep the connection, and the end of those who have gone
 * or may no longer follow. To be called every 15 seconds or so. */
void events_beat(events *h);
size_t events_followers(events *h);

#endif
