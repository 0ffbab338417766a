/* Packets and payloads of Engine.IO 4 (protocol sections "Packet encoding", "Payload encoding").
 *
 * A packet is a type digit and its data; over WebSocket a binary message is the data itself. Over
 * HTTP several packets share a payload, with 0x1E between them, and a binary message is `b` and
 * base64. */
#ifndef CF_DIALECT_EIO_PACKET_H
#define CF_DIALECT_EIO_PACKET_H

#include "base/buf.h"

enum { CF_EIO_SEPARATOR = 0x1E };

enum cf_eio_type {
    CF_EIO_OPEN = '0',
    CF_EIO_CLOSE = '1',
    CF_EIO_PING = '2',
    CF_EIO_PONG = '3',
    CF_EIO_MESSAGE = '4',
    CF_EIO_UPGRADE = '5',
    CF_EIO_NOOP = '6',
};

enum { CF_EIO_BINARY = 'b' }; /* in the place of a type: a MESSAGE in base64 */

struct cf_eio_packet {
    enum cf_eio_type type;
    bool binary;          /* of a MESSAGE */
    struct cf_slice data; /* of one that was read: ptr is not NULL, even if it is empty */
};

/* One packet of a payload, or a WebSocket text message. Binary data is decoded into `scratch`;
 * other data borrows the text. CF_E_SYNTAX: empty, an unknown type, bad base64. CF_E_TOO_LARGE,
 * CF_E_NOMEM of `scratch`. */
enum cf_error cf_eio_packet_read(struct cf_slice text, struct cf_buf *scratch,
                                 struct cf_eio_packet *out_packet);
/* Appends a packet to a payload, a separator before it unless it is the first. The whole packet or
 * nothing: CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_eio_payload_append(struct cf_buf *payload, const struct cf_eio_packet *packet);

/* Why a request is refused; the numbers are the reference server's. */
enum cf_eio_code {
    CF_EIO_UNKNOWN_TRANSPORT,
    CF_EIO_UNKNOWN_SID,
    CF_EIO_BAD_METHOD,
    CF_EIO_BAD_REQUEST,
    CF_EIO_FORBIDDEN,
    CF_EIO_BAD_VERSION,
    CF_EIO_JSONP, /* told as code 3, with a text of its own */
};

/* The JSON body that goes with status 400 (403 for FORBIDDEN). */
struct cf_slice cf_eio_code_body(enum cf_eio_code code);

/* A request on the path, as far as the protocol looks at it: query parameters (ptr == NULL: absent)
 * and what sort of request it is. */
struct cf_eio_ask {
    struct cf_slice version, transport, sid, jsonp; /* EIO, transport, sid, j */
    bool get, post;
    bool websocket; /* a WebSocket handshake */
    bool stranger;  /* `sid` is known to name no session */
};

enum cf_eio_wish {
    CF_EIO_WISH_OPEN,    /* a new session, over `transport` */
    CF_EIO_WISH_POLL,    /* sid: hold until there is something to say */
    CF_EIO_WISH_POST,    /* sid: the body is a payload */
    CF_EIO_WISH_UPGRADE, /* sid: a WebSocket that wants to take the session over */
};

/* What can be said without the session. CF_E_INVALID with *out_code. */
enum cf_error cf_eio_ask_judge(const struct cf_eio_ask *ask, enum cf_eio_wish *out_wish,
                               enum cf_eio_code *out_code);

#endif
