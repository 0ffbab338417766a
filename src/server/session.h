/* One connection: HTTP at first (web.h), a stream after an upgrade (stream.h). */
#ifndef CF_SERVER_SESSION_H
#define CF_SERVER_SESSION_H

#include "edge/uv/conn.h"
#include "server/worker.h"

struct cf_web;
struct cf_stream;

struct cf_session {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* of whichever half is alive */
    struct cf_list link;        /* worker->sessions */
    struct cf_worker *worker;
    uint64_t ticket;
    struct cf_web *web;       /* NULL once it is a stream */
    struct cf_stream *stream; /* NULL before */
};

/* A new connection; owns `fd` in any case. */
void cf_session_accept(struct cf_worker *worker, int fd);
/* The server is stopping: no new request, goodbye to the stream. */
void cf_session_drain(struct cf_session *session);

extern const struct cf_conn_ops cf_session_conn_ops;

static inline struct cf_session *cf_session_of_conn(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct cf_session, conn);
}

#endif
