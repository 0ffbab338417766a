/* What waits to be written to one connection: references to shared bytes, in order, with the
 * accounting that tells a slow consumer. Empty it owns no memory: the first entry is inline and
 * the ring behind it goes when it drains.
 *
 * A message here is what the other side would count as one (a WebSocket message); bytes that are
 * no message (a pong, an HTTP response) count 0 messages. */
#ifndef CF_BASE_OUTQ_H
#define CF_BASE_OUTQ_H

#include "base/error.h"
#include "base/shared.h"

struct cf_outq_entry {
    struct cf_shared *bytes;
    uint32_t offset; /* already written */
    uint32_t messages;
};

struct cf_outq_ring {
    uint32_t cap, head, len;
    struct cf_outq_entry entries[];
};

/* 40 bytes on a 64-bit machine: every connection has one. */
struct cf_outq {
    struct cf_outq_entry first; /* bytes == NULL: empty */
    struct cf_outq_ring *ring;  /* the entries after `first`, or NULL */
    size_t bytes;               /* not yet written */
    uint32_t messages;          /* queued, the partly written included */
};

void cf_outq_init(struct cf_outq *q);
void cf_outq_deinit(struct cf_outq *q);
bool cf_outq_empty(const struct cf_outq *q);
/* Takes a reference of its own. CF_E_NOMEM, and CF_E_TOO_LARGE for an entry above 4 GiB, leave the
 * queue as it was. Empty bytes are written at once: they, and their `messages`, are not queued.
 * Limits are the caller's: it compares q->messages and q->bytes with its own before. */
enum cf_error cf_outq_push(struct cf_outq *q, struct cf_shared *bytes, uint32_t messages);
/* Up to `max` slices from the front, in order; returns how many. They stay valid until the next
 * call that changes the queue. */
size_t cf_outq_peek(const struct cf_outq *q, struct cf_slice *out_slices, size_t max);
/* `len` bytes (at most q->bytes) from the front have been written. */
void cf_outq_advance(struct cf_outq *q, size_t len);
/* Drops every entry that has not been written at all; a partly written one stays, so that framing
 * survives. Returns the number of messages dropped. */
uint32_t cf_outq_drop_unsent(struct cf_outq *q);

#endif
