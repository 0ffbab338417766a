#include "server/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/web.h"

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct cf_session *session = cf_session_of_conn(conn);
    if (session->line.ops != NULL)
        cf_line_read(&session->line, bytes);
    else if (session->web != NULL)
        cf_web_read(session->web, bytes);
}

static void on_drained(struct cf_conn *conn)
{
    struct cf_session *session = cf_session_of_conn(conn);
    if (session->line.ops != NULL)
        cf_line_drained(&session->line);
    else if (session->web != NULL)
        cf_web_drained(session->web);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct cf_session *session = cf_session_of_conn(conn);
    struct cf_worker *worker = session->worker;
    cf_loop_timer_stop(worker->loop, &session->timer);
    if (session->line.ops != NULL)
        session->line.ops->gone(&session->line, why);
    cf_ws_endpoint_deinit(&session->line.endpoint);
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
    if (session->line.ops != NULL)
        session->line.ops->timer(&session->line);
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

void cf_session_drain(struct cf_session *session)
{
    if (session->line.ops != NULL)
        session->line.ops->drain(&session->line);
    else if (session->web != NULL)
        cf_web_drain(session->web);
}
