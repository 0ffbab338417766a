/* One connection: an HTTP request first, then, if that asked for it rightly, a WebSocket. */
#include <stdlib.h>
#include <unistd.h>

#include "edge/tls/digest.h"
#include "wire/http/decoder.h"
#include "wire/http/encoder.h"
#include "wire/ws/handshake.h"
#include "ws_echo.h"

enum {
    REQUEST_WAIT_MS = 10000,       /* for a whole request */
    BACKLOG_MAX = 4 * 1024 * 1024, /* echoes that wait; over it the peer is not read from */
    OFFERS_MAX = 16384,
};

/* What a connection is just now. */
enum phase { PHASE_REQUEST, PHASE_UPGRADED, PHASE_WEBSOCKET, PHASE_OVER };

struct session {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* the request's deadline, later the endpoint's */
    struct cf_list link;        /* echo->server.sessions */
    struct ws_echo *echo;
    enum phase phase;
    bool has_endpoint;
    struct cf_http_decoder http;
    struct cf_ws_endpoint ws;
    struct cf_ws_deflate_params deflate;
    struct cf_ws_deflater *deflater; /* NULL: no compression */
    struct cf_ws_inflater *inflater;
};

/* RFC 7692 in full, so that all of it can be tried. */
static const struct cf_ws_deflate_policy deflate_policy = {
    .allow_server_takeover = true,
    .allow_client_takeover = true,
    .server_window_bits_max = 15,
};

static struct session *session_of(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct session, conn);
}

static cf_ms now_ms(const struct session *session)
{
    return cf_loop_now(session->echo->server.loop).ms;
}

/* Hands echo->out to the connection. */
static void send_out(struct session *session)
{
    struct cf_buf *out = &session->echo->out;
    enum cf_error error = CF_OK;
    if (out->len > 0)
        error = cf_conn_write(&session->conn, cf_buf_peek(out));
    cf_buf_reset(out);
    if (error == CF_E_NOMEM)
        cf_conn_abort(&session->conn, error);
}

static void finish(struct session *session)
{
    session->phase = PHASE_OVER;
    cf_loop_timer_stop(session->echo->server.loop, &session->timer);
    cf_conn_shut(&session->conn);
}

/* --- the request --- */

static const char *text_of(unsigned status)
{
    switch (status) {
    case 426:
        return "This server speaks WebSocket (RFC 6455) only.\n";
    case 400:
        return "The request is malformed.\n";
    default:
        return cf_http_phrase(status);
    }
}

static enum cf_error write_refusal(struct session *session, unsigned status)
{
    struct cf_buf *out = &session->echo->out;
    struct cf_slice body = cf_slice_cstr(text_of(status));
    enum cf_error error = cf_http_write_status(out, status);
    if (error == CF_OK && status == 426) {
        error = cf_http_write_header(out, "Upgrade", CF_LIT("websocket"));
        if (error == CF_OK)
            error = cf_http_write_header(out, "Sec-WebSocket-Version", CF_LIT("13"));
    }
    if (error == CF_OK)
        error = cf_http_write_header(out, "Connection",
                                     status == 426 ? CF_LIT("upgrade, close") : CF_LIT("close"));
    if (error == CF_OK)
        error = cf_http_write_header(out, "Content-Type", CF_LIT("text/plain"));
    if (error == CF_OK)
        error = cf_http_write_header_u64(out, "Content-Length", body.len);
    if (error == CF_OK)
        error = cf_http_write_end(out);
    return error == CF_OK ? cf_buf_append(out, body) : error;
}

static void refuse(struct session *session, unsigned status)
{
    if (write_refusal(session, status) != CF_OK)
        cf_buf_reset(&session->echo->out);
    send_out(session);
    finish(session);
}

/* 0: a rightful upgrade, else the status that refuses it. */
static unsigned check_offer(const struct cf_http_head *head)
{
    struct cf_ws_offer offer = {
        .get = head->method == CF_HTTP_GET,
        .http_1_1 = head->minor >= 1,
        .connection_upgrade = head->upgrade,
        .upgrade = cf_http_header_get(head, "Upgrade"),
        .key = cf_http_header_get(head, "Sec-WebSocket-Key"),
        .version = cf_http_header_get(head, "Sec-WebSocket-Version"),
        .key_count = cf_http_header_count(head, "Sec-WebSocket-Key"),
        .version_count = cf_http_header_count(head, "Sec-WebSocket-Version"),
    };
    if (offer.upgrade.ptr == NULL && offer.key_count == 0)
        return 426; /* an ordinary request */
    if (head->chunked || head->length > 0)
        return 400; /* frames would be taken for its body */
    enum cf_error error = cf_ws_offer_check(&offer);
    if (error == CF_E_UNSUPPORTED)
        return 426;
    return error == CF_OK ? 0 : 400;
}

/* All lines of a header are one list (RFC 9110 section 5.3). */
static enum cf_error join_header(const struct cf_http_head *head, const char *name,
                                 struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < head->headers_count && error == CF_OK; i++) {
        if (!cf_slice_eq_nocase(head->headers[i].name, cf_slice_cstr(name)))
            continue;
        if (out->len > 0)
            error = cf_buf_append_byte(out, ',');
        if (error == CF_OK)
            error = cf_buf_append(out, head->headers[i].value);
    }
    return error;
}

static enum cf_error negotiate_deflate(struct session *session, const struct cf_http_head *head,
                                       struct cf_buf *out_answer)
{
    struct cf_buf offers;
    cf_buf_init(&offers, OFFERS_MAX);
    enum cf_error error = join_header(head, "Sec-WebSocket-Extensions", &offers);
    if (error == CF_OK)
        error = cf_ws_deflate_accept(cf_buf_peek(&offers), &deflate_policy, &session->deflate,
                                     out_answer);
    cf_buf_deinit(&offers);
    if (error != CF_OK || !session->deflate.enabled)
        return error;
    session->deflater = cf_ws_deflater_new(session->deflate.server_window_bits);
    session->inflater = cf_ws_inflater_new(session->deflate.client_window_bits);
    return session->deflater == NULL || session->inflater == NULL ? CF_E_NOMEM : CF_OK;
}

static enum cf_error write_switching(struct session *session, struct cf_slice key,
                                     struct cf_slice extensions)
{
    struct cf_buf *out = &session->echo->out;
    char accept[CF_WS_ACCEPT_LEN];
    cf_ws_accept(cf_digest_sha1, key, accept);
    enum cf_error error = cf_http_write_status(out, 101);
    if (error == CF_OK)
        error = cf_http_write_header(out, "Upgrade", CF_LIT("websocket"));
    if (error == CF_OK)
        error = cf_http_write_header(out, "Connection", CF_LIT("Upgrade"));
    if (error == CF_OK)
        error =
            cf_http_write_header(out, "Sec-WebSocket-Accept", cf_slice_of(accept, sizeof(accept)));
    if (error == CF_OK && extensions.len > 0)
        error = cf_http_write_header(out, "Sec-WebSocket-Extensions", extensions);
    return error == CF_OK ? cf_http_write_end(out) : error;
}

static void upgrade(struct session *session, const struct cf_http_head *head)
{
    struct cf_buf extensions;
    cf_buf_init(&extensions, OFFERS_MAX);
    enum cf_error error = negotiate_deflate(session, head, &extensions);
    if (error == CF_OK)
        error = write_switching(session, cf_http_header_get(head, "Sec-WebSocket-Key"),
                                cf_buf_peek(&extensions));
    cf_buf_deinit(&extensions);
    if (error == CF_OK) {
        session->phase = PHASE_UPGRADED;
        send_out(session);
    } else {
        cf_buf_reset(&session->echo->out);
        refuse(session, error == CF_E_NOMEM ? 503 : 400);
    }
}

static void begin_websocket(struct session *session)
{
    session->phase = PHASE_WEBSOCKET;
    session->has_endpoint = true;
    cf_loop_timer_stop(session->echo->server.loop, &session->timer);
    cf_ws_endpoint_init(&session->ws, &session->echo->ws_config, &session->deflate,
                        session->inflater, now_ms(session));
}

static void read_request(struct session *session, struct cf_slice *input)
{
    struct cf_http_event event;
    do {
        if (cf_http_next(&session->http, input, &event) != CF_OK) {
            refuse(session, cf_http_decoder_status(&session->http));
            return;
        }
        if (event.type == CF_HTTP_EVENT_HEAD) {
            unsigned status = check_offer(event.head);
            if (status == 0)
                upgrade(session, event.head);
            else
                refuse(session, status);
        } else if (event.type == CF_HTTP_END) {
            begin_websocket(session);
        }
    } while (event.type != CF_HTTP_NEED_MORE && session->phase <= PHASE_UPGRADED);
}

/* --- the WebSocket --- */

static void echo(struct session *session, enum cf_ws_opcode opcode, struct cf_slice payload)
{
    struct cf_buf *out = &session->echo->out;
    enum cf_error error =
        cf_ws_endpoint_send(&session->ws, opcode, payload, session->deflater, out);
    if (error == CF_E_NOMEM || error == CF_E_TOO_LARGE)
        cf_conn_abort(&session->conn, error);
}

static void handle_event(struct session *session, const struct cf_ws_event *event)
{
    if (event->type == CF_WS_EVENT_TEXT)
        echo(session, CF_WS_TEXT, event->payload);
    else if (event->type == CF_WS_EVENT_BINARY)
        echo(session, CF_WS_BINARY, event->payload);
    send_out(session);
    if (event->type == CF_WS_EVENT_CLOSED)
        finish(session);
}

/* What holds after every step of the endpoint. */
static void settle(struct session *session)
{
    if (session->phase != PHASE_WEBSOCKET)
        return;
    cf_loop_timer_set(session->echo->server.loop, &session->timer,
                      cf_ws_endpoint_deadline(&session->ws));
    if (cf_conn_blocked(&session->conn) && cf_conn_outq(&session->conn)->bytes > BACKLOG_MAX)
        cf_conn_pause(&session->conn); /* until on_drained */
}

static void read_websocket(struct session *session, struct cf_slice *input)
{
    struct cf_ws_event event;
    do {
        enum cf_error error =
            cf_ws_endpoint_next(&session->ws, now_ms(session), !cf_conn_blocked(&session->conn),
                                input, &session->echo->out, &event);
        if (error != CF_OK) {
            cf_buf_reset(&session->echo->out);
            cf_conn_abort(&session->conn, error);
            return;
        }
        handle_event(session, &event);
    } while (event.type != CF_WS_EVENT_NEED_MORE && session->phase == PHASE_WEBSOCKET);
    settle(session);
}

/* --- the connection --- */

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct session *session = session_of(conn);
    if (session->phase <= PHASE_UPGRADED)
        read_request(session, &bytes);
    if (session->phase == PHASE_WEBSOCKET)
        read_websocket(session, &bytes);
}

static void on_drained(struct cf_conn *conn)
{
    struct session *session = session_of(conn);
    if (session->phase != PHASE_WEBSOCKET)
        return;
    if (cf_ws_endpoint_writable(&session->ws, &session->echo->out) != CF_OK) {
        cf_conn_abort(conn, CF_E_NOMEM);
        return;
    }
    send_out(session);
    cf_conn_resume(conn);
}

static void on_timer(struct cf_loop_timer *timer)
{
    struct session *session = CF_CONTAINER_OF(timer, struct session, timer);
    struct cf_ws_event event;
    if (session->phase != PHASE_WEBSOCKET) {
        cf_conn_abort(&session->conn, CF_E_TIMEOUT);
        return;
    }
    if (cf_ws_endpoint_tick(&session->ws, now_ms(session), &session->echo->out, &event) != CF_OK) {
        cf_conn_abort(&session->conn, CF_E_NOMEM);
        return;
    }
    handle_event(session, &event);
    settle(session);
}

static void free_session(struct session *session)
{
    if (session->has_endpoint)
        cf_ws_endpoint_deinit(&session->ws);
    cf_http_decoder_deinit(&session->http);
    cf_ws_deflater_free(session->deflater);
    cf_ws_inflater_free(session->inflater);
    cf_list_remove(&session->link);
    free(session);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct session *session = session_of(conn);
    struct echo_server *server = &session->echo->server;
    (void)why;
    cf_loop_timer_stop(server->loop, &session->timer);
    free_session(session);
    echo_server_left(server);
}

static const struct cf_conn_ops conn_ops = {
    .read = on_read, .drained = on_drained, .closed = on_closed};

static void accept_session(struct echo_server *server, int fd)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        close(fd);
        return;
    }
    session->echo = CF_CONTAINER_OF(server, struct ws_echo, server);
    cf_list_init(&session->link);
    cf_loop_timer_init(&session->timer, on_timer);
    cf_http_decoder_init(&session->http, CF_HTTP_REQUEST, &CF_HTTP_LIMITS_DEFAULT);
    server->conn_config.ops = &conn_ops;
    if (cf_conn_start(&session->conn, server->loop, &server->conn_config, fd, NULL) != CF_OK) {
        free_session(session);
        return;
    }
    cf_list_push_back(&server->sessions, &session->link);
    cf_loop_timer_set(server->loop, &session->timer, now_ms(session) + REQUEST_WAIT_MS);
}

static void stop_session(struct cf_list *link)
{
    struct session *session = CF_LIST_ENTRY(link, struct session, link);
    if (session->phase != PHASE_WEBSOCKET) {
        finish(session);
        return;
    }
    enum cf_error error =
        cf_ws_endpoint_close(&session->ws, now_ms(session), CF_WS_CLOSE_GOING_AWAY,
                             CF_LIT("server is stopping"), &session->echo->out);
    if (error != CF_OK)
        cf_conn_abort(&session->conn, error);
    send_out(session);
    settle(session);
}

static void cut_session(struct cf_list *link)
{
    cf_conn_abort(&CF_LIST_ENTRY(link, struct session, link)->conn, CF_E_TIMEOUT);
}

const struct echo_ops ws_echo_ops = {
    .name = "confab-ws-echo",
    .accept = accept_session,
    .stop = stop_session,
    .cut = cut_session,
};
