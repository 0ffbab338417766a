/* The WebSocket half of a session, beside web.h: it frames and unframes, and knows when the peer
 * is dead. What the messages are is the affair of its owner, who is a shop's stream (stream.h), a
 * Socket.IO socket (socket.h) or an Orbital client (orbit.h).
 *
 * Whatever goes wrong while something is sent ends the connection, of which the owner hears. */
#ifndef CF_SERVER_LINE_H
#define CF_SERVER_LINE_H

#include "base/shared.h"
#include "wire/ws/endpoint.h"

struct cf_line;

struct cf_line_ops {
    /* Whatever has come of the peer; NEED_MORE at the end of what was read. CLOSED is the last. */
    void (*event)(struct cf_line *line, const struct cf_ws_event *event);
    /* The owner's own next deadline; CF_MS_NEVER: none. */
    cf_ms (*deadline)(const struct cf_line *line);
    /* A deadline has come, the owner's or the line's: to be told to cf_line_tick. */
    void (*timer)(struct cf_line *line);
    /* The server is stopping: goodbye. */
    void (*drain)(struct cf_line *line);
    /* The connection is gone, and so is the line after this. */
    void (*gone)(struct cf_line *line, enum cf_error why);
};

struct cf_line {
    struct cf_ws_endpoint endpoint;
    const struct cf_line_ops *ops; /* NULL: the session is no line, or not yet */
    void *owner;
};

/* What a message of WEBSOCKET_SEND_BUFFER may take of a connection's queue, usually. */
enum { CF_QUEUED_BYTES_EACH = 4096 };

/* The endpoint is set up, and the owner ready to hear. */
void cf_line_begin(struct cf_line *line, const struct cf_line_ops *ops, void *owner);
void cf_line_read(struct cf_line *line, struct cf_slice bytes);
void cf_line_drained(struct cf_line *line);
/* The endpoint's part of a deadline. False: the peer is dead, the owner has heard CLOSED. */
bool cf_line_tick(struct cf_line *line);
/* The timer goes by what the endpoint and the owner wait for now. */
void cf_line_set_timer(struct cf_line *line);
/* Sends one message. CF_E_SLOW: more than `queued_max` bytes wait already, it is not sent: who asks
 * and never reads the answers is slow, too. */
enum cf_error cf_line_send(struct cf_line *line, enum cf_ws_opcode opcode, struct cf_slice message,
                           size_t queued_max);
/* Queues frames that many share, for an owner who has neither heard CLOSED nor said goodbye:
 * the way of every delivery, which asks nothing twice. CF_E_SLOW: too many messages wait already,
 * or more than `bytes_each` for each of WEBSOCKET_SEND_BUFFER. CF_E_STATE, CF_E_NOMEM as of
 * cf_conn_queue. */
enum cf_error cf_line_deliver(struct cf_line *line, struct cf_shared *frames, uint32_t messages,
                              size_t bytes_each);
void cf_line_ping(struct cf_line *line);
/* Says goodbye and waits for the peer's. */
void cf_line_close(struct cf_line *line, unsigned code, const char *reason);

#endif
