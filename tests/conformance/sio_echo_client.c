/* One session: Engine.IO below, the fixed Socket.IO handlers above. */
#include <stdlib.h>
#include <string.h>

#include "edge/tls/digest.h"
#include "sio_echo.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

static const char sid_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static cf_ms now_ms(const struct client *client)
{
    return cf_loop_now(client->echo->server.loop).ms;
}

static void make_sid(uint8_t out[SID_LEN])
{
    struct cf_entropy entropy = cf_entropy_system();
    entropy.fill(entropy.context, out, SID_LEN);
    for (size_t i = 0; i < SID_LEN; i++)
        out[i] = (uint8_t)sid_digits[out[i] & 63];
}

static void on_timer(struct cf_loop_timer *timer)
{
    struct client *client = CF_CONTAINER_OF(timer, struct client, timer);
    cf_eio_tick(&client->eio, now_ms(client));
    if (!client->raw && cf_sio_tick(&client->sio, now_ms(client)) != CF_OK)
        cf_eio_close(&client->eio, now_ms(client));
    client_settle(client);
}

struct client *client_open(struct sio_echo *echo, enum cf_eio_transport transport, bool raw)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    client->echo = echo;
    client->raw = raw;
    make_sid(client->sid);
    struct cf_slice sid = cf_slice_of(client->sid, SID_LEN);
    cf_loop_timer_init(&client->timer, on_timer);
    cf_sio_session_init(&client->sio, &echo->sio, now_ms(client));
    enum cf_error error =
        cf_eio_session_open(&client->eio, &echo->eio, transport, sid, now_ms(client));
    if (error == CF_OK)
        error = cf_map_put(&echo->clients, sid, client);
    if (error == CF_OK)
        return client;
    cf_eio_session_deinit(&client->eio);
    free(client);
    return NULL;
}

struct client *client_find(const struct sio_echo *echo, struct cf_slice sid)
{
    return cf_map_get(&echo->clients, sid);
}

static void free_client(struct client *client)
{
    struct peer *peers[] = {client->poller, client->poster, client->socket, client->probe};
    for (size_t i = 0; i < CF_ARRAY_LEN(peers); i++) {
        if (peers[i] != NULL)
            peer_forget_client(peers[i]);
    }
    if (client->poller != NULL)
        peer_answer(client->poller, 400, NULL, cf_eio_code_body(CF_EIO_BAD_REQUEST));
    if (client->socket != NULL)
        peer_close(client->socket);
    cf_loop_timer_stop(client->echo->server.loop, &client->timer);
    cf_map_remove(&client->echo->clients, cf_slice_of(client->sid, SID_LEN));
    cf_sio_session_deinit(&client->sio);
    cf_eio_session_deinit(&client->eio);
    free(client);
}

/* ---- what the session asks for ---- */

static bool carry_out(struct client *client, const struct cf_eio_action *action)
{
    struct peer *peer = client->poller;
    switch (action->what) {
    case CF_EIO_ANSWER:
        client->poller = NULL;
        peer_forget_client(peer);
        peer_answer(peer, 200, "text/plain; charset=UTF-8", action->bytes);
        return true;
    case CF_EIO_SEND:
        peer_send(client->socket, action->binary, action->bytes);
        return true;
    case CF_EIO_SEND_PROBE:
        peer_send(client->probe, false, action->bytes);
        return true;
    case CF_EIO_DROP_PROBE:
        peer = client->probe;
        client->probe = NULL;
        if (peer != NULL) {
            peer_forget_client(peer);
            peer_close(peer);
        }
        return true;
    case CF_EIO_CLOSED:
        free_client(client);
        return false;
    }
    return false;
}

void client_settle(struct client *client)
{
    struct cf_eio_action action;
    while (cf_eio_act(&client->eio, &client->echo->scratch, &action)) {
        if (!carry_out(client, &action))
            return;
    }
    cf_ms deadline = cf_eio_deadline(&client->eio);
    cf_ms connect = client->raw ? CF_MS_NEVER : cf_sio_deadline(&client->sio);
    cf_loop_timer_set(client->echo->server.loop, &client->timer,
                      connect < deadline ? connect : deadline);
}

/* ---- Socket.IO ---- */

static enum cf_error send_reply(struct client *client)
{
    struct cf_buf *reply = &client->echo->reply;
    enum cf_error error =
        reply->len == 0 ? CF_OK : cf_eio_send(&client->eio, cf_buf_peek(reply), false);
    cf_buf_reset(reply);
    return error;
}

static enum cf_error write_packet(struct client *client, const struct cf_sio_event *event,
                                  bool is_ack, struct cf_slice before, struct cf_slice args)
{
    struct cf_buf *reply = &client->echo->reply;
    bool binary = event->attachments_count > 0;
    struct cf_sio_packet packet = {.attachments = event->attachments_count,
                                   .nsp = client->echo->sio.namespaces[event->nsp],
                                   .has_id = is_ack,
                                   .id = event->id};
    if (is_ack)
        packet.type = binary ? CF_SIO_BINARY_ACK : CF_SIO_ACK;
    else
        packet.type = binary ? CF_SIO_BINARY_EVENT : CF_SIO_EVENT;
    enum cf_error error = cf_sio_packet_begin(reply, &packet);
    if (error == CF_OK)
        error = cf_buf_append(reply, before);
    if (error == CF_OK)
        error = cf_buf_append(reply, args);
    if (error == CF_OK)
        error = cf_buf_append_byte(reply, ']');
    if (error == CF_OK)
        error = send_reply(client);
    for (unsigned i = 0; i < event->attachments_count && error == CF_OK; i++)
        error = cf_eio_send(&client->eio, event->attachments[i], true);
    return error;
}

static enum cf_error let_in(struct client *client, const struct cf_sio_event *event)
{
    uint8_t sid[SID_LEN];
    make_sid(sid);
    enum cf_error error = cf_sio_accept(&client->sio, event->nsp, cf_slice_of(sid, SID_LEN),
                                        CF_LIT(""), &client->echo->reply);
    if (error == CF_OK)
        error = send_reply(client);
    struct cf_slice auth = event->auth.ptr != NULL ? event->auth : CF_LIT("{}");
    struct cf_sio_event none = {.nsp = event->nsp};
    return error == CF_OK ? write_packet(client, &none, false, CF_LIT("[\"auth\","), auth) : error;
}

static enum cf_error answer_event(struct client *client, const struct cf_sio_event *event)
{
    struct cf_slice name = event->args.items[0].text, args = event->args.behind_first;
    if (cf_slice_eq(name, CF_LIT("message")))
        return write_packet(client, event, false, CF_LIT("[\"message-back\""), args);
    if (!cf_slice_eq(name, CF_LIT("message-with-ack")) || !event->has_id)
        return CF_OK;
    size_t comma = cf_slice_find(args, ',');
    return write_packet(client, event, true, CF_LIT("["), cf_slice_skip(args, comma + 1));
}

static enum cf_error hear_socket_io(struct client *client, struct cf_slice message, bool binary)
{
    struct cf_sio_event event;
    struct cf_arena arena;
    cf_arena_init(&arena, ARENA_MAX);
    enum cf_error error = cf_sio_next(&client->sio, message, binary, now_ms(client), &arena,
                                      &client->echo->reply, &event);
    if (error == CF_OK)
        error = send_reply(client);
    if (error == CF_OK && event.type == CF_SIO_WANTS_IN)
        error = let_in(client, &event);
    else if (error == CF_OK && event.type == CF_SIO_HAPPENED)
        error = answer_event(client, &event);
    cf_arena_deinit(&arena);
    return error;
}

static void hear(struct client *client, const struct cf_eio_packet *packet)
{
    enum cf_error error = client->raw ? cf_eio_send(&client->eio, packet->data, packet->binary)
                                      : hear_socket_io(client, packet->data, packet->binary);
    if (error != CF_OK) {
        cf_buf_reset(&client->echo->reply);
        cf_eio_close(&client->eio, now_ms(client));
    }
}

/* ---- what comes ---- */

enum cf_error client_payload(struct client *client, struct cf_slice body)
{
    struct cf_eio_packet packet;
    enum cf_error error;
    do {
        error = cf_eio_payload_next(&client->eio, &body, now_ms(client), &client->echo->decoded,
                                    &packet);
        if (error == CF_OK && packet.data.ptr != NULL)
            hear(client, &packet);
    } while (error == CF_OK && packet.data.ptr != NULL);
    return error;
}

void client_message(struct client *client, struct peer *peer, struct cf_slice message, bool binary)
{
    struct cf_eio_packet packet;
    if (peer == client->probe) {
        bool upgraded;
        cf_eio_probe_packet(&client->eio, message, binary, now_ms(client), &upgraded);
        if (upgraded) {
            client->socket = peer;
            client->probe = NULL;
        }
    } else if (cf_eio_ws_next(&client->eio, message, binary, now_ms(client), &client->echo->decoded,
                              &packet) == CF_OK &&
               packet.data.ptr != NULL) {
        hear(client, &packet);
    }
    client_settle(client);
}

void client_lost(struct client *client, struct peer *peer)
{
    if (peer == client->poller) {
        client->poller = NULL;
        cf_eio_poll_gone(&client->eio);
    } else if (peer == client->poster) {
        client->poster = NULL;
        cf_eio_post_gone(&client->eio);
    } else if (peer == client->probe) {
        client->probe = NULL;
        cf_eio_probe_gone(&client->eio);
    } else if (peer == client->socket) {
        client->socket = NULL;
        cf_eio_ws_gone(&client->eio);
    }
    client_settle(client);
}

void client_stop(struct client *client)
{
    struct sio_echo *echo = client->echo;
    uint8_t sid[SID_LEN];
    memcpy(sid, client->sid, SID_LEN);
    cf_eio_close(&client->eio, now_ms(client));
    client_settle(client);
    client = client_find(echo, cf_slice_of(sid, SID_LEN));
    if (client == NULL)
        return;
    cf_eio_abort(&client->eio, CF_EIO_BY_SERVER); /* no GET will come */
    client_settle(client);
}
