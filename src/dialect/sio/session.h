/* A Socket.IO 5 connection, the server's side: packets with their attachments put together, the
 * namespaces that the client is in, the time it may take to enter one. A machine without I/O that
 * knows nothing of what the events mean, nor of what carries the messages.
 *
 *     cf_sio_session_init(&s, &config, now);
 *     error = cf_sio_next(&s, message, binary, now, &arena, &reply, &event);   a message
 *     cf_sio_accept / cf_sio_refuse                  the answer to a CONNECT event
 *     error = cf_sio_tick(&s, now);                  at its deadline
 *     cf_sio_session_deinit(&s);
 *
 * An error means that the client broke the protocol, or ran out of time: close its connection, as
 * the reference server does. */
#ifndef CF_DIALECT_SIO_SESSION_H
#define CF_DIALECT_SIO_SESSION_H

#include "base/time.h"
#include "dialect/sio/args.h"
#include "dialect/sio/packet.h"

enum { CF_SIO_NAMESPACES_MAX = 8 };

struct cf_sio_config {
    const struct cf_slice *namespaces; /* that exist: "/", … */
    size_t namespaces_count;           /* at most CF_SIO_NAMESPACES_MAX */
    cf_ms connect_timeout_ms;          /* to be let into a namespace */
    cf_ms attachments_timeout_ms;      /* for all binary messages of a packet */
    size_t attachments_bytes_max;      /* of a packet, together */
    struct cf_json_limits json;
    const uint8_t *hash_key; /* 16 random bytes of this process */
};

enum cf_sio_event_type {
    CF_SIO_NOTHING,      /* handled: a reply may be to be sent */
    CF_SIO_WANTS_IN,     /* CONNECT: accept or refuse, now or later */
    CF_SIO_LEFT,         /* DISCONNECT of a namespace */
    CF_SIO_HAPPENED,     /* EVENT */
    CF_SIO_ACKNOWLEDGED, /* ACK */
};

struct cf_sio_event {
    enum cf_sio_event_type type;
    unsigned nsp;         /* index of config->namespaces */
    struct cf_slice auth; /* WANTS_IN: a JSON object; ptr == NULL: none */
    bool has_id;          /* HAPPENED: an ack is asked for */
    uint64_t id;
    struct cf_sio_args args; /* HAPPENED: the event's name, a string, is the first */
    struct cf_slice attachments[CF_SIO_ATTACHMENTS_MAX];
    unsigned attachments_count;
};

enum cf_sio_place { CF_SIO_OUTSIDE, CF_SIO_WAITING, CF_SIO_INSIDE };

/* What a binary packet needs until it is whole. */
struct cf_sio_parts;

/* Members are its own. 32 bytes on a 64-bit machine. */
struct cf_sio_session {
    const struct cf_sio_config *config;
    struct cf_sio_parts *parts; /* NULL: no packet is incomplete */
    cf_ms connect_until;
    uint8_t places[CF_SIO_NAMESPACES_MAX]; /* enum cf_sio_place */
};

/* `config` is borrowed. */
void cf_sio_session_init(struct cf_sio_session *s, const struct cf_sio_config *config, cf_ms now);
void cf_sio_session_deinit(struct cf_sio_session *s);
/* Takes one message. Slices of the event borrow the message, the session until the next call, and
 * the arena. `reply` gets what is to be sent at once (it is empty if nothing is). CF_E_SYNTAX,
 * CF_E_PROTOCOL, CF_E_TOO_MANY, CF_E_TOO_LARGE, CF_E_NOMEM and the errors of the JSON reader: close
 * the connection. */
enum cf_error cf_sio_next(struct cf_sio_session *s, struct cf_slice message, bool binary, cf_ms now,
                          struct cf_arena *arena, struct cf_buf *reply,
                          struct cf_sio_event *out_event);
/* Lets a client that waits in; appends the packet. `pid` (may be empty): by which the session can
 * be recovered. */
enum cf_error cf_sio_accept(struct cf_sio_session *s, unsigned nsp, struct cf_slice sid,
                            struct cf_slice pid, struct cf_buf *out);
/* Refuses it: {"message":…,"data":{"code":…}}, without data when `code` is NULL. */
enum cf_error cf_sio_refuse(struct cf_sio_session *s, unsigned nsp, const char *message,
                            const char *code, cf_ms now, struct cf_buf *out);
/* Puts the client out of a namespace it is in; appends the packet. */
enum cf_error cf_sio_expel(struct cf_sio_session *s, unsigned nsp, cf_ms now, struct cf_buf *out);
bool cf_sio_inside(const struct cf_sio_session *s, unsigned nsp);
/* CF_E_TIMEOUT, told once: close the connection. */
enum cf_error cf_sio_tick(struct cf_sio_session *s, cf_ms now);
cf_ms cf_sio_deadline(const struct cf_sio_session *s);

#endif
