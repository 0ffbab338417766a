#include "server/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mutant.h"
#include "server/line.h"
#include "server/orbit.h"
#include "server/stream.h"
#include "server/web.h"

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct cf_session *session = cf_session_of_conn(conn);
    if (session->stream != NULL)
        cf_stream_read(session->stream, bytes);
    else if (session->line != NULL)
        cf_line_read(session->line, bytes);
    else if (session->orbit != NULL)
        cf_orbit_read(session->orbit, bytes);
    else if (session->web != NULL)
        cf_web_read(session->web, bytes);
}

static void on_drained(struct cf_conn *conn)
{
    struct cf_session *session = cf_session_of_conn(conn);
    if (session->stream != NULL)
        cf_stream_drained(session->stream);
    else if (session->line != NULL)
        cf_line_drained(session->line);
    else if (session->orbit != NULL)
        cf_orbit_drained(session->orbit);
    else if (session->web != NULL)
        cf_web_drained(session->web);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct cf_session *session = cf_session_of_conn(conn);
    struct cf_worker *worker = session->worker;
    cf_loop_timer_stop(worker->loop, &session->timer);
    if (session->stream != NULL)
        cf_stream_free(session->stream, why);
    if (session->line != NULL)
        cf_line_free(session->line);
    if (session->orbit != NULL)
        cf_orbit_free(session->orbit, why);
    cf_web_free(session->web);
    cf_slots_remove(&worker->slots, session->ticket);
    free(session);
    cf_worker_session_gone(worker);
}

const struct cf_conn_ops cf_session_conn_ops = {
    .read = on_read,
    .drained = on_drained,
    .closed = on_closed,
};

static void on_timer(struct cf_loop_timer *timer)
{
    struct cf_session *session = CF_CONTAINER_OF(timer, struct cf_session, timer);
    if (session->stream != NULL)
        cf_stream_timer(session->stream);
    else if (session->line != NULL)
        cf_line_timer(session->line);
    else if (session->orbit != NULL)
        cf_orbit_timer(session->orbit);
    else if (session->web != NULL)
        cf_web_timer(session->web);
}

/* Everything of a session but its connection. NULL without memory. */
static struct cf_session *new_session(struct cf_worker *worker)
{
    struct cf_session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return NULL;
    session->worker = worker;
    cf_loop_timer_init(&session->timer, on_timer);
    if (cf_slots_put(&worker->slots, session, &session->ticket) == CF_OK)
        return session;
    free(session);
    return NULL;
}

static void free_unconnected(struct cf_session *session)
{
    cf_slots_remove(&session->worker->slots, session->ticket);
    cf_web_free(session->web);
    free(session);
}

static void enlist(struct cf_session *session)
{
    struct cf_worker *worker = session->worker;
    worker->sessions_count++;
    atomic_fetch_add_explicit(&worker->metrics.connections, 1, memory_order_relaxed);
}

void cf_session_accept(struct cf_worker *worker, int fd)
{
    struct cf_session *session = new_session(worker);
    if (session == NULL) {
        close(fd);
        return;
    }
    session->web = cf_web_new(session);
    if (session->web == NULL) {
        free_unconnected(session);
        close(fd);
        return;
    }
    struct cf_tls_context *tls = cf_server_tls(worker->server);
    enum cf_error error =
        cf_conn_start(&session->conn, worker->loop, &worker->server->conn_config, fd, tls);
    cf_tls_context_unref(tls);
    if (error != CF_OK) {
        free_unconnected(session);
        return;
    }
    enlist(session);
    cf_count(&worker->metrics, CF_COUNT_ACCEPTED);
    cf_web_begin(session->web);
}

struct cf_session *cf_session_adopt(struct cf_worker *worker, struct cf_conn_parcel *parcel)
{
    struct cf_session *session = new_session(worker);
    if (session == NULL) {
        cf_conn_parcel_drop(parcel);
        return NULL;
    }
    if (cf_conn_unpack(&session->conn, worker->loop, &worker->server->conn_config, parcel) !=
        CF_OK) {
        free_unconnected(session);
        return NULL;
    }
    enlist(session);
    return session;
}

/* An empty queue takes any turn: only who lets it wait is slow. */
enum cf_error cf_session_deliver(struct cf_session *session, struct cf_shared *frames,
                                 uint32_t messages, size_t bytes_each)
{
    const struct cf_outq *queue = cf_conn_outq(&session->conn);
    size_t messages_max = session->worker->server->config->ws_send_buffer;
    bool full = queue->messages + messages > messages_max ||
                queue->bytes + frames->len > messages_max * bytes_each;
    if (full && queue->messages > 0 && !CF_MUTANT(SLOW_NEVER_CUT))
        return CF_E_SLOW;
    return cf_conn_queue(&session->conn, frames, messages);
}

/* A line's goodbye is its socket's. */
void cf_session_drain(struct cf_session *session)
{
    if (session->stream != NULL)
        cf_stream_close(session->stream, CF_STREAM_SHUTDOWN);
    else if (session->orbit != NULL)
        cf_orbit_close(session->orbit, CF_ORBIT_SHUTDOWN);
    else if (session->web != NULL)
        cf_web_drain(session->web);
}
