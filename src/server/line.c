#include "server/line.h"

#include "base/mutant.h"
#include "server/session.h"

/* A frame's head, a pong, a close frame. */
enum { OUT_BESIDE_MESSAGE = 4096 };

static cf_ms now_ms(struct cf_line *line)
{
    return cf_worker_now(cf_session_of_line(line)->worker).ms;
}

static void init_out(struct cf_buf *out, size_t message_len)
{
    cf_buf_init(out, message_len + OUT_BESIDE_MESSAGE);
}

/* Queues what the endpoint wants to say. */
static void send_out(struct cf_line *line, struct cf_buf *out, enum cf_error error)
{
    struct cf_conn *conn = &cf_session_of_line(line)->conn;
    if (error == CF_OK && out->len > 0)
        error = cf_conn_write(conn, cf_buf_peek(out));
    if (error != CF_OK && error != CF_E_STATE)
        cf_conn_abort(conn, error);
    cf_buf_deinit(out);
}

void cf_line_begin(struct cf_line *line, const struct cf_line_ops *ops, void *owner)
{
    line->ops = ops;
    line->owner = owner;
}

void cf_line_set_timer(struct cf_line *line)
{
    struct cf_session *session = cf_session_of_line(line);
    cf_ms deadline =
        cf_ms_earlier(cf_ws_endpoint_deadline(&line->endpoint), line->ops->deadline(line));
    if (deadline == CF_MS_NEVER)
        cf_loop_timer_stop(session->worker->loop, &session->timer);
    else
        cf_loop_timer_set(session->worker->loop, &session->timer, deadline);
}

void cf_line_read(struct cf_line *line, struct cf_slice bytes)
{
    const struct cf_conn *conn = &cf_session_of_line(line)->conn;
    struct cf_ws_event event;
    do {
        struct cf_buf out;
        init_out(&out, bytes.len); /* a pong is no longer than its ping */
        enum cf_error error = cf_ws_endpoint_next(&line->endpoint, now_ms(line),
                                                  !cf_conn_blocked(conn), &bytes, &out, &event);
        send_out(line, &out, error);
        if (error != CF_OK)
            return;
        line->ops->event(line, &event);
    } while (event.type != CF_WS_EVENT_NEED_MORE);
    cf_line_set_timer(line);
}

void cf_line_drained(struct cf_line *line)
{
    struct cf_buf out;
    init_out(&out, 0);
    send_out(line, &out, cf_ws_endpoint_writable(&line->endpoint, &out));
}

bool cf_line_tick(struct cf_line *line)
{
    struct cf_ws_event event;
    struct cf_buf out;
    init_out(&out, 0);
    send_out(line, &out, cf_ws_endpoint_tick(&line->endpoint, now_ms(line), &out, &event));
    if (event.type != CF_WS_EVENT_CLOSED)
        return true;
    line->ops->event(line, &event);
    return false;
}

enum cf_error cf_line_send(struct cf_line *line, enum cf_ws_opcode opcode, struct cf_slice message,
                           size_t queued_max)
{
    struct cf_buf out;
    if (cf_conn_outq(&cf_session_of_line(line)->conn)->bytes > queued_max)
        return CF_E_SLOW;
    init_out(&out, message.len);
    send_out(line, &out, cf_ws_endpoint_send(&line->endpoint, opcode, message, NULL, &out));
    return CF_OK;
}

/* An empty queue takes any turn: only who lets it wait is slow. */
enum cf_error cf_line_deliver(struct cf_line *line, struct cf_shared *frames, uint32_t messages,
                              size_t bytes_each)
{
    struct cf_session *session = cf_session_of_line(line);
    const struct cf_outq *queue = cf_conn_outq(&session->conn);
    size_t messages_max = session->worker->server->config->ws_send_buffer;
    bool full = queue->messages + messages > messages_max ||
                queue->bytes + frames->len > messages_max * bytes_each;
    if (full && queue->messages > 0 && !CF_MUTANT(SLOW_NEVER_CUT))
        return CF_E_SLOW;
    return cf_conn_queue(&session->conn, frames, messages);
}

void cf_line_ping(struct cf_line *line)
{
    struct cf_buf out;
    init_out(&out, 0);
    send_out(line, &out, cf_ws_endpoint_ping(&line->endpoint, now_ms(line), &out));
    cf_line_set_timer(line);
}

void cf_line_close(struct cf_line *line, unsigned code, const char *reason)
{
    struct cf_buf out;
    init_out(&out, 0);
    send_out(
        line, &out,
        cf_ws_endpoint_close(&line->endpoint, now_ms(line), code, cf_slice_cstr(reason), &out));
    cf_line_set_timer(line);
}
