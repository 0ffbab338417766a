/* The life of a connection and the way in. */
#include "edge/uv/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/uv/conn_state.h"

/* Full buffers that one readiness event may bring before it is another connection's turn. */
enum { READ_ROUNDS_MAX = 4 };

enum cf_error cf_conn_error_of(int system_error)
{
    switch (system_error) {
    case 0:
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return CF_E_CLOSED;
    case ETIMEDOUT:
        return CF_E_TIMEOUT;
    case ENOMEM:
    case ENOBUFS:
        return CF_E_NOMEM;
    default: {
        char text[128];
        uv_strerror_r(uv_translate_sys_error(system_error), text, sizeof(text));
        cf_log(CF_LOG_DEBUG, "connection failed", CF_KV_CSTR("why", text));
        return CF_E_IO;
    }
    }
}

static enum cf_error socket_error(const struct cf_conn *conn)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    return cf_conn_error_of(error);
}

static void on_timer(struct cf_loop_timer *timer);

struct cf_conn_extra *cf_conn_extra_of(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    if (extra != NULL)
        return extra;
    extra = calloc(1, sizeof(*extra));
    if (extra == NULL)
        return NULL;
    cf_loop_timer_init(&extra->timer, on_timer);
    cf_buf_init(&extra->cipher, CF_LOOP_CIPHER_MAX);
    extra->tls = cf_conn_tls(conn);
    conn->rest.extra = extra;
    conn->tls_only = false;
    return extra;
}

void cf_conn_extra_shed(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    if (extra == NULL || extra->dial != NULL || extra->cipher.len > 0 ||
        cf_timer_armed(&extra->timer.timer))
        return;
    conn->tls_only = extra->tls != NULL;
    if (conn->tls_only)
        conn->rest.tls = extra->tls;
    else
        conn->rest.extra = NULL;
    cf_buf_deinit(&extra->cipher);
    free(extra);
}

void cf_conn_rest_free(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    cf_tls_free(cf_conn_tls(conn));
    if (extra != NULL) {
        cf_conn_dial_free(conn);
        cf_buf_deinit(&extra->cipher);
        free(extra);
    }
    conn->tls_only = false;
    conn->rest.extra = NULL;
}

void cf_conn_finish(struct cf_conn *conn)
{
    cf_conn_rest_free(conn);
    conn->config->ops->closed(conn, (enum cf_error)conn->why);
}

/* What the connection holds is given back at once, but for what is needed to the end: this may run
 * below a function that uses it. */
static void set_closed(struct cf_conn *conn, enum cf_error why)
{
    conn->state = CONN_CLOSED;
    conn->why = (uint8_t)why;
    cf_conn_wait_stop(conn);
    cf_list_remove(&conn->pending);
    cf_list_push_back(&cf_conn_loop(conn)->closed, &conn->pending);
}

void cf_conn_end(struct cf_conn *conn, enum cf_error why)
{
    if (cf_conn_is_in(conn, CONN_CLOSED))
        return;
    cf_outq_deinit(&conn->outq);
    set_closed(conn, why);
    close(conn->fd); /* which takes it out of the loop's set */
    conn->fd = -1;
    conn->watched = 0;
}

static unsigned wanted_events(const struct cf_conn *conn)
{
    unsigned writable = conn->stalled ? UV_WRITABLE : 0;
    unsigned readable = conn->ended ? 0 : UV_READABLE;
    switch ((enum conn_state)conn->state) {
    case CONN_CONNECTING:
        return UV_WRITABLE;
    case CONN_OPEN:
        return writable | (conn->paused ? 0 : readable);
    case CONN_HANDSHAKE:
    case CONN_SHUTTING:
    case CONN_LINGERING:
        return writable | readable;
    case CONN_ENDING:
        return writable;
    case CONN_RESOLVING:
    case CONN_OPENING:
    case CONN_CLOSED:
        return 0;
    }
    return 0;
}

static bool wants_read(const struct cf_conn *conn)
{
    return (wanted_events(conn) & UV_READABLE) != 0;
}

void cf_conn_peer_ended(struct cf_conn *conn)
{
    conn->ended = true;
    if (cf_conn_is_in(conn, CONN_LINGERING)) {
        cf_conn_end(conn, CF_OK);
    } else if (cf_conn_is_in(conn, CONN_OPEN) && (!cf_outq_empty(&conn->outq) || conn->stalled)) {
        conn->state = CONN_ENDING;
        cf_conn_watch(conn);
    } else if (cf_conn_is_in(conn, CONN_SHUTTING)) {
        cf_conn_watch(conn);
    } else {
        cf_conn_end(conn, CF_E_CLOSED);
    }
}

/* What comes after our shut is read, so that the peer can get as far as its own end, and thrown
 * away. */
static void take_bytes(struct cf_conn *conn, struct cf_slice bytes)
{
    if (cf_conn_is_in(conn, CONN_SHUTTING) || cf_conn_is_in(conn, CONN_LINGERING))
        return;
    if (cf_conn_is_tls(conn))
        cf_conn_tls_input(conn, bytes);
    else
        conn->config->ops->read(conn, bytes);
}

/* After our goodbye a reset tells nothing new. */
static void fail_read(struct cf_conn *conn, int system_error)
{
    bool done = cf_conn_is_in(conn, CONN_LINGERING);
    cf_conn_end(conn, done ? CF_OK : cf_conn_error_of(system_error));
}

static void read_socket(struct cf_conn *conn)
{
    struct cf_loop *loop = cf_conn_loop(conn);
    for (int round = 0; round < READ_ROUNDS_MAX && wants_read(conn); round++) {
        ssize_t got;
        do {
            got = read(conn->fd, loop->read_buffer, sizeof(loop->read_buffer));
        } while (got < 0 && errno == EINTR);
        if (got > 0)
            take_bytes(conn, cf_slice_of(loop->read_buffer, (size_t)got));
        else if (got == 0)
            cf_conn_peer_ended(conn);
        else if (errno != EAGAIN && errno != EWOULDBLOCK)
            fail_read(conn, errno);
        if (got < (ssize_t)sizeof(loop->read_buffer))
            return;
    }
}

/* What had come before the error is still there to be read. */
static void handle_socket_error(struct cf_conn *conn)
{
    (void)cf_watch_set(conn, 0); /* or it would be told for ever */
    if (cf_conn_is_in(conn, CONN_CONNECTING)) {
        cf_conn_dial_step(conn);
        return;
    }
    read_socket(conn);
    if (cf_conn_is_in(conn, CONN_LINGERING))
        cf_conn_end(conn, CF_OK);
    else if (!cf_conn_is_in(conn, CONN_CLOSED))
        cf_conn_end(conn, socket_error(conn));
}

void cf_conn_ready(struct cf_conn *conn, unsigned events)
{
    if (cf_conn_is_in(conn, CONN_OPENING))
        return; /* the owner was not told of it yet */
    if (events == UV_DISCONNECT) {
        handle_socket_error(conn);
        return;
    }
    if (cf_conn_is_in(conn, CONN_CONNECTING)) {
        cf_conn_dial_step(conn);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && conn->stalled)
        cf_conn_flush(conn);
    if ((events & UV_READABLE) != 0)
        read_socket(conn);
}

void cf_conn_watch(struct cf_conn *conn)
{
    if (!cf_conn_is_in(conn, CONN_CLOSED) && !cf_watch_set(conn, wanted_events(conn)))
        cf_conn_end(conn, CF_E_IO);
}

void cf_conn_mark_dirty(struct cf_conn *conn)
{
    bool ready = conn->state >= CONN_HANDSHAKE && conn->state <= CONN_SHUTTING;
    if (ready && !conn->stalled && cf_list_empty(&conn->pending))
        cf_list_push_back(&cf_conn_loop(conn)->dirty, &conn->pending);
}

static void on_timer(struct cf_loop_timer *timer)
{
    struct cf_conn *conn = CF_CONTAINER_OF(timer, struct cf_conn_extra, timer)->conn;
    cf_conn_end(conn, cf_conn_is_in(conn, CONN_LINGERING) ? CF_OK : CF_E_TIMEOUT);
}

void cf_conn_wait(struct cf_conn *conn, cf_ms wait_ms)
{
    struct cf_loop *loop = cf_conn_loop(conn);
    struct cf_conn_extra *extra = cf_conn_extra_of(conn);
    if (extra == NULL) {
        cf_conn_end(conn, CF_E_NOMEM);
        return;
    }
    cf_ms now = cf_loop_now(loop).ms;
    cf_ms deadline = wait_ms < CF_MS_NEVER - now ? now + wait_ms : CF_MS_NEVER;
    extra->conn = conn;
    cf_loop_timer_set(loop, &extra->timer, deadline);
}

void cf_conn_wait_stop(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    if (extra == NULL)
        return;
    cf_loop_timer_stop(cf_conn_loop(conn), &extra->timer);
    cf_conn_extra_shed(conn);
}

void cf_conn_announce(struct cf_conn *conn)
{
    conn->state = CONN_OPEN;
    if (conn->stalled)
        cf_conn_wait(conn, conn->config->write_wait_ms);
    else
        cf_conn_wait_stop(conn);
    cf_conn_watch(conn);
    if (!cf_outq_empty(&conn->outq))
        cf_conn_mark_dirty(conn);
    if (conn->config->ops->opened != NULL && cf_conn_is_in(conn, CONN_OPEN))
        conn->config->ops->opened(conn);
}

void cf_conn_init(struct cf_conn *conn, struct cf_loop *loop, const struct cf_conn_config *config)
{
    *conn = (struct cf_conn){.loop = loop, .config = config, .fd = -1};
    cf_outq_init(&conn->outq);
    cf_list_init(&conn->pending);
}

static enum cf_error start_tls(struct cf_conn *conn, struct cf_tls_context *tls)
{
    if (cf_conn_extra_of(conn) == NULL)
        return CF_E_NOMEM;
    return cf_conn_tls_new(conn, tls, NULL);
}

enum cf_error cf_conn_start(struct cf_conn *conn, struct cf_loop *loop,
                            const struct cf_conn_config *config, int fd, struct cf_tls_context *tls)
{
    cf_conn_init(conn, loop, config);
    conn->fd = fd;
    enum cf_error error = tls == NULL ? CF_OK : start_tls(conn, tls);
    if (error == CF_OK && !cf_watch_set(conn, UV_READABLE))
        error = CF_E_IO;
    if (error != CF_OK) {
        cf_conn_rest_free(conn);
        close(fd);
        return error;
    }
    if (tls == NULL) {
        conn->state = CONN_OPENING;
        cf_list_push_back(&loop->opening, &conn->pending);
    } else {
        conn->state = CONN_HANDSHAKE;
        cf_conn_wait(conn, config->handshake_wait_ms);
    }
    return CF_OK;
}

enum cf_error cf_conn_pack(struct cf_conn *conn, struct cf_conn_parcel *out_parcel)
{
    if (!cf_conn_is_in(conn, CONN_OPEN) || conn->stalled || conn->ended)
        return CF_E_STATE;
    if (!cf_watch_set(conn, 0))
        return CF_E_STATE;
    *out_parcel = (struct cf_conn_parcel){conn->fd, conn->tls_only, conn->rest, conn->outq};
    conn->tls_only = false;
    conn->rest.extra = NULL;
    conn->fd = -1;
    cf_outq_init(&conn->outq);
    set_closed(conn, CF_OK);
    return CF_OK;
}

enum cf_error cf_conn_unpack(struct cf_conn *conn, struct cf_loop *loop,
                             const struct cf_conn_config *config, struct cf_conn_parcel *parcel)
{
    cf_conn_init(conn, loop, config);
    conn->fd = parcel->fd;
    if (!cf_watch_set(conn, UV_READABLE)) {
        cf_conn_parcel_drop(parcel);
        return CF_E_IO;
    }
    conn->tls_only = parcel->tls_only;
    conn->rest = parcel->rest;
    conn->outq = parcel->outq;
    conn->state = CONN_OPENING;
    cf_list_push_back(&loop->opening, &conn->pending);
    return CF_OK;
}

void cf_conn_parcel_drop(struct cf_conn_parcel *parcel)
{
    struct cf_conn left = {.tls_only = parcel->tls_only, .rest = parcel->rest};
    cf_conn_rest_free(&left);
    cf_outq_deinit(&parcel->outq);
    close(parcel->fd);
}

void cf_conn_pause(struct cf_conn *conn)
{
    conn->paused = true;
    cf_conn_watch(conn);
}

void cf_conn_resume(struct cf_conn *conn)
{
    conn->paused = false;
    cf_conn_watch(conn);
}

bool cf_conn_paused(const struct cf_conn *conn)
{
    return conn->paused;
}

void cf_conn_shut(struct cf_conn *conn)
{
    switch ((enum conn_state)conn->state) {
    case CONN_RESOLVING:
    case CONN_CONNECTING:
    case CONN_HANDSHAKE:
        cf_conn_end(conn, CF_OK);
        return;
    case CONN_OPENING:
    case CONN_OPEN:
        cf_list_remove(&conn->pending);
        conn->state = CONN_SHUTTING;
        cf_conn_watch(conn);
        cf_conn_mark_dirty(conn);
        return;
    case CONN_ENDING:
    case CONN_SHUTTING:
    case CONN_LINGERING:
    case CONN_CLOSED:
        return;
    }
}

void cf_conn_abort(struct cf_conn *conn, enum cf_error why)
{
    cf_conn_end(conn, why);
}

bool cf_conn_is_tls(const struct cf_conn *conn)
{
    return cf_conn_tls(conn) != NULL;
}
