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
/* Forms of encrypted groups, plain and compressed. */
enum { CF_FORM_ORBIT = 6, CF_FORM_ORBIT_COMPRESSED = 7 };

/* Events cannot be told: everybody here must come again and fetch. */
void cf_fanout_lost(struct cf_worker *worker);
/* A batch has come; an event of it that could not be made closes everything. */
void cf_fanout_begin(struct cf_worker *worker, const struct cf_batch *batch);
/* Collects events in the hub, in the batch's order. A removal is carried out in its place: what was
 * before it is delivered, what comes after it is not. */
void cf_fanout_events(struct cf_worker *worker, struct cf_event *const *events, size_t count);
/* All of the batch is collected. */
void cf_fanout_end(struct cf_worker *worker, const struct cf_batch *batch);
/* Everything collected goes into the queues of those who listen now: at the end of a turn, and
 * before somebody joins who is not to hear of what was before. */
void cf_fanout_flush(struct cf_worker *worker);

#endif
