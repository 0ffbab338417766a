/* One connection: HTTP at first (web.h), after an upgrade a WebSocket (line.h). */
#ifndef CF_SERVER_SESSION_H
#define CF_SERVER_SESSION_H

#include "edge/uv/conn.h"
#include "server/line.h"
#include "server/worker.h"

struct cf_web;

struct cf_session {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* of whichever half is alive */
    struct cf_worker *worker;
    uint64_t ticket;
    struct cf_web *web; /* NULL: it is a line, or was refused and is closing */
    struct cf_line line;
};

/* A new connection; owns `fd` in any case. */
void cf_session_accept(struct cf_worker *worker, int fd);
/* A connection that comes from another worker, its 101 queued. NULL when it could not be taken; the
 * parcel is used up. */
struct cf_session *cf_session_adopt(struct cf_worker *worker, struct cf_conn_parcel *parcel);
/* The server is stopping: no new request, goodbye to the WebSocket's peer. */
void cf_session_drain(struct cf_session *session);

extern const struct cf_conn_ops cf_session_conn_ops;

static inline struct cf_session *cf_session_of_conn(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct cf_session, conn);
}

static inline struct cf_session *cf_session_of_line(struct cf_line *line)
{
    return CF_CONTAINER_OF(line, struct cf_session, line);
}

#endif
