/* One connection: HTTP at first (web.h), after an upgrade a shop's stream (stream.h), a line of a
 * Socket.IO socket (line.h) or an Orbital client's (orbit.h). */
#ifndef CF_SERVER_SESSION_H
#define CF_SERVER_SESSION_H

#include "edge/uv/conn.h"
#include "server/worker.h"

struct cf_web;
struct cf_stream;
struct cf_line;
struct cf_orbit;

struct cf_session {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* of whichever half is alive */
    struct cf_worker *worker;
    uint64_t ticket;
    /* At most one of them; none while a connection that was refused is closing. */
    struct cf_web *web;
    struct cf_stream *stream;
    struct cf_line *line;
    struct cf_orbit *orbit;
};

/* A new connection; owns `fd` in any case. */
void cf_session_accept(struct cf_worker *worker, int fd);
/* A connection that comes from another worker, its 101 queued. NULL when it could not be taken; the
 * parcel is used up. */
struct cf_session *cf_session_adopt(struct cf_worker *worker, struct cf_conn_parcel *parcel);
/* What a message of WEBSOCKET_SEND_BUFFER may take of a connection's queue, usually. */
enum { CF_QUEUED_BYTES_EACH = 4096 };
/* Queues WebSocket frames that many share. CF_E_SLOW: too many messages wait already, or more than
 * `bytes_each` for each of that limit. CF_E_STATE, CF_E_NOMEM as of cf_conn_queue. */
enum cf_error cf_session_deliver(struct cf_session *session, struct cf_shared *frames,
                                 uint32_t messages, size_t bytes_each);
/* The server is stopping: no new request, goodbye to the stream. */
void cf_session_drain(struct cf_session *session);

extern const struct cf_conn_ops cf_session_conn_ops;

static inline struct cf_session *cf_session_of_conn(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct cf_session, conn);
}

#endif
