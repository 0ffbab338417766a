#include "sim/eio.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "dialect/eio/packet.h"
#include "sim/json.h"

enum {
    PAYLOAD_MAX = 16 * 1024 * 1024,
    ARENA_MAX = 1024 * 1024,
    OPEN_WAIT = 20 * SIM_SECOND, /* socket.io-client's `timeout` */
};

static const char path[] = "/socket.io/?EIO=4&transport=";

/* ---- the end ---- */

static void detach(struct sim_eio *eio)
{
    eio->busy = eio->open = eio->on_websocket = eio->paused = false;
    sim_ws_leave(&eio->ws, false);
    sim_http_cancel(&eio->get);
    sim_http_cancel(&eio->post);
    sim_cancel(&eio->silence);
    cf_buf_release(&eio->queue);
}

static void fail(struct sim_eio *eio)
{
    detach(eio);
    eio->closed(eio);
}

static void on_silence(struct sim_event *event)
{
    fail(CF_CONTAINER_OF(event, struct sim_eio, silence));
}

/* ---- sending ---- */

static void send_frame(struct sim_eio *eio, enum cf_eio_type type, struct cf_slice data)
{
    struct cf_buf message;
    cf_buf_init(&message, PAYLOAD_MAX);
    CF_ASSERT(cf_buf_append_byte(&message, (uint8_t)type) == CF_OK);
    CF_ASSERT(cf_buf_append(&message, data) == CF_OK);
    sim_ws_send(&eio->ws, cf_buf_peek(&message));
    cf_buf_deinit(&message);
}

static void target_of(const struct sim_eio *eio, const char *transport, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s%s%s", path, transport,
                   *eio->sid == '\0' ? "" : "&sid=", eio->sid);
}

/* One POST at a time, and none once the last GET before the upgrade was asked for. */
static void flush(struct sim_eio *eio)
{
    char target[128];
    if (eio->queue.len == 0 || eio->post.busy || eio->paused)
        return;
    target_of(eio, "polling", target, sizeof(target));
    sim_http_send(&eio->post, "POST", target, "", "", cf_buf_peek(&eio->queue));
    cf_buf_reset(&eio->queue);
}

static void send_packet(struct sim_eio *eio, enum cf_eio_type type, struct cf_slice data)
{
    struct cf_eio_packet packet = {.type = type, .data = data};
    if (eio->on_websocket) {
        send_frame(eio, type, data);
        return;
    }
    CF_ASSERT(cf_eio_payload_append(&eio->queue, &packet) == CF_OK);
    flush(eio);
}

void sim_eio_send(struct sim_eio *eio, struct cf_slice message)
{
    CF_ASSERT(eio->open);
    send_packet(eio, CF_EIO_MESSAGE, message);
}

/* ---- packets ---- */

static void heard(struct sim_eio *eio)
{
    sim_at(&eio->silence, eio->patience);
}

static void take_handshake(struct sim_eio *eio, struct cf_slice text)
{
    struct cf_json_field fields[] = {
        {.name = "sid", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "pingInterval", .types = CF_JSON_IS_NUMBER, .required = true},
        {.name = "pingTimeout", .types = CF_JSON_IS_NUMBER, .required = true},
    };
    struct cf_arena arena;
    uint64_t interval, timeout;
    cf_arena_init(&arena, ARENA_MAX);
    CF_ASSERT(sim_json_read(text, &arena, fields, CF_ARRAY_LEN(fields)));
    CF_ASSERT(cf_slice_to_u64(fields[1].text, &interval));
    CF_ASSERT(cf_slice_to_u64(fields[2].text, &timeout));
    (void)snprintf(eio->sid, sizeof(eio->sid), "%.*s", (int)fields[0].text.len,
                   (const char *)fields[0].text.ptr);
    cf_arena_deinit(&arena);
    eio->patience = (int64_t)(interval + timeout) * SIM_MS;
    eio->open = true;
    eio->on_websocket = eio->way == SIM_EIO_WEBSOCKET;
    heard(eio);
    eio->opened(eio);
}

static void take_packet(struct sim_eio *eio, struct cf_slice text)
{
    struct cf_eio_packet packet;
    CF_ASSERT(cf_eio_packet_read(text, NULL, &packet) == CF_OK && !packet.binary);
    switch (packet.type) {
    case CF_EIO_OPEN:
        take_handshake(eio, packet.data);
        break;
    case CF_EIO_PING:
        heard(eio);
        send_packet(eio, CF_EIO_PONG, CF_LIT(""));
        break;
    case CF_EIO_MESSAGE:
        eio->message(eio, packet.data);
        break;
    case CF_EIO_CLOSE:
        fail(eio);
        break;
    case CF_EIO_NOOP:
        break;
    case CF_EIO_PONG:
    case CF_EIO_UPGRADE:
        CF_ASSERT(false); /* a packet that is the client's to send */
    }
}

/* ---- the upgrade ---- */

/* The last GET and the last POST are through: what was said goes over the WebSocket from here. */
static void switch_if_quiet(struct sim_eio *eio)
{
    struct cf_slice rest, packet;
    if (!eio->paused || eio->get.busy || eio->post.busy || !eio->ws.open)
        return;
    eio->paused = false;
    eio->on_websocket = true;
    sim_ws_send(&eio->ws, CF_LIT("5"));
    for (rest = cf_buf_peek(&eio->queue);
         eio->queue.len > 0 && cf_slice_next(&rest, CF_EIO_SEPARATOR, &packet);)
        sim_ws_send(&eio->ws, packet);
    cf_buf_release(&eio->queue);
}

static void ws_opened(struct sim_ws *ws)
{
    struct sim_eio *eio = CF_CONTAINER_OF(ws, struct sim_eio, ws);
    if (eio->way == SIM_EIO_UPGRADE)
        sim_ws_send(ws, CF_LIT("2probe"));
}

static void ws_text(struct sim_ws *ws, struct cf_slice text)
{
    struct sim_eio *eio = CF_CONTAINER_OF(ws, struct sim_eio, ws);
    if (eio->way == SIM_EIO_WEBSOCKET || eio->on_websocket) {
        take_packet(eio, text);
    } else if (cf_slice_eq(text, CF_LIT("3probe"))) {
        eio->paused = true;
        switch_if_quiet(eio);
    }
}

/* A probe that fails after polling was given up for it leaves the session to its heartbeat, as in
 * engine.io-client. */
static void ws_closed(struct sim_ws *ws, unsigned status, unsigned code)
{
    struct sim_eio *eio = CF_CONTAINER_OF(ws, struct sim_eio, ws);
    (void)status;
    (void)code;
    if (eio->way == SIM_EIO_WEBSOCKET || eio->on_websocket)
        fail(eio);
}

/* ---- polling ---- */

static void poll(struct sim_eio *eio)
{
    char target[128];
    if (eio->paused || eio->on_websocket)
        return;
    target_of(eio, "polling", target, sizeof(target));
    sim_http_send(&eio->get, "GET", target, "", "", (struct cf_slice){NULL, 0});
}

static void probe(struct sim_eio *eio)
{
    char target[128];
    if (eio->way != SIM_EIO_UPGRADE)
        return;
    target_of(eio, "websocket", target, sizeof(target));
    sim_ws_connect(&eio->ws, target, "", NULL);
}

/* What a packet leads to may end the session, and begin another. */
static void got(struct sim_http *http)
{
    struct sim_eio *eio = CF_CONTAINER_OF(http, struct sim_eio, get);
    struct cf_slice rest = cf_buf_peek(&http->body), packet;
    uint64_t round = eio->round;
    bool was_open = eio->open;
    if (http->status != 200) {
        fail(eio);
        return;
    }
    while (eio->busy && eio->round == round && cf_slice_next(&rest, CF_EIO_SEPARATOR, &packet))
        take_packet(eio, packet);
    if (!eio->busy || eio->round != round)
        return;
    CF_ASSERT(eio->open);
    switch_if_quiet(eio);
    poll(eio);
    if (!was_open)
        probe(eio);
}

static void posted(struct sim_http *http)
{
    struct sim_eio *eio = CF_CONTAINER_OF(http, struct sim_eio, post);
    if (http->status != 200) {
        fail(eio);
        return;
    }
    switch_if_quiet(eio);
    if (!eio->on_websocket)
        flush(eio);
}

static void said_goodbye(struct sim_http *http)
{
    (void)http;
}

/* ---- the whole ---- */

void sim_eio_init(struct sim_eio *eio)
{
    eio->ws.opened = ws_opened;
    eio->ws.text = ws_text;
    eio->ws.closed = ws_closed;
    eio->silence.happen = on_silence;
    sim_ws_init(&eio->ws);
    sim_http_init(&eio->get, got);
    sim_http_init(&eio->post, posted);
    sim_http_init(&eio->goodbye, said_goodbye);
    eio->post.type = eio->goodbye.type = "text/plain;charset=UTF-8";
    cf_buf_init(&eio->queue, PAYLOAD_MAX);
}

void sim_eio_connect(struct sim_eio *eio, enum sim_eio_way way)
{
    char target[128];
    CF_ASSERT(!eio->busy);
    eio->busy = true;
    eio->round++;
    eio->way = way;
    *eio->sid = '\0';
    sim_at(&eio->silence, OPEN_WAIT);
    if (way != SIM_EIO_WEBSOCKET) {
        poll(eio);
        return;
    }
    target_of(eio, "websocket", target, sizeof(target));
    sim_ws_connect(&eio->ws, target, "", NULL);
}

/* Over polling a POST says it, unless one is under way: then there is no telling. */
static void say_goodbye(struct sim_eio *eio, struct cf_slice last)
{
    struct cf_eio_packet packets[] = {{.type = CF_EIO_MESSAGE, .data = last},
                                      {.type = CF_EIO_CLOSE, .data = CF_LIT("")}};
    char target[128];
    if (eio->on_websocket) {
        if (last.len > 0)
            send_packet(eio, CF_EIO_MESSAGE, last);
        sim_ws_leave(&eio->ws, true);
        return;
    }
    if (eio->post.busy || eio->paused)
        return;
    for (size_t i = last.len > 0 ? 0 : 1; i < CF_ARRAY_LEN(packets); i++)
        CF_ASSERT(cf_eio_payload_append(&eio->queue, &packets[i]) == CF_OK);
    sim_http_cancel(&eio->goodbye);
    target_of(eio, "polling", target, sizeof(target));
    sim_http_send(&eio->goodbye, "POST", target, "", "", cf_buf_peek(&eio->queue));
}

void sim_eio_leave(struct sim_eio *eio, struct cf_slice last, bool politely)
{
    if (eio->open && politely)
        say_goodbye(eio, last);
    detach(eio);
}

bool sim_eio_is_sound(const struct sim_eio *eio)
{
    bool connected = eio->ws.connecting || eio->ws.open || eio->get.busy || eio->post.busy;
    if (!eio->busy)
        return !connected && eio->silence.place == 0;
    if (eio->silence.place == 0 || (eio->open && eio->silence.at > sim.now + eio->patience))
        return false;
    if (eio->open && eio->on_websocket)
        return eio->ws.open && eio->ws.link != NULL && !eio->get.busy && !eio->post.busy;
    return connected || eio->paused;
}

void sim_eio_deinit(struct sim_eio *eio)
{
    sim_eio_leave(eio, CF_LIT(""), false);
    sim_http_deinit(&eio->get);
    sim_http_deinit(&eio->post);
    sim_http_deinit(&eio->goodbye);
    cf_buf_deinit(&eio->ws.request);
    cf_buf_deinit(&eio->queue);
}
