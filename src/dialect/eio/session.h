/* A session of Engine.IO 4, the server's side: heartbeat, the two transports, and the way from one
 * to the other with nothing lost or reordered. A machine without I/O: requests, packets and time
 * in; messages, and actions for its owner, out.
 *
 *     cf_eio_session_open(&s, &config, CF_EIO_POLLING, sid, now);
 *     every input:  cf_eio_poll, cf_eio_post_begin + cf_eio_payload_next …, cf_eio_ws_next,
 *                   cf_eio_probe_begin, cf_eio_probe_packet, cf_eio_tick, cf_eio_send …
 *     after each:   while (cf_eio_act(&s, &scratch, &action)) … do it …
 *     cf_eio_session_deinit(&s);
 *
 * Actions come in the order in which they are to be done; after CLOSED there is none. What is sent
 * goes to the queue, and from there to the open GET, or, once the session is on WebSocket, out as
 * SEND actions: an owner that has no action left to do may write messages to the WebSocket itself.
 *
 * The reference is the Node server, engine.io 6; where it closes, this closes. */
#ifndef CF_DIALECT_EIO_SESSION_H
#define CF_DIALECT_EIO_SESSION_H

#include "base/time.h"
#include "dialect/eio/packet.h"

struct cf_eio_config {
    cf_ms ping_interval_ms, ping_timeout_ms;
    cf_ms upgrade_timeout_ms; /* from the probe's connection to its `5` */
    cf_ms close_timeout_ms;   /* an orderly close waits so long for a GET to be told by */
    size_t payload_bytes_max; /* of a POST, and of a WebSocket message: the handshake tells it */
    size_t queue_bytes_max;   /* what may wait for a GET; more: the session closes */
};

/* What the reference server uses. */
enum { CF_EIO_UPGRADE_TIMEOUT_MS = 10000, CF_EIO_CLOSE_TIMEOUT_MS = 30000 };

enum cf_eio_transport { CF_EIO_POLLING, CF_EIO_WEBSOCKET };

/* Why a session ended. */
enum cf_eio_end {
    CF_EIO_LIVE,
    CF_EIO_BY_CLIENT,    /* a close packet */
    CF_EIO_BY_SERVER,    /* cf_eio_close */
    CF_EIO_LOST,         /* the transport's connection went away */
    CF_EIO_PING_TIMEOUT, /* silence */
    CF_EIO_PROTOCOL,     /* overlapping requests, packets that are none */
    CF_EIO_SLOW,         /* the queue is full */
};

enum cf_eio_probe { CF_EIO_PROBE_NONE, CF_EIO_PROBE_CONNECTED, CF_EIO_PROBE_CONFIRMED };

/* What only a session has that is on polling, or has something to send. */
struct cf_eio_parts {
    struct cf_buf queue; /* packets that wait, as a payload */
    size_t sent;         /* of its bytes: those that SEND actions took */
    cf_ms probe_until;   /* the probe's deadline */
    cf_ms close_until;   /* the orderly close's */
    cf_ms noop_at;       /* when an open GET is let go for the probe's sake */
};

/* Members are its own. An idle one on WebSocket owns no heap memory; every Socket.IO client has
 * one: 32 bytes on a 64-bit machine. */
struct cf_eio_session {
    const struct cf_eio_config *config;
    struct cf_eio_parts *parts; /* or NULL */
    cf_ms beat_at;     /* the next ping's time, or (awaits_pong) when the pong must have come */
    uint8_t transport; /* enum cf_eio_transport */
    uint8_t probe;     /* enum cf_eio_probe */
    uint8_t end;       /* enum cf_eio_end */
    bool awaits_pong : 1;
    bool polled : 1;    /* a GET is open */
    bool posting : 1;   /* a POST is coming */
    bool unread : 1;    /* ... and no packet of it was there yet */
    bool refreshed : 1; /* the wait for the pong was prolonged, which happens once */
    bool closing : 1;   /* an orderly close waits for a GET */
    bool told : 1;      /* the owner has had CLOSED */
    bool pong_due : 1;  /* the probe's */
    bool drop_probe : 1;
};

/* What the owner is to do. */
enum cf_eio_do {
    CF_EIO_ANSWER,     /* the open GET: 200 with the payload `bytes` */
    CF_EIO_SEND,       /* on the session's WebSocket: a message, binary or text */
    CF_EIO_SEND_PROBE, /* on the probe's: a text message */
    CF_EIO_DROP_PROBE, /* close the probe's WebSocket */
    CF_EIO_CLOSED,     /* the session is over, s->end says why: close its WebSocket, free it. No GET
                          is open any more */
};

struct cf_eio_action {
    enum cf_eio_do what;
    bool binary;
    struct cf_slice bytes; /* in `scratch` */
};

/* Opens and queues the handshake packet. `config` is borrowed. CF_E_NOMEM. */
enum cf_error cf_eio_session_open(struct cf_eio_session *s, const struct cf_eio_config *config,
                                  enum cf_eio_transport transport, struct cf_slice sid, cf_ms now);
void cf_eio_session_deinit(struct cf_eio_session *s);
/* The next thing to do; false: nothing. Until it is done `scratch` must not change; it must have
 * room for queue_bytes_max and 2 more. Without memory, or room, the session closes. */
bool cf_eio_act(struct cf_eio_session *s, struct cf_buf *scratch, struct cf_eio_action *out_action);

/* A GET. CF_E_STATE: the session is on WebSocket (answer 400 BAD_REQUEST; the session goes on).
 * CF_E_PROTOCOL: one is open already (answer 400; the session closes). CF_OK: it is held until
 * ANSWER. */
enum cf_error cf_eio_poll(struct cf_eio_session *s, cf_ms now);
/* The open GET's connection went away. */
void cf_eio_poll_gone(struct cf_eio_session *s);
/* A POST has begun; errors as of cf_eio_poll. Its end: cf_eio_post_end, or cf_eio_post_gone. */
enum cf_error cf_eio_post_begin(struct cf_eio_session *s);
/* The next message of a POST's body. CF_OK with a MESSAGE packet, or with out_packet->data.ptr ==
 * NULL at the end of *payload, or of the session. CF_E_SYNTAX (an empty body, too), CF_E_UTF8,
 * CF_E_TOO_LARGE and CF_E_NOMEM of `scratch`: answer 400; the session closes. */
enum cf_error cf_eio_payload_next(struct cf_eio_session *s, struct cf_slice *payload, cf_ms now,
                                  struct cf_buf *scratch, struct cf_eio_packet *out_packet);
void cf_eio_post_end(struct cf_eio_session *s);
void cf_eio_post_gone(struct cf_eio_session *s);

/* A message of the session's WebSocket; base64 is as good as binary, as in a payload. CF_OK with a
 * MESSAGE packet (its data borrows the message or `scratch`), or with out_packet->data.ptr == NULL
 * when it was none for the layer above. A bad one closes the session. */
enum cf_error cf_eio_ws_next(struct cf_eio_session *s, struct cf_slice message, bool binary,
                             cf_ms now, struct cf_buf *scratch, struct cf_eio_packet *out_packet);
/* The session's WebSocket went away. */
void cf_eio_ws_gone(struct cf_eio_session *s);

/* A WebSocket asks for the session. CF_E_STATE: it is on one, or another one asks; close the new
 * one, the session goes on. */
enum cf_error cf_eio_probe_begin(struct cf_eio_session *s, cf_ms now);
/* A message of the probe's WebSocket. *out_upgraded: it is now the session's, and the first SEND
 * actions are what waited. */
void cf_eio_probe_packet(struct cf_eio_session *s, struct cf_slice message, bool binary, cf_ms now,
                         bool *out_upgraded);
void cf_eio_probe_gone(struct cf_eio_session *s);

/* Queues a message. CF_E_STATE when the session is over or closes; CF_E_TOO_LARGE, CF_E_NOMEM: it
 * does not fit, the session closes as slow; CF_E_INVALID: text with a 0x1E in it, which no payload
 * can carry, and the session is on polling; it goes on. */
enum cf_error cf_eio_send(struct cf_eio_session *s, struct cf_slice message, bool binary);
/* Queues messages that are encoded as a payload already (`4…` 0x1E `4…`). Errors as cf_eio_send.
 */
enum cf_error cf_eio_send_payload(struct cf_eio_session *s, struct cf_slice payload);
/* Ends the session in order: what is queued still goes out, over polling with a close packet for
 * the GET behind it; nothing more is taken either way. */
void cf_eio_close(struct cf_eio_session *s, cf_ms now);
/* Ends it at once, for `end`. A GET that is open is told, as after every end. */
void cf_eio_abort(struct cf_eio_session *s, enum cf_eio_end end);

/* Nothing waits to be sent. */
bool cf_eio_is_drained(const struct cf_eio_session *s);
void cf_eio_tick(struct cf_eio_session *s, cf_ms now);
cf_ms cf_eio_deadline(const struct cf_eio_session *s);

#endif
