/* One connection: the request, the judgement of its answer, then a WebSocket. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/tls/digest.h"
#include "wire/http/decoder.h"
#include "wire/ws/handshake.h"
#include "ws_client.h"

enum {
    CONNECT_MS = 5000,
    ANSWER_WAIT_MS = 10000,
    WRITE_WAIT_MS = 10000,
    BACKLOG_MAX = 4 * 1024 * 1024, /* echoes that wait; over it the server is not read from */
    REQUEST_MAX = 4096,
};

enum phase { PHASE_ANSWER, PHASE_WEBSOCKET, PHASE_OVER };

struct session {
    struct cf_conn conn;
    struct cf_loop_timer
        timer;           /* the answer's deadline, later the endpoint's or the server's FIN */
    struct cf_list link; /* client->sessions */
    struct ws_client *client;
    uint64_t id;
    enum phase phase;
    bool has_endpoint, told;
    struct cf_http_decoder http;
    struct cf_ws_endpoint ws;
    struct cf_ws_asked asked;
    struct cf_ws_deflate_params deflate;
    struct cf_ws_deflater *deflater; /* NULL: no compression */
    struct cf_ws_inflater *inflater;
};

static struct session *session_of(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct session, conn);
}

static cf_ms now_ms(const struct session *session)
{
    return cf_loop_now(session->client->loop).ms;
}

static void set_timer(struct session *session, cf_ms deadline)
{
    cf_loop_timer_set(session->client->loop, &session->timer, deadline);
}

/* Hands client->out to the connection. */
static void send_out(struct session *session)
{
    struct cf_buf *out = &session->client->out;
    enum cf_error error = CF_OK;
    if (out->len > 0)
        error = cf_conn_write(&session->conn, cf_buf_peek(out));
    cf_buf_reset(out);
    if (error == CF_E_NOMEM)
        cf_conn_abort(&session->conn, error);
}

static void tell_closed(struct session *session, unsigned code, bool clean)
{
    if (session->told)
        return;
    session->told = true;
    printf("%" PRIu64 " closed %u %s\n", session->id, code, clean ? "clean" : "unclean");
}

static void refuse(struct session *session, enum cf_error why)
{
    session->phase = PHASE_OVER;
    session->told = true;
    printf("%" PRIu64 " refused %s\n", session->id, cf_error_text(why));
    cf_conn_abort(&session->conn, why);
}

/* --- the handshake --- */

static void on_opened(struct cf_conn *conn)
{
    struct session *session = session_of(conn);
    struct cf_entropy *entropy = &session->client->entropy;
    uint8_t random[16];
    char key[CF_WS_KEY_LEN], request[REQUEST_MAX];
    entropy->fill(entropy->context, random, sizeof(random));
    cf_ws_key(random, key);
    cf_ws_accept(cf_digest_sha1, cf_slice_of(key, sizeof(key)), session->asked.accept);
    int len = snprintf(
        request, sizeof(request),
        "GET /%" PRIu64 " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n%s\r\n",
        session->id, (unsigned)session->client->port, CF_WS_KEY_LEN, key,
        session->asked.extensions
            ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            : "");
    if (cf_conn_write(conn, cf_slice_of(request, (size_t)len)) != CF_OK)
        cf_conn_abort(conn, CF_E_NOMEM);
}

static enum cf_error judge_deflate(struct session *session, const struct cf_http_head *head)
{
    struct cf_slice answer = cf_http_header_get(head, "Sec-WebSocket-Extensions");
    if (cf_http_header_count(head, "Sec-WebSocket-Extensions") > 1)
        return CF_E_PROTOCOL; /* one was offered */
    enum cf_error error = cf_ws_deflate_confirm(answer, &session->deflate);
    if (error != CF_OK || !session->deflate.enabled)
        return error;
    session->deflater = cf_ws_deflater_new(session->deflate.client_window_bits);
    session->inflater = cf_ws_inflater_new(session->deflate.server_window_bits);
    return session->deflater == NULL || session->inflater == NULL ? CF_E_NOMEM : CF_OK;
}

static void take_answer(struct session *session, const struct cf_http_head *head)
{
    struct cf_ws_answer answer = {
        .status = head->status,
        .connection_upgrade = head->upgrade,
        .upgrade = cf_http_header_get(head, "Upgrade"),
        .accept = cf_http_header_get(head, "Sec-WebSocket-Accept"),
        .protocol = cf_http_header_get(head, "Sec-WebSocket-Protocol"),
        .extensions = cf_http_header_get(head, "Sec-WebSocket-Extensions"),
        .accept_count = cf_http_header_count(head, "Sec-WebSocket-Accept"),
        .protocol_count = cf_http_header_count(head, "Sec-WebSocket-Protocol"),
    };
    enum cf_error error = cf_ws_answer_check(&answer, &session->asked);
    if (error == CF_OK)
        error = judge_deflate(session, head);
    if (error != CF_OK) {
        refuse(session, error);
        return;
    }
    session->phase = PHASE_WEBSOCKET;
    session->has_endpoint = true;
    cf_loop_timer_stop(session->client->loop, &session->timer);
    cf_ws_endpoint_init(&session->ws, &session->client->ws_config, &session->deflate,
                        session->inflater, now_ms(session));
    printf("%" PRIu64 " open\n", session->id);
}

static void read_answer(struct session *session, struct cf_slice *input)
{
    struct cf_http_event event = {.type = CF_HTTP_BODY};
    while (session->phase == PHASE_ANSWER && event.type != CF_HTTP_NEED_MORE) {
        enum cf_error error = cf_http_next(&session->http, input, &event);
        if (error != CF_OK)
            refuse(session, error);
        else if (event.type == CF_HTTP_EVENT_HEAD)
            take_answer(session, event.head);
    }
}

/* --- the WebSocket --- */

static void echo(struct session *session, enum cf_ws_opcode opcode, struct cf_slice payload)
{
    enum cf_error error = cf_ws_endpoint_send(&session->ws, opcode, payload, session->deflater,
                                              &session->client->out);
    if (error == CF_E_NOMEM || error == CF_E_TOO_LARGE)
        cf_conn_abort(&session->conn, error);
}

/* A client leaves the end of the TCP connection to the server, for a while (section 7.1.1). */
static void end_websocket(struct session *session, const struct cf_ws_event *event)
{
    session->phase = PHASE_OVER;
    tell_closed(session, event->close_code, event->clean);
    if (event->clean)
        set_timer(session, now_ms(session) + session->client->ws_config.close_wait_ms);
    else
        cf_conn_shut(&session->conn);
}

static void handle_event(struct session *session, const struct cf_ws_event *event)
{
    if (event->type == CF_WS_EVENT_TEXT)
        echo(session, CF_WS_TEXT, event->payload);
    else if (event->type == CF_WS_EVENT_BINARY)
        echo(session, CF_WS_BINARY, event->payload);
    send_out(session);
    if (event->type == CF_WS_EVENT_CLOSED)
        end_websocket(session, event);
}

/* What holds after every step of the endpoint. */
static void settle(struct session *session)
{
    if (session->phase != PHASE_WEBSOCKET)
        return;
    set_timer(session, cf_ws_endpoint_deadline(&session->ws));
    if (cf_conn_blocked(&session->conn) && cf_conn_outq(&session->conn)->bytes > BACKLOG_MAX)
        cf_conn_pause(&session->conn); /* until on_drained */
}

static void read_websocket(struct session *session, struct cf_slice *input)
{
    struct cf_ws_event event;
    do {
        enum cf_error error =
            cf_ws_endpoint_next(&session->ws, now_ms(session), !cf_conn_blocked(&session->conn),
                                input, &session->client->out, &event);
        if (error != CF_OK) {
            cf_buf_reset(&session->client->out);
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
    if (session->phase == PHASE_ANSWER)
        read_answer(session, &bytes);
    if (session->phase == PHASE_WEBSOCKET)
        read_websocket(session, &bytes);
}

static void on_drained(struct cf_conn *conn)
{
    struct session *session = session_of(conn);
    if (session->phase != PHASE_WEBSOCKET)
        return;
    if (cf_ws_endpoint_writable(&session->ws, &session->client->out) != CF_OK) {
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
    if (session->phase == PHASE_ANSWER) {
        refuse(session, CF_E_TIMEOUT);
    } else if (session->phase == PHASE_OVER) {
        cf_conn_shut(&session->conn);
    } else if (cf_ws_endpoint_tick(&session->ws, now_ms(session), &session->client->out, &event) !=
               CF_OK) {
        cf_conn_abort(&session->conn, CF_E_NOMEM);
    } else {
        handle_event(session, &event);
        settle(session);
    }
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
    struct ws_client *client = session->client;
    cf_loop_timer_stop(client->loop, &session->timer);
    if (session->has_endpoint)
        tell_closed(session, CF_WS_CLOSE_ABNORMAL, false);
    else if (!session->told)
        printf("%" PRIu64 " refused %s\n", session->id, cf_error_text(why));
    free_session(session);
    if (client->ending && cf_list_empty(&client->sessions))
        cf_loop_stop(client->loop);
}

static const struct cf_conn_ops conn_ops = {
    .opened = on_opened, .read = on_read, .drained = on_drained, .closed = on_closed};
static const struct cf_conn_config conn_config = {
    .ops = &conn_ops, .write_wait_ms = WRITE_WAIT_MS, .handshake_wait_ms = CONNECT_MS};

/* --- commands --- */

void ws_client_open(struct ws_client *client, uint64_t id, bool deflate)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        printf("%" PRIu64 " refused %s\n", id, cf_error_text(CF_E_NOMEM));
        return;
    }
    session->client = client;
    session->id = id;
    session->asked.extensions = deflate;
    cf_list_init(&session->link);
    cf_loop_timer_init(&session->timer, on_timer);
    cf_http_decoder_init(&session->http, CF_HTTP_RESPONSE, &CF_HTTP_LIMITS_DEFAULT);
    enum cf_error error =
        cf_conn_dial(&session->conn, client->loop, &conn_config, "127.0.0.1", client->port, NULL);
    if (error != CF_OK) {
        printf("%" PRIu64 " refused %s\n", id, cf_error_text(error));
        free_session(session);
        return;
    }
    cf_list_push_back(&client->sessions, &session->link);
    set_timer(session, now_ms(session) + ANSWER_WAIT_MS);
}

/* NULL: it is over, or not yet open. */
static struct session *find_open(struct ws_client *client, uint64_t id)
{
    for (struct cf_list *link = client->sessions.next; link != &client->sessions;
         link = link->next) {
        struct session *session = CF_LIST_ENTRY(link, struct session, link);
        if (session->id == id && session->phase == PHASE_WEBSOCKET)
            return session;
    }
    return NULL;
}

void ws_client_close(struct ws_client *client, uint64_t id, unsigned code, struct cf_slice reason)
{
    struct session *session = find_open(client, id);
    if (session == NULL)
        return;
    enum cf_error error =
        cf_ws_endpoint_close(&session->ws, now_ms(session), code, reason, &client->out);
    if (error != CF_OK)
        cf_conn_abort(&session->conn, error);
    send_out(session);
    settle(session);
}

void ws_client_ping(struct ws_client *client, uint64_t id)
{
    struct session *session = find_open(client, id);
    if (session == NULL)
        return;
    enum cf_error error = cf_ws_endpoint_ping(&session->ws, now_ms(session), &client->out);
    if (error != CF_OK)
        cf_conn_abort(&session->conn, error);
    send_out(session);
}

void ws_client_text(struct ws_client *client, uint64_t id, struct cf_slice text)
{
    struct session *session = find_open(client, id);
    if (session == NULL)
        return;
    echo(session, CF_WS_TEXT, text);
    send_out(session);
}
