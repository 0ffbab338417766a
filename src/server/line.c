#include "server/line.h"

#include <stdlib.h>

#include "server/socket.h"

enum { OUT_BESIDE_MESSAGE = 4096 };

static struct cf_worker *worker_of(const struct cf_line *line)
{
    return line->session->worker;
}

static cf_ms now_ms(const struct cf_line *line)
{
    return cf_worker_now(worker_of(line)).ms;
}

static void init_out(struct cf_buf *out, size_t message_len)
{
    cf_buf_init(out, message_len + OUT_BESIDE_MESSAGE);
}

/* Queues what the endpoint wants to say. */
static void send_out(struct cf_line *line, struct cf_buf *out, enum cf_error error)
{
    if (error == CF_OK && out->len > 0)
        error = cf_conn_write(&line->session->conn, cf_buf_peek(out));
    if (error != CF_OK && error != CF_E_STATE)
        cf_conn_abort(&line->session->conn, error);
    cf_buf_deinit(out);
}

static void set_timer(struct cf_line *line)
{
    cf_ms deadline = cf_ws_endpoint_deadline(&line->endpoint);
    struct cf_loop *loop = worker_of(line)->loop;
    if (deadline == CF_MS_NEVER)
        cf_loop_timer_stop(loop, &line->session->timer);
    else
        cf_loop_timer_set(loop, &line->session->timer, deadline);
}

struct cf_line *cf_line_new(struct cf_session *session, struct cf_socket *socket)
{
    struct cf_line *line = calloc(1, sizeof(*line));
    if (line == NULL)
        return NULL;
    struct cf_ws_deflate_params plain = {.enabled = false};
    line->session = session;
    line->socket = socket;
    session->line = line;
    cf_ws_endpoint_init(&line->endpoint, &session->worker->server->sio_ws_config, &plain, NULL,
                        now_ms(line));
    set_timer(line);
    return line;
}

/* Who asks and never reads the answers is slow, too; as much may wait as for a GET. */
enum cf_error cf_line_send(struct cf_line *line, bool binary, struct cf_slice message)
{
    struct cf_buf out;
    if (cf_conn_outq(&line->session->conn)->bytes >
        worker_of(line)->server->eio_config.queue_bytes_max)
        return CF_E_SLOW;
    init_out(&out, message.len);
    send_out(line, &out,
             cf_ws_endpoint_send(&line->endpoint, binary ? CF_WS_BINARY : CF_WS_TEXT, message, NULL,
                                 &out));
    return CF_OK;
}

enum cf_error cf_line_deliver(struct cf_line *line, struct cf_shared *frames, uint32_t messages)
{
    if (!cf_ws_endpoint_open(&line->endpoint))
        return CF_E_STATE;
    return cf_session_deliver(line->session, frames, messages, CF_QUEUED_BYTES_EACH);
}

void cf_line_close(struct cf_line *line, unsigned code)
{
    struct cf_buf out;
    init_out(&out, 0);
    line->socket = NULL;
    send_out(line, &out,
             cf_ws_endpoint_close(&line->endpoint, now_ms(line), code, CF_LIT(""), &out));
    set_timer(line);
}

/* The closing handshake is over, or the peer is dead. */
static void ended(struct cf_line *line)
{
    struct cf_socket *socket = line->socket;
    line->socket = NULL;
    cf_conn_shut(&line->session->conn);
    if (socket != NULL)
        cf_socket_line_gone(socket, line);
}

void cf_line_read(struct cf_line *line, struct cf_slice bytes)
{
    struct cf_ws_event event;
    do {
        struct cf_buf out;
        init_out(&out, bytes.len); /* a pong is shorter than its ping */
        bool writable = !cf_conn_blocked(&line->session->conn);
        enum cf_error error =
            cf_ws_endpoint_next(&line->endpoint, now_ms(line), writable, &bytes, &out, &event);
        send_out(line, &out, error);
        if (error != CF_OK)
            return;
        bool message = event.type == CF_WS_EVENT_TEXT || event.type == CF_WS_EVENT_BINARY;
        if (message && line->socket != NULL)
            cf_socket_message(line->socket, line, event.payload, event.type == CF_WS_EVENT_BINARY);
        if (event.type == CF_WS_EVENT_CLOSED)
            ended(line);
    } while (event.type != CF_WS_EVENT_NEED_MORE);
    set_timer(line);
}

void cf_line_drained(struct cf_line *line)
{
    struct cf_buf out;
    init_out(&out, 0);
    send_out(line, &out, cf_ws_endpoint_writable(&line->endpoint, &out));
}

void cf_line_timer(struct cf_line *line)
{
    struct cf_ws_event event;
    struct cf_buf out;
    init_out(&out, 0);
    send_out(line, &out, cf_ws_endpoint_tick(&line->endpoint, now_ms(line), &out, &event));
    if (event.type == CF_WS_EVENT_CLOSED)
        ended(line);
    set_timer(line);
}

void cf_line_free(struct cf_line *line)
{
    struct cf_socket *socket = line->socket;
    line->socket = NULL;
    if (socket != NULL)
        cf_socket_line_gone(socket, line);
    cf_ws_endpoint_deinit(&line->endpoint);
    free(line);
}
