/* A device's Socket.IO connection: it connects, is let in or recovered, loses its connection, waits
 * and comes again. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "dialect/sio/packet.h"
#include "sim/server.h"
#include "sim/talk.h"

static const uint8_t hash_key[16];

static const int64_t backoff[] = {1, 2, 4, 8, 16, 30};

/* ---- leaving and coming again ---- */

static int64_t nominal_delay(unsigned attempt)
{
    size_t last = CF_ARRAY_LEN(backoff) - 1;
    return backoff[attempt < last ? attempt : last] * SIM_SECOND;
}

static void lose(struct talk_device *device)
{
    device->connected = false;
    device->asks_count = 0;
    sim_cancel(&device->again);
    sim_cancel(&device->type);
    talk_seats_lost(device);
    talk_speech_lost(device);
}

static void come_again(struct talk_device *device)
{
    int64_t delay = nominal_delay(device->attempts++) * sim_between(800, 1200) / 1000;
    device->lost_at = sim.now;
    sim_at(&device->reconnect, delay);
}

static void closed(struct sim_eio *eio)
{
    struct talk_device *device = CF_CONTAINER_OF(eio, struct talk_device, eio);
    sim_trace("talk %d: connection lost", device->index);
    lose(device);
    come_again(device);
}

void talk_device_drop(struct talk_device *device)
{
    sim_eio_leave(&device->eio, CF_LIT(""), false);
    closed(&device->eio);
}

/* By itself, with a goodbye or without: it comes when it likes. */
static void leave(struct talk_device *device, bool politely, int64_t delay)
{
    sim_trace("talk %d: leaves%s", device->index, politely ? " with a goodbye" : "");
    sim_eio_leave(&device->eio, CF_LIT("1"), politely);
    lose(device);
    device->lost_at = 0;
    sim_at(&device->reconnect, delay);
}

void talk_device_vanish(struct talk_device *device)
{
    if (device->connected)
        leave(device, false, sim_between(0, 8) * SIM_SECOND);
}

void talk_device_go_away(struct talk_device *device)
{
    leave(device, sim_chance(500), 0);
    sim_cancel(&device->reconnect);
    talk_speech_give_up(device);
    device->away = true;
}

static void check_backoff(const struct talk_device *device)
{
    if (device->lost_at == 0)
        return;
    int64_t waited = sim.now - device->lost_at, nominal = nominal_delay(device->attempts - 1);
    if (waited < nominal * 8 / 10 || waited > nominal * 12 / 10)
        book_fail("property 8, backoff", "talk %d: attempt %u after %lld ms", device->index,
                  device->attempts, (long long)(waited / SIM_MS));
}

static void on_reconnect(struct sim_event *event)
{
    struct talk_device *device = CF_CONTAINER_OF(event, struct talk_device, reconnect);
    check_backoff(device);
    enum sim_eio_way way = SIM_EIO_WEBSOCKET;
    if (sim_chance(500))
        way = sim_chance(500) ? SIM_EIO_POLLING : SIM_EIO_UPGRADE;
    sim_eio_connect(&device->eio, way);
}

/* ---- being let in ---- */

/* As socket.io-client: the offset is kept even if the last time was no recovery. The stranger has
 * come by somebody else's pid. */
static void opened(struct sim_eio *eio)
{
    struct talk_device *device = CF_CONTAINER_OF(eio, struct talk_device, eio);
    bool stranger = device->person == TALK_STRANGER;
    const struct talk_device *whose = stranger ? &talk_devices[0] : device;
    bool tries = *whose->pid != '\0' && sim_chance(stranger ? 300 : 800);
    char recovery[128] = "", packet[TALK_TEXT_MAX];
    int64_t ttl = phase == SIM_STORM && sim_chance(100) ? sim_between(6, 20) : 3600;
    struct cf_slice token = sim_server_token(talk_users[device->person], ttl);
    device->expires = sim.now + sim.wall_offset + ttl * SIM_SECOND;
    (void)snprintf(device->sent_pid, sizeof(device->sent_pid), "%s", tries ? whose->pid : "");
    if (tries && *whose->offset != '\0')
        (void)snprintf(recovery, sizeof(recovery), "\"pid\":\"%s\",\"offset\":\"%s\",", whose->pid,
                       whose->offset);
    else if (tries)
        (void)snprintf(recovery, sizeof(recovery), "\"pid\":\"%s\",", whose->pid);
    (void)snprintf(packet, sizeof(packet), "0{%s\"token\":\"%.*s\"}", recovery, (int)token.len,
                   (const char *)token.ptr);
    sim_eio_send(eio, cf_slice_cstr(packet));
}

static void let_in(struct talk_device *device, struct cf_slice payload)
{
    struct cf_json_field pid = {.name = "pid", .types = CF_JSON_IS_STRING, .required = true};
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(!device->connected && sim_json_read(payload, &arena, &pid, 1));
    bool recovered = cf_slice_eq(pid.text, cf_slice_cstr(device->sent_pid));
    (void)snprintf(device->pid, sizeof(device->pid), "%.*s", (int)pid.text.len,
                   (const char *)pid.text.ptr);
    cf_arena_deinit(&arena);
    sim_trace("talk %d: %s", device->index, recovered ? "recovered" : "connected");
    device->connected = true;
    device->connected_at = sim.now;
    device->attempts = 0;
    if (device->person == TALK_STRANGER) {
        if (recovered)
            book_fail("a stranger learns nothing", "a socket was recovered by another user");
        talk_stranger_connected(device);
        return;
    }
    if (!recovered)
        device->number = 0;
    talk_seats_connected(device, recovered);
    talk_speech_connected(device);
}

/* The server's clock may have jumped beyond what the token is good for. */
static void refused(struct talk_device *device, struct cf_slice payload)
{
    struct cf_json_field fields[] = {
        {.name = "message", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT, .required = true},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(payload, &arena, fields, CF_ARRAY_LEN(fields)));
    if (!cf_slice_eq(fields[1].text, CF_LIT("{\"code\":\"token_expired\"}")))
        book_fail("who has a token is let in", "talk %d: %.*s", device->index,
                  (int)fields[1].text.len, (const char *)fields[1].text.ptr);
    cf_arena_deinit(&arena);
    talk_device_drop(device);
}

/* ---- events ---- */

/* The number that comes with what is stored: in their order, over all rooms, each once. */
static void take_offset(struct talk_device *device, const struct cf_sio_args *args)
{
    const struct cf_sio_arg *last = &args->items[args->count - 1];
    CF_ASSERT(last->is == CF_JSON_IS_STRING);
    int64_t number = talk_number_of(last->text);
    if (number <= device->number)
        book_fail("property 2, order", "talk %d is told number %lld after %lld", device->index,
                  (long long)number, (long long)device->number);
    device->number = number;
    (void)snprintf(device->offset, sizeof(device->offset), "%lld", (long long)number);
}

static void hear(struct talk_device *device, const struct cf_sio_args *args)
{
    struct cf_slice name = args->items[0].text, first = args->items[1].text;
    if (!device->connected ||
        (device->person == TALK_STRANGER && !cf_slice_eq(name, CF_LIT("message:ack")))) {
        book_fail("a stranger learns nothing", "talk %d is told %.*s", device->index, (int)name.len,
                  (const char *)name.ptr);
        return;
    }
    if (cf_slice_eq(name, CF_LIT("message:new"))) {
        take_offset(device, args);
        talk_seat_message(device, first);
    } else if (cf_slice_eq(name, CF_LIT("message:delivered"))) {
        take_offset(device, args);
        talk_receipt_told(device, first, TALK_DELIVERED);
    } else if (cf_slice_eq(name, CF_LIT("message:read"))) {
        take_offset(device, args);
        talk_receipt_told(device, first, TALK_READ);
    } else if (cf_slice_eq(name, CF_LIT("message:ack"))) {
        talk_speech_confirmed(device, first);
    } else if (cf_slice_eq(name, CF_LIT("presence:state"))) {
        talk_seat_state(device, first);
    } else if (cf_slice_starts(name, CF_LIT("user:"))) {
        talk_seat_online(device, args, cf_slice_eq(name, CF_LIT("user:online")));
    } else {
        CF_ASSERT(cf_slice_starts(name, CF_LIT("typing:")));
        talk_seat_typing(device, args, cf_slice_eq(name, CF_LIT("typing:start")));
    }
}

/* ---- acknowledgements ---- */

static void give_answer(struct talk_device *device, const struct talk_ask *ask,
                        struct cf_slice answer)
{
    struct cf_json_field fields[] = {
        {.name = "success", .types = CF_JSON_IS_BOOL, .required = true},
        {.name = "error", .types = CF_JSON_IS_STRING},
        {.name = "online", .types = CF_JSON_IS_ARRAY},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(answer, &arena, fields, CF_ARRAY_LEN(fields)));
    bool success = cf_slice_eq(fields[0].text, CF_LIT("true"));
    if (device->person == TALK_STRANGER)
        talk_stranger_answered(ask, success, fields[1].text, fields[2].text);
    else if (ask->what == TALK_JOIN || ask->what == TALK_LEAVE)
        talk_seats_answered(device, ask, fields[1].text, fields[2].text);
    else if (ask->what == TALK_SAY)
        talk_speech_answered(device, ask, answer);
    else if (ask->what == TALK_MARK && success)
        talk_marked(device, ask);
    cf_arena_deinit(&arena);
}

static void take_ack(struct talk_device *device, uint64_t id, const struct cf_sio_args *args)
{
    for (size_t i = 0; i < device->asks_count; i++) {
        struct talk_ask ask = device->asks[i];
        if (ask.id != id)
            continue;
        device->asks[i] = device->asks[--device->asks_count];
        give_answer(device, &ask, args->items[0].text);
        return;
    }
    book_fail("an acknowledgement comes once", "talk %d did not wait for %llu", device->index,
              (unsigned long long)id);
}

static void take_event(struct talk_device *device, const struct cf_sio_packet *packet)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_sio_args args;
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(cf_sio_args_read(packet->payload, UINT32_MAX, &limits, hash_key, &arena, &args) ==
              CF_OK);
    if (packet->type == CF_SIO_ACK)
        take_ack(device, packet->id, &args);
    else
        hear(device, &args);
    cf_arena_deinit(&arena);
}

static void message(struct sim_eio *eio, struct cf_slice text)
{
    struct talk_device *device = CF_CONTAINER_OF(eio, struct talk_device, eio);
    struct cf_sio_packet packet;
    CF_ASSERT(cf_sio_packet_read(text, &packet) == CF_OK);
    switch (packet.type) {
    case CF_SIO_CONNECT:
        let_in(device, packet.payload);
        break;
    case CF_SIO_CONNECT_ERROR:
        refused(device, packet.payload);
        break;
    case CF_SIO_DISCONNECT: /* the app connects again itself */
        leave(device, false, 0);
        break;
    case CF_SIO_EVENT:
    case CF_SIO_ACK:
        take_event(device, &packet);
        break;
    case CF_SIO_BINARY_EVENT:
    case CF_SIO_BINARY_ACK:
        CF_ASSERT(false); /* nothing here is binary */
    }
}

static void emit(struct talk_device *device, const char *id, const char *event,
                 const char *arguments)
{
    char packet[TALK_TEXT_MAX];
    (void)snprintf(packet, sizeof(packet), "2%s[\"%s\",%s]", id, event, arguments);
    sim_eio_send(&device->eio, cf_slice_cstr(packet));
}

bool talk_ask(struct talk_device *device, struct talk_ask ask, const char *event,
              const char *arguments)
{
    char id[24];
    if (device->asks_count == TALK_ASKS)
        return false;
    ask.id = device->next_ask++;
    ask.at = sim.now;
    device->asks[device->asks_count++] = ask;
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)ask.id);
    emit(device, id, event, arguments);
    return true;
}

void talk_tell(struct talk_device *device, const char *event, const char *arguments)
{
    emit(device, "", event, arguments);
}

/* ---- moods ---- */

/* A phone sleeps, loses its network, or is put away; a conversation is closed, and opened again. */
static void on_mood(struct sim_event *event)
{
    struct talk_device *device = CF_CONTAINER_OF(event, struct talk_device, mood);
    struct sim_link *link = device->eio.ws.link;
    int room = (int)sim_between(0, TALK_ROOMS - 1);
    if (phase != SIM_STORM) {
        if (link != NULL)
            sim_link_pause(link, false);
        return;
    }
    sim_at(&device->mood, sim_between(2, 20) * SIM_SECOND);
    if (!device->connected)
        return;
    switch (sim_between(0, 5)) {
    case 0:
        if (link != NULL)
            sim_link_pause(link, sim_chance(500));
        break;
    case 1:
        talk_device_vanish(device);
        break;
    case 2:
        leave(device, sim_chance(500), sim_between(0, 8) * SIM_SECOND);
        break;
    case 3:
        if (device->person != TALK_STRANGER)
            talk_seat_want(device, room, !device->seats[room].wanted);
        break;
    default:
        if (device->person != TALK_STRANGER)
            sim_at(&device->type, 0);
        break;
    }
}

static void on_again(struct sim_event *event)
{
    talk_seats_go_on(CF_CONTAINER_OF(event, struct talk_device, again));
}

static void on_type(struct sim_event *event)
{
    talk_seat_type(CF_CONTAINER_OF(event, struct talk_device, type));
}

/* ---- the whole ---- */

void talk_device_init(struct talk_device *device, int index)
{
    *device = (struct talk_device){.index = index,
                                   .person = index == 0 ? 0 : index - 1,
                                   .eio = {.opened = opened, .message = message, .closed = closed},
                                   .reconnect = {.happen = on_reconnect},
                                   .mood = {.happen = on_mood},
                                   .again = {.happen = on_again},
                                   .type = {.happen = on_type}};
    sim_eio_init(&device->eio);
    sim_http_init(&device->fetch, talk_seat_fetched);
    talk_speech_init(device);
}

void talk_device_deinit(struct talk_device *device)
{
    sim_cancel(&device->reconnect);
    sim_cancel(&device->mood);
    sim_cancel(&device->again);
    sim_cancel(&device->type);
    sim_cancel(&device->speech.event);
    sim_eio_deinit(&device->eio);
    sim_http_deinit(&device->fetch);
    sim_http_deinit(&device->speech.rest);
    for (int room = 0; room < TALK_ROOMS; room++)
        book_view_free(&device->seats[room].view);
}
