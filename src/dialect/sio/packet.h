/* Packets of Socket.IO 5 (protocol section "Packet encoding"): a type digit, the number of binary
 * attachments and `-`, the namespace and `,` unless it is `/`, an ack id, JSON.
 *
 *     2["message:send",7,{"text":"hi"}]     an event; 212[…] asks for the ack 12
 *     312[{"success":true}]                 that ack
 *     51-["file",{"_placeholder":true,"num":0}]   followed by one binary message */
#ifndef CF_DIALECT_SIO_PACKET_H
#define CF_DIALECT_SIO_PACKET_H

#include "base/buf.h"

enum cf_sio_type {
    CF_SIO_CONNECT,
    CF_SIO_DISCONNECT,
    CF_SIO_EVENT,
    CF_SIO_ACK,
    CF_SIO_CONNECT_ERROR,
    CF_SIO_BINARY_EVENT,
    CF_SIO_BINARY_ACK,
};

enum { CF_SIO_ATTACHMENTS_MAX = 10 };

struct cf_sio_packet {
    enum cf_sio_type type;
    unsigned attachments; /* announced: 1 to CF_SIO_ATTACHMENTS_MAX of a binary packet, else 0 */
    struct cf_slice nsp;  /* "/" when none is written */
    bool has_id;
    uint64_t id;             /* at most 2^53 - 1, what a client can count to */
    struct cf_slice payload; /* JSON, not looked into; ptr == NULL: none */
};

/* The packet of a text message; slices borrow it. CF_E_SYNTAX; CF_E_TOO_MANY: attachments over
 * CF_SIO_ATTACHMENTS_MAX (hazard V14). */
enum cf_error cf_sio_packet_read(struct cf_slice text, struct cf_sio_packet *out_packet);
/* Appends everything before the payload. CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_sio_packet_begin(struct cf_buf *out, const struct cf_sio_packet *packet);

#endif
