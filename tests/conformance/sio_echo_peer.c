/* One connection: requests, one at a time, of which one may become a WebSocket. */
#include <stdlib.h>
#include <unistd.h>

#include "edge/tls/digest.h"
#include "sio_echo.h"
#include "wire/http/decoder.h"
#include "wire/http/encoder.h"
#include "wire/http/target.h"
#include "wire/ws/handshake.h"

enum { BACKLOG_MAX = 2 * 1024 * 1024, ARENA_MAX = 65536 };

enum phase { PHASE_REQUEST, PHASE_ANSWER, PHASE_WEBSOCKET, PHASE_OVER };

struct peer {
    struct cf_conn conn;
    struct cf_loop_timer timer; /* the WebSocket's */
    struct cf_list link;        /* echo->server.sessions */
    struct sio_echo *echo;
    struct client *client; /* whose request or WebSocket this is */
    enum phase phase;
    struct cf_http_decoder http;
    struct cf_arena arena; /* of the request */
    struct cf_buf backlog; /* what came while a request was being answered */
    struct cf_buf body;
    struct cf_slice origin;
    enum cf_eio_wish wish;
    struct cf_ws_endpoint ws;
    bool has_endpoint, decoding;
    bool last; /* the answer is the connection's last */
};

static struct peer *peer_of(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct peer, conn);
}

static cf_ms now_ms(const struct peer *peer)
{
    return cf_loop_now(peer->echo->server.loop).ms;
}

/* Hands echo->out to the connection. */
static void send_out(struct peer *peer, enum cf_error error)
{
    struct cf_buf *out = &peer->echo->out;
    if (error == CF_OK && out->len > 0)
        error = cf_conn_write(&peer->conn, cf_buf_peek(out));
    cf_buf_reset(out);
    if (error != CF_OK && error != CF_E_STATE)
        cf_conn_abort(&peer->conn, error);
}

/* ---- answers ---- */

static void also(enum cf_error *error, enum cf_error next)
{
    if (*error == CF_OK)
        *error = next;
}

static void end(struct peer *peer)
{
    peer->phase = PHASE_OVER;
    cf_loop_timer_stop(peer->echo->server.loop, &peer->timer);
    cf_conn_shut(&peer->conn);
}

static void resume(struct peer *peer);

void peer_answer(struct peer *peer, unsigned status, const char *type, struct cf_slice body)
{
    struct cf_buf *out = &peer->echo->out;
    enum cf_error error = cf_http_write_status(out, status);
    peer->last = peer->last || peer->echo->server.listener == NULL;
    if (peer->origin.ptr != NULL) {
        also(&error, cf_http_write_header(out, "Access-Control-Allow-Origin", peer->origin));
        also(&error, cf_http_write_header(out, "Vary", CF_LIT("Origin")));
    }
    if (status == 204)
        also(&error,
             cf_http_write_header(out, "Access-Control-Allow-Methods", CF_LIT("GET, POST")));
    if (status == 204)
        also(&error, cf_http_write_header(out, "Access-Control-Allow-Headers",
                                          CF_LIT("Authorization, Content-Type")));
    also(&error,
         cf_http_write_header(out, "Content-Type",
                              type == NULL ? CF_LIT("application/json") : cf_slice_cstr(type)));
    also(&error, cf_http_write_header(out, "Cache-Control", CF_LIT("no-store")));
    if (peer->last)
        also(&error, cf_http_write_header(out, "Connection", CF_LIT("close")));
    if (status != 204)
        also(&error, cf_http_write_header_u64(out, "Content-Length", body.len));
    also(&error, cf_http_write_end(out));
    send_out(peer, error);
    if (body.len > 0 && cf_conn_write(&peer->conn, body) == CF_E_NOMEM)
        cf_conn_abort(&peer->conn, CF_E_NOMEM);
    peer->phase = PHASE_REQUEST;
    cf_buf_reset(&peer->body);
    if (peer->last)
        end(peer);
    else if (!peer->decoding)
        resume(peer);
}

static void refuse(struct peer *peer, enum cf_eio_code code)
{
    peer_answer(peer, 400, NULL, cf_eio_code_body(code));
}

/* ---- the WebSocket ---- */

static void set_timer(struct peer *peer)
{
    if (peer->phase == PHASE_WEBSOCKET)
        cf_loop_timer_set(peer->echo->server.loop, &peer->timer,
                          cf_ws_endpoint_deadline(&peer->ws));
}

void peer_send(struct peer *peer, bool binary, struct cf_slice message)
{
    if (peer->phase != PHASE_WEBSOCKET)
        return;
    enum cf_error error = cf_ws_endpoint_send(&peer->ws, binary ? CF_WS_BINARY : CF_WS_TEXT,
                                              message, NULL, &peer->echo->out);
    send_out(peer, error);
}

void peer_close(struct peer *peer)
{
    if (peer->phase != PHASE_WEBSOCKET)
        return;
    send_out(peer,
             cf_ws_endpoint_close(&peer->ws, now_ms(peer), 1000, CF_LIT(""), &peer->echo->out));
    set_timer(peer);
}

void peer_forget_client(struct peer *peer)
{
    peer->client = NULL;
}

static void lose_client(struct peer *peer)
{
    struct client *client = peer->client;
    peer->client = NULL;
    if (client != NULL)
        client_lost(client, peer);
}

static void read_websocket(struct peer *peer, struct cf_slice *input)
{
    struct cf_ws_event event;
    do {
        enum cf_error error =
            cf_ws_endpoint_next(&peer->ws, now_ms(peer), !cf_conn_blocked(&peer->conn), input,
                                &peer->echo->out, &event);
        send_out(peer, error);
        if (error != CF_OK)
            return;
        bool message = event.type == CF_WS_EVENT_TEXT || event.type == CF_WS_EVENT_BINARY;
        if (message && peer->client != NULL)
            client_message(peer->client, peer, event.payload, event.type == CF_WS_EVENT_BINARY);
        if (event.type == CF_WS_EVENT_CLOSED) {
            end(peer);
            lose_client(peer);
        }
    } while (event.type != CF_WS_EVENT_NEED_MORE && peer->phase == PHASE_WEBSOCKET);
    set_timer(peer);
}

static void switch_protocols(struct peer *peer, struct cf_slice key)
{
    struct cf_buf *out = &peer->echo->out;
    char accept[CF_WS_ACCEPT_LEN];
    cf_ws_accept(cf_digest_sha1, key, accept);
    enum cf_error error = cf_http_write_status(out, 101);
    also(&error, cf_http_write_header(out, "Upgrade", CF_LIT("websocket")));
    also(&error, cf_http_write_header(out, "Connection", CF_LIT("Upgrade")));
    also(&error,
         cf_http_write_header(out, "Sec-WebSocket-Accept", cf_slice_of(accept, sizeof(accept))));
    also(&error, cf_http_write_end(out));
    send_out(peer, error);
    struct cf_ws_deflate_params plain = {.enabled = false};
    cf_ws_endpoint_init(&peer->ws, &peer->echo->ws, &plain, NULL, now_ms(peer));
    peer->has_endpoint = true;
    peer->phase = PHASE_WEBSOCKET;
}

/* ---- requests ---- */

static bool is_handshake(const struct cf_http_head *head)
{
    struct cf_ws_offer offer = {
        .get = head->method == CF_HTTP_GET,
        .http_1_1 = head->minor == 1,
        .connection_upgrade = head->upgrade,
        .upgrade = cf_http_header_get(head, "Upgrade"),
        .key = cf_http_header_get(head, "Sec-WebSocket-Key"),
        .version = cf_http_header_get(head, "Sec-WebSocket-Version"),
        .key_count = cf_http_header_count(head, "Sec-WebSocket-Key"),
        .version_count = cf_http_header_count(head, "Sec-WebSocket-Version"),
    };
    return cf_ws_offer_check(&offer) == CF_OK;
}

static void open_client(struct peer *peer, const struct cf_http_head *head, bool raw)
{
    bool websocket = is_handshake(head);
    struct client *client =
        client_open(peer->echo, websocket ? CF_EIO_WEBSOCKET : CF_EIO_POLLING, raw);
    if (client == NULL) {
        cf_conn_abort(&peer->conn, CF_E_NOMEM);
        return;
    }
    peer->client = client;
    if (websocket) {
        client->socket = peer;
        switch_protocols(peer, cf_http_header_get(head, "Sec-WebSocket-Key"));
    } else {
        client->poller = peer;
        (void)cf_eio_poll(&client->eio, now_ms(peer));
    }
    client_settle(client);
}

static void poll_client(struct peer *peer, struct client *client)
{
    enum cf_error error = cf_eio_poll(&client->eio, now_ms(peer));
    if (error == CF_OK) {
        client->poller = peer;
        peer->client = client;
    } else {
        refuse(peer, CF_EIO_BAD_REQUEST);
    }
    client_settle(client);
}

static void begin_post(struct peer *peer, struct client *client)
{
    if (cf_eio_post_begin(&client->eio) == CF_OK) {
        client->poster = peer;
        peer->client = client;
        return;
    }
    refuse(peer, CF_EIO_BAD_REQUEST);
    client_settle(client);
}

static void probe_client(struct peer *peer, struct client *client, const struct cf_http_head *head)
{
    switch_protocols(peer, cf_http_header_get(head, "Sec-WebSocket-Key"));
    if (cf_eio_probe_begin(&client->eio, now_ms(peer)) != CF_OK) {
        peer_close(peer);
        return;
    }
    client->probe = peer;
    peer->client = client;
    client_settle(client);
}

static enum cf_error read_ask(struct peer *peer, const struct cf_http_head *head,
                              struct cf_eio_ask *ask, bool *out_raw)
{
    struct cf_http_target target;
    enum cf_error error = cf_http_target_parse(head->target, &peer->arena, &target);
    if (error != CF_OK)
        return error;
    bool socket_io = cf_slice_eq(target.path, CF_LIT("/socket.io/"));
    *out_raw = cf_slice_eq(target.path, CF_LIT("/engine.io/"));
    *ask = (struct cf_eio_ask){
        .version = cf_http_param_get(&target, "EIO"),
        .transport = cf_http_param_get(&target, "transport"),
        .sid = cf_http_param_get(&target, "sid"),
        .jsonp = cf_http_param_get(&target, "j"),
        .get = head->method == CF_HTTP_GET,
        .post = head->method == CF_HTTP_POST,
        .websocket = is_handshake(head),
    };
    return socket_io || *out_raw ? CF_OK : CF_E_NOT_FOUND;
}

static void route(struct peer *peer, const struct cf_http_head *head)
{
    struct cf_eio_ask ask;
    enum cf_eio_code code;
    bool raw;
    enum cf_error error = read_ask(peer, head, &ask, &raw);
    if (error == CF_E_NOT_FOUND) {
        peer_answer(peer, 404, "text/plain", CF_LIT("Not found.\n"));
        return;
    }
    if (error != CF_OK) {
        refuse(peer, CF_EIO_BAD_REQUEST);
        return;
    }
    if (head->method == CF_HTTP_OPTIONS) {
        peer_answer(peer, 204, NULL, CF_LIT(""));
        return;
    }
    struct client *client = client_find(peer->echo, ask.sid);
    ask.stranger = client == NULL || client->raw != raw;
    if (cf_eio_ask_judge(&ask, &peer->wish, &code) != CF_OK) {
        refuse(peer, code);
        return;
    }
    if (peer->wish == CF_EIO_WISH_OPEN)
        open_client(peer, head, raw);
    else if (peer->wish == CF_EIO_WISH_POLL)
        poll_client(peer, client);
    else if (peer->wish == CF_EIO_WISH_POST)
        begin_post(peer, client);
    else
        probe_client(peer, client, head);
}

static enum cf_error begin_request(struct peer *peer, const struct cf_http_head *head)
{
    cf_arena_deinit(&peer->arena);
    cf_arena_init(&peer->arena, ARENA_MAX);
    peer->origin = (struct cf_slice){NULL, 0};
    peer->phase = PHASE_ANSWER;
    struct cf_slice origin = cf_http_header_get(head, "Origin");
    enum cf_error error = cf_http_body_limit(&peer->http, peer->echo->eio.payload_bytes_max);
    if (error == CF_OK && origin.ptr != NULL)
        error = cf_arena_copy(&peer->arena, origin, &peer->origin);
    if (error == CF_OK)
        route(peer, head);
    return error;
}

/* The request is whole. Only a POST still waits for that; its session may have ended meanwhile. */
static void end_request(struct peer *peer)
{
    struct client *client = peer->client;
    if (client == NULL && peer->phase == PHASE_ANSWER)
        refuse(peer, CF_EIO_BAD_REQUEST);
    if (client == NULL || peer != client->poster)
        return;
    enum cf_error error = client_payload(client, cf_buf_peek(&peer->body));
    client->poster = NULL;
    peer->client = NULL;
    cf_eio_post_end(&client->eio);
    client_settle(client);
    if (error == CF_OK)
        peer_answer(peer, 200, "text/html", CF_LIT("ok"));
    else
        refuse(peer, CF_EIO_BAD_REQUEST);
}

/* What cannot be read ends the connection, but its session only if a POST of it was coming. */
static void fail(struct peer *peer)
{
    if (peer->client != NULL && peer == peer->client->poster) {
        cf_eio_post_end(&peer->client->eio);
        peer->client->poster = NULL;
        peer->client = NULL;
    }
    unsigned status = cf_http_decoder_status(&peer->http);
    peer->last = true;
    peer_answer(peer, status, "text/plain", cf_slice_cstr(cf_http_phrase(status)));
}

static void read_requests(struct peer *peer, struct cf_slice *input)
{
    struct cf_http_event event = {.type = CF_HTTP_NEED_MORE};
    bool held = false;
    peer->decoding = true;
    do {
        enum cf_error error = cf_http_next(&peer->http, input, &event);
        if (error == CF_OK && event.type == CF_HTTP_EVENT_HEAD)
            error = begin_request(peer, event.head);
        else if (error == CF_OK && event.type == CF_HTTP_BODY && peer->phase == PHASE_ANSWER)
            error = cf_buf_append(&peer->body, event.body);
        else if (error == CF_OK && event.type == CF_HTTP_END)
            end_request(peer);
        if (error != CF_OK)
            fail(peer);
        held = event.type == CF_HTTP_END && peer->phase == PHASE_ANSWER;
    } while (event.type != CF_HTTP_NEED_MORE && !held && peer->phase < PHASE_WEBSOCKET);
    peer->decoding = false;
}

static void take_input(struct peer *peer, struct cf_slice input)
{
    bool reading = peer->phase == PHASE_REQUEST || !cf_http_decoder_idle(&peer->http);
    if (peer->phase < PHASE_WEBSOCKET && reading)
        read_requests(peer, &input);
    if (peer->phase == PHASE_WEBSOCKET && !cf_http_decoder_idle(&peer->http))
        read_requests(peer, &input);
    if (peer->phase == PHASE_WEBSOCKET)
        read_websocket(peer, &input);
    else if (peer->phase < PHASE_WEBSOCKET && cf_buf_append(&peer->backlog, input) != CF_OK)
        cf_conn_abort(&peer->conn, CF_E_TOO_LARGE);
}

/* The next pipelined request. */
static void resume(struct peer *peer)
{
    struct cf_buf taken = peer->backlog;
    cf_buf_init(&peer->backlog, BACKLOG_MAX);
    take_input(peer, cf_buf_peek(&taken));
    cf_buf_deinit(&taken);
}

/* ---- the connection ---- */

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    take_input(peer_of(conn), bytes);
}

static void on_drained(struct cf_conn *conn)
{
    struct peer *peer = peer_of(conn);
    if (peer->phase == PHASE_WEBSOCKET)
        send_out(peer, cf_ws_endpoint_writable(&peer->ws, &peer->echo->out));
}

static void on_timer(struct cf_loop_timer *timer)
{
    struct peer *peer = CF_CONTAINER_OF(timer, struct peer, timer);
    struct cf_ws_event event;
    send_out(peer, cf_ws_endpoint_tick(&peer->ws, now_ms(peer), &peer->echo->out, &event));
    if (event.type == CF_WS_EVENT_CLOSED)
        end(peer);
    set_timer(peer);
}

static void free_peer(struct peer *peer)
{
    if (peer->has_endpoint)
        cf_ws_endpoint_deinit(&peer->ws);
    cf_http_decoder_deinit(&peer->http);
    cf_arena_deinit(&peer->arena);
    cf_buf_deinit(&peer->backlog);
    cf_buf_deinit(&peer->body);
    cf_list_remove(&peer->link);
    free(peer);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct peer *peer = peer_of(conn);
    struct echo_server *server = &peer->echo->server;
    (void)why;
    cf_loop_timer_stop(server->loop, &peer->timer);
    lose_client(peer);
    free_peer(peer);
    echo_server_left(server);
}

static const struct cf_conn_ops conn_ops = {
    .read = on_read, .drained = on_drained, .closed = on_closed};

static void accept_peer(struct echo_server *server, int fd)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        close(fd);
        return;
    }
    peer->echo = CF_CONTAINER_OF(server, struct sio_echo, server);
    cf_list_init(&peer->link);
    cf_loop_timer_init(&peer->timer, on_timer);
    cf_http_decoder_init(&peer->http, CF_HTTP_REQUEST, &CF_HTTP_LIMITS_DEFAULT);
    cf_arena_init(&peer->arena, ARENA_MAX);
    cf_buf_init(&peer->backlog, BACKLOG_MAX);
    cf_buf_init(&peer->body, peer->echo->eio.payload_bytes_max);
    server->conn_config.ops = &conn_ops;
    if (cf_conn_start(&peer->conn, server->loop, &server->conn_config, fd, NULL) != CF_OK) {
        free_peer(peer);
        return;
    }
    cf_list_push_back(&server->sessions, &peer->link);
}

static void stop_peer(struct cf_list *link)
{
    struct peer *peer = CF_LIST_ENTRY(link, struct peer, link);
    if (peer->phase < PHASE_WEBSOCKET)
        end(peer);
}

static void stop_clients(struct echo_server *server)
{
    struct sio_echo *echo = CF_CONTAINER_OF(server, struct sio_echo, server);
    struct client *client;
    while ((client = cf_map_next(&echo->clients, &(size_t){0})) != NULL)
        client_stop(client);
}

static void cut_peer(struct cf_list *link)
{
    cf_conn_abort(&CF_LIST_ENTRY(link, struct peer, link)->conn, CF_E_TIMEOUT);
}

const struct echo_ops sio_echo_ops = {
    .name = "confab-sio-echo",
    .accept = accept_peer,
    .stopping = stop_clients,
    .stop = stop_peer,
    .cut = cut_peer,
};
