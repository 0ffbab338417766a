/* One side of an open WebSocket, after the handshake: RFC 6455 in full, for both roles, with RFC
 * 7692. A machine without I/O: bytes and time in, events and bytes out, next deadline on request.
 *
 *     cf_ws_endpoint_init(&ep, &config, now);
 *     while (event.type != NEED_MORE)                 on every read
 *         error = cf_ws_endpoint_next(&ep, now, &input, &out, &event);
 *     error = cf_ws_endpoint_tick(&ep, now, &out, &event);      at its deadline
 *
 * What it answers by itself (pong, the echo of a close, the close after a protocol error, pings at
 * their period) is appended to `out`, which the caller writes before anything it sends later. Pongs
 * are coalesced: while `writable` is false only the latest ping is remembered and answered when
 * cf_ws_endpoint_writable is called (hazard V10).
 *
 * An idle endpoint owns no heap memory: the parts exist while a frame or a message is incomplete,
 * or a pong waits. */
#ifndef CF_WIRE_WS_ENDPOINT_H
#define CF_WIRE_WS_ENDPOINT_H

#include "base/buf.h"
#include "base/time.h"
#include "base/utf8.h"
#include "wire/ws/close.h"
#include "wire/ws/deflate.h"
#include "wire/ws/frame.h"

enum cf_ws_role { CF_WS_SERVER, CF_WS_CLIENT };

/* Shared by all connections of one kind; borrowed by the endpoint. */
struct cf_ws_config {
    enum cf_ws_role role;
    size_t message_bytes_max; /* after inflation; over: close 1009 */
    cf_ms ping_period_ms;     /* 0: none. A ping is sent so long after the last one */
    cf_ms pong_wait_ms; /* 0: none. Nothing heard for so long: the peer is dead, CLOSED with 1006 */
    cf_ms message_wait_ms; /* 0: none. A message of which bytes have come must be complete so long
                              after them, else close 1008 (hazard V6) */
    cf_ms close_wait_ms;   /* 0: none. The peer's close frame must come so long after ours, else
                              CLOSED with 1006 */
    /* Client role: fills in a frame's masking key. */
    void (*random)(void *context, uint8_t *out, size_t len);
    void *random_context;
};

enum cf_ws_event_type {
    CF_WS_EVENT_NEED_MORE,
    CF_WS_EVENT_TEXT, /* a whole message, valid UTF-8 */
    CF_WS_EVENT_BINARY,
    CF_WS_EVENT_PONG,
    /* The end: after `out` is written the connection is to be shut. Comes once; later calls give
     * NEED_MORE and swallow their input. */
    CF_WS_EVENT_CLOSED,
};

struct cf_ws_event {
    enum cf_ws_event_type type;
    struct cf_slice payload; /* valid until the next call */
    unsigned close_code; /* CLOSED: the peer's code, 1005 without one, 1006 when it vanished, or the
                            code that we failed the connection with */
    bool clean;          /* CLOSED: both sides sent a close frame */
};

/* What an idle endpoint has none of. */
struct cf_ws_parts {
    struct cf_buf message; /* payload of the message that is incomplete */
    struct cf_buf control; /* payload of the control frame that is incomplete */
    struct cf_buf pong;    /* payload of the latest ping */
    cf_ms message_until;   /* when the message has to be complete; 0: there is none */
    bool pong_waits;
};

/* Members are its own. 72 bytes on a 64-bit machine: every connection has one. */
struct cf_ws_endpoint {
    const struct cf_ws_config *config;
    struct cf_ws_inflater *inflater;
    struct cf_ws_parts *parts; /* or NULL */
    cf_ms heard;
    cf_ms next;            /* the next ping; once our close is sent, when the peer's is overdue */
    uint64_t frame_left;   /* of the payload that is coming */
    uint16_t empty_frames; /* of the message: fragments without payload */
    struct cf_utf8 utf8;
    uint8_t header[CF_WS_HEADER_MAX];
    uint8_t header_len;
    uint8_t mask_at;        /* position in the mask of the next payload byte */
    uint8_t opcode;         /* of the frame */
    uint8_t message_opcode; /* of the message; CONTINUATION: none is open */
    bool in_payload : 1;
    bool fin : 1;
    bool compressed : 1;       /* the message */
    bool deflate : 1;          /* negotiated */
    bool deflate_takeover : 1; /* we may keep the window between the messages that we send */
    bool inflate_takeover : 1;
    bool message_given : 1; /* its bytes were the last event's: they go at the next call */
    bool sent_close : 1, got_close : 1, closed : 1;
};

/* `config` is borrowed. `deflate`: what was negotiated. `inflater` (may be NULL without deflate) is
 * borrowed: the worker's own when the peer has no context takeover, else this connection's. */
void cf_ws_endpoint_init(struct cf_ws_endpoint *ep, const struct cf_ws_config *config,
                         const struct cf_ws_deflate_params *deflate,
                         struct cf_ws_inflater *inflater, cf_ms now);
void cf_ws_endpoint_deinit(struct cf_ws_endpoint *ep);
/* The next event of *input, which moves on. `writable`: nothing waits to be written on this
 * connection. A peer's mistake is no error here: `out` gets the close frame and the event is
 * CLOSED. CF_E_NOMEM and CF_E_TOO_LARGE (of `out`): drop the connection. */
enum cf_error cf_ws_endpoint_next(struct cf_ws_endpoint *ep, cf_ms now, bool writable,
                                  struct cf_slice *input, struct cf_buf *out,
                                  struct cf_ws_event *out_event);
/* The connection's queue has drained: a remembered pong goes out. */
enum cf_error cf_ws_endpoint_writable(struct cf_ws_endpoint *ep, struct cf_buf *out);
/* Sends our close frame (once; later calls do nothing) and begins the wait for the peer's. `code`
 * is valid for the wire, `reason` at most 123 bytes of UTF-8. */
enum cf_error cf_ws_endpoint_close(struct cf_ws_endpoint *ep, cf_ms now, unsigned code,
                                   struct cf_slice reason, struct cf_buf *out);
/* Sends a ping now, besides the period's. Nothing after a close. */
enum cf_error cf_ws_endpoint_ping(struct cf_ws_endpoint *ep, cf_ms now, struct cf_buf *out);
/* Appends one message frame; compresses when negotiated and `deflater` is given (and only when that
 * makes it smaller). CF_E_STATE after a close frame was sent. CF_E_TOO_LARGE, CF_E_NOMEM: nothing
 * was sent; drop the connection, for the peer's window may have missed a message. */
enum cf_error cf_ws_endpoint_send(struct cf_ws_endpoint *ep, enum cf_ws_opcode opcode,
                                  struct cf_slice payload, struct cf_ws_deflater *deflater,
                                  struct cf_buf *out);
/* What is due at `now`: a ping into `out`, or CLOSED because a wait ran out (nobody to tell). */
enum cf_error cf_ws_endpoint_tick(struct cf_ws_endpoint *ep, cf_ms now, struct cf_buf *out,
                                  struct cf_ws_event *out_event);
/* CF_MS_NEVER: none. */
cf_ms cf_ws_endpoint_deadline(const struct cf_ws_endpoint *ep);
/* Anything at all heard from the peer last at. */
cf_ms cf_ws_endpoint_heard(const struct cf_ws_endpoint *ep);
/* No close frame has been sent or received. */
bool cf_ws_endpoint_open(const struct cf_ws_endpoint *ep);

#endif
