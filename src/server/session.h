/* One connection: HTTP at first (web.h), after an upgrade a shop's stream (stream.h) or a line of a
 * Socket.IO socket (line.h). */
#ifndef CF_SERVER_SESSION_H
#define CF_SERVER_SESSION_H

#include "edge/uv/conn.h"
#include "server/worker.h"

struct cf_web;
struct cf_stream;
struct cf_line;

struct cf_session {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* of whichever half is alive */
    struct cf_list link;        /* worker->sessions */
    struct cf_worker *worker;
    uint64_t ticket;
    /* At most one of them; none while a connection that was refused is closing. */
    struct cf_web *web;
    struct cf_stream *stream;
    struct cf_line *line;
};

/* A new connection; owns `fd` in any case. */
void cf_session_accept(struct cf_worker *worker, int fd);
/* A connection that comes from another worker, its 101 queued. NULL when it could not be taken; the
 * parcel is used up. */
struct cf_session *cf_session_adopt(struct cf_worker *worker, struct cf_conn_parcel *parcel);
/* Queues WebSocket frames that many share. CF_E_SLOW: too many messages, or bytes, wait already.
 * CF_E_STATE, CF_E_NOMEM as of cf_conn_queue. */
enum cf_error cf_session_deliver(struct cf_session *session, struct cf_shared *frames,
                                 uint32_t messages);
/* The server is stopping: no new request, goodbye to the stream. */
void cf_session_drain(struct cf_session *session);

extern const struct cf_conn_ops cf_session_conn_ops;

static inline struct cf_session *cf_session_of_conn(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct cf_session, conn);
}

#endif
