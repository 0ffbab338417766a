/* From events to sockets: a room's events of a turn are encoded once a form, joined, and queued to
 * every stream of that form as one piece. */
#ifndef CF_SERVER_FANOUT_H
#define CF_SERVER_FANOUT_H

#include "server/worker.h"

/* What a subscriber's form means: shop version and compression. */
static inline uint8_t cf_fanout_form(unsigned version, bool compressed)
{
    return (uint8_t)((version - 1) * 2 + (compressed ? 1 : 0));
}

/* Forms of conversations: to a socket's WebSocket, or to its session on polling. */
enum { CF_FORM_LINE = 4, CF_FORM_POLL = 5 };

struct cf_socket;

/* Collects a batch's events in the hub. A removal is carried out in its place: what was before it
 * is delivered, what comes after it is not. */
void cf_fanout_batch(struct cf_worker *worker, struct cf_batch *batch);
/* The end of a turn: everything collected goes into the streams' queues. */
void cf_fanout_flush(struct cf_worker *worker);

/* A socket has just joined its rooms knowing all events up to `number`: it is told those of the
 * batch that is being handled that come after it. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_fanout_catch_up(struct cf_socket *socket, int64_t number);

#endif
